/* What stands for the fields that did not come: those that a peer with an older version of a type
 * does not know. A field says it itself (`missing`); where it does not, it is zero. */
#ifndef TR_SERIAL_MISSING_H
#define TR_SERIAL_MISSING_H

#include <troupe/message.h>

#include "base/check.h"

/* Adds to `*end`, the size of a message so far, what a field that did not come takes behind the
 * struct; of that no more than TR_MSG_LIMIT is counted. NULL, or the field that is required, which
 * is this one or one in its struct. */
const troupe_field *tr_missing_measure(const troupe_field *field, size_t *end);

/* Fills in at `place`, which is all zero, a field that was measured so, with what it takes from
 * `*end` bytes behind `start` on, where the message begins. */
void tr_missing_fill(const troupe_field *field, char *place, char *start, size_t *end);

/* NULL, or what is wrong with a field's `missing`, for a field that is sound but for that. */
const char *tr_missing_flaw(const troupe_field *field);

#endif
