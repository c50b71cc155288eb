/* nodes [ipc|tcp] [MESSAGES] [TRIPS] [MEGABYTES]: two nodes, each in a process of its own. One way:
 * one actor sends another messages of 64 bytes, of eight fields, as fast as credit lets it. Round
 * trips of the same message. And messages of 1 MiB one way, each made anew. Encoding, flow control
 * and what is kept until it is acknowledged are in all figures. */
#include "pair.h"

#include <troupe/room.h>

enum { BOUND = 8192, BOUND_BIG = 4, MIB = 1 << 20 };

/* To a sink: as many will come, and `from` wants to hear when all have. */
struct expect {
    uint64_t left;
    troupe_ref from;
};
static const troupe_type expect_type =
    TROUPE_TYPE(expect, TROUPE_FIELD(expect, left), TROUPE_FIELD(expect, from));

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

static const troupe_behaviour sink = {.name = "sink",
                                      .state_size = sizeof(struct expect),
                                      .mailbox_limit = BOUND,
                                      .receive = sink_receive};
static const troupe_behaviour heavy = {.name = "heavy",
                                       .state_size = sizeof(struct expect),
                                       .mailbox_limit = BOUND_BIG,
                                       .receive = sink_receive};
static const troupe_behaviour echo = {
    .name = "echo", .mailbox_limit = BOUND, .receive = pair_echo};

static troupe_node *open_node(troupe *rt, const char *name) {
    MUST(troupe_register_type(rt, &expect_type));
    return pair_node(rt, name);
}

static int receiver(const char *url) {
    troupe *rt = bench_open_with(1);
    troupe_node *node = open_node(rt, "receiver");
    pair_offer(rt, &sink);
    pair_offer(rt, &heavy);
    pair_offer(rt, &echo);
    return pair_receive(rt, node, url);
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
                                       : item_send(self, source->to, source->left);
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
static uint64_t one_way(troupe *rt, troupe_ref to, uint64_t count, bool blobs) {
    troupe_ref finish = bench_finish_line(rt, 1), ref;
    const struct source what = {.left = count, .to = to, .finish = finish, .heavy = blobs};
    MUST(troupe_spawn(rt, &source, &what, &ref));
    uint64_t began = bench_now();
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
    return bench_now() - began;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "receiver") == 0) return receiver(argv[2]);
    const bool tcp = argc > 1 && strcmp(argv[1], "tcp") == 0;
    uint64_t messages = bench_arg(argc, argv, 2, 2000000), trips = bench_arg(argc, argv, 3, 20000);
    uint64_t mib = bench_arg(argc, argv, 4, 500), *ns = bench_alloc(trips, sizeof *ns);
    const char *bench = tcp ? "nodes_tcp" : "nodes_ipc";
    troupe *rt = bench_open_with(1); /* a core each */
    troupe_node *node = open_node(rt, "sender");
    FILE *peer = pair_start(node, tcp);
    const troupe_ref to = pair_find(node, "sink"), back = pair_find(node, "echo");
    one_way(rt, to, messages / 10 + 1, false); /* warms up */
    uint64_t took = one_way(rt, to, messages, false);
    bench_result(bench, "one-way", (double)messages * 1e3 / (double)took, "M/s");
    pair_trips(rt, back, ns, trips / 10 + 1);
    pair_trips(rt, back, ns, trips);
    bench_percentiles(bench, ns, trips, false);
    took = one_way(rt, pair_find(node, "heavy"), mib, true);
    bench_result(bench, "mebibytes", (double)mib * 1e9 / (double)took, "MiB/s");
    pclose(peer);
    troupe_close(&rt);
    free(ns);
    return 0;
}
