/* A body to msgpack in one go, where there is room: nothing is asked for while it is written. What
 * does not fit, or is flawed, is left to pack.c, which has msgpack-c make the same bytes of
 * whatever this packs; the tests hold both against each other. */
#ifndef TR_SERIAL_QUICK_PACK_H
#define TR_SERIAL_QUICK_PACK_H

#include <troupe/message.h>

#include "base/check.h"

/* More bytes than a body takes are enough if they are so many. */
enum { TR_QUICK_PACK_SPARE = 24 };

/* Writes a body from `at` on, where there are `room` bytes, and returns where it ends. NULL: it is
 * not as usual as that, or there is not so much more room than it takes; what stands there means
 * nothing. */
TR_CHECKED unsigned char *tr_quick_pack(const troupe_type *type, const void *body,
                                        unsigned char *at, size_t room);

#endif
