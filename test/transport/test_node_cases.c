/* Nodes on a network that fails: the cases of docs/conformance.md that need one. In simulation
 * only, where there is such a network. */
#include "test/support/node_service.h"
#include "test/transport/node_hands.h"

TestSuite(node_cases, .timeout = 60, .fini = scene_say_seed);

/* Who has just spoken says nothing at the next heartbeat: so twice that may pass in silence. */
enum { SEEDS = 200, HEARTBEAT_MS = 50, LOST_MS = 1000, LATE_MS = 2 * HEARTBEAT_MS + 5 };

static void quick_open(party *p, const char *name) {
    party_open_as(p, name, (troupe_node_config){.heartbeat_ms = HEARTBEAT_MS, .lost_ms = LOST_MS});
    party_listen(p, false);
}

static void quick_pair(party pair[2]) {
    quick_open(&pair[0], "left");
    quick_open(&pair[1], "right");
    party_meet(&pair[0], &pair[1]);
}

/* Connects again, as soon as both have noticed that they are not. */
static void meet_again(party *p, const party *other) {
    uint64_t until = patience();
    troupe_err err;
    while ((err = troupe_connect(p->node, other->url, PATIENCE_MS))) {
        cr_assert_eq(err, TROUPE_REFUSED, "%s", troupe_errname(err));
        scene_go_on(until);
    }
}

/* Nothing passes between two of them, or all does. */
static void part(const party *a, const party *b, bool parted) {
    troupe_sim_cut(scene_sim, a->rt, b->rt, parted);
    troupe_sim_cut(scene_sim, b->rt, a->rt, parted);
}

static void never_lost(party *p) {
    cr_assert_eq(party_logged(p, "lost"), 0u, "%s", p->log);
}

/* --- Order and loss --------------------------------------------------------------------------- */

/* Sends the numbers to an actor of the other, connecting again whenever they are not. */
static void send_numbers(party pair[2], troupe_ref to, uint64_t from, uint64_t past) {
    for (uint64_t n = from, until = patience(); n < past;) {
        troupe_err err = count_to(&pair[0], to, n);
        if (!err) n++;
        if (err == TROUPE_FULL) scene_go_on(until);
        if (err == TROUPE_NOCONNECTION) meet_again(&pair[0], &pair[1]);
    }
}

SIMULATED(node_cases, case_02_what_comes_over_broken_connections_is_in_order_and_at_most_once,
          SEEDS) {
    (void)tcp;
    enum { MANY = 500 };
    party pair[2];
    quick_pair(pair);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 8, all);
    scene_sim->faults.chance =
        (troupe_faults){.disconnect = 10000, .part = 200, .stall = 200, .late = 1000, .full = 1000};
    send_numbers(pair, hand, 0, MANY);
    troupe_sim_calm(scene_sim);
    troupe_sim_run(scene_sim, 5 * LOST_MS);
    send_numbers(pair, hand, MANY, MANY + 1);
    SCENE_AWAIT(notes_count(all) && all->note[all->used - 1].n == MANY);
    for (size_t i = 1; i < all->used; i++) cr_assert_gt(all->note[i].n, all->note[i - 1].n);
    if (all->used <= MANY) cr_assert_gt(party_logged(&pair[0], "lost"), 0u, "it was told");
    pair_close(pair);
    notes_close(all);
}

SIMULATED(node_cases, case_04_nothing_comes_of_a_node_after_its_loss_was_told, SEEDS) {
    (void)tcp;
    party pair[2];
    quick_pair(pair);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[0], 16, all), far;
    cr_assert_eq(troupe_spawn(pair[1].rt, &node_service, NULL, &far), TROUPE_OK);
    (void)watch_by(&pair[0], hand, far);
    troupe_msg *msg;
    const struct order body = {ORDER_FLOOD, 0, hand};
    cr_assert_eq(troupe_make(pair[0].rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(pair[0].rt, far, &msg), TROUPE_OK);
    notes_await(all, 50 + troupe_sim_choose(scene_sim, 200));
    troupe_sim_disconnect(scene_sim, pair[0].rt, pair[1].rt);
    SCENE_AWAIT(notes_downs(all, TROUPE_NOCONNECTION));
    troupe_sim_run(scene_sim, LOST_MS);
    size_t noted = notes_count(all);
    cr_assert_eq(all->note[noted - 1].kind, A_DOWN);
    cr_assert_eq(notes_in_order(all, 1, 0), noted - 1);
    pair_close(pair);
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
    (void)tcp;
    for (unsigned silent = 0; silent < 2; silent++) {
        party pair[2];
        quick_pair(pair);
        one_way(pair, silent);
        pair_close(pair);
        troupe_sim_calm(scene_sim);
    }
}

SIMULATED(node_cases, case_08_a_silence_that_is_short_enough_loses_nobody, SEEDS) {
    (void)tcp;
    party pair[2];
    quick_pair(pair);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    for (uint64_t i = 0; i < 5; i++) {
        troupe_sim_run(scene_sim, 5 + troupe_sim_choose(scene_sim, 300)); /* both are heard */
        part(&pair[0], &pair[1], true);
        cr_assert_eq(count_to(&pair[0], hand, i), TROUPE_OK);
        troupe_sim_run(scene_sim, LOST_MS * 8 / 10);
        cr_assert_eq(notes_count(all), i);
        part(&pair[0], &pair[1], false);
        notes_await(all, i + 1);
    }
    cr_assert_eq(notes_in_order(all, 0, 0), 5u);
    never_lost(&pair[0]);
    never_lost(&pair[1]);
    pair_close(pair);
    notes_close(all);
}

SIMULATED(node_cases, case_10_a_connection_that_comes_and_goes_is_told_each_time_and_leaves_nothing,
          20) {
    (void)tcp;
    enum { TIMES = 200 };
    party pair[2];
    counting_heap_state before[2] = {{0}};
    quick_pair(pair);
    notes *all = notes_open(), *other = notes_open();
    troupe_ref hand = hand_of(&pair[0], 16, all), far = hand_of(&pair[1], 16, other);
    for (size_t i = 0; i < TIMES; i++) {
        uint64_t monitor = watch_by(&pair[0], hand, far);
        troupe_sim_run(scene_sim, troupe_sim_choose(scene_sim, 3));
        troupe_sim_disconnect(scene_sim, pair[0].rt, pair[1].rt);
        notes_await(all, i + 1);
        cr_assert_eq(all->note[i].n, monitor);
        cr_assert_eq(all->note[i].why, TROUPE_NOCONNECTION);
        meet_again(&pair[0], &pair[1]);
        for (size_t k = 0; k < 2 && i == TIMES / 10; k++)
            before[k] = counting_heap_look(&pair[k].heap);
    }
    troupe_sim_run(scene_sim, LOST_MS);
    cr_assert_eq(notes_count(all), (size_t)TIMES);
    for (size_t k = 0; k < 2; k++) {
        cr_assert_eq(party_logged(&pair[k], "is connected"), (size_t)TIMES + 1);
        cr_assert_eq(party_logged(&pair[k], "is lost"), (size_t)TIMES);
        cr_assert_leq(counting_heap_look(&pair[k].heap).bytes, before[k].bytes + 8192);
    }
    pair_close(pair);
    notes_close(all);
    notes_close(other);
}

/* --- Three nodes ------------------------------------------------------------------------------ */

enum { NODES = 3 };

/* All connected, and an actor of each watches one of each other. */
typedef struct three {
    party node[NODES];
    notes *notes[NODES];
    troupe_ref hand[NODES];
} three;

static void three_open(three *t) {
    static const char *const name[NODES] = {"a", "b", "c"};
    for (int i = 0; i < NODES; i++) {
        quick_open(&t->node[i], name[i]);
        t->notes[i] = notes_open();
        t->hand[i] = hand_of(&t->node[i], 16, t->notes[i]);
        for (int k = 0; k < i; k++) party_meet(&t->node[i], &t->node[k]);
    }
    for (int i = 0; i < NODES; i++)
        for (int k = 0; k < NODES; k++)
            if (i != k) (void)watch_by(&t->node[i], t->hand[i], t->hand[k]);
}

static void three_close(three *t) {
    for (int i = 0; i < NODES; i++) party_close(&t->node[i]);
    for (int i = 0; i < NODES; i++) notes_close(t->notes[i]);
    scene_end();
}

/* All hear all, each once. */
static void all_talk(three *t, uint64_t n) {
    size_t before[NODES];
    for (int i = 0; i < NODES; i++) before[i] = notes_count(t->notes[i]);
    for (int i = 0; i < NODES * NODES; i++)
        if (i / NODES != i % NODES)
            cr_assert_eq(count_to(&t->node[i / NODES], t->hand[i % NODES], n), TROUPE_OK);
    troupe_sim_run(scene_sim, 500);
    for (int i = 0; i < NODES; i++) cr_assert_eq(notes_count(t->notes[i]), before[i] + NODES - 1);
}

SIMULATED(node_cases, case_16_a_split_of_three_is_told_once_across_it_and_heals, SEEDS) {
    (void)tcp;
    static three t;
    three_open(&t);
    all_talk(&t, 0);
    part(&t.node[0], &t.node[2], true);
    part(&t.node[1], &t.node[2], true);
    troupe_sim_run(scene_sim, 5000);
    for (int i = 0; i < NODES; i++)
        cr_assert_eq(notes_downs(t.notes[i], TROUPE_NOCONNECTION), i < 2 ? 1u : 2u);
    uint64_t n = 1;
    cr_assert_eq(ask_by(&t.node[0], t.hand[1], ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(party_logged(&t.node[0], "node b is lost"), 0u);
    troupe_sim_calm(scene_sim);
    for (int i = 0; i < 2; i++) meet_again(&t.node[i], &t.node[2]);
    all_talk(&t, 1);
    for (int i = 0; i < NODES; i++)
        cr_assert_eq(notes_downs(t.notes[i], TROUPE_NOCONNECTION), i < 2 ? 1u : 2u);
    three_close(&t);
}

/* What goes two ways round may come in any order; each way keeps its own. */
SIMULATED(node_cases, a_message_is_overtaken_over_another_connection_only, SEEDS) {
    (void)tcp;
    static three t;
    three_open(&t);
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
