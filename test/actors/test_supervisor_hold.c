/* Supervisors: limits of single children, and children that are held. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_hold, .timeout = 120);

enum { MS = 30000 };

static const player a = {.id = "a"}, b = {.id = "b"}, w = {.id = "w"};

static troupe_child limited(const player *as, unsigned max_restarts, bool hold) {
    troupe_child child = kid(as, 0);
    child.what = &player_with_4;
    child.max_restarts = max_restarts;
    child.within_ms = MS;
    child.hold = hold;
    return child;
}

static troupe_err again(troupe_ref top) {
    troupe_ref out;
    return troupe_restart_child(stage_rt(), top, "a", MS, &out);
}

Everywhere(supervisor_hold, at_its_own_limit_a_child_is_held_and_its_siblings_live) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {limited(&a, 2, true), kid(&b, 0)};
    troupe_ref top = family(child, 2, TROUPE_UNLIMITED, 0), who = stage_find("a"), out;
    troupe_ref watcher = stage_enter(&w);
    stage_forget();
    for (int i = 0; i < 2; i++) {
        cue(who, CUE_FAIL, TROUPE_USER);
        stage_expect("stop(a,USER) start(a)");
    }
    cue_about(watcher, CUE_WATCH, 1, who);
    cue(watcher, CUE_SAY, 1);
    stage_expect("w:1");
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) down(w,1,USER)");
    family_expect(top, "a:HELD:2 b:RUNNING:0");
    cr_assert_eq(stage_logged("no restart: its 2 in 30000 ms are used up; it is held"), 1);
    cr_assert(troupe_same(stage_find("a"), who) && stage_there(who));
    for (uint32_t i = 1; i <= 4; i++) cue(who, CUE_SAY, i);
    troupe_msg *msg = cue_make(CUE_SAY, 5, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_FULL, "its mail waits up to its bound");
    troupe_drop(&msg);
    cr_assert_eq(troupe_delete_child(rt, top, "a", MS), TROUPE_HELD);
    cr_assert_eq(troupe_start_child(rt, top, &child[0], MS, &out), TROUPE_HELD);
    cr_assert(troupe_same(out, who));
    stage_expect("");
    cr_assert_eq(again(top), TROUPE_OK);
    stage_expect("start(a) a:1 a:2 a:3 a:4");
    family_expect(top, "a:RUNNING:2 b:RUNNING:0");
    for (int i = 0; i < 2; i++) { /* its window is a new one */
        cue(who, CUE_FAIL, TROUPE_USER);
        stage_expect("stop(a,USER) start(a)");
    }
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER)");
    family_expect(top, "a:HELD:4 b:RUNNING:0");
    family_stop(top);
    stage_expect("stopping(b) stop(b,SHUTDOWN)");
    cr_assert_not(stage_there(who));
    stage_close();
}

Everywhere(supervisor_hold, one_that_is_held_can_be_ended) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {limited(&a, 1, true), kid(&b, 0)};
    troupe_ref top = family(child, 2, 9, 0), who = stage_find("a");
    stage_forget();
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) start(a)");
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER)");
    family_expect(top, "a:HELD:1 b:RUNNING:0");
    cue(who, CUE_SAY, 1);
    cr_assert_eq(troupe_terminate_child(rt, top, "a", MS), TROUPE_OK);
    stage_await_gone(who);
    cr_assert_eq(stage_dead_letters(), 3, "those that it failed on, and its mail");
    family_expect(top, "a:ENDED:1 b:RUNNING:0");
    cr_assert_eq(troupe_delete_child(rt, top, "a", MS), TROUPE_OK);
    stage_close();
}

Everywhere(supervisor_hold, a_start_by_hand_that_fails_holds_it_again) {
    (void)stage_open(workers);
    uint32_t count = 0;
    const player shaky = {.id = "a", .starts = &count, .fail_from = 2, .fail_past = 5};
    const troupe_child child = limited(&shaky, 1, true);
    troupe_ref top = family(&child, 1, 9, 0), who = stage_find("a");
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) stop(a,USER) startfail(a)");
    family_expect(top, "a:HELD:1");
    cue(who, CUE_SAY, 7);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(again(top), TROUPE_START_FAILED);
        stage_expect("startfail(a)");
        family_expect(top, "a:HELD:1");
    }
    cr_assert_eq(again(top), TROUPE_OK);
    stage_expect("start(a) a:7");
    family_expect(top, "a:RUNNING:1");
    cr_assert_eq(again(top), TROUPE_RUNNING);
    stage_close();
}

Everywhere(supervisor_hold, case_37_its_own_limit_brings_its_supervisor_down_if_it_is_not_held) {
    (void)stage_open(workers);
    const troupe_child child[] = {limited(&a, 1, false), kid(&b, 0)};
    troupe_ref top = family(child, 2, 9, 0);
    stage_forget();
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) start(a)");
    cue_named("b", CUE_FAIL, TROUPE_USER); /* another's restarts are not its own */
    stage_expect("stop(b,USER) start(b)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) stopping(b) stop(b,SHUTDOWN)");
    stage_await_gone(top);
    cr_assert_eq(stage_logged("no restart: its 1 in 30000 ms are used up; its supervisor gives up"),
                 1);
    stage_close();
}

Everywhere(supervisor_hold, its_supervisors_limit_goes_on_to_count) {
    (void)stage_open(workers);
    const troupe_child child = limited(&a, 5, true);
    troupe_ref top = family(&child, 1, 1, 0);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) stop(a,USER) start(a)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_await_gone(top);
    stage_expect("stop(a,USER)");
    stage_close();
}

Everywhere(supervisor_hold, it_is_not_started_with_its_group) {
    (void)stage_open(workers);
    const troupe_child child[] = {limited(&a, 1, true), kid(&b, 0)};
    const troupe_supervision what = {
        .child = child, .children = 2, .max_restarts = 9, .strategy = TROUPE_ONE_FOR_ALL};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
    stage_forget();
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) stopping(b) stop(b,SHUTDOWN) start(a) start(b)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER)");
    family_expect(top, "a:HELD:1 b:RUNNING:1");
    cue_named("b", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(b,USER) start(b)");
    family_expect(top, "a:HELD:1 b:RUNNING:2");
    cr_assert_eq(again(top), TROUPE_OK);
    stage_expect("start(a)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:2");
    stage_close();
}

Everywhere(supervisor_hold, a_dynamic_child_is_held_and_starts_again_by_its_ref) {
    troupe *rt = stage_open(workers);
    troupe_child model = limited(&a, 1, true);
    model.name = NULL;
    const troupe_supervision what = {.child = &model,
                                     .children = 1,
                                     .max_restarts = TROUPE_UNLIMITED,
                                     .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    troupe_ref top, one, two;
    cr_assert_eq(troupe_supervise(rt, &what, MS, &top), TROUPE_OK);
    cr_assert_eq(troupe_start_dynamic_child(rt, top, &a, MS, &one), TROUPE_OK);
    cr_assert_eq(troupe_start_dynamic_child(rt, top, &b, MS, &two), TROUPE_OK);
    cr_assert_eq(troupe_restart_dynamic_child(rt, top, one, MS), TROUPE_RUNNING);
    stage_forget();
    cue(one, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) start(a)");
    cue(one, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER)");
    family_expect(top, "a:HELD:1 a:RUNNING:0");
    cue(one, CUE_SAY, 1);
    cr_assert_eq(troupe_restart_dynamic_child(rt, top, one, MS), TROUPE_OK);
    stage_expect("start(a) a:1");
    cr_assert_eq(troupe_terminate_dynamic_child(rt, top, one, MS), TROUPE_OK);
    cr_assert_eq(troupe_restart_dynamic_child(rt, top, one, MS), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_restart_dynamic_child(rt, top, top, MS), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_restart_child(rt, top, "a", MS, &one), TROUPE_INVALID);
    family_expect(top, "a:RUNNING:0");
    stage_close();
}

/* No ring of that many times is made: one would not fit into memory. */
Simulated(supervisor_hold, without_a_limit_all_is_forgiven) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = kid(&a, 0);
    troupe_ref top = family(&child, 1, TROUPE_UNLIMITED, 0);
    for (int i = 0; i < 300; i++) {
        cue_named("a", CUE_FAIL, TROUPE_USER);
        (void)stage_run();
    }
    family_expect(top, "a:RUNNING:300");
    cr_assert_eq(stage_logged("; restart 300; "), 1);
    stage_close();
}
