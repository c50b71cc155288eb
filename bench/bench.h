/* What the benchmarks share: one line a result, `<bench> <system> <metric> <value> <unit>`, and
 * waiting for an actor that says when the work is done. Public interface only, as a user has it. */
#ifndef TROUPE_BENCH_H
#define TROUPE_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <troupe/troupe.h>

/* Ends the program if something that can't fail here does. */
#define MUST(call) bench_must((call), #call, __FILE__, __LINE__)

static inline void bench_must(troupe_err err, const char *what, const char *file, int line) {
    if (!err) return;
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, troupe_strerror(err));
    exit(1);
}

/* Number `index` of the command line, or a default. */
static inline uint64_t bench_arg(int argc, char **argv, int index, uint64_t otherwise) {
    return argc > index ? strtoull(argv[index], NULL, 10) : otherwise;
}

/* Workers as TROUPE_BENCH_WORKERS says; otherwise one a core. */
static inline unsigned bench_workers(void) {
    const char *workers = getenv("TROUPE_BENCH_WORKERS");
    unsigned count = workers ? (unsigned)strtoul(workers, NULL, 10) : 0;
    return count ? count : (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
}

/* A runtime with that many workers. Silent: reports are not what is measured. */
static inline troupe *bench_open_with(unsigned workers) {
    const troupe_config config = {.workers = workers, .quiet = TROUPE_ERROR};
    troupe *rt = NULL;
    MUST(troupe_open(&config, &rt));
    return rt;
}

static inline troupe *bench_open(void) {
    return bench_open_with(bench_workers());
}

/* Memory for `count` things, all zero; never NULL. */
static inline void *bench_alloc(uint64_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) abort();
    return memory;
}

/* The next of a row of random numbers (xorshift64*) that is the same in every run. `*state` is not
 * zero. */
static inline uint64_t bench_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717u >> 16;
}

/* A `start` that takes its argument as the state. */
#define BENCH_START(name, type)                                                                    \
    static troupe_err name(troupe_self *self, void *state, const void *arg) {                      \
        (void)self;                                                                                \
        memcpy(state, arg, sizeof(type));                                                          \
        return TROUPE_OK;                                                                          \
    }

static inline void bench_result(const char *bench, const char *metric, double value,
                                const char *unit) {
    printf("%s troupe %s %.4g %s\n", bench, metric, value, unit);
}

/* The two figures of most benchmarks. */
static inline void bench_rate(const char *bench, uint64_t messages, uint64_t ns) {
    bench_result(bench, "time", (double)ns / (double)messages, "ns/message");
    bench_result(bench, "rate", (double)messages * 1e3 / (double)ns, "M/s");
}

/* --- The finish line: an actor that answers once it has been told `runners` times ---------- */

static const troupe_type bench_wait_type = TROUPE_SIGNAL_TYPE("wait");
static const troupe_type bench_done_type = TROUPE_SIGNAL_TYPE("done");

struct bench_finish {
    uint64_t runners;
    troupe_ref asker;
};

static inline troupe_err bench_finish_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    ((struct bench_finish *)state)->runners = *(const uint64_t *)arg;
    return TROUPE_OK;
}

static inline troupe_err bench_finish_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct bench_finish *finish = state;
    if (troupe_as(*msg, &bench_wait_type)) finish->asker = troupe_sender(self);
    if (troupe_as(*msg, &bench_done_type)) finish->runners--;
    if (finish->runners || troupe_same(finish->asker, TROUPE_NOBODY)) return TROUPE_OK;
    return troupe_tell(self, finish->asker, &bench_done_type, NULL);
}

static const troupe_behaviour bench_finish = {.name = "finish",
                                              .state_size = sizeof(struct bench_finish),
                                              .mailbox_limit = 4096,
                                              .start = bench_finish_start,
                                              .receive = bench_finish_receive};

static inline troupe_ref bench_finish_line(troupe *rt, uint64_t runners) {
    troupe_ref ref;
    MUST(troupe_spawn(rt, &bench_finish, &runners, &ref));
    return ref;
}

/* Waits until all runners are there. */
static inline void bench_wait(troupe *rt, troupe_ref finish) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, &bench_wait_type, NULL, &msg));
    MUST(troupe_ask(rt, finish, &msg, 600 * 1000));
    troupe_drop(&msg);
}

/* Posts a message without a body, which must be accepted. */
static inline void bench_post(troupe *rt, troupe_ref to, const troupe_type *type) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, type, NULL, &msg));
    MUST(troupe_post(rt, to, &msg));
}

#endif
