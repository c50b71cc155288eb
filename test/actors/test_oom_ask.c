/* Memory that runs out when actors ask each other. */
#include <criterion/criterion.h>
#include <troupe/ask.h>

#include "actors/runtime.h"
#include "actors/send.h"
#include "test/support/exhaust.h"
#include "test/support/nothing.h"
#include "test/support/player.h"
#include "test/support/stage.h"

static const player ann = {.id = "ann"};

static troupe_err echo(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_reply(self, msg);
}

static troupe_err then(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                       troupe_msg **answer) {
    (void)self, (void)state;
    cr_assert_eq(tag, 7);
    stage_say("%s", err ? troupe_errname(err) : *answer ? "answer" : "?");
    return TROUPE_OK;
}

/* --- Asking: once that is OK, neither question, answer nor time-out takes any memory ---------- */

static bool by_call;
static troupe_msg *question;
static troupe_ref whom;
static troupe_err how;
static exhaust *round_now;

static troupe_err ask_once(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t tag;
    if (troupe_answered(self, &tag)) return then(self, state, tag, TROUPE_OK, msg);
    troupe_msg *before = question;
    exhaust_from(round_now, stage_heap());
    how = by_call ? troupe_request_then(self, whom, &question, 1000, 7, then)
                  : troupe_request(self, whom, &question, 1000, 7);
    cr_assert_eq(question, how ? before : NULL);
    return TROUPE_OK;
}

static void ask_without_memory(bool call) {
    static const troupe_behaviour what = {.name = "asker", .receive = ask_once},
                                  echoes = {.name = "echo", .receive = echo};
    by_call = call;
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        troupe *rt = stage_open(STAGE_SIMULATED);
        troupe_ref asker;
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &asker), TROUPE_OK);
        cr_assert_eq(troupe_spawn(rt, &echoes, NULL, &whom), TROUPE_OK);
        question = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        round_now = &x;
        cue(asker, CUE_SAY, 1);
        (void)stage_run();
        cr_assert_eq(how, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        stage_expect(how ? "" : "answer");
        cr_assert_eq(rt->asks.by_id.count + rt->timers.by_id.count, 0);
        troupe_drop(&question);
    }
}

Test(oom, troupe_request) {
    ask_without_memory(false);
}

Test(oom, troupe_request_then) {
    ask_without_memory(true);
}

/* --- Passing on, in the name of an actor of another node -------------------------------------- */

static troupe_err pass(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    exhaust_from(round_now, stage_heap());
    how = troupe_forward(self, whom, &question);
    cr_assert_eq(how, exhaust_to(round_now) ? TROUPE_NOMEM : TROUPE_OK);
    cr_assert_eq(question == NULL, !how);
    return TROUPE_OK;
}

Test(oom, troupe_forward) {
    static const troupe_behaviour what = {.name = "clerk", .receive = pass};
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        troupe *rt = stage_open(STAGE_SIMULATED);
        troupe_ref clerk;
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &clerk), TROUPE_OK);
        whom = stage_enter(&ann);
        question = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        round_now = &x;
        troupe_msg *msg = cue_arrived(CUE_SAY, 2, TROUPE_NOBODY);
        cr_assert_eq(tr_send(rt, (troupe_ref){whom.node + 1, 5}, clerk, 0, &msg), TROUPE_OK);
        (void)stage_run();
        stage_expect(how ? "start(ann)" : "start(ann) ann:1");
        troupe_drop(&question);
    }
}

/* --- What takes none -------------------------------------------------------------------------- */

static void answered(void *ctx) {
    (void)ctx;
    cr_assert_not(troupe_answered(nothing.self, NULL));
}

Test(takes_nothing, troupe_answered) {
    cr_assert_eq(nothing_inside(answered), TROUPE_TIMEOUT);
}

static void withdraw(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_withdraw(nothing.self, 1), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_withdraw) {
    cr_assert_eq(nothing_inside(withdraw), TROUPE_TIMEOUT);
}
