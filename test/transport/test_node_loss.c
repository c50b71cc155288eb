/* Peers in processes of their own that are killed, stopped and started again. */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "test/transport/node_scene.h"

TestSuite(node_loss, .timeout = 60);

typedef struct peer {
    pid_t pid;
    int in, out; /* its standard input, which ends it, and what it says */
    char said[16 << 10];
    size_t used;
    char url[TROUPE_URL_MAX + 1];
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
    uint64_t until = patience();
    while (!strstr(p->said, text)) {
        struct pollfd one = {.fd = p->out, .events = POLLIN};
        cr_assert(poll(&one, 1, 100) >= 0 && tr_clock() < until, "never said: %s\n%s", text,
                  p->said);
        if (!one.revents) continue;
        ssize_t got = read(p->out, p->said + p->used, sizeof p->said - 1 - p->used);
        cr_assert_gt(got, 0, "it ended, saying\n%s", p->said);
        p->used += (size_t)got;
        p->said[p->used] = '\0';
    }
}

static void peer_open(peer *p, bool tcp, const char *port, const char *heartbeat,
                      const char *lost) {
    int in[2], out[2];
    memset(p, 0, sizeof *p);
    if (tcp)
        (void)snprintf(p->url, sizeof p->url, "%s", port);
    else
        (void)snprintf(p->url, sizeof p->url, "ipc://%s/peer", scene_dir());
    const char *const argv[] = {program(), p->url, "peer", heartbeat, lost, NULL};
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

/* Waits for its end; how it ended. */
static int peer_reap(peer *p) {
    int status;
    (void)close(p->in);
    cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
    (void)close(p->out);
    return status;
}

static void peer_kill(peer *p) {
    cr_assert_eq(kill(p->pid, SIGKILL), 0);
    cr_assert(WIFSIGNALED(peer_reap(p)));
}

/* An address with a port that is free: the system gives each out once in a long while. */
static const char *free_port(void) {
    static party p;
    party_open(&p, "port");
    party_listen(&p, true);
    party_close(&p);
    return p.url;
}

BOTH(node_loss, a_killed_peer_is_lost_and_a_new_one_is_another) {
    peer far;
    party here;
    uint64_t n = 1;
    struct asking a;
    const char *port = tcp ? free_port() : "";
    notes *all = notes_open();
    party_open(&here, "here");
    troupe_ref watcher = hand_of(&here, 16, all), old[4];
    for (size_t i = 0; i < 4; i++) {
        peer_open(&far, tcp, port, "1000", "3000");
        cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
        old[i] = found(&here, "peer", "service");
        (void)watch_by(&here, watcher, old[i]);
        (void)watch_by(&here, watcher, old[i]);
        if (i) { /* the one before is not this one */
            cr_assert_eq(count_to(&here, old[i - 1], 1), TROUPE_NOCONNECTION);
            (void)watch_by(&here, watcher, old[i - 1]);
            notes_await(all, 3 * i);
        }
        ask_start(&a, &here, old[i]);
        uint64_t then = tr_clock();
        peer_kill(&far);
        ask_ends(&a, TROUPE_NOCONNECTION);
        notes_await(all, 3 * i + 2);
        cr_assert_lt(tr_clock() - then, 2000 * TR_MS, "the end of a process shows at once");
        cr_assert_eq(count_to(&here, old[i], 1), TROUPE_NOCONNECTION);
        cr_assert_eq(ask_by(&here, old[i], ORDER_ANSWER, &n), TROUPE_NOCONNECTION);
    }
    cr_assert_eq(notes_downs(all, TROUPE_NOCONNECTION), 2u * 4 + 3);
    cr_assert_eq(notes_count(all), 2u * 4 + 3, "one down a monitor");
    cr_assert_eq(party_logged(&here, "node peer is lost"), 4u);
    party_close(&here);
    if (!tcp) cr_assert_eq(unlink(far.url + strlen("ipc://")), 0); /* it could not any more */
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

/* A peer that floods is stopped, lost, goes on, and can be connected again. `slow`: what it has
 * sent waits for room when it is lost. */
static void stopped(bool tcp, bool slow) {
    peer far;
    party here;
    uint64_t n = 1;
    notes *all = notes_open();
    party_open_as(&here, "here", (troupe_node_config){.heartbeat_ms = 50, .lost_ms = 200});
    peer_open(&far, tcp, tcp ? free_port() : "", "50", "200");
    cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
    troupe_ref service = found(&here, "peer", "service"), hand = hand_of(&here, 16, all);
    (void)watch_by(&here, hand, service);
    flood(&here, service, hand);
    notes_await(all, 100);
    notes_shut(all, slow);
    uint32_t full = 0;
    for (uint64_t until = patience(); slow && full < 16;) {
        cr_assert_lt(tr_clock(), until);
        cr_assert_eq(troupe_mailbox(here.rt, hand, &full, NULL), TROUPE_OK);
    }
    uint64_t then = tr_clock();
    cr_assert_eq(kill(far.pid, SIGSTOP), 0);
    party_await_log(&here, "nothing was heard of it for too long", 1);
    unsigned after = (unsigned)((tr_clock() - then) / TR_MS);
    cr_assert(after >= 100 && after < 2000, "%u ms", after);
    party_await_log(&here, "node peer is lost", 1);
    notes_shut(all, false);
    while (!notes_downs(all, TROUPE_NOCONNECTION)) cr_assert_lt(tr_clock(), then + 20000 * TR_MS);
    size_t noted = notes_count(all);
    cr_assert_eq(all->note[noted - 1].kind, A_DOWN, "the last word of that node");
    cr_assert_eq(notes_in_order(all, 1, 0), noted - 1);
    cr_assert_eq(kill(far.pid, SIGCONT), 0);
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

BOTH(node_loss, a_stopped_peer_is_lost_in_time_and_nothing_of_it_comes_after) {
    stopped(tcp, false);
}

BOTH(node_loss, what_waited_of_a_lost_peer_does_not_come_after_either) {
    stopped(tcp, true);
}

/* It can't answer a goodbye either. */
BOTH(node_loss, a_close_does_not_wait_for_ever_for_a_stopped_peer) {
    peer far;
    party here;
    party_open(&here, "here");
    peer_open(&far, tcp, tcp ? free_port() : "", "1000", "60000");
    cr_assert_eq(troupe_connect(here.node, far.url, PATIENCE_MS), TROUPE_OK);
    cr_assert_eq(kill(far.pid, SIGSTOP), 0);
    uint64_t then = tr_clock();
    party_close(&here);
    cr_assert_lt(tr_clock() - then, 3000 * TR_MS);
    cr_assert_eq(kill(far.pid, SIGCONT), 0);
    peer_await(&far, "node here is disconnected");
    cr_assert_eq(peer_reap(&far), 0);
    scene_end();
}

/* Slow is not dead: a node whose actors are all busy is heard all the same. */
Test(node_loss, a_peer_whose_actors_are_busy_is_not_lost) {
    party pair[2];
    const troupe_node_config quick = {.heartbeat_ms = 50, .lost_ms = 400};
    party_open_as(&pair[0], "left", quick);
    party_open_as(&pair[1], "right", quick);
    party_listen(&pair[1], false);
    party_meet(&pair[0], &pair[1]);
    notes *all = notes_open();
    notes_shut(all, true);
    for (int i = 0; i < 3; i++) { /* more than there are workers */
        troupe_ref hand = hand_of(&pair[1], 16, all);
        cr_assert_eq(count_to(&pair[0], hand, 1), TROUPE_OK);
    }
    cr_assert(!notes_await_for(all, 1, 1500), "nothing gets done");
    cr_assert_eq(party_logged(&pair[0], "lost"), 0u);
    notes_shut(all, false);
    notes_await(all, 3);
    pair_close(pair);
    notes_close(all);
}
