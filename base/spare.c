#include "base/spare.h"

#include "base/heap.h"

typedef struct tr_spare_block {
    struct tr_spare_block *before;
    size_t room;
} tr_spare_block;

void tr_spare_init(tr_spare *spare, const troupe_heap *heap, size_t most) {
    *spare = (tr_spare){.heap = heap, .most = most};
}

void tr_spare_flush(tr_spare *spare) {
    for (tr_spare_block *block; (block = spare->newest);) {
        spare->newest = block->before;
        tr_give(spare->heap, block, block->room);
    }
    spare->bytes = 0;
}

void *tr_spare_get(tr_spare *spare, size_t need, size_t *room) {
    tr_spare_block **at = &spare->newest, *block;
    while ((block = *at) && block->room < need) at = &block->before;
    *room = 0;
    if (!block) return NULL;
    *at = block->before;
    *room = block->room;
    spare->bytes -= block->room;
    spare->used = true;
    return block;
}

void tr_spare_put(tr_spare *spare, void *memory, size_t room) {
    if (room < sizeof(tr_spare_block) || room > spare->most - spare->bytes) {
        tr_give(spare->heap, memory, room);
        return;
    }
    tr_spare_block *block = memory;
    *block = (tr_spare_block){spare->newest, room};
    spare->newest = block;
    spare->bytes += room;
}

void tr_spare_trim(tr_spare *spare) {
    if (!spare->used) tr_spare_flush(spare);
    spare->used = false;
}
