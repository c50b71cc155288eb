/* The envelope: a message as the runtime sees it. */
#ifndef TR_SERIAL_ENVELOPE_H
#define TR_SERIAL_ENVELOPE_H

#include <string.h>
#include <troupe/heap.h>
#include <troupe/message.h>

#include "base/check.h"
#include "base/list.h"
#include "base/pool.h"

/* What holds for one message beside its body. */
enum {
    TR_MSG_COUNTED = 1,  /* holds a place of the mailbox's bound */
    TR_MSG_EMBEDDED = 2, /* is part of something else: `troupe_drop` must not free it */
    TR_MSG_ASK = 4,      /* its sender is an asker, who must be told if nobody will answer */
    TR_MSG_POOLED = 8,   /* is a block of a slab; else its heap stands before it */
    TR_MSG_TRAILER = 16, /* ends with room for the node of its sender */
    TR_MSG_FOREIGN = 32  /* its sender's node is there; else it is the runtime's own */
};

/* The header; the body follows in the same allocation, then its texts and bytes. Half a cache
 * line, so that a message with a body of up to 32 bytes is one. Whoever owns the message writes;
 * no field is shared. */
struct troupe_msg {
    tr_link link; /* in a mailbox or another queue of its owner */
    const troupe_type *type;
    uint64_t sender;     /* the id of its ref; see tr_msg_sender */
    uint32_t generation; /* of the actor it was sent to: a reused place refuses it */
    uint32_t flags;      /* TR_MSG_*, and above them when it was sent; see tr_msg_stamp */
};

/* Sizes are rounded up to this, and messages are aligned to it, which the mailbox needs. */
#define TR_MSG_UNIT ((size_t)16)

/* The largest message, envelope included, in bytes. */
#define TR_MSG_LIMIT (((size_t)1 << 30) - TR_MSG_UNIT)

/* Bytes of all of a message that is no part of something else; of a block of a slab: of the block,
 * which has no room to write it down. */
size_t tr_msg_size(const troupe_msg *msg);

/* Where the node of a sender elsewhere is kept. */
static inline uint64_t *tr_msg_trailer(const troupe_msg *msg) {
    return (uint64_t *)((uintptr_t)msg + tr_msg_size(msg)) - 1;
}

/* A stamp says when a message was sent: milliseconds by the runtime's clock, as many as there are
 * bits for (4.6 hours), where they are in the flags. The bits above them are flags again. */
enum { TR_MSG_STAMP_SHIFT = 6, TR_MSG_STAMP_BITS = 24 };
#define TR_MSG_AGAIN (UINT32_C(1) << 30)  /* an actor has failed on it, and is to try again */
#define TR_MSG_SHARED (UINT32_C(1) << 31) /* is an envelope around a shared message: share.h */
#define TR_MSG_STAMP_MASK (((UINT32_C(1) << TR_MSG_STAMP_BITS) - 1) << TR_MSG_STAMP_SHIFT)

/* The stamp of a time in milliseconds. */
static inline uint32_t tr_msg_stamp(uint64_t ms) {
    return (uint32_t)(ms << TR_MSG_STAMP_SHIFT) & TR_MSG_STAMP_MASK;
}

/* Who sent a message, which is in a runtime with that incarnation. */
static inline troupe_ref tr_msg_sender(const troupe_msg *msg, uint64_t own_node) {
    if (!msg->sender) return TROUPE_NOBODY;
    return (troupe_ref){msg->flags & TR_MSG_FOREIGN ? *tr_msg_trailer(msg) : own_node, msg->sender};
}

/* Says who sent it. One that is sent from another node must have a trailer. */
static inline void tr_msg_set_sender(troupe_msg *msg, uint64_t own_node, troupe_ref sender) {
    msg->sender = sender.id;
    msg->flags &= ~(uint32_t)TR_MSG_FOREIGN;
    if (sender.node == own_node || !sender.id) return;
    TR_CHECK(msg->flags & TR_MSG_TRAILER);
    *tr_msg_trailer(msg) = sender.node;
    msg->flags |= TR_MSG_FOREIGN;
}

/* The body's place, whatever its type. */
static inline void *tr_msg_body(troupe_msg *msg) {
    return msg + 1;
}

/* The message whose `link` this is. */
static inline troupe_msg *tr_msg_of(tr_link *link) {
    return (troupe_msg *)(void *)link; /* the link is the first member */
}

/* Makes a message out of a copy of `*body`; what `troupe_make` does, on a given pool, whose heap
 * must outlive the message. On an error `*out` is NULL. NOMEM. TOOBIG: over TR_MSG_LIMIT. INVALID:
 * no body for a type that has fields, or bytes with a size but without data. */
TR_CHECKED troupe_err tr_msg_make(const tr_pool *pool, const troupe_type *type, const void *body,
                                  troupe_msg **out);

/* Writes the header of a new message, field by field: as they are read again at once. */
static inline void tr_msg_begin(troupe_msg *msg, const troupe_type *type, uint32_t flags) {
    msg->link.next = NULL;
    msg->type = type;
    msg->sender = 0;
    msg->generation = 0;
    msg->flags = flags;
}

/* What `tr_msg_make` does for a small flat body, with a block of the calling thread's cache; NULL:
 * it is not as simple as that. Inline, since most sends begin with it. */
static TR_INLINE troupe_msg *tr_msg_make_at_once(tr_cache *cache, const troupe_type *type,
                                                 const void *body, uint32_t flags) {
    enum { MOST = 64 };
    if (TR_UNLIKELY(type->extent != TROUPE_FLAT || type->size > MOST || type->size % 4))
        return NULL;
    if (TR_UNLIKELY(!body) && type->size) return NULL;
    troupe_msg *msg = tr_cache_get(cache, tr_pool_class(sizeof *msg + type->size));
    if (TR_UNLIKELY(!msg)) return NULL;
    tr_msg_begin(msg, type, TR_MSG_POOLED | flags);
    char *to = (char *)(msg + 1);
    const char *from = body;
    const size_t whole = type->size & ~(size_t)7; /* a call of memcpy is slow for so little */
    for (size_t at = 0; at < whole; at += 8) memcpy(to + at, from + at, 8);
    if (type->size & 4) memcpy(to + whole, from + whole, 4);
    return msg;
}

/* Makes a message with room for a body of `type` and `extra` bytes behind it for texts and bytes,
 * and with a trailer; the body is all zero, the room behind it is not. On an error `*out` is NULL.
 * NOMEM, TOOBIG. */
TR_CHECKED troupe_err tr_msg_take(const tr_pool *pool, const troupe_type *type, size_t extra,
                                  troupe_msg **out);

/* Ends a message; it is not NULL. */
void tr_msg_drop(troupe_msg *msg);

/* Copies a text to `*room`, ends it with a NUL, points the field at it, and moves `*room` behind
 * it. The room is part of the message, `size` + 1 bytes of it are free. */
void tr_msg_put_text(troupe_msg *msg, const troupe_field *field, const void *text, size_t size,
                     char **room);

/* Makes memory of the owner's own into a message (TR_MSG_EMBEDDED) of a type; `msg` must be
 * followed directly by its body, which is not touched. */
void tr_msg_embed(troupe_msg *msg, const troupe_type *type);

#endif
