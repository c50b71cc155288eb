/* The pieces of a chunk as bytes of a message: for each its offset and length, then its path. */
#ifndef WORDCOUNT_PIECES_H
#define WORDCOUNT_PIECES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pack.h"
#include "plan.h"

/* One piece as it stands in a message. */
struct piece_view {
    uint64_t offset;
    uint64_t length;
    const char *path; /* not terminated */
    size_t path_size;
};

/* Packs the pieces of a chunk. What the pack held before is gone. False: no memory. */
bool pieces_pack(const struct plan *plan, const struct range *range, struct pack *out);

/* Gets the next piece. False: there is none before `end`. */
bool pieces_next(const unsigned char **at, const unsigned char *end, struct piece_view *out);

#endif
