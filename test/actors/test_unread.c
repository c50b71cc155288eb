/* Mail between two lives: flushed, or tried again until it is quarantined. */
#include "actors/unread.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <troupe/observe.h>

#include "actors/runtime.h"
#include "serial/codec.h"
#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(unread, .timeout = 120);

enum { MS = 30000 };

static const player a = {.id = "a"};

/* --- What becomes of messages ----------------------------------------------------------------- */

/* The last letter of a message that its actor failed on, and how many there were of each reason. */
static struct {
    unsigned count[TROUPE_DEAD_KINDS];
    troupe_dead_letter letter;
    char text[64];
    unsigned char bytes[64];
} seen;

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx, (void)msg;
    seen.count[letter->reason]++;
    if (letter->reason != TROUPE_DEAD_QUARANTINED && letter->reason != TROUPE_DEAD_FAILED) return;
    seen.letter = *letter;
    snprintf(seen.text, sizeof seen.text, "%s", letter->text ? letter->text : "");
    cr_assert_leq(letter->size, sizeof seen.bytes);
    if (letter->bytes) memcpy(seen.bytes, letter->bytes, letter->size);
}

static troupe_ref open_with(unsigned workers, troupe_child child) {
    memset(&seen, 0, sizeof seen);
    (void)stage_open_as((troupe_config){.workers = workers, .dead_letter = see});
    return family(&child, 1, TROUPE_UNLIMITED, 0);
}

static void balances(void) {
    troupe_account account;
    troupe_account_all(stage_rt(), &account);
    if (stage_is_stepped()) cr_assert_eq(troupe_account_missing(&account), 0);
}

static void account_of(const char *name, uint64_t sent, uint64_t handled, uint64_t failed,
                       uint64_t flushed) {
    troupe_account account;
    cr_assert_eq(troupe_account_of(stage_rt(), stage_find(name), &account), TROUPE_OK);
    cr_assert_eq(account.dead[TROUPE_DEAD_FAILED], failed);
    cr_assert_eq(account.dead[TROUPE_DEAD_FLUSHED], flushed);
    if (!stage_is_stepped()) return;
    cr_assert_eq(account.sent, sent);
    cr_assert_eq(account.handled, handled);
}

/* --- Flush ------------------------------------------------------------------------------------ */

/* Fills its mailbox, of which it has one place itself still, with its last words. */
static void fill_own_box(troupe_self *self) {
    const struct cue cue = {.act = CUE_SAY, .n = 1};
    troupe_err err;
    while (!(err = troupe_tell(self, troupe_me(self), &cue_type, &cue))) {
    }
    cr_assert_eq(err, TROUPE_FULL);
}

static const player full = {.id = "a", .at_stop = fill_own_box};

static troupe_child flushed(const player *as) {
    troupe_child child = kid(as, 0);
    child.what = &player_with_4;
    child.flush = true;
    return child;
}

Everywhere(unread, case_58_with_flush_a_life_begins_without_mail) {
    troupe_ref top = open_with(workers, flushed(&full)), who = stage_find("a");
    uint32_t waiting;
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) stop(a,USER) start(a)");
    family_expect(top, "a:RUNNING:1");
    cr_assert_eq(seen.count[TROUPE_DEAD_FLUSHED], 4);
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], 1);
    cr_assert_eq(troupe_mailbox(stage_rt(), who, &waiting, NULL), TROUPE_OK);
    cr_assert(!stage_is_stepped() || waiting == 0);
    account_of("a", 5, 0, 1, 4);
    for (uint32_t i = 1; i <= 4; i++) cue(who, CUE_SAY, i); /* all places are there again */
    stage_expect("a:1 a:2 a:3 a:4");
    balances();
    stage_close();
}

Everywhere(unread, case_58_the_mail_of_one_that_was_ended_is_dead) {
    troupe_ref top = open_with(workers, flushed(&full)), who = stage_find("a");
    cr_assert_eq(troupe_terminate_child(stage_rt(), top, "a", MS), TROUPE_OK);
    stage_await_gone(who);
    stage_expect("start(a) stopping(a) stop(a,SHUTDOWN)");
    cr_assert_eq(seen.count[TROUPE_DEAD_STOPPED], 4);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_GONE);
    troupe_drop(&msg);
    balances();
    stage_close();
}

Everywhere(unread, without_flush_it_is_all_there) {
    troupe_child child = flushed(&full);
    child.flush = false;
    (void)open_with(workers, child);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) stop(a,USER) start(a) a:1 a:1 a:1 a:1");
    cr_assert_eq(seen.count[TROUPE_DEAD_FLUSHED], 0);
    stage_close();
}

/* The ask is behind the message that its actor fails on. */
Simulated(unread, who_asked_is_told_at_the_flush) {
    (void)open_with(STAGE_SIMULATED, flushed(&a));
    cue_named("a", CUE_FAIL, TROUPE_USER);
    troupe_msg *msg = cue_make(CUE_ANSWER, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(stage_rt(), stage_find("a"), &msg, MS), TROUPE_FAILED);
    stage_expect("start(a) stop(a,USER) start(a)");
    balances();
    stage_close();
}

/* --- Quarantine ------------------------------------------------------------------------------- */

static troupe_child tried(const player *as, unsigned poison_after) {
    troupe_child child = kid(as, 0);
    child.what = &player_with_4;
    child.poison_after = poison_after;
    return child;
}

Everywhere(unread, a_message_that_fails_its_actor_so_often_is_quarantined) {
    troupe_ref top = open_with(workers, tried(&a, 3)), who = stage_find("a");
    cue(who, CUE_FAIL, TROUPE_USER + 1);
    cue(who, CUE_SAY, 1);
    cue(who, CUE_COUNT, 0);
    stage_expect("start(a) stop(a,USER) start(a) stop(a,USER) start(a) stop(a,USER) start(a) a:1 "
                 "a=1");
    family_expect(top, "a:RUNNING:3");
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 1);
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], 0);
    cr_assert_eq(seen.letter.why, TROUPE_USER + 1);
    cr_assert_str_eq(seen.text, "as told");
    const struct cue body = {.act = CUE_FAIL, .n = TROUPE_USER + 1};
    tr_buffer bytes = {.heap = stage_rt()->heap};
    cr_assert_eq(tr_pack(&cue_type, &body, 64, &bytes), TROUPE_OK);
    cr_assert_eq(seen.letter.size, bytes.size);
    cr_assert_eq(memcmp(seen.bytes, bytes.data, bytes.size), 0);
    tr_buffer_fini(&bytes);
    account_of("a", 3, 2, 1, 0);
    cue(who, CUE_FAIL, TROUPE_USER); /* the next one has as many tries */
    stage_expect("stop(a,USER) start(a) stop(a,USER) start(a) stop(a,USER) start(a)");
    family_expect(top, "a:RUNNING:6");
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 2);
    balances();
    stage_close();
}

/* Fails on the first `*state->left` messages; says so of the others. */
static uint32_t left;

static troupe_err fail_at_first(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    uint32_t n = cue_n(*msg);
    if (!left) {
        stage_say("did(%u)", n);
        return TROUPE_OK;
    }
    left--;
    stage_say("failed(%u)", n);
    return n < 100 ? troupe_fail(self, TROUPE_FAILED, "not yet")
           : troupe_answer(self, &cue_type, &(struct cue){.n = n}) ? TROUPE_NOMEM
                                                                   : TROUPE_FAILED;
}
static const troupe_behaviour shaky = {.name = "shaky", .receive = fail_at_first};

static troupe_ref open_shaky(unsigned workers, unsigned poison_after, uint32_t failures) {
    left = failures;
    return open_with(
        workers,
        (troupe_child){.id = "a", .name = "a", .what = &shaky, .poison_after = poison_after});
}

Everywhere(unread, a_message_that_is_handled_at_last_was_none_of_those) {
    (void)open_shaky(workers, 3, 2);
    cue_named("a", CUE_SAY, 1);
    cue_named("a", CUE_SAY, 2);
    stage_expect("failed(1) failed(1) did(1) did(2)");
    left = 2; /* its two tries count for nothing now */
    cue_named("a", CUE_SAY, 3);
    stage_expect("failed(3) failed(3) did(3)");
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED] + seen.count[TROUPE_DEAD_FAILED], 0);
    account_of("a", 3, 3, 0, 0);
    balances();
    stage_close();
}

Everywhere(unread, who_asked_waits_until_it_is_handled_or_quarantined) {
    (void)open_shaky(workers, 3, 2);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(stage_rt(), stage_find("a"), &msg, MS), TROUPE_BROKEN, "did(1)");
    stage_expect("failed(1) failed(1) did(1)");
    left = 3;
    msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(stage_rt(), stage_find("a"), &msg, MS), TROUPE_FAILED);
    stage_expect("failed(2) failed(2) failed(2)");
    stage_close();
}

/* Else the asker, or who took over from it, would be answered twice. */
Everywhere(unread, a_message_that_was_answered_is_not_tried_again) {
    (void)open_shaky(workers, 3, 1);
    troupe_msg *msg = cue_make(CUE_SAY, 100, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(stage_rt(), stage_find("a"), &msg, MS), TROUPE_OK);
    cr_assert_eq(cue_n(msg), 100);
    troupe_drop(&msg);
    stage_expect("failed(100)");
    cue_named("a", CUE_SAY, 1);
    stage_expect("did(1)");
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], 1);
    stage_close();
}

/* One life, then it is held: its message waits in front. */
Everywhere(unread, one_that_waits_takes_a_place_and_ends_with_its_actor) {
    troupe_child child = tried(&a, 5);
    child.max_restarts = 1;
    child.hold = true;
    troupe_ref top = open_with(workers, child), who = stage_find("a");
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) stop(a,USER) start(a) stop(a,USER)");
    family_expect(top, "a:HELD:1");
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(stage_rt(), who, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 1);
    for (uint32_t i = 1; i <= 3; i++) cue(who, CUE_SAY, i);
    troupe_msg *msg = cue_make(CUE_SAY, 4, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_FULL);
    troupe_drop(&msg);
    balances();
    account_of("a", 4, 0, 0, 0);
    cr_assert_eq(troupe_terminate_child(stage_rt(), top, "a", MS), TROUPE_OK);
    stage_await_gone(who);
    cr_assert_eq(seen.count[TROUPE_DEAD_STOPPED], 4);
    cr_assert_eq(troupe_restart_child(stage_rt(), top, "a", MS, &who), TROUPE_OK);
    cue(who, CUE_FAIL, TROUPE_USER); /* a new actor begins to count anew */
    stage_expect("start(a) stop(a,USER) start(a) stop(a,USER)");
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 0);
    stage_close();
}

Everywhere(unread, a_flush_leaves_what_is_tried_again) {
    troupe_child child = flushed(&full);
    child.poison_after = 2;
    (void)open_with(workers, child);
    cue_named("a", CUE_FAIL, TROUPE_USER); /* it has a place still, so there are three more */
    stage_expect("start(a) stop(a,USER) start(a) stop(a,USER) start(a)");
    cue_named("a", CUE_SAY, 9);
    stage_expect("a:9");
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 1);
    cr_assert_eq(seen.count[TROUPE_DEAD_FLUSHED], 3 + 4, "those of either life");
    balances();
    stage_close();
}

/* It failed on a message, has handled it since, and is killed: the next one is like all others. */
Simulated(unread, a_flush_leaves_nothing_that_was_handled_at_last) {
    left = 1;
    troupe_ref top = open_with(
        STAGE_SIMULATED,
        (troupe_child){.id = "a", .name = "a", .what = &shaky, .flush = true, .poison_after = 3});
    cue_named("a", CUE_SAY, 1);
    stage_expect("failed(1) did(1)");
    cue_named("a", CUE_SAY, 2);
    cr_assert_eq(troupe_kill(stage_rt(), stage_find("a")), TROUPE_OK);
    stage_expect("");
    family_expect(top, "a:RUNNING:2");
    cr_assert_eq(seen.count[TROUPE_DEAD_FLUSHED], 1);
    balances();
    stage_close();
}

/* The same for one that has a thread of its own. */
Test(unread, a_blocking_actor_is_flushed_and_tries_again_too) {
    troupe_behaviour blocking = player_with_4;
    blocking.blocking = true;
    troupe_child child = flushed(&full);
    child.poison_after = 2;
    child.what = &blocking;
    troupe_ref top = open_with(2, child);
    cue_named("a", CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) stop(a,USER) start(a) stop(a,USER) start(a)");
    cue_named("a", CUE_SAY, 9);
    stage_expect("a:9");
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 1);
    cr_assert_eq(seen.count[TROUPE_DEAD_FLUSHED], 3 + 4);
    family_stop(top);
    stage_close();
}

Everywhere(unread, a_temporary_child_has_no_second_try) {
    troupe_child child = tried(&a, 5);
    child.restart = TROUPE_TEMPORARY;
    (void)open_with(workers, child);
    troupe_ref who = stage_find("a");
    cue(who, CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) stop(a,USER)");
    stage_await_gone(who);
    cr_assert_eq(seen.count[TROUPE_DEAD_FAILED], 1);
    cr_assert_eq(seen.letter.why, TROUPE_USER);
    cr_assert_str_eq(seen.text, "as told");
    cr_assert_null(seen.letter.bytes);
    stage_close();
}

/* Without memory the letter comes all the same. */
Test(oom, quarantine) {
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        troupe_child child = tried(&a, 2);
        child.max_restarts = 5;
        child.hold = true;
        troupe_ref top = open_with(STAGE_SIMULATED, child), out;
        cue_named("a", CUE_FAIL, TROUPE_USER);
        exhaust_from(&x, stage_heap());
        (void)stage_run();
        (void)exhaust_to(&x);
        if (troupe_restart_child(stage_rt(), top, "a", MS, &out)) (void)out; /* if it is held */
        (void)stage_run();
        cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 1);
        cr_assert_eq(seen.letter.bytes == NULL, seen.letter.size == 0);
    }
}

/* The message that is to be tried again is the oldest, and dropped for the next one, as that is, so
 * many times. The last one fails for the first time then. */
static void replaced(unsigned times) {
    troupe_behaviour what = player_behaviour;
    what.mailbox_limit = 1;
    what.overflow = TROUPE_DROP_OLDEST;
    troupe_child child = kid(&a, TROUPE_PERMANENT);
    child.what = &what;
    child.poison_after = 2;
    (void)open_with(TROUPE_STEPPED, child);
    (void)stage_run();
    troupe_ref who = stage_find("a");
    cue(who, CUE_FAIL, TROUPE_USER);
    cr_assert_eq(troupe_step(stage_rt(), 1), 1); /* it has failed, and is not started again yet */
    for (unsigned i = 0; i < times; i++) cue(who, CUE_FAIL, TROUPE_USER);
    (void)stage_run();
    cr_assert_eq(seen.count[TROUPE_DEAD_DROPPED], times);
    cr_assert_eq(seen.count[TROUPE_DEAD_QUARANTINED], 1);
    stage_expect("start(a) stop(a,USER) start(a) stop(a,USER) start(a) stop(a,USER) start(a)");
    balances();
    stage_close();
}

Test(unread, what_takes_the_place_of_a_message_has_tries_of_its_own) {
    replaced(1);
}

/* Each of them gets the memory of one that was dropped. */
Test(unread, what_gets_the_memory_of_a_message_has_tries_of_its_own) {
    replaced(8);
}
