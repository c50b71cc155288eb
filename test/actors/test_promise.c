/* Promises within one runtime, where a message is in its mailbox when it is sent. Those between
 * nodes are test/transport/test_promise.c's. */
#include "actors/promise.h"

#include <criterion/criterion.h>

#include "test/support/exhaust.h"
#include "test/support/stage.h"

TestSuite(promise, .timeout = 60);

/* An actor that sends cues to another as it is told, and writes down what it hears of them. */
static struct {
    troupe_ref to;
    troupe_promise promise;
    troupe_err err;
    unsigned news;
    uint64_t tag;
    uint32_t why;
} world;

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct troupe_delivered *news = troupe_as(*msg, &troupe_delivered_type);
    if (news) {
        world.news++;
        world.tag = news->tag;
        world.why = news->why;
        cr_assert(troupe_same(news->to, world.to));
        cr_assert(troupe_same(troupe_sender(self), TROUPE_NOBODY));
        return TROUPE_OK;
    }
    const troupe_delivery how = {.promise = world.promise, .tag = 42};
    world.err = troupe_send_with(self, world.to, msg, &how);
    cr_assert_eq(*msg == NULL, world.err == TROUPE_OK);
    return TROUPE_OK;
}

static troupe_err ignore(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour sender = {.name = "sender", .mailbox_limit = 1, .receive = receive};
static const troupe_behaviour taker = {.name = "taker", .mailbox_limit = 1, .receive = ignore};
static const troupe_type word_type = TROUPE_SIGNAL_TYPE("word");
static troupe_ref who;

static void begin(void) {
    memset(&world, 0, sizeof world);
    world.promise = TROUPE_ACKNOWLEDGED;
    (void)stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(stage_rt(), &sender, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &taker, NULL, &world.to), TROUPE_OK);
}

static troupe_msg *word(void) {
    troupe_msg *msg;
    cr_assert_eq(troupe_make(stage_rt(), &word_type, NULL, &msg), TROUPE_OK);
    return msg;
}

static void say(void) {
    troupe_msg *msg = word();
    cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_OK);
    (void)stage_run();
}

Test(promise, who_sent_hears_that_it_is_in_the_mailbox) {
    begin();
    say();
    cr_assert_eq(world.err, TROUPE_OK);
    cr_assert(world.news == 1 && world.tag == 42 && world.why == TROUPE_OK);
    world.promise = TROUPE_REDELIVERED;
    say();
    cr_assert_eq(world.news, 2u);
    stage_close();
}

Test(promise, what_is_refused_is_not_told) {
    begin();
    cr_assert_eq(troupe_stop(stage_rt(), world.to), TROUPE_OK);
    (void)stage_run();
    say();
    cr_assert_eq(world.err, TROUPE_GONE);
    cr_assert_eq(world.news, 0u);
    world.to = (troupe_ref){1, 2};
    say();
    cr_assert_eq(world.err, TROUPE_NOCONNECTION);
    cr_assert_eq(world.news, 0u);
    stage_close();
}

Test(promise, a_thread_knows_when_the_call_returns) {
    begin();
    troupe_msg *msg = word();
    cr_assert_eq(troupe_deliver(stage_rt(), world.to, &msg, NULL, 1000), TROUPE_OK);
    cr_assert_null(msg);
    msg = word();
    cr_assert_eq(troupe_deliver(stage_rt(), world.to, &msg, NULL, 1000), TROUPE_FULL);
    cr_assert_not_null(msg);
    (void)stage_run();
    const troupe_delivery how = {.promise = TROUPE_REDELIVERED};
    cr_assert_eq(troupe_post_with(stage_rt(), world.to, &msg, &how), TROUPE_OK);
    (void)stage_run();
    msg = NULL;
    cr_assert_eq(troupe_deliver(stage_rt(), world.to, &msg, NULL, 1000), TROUPE_INVALID);
    msg = word();
    const troupe_ref far = {1, 2};
    cr_assert_eq(troupe_deliver(stage_rt(), far, &msg, &how, 1), TROUPE_NOCONNECTION);
    troupe_drop(&msg);
    stage_close();
}

Test(oom, tr_promise_send) {
    begin();
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe_msg *msg = word();
        const unsigned before = world.news;
        cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_OK);
        exhaust_from(&x, stage_heap());
        (void)stage_run();
        bool refused = exhaust_to(&x);
        (void)stage_run();
        cr_assert(!world.err || (refused && world.err == TROUPE_NOMEM));
        cr_assert_eq(world.news, before + !world.err);
    }
    stage_close();
}

Test(takes_nothing, troupe_deliver) {
    begin();
    troupe_msg *msg = word();
    counting_heap_fail(stage_heap(), 1, SIZE_MAX - 1);
    cr_assert_eq(troupe_deliver(stage_rt(), world.to, &msg, NULL, 1000), TROUPE_OK);
    counting_heap_fail(stage_heap(), 0, 0);
    (void)stage_run();
    stage_close();
}
