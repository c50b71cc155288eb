/* Real connections through a proxy that does them harm: bytes that are changed, delayed, held up,
 * and cuts anywhere. Real only: the simulated network has faults of its own, in test_node_cases. */
#include "test/support/fault_proxy.h"
#include "test/transport/node_hands.h"
#include "transport/node.h"

TestSuite(node_faults, .timeout = 120, .fini = scene_say_seed);

/* Two nodes, the left one connected through a proxy, and an actor of each. */
typedef struct bridge {
    party pair[2];
    notes *notes[2];
    troupe_ref hand[2];
    uint64_t sent[2]; /* numbers to the actor of that side */
    size_t heard[2];  /* notes of it that were looked at */
    fault_proxy proxy;
} bridge;

static bridge *bridge_open(bool tcp, unsigned lost_ms) {
    static bridge b;
    char url[128];
    memset(&b, 0, sizeof b);
    for (int i = 0; i < 2; i++) {
        party_open_as(&b.pair[i], i ? "right" : "left",
                      (troupe_node_config){
                          .heartbeat_ms = 200, .suspect_ms = lost_ms, .lost_ms = lost_ms});
        b.notes[i] = notes_open();
        b.hand[i] = hand_of(&b.pair[i], 64, b.notes[i]);
    }
    party_listen(&b.pair[1], tcp);
    (void)snprintf(url, sizeof url, "ipc://%s/proxy", scene_dir());
    fault_open(&b.proxy, tcp ? "tcp://127.0.0.1:0" : url, b.pair[1].url);
    return &b;
}

static void bridge_close(bridge *b) {
    party_close(&b->pair[0]);
    party_close(&b->pair[1]);
    fault_close(&b->proxy);
    for (int i = 0; i < 2; i++) notes_close(b->notes[i]);
    scene_end();
}

static bool connected(party *p) {
    return troupe_peers(p->node, NULL, 0) > 0;
}

/* Connects, the first time with these plans, once the last connection is over. */
static void bridge_meet(bridge *b, const fault_plan plan[2]) {
    fault_cut(&b->proxy, fault_count(&b->proxy));
    SCENE_AWAIT(!connected(&b->pair[0]) && !connected(&b->pair[1]));
    uint64_t until = patience();
    /* REFUSED: not all of the last end is told yet. The next one has the plans, too. */
    for (troupe_err err = TROUPE_LATER; err;) {
        for (int i = 0; i < 2; i++) fault_next(&b->proxy, i, plan[i]);
        err = troupe_connect(b->pair[0].node, b->proxy.url, PATIENCE_MS);
        cr_assert(!err || err == TROUPE_REFUSED, "%s", troupe_errname(err));
        scene_go_on(until);
    }
}

/* Whether the connection is the one with the plans. A handshake that was cut is tried again. */
static bool is_planned(bridge *b) {
    tr_lock(&b->proxy.lock);
    const fault_connection *c = fault_find(&b->proxy, b->proxy.serials);
    bool planned = !c;
    for (int i = 0; c && i < 2; i++)
        planned = planned || c->way[i].plan.cut_at != UINT64_MAX ||
                  c->way[i].plan.corrupt_at != UINT64_MAX;
    tr_unlock(&b->proxy.lock);
    return planned;
}

/* What came is numbers that were sent, upwards; over one connection none is missing, so a gap is
 * only where a connection was lost. */
static void look_at(bridge *b, int side, uint64_t first) {
    size_t count = notes_count(b->notes[side]);
    uint64_t last = b->heard[side] ? b->notes[side]->note[b->heard[side] - 1].n : 0;
    for (size_t i = b->heard[side]; i < count; i++) {
        const note *at = &b->notes[side]->note[i];
        if (at->kind != A_COUNT) continue;
        cr_assert(at->n > last && at->n <= b->sent[side], "%d after %d", (int)at->n, (int)last);
        if (last >= first) cr_assert_eq(at->n, last + 1);
        last = at->n;
    }
    b->heard[side] = count;
}

/* Sends numbers both ways until neither side is connected any more, or that many are sent. */
static void talk(bridge *b, uint64_t many) {
    uint64_t until = patience(), first[2] = {b->sent[0] + 1, b->sent[1] + 1};
    while (connected(&b->pair[0]) || connected(&b->pair[1])) {
        bool all = true;
        for (int to = 0; to < 2; to++) {
            if (b->sent[to] + 1 >= first[to] + many) continue;
            all = false;
            if (!count_to(&b->pair[!to], b->hand[to], b->sent[to] + 1)) b->sent[to]++;
        }
        for (int i = 0; i < 2; i++) look_at(b, i, first[i]);
        if (all) break;
        scene_go_on(until);
    }
}

/* --- Bytes that are changed ------------------------------------------------------------------- */

/* A byte of a connection, any after the handshake, is another: the side that gets it says so and
 * cuts; no number comes that was not sent, none twice, and none out of order. */
BOTH(node_faults, a_damaged_byte_is_told_and_never_a_wrong_message) {
    enum { TIMES = 150, SHAKEN = 160 };
    bridge *b = bridge_open(tcp, PATIENCE_MS);
    uint64_t seed = tcp;
    for (int i = 0; i < TIMES; i++) {
        fault_plan plan[2] = {fault_none, fault_none};
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int way = (int)(seed >> 62 & 1);
        plan[way].corrupt_at = SHAKEN + (seed >> 20) % 6000;
        plan[way].flip = (unsigned char)(1 + (seed >> 40) % 255);
        party *hears = &b->pair[way == FROM_DIALER];
        do bridge_meet(b, plan);
        while (!is_planned(b));
        talk(b, 400); /* well past the byte */
        party_await_log(hears, " is cut: ", 1);
        party_await_log(hears, "is lost", 1);
        cr_assert_eq(party_logged(hears, " is cut: "), 1u, "%d: %s", i, hears->log);
        for (int k = 0; k < 2; k++) party_forget_log(&b->pair[k]);
    }
    for (int i = 0; i < 2; i++) look_at(b, i, UINT64_MAX);
    bridge_close(b);
}

/* --- Cuts, delays, stalls --------------------------------------------------------------------- */

/* At any byte, of the handshake too. */
BOTH(node_faults, case_02_a_cut_at_any_byte_loses_no_order) {
    enum { TIMES = 150 };
    bridge *b = bridge_open(tcp, PATIENCE_MS);
    uint64_t seed = tcp + 2;
    for (int i = 0; i < TIMES; i++) {
        fault_plan plan[2] = {fault_none, fault_none};
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        plan[seed >> 62 & 1].cut_at = (seed >> 20) % (i % 3 ? 8000 : 200);
        bridge_meet(b, plan);
        bool planned = is_planned(b);
        talk(b, planned ? 400 : 20);
        for (int k = 0; planned && k < 2; k++) party_await_log(&b->pair[k], "is lost", 1);
        for (int k = 0; k < 2; k++) party_forget_log(&b->pair[k]);
    }
    for (int i = 0; i < 2; i++) look_at(b, i, UINT64_MAX);
    bridge_close(b);
}

/* All comes, in order, however long it took. */
BOTH(node_faults, delays_keep_order_and_lose_nothing) {
    enum { MANY = 3000 };
    bridge *b = bridge_open(tcp, PATIENCE_MS);
    const fault_plan slow = {
        .cut_at = UINT64_MAX, .corrupt_at = UINT64_MAX, .delay_ms = 5, .jitter_ms = 20};
    bridge_meet(b, (fault_plan[2]){slow, slow});
    talk(b, MANY);
    for (int i = 0; i < 2; i++) notes_await(b->notes[i], MANY);
    for (int i = 0; i < 2; i++) {
        look_at(b, i, 0);
        cr_assert_eq(notes_count(b->notes[i]), (size_t)MANY);
        cr_assert_eq(party_logged(&b->pair[i], "lost"), 0u, "%s", b->pair[i].log);
    }
    bridge_close(b);
}

/* Nothing passes for 0.8 of the time after which a node is lost; that harms nobody. */
BOTH(node_faults, case_08_what_is_held_up_for_a_while_comes_after_all) {
    enum { LOST_MS = 10000 };
    bridge *b = bridge_open(tcp, LOST_MS);
    bridge_meet(b, (fault_plan[2]){fault_none, fault_none});
    fault_plan stalled = fault_none;
    stalled.stalled = true;
    for (int way = 0; way < 2; way++)
        fault_change(&b->proxy, fault_count(&b->proxy), way, stalled);
    talk(b, 8); /* half of what is granted unasked */
    cr_assert(!notes_await_for(b->notes[0], 1, LOST_MS * 8 / 10), "nothing passes");
    cr_assert_eq(notes_count(b->notes[1]), 0u);
    for (int way = 0; way < 2; way++)
        fault_change(&b->proxy, fault_count(&b->proxy), way, fault_none);
    for (int i = 0; i < 2; i++) notes_await(b->notes[i], 8);
    for (int i = 0; i < 2; i++) look_at(b, i, 0);
    for (int i = 0; i < 2; i++) cr_assert_eq(party_logged(&b->pair[i], "lost"), 0u);
    bridge_close(b);
}

/* One that hears nothing any more, and one that is heard by nobody: both notice, and it is over. */
static void one_way(bool tcp, int way) {
    bridge *b = bridge_open(tcp, 600);
    bridge_meet(b, (fault_plan[2]){fault_none, fault_none});
    fault_plan stalled = fault_none;
    stalled.stalled = true;
    fault_change(&b->proxy, fault_count(&b->proxy), way, stalled);
    party_await_log(&b->pair[way == FROM_DIALER], "nothing was heard of it for too long", 1);
    for (int i = 0; i < 2; i++) party_await_log(&b->pair[i], "is lost", 1);
    bridge_close(b);
}

BOTH(node_faults, case_17_a_dialer_that_is_not_heard_any_more_is_lost_to_both) {
    one_way(tcp, FROM_DIALER);
}

BOTH(node_faults, case_17_a_dialer_that_does_not_hear_any_more_loses_both) {
    one_way(tcp, FROM_LISTENER);
}
