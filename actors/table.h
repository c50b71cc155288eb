/* The address table: a ref's place and generation to its actor (which find.h looks up). Places are
 * never given back to the allocator before the runtime closes, so a stale ref can always be looked
 * up, and its generation tells that it is stale. */
#ifndef TR_ACTORS_TABLE_H
#define TR_ACTORS_TABLE_H

#include <troupe/actor.h>

#include "base/atomic.h"
#include "base/check.h"
#include "base/list.h"
#include "base/os.h"

enum {
    TR_TABLE_CHUNKS = 26, /* chunk k holds 64 << k places: 2^32 in all, less the asks' */
    TR_TABLE_CHUNK_BITS = 6,
    TR_TABLE_CHUNK_FIRST = 1 << TR_TABLE_CHUNK_BITS /* places of chunk 0 */
};

/* Places from here on are those of askers; see ask.h. */
#define TR_PLACE_ASKS UINT32_C(0xF0000000)

/* Free places and counts of one worker, so that spawning takes no lock; the worker's alone, but
 * for the counts, which others read. The last one of a table is for all other threads, under its
 * lock. */
typedef struct tr_places {
    tr_link *free; /* ended places, by their tasks' `run`, the last one first */
    uint32_t frees;
    tr_atomic64 born, ended; /* actors, so far */
    char apart[64];          /* two workers share no cache line */
} tr_places;

/* A supervisor at the top level. They are few, so this is not in every actor. */
typedef struct tr_top {
    tr_list list;
    const troupe_self *self;
} tr_top;

typedef struct tr_table {
    tr_atomic64 zero[TR_TABLE_CHUNKS]; /* of each chunk: where place 0 would be, were it there */
    tr_atomic32 used;                  /* places that were ever in use */
    tr_atomic32 waited_for;            /* threads that wait for an end */
    tr_places *places;                 /* one a worker, and one more */
    unsigned workers;
    tr_mutex lock;       /* guards what follows, and the last of `places` */
    tr_cond ended;       /* an actor ended while `waited_for` */
    tr_list supervisors; /* tr_top of living ones, the oldest first */
    const troupe_heap *heap;
} tr_table;

/* Makes an empty table for so many workers. False: no memory. */
TR_CHECKED bool tr_table_init(tr_table *table, const troupe_heap *heap, unsigned workers);

/* Gives all its memory back; no actor may be alive. */
void tr_table_fini(tr_table *table);

/* A place for a new actor, with its place and generation set; NULL: no memory. `worker` is the
 * index of the one that the calling thread is, or anything else if it is none. `supervisor`: it is
 * one, at the top level. */
troupe_self *tr_table_take(tr_table *table, uint32_t worker, bool supervisor);

/* The youngest supervisor at the top level that lives; 0: none. */
uint64_t tr_table_youngest_supervisor(tr_table *table);

/* Ends an actor's place: its generation must have been raised by tr_table_retire. */
void tr_table_give(tr_table *table, uint32_t worker, troupe_self *self);

/* Makes every ref to this actor stale, from this moment on, and returns its last `control`. `well`:
 * it has ended in good order. */
uint64_t tr_table_retire(troupe_self *self, bool well);

/* How the actor with that id, which is no more, has ended: STOPPED: in good order; GONE: not, or
 * another one has its place by now, or there never was one. */
troupe_err tr_table_ended(const tr_table *table, uint64_t id);

/* Sets marks (TR_CONTROL_NAMED, ...) of the actor that has that generation. False: it has ended. */
TR_CHECKED bool tr_table_mark(troupe_self *self, uint32_t generation, uint32_t marks);

/* Waits until `id` is stale, or, with id 0, until no actor is alive. False: the deadline passed. */
bool tr_table_wait(tr_table *table, uint64_t id, uint64_t deadline);

/* Actors alive; while others are born and end, at least so many. */
size_t tr_table_live(tr_table *table);

#endif
