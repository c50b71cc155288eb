/* Supervisors: who is restarted with whom. `case_N` is a numbered case of the conformance list for
 * supervisors. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_strategy, .timeout = 120);

enum { KIDS = 5 };

static const player a = {.id = "a"}, b = {.id = "b"}, c = {.id = "c"}, d = {.id = "d"};

static troupe_ref group(troupe_strategy strategy, const troupe_child *child, size_t children,
                        unsigned max_restarts) {
    const troupe_supervision what = {
        .child = child, .children = children, .max_restarts = max_restarts, .strategy = strategy};
    troupe_ref ref = TROUPE_NOBODY;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, 30000, &ref), TROUPE_OK);
    stage_forget();
    return ref;
}

/* Stops and starts of b, c, d, as seen when b fails. */
#define REST                                                                                       \
    "stop(b,USER) stopping(d) stop(d,SHUTDOWN) stopping(c) stop(c,SHUTDOWN) "                      \
    "start(b) start(c) start(d)"

static void rest(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&c, 0), kid(&d, 0)};
    troupe_ref top = group(TROUPE_REST_FOR_ONE, child, 4, 1), before = stage_find("c");
    cue_named("a", CUE_COUNT, 0);
    stage_expect("a=1");
    cue_named("b", CUE_FAIL, TROUPE_USER);
    stage_expect(REST);
    cue_named("a", CUE_COUNT, 0);
    stage_expect("a=2");
    family_expect(top, "a:RUNNING:0 b:RUNNING:1 c:RUNNING:1 d:RUNNING:1");
    cr_assert(troupe_same(stage_find("c"), before));
    family_stop(top);
    cr_assert_eq(stage_logged("actor failed:"), 1, "the report of b, and no other");
    stage_close();
}

Test(supervisor_strategy, case_22_rest_for_one) {
    everywhere(rest);
}

static void first_and_last(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&c, 0)};
    troupe_ref top = group(TROUPE_REST_FOR_ONE, child, 3, 2);
    cue_named("c", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(c,USER) start(c)");
    family_expect(top, "a:RUNNING:0 b:RUNNING:0 c:RUNNING:1");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) stopping(c) stop(c,SHUTDOWN) stopping(b) stop(b,SHUTDOWN) "
                 "start(a) start(b) start(c)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:1 c:RUNNING:2");
    stage_close();
}

Test(supervisor_strategy, case_23_rest_for_one_of_the_last_and_the_first) {
    everywhere(first_and_last);
}

static void all(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&c, 0)};
    troupe_ref top = group(TROUPE_ONE_FOR_ALL, child, 3, 1);
    cue_named("b", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(b,USER) stopping(c) stop(c,SHUTDOWN) stopping(a) stop(a,SHUTDOWN) "
                 "start(a) start(b) start(c)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:1 c:RUNNING:1");
    stage_close();
}

Test(supervisor_strategy, one_for_all_stops_in_reverse_and_starts_in_order) {
    everywhere(all);
}

static void with_a_spec(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, TROUPE_TRANSIENT), kid(&c, TROUPE_TEMPORARY)};
    troupe_ref top = group(TROUPE_ONE_FOR_ALL, child, 3, 1), gone = stage_find("b");
    cue(gone, CUE_EXIT, TROUPE_OK);
    stage_expect("stop(b,OK)");
    stage_await_gone(gone);
    gone = stage_find("c");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) stopping(c) stop(c,SHUTDOWN) start(a) start(b)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:1");
    stage_await_gone(gone);
    cr_assert(stage_there(stage_find("b")));
    stage_close();
}

/* One that was stopped by hand is in test_supervisor_request.c. */
Test(supervisor_strategy, case_25_all_that_have_a_description_start_and_temporary_ones_do_not) {
    everywhere(with_a_spec);
}

static void list_order(unsigned workers) {
    (void)stage_open(workers);
    static const player as[KIDS] = {
        {.id = "ch7"}, {.id = "ch3"}, {.id = "ch10"}, {.id = "ch2"}, {.id = "ch5"}};
    troupe_child child[KIDS];
    for (int i = 0; i < KIDS; i++) child[i] = kid(&as[i], 0);
    troupe_ref top = group(TROUPE_REST_FOR_ONE, child, KIDS, 1);
    cr_assert_eq(troupe_kill(stage_rt(), stage_find("ch10")), TROUPE_OK);
    stage_expect("stopping(ch5) stop(ch5,SHUTDOWN) stopping(ch2) stop(ch2,SHUTDOWN) "
                 "start(ch10) start(ch2) start(ch5)");
    family_expect(top, "ch7:RUNNING:0 ch3:RUNNING:0 ch10:RUNNING:1 ch2:RUNNING:1 ch5:RUNNING:1");
    family_stop(top);
    stage_expect("stopping(ch5) stop(ch5,SHUTDOWN) stopping(ch2) stop(ch2,SHUTDOWN) "
                 "stopping(ch10) stop(ch10,SHUTDOWN) stopping(ch3) stop(ch3,SHUTDOWN) "
                 "stopping(ch7) stop(ch7,SHUTDOWN)");
    stage_close();
}

Test(supervisor_strategy, case_26_the_order_is_that_of_the_list) {
    everywhere(list_order);
}

static void kill_b(troupe_self *self) {
    troupe_ref who;
    if (troupe_whereis(troupe_runtime(self), "b", &who) == TROUPE_OK)
        cr_assert_eq(troupe_kill(troupe_runtime(self), who), TROUPE_OK);
}

/* The second is killed before their supervisor can hear of the first; so it is asked to stop when
 * its end is on its way, and to start before it has seen that. */
static void survives_two(unsigned workers, troupe_strategy strategy, const char *words) {
    (void)stage_open(workers);
    const player killer = {.id = "a", .at_stop = kill_b};
    const troupe_child child[] = {kid(&killer, 0), kid(&b, 0)};
    troupe_ref top = group(strategy, child, 2, 1);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect(words);
    family_expect(top, "a:RUNNING:1 b:RUNNING:1");
    stage_close();
}

static void two_in_a_group(unsigned workers) {
    const char *const words = "stop(a,USER) start(a) start(b)";
    survives_two(workers, TROUPE_ONE_FOR_ALL, words);
    survives_two(workers, TROUPE_REST_FOR_ONE, words);
}

Test(supervisor_strategy, case_29_two_that_die_at_once_are_one_restart_of_a_group) {
    everywhere(two_in_a_group);
}

/* The first may be back already when the second is heard of. */
Everywhere(supervisor_strategy, case_29_two_that_die_at_once_are_two_restarts_without_a_group) {
    (void)stage_open(workers);
    const player killer = {.id = "a", .at_stop = kill_b};
    const troupe_child child[] = {kid(&killer, 0), kid(&b, 0)};
    troupe_ref top = group(TROUPE_ONE_FOR_ONE, child, 2, 1);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_await_gone(top);
    cr_assert_eq(stage_logged("no restart: 1 in 5000 ms are used up"), 1);
    stage_close();
}

/* --- Restarts that fail ----------------------------------------------------------------------- */

static void retry(unsigned workers, troupe_strategy strategy, const char *words,
                  const char *after) {
    (void)stage_open(workers);
    uint32_t starts = 0;
    const player shaky = {.id = "b", .starts = &starts, .fail_from = 2, .fail_past = 4};
    const troupe_child child[] = {kid(&a, 0), kid(&shaky, 0), kid(&c, 0)};
    troupe_ref top = group(strategy, child, 3, 3);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect(words);
    family_expect(top, after);
    cue_named("c", CUE_FAIL, TROUPE_USER); /* each try counted: this is one too many */
    stage_await_gone(top);
    stage_close();
}

/* What was started before the one that can't be is stopped again for the next try. */
static void retry_all(unsigned workers) {
    retry(workers, TROUPE_ONE_FOR_ALL,
          "stop(a,USER) stopping(c) stop(c,SHUTDOWN) stopping(b) stop(b,SHUTDOWN) "
          "start(a) startfail(b) stopping(a) stop(a,SHUTDOWN) "
          "start(a) startfail(b) stopping(a) stop(a,SHUTDOWN) start(a) start(b) start(c)",
          "a:RUNNING:3 b:RUNNING:3 c:RUNNING:1");
}

static void retry_rest(unsigned workers) {
    retry(workers, TROUPE_REST_FOR_ONE,
          "stop(a,USER) stopping(c) stop(c,SHUTDOWN) stopping(b) stop(b,SHUTDOWN) "
          "start(a) startfail(b) startfail(b) start(b) start(c)",
          "a:RUNNING:1 b:RUNNING:3 c:RUNNING:1");
}

Test(supervisor_strategy, one_for_all_tries_again_with_all) {
    everywhere(retry_all);
}

Test(supervisor_strategy, case_46_rest_for_one_tries_again_with_the_rest) {
    everywhere(retry_rest);
}

/* A start that does not complete holds up only those behind it: lists are answered meanwhile. */
Everywhere(supervisor_strategy, case_46_others_wait_while_one_is_tried) {
    troupe *rt = stage_open(workers);
    const player late = {.id = "b", .start = TROUPE_LATER};
    const troupe_child child[] = {kid(&a, 0), kid(&late, 0), kid(&c, 0)};
    const troupe_supervision what = {
        .child = child, .children = 3, .max_restarts = 9, .strategy = TROUPE_REST_FOR_ONE};
    troupe_ref top;
    cr_assert_eq(troupe_spawn(rt, &troupe_supervisor, &what, &top), TROUPE_OK);
    stage_expect("start(a) start(b)");
    cue_named("b", CUE_READY, 0);
    stage_expect("start(c)");
    cue_named("b", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(b,USER) stopping(c) stop(c,SHUTDOWN) start(b)");
    family_expect(top, "a:RUNNING:0 b:STARTING:1 c:WAITING:0");
    cue_named("c", CUE_SAY, 1); /* its mail waits with it */
    cue_named("b", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(b,USER) start(b)");
    cue_named("b", CUE_READY, 0);
    stage_expect("start(c) c:1");
    family_expect(top, "a:RUNNING:0 b:RUNNING:2 c:RUNNING:1");
    stage_close();
}

static void stop_in_the_loop(unsigned workers, troupe_strategy strategy, bool kill) {
    troupe *rt = stage_open(workers);
    uint32_t starts = 0;
    const player never = {.id = "b", .starts = &starts, .fail_from = 2, .fail_past = ~0u};
    troupe_child child[] = {kid(&a, 0), kid(&never, 0), kid(&c, 0)};
    child[1].backoff_ms = child[1].backoff_max_ms = 2; /* so that the diary does not fill up */
    troupe_ref top = group(strategy, child, 3, TROUPE_UNLIMITED);
    cue_named("b", CUE_FAIL, TROUPE_USER);
    for (int i = 0; i < 10; i++) let_pass(1);
    stage_await(8);
    cr_assert_eq(kill ? troupe_kill(rt, top) : troupe_stop(rt, top), TROUPE_OK);
    stage_await_gone(top);
    uint32_t tries = starts;
    cr_assert_geq(tries, 2);
    let_pass(10);
    cr_assert_eq(starts, tries);
    stage_close();
}

Everywhere(supervisor_strategy, case_44_a_stop_ends_the_tries) {
    for (int kill = 0; kill < 2; kill++)
        for (troupe_strategy s = TROUPE_ONE_FOR_ONE; s <= TROUPE_REST_FOR_ONE; s++)
            stop_in_the_loop(workers, s, kill);
}

/* The same as fast as it goes. */
Test(supervisor_strategy, a_stop_ends_tries_that_never_wait) {
    for (int kill = 0; kill < 2; kill++) {
        troupe *rt = stage_open(TROUPE_STEPPED);
        uint32_t starts = 0;
        const player never = {.id = "b", .starts = &starts, .fail_from = 2, .fail_past = ~0u};
        const troupe_child child[] = {kid(&a, 0), kid(&never, 0), kid(&c, 0)};
        troupe_ref top = group(TROUPE_ONE_FOR_ALL, child, 3, 1000);
        cue_named("b", CUE_FAIL, TROUPE_USER);
        while (starts < 5) cr_assert_eq(troupe_step(rt, 1), 1);
        cr_assert_eq(kill ? troupe_kill(rt, top) : troupe_stop(rt, top), TROUPE_OK);
        uint32_t tries = starts;
        (void)stage_run();
        cr_assert_not(stage_there(top));
        cr_assert_leq(starts, tries + 1, "it ends within one try");
        cr_assert_eq(tr_table_live(&rt->table), 0);
        stage_close();
    }
}

/* --- What happens meanwhile ------------------------------------------------------------------- */

static const player slow_b = {.id = "b", .stopping = TROUPE_LATER},
                    slow_c = {.id = "c", .stopping = TROUPE_LATER};

Simulated(supervisor_strategy, a_group_is_stopped_by_its_own_rules) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_child child[] = {kid(&a, 0), kid(&slow_b, 0), kid(&slow_c, 0), kid(&d, 0)};
    child[1].shutdown_ms = 1000;
    child[2].shutdown_ms = 300;
    child[3].shutdown_ms = TROUPE_BRUTAL;
    troupe_ref top = group(TROUPE_ONE_FOR_ALL, child, 4, 9);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) stopping(c)");
    family_expect(top, "a:WAITING:0 b:RUNNING:0 c:STOPPING:0 d:WAITING:0");
    stage_advance(299);
    stage_expect("");
    stage_advance(1);
    stage_expect("stopping(b)");
    cue_named("b", CUE_EXIT, TROUPE_SHUTDOWN);
    stage_expect("stop(b,SHUTDOWN) start(a) start(b) start(c) start(d)");
    cr_assert_eq(stage_rt()->timers.count, 0, "a time-out ends with its stop");
    stage_close();
}

/* A time-out that came too late for its stop is still in the supervisor's mail when a request,
 * which goes before mail, has the same child stopped once more: that stop has its own time. */
Test(supervisor_strategy, a_time_out_of_an_earlier_stop_kills_nobody) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    uint32_t starts = 0;
    const player slow = {.id = "b", .stopping = TROUPE_LATER, .starts = &starts};
    troupe_child child[] = {kid(&slow, 0), kid(&a, 0)};
    child[0].shutdown_ms = 10;
    troupe_ref top = group(TROUPE_ONE_FOR_ALL, child, 2, 9);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) stopping(b)");
    cue_named("b", CUE_EXIT, TROUPE_OK);
    cr_assert_eq(troupe_step(rt, 1), 1); /* its end is in the supervisor's mail, */
    for (uint32_t i = 0; i < 200; i++) cue(top, CUE_SAY, i);
    *stage_clock() += 10 * TR_MS; /* and the time-out far behind it */
    while (starts < 2) cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    stage_expect("stop(b,OK) start(b) stopping(b)");
    family_expect(top, "b:STOPPING:1 a:WAITING:0");
    stage_advance(10);
    cr_assert_not(stage_there(top));
    stage_close();
}

Simulated(supervisor_strategy, one_that_fails_while_its_group_stops_is_no_other_restart) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {kid(&a, 0), kid(&slow_b, 0), kid(&slow_c, 0)};
    troupe_ref top = group(TROUPE_ONE_FOR_ALL, child, 3, 1);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) stopping(c)");
    cue_named("b", CUE_FAIL, TROUPE_USER); /* not yet asked */
    stage_expect("stop(b,USER)");
    cue_named("c", CUE_FAIL, TROUPE_USER); /* asked */
    stage_expect("stop(c,USER) start(a) start(b) start(c)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:1 c:RUNNING:1");
    cr_assert_eq(stage_logged("; its group is restarted; "), 2);
    stage_close();
}

/* It has been restarted already when its own group goes on to start. */
Simulated(supervisor_strategy, an_earlier_one_that_fails_meanwhile_widens_the_group) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&slow_c, 0)};
    troupe_ref top = group(TROUPE_REST_FOR_ONE, child, 3, 2);
    cue_named("b", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(b,USER) stopping(c)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER)");
    cue_named("c", CUE_EXIT, TROUPE_OK);
    stage_expect("stop(c,OK) start(a) start(b) start(c)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:1 c:RUNNING:1");
    stage_close();
}

Simulated(supervisor_strategy, a_failure_during_the_start_restarts_those_that_had_started) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player late = {.id = "c", .start = TROUPE_LATER};
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&late, 0), kid(&d, 0)};
    const troupe_supervision what = {
        .child = child, .children = 4, .max_restarts = 9, .strategy = TROUPE_ONE_FOR_ALL};
    troupe_ref top;
    cr_assert_eq(troupe_spawn(rt, &troupe_supervisor, &what, &top), TROUPE_OK);
    stage_expect("start(a) start(b) start(c)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER) stopping(c) stop(c,SHUTDOWN) stopping(b) stop(b,SHUTDOWN) "
                 "start(a) start(b) start(c)");
    cue_named("c", CUE_READY, 0);
    stage_expect("start(d)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:1 c:RUNNING:1 d:RUNNING:0");
    stage_close();
}

Simulated(supervisor_strategy, an_unknown_strategy_is_refused) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_supervision what = {.strategy = (troupe_strategy)(TROUPE_SIMPLE_ONE_FOR_ONE + 1)};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(rt, &what, 1000, &top), TROUPE_INVALID);
    cr_assert_eq(stage_logged("supervisor supervisor: unknown strategy"), 1);
    stage_close();
}
