/* Overflow policies: what is dropped is the newest or the oldest, never a signal, and is accounted
 * for; the bound holds all the while. */
#include <criterion/criterion.h>
#include <string.h>
#include <troupe/observe.h>

#include "base/os.h"
#include "test/support/family.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(overflow, .timeout = 60);

static const player ann = {.id = "ann"};

/* A player with a mailbox of that policy. */
static troupe_behaviour lossy(troupe_overflow overflow, uint32_t limit) {
    troupe_behaviour what = player_behaviour;
    what.overflow = overflow;
    what.mailbox_limit = limit;
    return what;
}

static troupe_ref spawn(const troupe_behaviour *what) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), what, &ann, &who), TROUPE_OK);
    return who;
}

static void expect_account(troupe_ref who, uint64_t handled, uint64_t dropped, uint64_t queued) {
    troupe_account own, all;
    cr_assert_eq(troupe_account_of(stage_rt(), who, &own), TROUPE_OK);
    cr_assert_eq(own.handled, handled, "handled %zu", (size_t)own.handled);
    cr_assert_eq(own.dead[TROUPE_DEAD_DROPPED], dropped);
    cr_assert_eq(own.queued, queued);
    cr_assert_eq(own.sent, handled + dropped + queued);
    troupe_account_all(stage_rt(), &all);
    cr_assert_eq(all.dead[TROUPE_DEAD_DROPPED], dropped);
    cr_assert_eq(all.returned, 0, "nothing is refused");
    cr_assert_eq(troupe_account_missing(&all), 0);
}

static void expect_waiting(troupe_ref who, uint32_t n) {
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(stage_rt(), who, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, n);
}

static void fill_and_overflow(unsigned workers, troupe_overflow overflow, const char *words) {
    (void)stage_open(workers);
    const troupe_behaviour what = lossy(overflow, 3);
    troupe_ref who = spawn(&what);
    for (uint32_t i = 1; i <= 8; i++) cue(who, CUE_SAY, i);
    expect_waiting(who, 3);
    expect_account(who, 0, 5, 3);
    stage_expect(words);
    expect_account(who, 3, 5, 0);
    cue(who, CUE_SAY, 9);
    stage_expect("ann:9");
    stage_close();
}

Test(overflow, the_newest_is_dropped_and_its_sender_goes_on) {
    fill_and_overflow(STAGE_SIMULATED, TROUPE_DROP_NEWEST, "start(ann) ann:1 ann:2 ann:3");
    fill_and_overflow(TROUPE_STEPPED, TROUPE_DROP_NEWEST, "start(ann) ann:1 ann:2 ann:3");
}

Test(overflow, the_oldest_is_dropped_and_the_new_one_is_the_last) {
    fill_and_overflow(STAGE_SIMULATED, TROUPE_DROP_OLDEST, "start(ann) ann:6 ann:7 ann:8");
    fill_and_overflow(TROUPE_STEPPED, TROUPE_DROP_OLDEST, "start(ann) ann:6 ann:7 ann:8");
}

Test(overflow, a_mailbox_of_one_keeps_the_last_word) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = lossy(TROUPE_DROP_OLDEST, 1);
    troupe_ref who = spawn(&what);
    for (uint32_t i = 1; i <= 100; i++) cue(who, CUE_SAY, i);
    stage_expect("start(ann) ann:100");
    expect_account(who, 1, 99, 0);
    stage_close();
}

Test(overflow, a_policy_that_is_none_is_refused) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who;
    const troupe_behaviour what = lossy((troupe_overflow)(TROUPE_COALESCE + 1), 1);
    cr_assert_eq(troupe_spawn(rt, &what, &ann, &who), TROUPE_INVALID);
    stage_close();
}

/* --- Who may not be dropped ------------------------------------------------------------------- */

Test(overflow, a_signal_is_never_dropped) {
    for (troupe_overflow o = TROUPE_DROP_NEWEST; o <= TROUPE_DROP_OLDEST; o++) {
        troupe *rt = stage_open(TROUPE_STEPPED);
        const troupe_behaviour what = lossy(o, 1);
        troupe_ref who = spawn(&what), other = stage_enter(&ann);
        cue_about(who, CUE_WATCH, 7, other);
        (void)stage_run();
        stage_forget();
        cr_assert_eq(troupe_stop(rt, other), TROUPE_OK);
        cr_assert_eq(troupe_step(rt, 1), 1); /* the down is queued now, before all that follows */
        for (uint32_t i = 1; i <= 3; i++) cue(who, CUE_SAY, i);
        stage_expect(o == TROUPE_DROP_OLDEST
                         ? "stopping(ann) stop(ann,SHUTDOWN) down(ann,7,SHUTDOWN) ann:3"
                         : "stopping(ann) stop(ann,SHUTDOWN) down(ann,7,SHUTDOWN) ann:1");
        stage_close();
    }
}

static const player asked = {.id = "asked"};

static void ask_a_full_one(troupe_overflow overflow) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = lossy(overflow, 1);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, &asked, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    troupe_msg *msg = cue_make(CUE_ANSWER, 5, TROUPE_NOBODY);
    troupe_err err = troupe_ask(rt, who, &msg, 1000);
    cr_assert_eq(err, overflow == TROUPE_DROP_NEWEST ? TROUPE_FULL : TROUPE_OK);
    cr_assert_eq(msg == NULL, overflow == TROUPE_DROP_NEWEST);
    troupe_drop(&msg);
    stage_close();
}

Test(overflow, who_asks_and_is_dropped_hears_full_at_once) {
    ask_a_full_one(TROUPE_DROP_NEWEST);
    ask_a_full_one(TROUPE_DROP_OLDEST);
}

/* --- The bound, always ------------------------------------------------------------------------ */

Test(overflow, it_holds_while_an_actor_is_down) {
    (void)stage_open(TROUPE_STEPPED);
    const troupe_behaviour what = lossy(TROUPE_DROP_OLDEST, 2);
    const player ill = {.id = "ill"};
    const troupe_child child = {
        .id = "ill", .what = &what, .arg = &ill, .name = "ill", .shutdown_ms = 100};
    troupe_ref top = family(&child, 1, 5, 1000);
    (void)stage_run();
    troupe_ref who = stage_find("ill");
    stage_forget();
    cue(who, CUE_FAIL, TROUPE_USER);
    cr_assert_eq(troupe_step(stage_rt(), 1), 1); /* it has failed, and is not restarted yet */
    for (uint32_t i = 1; i <= 5; i++) {
        cue(who, CUE_SAY, i);
        expect_waiting(who, i < 2 ? i : 2);
    }
    (void)stage_run();
    stage_expect("stop(ill,USER) start(ill) ill:4 ill:5");
    family_stop(top);
    stage_close();
}

/* What a callback holds keeps its place, and can't be dropped. */
static void hold_the_only_place(bool blocking) {
    troupe_behaviour what = {.receive = gate_receive,
                             .mailbox_limit = 1,
                             .overflow = TROUPE_DROP_OLDEST,
                             .blocking = blocking};
    (void)stage_open(1);
    gate_shut();
    troupe_ref who = spawn(&what);
    cue(who, CUE_SAY, 1);
    gate_await(1);
    for (uint32_t i = 0; i < 10; i++) cue(who, CUE_SAY, i);
    troupe_account own;
    cr_assert_eq(troupe_account_of(stage_rt(), who, &own), TROUPE_OK);
    cr_assert_eq(own.dead[TROUPE_DEAD_DROPPED], 10);
    expect_waiting(who, 1);
    gate_open(1);
    stage_close();
}

Test(overflow, what_is_being_handled_keeps_its_place) {
    hold_the_only_place(false);
    hold_the_only_place(true);
}

/* --- Many senders ----------------------------------------------------------------------------- */

enum { SENDERS = 4, EACH = 20000 };
static struct {
    uint32_t last[SENDERS]; /* numbers from 1; written by the one actor */
    tr_atomic64 handled;
} seen;
static troupe_ref target;

static troupe_err rising(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state;
    uint32_t n = cue_n(*msg), sender = n % SENDERS;
    cr_assert_gt(n, seen.last[sender], "what one sends is in order, though some is dropped");
    seen.last[sender] = n;
    tr_add64_relaxed(&seen.handled, 1);
    return TROUPE_OK;
}

static void *post_many(void *arg) {
    const uint32_t me = *(const uint32_t *)arg;
    for (uint32_t i = 1; i <= EACH; i++) {
        uint32_t waiting, limit;
        cue(target, CUE_SAY, i * SENDERS + me);
        cr_assert_eq(troupe_mailbox(stage_rt(), target, &waiting, &limit), TROUPE_OK);
        cr_assert_leq(waiting, limit);
    }
    return NULL;
}

static void many(troupe_overflow overflow, uint32_t limit, bool blocking) {
    troupe_behaviour what = {
        .receive = rising, .mailbox_limit = limit, .overflow = overflow, .blocking = blocking};
    tr_thread thread[SENDERS];
    uint32_t number[SENDERS];
    seen.handled.value = 0;
    memset(seen.last, 0, sizeof seen.last);
    (void)stage_open(2);
    target = spawn(&what);
    for (uint32_t i = 0; i < SENDERS; i++) {
        number[i] = i;
        cr_assert(tr_thread_start(&thread[i], "sender", post_many, &number[i]));
    }
    for (uint32_t i = 0; i < SENDERS; i++) tr_thread_join(&thread[i]);
    troupe_account own;
    do { /* the last ones are being handled */
        cr_assert_eq(troupe_account_of(stage_rt(), target, &own), TROUPE_OK);
    } while (own.queued || own.handled + own.dead[TROUPE_DEAD_DROPPED] < SENDERS * EACH);
    cr_assert_eq(own.sent, SENDERS * EACH);
    cr_assert_eq(own.handled, tr_load64_relaxed(&seen.handled));
    stage_close();
}

Test(overflow, many_threads_and_each_message_is_handled_or_dropped) {
    for (troupe_overflow o = TROUPE_DROP_NEWEST; o <= TROUPE_DROP_OLDEST; o++) {
        many(o, 1, false);
        many(o, 8, false);
        many(o, 8, true);
    }
}

/* One that starts on a plain thread has no home yet: what comes meanwhile may not be forgotten. */
static void *post_some(void *arg) {
    (void)arg;
    for (uint32_t i = 1; i <= 9; i++) cue(target, CUE_SAY, i);
    return NULL;
}

static troupe_err start_among_senders(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    tr_thread thread;
    target = troupe_me(self);
    cr_assert(tr_thread_start(&thread, "sender", post_some, NULL));
    tr_thread_join(&thread);
    return TROUPE_OK;
}

static troupe_err say_number(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state;
    stage_say("%u", cue_n(*msg));
    return TROUPE_OK;
}

Test(overflow, what_comes_during_the_start_is_not_forgotten) {
    for (int i = 0; i < 200; i++) {
        const troupe_behaviour what = {.start = start_among_senders,
                                       .receive = say_number,
                                       .mailbox_limit = 2,
                                       .overflow = TROUPE_DROP_OLDEST,
                                       .blocking = i % 2};
        (void)stage_open(1);
        (void)spawn(&what);
        stage_expect("8 9");
        stage_close();
    }
}

/* --- Of those that are alike, the latest ------------------------------------------------------ */

/* Cues are about the tens of their number. */
static uint64_t tens(const troupe_msg *msg) {
    return cue_n(msg) / 10;
}

static troupe_behaviour coalescing(uint32_t limit) {
    troupe_behaviour what = lossy(TROUPE_COALESCE, limit);
    what.key = tens;
    return what;
}

static troupe_err post(troupe_ref who, uint32_t n) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY), *before = msg;
    troupe_err err = troupe_post(stage_rt(), who, &msg);
    cr_assert_eq(msg, err ? before : NULL);
    troupe_drop(&msg);
    return err;
}

static void coalesce(unsigned workers) {
    (void)stage_open(workers);
    const troupe_behaviour what = coalescing(3);
    troupe_ref who = spawn(&what);
    cue(who, CUE_SAY, 11);
    cue(who, CUE_SAY, 12); /* there is room: both wait */
    cue(who, CUE_SAY, 21);
    cr_assert_eq(post(who, 31), TROUPE_FULL, "none is alike");
    cue(who, CUE_SAY, 13);
    cue(who, CUE_SAY, 22);
    expect_waiting(who, 3);
    stage_expect("start(ann) ann:12 ann:13 ann:22");
    troupe_account all;
    troupe_account_all(stage_rt(), &all);
    cr_assert_eq(all.dead[TROUPE_DEAD_DROPPED], 2);
    cr_assert_eq(all.returned, 1);
    cr_assert_eq(troupe_account_missing(&all), 0);
    stage_close();
}

Test(overflow, a_full_mailbox_takes_the_latest_of_those_that_are_alike) {
    coalesce(STAGE_SIMULATED);
    coalesce(TROUPE_STEPPED);
}

Test(overflow, a_mailbox_of_one_holds_the_latest_of_one_thing) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = coalescing(1);
    troupe_ref who = spawn(&what);
    for (uint32_t i = 1; i <= 9; i++) cue(who, CUE_SAY, i);
    cr_assert_eq(post(who, 10), TROUPE_FULL);
    stage_expect("start(ann) ann:9");
    expect_waiting(who, 0);
    stage_close();
}

/* It finds none alike while the one that is alike is in hand: that holds the place. */
static troupe_err post_to_itself(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_msg *again = cue_make(CUE_SAY, cue_n(*msg), TROUPE_NOBODY);
    stage_say("%s", troupe_errname(troupe_send(self, troupe_me(self), &again)));
    troupe_drop(&again);
    return TROUPE_OK;
}

Test(overflow, what_is_being_handled_is_not_replaced) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_behaviour what = coalescing(1);
    what.receive = post_to_itself;
    what.start = NULL;
    what.stop = NULL;
    what.stopping = NULL;
    cue(spawn(&what), CUE_SAY, 5);
    stage_expect("FULL");
    stage_close();
}

Test(overflow, who_is_to_merge_says_by_what) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_behaviour keyless = lossy(TROUPE_COALESCE, 1);
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &keyless, &ann, &who), TROUPE_INVALID);
    stage_close();
}

/* What a timer sends to another actor says nothing before it is handled: it is refused. */
static void set_timer(troupe_self *self) {
    troupe_msg *msg = cue_make(CUE_SAY, 9, TROUPE_NOBODY);
    cr_assert_eq(troupe_send_after(self, 1, stage_find("box"), &msg, NULL), TROUPE_OK);
}

Test(overflow, what_a_timer_sends_takes_nobodys_place) {
    static const player with_timer = {.id = "timer", .at_start = set_timer};
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = coalescing(1);
    troupe_ref who = spawn(&what);
    cr_assert_eq(troupe_register(rt, who, "box"), TROUPE_OK);
    stage_hold(who);
    cue(who, CUE_SAY, 1);
    (void)stage_enter(&with_timer);
    stage_advance(2);
    cr_assert_eq(stage_dead_letters(), 1);
    stage_let_go(who);
    stage_expect("start(ann) start(timer) ann:1");
    stage_close();
}
