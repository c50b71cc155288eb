/* Waits for the start or the stop of children. */
#include <criterion/criterion.h>
#include <troupe/observe.h>
#include <troupe/supervisor.h>

#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(waits_child, .timeout = 60);

enum { LONG = 50000 }; /* milliseconds that a test never takes */

static const player ann = {.id = "ann"};

static troupe *open_breaking(void) {
    return stage_open_as((troupe_config){.workers = 1, .break_deadlocks = true});
}

static troupe_ref above;

static troupe_err start_sibling(const char *id) {
    const troupe_child child = {.id = id, .what = &player_behaviour, .arg = &ann};
    troupe_ref who;
    return troupe_start_child(stage_rt(), above, &child, LONG, &who);
}

static troupe_err start_with_sibling(troupe_self *self, void *state, const void *arg) {
    (void)self, (void)state, (void)arg;
    if (!troupe_same(above, TROUPE_NOBODY)) stage_say("c:%s", troupe_errname(start_sibling("d")));
    return TROUPE_OK;
}

static troupe_err change_siblings(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state;
    if (cue_n(*msg))
        stage_say("c:%s", troupe_errname(start_sibling("e")));
    else
        stage_say("c:%s", troupe_errname(troupe_terminate_child(stage_rt(), above, "c", LONG)));
    return TROUPE_OK;
}

static const troupe_behaviour sibling = {
    .name = "sibling", .blocking = true, .start = start_with_sibling, .receive = change_siblings};

static void supervise(troupe_strategy strategy) {
    const troupe_supervision tree = {.strategy = strategy, .max_restarts = 1, .name = "above"};
    troupe_ref root;
    above = TROUPE_NOBODY;
    cr_assert_eq(troupe_supervise(stage_rt(), &tree, LONG, &root), TROUPE_OK);
    above = root;
}

static troupe_ref start_c(void) {
    const troupe_child child = {.id = "c", .what = &sibling, .restart = TROUPE_TEMPORARY};
    troupe_ref who;
    cr_assert_eq(troupe_start_child(stage_rt(), above, &child, LONG, &who), TROUPE_OK);
    return who;
}

Test(waits_child, a_start_waits_for_one_that_comes_behind_it) {
    (void)open_breaking();
    supervise(TROUPE_REST_FOR_ONE);
    (void)start_c();
    stage_expect("c:DEADLOCK start(ann)"); /* what it asked for goes on */
    cr_assert_eq(stage_logged("above/c waits for above/c: its start"), 1);
    stage_forget();
    stage_close();
}

Test(waits_child, a_start_may_wait_for_one_that_does_not) {
    (void)open_breaking();
    supervise(TROUPE_ONE_FOR_ONE);
    troupe_ref c = start_c();
    stage_expect("start(ann) c:OK");
    cue(c, CUE_SAY, 1);
    stage_expect("start(ann) c:OK");
    cr_assert_eq(stage_logged("deadlock"), 0);
    stage_close();
}

Test(waits_child, one_waits_for_its_own_stop) {
    (void)open_breaking();
    supervise(TROUPE_ONE_FOR_ONE);
    troupe_ref c = start_c();
    stage_expect("start(ann) c:OK");
    cue(c, CUE_SAY, 0);
    stage_expect("c:DEADLOCK");
    cr_assert_eq(stage_logged("above/c waits for above/c: its stop"), 1);
    stage_await_gone(c);
    stage_close();
}

static troupe_wait seen[4];
static size_t seen_count;

static troupe_err never_answer(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static troupe_err see_start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    seen_count = troupe_waits(troupe_runtime(self), seen, 4);
    seen[3].who = troupe_me(self);
    return TROUPE_OK;
}

/* In every order of a simulation: the one to be started, or whom it waits behind. */
Test(waits_child, for_a_start_is_seen) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    static const troupe_behaviour seer = {.start = see_start, .receive = never_answer};
    const troupe_child child = {.id = "seer", .what = &seer};
    troupe_ref who;
    supervise(TROUPE_REST_FOR_ONE);
    cr_assert_eq(troupe_start_child(rt, above, &child, LONG, &who), TROUPE_OK);
    cr_assert_eq(seen_count, 1);
    cr_assert(troupe_same(seen[0].whom, who) && troupe_same(seen[3].who, who));
    cr_assert_eq(seen[0].what, TROUPE_WAIT_START);
    stage_close();
}
