/* latency [ACTORS] [MESSAGES]: from send to handle while the workers are busy for 70 % of the time.
 * Each message costs 10 us of work and goes to an actor drawn at random, at a time drawn ahead. The
 * times count from then, not from when the sender got round to it: a sender that is held up would
 * otherwise hide just the delays that matter (coordinated omission). */
#include "measure.h"

#include <math.h>

enum { WORK_NS = 10000, LOAD_PERCENT = 70 };

struct item {
    uint64_t number, due;
};
static const troupe_type item_type =
    TROUPE_TYPE(item, TROUPE_FIELD(item, number), TROUPE_FIELD(item, due));
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");
static const troupe_type last_type = TROUPE_SIGNAL_TYPE("last");

static uint64_t *delay; /* ns, of each message; each place is written once, by who handles it */
static uint64_t rounds;

static troupe_err server_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(troupe_ref *)state = *(const troupe_ref *)arg;
    return TROUPE_OK;
}

static troupe_err server_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct item *item = troupe_as(*msg, &item_type);
    if (!item) return troupe_tell(self, *(troupe_ref *)state, &bench_done_type, NULL);
    delay[item->number] = bench_now() - item->due;
    bench_work(rounds);
    return TROUPE_OK;
}

static const troupe_behaviour server = {.name = "server",
                                        .state_size = sizeof(troupe_ref),
                                        .mailbox_limit = 1024,
                                        .start = server_start,
                                        .receive = server_receive};

struct source {
    const troupe_ref *server;
    uint64_t servers, messages, sent, lasts, random;
    uint64_t to;   /* of the next message; drawn once, however often that one is full */
    double gap_ns; /* mean time between two messages */
    double due;    /* when the next one is to be sent */
};

BENCH_START(source_start, struct source)

/* Sends what is due, then gives way to the others and looks again. Gaps are drawn from the
 * exponential distribution, as if the messages came from many independent senders. */
static troupe_err source_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct source *source = state;
    troupe_err err = TROUPE_OK;
    if (source->due <= 0) source->due = (double)bench_now();
    while (!err && source->sent < source->messages && source->due <= (double)bench_now()) {
        struct item item = {source->sent, (uint64_t)source->due};
        err = troupe_tell(self, source->server[source->to], &item_type, &item);
        if (err) break;
        source->sent++;
        source->to = bench_random(&source->random) % source->servers;
        double uniform = (double)(bench_random(&source->random) % 1000000 + 1) / 1e6;
        source->due -= source->gap_ns * log(uniform);
    }
    while (!err && source->sent == source->messages && source->lasts < source->servers)
        if (!(err = troupe_tell(self, source->server[source->lasts], &last_type, NULL)))
            source->lasts++;
    if (err && err != TROUPE_FULL) return err;
    return source->lasts == source->servers ? TROUPE_OK : troupe_send(self, troupe_me(self), msg);
}

static const troupe_behaviour source = {.name = "source",
                                        .state_size = sizeof(struct source),
                                        .start = source_start,
                                        .receive = source_receive};

int main(int argc, char **argv) {
    uint64_t servers = bench_arg(argc, argv, 1, 100), messages = bench_arg(argc, argv, 2, 200000);
    delay = bench_alloc(messages, sizeof *delay);
    rounds = bench_rounds(WORK_NS);
    troupe *rt = bench_open();
    troupe_ref *all = bench_alloc(servers, sizeof *all), finish = bench_finish_line(rt, servers);
    for (uint64_t i = 0; i < servers; i++) MUST(troupe_spawn(rt, &server, &finish, &all[i]));
    double gap = (double)WORK_NS * 100 / LOAD_PERCENT / bench_workers();
    struct source head = {all, servers, messages, 0, 0, 1, 0, gap, 0};
    troupe_ref ref;
    MUST(troupe_spawn(rt, &source, &head, &ref));
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
    bench_percentiles("latency", delay, messages, true);
    troupe_close(&rt);
    free(all);
    free(delay);
}
