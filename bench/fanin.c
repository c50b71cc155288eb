/* fanin [SENDERS] [BOUND] [MESSAGES]: many actors send to one, whose mailbox is bounded. A sender
 * that meets FULL gives way, and goes on when its own turn comes again. With 1 sender it is
 * count, with 100 fanin100. */
#include "bench.h"

struct item {
    uint64_t number;
};
static const troupe_type item_type = TROUPE_TYPE(item, TROUPE_FIELD(item, number));
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

/* --- The sink --------------------------------------------------------------------------------- */

struct sink {
    uint64_t left;
    troupe_ref finish;
};

BENCH_START(sink_start, struct sink)

static troupe_err sink_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct sink *sink = state;
    if (!troupe_as(*msg, &item_type)) return TROUPE_BADTYPE;
    return --sink->left ? TROUPE_OK : troupe_tell(self, sink->finish, &bench_done_type, NULL);
}

/* --- The senders ------------------------------------------------------------------------------ */

struct source {
    troupe_ref sink;
    uint64_t left;
};

BENCH_START(source_start, struct source)

static troupe_err source_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct source *source = state;
    while (source->left) {
        struct item item = {source->left};
        troupe_err err = troupe_tell(self, source->sink, &item_type, &item);
        if (err == TROUPE_FULL) return troupe_send(self, troupe_me(self), msg); /* "go", again */
        if (err) return err;
        source->left--;
    }
    return TROUPE_OK;
}

static const troupe_behaviour source = {.name = "source",
                                        .state_size = sizeof(struct source),
                                        .start = source_start,
                                        .receive = source_receive};

int main(int argc, char **argv) {
    uint64_t senders = bench_arg(argc, argv, 1, 8), bound = bench_arg(argc, argv, 2, 1024);
    uint64_t each = bench_arg(argc, argv, 3, 4000000) / senders;
    const troupe_behaviour sink = {.name = "sink",
                                   .state_size = sizeof(struct sink),
                                   .mailbox_limit = (uint32_t)bound,
                                   .start = sink_start,
                                   .receive = sink_receive};
    troupe *rt = bench_open();
    troupe_ref finish = bench_finish_line(rt, 1), to, ref;
    MUST(troupe_spawn(rt, &sink, &(struct sink){senders * each, finish}, &to));
    uint64_t began = troupe_now(rt);
    for (uint64_t i = 0; i < senders; i++) {
        MUST(troupe_spawn(rt, &source, &(struct source){to, each}, &ref));
        bench_post(rt, ref, &go_type);
    }
    bench_wait(rt, finish);
    const char *name = senders == 1 ? "count" : senders == 100 ? "fanin100" : "fanin";
    bench_rate(name, senders * each, troupe_now(rt) - began);
    troupe_close(&rt);
}
