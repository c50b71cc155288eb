#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "serial/compare.h"
#include "serial/envelope.h"
#include "test/serial/order.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};

static void open_heap(void) {
    counting_heap_init(&heap);
}

static void close_heap(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(compare, .timeout = 20, .init = open_heap, .fini = close_heap);

/* Whether messages of two orders are equal, both ways; and if so, their hashes must be. */
static bool equal(const struct order *a, const struct order *b) {
    troupe_msg *one = NULL, *other = NULL;
    cr_assert_eq(tr_msg_make(&pool, &order_type, a, &one), TROUPE_OK);
    cr_assert_eq(tr_msg_make(&pool, &order_type, b, &other), TROUPE_OK);
    bool same = troupe_equal(one, other);
    cr_assert_eq(troupe_equal(other, one), same);
    cr_assert_eq(troupe_hash(one) == troupe_hash(other), same);
    troupe_drop(&one);
    troupe_drop(&other);
    return same;
}

Test(compare, equal_ones_are_equal_wherever_they_lie) {
    char text[] = "cup";
    struct line lines[2] = {order_lines[0], order_lines[1]};
    struct order copy = order;
    lines[0].article = text;
    copy.lines.at = lines;
    cr_assert(equal(&order, &copy));
    cr_assert(equal(&empty_order, &empty_order));
    cr_assert_not(equal(&order, &empty_order));
}

Test(compare, what_an_optional_field_does_not_have_is_not_compared) {
    struct order a = empty_order, b = empty_order;
    a.box.value.width = 7;
    a.best.gift.value = "a gift that is none";
    cr_assert(equal(&a, &b));
    a.box.has = true;
    cr_assert_not(equal(&a, &b));
}

/* Each of these differs from the order in one value. */
Test(compare, one_difference_anywhere_is_seen) {
    struct order others[14];
    struct line lines[4][2];
    for (size_t i = 0; i < 14; i++) others[i] = order;
    for (size_t i = 0; i < 4; i++) {
        memcpy(lines[i], order_lines, sizeof order_lines);
        others[i].lines.at = lines[i];
    }
    lines[0][1].article = "x";
    lines[1][0].size.height++;
    lines[2][0].notes.count--;
    lines[3][0].gift.has = false;
    others[4].id++;
    others[5].when.nanoseconds++;
    others[6].due.value.seconds--;
    others[7].balance[2]--;
    others[8].marks.count--;
    others[9].seal[0].data = "\0\xFE";
    others[10].seal[1] = (troupe_bytes){"", 1};
    others[11].best.price = -8;
    others[12].weight = -0.5;
    others[13].who.count = 0;
    for (size_t i = 0; i < 14; i++) cr_expect_not(equal(&order, &others[i]), "%zu", i);
}

Test(compare, floats_go_by_their_bits) {
    struct order a = order, b = order;
    a.weight = b.weight = (double)NAN;
    cr_assert(equal(&a, &b));
    a.weight = 0.0;
    b.weight = -0.0;
    cr_assert_not(equal(&a, &b));
}

Test(compare, messages_of_other_types_are_not_equal) {
    static const troupe_type tick = TROUPE_SIGNAL_TYPE("tick"), tock = TROUPE_SIGNAL_TYPE("tock");
    static const troupe_type again = TROUPE_SIGNAL_TYPE("tick");
    troupe_msg *one = NULL, *other = NULL, *same = NULL;
    cr_assert_eq(tr_msg_make(&pool, &tick, NULL, &one), TROUPE_OK);
    cr_assert_eq(tr_msg_make(&pool, &tock, NULL, &other), TROUPE_OK);
    cr_assert_eq(tr_msg_make(&pool, &again, NULL, &same), TROUPE_OK);
    cr_assert_not(troupe_equal(one, other));
    cr_assert(troupe_equal(one, same));
    cr_assert_not(troupe_equal(one, NULL));
    cr_assert_not(troupe_equal(NULL, one));
    cr_assert(troupe_equal(NULL, NULL));
    cr_assert_neq(troupe_hash(one), troupe_hash(other));
    cr_assert_eq(troupe_hash(NULL), 0);
    troupe_drop(&one);
    troupe_drop(&other);
    troupe_drop(&same);
}
