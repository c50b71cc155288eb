/* What the stress programs share: a check that ends the program with status 1, counts that shrink
 * under a sanitizer, seeded randomness, and a heap that counts. */
#ifndef TROUPE_TEST_STRESS_H
#define TROUPE_TEST_STRESS_H

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/heap.h>

#include "base/atomic.h"
#include "base/os.h"

/* Says what is wrong and ends the process, whatever its other threads do. */
static inline _Noreturn void stress_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: violated: %s\n", file, line, what);
    fflush(NULL);
    _Exit(1);
}

/* A promise that the program watches over. */
#define MUST(condition) ((condition) ? (void)0 : stress_failed(#condition, __FILE__, __LINE__))

/* Whatever waits gives up after this: a lost wake-up is a violation, not a program that hangs. */
enum { STRESS_PATIENCE_MS = 60000 };

static inline uint64_t stress_deadline(void) {
    return tr_after_ms(tr_clock(), STRESS_PATIENCE_MS);
}

/* Asked of the linker, not of the preprocessor, which each compiler answers in its own way. */
extern void __tsan_init(void) __attribute__((weak));
extern void __asan_init(void) __attribute__((weak));

/* How many rounds to do: `plain`, or `slow` under a sanitizer, unless TROUPE_STRESS=full says that
 * there is time. */
static inline uint64_t stress_count(uint64_t plain, uint64_t slow) {
    const char *wish = getenv("TROUPE_STRESS");
    bool full = wish && strcmp(wish, "full") == 0;
    return (__tsan_init || __asan_init) && !full ? slow : plain;
}

/* Seeded randomness (splitmix64): the same seed gives the same numbers. */
static inline uint64_t stress_random(uint64_t *seed) {
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* A heap that counts what is outstanding. By relaxed atomics: a lock would put the threads in an
 * order that the code under test has not made, and so hide races. */
typedef struct stress_heap {
    troupe_heap heap;
    tr_atomic64 bytes, blocks;
} stress_heap;

static inline void *stress_take(void *ctx, size_t size) {
    stress_heap *heap = ctx;
    tr_add64_relaxed(&heap->bytes, size);
    tr_add64_relaxed(&heap->blocks, 1);
    return malloc(size);
}

static inline void stress_give(void *ctx, void *memory, size_t size) {
    stress_heap *heap = ctx;
    tr_add64_relaxed(&heap->bytes, UINT64_C(0) - size);
    tr_add64_relaxed(&heap->blocks, UINT64_MAX);
    free(memory);
}

/* Makes a heap; it must not move afterwards. */
static inline void stress_heap_init(stress_heap *heap) {
    *heap = (stress_heap){.heap = {stress_take, stress_give, heap}};
}

/* Whether all that was taken has been given back, with the right sizes. */
static inline bool stress_heap_empty(stress_heap *heap) {
    return !tr_load64_relaxed(&heap->bytes) && !tr_load64_relaxed(&heap->blocks);
}

#endif
