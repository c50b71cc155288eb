#include "actors/pace.h"

#include <criterion/criterion.h>

TestSuite(pace, .timeout = 30);

static const char a, b; /* tasks; only their addresses count */

static tr_pace made(void) {
    tr_pace pace = {.others = 0};
    tr_pace_init(&pace, 1);
    return pace;
}

static uint64_t now = 1000; /* ns */

/* Time passes, and that much is done. */
static void did(tr_pace *pace, uint64_t us, uint64_t handled, uint64_t sent) {
    now = pace->then + us * 1000;
    tr_store64_relaxed(&pace->handled, pace->done.handled + handled);
    tr_store64_relaxed(&pace->sent, pace->done.sent + sent);
}

/* A look after ten milliseconds with ten messages. */
static bool slow_look(tr_pace *pace, uint32_t taken, uint32_t length, const void *task) {
    bool late;
    did(pace, 10000, 10, 0);
    (void)tr_pace_look(pace, now, taken, length, task, &late);
    return late;
}

Test(pace, what_still_waits_since_the_look_before_is_late) {
    tr_pace pace = made();
    cr_assert_not(slow_look(&pace, 0, 0, &a));
    cr_assert_not(slow_look(&pace, 0, 3, &a), "nobody was there at the look before");
    cr_assert(slow_look(&pace, 1, 2, &a));
    cr_assert_not(slow_look(&pace, 3, 0, &a));
}

Test(pace, who_runs_from_one_look_to_the_next_has_had_its_time) {
    tr_pace pace = made();
    bool late;
    did(&pace, 10000, 1, 0);
    cr_assert_not(tr_pace_look(&pace, now, 0, 0, &a, &late));
    did(&pace, 10000, 1, 0);
    cr_assert(tr_pace_look(&pace, now, 0, 0, &a, &late));
    did(&pace, 10000, 1, 0);
    cr_assert_not(tr_pace_look(&pace, now, 0, 0, &b, &late));
}

Test(pace, a_look_that_comes_early_puts_the_next_one_off) {
    tr_pace pace = made();
    bool late;
    tr_pace_resume(&pace, now);
    for (uint32_t every = 2, handled = 1; every <= 16; every *= 2) {
        did(&pace, handled, handled, 0); /* 1 us each */
        cr_assert_not(tr_pace_look(&pace, now, 0, 5, &a, &late));
        cr_assert_eq(pace.every, every);
        cr_assert_eq(tr_load64_relaxed(&pace.look_at), handled += every);
    }
}

Test(pace, an_early_look_that_finds_slow_messages_has_the_next_one_in_time) {
    tr_pace pace = made();
    bool late;
    did(&pace, 10000, 1000000, 0); /* 10 ns each */
    (void)tr_pace_look(&pace, now, 0, 0, &a, &late);
    cr_assert_geq(pace.every, 10000);
    did(&pace, 50, 5, 0); /* 10 us each */
    (void)tr_pace_look(&pace, now, 0, 0, &a, &late);
    cr_assert(pace.every >= 10 && pace.every <= 20, "%u", (unsigned)pace.every);
}

Test(pace, the_next_look_is_fitted_to_how_long_messages_take) {
    tr_pace pace = made();
    bool late;
    did(&pace, 10000, 1000, 0); /* 10 us each: 20 in 200 us */
    (void)tr_pace_look(&pace, now, 0, 0, &a, &late);
    cr_assert(pace.every >= 10 && pace.every <= 20, "%u", (unsigned)pace.every);
    cr_assert_eq(tr_load64_relaxed(&pace.look_at), 1000 + pace.every);
    cr_assert_geq(tr_pace_backlog(&pace, now, 10), 100000);
    cr_assert_leq(tr_pace_backlog(&pace, now + 1000, 10), 200000);
    cr_assert_geq(tr_pace_backlog(&pace, now + 1000000, 10), 10000000, "1 ms each, since then");
}

Test(pace, work_is_shared_only_if_its_messages_take_longer_than_their_way) {
    tr_pace pace = made();
    tr_done before = tr_pace_done(&pace);
    tr_store64_relaxed(&pace.handled, 1000);
    cr_assert(tr_pace_pays(&pace, before, 1000 * 1000), "1 us each");
    cr_assert_not(tr_pace_pays(&pace, before, 1000 * 50), "50 ns each");
    tr_store64_relaxed(&pace.sent, 100000);
    cr_assert_not(tr_pace_pays(&pace, before, 1000 * 1000), "each of which sends 100");
    tr_pace many = made();
    tr_pace_init(&many, 31);
    tr_store64_relaxed(&many.handled, 1000);
    cr_assert(tr_pace_pays(&many, before, 1000 * 50), "but 32 at once");
    tr_pace_init(&many, 0);
    cr_assert_not(tr_pace_pays(&many, before, 1000 * 1000), "there is nobody");
}

Test(pace, once_is_not_enough_to_share) {
    tr_pace pace = made();
    bool late;
    cr_assert_not(slow_look(&pace, 0, 5, &a));
    cr_assert(slow_look(&pace, 0, 5, &a));
    did(&pace, 10000, 1000000, 0);
    (void)tr_pace_look(&pace, now, 0, 5, &a, &late);
    cr_assert_not(late, "10 ns each");
    cr_assert_not(slow_look(&pace, 0, 5, &a), "the first that would pay");
    cr_assert(slow_look(&pace, 0, 5, &a));
}

Test(pace, more_than_enough_is_said_once_between_two_looks) {
    tr_pace pace = made();
    bool late;
    cr_assert_eq(pace.enough, UINT32_MAX, "nothing is known yet");
    (void)slow_look(&pace, 0, 0, &a);
    did(&pace, 10000, 400, 0);
    (void)tr_pace_look(&pace, now, 0, 0, &a, &late);
    cr_assert(pace.enough >= 2 && pace.enough <= 4, "25 us each: %u", (unsigned)pace.enough);
    tr_pace_hurry(&pace);
    cr_assert(tr_pace_look_due(&pace));
    cr_assert_not(tr_pace_goes_on(&pace));
    cr_assert_eq(pace.enough, UINT32_MAX);
    did(&pace, 1, 1, 0);
    (void)tr_pace_look(&pace, now, 0, 20, &b, &late);
    cr_assert_not(late, "1 us says nothing yet");
    did(&pace, 50, 2, 0);
    (void)tr_pace_look(&pace, now, 0, 20, &b, &late);
    cr_assert(late, "though that look comes early");
    cr_assert_eq(pace.enough, UINT32_MAX);
    (void)tr_pace_look(&pace, now, 0, 20, &b, &late);
    cr_assert_not(late);
}

Test(pace, few_tasks_are_enough_for_a_look_since_they_may_be_slower_than_those_before) {
    tr_pace pace = made();
    bool late;
    did(&pace, 10000, 1000000, 0); /* 10 ns each */
    (void)tr_pace_look(&pace, now, 0, 0, &a, &late);
    cr_assert_leq(pace.enough, 8);
}

Test(pace, a_rest_counts_for_nothing) {
    tr_pace pace = made();
    (void)slow_look(&pace, 0, 5, &a);
    tr_pace_resume(&pace, now);
    cr_assert_not(slow_look(&pace, 0, 5, &a));
}
