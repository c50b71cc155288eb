/* Nodes that stay connected: dials that are repeated, and those that cross. */
#include "transport/keep.h"

#include "test/support/exhaust.h"
#include "test/transport/raw_peer.h"
#include "transport/node.h"

TestSuite(keep, .timeout = 60, .fini = scene_say_seed);

/* A node that notices soon, and dials soon. A real one is not lost to a machine with other work. */
static void keep_open(party *p, const char *name, bool tcp) {
    party_open_as(p, name,
                  (troupe_node_config){.heartbeat_ms = 200,
                                       .lost_ms = scene_sim ? 0 : 3 * PATIENCE_MS,
                                       .redial_ms = 4,
                                       .redial_most_ms = 50});
    party_listen(p, tcp);
}

static bool is_connected(party *p, const party *to) {
    tr_lock(&p->node->lock);
    bool up = tr_node_is_up(p->node, to->node->me.node);
    tr_unlock(&p->node->lock);
    return up;
}

/* How many connections it has, and has not yet forgotten. */
static size_t links(party *p) {
    size_t count = 0;
    tr_lock(&p->node->lock);
    for (tr_list *at = p->node->links.next; at != &p->node->links; at = at->next) count++;
    tr_unlock(&p->node->lock);
    return count;
}

/* Cuts all that a node has. */
static void cut_all(party *p) {
    for (tr_peer_link *link = NULL; (link = tr_node_next(p->node, link));) tr_link_cut(link);
}

/* Waits until that many connections were made, and the last one works. */
static void await_meeting(party pair[2], troupe_ref hand, size_t times) {
    for (int i = 0; i < 2; i++) {
        party_await_log(&pair[i], "is connected", times);
        SCENE_AWAIT(is_connected(&pair[i], &pair[1 - i])); /* which is after the line */
    }
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], hand, ORDER_ANSWER, &n), TROUPE_OK);
}

ANYWHERE(keep, who_is_not_there_yet_is_met_as_soon_as_it_comes, 100) {
    party pair[2], early;
    keep_open(&early, "right", tcp);
    char url[TROUPE_URL_MAX + 1];
    (void)snprintf(url, sizeof url, "%s", early.url);
    party_close(&early);
    keep_open(&pair[0], "left", tcp);
    cr_assert_eq(troupe_keep_connected(pair[0].node, url), TROUPE_OK);
    cr_assert_eq(troupe_keep_connected(pair[0].node, url), TROUPE_TAKEN);

    party_open(&pair[1], "right");
    cr_assert_eq(troupe_listen(pair[1].node, url, NULL, 0), TROUPE_OK);
    party_await_log(&pair[0], "node right is connected", 1);
    cr_assert_eq(party_logged(&pair[0], "refused"), 0u);
    pair_close(pair);
}

ANYWHERE(keep, a_connection_that_is_lost_comes_back_and_with_it_the_refs, 100) {
    size_t times = scene_sim ? 5 : 20;
    party pair[2];
    for (int i = 0; i < 2; i++) keep_open(&pair[i], i ? "right" : "left", tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    cr_assert_eq(troupe_keep_connected(pair[0].node, pair[1].url), TROUPE_OK);
    await_meeting(pair, hand, 1);
    for (size_t i = 0; i < times; i++) {
        cut_all(&pair[i % 2]);
        await_meeting(pair, hand, i + 2);
    }
    cr_assert_eq(troupe_keep_no_more(pair[0].node, pair[1].url), TROUPE_OK);
    cr_assert_eq(troupe_keep_no_more(pair[0].node, pair[1].url), TROUPE_NOTFOUND);
    cr_assert(is_connected(&pair[0], &pair[1]), "what is there stays");
    cut_all(&pair[0]);
    SCENE_AWAIT(links(&pair[0]) == 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(party_logged(&pair[i], "is connected"), times + 1, "%s", pair[i].log);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(keep, a_node_that_starts_again_is_met_as_another, 100) {
    party left, right;
    keep_open(&left, "left", tcp);
    notes *all = notes_open(), *watched = notes_open();
    troupe_ref watcher = hand_of(&left, 16, watched);
    char url[TROUPE_URL_MAX + 1] = "";
    for (size_t life = 0; life < 3; life++) {
        party_open(&right, "right");
        if (life)
            cr_assert_eq(troupe_listen(right.node, url, NULL, 0), TROUPE_OK);
        else
            party_listen(&right, tcp);
        if (!life) {
            (void)snprintf(url, sizeof url, "%s", right.url);
            cr_assert_eq(troupe_keep_connected(left.node, url), TROUPE_OK);
        }
        party_await_log(&left, "node right is connected", life + 1);
        SCENE_AWAIT(is_connected(&left, &right));
        troupe_ref hand = hand_of(&right, 16, all);
        uint64_t n = 1, monitor = watch_by(&left, watcher, hand);
        cr_assert_eq(ask_by(&left, hand, ORDER_ANSWER, &n), TROUPE_OK);
        party_close(&right);
        notes_await(watched, 2 * life + 1);
        cr_assert_eq(watched->note[2 * life].n, monitor);
        cr_assert_eq(ask_by(&left, hand, ORDER_ANSWER, &n), TROUPE_NOCONNECTION);
        (void)watch_by(&left, watcher, hand);
        notes_await(watched, 2 * life + 2); /* its former self is not there any more */
        cr_assert_eq(watched->note[2 * life + 1].why, TROUPE_NOCONNECTION);
    }
    party_close(&left);
    notes_close(all);
    notes_close(watched);
    scene_end();
}

/* --- Dials that cross ------------------------------------------------------------------------- */

/* Each is connected once, and the same connection is the only one that is left on both sides. */
static void expect_one(party pair[2], size_t times) {
    for (int i = 0; i < 2; i++) {
        SCENE_AWAIT(links(&pair[i]) == 1 && is_connected(&pair[i], &pair[1 - i]));
        cr_assert_eq(party_logged(&pair[i], "is connected\n"), times, "%s", pair[i].log);
        cr_assert_eq(party_logged(&pair[i], "refused"), 0u, "%s", pair[i].log);
    }
}

ANYWHERE(keep, two_that_keep_each_other_have_one_connection, 200) {
    party pair[2];
    for (int i = 0; i < 2; i++) keep_open(&pair[i], i ? "right" : "left", tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(troupe_keep_connected(pair[i].node, pair[1 - i].url), TROUPE_OK);
    for (size_t i = 1; i < 5; i++) {
        await_meeting(pair, hand, i);
        expect_one(pair, i);
        cut_all(&pair[i % 2]);
    }
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(keep, one_that_connects_to_who_dials_it_is_connected, 200) {
    party pair[2];
    for (int i = 0; i < 2; i++) keep_open(&pair[i], i ? "right" : "left", tcp);
    cr_assert_eq(troupe_keep_connected(pair[1].node, pair[0].url), TROUPE_OK);
    party_meet(&pair[0], &pair[1]);
    expect_one(pair, 1);
    party_meet(&pair[0], &pair[1]);
    expect_one(pair, 1);
    pair_close(pair);
}

typedef struct meeting {
    party *pair;
    troupe_err err;
} meeting;

static void meeting_wait(void *ctx) {
    meeting *m = ctx;
    m->err = troupe_connect(m->pair[0].node, m->pair[1].url, PATIENCE_MS);
}

static void meeting_act(void *ctx) {
    const meeting *m = ctx;
    party_meet(&m->pair[1], &m->pair[0]);
}

/* Real only: two threads that wait at the same time. The above is the same in simulation. */
BOTH(keep, two_threads_that_connect_across_each_other_are_both_told_ok) {
    for (size_t i = 0; i < 20; i++) {
        party pair[2];
        for (int j = 0; j < 2; j++) keep_open(&pair[j], j ? "right" : "left", tcp);
        meeting m = {.pair = pair};
        scene_beside(&(beside){.wait = meeting_wait, .act = meeting_act, .ctx = &m});
        cr_assert_eq(m.err, TROUPE_OK, "%s", troupe_errname(m.err));
        expect_one(pair, 1);
        party_close(&pair[0]);
        party_close(&pair[1]);
    }
    scene_end();
}

/* A mesh whose nodes all dial all others ends in one connection for each two of them. */
ANYWHERE(keep, all_of_a_mesh_are_connected_once, 20) {
    enum { MANY = 6 };
    party mesh[MANY];
    for (int i = 0; i < MANY; i++) keep_open(&mesh[i], (char[]){(char)('a' + i), 0}, tcp);
    for (int i = 0; i < MANY; i++)
        for (int j = 0; j < MANY; j++)
            if (i != j) cr_assert_eq(troupe_keep_connected(mesh[i].node, mesh[j].url), TROUPE_OK);
    for (int i = 0; i < MANY; i++) SCENE_AWAIT(links(&mesh[i]) == MANY - 1);
    for (int i = 0; i < MANY; i++)
        for (int j = 0; j < MANY; j++)
            if (i != j) SCENE_AWAIT(is_connected(&mesh[i], &mesh[j]));
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(party_logged(&mesh[i], "is connected\n"), MANY - 1u, "%s", mesh[i].log);
        party_close(&mesh[i]);
    }
    scene_end();
}

/* --- Pauses ----------------------------------------------------------------------------------- */

/* Simulated only: it is about the time between two dials. */
SIMULATED(keep, case_28_an_address_that_refuses_is_dialed_less_and_less_often, 20) {
    (void)tcp;
    enum { TEN = 10000 };
    party left, right;
    party_open(&right, "right");
    party_listen(&right, false);
    party_open_as(&left, "left",
                  (troupe_node_config){.secret = "another secret!!", .secret_size = 16});
    uint64_t start = scene_clock();
    cr_assert_eq(troupe_keep_connected(left.node, right.url), TROUPE_OK);
    while (tr_sim_advance(scene_sim, tr_after_ms(start, TEN))) {
    }
    size_t soon = party_logged(&right, "refused");
    while (tr_sim_advance(scene_sim, tr_after_ms(start, 7 * TEN))) {
    }
    size_t later = party_logged(&right, "refused") - soon;
    /* Pauses of 50, 100, ... 3200, 5000 ms, or half of each; then 5000, or half: without chance
     * it would be 12. */
    cr_assert(soon >= 8 && soon <= 11, "%zu", soon);
    cr_assert(later >= 13 && later <= 25, "%zu", later);
    party_close(&left);
    party_close(&right);
    scene_end();
}

/* When somebody has come, who is sent away at once. */
typedef struct doors {
    size_t soon, later; /* in the first 10 s, and after */
    uint64_t last, least; /* the shortest time between two of the later ones */
} doors;

static void send_away(void *ctx, tr_stream *stream) {
    doors *d = ctx;
    uint64_t now = scene_clock();
    if (now < tr_after_ms(0, 10000)) {
        d->soon++;
    } else if (d->later++ && now - d->last < d->least) {
        d->least = now - d->last;
    }
    d->last = now;
    tr_sim_net.free(stream);
}

/* Simulated only, as above. */
SIMULATED(keep, case_28_a_connect_to_nobody_is_repeated_once_a_second_at_most_after_a_while, 20) {
    (void)tcp;
    party left;
    doors d = {.least = UINT64_MAX};
    tr_listener *listener;
    const tr_host host = raw_host();
    party_open(&left, "left");
    cr_assert_eq(tr_sim_net.listen(&host, "ipc:///door", send_away, &d, NULL, 0, &listener),
                 TROUPE_OK);
    cr_assert_eq(troupe_connect(left.node, "ipc:///door", 60000), TROUPE_TIMEOUT);
    cr_assert(d.soon >= 40 && d.soon <= 100, "%zu", d.soon);
    cr_assert(d.later >= 25 && d.later <= 51, "%zu", d.later);
    cr_assert_geq(d.least, 1000 * TR_MS);
    tr_sim_net.unlisten(listener);
    party_close(&left);
    scene_end();
}

/* Simulated only, as above. A peer that lets in and goes at once is not dialed without a pause. */
SIMULATED(keep, a_peer_that_comes_and_goes_is_dialed_less_and_less_often, 20) {
    (void)tcp;
    party pair[2];
    for (int i = 0; i < 2; i++) party_open(&pair[i], i ? "right" : "left");
    party_listen(&pair[1], false);
    uint64_t start = scene_clock(), until = tr_after_ms(start, 10000);
    cr_assert_eq(troupe_keep_connected(pair[0].node, pair[1].url), TROUPE_OK);
    while (tr_sim_advance(scene_sim, until))
        if (is_connected(&pair[0], &pair[1])) cut_all(&pair[1]);
    size_t times = party_logged(&pair[0], "is connected");
    cr_assert(times >= 7 && times <= 12, "%zu", times);
    pair_close(pair);
}

/* --- Ends and errors -------------------------------------------------------------------------- */

ANYWHERE(keep, a_node_closes_while_it_dials, 200) {
    party pair[2];
    for (int i = 0; i < 2; i++) keep_open(&pair[i], i ? "right" : "left", tcp);
    cr_assert_eq(troupe_keep_connected(pair[0].node, pair[1].url), TROUPE_OK);
    cr_assert_eq(troupe_keep_connected(pair[0].node, "ipc:///nobody/is/there"), TROUPE_OK);
    cr_assert_eq(troupe_keep_connected(pair[0].node, pair[0].url), TROUPE_OK, "not even oneself");
    for (uint64_t i = 0; scene_sim && i < scene_seed; i++)
        (void)tr_sim_advance(scene_sim, patience());
    pair_close(pair);
}

/* Simulated only: so that nothing else takes memory meanwhile. */
SIMULATED(keep, what_is_no_address_is_told, 1) {
    (void)tcp;
    party p;
    char url[TROUPE_URL_MAX + 2];
    party_open(&p, "p");
    memset(url, 'x', sizeof url);
    memcpy(url, "ipc://", 6);
    url[TROUPE_URL_MAX + 1] = 0;
    cr_assert_eq(troupe_keep_connected(p.node, url), TROUPE_INVALID);
    cr_assert_eq(troupe_keep_connected(p.node, url + 1), TROUPE_OK);
    cr_assert_eq(troupe_keep_connected(p.node, "nowhere"), TROUPE_INVALID);
    cr_assert_eq(troupe_keep_no_more(p.node, "nowhere"), TROUPE_NOTFOUND);
    party_close(&p);
    scene_end();
}

static troupe_err keep_it(void *ctx) {
    return troupe_keep_connected(((party *)ctx)->node, "ipc:///nobody");
}

static void no_more(void *ctx) {
    cr_assert_eq(troupe_keep_no_more(((party *)ctx)->node, "ipc:///nobody"), TROUPE_OK);
}

/* In a simulation the dial itself is an event, and not made here. */
static void keep_often(bool tcp) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    exhaust_call(&p.heap, keep_it, no_more, &p);
    party_close(&p);
    scene_end();
}

Test(oom, troupe_keep_connected) {
    simulate(keep_often, 1);
}

static void forget_without_memory(bool tcp) {
    (void)tcp;
    party p;
    party_open(&p, "p");
    cr_assert_eq(keep_it(&p), TROUPE_OK);
    exhaust_nothing(&p.heap, no_more, &p);
    party_close(&p);
    scene_end();
}

Test(takes_nothing, troupe_keep_no_more) {
    simulate(forget_without_memory, 1);
}

/* One that has no memory for a connection tries again. */
ANYWHERE(keep, a_dial_without_memory_is_repeated, 100) {
    party pair[2];
    for (int i = 0; i < 2; i++) keep_open(&pair[i], i ? "right" : "left", tcp);
    cr_assert_eq(troupe_keep_connected(pair[0].node, pair[1].url), TROUPE_OK);
    SCENE_AWAIT(is_connected(&pair[0], &pair[1]));
    for (size_t nth = 1; nth < 12; nth++) {
        counting_heap_fail(&pair[0].heap, nth, nth);
        cut_all(&pair[1]);
        SCENE_AWAIT(counting_heap_look(&pair[0].heap).refused || scene_sim);
        counting_heap_fail(&pair[0].heap, 0, 0);
        party_await_log(&pair[0], "is connected", 2);
        SCENE_AWAIT(is_connected(&pair[0], &pair[1]));
    }
    pair_close(pair);
}

/* --- Who is connected ------------------------------------------------------------------------- */

SIMULATED(keep, who_is_connected_can_be_seen_and_how_long_it_was_silent, 20) {
    (void)tcp;
    party pair[2], third;
    troupe_peer peers[2];
    pair_open(pair, false);
    cr_assert_eq(troupe_peers(pair[0].node, peers, 2), 1u);
    cr_assert_str_eq(peers[0].name, "right");
    cr_assert_eq(peers[0].node, pair[1].node->me.node);
    cr_assert_eq(peers[0].waiting, 0u);
    party_open(&third, "third");
    party_meet(&third, &pair[1]);
    cr_assert_eq(troupe_peers(pair[1].node, peers, 1), 2u, "there is no room for it");
    cr_assert_str_eq(peers[0].name, "left");
    party_close(&third);
    SCENE_AWAIT(troupe_peers(pair[1].node, peers, 2) == 1);
    troupe_sim_cut(scene_sim, pair[1].rt, pair[0].rt, true);
    for (uint64_t until = tr_after_ms(scene_clock(), 1500); tr_sim_advance(scene_sim, until);) {
    }
    cr_assert_eq(troupe_peers(pair[0].node, peers, 2), 1u);
    cr_assert(peers[0].silent_ms >= 500 && peers[0].silent_ms < 3000, "%d",
              (int)peers[0].silent_ms);
    SCENE_AWAIT(troupe_peers(pair[0].node, peers, 2) == 0);
    troupe_sim_cut(scene_sim, pair[1].rt, pair[0].rt, false);
    pair_close(pair);
}

static void look_around(void *ctx) {
    troupe_peer peers[1];
    cr_assert_eq(troupe_peers(((party *)ctx)->node, peers, 1), 1u);
}

static void look_without_memory(bool tcp) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    exhaust_nothing(&pair[0].heap, look_around, &pair[0]);
    pair_close(pair);
}

Test(takes_nothing, troupe_peers) {
    simulate(look_without_memory, 1);
}
