/* idle [ACTORS]: bytes of resident memory that a living actor with its mailbox takes. */
#include "bench.h"

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_OK;
}

static const troupe_behaviour idle = {.name = "idle", .receive = receive};

/* Resident bytes of this process, by its pages of 4096 bytes. */
static uint64_t resident(void) {
    unsigned long size = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu %lu", &size, &pages) != 2) exit(1);
    fclose(file);
    return (uint64_t)pages * 4096;
}

int main(int argc, char **argv) {
    uint64_t actors = bench_arg(argc, argv, 1, 1000000);
    troupe *rt = bench_open();
    troupe_ref ref;
    uint64_t before = resident();
    for (uint64_t i = 0; i < actors; i++) MUST(troupe_spawn(rt, &idle, NULL, &ref));
    bench_result("idle", "memory", (double)(resident() - before) / (double)actors, "bytes/actor");
    troupe_close(&rt);
}
