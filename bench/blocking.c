/* blocking [ACTORS] [PERIOD_MS] [BLOCK_MS]: of two workers one is held by a handler that sleeps,
 * while every other actor gets mail each PERIOD_MS. Result: how long that mail waits. A runtime
 * that leaves actors behind the sleeper lets them wait as long as it sleeps. */
#include "measure.h"

struct note {
    uint64_t number, due;
};
static const troupe_type note_type =
    TROUPE_TYPE(note, TROUPE_FIELD(note, number), TROUPE_FIELD(note, due));
static const troupe_type last_type = TROUPE_SIGNAL_TYPE("last");

struct sleep {
    uint64_t ms;
};
static const troupe_type sleep_type = TROUPE_TYPE(sleep, TROUPE_FIELD(sleep, ms));

static uint64_t *delay; /* ns, of each note */

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(troupe_ref *)state = *(const troupe_ref *)arg;
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct note *note = troupe_as(*msg, &note_type);
    const struct sleep *sleep = note ? NULL : troupe_as(*msg, &sleep_type);
    if (note) delay[note->number] = bench_now() - note->due;
    if (sleep) bench_sleep_until(bench_now() + sleep->ms * 1000000);
    if (note || sleep) return TROUPE_OK;
    return troupe_tell(self, *(troupe_ref *)state, &bench_done_type, NULL);
}

static void post(troupe *rt, troupe_ref to, const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, type, body, &msg));
    MUST(troupe_post(rt, to, &msg));
}

int main(int argc, char **argv) {
    uint64_t actors = bench_arg(argc, argv, 1, 1000), period = bench_arg(argc, argv, 2, 5);
    uint64_t block = bench_arg(argc, argv, 3, 1000), each = block / period;
    /* Room for all of the mail: none is to be refused, however long it has to wait. */
    const troupe_behaviour what = {.name = "actor",
                                   .state_size = sizeof(troupe_ref),
                                   .mailbox_limit = (uint32_t)each + 8,
                                   .start = start,
                                   .receive = receive};
    delay = bench_alloc(actors * each, sizeof *delay);
    troupe *rt = bench_open_with(2);
    troupe_ref *all = bench_alloc(actors, sizeof *all), finish = bench_finish_line(rt, actors);
    troupe_ref sleeper;
    MUST(troupe_spawn(rt, &what, &finish, &sleeper));
    for (uint64_t i = 0; i < actors; i++) MUST(troupe_spawn(rt, &what, &finish, &all[i]));
    post(rt, sleeper, &sleep_type, &(struct sleep){block});
    /* The mail is spread over the period, a few actors at a time; it counts from its due time. */
    uint64_t began = bench_now(), number = 0, due = began;
    for (uint64_t round = 0; round < each; round++) {
        for (uint64_t i = 0; i < actors; i++, number++) {
            if (i % 20 == 0) {
                due = began + number * period * 1000000 / actors;
                bench_sleep_until(due);
            }
            post(rt, all[i], &note_type, &(struct note){number, due});
        }
    }
    for (uint64_t i = 0; i < actors; i++) post(rt, all[i], &last_type, NULL);
    bench_wait(rt, finish);
    qsort(delay, number, sizeof *delay, bench_compare);
    bench_result("blocking", "p50", (double)delay[number / 2] / 1e6, "ms");
    bench_result("blocking", "p99", (double)delay[number * 99 / 100] / 1e6, "ms");
    bench_result("blocking", "max", (double)delay[number - 1] / 1e6, "ms");
    troupe_close(&rt);
    free(all);
    free(delay);
}
