#include "actors/stamp.h"

#include "actors/actor.h"

void tr_stamp_wake(troupe *rt) {
    tr_sched *sched = &rt->sched;
    if (sched->stepped || tr_load32_relaxed(&sched->watch.asleep))
        tr_stamp_tick(sched, troupe_now(rt));
}

/* A worker looks at the clock between two messages, every 200 us: so before a callback that takes
 * longer, and at most so much before it began. */
static uint64_t began(const troupe_self *self) {
    const tr_worker *worker = tr_sched_mine(&self->rt->sched);
    return worker && !self->rt->sched.stepped ? worker->pace.then : troupe_now(self->rt);
}

int64_t tr_stamp_waited(const troupe_self *self) {
    const uint32_t in_hand = tr_load32_relaxed(&self->in_hand);
    return in_hand ? (int64_t)tr_stamp_since(in_hand, began(self)) : -1;
}
