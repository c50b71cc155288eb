/* Supervisors: how children are stopped. `case_N` is a numbered case of the conformance list for
 * supervisors. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_stop, .timeout = 60);

static const player a = {.id = "a"}, b = {.id = "b"}, c = {.id = "c"};
static const player slow_a = {.id = "a", .stopping = TROUPE_LATER},
                    slow_b = {.id = "b", .stopping = TROUPE_LATER},
                    slow_c = {.id = "c", .stopping = TROUPE_LATER};

Everywhere(supervisor_stop, case_47_one_is_asked_only_after_the_next_is_gone) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&slow_c, 0)};
    troupe_ref top = family(child, 3, 0, 0);
    stage_expect("start(a) start(b) start(c)");
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    let_pass(100);
    stage_expect("stopping(c)");
    family_expect(top, "a:RUNNING:0 b:RUNNING:0 c:STOPPING:0");
    cue_named("c", CUE_EXIT, TROUPE_SHUTDOWN);
    stage_expect("stop(c,SHUTDOWN) stopping(b) stop(b,SHUTDOWN) stopping(a) stop(a,SHUTDOWN)");
    stage_await_gone(top);
    stage_close();
}

static void reverse(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&c, 0)};
    family_stop(family(child, 3, 0, 0));
    stage_expect("start(a) start(b) start(c) stopping(c) stop(c,SHUTDOWN) stopping(b) "
                 "stop(b,SHUTDOWN) stopping(a) stop(a,SHUTDOWN)");
    cr_assert_eq(stage_logged(""), 0, "an orderly stop is no news");
    stage_close();
}

Everywhere(supervisor_stop, case_47_reverse_order) {
    for (int i = 0; i < 20; i++) reverse(workers);
}

/* Starts one slow child with that time, stops it, and lets `ms` pass. */
static troupe_ref wait_for_slow(unsigned workers, unsigned shutdown_ms, unsigned ms) {
    troupe *rt = stage_open(workers);
    troupe_child child[] = {kid(&b, 0), kid(&slow_a, 0)};
    child[1].shutdown_ms = shutdown_ms;
    troupe_ref top = family(child, 2, 0, 0);
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    let_pass(ms);
    return top;
}

Everywhere(supervisor_stop, case_49_who_is_slow_but_willing_is_not_killed) {
    troupe_ref top = wait_for_slow(workers, 20000, 6000);
    stage_expect("start(b) start(a) stopping(a)");
    cue_named("a", CUE_EXIT, TROUPE_SHUTDOWN);
    stage_expect("stop(a,SHUTDOWN) stopping(b) stop(b,SHUTDOWN)");
    stage_await_gone(top);
    cr_assert_eq(stage_rt()->timers.count, 0, "its time-out went with it");
    stage_close();
}

/* A time-out that came too late for its life is still in the supervisor's mail when its next life
 * stops the same child: that one has its own time. */
Test(supervisor_stop, a_time_out_of_the_last_life_kills_nobody) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    uint32_t starts = 0;
    const player slow = {.id = "a", .stopping = TROUPE_LATER, .starts = &starts};
    troupe_child child[] = {kid(&slow, 0), kid(&b, 0)};
    child[0].shutdown_ms = 10;
    const troupe_supervision in = {.child = child, .children = 2};
    const troupe_child inner = {.id = "in",
                                .name = "in",
                                .what = &troupe_supervisor,
                                .arg = &in,
                                .restart = TROUPE_TRANSIENT};
    troupe_ref top = family(&inner, 1, 5, 1000), who = stage_find("in");
    cue_named("b", CUE_FAIL, TROUPE_USER); /* it gives up, and stops `a` */
    stage_expect("start(a) start(b) stop(b,USER) stopping(a)");
    cue_named("a", CUE_EXIT, TROUPE_OK);
    cr_assert_eq(troupe_step(rt, 1), 1); /* its end is in the supervisor's mail, */
    for (uint32_t i = 0; i < 200; i++) cue(who, CUE_SAY, i);
    *stage_clock() += 10 * TR_MS; /* and the time-out far behind it */
    while (starts < 2) cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stop(a,OK) start(a) stopping(a)");
    family_expect(who, "a:STOPPING:0 b:WAITING:0");
    stage_advance(10);
    cr_assert_not(stage_there(who));
    family_stop(top);
    stage_close();
}

Simulated(supervisor_stop, who_is_too_slow_is_killed_at_the_time) {
    troupe_ref top = wait_for_slow(STAGE_SIMULATED, 1000, 999);
    stage_expect("start(b) start(a) stopping(a)");
    stage_advance(1);
    stage_expect("stopping(b) stop(b,SHUTDOWN)");
    cr_assert_not(stage_there(top));
    stage_close();
    top = wait_for_slow(STAGE_SIMULATED, 0, 4999); /* the default: 5000 */
    stage_expect("start(b) start(a) stopping(a)");
    stage_advance(1);
    stage_expect("stopping(b) stop(b,SHUTDOWN)");
    stage_close();
}

Everywhere(supervisor_stop, case_52_forever_is_as_long_as_it_needs) {
    troupe_ref top = wait_for_slow(workers, TROUPE_FOREVER, 20000);
    stage_expect("start(b) start(a) stopping(a)");
    cue_named("a", CUE_EXIT, TROUPE_SHUTDOWN);
    stage_expect("stop(a,SHUTDOWN) stopping(b) stop(b,SHUTDOWN)");
    stage_await_gone(top);
    stage_close();
}

Everywhere(supervisor_stop, case_52_a_child_supervisor_has_forever_by_default) {
    troupe *rt = stage_open(workers);
    troupe_child grandchild = kid(&slow_a, 0);
    grandchild.shutdown_ms = 10000;
    const troupe_supervision inner = {.child = &grandchild, .children = 1};
    const troupe_child child = {.id = "inner", .what = &troupe_supervisor, .arg = &inner};
    troupe_ref top = family(&child, 1, 0, 0);
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    let_pass(9999);
    stage_expect("start(a) stopping(a)");
    cr_assert(stage_there(top));
    if (!stage_is_stepped()) cue_named("a", CUE_EXIT, TROUPE_OK);
    let_pass(1);
    stage_await_gone(top);
    stage_close();
}

static void brutal(unsigned workers) {
    (void)stage_open(workers);
    troupe_child child[10];
    player as[10];
    static const char *const ids[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    for (int i = 0; i < 10; i++) {
        as[i] = (player){.id = ids[i]};
        child[i] = kid(&as[i], 0);
        child[i].shutdown_ms = TROUPE_BRUTAL;
    }
    troupe_ref top = family(child, 10, 0, 0), watcher = stage_enter(&a);
    for (uint32_t i = 0; i < 10; i++) cue_about(watcher, CUE_WATCH, i, stage_find(ids[i]));
    cue(watcher, CUE_SAY, 1);
    stage_expect("start(0) start(1) start(2) start(3) start(4) start(5) start(6) start(7) "
                 "start(8) start(9) start(a) a:1");
    family_stop(top);
    char words[512] = "", *at = words;
    for (int i = 9; i >= 0; i--) at += sprintf(at, "%sdown(a,%d,KILLED)", i < 9 ? " " : "", i);
    stage_expect_all(words); /* each is told by its own burial */
    cr_assert_eq(stage_logged("failed"), 0);
    stage_close();
}

Test(supervisor_stop, case_50_brutal_children_are_killed_without_a_word) {
    everywhere(brutal);
}

static void ends_meanwhile(unsigned workers, troupe_restart rule, uint32_t why, const char *word) {
    troupe *rt = stage_open(workers);
    char words[256];
    const troupe_child child[] = {kid(&slow_a, rule), kid(&slow_b, rule), kid(&slow_c, rule)};
    troupe_ref top = family(child, 3, 5, 0);
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    stage_expect("start(a) start(b) start(c) stopping(c)");
    cue_named("a", CUE_EXIT, why); /* not yet asked */
    snprintf(words, sizeof words, "stop(a,%s)", word);
    stage_expect(words);
    cue_named("c", CUE_EXIT, why); /* asked */
    snprintf(words, sizeof words, "stop(c,%s) stopping(b)", word);
    stage_expect(words);
    cue_named("b", CUE_EXIT, why);
    snprintf(words, sizeof words, "stop(b,%s)", word);
    stage_expect(words);
    stage_await_gone(top);
    cr_assert_eq(stage_logged("; its supervisor is stopping; "), why == TROUPE_USER ? 3 : 0);
    bool unexpected = why == TROUPE_OK && rule == TROUPE_PERMANENT;
    cr_assert_eq(stage_logged("is permanent, and has ended by itself"), unexpected);
    stage_close();
}

Everywhere(supervisor_stop, case_53_children_may_end_by_themselves_meanwhile) {
    for (troupe_restart rule = TROUPE_PERMANENT; rule <= TROUPE_TEMPORARY; rule++) {
        ends_meanwhile(workers, rule, TROUPE_OK, "OK");
        ends_meanwhile(workers, rule, TROUPE_SHUTDOWN, "SHUTDOWN");
        ends_meanwhile(workers, rule, TROUPE_USER, "USER");
    }
}

/* --- Kill ------------------------------------------------------------------------------------- */

static const player inner_a = {.id = "ia", .stopping = TROUPE_LATER};

static void killed(unsigned workers, bool while_stopping) {
    troupe *rt = stage_open(workers);
    const troupe_child grandchild[] = {kid(&inner_a, 0)};
    const troupe_supervision inner = {.child = grandchild, .children = 1};
    const troupe_child child[] = {
        kid(&a, 0), {.id = "inner", .what = &troupe_supervisor, .arg = &inner}, kid(&slow_c, 0)};
    troupe_ref top = family(child, 3, 5, 0);
    const player w = {.id = "w"};
    troupe_ref watcher = stage_enter(&w);
    cue_about(watcher, CUE_WATCH, 1, stage_find("a"));
    cue_about(watcher, CUE_WATCH, 2, stage_find("ia"));
    cue_about(watcher, CUE_WATCH, 3, top);
    cue(watcher, CUE_SAY, 0);
    stage_expect("start(a) start(ia) start(c) start(w) w:0");
    if (while_stopping) {
        cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
        stage_expect("stopping(c)");
    }
    cr_assert_eq(troupe_kill(rt, top), TROUPE_OK);
    stage_await_gone(top);
    stage_expect_all("down(w,1,KILLED) down(w,2,KILLED) down(w,3,KILLED)");
    if (stage_is_stepped()) cr_assert_eq(tr_table_live(&rt->table), 1, "the watcher");
    stage_close();
}

Everywhere(supervisor_stop, case_56_a_kill_takes_the_whole_tree_and_leaks_nothing) {
    killed(workers, false);
    killed(workers, true);
}

Simulated(supervisor_stop, a_killed_inner_supervisor_is_restarted) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_child grandchild[] = {kid(&a, 0), kid(&b, 0)};
    const troupe_supervision inner = {.child = grandchild, .children = 2};
    const troupe_child child = {
        .id = "inner", .what = &troupe_supervisor, .arg = &inner, .name = "inner"};
    troupe_ref top = family(&child, 1, 5, 0);
    for (int i = 0; i < 3; i++) {
        stage_expect("start(a) start(b)");
        cr_assert_eq(troupe_kill(rt, stage_find("inner")), TROUPE_OK);
    }
    stage_expect("start(a) start(b)");
    family_expect(top, "inner:RUNNING:3");
    stage_close();
}

Simulated(supervisor_stop, a_supervisor_without_living_children_can_be_killed) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_child child = kid(&a, TROUPE_TEMPORARY);
    troupe_ref top = family(&child, 1, 0, 0);
    cue_named("a", CUE_EXIT, TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(troupe_kill(rt, top), TROUPE_OK);
    (void)stage_run();
    cr_assert_not(stage_there(top));
    stage_close();
}
