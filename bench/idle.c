/* idle [ACTORS]: bytes of resident memory that a living actor with its mailbox takes. */
#include "measure.h"

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour idle = {.name = "idle", .receive = receive};

int main(int argc, char **argv) {
    uint64_t actors = bench_arg(argc, argv, 1, 1000000);
    troupe *rt = bench_open();
    troupe_ref ref;
    uint64_t before = bench_resident();
    for (uint64_t i = 0; i < actors; i++) MUST(troupe_spawn(rt, &idle, NULL, &ref));
    bench_result("idle", "memory", (double)(bench_resident() - before) / (double)actors,
                 "bytes/actor");
    troupe_close(&rt);
}
