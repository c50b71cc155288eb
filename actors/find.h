/* Looking an actor up by its id. Inline: each message needs it. */
#ifndef TR_ACTORS_FIND_H
#define TR_ACTORS_FIND_H

#include "actors/actor.h"

/* Which chunk a place is in. */
static inline unsigned tr_table_chunk(uint32_t place) {
    uint64_t n = (uint64_t)place + TR_TABLE_CHUNK_FIRST;
    return 63 - (unsigned)__builtin_clzll(n) - TR_TABLE_CHUNK_BITS;
}

/* The memory of a place, whose chunk is there. */
static inline troupe_self *tr_table_memory(const tr_table *table, uint32_t place) {
    uint64_t zero = tr_load64_relaxed(&table->zero[tr_table_chunk(place)]);
    return (troupe_self *)(uintptr_t)(zero + place * sizeof(troupe_self));
}

/* The actor in a place that was in use, alive or not; NULL beyond the last. */
static inline troupe_self *tr_table_at(const tr_table *table, uint32_t place) {
    /* Acquire pairs with the release in `new_place`: its chunk and what is set up are seen. */
    if (TR_UNLIKELY(place >= tr_load32_acquire(&table->used))) return NULL;
    return tr_table_memory(table, place);
}

/* The actor with that id if it lives, else NULL. It may end at any moment after this returns: what
 * the caller then does must bear that (see README.md, "Stale refs"). */
static inline troupe_self *tr_table_find(const tr_table *table, uint64_t id) {
    troupe_self *self = tr_table_at(table, (uint32_t)id);
    if (TR_UNLIKELY(!self)) return NULL;
    uint64_t control = tr_load64_acquire(&self->task.control);
    bool lives = control >> 32 == id >> 32 && !(control & TR_CONTROL_VACANT);
    return TR_LIKELY(lives) ? self : NULL;
}

#endif
