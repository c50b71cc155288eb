#include <criterion/criterion.h>
#include <troupe/gather.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(ask_many, .timeout = 60);

static const player ann = {.id = "ann"};

/* Answers the cue that it is asked with after so many ms, if it is not 0: then never. */
struct slow {
    uint32_t ms;
};

static troupe_err answer_later(troupe_self *self, void *state, troupe_msg **msg) {
    const uint32_t ms = ((struct slow *)state)->ms;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (cue->act == CUE_FAIL) return TROUPE_USER;
    const troupe_ref asker = troupe_sender(self); /* kept, so that no promise is broken */
    return ms ? troupe_send_after(self, ms, asker, msg, NULL) : TROUPE_OK;
}

static troupe_err start_slow(troupe_self *self, void *state, const void *arg) {
    (void)self;
    ((struct slow *)state)->ms = *(const uint32_t *)arg;
    return TROUPE_OK;
}

static troupe_ref enter(uint32_t ms) {
    static const troupe_behaviour slow = {
        .start = start_slow, .receive = answer_later, .state_size = sizeof(struct slow)};
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &slow, &ms, &who), TROUPE_OK);
    return who;
}

/* Asks, and gives the answers' numbers up; each that is OK must have one, and no other. */
static troupe_err ask(troupe_asked *asked, size_t count, uint32_t act, size_t want, unsigned ms) {
    troupe_msg *msg = cue_make(act, 7, TROUPE_NOBODY);
    troupe_err err = troupe_ask_many(stage_rt(), asked, count, &msg, want, ms);
    cr_assert_null(msg);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(asked[i].answer != NULL, asked[i].err == TROUPE_OK);
        if (asked[i].answer) cr_assert_eq(cue_n(asked[i].answer), 7);
        troupe_drop(&asked[i].answer);
    }
    cr_assert_eq(stage_rt()->asks.by_id.count, 0);
    return err;
}

Everywhere(ask_many, all_of_them_answer) {
    (void)stage_open(workers);
    enum { COUNT = 50 };
    troupe_asked asked[COUNT];
    for (int i = 0; i < COUNT; i++) asked[i] = (troupe_asked){.to = stage_enter(&ann)};
    stage_forget();
    for (size_t want = 0; want <= COUNT; want += COUNT) {
        cr_assert_eq(ask(asked, COUNT, CUE_ANSWER, want, 20000), TROUPE_OK);
        for (int i = 0; i < COUNT; i++) cr_assert_eq(asked[i].err, TROUPE_OK);
    }
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

Test(ask_many, the_same_one_may_be_asked_twice) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_asked asked[2];
    asked[0].to = asked[1].to = stage_enter(&ann);
    cr_assert_eq(ask(asked, 2, CUE_ANSWER, 2, 1000), TROUPE_OK);
    stage_forget();
    stage_close();
}

Test(ask_many, the_first_of_them_answers) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_asked asked[] = {{.to = enter(0)}, {.to = enter(30)}, {.to = enter(10)}};
    cr_assert_eq(ask(asked, 3, CUE_SAY, 1, 1000), TROUPE_OK);
    cr_assert_eq(asked[0].err, TROUPE_LATER);
    cr_assert_eq(asked[1].err, TROUPE_LATER);
    cr_assert_eq(asked[2].err, TROUPE_OK);
    cr_assert_eq(*stage_clock() / TR_MS, 10);
    stage_advance(30);
    cr_assert_eq(stage_dead_letters(), 1, "the second answer is late");
    stage_close();
}

Test(ask_many, two_of_three_answer) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_asked asked[] = {{.to = enter(30)}, {.to = enter(0)}, {.to = enter(10)}};
    cr_assert_eq(ask(asked, 3, CUE_SAY, 2, 1000), TROUPE_OK);
    cr_assert_eq(asked[1].err, TROUPE_LATER);
    cr_assert_eq(*stage_clock() / TR_MS, 30);
    stage_close();
}

Test(ask_many, until_the_deadline) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_asked asked[] = {{.to = enter(10)}, {.to = enter(0)}};
    for (size_t want = 0; want <= 2; want += 2) {
        uint64_t before = *stage_clock();
        cr_assert_eq(ask(asked, 2, CUE_SAY, want, 50), TROUPE_TIMEOUT);
        cr_assert_eq(asked[0].err, TROUPE_OK, "it was in time");
        cr_assert_eq(asked[1].err, TROUPE_TIMEOUT);
        cr_assert_eq((*stage_clock() - before) / TR_MS, 50);
    }
    stage_close();
}

/* What each came to is said of each; to gather, that is all one wants. */
Test(ask_many, some_fail) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref gone = enter(0);
    cr_assert_eq(troupe_kill(rt, gone), TROUPE_OK);
    (void)stage_run();
    troupe_asked asked[] = {{.to = gone}, {.to = stage_enter(&ann)}, {.to = enter(5)}};
    asked[2].to.node++;
    cr_assert_eq(ask(asked, 3, CUE_ANSWER, 0, 1000), TROUPE_OK);
    cr_assert_eq(asked[0].err, TROUPE_GONE);
    cr_assert_eq(asked[1].err, TROUPE_OK);
    cr_assert_eq(asked[2].err, TROUPE_NOCONNECTION);
    stage_forget();
    stage_close();
}

Test(ask_many, so_many_fail_that_it_can_not_be) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_asked asked[] = {{.to = TROUPE_NOBODY}, {.to = enter(0)}, {.to = enter(40)}};
    cr_assert_eq(ask(asked, 3, CUE_SAY, 3, 1000), TROUPE_FAILED);
    cr_assert_eq(asked[0].err, TROUPE_GONE);
    cr_assert_eq(asked[1].err, TROUPE_LATER);
    cr_assert_eq(*stage_clock(), 0, "at once");
    asked[0].to = enter(1);
    cr_assert_eq(ask(asked, 2, CUE_FAIL, 1, 1000), TROUPE_FAILED);
    cr_assert_eq(asked[0].err, TROUPE_FAILED);
    cr_assert_eq(asked[1].err, TROUPE_FAILED);
    stage_close();
}

Test(ask_many, who_is_full_is_told_at_once) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &who), TROUPE_OK);
    for (uint32_t i = 0; i < 4; i++) cue(who, CUE_SAY, i);
    troupe_asked asked[] = {{.to = who}};
    cr_assert_eq(ask(asked, 1, CUE_ANSWER, 0, 1000), TROUPE_OK);
    cr_assert_eq(asked[0].err, TROUPE_FULL);
    (void)stage_run();
    stage_forget();
    stage_close();
}

/* The second question finds the first one in the way. */
Test(ask_many, one_with_a_mailbox_of_one_is_asked_twice) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_behaviour narrow = player_behaviour;
    narrow.mailbox_limit = 1;
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &narrow, &ann, &who), TROUPE_OK);
    for (int i = 0; i < 3; i++) {
        troupe_asked asked[] = {{.to = who}, {.to = who}};
        cr_assert_eq(ask(asked, 2, CUE_ANSWER, 0, 1000), TROUPE_OK);
        cr_assert_eq(asked[0].err, TROUPE_OK);
        cr_assert_eq(asked[1].err, TROUPE_FULL);
        (void)stage_run();
    }
    stage_forget();
    stage_close();
}

static troupe_err ask_inside(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_asked asked = {.to = troupe_me(self), .err = TROUPE_USER};
    const troupe_msg *before = *msg;
    cr_assert_eq(troupe_ask_many(troupe_runtime(self), &asked, 1, msg, 1, 10), TROUPE_INVALID);
    cr_assert_eq(*msg, before);
    cr_assert_eq(asked.err, TROUPE_USER);
    stage_say("done");
    return TROUPE_OK;
}

Test(ask_many, arguments_are_checked) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    static const troupe_behaviour inside = {.receive = ask_inside};
    troupe_asked asked = {.to = stage_enter(&ann)};
    troupe_msg *none = NULL, *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    stage_forget();
    cr_assert_eq(troupe_ask_many(rt, &asked, 1, &none, 1, 10), TROUPE_INVALID);
    cr_assert_eq(troupe_ask_many(rt, &asked, 0, &msg, 0, 10), TROUPE_INVALID);
    cr_assert_eq(troupe_ask_many(rt, &asked, 1, &msg, 2, 10), TROUPE_INVALID);
    cr_assert_eq(cue_n(msg), 1);
    troupe_drop(&msg);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &inside, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    stage_expect("done");
    stage_close();
}

/* Those who end while they are asked: all of it is settled, nothing is left. */
Test(ask_many, on_workers_with_some_that_end) {
    troupe *rt = stage_open(3);
    for (int round = 0; round < 200; round++) {
        troupe_asked asked[6];
        for (int i = 0; i < 6; i++) asked[i].to = enter(i % 3 == 0 ? 1 : 0);
        for (int i = 1; i < 6; i += 3) cr_assert_eq(troupe_kill(rt, asked[i].to), TROUPE_OK);
        troupe_err err = ask(asked, 6, CUE_SAY, 1 + (size_t)round % 2, 20000);
        cr_assert_eq(err, TROUPE_OK);
        for (int i = 0; i < 6; i++) {
            (void)troupe_kill(rt, asked[i].to);
            stage_await_gone(asked[i].to);
        }
    }
    stage_close();
}

/* Without memory nobody is asked, or each that was not is told so. */
Test(oom, troupe_ask_many) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe *rt = stage_open(TROUPE_STEPPED);
        troupe_asked asked[] = {{.to = stage_enter(&ann)}, {.to = stage_enter(&ann)}};
        troupe_msg *msg = cue_make(CUE_ANSWER, 7, TROUPE_NOBODY);
        stage_forget();
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_ask_many(rt, asked, 2, &msg, 0, 1000);
        bool refused = exhaust_to(&x);
        cr_assert(refused ? !err || err == TROUPE_NOMEM : !err);
        cr_assert_eq(msg == NULL, !err);
        if (msg) cr_assert_eq(cue_n(msg), 7);
        for (int i = 0; i < 2 && !err; i++) {
            cr_assert_eq(asked[i].answer != NULL, !asked[i].err);
            if (!refused) cr_assert_eq(asked[i].err, TROUPE_OK);
            troupe_drop(&asked[i].answer);
        }
        troupe_drop(&msg);
        cr_assert_eq(rt->asks.by_id.count, 0);
        stage_forget();
        stage_close();
    }
}
