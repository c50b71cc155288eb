/* Waits for an answer that somebody else was asked for first. */
#include <criterion/criterion.h>
#include <troupe/ask.h>

#include "actors/runtime.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(waits_forward, .timeout = 60);

enum { LONG = 50000, ASK, ASK_BACK };

static troupe_ref asks, passes, asks_back;

static troupe_err ask(troupe_self *self, troupe_ref to, uint32_t n) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    troupe_err err = troupe_ask(troupe_runtime(self), to, &msg, LONG);
    troupe_drop(&msg);
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const uint32_t n = cue_n(*msg);
    (void)state;
    if (n == ASK) stage_say("asks:%s", troupe_errname(ask(self, passes, ASK_BACK)));
    if (n == ASK_BACK) stage_say("asks_back:%s", troupe_errname(ask(self, asks, 0)));
    return troupe_reply(self, msg);
}

static troupe_err pass_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_forward(self, asks_back, msg);
}

/* The one in the middle goes on; the edge leads to whom it has passed the question on to. */
Test(waits_forward, a_question_that_was_passed_on_closes_a_circle) {
    (void)stage_open_as((troupe_config){.workers = 1, .break_deadlocks = true});
    const troupe_behaviour waits = {.name = "waits", .blocking = true, .receive = receive};
    const troupe_behaviour goes_on = {.name = "goes on", .receive = pass_on};
    cr_assert_eq(troupe_spawn(stage_rt(), &waits, NULL, &asks), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &goes_on, NULL, &passes), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &waits, NULL, &asks_back), TROUPE_OK);
    cue(asks, CUE_SAY, ASK);
    stage_expect("asks_back:DEADLOCK asks:OK");
    stage_close();
}
