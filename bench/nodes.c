/* nodes [ipc|tcp] [MESSAGES] [TRIPS] [MEGABYTES]: two nodes, each in a process of its own. One way:
 * one actor sends another messages of 64 bytes, of eight fields, as fast as credit lets it. Round
 * trips of the same message. And messages of 1 MiB one way, each made anew. Encoding, flow control
 * and what is kept until it is acknowledged are in all figures. */
#include "measure.h"

#include <troupe/remote.h>
#include <troupe/room.h>
#include <troupe/stash.h>

enum { BOUND = 8192, BOUND_BIG = 4, MIB = 1 << 20, PATIENCE_MS = 20000 };

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

struct blob {
    troupe_bytes data;
};
static const troupe_type blob_type = TROUPE_TYPE(blob, TROUPE_FIELD(blob, data));

/* To a sink: as many will come, and `from` wants to hear when all have. */
struct expect {
    uint64_t left;
    troupe_ref from;
};
static const troupe_type expect_type =
    TROUPE_TYPE(expect, TROUPE_FIELD(expect, left), TROUPE_FIELD(expect, from));
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

/* --- The receiving process -------------------------------------------------------------------- */

static troupe_err sink_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct expect *expect = state;
    const struct expect *told;
    if (troupe_as(*msg, &item_type) || troupe_as(*msg, &blob_type))
        return --expect->left ? TROUPE_OK : troupe_tell(self, expect->from, &bench_done_type, NULL);
    if (!(told = troupe_as(*msg, &expect_type))) return TROUPE_BADTYPE;
    *expect = *told;
    return TROUPE_OK;
}

static troupe_err echo_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_send(self, troupe_sender(self), msg);
}

static void offer(troupe *rt, const char *name, troupe_receive receive, uint32_t bound) {
    static troupe_behaviour what[3];
    static unsigned count;
    what[count] = (troupe_behaviour){.name = name,
                                     .state_size = sizeof(struct expect),
                                     .mailbox_limit = bound,
                                     .receive = receive};
    troupe_ref ref;
    MUST(troupe_spawn(rt, &what[count++], NULL, &ref));
    MUST(troupe_register(rt, ref, name));
}

static troupe_node *open_node(troupe *rt, const char *name) {
    const troupe_node_config config = {
        .name = name, .secret = "the secret of a benchmark", .secret_size = 25};
    troupe_node *node;
    MUST(troupe_register_type(rt, &item_type));
    MUST(troupe_register_type(rt, &blob_type));
    MUST(troupe_register_type(rt, &expect_type));
    MUST(troupe_register_type(rt, &bench_done_type));
    MUST(troupe_node_open(rt, &config, &node));
    return node;
}

/* Lives until its parent closes the pipe. */
static int receiver(const char *url) {
    troupe *rt = bench_open_with(1);
    troupe_node *node = open_node(rt, "receiver");
    offer(rt, "sink", sink_receive, BOUND);
    offer(rt, "heavy", sink_receive, BOUND_BIG);
    offer(rt, "echo", echo_receive, BOUND);
    MUST(troupe_connect(node, url, PATIENCE_MS));
    while (getchar() != EOF) {
    }
    troupe_close(&rt);
    return 0;
}

/* --- The sending process ---------------------------------------------------------------------- */

struct source {
    uint64_t left;
    troupe_ref to, finish;
    bool heavy;
    bool told;
};

BENCH_START(source_start, struct source)

static troupe_err send_blob(troupe_self *self, troupe_ref to) {
    static char bytes[MIB];
    return troupe_tell(self, to, &blob_type, &(struct blob){{bytes, sizeof bytes}});
}

static troupe_err send_item(troupe_self *self, troupe_ref to, uint64_t number) {
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

static troupe_err source_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct source *source = state;
    if (troupe_as(*msg, &bench_done_type)) return troupe_send(self, source->finish, msg);
    if (!source->told) {
        const struct expect expect = {source->left, troupe_me(self)};
        troupe_err err = troupe_tell(self, source->to, &expect_type, &expect);
        if (err) return err;
        source->told = true;
    }
    while (source->left) {
        troupe_err err = source->heavy ? send_blob(self, source->to)
                                       : send_item(self, source->to, source->left);
        if (err == TROUPE_FULL) return troupe_notify_room(self, source->to);
        if (err) return err;
        source->left--;
    }
    return TROUPE_OK;
}

static const troupe_behaviour source = {.name = "source",
                                        .state_size = sizeof(struct source),
                                        .start = source_start,
                                        .receive = source_receive};

/* Sends so many to one of the receiver's actors; the ns that it takes until all are handled. */
static uint64_t one_way(troupe *rt, troupe_ref to, uint64_t count, bool heavy) {
    troupe_ref finish = bench_finish_line(rt, 1), ref;
    const struct source what = {.left = count, .to = to, .finish = finish, .heavy = heavy};
    MUST(troupe_spawn(rt, &source, &what, &ref));
    uint64_t began = bench_now();
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
    return bench_now() - began;
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
    return send_item(self, pinger->to, pinger->left);
}

static const troupe_behaviour pinger = {.name = "pinger",
                                        .state_size = sizeof(struct pinger),
                                        .start = pinger_start,
                                        .receive = pinger_receive};

static void round_trips(troupe *rt, troupe_ref to, uint64_t *ns, uint64_t count) {
    troupe_ref finish = bench_finish_line(rt, 1), ref;
    const struct pinger what = {.left = count, .ns = ns, .to = to, .finish = finish};
    MUST(troupe_spawn(rt, &pinger, &what, &ref));
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
}

/* The receiver: this program once more. It ends when the pipe is closed. */
static FILE *start_receiver(const char *url) {
    char path[1024], command[2048];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size < 0) exit(1);
    path[size] = 0;
    snprintf(command, sizeof command, "exec '%s' receiver '%s'", path, url);
    FILE *pipe = popen(command, "w");
    if (!pipe) exit(1);
    return pipe;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "receiver") == 0) return receiver(argv[2]);
    const bool tcp = argc > 1 && strcmp(argv[1], "tcp") == 0;
    uint64_t messages = bench_arg(argc, argv, 2, 2000000), trips = bench_arg(argc, argv, 3, 20000);
    uint64_t mib = bench_arg(argc, argv, 4, 500), *ns = bench_alloc(trips, sizeof *ns);
    const char *bench = tcp ? "nodes_tcp" : "nodes_ipc";
    char url[TROUPE_URL_MAX + 1], bound[TROUPE_URL_MAX + 1];
    snprintf(url, sizeof url, tcp ? "tcp://127.0.0.1:0" : "ipc:///tmp/troupe_bench_%d.sock",
             (int)getpid());
    troupe *rt = bench_open_with(1); /* a core each */
    troupe_node *node = open_node(rt, "sender");
    MUST(troupe_listen(node, url, bound, sizeof bound));
    FILE *peer = start_receiver(bound);
    troupe_ref sink, heavy, echo;
    uint64_t until = bench_now() + (uint64_t)PATIENCE_MS * 1000000;
    while (troupe_lookup(node, "receiver", "echo", PATIENCE_MS, &echo) != TROUPE_OK)
        if (bench_now() > until) exit(1); /* it is not connected yet */
    MUST(troupe_lookup(node, "receiver", "sink", PATIENCE_MS, &sink));
    MUST(troupe_lookup(node, "receiver", "heavy", PATIENCE_MS, &heavy));
    one_way(rt, sink, messages / 10 + 1, false); /* warms up */
    uint64_t took = one_way(rt, sink, messages, false);
    bench_result(bench, "one-way", (double)messages * 1e3 / (double)took, "M/s");
    round_trips(rt, echo, ns, trips / 10 + 1);
    round_trips(rt, echo, ns, trips);
    bench_percentiles(bench, ns, trips, false);
    took = one_way(rt, heavy, mib, true);
    bench_result(bench, "mebibytes", (double)mib * 1e9 / (double)took, "MiB/s");
    pclose(peer);
    troupe_close(&rt);
    free(ns);
    return 0;
}
