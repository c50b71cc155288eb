#include "serial/envelope.h"

#include "base/heap.h"
#include "serial/body.h"
#include "serial/owned.h"
#include "serial/share.h"
#include "serial/type.h"

/* Adds to a size; false if that would pass the limit. */
static bool add(size_t *sum, size_t more) {
    if (more > TR_MSG_LIMIT - *sum) return false;
    *sum += more;
    return true;
}

/* What stands before a message that is no block of a slab. */
typedef struct prefix {
    _Alignas(16) const troupe_heap *heap;
    size_t size; /* of the message alone */
} prefix;

static prefix *prefix_of(const troupe_msg *msg) {
    return (prefix *)(uintptr_t)msg - 1;
}

size_t tr_msg_size(const troupe_msg *msg) {
    bool pooled = msg->flags & TR_MSG_POOLED || (tr_msg_is_shared(msg) && tr_share_pooled(msg));
    if (pooled) return (size_t)TR_POOL_LEAST << tr_slab_of(msg)->rank;
    return prefix_of(msg)->size;
}

static TR_COLD troupe_msg *take_of_heap(const troupe_heap *heap, size_t size) {
    prefix *made = tr_take(heap, sizeof *made + size);
    if (!made) return NULL;
    made->heap = heap;
    made->size = size;
    return (troupe_msg *)(void *)(made + 1);
}

/* A message with an empty header and undefined contents. */
static inline troupe_err take(const tr_pool *pool, const troupe_type *type, size_t extra,
                              uint32_t flags, troupe_msg **out) {
    size_t size = sizeof(troupe_msg);
    *out = NULL;
    if (!add(&size, type->size) || !add(&size, extra)) return TROUPE_TOOBIG;
    if ((flags & TR_MSG_TRAILER) && !add(&size, sizeof(uint64_t))) return TROUPE_TOOBIG;
    size = (size + TR_MSG_UNIT - 1) / TR_MSG_UNIT * TR_MSG_UNIT; /* the limit is a multiple */
    bool pooled = tr_pool_has(pool, size);
    troupe_msg *msg = pooled ? tr_pool_take(pool, size) : take_of_heap(pool->heap, size);
    if (!msg) return TROUPE_NOMEM;
    tr_msg_begin(msg, type, flags | (pooled ? TR_MSG_POOLED : 0));
    *out = msg;
    return TROUPE_OK;
}

troupe_err tr_msg_take(const tr_pool *pool, const troupe_type *type, size_t extra,
                       troupe_msg **out) {
    troupe_err err = take(pool, type, extra, TR_MSG_TRAILER, out);
    if (!err) memset(tr_msg_body(*out), 0, type->size);
    return err;
}

void tr_msg_put_text(troupe_msg *msg, const troupe_field *field, const void *text, size_t size,
                     char **room) {
    const char *copy = memcpy(*room, text, size);
    (*room)[size] = '\0';
    *room += size + 1;
    memcpy((char *)tr_msg_body(msg) + field->offset, &copy, sizeof copy);
}

/* Makes one of a type with more than its struct. */
static TR_COLD troupe_err make_deep(const tr_pool *pool, const troupe_type *type, const void *body,
                                    troupe_msg **out) {
    size_t end = sizeof(troupe_msg);
    if (tr_type_is_owned(type)) return TROUPE_INVALID; /* by tr_msg_own alone */
    if (!add(&end, type->size)) return TROUPE_TOOBIG;
    const size_t before = end;
    troupe_err err = tr_body_measure(type, body, &end);
    if (!err) err = take(pool, type, end - before, 0, out);
    if (err) return err;
    memcpy(tr_msg_body(*out), body, type->size);
    tr_body_settle(type, tr_msg_body(*out), before);
    return TROUPE_OK;
}

troupe_err tr_msg_make(const tr_pool *pool, const troupe_type *type, const void *body,
                       troupe_msg **out) {
    *out = NULL;
    if (!body && type->size) return TROUPE_INVALID;
    if (TR_UNLIKELY(!tr_type_is_flat(type))) return make_deep(pool, type, body, out);
    troupe_err err = take(pool, type, 0, 0, out);
    if (!err && type->size) memcpy(tr_msg_body(*out), body, type->size);
    return err;
}

void tr_msg_embed(troupe_msg *msg, const troupe_type *type) {
    *msg = (troupe_msg){.type = type, .flags = TR_MSG_EMBEDDED};
}

static TR_COLD const void *as_alike(const troupe_msg *msg, const troupe_type *type) {
    const troupe_msg *what = tr_msg_content(msg);
    return tr_type_same(what->type, type) ? what + 1 : NULL;
}

const void *troupe_as(const troupe_msg *msg, const troupe_type *type) {
    if (TR_UNLIKELY(!msg || !type)) return NULL;
    return TR_LIKELY(msg->type == type) ? msg + 1 : as_alike(msg, type);
}

const char *troupe_type_name(const troupe_msg *msg) {
    return msg && msg->type && msg->type->name ? msg->type->name : "(no message)";
}

void tr_msg_drop(troupe_msg *msg) {
    if (msg->flags & TR_MSG_POOLED)
        tr_block_give(msg);
    else if (!(msg->flags & TR_MSG_EMBEDDED))
        tr_give(prefix_of(msg)->heap, prefix_of(msg), sizeof(prefix) + tr_msg_size(msg));
    else if (tr_msg_is_shared(msg))
        tr_share_drop(msg);
}

void troupe_drop(troupe_msg **msg) {
    troupe_msg *gone = msg ? *msg : NULL;
    if (!gone) return;
    *msg = NULL;
    tr_msg_drop(gone);
}
