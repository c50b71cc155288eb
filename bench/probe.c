/* probe [HANDOFFS]: how far apart are the first two cores that this process may use? Two threads,
 * one on each, hand a cache line to and fro. On a virtual machine the answer changes by the minute,
 * and with it every figure of two cores, so only rounds with the same answer compare. Prints
 * nanoseconds a hand-off there and back, or 0 if there is only one core. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct {
    _Alignas(128) atomic_uint_fast64_t turn;
    char rest[120];
} line;
static uint64_t handoffs = 200000;

/* The fastest of so many parts counts: in the others something else ran on one of the cores. */
enum { PARTS = 20 };

static void *answer(void *unused) {
    for (uint64_t i = 0; i < handoffs; i++) {
        while (atomic_load_explicit(&line.turn, memory_order_acquire) != 2 * i + 1) {
        }
        atomic_store_explicit(&line.turn, 2 * i + 2, memory_order_release);
    }
    return unused;
}

static uint64_t now(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void pin(pthread_t thread, size_t core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    pthread_setaffinity_np(thread, sizeof set, &set);
}

int main(int argc, char **argv) {
    if (argc > 1) handoffs = (strtoull(argv[1], NULL, 10) / PARTS + 1) * PARTS;
    cpu_set_t may;
    size_t core[2], cores = 0;
    if (sched_getaffinity(0, sizeof may, &may)) return 1;
    for (size_t i = 0; i < CPU_SETSIZE && cores < 2; i++)
        if (CPU_ISSET(i, &may)) core[cores++] = i;
    if (cores < 2) {
        puts("probe machine distance 0 ns");
        return 0;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, answer, NULL)) return 1;
    pin(thread, core[1]);
    pin(pthread_self(), core[0]);
    uint64_t best = UINT64_MAX, i = 0;
    for (uint64_t part = 1; part <= PARTS; part++) {
        uint64_t began = now();
        for (; i < handoffs / PARTS * part; i++) {
            atomic_store_explicit(&line.turn, 2 * i + 1, memory_order_release);
            while (atomic_load_explicit(&line.turn, memory_order_acquire) != 2 * i + 2) {
            }
        }
        uint64_t took = now() - began;
        if (took < best) best = took;
    }
    printf("probe machine distance %.4g ns\n", (double)best * PARTS / (double)handoffs);
    pthread_join(thread, NULL);
}
