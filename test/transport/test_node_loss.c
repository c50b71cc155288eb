/* Peers that are killed, stopped and started again: processes of their own, or, in a simulation,
 * nodes that crash or that nothing passes to and from. A real peer has seconds to be heard of, so
 * that a machine with other work does not lose it too. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "test/support/node_service.h"
#include "test/transport/node_hands.h"

TestSuite(node_loss, .timeout = 60, .fini = scene_say_seed);

typedef struct peer {
    pid_t pid;
    int in, out; /* its standard input, which ends it, and what it says */
    char said[16 << 10];
    size_t used;
    char url[TROUPE_URL_MAX + 1];
    party node; /* in a simulation, in place of the process */
} peer;

/* The helper that is built beside the tests. */
static const char *program(void) {
    static char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    cr_assert_gt(size, 0);
    path[size] = '\0';
    char *name = strrchr(path, '/') + 1;
    (void)snprintf(name, sizeof path - (size_t)(name - path), "troupe_helper_node_peer");
    return path;
}

/* Waits until it has said that. */
static void peer_await(peer *p, const char *text) {
    if (scene_sim) {
        party_await_log(&p->node, text, 1);
        return;
    }
    while (!strstr(p->said, text)) {
        struct pollfd one = {.fd = p->out, .events = POLLIN};
        cr_assert_eq(poll(&one, 1, PATIENCE_MS), 1, "never said: %s\n%s", text, p->said);
        ssize_t got = read(p->out, p->said + p->used, sizeof p->said - 1 - p->used);
        cr_assert_gt(got, 0, "it ended, saying\n%s", p->said);
        p->used += (size_t)got;
        p->said[p->used] = '\0';
    }
}

/* How a peer and its tester look after each other. */
typedef struct beats {
    const char *heartbeat, *lost; /* of the peer, ms */
    troupe_node_config here;
} beats;

static void peer_open_simulated(peer *p, const beats *b) {
    troupe_ref who;
    party_open_as(&p->node, "peer",
                  (troupe_node_config){.heartbeat_ms = (unsigned)atoi(b->heartbeat),
                                       .lost_ms = (unsigned)atoi(b->lost)});
    cr_assert_eq(troupe_spawn(p->node.rt, &node_service, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_register(p->node.rt, who, "service"), TROUPE_OK);
    party_listen(&p->node, false);
    (void)snprintf(p->url, sizeof p->url, "%s", p->node.url);
}

static void peer_open(peer *p, bool tcp, const char *port, const beats *b) {
    int in[2], out[2];
    memset(p, 0, sizeof *p);
    if (scene_sim) {
        peer_open_simulated(p, b);
        return;
    }
    if (tcp)
        (void)snprintf(p->url, sizeof p->url, "%s", port);
    else
        (void)snprintf(p->url, sizeof p->url, "ipc://%s/peer", scene_dir());
    const char *const argv[] = {program(), p->url, "peer", b->heartbeat, b->lost, NULL};
    cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    cr_assert_eq(posix_spawn_file_actions_init(&actions), 0);
    cr_assert_eq(posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO), 0);
    cr_assert_eq(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO), 0);
    char *arguments[6];
    memcpy(arguments, argv, sizeof argv); /* posix_spawn does not write to them */
    cr_assert_eq(posix_spawn(&p->pid, argv[0], &actions, NULL, arguments, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(in[0]);
    (void)close(out[1]);
    p->in = in[1];
    p->out = out[0];
    peer_await(p, "ready");
}

/* Has it end, and waits for that; its status. */
static int peer_reap(peer *p) {
    int status = 0;
    if (scene_sim) {
        party_close(&p->node);
        return 0;
    }
    (void)close(p->in);
    cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
    (void)close(p->out);
    return status;
}

static void peer_kill(void *it) {
    peer *p = it;
    if (scene_sim) {
        troupe_sim_crash(scene_sim, &p->node.rt);
        (void)peer_reap(p);
        return;
    }
    cr_assert_eq(kill(p->pid, SIGKILL), 0);
    cr_assert(WIFSIGNALED(peer_reap(p)));
}

/* It neither hears nor says anything any more. */
static void peer_stop(peer *p, party *here) {
    if (!scene_sim) {
        cr_assert_eq(kill(p->pid, SIGSTOP), 0);
        return;
    }
    troupe_sim_cut(scene_sim, p->node.rt, here->rt, true);
    troupe_sim_cut(scene_sim, here->rt, p->node.rt, true);
}

static void peer_continue(peer *p) {
    if (scene_sim)
        troupe_sim_calm(scene_sim);
    else
        cr_assert_eq(kill(p->pid, SIGCONT), 0);
}

/* An address with a port that is free: the system gives each out once in a long while. */
static const char *free_port(void) {
    static party p;
    party_open(&p, "port");
    party_listen(&p, true);
    party_close(&p);
    return p.url;
}

ANYWHERE(node_loss, a_killed_peer_is_lost_and_a_new_one_is_another, 200) {
    peer far;
    party here;
    uint64_t n = 1;
    const beats calm = {.heartbeat = "1000", .lost = "30000"};
    const char *port = tcp ? free_port() : "";
    notes *all = notes_open();
    party_open_as(&here, "here", (troupe_node_config){.lost_ms = 30000});
    troupe_ref watcher = hand_of(&here, 16, all), old[4];
    for (size_t i = 0; i < 4; i++) {
        peer_open(&far, tcp, port, &calm);
        cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
        old[i] = found(&here, "peer", "service");
        (void)watch_by(&here, watcher, old[i]);
        (void)watch_by(&here, watcher, old[i]);
        if (i) { /* the one before is not this one */
            cr_assert_eq(count_to(&here, old[i - 1], 1), TROUPE_NOCONNECTION);
            (void)watch_by(&here, watcher, old[i - 1]);
            notes_await(all, 3 * i);
        }
        uint64_t then = scene_clock();
        ask_until(&here, old[i], peer_kill, &far, TROUPE_NOCONNECTION);
        notes_await(all, 3 * i + 2);
        cr_assert_lt(scene_clock() - then, scene_within(100), "the end of a process shows at once");
        cr_assert_eq(count_to(&here, old[i], 1), TROUPE_NOCONNECTION);
        cr_assert_eq(ask_by(&here, old[i], ORDER_ANSWER, &n), TROUPE_NOCONNECTION);
    }
    cr_assert_eq(notes_downs(all, TROUPE_NOCONNECTION), 2u * 4 + 3);
    cr_assert_eq(notes_count(all), 2u * 4 + 3, "one down a monitor");
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

ANYWHERE(node_loss, a_stopped_peer_is_lost_in_time_and_nothing_of_it_comes_after, 200) {
    stopped(tcp, false);
}

ANYWHERE(node_loss, what_waited_of_a_lost_peer_does_not_come_after_either, 200) {
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
ANYWHERE(node_loss, a_peer_whose_actors_are_busy_is_not_lost, 200) {
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
