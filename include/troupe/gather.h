/* Asking many actors at once, and waiting for all of their answers, or for the first ones. For
 * plain threads; an actor sends to each and counts the answers in its `receive`. */
#ifndef TROUPE_GATHER_H
#define TROUPE_GATHER_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One of those who are asked, and how that went. */
typedef struct troupe_asked {
    troupe_ref to;      /* in: on any node; the same one may be asked twice */
    troupe_msg *answer; /* out: yours; NULL unless `err` is OK */
    /* Out: an error of `troupe_ask`; LATER: enough had answered before. NOMEM: it was not asked. */
    troupe_err err;
} troupe_asked;

/* Sends `*msg` to all `count` of them, around one body (`troupe_share`), and waits up to
 * `timeout_ms`:
 *
 *     want   returns once                                    with
 *     N      N of them have answered                         OK: `count` for all of, 1 for first of
 *            or so many have failed that no N can            FAILED
 *     0      each has answered or failed: gathers            OK
 *
 * What has not answered by then is waited for no more, as after any ask that is TIMEOUT: its answer
 * is a dead letter, EXPIRED; who works on it is not told. Answers that were there in time beyond N
 * are given too. A plain thread only.
 * TIMEOUT: it was not so far by the deadline; each says what it came to. NOMEM: nobody was asked.
 * INVALID: no message, nobody to ask, `want` is over `count`, or it is called from an actor's
 * callback. Of NOMEM and INVALID the message is still yours, and nothing is written; else it is
 * gone. On a stepped runtime the call steps it, and ends as soon as nothing is left to run. */
TROUPE_CHECKED troupe_err troupe_ask_many(troupe *rt, troupe_asked *asked, size_t count,
                                          troupe_msg **msg, size_t want, unsigned timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
