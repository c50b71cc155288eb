/* Threads that take blocks and hand them to each other, with and without caches, while the pool
 * ends: each block is one thread's at a time, whole, and in the end all memory has gone back. Then
 * the same by actors of a runtime without an allocator of its own, whose messages are such blocks.
 */
#include <stdint.h>
#include <troupe/actor.h>

#include "base/pool.h"
#include "test/stress/stress.h"

enum { THREADS = 4, SLOTS = 512, HELD = 300 };

/* What a block says of itself, in its first and last bytes. */
typedef struct stamp {
    uint64_t size, number;
} stamp;

/* A place where a block waits for whoever comes by: 0, or its address. */
static tr_atomic64 slot[SLOTS];
static stress_heap heap, ground;
static tr_pool pool;
static uint64_t rounds;

static stamp *end_of(void *block, size_t size) {
    return (stamp *)(void *)((char *)block + (size & ~(size_t)15)) - 1;
}

static void *make(uint64_t *seed) {
    size_t size = 32 + stress_random(seed) % (stress_random(seed) % 4 ? 33 : 1100);
    void *block = tr_pool_take(&pool, size);
    MUST(block && (uintptr_t)block % 16 == 0);
    stamp it = {size, stress_random(seed)};
    *(stamp *)block = *end_of(block, size) = it;
    return block;
}

static size_t check(void *block) {
    stamp it = *(stamp *)block, *last = end_of(block, it.size);
    MUST(last->size == it.size && last->number == it.number);
    *last = (stamp){0, 0};
    return it.size;
}

static void end(void *block) {
    tr_pool_give(&pool, block, check(block));
}

/* Puts a block where another thread finds it, and takes what was there. */
static void *exchange(uint64_t at, void *block) {
    uint64_t before = tr_load64_acquire(&slot[at]);
    while (!tr_cas64_seq(&slot[at], &before, (uint64_t)(uintptr_t)block)) {
    }
    return (void *)(uintptr_t)before;
}

static void *work(void *arg) {
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    tr_cache cache;
    tr_cache_init(&cache, &pool);
    if (seed % 4) (void)tr_cache_use(&cache); /* one in four goes by the common one */
    void *mine[HELD];
    for (uint64_t i = 0; i < rounds; i++) {
        size_t n = stress_random(&seed) % HELD;
        for (size_t j = 0; j < n; j++) mine[j] = make(&seed);
        for (size_t j = 0; j < n; j++) {
            void *other = stress_random(&seed) % 2 ? exchange(stress_random(&seed) % SLOTS, mine[j])
                                                   : mine[j];
            if (other) end(other);
        }
        if (i % 64 == 0) tr_cache_flush(&cache);
    }
    (void)tr_cache_use(NULL);
    tr_cache_flush(&cache);
    return NULL;
}

static void open_pool(void) {
    stress_heap_init(&heap);
    stress_heap_init(&ground);
    MUST(tr_pool_init(&pool, &heap.heap, &ground.heap));
}

static void run(void) {
    tr_thread thread[THREADS];
    open_pool();
    for (uintptr_t i = 0; i < THREADS; i++)
        MUST(tr_thread_start(&thread[i], "pool", work, (void *)(i + 1)));
    for (unsigned i = 0; i < THREADS; i++) tr_thread_join(&thread[i]);
    for (size_t i = 0; i < SLOTS; i++) {
        void *left = exchange(i, NULL);
        if (left) end(left);
    }
    tr_pool_fini(&pool);
    MUST(stress_heap_empty(&heap) && stress_heap_empty(&ground));
}

/* Gives what it finds, until it has seen all: the pool may have ended. */
static void *sweep(void *arg) {
    tr_atomic64 *left = arg;
    uint64_t deadline = stress_deadline();
    while (tr_load64_relaxed(left)) {
        for (size_t i = 0; i < SLOTS; i++) {
            void *block = exchange(i, NULL);
            if (!block) continue;
            (void)check(block);
            tr_block_give(block);
            (void)tr_add64_relaxed(left, UINT64_MAX);
        }
        MUST(tr_clock() < deadline);
    }
    return NULL;
}

/* The pool ends while other threads give its last blocks back. */
static void run_orphans(uint64_t times) {
    for (uint64_t i = 0; i < times; i++) {
        uint64_t seed = i;
        tr_atomic64 left = {0};
        tr_thread thread[2];
        open_pool();
        for (size_t at = 0; at < SLOTS; at++) {
            void *block = make(&seed);
            if (((stamp *)block)->size > TR_POOL_MOST) {
                end(block); /* is the heap's */
                continue;
            }
            MUST(!exchange(at, block));
            (void)tr_add64_relaxed(&left, 1);
        }
        for (unsigned t = 0; t < 2; t++) MUST(tr_thread_start(&thread[t], "sweep", sweep, &left));
        tr_pool_fini(&pool);
        for (unsigned t = 0; t < 2; t++) tr_thread_join(&thread[t]);
        MUST(stress_heap_empty(&heap) && stress_heap_empty(&ground));
    }
}

/* --- Messages --------------------------------------------------------------------------------- */

enum { RELAYS = 32, BATONS = 64 };

struct baton {
    uint64_t left, number;
    troupe_bytes load; /* each byte is the number's lowest */
};
static const troupe_type baton_type = TROUPE_TYPE(
    baton, TROUPE_FIELD(baton, left), TROUPE_FIELD(baton, number), TROUPE_FIELD(baton, load));

static troupe_ref relay[RELAYS];
static tr_atomic64 arrived;

static troupe_msg *next_baton(troupe *rt, uint64_t left, uint64_t number) {
    unsigned char load[1500];
    size_t size = number % 8 ? number % 100 : number % sizeof load;
    memset(load, (int)(number & 0xFF), size);
    struct baton body = {left, number, {load, size}};
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, &baton_type, &body, &msg) == TROUPE_OK);
    return msg;
}

/* Passes on a new message, and ends this one here. */
static troupe_err run_on(troupe_self *self, void *state, troupe_msg **msg) {
    const struct baton *baton = troupe_as(*msg, &baton_type);
    const unsigned char *load = baton->load.data;
    uint64_t seed = baton->number;
    (void)state;
    for (size_t i = 0; i < baton->load.size; i++) MUST(load[i] == (baton->number & 0xFF));
    if (!baton->left) {
        (void)tr_add64_relaxed(&arrived, 1);
        return TROUPE_OK;
    }
    uint64_t to = stress_random(&seed) % RELAYS;
    troupe_msg *next = next_baton(troupe_runtime(self), baton->left - 1, seed >> 8);
    MUST(troupe_send(self, relay[to], &next) == TROUPE_OK);
    return TROUPE_OK;
}

static void run_messages(uint64_t times) {
    const troupe_behaviour runner = {.name = "relay", .state_size = 48, .receive = run_on};
    const troupe_config config = {.workers = 3};
    uint64_t seed = 1, deadline = stress_deadline();
    troupe *rt;
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    for (int i = 0; i < RELAYS; i++) MUST(troupe_spawn(rt, &runner, NULL, &relay[i]) == TROUPE_OK);
    for (int i = 0; i < BATONS; i++) {
        troupe_msg *msg = next_baton(rt, times, stress_random(&seed) >> 8);
        MUST(troupe_post(rt, relay[i % RELAYS], &msg) == TROUPE_OK);
    }
    while (tr_load64_relaxed(&arrived) < BATONS) {
        MUST(tr_clock() < deadline);
        sched_yield();
    }
    troupe_msg *kept = next_baton(rt, 0, 7);
    troupe_close(&rt);
    MUST(((const struct baton *)troupe_as(kept, &baton_type))->number == 7);
    troupe_drop(&kept);
}

int main(void) {
    uint64_t begun = tr_clock(), times = stress_count(500, 100);
    rounds = stress_count(10000, 1000);
    run();
    run_orphans(times);
    run_messages(rounds);
    printf(
        "pool: %u threads, %llu rounds each, %llu pools ended under way, %llu messages, %llu ms; "
        "all held\n",
        (unsigned)THREADS, (unsigned long long)rounds, (unsigned long long)times,
        (unsigned long long)rounds * BATONS, (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
