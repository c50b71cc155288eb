/* Memory through the runtime's allocator hook. */
#ifndef TR_BASE_HEAP_H
#define TR_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <troupe/heap.h>

/* The allocator that stands for "none given": malloc and free. */
extern const troupe_heap tr_heap_default;

/* `size` bytes, not cleared, aligned to 16; NULL if there are none, or if `size` is 0. */
void *tr_take(const troupe_heap *heap, size_t size);

/* The same, all zero. */
void *tr_take_zero(const troupe_heap *heap, size_t size);

/* A copy of a text; NULL if there is no memory, or if `text` is NULL. */
char *tr_take_text(const troupe_heap *heap, const char *text);

/* Gives back what was taken with that size; does nothing to NULL. */
void tr_give(const troupe_heap *heap, void *memory, size_t size);

/* Gives back what tr_take_text made; does nothing to NULL. */
void tr_give_text(const troupe_heap *heap, char *text);

/* Makes room in an array of `*room` elements of `each` bytes for at least `need`, at least doubling
 * it; its contents are kept. False if there is no memory (nothing has changed then). */
bool tr_grow(const troupe_heap *heap, void **array, size_t *room, size_t need, size_t each);

#endif
