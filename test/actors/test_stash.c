/* Messages that are set aside, and come again. */
#include "actors/stash.h"

#include <criterion/criterion.h>

#include "test/actors/hoarder.h"
#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/nothing.h"

TestSuite(stash, .timeout = 120);

/* --- Order and bound -------------------------------------------------------------------------- */

Everywhere(stash, what_is_set_aside_comes_again_in_order_before_newer_mail) {
    troupe_ref who = open_hoarder(workers);
    for (uint32_t i = 1; i <= 3; i++) tell(who, KEEP + i);
    stage_expect("start");
    tell(who, COUNT);
    stage_expect("has(3)");
    tell(who, GIVE_BACK);
    stage_expect("back(3) 1001 1002 1003");
    tell(who, COUNT);
    stage_expect("has(0)");
    accounts(who, 6, 6, 0);
    stage_close();
}

/* What came meanwhile was newer; one worker, so that it is in the mailbox by then. */
Test(stash, newer_mail_comes_behind_it) {
    troupe_ref who = open_hoarder(STAGE_SIMULATED);
    tell(who, KEEP + 1);
    stage_expect("start");
    tell(who, GIVE_BACK);
    tell(who, KEEP + 2);
    tell(who, KEEP + 3);
    stage_expect("back(1) 1001 1002 1003");
    stage_close();
}

/* Another place, by another thread, and by a sender at home. */
Everywhere(stash, it_holds_its_place_of_the_bound) {
    troupe_ref who = open_hoarder(workers);
    for (uint32_t i = 1; i <= 3; i++) tell(who, KEEP + i);
    tell(who, COUNT);
    stage_expect("start has(3)");
    while (waiting(who) > 3) { /* the last one is being handled */
    }
    cr_assert_eq(waiting(who), 3);
    tell(who, KEEP + 4); /* more than it may set aside: it says so, and the place is free again */
    stage_expect("FULL(1004)");
    while (waiting(who) > 3) {
    }
    accounts(who, 5, 2, 3);
    tell(who, GIVE_BACK);
    stage_expect("back(3) 1001 1002 1003");
    for (uint32_t i = 1; i <= 3; i++) tell(who, KEEP + i);
    stage_expect("1001 1002 1003");
    accounts(who, 9, 9, 0);
    stage_close();
}

/* It may have all places: then only what holds none reaches it. */
Everywhere(stash, one_that_fills_its_mailbox_hears_its_timers_only) {
    troupe_behaviour what = hoarder;
    what.stash_limit = 4;
    troupe_ref who = open_with(workers, &what, (troupe_child){.restart = TROUPE_PERMANENT});
    tell(who, TICK);
    for (uint32_t i = 1; i <= 4; i++) tell(who, KEEP + i);
    stage_expect("start");
    if (stage_is_stepped()) {
        cr_assert_eq(try_to_tell(who, GIVE_BACK), TROUPE_FULL);
        stage_advance(11); /* its own message holds no place, but is one more than it may */
    }
    stage_expect("FULL(1001)");
    accounts(who, 6, 2, 4);
    cr_assert_eq(waiting(who), 4);
    cr_assert_eq(try_to_tell(who, GIVE_BACK), TROUPE_FULL);
    stage_close();
}

Everywhere(stash, a_mailbox_of_1) {
    troupe_behaviour what = hoarder;
    what.mailbox_limit = 1;
    troupe_ref who = open_with(workers, &what, (troupe_child){.restart = TROUPE_PERMANENT});
    tell(who, KEEP + 1); /* the one place is for who lets it go on */
    stage_expect("start FULL(1001)");
    while (waiting(who)) {
    }
    tell(who, COUNT);
    stage_expect("has(0)");
    accounts(who, 2, 2, 0);
    stage_close();
    what.stash_limit = 1;
    who = open_with(workers, &what, (troupe_child){.restart = TROUPE_PERMANENT});
    tell(who, KEEP + 2);
    stage_expect("start");
    let_pass(1);
    if (stage_is_stepped()) cr_assert_eq(try_to_tell(who, GIVE_BACK), TROUPE_FULL);
    accounts(who, 1, 0, 1);
    stage_close();
}

Test(stash, a_limit_over_the_mailbox_is_invalid) {
    troupe_behaviour what = hoarder;
    troupe_ref who;
    (void)stage_open(TROUPE_STEPPED);
    what.stash_limit = 5;
    cr_assert_eq(troupe_spawn(stage_rt(), &what, NULL, &who), TROUPE_INVALID);
    what.mailbox_limit = 0;
    what.stash_limit = TROUPE_MAILBOX_DEFAULT + 1;
    cr_assert_eq(troupe_spawn(stage_rt(), &what, NULL, &who), TROUPE_INVALID);
    stage_close();
}

/* Of a mailbox that drops its oldest, what waits is dropped, never what is set aside. */
Simulated(stash, no_overflow_policy_drops_it) {
    troupe_behaviour what = hoarder;
    what.overflow = TROUPE_DROP_OLDEST;
    troupe_ref who = open_with(STAGE_SIMULATED, &what, (troupe_child){.restart = TROUPE_PERMANENT});
    for (uint32_t i = 1; i <= 3; i++) tell(who, KEEP + i);
    stage_expect("start");
    cue(who, CUE_SAY, COUNT);
    cue(who, CUE_SAY, GIVE_BACK); /* in its place */
    stage_expect("back(3) 1001 1002 1003");
    cr_assert_eq(seen.count[TROUPE_DEAD_DROPPED], 1);
    stage_close();
}

/* --- What is a message in hand ---------------------------------------------------------------- */

static troupe_msg *kept;

static troupe_err be_wrong(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *none = NULL, *made = cue_make(CUE_SAY, 7, TROUPE_NOBODY);
    cr_assert_eq(troupe_stash(self, &none), TROUPE_INVALID);
    cr_assert_eq(troupe_stash(self, &made), TROUPE_INVALID, "that was sent by nobody");
    cr_assert_not_null(made);
    troupe_drop(&made);
    if (!kept) {
        kept = *msg;
        *msg = NULL;
        return TROUPE_OK;
    }
    cr_assert_eq(troupe_stash(self, msg), TROUPE_OK);
    cr_assert_eq(troupe_stash(self, &kept), TROUPE_INVALID, "twice in one callback");
    cr_assert_not_null(kept);
    troupe_drop(&kept);
    return TROUPE_OK;
}

static troupe_err at_stopping(troupe_self *self, void *state) {
    (void)state;
    cr_assert_eq(troupe_stash(self, &kept), TROUPE_INVALID);
    return TROUPE_OK;
}

Test(stash, only_the_message_in_hand_may_be_set_aside_and_once) {
    static const troupe_behaviour wrong = {
        .name = "wrong", .receive = be_wrong, .stopping = at_stopping};
    troupe_ref who;
    kept = NULL;
    (void)stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn(stage_rt(), &wrong, NULL, &who), TROUPE_OK);
    tell(who, 1);
    tell(who, 2);
    (void)stage_run();
    cr_assert_eq(waiting(who), 1);
    cr_assert_null(kept);
    kept = cue_make(CUE_SAY, 7, TROUPE_NOBODY);
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    (void)stage_run();
    cr_assert_not_null(kept);
    troupe_drop(&kept);
    stage_close();
}

/* A message that was kept from an earlier callback takes over what the one in hand owes. */
static troupe_err swap(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (cue_n(*msg) == 1) {
        kept = *msg;
        *msg = NULL;
    } else if (kept) {
        cr_assert_eq(troupe_stash(self, &kept), TROUPE_OK);
    } else {
        (void)troupe_unstash_all(self);
    }
    return TROUPE_OK;
}

Test(stash, whatever_is_set_aside_the_bound_stays_exact) {
    static const troupe_behaviour swapper = {
        .name = "swapper", .receive = swap, .mailbox_limit = 2};
    troupe_ref who;
    kept = NULL;
    (void)stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn(stage_rt(), &swapper, NULL, &who), TROUPE_OK);
    tell(who, 1);
    (void)stage_run();
    cr_assert_eq(waiting(who), 0);
    tell(who, 2);
    (void)stage_run();
    cr_assert_eq(waiting(who), 1);
    accounts(who, 2, 1, 1);
    tell(who, 3);
    (void)stage_run();
    cr_assert_eq(waiting(who), 0);
    accounts(who, 3, 3, 0);
    troupe_drop(&kept);
    stage_close();
}

/* A share of the message in hand is that message. */
static troupe_err share(troupe_self *self, void *state, troupe_msg **msg) {
    bool *again = state;
    troupe_msg *other = NULL;
    stage_say(*again ? "again(%u)" : "first(%u)", cue_n(*msg));
    if (*again) return TROUPE_OK;
    *again = true;
    cr_assert_eq(troupe_share(troupe_runtime(self), msg, &other), TROUPE_OK);
    cr_assert_eq(troupe_stash(self, msg), TROUPE_OK);
    troupe_drop(&other);
    cr_assert_eq(troupe_unstash_all(self), 1);
    return TROUPE_OK;
}

Everywhere(stash, a_shared_message_too) {
    static const troupe_behaviour sharer = {
        .name = "sharer", .state_size = sizeof(bool), .receive = share};
    troupe_ref who;
    (void)stage_open(workers);
    cr_assert_eq(troupe_spawn(stage_rt(), &sharer, NULL, &who), TROUPE_OK);
    tell(who, 5);
    stage_expect("first(5) again(5)");
    stage_close();
}

/* --- Fairness, and threads of one's own ------------------------------------------------------- */

/* Two of them, each of which takes up what it has set aside for ever. */
static troupe_err spin(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *times = state;
    if (++*times > 100) {
        stage_say("done");
        return TROUPE_OK;
    }
    if (*times == 1) stage_say("begun");
    cr_assert_eq(troupe_stash(self, msg), TROUPE_OK);
    (void)troupe_unstash_all(self);
    return TROUPE_OK;
}

Test(stash, who_takes_up_what_it_sets_aside_gives_way) {
    static const troupe_behaviour spinner = {
        .name = "spinner", .state_size = sizeof(uint32_t), .receive = spin};
    troupe_ref one, other;
    (void)stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn(stage_rt(), &spinner, NULL, &one), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &spinner, NULL, &other), TROUPE_OK);
    tell(one, 1);
    tell(other, 1);
    stage_expect("begun begun done done");
    stage_close();
}

/* The same on a thread for actors that block. */
Test(stash, an_actor_with_a_thread_of_its_own) {
    troupe_behaviour what = hoarder;
    what.blocking = true;
    troupe_ref who = open_with(2, &what, (troupe_child){.restart = TROUPE_PERMANENT});
    tell(who, KEEP + 1);
    tell(who, KEEP_AND_FAIL);
    tell(who, KEEP + 2);
    stage_expect("start start");
    tell(who, GIVE_BACK);
    stage_expect("back(2) 1001 1002");
    tell(who, HOARD);
    tell(who, KEEP + 3);
    tell(who, COUNT);
    stage_expect("has(1)");
    while (waiting(who) > 1) {
    }
    troupe_account account = {0};
    while (!account.queued) cr_assert_eq(troupe_account_of(stage_rt(), who, &account), TROUPE_OK);
    cr_assert_eq(account.queued, 1);
    stage_close();
}

/* --- Memory ----------------------------------------------------------------------------------- */

static troupe_err stash_once(void *ctx) {
    troupe_msg **msg = &nothing.msg;
    troupe_err err = troupe_stash(nothing.self, msg);
    (void)ctx;
    cr_assert_eq(err == TROUPE_OK, *msg == NULL);
    return err;
}

/* Only the first time is there something to be made. */
static troupe_err exhausted(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    exhaust x = {0};
    bool refused = false;
    nothing.self = self;
    nothing.msg = *msg;
    while (exhaust_next(&x)) {
        exhaust_from(&x, stage_heap());
        troupe_err err = nothing.msg ? stash_once(NULL) : TROUPE_OK;
        refused |= exhaust_to(&x);
        cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM);
    }
    cr_assert(refused);
    *msg = nothing.msg;
    cr_assert_null(*msg);
    cr_assert_eq(troupe_stashed(self), 1);
    return TROUPE_OK;
}

Test(oom, troupe_stash) {
    static const troupe_behaviour actor = {.name = "actor", .receive = exhausted};
    troupe_ref who;
    (void)stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(stage_rt(), &actor, NULL, &who), TROUPE_OK);
    tell(who, 1);
    (void)stage_run();
    accounts(who, 1, 0, 1);
    stage_close();
}

static void unstash(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_unstash_all(nothing.self), 0);
}

Test(takes_nothing, troupe_unstash_all) {
    (void)nothing_inside(unstash);
}

static void count(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_stashed(nothing.self), 0);
}

Test(takes_nothing, troupe_stashed) {
    (void)nothing_inside(count);
}
