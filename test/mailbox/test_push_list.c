/* Several links pushed at once: all of them, or none. */
#include <criterion/criterion.h>

#include "mailbox/mailbox.h"

TestSuite(push_list, .timeout = 30);

enum { MANY = 8 };

typedef struct item {
    _Alignas(16) tr_link link;
} item;

static tr_mailbox box;
static item items[MANY];

/* Items [from, from + count), the first of them the oldest. */
static tr_push push_list(unsigned from, uint32_t count) {
    for (unsigned i = from + 1; i < from + count; i++) items[i].link.next = &items[i - 1].link;
    return tr_mailbox_push_list(&box, &items[from + count - 1].link, &items[from].link, count);
}

static void expect(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        cr_assert_eq(tr_mailbox_pop(&box), &items[i].link);
        (void)tr_mailbox_handled(&box);
    }
    cr_assert_null(tr_mailbox_pop(&box));
}

Test(push_list, comes_out_in_order_behind_what_was_there_and_before_what_follows) {
    tr_mailbox_open(&box, MANY, false);
    cr_assert_eq(tr_mailbox_push(&box, &items[0].link, true), TR_PUSH_OK);
    cr_assert_eq(push_list(1, 4), TR_PUSH_OK);
    cr_assert_eq(push_list(5, 1), TR_PUSH_OK);
    cr_assert_eq(tr_mailbox_push(&box, &items[6].link, true), TR_PUSH_OK);
    cr_assert_eq(tr_mailbox_count(&box), 7u);
    expect(0, 7);
    cr_assert_eq(tr_mailbox_count(&box), 0u);
}

Test(push_list, is_refused_whole_if_not_all_fit) {
    tr_mailbox_open(&box, 4, false);
    cr_assert_eq(push_list(0, 5), TR_PUSH_FULL);
    cr_assert_eq(push_list(0, 3), TR_PUSH_OK);
    cr_assert_eq(push_list(3, 2), TR_PUSH_FULL);
    cr_assert_eq(tr_mailbox_count(&box), 3u);
    cr_assert_eq(push_list(3, 1), TR_PUSH_OK, "the last place");
    cr_assert_eq(push_list(4, 1), TR_PUSH_FULL);
    expect(0, 4);
}

Test(push_list, says_wake_once_to_a_parked_receiver) {
    tr_mailbox_open(&box, MANY, false);
    cr_assert(tr_mailbox_park(&box));
    cr_assert_eq(push_list(0, 3), TR_PUSH_WAKE);
    cr_assert_eq(push_list(3, 3), TR_PUSH_OK);
    expect(0, 6);
}

Test(push_list, is_refused_by_a_closed_box) {
    tr_mailbox_open(&box, MANY, false);
    cr_assert_not(tr_mailbox_close(&box));
    cr_assert_eq(push_list(0, 3), TR_PUSH_CLOSED);
    expect(0, 0);
}
