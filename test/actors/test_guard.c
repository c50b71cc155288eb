#include <criterion/criterion.h>

#include "base/os.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(guard, .timeout = 60);

/* --- Deadlines -------------------------------------------------------------------------------- */

/* How long each callback takes, in microseconds of the stage's clock. */
static struct {
    unsigned start, receive, stopping, stop;
    troupe_err returns; /* from each of them */
} takes;

static troupe_err work(unsigned us) {
    *stage_clock() += us * UINT64_C(1000);
    return takes.returns;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    (void)state;
    (void)arg;
    return work(takes.start);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    stage_say("got");
    troupe_err err = work(takes.receive);
    if (err != TROUPE_SHUTDOWN) return err;
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static troupe_err stopping(troupe_self *self, void *state) {
    (void)self;
    (void)state;
    return work(takes.stopping);
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)state;
    stage_say("stop(%s)", troupe_errname(why));
    (void)work(takes.stop);
}

static const troupe_behaviour timed = {.name = "timed",
                                       .deadline_ms = 10,
                                       .start = start,
                                       .receive = receive,
                                       .stopping = stopping,
                                       .stop = stop};

static troupe_ref enter(void) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &timed, NULL, &who), TROUPE_OK);
    return who;
}

Test(guard, who_is_in_time_lives_on) {
    (void)stage_open(STAGE_SIMULATED);
    takes.start = takes.receive = takes.stopping = takes.stop = 10000;
    troupe_ref who = enter();
    cue(who, CUE_SAY, 0);
    stage_expect("got");
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    stage_expect("stop(SHUTDOWN)");
    cr_assert_eq(stage_logged("actor failed"), 0);
    stage_close();
}

Test(guard, a_message_that_takes_too_long_fails_the_actor) {
    (void)stage_open(STAGE_SIMULATED);
    takes.receive = 10001;
    troupe_ref who = enter();
    cue(who, CUE_SAY, 0);
    stage_expect("got stop(TOO_SLOW)");
    cr_assert_not(stage_there(who));
    cr_assert_eq(stage_logged("in cue from outside: TOO_SLOW (a callback took longer than its "
                              "behaviour allows): 10001 us, of 10 ms at most"),
                 1);
    cr_assert_eq(stage_dead_letters(), 1, "the message that it failed on");
    stage_close();
}

Test(guard, a_start_that_takes_too_long_is_one_that_failed) {
    (void)stage_open(STAGE_SIMULATED);
    takes.start = 10001;
    const troupe_err returned[] = {TROUPE_OK, TROUPE_LATER, TROUPE_IGNORE};
    troupe_ref who;
    for (size_t i = 0; i < 2; i++) {
        takes.returns = returned[i];
        cr_assert_eq(troupe_spawn(stage_rt(), &timed, NULL, &who), TROUPE_TOO_SLOW);
    }
    stage_close();
}

Test(guard, stopping_and_stop_have_a_deadline_too) {
    (void)stage_open(STAGE_SIMULATED);
    takes.stopping = 10001;
    troupe_ref who = enter();
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    stage_expect("stop(TOO_SLOW)");
    takes.stopping = 0;
    takes.stop = 10001;
    who = enter();
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    stage_expect("stop(SHUTDOWN)");
    cr_assert_eq(stage_logged("in its stop: TOO_SLOW"), 1);
    stage_close();
}

Test(guard, who_fails_or_exits_anyway_has_its_own_reason) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter();
    takes.receive = 20000;
    takes.returns = TROUPE_USER;
    cue(who, CUE_SAY, 0);
    stage_expect("got stop(USER)");
    takes.returns = TROUPE_OK;
    who = enter();
    takes.returns = TROUPE_SHUTDOWN; /* it exits */
    cue(who, CUE_SAY, 0);
    stage_expect("got stop(OK)");
    stage_close();
}

Test(guard, who_is_too_slow_is_restarted) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = {.id = "kid", .what = &timed, .name = "kid"};
    troupe_ref root = family(&child, 1, 3, 1000);
    takes.receive = 10001;
    cue_named("kid", CUE_SAY, 0);
    stage_expect("got stop(TOO_SLOW)");
    takes.receive = 0;
    cue_named("kid", CUE_SAY, 0);
    stage_expect("got");
    cr_assert_eq(stage_logged("restart 1 of 3"), 1);
    family_stop(root);
    stage_forget();
    stage_close();
}

Test(guard, without_memory_for_one_there_is_no_actor) {
    (void)stage_open(STAGE_SIMULATED);
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe_ref who;
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_spawn(stage_rt(), &timed, NULL, &who);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
    }
    stage_close();
}
