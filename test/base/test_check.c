#include <criterion/criterion.h>
#include <signal.h>
#include <stddef.h>

#include "base/check.h"

TestSuite(check, .timeout = 30);

Test(check, what_holds_costs_nothing) {
    int evaluated = 0;
    TR_CHECK(++evaluated == 1);
    cr_assert_eq(evaluated, 1);
}

/* In release builds too: what is broken inside must not go on. */
Test(check, what_does_not_hold_ends_the_process, .signal = SIGABRT) {
    volatile int one = 1;
    TR_CHECK(one == 2);
}

Test(check, an_owner_is_found_from_its_member) {
    struct owner {
        char before[3];
        int member;
    } owner;
    cr_assert_eq(TR_OWNER(&owner.member, struct owner, member), &owner);
}
