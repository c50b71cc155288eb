#include <criterion/criterion.h>
#include <troupe/delivery.h>
#include <troupe/gather.h>
#include <troupe/supervisor.h>

#include "actors/runtime.h"
#include "base/heap.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(ask, .timeout = 60);

static const player ann = {.id = "ann"};

/* Asks by a cue; on OK returns the answer's number. */
static troupe_err ask(troupe_ref who, uint32_t act, uint32_t n, unsigned ms, uint32_t *answer) {
    troupe_msg *msg = cue_make(act, n, TROUPE_NOBODY), *before = msg;
    troupe_err err = troupe_ask(stage_rt(), who, &msg, ms);
    if (err == TROUPE_OK)
        *answer = cue_n(msg);
    else
        cr_assert(msg == NULL || msg == before);
    troupe_drop(&msg);
    return err;
}

static void answered(unsigned workers) {
    (void)stage_open(workers);
    troupe_ref who = stage_enter(&ann);
    uint32_t n = 0;
    for (uint32_t i = 1; i < 100; i++) {
        cr_assert_eq(ask(who, CUE_ANSWER, i, 20000, &n), TROUPE_OK);
        cr_assert_eq(n, i);
    }
    stage_expect("start(ann)");
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

Test(ask, an_answer_takes_the_questions_place) {
    answered(STAGE_SIMULATED);
    answered(1);
    answered(4);
}

static void ended(unsigned workers) {
    troupe *rt = stage_open(workers);
    uint32_t n;
    troupe_ref who = stage_enter(&ann);
    cr_assert_eq(ask(who, CUE_FAIL, TROUPE_USER, 20000, &n), TROUPE_FAILED);
    stage_expect("start(ann) stop(ann,USER)");
    who = stage_enter(&ann);
    cr_assert_eq(ask(who, CUE_EXIT, TROUPE_OK, 20000, &n), TROUPE_STOPPED);
    stage_expect("start(ann) stop(ann,OK)");
    stage_await_gone(who);
    troupe_msg *msg = cue_make(CUE_ANSWER, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, who, &msg, 20000), TROUPE_STOPPED);
    cr_assert_not_null(msg, "it was never sent, so it is still the asker's");
    cr_assert_eq(troupe_ask(rt, TROUPE_NOBODY, &msg, 20000), TROUPE_GONE);
    cr_assert_eq(troupe_ask(rt, (troupe_ref){who.node + 1, who.id}, &msg, 9), TROUPE_NOCONNECTION);
    cr_assert_eq(cue_n(msg), 1);
    troupe_drop(&msg);
    stage_close();
}

Test(ask, one_that_fails_on_the_question_or_ends_does_not_answer) {
    ended(STAGE_SIMULATED);
    ended(1);
    ended(4);
}

static troupe_err answer_and_fail(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    cr_assert_eq(troupe_reply(self, msg), TROUPE_OK);
    return TROUPE_FAILED;
}

Test(ask, what_was_answered_before_a_failure_counts) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.receive = answer_and_fail};
    troupe_ref who;
    uint32_t n;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(ask(who, CUE_SAY, 6, 1000, &n), TROUPE_OK);
    cr_assert_eq(n, 6);
    cr_assert_not(stage_there(who));
    stage_close();
}

static troupe_err answer_twice(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    for (uint32_t i = 0; i < 2; i++) {
        const struct cue body = {.act = CUE_SAY, .n = cue->n + i};
        cr_assert_eq(troupe_answer(self, &cue_type, &body), TROUPE_OK);
    }
    return TROUPE_OK;
}

Test(ask, the_first_answer_counts_and_the_second_is_a_dead_letter) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_behaviour what = {.receive = answer_twice};
    troupe_ref who;
    uint32_t n;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(ask(who, CUE_SAY, 6, 1000, &n), TROUPE_OK);
    cr_assert_eq(n, 6);
    cr_assert_eq(stage_dead_letters(), 1);
    stage_close();
}

static void mail_left(unsigned workers) {
    troupe *rt = stage_open(workers);
    const troupe_behaviour what = {.receive = player_behaviour.receive,
                                   .start = player_behaviour.start,
                                   .state_size = player_behaviour.state_size};
    troupe_ref who;
    uint32_t n;
    cr_assert_eq(troupe_spawn(rt, &what, &ann, &who), TROUPE_OK);
    cue(who, CUE_EXIT, TROUPE_OK); /* the question will be behind this */
    troupe_err err = ask(who, CUE_ANSWER, 1, 20000, &n);
    cr_assert_eq(err, TROUPE_STOPPED);
    stage_close();
}

Test(ask, a_question_left_in_the_mail_of_one_that_ends_is_told_stopped) {
    mail_left(STAGE_SIMULATED);
    for (int i = 0; i < 50; i++) mail_left(1);
}

/* --- Stopped, or gone ------------------------------------------------------------------------- */

static void stop_it(troupe_ref who) {
    cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
}

static void kill_it(troupe_ref who) {
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
}

static void exit_it(troupe_ref who) {
    cue(who, CUE_EXIT, TROUPE_SHUTDOWN);
}

static void fail_it(troupe_ref who) {
    cue(who, CUE_FAIL, TROUPE_USER);
}

/* What hears who asks one that ends before it comes to the question; who asks when it has ended;
 * and who does so when another one has its place. */
static void told_how(void (*end)(troupe_ref), troupe_err expected) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    troupe_asked asked = {.to = who};
    uint32_t n;
    end(who);
    cr_assert_eq(ask(who, CUE_ANSWER, 1, 20000, &n), expected);
    stage_await_gone(who);
    troupe_msg *msg = cue_make(CUE_ANSWER, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, who, &msg, 20000), expected);
    cr_assert_eq(troupe_ask_with(rt, who, &msg, &(troupe_delivery){.urgent = true}, 20000),
                 expected);
    cr_assert_not_null(msg, "it was never sent");
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_GONE, "a send is told as ever");
    cr_assert_eq(troupe_ask_many(rt, &asked, 1, &msg, 0, 20000), TROUPE_OK);
    cr_assert_eq(asked.err, expected);
    const troupe_ref before = {who.node, who.id - (UINT64_C(1) << 32)};
    cr_assert_eq(ask(before, CUE_ANSWER, 1, 20000, &n), TROUPE_GONE);
    troupe_ref next = stage_enter(&ann);
    cr_assert_eq((uint32_t)next.id, (uint32_t)who.id);
    cr_assert_eq(ask(who, CUE_ANSWER, 1, 20000, &n), TROUPE_GONE);
    stage_forget();
    stage_close();
}

Test(ask, of_one_that_ended_in_good_order_says_stopped_and_of_any_other_gone) {
    told_how(stop_it, TROUPE_STOPPED);
    told_how(exit_it, TROUPE_STOPPED);
    told_how(kill_it, TROUPE_GONE);
    told_how(fail_it, TROUPE_GONE);
}

static void in_the_tree(bool gives_up) {
    const troupe_child child = {.id = "ann", .what = &player_behaviour, .arg = &ann, .name = "ann"};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 1};
    troupe_ref root, who;
    uint32_t n;
    (void)stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_supervise(stage_rt(), &tree, 1000, &root), TROUPE_OK);
    who = stage_find("ann");
    if (gives_up) cue(who, CUE_FAIL, TROUPE_USER);
    if (gives_up) cue(who, CUE_FAIL, TROUPE_USER); /* over one restart the mail waits, this too */
    if (!gives_up) stop_it(root);
    if (!gives_up) cr_assert(troupe_sim_step(stage_rt()->sim)); /* root asks it to stop */
    cr_assert_eq(ask(who, CUE_ANSWER, 1, 20000, &n), gives_up ? TROUPE_GONE : TROUPE_STOPPED);
    cr_assert_eq(ask(root, CUE_ANSWER, 1, 20000, &n), gives_up ? TROUPE_GONE : TROUPE_STOPPED);
    stage_forget();
    stage_close();
}

Test(ask, of_a_child_that_its_supervisor_stops_says_stopped_and_gone_if_it_gives_up) {
    in_the_tree(false);
    in_the_tree(true);
}

Test(ask, nobody_waits_past_the_deadline) {
    (void)stage_open(2);
    troupe_ref who = stage_enter(&ann);
    uint32_t n;
    cr_assert_eq(ask(who, CUE_KEEP, 0, 20, &n), TROUPE_TIMEOUT);
    cr_assert_eq(ask(who, CUE_KEEP, 0, 0, &n), TROUPE_TIMEOUT);
    stage_close();
}

Test(ask, a_stepped_runtime_that_has_nothing_to_do_will_not_answer) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    uint32_t n;
    cr_assert_eq(ask(who, CUE_KEEP, 0, 1000000, &n), TROUPE_TIMEOUT);
    stage_close();
}

static troupe_err go_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_sender(self).id ? troupe_send(self, troupe_me(self), msg) : TROUPE_OK;
}

Test(ask, a_stepped_runtime_that_never_rests_does_not_hold_the_asker_up) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_behaviour what = {.receive = go_on};
    troupe_ref who;
    uint32_t n;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(ask(who, CUE_SAY, 0, 20, &n), TROUPE_TIMEOUT);
    stage_close();
}

Test(ask, a_late_answer_is_dropped) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    uint32_t n;
    cr_assert_eq(ask(who, CUE_KEEP, 0, 5, &n), TROUPE_TIMEOUT);
    cue(who, CUE_LATE, 1);
    stage_expect("start(ann) late(GONE)");
    cr_assert_eq(stage_dead_letters(), 0, "by send it is told, by reply it is a dead letter");
    stage_close();
}

Test(ask, a_late_reply_is_a_dead_letter) {
    (void)stage_open(4);
    troupe_ref who = stage_enter(&ann);
    uint32_t n;
    uint64_t timeouts = 0;
    for (int i = 0; i < 200; i++) /* some are in time */
        timeouts += ask(who, CUE_ANSWER, 0, 0, &n) == TROUPE_TIMEOUT;
    cue(who, CUE_SAY, 1);
    stage_expect("start(ann) ann:1");
    cr_assert_eq(stage_dead_letters(), timeouts);
    stage_close();
}

Test(ask, a_mailbox_of_one_is_enough_and_told_when_it_is_full) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_behaviour narrow = player_behaviour;
    narrow.mailbox_limit = 1;
    troupe_ref who;
    uint32_t n;
    cr_assert_eq(troupe_spawn(rt, &narrow, &ann, &who), TROUPE_OK);
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(ask(who, CUE_ANSWER, i, 1000, &n), TROUPE_OK);
        cr_assert_eq(n, i);
        (void)stage_run();
        cue(who, CUE_SAY, i);
        cr_assert_eq(ask(who, CUE_ANSWER, 7, 1000, &n), TROUPE_FULL);
        (void)stage_run();
    }
    stage_expect("start(ann) ann:0 ann:1 ann:2 ann:3 ann:4");
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK); /* before the question that fills it */
    cr_assert_eq(ask(who, CUE_ANSWER, 8, 1000, &n), TROUPE_STOPPED);
    stage_forget();
    stage_close();
}

Test(ask, a_full_mailbox_is_told_at_once) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &who), TROUPE_OK);
    for (uint32_t i = 0; i < 4; i++) cue(who, CUE_SAY, i);
    troupe_msg *msg = cue_make(CUE_ANSWER, 5, TROUPE_NOBODY);
    cr_assert_eq(troupe_ask(rt, who, &msg, 1000), TROUPE_FULL);
    cr_assert_eq(cue_n(msg), 5);
    stage_expect("start(ann) ann:0 ann:1 ann:2 ann:3");
    cr_assert_eq(troupe_ask(rt, who, &msg, 1000), TROUPE_OK);
    cr_assert_eq(cue_n(msg), 5);
    troupe_drop(&msg);
    stage_close();
}

static troupe_err ask_inside(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *before = *msg;
    stage_say("%s", troupe_errname(troupe_ask(troupe_runtime(self), troupe_me(self), msg, 1000)));
    cr_assert_eq(*msg, before);
    return TROUPE_OK;
}

static void start_and_ask(troupe_self *self) {
    troupe_msg *msg = cue_make(CUE_ANSWER, 5, TROUPE_NOBODY);
    stage_say("%s", troupe_errname(troupe_ask(troupe_runtime(self), troupe_me(self), &msg, 1000)));
    troupe_drop(&msg);
}

static void from_inside(unsigned workers) {
    troupe *rt = stage_open(workers);
    const troupe_behaviour what = {.receive = ask_inside};
    const player early = {.id = "early", .at_start = start_and_ask};
    troupe_ref who;
    uint32_t n;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    stage_expect("INVALID");
    who = stage_enter(&early);
    stage_expect("start(early) INVALID");
    cr_assert_eq(ask(who, CUE_ANSWER, 1, 20000, &n), TROUPE_OK, "outside it is fine again");
    stage_close();
}

Test(ask, callbacks_may_not_wait) {
    from_inside(STAGE_SIMULATED);
    from_inside(4);
}

static troupe_err hand_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct cue body = {.act = CUE_LATE, .n = cue->n, .who = troupe_sender(self)};
    return troupe_tell(self, cue->who, &cue_type, &body);
}

static troupe_err answer_for(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    return troupe_send(self, cue->who, msg);
}

Test(ask, another_actor_may_answer) {
    troupe *rt = stage_open(4);
    const troupe_behaviour front = {.receive = hand_on}, back = {.receive = answer_for};
    troupe_ref a, b;
    cr_assert_eq(troupe_spawn(rt, &front, NULL, &a), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &back, NULL, &b), TROUPE_OK);
    for (uint32_t i = 0; i < 100; i++) {
        troupe_msg *msg = cue_make(CUE_SAY, i, b);
        cr_assert_eq(troupe_ask(rt, a, &msg, 20000), TROUPE_OK);
        cr_assert_eq(cue_n(msg), i);
        troupe_drop(&msg);
    }
    stage_close();
}

static troupe_ref target;

static void *ask_often(void *arg) {
    const uint32_t base = *(const uint32_t *)arg;
    for (uint32_t i = 0; i < 500; i++) {
        uint32_t n = 0;
        cr_assert_eq(ask(target, CUE_ANSWER, base + i, 30000, &n), TROUPE_OK);
        cr_assert_eq(n, base + i);
    }
    return NULL;
}

Test(ask, every_thread_gets_its_own_answer) {
    (void)stage_open(2);
    target = stage_enter(&ann);
    pthread_t thread[4];
    uint32_t base[4];
    for (uint32_t i = 0; i < 4; i++) {
        base[i] = i * 10000;
        cr_assert_eq(pthread_create(&thread[i], NULL, ask_often, &base[i]), 0);
    }
    for (int i = 0; i < 4; i++) cr_assert_eq(pthread_join(thread[i], NULL), 0);
    stage_close();
}

Test(ask, an_askers_address_never_comes_again) {
    tr_asks asks;
    tr_asks_init(&asks, NULL, &tr_heap_default);
    cr_assert(tr_ask_id(UINT32_MAX));
    cr_assert(tr_ask_id(UINT64_C(5) << 32 | TR_PLACE_ASKS));
    cr_assert_not(tr_ask_id(TR_PLACE_ASKS - 1));
    troupe_msg *none = NULL;
    cr_assert_eq(tr_ask_answer(&asks, UINT32_MAX, TROUPE_NOBODY, &none), TROUPE_GONE);
    tr_ask_fail(&asks, UINT32_MAX, TROUPE_GONE);
    tr_asks_fini(&asks);
}
