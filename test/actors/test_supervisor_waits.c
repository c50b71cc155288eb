/* Circles of waits that go through supervisors which are started or stopped themselves, several
 * levels apart. */
#include "actors/supervisor_waits.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <troupe/join.h>
#include <troupe/observe.h>

#include "actors/runtime.h"
#include "actors/waits.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(supervisor_waits, .timeout = 60);

enum { LONG = 50000 }; /* milliseconds that a test never takes */

static const player ann = {.id = "ann"};

/* --- Leaves: actors with a thread of their own ------------------------------------------------ */

enum { ANSWER, TERMINATE, JOIN, ASK }; /* whom, or the child called `id` of it */

struct errand {
    uint32_t act;
    bool gated; /* at the gate, first of all */
    troupe_ref whom;
    const char *id;
};
static const troupe_type errand_type =
    TROUPE_TYPE(errand, TROUPE_FIELD(errand, act), TROUPE_FIELD(errand, gated),
                TROUPE_FIELD(errand, whom), TROUPE_FIELD(errand, id));

static troupe_msg *errand(uint32_t act, troupe_ref whom, const char *id, bool gated) {
    troupe_msg *msg = NULL;
    const struct errand body = {act, gated, whom, id};
    cr_assert_eq(troupe_make(stage_rt(), &errand_type, &body, &msg), TROUPE_OK);
    return msg;
}

static troupe_err start_sibling(const char *supervisor) {
    const troupe_child child = {.id = "late", .what = &player_behaviour, .arg = &ann};
    troupe_ref who;
    return troupe_start_child(stage_rt(), stage_find(supervisor), &child, LONG, &who);
}

/* `arg`: the supervisor to which it adds a child in its start; NULL: none. */
static troupe_err start_leaf(troupe_self *self, void *state, const void *arg) {
    (void)self, (void)state;
    if (arg) stage_say("start:%s", troupe_errname(start_sibling(arg)));
    return TROUPE_OK;
}

static troupe_err run_errand(troupe_self *self, void *state, troupe_msg **msg) {
    const struct errand *it = troupe_as(*msg, &errand_type);
    troupe *rt = troupe_runtime(self);
    troupe_err err = TROUPE_OK;
    (void)state;
    if (it->gated) gate_wait();
    if (it->act == TERMINATE) err = troupe_terminate_child(rt, it->whom, it->id, LONG);
    if (it->act == JOIN) err = troupe_join(rt, it->whom, LONG, NULL, NULL);
    if (it->act == ASK) {
        troupe_msg *question = errand(ANSWER, TROUPE_NOBODY, "", false);
        err = troupe_ask(rt, it->whom, &question, LONG);
        troupe_drop(&question);
    }
    static const char *const words[] = {"", "terminate", "join", "ask"};
    if (it->act != ANSWER) stage_say("%s:%s", words[it->act], troupe_errname(err));
    return troupe_reply(self, msg);
}

static const troupe_behaviour leaf = {
    .name = "leaf", .blocking = true, .start = start_leaf, .receive = run_errand};

static void send(troupe_ref to, uint32_t act, troupe_ref whom, const char *id, bool gated) {
    troupe_msg *msg = errand(act, whom, id, gated);
    cr_assert_eq(troupe_post(stage_rt(), to, &msg), TROUPE_OK);
}

/* --- Trees ------------------------------------------------------------------------------------ */

static troupe_child leaves = {
    .id = "leaf", .what = &leaf, .name = "leaf", .shutdown_ms = LONG};
static const troupe_supervision low = {.child = &leaves, .children = 1, .name = "low"};
static const troupe_child lows = {.id = "low", .what = &troupe_supervisor, .arg = &low};
static const troupe_supervision mid = {.child = &lows, .children = 1, .name = "mid"};
static const troupe_child mids = {.id = "mid", .what = &troupe_supervisor, .arg = &mid};
static const troupe_supervision top = {
    .strategy = TROUPE_REST_FOR_ONE, .child = &mids, .children = 1, .name = "top"};

/* top > mid > low > leaf. */
static troupe_err plant(const char *adds_to) {
    troupe_ref root;
    leaves.arg = adds_to;
    return troupe_supervise(stage_rt(), &top, LONG, &root);
}

static void open_stage(void) {
    (void)stage_open_as(
        (troupe_config){.workers = 2, .blocking_threads = 8, .break_deadlocks = true});
}

static void await_waits(size_t count) {
    while (troupe_waits(stage_rt(), NULL, 0) != count) sched_yield();
}

/* --- Starts ----------------------------------------------------------------------------------- */

static void added_in_a_start(const char *to) {
    open_stage();
    cr_assert_eq(plant(to), TROUPE_OK);
    stage_expect_all("start:DEADLOCK start(ann)"); /* what it asked for goes on */
    cr_assert_eq(stage_logged("deadlock"), 1);
    cr_assert_eq(stage_logged("top/mid/low/leaf waits for "), 1);
    cr_assert_eq(stage_logged("top/mid/low waits for top/mid/low/leaf: its start"), 1);
    stage_forget();
    stage_close();
}

Test(supervisor_waits, a_start_far_below_waits_for_one_that_comes_behind_it) {
    added_in_a_start("top");
}

Test(supervisor_waits, a_start_two_levels_below_does) {
    added_in_a_start("mid");
}

/* --- Stops ------------------------------------------------------------------------------------ */

static void ends_what_it_is_in(const char *supervisor, const char *id) {
    open_stage();
    cr_assert_eq(plant(NULL), TROUPE_OK);
    troupe_ref it = stage_find("leaf");
    send(it, TERMINATE, stage_find(supervisor), id, false);
    stage_expect("terminate:DEADLOCK");
    cr_assert_eq(stage_logged("deadlock"), 1);
    cr_assert_eq(stage_logged("low waits for top/mid/low/leaf: its stop"), 1);
    stage_await_gone(it); /* what it asked for goes on */
    stage_close();
}

Test(supervisor_waits, one_waits_for_the_stop_of_the_supervisor_of_its_supervisor) {
    ends_what_it_is_in("top", "mid");
}

Test(supervisor_waits, one_waits_for_the_stop_of_its_supervisor) {
    ends_what_it_is_in("mid", "low");
}

/* Somebody else waits for the stop, and the leaf for that one. */
static void by_way_of_another(uint32_t act, bool asks_first) {
    open_stage();
    cr_assert_eq(plant(NULL), TROUPE_OK);
    troupe_ref it = stage_find("leaf"), other;
    cr_assert_eq(troupe_spawn(stage_rt(), &leaf, NULL, &other), TROUPE_OK);
    gate_shut();
    send(asks_first ? other : it, asks_first ? act : ASK,
         asks_first ? stage_find(act == JOIN ? "mid" : "top") : other, "mid", true);
    gate_await(1);
    if (asks_first)
        send(it, ASK, other, "", false);
    else
        send(other, act, stage_find(act == JOIN ? "mid" : "top"), "mid", false);
    await_waits(1);
    if (act == JOIN) cr_assert_eq(troupe_stop(stage_rt(), stage_find("mid")), TROUPE_OK);
    gate_open(1);
    stage_await_log("deadlock");
    cr_assert_eq(stage_logged("low waits for top/mid/low/leaf: its stop"), 1);
    stage_await_gone(it);
    stage_await(2);
    cr_assert_eq(stage_logged("deadlock"), 1);
    stage_forget();
    stage_close();
}

Test(supervisor_waits, one_waits_for_another_that_waits_for_the_stop_of_what_it_is_in) {
    by_way_of_another(TERMINATE, false);
    by_way_of_another(TERMINATE, true);
}

Test(supervisor_waits, one_waits_for_another_that_joins_what_it_is_in) {
    by_way_of_another(JOIN, false);
    by_way_of_another(JOIN, true);
}

/* Of a hundred that stop at once, one of the last waits for who waits for them all. */
Test(supervisor_waits, one_of_many_dynamic_children_waits_for_who_waits_for_all) {
    enum { MANY = 100 };
    const troupe_child template = {.id = "any", .what = &leaf, .shutdown_ms = LONG};
    const troupe_supervision many = {
        .strategy = TROUPE_SIMPLE_ONE_FOR_ONE, .child = &template, .children = 1};
    troupe_ref root, it, other;
    open_stage();
    cr_assert_eq(troupe_supervise(stage_rt(), &many, LONG, &root), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &leaf, NULL, &other), TROUPE_OK);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(troupe_start_dynamic_child(stage_rt(), root, NULL, LONG, &it), TROUPE_OK);
    gate_shut();
    send(it, ASK, other, "", true);
    gate_await(1);
    send(other, JOIN, root, "", false);
    await_waits(1);
    cr_assert_eq(troupe_stop(stage_rt(), root), TROUPE_OK);
    gate_open(1);
    stage_await_log("deadlock");
    stage_await_gone(it);
    stage_await(2);
    stage_forget();
    stage_close();
}

/* --- No circles ------------------------------------------------------------------------------- */

/* A supervisor that is stopped answers what it is asked: it is waited for in no circle. */
Test(supervisor_waits, who_asks_one_that_can_answer_is_in_none) {
    open_stage();
    cr_assert_eq(plant(NULL), TROUPE_OK);
    troupe_ref it = stage_find("leaf"), other, third;
    cr_assert_eq(troupe_spawn(stage_rt(), &leaf, NULL, &other), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &leaf, NULL, &third), TROUPE_OK);
    gate_shut();
    send(it, TERMINATE, stage_find("low"), "nobody", true);
    gate_await(1);
    send(other, TERMINATE, stage_find("top"), "mid", false);
    await_waits(1);
    send(third, JOIN, stage_find("mid"), "", false);
    await_waits(2);
    gate_open(1);
    stage_expect_all("terminate:SHUTDOWN terminate:OK join:OK");
    cr_assert_eq(stage_logged("deadlock"), 0);
    stage_close();
}

/* What it says is taken back when it has started, and when it has ended. */
Test(supervisor_waits, nothing_is_left_of_a_change) {
    open_stage();
    cr_assert_eq(plant(NULL), TROUPE_OK);
    troupe_ref other;
    cr_assert_eq(troupe_spawn(stage_rt(), &leaf, NULL, &other), TROUPE_OK);
    for (int i = 0; i < 50; i++) {
        send(other, TERMINATE, stage_find("top"), "mid", false);
        stage_expect("terminate:OK");
        troupe_ref again;
        cr_assert_eq(troupe_restart_child(stage_rt(), stage_find("top"), "mid", LONG, &again),
                     TROUPE_OK);
    }
    tr_asks *asks = &stage_rt()->asks;
    tr_lock(&asks->lock);
    cr_assert_eq(asks->waits.by_actor.count, 0);
    cr_assert(tr_list_empty(&asks->waits.suspended));
    tr_unlock(&asks->lock);
    cr_assert_eq(stage_logged("deadlock"), 0);
    stage_close();
}
