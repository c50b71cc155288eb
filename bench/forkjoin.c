/* forkjoin [ACTORS] [MESSAGES]: one actor hands out messages to many in turn, each of which gets
 * that many (Savina's `fjthrput`, without its arithmetic). One that meets FULL gives way, and goes
 * on there at its next turn. */
#include "bench.h"

enum { BOUND = 1024 };

static const troupe_type item_type = TROUPE_SIGNAL_TYPE("item");
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

struct worker {
    uint64_t left;
    troupe_ref finish;
};

BENCH_START(worker_start, struct worker)

static troupe_err worker_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct worker *worker = state;
    if (!troupe_as(*msg, &item_type)) return TROUPE_BADTYPE;
    return --worker->left ? TROUPE_OK : troupe_tell(self, worker->finish, &bench_done_type, NULL);
}

static const troupe_behaviour worker = {.name = "worker",
                                        .state_size = sizeof(struct worker),
                                        .mailbox_limit = BOUND,
                                        .start = worker_start,
                                        .receive = worker_receive};

struct master {
    const troupe_ref *worker;
    uint64_t workers, sent, all;
};

BENCH_START(master_start, struct master)

static troupe_err master_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct master *master = state;
    for (; master->sent < master->all; master->sent++) {
        troupe_ref to = master->worker[master->sent % master->workers];
        troupe_err err = troupe_tell(self, to, &item_type, NULL);
        if (err == TROUPE_FULL) return troupe_send(self, troupe_me(self), msg); /* "go", again */
        if (err) return err;
    }
    return TROUPE_OK;
}

static const troupe_behaviour master = {.name = "master",
                                        .state_size = sizeof(struct master),
                                        .start = master_start,
                                        .receive = master_receive};

int main(int argc, char **argv) {
    uint64_t workers = bench_arg(argc, argv, 1, 60), each = bench_arg(argc, argv, 2, 50000);
    troupe *rt = bench_open();
    troupe_ref *all = bench_alloc(workers, sizeof *all), finish = bench_finish_line(rt, workers);
    for (uint64_t i = 0; i < workers; i++)
        MUST(troupe_spawn(rt, &worker, &(struct worker){each, finish}, &all[i]));
    troupe_ref ref;
    MUST(troupe_spawn(rt, &master, &(struct master){all, workers, 0, workers * each}, &ref));
    uint64_t began = troupe_now(rt);
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
    bench_rate("forkjoin", workers * each, troupe_now(rt) - began);
    troupe_close(&rt);
    free(all);
}
