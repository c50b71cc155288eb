/* The address table: a ref's place and generation to its actor. Places are never given back to the
 * allocator before the runtime closes, so a stale ref can always be looked up, and its generation
 * tells that it is stale. */
#ifndef TR_ACTORS_TABLE_H
#define TR_ACTORS_TABLE_H

#include <troupe/actor.h>

#include "base/atomic.h"
#include "base/list.h"
#include "base/os.h"

enum {
    TR_TABLE_CHUNKS = 26,     /* chunk k holds 64 << k places: 2^32 in all, less the asks' */
    TR_TABLE_CHUNK_FIRST = 64 /* places of chunk 0 */
};

/* Places from here on are those of askers; see ask.h. */
#define TR_PLACE_ASKS UINT32_C(0xF0000000)

typedef struct tr_table {
    tr_atomic64 chunk[TR_TABLE_CHUNKS]; /* addresses of arrays of actors */
    tr_atomic32 used;                   /* places that were ever in use */
    tr_mutex lock;                      /* guards what follows */
    tr_cond ended;                      /* an actor ended while `waited_for` */
    bool waited_for;
    troupe_self *free;                  /* ended places, by their `next_free` */
    tr_list top;                        /* living top-level actors, the oldest first */
    size_t live;
    const troupe_heap *heap;
} tr_table;

/* Makes an empty table. */
void tr_table_init(tr_table *table, const troupe_heap *heap);

/* Gives all its memory back; no actor may be alive. */
void tr_table_fini(tr_table *table);

/* A place for a new actor, with its place and generation set; NULL: no memory. `top`: it has no
 * supervisor; `is_supervisor`: it is one. */
troupe_self *tr_table_take(tr_table *table, bool top, bool is_supervisor);

/* Ends an actor's place: its generation must have been raised by tr_table_retire. */
void tr_table_give(tr_table *table, troupe_self *self);

/* Makes every ref to this actor stale, from this moment on. */
void tr_table_retire(troupe_self *self);

/* The actor with that id if it lives, else NULL. It may end at any moment after this returns: what
 * the caller then does must bear that (see README.md, "Stale refs"). */
troupe_self *tr_table_find(tr_table *table, uint64_t id);

/* The actor in a place that was in use, alive or not; NULL beyond the last. */
troupe_self *tr_table_at(tr_table *table, uint32_t place);

/* Waits until `id` is stale, or, with id 0, until no actor is alive. False: the deadline passed. */
bool tr_table_wait(tr_table *table, uint64_t id, uint64_t deadline);

/* Actors alive. */
size_t tr_table_live(tr_table *table);

#endif
