/* supervise [CYCLES] [SUPERVISORS]: actors, one under each supervisor, fail at each message and are
 * restarted. */
#include "bench.h"

static const troupe_type fail_type = TROUPE_SIGNAL_TYPE("fail");

struct order {
    troupe_ref finish;
    uint64_t lives, cycles; /* `lives` belongs to the one actor that has this order */
};

/* Each life but the last one ends on a message that the actor has sent itself. */
static troupe_err start(troupe_self *self, void *state, const void *arg) {
    struct order *order = *(struct order *const *)arg;
    (void)state;
    if (order->lives++ == order->cycles)
        return troupe_tell(self, order->finish, &bench_done_type, NULL);
    return troupe_tell(self, troupe_me(self), &fail_type, NULL);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_USER;
}

static const troupe_behaviour failing = {.name = "failing", .start = start, .receive = receive};

int main(int argc, char **argv) {
    uint64_t supervisors = bench_arg(argc, argv, 2, 1);
    uint64_t cycles = bench_arg(argc, argv, 1, 200000) / supervisors;
    struct order *order = bench_alloc(supervisors, sizeof *order);
    struct order **given = bench_alloc(supervisors, sizeof *given);
    troupe *rt = bench_open();
    troupe_ref finish = bench_finish_line(rt, supervisors), root;
    uint64_t began = troupe_now(rt);
    for (uint64_t i = 0; i < supervisors; i++) {
        order[i] = (struct order){finish, 0, cycles};
        given[i] = &order[i];
        const troupe_child child = {.id = "failing", .what = &failing, .arg = &given[i]};
        const troupe_supervision tree = {.child = &child,
                                         .children = 1,
                                         .max_restarts = (unsigned)cycles,
                                         .within_ms = 3600 * 1000};
        MUST(troupe_supervise(rt, &tree, 10000, &root));
    }
    bench_wait(rt, finish);
    bench_result(supervisors == 1 ? "supervise" : "supervise20", "rate",
                 (double)(cycles * supervisors) * 1e9 / (double)(troupe_now(rt) - began),
                 "restarts/s");
    troupe_close(&rt);
    free(given);
    free(order);
}
