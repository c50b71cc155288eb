/* Supervisors: children of one template. `case_N` is a numbered case of the conformance list for
 * supervisors. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_dynamic, .timeout = 120);

enum { MS = 30000, MANY = 20 };

static const player a = {.id = "a"}, b = {.id = "b"};
static const player slow = {.id = "slow", .stopping = TROUPE_LATER};
static const player bad = {.id = "bad", .start = TROUPE_SYSTEM};

static troupe_ref open_pool(unsigned workers, troupe_restart rule, unsigned shutdown_ms,
                            unsigned max_restarts) {
    (void)stage_open(workers);
    const troupe_child model = {
        .id = "kid", .what = &player_behaviour, .restart = rule, .shutdown_ms = shutdown_ms};
    const troupe_supervision what = {.child = &model,
                                     .children = 1,
                                     .max_restarts = max_restarts,
                                     .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    troupe_ref top = TROUPE_NOBODY;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
    stage_expect("");
    return top;
}

static troupe_ref add(troupe_ref top, const player *as) {
    troupe_ref ref = TROUPE_NOBODY;
    cr_assert_eq(troupe_start_dynamic_child(stage_rt(), top, as, MS, &ref), TROUPE_OK);
    cr_assert(stage_there(ref));
    return ref;
}

static troupe_err end(troupe_ref top, troupe_ref who) {
    return troupe_terminate_dynamic_child(stage_rt(), top, who, MS);
}

static void counts_are(troupe_ref top, uint64_t active) {
    troupe_child_counts counts;
    cr_assert_eq(troupe_count_children(stage_rt(), top, MS, &counts), TROUPE_OK);
    /* With workers, what a child has just done may not have come to its supervisor's ears. */
    for (int i = 0; i < 1000 && !stage_is_stepped() && counts.active != active; i++)
        cr_assert_eq(troupe_count_children(stage_rt(), top, MS, &counts), TROUPE_OK);
    cr_assert_eq(counts.specs, 1);
    cr_assert_eq(counts.active, active);
    cr_assert_eq(counts.supervisors, 0);
    cr_assert_eq(counts.workers, active);
}

static void refused(unsigned workers, const troupe_child *child, size_t children, const char *why) {
    (void)stage_open(workers);
    const troupe_supervision what = {
        .child = child, .children = children, .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_INVALID);
    cr_assert_eq(stage_logged(why), 1);
    stage_close();
}

Everywhere(supervisor_dynamic, case_10_it_needs_one_template) {
    troupe_child child[] = {kid(&a, 0), kid(&b, 0)};
    refused(workers, NULL, 0, "it needs exactly one template");
    refused(workers, child, 2, "it needs exactly one template");
    refused(workers, child, 1, "its template has a name");
}

static void alone(unsigned workers) {
    troupe_ref top = open_pool(workers, TROUPE_PERMANENT, 0, 1);
    troupe_ref first = add(top, &a), second = add(top, &b);
    cue(second, CUE_COUNT, 0);
    stage_expect("start(a) start(b) b=1");
    cue(first, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) start(a)");
    cue(second, CUE_COUNT, 0);
    stage_expect("b=2");
    family_expect(top, "kid:RUNNING:1 kid:RUNNING:0");
    counts_are(top, 2);
    family_stop(top);
    stage_expect_all("stopping(a) stop(a,SHUTDOWN) stopping(b) stop(b,SHUTDOWN)");
    stage_close();
}

Test(supervisor_dynamic, case_28_one_restarts_alone_with_its_own_argument) {
    everywhere(alone);
}

Everywhere(supervisor_dynamic, case_16_who_has_ended_is_forgotten_whatever_its_rule) {
    for (troupe_restart rule = TROUPE_TRANSIENT; rule <= TROUPE_TEMPORARY; rule++) {
        troupe_ref top = open_pool(workers, rule, 0, 1);
        troupe_ref who = add(top, &a);
        counts_are(top, 1);
        cue(who, CUE_EXIT, TROUPE_OK);
        stage_expect("start(a) stop(a,OK)");
        counts_are(top, 0);
        family_expect(top, "");
        stage_close();
    }
}

Everywhere(supervisor_dynamic, case_55_all_are_stopped_at_the_same_time) {
    troupe_ref top = open_pool(workers, TROUPE_PERMANENT, 10000, 1), who[MANY];
    for (int i = 0; i < MANY; i++) who[i] = add(top, &slow);
    stage_forget();
    cr_assert_eq(troupe_stop(stage_rt(), top), TROUPE_OK);
    let_pass(3000);
    stage_await(MANY); /* all were asked, and none has ended */
    cr_assert(stage_there(top));
    for (int i = 0; i < MANY; i += 2) cue(who[i], CUE_EXIT, TROUPE_SHUTDOWN);
    stage_await(MANY + MANY / 2);
    cr_assert(stage_there(top), "half of them need longer");
    if (!stage_is_stepped())
        for (int i = 1; i < MANY; i += 2) cue(who[i], CUE_EXIT, TROUPE_SHUTDOWN);
    let_pass(7000); /* then those that are left are killed */
    stage_await_gone(top);
    stage_close();
}

Everywhere(supervisor_dynamic, case_50_brutal_children_are_killed) {
    troupe_ref top = open_pool(workers, TROUPE_PERMANENT, TROUPE_BRUTAL, 1);
    for (int i = 0; i < MANY; i++) (void)add(top, &slow);
    stage_forget();
    family_stop(top);
    stage_expect("");
    stage_close();
}

static void administration(unsigned workers) {
    troupe_ref top = open_pool(workers, TROUPE_PERMANENT, 0, 1), out;
    troupe_ref first = add(top, &a), stranger = stage_enter(&b);
    troupe *rt = stage_rt();
    const troupe_child child = kid(&b, 0);
    stage_forget();
    cr_assert_eq(troupe_start_child(rt, top, &child, MS, &out), TROUPE_INVALID);
    cr_assert_eq(troupe_terminate_child(rt, top, "kid", MS), TROUPE_INVALID);
    cr_assert_eq(troupe_restart_child(rt, top, "kid", MS, &out), TROUPE_INVALID);
    cr_assert_eq(troupe_delete_child(rt, top, "kid", MS), TROUPE_INVALID);
    cr_assert_eq(end(top, stranger), TROUPE_NOTFOUND);
    cr_assert(stage_there(stranger));
    cr_assert_eq(end(top, first), TROUPE_OK);
    stage_expect("stopping(a) stop(a,SHUTDOWN)");
    stage_await_gone(first);
    cr_assert_eq(end(top, first), TROUPE_OK, "again");
    counts_are(top, 0);
    troupe_ref named = family(NULL, 0, 0, 0);
    cr_assert_eq(troupe_start_dynamic_child(rt, named, &a, MS, &out), TROUPE_INVALID);
    cr_assert_eq(end(named, first), TROUPE_INVALID);
    stage_close();
}

Test(supervisor_dynamic, case_61_administration) {
    everywhere(administration);
}

Simulated(supervisor_dynamic, one_that_is_slow_has_its_own_time) {
    troupe_ref top = open_pool(STAGE_SIMULATED, TROUPE_PERMANENT, 100, 1);
    troupe_ref who = add(top, &slow), other = add(top, &a);
    cr_assert_eq(troupe_terminate_dynamic_child(stage_rt(), top, who, 10), TROUPE_TIMEOUT);
    family_expect(top, "kid:STOPPING:0 kid:RUNNING:0");
    stage_advance(100);
    cr_assert_not(stage_there(who));
    cr_assert(stage_there(other));
    family_expect(top, "kid:RUNNING:0");
    stage_close();
}

Simulated(supervisor_dynamic, a_start_that_fails_leaves_nothing) {
    troupe_ref top = open_pool(STAGE_SIMULATED, TROUPE_PERMANENT, 0, 1), ref = TROUPE_NOBODY;
    cr_assert_eq(troupe_start_dynamic_child(stage_rt(), top, &bad, MS, &ref), TROUPE_START_FAILED);
    counts_are(top, 0);
    (void)stage_run();
    cr_assert_eq(tr_table_live(&stage_rt()->table), 1);
    stage_close();
}

Everywhere(supervisor_dynamic, case_44_a_stop_ends_the_tries) {
    for (int kill = 0; kill < 2; kill++) {
        (void)stage_open(workers);
        const player never = {
            .id = "n", .starts = &(uint32_t){0}, .fail_from = 2, .fail_past = ~0u};
        const troupe_child model = {.id = "kid",
                                    .what = &player_behaviour,
                                    .backoff_ms = 2,
                                    .backoff_max_ms = 2}; /* so that the diary does not fill up */
        const troupe_supervision what = {.child = &model,
                                         .children = 1,
                                         .max_restarts = TROUPE_UNLIMITED,
                                         .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
        troupe_ref top = TROUPE_NOBODY;
        cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
        cue(add(top, &never), CUE_FAIL, TROUPE_USER);
        for (int i = 0; i < 10; i++) let_pass(1);
        stage_await(5);
        cr_assert_eq(kill ? troupe_kill(stage_rt(), top) : troupe_stop(stage_rt(), top), 0);
        stage_await_gone(top);
        uint32_t tries = *never.starts;
        cr_assert_geq(tries, 3);
        let_pass(10);
        cr_assert_eq(*never.starts, tries);
        stage_close();
    }
}

/* --- Many ------------------------------------------------------------------------------------- */

static troupe_err quiet(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}
static const troupe_behaviour idle = {.name = "idle", .receive = quiet};

/* Not one of these calls may walk over all children: then this would take minutes. */
Test(supervisor_dynamic, a_hundred_thousand_take_the_same_time_each) {
    enum { ALL = 100000 };
    static troupe_ref who[ALL];
    troupe *rt = stage_open(TROUPE_STEPPED); /* a simulation chooses among all that could run */
    const troupe_child model = {.id = "kid", .what = &idle};
    const troupe_supervision what = {
        .child = &model, .children = 1, .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(rt, &what, MS, &top), TROUPE_OK);
    for (int i = 0; i < ALL; i++) {
        cr_assert_eq(troupe_start_dynamic_child(rt, top, NULL, MS, &who[i]), TROUPE_OK);
        if (i % 4 == 0) counts_are(top, (uint64_t)i + 1);
    }
    for (int i = 0; i < ALL; i += 2) cr_assert_eq(end(top, who[i]), TROUPE_OK);
    counts_are(top, ALL / 2);
    size_t count;
    cr_assert_eq(troupe_children(rt, top, MS, NULL, 0, &count), TROUPE_OK);
    cr_assert_eq(count, ALL / 2);
    for (int i = 1; i < ALL; i += 4) cr_assert_eq(troupe_kill(rt, who[i]), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    while (troupe_step(rt, 1)) {
    }
    cr_assert_eq(tr_table_live(&rt->table), 0);
    stage_close();
}
