#include "actors/overflow.h"

#include "actors/parcel.h"

/* Whether a message holds a place, so that another may have it instead. A signal that does (it came
 * from another node) keeps it, and so does what is urgent. */
static bool holds_place(const tr_link *link, void *ctx) {
    (void)ctx;
    const troupe_msg *msg = (const void *)link; /* see tr_msg_of */
    if (tr_parcel_is_urgent(msg)) return false;
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

/* Puts the new message into the place of one that `may` go, which is a dead letter. FULL: there is
 * none. */
static tr_push replace(troupe *rt, troupe_self *self, uint64_t to, troupe_msg **msg,
                       bool (*may)(const tr_link *link, void *ctx), void *ctx) {
    tr_link *old = NULL;
    tr_push pushed = tr_route_replace(&rt->sched, &self->task, (uint32_t)(to >> 32), &(*msg)->link,
                                      may, ctx, &old);
    if (pushed != TR_PUSH_OK) return pushed;
    *msg = NULL;
    if (!old) return TR_PUSH_OK; /* there was room after all */
    (void)tr_add32_relaxed(&self->dropped, 1);
    drop(rt, to, tr_msg_of(old), TR_DEAD_QUEUED);
    return TR_PUSH_OK;
}

static tr_push drop_oldest(troupe *rt, troupe_self *self, uint64_t to, troupe_msg **msg) {
    tr_push pushed = replace(rt, self, to, msg, holds_place, NULL);
    return pushed == TR_PUSH_FULL ? drop_newest(rt, self, to, msg) : pushed;
}

/* A new message, to be compared with those that wait. */
typedef struct tr_like {
    const troupe_self *self;
    const troupe_msg *msg;
    uint64_t key;
    bool known;
} tr_like;

/* Under the guard of the receiver's home, with its generation: so its behaviour is there. */
static bool is_like(const tr_link *link, void *ctx) {
    tr_like *like = ctx;
    const troupe_msg *msg = (const void *)link; /* see tr_msg_of */
    if (!holds_place(link, NULL) || !msg->generation) return false;
    if (!like->known) like->key = like->self->what->key(like->msg);
    like->known = true;
    return like->self->what->key(msg) == like->key;
}

static tr_push coalesce(troupe *rt, troupe_self *self, uint64_t to, troupe_msg **msg) {
    tr_like like = {.self = self, .msg = *msg};
    if (!(*msg)->generation) return TR_PUSH_FULL; /* a timer's: it says nothing yet */
    return replace(rt, self, to, msg, is_like, &like);
}

tr_push tr_overflow(troupe *rt, troupe_self *self, uint64_t to, troupe_msg **msg) {
    uint64_t control = tr_load64_acquire(&self->task.control);
    if (control >> 32 != to >> 32) return TR_PUSH_CLOSED;
    if ((control & TR_CONTROL_COALESCE) == TR_CONTROL_COALESCE) return coalesce(rt, self, to, msg);
    if (control & TR_CONTROL_DROP_NEWEST) return drop_newest(rt, self, to, msg);
    if (control & TR_CONTROL_DROP_OLDEST) return drop_oldest(rt, self, to, msg);
    return TR_PUSH_FULL;
}
