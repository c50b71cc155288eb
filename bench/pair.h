/* What the benchmarks of nodes share: two nodes, each in a process of its own, the second of which
 * is the same program once more; and the message of 64 bytes. */
#ifndef TROUPE_BENCH_PAIR_H
#define TROUPE_BENCH_PAIR_H

#include "measure.h"

#include <troupe/remote.h>

enum { PAIR_PATIENCE_MS = 20000, PAIR_LIMIT = 128 << 20 };

/* 64 bytes in memory and about as many as msgpack. */
struct item {
    uint64_t number;
    double bid, ask, high, low, size;
    uint64_t account, flags;
};
static const troupe_type item_type =
    TROUPE_TYPE(item, TROUPE_FIELD(item, number), TROUPE_FIELD(item, bid), TROUPE_FIELD(item, ask),
                TROUPE_FIELD(item, high), TROUPE_FIELD(item, low), TROUPE_FIELD(item, size),
                TROUPE_FIELD(item, account), TROUPE_FIELD(item, flags));
_Static_assert(sizeof(struct item) == 64, "as the bar says");

static inline troupe_err item_send(troupe_self *self, troupe_ref to, uint64_t number) {
    struct item item = {.number = number,
                        .bid = 99.5,
                        .ask = 100.5,
                        .high = 120.25,
                        .low = 80.75,
                        .size = 1500,
                        .account = 1234567,
                        .flags = 3};
    return troupe_tell(self, to, &item_type, &item);
}

struct blob {
    troupe_bytes data;
};
static const troupe_type blob_type = TROUPE_TYPE(blob, TROUPE_FIELD(blob, data));

/* An actor that sends back what it gets. */
static inline troupe_err pair_echo(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_send(self, troupe_sender(self), msg);
}

/* Of the receiving process: an actor that the other one finds by its name. */
static inline void pair_offer(troupe *rt, const troupe_behaviour *what) {
    troupe_ref ref;
    MUST(troupe_spawn(rt, what, NULL, &ref));
    MUST(troupe_register(rt, ref, what->name));
}

static inline troupe_node *pair_node(troupe *rt, const char *name) {
    const troupe_node_config config = {.name = name,
                                       .secret = "the secret of a benchmark",
                                       .secret_size = 25,
                                       .message_limit = PAIR_LIMIT};
    troupe_node *node;
    MUST(troupe_register_type(rt, &item_type));
    MUST(troupe_register_type(rt, &blob_type));
    MUST(troupe_register_type(rt, &bench_done_type));
    MUST(troupe_node_open(rt, &config, &node));
    return node;
}

/* The receiving process connects, and lives until the other one closes the pipe. */
static inline int pair_receive(troupe *rt, troupe_node *node, const char *url) {
    MUST(troupe_connect(node, url, PAIR_PATIENCE_MS));
    while (getchar() != EOF) {
    }
    troupe_close(&rt);
    return 0;
}

/* The sending process: listens, and starts this program once more, as `receiver URL`. The process
 * ends when its pipe is closed. */
static inline FILE *pair_start(troupe_node *node, bool tcp) {
    char url[TROUPE_URL_MAX + 1], bound[TROUPE_URL_MAX + 1], path[1024], command[2048];
    snprintf(url, sizeof url, tcp ? "tcp://127.0.0.1:0" : "ipc:///tmp/troupe_bench_%d.sock",
             (int)getpid());
    MUST(troupe_listen(node, url, bound, sizeof bound));
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size < 0) exit(1);
    path[size] = 0;
    snprintf(command, sizeof command, "exec '%s' receiver '%s'", path, bound);
    FILE *pipe = popen(command, "w");
    if (!pipe) exit(1);
    return pipe;
}

/* An actor of the receiver, once that is connected. */
static inline troupe_ref pair_find(troupe_node *node, const char *name) {
    const uint64_t until = bench_now() + (uint64_t)PAIR_PATIENCE_MS * 1000000;
    troupe_ref ref;
    while (troupe_lookup(node, "receiver", name, PAIR_PATIENCE_MS, &ref) != TROUPE_OK)
        if (bench_now() > until) exit(1);
    return ref;
}

struct pinger {
    uint64_t left, *ns, at;
    troupe_ref to, finish;
};

BENCH_START(pinger_start, struct pinger)

static troupe_err pinger_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct pinger *pinger = state;
    if (troupe_as(*msg, &item_type)) pinger->ns[--pinger->left] = bench_now() - pinger->at;
    if (!pinger->left) return troupe_tell(self, pinger->finish, &bench_done_type, NULL);
    pinger->at = bench_now();
    return item_send(self, pinger->to, pinger->left);
}

static const troupe_behaviour pinger = {.name = "pinger",
                                        .state_size = sizeof(struct pinger),
                                        .start = pinger_start,
                                        .receive = pinger_receive};
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

/* The times of so many round trips to an echo, one after the other. */
static inline void pair_trips(troupe *rt, troupe_ref to, uint64_t *ns, uint64_t count) {
    troupe_ref finish = bench_finish_line(rt, 1), ref;
    const struct pinger what = {.left = count, .ns = ns, .to = to, .finish = finish};
    MUST(troupe_spawn(rt, &pinger, &what, &ref));
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
}

#endif
