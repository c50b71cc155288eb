/* Deadlines of messages to another node; and what is urgent or late when something goes wrong. */
#include "test/support/exhaust.h"
#include "test/transport/delivery_scene.h"

TestSuite(node_deadline, .timeout = 120, .fini = scene_say_seed);

ANYWHERE(node_deadline, what_is_late_is_a_dead_letter_there, 50) {
    world *w = world_open(tcp, 2, true); /* some wait for room meanwhile */
    notes_shut(w->all, true);
    put(w, 0, plain);
    put(w, 1, (troupe_delivery){.within_ms = 20});
    put(w, 2, (troupe_delivery){.within_ms = FOR_EVER});
    put(w, 3, (troupe_delivery){.within_ms = 20, .urgent = true});
    put(w, 4, (troupe_delivery){.within_ms = 20});
    put(w, 5, (troupe_delivery){.within_ms = UINT32_MAX});
    put(w, 6, plain);
    pass(w, 25);
    notes_shut(w->all, false);
    EXPECT(w, 0, 2, 5, 6);
    balance(w, 7, 3);
    world_close(w);
}

/* Only time that is virtual is exact: the receiving node counts from when it has come. */
SIMULATED(node_deadline, what_is_in_time_is_handled, 50) {
    (void)tcp;
    world *w = world_open(false, 64, true);
    notes_shut(w->all, true);
    put(w, 0, (troupe_delivery){.within_ms = 100});
    put(w, 1, (troupe_delivery){.within_ms = 2000});
    put(w, 2, (troupe_delivery){.within_ms = 3u << 21}); /* more than is exact */
    pass(w, 90);
    notes_shut(w->all, false);
    EXPECT(w, 0, 1, 2);
    balance(w, 3, 0);
    world_close(w);
}

/* One in parts has come when its first frame has: its parts take of its time. */
SIMULATED(node_deadline, what_takes_too_long_to_come_is_late, 20) {
    (void)tcp;
    world *w = world_open(false, 16, false);
    troupe_sim_slow(scene_sim, w->pair[0].rt, w->pair[1].rt, 30);
    put_large(w, 1, (troupe_delivery){.within_ms = 60});
    put_large(w, 2, (troupe_delivery){.within_ms = FOR_EVER});
    notes_await(w->all, 1);
    cr_assert_eq(w->all->note[0].n, 2u);
    troupe_account right;
    troupe_account_all(w->pair[1].rt, &right);
    cr_assert_eq(right.dead[TROUPE_DEAD_OVERDUE], 1u);
    world_close(w);
}

/* Who asks hears it, over both nodes. */
struct question {
    world *w;
    troupe_err err;
};

static void ask_it(void *ctx) {
    struct question *q = ctx;
    troupe_msg *msg;
    const struct order body = {ORDER_ANSWER, 1, TROUPE_NOBODY};
    q->err = troupe_make(q->w->pair[0].rt, &order_type, &body, &msg);
    if (q->err) return;
    const troupe_delivery how = {.within_ms = 20};
    q->err = troupe_ask_with(q->w->pair[0].rt, q->w->to, &msg, &how, PATIENCE_MS);
    troupe_drop(&msg);
}

static bool is_asking(void *ctx) {
    struct question *q = ctx;
    tr_lock(&q->w->pair[0].rt->asks.lock);
    size_t asks = q->w->pair[0].rt->asks.by_id.count;
    tr_unlock(&q->w->pair[0].rt->asks.lock);
    return asks > 0;
}

static void let_it_be_late(void *ctx) {
    struct question *q = ctx;
    for (int i = 0; i < 3; i++) arrive(q->w);
    pass(q->w, 25);
    notes_shut(q->w->all, false);
}

ANYWHERE(node_deadline, who_asks_hears_that_it_was_late, 50) {
    world *w = world_open(tcp, 16, false);
    notes_shut(w->all, true);
    put(w, 0, plain); /* in hand, or the first */
    struct question q = {.w = w};
    beside b = {.wait = ask_it, .waits = is_asking, .act = let_it_be_late, .ctx = &q};
    const uint64_t then = scene_clock();
    scene_beside(&b);
    cr_assert_eq(q.err, TROUPE_TIMEOUT, "%s", troupe_errname(q.err));
    cr_assert_lt(scene_clock() - then, PATIENCE_MS / 2 * TR_MS, "and does not wait for an answer");
    troupe_account right;
    SCENE_AWAIT((troupe_account_all(w->pair[1].rt, &right), troupe_account_missing(&right) == 0));
    cr_assert_eq(right.dead[TROUPE_DEAD_OVERDUE], 1u);
    world_close(w);
}

/* --- What goes wrong -------------------------------------------------------------------------- */

/* It is handled, or it is not: in any case both nodes have accounted for it. */
SIMULATED(node_deadline, without_memory_it_is_accounted_for, 4) {
    (void)tcp;
    for (exhaust x = {0}; exhaust_next(&x);) {
        world *w = world_open(false, 2, true);
        notes_shut(w->all, true);
        put(w, 0, plain);
        arrive(w);
        exhaust_from(&x, &w->pair[1].heap);
        for (uint64_t n = 1; n < 8; n++)
            (void)try_to_send(w, n, n % 2 ? urgent : (troupe_delivery){.within_ms = 20});
        troupe_sim_run(scene_sim, 25);
        (void)exhaust_to(&x);
        notes_shut(w->all, false);
        troupe_sim_run(scene_sim, 2000);
        for (int i = 0; i < 2; i++) {
            troupe_account account;
            troupe_account_all(w->pair[i].rt, &account);
            cr_assert_eq(troupe_account_missing(&account), 0);
            cr_assert_eq(account.queued, 0u);
        }
        world_close(w);
    }
}

/* The receiver ends with all of it on its way, or the connection does. */
static void with_an_end(bool cut) {
    enum { ALL = 12 };
    world *w = world_open(false, 2, true);
    notes_shut(w->all, true);
    for (uint64_t n = 0; n < ALL; n++)
        put(w, n, (troupe_delivery){.urgent = n % 3 == 0, .within_ms = n % 2 ? 50 : 0});
    for (uint64_t i = scene_seed % 4; i > 0; i--) arrive(w);
    if (cut)
        troupe_sim_disconnect(scene_sim, w->pair[0].rt, w->pair[1].rt);
    else
        cr_assert_eq(troupe_kill(w->pair[1].rt, w->to), TROUPE_OK);
    troupe_sim_run(scene_sim, 2000);
    if (cut) notes_shut(w->all, false);
    troupe_sim_run(scene_sim, 2000);
    troupe_account account[2];
    for (int i = 0; i < 2; i++) {
        troupe_account_all(w->pair[i].rt, &account[i]);
        cr_assert_eq(troupe_account_missing(&account[i]), 0);
        cr_assert_eq(account[i].queued, 0u);
    }
    uint64_t ended = notes_count(w->all);
    for (int i = 0; i < 2; i++)
        for (int why = 0; why < TROUPE_DEAD_KINDS; why++) ended += account[i].dead[why];
    cr_assert_geq(ended, (uint64_t)ALL, "none has vanished");
    world_close(w);
}

SIMULATED(node_deadline, at_the_end_of_its_receiver_none_vanishes, 100) {
    (void)tcp;
    with_an_end(false);
}

SIMULATED(node_deadline, at_the_end_of_the_connection_none_vanishes, 100) {
    (void)tcp;
    with_an_end(true);
}
