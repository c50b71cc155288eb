/* Requests: asks of actors, which go on meanwhile; and what becomes of questions. */
#include "actors/request.h"

#include <criterion/criterion.h>
#include <troupe/observe.h>
#include <troupe/supervisor.h>

#include "actors/runtime.h"
#include "test/support/dead_letters.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(request, .timeout = 120);

enum { LONG_MS = 30000 };

/* --- One who asks ----------------------------------------------------------------------------- */

/* What it is told: to ask `who` by a cue of `act` and `n`, its tag; or one of the others. */
enum { BY_MESSAGE, BY_CALL, WITHDRAW, FAIL, FAIL_ON_NEXT };

struct question {
    uint32_t form, act, n, ms;
    troupe_ref who;
};
static const troupe_type question_type =
    TROUPE_TYPE(question, TROUPE_FIELD(question, form), TROUPE_FIELD(question, act),
                TROUPE_FIELD(question, n), TROUPE_FIELD(question, ms), TROUPE_FIELD(question, who));

static bool fails_on_next;
static uint32_t lives;
static troupe_err came(uint64_t tag, troupe_err err, const troupe_msg *answer) {
    if (err)
        stage_say("%u(%s)", (unsigned)tag, troupe_errname(err));
    else
        stage_say("%u=%u", (unsigned)tag, cue_n(answer));
    bool fails = fails_on_next;
    fails_on_next = false;
    return fails ? (troupe_err)TROUPE_USER : TROUPE_OK;
}

static troupe_err then(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                       troupe_msg **answer) {
    cr_assert_eq(*(uint32_t *)state, lives, "the state of another life");
    cr_assert_eq(*answer == NULL, err != TROUPE_OK);
    cr_assert_eq(troupe_sender(self).id == 0, err != TROUPE_OK);
    return came(tag, err, *answer);
}

static troupe_err ask(troupe_self *self, const struct question *it) {
    troupe_msg *msg = cue_make(it->act, it->n, troupe_me(self)), *before = msg;
    troupe_err err = it->form == BY_CALL
                         ? troupe_request_then(self, it->who, &msg, it->ms, it->n, then)
                         : troupe_request(self, it->who, &msg, it->ms, it->n);
    cr_assert_eq(msg, err ? before : NULL);
    if (err) stage_say("%u:%s", it->n, troupe_errname(err));
    troupe_drop(&msg);
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct question *it = troupe_as(*msg, &question_type);
    const struct troupe_unanswered *none = troupe_as(*msg, &troupe_unanswered_type);
    uint64_t tag = 0;
    cr_assert_eq(*(uint32_t *)state, lives);
    if (troupe_answered(self, &tag)) {
        if (none) cr_assert_eq(none->tag, tag);
        if (none) cr_assert_eq(troupe_sender(self).id, 0);
        return came(tag, none ? (troupe_err)none->why : TROUPE_OK, *msg);
    }
    cr_assert_null(none);
    if (!it) stage_say("mail:%u", cue_n(*msg));
    if (it && it->form == FAIL) return (troupe_err)TROUPE_USER;
    if (it && it->form == WITHDRAW)
        stage_say("withdraw(%s)", troupe_errname(troupe_withdraw(self, it->n)));
    if (it && it->form == FAIL_ON_NEXT) fails_on_next = true;
    return it && it->form <= BY_CALL ? ask(self, it) : TROUPE_OK;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)arg;
    cr_assert_not(troupe_answered(self, NULL));
    *(uint32_t *)state = ++lives;
    return TROUPE_OK;
}

/* Its mailbox is as small as can be, which must be the same to all that comes of requests. */
static const troupe_behaviour curious = {
    .name = "curious", .state_size = 4, .mailbox_limit = 1, .start = start, .receive = receive};

static const player bob = {.id = "bob"};
static troupe_ref asker;
static troupe *open_asker(unsigned workers) {
    troupe *rt = stage_open(workers);
    lives = 0;
    fails_on_next = false;
    cr_assert_eq(troupe_spawn(rt, &curious, NULL, &asker), TROUPE_OK);
    return rt;
}

/* Posts an order once there is room for it. */
static void order(uint32_t form, troupe_ref who, uint32_t act, uint32_t n, uint32_t ms) {
    const struct question body = {form, act, n, ms, who};
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(stage_rt(), &question_type, &body, &msg), TROUPE_OK);
    while (troupe_post(stage_rt(), asker, &msg) == TROUPE_FULL) (void)stage_run();
    cr_assert_null(msg);
    (void)stage_run();
}

static void nothing_is_kept(void) {
    cr_assert_eq(stage_rt()->asks.by_id.count, 0);
    cr_assert_eq(stage_rt()->timers.by_id.count, 0);
}

/* Closes the stage, at which all accounts must balance. */
static void close_all(void) {
    (void)stage_run();
    if (stage_is_stepped()) nothing_is_kept();
    stage_close();
}

static troupe_ref enter_bob(void) {
    troupe_ref who = stage_enter(&bob);
    stage_expect("start(bob)");
    return who;
}

/* --- Answers ---------------------------------------------------------------------------------- */

Everywhere(request, the_answer_comes_in_either_form) {
    (void)open_asker(workers);
    troupe_ref who = enter_bob();
    for (uint32_t n = 1; n < 20; n++) {
        order(n % 2 ? BY_MESSAGE : BY_CALL, who, CUE_ANSWER, n, LONG_MS);
        stage_await(n);
    }
    stage_expect("1=1 2=2 3=3 4=4 5=5 6=6 7=7 8=8 9=9 10=10 11=11 12=12 13=13 14=14 15=15 16=16 "
                 "17=17 18=18 19=19");
    cr_assert_eq(stage_dead_letters(), 0);
    close_all();
}

Simulated(request, who_asks_goes_on_meanwhile) {
    (void)open_asker(STAGE_SIMULATED);
    troupe_ref who = enter_bob();
    order(BY_MESSAGE, who, CUE_KEEP, 1, LONG_MS);
    cue(asker, CUE_SAY, 5);
    stage_expect("mail:5");
    cue(who, CUE_LATE, 7);
    stage_expect_all("late(OK) 1=7");
    close_all();
}

/* The place of an answer is its own: the mailbox of 1 is full of something else. */
Test(request, a_full_mailbox_refuses_no_answer) {
    troupe *rt = open_asker(STAGE_SIMULATED);
    troupe_ref who = enter_bob();
    uint32_t waiting;
    order(BY_MESSAGE, who, CUE_KEEP, 1, LONG_MS);
    order(BY_CALL, who, CUE_KEEP, 2, 5);
    stage_hold(asker);
    cue(who, CUE_LATE, 9); /* to the second */
    stage_expect("late(OK)");
    cue(asker, CUE_SAY, 3);
    troupe_msg *msg = cue_make(CUE_SAY, 4, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, asker, &msg), TROUPE_FULL);
    cr_assert_eq(troupe_mailbox(rt, asker, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 1);
    troupe_drop(&msg);
    stage_advance(6);
    stage_let_go(asker);
    stage_expect_all("2=9 mail:3");
    order(WITHDRAW, TROUPE_NOBODY, 0, 1, 0);
    stage_expect("withdraw(OK)");
    close_all();
}

/* --- Refused at once -------------------------------------------------------------------------- */

static void is_refused(uint32_t form) {
    troupe *rt = open_asker(STAGE_SIMULATED);
    troupe_ref who, full;
    who = enter_bob();
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &bob, &full), TROUPE_OK);
    stage_hold(full);
    for (uint32_t i = 0; i < 4; i++) cue(full, CUE_SAY, i);
    stage_expect("start(bob)");
    order(form, full, CUE_ANSWER, 1, LONG_MS);
    order(form, asker, CUE_ANSWER, 2, LONG_MS);
    order(form, who, CUE_ANSWER, 3, 0);
    order(form, TROUPE_NOBODY, CUE_ANSWER, 4, LONG_MS);
    order(form, (troupe_ref){who.node + 1, who.id}, CUE_ANSWER, 5, LONG_MS);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_await_gone(who);
    order(form, who, CUE_ANSWER, 6, LONG_MS);
    stage_expect("1:FULL 2:SELF 3:INVALID 4:GONE 5:NOCONNECTION stopping(bob) stop(bob,SHUTDOWN) "
                 "6:STOPPED");
    nothing_is_kept();
    stage_let_go(full);
    stage_advance(1);
    stage_forget();
    close_all();
}

Test(request, what_is_refused_is_told_by_the_call_alone) {
    is_refused(BY_MESSAGE);
    is_refused(BY_CALL);
}

static troupe_err ask_badly(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *none = NULL, *before = *msg;
    const troupe_ref who = troupe_sender(self);
    cr_assert_eq(troupe_request(self, who, &none, 1, 1), TROUPE_INVALID);
    cr_assert_eq(troupe_request_then(self, who, msg, 1, 1, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_withdraw(self, 1), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_forward(self, who, &none), TROUPE_INVALID);
    cr_assert_not(troupe_answered(self, NULL));
    cr_assert_eq(*msg, before);
    return troupe_reply(self, msg);
}

static troupe_err forward_nothing(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_forward(self, troupe_me(self), &msg), TROUPE_INVALID);
    troupe_drop(&msg);
    return TROUPE_OK;
}

Test(request, what_makes_no_sense_is_invalid) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.start = forward_nothing, .receive = ask_badly};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, who, &msg, LONG_MS), TROUPE_OK);
    troupe_drop(&msg);
    close_all();
}

/* --- No answer -------------------------------------------------------------------------------- */

static void goes_wrong(unsigned workers, uint32_t form) {
    (void)open_asker(workers);
    troupe_ref who = enter_bob();
    order(form, who, CUE_COUNT, 1, LONG_MS);
    stage_expect_all("bob=1 1(BROKEN)");
    order(form, who, CUE_FAIL, 2, LONG_MS);
    stage_expect_all("stop(bob,GONE) 2(FAILED)");
    stage_await_gone(who);
    who = enter_bob();
    order(form, who, CUE_EXIT, 0, LONG_MS);
    stage_expect_all("stop(bob,OK) 0(STOPPED)");
    stage_await_gone(who);
    who = enter_bob();
    stage_hold(who);
    order(form, who, CUE_ANSWER, 3, LONG_MS);
    if (!stage_is_stepped()) { /* until the question is in its mailbox */
        for (uint32_t n = 0; n < 2;) cr_assert_eq(troupe_mailbox(stage_rt(), who, &n, NULL), 0);
    }
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_let_go(who);
    stage_expect("3(GONE)");
    who = enter_bob();
    order(form, who, CUE_KEEP, 4, 5);
    let_pass(6);
    stage_expect("4(TIMEOUT)");
    close_all();
}

Everywhere(request, why_no_answer_comes_is_told_as_a_message) {
    goes_wrong(workers, BY_MESSAGE);
}

Everywhere(request, why_no_answer_comes_is_told_by_the_call) {
    goes_wrong(workers, BY_CALL);
}

static uint64_t all_alike(const troupe_msg *msg) {
    return msg == NULL;
}

static void is_dropped(troupe_overflow overflow, const char *words) {
    troupe *rt = open_asker(STAGE_SIMULATED);
    const troupe_behaviour lossy = {.start = player_behaviour.start,
                                    .receive = player_behaviour.receive,
                                    .state_size = player_behaviour.state_size,
                                    .mailbox_limit = 1,
                                    .overflow = overflow,
                                    .key = all_alike};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &lossy, &bob, &who), TROUPE_OK);
    stage_expect("start(bob)");
    stage_hold(who);
    order(BY_MESSAGE, who, CUE_ANSWER, 1, LONG_MS);
    order(BY_MESSAGE, who, CUE_ANSWER, 2, LONG_MS);
    stage_let_go(who);
    stage_expect(words);
    close_all();
}

Test(request, a_question_that_is_dropped_for_want_of_room_is_told_full) {
    is_dropped(TROUPE_DROP_NEWEST, "2(FULL) 1=1");
    is_dropped(TROUPE_DROP_OLDEST, "1(FULL) 2=2");
    is_dropped(TROUPE_COALESCE, "1(FULL) 2=2");
}

/* --- Too late --------------------------------------------------------------------------------- */

static unsigned expired;
static void count_expired(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx, (void)msg;
    expired += letter->reason == TROUPE_DEAD_EXPIRED;
}

static troupe *open_counting(void) {
    expired = 0;
    lives = 0;
    return stage_open_as((troupe_config){.workers = STAGE_SIMULATED, .dead_letter = count_expired});
}

/* Answers each cue twice. */
static troupe_err answer_twice(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue body = {.act = CUE_SAY, .n = cue_n(*msg)};
    troupe_err err = troupe_answer(self, &cue_type, &body);
    return err ? err : troupe_answer(self, &cue_type, &body);
}

Test(request, a_second_answer_is_a_dead_letter) {
    troupe *rt = open_counting();
    const troupe_behaviour eager = {.receive = answer_twice};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &curious, NULL, &asker), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &eager, NULL, &who), TROUPE_OK);
    order(BY_MESSAGE, who, CUE_SAY, 1, LONG_MS);
    stage_expect("1=1");
    cr_assert_eq(expired, 1);
    order(BY_CALL, who, CUE_SAY, 2, LONG_MS);
    stage_expect("2=2");
    cr_assert_eq(expired, 2);
    close_all();
}

Test(request, a_late_answer_never_comes) {
    (void)open_counting();
    cr_assert_eq(troupe_spawn(stage_rt(), &curious, NULL, &asker), TROUPE_OK);
    troupe_ref who = enter_bob();
    stage_hold(who);
    order(BY_MESSAGE, who, CUE_ANSWER, 1, 5);
    stage_advance(5);
    stage_expect("1(TIMEOUT)");
    stage_let_go(who);
    stage_advance(1);
    stage_expect("");
    cr_assert_eq(expired, 1);
    close_all();
}

/* In its mailbox by the deadline, and so in time, whenever it is handled; but never both. */
Test(request, what_is_there_by_the_deadline_is_in_time) {
    (void)open_asker(STAGE_SIMULATED);
    troupe_ref who = enter_bob();
    order(BY_MESSAGE, who, CUE_KEEP, 1, 5);
    stage_hold(asker);
    cue(who, CUE_LATE, 8);
    stage_advance(10);
    stage_let_go(asker);
    stage_expect("late(OK) 1=8");
    close_all();
}

Simulated(request, a_withdrawn_one_comes_to_nothing) {
    (void)open_counting();
    cr_assert_eq(troupe_spawn(stage_rt(), &curious, NULL, &asker), TROUPE_OK);
    troupe_ref who = enter_bob();
    order(BY_MESSAGE, who, CUE_KEEP, 1, 50);
    order(WITHDRAW, who, 0, 1, 0);
    order(WITHDRAW, who, 0, 1, 0);
    stage_expect("withdraw(OK) withdraw(NOTFOUND)");
    cue(who, CUE_LATE, 1);
    stage_expect("late(GONE)");
    stage_hold(asker); /* and one that is settled: its answer waits behind the withdrawal */
    order(BY_CALL, who, CUE_ANSWER, 2, 50);
    stage_let_go(asker);
    stage_expect("2=2");
    order(BY_CALL, who, CUE_KEEP, 3, 50);
    stage_hold(asker);
    order(WITHDRAW, who, 0, 3, 0);
    cue(who, CUE_LATE, 3);
    stage_expect("late(OK)");
    stage_let_go(asker);
    stage_advance(60);
    stage_expect("withdraw(OK)");
    cr_assert_eq(expired, 1);
    close_all();
}

/* --- Lives ------------------------------------------------------------------------------------ */

static troupe_ref top;

static void open_supervised(unsigned poison_after) {
    (void)open_counting();
    const troupe_child child = {
        .id = "asker", .name = "asker", .what = &curious, .poison_after = poison_after};
    top = family(&child, 1, 9, 1000);
    asker = stage_find("asker");
}

static void old_ones(uint32_t form) {
    open_supervised(0);
    troupe_ref who = enter_bob();
    order(form, who, CUE_KEEP, 1, 50); /* answered to the next life */
    order(FAIL, who, 0, 0, 0);
    cr_assert_eq(lives, 2);
    cue(who, CUE_LATE, 1);
    stage_expect("late(GONE)");
    order(form, who, CUE_KEEP, 2, 50); /* answered to this one, behind its end */
    stage_hold(asker);
    order(FAIL, who, 0, 0, 0);
    cue(who, CUE_LATE, 2);
    stage_expect("late(OK)"); /* it is in the mailbox, behind what the life ends on */
    stage_let_go(asker);
    stage_advance(60);
    stage_expect("");
    cr_assert_eq(lives, 3);
    cr_assert_eq(expired, 1);
    order(form, who, CUE_ANSWER, 3, 50);
    stage_expect("3=3");
    family_stop(top);
    close_all();
}

Simulated(request, nothing_of_one_life_comes_to_the_next) {
    old_ones(BY_MESSAGE);
    old_ones(BY_CALL);
}

static void fails_on_answer(uint32_t form) {
    open_supervised(3); /* else what it fails on would come again */
    troupe_ref who = enter_bob();
    order(FAIL_ON_NEXT, who, 0, 0, 0);
    order(form, who, CUE_ANSWER, 1, 50);
    stage_expect("1=1");
    cr_assert_eq(lives, 2);
    order(FAIL_ON_NEXT, who, 0, 0, 0);
    order(form, who, CUE_COUNT, 2, 50);
    stage_expect_all("bob=1 2(BROKEN)");
    cr_assert_eq(lives, 3);
    stage_advance(60);
    stage_expect("");
    family_stop(top);
    close_all();
}

Test(request, an_answer_on_which_a_life_ends_does_not_come_again) {
    fails_on_answer(BY_MESSAGE);
    fails_on_answer(BY_CALL);
}

/* One that has ended for good, with the answer on its way or in its mailbox. */
Everywhere(request, who_has_ended_gets_nothing) {
    (void)open_asker(workers);
    troupe_ref who = enter_bob();
    order(BY_MESSAGE, who, CUE_ANSWER, 1, LONG_MS);
    cr_assert_eq(troupe_kill(stage_rt(), asker), TROUPE_OK);
    stage_await_gone(asker);
    stage_forget();
    close_all();
}

static troupe_err slow_then(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                            troupe_msg **answer) {
    (void)self, (void)state, (void)tag, (void)answer;
    *stage_clock() += UINT64_C(20000000);
    return err;
}

static troupe_err ask_guarded(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    troupe_msg *question = cue_make(CUE_ANSWER, 1, TROUPE_NOBODY);
    return troupe_request_then(self, cue->who, &question, 1000, 1, slow_then);
}

Test(request, what_is_called_is_guarded_as_receive_is) {
    const troupe_behaviour guarded = {.name = "guarded", .receive = ask_guarded, .deadline_ms = 10};
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = enter_bob(), it;
    cr_assert_eq(troupe_spawn(rt, &guarded, NULL, &it), TROUPE_OK);
    cue_about(it, CUE_SAY, 1, who);
    (void)stage_run();
    cr_assert(!stage_there(it) && stage_logged("TOO_SLOW"));
    close_all();
}
