/* The numbered cases of bounded channels that one thread can show, and those in which one thread
 * sleeps while another one acts. Those that are about many threads are in test_channel_threads.c.
 * docs/conformance.md says what each number is about. */
#include "test/mailbox/channel_scene.h"

#include <string.h>

TestSuite(channel_conformance, .timeout = 60);

static const uint32_t capacities[] = {1, 2, 3, 7, 8, 64, 1000};
enum { CAPACITIES = sizeof capacities / sizeof *capacities };

/* --- Capacity --------------------------------------------------------------------------------- */

Test(channel_conformance, case_01_exact_capacity) {
    for (int i = 0; i < CAPACITIES; i++) {
        uint32_t n = capacities[i];
        scene_open(n);
        send_all(0, n);
        void *item = cell_make(5, 77), *before = item;
        cr_assert_eq(troupe_channel_try_send(scene.tx, &item), TROUPE_FULL);
        cr_assert_eq(item, before);
        cr_assert_eq(((cell *)item)->number, 77, "and it is unchanged");
        hand_back(&item, before);
        cr_assert_eq(try_send(0, n), TROUPE_FULL, "and it stays so");
        receive_all(0, n);
        expect_as_new();
        scene_close();
    }
}

Test(channel_conformance, case_02_one_out_one_in) {
    for (int i = 0; i < CAPACITIES; i++) {
        uint32_t n = capacities[i];
        scene_open(n);
        send_all(0, n);
        for (uint64_t k = 0; k < 3 * n; k++) { /* all around the ring */
            receive_all(k, k + 1);
            cr_assert_eq(try_send(0, k + n), TROUPE_OK);
            cr_assert_eq(try_send(0, 0), TROUPE_FULL);
        }
        receive_all(3 * n, 4 * n);
        expect_as_new();
        scene_close();
    }
}

/* Reserves `n`, uses `k` of them and gives the others back. */
static void use_some(uint32_t n, uint32_t k) {
    troupe_permit permit[8];
    for (uint32_t i = 0; i < n; i++) {
        cr_assert_eq(troupe_channel_try_reserve(scene.tx, &permit[i]), TROUPE_OK);
        cr_assert_eq(scene_free(), scene.capacity - i - 1);
    }
    for (uint32_t i = 0; i < k; i++) {
        cr_assert_eq(send_reserved(&permit[i], 0, i), TROUPE_OK);
        cr_assert_eq(scene_free(), scene.capacity - n, "a permit has paid for it");
    }
    for (uint32_t i = k; i < n; i++) {
        troupe_channel_give_back(&permit[i]);
        cr_assert_eq(scene_free(), scene.capacity - n + i - k + 1);
    }
}

Test(channel_conformance, case_04_free_and_total_capacity) {
    for (uint32_t capacity = 1; capacity <= 8; capacity++) {
        scene_open(capacity);
        for (uint32_t n = 0; n <= capacity; n++) {
            for (uint32_t k = 0; k <= n; k++) {
                use_some(n, k);
                cr_assert_eq(scene_free(), capacity - k);
                for (uint32_t i = 0; i < k; i++) {
                    receive_all(i, i + 1);
                    cr_assert_eq(scene_free(), capacity - k + i + 1);
                }
            }
        }
        expect_as_new();
        scene_close();
    }
}

Test(channel_conformance, case_04_permits_count_against_the_capacity) {
    scene_open(2);
    troupe_permit first, second, third;
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &first), TROUPE_OK);
    cr_assert_eq(try_send(0, 0), TROUPE_OK);
    cr_assert_eq(try_send(0, 1), TROUPE_FULL);
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &third), TROUPE_FULL);
    cr_assert_null(third.of);
    receive_all(0, 1);
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &second), TROUPE_OK);
    cr_assert_eq(try_send(0, 1), TROUPE_FULL);
    cr_assert_eq(send_reserved(&second, 0, 2), TROUPE_OK);
    cr_assert_eq(send_reserved(&first, 0, 3), TROUPE_OK);
    receive_all(2, 4); /* in the order of the sends, not of the permits */
    expect_as_new();
    scene_close();
}

/* --- Order ------------------------------------------------------------------------------------ */

static void end_all(void *const *item, size_t n, uint64_t from) {
    for (size_t i = 0; i < n; i++) {
        cell got = {0, 0};
        (void)take_cell(TROUPE_OK, item[i], &got);
        cr_assert_eq(got.number, from + i);
    }
}

Test(channel_conformance, case_10_batch_receive) {
    void *item[16];
    size_t n = 9;
    scene_open(10);
    cr_assert_eq(troupe_channel_recv_many(scene.rx, item, 0, PATIENCE_MS, &n), TROUPE_OK);
    cr_assert_eq(n, 0, "of nothing, at once, though nothing is queued");
    uint64_t sent = 0, got = 0;
    for (size_t most = 1; most <= 12; most++) {
        for (uint32_t in = 1; in <= 10; in++) {
            send_all(sent, sent + in);
            sent += in;
            while (got < sent) { /* a wait for more would last until the test's end */
                size_t expected = sent - got < most ? (size_t)(sent - got) : most;
                cr_assert_eq(troupe_channel_recv_many(scene.rx, item, most, 600000, &n), TROUPE_OK);
                cr_assert_eq(n, expected);
                end_all(item, n, got);
                got += n;
            }
        }
    }
    send_all(0, 3);
    troupe_channel_drop(&scene.tx);
    cr_assert_eq(troupe_channel_recv_many(scene.rx, item, 2, PATIENCE_MS, &n), TROUPE_OK);
    end_all(item, n, 0);
    cr_assert_eq(troupe_channel_recv_many(scene.rx, item, 2, PATIENCE_MS, &n), TROUPE_OK);
    cr_assert_eq(n, 1);
    end_all(item, n, 2);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(troupe_channel_recv_many(scene.rx, item, 2, PATIENCE_MS, &n), TROUPE_CLOSED);
        cr_assert_eq(n, 0);
    }
    scene_close();
}

/* --- Closing ---------------------------------------------------------------------------------- */

Test(channel_conformance, case_11_the_last_sender_is_gone) {
    scene_open(4);
    cell got;
    troupe_tx *clone = troupe_channel_clone(scene.tx);
    send_all(0, 3);
    troupe_channel_drop(&scene.tx);
    scene.tx = clone;
    send_all(3, 4);
    receive_all(0, 1);
    troupe_channel_drop(&scene.tx);
    receive_all(1, 4);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(try_recv(&got), TROUPE_CLOSED);
        cr_assert_eq(recv_for(&got, PATIENCE_MS), TROUPE_CLOSED);
    }
    scene_close();
}

Test(channel_conformance, case_11_a_sleeping_receiver_wakes_at_once) {
    scene_open(4);
    troupe_tx *clone = troupe_channel_clone(scene.tx);
    sleeper receiver = {.wish = RECEIVES};
    sleeper_start(&receiver);
    troupe_channel_drop(&clone);
    cr_assert_not(sleeper_is_awake(&receiver));
    troupe_channel_drop(&scene.tx);
    cr_assert_eq(sleeper_end(&receiver), TROUPE_CLOSED);
    scene_close();
}

Test(channel_conformance, case_13_the_receiver_closes_but_stays) {
    scene_open(5);
    cell got;
    troupe_permit used, returned, none;
    send_all(0, 2);
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &used), TROUPE_OK);
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &returned), TROUPE_OK);
    for (int i = 0; i < 2; i++) { /* to close twice is to close */
        troupe_channel_close(scene.rx);
        cr_assert_eq(try_send(0, 9), TROUPE_CLOSED);
        cr_assert_eq(send_for(0, 9, PATIENCE_MS), TROUPE_CLOSED);
        cr_assert_eq(troupe_channel_try_reserve(scene.tx, &none), TROUPE_CLOSED);
        cr_assert_eq(troupe_channel_reserve(scene.tx, &none, PATIENCE_MS), TROUPE_CLOSED);
    }
    receive_all(0, 2);
    cr_assert_eq(try_recv(&got), TROUPE_EMPTY, "permits are out");
    cr_assert_eq(recv_for(&got, 1), TROUPE_TIMEOUT);
    cr_assert_eq(send_reserved(&used, 0, 2), TROUPE_OK);
    receive_all(2, 3);
    cr_assert_eq(try_recv(&got), TROUPE_EMPTY, "one still is");
    troupe_channel_give_back(&returned);
    for (int i = 0; i < 3; i++) cr_assert_eq(try_recv(&got), TROUPE_CLOSED);
    cr_assert_eq(scene_free(), 5);
    scene_close();
}

/* The receiver sleeps on a closed channel until what was set aside is settled. */
static void begin_case_14(troupe_permit *permit, sleeper *receiver) {
    scene_open(1);
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, permit), TROUPE_OK);
    troupe_channel_close(scene.rx);
    sleeper_start(receiver);
}

Test(channel_conformance, case_14_the_last_permit_wakes_the_receiver_by_its_send) {
    troupe_permit permit;
    sleeper receiver = {.wish = RECEIVES};
    cell got;
    begin_case_14(&permit, &receiver);
    cr_assert_eq(send_reserved(&permit, 0, 4), TROUPE_OK);
    cr_assert_eq(sleeper_end(&receiver), TROUPE_OK);
    cr_assert_eq(receiver.got.number, 4);
    cr_assert_eq(try_recv(&got), TROUPE_CLOSED);
    scene_close();
}

Test(channel_conformance, case_14_the_last_permit_wakes_the_receiver_when_given_back) {
    troupe_permit permit;
    sleeper receiver = {.wish = RECEIVES};
    begin_case_14(&permit, &receiver);
    troupe_channel_give_back(&permit);
    cr_assert_eq(sleeper_end(&receiver), TROUPE_CLOSED);
    scene_close();
}

Test(channel_conformance, case_14_of_two_permits_the_first_wakes_nobody) {
    troupe_permit first, second;
    sleeper receiver = {.wish = RECEIVES};
    scene_open(2);
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &first), TROUPE_OK);
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &second), TROUPE_OK);
    troupe_channel_drop(&scene.tx); /* instead of a close */
    sleeper_start(&receiver);
    troupe_channel_give_back(&first);
    cr_assert_not(sleeper_is_awake(&receiver));
    troupe_channel_give_back(&second);
    cr_assert_eq(sleeper_end(&receiver), TROUPE_CLOSED);
    scene_close();
}

/* A reservation that had waited and was granted a slot. */
Test(channel_conformance, case_14_the_last_permit_wakes_the_receiver_also_if_it_was_queued) {
    scene_open(1);
    send_all(0, 1);
    sleeper reserver = {.wish = RESERVES}, receiver = {.wish = RECEIVES};
    sleeper_start(&reserver);
    receive_all(0, 1);
    cr_assert_eq(sleeper_end(&reserver), TROUPE_OK);
    troupe_channel_close(scene.rx);
    sleeper_start(&receiver);
    troupe_channel_give_back(&reserver.permit);
    cr_assert_eq(sleeper_end(&receiver), TROUPE_CLOSED);
    cr_assert_eq(scene_free(), 1);
    scene_close();
}

Test(channel_conformance, case_16_a_close_hands_back_what_waits) {
    scene_open(1);
    cell got;
    send_all(0, 1);
    sleeper sender = {.wish = SENDS, .number = 1}, reserver = {.wish = RESERVES};
    sleeper_start(&sender);
    sleeper_start(&reserver);
    troupe_channel_close(scene.rx);
    cr_assert_eq(sleeper_end(&sender), TROUPE_CLOSED);
    cr_assert_eq(sleeper_end(&reserver), TROUPE_CLOSED);
    receive_all(0, 1);
    cr_assert_eq(try_recv(&got), TROUPE_CLOSED);
    scene_close();
}

/* --- Waiting ---------------------------------------------------------------------------------- */

Test(channel_conformance, case_19_fair_queue_of_senders) {
    scene_open(1);
    send_all(0, 1);
    sleeper s[4] = {{.wish = SENDS, .number = 1},
                    {.wish = SENDS, .number = 2},
                    {.wish = RESERVES},
                    {.wish = SENDS, .number = 3}};
    for (int i = 0; i < 4; i++) sleeper_start(&s[i]);
    for (int i = 0; i < 3; i++) {
        receive_all((uint64_t)i, (uint64_t)i + 1);
        cr_assert_eq(try_send(9, 9), TROUPE_FULL, "the slot is not a newcomer's");
        cr_assert_eq(sleeper_end(&s[i]), TROUPE_OK);
        for (int k = i + 1; k < 4; k++) cr_assert_not(sleeper_is_awake(&s[k]));
    }
    troupe_channel_give_back(&s[2].permit);
    cr_assert_eq(try_send(9, 9), TROUPE_FULL);
    cr_assert_eq(sleeper_end(&s[3]), TROUPE_OK);
    receive_all(3, 4);
    expect_as_new();
    scene_close();
}

Test(channel_conformance, case_19_a_batch_lets_in_as_many_in_order) {
    scene_open(3);
    send_all(0, 3);
    sleeper s[4];
    memset(s, 0, sizeof s);
    for (int i = 0; i < 4; i++) {
        s[i] = (sleeper){.wish = SENDS, .number = 3 + (uint64_t)i};
        sleeper_start(&s[i]);
    }
    void *item[8];
    size_t n;
    cr_assert_eq(troupe_channel_recv_many(scene.rx, item, 8, PATIENCE_MS, &n), TROUPE_OK);
    cr_assert_eq(n, 3, "those who wait come in behind a batch, not into it");
    end_all(item, n, 0);
    for (int i = 0; i < 3; i++) cr_assert_eq(sleeper_end(&s[i]), TROUPE_OK);
    cr_assert_not(sleeper_is_awake(&s[3]));
    receive_all(3, 4);
    cr_assert_eq(sleeper_end(&s[3]), TROUPE_OK);
    receive_all(4, 7);
    expect_as_new();
    scene_close();
}

Test(channel_conformance, case_22_who_gives_up_loses_no_slot) {
    const wish wishes[] = {SENDS, RESERVES};
    for (int i = 0; i < 2; i++) {
        scene_open(1);
        send_all(0, 1);
        sleeper first = {.wish = wishes[i], .ms = 30}, second = {.wish = SENDS, .number = 1};
        sleeper_start(&first);
        sleeper_start(&second);
        cr_assert_eq(sleeper_end(&first), TROUPE_TIMEOUT);
        cr_assert_null(first.permit.of);
        receive_all(0, 1); /* it goes to the next in line */
        cr_assert_eq(sleeper_end(&second), TROUPE_OK);
        receive_all(1, 2);
        expect_as_new();
        scene_close();
    }
}

Test(channel_conformance, case_22_a_receiver_that_gives_up_loses_nothing) {
    scene_open(2);
    sleeper receiver = {.wish = RECEIVES, .ms = 30};
    sleeper_start(&receiver);
    cr_assert_eq(sleeper_end(&receiver), TROUPE_TIMEOUT);
    send_all(0, 2);
    receive_all(0, 2);
    sleeper again = {.wish = RECEIVES};
    sleeper_start(&again);
    send_all(2, 3);
    cr_assert_eq(sleeper_end(&again), TROUPE_OK);
    cr_assert_eq(again.got.number, 2);
    expect_as_new();
    scene_close();
}

/* --- Ownership -------------------------------------------------------------------------------- */

/* Each refusal leaves the item with its sender; try_send, send_for and send_reserved look. */
Test(channel_conformance, case_25_every_refusal_hands_the_item_back) {
    scene_open(1);
    troupe_permit permit;
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &permit), TROUPE_OK);
    cr_assert_eq(send_reserved(&permit, 0, 0), TROUPE_OK);
    cr_assert_eq(try_send(0, 1), TROUPE_FULL);
    cr_assert_eq(send_for(0, 1, 0), TROUPE_TIMEOUT);
    cr_assert_eq(send_for(0, 1, 5), TROUPE_TIMEOUT);
    cr_assert_eq(send_reserved(&permit, 0, 1), TROUPE_INVALID);
    receive_all(0, 1);
    cr_assert_eq(troupe_channel_try_reserve(scene.tx, &permit), TROUPE_OK);
    troupe_channel_close(scene.rx);
    cr_assert_eq(try_send(0, 1), TROUPE_CLOSED);
    cr_assert_eq(send_for(0, 1, 5), TROUPE_CLOSED);
    cr_assert_eq(troupe_channel_end(&scene.rx), 0);
    cr_assert_eq(send_reserved(&permit, 0, 1), TROUPE_CLOSED);
    cr_assert_eq(tr_load64_relaxed(&scene.handed_back), 7);
    scene_close();
}

Test(channel_conformance, case_25_a_million_sends_take_no_memory) {
    enum { N = 1000 };
    static int item[N];
    scene_open(N);
    troupe_permit permit;
    counting_heap_fail(&scene.heap, 1, 1 << 30);
    size_t before = counting_heap_look(&scene.heap).takes;
    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < N; i++) {
            void *it = &item[i];
            if (i % 3 == 0) cr_assert_eq(troupe_channel_try_send(scene.tx, &it), TROUPE_OK);
            if (i % 3 == 1) cr_assert_eq(troupe_channel_send(scene.tx, &it, 0), TROUPE_OK);
            if (i % 3 != 2) continue;
            cr_assert_eq(troupe_channel_reserve(scene.tx, &permit, 0), TROUPE_OK);
            cr_assert_eq(troupe_channel_send_reserved(&permit, &it), TROUPE_OK);
        }
        void *it = &item[0];
        cr_assert_eq(troupe_channel_try_send(scene.tx, &it), TROUPE_FULL);
        for (int i = 0; i < N; i++) {
            cr_assert_eq(troupe_channel_try_recv(scene.rx, &it), TROUPE_OK);
            cr_assert_eq(it, &item[i]);
        }
    }
    cr_assert_eq(counting_heap_look(&scene.heap).takes, before);
    scene_close();
}
