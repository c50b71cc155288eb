/* A million restarts, through one supervisor and through many, leave behind what a thousand do: as
 * much memory, as many descriptors, threads and places for actors. */
#include <dirent.h>
#include <troupe/troupe.h>

#include "actors/runtime.h"
#include "test/stress/stress.h"

enum { SUPERVISORS = 20, WARM_UP = 1000 };

static const troupe_type fail_type = TROUPE_SIGNAL_TYPE("fail");

/* What one child has to do, over all its lives. */
typedef struct order {
    uint64_t lives;        /* its own */
    tr_atomic64 wanted;    /* lives after which it fails no more, until it is told to */
    tr_atomic64 all_there; /* it has come to that */
} order;

/* Each life but the last one fails on a message that it has sent itself. */
static troupe_err start(troupe_self *self, void *state, const void *arg) {
    order *mine = *(order *const *)arg;
    *(order **)state = mine;
    if (++mine->lives < tr_load64_acquire(&mine->wanted))
        return troupe_tell(self, troupe_me(self), &fail_type, NULL);
    tr_store64_release(&mine->all_there, mine->lives);
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_USER;
}

static const troupe_behaviour failing = {
    .name = "failing", .state_size = sizeof(order *), .start = start, .receive = receive};

/* What a runtime has taken. */
typedef struct taken {
    uint64_t bytes, blocks, places;
    size_t descriptors, threads;
} taken;

static size_t entries(const char *path) {
    DIR *dir = opendir(path);
    MUST(dir);
    size_t n = 0;
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

static taken look(troupe *rt, stress_heap *heap) {
    return (taken){tr_load64_relaxed(&heap->bytes), tr_load64_relaxed(&heap->blocks),
                   tr_load32_acquire(&rt->table.used), entries("/proc/self/fd"),
                   entries("/proc/self/task")};
}

/* Has each child live so often, and waits until all have, and their supervisors know it. */
static void run(troupe *rt, order *orders, const troupe_ref *top, unsigned count, uint64_t lives) {
    uint64_t deadline = tr_after_ms(tr_clock(), 10 * STRESS_PATIENCE_MS);
    for (unsigned i = 0; i < count; i++) {
        troupe_child_info info;
        troupe_msg *msg = NULL;
        size_t n;
        tr_store64_release(&orders[i].wanted, lives);
        MUST(troupe_children(rt, top[i], STRESS_PATIENCE_MS, &info, 1, &n) == TROUPE_OK);
        MUST(troupe_make(rt, &fail_type, NULL, &msg) == TROUPE_OK);
        MUST(troupe_post(rt, info.ref, &msg) == TROUPE_OK);
    }
    for (unsigned i = 0; i < count; i++) {
        troupe_child_info info;
        size_t n;
        while (tr_load64_acquire(&orders[i].all_there) < lives) {
            MUST(tr_clock() < deadline);
            sched_yield();
        }
        do {
            MUST(troupe_children(rt, top[i], STRESS_PATIENCE_MS, &info, 1, &n) == TROUPE_OK);
        } while (info.state != TROUPE_CHILD_RUNNING);
        MUST(info.restarts + 1 == lives);
    }
}

static void restart_all(unsigned supervisors, uint64_t cycles) {
    static order orders[SUPERVISORS];
    static order *given[SUPERVISORS];
    static stress_heap heap;
    troupe_ref top[SUPERVISORS];
    troupe *rt;
    stress_heap_init(&heap);
    memset(orders, 0, sizeof orders);
    const troupe_config config = {.workers = 2, .heap = heap.heap, .quiet = TROUPE_ERROR};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    for (unsigned i = 0; i < supervisors; i++) {
        given[i] = &orders[i];
        const troupe_child child = {.id = "failing", .what = &failing, .arg = &given[i]};
        const troupe_supervision tree = {
            .child = &child, .children = 1, .max_restarts = TROUPE_UNLIMITED};
        MUST(troupe_supervise(rt, &tree, STRESS_PATIENCE_MS, &top[i]) == TROUPE_OK);
    }
    run(rt, orders, top, supervisors, WARM_UP / supervisors + 1);
    taken before = look(rt, &heap);
    run(rt, orders, top, supervisors, (WARM_UP + cycles) / supervisors + 1);
    taken after = look(rt, &heap);
    MUST(after.bytes == before.bytes && after.blocks == before.blocks);
    MUST(after.places == before.places);
    MUST(after.descriptors == before.descriptors && after.threads == before.threads);
    troupe_close(&rt);
    MUST(stress_heap_empty(&heap));
}

int main(int argc, char **argv) {
    uint64_t begun = tr_clock();
    uint64_t cycles = argc > 1 ? strtoull(argv[1], NULL, 10) : stress_count(1000000, 20000);
    restart_all(1, cycles);
    restart_all(SUPERVISORS, cycles);
    printf("restarts: 2 * %llu, nothing is left of them, %llu ms; all held\n",
           (unsigned long long)cycles, (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
