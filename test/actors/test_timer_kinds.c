/* Periodic and keyed timers, and receive time-outs. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(timer_kinds, .timeout = 60);

/* What a setter is told to do. Its words: NAME@MS for each message that is due, and the error of
 * what it was told if that is not OK. */
enum { EVERY, KEY, END, CANCEL, SILENCE, NO_SILENCE, PING, FAIL };

struct order {
    uint32_t what, name, ms, every;
    uint64_t key;
    troupe_ref to;
};
static const troupe_type order_type = TROUPE_TYPE(
    order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, name), TROUPE_FIELD(order, ms),
    TROUPE_FIELD(order, every), TROUPE_FIELD(order, key), TROUPE_FIELD(order, to));

struct due {
    uint32_t name;
};
static const troupe_type due_type = TROUPE_TYPE(due, TROUPE_FIELD(due, name));

struct setter {
    troupe_timer last;
};

static troupe_err obey(troupe_self *self, struct setter *it, const struct order *order) {
    troupe_ref to = order->to.id ? order->to : troupe_me(self);
    const struct due due = {order->name};
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &due_type, &due, &msg);
    if (err) return err;
    if (order->what == EVERY) err = troupe_send_every(self, order->ms, to, &msg, &it->last);
    if (order->what == KEY) err = troupe_set_timer(self, order->key, order->ms, order->every, &msg);
    if (order->what == END) err = troupe_end_timer(self, order->key);
    if (order->what == CANCEL) err = troupe_cancel(self, it->last);
    if (order->what == SILENCE) err = troupe_receive_timeout(self, order->ms, &msg);
    if (order->what == NO_SILENCE) err = troupe_end_receive_timeout(self);
    if (order->what == FAIL) err = troupe_fail(self, TROUPE_USER, "as told");
    troupe_drop(&msg);
    return err;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    const struct due *due = troupe_as(*msg, &due_type);
    cr_assert(order || due);
    if (due) {
        cr_assert(troupe_same(troupe_sender(self), TROUPE_NOBODY));
        stage_say("%u@%u", due->name, (unsigned)(troupe_now(troupe_runtime(self)) / TR_MS));
        return TROUPE_OK;
    }
    troupe_err err = obey(self, state, order);
    if (err && order->what == FAIL) return err;
    if (err) stage_say("%s", troupe_errname(err));
    return TROUPE_OK;
}
static const troupe_behaviour setter = {
    .name = "setter", .receive = receive, .state_size = sizeof(struct setter)};

static const troupe_behaviour narrow = {
    .name = "narrow", .receive = receive, .state_size = sizeof(struct setter), .mailbox_limit = 1};

/* Its mailbox has a bound of 1, or not. */
static troupe_ref enter(bool one) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), one ? &narrow : &setter, NULL, &who), TROUPE_OK);
    return who;
}

static void tell(troupe_ref who, struct order order) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(stage_rt(), &order_type, &order, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(stage_rt(), who, &msg), TROUPE_OK);
}

#define TELL(who, ...) tell(who, (struct order){__VA_ARGS__})

/* --- Periodic --------------------------------------------------------------------------------- */

Test(timer_kinds, a_periodic_one_comes_each_time_without_drift) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false);
    TELL(who, .what = EVERY, .name = 1, .ms = 10);
    stage_advance(35);
    stage_expect("1@10 1@20 1@30");
    *stage_clock() += 8 * TR_MS; /* late: 43 */
    stage_expect("1@43");
    stage_advance(17);
    stage_expect("1@50 1@60");
    stage_close();
}

Test(timer_kinds, periods_that_are_missed_are_one) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false);
    TELL(who, .what = EVERY, .name = 1, .ms = 10);
    (void)stage_run();
    *stage_clock() += 57 * TR_MS;
    stage_expect("1@57");
    stage_advance(3);
    stage_expect("1@60");
    *stage_clock() += 10 * TR_MS; /* on the spot */
    stage_expect("1@70");
    stage_close();
}

/* While one waits in the mailbox no other is sent. */
Test(timer_kinds, one_at_a_time_is_in_the_mailbox) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = enter(true), from = enter(false);
    uint32_t waiting;
    TELL(who, .what = EVERY, .name = 1, .ms = 10);
    TELL(from, .what = EVERY, .name = 2, .ms = 10, .to = who);
    (void)stage_run();
    for (int i = 0; i < 5; i++) {
        *stage_clock() += 10 * TR_MS;
        while (tr_timers_fire(&rt->timers)) {
        }
    }
    cr_assert_eq(troupe_mailbox(rt, who, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 1, "what another sends holds a place");
    cr_assert_eq(rt->timers.count, 0, "both wait");
    stage_expect("1@50 2@50");
    cr_assert_eq(rt->timers.count, 2);
    stage_close();
}

Test(timer_kinds, to_another_with_a_full_mailbox_a_period_is_missed) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = enter(true), from = enter(false);
    TELL(from, .what = EVERY, .name = 2, .ms = 10, .to = who);
    (void)stage_run();
    TELL(who, .what = PING);
    *stage_clock() += 10 * TR_MS;
    while (tr_timers_fire(&rt->timers)) {
    }
    stage_expect("");
    stage_advance(10);
    stage_expect("2@20");
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

static void overflowing(troupe_overflow overflow, const char *words) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_behaviour what = narrow;
    what.overflow = overflow;
    troupe_ref who, from = enter(false);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    TELL(from, .what = EVERY, .name = 2, .ms = 10, .to = who);
    (void)stage_run();
    *stage_clock() += 10 * TR_MS;
    while (tr_timers_fire(&rt->timers)) {
    }
    TELL(who, .what = END, .key = 7); /* newest: this is dropped; oldest: the timer's */
    stage_expect(words);
    cr_assert_eq(stage_dead_letters(), 1);
    stage_advance(10);
    stage_expect("2@20");
    stage_close();
}

Test(timer_kinds, beside_its_message_another_is_dropped) {
    overflowing(TROUPE_DROP_NEWEST, "2@10");
}

Test(timer_kinds, what_is_dropped_comes_again_in_its_time) {
    overflowing(TROUPE_DROP_OLDEST, "NOTFOUND");
}

Test(timer_kinds, whom_it_is_for_has_ended) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false), from = enter(false);
    TELL(from, .what = EVERY, .name = 2, .ms = 10, .to = who);
    (void)stage_run();
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    stage_advance(50);
    cr_assert_eq(stage_dead_letters(), 1);
    cr_assert_eq(rt->timers.count, 0);
    stage_close();
}

Test(timer_kinds, a_periodic_one_is_cancelled) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false);
    TELL(who, .what = EVERY, .name = 1, .ms = 10);
    stage_advance(25);
    TELL(who, .what = CANCEL);
    TELL(who, .what = CANCEL);
    stage_advance(20);
    stage_expect("1@10 1@20 NOTFOUND");
    stage_close();
}

/* The receiver may keep or pass on what has come; the timer does not mind. */
static troupe_err pass_on(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    if (order) {
        const struct order every = {.what = EVERY, .name = 5, .ms = 10};
        struct setter it;
        *(troupe_ref *)state = order->to;
        return obey(self, &it, &every);
    }
    return troupe_send(self, *(troupe_ref *)state, msg);
}

static troupe_err hear(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    stage_say("%u", ((const struct due *)troupe_as(*msg, &due_type))->name);
    return TROUPE_OK;
}
static const troupe_behaviour hearer = {.receive = hear};

Test(timer_kinds, its_message_can_be_passed_on) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.receive = pass_on, .state_size = sizeof(troupe_ref)};
    troupe_ref who, to;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &hearer, NULL, &to), TROUPE_OK);
    TELL(who, .what = EVERY, .to = to);
    stage_advance(35);
    stage_expect("5 5 5");
    stage_close();
}

/* --- Keyed ------------------------------------------------------------------------------------ */

Test(timer_kinds, the_same_key_replaces) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false), other = enter(false);
    TELL(who, .what = KEY, .key = 7, .name = 1, .ms = 10);
    TELL(who, .what = KEY, .key = 8, .name = 2, .ms = 10);
    TELL(other, .what = KEY, .key = 7, .name = 3, .ms = 12);
    TELL(who, .what = KEY, .key = 7, .name = 4, .ms = 20, .every = 5);
    stage_advance(32);
    stage_expect("2@10 3@12 4@20 4@25 4@30");
    TELL(who, .what = END, .key = 7);
    TELL(who, .what = END, .key = 7);
    TELL(other, .what = END, .key = 7);
    stage_advance(20);
    stage_expect("NOTFOUND NOTFOUND");
    stage_close();
}

Test(timer_kinds, what_is_replaced_in_the_mailbox_does_not_come) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = enter(false);
    TELL(who, .what = KEY, .key = 7, .name = 1, .ms = 10);
    (void)stage_run();
    *stage_clock() += 10 * TR_MS;
    TELL(who, .what = KEY, .key = 7, .name = 2, .ms = 10);
    cr_assert(tr_timers_fire(&rt->timers));
    stage_expect("");
    stage_advance(10);
    stage_expect("2@20");
    stage_close();
}

/* Sets the same key again with each order, and gives itself the next; only the last set may come.
 * */
static troupe_err race(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *last = state;
    const struct due *due = troupe_as(*msg, &due_type);
    if (due) {
        cr_assert_eq(due->name, *last, "one that was replaced has come");
        if (*last == 300) stage_say("done");
        return TROUPE_OK;
    }
    if (*last == 300) return TROUPE_OK;
    const struct due next = {++*last};
    troupe_msg *later = NULL;
    cr_assert_eq(troupe_make(troupe_runtime(self), &due_type, &next, &later), TROUPE_OK);
    cr_assert_eq(troupe_set_timer(self, 5, 0, 0, &later), TROUPE_OK);
    return troupe_send(self, troupe_me(self), msg);
}

Everywhere(timer_kinds, what_was_replaced_does_not_come_in_any_order) {
    troupe *rt = stage_open(workers);
    const troupe_behaviour racer = {.receive = race, .state_size = 4};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &racer, NULL, &who), TROUPE_OK);
    TELL(who, .what = PING);
    stage_expect("done");
    stage_close();
}

/* --- Receive time-outs ------------------------------------------------------------------------ */

Test(timer_kinds, a_silence_is_told_again_and_again) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false);
    TELL(who, .what = SILENCE, .name = 1, .ms = 80);
    stage_advance(79);
    stage_expect("");
    stage_advance(1);
    stage_expect("1@80");
    stage_advance(80);
    stage_expect("1@160");
    TELL(who, .what = NO_SILENCE);
    TELL(who, .what = NO_SILENCE);
    stage_advance(200);
    stage_expect("NOTFOUND");
    stage_close();
}

Test(timer_kinds, who_handles_something_is_not_silent) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false);
    TELL(who, .what = SILENCE, .name = 1, .ms = 80);
    stage_advance(30);
    TELL(who, .what = PING);
    stage_advance(79);
    stage_expect(""); /* since 30 */
    stage_advance(11);
    stage_expect("1@120"); /* at the latest: an eighth later */
    stage_close();
}

/* What waits in the mailbox is no silence, though it has not been handled yet. */
Test(timer_kinds, mail_that_waits_comes_before_a_silence) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = enter(false);
    TELL(who, .what = SILENCE, .name = 1, .ms = 8);
    (void)stage_run();
    TELL(who, .what = PING);
    *stage_clock() += 20 * TR_MS;
    while (tr_timers_fire(&rt->timers)) {
    }
    stage_expect("");
    stage_advance(9);
    stage_expect("1@28");
    stage_close();
}

Test(timer_kinds, a_new_silence_replaces_the_old_one) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false);
    TELL(who, .what = SILENCE, .name = 1, .ms = 8);
    TELL(who, .what = KEY, .name = 3, .ms = 100); /* key 0: another thing */
    TELL(who, .what = SILENCE, .name = 2, .ms = 16);
    stage_advance(20);
    stage_expect("2@16");
    stage_close();
}

/* --- All of them ------------------------------------------------------------------------------ */

Test(timer_kinds, arguments_are_checked) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = enter(false);
    TELL(who, .what = EVERY, .ms = 0);
    TELL(who, .what = EVERY, .ms = 1, .to = {stage_rt()->node + 1, 1});
    TELL(who, .what = SILENCE, .ms = 0);
    stage_expect("INVALID INVALID INVALID");
    stage_close();
}

/* A supervised one that fails: what its life had set is over, what has fired too; its other mail is
 * kept. */
Test(timer_kinds, they_end_with_the_life) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_child child = {.id = "s", .what = &setter, .name = "s"};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 3};
    troupe_ref root;
    cr_assert_eq(troupe_supervise(rt, &tree, 1000, &root), TROUPE_OK);
    troupe_ref who = stage_find("s"), other = enter(false);
    TELL(who, .what = EVERY, .name = 1, .ms = 10);
    TELL(who, .what = KEY, .name = 2, .ms = 10);
    TELL(who, .what = SILENCE, .name = 3, .ms = 10);
    TELL(other, .what = EVERY, .name = 4, .ms = 10, .to = who);
    (void)stage_run();
    TELL(who, .what = FAIL);
    TELL(who, .what = END, .key = 9);
    *stage_clock() += 10 * TR_MS;
    while (tr_timers_fire(&rt->timers)) {
    }
    stage_expect("NOTFOUND 4@10");
    stage_advance(30);
    stage_expect("4@20 4@30 4@40");
    cr_assert_eq(stage_dead_letters(), 1, "what it failed on");
    stage_close();
}

/* Flushed mail: what another's timer has sent is mail. */
Test(timer_kinds, what_another_has_sent_is_flushed) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_child child = {.id = "s", .what = &setter, .name = "s", .flush = true};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 3};
    troupe_ref root;
    cr_assert_eq(troupe_supervise(rt, &tree, 1000, &root), TROUPE_OK);
    troupe_ref who = stage_find("s"), other = enter(false);
    TELL(who, .what = EVERY, .name = 1, .ms = 10);
    TELL(other, .what = EVERY, .name = 4, .ms = 10, .to = who);
    (void)stage_run();
    TELL(who, .what = FAIL);
    *stage_clock() += 10 * TR_MS;
    while (tr_timers_fire(&rt->timers)) {
    }
    stage_expect("");
    cr_assert_eq(stage_dead_letters(), 2, "what it failed on, and what was flushed");
    stage_advance(10);
    stage_expect("4@20");
    stage_close();
}

static troupe_err beat(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *beats = state;
    if (troupe_as(*msg, &order_type)) return troupe_set_timer(self, 1, 0, 1, msg);
    return ++*beats % 3 ? TROUPE_OK : troupe_fail(self, TROUPE_USER, "a beat");
}

/* On workers, with periods and ends that meet: nothing leaks, nothing of a dead one is touched. */
Test(timer_kinds, on_workers_with_ends_that_meet_them) {
    troupe *rt = stage_open(2);
    const troupe_behaviour what = {.receive = beat, .state_size = 4};
    for (int i = 0; i < 100; i++) {
        troupe_ref who, sink = enter(false);
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
        TELL(sink, .what = KEY, .key = 1, .ms = 0, .every = 1);
        TELL(sink, .what = SILENCE, .ms = 1);
        cr_assert_eq(troupe_kill(rt, i % 2 ? who : sink), TROUPE_OK);
        stage_await_gone(i % 2 ? who : sink);
        cr_assert_eq(troupe_kill(rt, i % 2 ? sink : who), TROUPE_OK);
        stage_await_gone(i % 2 ? sink : who);
        stage_forget();
    }
    stage_close();
}
