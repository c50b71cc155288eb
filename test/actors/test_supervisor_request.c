/* Supervisors: children that come and go at run time. `case_N` is a numbered case of the
 * conformance list for supervisors. */
#include <criterion/criterion.h>
#include <string.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_request, .timeout = 60);

enum { MS = 30000 };

static const player a = {.id = "a"}, b = {.id = "b"}, c = {.id = "c"}, d = {.id = "d"};
static const player slow_b = {.id = "b", .stopping = TROUPE_LATER};
static const player bad = {.id = "bad", .start = TROUPE_SYSTEM};
static const player late = {.id = "late", .start = TROUPE_LATER};

static troupe_err start(troupe_ref top, const player *who, troupe_restart rule, troupe_ref *out) {
    const troupe_child child = kid(who, rule);
    return troupe_start_child(stage_rt(), top, &child, MS, out);
}

static troupe_err end(troupe_ref top, const char *id) {
    return troupe_terminate_child(stage_rt(), top, id, MS);
}

static troupe_err again(troupe_ref top, const char *id) {
    troupe_ref out;
    return troupe_restart_child(stage_rt(), top, id, MS, &out);
}

static troupe_err forget(troupe_ref top, const char *id) {
    return troupe_delete_child(stage_rt(), top, id, MS);
}

static troupe_ref open_family(unsigned workers, troupe_strategy strategy, unsigned max_restarts) {
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0)};
    const troupe_supervision what = {
        .child = child, .children = 2, .max_restarts = max_restarts, .strategy = strategy};
    troupe_ref top = TROUPE_NOBODY;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
    stage_expect("start(a) start(b)");
    return top;
}

/* --- Starting --------------------------------------------------------------------------------- */

static void starts(unsigned workers, troupe_strategy strategy) {
    troupe_ref top = open_family(workers, strategy, 3), ref = TROUPE_NOBODY;
    cr_assert_eq(start(top, &c, 0, &ref), TROUPE_OK);
    cr_assert(troupe_same(ref, stage_find("c")));
    stage_expect("start(c)");
    family_expect(top, "a:RUNNING:0 b:RUNNING:0 c:RUNNING:0");
    ref = TROUPE_NOBODY;
    cr_assert_eq(start(top, &a, 0, &ref), TROUPE_RUNNING);
    cr_assert(troupe_same(ref, stage_find("a")));
    cr_assert_eq(end(top, "b"), TROUPE_OK);
    cr_assert_eq(start(top, &b, 0, &ref), TROUPE_PRESENT);
    cr_assert_eq(start(top, &bad, 0, &ref), TROUPE_START_FAILED);
    stage_expect("stopping(b) stop(b,SHUTDOWN) start(bad)");
    family_expect(top, "a:RUNNING:0 b:ENDED:0 c:RUNNING:0");
    cr_assert(troupe_same(stage_find("bad"), TROUPE_NOBODY));
    family_stop(top);
    stage_expect("stopping(c) stop(c,SHUTDOWN) stopping(a) stop(a,SHUTDOWN)");
    stage_close();
}

Everywhere(supervisor_request, case_59_start_child) {
    for (troupe_strategy s = TROUPE_ONE_FOR_ONE; s <= TROUPE_REST_FOR_ONE; s++) starts(workers, s);
}

Simulated(supervisor_request, what_is_started_is_a_copy_and_is_restarted_by_its_rule) {
    troupe_ref top = open_family(STAGE_SIMULATED, TROUPE_ONE_FOR_ONE, 3), ref;
    char id[] = "c";
    troupe_child child = kid(&c, TROUPE_TRANSIENT);
    child.id = child.name = id;
    cr_assert_eq(troupe_start_child(stage_rt(), top, &child, MS, &ref), TROUPE_OK);
    memset(id, 'x', sizeof id - 1);
    cue(ref, CUE_FAIL, TROUPE_USER);
    stage_expect("start(c) stop(c,USER) start(c)");
    cue(ref, CUE_EXIT, TROUPE_OK);
    stage_expect("stop(c,OK)");
    family_expect(top, "a:RUNNING:0 b:RUNNING:0 c:ENDED:1");
    stage_close();
}

Everywhere(supervisor_request, case_16_the_id_of_a_temporary_child_that_ended_is_free) {
    troupe_ref top = open_family(workers, TROUPE_ONE_FOR_ONE, 3), first, second;
    cr_assert_eq(start(top, &c, TROUPE_TEMPORARY, &first), TROUPE_OK);
    cue(first, CUE_FAIL, TROUPE_USER);
    stage_expect("start(c) stop(c,USER)");
    family_expect(top, "a:RUNNING:0 b:RUNNING:0");
    cr_assert_eq(start(top, &c, TROUPE_TEMPORARY, &second), TROUPE_OK);
    cr_assert_not(troupe_same(first, second));
    cr_assert_eq(end(top, "c"), TROUPE_OK);
    family_expect(top, "a:RUNNING:0 b:RUNNING:0");
    stage_close();
}

Simulated(supervisor_request, a_start_is_answered_when_it_is_complete) {
    troupe *rt = stage_rt();
    troupe_ref top = open_family(STAGE_SIMULATED, TROUPE_REST_FOR_ONE, 3), ref = TROUPE_NOBODY;
    rt = stage_rt();
    const troupe_child child = kid(&late, 0);
    cr_assert_eq(troupe_start_child(rt, top, &child, 10, &ref), TROUPE_TIMEOUT);
    cr_assert_eq(start(top, &late, 0, &ref), TROUPE_RUNNING);
    cr_assert_eq(start(top, &c, 0, &ref), TROUPE_TIMEOUT, "one starts after the other");
    cue_named("late", CUE_READY, 0);
    stage_expect("start(late) start(c)");
    family_expect(top, "a:RUNNING:0 b:RUNNING:0 late:RUNNING:0 c:RUNNING:0");
    stage_close();
}

Simulated(supervisor_request, bad_requests_are_refused_at_once) {
    troupe_ref top = open_family(STAGE_SIMULATED, TROUPE_ONE_FOR_ONE, 3), ref;
    troupe *rt = stage_rt();
    const troupe_child none = {.id = "x"};
    const troupe_ref elsewhere = {rt->node + 1, top.id};
    troupe_child_info info;
    cr_assert_eq(troupe_start_child(rt, top, NULL, MS, &ref), TROUPE_INVALID);
    cr_assert_eq(troupe_start_child(rt, top, &none, MS, &ref), TROUPE_INVALID);
    cr_assert_eq(end(top, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_find_child(rt, top, NULL, MS, &info), TROUPE_INVALID);
    cr_assert_eq(end(elsewhere, "a"), TROUPE_INVALID);
    cr_assert_eq(end(TROUPE_NOBODY, "a"), TROUPE_GONE);
    stage_close();
}

/* --- Ending ----------------------------------------------------------------------------------- */

static void ends(unsigned workers) {
    troupe_ref top = open_family(workers, TROUPE_ONE_FOR_ONE, 3), before = stage_find("b");
    cr_assert_eq(end(top, "x"), TROUPE_NOTFOUND);
    cr_assert_eq(again(top, "x"), TROUPE_NOTFOUND);
    cr_assert_eq(forget(top, "x"), TROUPE_NOTFOUND);
    cr_assert_eq(again(top, "b"), TROUPE_RUNNING);
    cr_assert_eq(forget(top, "b"), TROUPE_RUNNING);
    cr_assert_eq(end(top, "b"), TROUPE_OK);
    stage_expect("stopping(b) stop(b,SHUTDOWN)");
    cr_assert(troupe_same(stage_find("b"), TROUPE_NOBODY));
    cr_assert_eq(end(top, "b"), TROUPE_OK, "it has ended already");
    cr_assert_eq(again(top, "b"), TROUPE_OK);
    stage_expect("start(b)");
    cr_assert_not(troupe_same(stage_find("b"), before));
    cr_assert_eq(end(top, "b"), TROUPE_OK);
    cr_assert_eq(forget(top, "b"), TROUPE_OK);
    family_expect(top, "a:RUNNING:0");
    cr_assert_eq(forget(top, "b"), TROUPE_NOTFOUND);
    stage_expect("stopping(b) stop(b,SHUTDOWN)");
    stage_close();
}

Test(supervisor_request, terminate_restart_and_delete) {
    everywhere(ends);
}

Simulated(supervisor_request, one_that_is_slow_is_killed_and_its_supervisor_answers_meanwhile) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_child child[] = {kid(&a, 0), kid(&slow_b, 0)};
    child[1].shutdown_ms = 1000;
    troupe_ref top = family(child, 2, 3, 0), ref;
    stage_forget();
    troupe *rt = stage_rt();
    cr_assert_eq(troupe_terminate_child(rt, top, "b", 10), TROUPE_TIMEOUT);
    family_expect(top, "a:RUNNING:0 b:STOPPING:0");
    cr_assert_eq(start(top, &c, 0, &ref), TROUPE_OK);
    cr_assert_eq(start(top, &slow_b, 0, &ref), TROUPE_RUNNING);
    cr_assert_eq(forget(top, "b"), TROUPE_RUNNING);
    stage_expect("stopping(b) start(c)");
    stage_advance(1000);
    family_expect(top, "a:RUNNING:0 b:ENDED:0 c:RUNNING:0");
    stage_close();
}

Everywhere(supervisor_request, case_25_one_that_was_ended_by_hand_starts_with_its_group) {
    troupe_ref top = open_family(workers, TROUPE_ONE_FOR_ALL, 3);
    cr_assert_eq(end(top, "b"), TROUPE_OK);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stopping(b) stop(b,SHUTDOWN) stop(a,USER) start(a) start(b)");
    family_expect(top, "a:RUNNING:1 b:RUNNING:1");
    stage_close();
}

/* The child waits for its turn to be tried again, held up by one that does not become ready. */
Everywhere(supervisor_request, case_43_a_child_that_is_being_restarted) {
    troupe_ref ref;
    (void)stage_open(workers);
    const troupe_child child[] = {kid(&slow_b, 0), kid(&c, 0), kid(&d, 0)};
    const troupe_supervision what = {
        .child = child, .children = 3, .max_restarts = 9, .strategy = TROUPE_ONE_FOR_ALL};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
    stage_forget();
    cue_named("c", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(c,USER) stopping(d) stop(d,SHUTDOWN) stopping(b)");
    cr_assert_eq(again(top, "c"), TROUPE_RESTARTING);
    cr_assert_eq(forget(top, "c"), TROUPE_RESTARTING);
    cr_assert_eq(start(top, &c, 0, &ref), TROUPE_RESTARTING);
    cr_assert_eq(end(top, "c"), TROUPE_OK);
    family_expect(top, "b:STOPPING:0 c:ENDED:0 d:WAITING:0");
    cue_named("b", CUE_EXIT, TROUPE_OK);
    stage_expect("stop(b,OK) start(b) start(d)");
    family_expect(top, "b:RUNNING:1 c:ENDED:0 d:RUNNING:1");
    stage_close();
}

Everywhere(supervisor_request, case_43_terminate_ends_the_tries) {
    troupe *rt = stage_open(workers);
    uint32_t count = 0;
    const player never = {.id = "b", .starts = &count, .fail_from = 2, .fail_past = ~0u};
    troupe_child child[] = {kid(&a, 0), kid(&never, 0)};
    child[1].backoff_ms = child[1].backoff_max_ms = 2; /* so that the diary does not fill up */
    troupe_ref top = family(child, 2, TROUPE_UNLIMITED, 0);
    cue_named("b", CUE_FAIL, TROUPE_USER);
    for (int i = 0; i < 10; i++) let_pass(1);
    stage_await(6);
    cr_assert_eq(end(top, "b"), TROUPE_OK);
    troupe_child_info info;
    cr_assert_eq(troupe_find_child(rt, top, "b", MS, &info), TROUPE_OK);
    cr_assert_eq(info.state, TROUPE_CHILD_ENDED);
    uint32_t tries = count;
    cr_assert_geq(tries, 3);
    let_pass(10);
    cr_assert_eq(count, tries);
    stage_close();
}

Simulated(supervisor_request, a_restart_by_hand_that_fails_keeps_the_description) {
    (void)stage_open(STAGE_SIMULATED);
    uint32_t count = 0;
    const player shaky = {.id = "b", .starts = &count, .fail_from = 2, .fail_past = 3};
    const troupe_child child[] = {kid(&a, 0), kid(&shaky, 0)};
    troupe_ref top = family(child, 2, 3, 0);
    cr_assert_eq(end(top, "b"), TROUPE_OK);
    cr_assert_eq(again(top, "b"), TROUPE_START_FAILED);
    family_expect(top, "a:RUNNING:0 b:ENDED:0");
    cr_assert_eq(again(top, "b"), TROUPE_OK);
    family_expect(top, "a:RUNNING:0 b:RUNNING:0");
    stage_close();
}

/* --- Counts ----------------------------------------------------------------------------------- */

static void counts_are(troupe_ref top, uint64_t specs, uint64_t active, uint64_t supervisors) {
    troupe_child_counts counts;
    cr_assert_eq(troupe_count_children(stage_rt(), top, MS, &counts), TROUPE_OK);
    cr_assert_eq(counts.specs, specs);
    cr_assert_eq(counts.active, active);
    cr_assert_eq(counts.supervisors, supervisors);
    cr_assert_eq(counts.workers, specs - supervisors);
}

Everywhere(supervisor_request, case_62_counts_and_one_by_its_id) {
    troupe_ref top = open_family(workers, TROUPE_ONE_FOR_ONE, 3), ref;
    const troupe_supervision none = {0};
    const troupe_child inner = {.id = "inner", .what = &troupe_supervisor, .arg = &none};
    counts_are(top, 2, 2, 0);
    cr_assert_eq(troupe_start_child(stage_rt(), top, &inner, MS, &ref), TROUPE_OK);
    counts_are(top, 3, 3, 1);
    counts_are(ref, 0, 0, 0);
    cr_assert_eq(end(top, "a"), TROUPE_OK);
    counts_are(top, 3, 2, 1);
    cr_assert_eq(forget(top, "a"), TROUPE_OK);
    counts_are(top, 2, 2, 1);
    troupe_child_info info;
    cr_assert_eq(troupe_find_child(stage_rt(), top, "inner", MS, &info), TROUPE_OK);
    cr_assert_str_eq(info.id, "inner");
    cr_assert(troupe_same(info.ref, ref) && info.supervisor);
    cr_assert_eq(troupe_find_child(stage_rt(), top, "a", MS, &info), TROUPE_NOTFOUND);
    stage_close();
}

/* --- Who asks meanwhile ----------------------------------------------------------------------- */

/* An actor that asks for something by each cue, and says what it is answered. */
static troupe_err manage(troupe_self *self, void *state, troupe_msg **msg) {
    static const troupe_child child = {
        .id = "c", .name = "c", .what = &player_behaviour, .arg = &c};
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct troupe_child_done *done = troupe_as(*msg, &troupe_child_done_type);
    (void)state;
    if (done)
        stage_say("%u:%s:%d", (unsigned)done->tag, troupe_errname((troupe_err)done->err),
                  troupe_same(done->child, TROUPE_NOBODY)
                      ? 0
                      : 1 + troupe_same(done->child, stage_find("c")));
    if (!cue) return TROUPE_OK;
    const troupe_child_request request = {
        .act = (troupe_child_act)cue->act, .id = "c", .child = &child, .tag = cue->n};
    troupe_err err = troupe_request_child(self, cue->who, &request);
    if (err) stage_say("%s", troupe_errname(err));
    return TROUPE_OK;
}
static const troupe_behaviour manager = {.name = "manager", .receive = manage, .mailbox_limit = 1};

static void asked_by_an_actor(unsigned workers) {
    troupe_ref top = open_family(workers, TROUPE_ONE_FOR_ONE, 3), who;
    cr_assert_eq(troupe_spawn(stage_rt(), &manager, NULL, &who), TROUPE_OK);
    cue_about(who, TROUPE_START_CHILD, 1, top);
    stage_expect("start(c) 1:OK:2");
    cue_about(who, TROUPE_START_CHILD, 2, top);
    stage_expect("2:RUNNING:2");
    cue_about(who, TROUPE_DELETE_CHILD, 3, top);
    stage_expect("3:RUNNING:2");
    cue_about(who, TROUPE_TERMINATE_CHILD, 4, top);
    stage_expect("stopping(c) stop(c,SHUTDOWN) 4:OK:0");
    cue_about(who, TROUPE_RESTART_CHILD, 5, top);
    stage_expect("start(c) 5:OK:2");
    cue_about(who, TROUPE_LIST_CHILDREN + 1, 6, top);
    stage_expect("INVALID");
    stage_close();
}

Test(supervisor_request, an_actor_asks_and_is_answered_by_a_message) {
    everywhere(asked_by_an_actor);
}

/* Whoever waits for a child hears of it also if the supervisor ends instead. */
static void ends_meanwhile(bool kill) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {kid(&a, 0), kid(&slow_b, 0)};
    troupe_ref top = family(child, 2, 3, 0), start_asker, stop_asker;
    troupe *rt = stage_rt();
    cr_assert_eq(troupe_spawn(rt, &manager, NULL, &start_asker), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &manager, NULL, &stop_asker), TROUPE_OK);
    cr_assert_eq(troupe_terminate_child(rt, top, "b", 10), TROUPE_TIMEOUT);
    const troupe_child starting = kid(&late, 0);
    troupe_ref ref;
    cr_assert_eq(troupe_start_child(rt, top, &starting, 10, &ref), TROUPE_TIMEOUT);
    stage_forget();
    cr_assert_eq(kill ? troupe_kill(rt, top) : troupe_stop(rt, top), TROUPE_OK);
    (void)stage_run();
    cue_about(start_asker, TROUPE_START_CHILD, 7, top);
    stage_expect(kill ? "GONE" : "7:SHUTDOWN:0");
    if (!kill) cue_named("b", CUE_EXIT, TROUPE_OK);
    (void)stage_run();
    cr_assert_not(stage_there(top));
    stage_close();
}

Test(supervisor_request, a_supervisor_that_ends_answers_all) {
    ends_meanwhile(false);
    ends_meanwhile(true);
}

/* Its group fails while it is being ended by hand: it has ended, and is started again. */
Simulated(supervisor_request, who_waits_for_an_end_is_answered_also_if_the_group_starts_again) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {kid(&a, 0),
                                  {.id = "c", .what = &player_behaviour, .arg = &slow_b}};
    const troupe_supervision what = {
        .child = child, .children = 2, .max_restarts = 9, .strategy = TROUPE_ONE_FOR_ALL};
    troupe_ref top, who;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
    troupe_child_info info;
    cr_assert_eq(troupe_find_child(stage_rt(), top, "c", MS, &info), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &manager, NULL, &who), TROUPE_OK);
    stage_forget();
    cue_about(who, TROUPE_TERMINATE_CHILD, 1, top);
    stage_expect("stopping(b)");
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("stop(a,USER)");
    cue(info.ref, CUE_EXIT, TROUPE_OK);
    stage_expect_all("stop(b,OK) 1:OK:0 start(a) start(b)");
    family_expect(top, "a:RUNNING:1 c:RUNNING:1");
    stage_close();
}
