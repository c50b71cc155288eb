/* What some benchmarks measure with: work of a known length, percentiles, resident memory. */
#ifndef TROUPE_BENCH_MEASURE_H
#define TROUPE_BENCH_MEASURE_H

#include "bench.h"

#include <time.h>

/* Monotonic nanoseconds, the clock of the runtime too. */
static inline uint64_t bench_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline void bench_sleep_until(uint64_t when) {
    struct timespec until = {(time_t)(when / 1000000000), (long)(when % 1000000000)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL)) {
    }
}

/* Keeps a core busy for `rounds` of a loop that no compiler can shorten: each round waits for the
 * one before, and none touches memory. */
static inline void bench_work(uint64_t rounds) {
    uint64_t x = rounds;
    for (uint64_t i = 0; i < rounds; i++) x = x * 6364136223846793005u + 1442695040888963407u;
    __asm__ volatile("" : : "r"(x)); /* somebody may want to know it */
}

/* How many rounds make `ns` of work: the fastest of many tries, since only a disturbed one can be
 * slower. */
static inline uint64_t bench_rounds(uint64_t ns) {
    enum { TRIES = 50, ROUNDS = 100000 };
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t began = bench_now();
        bench_work(ROUNDS);
        uint64_t took = bench_now() - began;
        if (took < best) best = took;
    }
    return ns * ROUNDS / (best ? best : 1) + 1;
}

static inline int bench_compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Sorts `count` times in ns, and prints their percentiles; `p999` too if it is asked for. */
static inline void bench_percentiles(const char *bench, uint64_t *ns, uint64_t count, bool p999) {
    qsort(ns, count, sizeof *ns, bench_compare);
    bench_result(bench, "p50", (double)ns[count / 2] / 1e3, "us");
    bench_result(bench, "p99", (double)ns[count * 99 / 100] / 1e3, "us");
    if (p999) bench_result(bench, "p99.9", (double)ns[count * 999 / 1000] / 1e3, "us");
}

/* Resident bytes of this process. */
static inline uint64_t bench_resident(void) {
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2) exit(1);
    fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

#endif
