/* Looking an actor up by its id. Inline: each message needs it. */
#ifndef TR_ACTORS_FIND_H
#define TR_ACTORS_FIND_H

#include "actors/actor.h"

/* The memory of a place, whether it was in use or not; NULL: its chunk is not there. */
static inline troupe_self *tr_table_memory(const tr_table *table, uint32_t place) {
    uint64_t n = (uint64_t)place + TR_TABLE_CHUNK_FIRST;
    unsigned k = 63 - (unsigned)__builtin_clzll(n);
    /* Acquire pairs with the release in `new_place`: the chunk's memory is there. */
    uint64_t chunk = tr_load64_acquire(&table->chunk[k - TR_TABLE_CHUNK_BITS]);
    return chunk ? (troupe_self *)(uintptr_t)chunk + (n - (UINT64_C(1) << k)) : NULL;
}

/* The actor in a place that was in use, alive or not; NULL beyond the last. */
static inline troupe_self *tr_table_at(const tr_table *table, uint32_t place) {
    return place < tr_load32_acquire(&table->used) ? tr_table_memory(table, place) : NULL;
}

/* The actor with that id if it lives, else NULL. It may end at any moment after this returns: what
 * the caller then does must bear that (see README.md, "Stale refs"). */
static inline troupe_self *tr_table_find(const tr_table *table, uint64_t id) {
    troupe_self *self = tr_table_at(table, (uint32_t)id);
    if (!self || id >> 32 == 0) return NULL;
    uint64_t control = tr_load64_acquire(&self->task.control);
    return control >> 32 == id >> 32 && !(control & TR_CONTROL_VACANT) ? self : NULL;
}

#endif
