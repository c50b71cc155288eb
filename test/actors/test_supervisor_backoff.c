/* Supervisors: children that wait before they start again. */
#include "actors/supervisor_backoff.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_backoff, .timeout = 120);

enum { MS = 30000, CAP_MS = 50 };

static const player a = {.id = "a"}, b = {.id = "b"}, w = {.id = "w"};
static const player slow_b = {.id = "b", .stopping = TROUPE_LATER};

/* --- The delay -------------------------------------------------------------------------------- */

Test(supervisor_backoff, the_delay_is_drawn_up_to_twice_as_much_each_time) {
    const troupe_child spec = {.backoff_ms = 100, .backoff_max_ms = 1000000};
    uint64_t most = 100;
    for (unsigned nth = 1; nth <= 10; nth++, most *= 2) {
        cr_assert_eq(tr_backoff_delay(&spec, nth, 0), 0, "full jitter begins at nothing");
        cr_assert_eq(tr_backoff_delay(&spec, nth, most / 2), most / 2);
        cr_assert_eq(tr_backoff_delay(&spec, nth, most), most);
        cr_assert_eq(tr_backoff_delay(&spec, nth, most + 1), 0);
    }
}

Test(supervisor_backoff, the_cap_comes_after_the_drawing) {
    const troupe_child spec = {.backoff_ms = 100, .backoff_max_ms = 150};
    cr_assert_eq(tr_backoff_delay(&spec, 3, 149), 149);
    cr_assert_eq(tr_backoff_delay(&spec, 3, 151), 150);
    cr_assert_eq(tr_backoff_delay(&spec, 3, 400), 150, "it is not drawn anew below the cap");
    const troupe_child plain = {.backoff_ms = 100};
    cr_assert_eq(tr_backoff_delay(&plain, 30, UINT64_MAX / 2), 60000);
}

Test(supervisor_backoff, no_number_of_failures_overflows) {
    const troupe_child spec = {.backoff_ms = UINT32_MAX, .backoff_max_ms = UINT32_MAX};
    for (unsigned nth = 1; nth; nth *= 2)
        cr_assert_leq(tr_backoff_delay(&spec, nth, UINT64_MAX / 3), UINT32_MAX);
    cr_assert_eq(tr_backoff_delay(&spec, UINT32_MAX, (uint64_t)UINT32_MAX << 32), UINT32_MAX);
}

Simulated(supervisor_backoff, a_quiet_time_makes_the_next_failure_a_first_one) {
    troupe_self parent = {.rt = stage_open(STAGE_SIMULATED)};
    tr_kid kid = {.bond.parent = &parent,
                  .spec = {.backoff_ms = 100, .backoff_reset_ms = 70},
                  .was_ready = true};
    for (uint32_t i = 1; i <= 3; i++) {
        (void)tr_backoff_next(&kid, 69 * TR_MS);
        cr_assert_eq(kid.failures, i);
    }
    (void)tr_backoff_next(&kid, 70 * TR_MS);
    cr_assert_eq(kid.failures, 1);
    kid.was_ready = false; /* starts that fail are no quiet time, however long they take */
    (void)tr_backoff_next(&kid, 1000 * TR_MS);
    cr_assert_eq(kid.failures, 2);
    kid.spec.backoff_ms = 0;
    cr_assert_eq(tr_backoff_next(&kid, 1000 * TR_MS), 0);
    stage_close();
}

/* --- The wait --------------------------------------------------------------------------------- */

/* What it draws is all but certainly more than the cap, so that is what it waits for. */
static troupe_child waiting(const player *as, const troupe_behaviour *what) {
    troupe_child child = kid(as, 0);
    child.what = what;
    child.backoff_ms = 1u << 30;
    child.backoff_max_ms = CAP_MS;
    return child;
}

Everywhere(supervisor_backoff, it_waits_with_its_mail_and_its_supervisor_goes_on) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {waiting(&a, &player_with_4), kid(&b, 0)};
    troupe_ref top = family(child, 2, 5, MS), who = stage_find("a"), watcher = stage_enter(&w);
    cue_about(watcher, CUE_WATCH, 1, who);
    cue(watcher, CUE_SAY, 1);
    stage_expect("start(a) start(b) start(w) w:1");
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) down(w,1,USER)");
    cr_assert_eq(stage_logged("restart 1 of 5 in 30000 ms, after a delay of 50 ms"), 1);
    if (stage_is_stepped()) {
        cue_about(watcher, CUE_WATCH, 2, who); /* the life that comes */
        family_expect(top, "a:WAITING:0 b:RUNNING:0");
        for (uint32_t i = 1; i <= 4; i++) cue(who, CUE_SAY, i);
        troupe_msg *msg = cue_make(CUE_SAY, 5, TROUPE_NOBODY);
        cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_FULL, "the bound holds meanwhile");
        troupe_drop(&msg);
        let_pass(CAP_MS - 1);
        stage_expect("");
        let_pass(1);
        stage_expect("start(a) a:1 a:2 a:3 a:4");
        cue(who, CUE_EXIT, TROUPE_OK);
        stage_expect("stop(a,OK) down(w,2,OK)");
        let_pass(CAP_MS);
        stage_expect("start(a)");
    } else {
        stage_expect("start(a)");
    }
    family_expect(top, stage_is_stepped() ? "a:RUNNING:2 b:RUNNING:0" : "a:RUNNING:1 b:RUNNING:0");
    cr_assert(troupe_same(stage_find("a"), who));
    stage_close();
}

static void ends_in_the_delay(unsigned workers, troupe_strategy strategy, int how) {
    troupe *rt = stage_open(workers);
    troupe_child child[] = {kid(&slow_b, 0), waiting(&a, &player_behaviour)};
    child[1].backoff_max_ms = 1000000;
    const troupe_supervision what = {
        .child = child, .children = 2, .max_restarts = 5, .strategy = strategy};
    troupe_ref top, who;
    cr_assert_eq(troupe_supervise(rt, &what, MS, &top), TROUPE_OK);
    who = stage_find("a");
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("start(b) start(a) stop(a,USER)");
    family_expect(top, "b:RUNNING:0 a:WAITING:0");
    if (how == 0) {
        cr_assert_eq(troupe_terminate_child(rt, top, "a", MS), TROUPE_OK);
        family_expect(top, "b:RUNNING:0 a:ENDED:0");
    }
    if (how == 2) cr_assert_eq(troupe_kill(rt, top), TROUPE_OK);
    if (how != 2) cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    if (how != 2) stage_expect("stopping(b)");
    if (how != 2) cue_named("b", CUE_EXIT, TROUPE_OK);
    stage_await_gone(who);
    stage_await_gone(top);
    stage_expect(how == 2 ? "" : "stop(b,OK)");
    cr_assert_eq(rt->timers.count, 0);
    stage_close();
}

Everywhere(supervisor_backoff, case_44_a_stop_ends_the_delay) {
    for (int how = 0; how < 3; how++) {
        ends_in_the_delay(workers, TROUPE_ONE_FOR_ONE, how);
        ends_in_the_delay(workers, TROUPE_REST_FOR_ONE, how);
    }
}

/* The time passes while its supervisor still waits for a sibling to stop. */
Simulated(supervisor_backoff, a_delay_that_ends_too_late_starts_nobody) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {waiting(&a, &player_behaviour), kid(&slow_b, 0)};
    troupe_ref top = family(child, 2, 5, 0);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) start(b) stop(a,USER)");
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    stage_expect("stopping(b)");
    stage_advance(2 * CAP_MS);
    stage_expect("");
    cue_named("b", CUE_EXIT, TROUPE_OK);
    stage_expect("stop(b,OK)");
    cr_assert_not(stage_there(top));
    stage_close();
}

Everywhere(supervisor_backoff, its_group_stops_at_once_and_starts_with_it) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&b, 0), waiting(&a, &player_behaviour), kid(&w, 0)};
    const troupe_supervision what = {
        .child = child, .children = 3, .max_restarts = 5, .strategy = TROUPE_ONE_FOR_ALL};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
    stage_expect("start(b) start(a) start(w)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    if (stage_is_stepped()) {
        stage_expect("stop(a,USER) stopping(w) stop(w,SHUTDOWN) stopping(b) stop(b,SHUTDOWN)");
        family_expect(top, "b:WAITING:0 a:WAITING:0 w:WAITING:0");
        let_pass(CAP_MS);
        stage_expect("start(b) start(a) start(w)");
    } else {
        stage_expect("stop(a,USER) stopping(w) stop(w,SHUTDOWN) stopping(b) stop(b,SHUTDOWN) "
                     "start(b) start(a) start(w)");
    }
    family_expect(top, "b:RUNNING:1 a:RUNNING:1 w:RUNNING:1");
    stage_close();
}

Simulated(supervisor_backoff, the_start_of_a_tree_goes_on_past_one_that_waits) {
    (void)stage_open(STAGE_SIMULATED);
    const player late = {.id = "late", .start = TROUPE_LATER};
    const troupe_child child[] = {waiting(&a, &player_behaviour), kid(&late, 0), kid(&b, 0)};
    const troupe_supervision what = {.child = child, .children = 3, .max_restarts = 5};
    troupe_ref top;
    cr_assert_eq(troupe_spawn(stage_rt(), &troupe_supervisor, &what, &top), TROUPE_OK);
    stage_expect("start(a) start(late)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER)");
    cue_named("late", CUE_READY, 0);
    stage_expect("start(b)");
    stage_advance(CAP_MS);
    stage_expect("start(a)");
    family_expect(top, "a:RUNNING:1 late:RUNNING:0 b:RUNNING:0");
    stage_close();
}

Simulated(supervisor_backoff, dynamic_children_wait_too) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_child model = waiting(&a, &player_behaviour);
    model.name = NULL;
    const troupe_supervision what = {
        .child = &model, .children = 1, .max_restarts = 9, .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    troupe_ref top, one, two;
    cr_assert_eq(troupe_supervise(rt, &what, MS, &top), TROUPE_OK);
    cr_assert_eq(troupe_start_dynamic_child(rt, top, &a, MS, &one), TROUPE_OK);
    cr_assert_eq(troupe_start_dynamic_child(rt, top, &b, MS, &two), TROUPE_OK);
    cue(one, CUE_FAIL, TROUPE_USER);
    cue(two, CUE_FAIL, TROUPE_USER);
    stage_expect_all("start(a) start(b) stop(a,USER) stop(b,USER)");
    cr_assert_eq(troupe_terminate_dynamic_child(rt, top, two, MS), TROUPE_OK);
    stage_await_gone(two);
    stage_advance(CAP_MS);
    stage_expect("start(a)");
    stage_close();
}
