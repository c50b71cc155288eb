#include "base/bias.h"

#include <criterion/criterion.h>

TestSuite(bias, .timeout = 60);

enum { ROUNDS = 20000, THIEVES = 2 };

static tr_bias bias;
static uint64_t plain; /* only the lock orders it */
static tr_atomic32 done;

static void *steal(void *arg) {
    uint64_t *times = arg;
    for (; *times < ROUNDS; (*times)++) {
        tr_bias_take(&bias);
        plain++;
        tr_bias_give(&bias);
    }
    (void)tr_add32_seq(&done, 1);
    return NULL;
}

/* An owner that is in and out all the time, also lending it, and two thieves. */
static uint64_t own(void) {
    uint64_t times = 0;
    while (tr_load32_seq(&done) < THIEVES) {
        bool lightly = tr_bias_enter(&bias);
        plain++;
        tr_bias_leave(&bias, lightly);
        if (++times % 1000 == 0) {
            tr_bias_lend(&bias);
            tr_bias_return(&bias);
        }
    }
    return times;
}

static void all_increments_are_there(bool light) {
    tr_thread thief[THIEVES];
    uint64_t times[THIEVES] = {0};
    tr_bias_init(&bias);
    bias.light &= light;
    tr_bias_return(&bias);
    for (int i = 0; i < THIEVES; i++)
        cr_assert(tr_thread_start(&thief[i], "thief", steal, &times[i]));
    uint64_t owned = own();
    for (int i = 0; i < THIEVES; i++) tr_thread_join(&thief[i]);
    cr_assert_eq(plain, owned + (uint64_t)THIEVES * ROUNDS);
    tr_bias_fini(&bias);
}

Test(bias, excludes_by_membarrier) {
    all_increments_are_there(true);
}

Test(bias, excludes_without_membarrier) {
    all_increments_are_there(false);
}

static bool comes_in_lightly(void) {
    bool lightly = tr_bias_enter(&bias);
    tr_bias_leave(&bias, lightly);
    return lightly;
}

Test(bias, the_owner_comes_in_lightly_but_for_the_first_time_after_a_thief) {
    tr_bias_init(&bias);
    tr_bias_return(&bias);
    cr_assert(comes_in_lightly());
    tr_bias_take(&bias);
    cr_assert(tr_load32_seq(&bias.revoked));
    tr_bias_give(&bias);
    cr_assert_not(comes_in_lightly());
    cr_assert(comes_in_lightly());
    tr_bias_fini(&bias);
}

Test(bias, only_one_that_is_closed_to_its_owner_can_be_tried_for) {
    tr_bias_init(&bias); /* lent, until its owner comes */
    cr_assert(tr_bias_try_take(&bias));
    cr_assert_not(tr_bias_try_take(&bias), "somebody is inside");
    tr_bias_give(&bias);
    tr_bias_return(&bias);
    cr_assert_not(tr_bias_try_take(&bias));
    tr_bias_lend(&bias);
    tr_bias_take(&bias); /* needs no owner to be outside: it said so */
    cr_assert_not(tr_bias_try_take(&bias));
    tr_bias_give(&bias);
    cr_assert(tr_bias_try_take(&bias));
    tr_bias_give(&bias);
    tr_bias_return(&bias);
    tr_bias_take(&bias);
    tr_bias_give(&bias);
    cr_assert(tr_bias_try_take(&bias), "its owner has not come since");
    tr_bias_give(&bias);
    cr_assert_not(comes_in_lightly());
    cr_assert_not(tr_bias_try_take(&bias));
    tr_bias_fini(&bias);
}
