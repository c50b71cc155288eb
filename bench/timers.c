/* timers [COUNT]: COUNT live timers of one actor, most of them due in minutes, as time-outs
 * are: the time to set one, to cancel one and to set it again under its key, and to have one fire,
 * its message handled. */
#include "bench.h"

static const troupe_type due_type = TROUPE_SIGNAL_TYPE("due");

struct setter {
    uint64_t count, left;
    troupe_ref finish;
};

BENCH_START(setter_start, struct setter)

static void set(troupe_self *self, uint64_t key, unsigned ms) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(troupe_runtime(self), &due_type, NULL, &msg));
    MUST(troupe_set_timer(self, key, ms, 0, &msg));
}

static void result(const char *metric, uint64_t began, uint64_t now, uint64_t count) {
    bench_result("timers", metric, (double)(now - began) / (double)count, "ns/timer");
}

/* Sets all, then each again, then cancels all but those that are to fire. */
static void measure(troupe_self *self, uint64_t count) {
    troupe *rt = troupe_runtime(self);
    uint64_t random = 88172645463325252u, at[4];
    at[0] = troupe_now(rt);
    for (uint64_t i = 0; i < count; i++)
        set(self, i, 600000 + (unsigned)(bench_random(&random) % 600000));
    at[1] = troupe_now(rt);
    for (uint64_t i = 0; i < count; i++)
        set(self, i, 600000 + (unsigned)(bench_random(&random) % 600000));
    at[2] = troupe_now(rt);
    for (uint64_t i = 0; i < count; i++) MUST(troupe_end_timer(self, i));
    at[3] = troupe_now(rt);
    result("set", at[0], at[1], count);
    result("replace", at[1], at[2], count);
    result("cancel", at[2], at[3], count);
    for (uint64_t i = 0; i < count; i++) set(self, i, 0);
}

static troupe_err setter_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct setter *it = state;
    if (troupe_as(*msg, &bench_wait_type)) {
        measure(self, it->count);
        return TROUPE_OK;
    }
    if (--it->left) return TROUPE_OK;
    return troupe_tell(self, it->finish, &bench_done_type, NULL);
}

static const troupe_behaviour setter = {.name = "setter",
                                        .state_size = sizeof(struct setter),
                                        .start = setter_start,
                                        .receive = setter_receive};

int main(int argc, char **argv) {
    uint64_t count = bench_arg(argc, argv, 1, 1000000);
    troupe *rt = bench_open();
    troupe_ref finish = bench_finish_line(rt, 1), ref;
    MUST(troupe_spawn(rt, &setter, &(struct setter){count, count, finish}, &ref));
    uint64_t began = troupe_now(rt);
    bench_post(rt, ref, &bench_wait_type);
    bench_wait(rt, finish);
    result("all", began, troupe_now(rt), count);
    troupe_close(&rt);
}
