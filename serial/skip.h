/* Passes over a value of msgpack that nobody here knows: a field of a newer version of a type. */
#ifndef TR_SERIAL_SKIP_H
#define TR_SERIAL_SKIP_H

#include <stddef.h>

/* Levels of arrays and maps in a value that is passed over. */
enum { TR_SKIP_LEVELS_MOST = 32 };

/* What tr_skip has found. */
typedef enum tr_skipped {
    TR_SKIPPED,
    TR_SKIP_CUT,  /* the bytes end within the value */
    TR_SKIP_DEEP, /* it has more levels */
    TR_SKIP_NONE  /* it is no value of msgpack: the byte 0xc1 */
} tr_skipped;

/* Looks for the end of the value at `at`, `left` bytes before the end. `*size` then gets its bytes.
 * Takes no memory, does not recurse, and looks at each byte of a head once. */
tr_skipped tr_skip(const unsigned char *at, size_t left, size_t *size);

#endif
