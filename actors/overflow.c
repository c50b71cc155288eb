#include "actors/overflow.h"

/* Whether a message holds a place, so that another may have it instead. A signal that does (it came
 * from another node) keeps it. */
static bool holds_place(const tr_link *link) {
    const troupe_msg *msg = (const void *)link; /* see tr_msg_of */
    return (msg->flags & TR_MSG_COUNTED) && tr_is_mail(msg);
}

static void drop(troupe *rt, uint64_t to, troupe_msg *msg, tr_dead_where where) {
    tr_dead_letter(rt, (troupe_ref){rt->node, to}, &msg, where, TROUPE_DEAD_DROPPED, TROUPE_FULL);
}

/* The new message is in no mailbox. Its actor may have ended meanwhile, and the count be another's:
 * old news of a full mailbox. */
static tr_push drop_newest(troupe *rt, troupe_self *self, uint64_t to, troupe_msg **msg) {
    (void)tr_add32_relaxed(&self->dropped, 1);
    drop(rt, to, *msg, TR_DEAD_OUTSIDE);
    *msg = NULL;
    return TR_PUSH_OK;
}

static tr_push drop_oldest(troupe *rt, troupe_self *self, uint64_t to, troupe_msg **msg) {
    tr_link *old = NULL;
    tr_push pushed = tr_route_replace(&rt->sched, &self->task, (uint32_t)(to >> 32), &(*msg)->link,
                                      holds_place, &old);
    if (pushed == TR_PUSH_FULL) return drop_newest(rt, self, to, msg);
    if (pushed != TR_PUSH_OK) return pushed;
    *msg = NULL;
    if (!old) return TR_PUSH_OK; /* there was room after all */
    (void)tr_add32_relaxed(&self->dropped, 1);
    drop(rt, to, tr_msg_of(old), TR_DEAD_QUEUED);
    return TR_PUSH_OK;
}

tr_push tr_overflow(troupe *rt, troupe_self *self, uint64_t to, troupe_msg **msg) {
    uint64_t control = tr_load64_acquire(&self->task.control);
    if (control >> 32 != to >> 32) return TR_PUSH_CLOSED;
    if (control & TR_CONTROL_DROP_NEWEST) return drop_newest(rt, self, to, msg);
    if (control & TR_CONTROL_DROP_OLDEST) return drop_oldest(rt, self, to, msg);
    return TR_PUSH_FULL;
}
