/* The envelope: a message as the runtime sees it. */
#ifndef TR_SERIAL_ENVELOPE_H
#define TR_SERIAL_ENVELOPE_H

#include <troupe/heap.h>
#include <troupe/message.h>

#include "base/check.h"
#include "base/list.h"

/* What holds for one message beside its body. */
enum {
    TR_MSG_COUNTED = 1,  /* holds a place of the mailbox's bound */
    TR_MSG_EMBEDDED = 2, /* is part of something else: `troupe_drop` must not free it */
    TR_MSG_ASK = 4       /* its sender is an asker, who must be told if nobody will answer */
};

/* The header; the body follows in the same allocation, then its texts and bytes. Aligned to 16
 * bytes, which the mailbox needs. Whoever owns the message writes; no field is shared. */
struct troupe_msg {
    tr_link link; /* in a mailbox or another queue of its owner */
    const troupe_type *type;
    const troupe_heap *heap; /* where it goes back to */
    troupe_ref sender;
    uint32_t generation; /* of the actor it was sent to: a reused place refuses it */
    uint32_t flags;
    size_t size; /* bytes of the whole allocation */
};

/* The largest message, envelope included, in bytes. */
#define TR_MSG_LIMIT ((size_t)1 << 30)

/* The body's place, whatever its type. */
static inline void *tr_msg_body(troupe_msg *msg) {
    return msg + 1;
}

/* The message whose `link` this is. */
static inline troupe_msg *tr_msg_of(tr_link *link) {
    return (troupe_msg *)(void *)link; /* the link is the first member */
}

/* Makes a message out of a copy of `*body`; what `troupe_make` does, on a given heap, which must
 * outlive the message. On an error `*out` is NULL. NOMEM. TOOBIG: over TR_MSG_LIMIT. INVALID: no
 * body for a type that has fields, or bytes with a size but without data. */
TR_CHECKED troupe_err tr_msg_make(const troupe_heap *heap, const troupe_type *type,
                                      const void *body, troupe_msg **out);

/* Makes a message with room for a body of `type` and `extra` bytes behind it for texts and bytes;
 * the body is all zero, the room behind it is not. On an error `*out` is NULL. NOMEM, TOOBIG. */
TR_CHECKED troupe_err tr_msg_take(const troupe_heap *heap, const troupe_type *type,
                                      size_t extra, troupe_msg **out);

/* Copies a text to `*room`, ends it with a NUL, points the field at it, and moves `*room` behind
 * it. The room is part of the message, `size` + 1 bytes of it are free. */
void tr_msg_put_text(troupe_msg *msg, const troupe_field *field, const void *text, size_t size,
                     char **room);

/* The same for bytes; takes `size` bytes of the room. */
void tr_msg_put_bytes(troupe_msg *msg, const troupe_field *field, const void *data, size_t size,
                      char **room);

/* Makes memory of the owner's own into a message (TR_MSG_EMBEDDED) of a type; `msg` must be
 * followed directly by its body, which is not touched. */
void tr_msg_embed(troupe_msg *msg, const troupe_type *type);

#endif
