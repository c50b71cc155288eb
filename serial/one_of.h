/* One-ofs in bodies: which case one is. */
#ifndef TR_SERIAL_ONE_OF_H
#define TR_SERIAL_ONE_OF_H

#include <string.h>
#include <troupe/message.h>

/* The case that has this tag; NULL: none. */
const troupe_case *tr_case_find(const troupe_one_of *of, int32_t tag);

/* The tag of a one-of that is at some place in a body. */
static inline int32_t tr_tag_get(const troupe_one_of *of, const void *place) {
    int32_t tag;
    memcpy(&tag, (const char *)place + of->tag, sizeof tag);
    return tag;
}

/* The case that it is; NULL: its tag is none of the cases. */
static inline const troupe_case *tr_case_get(const troupe_one_of *of, const void *place) {
    return tr_case_find(of, tr_tag_get(of, place));
}

/* Whether a value refers to nothing behind its struct, whichever case it is. */
bool tr_one_of_is_flat(const troupe_one_of *of);

#endif
