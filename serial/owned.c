#include "serial/owned.h"

#include "serial/share.h"

troupe_err tr_msg_own(const tr_pool *pool, const troupe_type *type, void *object,
                      void (*destroy)(void *object), troupe_msg **out) {
    *out = NULL;
    if (!object || !destroy || !type || !tr_type_is_owned(type)) return TROUPE_INVALID;
    if (type->size != sizeof(struct troupe_owned) || type->fields) return TROUPE_INVALID;
    troupe_msg *msg = NULL;
    troupe_err err = tr_msg_take(pool, type, 0, &msg);
    if (err) return err;
    err = tr_msg_wrap(pool, &msg);
    if (err) { /* not by its destructor: the object is still the caller's */
        tr_msg_drop(msg);
        return err;
    }
    const troupe_msg *what = tr_msg_content(msg);
    *(struct troupe_owned *)(uintptr_t)(what + 1) = (struct troupe_owned){object, destroy};
    *out = msg;
    return TROUPE_OK;
}

void tr_owned_end(troupe_msg *what) {
    if (!tr_type_is_owned(what->type)) return;
    const struct troupe_owned *owned = tr_msg_body(what);
    if (owned->object) owned->destroy(owned->object);
}

/* The body of a message that owns an object; NULL: it is none, or of another type. */
static struct troupe_owned *owned_of(const troupe_msg *msg, const troupe_type *type) {
    const struct troupe_owned *owned = troupe_as(msg, type);
    if (!owned || !tr_type_is_owned(type) || !tr_msg_is_shared(msg)) return NULL;
    return (struct troupe_owned *)(uintptr_t)owned;
}

void *troupe_object(const troupe_msg *msg, const troupe_type *type) {
    const struct troupe_owned *owned = owned_of(msg, type);
    return owned ? owned->object : NULL;
}

void *troupe_take_object(troupe_msg **msg, const troupe_type *type) {
    struct troupe_owned *owned = owned_of(*msg, type);
    if (!owned || !tr_share_is_alone(*msg)) return NULL;
    void *object = owned->object;
    owned->object = NULL;
    troupe_drop(msg);
    return object;
}
