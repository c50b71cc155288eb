#include "actors/blocking.h"

#include <criterion/criterion.h>
#include <troupe/supervisor.h>

#include "actors/runtime.h"
#include "base/place.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(blocking, .timeout = 60);

static const player ann = {.id = "ann"};

static troupe_err block(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    gate_wait();
    stage_say("%u", (unsigned)cue_n(*msg));
    return TROUPE_OK;
}

static const troupe_behaviour blocker = {.name = "blocker", .blocking = true, .receive = block};

static troupe_ref blocker_with(uint32_t n) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &blocker, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, n);
    return who;
}

Test(blocking, each_blocks_on_a_thread_of_its_own_and_no_worker_is_held) {
    troupe *rt = stage_open(1);
    gate_shut();
    for (uint32_t i = 0; i < 8; i++) (void)blocker_with(7);
    gate_await(8); /* all at the same time */
    cr_assert_eq(rt->sched.blocking.threads, 8);
    cue(stage_enter(&ann), CUE_SAY, 1);
    stage_expect("start(ann) ann:1");
    cr_assert_not(tr_worker_started(&rt->sched.worker[1]), "no spare was needed");
    gate_open(8);
    stage_expect("7 7 7 7 7 7 7 7");
    stage_close();
}

Test(blocking, threads_are_capped_and_those_who_wait_get_their_turn) {
    troupe *rt = stage_open_as((troupe_config){.workers = 1, .blocking_threads = 2});
    gate_shut();
    for (uint32_t i = 0; i < 6; i++) (void)blocker_with(7);
    gate_await(1);
    gate_await(1);
    gate_open(6);
    stage_expect("7 7 7 7 7 7");
    cr_assert_eq(rt->sched.blocking.threads, 2);
    stage_close();
}

Test(blocking, keeps_order_and_an_exact_bound) {
    troupe *rt = stage_open(1);
    const troupe_behaviour small = {.mailbox_limit = 4, .blocking = true, .receive = block};
    gate_shut();
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &small, NULL, &who), TROUPE_OK);
    for (uint32_t i = 0; i < 4; i++) cue(who, CUE_SAY, i);
    gate_await(1);
    troupe_msg *msg = cue_make(CUE_SAY, 4, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_FULL);
    gate_open(1);
    gate_await(1); /* the second is in hand, so the first has given its place back */
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
    gate_open(4);
    stage_expect("0 1 2 3 4");
    stage_close();
}

static troupe_err pass_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct cue body = {.act = CUE_SAY, .n = cue->n};
    if (cue->n == 3) return TROUPE_USER;
    return troupe_tell(self, cue->who, &cue_type, &body);
}

Test(blocking, is_an_actor_like_any_other_under_a_supervisor) {
    (void)stage_open(1);
    const troupe_behaviour passer = {.name = "passer", .blocking = true, .receive = pass_on};
    const troupe_child child = {.id = "passer", .what = &passer, .name = "passer"};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 1};
    troupe_ref root, to = stage_enter(&ann);
    cr_assert_eq(troupe_supervise(stage_rt(), &tree, 10000, &root), TROUPE_OK);
    for (uint32_t i = 1; i <= 5; i++) cue_about(stage_find("passer"), CUE_PASS, i, to);
    stage_expect("start(ann) ann:1 ann:2 ann:4 ann:5"); /* 3 made it fail; the rest was kept */
    stage_close();
}

Test(blocking, ends_with_its_runtime) {
    for (int i = 0; i < 20; i++) {
        (void)stage_open(1);
        gate_shut();
        gate_open(1);
        (void)blocker_with(1);
        gate_await(1);
        stage_close(); /* checks that no thread is left */
    }
}

Test(blocking, has_no_place_in_a_stepped_runtime) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &blocker, NULL, &who), TROUPE_INVALID);
    stage_close();
}

static troupe_err start_beside(troupe_self *self, void *state, const void *arg) {
    (void)self, (void)state, (void)arg;
    stage_say("start:%d", tr_place_may_wait());
    return TROUPE_OK;
}

/* Starts an actor on its own thread; that one's `start` is a callback like any other. */
static troupe_err start_another(troupe_self *self) {
    troupe_ref who;
    static const troupe_behaviour beside = {.start = start_beside, .receive = gate_receive};
    return troupe_spawn(troupe_runtime(self), &beside, NULL, &who);
}

static troupe_err look(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    stage_say("before:%d", tr_place_may_wait());
    troupe_err err = start_another(self);
    stage_say("after:%d", tr_place_may_wait());
    return err;
}

Test(blocking, may_wait_on_its_own_thread_and_nobody_else_may_in_a_callback) {
    (void)stage_open(1);
    const troupe_behaviour waits = {.receive = look, .blocking = true};
    const troupe_behaviour must_not = {.receive = look};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &waits, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    stage_expect("before:1 start:0 after:1");
    cr_assert_eq(troupe_spawn(stage_rt(), &must_not, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    stage_expect("before:0 start:0 after:0");
    cr_assert(tr_place_may_wait());
    stage_close();
}
