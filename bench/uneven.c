/* uneven [ACTORS] [ITEMS]: items of 10 us of work, 90 % of them for one actor in a hundred. Result:
 * how much longer it takes than plain threads, one a worker, to which the same work was dealt out
 * evenly: 1 is perfect. */
#include "measure.h"

#include <pthread.h>

enum { ITEM_NS = 10000, HOT = 100 };

struct item {
    uint64_t rounds;
};
static const troupe_type item_type = TROUPE_TYPE(item, TROUPE_FIELD(item, rounds));
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");
static const troupe_type last_type = TROUPE_SIGNAL_TYPE("last");

/* --- The ideal -------------------------------------------------------------------------------- */

struct share {
    pthread_t thread;
    uint64_t items, rounds;
};

static void *do_share(void *arg) {
    const struct share *share = arg;
    for (uint64_t i = 0; i < share->items; i++) bench_work(share->rounds);
    return NULL;
}

/* Nanoseconds that plain threads take for all items. */
static uint64_t ideal(unsigned threads, uint64_t items, uint64_t rounds) {
    struct share *share = bench_alloc(threads, sizeof *share);
    uint64_t began = bench_now();
    for (unsigned i = 0; i < threads; i++) {
        share[i].items = items / threads + (i < items % threads);
        share[i].rounds = rounds;
        if (pthread_create(&share[i].thread, NULL, do_share, &share[i])) abort();
    }
    for (unsigned i = 0; i < threads; i++) pthread_join(share[i].thread, NULL);
    uint64_t took = bench_now() - began;
    free(share);
    return took;
}

/* --- The actors ------------------------------------------------------------------------------- */

static troupe_err worker_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(troupe_ref *)state = *(const troupe_ref *)arg;
    return TROUPE_OK;
}

static troupe_err worker_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct item *item = troupe_as(*msg, &item_type);
    if (!item) return troupe_tell(self, *(troupe_ref *)state, &bench_done_type, NULL);
    bench_work(item->rounds);
    return TROUPE_OK;
}

/* Room for all: what is measured is who does the work, not how it is held back. */
static const troupe_behaviour worker = {.name = "worker",
                                        .state_size = sizeof(troupe_ref),
                                        .mailbox_limit = TROUPE_MAILBOX_MAX,
                                        .start = worker_start,
                                        .receive = worker_receive};

struct feeder {
    const troupe_ref *worker;
    uint64_t workers, items, rounds, lasts, random;
    uint64_t to; /* of the next item; drawn once, however often that one is full */
};

BENCH_START(feeder_start, struct feeder)

/* Nine of ten go to the hot ones, which are the first of each hundred. */
static uint64_t draw(struct feeder *feeder) {
    uint64_t hot = (feeder->workers + HOT - 1) / HOT;
    bool cold = bench_random(&feeder->random) % 10 == 0;
    uint64_t to = bench_random(&feeder->random);
    return cold ? to % feeder->workers : to % hot * HOT;
}

static troupe_err feeder_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct feeder *feeder = state;
    struct item item = {feeder->rounds};
    troupe_err err = TROUPE_OK;
    while (!err && feeder->items) {
        if (!(err = troupe_tell(self, feeder->worker[feeder->to], &item_type, &item))) {
            feeder->items--;
            feeder->to = draw(feeder);
        }
    }
    while (!err && feeder->lasts < feeder->workers)
        if (!(err = troupe_tell(self, feeder->worker[feeder->lasts], &last_type, NULL)))
            feeder->lasts++;
    return err == TROUPE_FULL ? troupe_send(self, troupe_me(self), msg) : err;
}

static const troupe_behaviour feeder = {.name = "feeder",
                                        .state_size = sizeof(struct feeder),
                                        .start = feeder_start,
                                        .receive = feeder_receive};

int main(int argc, char **argv) {
    uint64_t workers = bench_arg(argc, argv, 1, 1000), items = bench_arg(argc, argv, 2, 50000);
    uint64_t rounds = bench_rounds(ITEM_NS), perfect = ideal(bench_workers(), items, rounds);
    troupe *rt = bench_open();
    troupe_ref *all = bench_alloc(workers, sizeof *all), finish = bench_finish_line(rt, workers);
    for (uint64_t i = 0; i < workers; i++) MUST(troupe_spawn(rt, &worker, &finish, &all[i]));
    struct feeder feed = {all, workers, items, rounds, 0, 1, 0};
    troupe_ref ref;
    MUST(troupe_spawn(rt, &feeder, &feed, &ref));
    uint64_t began = troupe_now(rt);
    bench_post(rt, ref, &go_type);
    bench_wait(rt, finish);
    bench_result("uneven", "makespan", (double)(troupe_now(rt) - began) / (double)perfect, "ideal");
    troupe_close(&rt);
    free(all);
}
