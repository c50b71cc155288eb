#include "base/heap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *take_malloc(void *ctx, size_t size) {
    (void)ctx;
    return malloc(size);
}

static void give_malloc(void *ctx, void *memory, size_t size) {
    (void)ctx;
    (void)size;
    free(memory);
}

const troupe_heap tr_heap_default = {take_malloc, give_malloc, NULL};

void *tr_take(const troupe_heap *heap, size_t size) {
    return size ? heap->take(heap->ctx, size) : NULL;
}

void *tr_take_zero(const troupe_heap *heap, size_t size) {
    void *memory = tr_take(heap, size);
    return memory ? memset(memory, 0, size) : NULL;
}

void tr_give(const troupe_heap *heap, void *memory, size_t size) {
    if (memory) heap->give(heap->ctx, memory, size);
}

char *tr_take_text(const troupe_heap *heap, const char *text) {
    if (!text) return NULL;
    size_t size = strlen(text) + 1;
    char *copy = tr_take(heap, size);
    return copy ? memcpy(copy, text, size) : NULL;
}

void tr_give_text(const troupe_heap *heap, char *text) {
    if (text) tr_give(heap, text, strlen(text) + 1);
}

bool tr_grow(const troupe_heap *heap, void **array, size_t *room, size_t need, size_t each) {
    if (need <= *room) return true;
    size_t wider = *room * 2 > need ? *room * 2 : need;
    if (wider < 8) wider = 8;
    if (wider > SIZE_MAX / each) return false;
    void *bigger = tr_take(heap, wider * each);
    if (!bigger) return false;
    if (*array) memcpy(bigger, *array, *room * each);
    tr_give(heap, *array, *room * each);
    *array = bigger;
    *room = wider;
    return true;
}
