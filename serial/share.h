/* Shared messages: several envelopes around one message, which goes with the last of them. Each is
 * sent, kept and dropped like any other message. */
#ifndef TR_SERIAL_SHARE_H
#define TR_SERIAL_SHARE_H

#include "serial/envelope.h"

/* Whether it is an envelope around a message that others may hold too. */
static inline bool tr_msg_is_shared(const troupe_msg *msg) {
    return msg->flags & TR_MSG_SHARED;
}

/* Whether such an envelope is a block of a slab, which its flags do not say. */
bool tr_share_pooled(const troupe_msg *envelope);

/* The message that an envelope is around. */
const troupe_msg *tr_share_content(const troupe_msg *envelope);

/* The same, or else the message itself: for its type and its body. */
static inline const troupe_msg *tr_msg_content(const troupe_msg *msg) {
    return TR_UNLIKELY(tr_msg_is_shared(msg)) ? tr_share_content(msg) : msg;
}

/* What `troupe_share` does, on a given pool. */
TR_CHECKED troupe_err tr_msg_share(const tr_pool *pool, troupe_msg **msg, troupe_msg **out);

/* Puts a message into an envelope, its first, which takes its place in `*msg`. NOMEM: it is as it
 * was. */
TR_CHECKED troupe_err tr_msg_wrap(const tr_pool *pool, troupe_msg **msg);

/* Whether such an envelope, which the caller holds, is the only one, and so will stay. */
bool tr_share_is_alone(const troupe_msg *envelope);

/* Ends such an envelope, and what it is around if it was the last. */
void tr_share_drop(troupe_msg *envelope);

#endif
