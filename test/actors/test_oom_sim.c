/* Simulations without memory: what opens one says so; one that runs ends the process rather than do
 * something else; and what only looks takes none. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <troupe/troupe.h>

#include "actors/sim.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"

static const player ann = {.id = "ann"};

static counting_heap heap; /* the simulation's own */
static troupe_sim *sim;
static troupe *rt;
static troupe_ref who;

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

static const troupe_config silent = {.log = quiet};

static void begin(void) {
    counting_heap_init(&heap);
    const troupe_sim_config config = {.heap = heap.heap};
    cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
    cr_assert_eq(troupe_sim_runtime(sim, &silent, &rt), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ann, &who), TROUPE_OK);
    const struct cue body = {CUE_SAY, 1, TROUPE_NOBODY};
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(rt, &cue_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
}

static void end(void) {
    troupe_close(&rt);
    troupe_sim_close(&sim);
    cr_assert(counting_heap_fini(&heap));
}

Test(oom, troupe_sim_open) {
    const uint32_t trace[] = {1, 2, 3};
    for (exhaust x = {0}; exhaust_next(&x);) {
        counting_heap_init(&heap);
        sim = NULL;
        const troupe_sim_config config = {.heap = heap.heap, .trace = trace, .trace_length = 3};
        exhaust_from(&x, &heap);
        troupe_err err = troupe_sim_open(&config, &sim);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(sim == NULL, refused);
        troupe_sim_close(&sim);
        cr_assert(counting_heap_fini(&heap));
    }
    const troupe_sim_config half = {.heap = {.take = heap.heap.take}};
    cr_assert_eq(troupe_sim_open(&half, &sim), TROUPE_INVALID);
}

Test(oom, troupe_sim_runtime) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        counting_heap_init(&heap);
        rt = NULL;
        const troupe_sim_config config = {.heap = heap.heap};
        cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
        exhaust_from(&x, &heap);
        troupe_err err = troupe_sim_runtime(sim, &silent, &rt);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(rt == NULL, refused);
        troupe_close(&rt);
        troupe_sim_close(&sim);
        cr_assert(counting_heap_fini(&heap));
    }
}

static void refuse_all(void) {
    begin();
    counting_heap_fail(&heap, 1, SIZE_MAX);
}

Test(oom, troupe_sim_step, .signal = SIGABRT) {
    refuse_all();
    (void)troupe_sim_step(sim);
}

Test(oom, troupe_sim_run, .signal = SIGABRT) {
    refuse_all();
    troupe_sim_run(sim, 1);
}

Test(oom, troupe_sim_settle, .signal = SIGABRT) {
    refuse_all();
    (void)troupe_sim_settle(sim, 1);
}

Test(oom, troupe_sim_rest, .signal = SIGABRT) {
    refuse_all();
    (void)troupe_sim_rest(sim, 1);
}

/* A choice is made, but the recording is at its end. */
Test(oom, troupe_sim_choose) {
    size_t length;
    begin();
    (void)troupe_sim_choose(sim, 2);
    cr_assert_not_null(troupe_sim_trace(sim, &length));
    cr_assert_eq(length, 1);
    counting_heap_fail(&heap, 1, SIZE_MAX);
    for (int i = 0; i < 1000; i++) cr_assert_lt(troupe_sim_choose(sim, 3), 3);
    cr_assert_null(troupe_sim_trace(sim, &length));
    cr_assert_eq(length, 0);
    counting_heap_fail(&heap, 0, 0);
    end();
}

static void do_nothing(const troupe_sim_config *config, void *ctx) {
    (void)config;
    (void)ctx;
}

Test(oom, troupe_sim_trials) {
    const troupe_trials trials = {.name = "none", .test = do_nothing, .seeds = 1};
    struct rlimit before;
    cr_assert_eq(getrlimit(RLIMIT_AS, &before), 0);
    const struct rlimit little = {1 << 20, before.rlim_max};
    cr_assert_eq(setrlimit(RLIMIT_AS, &little), 0);
    bool ran = troupe_sim_trials(&trials, NULL);
    cr_assert_eq(setrlimit(RLIMIT_AS, &before), 0); /* the test's own end needs memory, too */
    cr_assert_not(ran);
}

/* --- What takes nothing ----------------------------------------------------------------------- */

static void look(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_sim_now(sim), 0);
    cr_assert_eq(troupe_sim_events(sim), 0);
    cr_assert_eq(troupe_sim_hash(sim), 0);
    cr_assert_eq(troupe_sim_leaks(sim), 0);
    cr_assert_eq(troupe_sim_faults(sim).failed, 0);
    size_t length;
    cr_assert_null(troupe_sim_trace(sim, &length));
}

static void order(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_sim_fail(sim, who, 1), TROUPE_OK);
    cr_assert_eq(troupe_sim_full(sim, who, true), TROUPE_OK);
    troupe_sim_fail_alloc(sim, 1);
    cr_assert_eq(troupe_sim_hold(sim, who, true), TROUPE_OK);
    troupe_sim_late(sim, rt, 10);
    troupe_sim_calm(sim);
}

static void without(void (*act)(void *ctx)) {
    begin();
    exhaust_nothing(&heap, act, NULL);
    end();
}

static void looks(void) {
    without(look);
}

static void orders(void) {
    without(order);
}

Test(takes_nothing, troupe_sim_now) {
    looks();
}
Test(takes_nothing, troupe_sim_events) {
    looks();
}
Test(takes_nothing, troupe_sim_hash) {
    looks();
}
Test(takes_nothing, troupe_sim_leaks) {
    looks();
}
Test(takes_nothing, troupe_sim_faults) {
    looks();
}
Test(takes_nothing, troupe_sim_trace) {
    looks();
}
Test(takes_nothing, troupe_sim_fail) {
    orders();
}
Test(takes_nothing, troupe_sim_full) {
    orders();
}
Test(takes_nothing, troupe_sim_fail_alloc) {
    orders();
}
Test(takes_nothing, troupe_sim_hold) {
    orders();
}
Test(takes_nothing, troupe_sim_late) {
    orders();
}
Test(takes_nothing, troupe_sim_calm) {
    orders();
}

static void close_it(void *ctx) {
    (void)ctx;
    troupe_sim_close(&sim);
}

Test(takes_nothing, troupe_sim_close) {
    begin();
    troupe_close(&rt);
    exhaust_nothing(&heap, close_it, NULL);
    cr_assert(counting_heap_fini(&heap));
}

Test(takes_nothing, troupe_sim_wrong, .signal = SIGABRT) {
    begin();
    counting_heap_fail(&heap, 1, SIZE_MAX);
    troupe_sim_wrong(&(troupe_sim_config){.heap = heap.heap}, "it takes nothing");
}
