/* Questions that are passed on: the duty to answer goes with them. */
#include <criterion/criterion.h>
#include <troupe/ask.h>
#include <troupe/gather.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(forward, .timeout = 120);

enum { LONG_MS = 30000 };

static const player ann = {.id = "ann"}, bob = {.id = "bob"};

/* Passes cues on to whom they are about, who gets them about nobody; `twice`: and once more. */
struct clerk {
    bool twice, fails, reads;
};

static troupe_err pass(troupe_self *self, void *state, troupe_msg **msg) {
    const struct clerk *clerk = *(const struct clerk **)state;
    const struct cue cue = *(const struct cue *)troupe_as(*msg, &cue_type);
    troupe_msg *on = cue_make(cue.act, cue.n, TROUPE_NOBODY), *again = NULL;
    if (clerk->reads) (void)troupe_sender(self);
    if (clerk->twice) again = cue_make(cue.act, cue.n + 1, TROUPE_NOBODY);
    troupe_err err = troupe_forward(self, cue.who, &on);
    if (err) stage_say("%s", troupe_errname(err));
    cr_assert_eq(on == NULL, !err);
    if (again) err = troupe_forward(self, cue.who, &again);
    troupe_drop(&on);
    troupe_drop(&again);
    return clerk->fails ? (troupe_err)TROUPE_USER : TROUPE_OK;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(const void **)state = arg;
    return TROUPE_OK;
}

static troupe_ref enter(const struct clerk *clerk) {
    static const troupe_behaviour what = {.name = "clerk",
                                          .start = start,
                                          .receive = pass,
                                          .state_size = sizeof(void *),
                                          .mailbox_limit = 1};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &what, clerk, &who), TROUPE_OK);
    return who;
}

/* Asks by a thread; on OK returns the answer's number. */
static troupe_err ask(troupe_ref who, uint32_t act, uint32_t n, troupe_ref about, uint32_t *out) {
    troupe_msg *msg = cue_make(act, n, about);
    troupe_err err = troupe_ask(stage_rt(), who, &msg, LONG_MS);
    if (!err) *out = cue_n(msg);
    troupe_drop(&msg);
    return err;
}

Everywhere(forward, who_it_was_passed_to_answers) {
    static const struct clerk plain, fails = {.fails = true};
    (void)stage_open(workers);
    uint32_t n = 0;
    troupe_ref a = stage_enter(&ann);
    stage_forget();
    cr_assert_eq(ask(enter(&plain), CUE_ANSWER, 5, a, &n), TROUPE_OK);
    cr_assert_eq(n, 5);
    cr_assert_eq(ask(enter(&fails), CUE_ANSWER, 6, a, &n), TROUPE_OK);
    cr_assert_eq(n, 6, "whoever has passed it on owes nothing, and may fail");
    cr_assert_eq(ask(enter(&plain), CUE_COUNT, 7, a, &n), TROUPE_BROKEN, "the duty is ann's");
    stage_expect("ann=1");
    cr_assert_eq(ask(enter(&plain), CUE_EXIT, 0, a, &n), TROUPE_STOPPED);
    stage_expect("stop(ann,OK)");
    cr_assert_eq(stage_dead_letters(), 1, "of the one that failed");
    stage_close();
}

/* What can't be passed on is the handler's still, which answers for it. */
Test(forward, what_is_refused_is_owed_still) {
    static const struct clerk plain, reads = {.reads = true};
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref full;
    uint32_t n;
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &full), TROUPE_OK);
    stage_expect("start(ann)");
    stage_hold(full);
    for (uint32_t i = 0; i < 4; i++) cue(full, CUE_SAY, i);
    cr_assert_eq(ask(enter(&plain), CUE_ANSWER, 5, full, &n), TROUPE_BROKEN);
    stage_expect("FULL");
    cr_assert_eq(ask(enter(&plain), CUE_ANSWER, 5, TROUPE_NOBODY, &n), TROUPE_BROKEN);
    cr_assert_eq(ask(enter(&plain), CUE_ANSWER, 5, (troupe_ref){full.node + 1, full.id}, &n),
                 TROUPE_BROKEN);
    cr_assert_eq(ask(enter(&reads), CUE_ANSWER, 5, TROUPE_NOBODY, &n), TROUPE_TIMEOUT,
                 "one that has read the address may answer later, and nobody knows when");
    stage_expect("GONE NOCONNECTION GONE");
    stage_let_go(full);
    stage_expect("ann:0 ann:1 ann:2 ann:3");
    stage_close();
}

Test(forward, of_two_the_first_answer_counts) {
    static const struct clerk twice = {.twice = true};
    (void)stage_open(TROUPE_STEPPED);
    uint32_t n = 0;
    troupe_ref a = stage_enter(&ann);
    cr_assert_eq(ask(enter(&twice), CUE_ANSWER, 5, a, &n), TROUPE_OK);
    cr_assert_eq(n, 5);
    (void)stage_run();
    cr_assert_eq(stage_dead_letters(), 1);
    stage_close();
}

/* What is no question goes on in the name of its sender, who gets what is replied as a message. */
static troupe_err has_sender(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (cue_n(*msg) == 1) {
        cr_assert_eq(troupe_sender(self).id, 0);
        return TROUPE_OK;
    }
    return troupe_reply(self, msg);
}

Test(forward, a_message_goes_on_in_its_senders_name) {
    static const struct clerk plain;
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.receive = has_sender};
    troupe_ref last, from = stage_enter(&bob);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &last), TROUPE_OK);
    cue_about(enter(&plain), CUE_SAY, 1, last);
    stage_expect("start(bob)");
    /* Bob's message to the clerk is a cue of his about nobody; so the clerk says GONE. */
    cue_about(from, CUE_PASS, 2, enter(&plain));
    stage_expect("GONE");
    stage_close();
}

static troupe_ref next;

static troupe_err pass_next(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_forward(self, next, msg);
}

Test(forward, a_reply_comes_to_the_first_sender) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour middle = {.receive = pass_next}, end = {.receive = has_sender};
    troupe_ref from = stage_enter(&bob), by;
    cr_assert_eq(troupe_spawn(rt, &end, NULL, &next), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &middle, NULL, &by), TROUPE_OK);
    cue_about(from, CUE_PASS, 2, by);
    stage_expect("start(bob) bob:2");
    stage_close();
}

/* --- Broken promises of threads' asks --------------------------------------------------------- */

Everywhere(forward, a_thread_hears_of_a_broken_promise_too) {
    troupe *rt = stage_open(workers);
    troupe_asked asked[2] = {{.to = stage_enter(&ann)}, {.to = stage_enter(&bob)}};
    uint32_t n = 0;
    stage_forget();
    cr_assert_eq(ask(asked[0].to, CUE_SAY, 1, TROUPE_NOBODY, &n), TROUPE_BROKEN);
    troupe_msg *msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask_many(rt, asked, 2, &msg, 1, LONG_MS), TROUPE_FAILED);
    for (int i = 0; i < 2; i++) cr_assert_eq(asked[i].err, TROUPE_BROKEN);
    stage_expect_all("ann:1 ann:2 bob:2");
    stage_close();
}
