/* guard [CLIENTS] [CHANGES]: a value that many change. Under a mutex, by threads; by an actor that
 * the threads ask, each waiting for the answer; and by one that as many actors tell, who don't
 * wait. Each change adds one, and all that were made must be there. */
#include <pthread.h>

#include "measure.h"

enum { WAIT_MS = 60000 };

struct change {
    uint64_t by;
    bool asked; /* somebody waits for the sum */
};
static const troupe_type change_type =
    TROUPE_TYPE(change, TROUPE_FIELD(change, by), TROUPE_FIELD(change, asked));
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");
static const troupe_type look_type = TROUPE_SIGNAL_TYPE("look");

static troupe *rt;
static troupe_ref guard_ref, finish;
static uint64_t clients, each;

/* --- The actor -------------------------------------------------------------------------------- */

/* What is no change is a look at the sum. */
static troupe_err guard_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct change *sum = state;
    const struct change *change = troupe_as(*msg, &change_type);
    if (!change) return troupe_answer(self, &change_type, sum);
    sum->by += change->by;
    return change->asked ? troupe_answer(self, &change_type, sum) : TROUPE_OK;
}

static const troupe_behaviour guard = {.name = "guard",
                                       .state_size = sizeof(struct change),
                                       .mailbox_limit = 1024,
                                       .receive = guard_receive};

static uint64_t ask(const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, type, body, &msg));
    MUST(troupe_ask(rt, guard_ref, &msg, WAIT_MS));
    uint64_t sum = ((const struct change *)troupe_as(msg, &change_type))->by;
    troupe_drop(&msg);
    return sum;
}

/* --- Who changes it --------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t locked; /* guarded by it */

static void *change_locked(void *arg) {
    for (uint64_t i = 0; i < each; i++) {
        pthread_mutex_lock(&lock);
        locked++;
        pthread_mutex_unlock(&lock);
    }
    return arg;
}

static void *change_asking(void *arg) {
    for (uint64_t i = 0; i < each; i++) (void)ask(&change_type, &(struct change){1, true});
    return arg;
}

/* Tells until the mailbox is full, and goes on in its next turn. */
static troupe_err teller_receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *told = state;
    troupe_err err = TROUPE_OK;
    for (; *told < each && !err; *told += !err)
        err = troupe_tell(self, guard_ref, &change_type, &(struct change){1, false});
    if (err == TROUPE_FULL) return troupe_send(self, troupe_me(self), msg);
    return err ? err : troupe_tell(self, finish, &bench_done_type, NULL);
}

static const troupe_behaviour teller = {
    .name = "teller", .state_size = sizeof(uint64_t), .receive = teller_receive};

/* --- Measuring -------------------------------------------------------------------------------- */

static void result(const char *metric, uint64_t began) {
    bench_result("guard", metric, (double)(bench_now() - began) / (double)(clients * each),
                 "ns/change");
}

static void by_threads(const char *metric, void *(*change)(void *arg)) {
    pthread_t *thread = bench_alloc(clients, sizeof *thread);
    uint64_t began = bench_now();
    for (uint64_t i = 0; i < clients; i++)
        if (pthread_create(&thread[i], NULL, change, NULL)) exit(1);
    for (uint64_t i = 0; i < clients; i++) pthread_join(thread[i], NULL);
    result(metric, began);
    free(thread);
}

static void by_actors(const char *metric) {
    uint64_t began = bench_now();
    for (uint64_t i = 0; i < clients; i++) {
        troupe_ref who;
        MUST(troupe_spawn(rt, &teller, NULL, &who));
        bench_post(rt, who, &go_type);
    }
    bench_wait(rt, finish);
    if (ask(&look_type, NULL) != 2 * clients * each) exit(1);
    result(metric, began);
}

int main(int argc, char **argv) {
    clients = bench_arg(argc, argv, 1, 4);
    each = bench_arg(argc, argv, 2, 100000);
    rt = bench_open();
    MUST(troupe_spawn(rt, &guard, NULL, &guard_ref));
    finish = bench_finish_line(rt, clients);
    by_threads("mutex", change_locked);
    if (locked != clients * each) return 1;
    by_threads("asked", change_asking);
    if (ask(&look_type, NULL) != clients * each) return 1;
    by_actors("told");
    troupe_close(&rt);
    return 0;
}
