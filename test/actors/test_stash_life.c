/* What becomes of messages that are set aside when somebody waits for the answer, a life ends, or
 * the runtime is drained. */
#include <criterion/criterion.h>
#include <troupe/delivery.h>
#include <troupe/shutdown.h>

#include "test/actors/hoarder.h"
#include "test/support/everywhere.h"
#include "test/support/gate.h"

enum { MS = 30000 };

/* --- Asking ----------------------------------------------------------------------------------- */

Simulated(stash, who_asked_waits_until_it_is_handled) {
    troupe_ref who = open_hoarder(STAGE_SIMULATED);
    troupe_msg *msg = cue_make(CUE_SAY, ANSWER, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(stage_rt(), who, &msg, 100), TROUPE_TIMEOUT);
    tell(who, GIVE_BACK);
    stage_expect("start back(1) 5000");
    tell(who, HOARD);
    stage_expect("");
    msg = cue_make(CUE_SAY, ANSWER, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(stage_rt(), who, &msg, 100), TROUPE_TIMEOUT);
    stage_close();
}

static void *ask(void *arg) {
    troupe_msg *msg = cue_make(CUE_SAY, ANSWER, TROUPE_NOBODY);
    troupe_err err = troupe_ask(stage_rt(), *(troupe_ref *)arg, &msg, MS);
    stage_say("asked(%s)", troupe_errname(err));
    troupe_drop(&msg);
    return NULL;
}

Test(stash, who_asked_gets_the_answer_later) {
    troupe_ref who = open_hoarder(2);
    tr_thread thread;
    stage_expect("start");
    cr_assert(tr_thread_start(&thread, "asker", ask, &who));
    while (!waiting(who)) tr_thread_yield();
    tell(who, GIVE_BACK);
    stage_await(3);
    tr_thread_join(&thread);
    stage_expect_all("back(1) 5000 asked(OK)");
    stage_close();
}

/* Else it would be told FAILED by a life that has only set it aside. */
Test(stash, who_asked_is_told_by_the_end_of_the_actor_alone) {
    troupe_ref who = open_hoarder(2);
    tr_thread thread;
    stage_expect("start");
    cr_assert(tr_thread_start(&thread, "asker", ask, &who));
    while (!waiting(who)) tr_thread_yield();
    tell(who, FAIL);
    stage_expect("start"); /* the next life sets it aside again */
    tell(who, GIVE_BACK);
    stage_await(3);
    tr_thread_join(&thread);
    stage_expect_all("back(1) 5000 asked(OK)");
    stage_close();
}

/* --- The end of a life ------------------------------------------------------------------------ */

Everywhere(stash, the_next_life_has_it_as_unread_mail) {
    troupe_ref who = open_hoarder(workers);
    tell(who, KEEP + 1);
    tell(who, KEEP + 2);
    tell(who, FAIL);
    stage_expect("start start");
    while (waiting(who) > 2) {
    }
    tell(who, GIVE_BACK);
    stage_expect("back(2) 1001 1002");
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], 1);
    accounts(who, 4, 3, 0);
    stage_close();
}

Everywhere(stash, a_kill_leaves_it_too) {
    troupe_ref who = open_hoarder(workers);
    tell(who, KEEP + 1);
    tell(who, COUNT);
    stage_expect("start has(1)");
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_expect("start");
    tell(who, GIVE_BACK);
    stage_expect("back(1) 1001");
    stage_close();
}

Everywhere(stash, a_flush_ends_it_like_all_mail) {
    troupe_ref who =
        open_with(workers, &hoarder, (troupe_child){.restart = TROUPE_PERMANENT, .flush = true});
    tell(who, KEEP + 1);
    tell(who, KEEP + 2);
    tell(who, FAIL);
    stage_expect("start start");
    tell(who, COUNT);
    stage_expect("has(0)");
    cr_assert_eq(seen.count[TROUPE_DEAD_FLUSHED], 2);
    accounts(who, 4, 1, 0);
    stage_close();
}

Everywhere(stash, of_one_that_ends_for_good_it_is_dead_letters) {
    troupe_ref who = open_with(workers, &hoarder, (troupe_child){.restart = TROUPE_TEMPORARY});
    tell(who, KEEP + 1);
    tell(who, KEEP_AND_GO); /* it has not failed on that one */
    stage_await_gone(who);
    stage_expect("start");
    cr_assert_eq(seen.count[TROUPE_DEAD_STOPPED], 2);
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], 0);
    stage_close();
}

/* A message of its own timer was for the life that is over; given back or not. */
static void end_with_a_tick(bool given) {
    troupe_account account;
    troupe_ref who = open_hoarder(STAGE_SIMULATED);
    tell(who, TICK);
    stage_expect("start");
    stage_advance(11);
    tell(who, COUNT);
    stage_expect("has(1)");
    tell(who, given ? KEEP_GIVE_AND_FAIL : FAIL);
    stage_expect("start");
    tell(who, GIVE_BACK);
    stage_expect("back(0)");
    cr_assert_eq(seen.count[TROUPE_DEAD_STOPPED], 1);
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], 1);
    troupe_account_all(stage_rt(), &account);
    cr_assert_eq(troupe_account_missing(&account), 0);
    cr_assert_eq(account.queued, 0);
    stage_close();
}

Simulated(stash, what_holds_no_place_ends_with_the_life) {
    end_with_a_tick(false);
}

Simulated(stash, also_when_it_was_given_back) {
    end_with_a_tick(true);
}

/* --- Failing on what was set aside ------------------------------------------------------------ */

static void fail_on_what_is_set_aside(unsigned workers, uint32_t how) {
    troupe_ref who = open_hoarder(workers);
    tell(who, KEEP + 1);
    tell(who, how);
    tell(who, KEEP + 2);
    stage_expect("start start");
    tell(who, GIVE_BACK);
    stage_expect("back(2) 1001 1002");
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], 1);
    accounts(who, 4, 3, 0);
    stage_close();
}

Everywhere(stash, what_it_fails_on_is_in_no_stash) {
    fail_on_what_is_set_aside(workers, KEEP_AND_FAIL);
}

Everywhere(stash, nor_if_it_was_given_back_at_once) {
    fail_on_what_is_set_aside(workers, KEEP_GIVE_AND_FAIL);
}

Simulated(stash, who_asked_hears_that_it_failed) {
    troupe_ref who = open_hoarder(STAGE_SIMULATED);
    troupe_msg *msg = cue_make(CUE_SAY, KEEP_AND_FAIL, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(stage_rt(), who, &msg, MS), TROUPE_FAILED);
    stage_expect("start start");
    stage_close();
}

/* It is tried again before what was set aside, so that it is counted, and quarantined. */
Everywhere(stash, a_poison_message_is_quarantined_all_the_same) {
    troupe_ref who = open_with(workers, &hoarder,
                               (troupe_child){.restart = TROUPE_PERMANENT, .poison_after = 3});
    tell(who, KEEP + 1);
    tell(who, KEEP_AND_FAIL);
    stage_expect("start start start start");
    tell(who, GIVE_BACK);
    stage_expect("back(1) 1001");
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 1);
    accounts(who, 3, 2, 0);
    stage_close();
}

/* --- One that is given up --------------------------------------------------------------------- */

/* Sets all aside; in the callback of the second it hangs, and does as if it went on. */
static troupe_err hang(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t n = cue_n(*msg);
    (void)state;
    cr_assert_eq(troupe_stash(self, msg), TROUPE_OK);
    if (n == 1) return TROUPE_OK;
    gate_wait();
    cr_assert_eq(troupe_unstash_all(self), 0);
    return (troupe_err)(n == 2 ? TROUPE_OK : TROUPE_USER);
}

static void give_up(bool blocking, uint32_t second) {
    const troupe_behaviour what = {.name = "hanger", .receive = hang, .blocking = blocking};
    const troupe_child child = {.id = "h", .name = "h", .what = &what, .shutdown_ms = 20};
    memset(&seen, 0, sizeof seen);
    (void)stage_open_as((troupe_config){.workers = 2, .dead_letter = see});
    troupe_ref root = family(&child, 1, 3, 1000), who = stage_find("h");
    gate_shut();
    tell(who, 1);
    tell(who, second);
    gate_await(1);
    tell(who, 4); /* waits */
    cr_assert_eq(troupe_stop(stage_rt(), root), TROUPE_OK);
    while (stage_there(root)) tr_thread_yield();
    cr_assert_not(stage_there(who));
    gate_open(1);
    stage_await_log("which was abandoned, has returned");
    stage_close(); /* and the account balances */
    cr_assert_eq(seen.count[TROUPE_DEAD_STOPPED] + seen.count[TROUPE_DEAD_FAILED], 3);
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], second == 3);
}

Test(stash, what_one_has_that_is_given_up_ends_when_it_returns) {
    give_up(false, 2);
    give_up(true, 2);
}

Test(stash, also_if_it_fails_then) {
    give_up(false, 3);
    give_up(true, 3);
}

/* --- What is urgent ------------------------------------------------------------------------- */

Simulated(stash, what_is_urgent_goes_before_what_comes_again) {
    troupe_behaviour what = hoarder;
    what.takes_urgent = true;
    const troupe_delivery urgent = {.urgent = true};
    troupe_ref who = open_with(STAGE_SIMULATED, &what, (troupe_child){.flush = false});
    tell(who, KEEP + 1);
    stage_expect("start");
    stage_hold(who);
    tell(who, KEEP + 3);
    for (uint32_t n = 0; n < 2; n++) {
        troupe_msg *msg = cue_make(CUE_SAY, n ? KEEP + 2 : GIVE_BACK, TROUPE_NOBODY);
        cr_assert_eq(troupe_post_with(stage_rt(), who, &msg, &urgent), TROUPE_OK);
    }
    stage_let_go(who);
    stage_expect("back(1) 1002 1001 1003");
    stage_close();
}

/* --- Shutdown --------------------------------------------------------------------------------- */

Simulated(stash, a_drain_is_not_done_while_something_is_set_aside) {
    troupe_ref who = open_hoarder(STAGE_SIMULATED);
    uint32_t busy = 0;
    tell(who, KEEP + 1);
    stage_expect("start");
    cr_assert_eq(troupe_drain(stage_rt(), 20, &busy), TROUPE_TIMEOUT);
    cr_assert_eq(busy, 1);
    cr_assert_eq(stage_logged("has 1 messages"), 1);
    stage_close();
    cr_assert_eq(seen.count[TROUPE_DEAD_STOPPED], 1);
}
