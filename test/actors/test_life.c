#include <criterion/criterion.h>

#include "base/atomic.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(life, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

/* --- Ending ----------------------------------------------------------------------------------- */

Test(life, exit_ends_after_the_callback_with_its_reason) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_err reasons[] = {TROUPE_OK, TROUPE_SHUTDOWN, TROUPE_FULL,
                                  (troupe_err)(TROUPE_USER + 1)};
    const char *words[] = {"start(ann) stop(ann,OK)", "start(ann) stop(ann,SHUTDOWN)",
                           "start(ann) stop(ann,FULL)", "start(ann) stop(ann,USER)"};
    for (size_t i = 0; i < 4; i++) {
        troupe_ref who = stage_enter(&ann);
        cue(who, CUE_EXIT, (uint32_t)reasons[i]);
        cue(who, CUE_SAY, 1); /* is never handled */
        stage_expect(words[i]);
        cr_assert_not(stage_there(who));
    }
    cr_assert_eq(stage_dead_letters(), 6, "four were left unread, and two failed on");
    cr_assert_eq(stage_logged("actor failed: player"), 2);
    stage_close();
}

Test(life, an_error_of_receive_fails_this_actor_alone) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = stage_enter(&ann), b = stage_enter(&ben);
    cue(a, CUE_RETURN, TROUPE_TOOBIG);
    cue(b, CUE_SAY, 1);
    stage_expect("start(ann) start(ben) stop(ann,TOOBIG) ben:1");
    cr_assert_eq(stage_logged("actor failed: player (life 1) in cue from outside: TOOBIG "
                              "(larger than the limit); not supervised; 0 messages kept"),
                 1);
    stage_close();
}

Test(life, fail_tells_text_and_place) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann), b = stage_enter(&ben);
    cue_about(b, CUE_PASS, 1, a);
    (void)stage_run();
    cue(a, CUE_FAIL, TROUPE_OK);
    stage_expect("start(ann) start(ben) ann:1 stop(ann,FAILED)");
    cr_assert_eq(stage_logged("FAILED (the actor failed): \"as told\" at "), 1);
    cr_assert_eq(stage_logged("player.c:"), 1);
    stage_close();
}

static troupe_err fail_by_far(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    (void)troupe_fail(self, TROUPE_SYSTEM, "%0500d", 1);
    return troupe_fail(self, TROUPE_TOOBIG, "the first one counts");
}

Test(life, a_long_text_is_cut_and_the_first_failure_counts) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.name = "far", .receive = fail_by_far};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    (void)stage_run();
    cr_assert_eq(stage_logged("actor failed: far (life 1) in cue from outside: SYSTEM"), 1);
    cr_assert_eq(stage_logged("\"0000000000"), 1);
    cr_assert_eq(stage_logged("the first one counts"), 0);
    stage_close();
}

Test(life, the_message_that_it_failed_on_is_a_dead_letter) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    cue(who, CUE_FAIL, TROUPE_FAILED);
    (void)stage_run();
    cr_assert_eq(stage_dead_letters(), 1);
    cr_assert_eq(stage_logged("dead letter: cue from outside to "), 1);
    cr_assert_eq(stage_logged(": its actor failed on it"), 1);
    stage_close();
}

Test(life, a_kill_runs_nothing_more_of_the_actor) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    cue(who, CUE_SAY, 1);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    stage_expect("start(ann)");
    cr_assert_not(stage_there(who));
    cr_assert_eq(stage_dead_letters(), 1);
    cr_assert_eq(stage_logged("actor failed"), 0, "a kill is nobody's failure");
    stage_close();
}

Test(life, a_stop_goes_ahead_of_the_mail_and_the_mail_to_dead_letters) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    for (uint32_t i = 0; i < 10; i++) cue(who, CUE_SAY, i);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("start(ann) stopping(ann) stop(ann,SHUTDOWN)");
    cr_assert_eq(stage_dead_letters(), 10);
    cr_assert_eq(stage_logged(": its actor ended before it came to it"), 1);
    stage_close();
}

Test(life, stopping_later_goes_on_until_exit) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player slow = {.id = "slow", .stopping = TROUPE_LATER};
    troupe_ref who = stage_enter(&slow);
    for (int i = 0; i < 3; i++) { /* it is asked once only */
        cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
        cue(who, CUE_SAY, 1);
        (void)stage_run();
    }
    stage_expect("start(slow) stopping(slow) slow:1 slow:1 slow:1");
    cue(who, CUE_EXIT, TROUPE_SHUTDOWN);
    stage_expect("stop(slow,SHUTDOWN)");
    stage_close();
}

Test(life, stopping_later_does_not_ward_off_a_kill) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player slow = {.id = "slow", .stopping = TROUPE_LATER};
    troupe_ref who = stage_enter(&slow);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("start(slow) stopping(slow)");
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    stage_await_gone(who);
    stage_expect("");
    stage_close();
}

Test(life, an_error_of_stopping_is_a_failure) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player sick = {.id = "sick", .stopping = TROUPE_SYSTEM};
    troupe_ref who = stage_enter(&sick);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("start(sick) stopping(sick) stop(sick,SYSTEM)");
    cr_assert_eq(stage_logged("actor failed: player (life 1) in stopping"), 1);
    stage_close();
}

/* --- Busy actors ------------------------------------------------------------------------------ */

static tr_atomic32 gate;

static void pass_gate(void) {
    while (!tr_load32_acquire(&gate)) {
    }
}

static troupe_err work_hard(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    stage_say("busy:%u", cue_n(*msg));
    pass_gate();
    stage_say("done:%u", cue_n(*msg));
    return TROUPE_OK;
}

static void stop_hard(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    stage_say("stop(%s)", troupe_errname(why));
}

static void end_the_busy(bool kill, const char *words) {
    const troupe_behaviour hard = {.receive = work_hard, .stop = stop_hard};
    troupe *rt = stage_open(2);
    tr_store32_release(&gate, 0);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &hard, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    cue(who, CUE_SAY, 2);
    stage_expect("busy:1");
    cr_assert_eq(kill ? troupe_kill(rt, who) : troupe_stop(rt, who), TROUPE_OK);
    stage_say("asked");
    tr_store32_release(&gate, 1);
    stage_expect(words);
    stage_await_gone(who);
    stage_expect("");
    cr_assert_eq(stage_dead_letters(), 1);
    stage_close();
}

Test(life, a_busy_actor_ends_when_its_callback_returns) {
    for (int i = 0; i < 50; i++) {
        end_the_busy(false, "asked done:1 stop(SHUTDOWN)");
        end_the_busy(true, "asked done:1");
    }
}

static troupe_err stop_oneself(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    bool kill = cue_n(*msg);
    troupe_err (*end)(troupe *, troupe_ref) = kill ? troupe_kill : troupe_stop;
    cr_assert_eq(end(troupe_runtime(self), troupe_me(self)), TROUPE_OK);
    stage_say(kill ? "kill" : "stop");
    return TROUPE_OK;
}

Test(life, an_actor_may_stop_or_kill_itself) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.receive = stop_oneself, .stop = stop_hard};
    troupe_ref who;
    for (uint32_t kill = 0; kill < 2; kill++) {
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, kill);
        stage_expect(kill ? "kill" : "stop stop(SHUTDOWN)");
        cr_assert_not(stage_there(who));
    }
    stage_close();
}

/* --- Failing in each callback ----------------------------------------------------------------- */

static troupe_err need(troupe_self *self, int n) {
    TROUPE_REQUIRE(self, n % 100 < 7, "n is %d", n);
    stage_say("went-on");
    return TROUPE_OK;
}

static troupe_err need_in_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return need(self, (int)cue_n(*msg));
}

Test(life, a_condition_that_does_not_hold_fails_the_actor_on_the_spot) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.name = "needy", .receive = need_in_receive};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 6);
    stage_expect("went-on");
    cue(who, CUE_SAY, 8);
    stage_expect("");
    cr_assert_not(stage_there(who));
    cr_assert_eq(stage_logged("UNMET (a condition that must hold did not): not so: n % 100 < 7: "
                              "\"n is 8\" at test/actors/test_life.c:"),
                 1);
    stage_close();
}

/* Fails when it comes to the callback whose number is in its argument. */
enum { IN_START, IN_STOPPING, IN_STOP };

static troupe_err fail_in_start(troupe_self *self, void *state, const void *arg) {
    *(int *)state = *(const int *)arg;
    return *(int *)state == IN_START ? need(self, 8) : TROUPE_OK;
}

static troupe_err fail_in_stopping(troupe_self *self, void *state) {
    return *(int *)state == IN_STOPPING ? need(self, 8) : TROUPE_OK;
}

static void fail_in_stop(troupe_self *self, void *state, troupe_err why) {
    stage_say("stop(%s)", troupe_errname(why));
    if (*(int *)state == IN_STOP) (void)troupe_fail(self, TROUPE_USER, "in stop");
    if (*(int *)state == IN_STOP) (void)troupe_fail(self, TROUPE_FULL, "once more");
}

static const troupe_behaviour failing = {.name = "failing",
                                         .state_size = sizeof(int),
                                         .start = fail_in_start,
                                         .receive = need_in_receive,
                                         .stopping = fail_in_stopping,
                                         .stop = fail_in_stop};

Test(life, a_condition_is_heard_in_start_and_stopping_too) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &failing, &(int){IN_START}, &who), TROUPE_UNMET);
    cr_assert_eq(troupe_spawn(rt, &failing, &(int){IN_STOPPING}, &who), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stop(UNMET)");
    cr_assert_eq(stage_logged("in stopping from outside: UNMET"), 1);
    stage_close();
}

Test(life, a_stop_that_fails_is_told_once_and_the_life_ends_for_its_reason) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who, watcher = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &failing, &(int){IN_STOP}, &who), TROUPE_OK);
    cue_about(watcher, CUE_WATCH, 1, who);
    (void)stage_run();
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("start(ann) stop(SHUTDOWN) down(ann,1,SHUTDOWN)");
    cr_assert_eq(stage_logged("actor failed"), 1);
    cr_assert_eq(stage_logged("actor failed: failing (life 1) in its stop: USER"), 1);
    cr_assert_eq(stage_logged("\"in stop\" at "), 1);
    stage_close();
}

Test(life, a_stop_that_fails_after_a_failure_hides_nothing) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &failing, &(int){IN_STOP}, &who), TROUPE_OK);
    cue(who, CUE_SAY, 9);
    stage_expect("stop(UNMET)");
    cr_assert_eq(stage_logged("in its stop: USER"), 1);
    cr_assert_eq(stage_logged("in cue from outside: UNMET"), 1);
    stage_close();
}
