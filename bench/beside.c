/* beside [ipc|tcp] [ROUNDS] [MESSAGES] [TRIPS]: what goes over a connection beside something else.
 * So many messages of 64 bytes to one actor, by themselves and while another actor there, which has
 * room for 16 and needs a millisecond for each, is sent to as fast as it lets. And so many round
 * trips of one, by themselves and while messages of 64 MiB go one after the other. By turns, ROUNDS
 * times; of the rates the medians are told, of the trips the percentiles of all. */
#include "pair.h"

#include <troupe/room.h>

enum { BOUND = 8192, BOUND_SLOW = 16, BOUND_HUGE = 1, HUGE = 64 << 20 };

/* --- The receiving process -------------------------------------------------------------------- */

/* It answers the last of a row, number 1. */
static troupe_err quick_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct item *item = troupe_as(*msg, &item_type);
    (void)state;
    if (item->number > 1) return TROUPE_OK;
    return troupe_tell(self, troupe_sender(self), &bench_done_type, NULL);
}

static troupe_err slow_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    usleep(1000);
    return TROUPE_OK;
}

static troupe_err huge_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour quick = {
    .name = "quick", .mailbox_limit = BOUND, .receive = quick_receive};
static const troupe_behaviour slow = {
    .name = "slow", .mailbox_limit = BOUND_SLOW, .blocking = true, .receive = slow_receive};
static const troupe_behaviour huge = {
    .name = "huge", .mailbox_limit = BOUND_HUGE, .receive = huge_receive};
static const troupe_behaviour echo = {.name = "echo", .receive = pair_echo};

static int receiver(const char *url) {
    troupe *rt = bench_open_with(1);
    troupe_node *node = pair_node(rt, "receiver");
    pair_offer(rt, &quick);
    pair_offer(rt, &slow);
    pair_offer(rt, &huge);
    pair_offer(rt, &echo);
    return pair_receive(rt, node, url);
}

/* --- The sending process ---------------------------------------------------------------------- */

/* Sends so many, as fast as there is room, and tells when an answer comes. */
struct source {
    uint64_t left;
    troupe_ref to, finish;
    bool huge;
};

BENCH_START(source_start, struct source)

static troupe_err send_huge(troupe_self *self, troupe_ref to) {
    static char bytes[HUGE];
    return troupe_tell(self, to, &blob_type, &(struct blob){{bytes, sizeof bytes}});
}

static _Atomic uint64_t huge_sent;

static troupe_err source_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct source *it = state;
    if (troupe_as(*msg, &bench_done_type)) return troupe_send(self, it->finish, msg);
    while (it->left) {
        troupe_err err = it->huge ? send_huge(self, it->to) : item_send(self, it->to, it->left);
        if (err == TROUPE_FULL) return troupe_notify_room(self, it->to);
        if (err) return err;
        it->left--;
        huge_sent += it->huge;
    }
    return TROUPE_OK;
}

static const troupe_behaviour source = {.name = "source",
                                        .state_size = sizeof(struct source),
                                        .start = source_start,
                                        .receive = source_receive};
/* Copying 64 MiB is no work for a worker that others share. */
static const troupe_behaviour huge_source = {.name = "huge source",
                                             .state_size = sizeof(struct source),
                                             .blocking = true,
                                             .start = source_start,
                                             .receive = source_receive};

/* Begins to send to an actor without end. */
static troupe_ref begin(troupe *rt, const troupe_behaviour *by, troupe_ref to) {
    const struct source what = {.left = UINT64_MAX, .to = to, .huge = by == &huge_source};
    troupe_ref ref;
    MUST(troupe_spawn(rt, by, &what, &ref));
    bench_post(rt, ref, &go_type);
    return ref;
}

/* Messages a microsecond to the quick one. */
static double rate(troupe *rt, troupe_ref to, uint64_t count) {
    troupe_ref finish = bench_finish_line(rt, 1), ref;
    const struct source what = {.left = count, .to = to, .finish = finish};
    MUST(troupe_spawn(rt, &source, &what, &ref));
    const uint64_t began = bench_now();
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
    return (double)count * 1e3 / (double)(bench_now() - began);
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void say_rate(const char *bench, const char *metric, double *rates, uint64_t rounds) {
    qsort(rates, rounds, sizeof *rates, by_value);
    bench_result(bench, metric, rates[rounds / 2], "M/s");
}

static void say_trips(const char *bench, const char *metric, uint64_t *ns, uint64_t count,
                      unsigned percent) {
    qsort(ns, count, sizeof *ns, bench_compare);
    bench_result(bench, metric, (double)ns[count * percent / 100] / 1e3, "us");
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "receiver") == 0) return receiver(argv[2]);
    const bool tcp = argc > 1 && strcmp(argv[1], "tcp") == 0;
    const uint64_t rounds = bench_arg(argc, argv, 2, 9), count = bench_arg(argc, argv, 3, 1000000);
    const uint64_t trips = bench_arg(argc, argv, 4, 20000);
    const char *bench = tcp ? "beside_tcp" : "beside_ipc";
    double *rates[2];
    uint64_t *ns[2];
    for (int i = 0; i < 2; i++) {
        rates[i] = bench_alloc(rounds, sizeof *rates[i]);
        ns[i] = bench_alloc(rounds * trips, sizeof *ns[i]);
    }
    troupe *rt = bench_open_with(1);
    troupe_node *node = pair_node(rt, "sender");
    FILE *peer = pair_start(node, tcp);
    const troupe_ref to = pair_find(node, "quick"), back = pair_find(node, "echo");
    (void)rate(rt, to, count); /* warms up */
    for (uint64_t i = 0; i < rounds; i++) {
        rates[0][i] = rate(rt, to, count);
        const troupe_ref other = begin(rt, &source, pair_find(node, "slow"));
        rates[1][i] = rate(rt, to, count);
        MUST(troupe_kill(rt, other));
    }
    uint64_t huge_ns = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        pair_trips(rt, back, ns[0] + i * trips, trips);
        const troupe_ref other = begin(rt, &huge_source, pair_find(node, "huge"));
        const uint64_t began = bench_now();
        pair_trips(rt, back, ns[1] + i * trips, trips);
        huge_ns += bench_now() - began;
        MUST(troupe_kill(rt, other));
    }
    say_rate(bench, "rate-alone", rates[0], rounds);
    say_rate(bench, "rate-beside-slow", rates[1], rounds);
    say_trips(bench, "p50-alone", ns[0], rounds * trips, 50);
    say_trips(bench, "p50-beside-64-mib", ns[1], rounds * trips, 50);
    say_trips(bench, "p99-alone", ns[0], rounds * trips, 99);
    say_trips(bench, "p99-beside-64-mib", ns[1], rounds * trips, 99);
    bench_result(bench, "the-64-mib", (double)huge_sent * 64e9 / (double)huge_ns, "MiB/s");
    pclose(peer);
    troupe_close(&rt);
    for (int i = 0; i < 2; i++) {
        free(rates[i]);
        free(ns[i]);
    }
    return 0;
}
