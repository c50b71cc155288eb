/* When a silent peer is lost, and when it is not: the times of <troupe/remote.h>, at the defaults
 * and at others. Times are asserted in simulation only. */
#include <signal.h>

#include "test/support/node_service.h"
#include "test/transport/node_hands.h"
#include "test/transport/peer_process.h"
#include "transport/node.h"

TestSuite(node_detect, .timeout = 300, .fini = scene_say_seed);

enum { SEEDS = 200 };

/* T of the cases: a peer that is silent for less than SURE_MS is never lost, and one that is for
 * LOST_MS always. Both are defaults; LOST_MS is 1.25 times the other. */
enum { SURE_MS = 2400, LOST_MS = 3000 };

static void silence(const party *a, const party *b, bool silent) {
    troupe_sim_cut(scene_sim, a->rt, b->rt, silent);
}

static void part(const party *a, const party *b, bool parted) {
    silence(a, b, parted);
    silence(b, a, parted);
}

static troupe_peer peer_of(party *p) {
    troupe_peer it;
    cr_assert_eq(troupe_peers(p->node, &it, 1), 1u);
    return it;
}

static void run_for(unsigned ms) {
    troupe_sim_run(scene_sim, ms);
}

/* Simulated only: it is about time. From the moment at which it falls silent, at any time between
 * two of its heartbeats, and long after the beginning or soon. */
SIMULATED(node_detect, case_07_a_silent_peer_is_lost_between_T_and_a_quarter_more, SEEDS) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[0], 16, all), far = hand_of(&pair[1], 16, all);
    (void)watch_by(&pair[0], hand, far);
    run_for(troupe_sim_choose(scene_sim, scene_seed % 2 ? 1000 : 60000));
    uint64_t then = scene_clock();
    part(&pair[0], &pair[1], true);
    notes_await(all, 1);
    unsigned ms = (unsigned)((scene_clock() - then) / TR_MS);
    cr_assert_eq(all->note[0].why, TROUPE_NOCONNECTION);
    cr_assert(ms + 1 >= SURE_MS && ms <= LOST_MS, "%u ms", ms); /* a beat may be on its way */
    troupe_sim_calm(scene_sim);
    pair_close(pair);
    notes_close(all);
}

/* The same, with delays that jitter by far more than a heartbeat. */
SIMULATED(node_detect, case_07_a_silent_peer_behind_a_bad_network_is_lost_in_time_too, SEEDS) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    for (int i = 0; i < 100; i++) {
        troupe_sim_slow(scene_sim, pair[1].rt, pair[0].rt, troupe_sim_choose(scene_sim, 1500));
        run_for(troupe_sim_choose(scene_sim, 1500));
    }
    cr_assert_eq(party_logged(&pair[0], "lost"), 0u, "%s", pair[0].log);
    troupe_sim_slow(scene_sim, pair[1].rt, pair[0].rt, 0);
    run_for(1500); /* all that was delayed has come */
    uint64_t then = scene_clock();
    silence(&pair[1], &pair[0], true);
    party_await_log(&pair[0], "is lost", 1);
    unsigned ms = (unsigned)((scene_clock() - then) / TR_MS);
    cr_assert(ms >= 2000 && ms <= LOST_MS, "%u ms", ms);
    troupe_sim_calm(scene_sim);
    pair_close(pair);
}

/* Nothing passes for 0.8 T, beginning at any moment, again and again. */
SIMULATED(node_detect, case_08_a_link_that_is_clogged_for_less_than_T_is_not_lost, SEEDS) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    for (uint64_t i = 0; i < 10; i++) {
        run_for(5 + troupe_sim_choose(scene_sim, i % 2 ? 50 : 2000)); /* both are heard */
        part(&pair[0], &pair[1], true);
        cr_assert_eq(count_to(&pair[0], hand, i), TROUPE_OK);
        run_for(SURE_MS * 8 / 10);
        part(&pair[0], &pair[1], false);
        cr_assert(notes_await_for(all, i + 1, 1000), "%s%s", pair[0].log, pair[1].log);
    }
    cr_assert_eq(notes_in_order(all, 0, 0), 10u);
    for (int i = 0; i < 2; i++) cr_assert_eq(party_logged(&pair[i], "lost"), 0u, "%s", pair[i].log);
    pair_close(pair);
    notes_close(all);
}

/* --- What is seen of it ----------------------------------------------------------------------- */

SIMULATED(node_detect, suspicion_rises_with_silence_and_falls_with_a_sign_of_life, 20) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    run_for(30000);
    troupe_peer calm = peer_of(&pair[0]);
    cr_assert_lt(calm.suspicion, 60u);
    cr_assert(calm.lost_at_ms >= 2640 && calm.lost_at_ms <= 2660, "%d", (int)calm.lost_at_ms);
    part(&pair[0], &pair[1], true);
    for (unsigned last = 0, i = 0; i < 8; i++) {
        run_for(250);
        troupe_peer now = peer_of(&pair[0]);
        cr_assert(now.suspicion > last || last == 2312, "%u", now.suspicion);
        cr_assert_geq(now.silent_ms, 250u * i);
        last = now.suspicion;
    }
    part(&pair[0], &pair[1], false);
    run_for(300);
    cr_assert_lt(peer_of(&pair[0]).suspicion, 60u);
    cr_assert_eq(party_logged(&pair[0], "lost"), 0u);
    pair_close(pair);
}

/* The regular one is given up early, the other one late, of the same node. */
SIMULATED(node_detect, who_was_always_irregular_is_given_more_time, 20) {
    (void)tcp;
    static const char *const name[] = {"regular", "irregular"};
    party node, far[2];
    uint64_t lost_after[2], then;
    party_open_as(&node, "node", (troupe_node_config){.suspect_ms = 500, .lost_ms = 20000});
    party_listen(&node, false);
    for (int i = 0; i < 2; i++) {
        party_open_as(&far[i], name[i], (troupe_node_config){.lost_ms = 60000});
        party_meet(&far[i], &node);
    }
    for (int i = 0; i < 60; i++) { /* all that is held up comes at once; it gets worse */
        silence(&far[1], &node, true);
        run_for(i < 30 ? 450 : 700);
        silence(&far[1], &node, false);
        run_for(1050);
    }
    then = scene_clock();
    for (int i = 0; i < 2; i++) part(&far[i], &node, true);
    for (int i = 0; i < 2; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "node %s is lost", name[i]);
        party_await_log(&node, text, 1);
        lost_after[i] = (scene_clock() - then) / TR_MS;
    }
    cr_assert(lost_after[0] >= 500 && lost_after[0] <= 900, "%d", (int)lost_after[0]);
    cr_assert(lost_after[1] >= lost_after[0] + 300 && lost_after[1] <= 2500, "%d",
              (int)lost_after[1]);
    troupe_sim_calm(scene_sim);
    for (int i = 0; i < 2; i++) party_close(&far[i]);
    party_close(&node);
    scene_end();
}

Test(node_detect, bounds_that_contradict_each_other_are_refused) {
    static const troupe_node_config bad[] = {{.suspect_ms = 3001},
                                             {.suspect_ms = 101, .lost_ms = 100},
                                             {.suspicion = 2313}};
    party p;
    party_open_runtime(&p, "p");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        troupe_node_config config = bad[i];
        config.name = "p", config.secret = node_secret, config.secret_size = sizeof node_secret;
        cr_assert_eq(troupe_node_open(p.rt, &config, &p.node), TROUPE_INVALID, "%zu", i);
    }
    party_close(&p);
    scene_end();
}

/* --- Who stands still itself ------------------------------------------------------------------ */

/* Simulated: its keeper does not run, and nothing comes to it; then all happens at one moment, in
 * any order. */
SIMULATED(node_detect, a_node_that_stood_still_does_not_lose_its_peers, SEEDS) {
    (void)tcp;
    party pair[2];
    party_open(&pair[0], "left");
    party_open_as(&pair[1], "right", (troupe_node_config){.lost_ms = 60000});
    party_listen(&pair[1], false);
    party_meet(&pair[0], &pair[1]);
    for (int i = 0; i < 5; i++) {
        run_for(troupe_sim_choose(scene_sim, 3000));
        tr_sim_unset(&pair[0].node->tend);
        silence(&pair[1], &pair[0], true);
        run_for(4000 + troupe_sim_choose(scene_sim, 20000));
        tr_sim_set(scene_sim, &pair[0].node->tend, troupe_sim_now(scene_sim));
        silence(&pair[1], &pair[0], false);
        run_for(LOST_MS);
        cr_assert_eq(party_logged(&pair[0], "lost"), 0u, "%s", pair[0].log);
    }
    pair_close(pair);
}

/* But a peer that is gone by then is lost, once it was listened to for long enough. */
SIMULATED(node_detect, a_node_that_stood_still_notices_who_is_gone, SEEDS) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    run_for(troupe_sim_choose(scene_sim, 3000));
    tr_sim_unset(&pair[0].node->tend);
    part(&pair[0], &pair[1], true);
    run_for(20000);
    uint64_t then = scene_clock();
    tr_sim_set(scene_sim, &pair[0].node->tend, then);
    party_await_log(&pair[0], "is lost", 1);
    unsigned ms = (unsigned)((scene_clock() - then) / TR_MS);
    cr_assert(ms >= 500 && ms <= LOST_MS, "%u ms", ms);
    troupe_sim_calm(scene_sim);
    pair_close(pair);
}

/* One that is held up for a moment again and again comes to a judgement all the same. */
SIMULATED(node_detect, pauses_without_end_do_not_keep_a_dead_peer_alive, 20) {
    (void)tcp;
    party pair[2];
    pair_open(pair, false);
    run_for(1000);
    part(&pair[0], &pair[1], true);
    for (int i = 0; i < 40 && !party_logged(&pair[0], "is lost"); i++) {
        run_for(600);
        tr_sim_unset(&pair[0].node->tend);
        run_for(700);
        tr_sim_set(scene_sim, &pair[0].node->tend, troupe_sim_now(scene_sim));
    }
    cr_assert_eq(party_logged(&pair[0], "is lost"), 1u);
    troupe_sim_calm(scene_sim);
    pair_close(pair);
}

/* Real only: a process is stopped for longer than its own limit, while its peer has patience. */
BOTH(node_detect, a_process_that_was_stopped_does_not_lose_its_peers) {
    peer far;
    party here;
    uint64_t n = 1;
    const beats quick = {.heartbeat = "100", .lost = "1000"};
    party_open_as(&here, "here", (troupe_node_config){.heartbeat_ms = 100, .lost_ms = 60000});
    peer_open(&far, tcp, tcp ? free_port() : "", &quick);
    cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
    troupe_ref service = found(&here, "peer", "service");
    cr_assert_eq(kill(far.pid, SIGSTOP), 0);
    uint64_t until = tr_after_ms(tr_clock(), 2500);
    SCENE_AWAIT(tr_clock() > until);
    cr_assert_eq(kill(far.pid, SIGCONT), 0);
    for (int i = 0; i < 20; i++) cr_assert_eq(ask_by(&here, service, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(party_logged(&here, "lost"), 0u, "%s", here.log);
    party_close(&here);
    cr_assert_eq(peer_reap(&far), 0);
    cr_assert_null(strstr(far.said, "lost"), "%s", far.said);
    scene_end();
}
