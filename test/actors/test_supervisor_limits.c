/* Supervisors: how many restarts within which time, restarts that fail, and escalation. `case_N` is
 * a numbered case of the conformance list for supervisors. Where that has a supervisor end with
 * `shutdown` at its limit, Troupe's fails with GAVE_UP. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <time.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_limits, .timeout = 60);

static const player a = {.id = "a"}, b = {.id = "b"}, c = {.id = "c"};

static void crash(const char *name) {
    cue_named(name, CUE_FAIL, TROUPE_USER);
    (void)stage_run();
}

static void more_than(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child = kid(&a, 0);
    troupe_ref top = family(&child, 1, 2, 0);
    stage_expect("start(a)");
    for (int i = 0; i < 2; i++) {
        crash("a");
        stage_expect("stop(a,USER) start(a)");
    }
    crash("a");
    stage_expect("stop(a,USER)");
    stage_await_gone(top);
    cr_assert_eq(stage_logged("restart 1 of 2 in 5000 ms"), 1);
    cr_assert_eq(stage_logged("restart 2 of 2 in 5000 ms"), 1);
    cr_assert_eq(stage_logged("no restart: 2 in 5000 ms are used up; its supervisor gives up"), 1);
    cr_assert_eq(stage_logged("actor failed: supervisor (life 1)"), 1);
    cr_assert_eq(stage_logged("GAVE_UP (too many restarts): \"more than 2 restarts in 5000 ms\""),
                 1);
    stage_close();
}

Test(supervisor_limits, case_32_the_limit_is_more_than) {
    everywhere(more_than);
}

/* The report counts what is in the window at that moment, also once the ring has come round: here
 * of restarts at even gaps exactly the last `counting` are in it. */
Simulated(supervisor_limits, the_report_counts_the_restarts_in_the_window) {
    enum { GAP_MS = 100 };
    for (unsigned counting = 1; counting <= 7; counting++) {
        (void)stage_open(STAGE_SIMULATED);
        const troupe_child child = kid(&a, 0);
        troupe_ref top = family(&child, 1, 8, counting * GAP_MS - GAP_MS / 2);
        char line[64];
        snprintf(line, sizeof line, "; restart %u of 8 in", counting);
        for (unsigned i = 1; i <= 30; i++) {
            crash("a");
            cr_assert_eq(stage_logged(line), i < counting ? 0 : i - counting + 1,
                         "%u count, restart %u", counting, i);
            stage_advance(GAP_MS);
        }
        family_stop(top);
        stage_close();
    }
}

Simulated(supervisor_limits, none_is_forgiven_by_default) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = kid(&a, 0);
    troupe_ref top = family(&child, 1, 0, 0);
    cue_named("a", CUE_EXIT, TROUPE_OK); /* a permanent one's good end counts too */
    stage_expect("start(a) stop(a,OK)");
    cr_assert_not(stage_there(top));
    stage_close();
}

Everywhere(supervisor_limits, case_34_all_children_together_count) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0)};
    troupe_ref top = family(child, 2, 2, 0);
    crash("a");
    stage_expect("start(a) start(b) stop(a,USER) start(a)");
    crash("b");
    stage_expect("stop(b,USER) start(b)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:1");
    crash("a");
    stage_expect("stop(a,USER) stopping(b) stop(b,SHUTDOWN)");
    stage_await_gone(top);
    stage_close();
}

/* The second crash `apart` ms after the first, with one restart in 1000 ms. */
static bool survives(unsigned apart) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = kid(&a, 0);
    troupe_ref top = family(&child, 1, 1, 1000);
    crash("a");
    *stage_clock() += apart * TR_MS;
    crash("a");
    (void)stage_run();
    bool there = stage_there(top);
    stage_close();
    return there;
}

/* With workers the time that has passed is that for which the child was told to wait, which is more
 * than the window, so no two restarts are in it. */
static void slides_on_workers(unsigned workers) {
    (void)stage_open(workers);
    troupe_child child = kid(&a, 0);
    child.backoff_ms = 1u << 30;
    child.backoff_max_ms = 20;
    troupe_ref top = family(&child, 1, 1, 10);
    stage_expect("start(a)");
    for (int i = 0; i < 3; i++) {
        crash("a");
        stage_expect("stop(a,USER) start(a)");
    }
    family_expect(top, "a:RUNNING:3");
    stage_close();
}

Everywhere(supervisor_limits, case_35_the_window_slides_to_the_millisecond) {
    if (workers < STAGE_SIMULATED) {
        slides_on_workers(workers);
        return;
    }
    cr_assert_not(survives(0));
    cr_assert_not(survives(999));
    cr_assert_not(survives(1000), "inclusive");
    cr_assert(survives(1001));
    (void)stage_open(workers);
    const troupe_child child = kid(&a, 0);
    troupe_ref top = family(&child, 1, 1, 1000);
    for (int i = 0; i < 20; i++) {
        crash("a");
        *stage_clock() += 1001 * TR_MS;
    }
    family_expect(top, "a:RUNNING:20");
    stage_close();
}

Simulated(supervisor_limits, the_window_slides_over_more_than_one) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = kid(&a, 0);
    troupe_ref top = family(&child, 1, 3, 1000);
    const unsigned pause[] = {0, 0, 1001, 0, 0, 501, 500, 0};
    for (size_t i = 0; i < 8; i++) { /* never four within 1000 ms */
        *stage_clock() += pause[i] * TR_MS;
        crash("a");
        (void)stage_run();
        cr_assert(stage_there(top), "after crash %zu", i + 1);
        if (i == 4) *stage_clock() += 1001 * TR_MS;
    }
    crash("a");
    (void)stage_run();
    cr_assert_not(stage_there(top));
    stage_close();
}

/* Time as people count it is never asked for; what counts is the runtime's clock, wherever it
 * stands, and with workers that is the system's monotonic one. */
Everywhere(supervisor_limits, case_38_only_the_runtimes_clock_counts) {
    troupe *rt = stage_open(workers);
    if (stage_is_stepped()) *stage_clock() = UINT64_MAX / 2;
    const troupe_child child = kid(&a, 0);
    troupe_ref top = family(&child, 1, 1, 1000);
    crash("a");
    stage_expect("start(a) stop(a,USER) start(a)");
    if (stage_is_stepped()) {
        *stage_clock() += 1001 * TR_MS;
        crash("a");
        family_expect(top, "a:RUNNING:2");
    } else {
        struct timespec now[2];
        cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &now[0]), 0);
        uint64_t ns = troupe_now(rt);
        cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &now[1]), 0);
        cr_assert_geq(ns, (uint64_t)now[0].tv_sec * 1000000000 + (uint64_t)now[0].tv_nsec);
        cr_assert_leq(ns, (uint64_t)now[1].tv_sec * 1000000000 + (uint64_t)now[1].tv_nsec);
    }
    stage_close();
}

static void at_the_limit(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&c, 0)};
    troupe_ref top = family(child, 3, 0, 700);
    stage_expect("start(a) start(b) start(c)");
    crash("b");
    stage_expect("stop(b,USER) stopping(c) stop(c,SHUTDOWN) stopping(a) stop(a,SHUTDOWN)");
    stage_await_gone(top);
    cr_assert_eq(stage_logged("actor failed: supervisor/b (life 1)"), 1);
    cr_assert_eq(stage_logged("USER (error of the application): \"as told\""), 1);
    cr_assert_eq(stage_logged("no restart: 0 in 700 ms are used up"), 1);
    cr_assert_eq(stage_logged("/a "), 0);
    stage_close();
}

Test(supervisor_limits, case_37_at_the_limit_all_stop_in_reverse) {
    everywhere(at_the_limit);
}

/* --- Restarts that fail ----------------------------------------------------------------------- */

static void third_try(unsigned workers) {
    (void)stage_open(workers);
    uint32_t starts = 0;
    const player shaky = {.id = "a", .starts = &starts, .fail_from = 2, .fail_past = 4};
    const troupe_child child = kid(&shaky, 0);
    troupe_ref top = family(&child, 1, 3, 0);
    stage_expect("start(a)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) startfail(a) startfail(a) start(a)");
    family_expect(top, "a:RUNNING:3");
    cr_assert_eq(stage_logged("in start from outside: USER"), 2);
    cr_assert_eq(stage_logged("\"start 2 fails\""), 1);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER)");
    stage_await_gone(top);
    stage_close();
}

Test(supervisor_limits, case_40_tries_to_restart_count) {
    everywhere(third_try);
}

static void never_works(unsigned workers) {
    (void)stage_open(workers);
    uint32_t starts = 0;
    const player shaky = {.id = "a", .starts = &starts, .fail_from = 2, .fail_past = ~0u};
    const troupe_child child[] = {kid(&b, 0), kid(&shaky, TROUPE_TRANSIENT)};
    troupe_ref top = family(child, 2, 5, 0);
    stage_expect("start(b) start(a)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) startfail(a) startfail(a) startfail(a) startfail(a) startfail(a) "
                 "stopping(b) stop(b,SHUTDOWN)");
    stage_await_gone(top);
    stage_close();
}

Test(supervisor_limits, case_41_what_never_works_is_tried_as_often_as_may_be) {
    everywhere(never_works);
}

Simulated(supervisor_limits, mail_waits_through_restarts_that_fail) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    uint32_t starts = 0;
    const player shaky = {.id = "a", .starts = &starts, .fail_from = 2, .fail_past = 5};
    const troupe_child child = kid(&shaky, 0);
    (void)family(&child, 1, 9, 0);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    cue_named("a", CUE_SAY, 1);
    cue_named("a", CUE_SAY, 2);
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(rt, stage_find("a"), &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 3);
    stage_expect("start(a) stop(a,USER) startfail(a) startfail(a) startfail(a) start(a) a:1 a:2");
    stage_close();
}

/* --- Trees ------------------------------------------------------------------------------------ */

static const player v = {.id = "v"}, w = {.id = "w"}, side = {.id = "side"};

/* An inner supervisor over w and v, which forgives nothing, and a sibling, under an outer one that
 * forgives one restart. */
static troupe_ref tree(troupe_restart rule) {
    static troupe_child inner_child[2], outer_child[2];
    static troupe_supervision inner;
    inner_child[0] = kid(&w, 0);
    inner_child[1] = kid(&v, 0);
    inner = (troupe_supervision){.child = inner_child, .children = 2};
    outer_child[0] = (troupe_child){
        .id = "inner", .what = &troupe_supervisor, .arg = &inner, .restart = rule, .name = "inner"};
    outer_child[1] = kid(&side, 0);
    return family(outer_child, 2, 1, 0);
}

static void escalates(unsigned workers, troupe_restart rule) {
    (void)stage_open(workers);
    troupe_ref top = tree(rule), inner = stage_find("inner"), sibling = stage_find("side");
    stage_expect("start(w) start(v) start(side)");
    cue_named("side", CUE_COUNT, 0);
    stage_expect("side=1");
    crash("w");
    stage_expect("stop(w,USER) stopping(v) stop(v,SHUTDOWN) start(w) start(v)");
    family_expect(inner, "w:RUNNING:0 v:RUNNING:0");
    cr_assert(troupe_same(stage_find("inner"), inner));
    cr_assert(troupe_same(stage_find("side"), sibling));
    family_expect(top, "inner:RUNNING:1 side:RUNNING:0");
    cr_assert_eq(stage_logged("actor failed: supervisor/inner/w (life 1)"), 1);
    cr_assert_eq(stage_logged("actor failed: supervisor/inner (life 1)"), 1);
    cue_named("side", CUE_COUNT, 0);
    stage_expect("side=2");
    crash("v");
    stage_expect("stop(v,USER) stopping(w) stop(w,SHUTDOWN) "
                 "stopping(side) stop(side,SHUTDOWN)");
    stage_await_gone(top);
    cr_assert_eq(stage_logged("(too many restarts)"), 3, "one of each that gave up");
    cr_assert_eq(stage_logged("; not supervised; "), 1, "the root's end is told once");
    stage_close();
}

Everywhere(supervisor_limits, case_65_an_inner_supervisor_escalates) {
    int rounds = workers < STAGE_SIMULATED ? 50 : 1; /* names are free whenever it comes back */
    for (int i = 0; i < rounds; i++) escalates(workers, TROUPE_PERMANENT);
}

/* The list has a transient inner one stay down, since it ends by `shutdown`; GAVE_UP is no clean
 * end, so Troupe's is restarted. */
Everywhere(supervisor_limits, case_65_a_transient_inner_supervisor_is_restarted) {
    escalates(workers, TROUPE_TRANSIENT);
}

Everywhere(supervisor_limits, case_65_a_temporary_inner_supervisor_stays_down) {
    (void)stage_open(workers);
    troupe_ref top = tree(TROUPE_TEMPORARY);
    crash("w");
    stage_expect("start(w) start(v) start(side) stop(w,USER) stopping(v) stop(v,SHUTDOWN)");
    family_expect(top, "side:RUNNING:0");
    cr_assert_eq(stage_logged("child inner is a supervisor and temporary: if it gives up"), 1);
    stage_close();
}

Test(supervisor_limits, a_tree_stops_from_its_leaves) {
    const unsigned workers[] = {TROUPE_STEPPED, 1, 4};
    for (int i = 0; i < 3; i++) {
        (void)stage_open(workers[i]);
        family_stop(tree(TROUPE_PERMANENT));
        stage_expect("start(w) start(v) start(side) stopping(side) stop(side,SHUTDOWN) "
                     "stopping(v) stop(v,SHUTDOWN) stopping(w) stop(w,SHUTDOWN)");
        stage_close();
    }
}

Simulated(supervisor_limits, an_inner_start_that_fails_fails_the_outer) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player bad = {.id = "bad", .start = TROUPE_SYSTEM};
    const troupe_child inner_child[] = {kid(&w, 0), kid(&bad, 0)};
    const troupe_supervision inner = {.child = inner_child, .children = 2};
    const troupe_child outer_child[] = {kid(&side, 0),
                                        {.id = "inner", .what = &troupe_supervisor, .arg = &inner}};
    const troupe_supervision outer = {.child = outer_child, .children = 2, .max_restarts = 5};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(rt, &outer, 1000, &top), TROUPE_START_FAILED);
    stage_expect("start(side) start(w) start(bad) stopping(w) stop(w,SHUTDOWN) "
                 "stopping(side) stop(side,SHUTDOWN)");
    (void)stage_run();
    cr_assert_eq(tr_table_live(&rt->table), 0);
    stage_close();
}
