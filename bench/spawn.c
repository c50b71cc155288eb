/* spawn [ACTORS]: each actor is started, handles one message, replies, and ends. An actor does it,
 * a thousand at a time. */
#include "bench.h"

enum { AT_ONCE = 1000 };

static const troupe_type hello_type = TROUPE_SIGNAL_TYPE("hello");

static troupe_err child_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_exit(self, TROUPE_OK);
    return troupe_reply(self, msg);
}

static const troupe_behaviour child = {
    .name = "child", .mailbox_limit = 4, .receive = child_receive};

struct parent {
    uint64_t to_start, to_end;
    troupe_ref finish;
};

BENCH_START(parent_start, struct parent)

static troupe_err one_more(troupe_self *self, struct parent *parent) {
    troupe_ref ref;
    if (!parent->to_start) return TROUPE_OK;
    parent->to_start--;
    troupe_err err = troupe_spawn(troupe_runtime(self), &child, NULL, &ref);
    return err ? err : troupe_tell(self, ref, &hello_type, NULL);
}

static troupe_err parent_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct parent *parent = state;
    if (troupe_as(*msg, &bench_wait_type)) {
        for (int i = 0; i < AT_ONCE; i++) MUST(one_more(self, parent));
        return TROUPE_OK;
    }
    if (!--parent->to_end) return troupe_tell(self, parent->finish, &bench_done_type, NULL);
    return one_more(self, parent);
}

static const troupe_behaviour parent = {.name = "parent",
                                        .state_size = sizeof(struct parent),
                                        .mailbox_limit = 2 * AT_ONCE,
                                        .start = parent_start,
                                        .receive = parent_receive};

int main(int argc, char **argv) {
    uint64_t actors = bench_arg(argc, argv, 1, 1000000);
    troupe *rt = bench_open();
    troupe_ref finish = bench_finish_line(rt, 1), ref;
    MUST(troupe_spawn(rt, &parent, &(struct parent){actors, actors, finish}, &ref));
    uint64_t began = troupe_now(rt);
    bench_post(rt, ref, &bench_wait_type);
    bench_wait(rt, finish);
    uint64_t ns = troupe_now(rt) - began;
    bench_result("spawn", "time", (double)ns / (double)actors, "ns/actor");
    bench_result("spawn", "rate", (double)actors * 1e3 / (double)ns, "M/s");
    troupe_close(&rt);
}
