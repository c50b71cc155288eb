/* Large blocks that are done with, kept for the next ones. What malloc gets back at the end of its
 * heap it returns to the system, and then each page of the next block is a fault, which takes
 * longer than to fill it. Nothing here locks. */
#ifndef TR_BASE_SPARE_H
#define TR_BASE_SPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <troupe/heap.h>

typedef struct tr_spare {
    const troupe_heap *heap;       /* that all blocks are of */
    struct tr_spare_block *newest; /* what is kept, each before those that came before it */
    size_t bytes, most;            /* of all of them, and how many that may be */
    bool used;                     /* since the last `trim` */
} tr_spare;

/* Makes it empty. It keeps `most` bytes. */
void tr_spare_init(tr_spare *spare, const troupe_heap *heap, size_t most);

/* Gives all blocks back to the heap. It can be used on. */
void tr_spare_flush(tr_spare *spare);

/* Takes out a block of `need` bytes or more; `*room` are all of its bytes, for giving it back, here
 * or to the heap. NULL: there is none, and `*room` is 0. */
void *tr_spare_get(tr_spare *spare, size_t need, size_t *room);

/* Keeps a block of the heap, or gives it back there, if that would be too many bytes. Does nothing
 * to NULL. */
void tr_spare_put(tr_spare *spare, void *memory, size_t room);

/* Flushes it if nothing was taken out since the last time: so it is empty when nobody needs it. */
void tr_spare_trim(tr_spare *spare);

#endif
