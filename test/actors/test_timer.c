#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "test/support/family.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(timer, .timeout = 60);

/* Sets timers as it is told: `n` ms, to `who` (nobody: itself); the message is a CUE_SAY of n. */
struct setter {
    troupe_timer last;
};

static troupe_err set(troupe_self *self, void *state, troupe_msg **msg) {
    struct setter *setter = state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    troupe *rt = troupe_runtime(self);
    switch (cue->act) {
    case CUE_SAY:
        cr_assert(troupe_same(troupe_sender(self), TROUPE_NOBODY));
        stage_say("%u@%u", cue->n, (unsigned)(troupe_now(rt) / TR_MS));
        return TROUPE_OK;
    case CUE_PASS: {
        const struct cue body = {.act = CUE_SAY, .n = cue->n};
        troupe_ref to = troupe_same(cue->who, TROUPE_NOBODY) ? troupe_me(self) : cue->who;
        troupe_msg *later = NULL;
        cr_assert_eq(troupe_make(rt, &cue_type, &body, &later), TROUPE_OK);
        cr_assert_eq(troupe_send_after(self, cue->n, to, &later, &setter->last), TROUPE_OK);
        cr_assert_null(later);
        return TROUPE_OK;
    }
    case CUE_LATE:
        stage_say("%s", troupe_errname(troupe_cancel(self, setter->last)));
        return TROUPE_OK;
    case CUE_COUNT:
        stage_say("%s", troupe_errname(troupe_cancel(self, (troupe_timer){cue->n})));
        return TROUPE_OK;
    default:
        return troupe_fail(self, TROUPE_USER, "as told");
    }
}
static const troupe_behaviour setter = {
    .name = "setter", .receive = set, .state_size = sizeof(struct setter)};

static troupe_ref enter(void) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &setter, NULL, &who), TROUPE_OK);
    return who;
}

static size_t timers(void) {
    return stage_rt()->timers.count;
}

Test(timer, fires_when_its_time_has_come_and_not_before) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter();
    cue(who, CUE_PASS, 10);
    stage_advance(9);
    stage_expect("");
    stage_advance(1);
    stage_expect("10@10");
    cr_assert_eq(timers(), 0);
    stage_close();
}

Test(timer, zero_is_now_and_in_line) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter();
    cue(who, CUE_PASS, 0);
    cue(who, CUE_SAY, 5);
    stage_expect("5@0 0@0");
    stage_close();
}

Test(timer, fire_in_order_of_time_then_of_setting) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(), other = enter();
    const uint32_t ms[] = {50, 10, 30, 20, 40, 10, 30};
    for (size_t i = 0; i < 7; i++) cue(i % 2 ? who : other, CUE_PASS, ms[i]);
    (void)stage_run();
    *stage_clock() += 100 * TR_MS; /* all at once */
    (void)stage_run();
    stage_forget();
    cr_assert_eq(timers(), 0);
    for (size_t i = 0; i < 7; i++) cue(who, CUE_PASS, ms[i]);
    (void)stage_run();
    *stage_clock() += 100 * TR_MS;
    stage_expect("10@200 10@200 20@200 30@200 30@200 40@200 50@200");
    stage_close();
}

Test(timer, those_of_one_time_fire_in_the_order_they_were_set) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref who = enter();
    for (uint32_t ms = 8; ms > 0; ms--) { /* all end at the same time */
        cue(who, CUE_PASS, ms);
        stage_advance(1);
    }
    stage_expect("8@8 7@8 6@8 5@8 4@8 3@8 2@8 1@8");
    stage_close();
}

Test(timer, a_thousand_in_any_order_come_sorted) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_behaviour big = setter;
    big.mailbox_limit = 2000;
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &big, NULL, &who), TROUPE_OK);
    char words[16 << 10] = "", *at = words;
    for (uint32_t i = 0; i < 1000; i++) {
        cue(who, CUE_PASS, i * 619 % 1000);
        at += sprintf(at, "%s%u@%u", i ? " " : "", i, i);
    }
    stage_advance(1000);
    stage_expect(words);
    stage_close();
}

Test(timer, cancel_drops_the_message) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter();
    size_t blocks = counting_heap_look(stage_heap()).blocks;
    cue(who, CUE_PASS, 10);
    (void)stage_run();
    size_t with = counting_heap_look(stage_heap()).blocks;
    cr_assert_gt(with, blocks);
    cue(who, CUE_LATE, 0);
    cue(who, CUE_LATE, 0);
    stage_advance(20);
    stage_expect("OK NOTFOUND");
    cr_assert_eq(counting_heap_look(stage_heap()).blocks, with - 2, "timer and message");
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

Test(timer, what_is_cancelled_in_the_mailbox_does_not_come) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = enter();
    size_t blocks = counting_heap_look(stage_heap()).blocks;
    cue(who, CUE_PASS, 10);
    (void)stage_run();
    size_t with = counting_heap_look(stage_heap()).blocks;
    *stage_clock() += 10 * TR_MS;
    cue(who, CUE_LATE, 0); /* in line before the timer's message, which is sent now */
    cue(who, CUE_LATE, 0);
    cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(timers(), 0, "it has fired");
    stage_expect("OK NOTFOUND");
    cr_assert_eq(counting_heap_look(stage_heap()).blocks, with - 2, "timer and message");
    cr_assert_gt(with, blocks);
    stage_close();
}

Test(timer, what_was_handled_can_not_be_cancelled) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter();
    cue(who, CUE_PASS, 10);
    stage_advance(10);
    cue(who, CUE_LATE, 0);
    stage_expect("10@10 NOTFOUND");
    stage_close();
}

/* A timer that sends to another actor is in that one's mailbox, and holds a place there. */
Test(timer, what_is_cancelled_in_the_mailbox_of_another_does_not_come) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = enter(), other = enter();
    uint32_t waiting;
    cue_about(who, CUE_PASS, 10, other);
    (void)stage_run();
    *stage_clock() += 10 * TR_MS;
    cue(who, CUE_LATE, 0);
    cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(troupe_mailbox(rt, other, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 1);
    stage_expect("OK");
    cr_assert_eq(troupe_mailbox(rt, other, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 0);
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

/* Whoever ends does not hear of its timers in a next life, nor is that a dead letter. */
Test(timer, what_is_in_the_mailbox_ends_with_its_actor) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = enter(), other = enter();
    cue(who, CUE_PASS, 10);
    cue_about(who, CUE_PASS, 10, other);
    (void)stage_run();
    *stage_clock() += 10 * TR_MS;
    cr_assert_eq(troupe_step(rt, 2), 2, "both have fired");
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    stage_expect(""); /* unless `other` came first, which the order here rules out */
    stage_close();
}

Test(timer, a_timer_of_another_cannot_be_cancelled) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(), other = enter();
    cue(who, CUE_PASS, 10);
    (void)stage_run();
    for (uint32_t id = 0; id < 4; id++) cue(other, CUE_COUNT, id);
    stage_advance(10);
    stage_expect("NOTFOUND NOTFOUND NOTFOUND NOTFOUND 10@10");
    stage_close();
}

static void dies(bool fail) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(), other = enter();
    for (uint32_t ms = 5; ms < 15; ms++) {
        cue(who, CUE_PASS, ms);
        cue_about(who, CUE_PASS, ms, other);
    }
    (void)stage_run();
    cr_assert_eq(timers(), 20);
    if (fail)
        cue(who, CUE_FAIL, 0);
    else
        cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(timers(), 0);
    stage_advance(20);
    stage_expect("");
    cr_assert_eq(stage_dead_letters(), fail ? 1 : 0);
    stage_close();
}

Test(timer, end_with_their_actor) {
    dies(true);
    dies(false);
}

/* Sets two timers when it hears 0, and fails on the message of the first. */
static troupe_err fail_on_timer(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const uint32_t n = cue_n(*msg);
    if (n == 1) return troupe_fail(self, TROUPE_USER, "on a timer");
    stage_say("%u", n);
    for (uint32_t i = 1; !n && i <= 2; i++) {
        troupe_msg *later = cue_make(CUE_SAY, i, TROUPE_NOBODY);
        cr_assert_eq(troupe_send_after(self, 5 * i, troupe_me(self), &later, NULL), TROUPE_OK);
    }
    return TROUPE_OK;
}

Test(timer, who_fails_on_one_is_restarted_without_the_others) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.name = "timed", .receive = fail_on_timer};
    const troupe_child child = {.id = "timed", .what = &what, .name = "timed"};
    troupe_ref root = family(&child, 1, 3, 5000), who = stage_find("timed");
    cue(who, CUE_SAY, 0);
    stage_advance(20);
    stage_expect("0");
    cr_assert_eq(timers(), 0);
    cr_assert_eq(stage_dead_letters(), 1, "what it failed on");
    cr_assert_eq(stage_logged("supervisor/timed (life 1) in cue from outside: USER"), 1);
    cue(who, CUE_SAY, 7);
    stage_expect("7");
    family_stop(root);
    stage_close();
}

Test(timer, to_oneself_a_full_mailbox_does_not_matter) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_behaviour small = setter;
    small.mailbox_limit = 3;
    troupe_ref who, from = enter();
    cr_assert_eq(troupe_spawn(rt, &small, NULL, &who), TROUPE_OK);
    for (uint32_t i = 1; i <= 3; i++) cue(who, CUE_PASS, i);
    cue_about(from, CUE_PASS, 1, who);
    (void)stage_run();
    for (uint32_t i = 11; i <= 13; i++) cue(who, CUE_SAY, i);
    *stage_clock() += 9 * TR_MS;
    cr_assert_eq(troupe_step(rt, 4), 4); /* the four timers, before anybody runs */
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(rt, who, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 3);
    cr_assert_eq(stage_dead_letters(), 1, "the one from another had no place");
    stage_expect("11@9 12@9 13@9 1@9 2@9 3@9");
    stage_close();
}

Test(timer, to_one_that_ended_is_a_dead_letter) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(), other = enter();
    cue_about(who, CUE_PASS, 3, other);
    (void)stage_run();
    cr_assert_eq(troupe_kill(rt, other), TROUPE_OK);
    stage_advance(3);
    stage_expect("");
    cr_assert_eq(stage_dead_letters(), 1);
    stage_close();
}

static troupe_err set_badly(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *none = NULL, *before = *msg;
    const troupe_ref elsewhere = {troupe_me(self).node + 1, 5};
    cr_assert_eq(troupe_send_after(self, 1, troupe_me(self), &none, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_send_after(self, 1, elsewhere, msg, NULL), TROUPE_INVALID);
    cr_assert_eq(*msg, before);
    cr_assert_eq(troupe_send_after(self, ~0u, troupe_me(self), msg, NULL), TROUPE_OK);
    cr_assert_null(*msg);
    stage_say("done");
    return TROUPE_OK;
}

Test(timer, arguments_are_checked_and_the_handle_is_optional) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.receive = set_badly};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    stage_expect("done");
    cr_assert_eq(timers(), 1, "in 49 days");
    stage_close(); /* gives it back */
}

static troupe_err beat(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *beats = state;
    if (++*beats == 20) {
        stage_say("20");
        return TROUPE_OK;
    }
    return troupe_send_after(self, *beats % 3, troupe_me(self), msg, NULL);
}

static void on_workers(unsigned workers) {
    troupe *rt = stage_open(workers);
    const troupe_behaviour what = {.receive = beat, .state_size = 4};
    for (int i = 0; i < 10; i++) {
        troupe_ref who;
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 0);
    }
    stage_expect("20 20 20 20 20 20 20 20 20 20");
    stage_close();
}

Test(timer, fire_on_workers_too) {
    on_workers(1);
    on_workers(4);
}

/* Timers that fire while their owners end: nothing leaks, nothing of a dead one is touched. */
Test(timer, racing_with_the_end_of_their_actor) {
    troupe *rt = stage_open(2);
    troupe_ref other = enter();
    for (int i = 0; i < 500; i++) {
        troupe_ref who = enter();
        for (uint32_t ms = 0; ms < 2; ms++) {
            cue(who, CUE_PASS, ms);
            cue_about(who, CUE_PASS, ms, other);
        }
        if (i % 3) cue(who, CUE_FAIL, 0);
        cr_assert_eq(i % 3 ? TROUPE_OK : troupe_kill(rt, who), TROUPE_OK);
        stage_await_gone(who);
        if (i % 50 == 0) stage_forget();
    }
    stage_close();
}
