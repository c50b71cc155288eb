/* A body and all that it points at: how much that is, and how it comes to stand behind the struct.
 *
 * Behind the struct follows, field by field, what belongs to it: of a list its values, and then
 * what belongs to each of these in turn. A text has a NUL; a list begins at a multiple of
 * TR_LIST_ALIGN. Whoever makes a message, from a body or from bytes, lays it out so. */
#ifndef TR_SERIAL_BODY_H
#define TR_SERIAL_BODY_H

#include <troupe/message.h>

#include "base/check.h"

/* Raises `*end`, the size of a message so far, to where a list may begin. */
static inline size_t tr_body_align(size_t end) {
    return (end + 7) / 8 * 8; /* TR_LIST_ALIGN */
}

/* Adds to `*end`, the size of a message up to and with the struct, what is to stand behind it.
 * TOOBIG: that is more than TR_MSG_LIMIT. INVALID: bytes or a list with a size but no address,
 * structs on more than TR_LEVELS_MOST levels, a one-of that is none of its cases, or
 * what tr_dict_measure refuses. */
TR_CHECKED troupe_err tr_body_measure(const troupe_type *type, const void *body, size_t *end);

/* Copies all that `*body` points at behind it, and has it point there. It is a copy of a body that
 * was measured, `end` the size of the message up to and with the struct, and the room is there.
 * Where an optional field has no value, nothing is pointed at either. */
void tr_body_settle(const troupe_type *type, void *body, size_t end);

#endif
