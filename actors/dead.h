/* Dead letters: messages that nobody will handle. README.md, "Accounts". */
#ifndef TR_ACTORS_DEAD_H
#define TR_ACTORS_DEAD_H

#include <troupe/observe.h>

#include "actors/account.h"
#include "base/os.h"

/* What keeps the log of dead letters short. Guarded by `lock`. */
typedef struct tr_deads {
    tr_mutex lock;
    troupe_dead_letter last; /* that has a line */
    uint64_t repeats;        /* of that one, which have none */
    uint64_t others;         /* that have none either */
    uint64_t second;         /* when the running one began, by the runtime's clock */
    unsigned lines;          /* in it */
} tr_deads;

/* Makes it ready. */
void tr_deads_init(tr_deads *deads);
/* Gives its memory back. */
void tr_deads_fini(tr_deads *deads);
/* Tells the log what it has not been told so far. */
void tr_deads_sum_up(troupe *rt);

/* Ends a message that nobody will handle: counts it, shows it to who wants to see it, logs it, and
 * tells its asker `why`. Does nothing to NULL. */
void tr_dead_letter(troupe *rt, troupe_ref to, troupe_msg **msg, tr_dead_where where,
                    troupe_dead reason, troupe_err why);

/* The same of what lay in an actor's mailbox. What was for one that had its place before is GONE,
 * whatever the reason, and nobody's. */
void tr_dead_letter_queued(struct troupe_self *self, troupe_msg **msg, troupe_dead reason,
                           troupe_err why);

/* The same of a message in hand, on which an actor of that runtime failed with `why`. By whoever
 * runs the actor. */
void tr_dead_letter_failed(struct troupe_self *self, troupe_msg **msg, troupe_dead reason,
                           troupe_err why);

/* The reason for which a message to `to`, in no mailbox, is dead that was refused with `why`. */
troupe_dead tr_dead_reason(troupe_ref to, troupe_err why);

#endif
