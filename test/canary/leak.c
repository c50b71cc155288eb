/* A message that nobody drops, in a test that passes. AddressSanitizer's run must report it. */
#include <criterion/criterion.h>
#include <troupe/actor.h>

static const troupe_type type = TROUPE_SIGNAL_TYPE("canary");

Test(canary, leaks) {
    troupe *rt;
    cr_assert_eq(troupe_open(NULL, &rt), TROUPE_OK);
    troupe_msg *msg;
    cr_assert_eq(troupe_make(rt, &type, NULL, &msg), TROUPE_OK);
    msg = NULL;
    troupe_close(&rt);
}
