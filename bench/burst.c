/* burst [ACTORS] [ROUNDS] [MESSAGES]: does memory come back? Resident memory after the first and
 * after the last of several rounds of actors that are made and ended; then before, at the height of
 * and after a burst of messages that nobody handles until all are there. */
#include "measure.h"

#include <pthread.h>

enum { AT_ONCE = 1000 };

static const troupe_type end_type = TROUPE_SIGNAL_TYPE("end");
static const troupe_type last_type = TROUPE_SIGNAL_TYPE("last");

static double megabytes(void) {
    return (double)bench_resident() / 1e6;
}

/* --- Actors ----------------------------------------------------------------------------------- */

static troupe_err mortal_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

/* Told only once it is over, so that the next round finds all of this one gone. */
static void mortal_stop(troupe_self *self, void *state, troupe_err why) {
    (void)why;
    MUST(troupe_tell(self, *(troupe_ref *)state, &bench_done_type, NULL));
}

static troupe_err mortal_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(troupe_ref *)state = *(const troupe_ref *)arg;
    return TROUPE_OK;
}

static const troupe_behaviour mortal = {.name = "mortal",
                                        .state_size = sizeof(troupe_ref),
                                        .start = mortal_start,
                                        .receive = mortal_receive,
                                        .stop = mortal_stop};

/* All of them live at the same time; they end a thousand at a time, so that the finish line can
 * keep up. */
static void actor_round(troupe *rt, troupe_ref *all, uint64_t actors) {
    for (uint64_t from = 0; from < actors; from += AT_ONCE) {
        uint64_t count = actors - from < AT_ONCE ? actors - from : AT_ONCE;
        troupe_ref finish = bench_finish_line(rt, count);
        for (uint64_t i = from; i < from + count; i++)
            MUST(troupe_spawn(rt, &mortal, &finish, &all[i]));
        all[actors + from / AT_ONCE] = finish;
    }
    for (uint64_t from = 0; from < actors; from += AT_ONCE) {
        for (uint64_t i = from; i < actors && i < from + AT_ONCE; i++)
            bench_post(rt, all[i], &end_type);
        bench_wait(rt, all[actors + from / AT_ONCE]);
        MUST(troupe_stop(rt, all[actors + from / AT_ONCE]));
    }
}

/* --- Messages --------------------------------------------------------------------------------- */

struct item {
    uint64_t number;
};
static const troupe_type item_type = TROUPE_TYPE(item, TROUPE_FIELD(item, number));

static struct {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

/* Handlers wait here, and hold all workers, until all messages have been sent. */
static void pass_gate(void) {
    pthread_mutex_lock(&gate.lock);
    while (!gate.open) pthread_cond_wait(&gate.opened, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static troupe_err sink_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct item *item = troupe_as(*msg, &item_type);
    if (!item) return troupe_tell(self, *(troupe_ref *)state, &bench_done_type, NULL);
    if (item->number == 0) pass_gate();
    return TROUPE_OK;
}

static const troupe_behaviour sink = {.name = "sink",
                                      .state_size = sizeof(troupe_ref),
                                      .mailbox_limit = TROUPE_MAILBOX_MAX,
                                      .start = mortal_start,
                                      .receive = sink_receive};

/* As many sinks as the largest bound asks for. The message that opens each one's mail is the one
 * that waits at the gate. */
static void message_burst(troupe *rt, uint64_t messages) {
    uint64_t each = TROUPE_MAILBOX_MAX - 1, sinks = (messages + each - 1) / each;
    troupe_ref *all = bench_alloc(sinks, sizeof *all), finish = bench_finish_line(rt, sinks);
    bench_result("burst", "messages-before", megabytes(), "MB");
    for (uint64_t i = 0; i < sinks; i++) MUST(troupe_spawn(rt, &sink, &finish, &all[i]));
    for (uint64_t i = 0; i < messages; i++) {
        troupe_msg *msg = NULL;
        MUST(troupe_make(rt, &item_type, &(struct item){i / sinks}, &msg));
        MUST(troupe_post(rt, all[i % sinks], &msg));
    }
    bench_result("burst", "messages-peak", megabytes(), "MB");
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.opened);
    pthread_mutex_unlock(&gate.lock);
    for (uint64_t i = 0; i < sinks; i++) {
        troupe_msg *msg = NULL;
        MUST(troupe_make(rt, &last_type, NULL, &msg));
        while (troupe_post(rt, all[i], &msg) == TROUPE_FULL) {
            bench_sleep_until(bench_now() + 1000000);
        }
    }
    bench_wait(rt, finish);
    bench_result("burst", "messages-after", megabytes(), "MB");
    free(all);
}

int main(int argc, char **argv) {
    uint64_t actors = bench_arg(argc, argv, 1, 1000000), rounds = bench_arg(argc, argv, 2, 10);
    uint64_t messages = bench_arg(argc, argv, 3, 10000000);
    troupe *rt = bench_open();
    troupe_ref *all = bench_alloc(actors + actors / AT_ONCE + 1, sizeof *all);
    bench_result("burst", "actors-before", megabytes(), "MB");
    for (uint64_t i = 1; i <= rounds; i++) {
        actor_round(rt, all, actors);
        if (i == 1) bench_result("burst", "actors-round-1", megabytes(), "MB");
    }
    bench_result("burst", "actors-last-round", megabytes(), "MB");
    free(all);
    message_burst(rt, messages);
    troupe_close(&rt);
}
