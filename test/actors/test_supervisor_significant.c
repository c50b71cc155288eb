/* Supervisors: children whose end ends their supervisor, and starts that say IGNORE. `case_N` is a
 * numbered case of the conformance list for supervisors. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_significant, .timeout = 60);

enum { MS = 30000 };

static const player a = {.id = "a"}, b = {.id = "b"}, c = {.id = "c"};
static const player ignores = {.id = "i", .start = TROUPE_IGNORE};

static troupe_child significant(const player *as, troupe_restart restart) {
    troupe_child child = kid(as, restart);
    child.significant = true;
    return child;
}

static troupe_ref open_with(unsigned workers, troupe_auto_shutdown mode, troupe_strategy strategy,
                            const troupe_child *child, size_t children) {
    (void)stage_open(workers);
    const troupe_supervision what = {.child = child,
                                     .children = children,
                                     .max_restarts = 5,
                                     .strategy = strategy,
                                     .auto_shutdown = mode};
    troupe_ref top = TROUPE_NOBODY;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
    stage_forget();
    return top;
}

/* --- Any, all --------------------------------------------------------------------------------- */

static void any(unsigned workers, troupe_restart rule, uint32_t why, bool ends) {
    const troupe_child child[] = {kid(&a, 0), significant(&b, rule), kid(&c, 0)};
    troupe_ref top = open_with(workers, TROUPE_AUTO_SHUTDOWN_ANY, TROUPE_ONE_FOR_ONE, child, 3);
    cue_named("b", CUE_EXIT, why);
    (void)stage_run();
    if (ends)
        stage_await_gone(top);
    else
        family_expect(top, "a:RUNNING:0 b:RUNNING:1 c:RUNNING:0");
    stage_close();
}

Everywhere(supervisor_significant, case_64_any_by_rule_and_reason) {
    any(workers, TROUPE_TRANSIENT, TROUPE_OK, true);
    any(workers, TROUPE_TRANSIENT, TROUPE_SHUTDOWN, true);
    any(workers, TROUPE_TRANSIENT, TROUPE_USER, false);
    any(workers, TROUPE_TEMPORARY, TROUPE_OK, true);
    any(workers, TROUPE_TEMPORARY, TROUPE_SHUTDOWN, true);
    any(workers, TROUPE_TEMPORARY, TROUPE_USER, true);
}

Everywhere(supervisor_significant, case_64_the_rest_stops_in_reverse_and_the_end_is_clean) {
    const troupe_child child[] = {kid(&a, 0), significant(&b, TROUPE_TRANSIENT), kid(&c, 0)};
    troupe_ref top = open_with(workers, TROUPE_AUTO_SHUTDOWN_ANY, TROUPE_ONE_FOR_ONE, child, 3);
    const player w = {.id = "w"};
    cue_about(stage_enter(&w), CUE_WATCH, 1, top);
    cue_named("b", CUE_FAIL, TROUPE_USER);
    stage_expect("start(w) stop(b,USER) start(b)");
    cue_named("b", CUE_EXIT, TROUPE_OK);
    stage_expect("stop(b,OK) stopping(c) stop(c,SHUTDOWN) stopping(a) stop(a,SHUTDOWN) "
                 "down(w,1,SHUTDOWN)");
    stage_close();
}

Everywhere(supervisor_significant, case_64_all_is_the_last_of_them) {
    const troupe_child child[] = {significant(&a, TROUPE_TRANSIENT), kid(&c, 0),
                                  significant(&b, TROUPE_TEMPORARY)};
    troupe_ref top = open_with(workers, TROUPE_AUTO_SHUTDOWN_ALL, TROUPE_ONE_FOR_ONE, child, 3);
    cue_named("b", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(b,USER)");
    family_expect(top, "a:RUNNING:0 c:RUNNING:0");
    cue_named("a", CUE_EXIT, TROUPE_SHUTDOWN);
    stage_expect("stop(a,SHUTDOWN) stopping(c) stop(c,SHUTDOWN)");
    stage_await_gone(top);
    stage_close();
}

Everywhere(supervisor_significant, case_64_terminate_is_no_end_by_itself) {
    for (troupe_auto_shutdown mode = TROUPE_AUTO_SHUTDOWN_ANY; mode <= TROUPE_AUTO_SHUTDOWN_ALL;
         mode++) {
        const troupe_child child[] = {significant(&a, TROUPE_TRANSIENT), kid(&c, 0)};
        troupe_ref top = open_with(workers, mode, TROUPE_ONE_FOR_ONE, child, 2), ref;
        cr_assert_eq(troupe_terminate_child(stage_rt(), top, "a", MS), TROUPE_OK);
        family_expect(top, "a:ENDED:0 c:RUNNING:0");
        cr_assert_eq(troupe_restart_child(stage_rt(), top, "a", MS, &ref), TROUPE_OK);
        stage_close();
    }
}

Everywhere(supervisor_significant, case_64_a_bystander_does_not_end_by_itself) {
    const troupe_strategy strategies[] = {TROUPE_ONE_FOR_ONE, TROUPE_ONE_FOR_ALL,
                                          TROUPE_REST_FOR_ONE};
    const troupe_child child[] = {kid(&a, 0), significant(&b, TROUPE_TRANSIENT),
                                  significant(&c, TROUPE_TEMPORARY)};
    for (int i = 0; i < 6; i++) {
        troupe_auto_shutdown mode = i % 2 ? TROUPE_AUTO_SHUTDOWN_ANY : TROUPE_AUTO_SHUTDOWN_ALL;
        troupe_ref top = open_with(workers, mode, strategies[i / 2], child, 3);
        cue_named("a", CUE_FAIL, TROUPE_USER);
        (void)stage_run();
        family_expect(top,
                      i / 2 ? "a:RUNNING:1 b:RUNNING:1" : "a:RUNNING:1 b:RUNNING:0 c:RUNNING:0");
        stage_close();
    }
}

Everywhere(supervisor_significant, case_64_others_do_not_count) {
    const uint32_t why[] = {TROUPE_OK, TROUPE_SHUTDOWN, TROUPE_USER, TROUPE_KILLED};
    for (int i = 0; i < 2 * 3 * 4; i++) {
        const troupe_child child[] = {kid(&a, i % 2 ? TROUPE_TRANSIENT : TROUPE_TEMPORARY),
                                      kid(&b, 0)};
        troupe_ref top =
            open_with(workers, (troupe_auto_shutdown)(i / 2 % 3), TROUPE_ONE_FOR_ONE, child, 2);
        cue_named("a", CUE_EXIT, why[i / 6]);
        (void)stage_run();
        family_expect(top, i / 6 > 1 && i % 2 ? "a:RUNNING:1 b:RUNNING:0"
                           : i % 2            ? "a:ENDED:0 b:RUNNING:0"
                                              : "b:RUNNING:0");
        stage_close();
    }
}

static void dynamic(unsigned workers, troupe_auto_shutdown mode, bool first_ends) {
    const troupe_child model = {
        .id = "kid", .what = &player_behaviour, .restart = TROUPE_TRANSIENT, .significant = true};
    troupe_ref top = open_with(workers, mode, TROUPE_SIMPLE_ONE_FOR_ONE, &model, 1), one, two;
    cr_assert_eq(troupe_start_dynamic_child(stage_rt(), top, &a, MS, &one), TROUPE_OK);
    cr_assert_eq(troupe_start_dynamic_child(stage_rt(), top, &b, MS, &two), TROUPE_OK);
    cue(one, CUE_EXIT, TROUPE_OK);
    (void)stage_run();
    if (!first_ends) {
        family_expect(top, "kid:RUNNING:0");
        cue(two, CUE_EXIT, TROUPE_OK);
    }
    stage_await_gone(top);
    stage_close();
}

Everywhere(supervisor_significant, case_64_dynamic_children) {
    dynamic(workers, TROUPE_AUTO_SHUTDOWN_ANY, true);
    dynamic(workers, TROUPE_AUTO_SHUTDOWN_ALL, false);
}

Everywhere(supervisor_significant, case_65_it_escalates_only_through_a_significant_supervisor) {
    for (int counts = 0; counts < 2; counts++) {
        const troupe_child grandchild = significant(&a, TROUPE_TRANSIENT);
        const troupe_supervision in = {
            .child = &grandchild, .children = 1, .auto_shutdown = TROUPE_AUTO_SHUTDOWN_ANY};
        const troupe_child child[] = {kid(&b, 0),
                                      {.id = "in",
                                       .what = &troupe_supervisor,
                                       .arg = &in,
                                       .restart = TROUPE_TRANSIENT,
                                       .significant = counts}};
        troupe_ref top = open_with(workers, TROUPE_AUTO_SHUTDOWN_ANY, TROUPE_ONE_FOR_ONE, child, 2);
        cue_named("a", CUE_EXIT, TROUPE_OK);
        (void)stage_run();
        if (counts)
            stage_await_gone(top);
        else
            family_expect(top, "b:RUNNING:0 in:ENDED:0");
        stage_close();
    }
}

static void refused(troupe_child child, troupe_auto_shutdown mode, const char *why) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_supervision what = {.child = &child, .children = 1, .auto_shutdown = mode};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_INVALID);
    cr_assert_eq(stage_logged(why), 1, "not logged: %s", why);
    stage_close();
}

Simulated(supervisor_significant, what_makes_no_sense_is_refused) {
    refused(significant(&a, TROUPE_PERMANENT), TROUPE_AUTO_SHUTDOWN_ANY,
            "child 0: it is permanent, so it can't be significant");
    refused(significant(&a, TROUPE_TRANSIENT), TROUPE_AUTO_SHUTDOWN_NEVER,
            "child 0: it is significant, but its supervisor does not care");
    refused(kid(&a, 0), (troupe_auto_shutdown)(TROUPE_AUTO_SHUTDOWN_ALL + 1),
            "unknown auto_shutdown");
    const troupe_child child = significant(&a, TROUPE_TRANSIENT);
    troupe_ref top = open_with(STAGE_SIMULATED, TROUPE_AUTO_SHUTDOWN_NEVER, TROUPE_ONE_FOR_ONE,
                               NULL, 0),
               ref;
    cr_assert_eq(troupe_start_child(stage_rt(), top, &child, MS, &ref), TROUPE_INVALID);
    stage_close();
}

/* --- Ignore ----------------------------------------------------------------------------------- */

Everywhere(supervisor_significant, case_4_a_start_that_says_ignore_is_no_failure) {
    const player also = {.id = "t", .start = TROUPE_IGNORE};
    const troupe_child child[] = {kid(&ignores, TROUPE_PERMANENT), kid(&also, TROUPE_TEMPORARY),
                                  kid(&a, 0)};
    troupe_ref top = open_with(workers, TROUPE_AUTO_SHUTDOWN_NEVER, TROUPE_ONE_FOR_ONE, child, 3);
    family_expect(top, "i:ENDED:0 a:RUNNING:0");
    troupe_child_counts counts;
    cr_assert_eq(troupe_count_children(stage_rt(), top, MS, &counts), TROUPE_OK);
    cr_assert_eq(counts.specs, 2);
    cr_assert_eq(counts.active, 1);
    cr_assert_eq(counts.workers, 2);
    cr_assert_eq(stage_logged("failed"), 0, "it is no news");
    cr_assert(troupe_same(stage_find("i"), TROUPE_NOBODY));
    family_stop(top);
    stage_close();
}

Everywhere(supervisor_significant, case_4_ignore_at_run_time) {
    troupe_ref top = open_with(workers, TROUPE_AUTO_SHUTDOWN_NEVER, TROUPE_ONE_FOR_ONE, NULL, 0);
    troupe_ref ref = TROUPE_NOBODY;
    troupe_child child = kid(&ignores, TROUPE_TEMPORARY);
    cr_assert_eq(troupe_start_child(stage_rt(), top, &child, MS, &ref), TROUPE_IGNORE);
    family_expect(top, "");
    child.restart = TROUPE_PERMANENT;
    cr_assert_eq(troupe_start_child(stage_rt(), top, &child, MS, &ref), TROUPE_IGNORE);
    family_expect(top, "i:ENDED:0");
    cr_assert_eq(troupe_restart_child(stage_rt(), top, "i", MS, &ref), TROUPE_IGNORE);
    cr_assert(troupe_same(ref, TROUPE_NOBODY));
    family_expect(top, "i:ENDED:0");
    cr_assert_eq(stage_logged("failed"), 0);
    stage_close();
}

Everywhere(supervisor_significant, case_5_a_dynamic_child_that_ignores_leaves_nothing) {
    for (troupe_restart rule = TROUPE_PERMANENT; rule <= TROUPE_TEMPORARY; rule++) {
        const troupe_child model = {.id = "kid", .what = &player_behaviour, .restart = rule};
        troupe_ref top =
            open_with(workers, TROUPE_AUTO_SHUTDOWN_NEVER, TROUPE_SIMPLE_ONE_FOR_ONE, &model, 1);
        troupe_ref ref = TROUPE_NOBODY;
        cr_assert_eq(troupe_start_dynamic_child(stage_rt(), top, &ignores, MS, &ref),
                     TROUPE_IGNORE);
        cr_assert(troupe_same(ref, TROUPE_NOBODY));
        family_expect(top, "");
        family_stop(top);
        stage_close();
    }
}

/* Only a start can say so: later on it is an error like all others. */
Simulated(supervisor_significant, ignore_is_an_error_of_a_child_that_runs) {
    const troupe_child child = kid(&a, TROUPE_TRANSIENT);
    troupe_ref top =
        open_with(STAGE_SIMULATED, TROUPE_AUTO_SHUTDOWN_NEVER, TROUPE_ONE_FOR_ONE, &child, 1);
    cue_named("a", CUE_RETURN, TROUPE_IGNORE);
    stage_expect("stop(a,IGNORE) start(a)");
    family_expect(top, "a:RUNNING:1");
    cr_assert_eq(stage_logged("actor failed:"), 1);
    stage_close();
}

Simulated(supervisor_significant, a_start_without_supervisor_returns_ignore) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref ref = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ignores, &ref), TROUPE_IGNORE);
    cr_assert_eq(tr_table_live(&rt->table), 0);
    stage_close();
}
