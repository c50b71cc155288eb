#include "actors/waits.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdio.h>
#include <troupe/gather.h>
#include <troupe/join.h>

#include "actors/runtime.h"
#include "test/actors/waits_scene.h"
#include "test/support/gate.h"
#include "test/support/golden.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(waits, .timeout = 60);

enum { LONG = 50000 }; /* milliseconds that a test never takes */

/* --- Actors that wait for each other ---------------------------------------------------------- */

enum {
    ANSWER,    /* answers */
    KEEP,      /* keeps the address of who asks */
    TELL,      /* answers the kept one */
    ASK_KEPT,  /* asks `whom` to keep it, and says how that went */
    ASK,       /* asks `whom` for an ANSWER, says how that went, and answers */
    ASK_BACK,  /* asks `whom` to ask it */
    ASK_GIVEN, /* the same, once `whom` has given its address away */
    GIVE
};

struct errand {
    uint32_t act;
    bool gated; /* at the gate, first of all */
    troupe_ref whom;
};
static const troupe_type errand_type = TROUPE_TYPE(
    errand, TROUPE_FIELD(errand, act), TROUPE_FIELD(errand, gated), TROUPE_FIELD(errand, whom));

static troupe_ref kept;

static troupe_err answer(troupe_self *self) {
    return troupe_answer(self, &errand_type, &(struct errand){0});
}

static troupe_err ask(troupe *rt, troupe_ref to, uint32_t act, troupe_ref whom) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &errand_type, &(struct errand){act, false, whom}, &msg);
    if (!err) err = troupe_ask(rt, to, &msg, LONG);
    troupe_drop(&msg);
    return err;
}

static troupe_err run_errand(troupe_self *self, void *state, troupe_msg **msg) {
    const struct errand *it = troupe_as(*msg, &errand_type);
    troupe *rt = troupe_runtime(self);
    if (it->gated) gate_wait();
    if (it->act == KEEP) {
        kept = troupe_sender(self);
        stage_say("kept");
        return TROUPE_OK;
    }
    if (it->act == GIVE) {
        kept = troupe_sender(self);
        stage_say("given,%s", troupe_errname(ask(rt, it->whom, ANSWER, TROUPE_NOBODY)));
        return TROUPE_OK;
    }
    if (it->act == TELL) return troupe_send(self, kept, msg);
    if (it->act >= ASK_KEPT) {
        static const uint32_t then[] = {KEEP, ANSWER, ASK, GIVE};
        troupe_err err = ask(rt, it->whom, then[it->act - ASK_KEPT], troupe_me(self));
        stage_say("%s:%s", (const char *)state, troupe_errname(err));
    }
    return answer(self);
}

static troupe_err start_errands(troupe_self *self, void *state, const void *arg) {
    (void)self;
    snprintf(state, 8, "%s", (const char *)arg);
    return TROUPE_OK;
}

static const troupe_behaviour errands = {.name = "errands",
                                         .state_size = 8,
                                         .blocking = true,
                                         .start = start_errands,
                                         .receive = run_errand};

static troupe *open_breaking(void) {
    return stage_open_as((troupe_config){.workers = 1, .break_deadlocks = true});
}

static troupe_ref enter(const char *name) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &errands, name, &who), TROUPE_OK);
    cr_assert_eq(troupe_register(stage_rt(), who, name), TROUPE_OK);
    return who;
}

static void send(troupe_ref to, uint32_t act, troupe_ref whom, bool gated) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(stage_rt(), &errand_type, &(struct errand){act, gated, whom}, &msg),
                 TROUPE_OK);
    cr_assert_eq(troupe_post(stage_rt(), to, &msg), TROUPE_OK);
}

/* Has one ask another one, and returns once it waits, as the `nth`. */
static void ask_and_wait(troupe_ref who, troupe_ref whom, size_t nth) {
    send(who, ASK, whom, false);
    while (troupe_waits(stage_rt(), NULL, 0) < nth) sched_yield();
}

/* --- Circles ---------------------------------------------------------------------------------- */

Test(waits, two_ask_each_other_and_the_younger_wait_is_broken) {
    (void)open_breaking();
    troupe_ref a = enter("a"), b = enter("b");
    gate_shut();
    send(b, ASK, a, true);
    gate_await(1);
    ask_and_wait(a, b, 1); /* its question waits in the mailbox of b */
    gate_open(1);
    stage_expect("b:DEADLOCK a:OK");
    cr_assert_eq(stage_logged("deadlock: b waits for a: an answer"), 1);
    cr_assert_eq(stage_logged("; a waits for b: an answer"), 1);
    cr_assert_eq(troupe_waits(stage_rt(), NULL, 0), 0);
    stage_close();
}

Test(waits, whom_one_is_asked_by_is_asked_back) {
    (void)open_breaking();
    troupe_ref a = enter("a"), b = enter("b");
    send(a, ASK_BACK, b, false);
    stage_expect("b:DEADLOCK a:OK");
    stage_close();
}

Test(waits, one_asks_itself) {
    (void)open_breaking();
    troupe_ref a = enter("a");
    send(a, ASK, a, false);
    stage_expect("a:DEADLOCK");
    cr_assert_eq(stage_logged("a waits for a: an answer"), 1);
    stage_close();
}

Test(waits, three_in_a_ring_are_told_once_and_who_waits_for_them_is_not_in_it) {
    (void)open_breaking();
    troupe_ref a = enter("a"), b = enter("b"), c = enter("c"), out = enter("out");
    gate_shut();
    send(c, ASK, a, true);
    gate_await(1);
    ask_and_wait(b, c, 1);
    ask_and_wait(a, b, 2);
    ask_and_wait(out, a, 3);
    gate_open(1);
    stage_expect_all("c:DEADLOCK b:OK a:OK out:OK");
    cr_assert_eq(stage_logged("deadlock"), 1);
    cr_assert_eq(stage_logged("out waits"), 0);
    stage_close();
}

/* Waits until somebody has found out that a question was kept. */
static void await_kept(void) {
    tr_asks *asks = &stage_rt()->asks;
    for (bool found = false; !found; sched_yield()) {
        tr_lock(&asks->lock);
        tr_list *all = &asks->waits.suspended;
        for (tr_list *at = all->next; at != all; at = at->next) {
            const tr_wait *wait = TR_OWNER(at, tr_wait, suspended);
            found = found || TR_OWNER(wait->edges.next, tr_edge, of_wait)->kept;
        }
        tr_unlock(&asks->lock);
    }
}

/* Who is asked may leave the answer to a third one: then it may wait for who asked it. */
Test(waits, a_question_that_was_kept_is_no_edge_of_a_circle) {
    (void)open_breaking();
    troupe_ref a = enter("a"), b = enter("b"), c = enter("c");
    send(a, ASK_KEPT, b, false);
    stage_await(1); /* b has kept it */
    send(b, ASK, a, false);
    await_kept();
    send(c, TELL, TROUPE_NOBODY, false);
    stage_expect_all("kept a:OK b:OK");
    cr_assert_eq(stage_logged("deadlock"), 0);
    stage_close();
}

Test(waits, whoever_has_the_address_may_answer) {
    (void)open_breaking();
    troupe_ref a = enter("a"), b = enter("b"), c = enter("c");
    send(a, ASK_GIVEN, b, false);
    await_kept();
    send(c, TELL, TROUPE_NOBODY, false);
    stage_expect_all("a:OK given,OK");
    stage_close();
}

/* The same, but b has a second question of a's before it. */
Test(waits, of_two_questions_one_was_kept) {
    (void)open_breaking();
    troupe_ref a = enter("a"), b = enter("b"), c = enter("c");
    send(a, ASK_KEPT, b, false);
    stage_await(1);
    send(c, ASK_BACK, b, false); /* b asks c, which waits for b */
    stage_expect_all("kept b:DEADLOCK c:OK");
    send(c, TELL, TROUPE_NOBODY, false);
    stage_expect("a:OK");
    stage_close();
}

Test(waits, without_a_break_each_waits_until_the_close) {
    troupe *rt = stage_open_as((troupe_config){.workers = 1, .close_ms = 1});
    troupe_ref a = enter("a"), b = enter("b");
    gate_shut();
    send(b, ASK, a, true);
    gate_await(1);
    ask_and_wait(a, b, 1);
    gate_open(1);
    stage_await_log("each waits until its deadline");
    troupe_wait wait[3];
    cr_assert_eq(troupe_waits(rt, wait, 3), 2);
    cr_assert(troupe_same(wait[0].who, a) && troupe_same(wait[0].whom, b));
    cr_assert(troupe_same(wait[1].who, b) && troupe_same(wait[1].whom, a));
    cr_assert(wait[0].what == TROUPE_WAIT_ANSWER && wait[0].for_ms >= wait[1].for_ms);
    stage_close();
}

Test(waits, a_close_ends_them) {
    (void)stage_open_as((troupe_config){.workers = 1, .close_ms = 1});
    troupe_ref a = enter("a"), b = enter("b");
    send(a, ASK_KEPT, b, false);
    stage_await(1);
    stage_expect("kept");
    stage_close(); /* checks that nothing is left: a waited for LONG */
}

/* --- Waits for several ------------------------------------------------------------------------ */

static troupe_ref crew[2];
static bool crew_gated; /* it is asked only behind the gate */
static size_t wanted;

static troupe_err ask_crew(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (troupe_as(*msg, &errand_type)) return answer(self);
    if (crew_gated) gate_wait();
    troupe_asked asked[2] = {{.to = crew[0]}, {.to = crew[1]}};
    troupe_msg *question = NULL;
    troupe_err err = troupe_make(stage_rt(), &errand_type, &(struct errand){0}, &question);
    if (!err) err = troupe_ask_many(stage_rt(), asked, 2, &question, wanted, LONG);
    stage_say("many:%s,%s,%s", troupe_errname(err), troupe_errname(asked[0].err),
              troupe_errname(asked[1].err));
    for (int i = 0; i < 2; i++) troupe_drop(&asked[i].answer);
    return TROUPE_OK;
}

/* One that asks a crew of two, when it is given its cue. */
static troupe_ref enter_many(troupe_ref one, troupe_ref other, size_t want) {
    static const troupe_behaviour many = {.name = "many", .blocking = true, .receive = ask_crew};
    troupe_ref who;
    crew[0] = one;
    crew[1] = other;
    wanted = want;
    cr_assert_eq(troupe_spawn(stage_rt(), &many, NULL, &who), TROUPE_OK);
    return who;
}

/* Has one ask a crew of two, one of which waits for it in turn by the time. */
static troupe_ref many_ask(troupe_ref b, troupe_ref other, size_t want) {
    troupe_ref who = enter_many(b, other, want);
    gate_shut();
    send(b, ASK, who, true);
    gate_await(1);
    cue(who, CUE_SAY, 1);
    while (troupe_waits(stage_rt(), NULL, 0) < 2) sched_yield();
    gate_open(1);
    return who;
}

static troupe_err never_answer(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    (void)troupe_sender(self); /* as if to answer later */
    return TROUPE_OK;
}

static const troupe_behaviour silent = {.name = "silent", .receive = never_answer};

static troupe_ref enter_silent(void) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &silent, NULL, &who), TROUPE_OK);
    return who;
}

/* The last of those that one has asked will not answer, as if it had ended. */
static void fail_last(troupe_ref who) {
    tr_asks *asks = &stage_rt()->asks;
    tr_lock(&asks->lock);
    tr_map_entry *entry = tr_map_find(&asks->waits.by_actor, who.id);
    const tr_wait *wait = TR_OWNER(entry, tr_wait, by_actor);
    uint64_t asker = TR_OWNER(wait->edges.prev, tr_edge, of_wait)->asker;
    tr_unlock(&asks->lock);
    tr_ask_fail(asks, asker, TROUPE_GONE);
}

/* It answers, as if it had come to the question by now. */
static void answer_second(troupe_ref who) {
    tr_asks *asks = &stage_rt()->asks;
    tr_lock(&asks->lock);
    tr_map_entry *entry = tr_map_find(&asks->waits.by_actor, who.id);
    const tr_wait *wait = TR_OWNER(entry, tr_wait, by_actor);
    uint64_t asker = TR_OWNER(wait->edges.prev, tr_edge, of_wait)->asker;
    tr_unlock(&asks->lock);
    troupe_msg *msg = NULL;
    const struct errand body = {0};
    cr_assert_eq(troupe_make(stage_rt(), &errand_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(stage_rt(), (troupe_ref){who.node, asker}, &msg), TROUPE_OK);
}

Test(waits, to_gather_from_all_one_in_a_circle_is_enough) {
    (void)open_breaking();
    troupe_ref who = many_ask(enter("b"), enter_silent(), 0);
    stage_expect("b:DEADLOCK");
    fail_last(who);
    stage_expect("many:OK,OK,GONE");
    stage_close();
}

Test(waits, of_the_first_of_two_a_free_one_may_answer_until_it_ends) {
    (void)open_breaking();
    troupe_ref who = many_ask(enter("b"), enter_silent(), 1);
    await_looks(2);
    cr_assert_eq(stage_logged("deadlock"), 0);
    fail_last(who);
    stage_expect("b:DEADLOCK many:OK,OK,GONE");
    stage_close();
}

/* If one of two fails, it is over without the other. */
Test(waits, for_both_of_two_a_free_one_may_fail) {
    (void)open_breaking();
    troupe_ref who = many_ask(enter("b"), enter_silent(), 2);
    await_looks(2);
    fail_last(who);
    stage_expect("many:FAILED,LATER,GONE b:OK");
    cr_assert_eq(stage_logged("deadlock"), 0);
    stage_close();
}

/* Once the free one has answered, nothing can fail but what is in the circle. */
Test(waits, for_both_of_two_a_free_one_answers) {
    (void)open_breaking();
    troupe_ref free = enter_silent(), who = many_ask(enter("b"), free, 2);
    await_looks(2);
    cr_assert_eq(stage_logged("deadlock"), 0);
    answer_second(who);
    stage_expect("b:DEADLOCK many:OK,OK,OK");
    stage_close();
}

/* It is the youngest wait of both, and the second is there to be told of when the first is over. */
Test(waits, one_that_waits_for_both_of_two_is_in_one_circle_after_the_other) {
    (void)stage_open_as((troupe_config){.workers = 1, .close_ms = 1});
    troupe_ref b = enter("b"), c = enter("c"), who = enter_many(b, c, 2);
    crew_gated = true;
    gate_shut();
    cue(who, CUE_SAY, 1);
    gate_await(1);
    ask_and_wait(b, who, 1);
    ask_and_wait(c, who, 2);
    gate_open(1);
    stage_await_log("b waits for many: an answer");
    cr_assert_eq(stage_logged("c waits for many: an answer"), 0);
    fail_last(b);
    stage_await_log("c waits for many: an answer");
    stage_close();
}

/* --- Ends ------------------------------------------------------------------------------------- */

static troupe_err join_it(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_err why = TROUPE_OK;
    if (troupe_as(*msg, &errand_type)) return answer(self);
    troupe_err err = troupe_join(troupe_runtime(self), crew[0], LONG, &why, NULL);
    stage_say("join:%s,%s", troupe_errname(err), troupe_errname(why));
    return TROUPE_OK;
}

Test(waits, one_joins_an_actor_that_asks_it) {
    static const troupe_behaviour joins = {.name = "joins", .blocking = true, .receive = join_it};
    (void)open_breaking();
    troupe_ref who, b = crew[0] = enter("b");
    cr_assert_eq(troupe_spawn(stage_rt(), &joins, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    while (troupe_waits(stage_rt(), NULL, 0) < 1) sched_yield();
    send(b, ASK, who, false);
    stage_expect("b:DEADLOCK");
    cr_assert_eq(stage_logged("joins waits for b: its end"), 1);
    cr_assert_eq(troupe_stop(stage_rt(), b), TROUPE_OK);
    stage_expect("join:OK,SHUTDOWN");
    stage_close();
}

/* --- Seen ------------------------------------------------------------------------------------- */

static troupe_wait seen[4];
static size_t seen_count;

static troupe_err see(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    *stage_clock() += 3 * TR_MS;
    seen_count = troupe_waits(troupe_runtime(self), seen, 4);
    return troupe_reply(self, msg);
}

Test(waits, of_a_plain_thread_are_seen) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    static const troupe_behaviour seer = {.receive = see};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &seer, NULL, &who), TROUPE_OK);
    cr_assert_eq(ask(rt, who, ANSWER, TROUPE_NOBODY), TROUPE_OK);
    cr_assert_eq(seen_count, 1);
    cr_assert(troupe_same(seen[0].who, TROUPE_NOBODY) && troupe_same(seen[0].whom, who));
    cr_assert(seen[0].what == TROUPE_WAIT_ANSWER && seen[0].for_ms == 3);
    cr_assert_eq(troupe_waits(rt, NULL, 0), 0);
    stage_close();
}

Test(waits, a_simulated_actor_has_no_thread_to_wait_with) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref a = enter("a"), b = enter("b");
    send(a, ASK, b, false);
    stage_expect("a:INVALID");
    stage_close();
}

Test(waits, a_deadlock_is_a_report) {
    golden_forget();
    (void)stage_open_as(
        (troupe_config){.workers = 1, .report = golden_see, .break_deadlocks = true});
    troupe_ref a = enter("a"), b = enter("b");
    send(a, ASK_BACK, b, false);
    stage_expect("b:DEADLOCK a:OK");
    stage_close();
    golden_expect("actors", "deadlock");
}
