/* Peers that are killed, stopped and started again: processes of their own, or, in a simulation,
 * nodes that crash or that nothing passes to and from. A real peer has seconds to be heard of, so
 * that a machine with other work does not lose it too. */
#include "test/transport/peer_process.h"

TestSuite(node_loss, .timeout = 60, .fini = scene_say_seed);

ANYWHERE(node_loss, case_11_a_killed_peer_is_lost_and_a_new_one_is_another, 200) {
    peer far;
    party here;
    uint64_t n = 1;
    const beats calm = {.heartbeat = "1000", .lost = "30000"};
    const char *port = tcp ? free_port() : "";
    notes *all = notes_open();
    party_open_as(&here, "here", (troupe_node_config){.lost_ms = 30000});
    troupe_ref watcher = hand_of(&here, 16, all), old[4];
    act_as(&here, watcher, trap_exits, NULL);
    for (size_t i = 0; i < 4; i++) {
        peer_open(&far, tcp, port, &calm);
        cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
        old[i] = found(&here, "peer", "service");
        (void)watch_by(&here, watcher, old[i]);
        (void)watch_by(&here, watcher, old[i]);
        if (i) { /* the one before is not this one */
            cr_assert_eq(count_to(&here, old[i - 1], 1), TROUPE_NOCONNECTION);
            (void)watch_by(&here, watcher, old[i - 1]);
            link_by(&here, watcher, old[i - 1]);
            notes_await(all, 4 * i);
            cr_assert_eq(notes_exits(all, TROUPE_NOCONNECTION), i);
        }
        uint64_t then = scene_clock();
        ask_until(&here, old[i], peer_kill, &far, TROUPE_NOCONNECTION);
        notes_await(all, 4 * i + 2);
        cr_assert_lt(scene_clock() - then, scene_within(100), "the end of a process shows at once");
        cr_assert_eq(count_to(&here, old[i], 1), TROUPE_NOCONNECTION);
        cr_assert_eq(ask_by(&here, old[i], ORDER_ANSWER, &n), TROUPE_NOCONNECTION);
    }
    cr_assert_eq(notes_downs(all, TROUPE_NOCONNECTION), 2u * 4 + 3);
    cr_assert_eq(notes_count(all), 2u * 4 + 2 * 3, "one end of each monitor and link");
    cr_assert_eq(party_logged(&here, "node peer is lost"), 4u);
    party_close(&here);
    if (!tcp && !scene_sim)
        cr_assert_eq(unlink(far.url + strlen("ipc://")), 0); /* it could not any more */
    scene_end();
    notes_close(all);
}

/* Has the peer send counts to `to` for ever. */
static void flood(party *p, troupe_ref service, troupe_ref to) {
    troupe_msg *msg;
    const struct order body = {ORDER_FLOOD, 0, to};
    cr_assert_eq(troupe_make(p->rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(p->rt, service, &msg), TROUPE_OK);
}

static bool is_full(party *p, troupe_ref who) {
    uint32_t used, limit;
    cr_assert_eq(troupe_mailbox(p->rt, who, &used, &limit), TROUPE_OK);
    return used == limit;
}

/* A peer that floods is stopped, lost, goes on, and can be connected again. `slow`: what it has
 * sent waits for room when it is lost. */
static void stopped(bool tcp, bool slow) {
    static peer far;
    static party here;
    const unsigned lost_ms = scene_sim ? 200 : 2000;
    const beats quick = {.heartbeat = "50",
                         .lost = scene_sim ? "200" : "60000",
                         .here = {.heartbeat_ms = 50, .lost_ms = lost_ms}};
    uint64_t n = 1;
    notes *all = notes_open();
    party_open_as(&here, "here", quick.here);
    peer_open(&far, tcp, tcp ? free_port() : "", &quick);
    cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
    troupe_ref service = found(&here, "peer", "service"), hand = hand_of(&here, 16, all);
    (void)watch_by(&here, hand, service);
    flood(&here, service, hand);
    notes_await(all, 100);
    notes_shut(all, slow);
    if (slow) SCENE_AWAIT(is_full(&here, hand));
    uint64_t then = scene_clock();
    peer_stop(&far, &here);
    party_await_log(&here, "nothing was heard of it for too long", 1);
    unsigned after = (unsigned)((scene_clock() - then) / TR_MS);
    if (scene_sim) cr_assert(after >= lost_ms - 50 && after <= lost_ms + 51, "%u ms", after);
    party_await_log(&here, "node peer is lost", 1);
    notes_shut(all, false);
    SCENE_AWAIT(notes_downs(all, TROUPE_NOCONNECTION));
    size_t noted = notes_count(all);
    cr_assert_eq(all->note[noted - 1].kind, A_DOWN, "the last word of that node");
    cr_assert_eq(notes_in_order(all, 1, 0), noted - 1);
    peer_continue(&far);
    peer_await(&far, "node here is lost");
    cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
    cr_assert_eq(ask_by(&here, hand, ORDER_ANSWER, &n), TROUPE_OK);
    service = found(&here, "peer", "service");
    cr_assert_eq(ask_by(&here, service, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(notes_downs(all, TROUPE_NOCONNECTION), 1u, "one down a monitor");
    party_close(&here);
    cr_assert_eq(peer_reap(&far), 0);
    scene_end();
    notes_close(all);
}

ANYWHERE(node_loss, case_07_a_stopped_peer_is_lost_in_time_and_nothing_of_it_comes_after, 200) {
    stopped(tcp, false);
}

ANYWHERE(node_loss, case_04_what_waited_of_a_lost_peer_does_not_come_after_either, 200) {
    stopped(tcp, true);
}

/* It can't answer a goodbye either. */
ANYWHERE(node_loss, a_close_does_not_wait_for_ever_for_a_stopped_peer, 200) {
    peer far;
    party here;
    const beats calm = {.heartbeat = "1000", .lost = "60000"};
    party_open_as(&here, "here", (troupe_node_config){.lost_ms = 60000});
    peer_open(&far, tcp, tcp ? free_port() : "", &calm);
    cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
    peer_stop(&far, &here);
    uint64_t then = scene_clock();
    party_close(&here);
    cr_assert_lt(scene_clock() - then, scene_within(1500));
    peer_continue(&far);
    if (scene_sim) /* connected, and lost or disconnected: a goodbye may be lost with the rest */
        party_await_log(&far.node, "node here is ", 2);
    else
        peer_await(&far, "node here is disconnected");
    cr_assert_eq(peer_reap(&far), 0);
    scene_end();
}

/* Slow is not dead: a node whose actors are all busy is heard all the same. That nothing happens
 * takes its time, which in a simulation is none. */
ANYWHERE(node_loss, case_08_a_peer_whose_actors_are_busy_is_not_lost, 200) {
    party pair[2];
    const troupe_node_config quick = {.heartbeat_ms = 50, .lost_ms = scene_sim ? 150 : 1500};
    party_open_as(&pair[0], "left", quick);
    party_open_as(&pair[1], "right", quick);
    party_listen(&pair[1], tcp);
    party_meet(&pair[0], &pair[1]);
    notes *all = notes_open();
    notes_shut(all, true);
    for (int i = 0; i < 3; i++) { /* more than there are workers */
        troupe_ref hand = hand_of(&pair[1], 16, all);
        cr_assert_eq(count_to(&pair[0], hand, 1), TROUPE_OK);
    }
    cr_assert(!notes_await_for(all, 1, quick.lost_ms + 500), "nothing gets done");
    cr_assert_eq(party_logged(&pair[0], "lost"), 0u);
    notes_shut(all, false);
    notes_await(all, 3);
    pair_close(pair);
    notes_close(all);
}
