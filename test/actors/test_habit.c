/* An actor that handles its messages by another function than its behaviour says. */
#include "actors/habit.h"

#include <criterion/criterion.h>
#include <troupe/report.h>

#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/nothing.h"
#include "test/support/stage.h"

TestSuite(habit, .timeout = 120);

enum { CHANGE = 100, BACK = 101, FAIL = 102, CLOCK = 103, SPIN = 104 };

static troupe_err by_day(troupe_self *self, void *state, troupe_msg **msg);

static troupe_err by_night(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    switch (cue_n(*msg)) {
    case BACK:
        cr_assert_eq(troupe_become(self, NULL), TROUPE_OK);
        return troupe_become(self, NULL);
    case FAIL:
        return troupe_fail(self, TROUPE_USER, "at night");
    case CLOCK:
        *stage_clock() += 100 * UINT64_C(1000000);
        return TROUPE_OK;
    default:
        stage_say("night(%u)", cue_n(*msg));
        return TROUPE_OK;
    }
}

static troupe_err by_day(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (cue_n(*msg) == CHANGE) return troupe_become(self, by_night);
    if (cue_n(*msg) == FAIL) return TROUPE_USER;
    stage_say("day(%u)", cue_n(*msg));
    return TROUPE_OK;
}

static bool starts_at_night;

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    stage_say("start");
    return starts_at_night ? troupe_become(self, by_night) : TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self, (void)state;
    stage_say("stop(%s)", why == TROUPE_USER ? "USER" : troupe_errname(why));
}

static const troupe_behaviour guardsman = {
    .name = "guardsman", .mailbox_limit = 4, .start = start, .receive = by_day, .stop = stop};

static void tell(troupe_ref to, uint32_t n) {
    cue(to, CUE_SAY, n);
}

static troupe_ref open_as(unsigned workers, const troupe_behaviour *what, bool at_night) {
    troupe_child child = {.id = "g", .name = "g", .what = what};
    starts_at_night = at_night;
    (void)stage_open(workers);
    (void)family(&child, 1, TROUPE_UNLIMITED, 0);
    return stage_find("g");
}

Everywhere(habit, from_the_next_message_on_another_function_handles_them) {
    troupe_ref who = open_as(workers, &guardsman, false);
    tell(who, 1);
    tell(who, CHANGE);
    stage_expect("start day(1)");
    tell(who, 2);
    tell(who, BACK);
    stage_expect("night(2)");
    tell(who, 3);
    stage_expect("day(3)");
    stage_close();
}

Everywhere(habit, the_next_life_begins_with_its_own) {
    troupe_ref who = open_as(workers, &guardsman, false);
    tell(who, CHANGE);
    tell(who, 1);
    tell(who, FAIL);
    stage_expect("start night(1) stop(USER) start");
    tell(who, 2);
    stage_expect("day(2)");
    stage_close();
}

Everywhere(habit, a_start_may_say_so) {
    troupe_ref who = open_as(workers, &guardsman, true);
    tell(who, 1);
    tell(who, BACK);
    stage_expect("start night(1)");
    tell(who, 2);
    stage_expect("day(2)");
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_expect("start");
    tell(who, 3);
    stage_expect("night(3)");
    stage_close();
}

/* Also at the top level, where it starts on the spawner's thread. */
Everywhere(habit, a_start_on_a_plain_thread_too) {
    troupe_ref who;
    starts_at_night = true;
    (void)stage_open(workers);
    cr_assert_eq(troupe_spawn(stage_rt(), &guardsman, NULL, &who), TROUPE_OK);
    tell(who, 1);
    stage_expect("start night(1)");
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    stage_await_gone(who);
    stage_expect("stop(SHUTDOWN)");
    stage_close();
}

/* The next actor in its place is its own. */
Test(habit, it_goes_with_the_actor) {
    troupe_ref who, next;
    starts_at_night = true;
    (void)stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn(stage_rt(), &guardsman, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    (void)stage_run();
    starts_at_night = false;
    cr_assert_eq(troupe_spawn(stage_rt(), &guardsman, NULL, &next), TROUPE_OK);
    cr_assert_eq((uint32_t)next.id, (uint32_t)who.id);
    tell(next, 1);
    stage_expect("start start day(1)");
    stage_close();
}

/* What stands around its callbacks stays there. */
Test(habit, a_guarded_actor_stays_guarded) {
    troupe_behaviour what = guardsman;
    what.deadline_ms = 50;
    troupe_ref who = open_as(TROUPE_STEPPED, &what, false);
    tell(who, CHANGE);
    tell(who, 1);
    stage_expect("start night(1)");
    tell(who, CLOCK);
    stage_expect("stop(TOO_SLOW) start");
    tell(who, 2);
    stage_expect("day(2)");
    stage_close();
}

/* A blocking one changes under the lock that others read it by. */
Test(habit, an_actor_with_a_thread_of_its_own) {
    troupe_behaviour what = guardsman;
    what.blocking = true;
    troupe_ref who = open_as(2, &what, false);
    tell(who, CHANGE);
    tell(who, 1);
    stage_expect("start night(1)");
    tell(who, FAIL);
    stage_expect("stop(USER) start");
    tell(who, 2);
    stage_expect("day(2)");
    stage_close();
}

/* --- Reports ---------------------------------------------------------------------------------- */

static unsigned callers;

static void see(void *ctx, const troupe_report *report) {
    (void)ctx;
    callers = report->callers;
    cr_assert_str_eq(report->behaviour, "guardsman");
    cr_assert_str_eq(report->text, "at night");
}

/* It is a callback: what called it is the runtime, and nobody's to read. */
Test(habit, a_report_names_callers_up_to_the_function) {
    troupe_ref who;
    starts_at_night = true;
    (void)stage_open_as((troupe_config){.workers = TROUPE_STEPPED, .report = see});
    cr_assert_eq(troupe_spawn(stage_rt(), &guardsman, NULL, &who), TROUPE_OK);
    tell(who, FAIL);
    (void)stage_run();
    cr_assert_eq(callers, 1, "%u", callers);
    stage_close();
}

/* --- Memory ----------------------------------------------------------------------------------- */

static troupe_err exhausted(troupe_self *self, void *state, troupe_msg **msg) {
    bool refused = false;
    (void)state, (void)msg;
    for (exhaust x = {0}; exhaust_next(&x);) {
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_become(self, by_day);
        refused |= exhaust_to(&x);
        cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM);
        cr_assert_eq(self->what->receive == by_day, self->has_habit);
    }
    cr_assert(refused);
    return TROUPE_OK;
}

Test(oom, troupe_become) {
    static const troupe_behaviour actor = {.name = "actor", .receive = exhausted};
    troupe_ref who;
    (void)stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(stage_rt(), &actor, NULL, &who), TROUPE_OK);
    tell(who, 1);
    tell(who, 2);
    stage_expect("day(2)");
    stage_close();
}
