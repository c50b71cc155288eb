/* Conservation: what is sent is somewhere. Whether the books balance at the end is asked at every
 * close in every test (settle_accounts in runtime.c); here is what each column counts. */
#include <criterion/criterion.h>

#include "actors/find.h"
#include "test/support/family.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(account, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

/* Fails the test unless the books balance and say that; `dead` in the order of troupe_dead. */
static void expect(uint64_t sent, uint64_t handled, uint64_t returned, uint64_t queued,
                   const uint64_t dead[TROUPE_DEAD_KINDS]) {
    troupe_account a;
    troupe_account_all(stage_rt(), &a);
    cr_assert_eq(troupe_account_missing(&a), 0);
    cr_assert_eq(a.sent, sent, "sent %zu", (size_t)a.sent);
    cr_assert_eq(a.handled, handled, "handled %zu", (size_t)a.handled);
    cr_assert_eq(a.returned, returned, "returned %zu", (size_t)a.returned);
    cr_assert_eq(a.queued, queued, "queued %zu", (size_t)a.queued);
    cr_assert_eq(a.forwarded, 0);
    for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++)
        cr_assert_eq(a.dead[i], dead ? dead[i] : 0, "dead[%u] %zu", i, (size_t)a.dead[i]);
}

static void refused(troupe_ref to, troupe_err why) {
    troupe_msg *msg = cue_make(CUE_SAY, 0, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(stage_rt(), to, &msg), why);
    troupe_drop(&msg);
}

Test(account, a_message_is_queued_then_handled) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    expect(0, 0, 0, 0, NULL);
    for (uint32_t i = 0; i < 5; i++) cue(who, CUE_SAY, i);
    expect(5, 0, 0, 5, NULL);
    (void)stage_run();
    expect(5, 5, 0, 0, NULL);
    stage_close();
}

Test(account, what_is_refused_is_returned) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &who), TROUPE_OK);
    for (uint32_t i = 0; i < 4; i++) cue(who, CUE_SAY, i);
    refused(who, TROUPE_FULL);
    refused(who, TROUPE_FULL);
    expect(6, 0, 2, 4, NULL);
    refused(TROUPE_NOBODY, TROUPE_GONE);
    refused((troupe_ref){who.node + 1, who.id}, TROUPE_NOCONNECTION);
    expect(8, 0, 4, 4, NULL);
    stage_close();
}

Test(account, one_that_is_passed_on_was_handled_and_is_sent_again) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann), b = stage_enter(&ben);
    cue_about(a, CUE_PASS, 1, b);
    cr_assert_eq(troupe_step(stage_rt(), 1), 1);
    expect(2, 1, 0, 1, NULL);
    (void)stage_run();
    expect(2, 2, 0, 0, NULL);
    stage_close();
}

Test(account, what_a_worker_sends_in_vain_is_returned_too) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann), b;
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ben, &b), TROUPE_OK);
    for (uint32_t i = 0; i < 4; i++) cue(b, CUE_SAY, i);
    cr_assert_eq(troupe_stop(rt, b), TROUPE_OK);
    (void)stage_run();
    const uint64_t dead[TROUPE_DEAD_KINDS] = {[TROUPE_DEAD_STOPPED] = 4};
    expect(4, 0, 0, 0, dead);
    cue_about(a, CUE_PASS, 1, b);
    (void)stage_run();
    troupe_account all;
    troupe_account_all(rt, &all);
    cr_assert_eq(all.returned, 1);
    cr_assert_eq(troupe_account_missing(&all), 0);
    stage_close();
}

Test(account, an_answer_is_handled_by_its_asker) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    troupe_msg *msg = cue_make(CUE_ANSWER, 7, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, who, &msg, 1000), TROUPE_OK);
    troupe_drop(&msg);
    expect(2, 2, 0, 0, NULL);
    stage_close();
}

Test(account, an_answer_that_nobody_waits_for_is_dead) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    troupe_msg *msg = cue_make(CUE_KEEP, 0, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, who, &msg, 1), TROUPE_TIMEOUT);
    cue(who, CUE_LATE, 1);
    (void)stage_run();
    troupe_account all;
    troupe_account_all(rt, &all);
    cr_assert_eq(troupe_account_missing(&all), 0);
    cr_assert_eq(all.handled, 2);
    cr_assert_eq(all.returned, 1, "by send it is refused");
    stage_close();
}

static troupe_err answer_late(troupe_self *self, void *state, troupe_msg **msg) {
    (void)gate_receive(self, state, msg);
    return troupe_reply(self, msg);
}

Test(account, a_reply_that_nobody_waits_for_is_dead) {
    troupe *rt = stage_open(1);
    const troupe_behaviour late = {.receive = answer_late};
    troupe_ref who;
    gate_shut();
    cr_assert_eq(troupe_spawn(rt, &late, NULL, &who), TROUPE_OK);
    troupe_msg *msg = cue_make(CUE_SAY, 0, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, who, &msg, 1), TROUPE_TIMEOUT);
    gate_await(1);
    gate_open(1);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_await_gone(who);
    const uint64_t dead[TROUPE_DEAD_KINDS] = {[TROUPE_DEAD_EXPIRED] = 1};
    expect(2, 1, 0, 0, dead);
    stage_close();
}

Test(account, over_a_restart_one_is_dead_and_the_rest_is_queued_and_handled) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = kid(&ann, TROUPE_PERMANENT);
    troupe_ref top = family(&child, 1, 3, 1000);
    troupe_ref who = stage_find("ann");
    troupe_account before, after, own;
    troupe_account_all(stage_rt(), &before);
    cue(who, CUE_SAY, 1);
    cue(who, CUE_FAIL, TROUPE_USER);
    cue(who, CUE_SAY, 2);
    cue(who, CUE_SAY, 3);
    cr_assert_eq(troupe_account_of(stage_rt(), who, &own), TROUPE_OK);
    cr_assert_eq(own.queued, 4);
    cr_assert_eq(own.sent, 4);
    (void)stage_run();
    troupe_account_all(stage_rt(), &after);
    cr_assert_eq(troupe_account_missing(&after), 0);
    cr_assert_eq(after.dead[TROUPE_DEAD_FAILED], 1);
    cr_assert_eq(after.queued, 0);
    cr_assert_eq(troupe_account_of(stage_rt(), who, &own), TROUPE_OK);
    cr_assert_eq(own.handled, 3);
    cr_assert_eq(own.dead[TROUPE_DEAD_FAILED], 1);
    cr_assert_eq(troupe_account_missing(&own), 0);
    family_stop(top);
    cr_assert_eq(troupe_account_of(stage_rt(), who, &own), TROUPE_GONE);
    stage_close();
}

static troupe_ref timers_target;

static void set_timer(troupe_self *self) {
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_send_after(self, 5, timers_target, &msg, NULL), TROUPE_OK);
}

Test(account, a_timers_message_is_sent_when_it_fires) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    timers_target = stage_enter(&ann);
    const player sets = {.id = "sets", .at_start = set_timer};
    (void)stage_enter(&sets);
    expect(0, 0, 0, 0, NULL);
    stage_advance(5);
    expect(1, 1, 0, 0, NULL);
    (void)stage_enter(&sets);
    cr_assert_eq(troupe_kill(rt, timers_target), TROUPE_OK);
    stage_advance(5);
    const uint64_t dead[TROUPE_DEAD_KINDS] = {[TROUPE_DEAD_GONE] = 1};
    expect(2, 1, 0, 0, dead);
    stage_close();
}

/* Waits until the books balance at rest: what is in a hand at this moment is missing. */
static troupe_account settled(void) {
    troupe_account all;
    uint64_t deadline = tr_after_ms(tr_clock(), 20000);
    do {
        troupe_account_all(stage_rt(), &all);
        cr_assert_lt(tr_clock(), deadline, "%lld missing, %llu queued",
                     (long long)troupe_account_missing(&all), (unsigned long long)all.queued);
    } while (troupe_account_missing(&all) || all.queued);
    return all;
}

Test(account, holds_on_workers_and_for_blocking_actors) {
    troupe *rt = stage_open(4);
    troupe_behaviour blocking = player_behaviour;
    blocking.blocking = true;
    troupe_ref who[8];
    for (int i = 0; i < 8; i++)
        cr_assert_eq(troupe_spawn(rt, i % 4 ? &player_behaviour : &blocking, &ann, &who[i]),
                     TROUPE_OK);
    for (uint32_t i = 0; i < 100; i++)
        for (int to = 0; to < 8; to++) cue_about(who[to], CUE_PASS, i, who[(to + 3) % 8]);
    stage_await(8 + 800);
    troupe_account all = settled();
    cr_assert_eq(all.sent, 1600);
    cr_assert_eq(all.handled, 1600);
    stage_close();
}

Test(account, counts_what_waits_for_blocking_actors) {
    troupe *rt = stage_open(1);
    const troupe_behaviour waits = {.receive = gate_receive, .blocking = true};
    gate_shut();
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &waits, NULL, &who), TROUPE_OK);
    for (uint32_t i = 0; i < 10; i++) cue(who, CUE_SAY, i);
    gate_await(1);
    troupe_account all;
    troupe_account_all(rt, &all);
    cr_assert_eq(all.sent, 10);
    cr_assert_eq(all.queued, 0, "what runs on a thread of its own is looked at only at rest");
    gate_open(10);
    cr_assert_eq(settled().handled, 10);
    stage_close();
}

static troupe_err take_stock(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    troupe_account all, own;
    troupe_account_all(troupe_runtime(self), &all);
    cr_assert_eq(troupe_account_of(troupe_runtime(self), troupe_me(self), &own), TROUPE_OK);
    stage_say("%d/%d/%d", (int)troupe_account_missing(&all), (int)own.queued, (int)own.handled);
    return TROUPE_OK;
}

Test(account, misses_in_a_callback_the_message_in_hand) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.receive = take_stock};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    for (uint32_t i = 0; i < 3; i++) cue(who, CUE_SAY, i);
    stage_expect("1/2/0 1/1/1 1/0/2");
    stage_close();
}

Test(account, does_not_balance_if_something_is_missing) {
    troupe_account a = {.sent = 5, .handled = 1, .returned = 1, .forwarded = 1, .queued = 1};
    cr_assert_eq(troupe_account_missing(&a), 1);
    a.dead[TROUPE_DEAD_KINDS - 1] = 2;
    cr_assert_eq(troupe_account_missing(&a), -1);
}
