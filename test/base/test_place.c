#include "base/place.h"

#include <criterion/criterion.h>

#include "base/os.h"

TestSuite(place, .timeout = 10);

static int runtime, other;

Test(place, a_thread_is_in_plain_code_until_it_says_otherwise) {
    cr_assert_null(tr_place_now().runtime);
    cr_assert(tr_place_may_wait());
}

Test(place, in_a_callback_nobody_waits_but_on_a_thread_of_its_own) {
    tr_place outside = tr_place_enter((tr_place){.runtime = &runtime});
    cr_assert_null(outside.runtime);
    cr_assert_eq(tr_place_now().runtime, &runtime);
    cr_assert_not(tr_place_may_wait());

    tr_place before = tr_place_enter((tr_place){.runtime = &other, .blocking = true});
    cr_assert_eq(before.runtime, &runtime);
    cr_assert(tr_place_may_wait());

    cr_assert(tr_place_enter(before).blocking);
    cr_assert_not(tr_place_may_wait());
    (void)tr_place_enter(outside);
    cr_assert(tr_place_may_wait());
}

static void *look(void *arg) {
    (void)arg;
    cr_assert_null(tr_place_now().runtime);
    cr_assert(tr_place_may_wait());
    return NULL;
}

Test(place, each_thread_has_its_own) {
    (void)tr_place_enter((tr_place){.runtime = &runtime});
    tr_thread thread;
    cr_assert(tr_thread_start(&thread, "other", look, NULL));
    tr_thread_join(&thread);
    cr_assert_eq(tr_place_now().runtime, &runtime);
}
