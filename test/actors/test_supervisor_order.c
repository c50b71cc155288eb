/* Supervisors: in which order children start. `case_N` is a numbered case of the conformance list
 * for supervisors. How they stop is in test_supervisor_stop.c. */
#include <criterion/criterion.h>

#include "actors/supervisor_order.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_order, .timeout = 60);

static const player a = {.id = "a"}, c = {.id = "c"};

static void ready_in_20_ms(troupe_self *self) {
    troupe_msg *msg = cue_make(CUE_READY, 0, TROUPE_NOBODY);
    cr_assert_eq(troupe_send_after(self, 20, troupe_me(self), &msg, NULL), TROUPE_OK);
}

static const player slow_a = {.id = "a", .start = TROUPE_LATER, .at_start = ready_in_20_ms},
                    slow_b = {.id = "b", .start = TROUPE_LATER, .at_start = ready_in_20_ms},
                    slow_c = {.id = "c", .start = TROUPE_LATER, .at_start = ready_in_20_ms};

static void one_after_the_other(void) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {kid(&slow_a, 0), kid(&slow_b, 0), kid(&slow_c, 0)};
    const troupe_supervision what = {.child = child, .children = 3};
    troupe_ref top;
    cr_assert_eq(troupe_spawn(rt, &troupe_supervisor, &what, &top), TROUPE_OK);
    stage_expect("start(a)");
    family_expect(top, "a:STARTING:0 b:WAITING:0 c:WAITING:0");
    stage_advance(19);
    stage_expect("");
    stage_advance(1);
    stage_expect("start(b)");
    stage_advance(20);
    stage_expect("start(c)");
    family_expect(top, "a:RUNNING:0 b:RUNNING:0 c:STARTING:0");
    stage_advance(20);
    family_expect(top, "a:RUNNING:0 b:RUNNING:0 c:RUNNING:0");
    stage_close();
}

static void start_on(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&slow_a, 0), kid(&slow_b, 0), kid(&slow_c, 0)};
    troupe_ref top = family(child, 3, 0, 0);
    stage_expect("start(a) start(b) start(c)");
    family_expect(top, "a:RUNNING:0 b:RUNNING:0 c:RUNNING:0");
    family_stop(top);
    stage_expect("stopping(c) stop(c,SHUTDOWN) stopping(b) stop(b,SHUTDOWN) "
                 "stopping(a) stop(a,SHUTDOWN)");
    stage_close();
}

Everywhere(supervisor_order, case_1_each_starts_after_the_one_before_is_ready) {
    if (workers < STAGE_SIMULATED)
        start_on(workers);
    else
        one_after_the_other();
}

Simulated(supervisor_order, one_that_is_restarted_meanwhile_does_not_hurry_the_start) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player late = {.id = "b", .start = TROUPE_LATER};
    const troupe_child child[] = {kid(&a, 0), kid(&late, 0), kid(&c, 0)};
    const troupe_supervision what = {.child = child, .children = 3, .max_restarts = 5};
    troupe_ref top;
    cr_assert_eq(troupe_spawn(rt, &troupe_supervisor, &what, &top), TROUPE_OK);
    stage_expect("start(a) start(b)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) start(a)");
    family_expect(top, "a:RUNNING:1 b:STARTING:0 c:WAITING:0");
    cue_named("b", CUE_READY, 0);
    stage_expect("start(c)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:0 c:RUNNING:0");
    stage_close();
}
