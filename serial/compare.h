/* Bodies side by side. Behind `troupe_equal`, `troupe_hash`. */
#ifndef TR_SERIAL_COMPARE_H
#define TR_SERIAL_COMPARE_H

#include <troupe/message.h>

/* Whether two bodies of a type say the same, in all the fields that are listed. */
bool tr_body_same(const troupe_type *type, const void *one, const void *other);

#endif
