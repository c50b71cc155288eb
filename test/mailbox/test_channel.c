/* The channel's calls one by one; its numbered cases are in test_channel_cases.c. */
#include "test/mailbox/channel_scene.h"

#include "base/place.h"

TestSuite(channel, .timeout = 60);

Test(channel, opens_with_sound_arguments_only) {
    troupe_tx *tx;
    troupe_rx *rx;
    counting_heap heap;
    counting_heap_init(&heap);
    const troupe_heap half = {.take = heap.heap.take}, none = {.ctx = &heap};
    cr_assert_eq(troupe_channel_open(0, free, NULL, &tx, &rx), TROUPE_INVALID);
    cr_assert_eq(troupe_channel_open(1, free, &half, &tx, &rx), TROUPE_INVALID);
    counting_heap_fail(&heap, 1, 0);
    cr_assert_eq(troupe_channel_open(1, free, &heap.heap, &tx, &rx), TROUPE_NOMEM);
    cr_assert_eq(troupe_channel_open(1, free, &none, &tx, &rx), TROUPE_OK);
    troupe_channel_drop(&tx);
    cr_assert_eq(troupe_channel_end(&rx), 0);
    cr_assert(counting_heap_fini(&heap));
}

Test(channel, what_is_left_is_dropped_and_counted) {
    scene_open(5);
    send_all(0, 5);
    receive_all(0, 2);
    cr_assert_eq(troupe_channel_end(&scene.rx), 3);
    cr_assert_eq(tr_load64_relaxed(&scene.dropped), 3);
    cr_assert_eq(try_send(0, 5), TROUPE_CLOSED);
    cr_assert_eq(send_for(0, 5, 0), TROUPE_CLOSED);
    scene_close();
}

Test(channel, without_a_drop_nothing_is_done_to_what_is_left) {
    troupe_tx *tx;
    troupe_rx *rx;
    int on_the_stack = 7;
    cr_assert_eq(troupe_channel_open(1, NULL, NULL, &tx, &rx), TROUPE_OK);
    void *item = &on_the_stack;
    cr_assert_eq(troupe_channel_try_send(tx, &item), TROUPE_OK);
    cr_assert_eq(troupe_channel_end(&rx), 1);
    troupe_channel_drop(&tx);
    cr_assert_eq(on_the_stack, 7);
}

/* In each order of the last three ends the memory lasts until the last one. */
Test(channel, lasts_as_long_as_somebody_has_an_end_of_it) {
    static const unsigned orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                          {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int i = 0; i < 6; i++) {
        scene_open(3);
        troupe_tx *clone = troupe_channel_clone(scene.tx);
        troupe_permit permit;
        cr_assert_eq(troupe_channel_try_reserve(clone, &permit), TROUPE_OK);
        cr_assert_eq(try_send(0, 0), TROUPE_OK);
        troupe_channel_drop(&clone);
        cr_assert_null(clone);
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(counting_heap_look(&scene.heap).blocks, 1);
            if (orders[i][k] == 0) troupe_channel_drop(&scene.tx);
            if (orders[i][k] == 1) cr_assert_eq(troupe_channel_end(&scene.rx), 1);
            if (orders[i][k] == 2) troupe_channel_give_back(&permit);
        }
        cr_assert_eq(counting_heap_look(&scene.heap).blocks, 0);
        scene_close();
    }
}

Test(channel, ends_that_are_gone_can_be_ended_again) {
    scene_open(1);
    troupe_tx *tx = NULL;
    troupe_rx *rx = NULL;
    troupe_permit permit = {NULL};
    troupe_channel_drop(&tx);
    troupe_channel_give_back(&permit);
    cr_assert_eq(troupe_channel_end(&rx), 0);
    cr_assert_eq(scene_free(), 1);
    scene_close();
}

Test(channel, a_permit_is_good_for_one_send) {
    scene_open(2);
    troupe_permit permit;
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &permit), TROUPE_OK);
    void *nothing = NULL;
    cr_assert_eq(troupe_channel_send_reserved(&permit, &nothing), TROUPE_INVALID);
    cr_assert_not_null(permit.of, "nothing was sent, so it can still be used");
    cr_assert_eq(send_reserved(&permit, 0, 0), TROUPE_OK);
    cr_assert_null(permit.of);
    cr_assert_eq(send_reserved(&permit, 0, 1), TROUPE_INVALID);
    troupe_channel_give_back(&permit);
    receive_all(0, 1);
    expect_as_new();
    scene_close();
}

Test(channel, a_permit_whose_receiver_has_ended_hands_the_item_back) {
    scene_open(2);
    troupe_permit permit;
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &permit), TROUPE_OK);
    cr_assert_eq(troupe_channel_end(&scene.rx), 0);
    cr_assert_eq(send_reserved(&permit, 0, 0), TROUPE_CLOSED);
    cr_assert_null(permit.of);
    cr_assert_eq(scene_free(), 2);
    scene_close();
}

Test(channel, a_permit_outlives_its_sender_and_keeps_the_receiver_waiting) {
    scene_open(1);
    troupe_permit permit;
    cell got;
    cr_assert_eq(troupe_channel_reserve(scene.tx, &permit, 0), TROUPE_OK);
    troupe_channel_drop(&scene.tx);
    cr_assert_eq(try_recv(&got), TROUPE_EMPTY);
    cr_assert_eq(send_reserved(&permit, 0, 4), TROUPE_OK);
    receive_all(4, 5);
    cr_assert_eq(try_recv(&got), TROUPE_CLOSED);
    scene_close();
}

Test(channel, nothing_is_no_item) {
    scene_open(1);
    void *nothing = NULL;
    cr_assert_eq(troupe_channel_try_send(scene.tx, &nothing), TROUPE_INVALID);
    cr_assert_eq(troupe_channel_send(scene.tx, &nothing, 0), TROUPE_INVALID);
    cr_assert_eq(scene_free(), 1);
    scene_close();
}

Test(channel, nobody_waits_past_the_deadline) {
    scene_open(1);
    cell got;
    size_t n = 9;
    void *items[2];
    cr_assert_eq(recv_for(&got, 0), TROUPE_TIMEOUT);
    cr_assert_eq(recv_for(&got, 20), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_channel_recv_many(scene.rx, items, 2, 20, &n), TROUPE_TIMEOUT);
    cr_assert_eq(n, 0);
    send_all(0, 1);
    troupe_permit permit = {(struct troupe_channel *)(void *)&scene};
    uint64_t begun = tr_clock();
    cr_assert_eq(send_for(0, 1, 0), TROUPE_TIMEOUT);
    cr_assert_eq(send_for(0, 1, 20), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_channel_reserve(scene.tx, &permit, 20), TROUPE_TIMEOUT);
    cr_assert_null(permit.of);
    cr_assert_geq(tr_clock() - begun, 40 * TR_MS, "and gives up no earlier");
    receive_all(0, 1);
    expect_as_new();
    scene_close();
}

Test(channel, one_thread_waits_to_receive_and_a_second_one_is_refused) {
    scene_open(1);
    cell got;
    sleeper receiver = {.wish = RECEIVES};
    sleeper_start(&receiver);
    cr_assert_eq(recv_for(&got, PATIENCE_MS), TROUPE_INVALID);
    cr_assert_eq(try_recv(&got), TROUPE_EMPTY);
    cr_assert_eq(try_send(0, 3), TROUPE_OK);
    cr_assert_eq(sleeper_end(&receiver), TROUPE_OK);
    cr_assert_eq(receiver.got.number, 3);
    expect_as_new();
    scene_close();
}

/* What a `drop` does may take the channel's own lock. */
static void drop_and_look(void *item) {
    (void)scene_free();
    cr_assert_eq(try_send(0, 9), TROUPE_CLOSED);
    cell_drop(item);
}

Test(channel, drop_may_use_the_channel) {
    scene_open_with(3, drop_and_look);
    send_all(0, 3);
    cr_assert_eq(troupe_channel_end(&scene.rx), 3);
    scene_close();
}

Test(channel, sleeps_of_senders_end_when_the_receiver_does) {
    scene_open(1);
    send_all(0, 1);
    sleeper sender = {.wish = SENDS, .number = 1}, reserver = {.wish = RESERVES};
    sleeper_start(&sender);
    sleeper_start(&reserver);
    cr_assert_eq(troupe_channel_end(&scene.rx), 1);
    cr_assert_eq(sleeper_end(&sender), TROUPE_CLOSED);
    cr_assert_eq(sleeper_end(&reserver), TROUPE_CLOSED);
    cr_assert_null(reserver.permit.of);
    scene_close();
}
