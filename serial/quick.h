/* The usual message, in one go: its bytes are judged and laid out at the same time, on the stack,
 * and memory is taken only once all of them were found good. What is not usual (it does not fit, is
 * flawed, of another version or in a longer form than it needs) is left to scan.h and unpack.c,
 * which read whatever this reads in the same way. */
#ifndef TR_SERIAL_QUICK_H
#define TR_SERIAL_QUICK_H

#include <troupe/message.h>

#include "base/check.h"
#include "base/pool.h"

enum {
    TR_QUICK_MOST = 4096,    /* bytes of a body with all that belongs to it */
    TR_QUICK_POINTERS = 256, /* pointers in them */
};

/* Makes a message of `type` out of just these bytes. LATER: it is not as usual as that; nothing was
 * taken. NOMEM. */
TR_CHECKED troupe_err tr_quick(const tr_pool *pool, const troupe_type *type, const void *bytes,
                               size_t size, troupe_msg **out);

#endif
