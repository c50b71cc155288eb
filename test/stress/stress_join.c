/* Plain threads start actors with handles, or only know their refs, and join them while those end:
 * in their start, by a message, by a failure, by a kill. Each handle tells the one true reason and
 * the very message that its actor has left, however often it was asked too early; a ref tells the
 * same or that it came too late; and no byte is left. */
#include <pthread.h>
#include <troupe/troupe.h>

#include "actors/port.h"
#include "test/stress/stress.h"

enum { THREADS = 4 };

enum { END_IN_START, END_BY_MESSAGE, FAIL, KILLED, WAYS };

struct order {
    uint64_t number;
    uint32_t way;
};
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, number), TROUPE_FIELD(order, way));

static troupe *rt;
static uint64_t node; /* its own, as refs have it */
static tr_atomic64 early, late, told;
static tr_atomic64 shown[THREADS]; /* ids of actors, for others to join; each has a handle */

/* Leaves a message with its number. */
static troupe_err leave(troupe_self *self, const struct order *order) {
    troupe_msg *result = NULL;
    MUST(troupe_make(rt, &order_type, order, &result) == TROUPE_OK);
    return troupe_exit_with(self, &result);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    const struct order *order = arg;
    (void)state;
    return order->way == END_IN_START ? leave(self, order) : TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct order *order = troupe_as(*msg, &order_type);
    (void)state;
    MUST(order);
    return order->way == FAIL ? (troupe_err)TROUPE_USER : leave(self, order);
}

static const troupe_behaviour actor = {.name = "actor", .start = start, .receive = receive};

static void end_it(troupe_ref who, const struct order *order) {
    troupe_msg *msg = NULL;
    if (order->way == KILLED) {
        MUST(troupe_kill(rt, who) == TROUPE_OK);
    } else if (order->way != END_IN_START) {
        MUST(troupe_make(rt, &order_type, order, &msg) == TROUPE_OK);
        MUST(troupe_post(rt, who, &msg) == TROUPE_OK);
    }
}

/* The end was the right one, and what is left is this actor's. `first`: nobody else may have got
 * it. */
static void judge(const struct order *order, troupe_err why, troupe_msg **result, bool first) {
    static const troupe_err expected[WAYS] = {TROUPE_OK, TROUPE_OK, (troupe_err)TROUPE_USER,
                                              TROUPE_KILLED};
    const struct order *left = troupe_as(*result, &order_type);
    MUST(why == expected[order->way]);
    MUST(!left || left->number == order->number);
    MUST(!left || why == TROUPE_OK);
    MUST(left || why != TROUPE_OK || !first);
    troupe_drop(result);
    (void)tr_add64_relaxed(&told, 1);
}

static void by_handle(uint64_t me, const struct order *order, uint64_t *seed) {
    troupe_handle handle;
    troupe_err why = TROUPE_OK, err;
    troupe_msg *result = NULL;
    MUST(troupe_spawn_handle(rt, &actor, order, &handle) == TROUPE_OK);
    tr_store64_release(&shown[me], handle.who.id);
    uint64_t random = stress_random(seed);
    if (random % 8 == 0 && troupe_join_handle(rt, &handle, 0, &why, &result) == TROUPE_OK) {
        MUST(order->way == END_IN_START);
        judge(order, why, &result, true);
        return;
    }
    end_it(handle.who, order);
    if (random % 16 == 1) {
        troupe_drop_handle(rt, &handle); /* whatever has come meanwhile */
        return;
    }
    unsigned ms = random % 4 ? STRESS_PATIENCE_MS : 0;
    while ((err = troupe_join_handle(rt, &handle, ms, &why, &result)) == TROUPE_TIMEOUT) {
        MUST(ms < STRESS_PATIENCE_MS);
        (void)tr_add64_relaxed(&early, 1);
        ms = stress_random(seed) % 2;
        if (stress_random(seed) % 8 == 0) ms = STRESS_PATIENCE_MS;
    }
    MUST(err == TROUPE_OK);
    judge(order, why, &result, true);
}

static void by_ref(const struct order *order) {
    troupe_ref who;
    troupe_err why = TROUPE_OK;
    troupe_msg *result = NULL;
    MUST(troupe_spawn(rt, &actor, order, &who) == TROUPE_OK);
    end_it(who, order);
    troupe_err err = troupe_join(rt, who, STRESS_PATIENCE_MS, &why, &result);
    MUST(err == TROUPE_OK || err == TROUPE_GONE);
    if (err) (void)tr_add64_relaxed(&late, 1);
    if (!err) judge(order, why, &result, false);
}

/* Whatever that one does, it leaves nothing here: that goes to who has the handle, unless that was
 * dropped. */
static void by_anothers_ref(uint64_t other) {
    troupe_ref who = {node, tr_load64_acquire(&shown[other])};
    troupe_err err = who.id ? troupe_join(rt, who, 1, NULL, NULL) : TROUPE_OK;
    MUST(err == TROUPE_OK || err == TROUPE_GONE || err == TROUPE_TIMEOUT);
}

static void *join_them(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg, seed = me;
    uint64_t rounds = stress_count(20000, 1000);
    for (uint64_t n = 0; n < rounds; n++) {
        const struct order order = {me << 32 | n, (uint32_t)(stress_random(&seed) % WAYS)};
        switch (stress_random(&seed) % 4) {
        case 0:
            by_ref(&order);
            break;
        case 1:
            by_anothers_ref(stress_random(&seed) % THREADS);
            break;
        default:
            by_handle(me, &order, &seed);
        }
    }
    return NULL;
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

int main(void) {
    stress_heap heap;
    stress_heap_init(&heap);
    const troupe_config config = {.workers = 2, .heap = heap.heap, .log = quiet};
    pthread_t thread[THREADS];
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    node = tr_port_node(rt);
    for (uint64_t i = 0; i < THREADS; i++)
        MUST(pthread_create(&thread[i], NULL, join_them, (void *)(uintptr_t)i) == 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    troupe_close(&rt);
    MUST(stress_heap_empty(&heap));
    MUST(tr_load64_relaxed(&told) && tr_load64_relaxed(&early));
    printf("%llu told, %llu asked too early, %llu too late\n",
           (unsigned long long)tr_load64_relaxed(&told),
           (unsigned long long)tr_load64_relaxed(&early),
           (unsigned long long)tr_load64_relaxed(&late));
    return 0;
}
