/* Messages for one actor that came one right behind the other, and enter its mailbox together. */
#include <criterion/criterion.h>

#include "serial/envelope.h"
#include "test/support/stage.h"
#include "transport/window.h"

TestSuite(burst, .timeout = 60);

enum { PEER = 77, MOST = 64 };

struct number {
    uint64_t n;
};
static const troupe_type number_type = TROUPE_TYPE(number, TROUPE_FIELD(number, n));

static tr_incoming in;
static uint64_t heard, accepted;

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state;
    cr_assert_eq(((const struct number *)troupe_as(*msg, &number_type))->n, heard);
    heard++;
    return TROUPE_OK;
}

static void on_said(void *ctx, uint64_t target, uint64_t number) {
    (void)ctx, (void)target, (void)number;
}

static void on_ack(void *ctx, uint64_t target, uint64_t number) {
    (void)ctx, (void)target;
    accepted = number;
}

static void on_no_target(void *ctx, uint64_t target, troupe_err how) {
    (void)ctx, (void)target, (void)how;
}

static void on_untied(void *ctx, bool theirs) {
    (void)ctx, (void)theirs;
}

static troupe_ref open_for(uint32_t limit) {
    static troupe_behaviour receiver = {.name = "receiver", .receive = receive};
    troupe_ref who;
    (void)stage_open(TROUPE_STEPPED);
    heard = accepted = 0;
    tr_incoming_init(&in, stage_rt());
    in.peer = PEER;
    in.grant = on_said;
    in.ack = on_ack;
    in.no_target = on_no_target;
    in.untied = on_untied;
    receiver.mailbox_limit = limit;
    cr_assert_eq(troupe_spawn(stage_rt(), &receiver, NULL, &who), TROUPE_OK);
    (void)stage_run();
    return who;
}

static void close_it(void) {
    tr_incoming_fini(&in);
    stage_close();
}

/* So many, with numbers from `first` on. */
static troupe_err arrive(troupe_ref to, uint64_t first, uint32_t count) {
    tr_burst burst = {.target = to.id, .count = count, .size = count * 40};
    for (uint64_t n = first; n < first + count; n++) {
        troupe_msg *msg;
        cr_assert_eq(tr_msg_take(tr_port_pool(stage_rt()), &number_type, 0, &msg), TROUPE_OK);
        *(struct number *)tr_msg_body(msg) = (struct number){n};
        tr_port_address(stage_rt(), (troupe_ref){PEER, 5}, to, 0, msg);
        msg->link.next = burst.newest ? &burst.newest->link : NULL;
        burst.newest = msg;
        if (!burst.oldest) burst.oldest = msg;
    }
    troupe_err err = tr_incoming_take_burst(&in, &burst);
    cr_assert_eq(burst.count, 0u);
    cr_assert_null(burst.newest);
    return err;
}

Test(burst, enters_at_once_in_order) {
    troupe_ref to = open_for(MOST);
    cr_assert_eq(arrive(to, 0, 10), TROUPE_OK);
    cr_assert_eq(arrive(to, 10, 6), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(heard, 16u);
    tr_incoming_acknowledge(&in);
    cr_assert_eq(accepted, 16u);
    close_it();
}

/* Each that enters grants more than the first few, before the next one is looked at. */
Test(burst, larger_than_the_first_credit_enters_as_each_would) {
    troupe_ref to = open_for(MOST);
    cr_assert_eq(arrive(to, 0, TR_WINDOW_FIRST + 4), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(heard, (uint64_t)TR_WINDOW_FIRST + 4);
    close_it();
}

/* As many as a mailbox of four takes, and as may wait; then nothing more: alone or with others. */
Test(burst, more_than_fits_and_was_granted_is_against_the_rules) {
    troupe_ref to = open_for(4);
    cr_assert_eq(arrive(to, 0, TR_WINDOW_FIRST), TROUPE_OK);
    cr_assert_eq(arrive(to, TR_WINDOW_FIRST, 5), TROUPE_MALFORMED);
    cr_assert_eq(stage_dead_letters(), 5u);
    close_it();
}

/* A mailbox of four: the others wait, in order, and so does what comes later. */
Test(burst, what_does_not_fit_waits_and_is_not_overtaken) {
    troupe_ref to = open_for(4);
    cr_assert_eq(arrive(to, 0, 7), TROUPE_OK);
    cr_assert_eq(arrive(to, 7, 3), TROUPE_OK);
    while (heard < 10) {
        const uint64_t before = heard;
        (void)stage_run();
        tr_incoming_room(&in, to.id);
        (void)stage_run();
        cr_assert_gt(heard, before);
    }
    close_it();
}

/* Nor when there is room again, and those that wait have not heard of it yet. */
Test(burst, what_waits_goes_first_though_there_is_room) {
    troupe_ref to = open_for(4);
    cr_assert_eq(arrive(to, 0, 7), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(heard, 4u);
    cr_assert_eq(arrive(to, 7, 1), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(heard, 4u, "it waits, too");
    tr_incoming_room(&in, to.id);
    (void)stage_run();
    cr_assert_eq(heard, 8u);
    close_it();
}

Test(burst, for_one_that_has_ended_is_dead_letters) {
    troupe_ref to = open_for(MOST);
    cr_assert_eq(troupe_stop(stage_rt(), to), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(arrive(to, 0, 5), TROUPE_OK);
    cr_assert_eq(stage_dead_letters(), 5u);
    close_it();
}
