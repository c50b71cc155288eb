/* The allocator that a runtime takes all its memory from. */
#ifndef TROUPE_HEAP_H
#define TROUPE_HEAP_H

#include <stddef.h>

/* `take` returns memory aligned to 16 bytes, or NULL; `give` gets the size back that was asked for.
 * Both may be called from any thread. All NULL stands for malloc and free. */
typedef struct troupe_heap {
    void *(*take)(void *ctx, size_t size);
    void (*give)(void *ctx, void *memory, size_t size);
    void *ctx;
} troupe_heap;

#endif
