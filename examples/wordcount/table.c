#include "table.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1024, BLOCK = 64 * 1024 };

/* A block of words, the newest first in its list. A word that is longer than a block gets one of
 * its own. */
struct arena {
    struct arena *next;
    size_t used;
    size_t room;
    char byte[];
};

/* Eight bytes a step: most words are one step. */
static uint32_t hash_of(const char *word, size_t size) {
    uint64_t hash = size * UINT64_C(0x9e3779b97f4a7c15);
    for (; size >= 8; word += 8, size -= 8) {
        uint64_t eight;
        memcpy(&eight, word, 8);
        hash = (hash ^ eight) * UINT64_C(0xd6e8feb86659fd93);
        hash ^= hash >> 32;
    }
    uint64_t rest = 0;
    memcpy(&rest, word, size);
    hash = (hash ^ rest) * UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    return (uint32_t)(hash >> 32);
}

static const char *keep(struct table *table, const char *word, size_t size) {
    struct arena *block = table->arena;
    if (block == NULL || block->room - block->used < size) {
        size_t room = size > BLOCK ? size : BLOCK;
        block = malloc(sizeof(struct arena) + room);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct arena){.next = table->arena, .room = room};
        table->arena = block;
    }
    char *place = block->byte + block->used;
    memcpy(place, word, size);
    block->used += size;
    return place;
}

static bool grow(struct table *table) {
    size_t slots = table->slots == 0 ? FIRST_SLOTS : table->slots * 2;
    struct entry *slot = calloc(slots, sizeof(*slot));
    if (slot == NULL) {
        return false;
    }
    for (size_t i = 0; i < table->slots; i++) {
        if (table->slot[i].word != NULL) {
            size_t at = table->slot[i].hash & (slots - 1);
            while (slot[at].word != NULL) {
                at = (at + 1) & (slots - 1);
            }
            slot[at] = table->slot[i];
        }
    }
    free(table->slot);
    table->slot = slot;
    table->slots = slots;
    return true;
}

bool table_add(struct table *table, const char *word, size_t size, uint64_t count) {
    if (table->words >= table->slots / 2 && !grow(table)) {
        return false;
    }
    uint32_t hash = hash_of(word, size);
    size_t at = hash & (table->slots - 1);
    for (; table->slot[at].word != NULL; at = (at + 1) & (table->slots - 1)) {
        struct entry *entry = &table->slot[at];
        if (entry->hash == hash && entry->size == size && memcmp(entry->word, word, size) == 0) {
            entry->count += count;
            table->total += count;
            return true;
        }
    }
    const char *kept = keep(table, word, size);
    if (kept == NULL) {
        return false;
    }
    table->slot[at] = (struct entry){kept, (uint32_t)size, hash, count};
    table->words++;
    table->total += count;
    return true;
}

void table_clear(struct table *table) {
    if (table->slots > 0) {
        memset(table->slot, 0, table->slots * sizeof(*table->slot));
    }
    while (table->arena != NULL && table->arena->next != NULL) {
        struct arena *block = table->arena;
        table->arena = block->next;
        free(block);
    }
    if (table->arena != NULL) {
        table->arena->used = 0;
    }
    table->words = 0;
    table->total = 0;
}

void table_free(struct table *table) {
    table_clear(table);
    free(table->arena);
    free(table->slot);
    *table = (struct table){0};
}

static int order(const struct entry *a, const struct entry *b) {
    int sign = memcmp(a->word, b->word, a->size < b->size ? a->size : b->size);
    return sign != 0 ? sign : (a->size > b->size) - (a->size < b->size);
}

int entry_by_word(const void *a, const void *b) {
    return order(*(const struct entry *const *)a, *(const struct entry *const *)b);
}

int entry_by_count(const void *a, const void *b) {
    const struct entry *one = *(const struct entry *const *)a;
    const struct entry *two = *(const struct entry *const *)b;
    return one->count != two->count ? (one->count < two->count ? 1 : -1) : order(one, two);
}

const struct entry **table_sorted(const struct table *table,
                                  int (*compare)(const void *, const void *)) {
    const struct entry **sorted = calloc(table->words, sizeof(*sorted));
    if (sorted == NULL || table->words == 0) {
        free(sorted);
        return NULL;
    }
    size_t count = 0;
    for (size_t i = 0; i < table->slots; i++) {
        if (table->slot[i].word != NULL) {
            sorted[count++] = &table->slot[i];
        }
    }
    qsort(sorted, count, sizeof(*sorted), compare);
    return sorted;
}
