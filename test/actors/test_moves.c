#define TROUPE_DEBUG_MOVES
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <troupe/moves.h>
#include <troupe/report.h>

#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(moves, .timeout = 60);

/* What was told: how often, the last text, and its line. */
static unsigned told;
static char text[256];
static int line;
static troupe_report_kind kind;

static void see(void *ctx, const troupe_report *report) {
    (void)ctx;
    told++;
    kind = report->kind;
    line = report->line;
    (void)snprintf(text, sizeof text, "%s", report->text);
}

static troupe *open_stage(void) {
    told = 0;
    return stage_open_as((troupe_config){.workers = STAGE_SIMULATED, .report = see});
}

/* That one report names both calls and their lines. */
static void expect(const char *second, int used, const char *first, int moved) {
    char words[256];
    (void)snprintf(words, sizeof words,
                   "%s got a message that %s at test/actors/test_moves.c:%d "
                   "has moved on",
                   second, first, moved);
    cr_assert_eq(told, 1);
    cr_assert_str_eq(text, words);
    cr_assert_eq(line, used);
}

static troupe_ref other;
static int first_line, second_line;
static enum { TWICE, REPLIED, TIMED, REFILLED, REFUSED, NEVER_THERE } way;

static troupe_err refill(troupe_self *self, troupe_msg **msg) {
    troupe_err err = troupe_send(self, other, msg);
    for (int i = 0; !err && i < 3; i++) {
        err = troupe_make(troupe_runtime(self), &cue_type, &(struct cue){.n = 1}, msg);
        if (!err) err = troupe_send(self, other, msg);
    }
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *none = NULL;
    switch (way) {
    case TWICE:
        if (troupe_send(self, other, msg)) return TROUPE_FAILED;
        first_line = __LINE__ - 1;
        second_line = __LINE__ + 1;
        return troupe_send(self, other, msg) == TROUPE_INVALID ? TROUPE_OK : TROUPE_FAILED;
    case REPLIED:
        if (troupe_reply(self, msg)) return TROUPE_FAILED;
        first_line = __LINE__ - 1;
        second_line = __LINE__ + 1;
        return troupe_reply(self, msg);
    case TIMED:
        if (troupe_send_after(self, 5, other, msg, NULL)) return TROUPE_FAILED;
        first_line = __LINE__ - 1;
        second_line = __LINE__ + 1;
        return troupe_send_after(self, 5, other, msg, NULL);
    case REFILLED:
        return refill(self, msg);
    case REFUSED: /* is still there, and ends otherwise */
        if (!troupe_send(self, TROUPE_NOBODY, msg)) return TROUPE_FAILED;
        troupe_drop(msg);
        return troupe_send(self, other, msg) == TROUPE_INVALID ? TROUPE_OK : TROUPE_FAILED;
    case NEVER_THERE:
        return troupe_send(self, other, &none) == TROUPE_INVALID ? TROUPE_OK : TROUPE_FAILED;
    }
    return TROUPE_OK;
}

static const player ann = {.id = "ann"};
static const troupe_behaviour mover = {.name = "mover", .receive = receive};

static troupe_ref enter(void) {
    troupe_ref who = TROUPE_NOBODY;
    other = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(stage_rt(), &mover, NULL, &who), TROUPE_OK);
    return who;
}

Test(moves, a_message_that_is_sent_twice_fails_its_actor_with_both_places) {
    (void)open_stage();
    troupe_ref who = enter();
    cue(who, CUE_SAY, 1);
    (void)stage_run();
    expect("troupe_send", second_line, "troupe_send", first_line);
    cr_assert_eq(kind, TROUPE_REPORT_FAILED);
    cr_assert_not(stage_there(who), "though its callback has said OK");
    stage_close();
}

Test(moves, other_calls_move_too) {
    (void)open_stage();
    way = TIMED;
    cue(enter(), CUE_SAY, 1);
    (void)stage_run();
    expect("troupe_send_after", second_line, "troupe_send_after", first_line);
    stage_close();
    troupe *rt = open_stage();
    way = REPLIED;
    troupe_ref who = enter();
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, who, &msg, 1000), TROUPE_OK);
    troupe_drop(&msg);
    (void)stage_run();
    expect("troupe_reply", second_line, "troupe_reply", first_line);
    stage_close();
}

/* In the callback: calls it twice, and keeps where. */
#define TWO_OF(call, ...)                                                                          \
    static troupe_err call##_twice(troupe_self *self, troupe_msg **msg) {                          \
        (void)self;                                                                                \
        first_line = __LINE__;                                                                     \
        if (call(__VA_ARGS__)) return TROUPE_FAILED;                                               \
        second_line = first_line;                                                                  \
        return call(__VA_ARGS__);                                                                  \
    }

static troupe_pool *pool;
static const troupe_delivery plainly;
TWO_OF(troupe_send_any, self, "all", msg)
TWO_OF(troupe_send_group, self, "all", msg, NULL)
TWO_OF(troupe_send_keyed, self, "all", 7, msg)
TWO_OF(troupe_send_with, self, other, msg, &plainly)
TWO_OF(troupe_request, self, other, msg, 5, 7)
TWO_OF(troupe_forward, self, other, msg)
TWO_OF(troupe_pool_send, self, pool, msg)
TWO_OF(troupe_pool_request, self, pool, msg, 5, 7)
TWO_OF(troupe_set_timer, self, 7, 5, 0, msg)
TWO_OF(troupe_publish, troupe_runtime(self), "all", msg, NULL)

static const struct {
    const char *name;
    troupe_err (*twice)(troupe_self *self, troupe_msg **msg);
    bool thread; /* it does not say which actor calls */
} calls[] = {{"troupe_send_any", troupe_send_any_twice, false},
             {"troupe_send_group", troupe_send_group_twice, false},
             {"troupe_send_keyed", troupe_send_keyed_twice, false},
             {"troupe_send_with", troupe_send_with_twice, false},
             {"troupe_request", troupe_request_twice, false},
             {"troupe_forward", troupe_forward_twice, false},
             {"troupe_pool_send", troupe_pool_send_twice, false},
             {"troupe_pool_request", troupe_pool_request_twice, false},
             {"troupe_set_timer", troupe_set_timer_twice, false},
             {"troupe_publish", troupe_publish_twice, true}};
enum { CALLS = sizeof calls / sizeof *calls };
static int nth;

static troupe_err call_twice(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)calls[nth].twice(self, msg);
    return TROUPE_OK;
}

/* Of all of them a house rule says that they are seen. */
Test(moves, whatever_moves_is_seen) {
    static const troupe_behaviour twice = {.name = "twice", .receive = call_twice};
    const troupe_pool_plan plan = {
        .name = "pool", .member = {.what = &player_behaviour, .arg = &ann}, .min = 1};
    for (nth = 0; nth < CALLS; nth++) {
        troupe *rt = open_stage();
        troupe_ref who;
        other = stage_enter(&ann);
        cr_assert_eq(troupe_join_group(rt, other, "all"), TROUPE_OK);
        cr_assert_eq(troupe_pool_open(rt, &plan, 1000, &pool), TROUPE_OK);
        cr_assert_eq(troupe_spawn(rt, &twice, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 1);
        (void)stage_run();
        expect(calls[nth].name, second_line, calls[nth].name, first_line);
        cr_assert_eq(stage_there(who), calls[nth].thread);
        stage_forget();
        stage_close();
    }
}

/* Which is no mistake: nothing is told, and the actor lives. */
static void is_fine(int what, unsigned times) {
    (void)open_stage();
    way = what;
    troupe_ref who = enter();
    for (unsigned i = 0; i < times; i++) cue(who, CUE_SAY, 1);
    (void)stage_run();
    cr_assert_eq(told, 0);
    cr_assert(stage_there(who));
    stage_close();
}

Test(moves, a_variable_may_be_used_again_for_another_message) {
    is_fine(REFILLED, 1);
    is_fine(REFILLED, 9); /* and in each callback anew */
}

Test(moves, a_refused_message_was_not_moved) {
    is_fine(REFUSED, 3);
}

Test(moves, a_variable_that_never_had_one_is_just_invalid) {
    is_fine(NEVER_THERE, 3);
}

/* Moves a variable that outlives the callback, and uses it in the next one. */
static troupe_err once(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    static troupe_msg *variable;
    bool first = cue_n(*msg) == 1;
    if (first) {
        variable = *msg;
        *msg = NULL;
    }
    troupe_err err = troupe_send(self, other, &variable);
    return err == (first ? TROUPE_OK : TROUPE_INVALID) ? TROUPE_OK : TROUPE_FAILED;
}

Test(moves, the_move_of_an_earlier_callback_is_not_this_ones) {
    troupe *rt = open_stage();
    const troupe_behaviour what = {.name = "once", .receive = once};
    troupe_ref who;
    other = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    cue(who, CUE_SAY, 2);
    (void)stage_run();
    cr_assert_eq(told, 0);
    cr_assert(stage_there(who));
    stage_close();
}

Test(moves, a_plain_thread_hears_of_it_too) {
    troupe *rt = open_stage();
    troupe_ref who = stage_enter(&ann);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
    int moved = __LINE__ - 1;
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_INVALID);
    expect("troupe_post", __LINE__ - 1, "troupe_post", moved);
    cr_assert_eq(kind, TROUPE_REPORT_MISTAKE);
    (void)stage_run();
    stage_close();
}

Test(moves, only_the_last_ones_are_kept) {
    enum { MANY = 9 };
    troupe *rt = open_stage();
    troupe_ref who = stage_enter(&ann);
    troupe_msg *msg[MANY];
    for (int i = 0; i < MANY; i++) {
        msg[i] = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        cr_assert_eq(troupe_post(rt, who, &msg[i]), TROUPE_OK);
    }
    cr_assert_eq(troupe_post(rt, who, &msg[0]), TROUPE_INVALID);
    cr_assert_eq(told, 0, "forgotten");
    for (int i = 1; i < MANY; i++) {
        cr_assert_eq(troupe_post(rt, who, &msg[i]), TROUPE_INVALID);
        cr_assert_eq(told, i);
    }
    (void)stage_run();
    stage_close();
}

/* --- Without memory --------------------------------------------------------------------------- */

static struct {
    troupe_self *self;
    troupe_msg **msg;
    void (*act)(void *ctx);
} it;

static troupe_err play(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    it.self = self;
    it.msg = msg;
    exhaust_nothing(stage_heap(), it.act, NULL);
    return TROUPE_OK;
}

/* Does `act` in a callback, with a message in hand. */
static void inside(void (*act)(void *ctx)) {
    troupe *rt = open_stage();
    const troupe_behaviour what = {.name = "actor", .receive = play};
    troupe_ref who;
    it.act = act;
    other = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    (void)stage_run();
    stage_close();
}

static void do_send(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_send_seen("a.c", 1, it.self, other, it.msg), TROUPE_OK);
}

Test(moves, send_takes_nothing_more) {
    inside(do_send);
}

static void do_reply(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_reply_seen("a.c", 1, it.self, it.msg), TROUPE_OK);
}

Test(moves, reply_takes_nothing_more) {
    inside(do_reply);
}

static void do_post(void *ctx) {
    (void)ctx;
    troupe *rt = troupe_runtime(it.self);
    cr_assert_eq(troupe_post_seen("a.c", 1, rt, other, it.msg), TROUPE_OK);
}

Test(moves, post_takes_nothing_more) {
    inside(do_post);
}

/* Takes what the call takes that it stands around, and no more. */
static void do_send_after(void *ctx) {
    (void)ctx;
    const troupe_msg *before = *it.msg;
    troupe_err err = troupe_send_after_seen("a.c", 1, it.self, 5, other, it.msg, NULL);
    cr_assert_eq(err, TROUPE_NOMEM);
    cr_assert_eq(*it.msg, before);
}

static troupe_err play_without(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    it.self = self;
    it.msg = msg;
    counting_heap_fail(stage_heap(), 1, 0);
    do_send_after(NULL);
    cr_assert_eq(counting_heap_look(stage_heap()).refused, 1);
    return troupe_send_after_seen("a.c", 1, self, 5, other, msg, NULL);
}

Test(moves, send_after_takes_no_more_than_it_does) {
    troupe *rt = open_stage();
    const troupe_behaviour what = {.name = "actor", .receive = play_without};
    troupe_ref who;
    other = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    (void)stage_run();
    cr_assert(stage_there(who));
    stage_close();
}
