#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(actor, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

static void one_life(unsigned workers) {
    troupe *rt = stage_open(workers);
    troupe_ref who = stage_enter(&ann);
    cr_assert(stage_there(who));
    cue(who, CUE_SAY, 1);
    cue(who, CUE_SAY, 2);
    stage_expect("start(ann) ann:1 ann:2");
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stopping(ann) stop(ann,SHUTDOWN)");
    stage_await_gone(who);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_GONE);
    cr_assert_eq(troupe_kill(rt, who), TROUPE_GONE);
    stage_close();
}

Test(actor, a_life_stepped) {
    one_life(STAGE_SIMULATED);
}

Test(actor, a_life_on_workers) {
    one_life(1);
    one_life(4);
}

/* --- Starting --------------------------------------------------------------------------------- */

Test(actor, start_runs_on_the_callers_thread_before_spawn_returns) {
    (void)stage_open(4);
    for (int i = 0; i < 100; i++) {
        (void)stage_enter(&ann);
        stage_expect("start(ann)");
    }
    stage_close();
}

Test(actor, an_error_of_start_is_spawns_and_nothing_is_left) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player bad = {.id = "bad", .start = (troupe_err)(TROUPE_USER + 3)};
    troupe_ref who = {7, 7};
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &bad, &who), TROUPE_USER + 3);
    cr_assert_eq(who.id, 7, "*out is written");
    stage_expect("start(bad)");
    cr_assert_eq(tr_table_live(&rt->table), 0);
    stage_close();
    cr_assert_eq(stage_logged("bad"), 0);
}

static void exit_well(troupe_self *self) {
    troupe_exit(self, TROUPE_OK);
    troupe_exit(self, TROUPE_FAILED);
}

Test(actor, an_error_of_start_counts_also_after_an_exit) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player bad = {.id = "bad", .start = TROUPE_INVALID, .at_start = exit_well};
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &bad, &who), TROUPE_INVALID);
    stage_expect("start(bad)");
    stage_close();
}

Test(actor, exit_in_start_ends_a_life_that_was_started) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player brief = {.id = "brief", .at_start = exit_well};
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &brief, &who), TROUPE_OK);
    stage_expect("start(brief) stop(brief,OK)");
    cr_assert_not(stage_there(who));
    stage_close();
}

Test(actor, a_behaviour_is_checked) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_behaviour what = player_behaviour;
    troupe_ref who;
    what.mailbox_limit = TROUPE_MAILBOX_MAX;
    cr_assert_eq(troupe_spawn(rt, &what, &ann, &who), TROUPE_OK);
    what.mailbox_limit++;
    cr_assert_eq(troupe_spawn(rt, &what, &ann, &who), TROUPE_INVALID);
    what.mailbox_limit = 0;
    what.receive = NULL;
    cr_assert_eq(troupe_spawn(rt, &what, &ann, &who), TROUPE_INVALID);
    stage_close();
}

static troupe_err swallow(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)msg;
    cr_assert_null(state);
    stage_say("swallowed");
    return TROUPE_OK;
}

Test(actor, all_but_receive_is_optional) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour least = {.receive = swallow};
    troupe_ref who;
    uint32_t limit;
    cr_assert_eq(troupe_spawn(rt, &least, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_mailbox(rt, who, NULL, &limit), TROUPE_OK);
    cr_assert_eq(limit, TROUPE_MAILBOX_DEFAULT);
    cue(who, CUE_SAY, 1);
    stage_expect("swallowed");
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_await_gone(who);
    stage_close();
}

Test(actor, the_state_of_each_actor_is_zero_at_its_start) { /* the player asserts it */
    troupe *rt = stage_open(STAGE_SIMULATED);
    for (int i = 0; i < 20; i++) {
        troupe_ref who = stage_enter(&ann);
        cue(who, CUE_COUNT, 0);
        cue(who, CUE_COUNT, 0);
        stage_expect("start(ann) ann=1 ann=2");
        cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
        stage_await_gone(who);
    }
    stage_close();
}

Test(actor, later_from_start_is_a_living_actor_without_a_supervisor_too) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player slow = {.id = "slow", .start = TROUPE_LATER};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &slow, &who), TROUPE_OK);
    cue(who, CUE_READY, 0);
    cue(who, CUE_READY, 0);
    cue(who, CUE_SAY, 1);
    stage_expect("start(slow) slow:1");
    stage_close();
}

static void spawn_ben(troupe_self *self) {
    troupe_ref who = TROUPE_NOBODY;
    troupe_err err = troupe_spawn(troupe_runtime(self), &player_behaviour, &ben, &who);
    stage_say("spawned(%s)", troupe_errname(err));
    if (!err) cr_assert_eq(troupe_kill(troupe_runtime(self), who), TROUPE_OK);
}

static void spawn_inside(unsigned workers) {
    (void)stage_open(workers);
    const player parent = {.id = "parent", .at_start = spawn_ben, .at_stop = spawn_ben};
    troupe_ref who = stage_enter(&parent);
    cue(who, CUE_EXIT, TROUPE_OK);
    stage_expect("start(parent) start(ben) spawned(OK) stop(parent,OK) start(ben) spawned(OK)");
    stage_await_gone(who);
    stage_close();
}

Test(actor, callbacks_may_spawn) {
    spawn_inside(STAGE_SIMULATED);
    spawn_inside(1);
    spawn_inside(4);
}

static void spawn_while_closing(unsigned workers) {
    (void)stage_open(workers);
    const player parent = {.id = "parent", .at_stop = spawn_ben};
    (void)stage_enter(&parent);
    stage_close();
    stage_expect("start(parent) stopping(parent) stop(parent,SHUTDOWN) spawned(CLOSED)");
}

Test(actor, a_closing_runtime_takes_no_more_actors) {
    spawn_while_closing(STAGE_SIMULATED);
    spawn_while_closing(4);
}

Test(actor, only_its_own_ref_reaches_an_actor) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    cue(who, CUE_SAY, 1);
    cr_assert_eq(troupe_stop(rt, (troupe_ref){who.node, who.id + 1}), TROUPE_GONE);
    cr_assert_eq(troupe_stop(rt, (troupe_ref){who.node + 1, who.id}), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_kill(rt, TROUPE_NOBODY), TROUPE_GONE);
    stage_expect("start(ann) ann:1");
    stage_close();
}

static troupe_err give_way(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    stage_say("%u", cue_n(*msg));
    return troupe_send(self, troupe_me(self), msg);
}

Test(actor, one_that_always_sends_to_itself_gives_way_to_others) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_behaviour what = {.receive = give_way, .mailbox_limit = 2};
    troupe_ref busy[2];
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &busy[i]), TROUPE_OK);
        cue(busy[i], CUE_SAY, i);
    }
    cr_assert_eq(troupe_step(rt, 4), 4);
    for (uint32_t i = 0; i < 2; i++) cr_assert_eq(troupe_kill(rt, busy[i]), TROUPE_OK);
    (void)stage_run();
    stage_expect("0 1 0 1");
    stage_close();
}
