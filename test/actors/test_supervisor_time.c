/* Supervisors: children that take too long to start. `case_N` is a numbered case of the conformance
 * list for supervisors. Times to stop are in test_supervisor_stop.c. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/gate.h"
#include "test/support/stage.h"

TestSuite(supervisor_time, .timeout = 120);

enum { MS = 30000, START_MS = 200 };

static const player a = {.id = "a"}, never = {.id = "never", .start = TROUPE_LATER};

static troupe_child timed(const player *as) {
    troupe_child child = kid(as, 0);
    child.start_ms = START_MS;
    return child;
}

Everywhere(supervisor_time, case_13_a_start_that_takes_too_long_is_a_failed_one) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {timed(&a), timed(&never)};
    const troupe_supervision what = {.child = child, .children = 2, .max_restarts = 5};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(rt, &what, MS, &top), TROUPE_START_FAILED);
    stage_expect("start(a) start(never) stopping(a) stop(a,SHUTDOWN)");
    cr_assert_eq(stage_logged("actor failed: supervisor/never (life 1)"), 1);
    cr_assert_eq(stage_logged("TIMEOUT (the deadline has passed); its supervisor can't start"), 1);
    stage_close();
}

static unsigned starts;

/* Only its first start completes. */
static void ready_once(troupe_self *self) {
    if (!starts++) troupe_ready(self);
}

Everywhere(supervisor_time, case_13_on_a_restart_it_is_one_more_try) {
    (void)stage_open(workers);
    const player once = {.id = "once", .start = TROUPE_LATER, .at_start = ready_once};
    const troupe_child child = timed(&once);
    starts = 0;
    troupe_ref top = family(&child, 1, 2, MS);
    cue_named("once", CUE_FAIL, TROUPE_USER);
    stage_expect("start(once) stop(once,USER) start(once)");
    let_pass(START_MS);
    stage_expect("start(once)");
    let_pass(START_MS);
    stage_await_gone(top);
    stage_expect("");
    cr_assert_eq(stage_logged("TIMEOUT (the deadline has passed); restart 2 of 2"), 1);
    cr_assert_eq(stage_logged("TIMEOUT (the deadline has passed); no restart"), 1);
    stage_close();
}

Everywhere(supervisor_time, case_13_a_stop_does_not_wait_for_a_start) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&never, 0)};
    const troupe_supervision what = {.child = child, .children = 2};
    troupe_ref top;
    cr_assert_eq(troupe_spawn(rt, &troupe_supervisor, &what, &top), TROUPE_OK);
    stage_expect("start(a) start(never)");
    family_expect(top, "a:RUNNING:0 never:STARTING:0");
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    stage_expect("stopping(never) stop(never,SHUTDOWN) stopping(a) stop(a,SHUTDOWN)");
    stage_await_gone(top);
    stage_close();
}

/* Its time ends once it is ready: what runs long is not killed for it. */
Simulated(supervisor_time, who_was_ready_in_time_is_left_alone) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {timed(&a), timed(&never)};
    const troupe_supervision what = {.child = child, .children = 2, .max_restarts = 5};
    troupe_ref top;
    cr_assert_eq(troupe_spawn(stage_rt(), &troupe_supervisor, &what, &top), TROUPE_OK);
    stage_advance(START_MS - 1);
    cue_named("never", CUE_READY, 0);
    stage_advance(10 * START_MS);
    stage_expect("start(a) start(never)");
    family_expect(top, "a:RUNNING:0 never:RUNNING:0");
    cr_assert_eq(stage_rt()->timers.count, 0);
    stage_close();
}

static void wait_at_the_gate(troupe_self *self) {
    (void)self;
    gate_wait();
}

/* A start that holds its worker holds up no request, since another worker runs the supervisor. */
Test(supervisor_time, a_start_that_blocks_holds_up_no_request) {
    troupe *rt = stage_open(4);
    gate_shut();
    const player stuck = {.id = "stuck", .at_start = wait_at_the_gate};
    const troupe_child child = kid(&a, 0), late = kid(&stuck, 0);
    troupe_ref top = family(&child, 1, 3, 0), ref;
    cr_assert_eq(troupe_start_child(rt, top, &late, 1, &ref), TROUPE_TIMEOUT);
    gate_await(1);
    family_expect(top, "a:RUNNING:0 stuck:STARTING:0");
    cr_assert_eq(troupe_terminate_child(rt, top, "a", MS), TROUPE_OK);
    cr_assert_eq(troupe_restart_child(rt, top, "a", MS, &ref), TROUPE_OK);
    gate_open(1);
    family_expect(top, "a:RUNNING:0 stuck:RUNNING:0");
    stage_close();
}
