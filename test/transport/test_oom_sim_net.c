/* A simulated network that gets no memory ends the process: the run would be another one. */
#include <criterion/criterion.h>
#include <signal.h>
#include <troupe/remote.h>
#include <troupe/simulation.h>

#include "test/support/counting_heap.h"

static counting_heap heap; /* the simulation's own */
static troupe_sim *sim;
static troupe *one, *other;

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

static troupe_node *open_node(troupe **rt, const char *name) {
    const troupe_config config = {.log = quiet};
    const troupe_node_config node = {.name = name, .secret = "0123456789abcdef", .secret_size = 16};
    troupe_node *made;
    cr_assert_eq(troupe_sim_runtime(sim, &config, rt), TROUPE_OK);
    cr_assert_eq(troupe_node_open(*rt, &node, &made), TROUPE_OK);
    return made;
}

/* Two nodes, connected; from here on the simulation gets nothing. */
static void refuse_all(void) {
    counting_heap_init(&heap);
    const troupe_sim_config config = {.heap = heap.heap};
    cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
    troupe_node *a = open_node(&one, "one"), *b = open_node(&other, "other");
    cr_assert_eq(troupe_listen(b, "sim://other", NULL, 0), TROUPE_OK);
    cr_assert_eq(troupe_connect(a, "sim://other", 1000), TROUPE_OK);
    counting_heap_fail(&heap, 1, SIZE_MAX);
}

/* Two runtimes that have no network yet. */
static void refuse_the_first(void) {
    counting_heap_init(&heap);
    const troupe_sim_config config = {.heap = heap.heap};
    const troupe_config silent = {.log = quiet};
    cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
    cr_assert_eq(troupe_sim_runtime(sim, &silent, &one), TROUPE_OK);
    cr_assert_eq(troupe_sim_runtime(sim, &silent, &other), TROUPE_OK);
    counting_heap_fail(&heap, 1, SIZE_MAX);
}

Test(oom, troupe_sim_cut, .signal = SIGABRT) {
    refuse_the_first();
    troupe_sim_cut(sim, one, other, true);
}

Test(oom, troupe_sim_slow, .signal = SIGABRT) {
    refuse_the_first();
    troupe_sim_slow(sim, one, other, 5);
}

Test(oom, troupe_sim_disconnect, .signal = SIGABRT) {
    refuse_all();
    troupe_sim_disconnect(sim, one, other);
}

Test(oom, troupe_sim_crash, .signal = SIGABRT) {
    refuse_all();
    troupe_sim_crash(sim, &one);
}
