/* Maps in bodies: what they take, how they lie, whether they say the same. A troupe_map is a dict
 * in the rooms, where tr_map is the table of base/map.h.
 *
 * Behind the struct stand the entries of a map, from a multiple of TR_LIST_ALIGN on; behind those,
 * entry by entry, the key with its NUL and what belongs to the value: of a text, the text with its
 * NUL; of bytes, the bytes; of a list or a map its values, laid out in the same way. */
#ifndef TR_SERIAL_DICT_H
#define TR_SERIAL_DICT_H

#include <troupe/message.h>

#include "base/check.h"

/* What a value is, told by its number: an integer that can be an I64 is one. */
static inline troupe_sort tr_any_sort(const troupe_any *value) {
    return value->is == TROUPE_IS_U64 && value->u64 <= INT64_MAX ? TROUPE_IS_I64 : value->is;
}

/* Adds to `*end`, the size of a message so far, what stands behind it for a map. TOOBIG: more than
 * TR_MSG_LIMIT. INVALID: bytes or values with a size but no address, a key that is NULL or there
 * twice, more keys or levels than there may be, or a value that is nothing that there is. */
TR_CHECKED troupe_err tr_dict_measure(const troupe_map *map, size_t *end);

/* Copies all of a map that was measured to `*end`, counted from the start of the message, and has
 * it point there. */
void tr_dict_settle(troupe_map *map, char *start, size_t *end);

/* Whether two maps have the same keys with the same values in the same order. */
bool tr_dict_same(const troupe_map *one, const troupe_map *other);

/* Goes on with a hash; that of equal maps is equal. */
uint64_t tr_dict_hash(uint64_t hash, const troupe_map *map);

#endif
