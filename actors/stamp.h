/* Stamps: when a message was sent, for reports. A send reads a coarse clock, which those keep going
 * who look at a real one anyway: the watch while anybody is awake (every half millisecond), a
 * worker at each of its looks and when it wakes, whoever steps a runtime at each step. Only who is
 * none of these, and finds them all asleep, looks at the clock itself. README.md, "Stamps". */
#ifndef TR_ACTORS_STAMP_H
#define TR_ACTORS_STAMP_H

#include "actors/sched.h"
#include "serial/envelope.h"

/* The stamp of a message that is sent now. Any thread. */
static inline uint32_t tr_stamp_now(const tr_sched *sched) {
    return tr_load32_relaxed(&sched->stamp);
}

/* Keeps the coarse clock going. Any thread; of two at once either may be last. */
static inline void tr_stamp_tick(tr_sched *sched, uint64_t now) {
    uint32_t stamp = tr_msg_stamp(now / TR_MS);
    if (tr_load32_relaxed(&sched->stamp) != stamp) tr_store32_relaxed(&sched->stamp, stamp);
}

/* Milliseconds from a stamp, in the flags of a message, to `now`; 0 if that is earlier by a moment,
 * since clocks that are kept by several are not all the same. */
static inline uint32_t tr_stamp_since(uint32_t flags, uint64_t now) {
    enum { MOMENT_MS = 1000 };
    const uint32_t most = TR_MSG_STAMP_MASK >> TR_MSG_STAMP_SHIFT;
    uint32_t since = (tr_msg_stamp(now / TR_MS) - (flags & TR_MSG_STAMP_MASK)) & TR_MSG_STAMP_MASK;
    since >>= TR_MSG_STAMP_SHIFT;
    return since > most - MOMENT_MS ? 0 : since;
}

/* Has the next message of a thread that is no worker of the runtime stamped rightly. */
TR_COLD void tr_stamp_wake(struct troupe *rt);

/* How long the message in hand has waited, in milliseconds: until a callback that runs now began,
 * as far as its worker knows; of a task without worker: until now. -1: there is none in hand. By
 * whoever runs it. */
int64_t tr_stamp_waited(const struct troupe_self *self);

#endif
