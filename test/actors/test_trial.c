/* Trials of tests that find something, and of tests that do not. What trials print is for people;
 * it is caught here. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <troupe/troupe.h>
#include <unistd.h>

#include "actors/sim.h"

TestSuite(trial, .timeout = 60);

static char said[8192];

/* Runs trials and catches what they print. */
static bool try_it(troupe_trials trials, troupe_tried *tried) {
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    fflush(stdout);
    int before = dup(STDOUT_FILENO);
    cr_assert_geq(dup2(fileno(file), STDOUT_FILENO), 0);
    trials.name = "some";
    bool ok = troupe_sim_trials(&trials, tried);
    fflush(stdout);
    cr_assert_geq(dup2(before, STDOUT_FILENO), 0);
    close(before);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return ok;
}

/* Makes 20 choices below 4; then what `what` says. */
static uint32_t sum_of(const troupe_sim_config *config) {
    troupe_sim *sim;
    cr_assert_eq(troupe_sim_open(config, &sim), TROUPE_OK);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 20; i++) sum += troupe_sim_choose(sim, 4) * (i == 3 || i == 11);
    troupe_sim_close(&sim);
    return sum;
}

static void is_well(const troupe_sim_config *config, void *ctx) {
    (void)ctx;
    (void)sum_of(config);
}

static void finds_something(const troupe_sim_config *config, void *ctx) {
    (void)ctx;
    if (sum_of(config) >= 5) troupe_sim_wrong(config, "the sum is %d", 5);
}

static void crashes(const troupe_sim_config *config, void *ctx) {
    (void)ctx;
    if (config->seed == 70) raise(SIGKILL);
}

static void exits(const troupe_sim_config *config, void *ctx) {
    (void)ctx;
    if (config->seed == 3) _exit(9);
}

static void hangs(const troupe_sim_config *config, void *ctx) {
    (void)ctx;
    for (volatile uint64_t i = 0; config->seed == 5; i++) {
    }
}

static troupe_err draw(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_OK;
}

static int runs;

/* Its second run has one event more. */
static void differs(const troupe_sim_config *config, void *ctx) {
    (void)ctx;
    static const troupe_behaviour what = {.receive = draw};
    static const troupe_type go = TROUPE_SIGNAL_TYPE("go");
    troupe_sim *sim;
    troupe *rt;
    troupe_ref who;
    cr_assert_eq(troupe_sim_open(config, &sim), TROUPE_OK);
    cr_assert_eq(troupe_sim_runtime(sim, NULL, &rt), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(rt, &go, NULL, &msg), TROUPE_OK);
    if (config->seed == 4 && runs++ % 2) cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
    troupe_drop(&msg);
    cr_assert(troupe_sim_rest(sim, 1000));
    troupe_close(&rt);
    troupe_sim_close(&sim);
}

Test(trial, all_seeds_are_tried_and_summed_up) {
    troupe_tried tried;
    cr_assert(try_it((troupe_trials){.test = is_well, .first = 5, .seeds = 1000}, &tried));
    cr_assert_eq(tried.seeds, 1000);
    cr_assert_eq(tried.failed, 0);
    cr_assert_not_null(strstr(said, "some: 1000 seeds, 0 failed; "));
}

Test(trial, a_failure_is_told_with_its_seed_and_how_to_replay_it) {
    troupe_tried tried;
    cr_assert_not(try_it(
        (troupe_trials){.test = finds_something, .seeds = 1000, .replay = "./some"}, &tried));
    cr_assert_eq(tried.failed, 1);
    cr_assert_not_null(strstr(said, "FAILED: the sum is 5\n  replay: ./some "));
    const char *seed = strstr(said, "./some ") + strlen("./some ");
    const uint64_t first = strtoull(seed, NULL, 10);
    cr_assert_not(
        try_it((troupe_trials){.test = finds_something, .first = first, .seeds = 1}, NULL));
}

Test(trial, a_schedule_is_shortened_to_what_matters_and_can_be_run) {
    cr_assert_not(
        try_it((troupe_trials){.test = finds_something, .seeds = 1000, .minimise = true}, NULL));
    const char *least = strstr(said, "are the first: ");
    cr_assert_not_null(least);
    char trace[64];
    cr_assert_eq(sscanf(least, "are the first: %63s", trace), 1);
    cr_assert(strcmp(trace, "3:2,11:3") == 0 || strcmp(trace, "3:3,11:2") == 0 ||
                  strcmp(trace, "3:3,11:3") == 0,
              "%s", trace);
    cr_assert_not(try_it((troupe_trials){.test = finds_something, .trace = trace}, NULL));
    cr_assert(try_it((troupe_trials){.test = finds_something, .trace = "3:2,11:1"}, NULL));
    cr_assert_not(try_it((troupe_trials){.test = is_well, .trace = "3:2;11:1"}, NULL));
    cr_assert_not_null(strstr(said, "not a schedule: 3:2;11:1"));
}

Test(trial, a_crash_an_exit_and_a_hang_are_failures) {
    cr_assert_not(try_it((troupe_trials){.test = crashes, .seeds = 100}, NULL));
    cr_assert_not_null(strstr(said, "seed 70 FAILED: Killed"));
    cr_assert_not(try_it((troupe_trials){.test = exits, .seeds = 100}, NULL));
    cr_assert_not_null(strstr(said, "seed 3 FAILED: it exited with status 9"));
    cr_assert_not(try_it((troupe_trials){.test = hangs, .seeds = 100, .seconds = 1}, NULL));
    cr_assert_not_null(strstr(said, "seed 5 FAILED: it hangs"));
}

Test(trial, a_second_run_must_be_like_the_first) {
    cr_assert(try_it((troupe_trials){.test = is_well, .seeds = 100, .twice = true}, NULL));
    cr_assert_not(try_it((troupe_trials){.test = differs, .seeds = 100, .twice = true}, NULL));
    cr_assert_not_null(strstr(said, "seed 4 FAILED: its second run was not like the first"));
}
