/* Nodes on a network that fails: the cases of docs/conformance.md that need one. Real connections
 * go through a proxy; what needs a network that is bad at any moment, or is about time, is in
 * simulation only. */
#include <troupe/supervisor.h>

#include "test/support/node_service.h"
#include "test/transport/line_scene.h"
#include "test/transport/node_hands.h"

TestSuite(node_cases, .timeout = 300, .fini = scene_say_seed);

/* A fixed time; four times in a heartbeat they say that they live. The defaults, and what adapts to
 * the peer, are test_node_detect's. */
enum { SEEDS = 200, HEARTBEAT_MS = 50, LOST_MS = 1000, LATE_MS = HEARTBEAT_MS / 4 + 2 };

/* Real ones have more, since a machine with other work may be late. */
static void quick_open(party *p, const char *name, bool tcp) {
    const unsigned lost_ms = scene_sim ? LOST_MS : 4 * LOST_MS;
    party_open_as(p, name,
                  (troupe_node_config){
                      .heartbeat_ms = HEARTBEAT_MS, .suspect_ms = lost_ms, .lost_ms = lost_ms});
    party_listen(p, tcp);
}

/* Two nodes, and the line between them. */
static line *quick_pair(party pair[2], bool tcp) {
    static line l;
    quick_open(&pair[0], "left", tcp);
    quick_open(&pair[1], "right", tcp);
    line_open(&l, &pair[0], &pair[1], tcp);
    line_meet(&l);
    return &l;
}

static void never_lost(party *p) {
    cr_assert_eq(party_logged(p, "lost"), 0u, "%s", p->log);
}

/* --- Order and loss --------------------------------------------------------------------------- */

/* Sends the numbers to an actor of the other, connecting again whenever they are not. */
static void send_numbers(line *l, troupe_ref to, uint64_t from, uint64_t past) {
    for (uint64_t n = from, until = patience(); n < past;) {
        troupe_err err = count_to(l->from, to, n);
        if (!err) n++;
        if (err == TROUPE_FULL) scene_go_on(until);
        if (err == TROUPE_NOCONNECTION) line_meet(l);
    }
}

SIMULATED(node_cases, case_02_what_comes_over_broken_connections_is_in_order_and_at_most_once,
          SEEDS) {
    enum { MANY = 500 };
    party pair[2];
    line *l = quick_pair(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 8, all);
    scene_sim->faults.chance =
        (troupe_faults){.disconnect = 10000, .part = 200, .stall = 200, .late = 1000, .full = 1000};
    send_numbers(l, hand, 0, MANY);
    troupe_sim_calm(scene_sim);
    troupe_sim_run(scene_sim, 5 * LOST_MS);
    send_numbers(l, hand, MANY, MANY + 1);
    SCENE_AWAIT(notes_count(all) && all->note[all->used - 1].n == MANY);
    for (size_t i = 1; i < all->used; i++) cr_assert_gt(all->note[i].n, all->note[i - 1].n);
    if (all->used <= MANY) cr_assert_gt(party_logged(&pair[0], "lost"), 0u, "it was told");
    line_end(l);
    notes_close(all);
}

/* Has an actor send counts to another for ever. */
static void flood(party *p, troupe_ref from, troupe_ref to) {
    troupe_msg *msg;
    const struct order body = {ORDER_FLOOD, 0, to};
    cr_assert_eq(troupe_make(p->rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(p->rt, from, &msg), TROUPE_OK);
}

/* Lets come what would; real ones have their actors handle all that they have. */
static void let_come(party *p, troupe_ref hand) {
    if (scene_sim) troupe_sim_run(scene_sim, LOST_MS);
    for (int i = 0; i < 20; i++) {
        uint64_t n = 1;
        cr_assert_eq(ask_by(p, hand, ORDER_ANSWER, &n), TROUPE_OK);
    }
}

ANYWHERE(node_cases, case_04_nothing_comes_of_a_node_after_its_loss_was_told, SEEDS) {
    party pair[2];
    line *l = quick_pair(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[0], 16, all), far;
    cr_assert_eq(troupe_spawn(pair[1].rt, &node_service, NULL, &far), TROUPE_OK);
    (void)watch_by(&pair[0], hand, far);
    flood(&pair[0], far, hand);
    notes_await(all, 50 + (scene_sim ? troupe_sim_choose(scene_sim, 200) : 500));
    line_cut(l);
    SCENE_AWAIT(notes_downs(all, TROUPE_NOCONNECTION));
    let_come(&pair[0], hand);
    size_t noted = notes_count(all);
    cr_assert_eq(all->note[noted - 1].kind, A_DOWN);
    cr_assert_eq(notes_in_order(all, 1, 0), noted - 1);
    line_end(l);
    notes_close(all);
}

/* --- Who is lost, and who is not -------------------------------------------------------------- */

/* `silent` is not heard by the other any more. Both must notice. */
static void one_way(party pair[2], unsigned silent) {
    uint64_t then = scene_clock();
    troupe_sim_cut(scene_sim, pair[silent].rt, pair[!silent].rt, true);
    party_await_log(&pair[!silent], "lost", 1);
    uint64_t ms = (scene_clock() - then) / TR_MS;
    cr_assert(ms >= LOST_MS - LATE_MS && ms <= LOST_MS + LATE_MS, "%u ms", (unsigned)ms);
    party_await_log(&pair[silent], "lost", 1);
    cr_assert_leq(scene_clock() - then, 2 * LOST_MS * TR_MS);
}

SIMULATED(node_cases, case_17_a_split_of_one_direction_is_noticed_by_both, SEEDS) {
    for (unsigned silent = 0; silent < 2; silent++) {
        party pair[2];
        line *l = quick_pair(pair, tcp);
        one_way(pair, silent);
        line_end(l);
        troupe_sim_calm(scene_sim);
    }
}

SIMULATED(node_cases, case_08_a_silence_that_is_short_enough_loses_nobody, SEEDS) {
    party pair[2];
    line *l = quick_pair(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    for (uint64_t i = 0; i < 5; i++) {
        troupe_sim_run(scene_sim, 5 + troupe_sim_choose(scene_sim, 300)); /* both are heard */
        line_hold(l, true);
        cr_assert_eq(count_to(&pair[0], hand, i), TROUPE_OK);
        troupe_sim_run(scene_sim, LOST_MS * 8 / 10);
        cr_assert_eq(notes_count(all), i);
        line_hold(l, false);
        notes_await(all, i + 1);
    }
    cr_assert_eq(notes_in_order(all, 0, 0), 5u);
    never_lost(&pair[0]);
    never_lost(&pair[1]);
    line_end(l);
    notes_close(all);
}

/* A connection is lost and made again: both nodes say so, once and in that order. */
static void flap(party pair[2], line *l, notes *all) {
    size_t before = notes_count(all);
    line_cut(l);
    notes_await(all, before + 1);
    line_meet(l);
    for (int i = 0; i < 2; i++) {
        party_await_log(&pair[i], "is connected", 1);
        cr_assert_eq(party_logged(&pair[i], "is connected"), 1u, "%s", pair[i].log);
        cr_assert_eq(party_logged(&pair[i], "is lost"), 1u, "%s", pair[i].log);
        cr_assert_lt(strstr(pair[i].log, "is lost"), strstr(pair[i].log, "is connected"));
        party_forget_log(&pair[i]);
    }
}

/* Now and then somebody has not done with a `down` when the next one comes. */
ANYWHERE(node_cases, case_10_a_connection_that_comes_and_goes_is_told_each_time_and_leaves_nothing,
         20) {
    const size_t times = scene_sim ? 200 : 1000;
    party pair[2];
    counting_heap_state before[2] = {{0}};
    size_t descriptors = 0;
    line *l = quick_pair(pair, tcp);
    for (int i = 0; i < 2; i++) party_await_log(&pair[i], "is connected", 1);
    for (int i = 0; i < 2; i++) party_forget_log(&pair[i]);
    notes *all = notes_open(), *busy = notes_open(), *other = notes_open();
    troupe_ref hand = hand_of(&pair[0], 16, all), far = hand_of(&pair[1], 16, other);
    troupe_ref slow = hand_of(&pair[0], 16, busy);
    for (size_t i = 0; i < times; i++) {
        uint64_t monitor = watch_by(&pair[0], hand, far);
        if (i % 4 == 0) (void)watch_by(&pair[0], slow, far);
        if (i % 4 == 0) notes_shut(busy, true);
        if (scene_sim) troupe_sim_run(scene_sim, troupe_sim_choose(scene_sim, 3));
        flap(pair, l, all);
        cr_assert_eq(all->note[i].n, monitor);
        cr_assert_eq(all->note[i].why, TROUPE_NOCONNECTION);
        if (i % 4 == 2) notes_shut(busy, false);
        if (i % 4 == 2) notes_await(busy, i / 4 + 1);
        if (i != times / 10) continue;
        descriptors = descriptors_at_most(64);
        for (size_t k = 0; k < 2; k++) before[k] = counting_heap_look(&pair[k].heap);
    }
    let_come(&pair[0], hand);
    cr_assert_eq(notes_count(all), times);
    cr_assert_eq(notes_count(busy), times / 4);
    for (size_t k = 0; k < 2; k++)
        SCENE_AWAIT(counting_heap_look(&pair[k].heap).bytes <= before[k].bytes + 8192);
    cr_assert_leq(descriptors_at_most(descriptors), descriptors);
    line_end(l);
    notes_close(all);
    notes_close(busy);
    notes_close(other);
}

/* What is said over the present connection comes late: when it is freed, which is done by the
 * serial that this returns, or, in a simulation, once three times LOST_MS have passed. */
static uint64_t strand(line *l) {
    if (!scene_sim) {
        line_hold(l, true);
        return fault_count(&l->proxy);
    }
    troupe_sim_slow(scene_sim, l->from->rt, l->to->rt, 3 * LOST_MS);
    troupe_sim_slow(scene_sim, l->to->rt, l->from->rt, 3 * LOST_MS);
    return 0;
}

static bool is_over(line *l, uint64_t serial) {
    tr_lock(&l->proxy.lock);
    bool over = !fault_find(&l->proxy, serial);
    tr_unlock(&l->proxy.lock);
    return over;
}

static void free_stranded(line *l, uint64_t serial) {
    if (scene_sim) {
        troupe_sim_run(scene_sim, 4 * LOST_MS);
        return;
    }
    for (int way = 0; way < 2; way++) fault_change(&l->proxy, serial, way, fault_none);
    SCENE_AWAIT(is_over(l, serial));
}

ANYWHERE(node_cases, case_13_what_comes_late_over_an_old_connection_does_not_harm_the_new_one,
         SEEDS) {
    enum { FEW = 8, ALL = 20 };
    party pair[2];
    line *l = quick_pair(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 64, all);
    uint64_t old = strand(l), n = 0;
    for (; n < FEW; n++) cr_assert_eq(count_to(&pair[0], hand, n), TROUPE_OK);
    for (int i = 0; i < 2; i++) party_await_log(&pair[i], "is lost", 1);
    if (scene_sim) troupe_sim_slow(scene_sim, pair[0].rt, pair[1].rt, 0);
    if (scene_sim) troupe_sim_slow(scene_sim, pair[1].rt, pair[0].rt, 0);
    line_meet(l);
    cr_assert_eq(count_to(&pair[0], hand, n++), TROUPE_OK);
    notes_await(all, 1);
    free_stranded(l, old);
    for (; n < ALL; n++) cr_assert_eq(count_to(&pair[0], hand, n), TROUPE_OK);
    notes_await(all, ALL - FEW);
    let_come(&pair[1], hand);
    cr_assert_eq(notes_in_order(all, 0, FEW), (size_t)ALL - FEW, "nothing of the old one");
    for (int i = 0; i < 2; i++) cr_assert_eq(party_logged(&pair[i], "is lost"), 1u);
    troupe_account account;
    troupe_account_all(pair[0].rt, &account);
    cr_assert_eq(account.dead[TROUPE_DEAD_NODE_LOST], (uint64_t)FEW, "that is accounted for");
    line_end(l);
    notes_close(all);
}

/* --- Three nodes ------------------------------------------------------------------------------ */

enum { NODES = 3 };

/* All connected, later ones to earlier ones. Each has a supervised hand that watches one of each
 * other. */
typedef struct three {
    party node[NODES];
    notes *notes[NODES];
    troupe_ref tree[NODES], hand[NODES];
    line line[NODES][NODES]; /* from, to */
} three;

static const troupe_behaviour member = {.name = "member",
                                        .state_size = sizeof(struct hand),
                                        .mailbox_limit = 16,
                                        .start = hand_start,
                                        .receive = hand_receive};

/* The child as its supervisor sees it. */
static troupe_child_info child_of(three *t, int i) {
    troupe_child_info info;
    size_t count;
    cr_assert_eq(troupe_children(t->node[i].rt, t->tree[i], PATIENCE_MS, &info, 1, &count),
                 TROUPE_OK);
    cr_assert_eq(count, 1u);
    return info;
}

static void three_open(three *t, bool tcp) {
    static const char *const name[NODES] = {"a", "b", "c"};
    for (int i = 0; i < NODES; i++) {
        quick_open(&t->node[i], name[i], tcp);
        t->notes[i] = notes_open();
        const troupe_child child = {.id = "member", .what = &member, .arg = &t->notes[i]};
        const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 3};
        cr_assert_eq(troupe_supervise(t->node[i].rt, &tree, PATIENCE_MS, &t->tree[i]), TROUPE_OK);
        t->hand[i] = child_of(t, i).ref;
        for (int k = 0; k < i; k++) {
            line_open(&t->line[i][k], &t->node[i], &t->node[k], tcp);
            line_meet(&t->line[i][k]);
        }
    }
    for (int i = 0; i < NODES; i++)
        for (int k = 0; k < NODES; k++)
            if (i != k) (void)watch_by(&t->node[i], t->hand[i], t->hand[k]);
}

static void three_close(three *t) {
    for (int i = 0; i < NODES; i++) party_close(&t->node[i]);
    for (int i = 0; i < NODES; i++) notes_close(t->notes[i]);
    for (int i = 0; i < NODES; i++)
        for (int k = 0; k < i; k++) line_close(&t->line[i][k]);
    scene_end();
}

/* All say a number to all others. */
static void all_say(three *t, uint64_t n) {
    for (uint64_t i = 0; i < NODES; i++) {
        for (uint64_t k = 0; k < NODES; k++) {
            troupe_msg *msg;
            if (i == k) continue;
            cr_assert_eq(troupe_make(t->node[i].rt, &count_type, &(struct count){i, n}, &msg),
                         TROUPE_OK);
            cr_assert_eq(troupe_post(t->node[i].rt, t->hand[k], &msg), TROUPE_OK);
        }
    }
}

/* How many numbers of one have come to another: upwards, so none twice. */
static size_t heard(three *t, int to, uint64_t from) {
    notes *all = t->notes[to];
    size_t count = 0;
    tr_lock(&all->lock);
    for (size_t i = 0, next = 0; i < all->used; i++) {
        const note *at = &all->note[i];
        if (at->kind != A_COUNT || at->from != from) continue;
        cr_assert_geq(at->n, next, "%d again, or late", (int)at->n);
        next = (size_t)at->n + 1;
        count++;
    }
    tr_unlock(&all->lock);
    return count;
}

/* Waits until all have heard that many of those on their side, and so many of those across. */
static void all_hear(three *t, size_t here, size_t across) {
    for (int i = 0; i < NODES * NODES; i++) {
        int to = i / NODES, from = i % NODES;
        size_t count = to == NODES - 1 || from == NODES - 1 ? across : here;
        if (to != from) SCENE_AWAIT(heard(t, to, (uint64_t)from) >= count);
        if (to != from) cr_assert_eq(heard(t, to, (uint64_t)from), count, "%d to %d", from, to);
    }
}

/* The last one is cut off for five seconds, or until all have noticed. */
static void split(three *t) {
    for (int k = 0; k < NODES - 1; k++) line_hold(&t->line[NODES - 1][k], true);
    all_say(t, 1); /* while nobody knows */
    if (scene_sim) troupe_sim_run(scene_sim, 5 * LOST_MS);
    for (int i = 0; i < NODES; i++)
        SCENE_AWAIT(notes_downs(t->notes[i], TROUPE_NOCONNECTION) >= (i == NODES - 1 ? 2u : 1u));
    all_hear(t, 2, 1);
    for (int k = 0; k < NODES - 1; k++) line_hold(&t->line[NODES - 1][k], false);
}

ANYWHERE(node_cases, case_16_a_split_of_three_is_told_once_across_it_and_heals, SEEDS) {
    static three t;
    three_open(&t, tcp);
    all_say(&t, 0);
    all_hear(&t, 1, 1);
    split(&t);
    for (int k = 0; k < NODES - 1; k++) line_meet(&t.line[NODES - 1][k]);
    all_say(&t, 2);
    all_hear(&t, 3, 2);
    for (int i = 0; i < NODES; i++) {
        cr_assert_eq(notes_downs(t.notes[i], TROUPE_NOCONNECTION), i < NODES - 1 ? 1u : 2u);
        troupe_child_info child = child_of(&t, i);
        cr_assert(troupe_same(child.ref, t.hand[i]) && child.state == TROUPE_CHILD_RUNNING);
        cr_assert_eq(child.restarts, 0u, "no supervisor restarts for that");
    }
    cr_assert_eq(party_logged(&t.node[0], "node b is lost"), 0u);
    cr_assert_eq(party_logged(&t.node[1], "node a is lost"), 0u);
    three_close(&t);
}

/* What goes two ways round may come in any order; each way keeps its own. */
SIMULATED(node_cases, a_message_is_overtaken_over_another_connection_only, SEEDS) {
    static three t;
    three_open(&t, tcp);
    troupe_sim_slow(scene_sim, t.node[0].rt, t.node[2].rt, 200);
    for (uint64_t n = 0; n < 5; n++) cr_assert_eq(count_to(&t.node[0], t.hand[2], n), TROUPE_OK);
    troupe_msg *msg; /* by b, to the same actor */
    const struct order body = {ORDER_PASS, 1000, t.hand[2]};
    cr_assert_eq(troupe_make(t.node[0].rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(t.node[0].rt, t.hand[1], &msg), TROUPE_OK);
    notes_await(t.notes[2], 1);
    cr_assert_eq(t.notes[2]->note[0].n, 1000u);
    notes_await(t.notes[2], 6);
    for (size_t i = 1; i < 6; i++) cr_assert_eq(t.notes[2]->note[i].n, i - 1);
    never_lost(&t.node[0]);
    three_close(&t);
}
