/* supervise [CYCLES]: an actor under a supervisor fails at each message and is restarted. */
#include "bench.h"

static const troupe_type fail_type = TROUPE_SIGNAL_TYPE("fail");

struct order {
    troupe_ref finish;
    uint64_t cycles;
};

/* Each life but the last one ends on a message that the actor has sent itself. */
static uint64_t lives;

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    const struct order *order = arg;
    (void)state;
    if (lives++ == order->cycles) return troupe_tell(self, order->finish, &bench_done_type, NULL);
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
    uint64_t cycles = bench_arg(argc, argv, 1, 200000);
    troupe *rt = bench_open();
    const struct order order = {bench_finish_line(rt, 1), cycles};
    const troupe_child child = {.id = "failing", .what = &failing, .arg = &order};
    const troupe_supervision tree = {.child = &child,
                                     .children = 1,
                                     .max_restarts = (unsigned)cycles,
                                     .within_ms = 3600 * 1000};
    troupe_ref root;
    uint64_t began = troupe_now(rt);
    MUST(troupe_supervise(rt, &tree, 10000, &root));
    bench_wait(rt, order.finish);
    bench_result("supervise", "rate", (double)cycles * 1e9 / (double)(troupe_now(rt) - began),
                 "restarts/s");
    troupe_close(&rt);
}
