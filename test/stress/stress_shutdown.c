/* A thousand runtimes that are closed at random moments, under load, while their trees restart,
 * wait, are held, flush, retry, start slowly and stop slowly or not at all. Each close returns
 * within its deadline, in good order: nobody has to be killed for it but by its own supervisor. */
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { LEAVES = 6, BRANCHES = 3, CLOSE_MS = 20000 };

static const troupe_type work_type = TROUPE_SIGNAL_TYPE("work");

/* What the children of a round do; drawn before it starts. */
static struct {
    unsigned fails_in;   /* one message in so many */
    unsigned slow_start; /* one start in so many says LATER, and is never ready; 0: none */
    unsigned slow_stop;  /* one child in so many does not stop when asked; 0: none */
} habits;
static tr_atomic64 seed, lives, failures, sent;
static tr_atomic32 late_closes, reports;
static tr_atomic64 last_one; /* the id of the ref of who started last */

static uint64_t draw(void) {
    uint64_t own = tr_add64_relaxed(&seed, 0x9E3779B97F4A7C15u);
    return stress_random(&own);
}

static bool one_in(unsigned n) {
    return n && draw() % n == 0;
}

/* What a send to oneself may say. GONE: a machine that is slow has had it given up meanwhile. */
static bool may_be(troupe_err err) {
    return err == TROUPE_OK || err == TROUPE_FULL || err == TROUPE_GONE;
}

/* Each watches who started before it, perhaps in another life, or long ago. */
static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    (void)tr_add64_relaxed(&lives, 1);
    troupe_ref who = troupe_me(self);
    uint64_t monitor, own = who.id;
    who.id = tr_load64_relaxed(&last_one);
    tr_store64_relaxed(&last_one, own);
    MUST(troupe_monitor(self, who, &monitor) == TROUPE_OK);
    MUST(may_be(troupe_tell(self, troupe_me(self), &work_type, NULL)));
    return one_in(habits.slow_start) ? TROUPE_LATER : TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (troupe_as(*msg, &troupe_down_type)) return TROUPE_OK;
    if (one_in(habits.fails_in)) {
        (void)tr_add64_relaxed(&failures, 1);
        return troupe_fail(self, TROUPE_USER, "as drawn");
    }
    (void)tr_add64_relaxed(&sent, 1);
    MUST(may_be(troupe_send(self, troupe_me(self), msg))); /* so there is load for ever */
    return TROUPE_OK;
}

static troupe_err stopping(troupe_self *self, void *state) {
    (void)self, (void)state;
    return one_in(habits.slow_stop) ? TROUPE_LATER : TROUPE_OK;
}

static const troupe_behaviour leaf = {
    .name = "leaf", .mailbox_limit = 4, .start = start, .receive = receive, .stopping = stopping};

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level;
    if (strncmp(line, "close:", 6) == 0) tr_add32_relaxed(&late_closes, 1);
    if (strncmp(line, "actor failed:", 13) == 0) tr_add32_relaxed(&reports, 1);
}

static void describe_leaf(troupe_child *child, const char *id) {
    uint64_t drawn = draw();
    *child = (troupe_child){.id = id,
                            .what = &leaf,
                            .restart = drawn % 4 ? TROUPE_PERMANENT : TROUPE_TRANSIENT,
                            .shutdown_ms = drawn / 4 % 4 ? 5 : TROUPE_BRUTAL,
                            .start_ms = 10,
                            .backoff_ms = drawn / 16 % 2,
                            .backoff_max_ms = 5,
                            .max_restarts = drawn / 32 % 4 ? 0 : 3,
                            .hold = true,
                            .flush = drawn / 128 % 2,
                            .poison_after = (unsigned)(drawn / 256 % 4)};
}

static void run_round(uint64_t round) {
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f"};
    static stress_heap heap;
    troupe_child leaves[BRANCHES][LEAVES], branch_child[BRANCHES];
    troupe_supervision branch[BRANCHES];
    troupe *rt;
    troupe_ref top;
    habits.fails_in = 2 + (unsigned)(draw() % 50);
    habits.slow_start = draw() % 3 ? 0 : 20;
    habits.slow_stop = draw() % 2 ? 0 : 4;
    stress_heap_init(&heap);
    for (int i = 0; i < BRANCHES; i++) {
        for (int j = 0; j < LEAVES; j++) describe_leaf(&leaves[i][j], ids[j]);
        branch[i] = (troupe_supervision){.child = leaves[i],
                                         .children = LEAVES,
                                         .max_restarts = draw() % 4 ? TROUPE_UNLIMITED : 20,
                                         .within_ms = 1000,
                                         .strategy = (troupe_strategy)(draw() % 3)};
        branch_child[i] = (troupe_child){.id = ids[i],
                                         .what = &troupe_supervisor,
                                         .arg = &branch[i],
                                         .backoff_ms = 1,
                                         .backoff_max_ms = 5};
    }
    const troupe_supervision root = {
        .child = branch_child, .children = BRANCHES, .max_restarts = TROUPE_UNLIMITED};
    const troupe_config config = {.workers = 1 + (unsigned)(round % 3),
                                  .close_ms = CLOSE_MS,
                                  .heap = heap.heap,
                                  .log = log_line,
                                  .fold_ms = TROUPE_FOLD_NOTHING};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    /* In one round of four nobody waits for the tree to have started. */
    if (round % 4)
        MUST(troupe_spawn(rt, &troupe_supervisor, &root, &top) == TROUPE_OK);
    else if (troupe_supervise(rt, &root, 50, &top))
        MUST(tr_load64_relaxed(&lives) > 0); /* a slow start may have failed it */
    for (uint64_t n = draw() % 200; n > 0; n--) sched_yield();
    uint64_t begun = tr_clock();
    troupe_close(&rt);
    MUST(tr_clock() - begun < CLOSE_MS * TR_MS);
    MUST(tr_load32_acquire(&late_closes) == 0);
    MUST(stress_heap_empty(&heap));
}

int main(int argc, char **argv) {
    uint64_t begun = tr_clock();
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : stress_count(1000, 40);
    for (uint64_t i = 0; i < rounds; i++) run_round(i);
    MUST(tr_load64_relaxed(&failures) > 0 && tr_load64_relaxed(&sent) > 0);
    printf(
        "shutdown: %llu runtimes, %llu lives, %llu failures, %llu messages, %u reports, %llu ms; "
        "all held\n",
        (unsigned long long)rounds, (unsigned long long)tr_load64_relaxed(&lives),
        (unsigned long long)tr_load64_relaxed(&failures),
        (unsigned long long)tr_load64_relaxed(&sent), tr_load32_relaxed(&reports),
        (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
