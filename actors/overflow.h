/* What becomes of a message that finds a mailbox full, if its actor would rather lose one. */
#ifndef TR_ACTORS_OVERFLOW_H
#define TR_ACTORS_OVERFLOW_H

#include "actors/actor.h"

/* What an actor of that policy has in `control`. */
static inline uint64_t tr_overflow_mark(troupe_overflow overflow) {
    const uint64_t mark[] = {0, TR_CONTROL_DROP_NEWEST, TR_CONTROL_DROP_OLDEST,
                             TR_CONTROL_COALESCE};
    return mark[overflow];
}

/* After a push that was FULL: OK if the message is in, or dropped; else it is as it was, FULL or
 * CLOSED. `to` is the id that it was sent to. Any thread. */
tr_push tr_overflow(troupe *rt, troupe_self *self, uint64_t to, troupe_msg **msg);

#endif
