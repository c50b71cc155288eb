/* Keys of a map, of which none may be there twice. */
#ifndef TR_SERIAL_KEYS_H
#define TR_SERIAL_KEYS_H

#include <stddef.h>

/* One of them, wherever it is written. */
typedef struct tr_key {
    const void *at;
    size_t size;
} tr_key;

/* The first of so many keys that is there before as well; SIZE_MAX: none is. `key` gives the one
 * at a place; there are TROUPE_MAP_KEYS at most. Takes no memory but the stack's, and a time that
 * is linear, whatever the keys: they are hashed from a number that nobody outside can know. */
size_t tr_keys_twice(size_t count, tr_key (*key)(const void *from, size_t at), const void *from);

#endif
