/* Children that take about as long to return as their supervisor waits for them: so to be given up
 * and to end by oneself race with each other, while they tell, send, watch, name themselves and set
 * timers. Each life begins and ends once, what one has deferred runs once, and
 * when all have returned no byte and no message is missing. */
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { CHILDREN = 4, MESSAGES = 40 };

static const troupe_type job_type = TROUPE_SIGNAL_TYPE("job");

static tr_atomic64 begun, ended, abandoned, returned, stops;
static tr_atomic32 late_closes;
static tr_atomic64 draws;

static uint64_t draw(uint64_t n) {
    uint64_t seed = tr_add64_relaxed(&draws, 1);
    return stress_random(&seed) % n;
}

/* Now and then for up to four milliseconds, around the two that it has. */
static void take_time(void) {
    if (draw(3)) return;
    uint64_t until = tr_clock() + draw(4000) * 1000;
    while (tr_clock() < until) sched_yield();
}

static void count_end(void *arg) {
    (void)arg;
    tr_add64_relaxed(&ended, 1);
}

/* What an actor does that lives, and one that was abandoned meanwhile. */
static void busy_oneself(troupe_self *self) {
    uint64_t monitor;
    troupe_msg *msg = NULL;
    troupe *rt = troupe_runtime(self);
    troupe_err err = troupe_tell(self, troupe_me(self), &job_type, NULL);
    MUST(err == TROUPE_OK || err == TROUPE_GONE || err == TROUPE_FULL);
    MUST(troupe_monitor(self, troupe_me(self), &monitor) == TROUPE_OK);
    MUST(troupe_alloc(self, 50) != NULL);
    MUST(troupe_make(rt, &job_type, NULL, &msg) == TROUPE_OK);
    MUST(troupe_send_after(self, (unsigned)draw(3), troupe_me(self), &msg, NULL) == TROUPE_OK);
    err = troupe_register(rt, troupe_me(self), "somebody");
    MUST(err == TROUPE_OK || err == TROUPE_TAKEN || err == TROUPE_GONE);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    tr_add64_relaxed(&begun, 1);
    MUST(troupe_defer(self, count_end, NULL) == TROUPE_OK);
    take_time();
    if (draw(4)) return TROUPE_OK;
    /* Who was abandoned meanwhile can't: nobody waits for it. */
    troupe_err err = troupe_tell(self, troupe_me(self), &job_type, NULL);
    MUST(err == TROUPE_OK || err == TROUPE_GONE || err == TROUPE_FULL);
    return TROUPE_LATER;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (!troupe_as(*msg, &job_type)) return TROUPE_OK;
    if (draw(4) == 0) busy_oneself(self);
    take_time();
    troupe_ready(self);
    if (draw(8) == 0) return troupe_fail(self, TROUPE_USER, "a bad job");
    return TROUPE_OK;
}

static troupe_err stopping(troupe_self *self, void *state) {
    (void)self;
    (void)state;
    take_time();
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)state;
    (void)why;
    tr_add64_relaxed(&stops, 1);
    take_time();
    if (draw(4) == 0) (void)troupe_fail(self, TROUPE_USER, "in stop");
}

static const troupe_behaviour child = {.name = "child",
                                       .mailbox_limit = 8,
                                       .state_size = 40,
                                       .start = start,
                                       .receive = receive,
                                       .stopping = stopping,
                                       .stop = stop};
static const troupe_behaviour blocking_child = {.name = "child",
                                                .mailbox_limit = 8,
                                                .blocking = true,
                                                .state_size = 40,
                                                .start = start,
                                                .receive = receive,
                                                .stopping = stopping,
                                                .stop = stop};

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    if (strncmp(line, "close:", 6) == 0) fprintf(stderr, "%s\n", line);
    if (strncmp(line, "close:", 6) == 0) tr_add32_relaxed(&late_closes, 1);
    if (strncmp(line, "abandoned:", 10) == 0) tr_add64_relaxed(&abandoned, 1);
    if (strstr(line, "which was abandoned, has returned")) tr_add64_relaxed(&returned, 1);
}

/* Restarts of the group stop children that are in the middle of something. */
static void run_tree(troupe *rt, uint64_t seed) {
    static const char *const names[CHILDREN] = {"a", "b", "c", "d"};
    troupe_child kids[CHILDREN];
    for (int i = 0; i < CHILDREN; i++)
        kids[i] = (troupe_child){.id = names[i],
                                 .name = names[i],
                                 .what = (seed + (uint64_t)i) % 3 ? &child : &blocking_child,
                                 .flush = (seed + (uint64_t)i) % 4 == 0,
                                 .poison_after = (uint32_t)i,
                                 .shutdown_ms = seed % 5 == 0 ? TROUPE_BRUTAL : 1};
    const troupe_supervision tree = {.child = kids,
                                     .children = CHILDREN,
                                     .max_restarts = 20000,
                                     .strategy = (troupe_strategy)(seed % 3)};
    troupe_ref top, to;
    /* Now and then the tree is stopped before it is complete. */
    troupe_err err = troupe_supervise(rt, &tree, seed % 4 ? STRESS_PATIENCE_MS : 1, &top);
    MUST(err == TROUPE_OK || err == TROUPE_TIMEOUT);
    for (unsigned i = 0; i < MESSAGES; i++) {
        troupe_msg *msg = NULL;
        if (troupe_whereis(rt, names[draw(CHILDREN)], &to)) {
            sched_yield();
            continue;
        }
        MUST(troupe_make(rt, &job_type, NULL, &msg) == TROUPE_OK);
        troupe_err posted = troupe_post(rt, to, &msg);
        MUST(posted == TROUPE_OK || posted == TROUPE_FULL || posted == TROUPE_GONE);
        troupe_drop(&msg);
    }
    if (draw(3) == 0 && !err) (void)troupe_kill(rt, top);
}

static void run_round(uint64_t seed) {
    static stress_heap heap;
    stress_heap_init(&heap);
    const troupe_heap none = {NULL, NULL, NULL};
    const troupe_config config = {.workers = 1 + (unsigned)(seed % 3),
                                  .close_ms = STRESS_PATIENCE_MS,
                                  .heap = seed % 2 ? heap.heap : none,
                                  .log = log_line,
                                  .fold_ms = TROUPE_FOLD_NOTHING};
    troupe *rt;
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    run_tree(rt, seed);
    troupe_close(&rt); /* which asks whether all messages are accounted for */
    MUST(tr_load32_acquire(&late_closes) == 0);
    MUST(stress_heap_empty(&heap));
    MUST(tr_load64_relaxed(&begun) == tr_load64_relaxed(&ended));
    MUST(tr_load64_relaxed(&abandoned) == tr_load64_relaxed(&returned));
}

int main(void) {
    uint64_t since = tr_clock(), rounds = stress_count(600, 150);
    for (uint64_t i = 0; i < rounds; i++) run_round(i);
    MUST(tr_load64_relaxed(&abandoned) > 0 && tr_load64_relaxed(&stops) > 0);
    printf("abandon: %llu runtimes, %llu lives, %llu abandoned and returned, %llu ms; all held\n",
           (unsigned long long)rounds, (unsigned long long)tr_load64_relaxed(&begun),
           (unsigned long long)tr_load64_relaxed(&abandoned),
           (unsigned long long)((tr_clock() - since) / TR_MS));
    return 0;
}
