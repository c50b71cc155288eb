#include "base/pool.h"

#include "base/os.h"

/* Slabs come in regions: one mapping for some, since mappings are dear, but not for many, since a
 * block that stays out holds its whole region. A region is taken larger by one slab than it has
 * slabs, so that these can be aligned in it: the heap hook knows no alignment, and the part that is
 * not used is never touched, so that the system gives no memory for it. */
enum {
    REGION_SLABS = 4,
    ALL_FREE = (1 << REGION_SLABS) - 1,
    KEEP_FULL = 16,       /* full magazines of a class that the depot keeps */
    KEEP_FULL_SPARSE = 2, /* the same while few blocks hold many slabs */
    SPARSE_SLABS = 8      /* so few slabs are never sparse */
};

/* Guarded by the depot's lock, like the heads of its slabs. */
typedef struct tr_region {
    tr_list place; /* among the depot's regions that have free slabs */
    char *slabs;
    uint32_t free; /* a bit for each slab */
} tr_region;

#define REGION_SIZE ((size_t)(REGION_SLABS + 1) * TR_POOL_SLAB + sizeof(tr_region))

/* What there is of one class. */
typedef struct tr_shelf {
    tr_block *full; /* full magazines */
    size_t fulls;
    tr_list slabs; /* that have blocks */
    size_t count;  /* slabs, those without blocks included */
    size_t out;    /* blocks that are not in their slab */
} tr_shelf;

struct tr_depot {
    const troupe_heap *heap, *ground; /* constant */
    tr_mutex lock;                    /* guards all below, and all slabs and regions */
    tr_cache shared;                  /* of the threads that have none */
    tr_shelf shelf[TR_POOL_CLASSES];
    tr_list regions; /* that have free slabs */
    size_t free;     /* slabs */
    size_t out;      /* blocks that are not in their slab, of all classes */
    bool closed;     /* the pool has ended: the last block that comes back ends the depot */
};

TR_THREAD_LOCAL tr_cache *tr_cache_mine;

static void *take_pages(void *ctx, size_t size) {
    (void)ctx;
    return tr_pages_take(size);
}

static void give_pages(void *ctx, void *memory, size_t size) {
    (void)ctx;
    tr_pages_give(memory, size);
}

/* Not malloc: once it has got a region back it takes the next ones from the heap that it can only
 * shrink at its end, and a burst would stay for ever. */
static const troupe_heap pages = {take_pages, give_pages, NULL};

#if defined __has_feature
#if __has_feature(address_sanitizer)
#define DIRECT
#endif
#elif defined __SANITIZE_ADDRESS__
#define DIRECT
#endif

const troupe_heap *tr_pool_ground(void) {
#ifdef DIRECT
    (void)pages;
    return NULL;
#else
    return &pages;
#endif
}

/* --- Slabs and regions; all under the lock ---------------------------------------------------- */

static size_t size_of(unsigned rank) {
    return (size_t)TR_POOL_LEAST << rank;
}

/* Slots of a slab; one of them is lost to its head. */
static uint32_t slots_of(unsigned rank) {
    return (uint32_t)(TR_POOL_SLAB / size_of(rank));
}

/* The slot that the head is in. */
static uint32_t head_slot(const tr_slab *slab) {
    return (uint32_t)(((uintptr_t)slab & (TR_POOL_SLAB - 1)) / size_of(slab->rank));
}

static bool add_region(tr_depot *depot) {
    tr_region *region = tr_take(depot->ground, REGION_SIZE);
    if (!region) return false;
    uintptr_t first = (uintptr_t)(region + 1) + TR_POOL_SLAB - 1;
    region->slabs = (char *)(first & ~(uintptr_t)(TR_POOL_SLAB - 1));
    region->free = ALL_FREE;
    tr_list_init(&region->place);
    tr_list_add(&depot->regions, &region->place);
    depot->free += REGION_SLABS;
    return true;
}

static void drop_region(tr_depot *depot, tr_region *region) {
    depot->free -= REGION_SLABS;
    tr_list_remove(&region->place);
    tr_give(depot->ground, region, REGION_SIZE);
}

/* Makes a free slab one of that class. False: no memory. */
static bool open_slab(tr_depot *depot, unsigned rank) {
    if (tr_list_empty(&depot->regions) && !add_region(depot)) return false;
    tr_region *region = TR_OWNER(depot->regions.next, tr_region, place);
    unsigned index = (unsigned)__builtin_ctz(region->free);
    region->free &= region->free - 1;
    if (!region->free) tr_list_remove(&region->place);
    depot->free--;
    tr_slab *slab = tr_slab_of(region->slabs + (size_t)index * TR_POOL_SLAB);
    *slab = (tr_slab){.depot = depot, .rank = rank, .region = region};
    slab->fresh = head_slot(slab) == 0;
    tr_list_init(&slab->place);
    tr_list_add(&depot->shelf[rank].slabs, &slab->place);
    depot->shelf[rank].count++;
    return true;
}

/* Takes a slab with all its blocks away from its class. One region's worth of free slabs is kept,
 * so that a load at the edge does not map and unmap. */
static void close_slab(tr_depot *depot, tr_slab *slab) {
    tr_region *region = slab->region;
    size_t index = ((uintptr_t)slab - (uintptr_t)region->slabs) / TR_POOL_SLAB;
    tr_list_remove(&slab->place);
    depot->shelf[slab->rank].count--;
    if (!region->free) tr_list_add(&depot->regions, &region->place);
    region->free |= 1u << index;
    depot->free++;
    bool enough = depot->closed || depot->free > REGION_SLABS;
    if (region->free == ALL_FREE && enough) drop_region(depot, region);
}

/* A block out of a slab; NULL: no memory. */
static tr_block *cut(tr_depot *depot, unsigned rank) {
    tr_shelf *shelf = &depot->shelf[rank];
    if (tr_list_empty(&shelf->slabs) && !open_slab(depot, rank)) return NULL;
    tr_slab *slab = TR_OWNER(shelf->slabs.next, tr_slab, place);
    tr_block *block = slab->free;
    if (block) {
        slab->free = block->next;
    } else {
        char *base = (char *)slab - ((uintptr_t)slab & (TR_POOL_SLAB - 1));
        block = (tr_block *)(void *)(base + slab->fresh++ * size_of(rank));
        if (slab->fresh == head_slot(slab)) slab->fresh++;
    }
    slab->out++;
    shelf->out++;
    depot->out++;
    if (!slab->free && slab->fresh == slots_of(rank)) tr_list_remove(&slab->place);
    return block;
}

/* A block back into its slab. */
static void mend(tr_depot *depot, tr_block *block) {
    tr_slab *slab = tr_slab_of(block);
    tr_shelf *shelf = &depot->shelf[slab->rank];
    if (tr_list_empty(&slab->place)) tr_list_add(shelf->slabs.next, &slab->place); /* in front */
    block->next = slab->free;
    slab->free = block;
    shelf->out--;
    depot->out--;
    if (--slab->out == 0) close_slab(depot, slab);
}

static void mend_all(tr_depot *depot, tr_magazine *magazine) {
    for (tr_block *block; (block = magazine->top);) {
        magazine->top = block->next;
        mend(depot, block);
    }
    magazine->count = 0;
}

/* --- Magazines; all under the lock ------------------------------------------------------------ */

static tr_magazine unstack(tr_shelf *shelf, unsigned rank) {
    tr_magazine magazine = {shelf->full, tr_magazine_full(rank)};
    shelf->full = shelf->full->beneath;
    shelf->fulls--;
    return magazine;
}

/* Puts an end to full magazines that are too many. Blocks of many slabs, each of which could be
 * free but for a few of them, are kept in small numbers only. */
static void thin_out(tr_depot *depot, unsigned rank) {
    tr_shelf *shelf = &depot->shelf[rank];
    for (;;) {
        bool sparse = shelf->count > SPARSE_SLABS &&
                      shelf->out < shelf->count * slots_of(rank) / SPARSE_SLABS;
        if (shelf->fulls <= (sparse ? KEEP_FULL_SPARSE : KEEP_FULL)) return;
        tr_magazine magazine = unstack(shelf, rank);
        mend_all(depot, &magazine);
    }
}

/* Fills an empty loaded magazine. It stays empty if there is no memory. */
static void load(tr_depot *depot, tr_cache *cache, unsigned rank) {
    tr_magazine *loaded = &cache->loaded[rank];
    if (cache->spare[rank].top) {
        *loaded = cache->spare[rank];
        cache->spare[rank] = (tr_magazine){NULL, 0};
    } else if (depot->shelf[rank].full) {
        *loaded = unstack(&depot->shelf[rank], rank);
    } else {
        uint32_t full = tr_magazine_full(rank);
        for (tr_block *block; loaded->count < full && (block = cut(depot, rank));)
            (void)tr_cache_put(cache, rank, block);
    }
}

/* Makes room in a full loaded magazine. */
static void unload(tr_depot *depot, tr_cache *cache, unsigned rank) {
    tr_shelf *shelf = &depot->shelf[rank];
    tr_magazine *loaded = &cache->loaded[rank], *spare = &cache->spare[rank];
    if (spare->top) {
        spare->top->beneath = shelf->full;
        shelf->full = spare->top;
        shelf->fulls++;
        thin_out(depot, rank);
    }
    *spare = *loaded;
    *loaded = (tr_magazine){NULL, 0};
}

static void flush(tr_depot *depot, tr_cache *cache) {
    for (unsigned rank = 0; rank < TR_POOL_CLASSES; rank++) {
        mend_all(depot, &cache->loaded[rank]);
        mend_all(depot, &cache->spare[rank]);
    }
}

/* --- The pool --------------------------------------------------------------------------------- */

bool tr_pool_init(tr_pool *pool, const troupe_heap *heap, const troupe_heap *ground) {
    *pool = (tr_pool){.heap = heap};
    if (!ground) return true;
    tr_depot *depot = pool->depot = tr_take_zero(heap, sizeof *depot);
    if (!depot) return false;
    depot->heap = heap;
    depot->ground = ground;
    depot->shared.depot = depot;
    tr_mutex_init(&depot->lock);
    tr_list_init(&depot->regions);
    for (unsigned rank = 0; rank < TR_POOL_CLASSES; rank++) tr_list_init(&depot->shelf[rank].slabs);
    return true;
}

/* Lets the lock go, and ends the depot if it is closed and all blocks have come back: then nobody
 * knows of it any more. */
static void leave(tr_depot *depot) {
    bool last = depot->closed && depot->out == 0;
    tr_unlock(&depot->lock);
    if (!last) return;
    TR_CHECK(tr_list_empty(&depot->regions));
    tr_mutex_fini(&depot->lock);
    tr_give(depot->heap, depot, sizeof *depot);
}

void tr_pool_fini(tr_pool *pool) {
    tr_depot *depot = pool->depot;
    if (!depot) return;
    pool->depot = NULL;
    tr_lock(&depot->lock);
    depot->closed = true;
    flush(depot, &depot->shared);
    for (unsigned rank = 0; rank < TR_POOL_CLASSES; rank++)
        while (depot->shelf[rank].full) {
            tr_magazine magazine = unstack(&depot->shelf[rank], rank);
            mend_all(depot, &magazine);
        }
    for (tr_list *at = depot->regions.next, *next; at != &depot->regions; at = next) {
        tr_region *region = TR_OWNER(at, tr_region, place);
        next = at->next;
        if (region->free == ALL_FREE) drop_region(depot, region); /* the one that was kept */
    }
    leave(depot);
}

void tr_cache_init(tr_cache *cache, const tr_pool *pool) {
    *cache = (tr_cache){.depot = pool->depot};
}

void tr_cache_flush(tr_cache *cache) {
    tr_depot *depot = cache->depot;
    if (!depot) return;
    tr_lock(&depot->lock);
    flush(depot, cache);
    leave(depot);
}

tr_cache *tr_cache_use(tr_cache *cache) {
    tr_cache *before = tr_cache_mine;
    tr_cache_mine = cache && cache->depot ? cache : NULL; /* in direct mode there is none */
    return before;
}

static tr_cache *cache_of(tr_depot *depot) {
    return tr_cache_mine && tr_cache_mine->depot == depot ? tr_cache_mine : &depot->shared;
}

void *tr_pool_take_slow(const tr_pool *pool, size_t size) {
    if (!tr_pool_has(pool, size)) return tr_take(pool->heap, size);
    tr_depot *depot = pool->depot;
    tr_cache *cache = cache_of(depot);
    unsigned rank = tr_pool_class(size);
    tr_lock(&depot->lock);
    if (!cache->loaded[rank].top) load(depot, cache, rank);
    void *block = tr_cache_get(cache, rank);
    tr_unlock(&depot->lock);
    return block;
}

void tr_block_give_slow(void *memory) {
    const tr_slab *slab = tr_slab_of(memory);
    tr_depot *depot = slab->depot; /* is there as long as this block is out */
    unsigned rank = slab->rank;
    tr_cache *cache = cache_of(depot);
    tr_lock(&depot->lock);
    if (depot->closed) {
        mend(depot, memory);
    } else if (!tr_cache_put(cache, rank, memory)) {
        unload(depot, cache, rank);
        (void)tr_cache_put(cache, rank, memory);
    }
    leave(depot);
}
