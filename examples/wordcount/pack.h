/* Counted words as bytes of a message: for each word its size, its letters and its count, the
 * numbers in seven bits a byte, the lowest first. */
#ifndef WORDCOUNT_PACK_H
#define WORDCOUNT_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "table.h"

/* A part of a table is closed as soon as it has this many bytes. With the longest word as its last
 * it is still smaller than the 16 MiB that a message may have. */
enum { PACK_PART = 4 * 1024 * 1024 };

struct pack {
    unsigned char *data;
    size_t size;
    size_t room;
};

/* For other packed forms: makes room for `more` bytes (false: no memory), puts a number, which
 * takes up to PACK_NUMBER bytes of that room, and gets one (false: there is none before `end`). */
enum { PACK_NUMBER = 10 };
bool pack_room(struct pack *pack, size_t more);
void pack_number(struct pack *pack, uint64_t number);
bool unpack_number(const unsigned char **at, const unsigned char *end, uint64_t *number);

/* Packs the next part of a table: begin with `*at` 0; the table is done when `*at` is its number of
 * slots. What the pack held before is gone. False: no memory. */
bool pack_next(const struct table *table, size_t *at, struct pack *out);

/* Gives its memory back. */
void pack_free(struct pack *pack);

typedef enum pack_result { PACK_OK, PACK_NO_MEMORY, PACK_MALFORMED } pack_result;

/* Adds a part to a table. */
pack_result pack_merge(const void *data, size_t size, struct table *table);

#endif
