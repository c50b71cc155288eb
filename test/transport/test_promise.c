/* Promises between nodes: who hears that a message is in a mailbox, and what is sent again, over
 * connections that are cut, until it is there once. */
#include "transport/promise.h"

#include <troupe/delivery.h>

#include "test/support/exhaust.h"
#include "test/transport/node_hands.h"
#include "transport/node.h"

TestSuite(promise, .timeout = 120, .fini = scene_say_seed);

enum { MOST = 2048 };

/* --- Both sides ------------------------------------------------------------------------------- */

/* What was told of each message, by its tag, and which came back. */
static struct told {
    tr_mutex lock;
    size_t times[MOST], count, back;
    troupe_err why[MOST];
    bool lost[MOST];
} told;

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    const party *p = ctx;
    const struct count *count = troupe_as(*msg, &count_type);
    const bool back =
        letter->reason == TROUPE_DEAD_NODE_LOST || letter->reason == TROUPE_DEAD_OVERDUE;
    if (!count || strcmp(p->name, "left") || !back) return;
    tr_lock(&told.lock);
    cr_assert_not(told.lost[count->n], "once");
    told.lost[count->n] = true;
    told.back++;
    tr_unlock(&told.lock);
}

/* A hand that also writes down what becomes of its promises. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct troupe_delivered *news = troupe_as(*msg, &troupe_delivered_type);
    if (!news) return hand_receive(self, state, msg);
    tr_lock(&told.lock);
    told.times[news->tag]++;
    told.why[news->tag] = (troupe_err)news->why;
    told.count++;
    tr_unlock(&told.lock);
    return TROUPE_OK;
}

static size_t told_count(void) {
    tr_lock(&told.lock);
    size_t count = told.count;
    tr_unlock(&told.lock);
    return count;
}

typedef struct world {
    party pair[2];
    notes *all, *own;
    troupe_ref from, to;
} world;

static troupe_ref writer_of(party *p, notes *own) {
    static const troupe_behaviour writer = {.name = "writer",
                                            .state_size = sizeof(struct hand),
                                            .mailbox_limit = 16,
                                            .start = hand_start,
                                            .receive = receive};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(p->rt, &writer, &own, &who), TROUPE_OK);
    return who;
}

static void side_open(party *p, const char *name, bool tcp) {
    party_open_as(p, name,
                  (troupe_node_config){.heartbeat_ms = 200, .redial_ms = 4, .redial_most_ms = 50});
    party_listen(p, tcp);
}

/* The right one's actor has a mailbox of that size; they stay connected, if the left one may. */
static world *world_open(bool tcp, uint32_t limit, bool keep) {
    static world w;
    told = (struct told){.count = 0};
    tr_mutex_init(&told.lock);
    scene_dead_letter = see;
    side_open(&w.pair[0], "left", tcp);
    side_open(&w.pair[1], "right", tcp);
    w.all = notes_open();
    w.own = notes_open();
    w.to = hand_of(&w.pair[1], limit, w.all);
    w.from = writer_of(&w.pair[0], w.own);
    if (keep)
        cr_assert_eq(troupe_keep_connected(w.pair[0].node, w.pair[1].url), TROUPE_OK);
    else
        party_meet(&w.pair[0], &w.pair[1]);
    party_await_log(&w.pair[0], "node right is connected", 1);
    uint64_t n = 0, until = patience();
    while (ask_by(&w.pair[0], w.to, ORDER_ANSWER, &n)) scene_go_on(until);
    return &w;
}

static void world_close(world *w) {
    pair_close(w->pair);
    notes_close(w->all);
    notes_close(w->own);
    tr_mutex_fini(&told.lock);
    scene_dead_letter = NULL;
}

/* Has the writer send the next number. */
typedef struct sending {
    troupe_ref to;
    troupe_promise promise;
    unsigned within_ms;
    uint64_t next;
    troupe_err err;
} sending;

static void send_next(troupe_self *self, void *ctx) {
    sending *s = ctx;
    troupe_msg *msg;
    const troupe_delivery how = {
        .promise = s->promise, .within_ms = s->within_ms, .tag = s->next};
    cr_assert_eq(troupe_make(troupe_runtime(self), &count_type, &(struct count){1, s->next}, &msg),
                 TROUPE_OK);
    s->err = troupe_send_with(self, s->to, &msg, &how);
    cr_assert_eq(msg == NULL, s->err == TROUPE_OK);
    troupe_drop(&msg);
    s->next += !s->err;
}

static void cut(party *p) {
    tr_peer_link *link = tr_node_next(p->node, NULL);
    if (!link) return;
    tr_link_cut(link);
    tr_node_unref(link);
}

/* Lets all others go on, also by priorities. */
static void let_go_on(void) {
    if (scene_sim)
        troupe_sim_run(scene_sim, 1);
    else
        tr_thread_yield();
}

/* --- Acknowledged ----------------------------------------------------------------------------- */

ANYWHERE(promise, who_sent_hears_when_it_is_in_the_mailbox, 50) {
    enum { FEW = 6 };
    world *w = world_open(tcp, 1, false);
    notes_shut(w->all, true);
    sending s = {.to = w->to, .promise = TROUPE_ACKNOWLEDGED};
    for (int i = 0; i < FEW; i++) act_as(&w->pair[0], w->from, send_next, &s);
    cr_assert_eq(s.next, (uint64_t)FEW);
    uint64_t n = 0;
    troupe_ref other = hand_of(&w->pair[1], 16, w->own);
    for (int i = 0; i < 3; i++) cr_assert_eq(ask_by(&w->pair[0], other, ORDER_ANSWER, &n), 0);
    cr_assert_leq(told_count(), 2u, "a mailbox of one, and one in hand");
    notes_shut(w->all, false);
    uint64_t then = scene_clock();
    SCENE_AWAIT(told_count() == FEW);
    cr_assert_lt(scene_clock() - then, scene_within(50), "it does not wait for a tick");
    for (int i = 0; i < FEW; i++) cr_assert(told.times[i] == 1 && told.why[i] == TROUPE_OK);
    notes_await(w->all, FEW);
    world_close(w);
}

/* Not only with a grant, which is due when half of a mailbox has been used. */
ANYWHERE(promise, who_sent_hears_at_once_though_there_is_much_room, 50) {
    world *w = world_open(tcp, 64, false);
    sending s = {.to = w->to, .promise = TROUPE_ACKNOWLEDGED};
    for (int i = 0; i < 3; i++) {
        act_as(&w->pair[0], w->from, send_next, &s);
        cr_assert_eq(s.err, TROUPE_OK);
        const uint64_t then = scene_clock();
        SCENE_AWAIT(told_count() == s.next);
        cr_assert_lt(scene_clock() - then, scene_within(50), "it does not wait for a tick");
    }
    world_close(w);
}

ANYWHERE(promise, who_sent_hears_that_its_receiver_has_ended, 50) {
    world *w = world_open(tcp, 16, false);
    sending s = {.to = w->to, .promise = TROUPE_ACKNOWLEDGED};
    cr_assert_eq(order_to(&w->pair[0], w->to, ORDER_QUIT, 0), TROUPE_OK);
    act_as(&w->pair[0], w->from, send_next, &s);
    s.promise = TROUPE_REDELIVERED;
    act_as(&w->pair[0], w->from, send_next, &s);
    SCENE_AWAIT(told_count() == s.next);
    for (uint64_t i = 0; i < s.next; i++)
        cr_assert(told.why[i] == TROUPE_GONE || told.why[i] == TROUPE_OK); /* just before */
    act_as(&w->pair[0], w->from, send_next, &s);
    cr_assert(s.err == TROUPE_GONE || told.why[0] == TROUPE_OK);
    world_close(w);
}

struct strange {
    uint32_t n;
};
static const troupe_type strange_type = TROUPE_TYPE(strange, TROUPE_FIELD(strange, n));

static void send_strange(troupe_self *self, void *ctx) {
    sending *s = ctx;
    troupe_msg *msg;
    const troupe_delivery how = {.promise = s->promise, .tag = s->next++};
    cr_assert_eq(troupe_make(troupe_runtime(self), &strange_type, &(struct strange){1}, &msg), 0);
    s->err = troupe_send_with(self, s->to, &msg, &how);
}

/* What can't be read is told, in line with what can. */
ANYWHERE(promise, who_sent_hears_that_it_could_not_be_read, 50) {
    world *w = world_open(tcp, 1, false);
    sending s = {.to = w->to, .promise = TROUPE_ACKNOWLEDGED};
    notes_shut(w->all, true);
    for (int i = 0; i < 6; i++) {
        act_as(&w->pair[0], w->from, i % 2 ? send_strange : send_next, &s);
        cr_assert_eq(s.err, TROUPE_OK);
        s.promise = i < 3 ? TROUPE_ACKNOWLEDGED : TROUPE_REDELIVERED;
    }
    uint64_t n = 0;
    troupe_ref other = hand_of(&w->pair[1], 16, w->own);
    for (int i = 0; i < 3; i++) cr_assert_eq(ask_by(&w->pair[0], other, ORDER_ANSWER, &n), 0);
    cr_assert_eq(told.times[4], 0u, "it waits, behind what can't be read");
    notes_shut(w->all, false);
    SCENE_AWAIT(told_count() == 6);
    for (int i = 0; i < 6; i++)
        cr_assert_eq(told.why[i], i % 2 ? TROUPE_UNKNOWN_TYPE : TROUPE_OK, "%d", i);
    world_close(w);
}

/* Some are known to be there, some are not; those come back, too. */
SIMULATED(promise, what_is_acknowledged_is_there_and_what_is_not_comes_back, 200) {
    enum { BOUND = 4 };
    (void)tcp;
    world *w = world_open(false, BOUND, false);
    sending s = {.to = w->to, .promise = TROUPE_ACKNOWLEDGED};
    for (uint64_t until = patience(); s.next < 100 && s.err != TROUPE_NOCONNECTION;) {
        if (s.next == 5 + scene_seed % 40) cut(&w->pair[scene_seed % 2]);
        act_as(&w->pair[0], w->from, send_next, &s);
        cr_assert_lt(scene_clock(), until);
        if (s.err == TROUPE_FULL) let_go_on();
    }
    SCENE_AWAIT(told_count() == s.next);
    troupe_sim_run(scene_sim, 1000);
    bool handled[MOST] = {false};
    for (size_t i = 0; i < w->all->used; i++) handled[w->all->note[i].n] = true;
    for (uint64_t i = 0; i < s.next; i++) {
        cr_assert_eq(told.times[i], 1u);
        if (told.why[i] == TROUPE_OK) cr_assert(handled[i] && !told.lost[i]);
        else cr_assert(told.why[i] == TROUPE_NOCONNECTION && told.lost[i]);
    }
    world_close(w);
}

/* --- Redelivered ------------------------------------------------------------------------------ */

/* Connections break at any time, on either side, and each message is there once, in order. */
static void over_cuts(uint32_t limit, uint64_t count) {
    world *w = world_open(false, limit, true);
    sending s = {.to = w->to, .promise = TROUPE_REDELIVERED};
    uint64_t state = scene_seed + 1;
    for (uint64_t until = tr_after_ms(scene_clock(), 10 * PATIENCE_MS); s.next < count;) {
        act_as(&w->pair[0], w->from, send_next, &s);
        cr_assert(!s.err || s.err == TROUPE_FULL || s.err == TROUPE_NOCONNECTION);
        state = state * 6364136223846793005u + 1442695040888963407u;
        if (state >> 60 == 0) cut(&w->pair[state >> 59 & 1]);
        for (uint64_t i = state >> 33 & 15; i > 0; i--) scene_go_on(until);
    }
    for (uint64_t until = tr_after_ms(scene_clock(), 10 * PATIENCE_MS); told_count() < count;)
        scene_go_on(until);
    notes_await(w->all, count);
    cr_assert_eq(notes_in_order(w->all, 1, 0), count);
    cr_assert_eq(notes_count(w->all), count, "none came twice");
    for (uint64_t i = 0; i < count; i++)
        cr_assert(told.times[i] == 1 && told.why[i] == TROUPE_OK, "%d", (int)i);
    cr_assert_eq(told.back, 0u);
    cr_assert_eq(w->pair[0].node->promises.by_target.count, 0u, "nothing is kept of them");
    world_close(w);
}

SIMULATED(promise, case_02_what_is_redelivered_is_there_once_to_a_mailbox_of_1, 200) {
    (void)tcp;
    over_cuts(1, 60);
}

SIMULATED(promise, case_02_what_is_redelivered_is_there_once_to_a_mailbox_of_64, 200) {
    (void)tcp;
    over_cuts(64, 200);
}

/* Over real connections: cut in the middle of the stream, some times. */
BOTH(promise, what_is_redelivered_is_there_once) {
    enum { ALL = 1500 };
    world *w = world_open(tcp, 16, true);
    sending s = {.to = w->to, .promise = TROUPE_REDELIVERED};
    for (uint64_t until = patience(); s.next < ALL;) {
        act_as(&w->pair[0], w->from, send_next, &s);
        if (!s.err && s.next % 400 == 399) cut(&w->pair[s.next / 400 % 2]);
        if (s.err) scene_go_on(until);
    }
    notes_await(w->all, ALL);
    SCENE_AWAIT(told_count() == ALL);
    cr_assert_eq(notes_in_order(w->all, 1, 0), (size_t)ALL);
    cr_assert_eq(notes_count(w->all), (size_t)ALL);
    world_close(w);
}

/* While there is no connection they wait, up to a bound; and go when there is one. */
SIMULATED(promise, what_waits_for_a_connection_is_bounded, 20) {
    (void)tcp;
    world *w = world_open(false, 64, false);
    sending s = {.to = w->to, .promise = TROUPE_REDELIVERED};
    notes_shut(w->all, true);
    while (!s.err) act_as(&w->pair[0], w->from, send_next, &s);
    cr_assert_eq(s.err, TROUPE_FULL);
    cut(&w->pair[0]);
    party_await_log(&w->pair[0], "node right is lost", 1);
    party_await_log(&w->pair[1], "node left is lost", 1);
    notes_shut(w->all, false);
    s.err = TROUPE_OK;
    while (!s.err) act_as(&w->pair[0], w->from, send_next, &s);
    cr_assert_eq(s.err, TROUPE_FULL);
    cr_assert_leq(s.next - told_count(), (uint64_t)TR_PROMISES_MOST);
    cr_assert_geq(s.next, (uint64_t)TR_PROMISES_MOST);
    party_meet(&w->pair[0], &w->pair[1]);
    SCENE_AWAIT(told_count() == s.next);
    notes_await(w->all, s.next);
    cr_assert_eq(notes_in_order(w->all, 1, 0), s.next);
    world_close(w);
}

static void lose_connection(world *w) {
    cut(&w->pair[0]);
    party_await_log(&w->pair[0], "node right is lost", 1);
    party_await_log(&w->pair[1], "node left is lost", 1);
}

static uint64_t late_at(party *p) {
    troupe_account account;
    troupe_account_all(p->rt, &account);
    cr_assert_eq(troupe_account_missing(&account), 0);
    return account.dead[TROUPE_DEAD_OVERDUE];
}

/* What is too late to be sent again is not, and comes back; what is not too late is, in order. */
SIMULATED(promise, what_is_late_is_not_sent_again, 50) {
    enum { ALL = 8 };
    (void)tcp;
    world *w = world_open(false, 2, false);
    sending s = {.to = w->to, .promise = TROUPE_REDELIVERED};
    notes_shut(w->all, true);
    for (int i = 0; i < ALL; i++) {
        s.within_ms = i % 2 ? 300 : 60000;
        act_as(&w->pair[0], w->from, send_next, &s);
    }
    lose_connection(w);
    troupe_sim_run(scene_sim, 400);
    party_meet(&w->pair[0], &w->pair[1]);
    notes_shut(w->all, false);
    SCENE_AWAIT(told_count() == ALL);
    troupe_sim_run(scene_sim, 100);
    for (int i = 0; i < ALL; i++) {
        cr_assert(told.times[i] == 1 && told.lost[i] == (told.why[i] == TROUPE_TIMEOUT), "%d", i);
        if (i % 2 == 0 || !told.lost[i]) cr_assert_eq(told.why[i], TROUPE_OK, "%d", i);
    }
    cr_assert_geq(told.back, 2u, "but for a mailbox, and one in hand");
    cr_assert_eq(notes_count(w->all), (size_t)ALL / 2);
    cr_assert_eq(late_at(&w->pair[0]), told.back);
    cr_assert_geq(late_at(&w->pair[0]) + late_at(&w->pair[1]), (uint64_t)ALL / 2, "none vanishes");
    world_close(w);
}

/* The time that has passed before it is sent again counts. */
SIMULATED(promise, what_is_sent_again_has_less_time, 50) {
    enum { ALL = 8 };
    (void)tcp;
    world *w = world_open(false, 64, false);
    sending s = {.to = w->to, .promise = TROUPE_REDELIVERED, .within_ms = 1000};
    notes_shut(w->all, true);
    for (int i = 0; i < ALL; i++) act_as(&w->pair[0], w->from, send_next, &s);
    lose_connection(w);
    troupe_sim_run(scene_sim, 600);
    party_meet(&w->pair[0], &w->pair[1]);
    SCENE_AWAIT(told_count() == ALL);
    for (int i = 0; i < ALL; i++) cr_assert_eq(told.why[i], TROUPE_OK, "it was in time till then");
    troupe_sim_run(scene_sim, 600);
    notes_shut(w->all, false);
    troupe_sim_run(scene_sim, 100);
    cr_assert_eq(notes_count(w->all), 0u);
    cr_assert_eq(late_at(&w->pair[1]), (uint64_t)ALL);
    world_close(w);
}

/* Another incarnation of its node is another actor's: it is given up, and comes back. */
SIMULATED(promise, case_11_a_node_that_has_started_again_is_another, 100) {
    (void)tcp;
    world *w = world_open(false, 4, false);
    sending s = {.to = w->to, .promise = TROUPE_REDELIVERED};
    notes_shut(w->all, true);
    for (int i = 0; i < 8; i++) act_as(&w->pair[0], w->from, send_next, &s);
    char url[TROUPE_URL_MAX + 1];
    (void)snprintf(url, sizeof url, "%s", w->pair[1].url);
    troupe_sim_crash(scene_sim, &w->pair[1].rt);
    w->all->shut = false, w->all->writers = 0;
    party_await_log(&w->pair[0], "node right is lost", 1);
    party_close(&w->pair[1]);
    side_open(&w->pair[1], "right", false);
    party_meet(&w->pair[0], &w->pair[1]);
    SCENE_AWAIT(told_count() == s.next);
    cr_assert_geq(told.back, s.next - 5, "but for a mailbox, and one in hand");
    for (uint64_t i = 0; i < s.next; i++)
        cr_assert_eq(told.why[i], told.lost[i] ? TROUPE_NOCONNECTION : TROUPE_OK);
    act_as(&w->pair[0], w->from, send_next, &s);
    cr_assert_eq(s.err, TROUPE_NOCONNECTION);
    world_close(w);
}

/* What is left at the end of the sending runtime comes back. */
SIMULATED(promise, what_is_left_at_the_end_comes_back, 50) {
    (void)tcp;
    world *w = world_open(false, 4, false);
    sending s = {.to = w->to, .promise = TROUPE_REDELIVERED};
    notes_shut(w->all, true);
    for (int i = 0; i < 8; i++) act_as(&w->pair[0], w->from, send_next, &s);
    cut(&w->pair[0]);
    party_await_log(&w->pair[0], "node right is lost", 1);
    party_close(&w->pair[0]);
    cr_assert_geq(told.back, 3u, "but for a mailbox, and one in hand");
    notes_shut(w->all, false);
    troupe_sim_run(scene_sim, 100);
    for (size_t i = 0; i < w->all->used; i++) told.times[w->all->note[i].n]++;
    for (int i = 0; i < 8; i++) cr_assert(told.times[i] || told.lost[i], "%d", i);
    party_close(&w->pair[1]);
    scene_end();
    notes_close(w->all);
    notes_close(w->own);
    tr_mutex_fini(&told.lock);
    scene_dead_letter = NULL;
}

/* --- From a thread ---------------------------------------------------------------------------- */

static troupe_err deliver(party *p, troupe_ref to, troupe_promise promise, unsigned ms) {
    troupe_msg *msg;
    const troupe_delivery how = {.promise = promise};
    cr_assert_eq(troupe_make(p->rt, &count_type, &(struct count){1, 0}, &msg), TROUPE_OK);
    troupe_err err = troupe_deliver(p->rt, to, &msg, &how, ms);
    troupe_drop(&msg);
    return err;
}

ANYWHERE(promise, a_thread_waits_until_it_is_in_the_mailbox, 50) {
    world *w = world_open(tcp, 1, false);
    party *left = &w->pair[0];
    cr_assert_eq(deliver(left, w->to, TROUPE_ACKNOWLEDGED, PATIENCE_MS), TROUPE_OK);
    cr_assert_eq(deliver(left, w->to, TROUPE_REDELIVERED, PATIENCE_MS), TROUPE_OK);
    notes_await(w->all, 2);
    notes_shut(w->all, true);
    troupe_err err = TROUPE_OK;
    for (int i = 0; i < 3; i++) err = deliver(left, w->to, TROUPE_REDELIVERED, i < 2 ? 300 : 50);
    cr_assert_eq(err, TROUPE_TIMEOUT);
    notes_shut(w->all, false);
    notes_await(w->all, 5);
    SCENE_AWAIT(tr_load32_seq(&left->node->promises.lines) == 0);
    cr_assert_eq(deliver(left, (troupe_ref){7, 7}, TROUPE_ACKNOWLEDGED, 50), TROUPE_NOCONNECTION);
    while ((err = deliver(&w->pair[1], w->to, TROUPE_ACKNOWLEDGED, 50)) == TROUPE_FULL)
        let_go_on();
    cr_assert_eq(err, TROUPE_OK, "of its own node");
    world_close(w);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* The message is told of once, and there once at most; sending it is NOMEM, or it comes. */
static void without_memory(int side) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        world *w = world_open(false, 4, true);
        sending s = {.to = w->to, .promise = TROUPE_REDELIVERED};
        exhaust_from(&x, &w->pair[side].heap);
        troupe_msg *msg;
        if (troupe_make(w->pair[0].rt, &count_type, &(struct count){1, 0}, &msg) == TROUPE_OK) {
            const troupe_delivery how = {.promise = s.promise};
            troupe_err err = troupe_post_with(w->pair[0].rt, w->to, &msg, &how);
            cr_assert(!err || err == TROUPE_NOMEM, "%s", troupe_errname(err));
            s.next = !err;
            troupe_drop(&msg);
        }
        troupe_sim_run(scene_sim, 20);
        (void)exhaust_to(&x);
        if (s.next) notes_await(w->all, 1);
        troupe_sim_run(scene_sim, 2000);
        cr_assert_eq(notes_count(w->all), s.next);
        world_close(w);
    }
}

SIMULATED(promise, without_memory_at_either_side, 4) {
    for (int side = 0; side < 2 && !tcp; side++) without_memory(side);
}
