/* Small blocks, for messages and the state of actors: taken from a cache of the thread's own, given
 * back on any thread.
 *
 * A cache has two magazines a class (lists of blocks); only its owner touches them. An empty or a
 * full one is exchanged as a whole with the pool's depot, under its mutex, so that a block that
 * travels from one thread to another costs a share of an exchange and its own cache misses. The
 * depot keeps some full magazines; what is more goes back to the slab that it was cut from, and
 * slabs that are wholly free go back to the system. */
#ifndef TR_BASE_POOL_H
#define TR_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/heap.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/list.h"

enum {
    TR_POOL_CLASSES = 5, /* 64, 128, 256, 512, 1024 bytes */
    TR_POOL_LEAST = 64,  /* also what all blocks are aligned to */
    TR_POOL_MOST = 1024, /* what is larger comes from the heap */
    TR_POOL_SLAB = 1 << 16
};

/* A block that nobody uses. */
typedef struct tr_block {
    struct tr_block *next;    /* in its magazine, or its slab */
    struct tr_block *beneath; /* of a full magazine's first block: the next magazine in the depot */
} tr_block;

typedef struct tr_magazine {
    tr_block *top;
    uint32_t count;
} tr_magazine;

/* What the threads share. It is of its own, not a part of the pool, because it stays as long as a
 * block is out: a message may outlive its runtime. */
typedef struct tr_depot tr_depot;

/* One a runtime. Both fields are constant. */
typedef struct tr_pool {
    const troupe_heap *heap;
    tr_depot *depot; /* NULL: direct mode, everything comes from the heap */
} tr_pool;

/* One a thread. `loaded` is what it works with; `spare` is full or empty, so that a thread at an
 * edge does not go to the depot with each block. */
typedef struct tr_cache {
    tr_depot *depot; /* constant */
    tr_magazine loaded[TR_POOL_CLASSES], spare[TR_POOL_CLASSES];
    char apart[64]; /* what follows in memory is often another thread's */
} tr_cache;

/* The head of a slab: TR_POOL_SLAB bytes, aligned to as many, cut into blocks of one class. The
 * first two fields do not change while a block is out; the others are the depot's. */
typedef struct tr_slab {
    tr_depot *depot;
    uint32_t rank;
    uint32_t out;   /* blocks that are not in the slab */
    uint32_t fresh; /* the first slot that was never used: untouched memory costs nothing */
    tr_block *free; /* blocks that came back */
    tr_list place;  /* among the slabs of its class that have blocks; free: it has none */
    struct tr_region *region;
} tr_slab;
_Static_assert(sizeof(tr_slab) <= TR_POOL_LEAST, "the head of a slab takes the place of a block");

/* The calling thread's cache. Initial-exec: the fast paths read it without a call. */
extern TR_THREAD_LOCAL tr_cache *tr_cache_mine;

/* Where slabs come from unless a test says otherwise: pages of the system. NULL under
 * AddressSanitizer, which has to see every block to watch over it. */
const troupe_heap *tr_pool_ground(void);

/* Makes a pool. Regions of slabs come from `ground`, all else from `heap`; both must outlive the
 * last block. `ground` NULL: direct mode, each block goes straight to the heap. False: no memory,
 * and there is nothing to end. */
TR_CHECKED bool tr_pool_init(tr_pool *pool, const troupe_heap *heap, const troupe_heap *ground);

/* Ends a pool, whose caches have been flushed. Blocks that are still out stay valid, and
 * `tr_block_give` takes them; the last one frees what is left. */
void tr_pool_fini(tr_pool *pool);

/* Makes an empty cache, which must not outlive the pool. */
void tr_cache_init(tr_cache *cache, const tr_pool *pool);

/* Gives all blocks of a cache back to their slabs; it can be used on. Its owner, or anybody once
 * no thread uses it. */
void tr_cache_flush(tr_cache *cache);

/* Makes a cache (or none: NULL) the calling thread's, and returns which was. No two threads may use
 * one at the same time. */
tr_cache *tr_cache_use(tr_cache *cache);

/* The rest of `tr_pool_take`: with no cache, an empty magazine, a large size, or no depot. */
void *tr_pool_take_slow(const tr_pool *pool, size_t size);

/* The rest of `tr_block_give`: with no cache of that depot, or a full magazine. */
void tr_block_give_slow(void *memory);

/* The class of a size (its rank among them) from 1 to TR_POOL_MOST. */
static inline unsigned tr_pool_class(size_t size) {
    return 26u - (unsigned)__builtin_clz((unsigned)(size - 1) | (TR_POOL_LEAST - 1));
}

/* Blocks in a full magazine: fewer large ones, which are worth more than the way to the depot. */
static inline uint32_t tr_magazine_full(unsigned rank) {
    return rank < 3 ? 64 : rank == 3 ? 32 : 16;
}

/* The slab of a block. Its head is not at the start, or the heads of all slabs would compete for
 * the same few lines of every cache: it is in one of the 64 first lines, by the slab's address. */
static inline tr_slab *tr_slab_of(const void *block) {
    uintptr_t base = (uintptr_t)block & ~(uintptr_t)(TR_POOL_SLAB - 1);
    return (tr_slab *)(base | (base >> 10 & 0xFC0)); /* bits 16 to 21, as bits 6 to 11 */
}

/* Puts a block into the loaded magazine; false: it is full. */
static inline bool tr_cache_put(tr_cache *cache, unsigned rank, void *memory) {
    tr_magazine *into = &cache->loaded[rank];
    if (__builtin_expect(into->count == tr_magazine_full(rank), 0)) return false;
    tr_block *block = memory;
    block->next = into->top;
    into->top = block;
    into->count++;
    return true;
}

/* Takes a block out of the loaded magazine; NULL: it is empty. */
static inline void *tr_cache_get(tr_cache *cache, unsigned rank) {
    tr_magazine *from = &cache->loaded[rank];
    tr_block *block = from->top;
    if (__builtin_expect(!block, 0)) return NULL;
    from->top = block->next;
    from->count--;
    __builtin_prefetch(from->top, 1); /* the next one may be in another core's cache */
    return block;
}

/* Memory of that size, not cleared: aligned to 64 if it is a block of the pool, else to 16. NULL:
 * there is none, or `size` is 0. Any thread. */
static inline void *tr_pool_take(const tr_pool *pool, size_t size) {
    tr_cache *cache = tr_cache_mine;
    if (__builtin_expect(cache && cache->depot == pool->depot && size - 1 < TR_POOL_MOST, 1)) {
        void *block = tr_cache_get(cache, tr_pool_class(size));
        if (__builtin_expect(block != NULL, 1)) return block;
    }
    return tr_pool_take_slow(pool, size);
}

/* Whether memory of that size is a block of the pool, which `tr_block_give` takes back. */
static inline bool tr_pool_has(const tr_pool *pool, size_t size) {
    return pool->depot && size - 1 < TR_POOL_MOST;
}

/* Gives a block back to the pool that it is of, even if that has ended. Any thread. */
static inline void tr_block_give(void *block) {
    const tr_slab *slab = tr_slab_of(block);
    tr_cache *cache = tr_cache_mine;
    if (__builtin_expect(cache && cache->depot == slab->depot, 1) &&
        __builtin_expect(tr_cache_put(cache, slab->rank, block), 1))
        return;
    tr_block_give_slow(block);
}

/* Gives back what `tr_pool_take` gave for that size; does nothing to NULL. Any thread. */
static inline void tr_pool_give(const tr_pool *pool, void *memory, size_t size) {
    if (!memory) return;
    if (tr_pool_has(pool, size))
        tr_block_give(memory);
    else
        tr_give(pool->heap, memory, size);
}

#endif
