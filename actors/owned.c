#include "serial/owned.h"

#include "actors/runtime.h"

troupe_err troupe_make_owned(troupe *rt, const troupe_type *type, void *object,
                             void (*destroy)(void *object), troupe_msg **out) {
    return tr_msg_own(&rt->pool, type, object, destroy, out);
}
