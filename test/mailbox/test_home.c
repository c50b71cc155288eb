/* The mailbox as its home uses it, which pushes without an atomic operation as long as it has
 * places reserved. The numbers in the names are those of the conformance cases. */
#include <criterion/criterion.h>

#include "mailbox/mailbox.h"

TestSuite(home, .timeout = 30);

enum { MANY = 1024 };

typedef struct item {
    _Alignas(16) tr_link link;
} item;

static tr_mailbox box;
static item items[MANY];

static const uint32_t limits[] = {1, 2, 3, 7, 8, 64, 1000, 1023};
enum { LIMITS = sizeof limits / sizeof *limits };

static tr_push push(item *it) {
    return tr_mailbox_push(&box, &it->link, true);
}

static tr_push push_home(item *it) {
    return tr_mailbox_push_home(&box, &it->link, true);
}

static item *pop(void) {
    return (item *)(void *)tr_mailbox_pop(&box);
}

/* Pushes items [from, to), as others do. */
static void push_all(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) cr_assert_eq(push(&items[i]), TR_PUSH_OK);
}

/* Pops and handles items [from, to); nobody has wanted room. */
static void handle_all(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        cr_assert_eq(pop(), &items[i]);
        cr_assert_not(tr_mailbox_handled(&box));
    }
}

Test(home, its_mail_and_others_are_received_in_the_order_they_came) {
    tr_mailbox_open(&box, 16, false);
    push_all(0, 2);
    cr_assert_eq(push_home(&items[2]), TR_PUSH_OK);
    push_all(3, 5);
    cr_assert_eq(tr_mailbox_push_home(&box, &items[5].link, false), TR_PUSH_OK);
    cr_assert_eq(push_home(&items[6]), TR_PUSH_OK);
    push_all(7, 8);
    for (unsigned i = 0; i < 8; i++) cr_assert_eq(pop(), &items[i]);
    cr_assert_null(pop());
}

/* What the home has reserved and not used is not in `count`, but nobody else gets in for it. */
Test(home, case01_exact_capacity_beside_a_reserve) {
    for (int i = 0; i < LIMITS; i++) {
        uint32_t limit = limits[i], in = 0;
        tr_mailbox_open(&box, limit, false);
        cr_assert_eq(push_home(&items[in++]), TR_PUSH_OK);
        cr_assert_eq(tr_mailbox_count(&box), 1);
        while (push(&items[in]) == TR_PUSH_OK) in++;
        cr_assert_eq(in + tr_mailbox_reserved(&box), limit);
        cr_assert_eq(tr_mailbox_count(&box), in);
        while (push_home(&items[in]) == TR_PUSH_OK) in++;
        cr_assert_eq(in, limit);
        cr_assert_eq(tr_mailbox_count(&box), limit);
        handle_all(0, limit);
        cr_assert_eq(tr_mailbox_count(&box), 0);
    }
}

Test(home, a_reserve_that_was_called_in_is_for_everybody) {
    tr_mailbox_open(&box, 8, false);
    cr_assert_eq(push_home(&items[0]), TR_PUSH_OK);
    cr_assert_gt(tr_mailbox_reserved(&box), 0);
    tr_mailbox_reclaim(&box);
    cr_assert_eq(tr_mailbox_reserved(&box), 0);
    push_all(1, 8);
    cr_assert_eq(push(&items[8]), TR_PUSH_FULL);
    cr_assert_eq(push_home(&items[8]), TR_PUSH_FULL);
    handle_all(0, 8);
}

/* To give back each place by itself costs an atomic operation a message, just where there are most:
 * in a mailbox that its home fills again and again. */
Test(home, case02_a_home_that_met_full_keeps_places_as_before) {
    tr_mailbox_open(&box, 64, false);
    for (unsigned i = 0; i < 64; i++) cr_assert_eq(push_home(&items[i]), TR_PUSH_OK);
    cr_assert_eq(push_home(&items[64]), TR_PUSH_FULL);
    handle_all(0, 8);
    cr_assert_gt(tr_mailbox_reserved(&box), 1);
    cr_assert_eq(tr_mailbox_count(&box), 56);
    for (unsigned i = 64; i < 72; i++) cr_assert_eq(push_home(&items[i]), TR_PUSH_OK);
    cr_assert_eq(push_home(&items[72]), TR_PUSH_FULL);
    cr_assert_eq(tr_mailbox_reserved(&box), 0);
}

Test(home, case13_a_closed_box_refuses_its_home_too) {
    tr_mailbox_open(&box, 4, false);
    cr_assert_eq(push_home(&items[0]), TR_PUSH_OK);
    cr_assert_not(tr_mailbox_close(&box));
    cr_assert_eq(push_home(&items[1]), TR_PUSH_CLOSED);
    cr_assert_eq(pop(), &items[0]);
    cr_assert_null(pop());
}

/* A home that keeps places which were handled gives them back at once while somebody waits. */
Test(home, room_is_told_at_half_by_a_home_that_keeps_places) {
    for (int i = 0; i < LIMITS; i++) {
        uint32_t limit = limits[i], in = 0;
        tr_mailbox_open(&box, limit, false);
        do cr_assert_eq(push_home(&items[in++]), TR_PUSH_OK);
        while (tr_mailbox_reserved(&box));
        push_all(in, limit);
        cr_assert(tr_mailbox_want(&box));
        for (unsigned left = limit; left-- > 0;) {
            cr_assert_not_null(pop());
            cr_assert_eq(tr_mailbox_handled(&box), left == limit / 2);
        }
    }
}
