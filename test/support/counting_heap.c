#include "test/support/counting_heap.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARK = 0x7A11, TAKEN = 0xA5, GIVEN = 0xDD };

/* In front of each block. 16 bytes, so that the block keeps malloc's alignment. */
typedef struct front {
    uint64_t size, mark;
} front;

/* Whether this take is one that has to fail. Counts it. */
static bool count_take(counting_heap *heap, size_t size) {
    size_t nth = ++heap->takes;
    if (nth >= heap->fail_first && nth < heap->fail_past) {
        heap->refused++;
        return false;
    }
    heap->blocks++;
    heap->bytes += size;
    if (size > heap->largest) heap->largest = size;
    if (heap->bytes > heap->peak) heap->peak = heap->bytes;
    return true;
}

static void *take(void *ctx, size_t size) {
    counting_heap *heap = ctx;
    tr_lock(&heap->lock);
    bool allowed = count_take(heap, size);
    tr_unlock(&heap->lock);
    if (!allowed) return NULL;
    front *block = malloc(sizeof *block + size);
    if (!block) {
        fprintf(stderr, "counting_heap: the system has no %zu bytes\n", size);
        abort();
    }
    *block = (front){size, MARK};
    return memset(block + 1, TAKEN, size);
}

static void give(void *ctx, void *memory, size_t size) {
    counting_heap *heap = ctx;
    front *block = (front *)memory - 1;
    if (block->mark != MARK || block->size != size) {
        fprintf(stderr, "counting_heap: %zu bytes given back, %zu were taken%s\n", size,
                (size_t)block->size, block->mark == MARK ? "" : " (not a block of this heap)");
        abort();
    }
    tr_lock(&heap->lock);
    heap->blocks--;
    heap->bytes -= size;
    tr_cond_wake_all(&heap->given);
    tr_unlock(&heap->lock);
    memset(block, GIVEN, sizeof *block + size);
    free(block);
}

void counting_heap_init(counting_heap *heap) {
    *heap = (counting_heap){.heap = {take, give, heap}};
    tr_mutex_init(&heap->lock);
    tr_cond_init(&heap->given);
}

bool counting_heap_fini(counting_heap *heap) {
    if (heap->blocks)
        fprintf(stderr, "counting_heap: %zu blocks of together %zu bytes leaked\n", heap->blocks,
                heap->bytes);
    tr_cond_fini(&heap->given);
    tr_mutex_fini(&heap->lock);
    return heap->blocks == 0 && heap->bytes == 0;
}

void counting_heap_fail(counting_heap *heap, size_t nth, size_t more) {
    tr_lock(&heap->lock);
    size_t first = heap->takes + nth;
    heap->fail_first = first;
    heap->fail_past = nth == 0 ? 0 : more >= SIZE_MAX - first ? SIZE_MAX : first + 1 + more;
    tr_unlock(&heap->lock);
}

counting_heap_state counting_heap_look(counting_heap *heap) {
    tr_lock(&heap->lock);
    counting_heap_state state = {heap->takes, heap->refused, heap->blocks,
                                 heap->bytes, heap->largest, heap->peak};
    tr_unlock(&heap->lock);
    return state;
}

bool counting_heap_await(counting_heap *heap, size_t most, uint64_t until) {
    tr_lock(&heap->lock);
    while (heap->bytes > most && tr_cond_wait(&heap->given, &heap->lock, until)) {
    }
    bool so = heap->bytes <= most;
    tr_unlock(&heap->lock);
    return so;
}
