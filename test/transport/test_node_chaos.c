/* Three nodes that stay connected, send to each other and watch each other, while the network parts
 * them, in one direction or both, slows them, and breaks their connections, by chance.
 * Conservation: each message that was sent is handled, or is a dead letter of its sender. Order.
 * Exactly one `down` a monitor. In simulation only, by 1,000 seeds in script/verify; with real
 * processes it is troupe_stress_net_chaos. */
#include "test/support/node_service.h"
#include "test/transport/node_hands.h"

TestSuite(node_chaos, .timeout = 300, .fini = scene_say_seed);

enum { NODES = 3, STEPS = 300, MANY = 8 * STEPS, MONITORS = STEPS };

/* From one node to another. */
typedef struct flow {
    uint64_t sent;
    bool lost[MANY]; /* dead letters of the sender */
    size_t monitors; /* that the sender's hand has made */
    uint64_t monitor[MONITORS];
} flow;

static struct {
    party node[NODES];
    notes *notes[NODES];
    troupe_ref hand[NODES];
    flow flow[NODES][NODES];
} w;

static size_t index_of(uint64_t node) {
    size_t i = 0;
    while (i < NODES && w.hand[i].node != node) i++;
    return i;
}

/* What was on the way. What had come and waited for room is a letter of the receiver as well. */
static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    const party *p = ctx;
    const struct count *count = troupe_as(*msg, &count_type);
    size_t from = (size_t)(p - w.node), to = index_of(letter->target.node);
    if (letter->reason != TROUPE_DEAD_NODE_LOST || !count || to == from) return;
    cr_assert_lt(to, (size_t)NODES);
    cr_assert_eq(count->from, from);
    cr_assert_not(w.flow[from][to].lost[count->n], "once");
    w.flow[from][to].lost[count->n] = true;
}

static void open_all(void) {
    static const char *const name[NODES] = {"a", "b", "c"};
    memset(&w, 0, sizeof w);
    scene_dead_letter = see;
    for (size_t i = 0; i < NODES; i++) {
        party_open_as(&w.node[i], name[i],
                      (troupe_node_config){.heartbeat_ms = 50,
                                           .lost_ms = 400,
                                           .redial_ms = 5,
                                           .redial_most_ms = 50});
        party_listen(&w.node[i], false);
        w.notes[i] = notes_open();
        w.hand[i] = hand_of(&w.node[i], 16, w.notes[i]);
    }
    for (size_t i = 0; i < NODES; i++)
        for (size_t k = 0; k < i; k++)
            cr_assert_eq(troupe_keep_connected(w.node[i].node, w.node[k].url), TROUPE_OK);
}

static void close_all(void) {
    for (size_t i = 0; i < NODES; i++) party_close(&w.node[i]);
    for (size_t i = 0; i < NODES; i++) notes_close(w.notes[i]);
    scene_dead_letter = NULL;
    scene_end();
}

static void send(size_t from, size_t to) {
    flow *f = &w.flow[from][to];
    troupe_msg *msg;
    const struct count body = {from, f->sent};
    cr_assert_eq(troupe_make(w.node[from].rt, &count_type, &body, &msg), TROUPE_OK);
    troupe_err err = troupe_post(w.node[from].rt, w.hand[to], &msg);
    cr_assert(!err || err == TROUPE_FULL || err == TROUPE_NOCONNECTION, "%s", troupe_errname(err));
    f->sent += !err;
    troupe_drop(&msg);
}

/* How many `down`s of a monitor there were. */
static size_t downs_of(size_t from, uint64_t monitor) {
    const notes *all = w.notes[from];
    size_t count = 0;
    for (size_t i = 0; i < all->used; i++)
        count += all->note[i].kind == A_DOWN && all->note[i].n == monitor;
    return count;
}

/* Watches, once the last monitor has come to its end. */
static void watch(size_t from, size_t to) {
    flow *f = &w.flow[from][to];
    if (f->monitors && !downs_of(from, f->monitor[f->monitors - 1])) return;
    f->monitor[f->monitors++] = watch_by(&w.node[from], w.hand[from], w.hand[to]);
}

/* Something between two nodes goes wrong, or well again. */
static void disturb(size_t from, size_t to) {
    troupe *a = w.node[from].rt, *b = w.node[to].rt;
    switch (troupe_sim_choose(scene_sim, 6)) {
    case 0: troupe_sim_disconnect(scene_sim, a, b); break;
    case 1: troupe_sim_cut(scene_sim, a, b, true); break;
    case 2:
        troupe_sim_cut(scene_sim, a, b, true);
        troupe_sim_cut(scene_sim, b, a, true);
        break;
    case 3: troupe_sim_slow(scene_sim, a, b, troupe_sim_choose(scene_sim, 200)); break;
    case 4: troupe_sim_slow(scene_sim, a, b, 0); break;
    default:
        troupe_sim_cut(scene_sim, a, b, false);
        troupe_sim_cut(scene_sim, b, a, false);
    }
}

static void step(void) {
    size_t from = troupe_sim_choose(scene_sim, NODES);
    size_t to = (from + 1 + troupe_sim_choose(scene_sim, NODES - 1)) % NODES;
    switch (troupe_sim_choose(scene_sim, 8)) {
    case 0: disturb(from, to); break;
    case 1: watch(from, to); break;
    case 2: troupe_sim_run(scene_sim, 1 + troupe_sim_choose(scene_sim, 300)); break;
    case 3: troupe_sim_run(scene_sim, 1 + troupe_sim_choose(scene_sim, 10)); break;
    default:
        for (uint32_t n = 1 + troupe_sim_choose(scene_sim, 8); n > 0; n--) send(from, to);
    }
}

/* What has come of a flow is upwards, none twice; `handled` is told which. */
static void look_at(size_t from, size_t to, bool *handled) {
    const notes *all = w.notes[to];
    memset(handled, 0, MANY * sizeof *handled);
    for (size_t i = 0, next = 0; i < all->used; i++) {
        const note *at = &all->note[i];
        if (at->kind != A_COUNT || at->from != from) continue;
        cr_assert(at->n >= next && at->n < w.flow[from][to].sent, "%d before %d", (int)at->n,
                  (int)next);
        next = (size_t)at->n + 1;
        handled[at->n] = true;
    }
}

/* Whether all that was sent has come to its end. */
static bool at_rest(void) {
    static bool handled[MANY];
    for (size_t i = 0; i < NODES * NODES; i++) {
        const flow *f = &w.flow[i / NODES][i % NODES];
        look_at(i / NODES, i % NODES, handled);
        for (uint64_t n = 0; n < f->sent; n++)
            if (!handled[n] && !f->lost[n]) return false;
    }
    return true;
}

static void check_monitors(size_t from, size_t to) {
    const flow *f = &w.flow[from][to];
    for (size_t i = 0; i < f->monitors; i++) {
        size_t downs = downs_of(from, f->monitor[i]);
        cr_assert(downs == 1 || (i + 1 == f->monitors && downs == 0), "%zu", downs);
    }
}

SIMULATED(node_chaos, all_is_accounted_for_in_order_and_each_monitor_has_one_down, 100) {
    (void)tcp;
    open_all();
    troupe_sim_run(scene_sim, 100);
    for (int i = 0; i < STEPS; i++) step();
    troupe_sim_calm(scene_sim);
    for (size_t i = 0; i < NODES; i++)
        for (size_t k = 0; k < NODES; k++)
            if (i != k) troupe_sim_slow(scene_sim, w.node[i].rt, w.node[k].rt, 0);
    SCENE_AWAIT(at_rest());
    for (size_t i = 0; i < NODES; i++)
        for (size_t k = 0; k < NODES; k++)
            if (i != k) check_monitors(i, k);
    for (size_t i = 0; i < NODES; i++)
        SCENE_AWAIT(troupe_peers(w.node[i].node, NULL, 0) == NODES - 1);
    close_all();
}
