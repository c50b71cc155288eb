/* The mailbox on its own, one call after the other; stress_mailbox.c does the same with threads.
 * The numbers in the names are those of the conformance cases. */
#include "mailbox/mailbox.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <string.h>

TestSuite(mailbox, .timeout = 30);

enum { MANY = 2048 };

typedef struct item {
    _Alignas(16) tr_link link;
    unsigned number;
    unsigned sender;
} item;

static tr_mailbox box;
static item items[MANY];

static tr_push push(item *it) {
    return tr_mailbox_push(&box, &it->link, true);
}

static tr_push push_free(item *it) {
    return tr_mailbox_push(&box, &it->link, false);
}

static item *pop(void) {
    return (item *)(void *)tr_mailbox_pop(&box);
}

/* Opens the box with its receiver parked or running; items are numbered. */
static void open_box(uint32_t limit, bool parked) {
    for (unsigned i = 0; i < MANY; i++) items[i].number = i;
    tr_mailbox_open(&box, limit, false);
    if (parked) cr_assert(tr_mailbox_park(&box));
}

/* Pushes items [from, to) and expects `first` of the first push and OK of the others. */
static void push_all(unsigned from, unsigned to, tr_push first) {
    for (unsigned i = from; i < to; i++)
        cr_assert_eq(push(&items[i]), i == from ? first : TR_PUSH_OK);
}

/* Pops and handles items [from, to); nobody has wanted room. */
static void handle_all(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        cr_assert_eq(pop(), &items[i]);
        cr_assert_not(tr_mailbox_handled(&box));
    }
}

/* --- Capacity --------------------------------------------------------------------------------- */

static const uint32_t limits[] = {1, 2, 3, 7, 8, 64, 1000, 1023};
enum { LIMITS = sizeof limits / sizeof *limits };

Test(mailbox, case01_exact_capacity) {
    for (int i = 0; i < LIMITS; i++) {
        open_box(limits[i], false);
        cr_assert_eq(tr_mailbox_limit(&box), limits[i]);
        push_all(0, limits[i], TR_PUSH_OK);
        cr_assert_eq(tr_mailbox_count(&box), limits[i]);
        item *extra = &items[MANY - 1];
        extra->link.next = &items[3].link;
        item before = *extra;
        cr_assert_eq(push(extra), TR_PUSH_FULL);
        cr_assert_eq(memcmp(extra, &before, sizeof before), 0); /* ours still, and unchanged */
        cr_assert_eq(tr_mailbox_count(&box), limits[i]);
        handle_all(0, limits[i]);
        cr_assert_null(pop());
        cr_assert_eq(tr_mailbox_count(&box), 0);
    }
}

Test(mailbox, case01_the_largest_limit) {
    enum { LIMIT = TR_MAILBOX_LIMIT_MAX };
    static item all[LIMIT + 1];
    tr_mailbox_open(&box, LIMIT, false);
    for (unsigned i = 0; i < LIMIT; i++) cr_assert_eq(push(&all[i]), TR_PUSH_OK);
    cr_assert_eq(push(&all[LIMIT]), TR_PUSH_FULL);
    cr_assert_eq(tr_mailbox_count(&box), LIMIT); /* nothing runs over into the marks beside it */
    cr_assert(tr_mailbox_want(&box));
    cr_assert_eq(push_free(&all[LIMIT]), TR_PUSH_OK);
    for (unsigned i = 0; i <= LIMIT; i++) cr_assert_eq(pop(), &all[i]);
    unsigned told = 0;
    for (unsigned i = 0; i < LIMIT; i++) told += tr_mailbox_handled(&box);
    cr_assert_eq(told, 1);
    cr_assert_eq(tr_mailbox_count(&box), 0);
}

Test(mailbox, what_is_put_back_is_the_next_and_has_its_place) {
    open_box(3, false);
    push_all(0, 3, TR_PUSH_OK);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pop(), &items[0]);
        tr_mailbox_unpop(&box, &items[0].link);
        cr_assert_eq(tr_mailbox_length(&box), 3);
        cr_assert_eq(push(&items[3]), TR_PUSH_FULL);
    }
    handle_all(0, 1);
    cr_assert_eq(push(&items[3]), TR_PUSH_OK);
    handle_all(1, 4);
    cr_assert_eq(pop(), NULL);
}

Test(mailbox, case02_one_out_one_in) {
    for (int i = 0; i < LIMITS; i++) {
        open_box(limits[i], false);
        push_all(0, limits[i], TR_PUSH_OK);
        for (unsigned n = 0; n < 20; n++) {
            item *out = pop();
            cr_assert_eq(push(&items[MANY - 1]), TR_PUSH_FULL); /* taken out is not handled yet */
            cr_assert_not(tr_mailbox_handled(&box));
            cr_assert_eq(push(out), TR_PUSH_OK);
            cr_assert_eq(push(&items[MANY - 1]), TR_PUSH_FULL);
        }
    }
}

Test(mailbox, case04_total_and_free_are_readable) {
    open_box(7, true);
    for (unsigned in = 1; in <= 7; in++) {
        cr_assert_eq(push(&items[in]), in == 1 ? TR_PUSH_WAKE : TR_PUSH_OK);
        cr_assert_eq(tr_mailbox_count(&box), in);
        cr_assert_eq(tr_mailbox_limit(&box), 7);
    }
    for (unsigned in = 7; in > 0; in--) {
        cr_assert_not_null(pop());
        cr_assert_eq(tr_mailbox_count(&box), in);
        cr_assert_not(tr_mailbox_handled(&box));
        cr_assert_eq(tr_mailbox_count(&box), in - 1);
    }
    cr_assert_eq(tr_mailbox_limit(&box), 7);
}

Test(mailbox, case05_senders_in_turn_fill_it_exactly) {
    for (int round = 0; round < 200; round++) {
        uint32_t limit = 1 + (uint32_t)round * 3 % 50;
        unsigned accepted = 0, full = 0;
        open_box(limit, round % 2);
        for (unsigned at = 0; full != 255; at++) { /* 8 senders, a bit each */
            unsigned sender = (at * 5 + (unsigned)round) % 8;
            if (full & 1u << sender) continue;
            if (push(&items[accepted]) == TR_PUSH_FULL)
                full |= 1u << sender;
            else
                accepted++;
        }
        cr_assert_eq(accepted, limit);
    }
}

Test(mailbox, what_is_not_counted_always_fits) {
    open_box(2, true);
    push_all(0, 2, TR_PUSH_WAKE);
    for (unsigned i = 2; i < 500; i++) cr_assert_eq(push_free(&items[i]), TR_PUSH_OK);
    cr_assert_eq(tr_mailbox_count(&box), 2);
    cr_assert_eq(push(&items[500]), TR_PUSH_FULL);
    for (unsigned i = 0; i < 500; i++) cr_assert_eq(pop(), &items[i]);
    cr_assert_eq(tr_mailbox_count(&box), 2);
}

/* --- Order ------------------------------------------------------------------------------------ */

Test(mailbox, case07_first_in_first_out) {
    open_box(1000, true);
    unsigned in = 0, out = 0;
    for (unsigned batch = 1; in + batch < MANY; batch = batch * 2 % 61) {
        for (unsigned i = 0; i < batch; i++)
            cr_assert_eq(push(&items[in + i]), i == 0 ? TR_PUSH_WAKE : TR_PUSH_OK);
        in += batch;
        handle_all(out, in);
        out = in;
        cr_assert(tr_mailbox_park(&box));
    }
}

/* What comes while a batch is being handled goes behind that batch. */
Test(mailbox, case10_a_batch_keeps_its_order_beside_new_mail) {
    open_box(1000, false);
    unsigned in = 0, out = 0;
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 1 + round % 7; i++) cr_assert_eq(push(&items[in++]), TR_PUSH_OK);
        for (unsigned i = 0; i < 1 + round % 5 && out < in; i++, out++) handle_all(out, out + 1);
    }
    handle_all(out, in);
    cr_assert_null(pop());
    cr_assert_null(pop());
}

Test(mailbox, case08_a_push_that_returned_is_before_one_that_begins_later) {
    open_box(8, false);
    for (unsigned i = 0; i < 6; i++) { /* counted or not: one line */
        cr_assert_eq(i % 2 ? push(&items[i]) : push_free(&items[i]), TR_PUSH_OK);
        items[i].sender = i % 3;
    }
    for (unsigned i = 0; i < 6; i++) cr_assert_eq(pop(), &items[i]);
}

/* --- Parking ---------------------------------------------------------------------------------- */

Test(mailbox, a_parked_receiver_is_woken_exactly_once) {
    open_box(8, false);
    cr_assert_eq(push(&items[0]), TR_PUSH_OK); /* running: nobody has to wake it */
    handle_all(0, 1);
    for (int round = 0; round < 3; round++) {
        cr_assert(tr_mailbox_park(&box));
        push_all(0, 3, TR_PUSH_WAKE);
        cr_assert_not(tr_mailbox_kick(&box));
        handle_all(0, 1);
        push_all(3, 5, TR_PUSH_OK);
        handle_all(1, 5);
        cr_assert_eq(push_free(&items[0]), TR_PUSH_OK); /* empty, but not parked */
        cr_assert_eq(pop(), &items[0]);
    }
    cr_assert(tr_mailbox_park(&box));
    cr_assert_eq(push_free(&items[0]), TR_PUSH_WAKE);
    cr_assert_eq(push(&items[1]), TR_PUSH_OK);
}

Test(mailbox, parking_is_refused_while_there_is_mail) {
    open_box(8, false);
    push_all(0, 1, TR_PUSH_OK);
    cr_assert_not(tr_mailbox_park(&box)); /* in the word */
    push_all(1, 3, TR_PUSH_OK);
    cr_assert_eq(pop(), &items[0]);
    cr_assert_eq(pop(), &items[1]);
    cr_assert_eq(pop(), &items[2]);
    push_all(3, 4, TR_PUSH_OK);
    cr_assert_not(tr_mailbox_park(&box));
    cr_assert_eq(pop(), &items[3]);
    cr_assert(tr_mailbox_park(&box)); /* what is popped and not handled does not matter */
    cr_assert_eq(tr_mailbox_count(&box), 4);
    cr_assert_eq(push(&items[4]), TR_PUSH_WAKE);
    cr_assert_eq(pop(), &items[4]);
    for (int i = 0; i < 5; i++) cr_assert_not(tr_mailbox_handled(&box));
}

Test(mailbox, a_full_box_does_not_wake) {
    open_box(1, false);
    push_all(0, 1, TR_PUSH_OK);
    cr_assert_eq(pop(), &items[0]); /* in hand while the receiver rests */
    cr_assert(tr_mailbox_park(&box));
    cr_assert_eq(push(&items[1]), TR_PUSH_FULL);
    cr_assert_eq(push_free(&items[2]), TR_PUSH_WAKE);
}

Test(mailbox, a_kick_wakes_exactly_once_and_brings_nothing) {
    open_box(8, false);
    cr_assert_not(tr_mailbox_kick(&box)); /* running */
    for (int round = 0; round < 3; round++) {
        cr_assert(tr_mailbox_park(&box));
        cr_assert(tr_mailbox_kick(&box));
        cr_assert_not(tr_mailbox_kick(&box));
        cr_assert_null(pop());
        cr_assert_eq(push(&items[0]), TR_PUSH_OK); /* the kick has done the waking */
        cr_assert_not(tr_mailbox_kick(&box));      /* not with mail either */
        handle_all(0, 1);
    }
}

Test(mailbox, marks_survive_parking_and_kicks) {
    open_box(2, false);
    push_all(0, 2, TR_PUSH_OK);
    cr_assert_eq(pop(), &items[0]);
    cr_assert_eq(pop(), &items[1]);
    cr_assert(tr_mailbox_park(&box));
    cr_assert(tr_mailbox_want(&box));
    cr_assert(tr_mailbox_kick(&box));
    cr_assert_eq(tr_mailbox_count(&box), 2);
    cr_assert(tr_mailbox_handled(&box)); /* the wish is still known */
    cr_assert_not(tr_mailbox_handled(&box));
}

/* --- Room ------------------------------------------------------------------------------------- */

Test(mailbox, room_is_told_once_at_half) {
    for (int i = 0; i < LIMITS; i++) {
        uint32_t limit = limits[i];
        open_box(limit, false);
        cr_assert_not(tr_mailbox_want(&box)); /* it is not full */
        push_all(0, limit, TR_PUSH_OK);
        cr_assert(tr_mailbox_want(&box));
        cr_assert(tr_mailbox_want(&box)); /* a second wish is the same wish */
        for (unsigned left = limit; left-- > 0;) {
            cr_assert_not_null(pop());
            cr_assert_eq(tr_mailbox_handled(&box), left == limit / 2);
        }
        push_all(0, limit, TR_PUSH_OK); /* not wished for again, so not told again */
        handle_all(0, limit);
    }
}

Test(mailbox, room_is_told_though_new_mail_keeps_coming) {
    open_box(4, false);
    push_all(0, 4, TR_PUSH_OK);
    cr_assert(tr_mailbox_want(&box));
    handle_all(0, 1); /* 3 left: more than half */
    cr_assert_eq(push(&items[4]), TR_PUSH_OK);
    handle_all(1, 2);
    cr_assert_not(tr_mailbox_want(&box)); /* has room now: just push */
    handle_all(2, 2);
    cr_assert_eq(pop(), &items[2]);
    cr_assert(tr_mailbox_handled(&box)); /* 2 left, and the first wish still stands */
    handle_all(3, 5);
}

Test(mailbox, room_with_a_limit_of_one) {
    open_box(1, true);
    for (int round = 0; round < 3; round++) {
        cr_assert_not(tr_mailbox_want(&box));
        push_all(0, 1, TR_PUSH_WAKE);
        cr_assert(tr_mailbox_want(&box));
        cr_assert_eq(pop(), &items[0]);
        cr_assert_not(tr_mailbox_kick(&box));
        cr_assert(tr_mailbox_handled(&box));
        cr_assert(tr_mailbox_park(&box));
    }
}

/* --- Closing ---------------------------------------------------------------------------------- */

Test(mailbox, case11_after_a_close_the_rest_is_received_then_nothing) {
    open_box(8, false);
    push_all(0, 5, TR_PUSH_OK);
    cr_assert_eq(pop(), &items[0]); /* some are taken out, some are in the word */
    push_all(5, 7, TR_PUSH_OK);
    cr_assert_not(tr_mailbox_close(&box));
    for (unsigned i = 1; i < 7; i++) cr_assert_eq(pop(), &items[i]);
    for (int i = 0; i < 3; i++) cr_assert_null(pop());
}

Test(mailbox, case13_a_closed_box_refuses_everything_and_gives_what_is_in) {
    open_box(3, false);
    push_all(0, 3, TR_PUSH_OK);
    cr_assert_not(tr_mailbox_close(&box));
    item before = items[3];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(push(&items[3]), TR_PUSH_CLOSED); /* not FULL: there will be no room */
        cr_assert_eq(push_free(&items[3]), TR_PUSH_CLOSED);
        cr_assert_not(tr_mailbox_want(&box));
        cr_assert_not(tr_mailbox_kick(&box));
        cr_assert_not(tr_mailbox_close(&box));
    }
    cr_assert_eq(memcmp(&before, &items[3], sizeof before), 0);
    handle_all(0, 3);
    cr_assert_eq(push(&items[3]), TR_PUSH_CLOSED); /* also when it has room */
    cr_assert_eq(tr_mailbox_count(&box), 0);
}

Test(mailbox, a_close_tells_who_wanted_room) {
    open_box(2, false);
    push_all(0, 2, TR_PUSH_OK);
    cr_assert(tr_mailbox_want(&box));
    cr_assert(tr_mailbox_close(&box));
}

/* A send and a close, in each order: it ends received or refused, never both, never neither. */
Test(mailbox, case16_a_push_beside_a_close) {
    for (int order = 0; order < 4; order++) {
        open_box(2, false);
        push_all(0, 1, TR_PUSH_OK);
        tr_push got = TR_PUSH_CLOSED;
        if (order & 1) cr_assert_eq(pop(), &items[0]);
        if (order & 2) got = push(&items[1]);
        cr_assert_not(tr_mailbox_close(&box));
        if (!(order & 2)) got = push(&items[1]);
        cr_assert_eq(got, order & 2 ? TR_PUSH_OK : TR_PUSH_CLOSED);
        if (!(order & 1)) cr_assert_eq(pop(), &items[0]);
        cr_assert_eq(pop(), order & 2 ? &items[1] : NULL);
        cr_assert_null(pop());
    }
}

Test(mailbox, a_reopened_box_is_new) {
    open_box(4, false);
    push_all(0, 4, TR_PUSH_OK);
    cr_assert(tr_mailbox_want(&box));
    cr_assert_eq(pop(), &items[0]);
    cr_assert(tr_mailbox_close(&box));
    while (pop()) {
    }
    open_box(2, false); /* places that were never given back are not missed */
    cr_assert_eq(tr_mailbox_count(&box), 0);
    cr_assert_null(pop());
    push_all(5, 7, TR_PUSH_OK); /* a late push of somebody who knew the old box: goes in whole */
    cr_assert_eq(push(&items[7]), TR_PUSH_FULL);
    handle_all(5, 7); /* and the old wish for room is forgotten */
    cr_assert(tr_mailbox_park(&box));
    cr_assert_eq(push(&items[8]), TR_PUSH_WAKE);
}

/* --- Memory ----------------------------------------------------------------------------------- */

Test(mailbox, case25_sending_takes_no_memory) {
    open_box(8, true);
    struct mallinfo2 before = mallinfo2();
    for (unsigned i = 0; i < 1000000; i++) {
        tr_push got = push(&items[i % 8]);
        if (got != TR_PUSH_WAKE) cr_assert_eq(got, TR_PUSH_OK);
        if (i % 8 != 7) continue;
        cr_assert_eq(push(&items[8]), TR_PUSH_FULL);
        handle_all(0, 8);
        cr_assert(tr_mailbox_park(&box));
    }
    struct mallinfo2 after = mallinfo2();
    cr_assert_eq(after.uordblks, before.uordblks);
}

/* A link may be reused as soon as it is popped: nobody else looks at it any more. */
Test(mailbox, case26_a_popped_link_is_free) {
    open_box(64, false);
    for (unsigned round = 0; round < 40; round++) {
        push_all(0, 9, TR_PUSH_OK);
        for (unsigned i = 0; i < 9; i++) {
            item *it = pop();
            cr_assert_eq(it, &items[i]);
            it->link.next = (tr_link *)(void *)&box; /* nonsense */
            cr_assert_not(tr_mailbox_handled(&box));
            if (round % 2) cr_assert_eq(push(it), TR_PUSH_OK);
        }
        for (unsigned i = 0; i < 9 && round % 2; i++) handle_all(i, i + 1);
        cr_assert_null(pop());
    }
}

/* --- Counting and taking all ------------------------------------------------------------------ */

Test(mailbox, length_is_of_all_links_wherever_they_are) {
    open_box(100, false);
    cr_assert_eq(tr_mailbox_length(&box), 0);
    push_all(0, 3, TR_PUSH_OK);
    cr_assert_eq(tr_mailbox_length(&box), 3);
    cr_assert_eq(pop(), &items[0]); /* the others are in the line now */
    cr_assert_eq(push_free(&items[3]), TR_PUSH_OK);
    cr_assert_eq(tr_mailbox_length(&box), 3);
    cr_assert_eq(tr_mailbox_count(&box), 3, "one popped and not handled, one that is free");
}

static bool is_at(const tr_link *link, uint64_t key) {
    return (uint64_t)(uintptr_t)link == key;
}

static bool holds(unsigned nth) {
    return tr_mailbox_any(&box, is_at, (uint64_t)(uintptr_t)&items[nth].link);
}

Test(mailbox, any_looks_at_all_links_wherever_they_are) {
    open_box(100, false);
    cr_assert_not(holds(0));
    push_all(0, 3, TR_PUSH_OK);
    cr_assert(holds(0) && holds(1) && holds(2) && !holds(3));
    cr_assert_eq(pop(), &items[0]);
    cr_assert_eq(push_free(&items[3]), TR_PUSH_OK);
    cr_assert(!holds(0) && holds(1) && holds(2) && holds(3));
}

Test(mailbox, take_all_leaves_nothing_and_keeps_the_order) {
    open_box(100, false);
    push_all(0, 3, TR_PUSH_OK);
    cr_assert_eq(pop(), &items[0]);
    push_all(3, 6, TR_PUSH_OK);
    tr_fifo all = tr_mailbox_take_all(&box);
    for (unsigned i = 1; i < 6; i++) cr_assert_eq(tr_fifo_get(&all), &items[i].link);
    cr_assert_null(tr_fifo_get(&all));
    cr_assert_null(pop());
    cr_assert_eq(tr_mailbox_length(&box), 0);
    all = tr_mailbox_take_all(&box);
    cr_assert_null(tr_fifo_get(&all));
}

Test(mailbox, a_larger_bound_is_room_for_who_waits) {
    open_box(2, false);
    push_all(0, 2, TR_PUSH_OK);
    cr_assert_not(tr_mailbox_set_limit(&box, 0));
    cr_assert_eq(push(&items[2]), TR_PUSH_FULL);
    cr_assert(tr_mailbox_want(&box));
    cr_assert_not(tr_mailbox_set_limit(&box, 3), "it is more than half full");
    cr_assert(tr_mailbox_set_limit(&box, 10));
    cr_assert_eq(push(&items[2]), TR_PUSH_OK);
    cr_assert_not(tr_mailbox_set_limit(&box, 20), "it is told once");
}
