/* The channel and real threads: the numbered cases of bounded channels that are about many of them,
 * with all their rounds. Watched over: the capacity, exactly; the order per sender; each item ended
 * once; no wake-up lost, also when senders and receiver give up all the time; the channel's memory
 * given back by whoever is last. */
#include <pthread.h>
#include <troupe/channel.h>

#include "test/stress/stress.h"

enum { MOST = 8, WORDS = 8 };

/* An item. Its fields are plain: only the channel puts their write before their read. */
typedef struct cell {
    uint64_t sender, number;
    uint64_t copy[WORDS]; /* of the number */
} cell;

static struct {
    stress_heap heap; /* the cells' too */
    uint32_t capacity;
    troupe_tx *tx;
    troupe_rx *rx;
    uint64_t rounds;       /* of each member */
    pthread_barrier_t all; /* members and the main thread */
    tr_atomic64 sent, received, handed_back, dropped;
    tr_atomic32 done; /* members */
} scene;

/* --- Cells ------------------------------------------------------------------------------------ */

static void *make(uint64_t sender, uint64_t number) {
    cell *it = scene.heap.heap.take(&scene.heap, sizeof *it);
    MUST(it);
    it->sender = sender;
    it->number = number;
    for (int i = 0; i < WORDS; i++) it->copy[i] = number;
    return it;
}

/* Ends a cell; what is left in its memory is nonsense. */
static void end(void *item) {
    cell *it = item;
    for (int i = 0; i < WORDS; i++) {
        MUST(it->copy[i] == it->number);
        it->copy[i] = ~it->number;
    }
    scene.heap.heap.give(&scene.heap, it, sizeof *it);
}

static void drop(void *item) {
    tr_add64_relaxed(&scene.dropped, 1);
    end(item);
}

/* Counts what became of an item that somebody tried to send. */
static void note(troupe_err err, void **item, const void *before) {
    if (!err) {
        MUST(!*item);
        tr_add64_relaxed(&scene.sent, 1);
        return;
    }
    MUST(*item == before);
    tr_add64_relaxed(&scene.handed_back, 1);
    end(*item);
}

static troupe_err send_new(troupe_tx *tx, uint64_t sender, uint64_t number, unsigned ms) {
    void *item = make(sender, number), *before = item;
    troupe_err err = troupe_channel_send(tx, &item, ms);
    note(err, &item, before);
    return err;
}

/* What was received is ended; its sender and number. */
static cell received(void *item) {
    cell got = *(cell *)item;
    tr_add64_relaxed(&scene.received, 1);
    end(item);
    return got;
}

static void open_scene(uint32_t capacity) {
    scene.capacity = capacity;
    MUST(!troupe_channel_open(capacity, drop, &scene.heap.heap, &scene.tx, &scene.rx));
}

/* All came to one end, and nothing is left. */
static void close_scene(void) {
    (void)troupe_channel_end(&scene.rx);
    troupe_channel_drop(&scene.tx);
    MUST(tr_load64_relaxed(&scene.sent) ==
         tr_load64_relaxed(&scene.received) + tr_load64_relaxed(&scene.dropped));
    MUST(stress_heap_empty(&scene.heap));
}

/* --- Members ---------------------------------------------------------------------------------- */

static tr_thread threads[MOST];
static uint64_t numbers[MOST];

static void start(unsigned n, void *(*work)(void *number)) {
    tr_store32_relaxed(&scene.done, 0);
    for (uint64_t i = 0; i < n; i++) {
        numbers[i] = i;
        MUST(tr_thread_start(&threads[i], "member", work, &numbers[i]));
    }
}

static void join(unsigned n) {
    for (unsigned i = 0; i < n; i++) tr_thread_join(&threads[i]);
}

static void meet(void) {
    int rc = pthread_barrier_wait(&scene.all);
    MUST(rc == 0 || rc == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void report(const char *name, uint64_t begun, uint64_t times) {
    uint64_t ns = tr_clock() - begun;
    printf("%s %u: %llu, %llu ns each; ", name, (unsigned)scene.capacity, (unsigned long long)times,
           (unsigned long long)(ns / times));
    fflush(stdout);
}

/* --- 5: many fill it at once ------------------------------------------------------------------ */

static void *fill(void *arg) {
    const uint64_t *me = arg;
    for (uint64_t round = 0; round < scene.rounds; round++) {
        meet();
        for (troupe_err err = TROUPE_OK; !err;) {
            void *item = make(*me, round), *before = item;
            err = troupe_channel_try_send(scene.tx, &item);
            MUST(!err || err == TROUPE_FULL);
            note(err, &item, before);
        }
        meet();
    }
    return NULL;
}

static void concurrent_fill(uint32_t capacity, uint64_t rounds) {
    uint64_t begun = tr_clock();
    scene.rounds = rounds;
    open_scene(capacity);
    MUST(pthread_barrier_init(&scene.all, NULL, MOST + 1) == 0);
    start(MOST, fill);
    for (uint64_t round = 0; round < rounds; round++) {
        void *item;
        uint32_t n = 0;
        meet();
        meet();
        for (; !troupe_channel_try_recv(scene.rx, &item); n++) MUST(received(item).number == round);
        MUST(n == capacity);
    }
    join(MOST);
    MUST(pthread_barrier_destroy(&scene.all) == 0);
    close_scene();
    report("fill", begun, rounds);
}

/* --- 7, 8, 17, 26: order, wake-ups, and what a payload holds ---------------------------------- */

static void *send_numbers(void *arg) {
    const uint64_t *me = arg;
    for (uint64_t n = 0; n < scene.rounds; n++)
        MUST(!send_new(scene.tx, *me, n, STRESS_PATIENCE_MS));
    return NULL;
}

static void numbers_in_order(unsigned senders, uint32_t capacity, size_t most, uint64_t each) {
    uint64_t next[MOST] = {0}, begun = tr_clock(), all = senders * each;
    void *item[64];
    scene.rounds = each;
    open_scene(capacity);
    start(senders, send_numbers);
    for (uint64_t n = 0; n < all;) {
        size_t some;
        MUST(!troupe_channel_recv_many(scene.rx, item, most, STRESS_PATIENCE_MS, &some));
        for (size_t i = 0; i < some; i++, n++) {
            cell got = received(item[i]);
            MUST(got.number == next[got.sender]++);
        }
    }
    join(senders);
    close_scene();
    report(senders > 1 ? "4 to 1" : "1 to 1", begun, all);
}

/* The second one sends because the first one's send has returned. The flag is relaxed: the order is
 * the channel's to make. */
static tr_atomic64 sent_by_first;

static void *cause_and_effect(void *arg) {
    const uint64_t me = *(const uint64_t *)arg;
    for (uint64_t n = 0; n < scene.rounds; n++) {
        while (me == 1 && tr_load64_relaxed(&sent_by_first) <= n) sched_yield();
        MUST(!send_new(scene.tx, me, n, STRESS_PATIENCE_MS));
        if (me == 0) tr_store64_relaxed(&sent_by_first, n + 1); /* the order is the channel's */
    }
    return NULL;
}

static void cause_first(uint32_t capacity, uint64_t each) {
    uint64_t next[2] = {0, 0}, begun = tr_clock();
    void *item;
    scene.rounds = each;
    tr_store64_relaxed(&sent_by_first, 0);
    open_scene(capacity);
    start(2, cause_and_effect);
    for (uint64_t n = 0; n < 2 * each; n++) {
        MUST(!troupe_channel_recv(scene.rx, &item, STRESS_PATIENCE_MS));
        cell got = received(item);
        MUST(got.number == next[got.sender]++ && next[0] >= next[1]);
    }
    join(2);
    close_scene();
    report("cause", begun, 2 * each);
}

/* One sender, who comes sometimes early and sometimes late. Within a second it must be noticed. */
static void *send_now_and_then(void *arg) {
    uint64_t seed = *(const uint64_t *)arg;
    for (uint64_t n = 0; n < scene.rounds; n++) {
        for (uint64_t i = stress_random(&seed) % 256; i > 0; i--) tr_pause();
        MUST(!send_new(scene.tx, 0, n, 1000));
    }
    return NULL;
}

static void no_lost_wake_up(uint64_t rounds) {
    uint64_t begun = tr_clock();
    scene.rounds = rounds;
    open_scene(1);
    start(1, send_now_and_then);
    for (uint64_t n = 0; n < rounds; n++) {
        void *item;
        MUST(!troupe_channel_recv(scene.rx, &item, 1000));
        MUST(received(item).number == n);
    }
    join(1);
    close_scene();
    report("wake-ups", begun, rounds);
}

/* --- 14, 16: all ends at once ----------------------------------------------------------------- */

static bool receiver_leaves; /* in this round, instead of a close */

/* A permit outlives the handle that it came from. */
static void use_permit(troupe_tx **tx, uint64_t number, bool sends) {
    troupe_permit permit;
    troupe_err err = troupe_channel_reserve(*tx, &permit, STRESS_PATIENCE_MS);
    troupe_channel_drop(tx);
    if (err) return;
    void *item = make(1, number), *before = item;
    err = sends ? troupe_channel_send_reserved(&permit, &item) : TROUPE_CLOSED;
    note(err, &item, before);
    troupe_channel_give_back(&permit);
}

static void receive_to_the_end(void) {
    void *item;
    troupe_err err;
    uint64_t n = 0;
    while (!(err = troupe_channel_recv(scene.rx, &item, STRESS_PATIENCE_MS))) {
        (void)received(item);
        if (receiver_leaves && ++n == 1) break;
    }
    MUST(!err || err == TROUPE_CLOSED);
    if (receiver_leaves) (void)troupe_channel_end(&scene.rx);
}

static troupe_tx *handle[MOST];

static void *race(void *arg) {
    const uint64_t me = *(const uint64_t *)arg;
    uint64_t seed = me;
    for (uint64_t round = 0; round < scene.rounds; round++) {
        meet();
        if (me == 0) (void)send_new(handle[0], 0, round, STRESS_PATIENCE_MS);
        if (me == 1) use_permit(&handle[1], round, stress_random(&seed) % 2);
        if (me == 2 && !receiver_leaves) troupe_channel_close(scene.rx);
        if (me == 3) receive_to_the_end();
        troupe_channel_drop(&handle[me]);
        meet();
    }
    return NULL;
}

static void races_of_ends(uint32_t capacity, uint64_t rounds) {
    uint64_t begun = tr_clock(), seed = 1;
    scene.rounds = rounds;
    MUST(pthread_barrier_init(&scene.all, NULL, 5) == 0);
    start(4, race);
    for (uint64_t round = 0; round < rounds; round++) {
        open_scene(capacity);
        receiver_leaves = stress_random(&seed) % 2;
        handle[0] = scene.tx;
        handle[1] = troupe_channel_clone(scene.tx);
        scene.tx = NULL;
        meet();
        meet();
        close_scene();
    }
    join(4);
    MUST(pthread_barrier_destroy(&scene.all) == 0);
    report("ends", begun, rounds);
}

/* --- 22: everybody gives up now and then ------------------------------------------------------ */

static void *give_up_at_random(void *arg) {
    const uint64_t me = *(const uint64_t *)arg;
    uint64_t seed = me;
    for (uint64_t n = 0; n < scene.rounds; n++) {
        uint64_t dice = stress_random(&seed);
        unsigned ms = dice % 16 == 0;
        troupe_permit permit = {NULL};
        troupe_err err = dice >> 20 & 1 ? send_new(scene.tx, me, n, ms)
                                        : troupe_channel_reserve(scene.tx, &permit, ms);
        MUST(!err || err == TROUPE_TIMEOUT);
        if (permit.of && dice >> 21 & 1) {
            void *item = make(me, n), *before = item;
            note(troupe_channel_send_reserved(&permit, &item), &item, before);
        }
        troupe_channel_give_back(&permit);
    }
    tr_add32_seq(&scene.done, 1);
    return NULL;
}

static void random_cancel(uint32_t capacity, uint64_t rounds) {
    uint64_t past[MOST] = {0}, begun = tr_clock(), seed = 1;
    void *item;
    scene.rounds = rounds / 4;
    open_scene(capacity);
    start(4, give_up_at_random);
    for (bool done = false; !done;) {
        done = tr_load32_seq(&scene.done) == 4; /* then what is queued is all that will be */
        while (!troupe_channel_recv(scene.rx, &item, stress_random(&seed) % 8 == 0)) {
            cell got = received(item);
            MUST(got.number >= past[got.sender]);
            past[got.sender] = got.number + 1;
        }
    }
    join(4);
    uint32_t room;
    troupe_channel_room(scene.tx, &room, NULL);
    MUST(room == capacity);
    close_scene();
    report("cancel", begun, rounds);
}

/* With a number: so many rounds of wake-ups, and nothing else. */
int main(int argc, char **argv) {
    uint64_t all = stress_count(1000000, 100000), some = stress_count(100000, 10000);
    stress_heap_init(&scene.heap);
    printf("channel: ");
    if (argc > 1) {
        no_lost_wake_up(strtoull(argv[1], NULL, 10));
        printf("all held\n");
        return 0;
    }
    concurrent_fill(1, some / 20);
    concurrent_fill(7, some / 20);
    numbers_in_order(1, 1024, 1, all);
    numbers_in_order(4, 1024, 1, all / 4);
    numbers_in_order(4, 1024, 64, all / 4);
    numbers_in_order(4, 64, 1, all / 4);
    numbers_in_order(4, 1, 1, all / 4);
    cause_first(64, all / 2);
    no_lost_wake_up(all);
    races_of_ends(1, some);
    races_of_ends(2, some / 5);
    random_cancel(1, some);
    random_cancel(3, some);
    printf("all held\n");
    return 0;
}
