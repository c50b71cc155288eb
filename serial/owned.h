/* Messages that own an object of this process. Each is a shared message (share.h), so that it is
 * dropped off the common path, by who can call a destructor. */
#ifndef TR_SERIAL_OWNED_H
#define TR_SERIAL_OWNED_H

#include <troupe/owned.h>

#include "base/check.h"
#include "base/pool.h"

/* Whether messages of a type own an object. */
static inline bool tr_type_is_owned(const troupe_type *type) {
    return type->extent == TROUPE_OPAQUE;
}

/* What `troupe_make_owned` does, on a given pool. */
TR_CHECKED troupe_err tr_msg_own(const tr_pool *pool, const troupe_type *type, void *object,
                                 void (*destroy)(void *object), troupe_msg **out);

/* Ends the object of a message that nobody shares any more, if it owns one. */
void tr_owned_end(troupe_msg *what);

#endif
