#include "actors/callers.h"

#include <criterion/criterion.h>
#include <string.h>
#include <troupe/report.h>
#include <troupe/supervisor.h>

#include "base/backtrace.h"
#include "base/fatal.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(callers, .timeout = 60);

#define APART __attribute__((noinline))
static volatile int deep; /* nothing here becomes a jump */

/* The functions of the last report's callers. */
static uintptr_t function[TR_CALLERS_MOST];
static unsigned callers;

static void see(void *ctx, const troupe_report *report) {
    (void)ctx;
    if (strcmp(report->doing, "troupe_note") == 0) { /* a supervisor, of whom all is ours */
        cr_assert_eq(report->callers, 0);
        return;
    }
    callers = report->callers;
    for (unsigned i = 0; i < callers; i++) function[i] = tr_backtrace_function(report->caller[i]);
}

static troupe *open_stage(void) {
    callers = 99;
    return stage_open_as((troupe_config){.workers = STAGE_SIMULATED, .report = see});
}

static void expect(unsigned n, const uintptr_t *what) {
    if (!tr_backtrace_ready()) n = 0;
    cr_assert_eq(callers, n, "%u callers, not %u", callers, n);
    for (unsigned i = 0; i < n; i++) cr_assert_eq(function[i], what[i], "caller %u", i);
}

/* --- Ways to fail ----------------------------------------------------------------------------- */

static enum { SAY, REQUIRE, FAULT, SAY_AND_FAULT, ONLY_RETURN } way;

static APART troupe_err fault(volatile int *where) {
    *where = 1;
    return TROUPE_OK;
}

/* Returns from the macro itself, which the compiler may make a jump: then it is not seen. */
static APART troupe_err require(troupe_self *self) {
    TROUPE_REQUIRE(self, deep < 0, "deep is %d", deep);
    return TROUPE_OK;
}

static APART troupe_err helper(troupe_self *self) {
    troupe_err err = TROUPE_USER;
    if (way == SAY || way == SAY_AND_FAULT) err = troupe_fail(self, TROUPE_USER, "so");
    if (way == REQUIRE) err = require(self);
    deep++;
    return err;
}

static APART troupe_err middle(troupe_self *self) {
    troupe_err err = helper(self);
    if (way == FAULT || way == SAY_AND_FAULT) err = fault((int *)(uintptr_t)(deep & 8));
    deep++;
    return err;
}

static APART troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    troupe_err err = middle(self);
    deep++;
    return err;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    troupe_err err = middle(self);
    deep++;
    return err;
}

static troupe_err stopping(troupe_self *self, void *state) {
    (void)state;
    troupe_err err = middle(self);
    deep++;
    return err;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)state, (void)why;
    (void)middle(self);
    deep++;
}

static troupe_ref enter(troupe_behaviour what) {
    static troupe_behaviour kept[8];
    static unsigned used;
    troupe_ref who = TROUPE_NOBODY;
    what.name = "x";
    what.receive = receive;
    kept[used] = what;
    cr_assert_eq(troupe_spawn(stage_rt(), &kept[used++], NULL, &who), TROUPE_OK);
    return who;
}

static void fails_in_receive(troupe_behaviour what) {
    cue(enter(what), CUE_SAY, 1);
    (void)stage_run();
}

/* --- From the place to the callback ----------------------------------------------------------- */

static const uintptr_t in_receive[] = {(uintptr_t)helper, (uintptr_t)middle, (uintptr_t)receive};
static const uintptr_t in_start[] = {(uintptr_t)helper, (uintptr_t)middle, (uintptr_t)start};

Test(callers, of_each_callback_end_at_it) {
    troupe *rt = open_stage();
    troupe_ref who;
    fails_in_receive((troupe_behaviour){0});
    expect(3, in_receive);
    way = REQUIRE;
    fails_in_receive((troupe_behaviour){0});
    if (callers && function[0] == (uintptr_t)require)
        memmove(function, function + 1, --callers * sizeof *function);
    expect(3, in_receive);
    way = SAY;
    const troupe_behaviour what = {.name = "x", .receive = receive, .stop = stop};
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    (void)stage_run();
    const uintptr_t in_stop[] = {(uintptr_t)helper, (uintptr_t)middle, (uintptr_t)stop};
    expect(3, in_stop);
    who = enter((troupe_behaviour){.stopping = stopping});
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    (void)stage_run();
    const uintptr_t in_stopping[] = {(uintptr_t)helper, (uintptr_t)middle, (uintptr_t)stopping};
    expect(3, in_stopping);
    const troupe_behaviour bad = {.name = "x", .receive = receive, .start = start};
    const troupe_child child = {.id = "x", .what = &bad};
    const troupe_supervision tree = {.child = &child, .children = 1};
    cr_assert_eq(troupe_supervise(rt, &tree, 1000, &who), TROUPE_START_FAILED);
    expect(3, in_start);
    stage_close();
}

/* Uses a callback of others as a function. */
static troupe_err pass_to_receive(troupe_self *self, void *state, troupe_msg **msg) {
    troupe_err err = receive(self, state, msg);
    deep++;
    return err;
}

Test(callers, end_at_a_callback_of_the_actors_own) {
    troupe *rt = open_stage();
    const troupe_behaviour what = {.name = "z", .receive = pass_to_receive};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    (void)stage_run();
    const uintptr_t all[] = {(uintptr_t)helper, (uintptr_t)middle, (uintptr_t)receive,
                             (uintptr_t)pass_to_receive};
    expect(4, all);
    stage_close();
}

Test(callers, are_known_through_a_guard) {
    (void)open_stage();
    fails_in_receive((troupe_behaviour){.deadline_ms = 1000});
    expect(3, in_receive);
    stage_close();
}

Test(callers, of_an_error_that_is_just_returned_are_not_known) {
    (void)open_stage();
    way = ONLY_RETURN;
    fails_in_receive((troupe_behaviour){0});
    expect(0, NULL);
    stage_close();
}

Test(callers, the_first_failure_counts) {
    if (!tr_fatal_install()) return; /* a sanitizer has the handlers */
    tr_fatal_uninstall();
    (void)open_stage();
    way = SAY_AND_FAULT;
    fails_in_receive((troupe_behaviour){.fatal = TROUPE_FATAL_FAIL});
    expect(3, in_receive);
    stage_close();
}

static APART troupe_err descend(troupe_self *self, unsigned n) {
    troupe_err err = n ? descend(self, n - 1) : helper(self);
    deep++;
    return err;
}

static troupe_err receive_deep(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    troupe_err err = descend(self, 40);
    deep++;
    return err;
}

Test(callers, are_at_most_so_many) {
    troupe *rt = open_stage();
    const troupe_behaviour what = {.name = "deep", .receive = receive_deep};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    (void)stage_run();
    uintptr_t all[TR_CALLERS_MOST] = {(uintptr_t)helper};
    for (unsigned i = 1; i < TR_CALLERS_MOST; i++) all[i] = (uintptr_t)descend;
    expect(TR_CALLERS_MOST, all);
    stage_close();
}

/* --- Signals ---------------------------------------------------------------------------------- */

Test(callers, of_a_signal_begin_where_that_came) {
    if (!tr_fatal_install()) return; /* a sanitizer has the handlers */
    tr_fatal_uninstall();
    (void)open_stage();
    way = FAULT;
    fails_in_receive((troupe_behaviour){.fatal = TROUPE_FATAL_FAIL});
    const uintptr_t what[] = {(uintptr_t)fault, (uintptr_t)middle, (uintptr_t)receive};
    expect(3, what);
    stage_close();
}
