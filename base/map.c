#include "base/map.h"

#include <string.h>

#include "base/check.h"
#include "base/heap.h"

enum { FIRST_BUCKETS = 16 };

/* Spreads keys that count upwards (Fibonacci hashing). */
static size_t place(size_t buckets, uint64_t key) {
    return (size_t)((key * 0x9E3779B97F4A7C15u) >> 32) & (buckets - 1);
}

void tr_map_init(tr_map *map, const troupe_heap *heap) {
    *map = (tr_map){.heap = heap};
}

void tr_map_fini(tr_map *map) {
    tr_give(map->heap, map->bucket, map->buckets * sizeof *map->bucket);
    tr_map_init(map, map->heap);
}

static bool widen(tr_map *map) {
    size_t buckets = map->buckets ? map->buckets * 2 : FIRST_BUCKETS;
    tr_map_entry **bucket = tr_take_zero(map->heap, buckets * sizeof *bucket);
    if (!bucket) return map->buckets > 0; /* a crowded map still works */
    for (size_t i = 0; i < map->buckets; i++)
        for (tr_map_entry *entry = map->bucket[i], *next; entry; entry = next) {
            next = entry->next;
            tr_map_entry **at = &bucket[place(buckets, entry->key)];
            entry->next = *at;
            *at = entry;
        }
    tr_give(map->heap, map->bucket, map->buckets * sizeof *bucket);
    map->bucket = bucket;
    map->buckets = buckets;
    return true;
}

bool tr_map_ready(tr_map *map) {
    return map->buckets || widen(map);
}

bool tr_map_add(tr_map *map, uint64_t key, tr_map_entry *entry) {
    if (map->count >= map->buckets && !widen(map)) return false;
    tr_map_entry **at = &map->bucket[place(map->buckets, key)];
    entry->key = key;
    entry->next = *at;
    *at = entry;
    map->count++;
    return true;
}

tr_map_entry *tr_map_find(const tr_map *map, uint64_t key) {
    if (!map->count) return NULL;
    tr_map_entry *entry = map->bucket[place(map->buckets, key)];
    while (entry && entry->key != key) entry = entry->next;
    return entry;
}

tr_map_entry *tr_map_same(const tr_map_entry *entry) {
    tr_map_entry *next = entry->next;
    while (next && next->key != entry->key) next = next->next;
    return next;
}

void tr_map_remove(tr_map *map, tr_map_entry *entry) {
    TR_ASSERT(map->count > 0);
    tr_map_entry **at = &map->bucket[place(map->buckets, entry->key)];
    while (*at != entry) {
        TR_CHECK(*at);
        at = &(*at)->next;
    }
    *at = entry->next;
    entry->next = NULL;
    map->count--;
}

void tr_map_each(tr_map *map, void (*each)(void *ctx, tr_map_entry *entry), void *ctx) {
    for (size_t i = 0; i < map->buckets; i++)
        for (tr_map_entry *entry = map->bucket[i], *next; entry; entry = next) {
            next = entry->next;
            each(ctx, entry);
        }
}

uint64_t tr_hash_bytes(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 0x100000001B3u;
    return hash;
}

uint64_t tr_hash_text(const char *text) {
    return tr_hash_bytes(0xCBF29CE484222325u, text, strlen(text));
}
