/* Plain threads post to the actors of a runtime whose owner sleeps in poll: each wake-up finds
 * something to do, none is lost, and when nothing is left the descriptor says so. Each poster waits
 * for the answer to its burst, so that the owner goes to sleep and is woken all the time. */
#include <poll.h>
#include <pthread.h>
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { POSTERS = 3, ACTORS = 2, BURST = 3 };

struct parcel {
    uint64_t poster;
};
static const troupe_type parcel_type = TROUPE_TYPE(parcel, TROUPE_FIELD(parcel, poster));

static troupe *rt;
static troupe_ref actor[ACTORS];
static tr_atomic32 arrived[POSTERS]; /* parcels of each; a futex */
static tr_atomic32 posting;          /* posters that are not done */
static uint64_t timers;              /* that have fired */

/* Every eighth parcel goes round by a timer that is due at once. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *count = state;
    const struct parcel *parcel = troupe_as(*msg, &parcel_type);
    MUST(parcel);
    tr_atomic32 *mine = &arrived[parcel->poster];
    bool by_timer = troupe_same(troupe_sender(self), TROUPE_NOBODY) && ++*count % 8 == 0;
    if (by_timer) {
        timers++;
        return troupe_send_after(self, 0, troupe_me(self), msg, NULL);
    }
    tr_add32_seq(mine, 1);
    tr_futex_wake(mine, 1);
    return TROUPE_OK;
}

static const troupe_behaviour behaviour = {
    .name = "actor", .state_size = sizeof(uint64_t), .receive = receive};

static void *post(void *arg) {
    uint64_t me = (uint64_t)(uintptr_t)arg, seed = me;
    uint32_t rounds = (uint32_t)stress_count(30000, 3000), sent = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        uint32_t burst = 1 + (uint32_t)(stress_random(&seed) % BURST);
        for (uint32_t i = 0; i < burst; i++, sent++) {
            troupe_msg *msg = NULL;
            MUST(troupe_make(rt, &parcel_type, &(struct parcel){me}, &msg) == TROUPE_OK);
            MUST(troupe_post(rt, actor[stress_random(&seed) % ACTORS], &msg) == TROUPE_OK);
        }
        for (uint32_t seen; (seen = tr_load32_seq(&arrived[me])) != sent;)
            MUST(tr_futex_wait(&arrived[me], seen, stress_deadline()));
    }
    tr_sub32_seq(&posting, 1);
    troupe_msg *msg = NULL; /* so that the owner looks */
    MUST(troupe_make(rt, &parcel_type, &(struct parcel){me}, &msg) == TROUPE_OK);
    MUST(troupe_post(rt, actor[0], &msg) == TROUPE_OK);
    return NULL;
}

int main(void) {
    stress_heap heap;
    stress_heap_init(&heap);
    const troupe_config config = {.workers = TROUPE_STEPPED, .heap = heap.heap};
    int fd;
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    MUST(troupe_fd(rt, &fd) == TROUPE_OK);
    for (int i = 0; i < ACTORS; i++)
        MUST(troupe_spawn(rt, &behaviour, NULL, &actor[i]) == TROUPE_OK);

    pthread_t thread[POSTERS];
    tr_store32_seq(&posting, POSTERS);
    for (uint64_t i = 0; i < POSTERS; i++)
        MUST(pthread_create(&thread[i], NULL, post, (void *)(uintptr_t)i) == 0);

    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    uint64_t wakes = 0, seed = 7;
    while (tr_load32_seq(&posting)) {
        MUST(poll(&wanted, 1, STRESS_PATIENCE_MS) == 1);
        wakes++;
        MUST(troupe_step(rt, 1 + stress_random(&seed) % 4) > 0);
    }
    for (int i = 0; i < POSTERS; i++) pthread_join(thread[i], NULL);
    while (poll(&wanted, 1, 0) == 1) MUST(troupe_step(rt, 100) > 0);
    MUST(troupe_step(rt, 100) == 0 && poll(&wanted, 1, 0) == 0);
    troupe_close(&rt);
    MUST(stress_heap_empty(&heap));
    printf("%llu wake-ups, %llu timers\n", (unsigned long long)wakes, (unsigned long long)timers);
    return 0;
}
