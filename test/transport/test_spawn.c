/* Actors that other nodes have spawned, by the name of a behaviour. */
#include "transport/spawn.h"

#include "test/transport/node_hands.h"
#include "transport/node.h"

TestSuite(spawn, .timeout = 60, .fini = scene_say_seed);

/* Answers with what it was started with. */
struct worker {
    uint64_t n;
};

static troupe_err worker_start(troupe_self *self, void *state, const void *arg) {
    struct worker *worker = state;
    const struct count *count = arg;
    if (!count || count->from == 13) return troupe_fail(self, TROUPE_USER, "no good number");
    worker->n = count->n;
    return TROUPE_OK;
}

static troupe_err worker_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct worker *worker = state;
    (void)msg;
    return troupe_answer(self, &count_type, &(struct count){0, worker->n});
}

static const troupe_behaviour worker = {.name = "worker",
                                        .state_size = sizeof(struct worker),
                                        .start = worker_start,
                                        .receive = worker_receive};

/* Has an actor ask for one, with a count, or nothing, or an order. */
typedef struct wish {
    const char *peer, *what;
    const troupe_type *type;
    const void *arg;
    uint64_t number;
    troupe_err err;
} wish;

static void ask_to_spawn(troupe_self *self, void *ctx) {
    wish *w = ctx;
    troupe_msg *msg = NULL;
    if (w->type) cr_assert_eq(troupe_make(troupe_runtime(self), w->type, w->arg, &msg), TROUPE_OK);
    w->err = troupe_spawn_on(self, w->peer, w->what, w->type ? &msg : NULL, &w->number);
    cr_assert_eq(msg == NULL, !w->type || !w->err);
    troupe_drop(&msg);
}

/* The n-th note must be the answer. */
static troupe_ref answer_to(notes *all, size_t n, const wish *w, troupe_err why) {
    cr_assert_eq(w->err, TROUPE_OK, "%s", troupe_errname(w->err));
    notes_await(all, n + 1);
    cr_assert_eq(all->note[n].kind, AN_ANSWER);
    cr_assert_eq(all->note[n].n, w->number);
    cr_assert_eq(all->note[n].why, why, "%s", troupe_errname(all->note[n].why));
    cr_assert_eq(all->note[n].who.id == 0, why != TROUPE_OK);
    return all->note[n].who;
}

static troupe_err spawn_at(party *p, const struct count *arg, troupe_ref *out) {
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(p->rt, &count_type, arg, &msg), TROUPE_OK);
    troupe_err err = troupe_spawn_at(p->node, "right", "worker", &msg, PATIENCE_MS, out);
    cr_assert_eq(msg == NULL, err == TROUPE_OK);
    troupe_drop(&msg);
    return err;
}

ANYWHERE(spawn, an_actor_is_spawned_on_another_node_with_its_argument, 100) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref mine = hand_of(&pair[0], 16, all), who;
    cr_assert_eq(troupe_offer(pair[1].node, &worker, &count_type), TROUPE_OK);
    wish w = {"right", "worker", &count_type, &(struct count){1, 7}, 0, 0};
    act_as(&pair[0], mine, ask_to_spawn, &w);
    who = answer_to(all, 0, &w, TROUPE_OK);
    cr_assert_eq(who.node, pair[1].node->me.node);
    uint64_t n = 0;
    cr_assert_eq(ask_by(&pair[0], who, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(n, 7u);
    cr_assert_eq(spawn_at(&pair[0], &(struct count){1, 8}, &who), TROUPE_OK);
    cr_assert_eq(ask_by(&pair[0], who, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(n, 8u);
    uint64_t monitor = watch_by(&pair[0], mine, who);
    cr_assert_eq(troupe_stop(pair[0].rt, who), TROUPE_OK);
    notes_await(all, 2);
    cr_assert_eq(all->note[1].n, monitor);
    cr_assert_eq(all->note[1].why, TROUPE_SHUTDOWN);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(spawn, what_can_not_be_spawned_is_told, 100) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref mine = hand_of(&pair[0], 16, all), who = {7, 7};
    cr_assert_eq(troupe_offer(pair[1].node, &worker, &count_type), TROUPE_OK);
    const struct count good = {1, 7}, bad = {13, 7};
    const struct order order = {0, 1, TROUPE_NOBODY};
    wish wishes[] = {{"right", "nobody", &count_type, &good, 0, 0},
                     {"right", "worker", &count_type, &bad, 0, 0},
                     {"right", "worker", &order_type, &order, 0, 0},
                     {"right", "worker", NULL, NULL, 0, 0},
                     {"left", "worker", &count_type, &good, 0, 0},
                     {"right", "", &count_type, &good, 0, 0}};
    static const troupe_err why[] = {TROUPE_NOTFOUND, TROUPE_USER, TROUPE_BADTYPE, TROUPE_BADTYPE};
    for (size_t i = 0; i < 6; i++) {
        act_as(&pair[0], mine, ask_to_spawn, &wishes[i]);
        if (i < 4) (void)answer_to(all, i, &wishes[i], why[i]);
    }
    cr_assert_eq(wishes[4].err, TROUPE_NOCONNECTION);
    cr_assert_eq(wishes[5].err, TROUPE_NOTFOUND);
    cr_assert_eq(spawn_at(&pair[0], &bad, &who), TROUPE_USER);
    cr_assert_eq(who.id, 7u);
    cr_assert_eq(notes_count(all), 4u);
    pair_close(pair);
    notes_close(all);
}

/* Real only: two calls after each other, without a peer. */
Test(spawn, a_behaviour_is_offered_once_and_by_a_name) {
    party p;
    party_open(&p, "p");
    static const troupe_behaviour nameless = {.receive = worker_receive};
    cr_assert_eq(troupe_offer(p.node, &nameless, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_offer(p.node, &worker, &count_type), TROUPE_OK);
    cr_assert_eq(troupe_offer(p.node, &worker, NULL), TROUPE_TAKEN);
    party_close(&p);
}

/* The thread that waited has gone, or the node is lost: nobody would ever end what was spawned. */
typedef struct slow {
    party *pair;
    troupe_err err;
    troupe_ref out;
} slow;

static notes *slow_notes;

static void slow_stop(troupe_self *self, void *state, troupe_err why) {
    (void)state;
    notes_write(slow_notes, (note){A_DOWN, 0, 0, troupe_me(self), why});
}

static troupe_err slow_start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    notes_write(slow_notes, (note){A_KEPT, 0, 0, troupe_me(self), 0});
    return TROUPE_OK;
}

static const troupe_behaviour slow_worker = {
    .name = "worker", .start = slow_start, .receive = worker_receive, .stop = slow_stop};

/* Simulated only: the answer has to come after the deadline. */
SIMULATED(spawn, one_that_comes_after_the_deadline_is_killed, 100) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    slow_notes = notes_open();
    cr_assert_eq(troupe_offer(pair[1].node, &slow_worker, NULL), TROUPE_OK);
    troupe_sim_slow(scene_sim, pair[1].rt, pair[0].rt, 500);
    troupe_ref who;
    cr_assert_eq(troupe_spawn_at(pair[0].node, "right", "worker", NULL, 300, &who), TROUPE_TIMEOUT);
    notes_await(slow_notes, 1);
    who = slow_notes->note[0].who;
    SCENE_AWAIT(troupe_mailbox(pair[1].rt, who, NULL, NULL) == TROUPE_GONE);
    cr_assert_eq(notes_count(slow_notes), 1u, "killed, so it does not stop");
    troupe_sim_slow(scene_sim, pair[1].rt, pair[0].rt, 0);
    pair_close(pair);
    notes_close(slow_notes);
}

/* Simulated only: the spawner has to stand still. */
SIMULATED(spawn, more_than_the_spawner_has_room_for_are_refused_and_none_is_lost, 20) {
    (void)tcp;
    enum { MANY = 3 * TR_SPAWNS_MOST };
    party pair[2];
    pair_open(pair, false);
    notes *all = notes_open();
    troupe_ref mine = hand_of(&pair[0], 16, all);
    cr_assert_eq(troupe_offer(pair[1].node, &worker, &count_type), TROUPE_OK);
    troupe_ref spawner = pair[1].node->spawner.actor;
    cr_assert_eq(troupe_sim_hold(scene_sim, spawner, true), TROUPE_OK);
    wish w[MANY];
    for (size_t i = 0; i < MANY; i++) {
        w[i] = (wish){"right", "worker", &count_type, &(struct count){1, i}, 0, 0};
        act_as(&pair[0], mine, ask_to_spawn, &w[i]);
        cr_assert_eq(w[i].err, TROUPE_OK);
    }
    notes_await(all, MANY - TR_SPAWNS_MOST);
    cr_assert_eq(troupe_sim_hold(scene_sim, spawner, false), TROUPE_OK);
    notes_await(all, MANY);
    size_t made = 0;
    for (size_t i = 0; i < MANY; i++) {
        cr_assert(all->note[i].why == TROUPE_OK || all->note[i].why == TROUPE_FULL);
        made += all->note[i].why == TROUPE_OK;
    }
    cr_assert_eq(made, (size_t)TR_SPAWNS_MOST);
    cr_assert_eq(party_logged(&pair[1], "is cut"), 0u);
    pair_close(pair);
    notes_close(all);
}

/* Over a real network a process of its own would have to die: this is the same for the node. */
SIMULATED(spawn, a_lost_node_is_an_answer_and_leaves_nothing_here, 100) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    notes *all = notes_open();
    troupe_ref mine = hand_of(&pair[0], 16, all);
    cr_assert_eq(troupe_offer(pair[1].node, &worker, &count_type), TROUPE_OK);
    wish w = {"right", "worker", &count_type, &(struct count){1, 7}, 0, 0};
    act_as(&pair[0], mine, ask_to_spawn, &w);
    for (uint64_t i = 0; i < scene_seed % 20; i++) (void)tr_sim_advance(scene_sim, patience());
    troupe_sim_crash(scene_sim, &pair[1].rt);
    notes_await(all, 1);
    cr_assert(all->note[0].why == TROUPE_OK || all->note[0].why == TROUPE_NOCONNECTION);
    SCENE_AWAIT(party_logged(&pair[0], "node right is lost") == 1);
    cr_assert_eq(notes_count(all), 1u);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(spawn, a_peer_has_so_many_that_live_and_no_more, 100) {
    enum { MOST = 3 };
    party pair[2], other;
    troupe_ref who[MOST], more;
    party_open(&pair[0], "left");
    party_open_as(&pair[1], "right", (troupe_node_config){.peer_spawns = MOST});
    party_open(&other, "other");
    party_listen(&pair[1], tcp);
    party_meet(&pair[0], &pair[1]);
    party_meet(&other, &pair[1]);
    cr_assert_eq(troupe_offer(pair[1].node, &worker, &count_type), TROUPE_OK);
    const struct count good = {1, 7}, bad = {13, 7};
    for (int i = 0; i < MOST; i++) {
        cr_assert_eq(spawn_at(&pair[0], &good, &who[i]), TROUPE_OK);
        cr_assert_eq(spawn_at(&pair[0], &bad, &more), i < MOST - 1 ? TROUPE_USER : TROUPE_FULL);
    }
    cr_assert_eq(spawn_at(&pair[0], &good, &more), TROUPE_FULL);
    party_await_log(&pair[1], "node left: as many actors that it has spawned here live as may", 1);
    cr_assert_eq(spawn_at(&other, &good, &more), TROUPE_OK, "each peer has its own");
    cr_assert_eq(troupe_stop(pair[0].rt, who[0]), TROUPE_OK);
    for (troupe_err err = TROUPE_FULL; err;) { /* until its end has been heard of */
        err = spawn_at(&pair[0], &good, &more);
        cr_assert(!err || err == TROUPE_FULL);
    }
    cr_assert_eq(spawn_at(&pair[0], &good, &more), TROUPE_FULL);
    party_close(&other);
    pair_close(pair);
}

/* Who is let in may stop any actor: also that one. What nobody does is not kept. */
ANYWHERE(spawn, without_the_actor_that_does_it_it_is_refused, 100) {
    party pair[2];
    troupe_ref who;
    const struct count good = {1, 7};
    pair_open(pair, tcp);
    cr_assert_eq(troupe_offer(pair[1].node, &worker, &count_type), TROUPE_OK);
    cr_assert_eq(spawn_at(&pair[0], &good, &who), TROUPE_OK);
    cr_assert_eq(troupe_kill(pair[0].rt, pair[1].node->spawner.actor), TROUPE_OK);
    for (int i = 0; i < 2 * TR_SPAWNS_MOST; i++)
        cr_assert_eq(spawn_at(&pair[0], &good, &who), TROUPE_GONE, "%d", i);
    tr_lock(&pair[1].node->lock);
    cr_expect_null(pair[1].node->spawner.jobs.head);
    tr_unlock(&pair[1].node->lock);
    pair_close(pair);
}
