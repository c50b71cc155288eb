/* Waits for room in a mailbox, in circles. The mailboxes are of 1 and of 2, so what is in hand
 * fills them. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <troupe/observe.h>
#include <troupe/room.h>

#include "actors/find.h"
#include "actors/room.h"
#include "test/actors/waits_scene.h"
#include "test/support/gate.h"
#include "test/support/stage.h"

TestSuite(waits_room, .timeout = 60);

enum { LONG = 50000 }; /* milliseconds that a test never takes */

enum { NOTHING, POST, ASK }; /* what an actor does to `whom`, and then it answers */

struct errand {
    uint32_t act;
    bool gated; /* at the gate, first of all */
    troupe_ref whom;
};
static const troupe_type errand_type = TROUPE_TYPE(
    errand, TROUPE_FIELD(errand, act), TROUPE_FIELD(errand, gated), TROUPE_FIELD(errand, whom));

static troupe_msg *errand(uint32_t act, troupe_ref whom, bool gated) {
    troupe_msg *msg = NULL;
    const struct errand body = {act, gated, whom};
    cr_assert_eq(troupe_make(stage_rt(), &errand_type, &body, &msg), TROUPE_OK);
    return msg;
}

static troupe_err run_errand(troupe_self *self, void *state, troupe_msg **msg) {
    const struct errand it = *(const struct errand *)troupe_as(*msg, &errand_type);
    troupe *rt = troupe_runtime(self);
    if (it.gated) gate_wait();
    if (it.act != NOTHING) {
        troupe_msg *out = errand(NOTHING, TROUPE_NOBODY, false);
        troupe_err err = it.act == POST ? troupe_post_wait(rt, it.whom, &out, LONG)
                                        : troupe_ask(rt, it.whom, &out, LONG);
        stage_say("%s:%s", (const char *)state, troupe_errname(err));
        troupe_drop(&out);
    }
    return troupe_reply(self, msg);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    snprintf(state, 8, "%s", (const char *)arg);
    return TROUPE_OK;
}

static const troupe_behaviour of_1 = {.name = "errands",
                                      .state_size = 8,
                                      .mailbox_limit = 1,
                                      .blocking = true,
                                      .start = start,
                                      .receive = run_errand},
                              of_2 = {.name = "errands",
                                      .state_size = 8,
                                      .mailbox_limit = 2,
                                      .blocking = true,
                                      .start = start,
                                      .receive = run_errand};

static void open_stage(bool breaks) {
    (void)stage_open_as(
        (troupe_config){.workers = 1, .break_deadlocks = breaks, .close_ms = breaks ? 0 : 1});
}

static troupe_ref enter(const troupe_behaviour *what, const char *name) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), what, name, &who), TROUPE_OK);
    cr_assert_eq(troupe_register(stage_rt(), who, name), TROUPE_OK);
    return who;
}

static void send(troupe_ref to, uint32_t act, troupe_ref whom, bool gated) {
    troupe_msg *msg = errand(act, whom, gated);
    cr_assert_eq(troupe_post_wait(stage_rt(), to, &msg, LONG), TROUPE_OK);
}

static void await_waits(size_t count) {
    while (troupe_waits(stage_rt(), NULL, 0) != count) sched_yield();
}

/* b is held up before it does something to a; a waits for room at b, and then b goes on. */
static void meet(bool breaks, const troupe_behaviour *what_a, uint32_t act) {
    open_stage(breaks);
    troupe_ref a = enter(what_a, "a"), b = enter(&of_1, "b");
    gate_shut();
    send(b, act, a, true);
    gate_await(1);
    send(a, POST, b, false);
    await_waits(1);
    gate_open(1);
}

Test(waits_room, two_fill_each_others_mailbox_and_the_younger_wait_is_broken) {
    meet(true, &of_1, POST);
    stage_expect_all("b:DEADLOCK a:OK");
    cr_assert_eq(stage_logged("deadlock: b waits for a: room in its mailbox"), 1);
    cr_assert_eq(stage_logged("; a waits for b: room in its mailbox"), 1);
    await_waits(0);
    stage_close();
}

Test(waits_room, one_waits_for_room_at_one_that_waits_for_its_answer) {
    meet(true, &of_2, ASK);
    stage_expect_all("b:DEADLOCK a:OK");
    cr_assert_eq(stage_logged("a waits for b: room in its mailbox"), 1);
    cr_assert_eq(stage_logged("b waits for a: an answer"), 1);
    stage_close();
}

Test(waits_room, one_posts_to_its_own_full_mailbox) {
    open_stage(true);
    troupe_ref a = enter(&of_1, "a");
    send(a, POST, a, false);
    stage_expect("a:DEADLOCK");
    cr_assert_eq(stage_logged("a waits for a: room in its mailbox"), 1);
    stage_close();
}

Test(waits_room, one_with_room_is_in_no_circle) {
    meet(true, &of_2, POST); /* a has room for one more: b goes on, and so does a */
    stage_expect_all("b:OK a:OK");
    cr_assert_eq(stage_logged("deadlock"), 0);
    stage_close();
}

/* Who was told of room does not wait any more, were it still asleep: the one that told it may wait
 * for it from then on. */
Test(waits_room, who_was_told_is_in_no_circle) {
    open_stage(true);
    troupe_ref a = enter(&of_2, "a"), b = enter(&of_2, "b");
    for (int i = 0; i < 100; i++) {
        gate_shut();
        send(b, NOTHING, TROUPE_NOBODY, true);
        gate_await(1);
        send(b, ASK, a, false); /* it is full now, and will ask whom it has told */
        send(a, POST, b, false);
        await_waits(1);
        gate_open(1);
        stage_expect_all("a:OK b:OK");
        await_waits(0);
    }
    cr_assert_eq(stage_logged("deadlock"), 0);
    stage_close();
}

/* The mailbox of b has made room, so it is not WANTED any more, and a has not heard of it yet. */
Test(waits_room, who_is_about_to_hear_of_room_is_in_no_circle) {
    open_stage(true);
    troupe_ref a = enter(&of_2, "a"), b = enter(&of_1, "b");
    tr_mailbox *box = &tr_table_find(&stage_rt()->table, b.id)->task.box;
    gate_shut();
    send(b, ASK, a, true);
    gate_await(1);
    send(a, POST, b, false);
    while (!tr_mailbox_wanted(box)) sched_yield();
    tr_and64_seq(&box->word, ~TR_MAILBOX_WANTED);
    gate_open(1);
    await_looks(2);
    cr_assert_eq(stage_logged("deadlock"), 0);
    tr_rooms_freed(stage_rt(), b); /* which is full again by then: a waits anew */
    stage_expect_all("a:DEADLOCK b:OK");
    stage_close();
}

Test(waits_room, without_a_break_each_waits_until_the_close) {
    meet(false, &of_1, POST);
    stage_await_log("each waits until its deadline");
    stage_close(); /* which ends both, though they waited for LONG */
}

static void *post(void *whom) {
    troupe_msg *msg = errand(NOTHING, TROUPE_NOBODY, false);
    cr_assert_eq(troupe_post_wait(stage_rt(), *(troupe_ref *)whom, &msg, LONG), TROUPE_OK);
    return NULL;
}

/* Nobody waits for a plain thread, so it closes no circle; it is seen. */
Test(waits_room, a_plain_thread_is_seen_and_in_no_circle) {
    open_stage(true);
    troupe_ref b = enter(&of_1, "b");
    pthread_t thread;
    troupe_wait wait;
    gate_shut();
    send(b, NOTHING, TROUPE_NOBODY, true);
    gate_await(1);
    cr_assert_eq(pthread_create(&thread, NULL, post, &b), 0);
    await_waits(1);
    cr_assert_eq(troupe_waits(stage_rt(), &wait, 1), 1);
    cr_assert(troupe_same(wait.who, TROUPE_NOBODY) && troupe_same(wait.whom, b));
    cr_assert_eq(wait.what, TROUPE_WAIT_ROOM);
    gate_open(1);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    await_waits(0);
    cr_assert_eq(stage_logged("deadlock"), 0);
    stage_close();
}
