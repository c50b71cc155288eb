/* Asking many actors at once, for all of their answers, or for the first ones: by a thread, which
 * waits for them, or by an actor, which goes on until one call tells it how that went. */
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
 * are given too. A plain thread, or the callback of a `blocking` actor.
 * TIMEOUT: it was not so far by the deadline; each says what it came to. DEADLOCK, CLOSED: as of
 * `troupe_ask`, and of those that had not answered. NOMEM: nobody was asked.
 * INVALID: no message, nobody to ask, `want` is over `count`, or it is called from any other
 * callback. Of NOMEM and INVALID the message is still yours, and nothing is written; else it is
 * gone. On a stepped runtime the call steps it, and ends as soon as nothing is left to run. */
TROUPE_CHECKED troupe_err troupe_ask_many(troupe *rt, troupe_asked *asked, size_t count,
                                          troupe_msg **msg, size_t want, unsigned timeout_ms);

/* What is called once a `troupe_gather` has come to its end, as `receive` would be. `asked` is in
 * the order of those who were asked, each with what it came to; an answer is yours if you take it
 * (set it to NULL), and is dropped after the call otherwise. `err` as `troupe_ask_many` would
 * return. An error that it returns fails the actor. */
typedef troupe_err troupe_gathered(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                                   troupe_asked *asked, size_t count);

/* Forks and joins: sends `*msg` to all `count` of `who`, around one body, and goes on. `then` is
 * called once, with the rules of `troupe_ask_many` for `want`: N of them have answered (OK), or N
 * can't any more (FAILED), or the deadline has passed (TIMEOUT); each of them is a request of this
 * life (<troupe/ask.h>), to any node. What is not waited for any more is a dead letter when it is
 * answered, EXPIRED. `troupe_withdraw` of the tag ends it without a call. Who works on an answer
 * is told neither way: work is not undone by a message that waits behind it.
 * The first error of `troupe_request` of any of them if, for those, no N can answer; nobody else is
 * waited for then, though some may have been asked. NOMEM. INVALID: no message, nobody to ask,
 * `want` is over `count`, no time, no `then`. In each case the message is still yours, and there
 * will be no call. */
TROUPE_CHECKED troupe_err troupe_gather(troupe_self *self, const troupe_ref *who, size_t count,
                                        troupe_msg **msg, size_t want, unsigned timeout_ms,
                                        uint64_t tag, troupe_gathered *then);

#ifdef __cplusplus
}
#endif
#endif
