#include "actors/gather.h"

#include <criterion/criterion.h>
#include <string.h>
#include <troupe/ask.h>
#include <troupe/supervisor.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(gather, .timeout = 60);

enum { LONG = 20000, MOST = 8 };

static const player ann = {.id = "ann"};

/* --- Who asks --------------------------------------------------------------------------------- */

static struct {
    troupe_ref who[MOST];
    size_t count, want;
    unsigned ms;
    uint32_t act;
    troupe_err then; /* what it returns once it has heard */
    troupe_err err;  /* of the call */
} plan;

static troupe_msg *taken;

static troupe_err hear(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                       troupe_asked *asked, size_t count) {
    char how[200] = "";
    (void)self;
    *(uint64_t *)state += 1; /* it is its own state, and this is the only call */
    cr_assert_eq(*(uint64_t *)state, 1);
    cr_assert_eq(tag, 77);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(asked[i].answer != NULL, !asked[i].err);
        if (asked[i].answer) cr_assert_eq(cue_n(asked[i].answer), 5);
        strcat(strcat(how, ","), troupe_errname(asked[i].err));
        if (!asked[i].err && !taken) {
            taken = asked[i].answer;
            asked[i].answer = NULL;
        }
    }
    stage_say("%s%s", troupe_errname(err), how);
    return plan.then;
}

static troupe_err ask_all(troupe_self *self, void *state, troupe_msg **msg) {
    if (cue_n(*msg) == 2) { /* a sign of life, or the end of it all */
        stage_say("goes on");
        return TROUPE_OK;
    }
    if (cue_n(*msg) == 3) {
        stage_say("%s", troupe_errname(troupe_withdraw(self, 77)));
        return TROUPE_OK;
    }
    *(uint64_t *)state = 0;
    troupe_msg *question = NULL;
    const struct cue body = {.act = plan.act, .n = 5};
    plan.err = troupe_make(troupe_runtime(self), &cue_type, &body, &question);
    if (plan.err) return TROUPE_OK;
    plan.err = troupe_gather(self, plan.who, plan.count, &question, plan.want, plan.ms, 77, hear);
    cr_assert_eq(question == NULL, !plan.err);
    if (question) cr_assert_eq(cue_n(question), 5);
    troupe_drop(&question);
    if (plan.err && plan.err != TROUPE_NOMEM) stage_say("%s", troupe_errname(plan.err));
    return TROUPE_OK;
}

static const troupe_behaviour asks = {
    .name = "asks", .state_size = sizeof(uint64_t), .mailbox_limit = 2, .receive = ask_all};

/* --- Who is asked ----------------------------------------------------------------------------- */

static troupe_err answer_after(troupe_self *self, void *state, troupe_msg **msg) {
    const uint32_t ms = *(uint32_t *)state;
    if (ms == 1) return TROUPE_OK; /* never, and says so */
    return ms ? troupe_send_after(self, ms, troupe_sender(self), msg, NULL)
              : troupe_reply(self, msg);
}

static troupe_err start_after(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(uint32_t *)state = *(const uint32_t *)arg;
    return TROUPE_OK;
}

static troupe_ref after(uint32_t ms) {
    static const troupe_behaviour slow = {
        .state_size = sizeof(uint32_t), .start = start_after, .receive = answer_after};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &slow, &ms, &who), TROUPE_OK);
    return who;
}

static troupe_ref gone(void) {
    troupe_ref who = stage_enter(&ann);
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    stage_await_gone(who);
    stage_forget();
    return who;
}

static troupe_ref asker;

static void gather_as(size_t count, size_t want, unsigned ms) {
    plan.count = count;
    plan.want = want;
    plan.ms = ms;
    plan.act = CUE_SAY;
    if (troupe_same(asker, TROUPE_NOBODY))
        cr_assert_eq(troupe_spawn(stage_rt(), &asks, NULL, &asker), TROUPE_OK);
    cue(asker, CUE_SAY, 1);
    (void)stage_run();
}

static void close_all(void) {
    troupe_drop(&taken);
    stage_close();
    asker = TROUPE_NOBODY;
}

Everywhere(gather, all_of_them_answer_with_one_call) {
    (void)stage_open(workers);
    for (int i = 0; i < 4; i++) plan.who[i] = after(0);
    gather_as(4, 4, LONG);
    stage_expect("OK,OK,OK,OK,OK");
    cr_assert_eq(stage_dead_letters(), 0);
    close_all();
}

Test(gather, it_goes_on_meanwhile_with_a_mailbox_that_is_full) {
    (void)stage_open(STAGE_SIMULATED);
    for (int i = 0; i < 3; i++) plan.who[i] = after(i ? 5 : 7);
    gather_as(3, 3, LONG);
    cue(asker, CUE_SAY, 2);
    stage_expect("goes on");
    cue(asker, CUE_SAY, 2);
    cue(asker, CUE_SAY, 2); /* full: the answers come all the same */
    stage_advance(10);
    stage_expect_all("goes on goes on OK,OK,OK,OK");
    close_all();
}

Test(gather, of_those_with_a_mailbox_of_one_one_is_full) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_behaviour narrow = player_behaviour;
    narrow.mailbox_limit = 1;
    for (int i = 0; i < 2; i++)
        cr_assert_eq(troupe_spawn(rt, &narrow, &ann, &plan.who[i]), TROUPE_OK);
    plan.who[2] = after(0);
    stage_forget();
    stage_hold(plan.who[1]);
    cue(plan.who[1], CUE_SAY, 1);
    gather_as(3, 0, LONG); /* the first one handles it, and does not answer */
    (void)stage_run();
    stage_let_go(plan.who[1]);
    stage_expect_all("ann:5 OK,BROKEN,FULL,OK ann:1");
    close_all();
}

Test(gather, the_first_of_them_and_what_comes_later_is_dead) {
    (void)stage_open(STAGE_SIMULATED);
    plan.who[0] = after(30), plan.who[1] = after(10), plan.who[2] = after(20);
    gather_as(3, 1, LONG);
    stage_advance(15);
    stage_expect("OK,LATER,OK,LATER");
    cr_assert_eq(stage_rt()->asks.by_id.count, 0, "nobody waits for the others");
    stage_advance(30);
    stage_expect("");
    cr_assert_eq(stage_dead_letters(), 2);
    close_all();
}

Test(gather, what_can_not_be_any_more) {
    (void)stage_open(STAGE_SIMULATED);
    plan.who[0] = after(30), plan.who[1] = after(1), plan.who[2] = after(30);
    gather_as(3, 3, LONG);
    stage_expect("FAILED,LATER,BROKEN,LATER");
    close_all();
}

Test(gather, from_each_what_it_comes_to) {
    (void)stage_open(STAGE_SIMULATED);
    plan.who[0] = gone(), plan.who[1] = after(1), plan.who[2] = after(9);
    gather_as(3, 0, LONG);
    stage_advance(20);
    stage_expect("OK,GONE,BROKEN,OK");
    close_all();
}

Test(gather, until_the_deadline) {
    (void)stage_open(STAGE_SIMULATED);
    plan.who[0] = after(5), plan.who[1] = after(500), plan.who[2] = after(500);
    gather_as(3, 2, 50);
    stage_advance(49);
    stage_expect("");
    stage_advance(2);
    stage_expect("TIMEOUT,OK,TIMEOUT,TIMEOUT");
    gather_as(3, 0, 50);
    stage_advance(51);
    stage_expect("TIMEOUT,OK,TIMEOUT,TIMEOUT");
    close_all();
}

Test(gather, that_can_not_be_asked_is_an_error_at_once) {
    (void)stage_open(STAGE_SIMULATED);
    plan.who[0] = gone(), plan.who[1] = after(0);
    gather_as(2, 2, LONG);
    stage_expect("GONE");
    cr_assert_eq(stage_rt()->asks.by_id.count, 0);
    gather_as(2, 1, LONG);
    stage_expect("OK,GONE,OK");
    plan.who[1] = asker;
    gather_as(2, 1, LONG);
    stage_expect("GONE");
    plan.who[0] = asker;
    gather_as(1, 1, LONG);
    stage_expect("SELF");
    close_all();
}

Test(gather, what_makes_no_sense) {
    (void)stage_open(STAGE_SIMULATED);
    plan.who[0] = after(0);
    gather_as(0, 0, LONG);
    stage_expect("INVALID");
    gather_as(1, 2, LONG);
    stage_expect("INVALID");
    gather_as(1, 1, 0);
    stage_expect("INVALID");
    close_all();
}

Test(gather, is_withdrawn) {
    (void)stage_open(STAGE_SIMULATED);
    plan.who[0] = after(5), plan.who[1] = after(10);
    gather_as(2, 2, LONG);
    stage_advance(7);
    cue(asker, CUE_SAY, 3);
    stage_expect("OK");
    stage_advance(20);
    stage_expect("");
    cue(asker, CUE_SAY, 3);
    stage_expect("NOTFOUND");
    close_all();
}

/* The life that has asked is over: its memory is given back, and nobody is called. */
Test(gather, ends_with_the_life_that_has_asked) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    plan.who[0] = after(5), plan.who[1] = after(10);
    gather_as(2, 2, LONG);
    stage_advance(7);
    cr_assert_eq(troupe_kill(rt, asker), TROUPE_OK);
    stage_advance(20);
    stage_expect("");
    close_all();
}

Test(gather, fails_who_returns_an_error) {
    (void)stage_open(STAGE_SIMULATED);
    plan.who[0] = after(0), plan.who[1] = after(10);
    plan.then = TROUPE_USER;
    gather_as(2, 1, LONG);
    stage_expect("OK,OK,LATER");
    plan.then = TROUPE_OK;
    stage_await_gone(asker);
    close_all();
}

Test(oom, troupe_gather) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        (void)stage_open(STAGE_SIMULATED);
        for (int i = 0; i < 2; i++) plan.who[i] = after(0);
        asker = TROUPE_NOBODY;
        cr_assert_eq(troupe_spawn(stage_rt(), &asks, NULL, &asker), TROUPE_OK);
        plan.count = plan.want = 2;
        plan.ms = LONG;
        cue(asker, CUE_SAY, 1);
        exhaust_from(&x, stage_heap());
        (void)stage_run();
        bool refused = exhaust_to(&x);
        cr_assert(plan.err == TROUPE_OK || (refused && plan.err == TROUPE_NOMEM));
        if (!plan.err) stage_expect("OK,OK,OK");
        close_all();
    }
}
