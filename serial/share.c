#include "serial/share.h"

#include "base/atomic.h"
#include "serial/owned.h"

/* What the envelopes have in common; the body of a message that nobody sees. */
struct tr_shared {
    troupe_msg *what;     /* constant, and so is all of it from the first envelope on */
    troupe_msg *self;     /* whose body this is */
    tr_atomic64 holders;  /* envelopes */
    troupe_type envelope; /* what they say: its name, and no fields. Nobody else knows it */
};

/* The body of an envelope. */
struct tr_share {
    struct tr_shared *of;
    uint64_t pooled; /* TR_MSG_POOLED: it is a block of a slab, though it does not say so */
};

static const troupe_type shared_type = {"shared", sizeof(struct tr_shared), NULL, 0, TROUPE_FLAT};
static const troupe_type share_type = {"share", sizeof(struct tr_share), NULL, 0, TROUPE_FLAT};

static const struct tr_share *share_of(const troupe_msg *envelope) {
    return (const struct tr_share *)(const void *)(envelope + 1);
}

const troupe_msg *tr_share_content(const troupe_msg *envelope) {
    return share_of(envelope)->of->what;
}

bool tr_share_pooled(const troupe_msg *envelope) {
    return share_of(envelope)->pooled;
}

/* An envelope that says that it is embedded, so that who drops it comes here. */
static troupe_err make(const tr_pool *pool, struct tr_shared *of, troupe_msg **out) {
    troupe_err err = tr_msg_take(pool, &share_type, 0, out);
    if (err) return err;
    troupe_msg *msg = *out;
    struct tr_share *body = tr_msg_body(msg);
    *body = (struct tr_share){of, msg->flags & TR_MSG_POOLED};
    msg->flags = (msg->flags & ~(uint32_t)TR_MSG_POOLED) | TR_MSG_EMBEDDED | TR_MSG_SHARED;
    msg->type = &of->envelope;
    return TROUPE_OK;
}

/* Ends an envelope alone. */
static void end(troupe_msg *envelope) {
    const uint32_t pooled = (uint32_t)share_of(envelope)->pooled;
    envelope->flags = (envelope->flags & ~(TR_MSG_EMBEDDED | TR_MSG_SHARED)) | pooled;
    tr_msg_drop(envelope);
}

troupe_err tr_msg_wrap(const tr_pool *pool, troupe_msg **msg) {
    troupe_msg *self, *envelope;
    troupe_err err = tr_msg_take(pool, &shared_type, 0, &self);
    if (err) return err;
    struct tr_shared *shared = tr_msg_body(self);
    shared->envelope = share_type;
    shared->envelope.name = (*msg)->type->name;
    if ((err = make(pool, shared, &envelope))) {
        tr_msg_drop(self);
        return err;
    }
    envelope->sender = (*msg)->sender; /* it may be in somebody's hand */
    envelope->generation = (*msg)->generation;
    const uint32_t sent = TR_MSG_COUNTED | TR_MSG_ASK | TR_MSG_FOREIGN | TR_MSG_STAMP_MASK;
    envelope->flags |= (*msg)->flags & sent;
    if ((*msg)->flags & TR_MSG_FOREIGN) *tr_msg_trailer(envelope) = *tr_msg_trailer(*msg);
    shared->what = *msg;
    shared->self = self;
    (void)tr_add64_relaxed(&shared->holders, 1);
    *msg = envelope;
    return TROUPE_OK;
}

/* Takes that back. */
static void unwrap(troupe_msg **msg) {
    struct tr_shared *shared = share_of(*msg)->of;
    end(*msg);
    *msg = shared->what;
    tr_msg_drop(shared->self);
}

troupe_err tr_msg_share(const tr_pool *pool, troupe_msg **msg, troupe_msg **out) {
    *out = NULL;
    if (!*msg || ((*msg)->flags & TR_MSG_EMBEDDED && !tr_msg_is_shared(*msg)))
        return TROUPE_INVALID;
    bool first = !tr_msg_is_shared(*msg);
    troupe_err err = first ? tr_msg_wrap(pool, msg) : TROUPE_OK;
    if (err) return err;
    err = make(pool, share_of(*msg)->of, out);
    if (!err)
        (void)tr_add64_relaxed(&share_of(*msg)->of->holders, 1);
    else if (first)
        unwrap(msg);
    return err;
}

bool tr_share_is_alone(const troupe_msg *envelope) {
    /* Acquire: what the others did with it they have done before. */
    return tr_load64_acquire(&share_of(envelope)->of->holders) == 1;
}

void tr_share_drop(troupe_msg *envelope) {
    struct tr_shared *shared = share_of(envelope)->of;
    end(envelope);
    /* Release: what this holder read it has read before the last one frees it; acquire there. */
    if (tr_sub64_release(&shared->holders, 1) > 1) return;
    (void)tr_load64_acquire(&shared->holders);
    tr_owned_end(shared->what);
    tr_msg_drop(shared->what);
    tr_msg_drop(shared->self);
}
