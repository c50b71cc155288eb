/* A peer that is killed, stopped and started again: a process of its own, or, in a simulation, a
 * node that crashes or that nothing passes to and from. */
#ifndef TROUPE_TEST_PEER_PROCESS_H
#define TROUPE_TEST_PEER_PROCESS_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "test/support/node_service.h"
#include "test/transport/node_hands.h"

typedef struct peer {
    pid_t pid;
    int in, out; /* its standard input, which ends it, and what it says */
    char said[16 << 10];
    size_t used;
    char url[TROUPE_URL_MAX + 1];
    party node; /* in a simulation, in place of the process */
} peer;

/* The helper that is built beside the tests. */
static inline const char *program(void) {
    static char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    cr_assert_gt(size, 0);
    path[size] = '\0';
    char *name = strrchr(path, '/') + 1;
    (void)snprintf(name, sizeof path - (size_t)(name - path), "troupe_helper_node_peer");
    return path;
}

/* Waits until it has said that. */
static inline void peer_await(peer *p, const char *text) {
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

static inline void peer_open_simulated(peer *p, const beats *b) {
    troupe_ref who;
    party_open_as(&p->node, "peer",
                  (troupe_node_config){.heartbeat_ms = (unsigned)atoi(b->heartbeat),
                                       .lost_ms = (unsigned)atoi(b->lost)});
    cr_assert_eq(troupe_spawn(p->node.rt, &node_service, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_register(p->node.rt, who, "service"), TROUPE_OK);
    party_listen(&p->node, false);
    (void)snprintf(p->url, sizeof p->url, "%s", p->node.url);
}

static inline void peer_open(peer *p, bool tcp, const char *port, const beats *b) {
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
static inline int peer_reap(peer *p) {
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

static inline void peer_kill(void *it) {
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
static inline void peer_stop(peer *p, party *here) {
    if (!scene_sim) {
        cr_assert_eq(kill(p->pid, SIGSTOP), 0);
        return;
    }
    troupe_sim_cut(scene_sim, p->node.rt, here->rt, true);
    troupe_sim_cut(scene_sim, here->rt, p->node.rt, true);
}

static inline void peer_continue(peer *p) {
    if (scene_sim)
        troupe_sim_calm(scene_sim);
    else
        cr_assert_eq(kill(p->pid, SIGCONT), 0);
}

/* An address with a port that is free: the system gives each out once in a long while. */
static inline const char *free_port(void) {
    static party p;
    party_open(&p, "port");
    party_listen(&p, true);
    party_close(&p);
    return p.url;
}

#endif
