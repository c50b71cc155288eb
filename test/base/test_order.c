/* The most significant byte is the first, whatever the machine. */
#include "base/order.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(order, .timeout = 10);

Test(order, the_most_significant_byte_is_the_first) {
    const uint16_t two = tr_big2(0x0102);
    const uint32_t four = tr_big4(0x01020304);
    const uint64_t eight = tr_big8(0x0102030405060708);
    cr_assert_eq(memcmp(&two, "\1\2", sizeof two), 0);
    cr_assert_eq(memcmp(&four, "\1\2\3\4", sizeof four), 0);
    cr_assert_eq(memcmp(&eight, "\1\2\3\4\5\6\7\10", sizeof eight), 0);
}

Test(order, twice_is_as_before) {
    cr_assert_eq(tr_big2(tr_big2(0x0102)), 0x0102);
    cr_assert_eq(tr_big4(tr_big4(0x01020304)), 0x01020304u);
    cr_assert_eq(tr_big8(tr_big8(0x0102030405060708)), 0x0102030405060708u);
}
