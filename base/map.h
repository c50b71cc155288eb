/* An intrusive hash map from 64-bit keys to things that contain a `tr_map_entry`. Keys need not be
 * unique: texts are kept by their hash, and the caller compares. It does not lock. */
#ifndef TR_BASE_MAP_H
#define TR_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/heap.h>

#include "base/check.h"

typedef struct tr_map_entry {
    struct tr_map_entry *next;
    uint64_t key;
} tr_map_entry;

typedef struct tr_map {
    tr_map_entry **bucket; /* `buckets` of them, a power of two; NULL while empty */
    size_t buckets, count;
    const troupe_heap *heap;
} tr_map;

/* Makes an empty map; takes no memory before the first entry. */
void tr_map_init(tr_map *map, const troupe_heap *heap);

/* Gives the map's own memory back; the entries are the caller's. */
void tr_map_fini(tr_map *map);

/* Takes the memory that the first entries need: after it `tr_map_add` does not fail. False: no
 * memory. */
TR_CHECKED bool tr_map_ready(tr_map *map);

/* Adds an entry under a key, which other entries may have too. False: no memory. */
bool tr_map_add(tr_map *map, uint64_t key, tr_map_entry *entry);

/* An entry with that key, NULL if there is none; `tr_map_same` gives the others. */
tr_map_entry *tr_map_find(const tr_map *map, uint64_t key);

/* The next entry with the same key as `entry`, NULL after the last. */
tr_map_entry *tr_map_same(const tr_map_entry *entry);

/* Takes an entry out; it must be in the map. */
void tr_map_remove(tr_map *map, tr_map_entry *entry);

/* Calls `each` for every entry, in no order; `each` may remove the entry that it is given. */
void tr_map_each(tr_map *map, void (*each)(void *ctx, tr_map_entry *entry), void *ctx);

/* A well mixed hash of a text, to use as its key (FNV-1a, 64 bits). */
uint64_t tr_hash_text(const char *text);

/* Goes on with a hash over more bytes; start with `tr_hash_text("")`. */
uint64_t tr_hash_bytes(uint64_t hash, const void *bytes, size_t size);

#endif
