#include "base/pool.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "test/support/counting_heap.h"

static counting_heap heap, ground;
static tr_pool pool;
static tr_cache cache;

static void open_pool(void) {
    counting_heap_init(&heap);
    counting_heap_init(&ground);
    cr_assert(tr_pool_init(&pool, &heap.heap, &ground.heap));
    tr_cache_init(&cache, &pool);
    cr_assert_null(tr_cache_use(&cache));
}

static void leave_pool(void) {
    cr_assert_eq(tr_cache_use(NULL), &cache);
    tr_cache_flush(&cache);
    tr_pool_fini(&pool);
}

static void close_pool(void) {
    leave_pool();
    cr_assert(counting_heap_fini(&heap));
    cr_assert(counting_heap_fini(&ground));
}

TestSuite(pool, .timeout = 60, .init = open_pool, .fini = close_pool);
TestSuite(pool_alone, .timeout = 60);

static size_t held(void) {
    return counting_heap_look(&ground).bytes;
}

Test(pool, every_size_gets_a_block_of_its_class) {
    size_t before = counting_heap_look(&heap).blocks;
    for (size_t size = 1; size <= TR_POOL_MOST; size++) {
        size_t room = TR_POOL_LEAST;
        unsigned rank = 0;
        for (; room < size; room *= 2) rank++;
        cr_assert_eq(tr_pool_class(size), rank, "%zu", size);
        unsigned char *block = tr_pool_take(&pool, size);
        cr_assert_not_null(block);
        cr_assert_eq((uintptr_t)block % TR_POOL_LEAST, 0);
        cr_assert_eq(tr_slab_of(block)->rank, rank);
        cr_assert_eq(tr_slab_of(block)->depot, pool.depot);
        memset(block, 0xEE, room); /* nothing of a slab's head is in it */
        cr_assert_eq(tr_slab_of(block)->rank, rank);
        tr_pool_give(&pool, block, size);
        cr_assert_eq(tr_pool_take(&pool, size), block, "what came back last is warm");
        tr_pool_give(&pool, block, size);
    }
    cr_assert_eq(counting_heap_look(&heap).blocks, before);
    cr_assert_null(tr_pool_take(&pool, 0));
    tr_pool_give(&pool, NULL, 64);
}

Test(pool, large_memory_is_the_heaps) {
    size_t before = counting_heap_look(&heap).bytes;
    void *memory = tr_pool_take(&pool, TR_POOL_MOST + 1);
    cr_assert_eq(counting_heap_look(&heap).bytes, before + TR_POOL_MOST + 1);
    tr_pool_give(&pool, memory, TR_POOL_MOST + 1);
    cr_assert_eq(counting_heap_look(&heap).bytes, before);
    cr_assert_eq(counting_heap_look(&ground).takes, 0);
}

enum { MANY = 20000 };

static int by_address(const void *a, const void *b) {
    const char *left = *(char *const *)a, *right = *(char *const *)b;
    return (left > right) - (left < right);
}

/* Takes many of all sizes, each filled with its number. */
static void take_many(char **block, size_t *size) {
    for (size_t i = 0; i < MANY; i++) {
        size[i] = 1 + i * 7919 % TR_POOL_MOST;
        block[i] = tr_pool_take(&pool, size[i]);
        cr_assert_not_null(block[i]);
        memset(block[i], (int)(i % 251), size[i]);
    }
}

Test(pool, no_two_blocks_share_a_byte) {
    static char *block[MANY], *sorted[MANY];
    static size_t size[MANY];
    take_many(block, size);
    for (size_t i = 0; i < MANY; i++)
        for (size_t at = 0; at < size[i]; at++) cr_assert_eq((unsigned char)block[i][at], i % 251);
    memcpy(sorted, block, sizeof sorted);
    qsort(sorted, MANY, sizeof *sorted, by_address);
    for (size_t i = 1; i < MANY; i++) {
        size_t room = (size_t)TR_POOL_LEAST << tr_slab_of(sorted[i - 1])->rank;
        cr_assert_geq(sorted[i] - sorted[i - 1], (ptrdiff_t)room);
    }
    for (size_t i = 0; i < MANY; i++) tr_pool_give(&pool, block[i], size[i]);
}

/* --- Memory goes back ------------------------------------------------------------------------- */

/* The order in which a burst comes back. */
static size_t in_order(size_t i, size_t n) {
    (void)n;
    return i;
}
static size_t backwards(size_t i, size_t n) {
    return n - 1 - i;
}
static size_t shuffled(size_t i, size_t n) {
    return i * 1000003 % n;
}

static void burst(size_t n, size_t size, size_t (*order)(size_t i, size_t n), size_t most) {
    void **block = malloc(n * sizeof *block);
    for (size_t i = 0; i < n; i++) block[i] = tr_pool_take(&pool, size);
    cr_assert_geq(held(), n * size);
    cr_assert_leq(held(), n * size * 3 / 2 + (1 << 20), "%zu", size);
    for (size_t i = 0; i < n; i++) tr_pool_give(&pool, block[order(i, n)], size);
    cr_assert_leq(held(), most, "%zu bytes are held after a burst of %zu", held(), n * size);
    free(block);
}

Test(pool, after_a_burst_memory_goes_back) {
    burst(1000000, 64, in_order, 1 << 20);
    burst(1000000, 64, backwards, 1 << 20);
    burst(100000, 512, in_order, 3 << 20);
    tr_cache_flush(&cache);
    burst(1000000, 64, in_order, 1 << 20);
}

/* Each block that a magazine keeps may hold a region of its own then. */
Test(pool, after_a_burst_in_disorder_most_goes_back_and_the_rest_when_the_cache_is_flushed) {
    burst(1000000, 64, shuffled, 64 << 20);
    tr_cache_flush(&cache);
    burst(1000, 64, in_order, 48 << 20);
}

Test(pool, a_load_at_an_edge_maps_nothing) {
    void *block[2000];
    for (int round = 0; round < 100; round++) {
        size_t takes = counting_heap_look(&ground).takes;
        for (size_t i = 0; i < 2000; i++) block[i] = tr_pool_take(&pool, 64);
        for (size_t i = 0; i < 2000; i++) tr_pool_give(&pool, block[i], 64);
        if (round) cr_assert_eq(counting_heap_look(&ground).takes, takes);
    }
}

/* --- Threads ---------------------------------------------------------------------------------- */

static void *give_all(void *arg) {
    void **block = arg;
    for (size_t i = 0; i < MANY; i++) tr_pool_give(&pool, block[i], 64);
    return NULL;
}

Test(pool, a_thread_without_a_cache_takes_and_gives_too) {
    static void *block[MANY];
    pthread_t thread;
    for (size_t i = 0; i < MANY; i++) block[i] = tr_pool_take(&pool, 64);
    cr_assert_eq(pthread_create(&thread, NULL, give_all, block), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_leq(held(), 1 << 20);
    cr_assert_eq(tr_cache_use(NULL), &cache);
    for (size_t i = 0; i < MANY; i++) block[i] = tr_pool_take(&pool, 64);
    cr_assert_null(tr_cache_use(&cache));
    give_all(block);
}

Test(pool, a_cache_of_another_pool_is_none) {
    tr_pool other;
    tr_cache others;
    cr_assert(tr_pool_init(&other, &heap.heap, &ground.heap));
    tr_cache_init(&others, &other);
    cr_assert_eq(tr_cache_use(&others), &cache);
    void *mine = tr_pool_take(&pool, 64), *its = tr_pool_take(&other, 64);
    cr_assert_eq(tr_slab_of(mine)->depot, pool.depot);
    cr_assert_eq(tr_slab_of(its)->depot, other.depot);
    tr_block_give(mine);
    tr_block_give(its);
    cr_assert_eq(tr_cache_use(&cache), &others);
    tr_cache_flush(&others);
    tr_pool_fini(&other);
}

/* --- The end of a pool, and what is none ------------------------------------------------------ */

Test(pool_alone, blocks_that_are_out_outlive_the_pool_and_the_last_one_frees_all) {
    static char *block[MANY];
    static size_t size[MANY];
    open_pool();
    take_many(block, size);
    leave_pool();
    for (size_t i = 0; i < MANY; i++) {
        cr_assert_gt(held(), 0);
        cr_assert_eq(counting_heap_look(&heap).blocks, 1, "the depot");
        for (size_t at = 0; at < size[i]; at++) cr_assert_eq((unsigned char)block[i][at], i % 251);
        tr_block_give(block[i]);
    }
    cr_assert(counting_heap_fini(&heap));
    cr_assert(counting_heap_fini(&ground));
}

Test(pool_alone, in_direct_mode_the_heap_sees_each_block) {
    counting_heap_init(&heap);
    cr_assert(tr_pool_init(&pool, &heap.heap, NULL));
    tr_cache_init(&cache, &pool);
    (void)tr_cache_use(&cache);
    for (size_t size = 1; size < 2000; size += 13) {
        void *memory = tr_pool_take(&pool, size);
        cr_assert_eq(counting_heap_look(&heap).bytes, size);
        tr_pool_give(&pool, memory, size);
        cr_assert_eq(counting_heap_look(&heap).bytes, 0);
    }
    (void)tr_cache_use(NULL);
    tr_cache_flush(&cache);
    tr_pool_fini(&pool);
    cr_assert(counting_heap_fini(&heap));
}

Test(pool_alone, the_system_gives_pages_that_go_back) {
    const troupe_heap *system = tr_pool_ground();
    if (!system) return; /* a build in which every pool is direct */
    counting_heap_init(&heap);
    cr_assert(tr_pool_init(&pool, &heap.heap, system));
    void *block = tr_pool_take(&pool, 1024);
    cr_assert_not_null(memset(block, 1, 1024));
    tr_pool_give(&pool, block, 1024);
    tr_pool_fini(&pool);
    cr_assert(counting_heap_fini(&heap));
}

Test(pool_alone, no_memory_for_a_pool) {
    counting_heap_init(&heap);
    counting_heap_init(&ground);
    counting_heap_fail(&heap, 1, 0);
    cr_assert_not(tr_pool_init(&pool, &heap.heap, &ground.heap));
    cr_assert(counting_heap_fini(&heap));
    cr_assert(counting_heap_fini(&ground));
}

Test(pool, no_memory_for_a_block_changes_nothing) {
    static char *block[MANY];
    static const size_t sizes[] = {64, 128, 256, 512, 1024};
    size_t n = 0;
    for (size_t nth = 1; nth <= 4; nth++) { /* the first region, and some more */
        counting_heap_fail(&ground, nth, SIZE_MAX);
        for (; (block[n] = tr_pool_take(&pool, sizes[n % 5])); n++) cr_assert_lt(n, MANY - 1);
        size_t bytes = held();
        for (int again = 0; again < 3; again++) cr_assert_null(tr_pool_take(&pool, sizes[n % 5]));
        cr_assert_eq(held(), bytes);
        counting_heap_fail(&ground, 0, 0);
        block[n] = tr_pool_take(&pool, sizes[n % 5]);
        cr_assert_not_null(block[n]);
        n++;
    }
    counting_heap_fail(&heap, 1, 0);
    cr_assert_null(tr_pool_take(&pool, 4096));
    for (size_t i = 0; i < n; i++) tr_pool_give(&pool, block[i], sizes[i % 5]);
}
