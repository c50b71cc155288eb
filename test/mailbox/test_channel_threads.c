/* The numbered cases of bounded channels that are about many threads, in numbers that a unit test
 * has time for; stress_channel.c has the full ones, and also runs under ThreadSanitizer. */
#include "test/mailbox/channel_scene.h"

#include <string.h>
#include <sys/resource.h>
#include <troupe/actor.h>

#include "base/place.h"

TestSuite(channel_threads, .timeout = 60);

enum { PRODUCERS = 8 };

/* Threads that do the same, each with its number. */
typedef struct crew {
    tr_thread thread[PRODUCERS];
    struct member {
        void (*work)(uint32_t index);
        uint32_t index;
    } member[PRODUCERS];
    unsigned n;
} crew;

static void *crew_run(void *arg) {
    struct member *me = arg;
    me->work(me->index);
    return NULL;
}

static void crew_start(crew *of, unsigned n, void (*work)(uint32_t index)) {
    of->n = n;
    for (uint32_t i = 0; i < n; i++) {
        of->member[i] = (struct member){work, i};
        cr_assert(tr_thread_start(&of->thread[i], "member", crew_run, &of->member[i]));
    }
}

static void crew_end(crew *of) {
    for (unsigned i = 0; i < of->n; i++) tr_thread_join(&of->thread[i]);
}

static crew all;

/* --- Capacity and order ----------------------------------------------------------------------- */

static tr_atomic64 accepted;

static void fill(uint32_t index) {
    for (uint64_t n = 0; try_send(index, n) == TROUPE_OK; n++) tr_add64_relaxed(&accepted, 1);
}

Test(channel_threads, case_05_concurrent_fill) {
    for (uint32_t round = 0; round < 200; round++) {
        uint32_t n = 1 + round * 7 % 100;
        scene_open(n);
        accepted.value = 0;
        crew_start(&all, PRODUCERS, fill);
        crew_end(&all);
        cr_assert_eq(tr_load64_relaxed(&accepted), n);
        cr_assert_eq(scene_free(), 0);
        scene_close();
    }
}

static uint64_t each;

static void send_numbers(uint32_t index) {
    for (uint64_t n = 0; n < each; n++) cr_assert_eq(send_for(index, n, PATIENCE_MS), TROUPE_OK);
}

static void in_order_per_sender(uint32_t capacity, uint64_t of_each) {
    uint64_t next[4] = {0, 0, 0, 0};
    cell got;
    scene_open(capacity);
    each = of_each;
    crew_start(&all, 4, send_numbers);
    for (uint64_t n = 0; n < 4 * each; n++) {
        cr_assert_eq(recv_for(&got, PATIENCE_MS), TROUPE_OK);
        cr_assert_eq(got.number, next[got.sender]++);
    }
    crew_end(&all);
    expect_as_new();
    scene_close();
}

Test(channel_threads, case_07_fifo_per_sender) {
    in_order_per_sender(64, 25000);
    in_order_per_sender(2, 2000);
}

Test(channel_threads, case_07_fifo_per_sender_at_capacity_1) {
    in_order_per_sender(1, 2000);
}

/* The one who is told that another's send has returned. */
static tr_atomic64 sent_by_first;
enum { ROUNDS = 2000 };

static void cause_and_effect(uint32_t index) {
    for (uint64_t n = 0; n < ROUNDS; n++) {
        while (index == 1 && tr_load64_acquire(&sent_by_first) <= n) sched_yield();
        cr_assert_eq(send_for(index, n, PATIENCE_MS), TROUPE_OK);
        if (index == 0) tr_store64_release(&sent_by_first, n + 1);
    }
}

Test(channel_threads, case_08_causal_order_through_a_third_party) {
    for (uint32_t capacity = 1; capacity <= 64; capacity *= 8) {
        uint64_t next[2] = {0, 0};
        cell got;
        scene_open(capacity);
        sent_by_first.value = 0;
        crew_start(&all, 2, cause_and_effect);
        for (uint64_t n = 0; n < 2 * ROUNDS; n++) {
            cr_assert_eq(recv_for(&got, PATIENCE_MS), TROUPE_OK);
            cr_assert_eq(got.number, next[got.sender]++);
            cr_assert_geq(next[0], next[1], "the cause comes first");
        }
        crew_end(&all);
        scene_close();
    }
}

/* --- Closing ---------------------------------------------------------------------------------- */

static tr_atomic32 begun;

/* A sender with and without waiting, a closer, and a receiver, all at once. */
static void race_to_close(uint32_t index) {
    cell got;
    tr_add32_relaxed(&begun, 1);
    while (tr_load32_acquire(&begun) < 4) sched_yield();
    if (index == 0) (void)send_for(0, 0, PATIENCE_MS);
    if (index == 1) (void)try_send(1, 0);
    if (index == 2) troupe_channel_close(scene.rx);
    if (index == 3)
        for (troupe_err err = TROUPE_OK; err != TROUPE_CLOSED;) {
            err = recv_for(&got, PATIENCE_MS);
            cr_assert(err == TROUPE_OK || err == TROUPE_CLOSED);
        }
}

Test(channel_threads, case_16_close_races) {
    for (uint32_t round = 0; round < 1000; round++) {
        scene_open(1 + round % 2);
        begun.value = 0;
        crew_start(&all, 4, race_to_close);
        crew_end(&all);
        cr_assert_eq(tr_load64_relaxed(&scene.received) + tr_load64_relaxed(&scene.handed_back), 2);
        cr_assert_eq(scene_free(), scene.capacity);
        scene_close();
    }
}

/* --- Waiting ---------------------------------------------------------------------------------- */

static void send_when_empty(uint32_t index) {
    (void)index;
    for (uint64_t n = 0; n < each; n++) {
        for (uint64_t i = n * 2654435761 % 1024; i > 0; i--) tr_pause(); /* not always at once */
        cr_assert_eq(send_for(0, n, 1000), TROUPE_OK);
    }
}

Test(channel_threads, case_17_no_lost_wake_up) {
    cell got = {0, 0};
    scene_open(1);
    each = 20000;
    crew_start(&all, 1, send_when_empty);
    for (uint64_t n = 0; n < each; n++) {
        cr_assert_eq(recv_for(&got, 1000), TROUPE_OK, "within a second");
        cr_assert_eq(got.number, n);
    }
    crew_end(&all);
    scene_close();
}

/* How often the calling thread has slept so far. */
static uint64_t slept(void) {
    struct rusage usage;
    cr_assert_eq(getrusage(RUSAGE_THREAD, &usage), 0);
    return (uint64_t)usage.ru_nvcsw;
}

enum { CROWD = 100 };
static tr_atomic64 sleeps, proceeded;

static void *wait_in_a_crowd(void *arg) {
    sleeper *me = arg;
    void *before = me->item;
    tr_store32_release(&me->id, tr_thread_id());
    uint64_t first = slept();
    me->err = troupe_channel_send(scene.tx, &me->item, PATIENCE_MS);
    tr_add64_relaxed(&sleeps, slept() - first);
    if (me->err) hand_back(&me->item, before);
    tr_add64_relaxed(&proceeded, 1);
    return NULL;
}

/* Each one of a crowd sleeps once: it is woken when it can go on, and not each time that another
 * one can. Were all woken each time, that would be some thousand sleeps. */
Test(channel_threads, case_20_one_slot_wakes_one) {
    static sleeper crowd[CROWD];
    scene_open(1);
    send_all(0, 1);
    for (uint64_t i = 0; i < CROWD; i++) {
        sleeper *who = &crowd[i];
        *who = (sleeper){.item = cell_make(0, i + 1)};
        cr_assert(tr_thread_start(&who->thread, "crowd", wait_in_a_crowd, who));
        for (uint32_t id = 0; !id || !tr_thread_waits(id); sched_yield())
            id = tr_load32_acquire(&who->id);
    }
    for (uint64_t i = 0; i < CROWD; i++) {
        receive_all(i, i + 1);
        while (tr_load64_relaxed(&proceeded) <= i) sched_yield();
        cr_assert_eq(tr_load64_relaxed(&proceeded), i + 1);
    }
    for (int i = 0; i < CROWD; i++) cr_assert_eq(sleeper_end(&crowd[i]), TROUPE_OK);
    cr_assert_lt(tr_load64_relaxed(&sleeps), 2 * CROWD, "%d", (int)tr_load64_relaxed(&sleeps));
    receive_all(CROWD, CROWD + 1);
    expect_as_new();
    scene_close();
}

static tr_atomic32 over;

/* Sends, reserves and gives up at random. */
static void give_up_at_random(uint32_t index) {
    uint64_t seed = index * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (uint64_t n = 0; n < each; n++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned ms = seed >> 40 & 1;
        if (seed >> 50 & 1) {
            troupe_permit permit;
            troupe_err err = troupe_channel_reserve(scene.tx, &permit, ms);
            cr_assert(err == TROUPE_OK || err == TROUPE_TIMEOUT);
            if (!err && seed >> 51 & 1) cr_assert_eq(send_reserved(&permit, index, n), TROUPE_OK);
            troupe_channel_give_back(&permit);
        } else {
            troupe_err err = send_for(index, n, ms);
            cr_assert(err == TROUPE_OK || err == TROUPE_TIMEOUT);
        }
    }
    tr_add32_relaxed(&over, 1);
}

Test(channel_threads, case_22_random_cancel) {
    uint64_t past[4] = {0, 0, 0, 0};
    cell got;
    scene_open(2);
    each = 1000;
    crew_start(&all, 4, give_up_at_random);
    for (troupe_err err = TROUPE_OK; err != TROUPE_TIMEOUT || tr_load32_relaxed(&over) < 4;) {
        err = recv_for(&got, tr_load64_relaxed(&scene.received) & 1);
        if (err) continue;
        cr_assert_geq(got.number, past[got.sender]);
        past[got.sender] = got.number + 1;
    }
    crew_end(&all);
    expect_as_new();
    scene_close();
}

/* --- The wrong place -------------------------------------------------------------------------- */

/* All calls that may wait, of which each but the last two would have to. */
static void call_all(troupe_err expected, unsigned ms) {
    void *item = cell_make(0, 0), *before = item, *got[2];
    size_t n = 9;
    troupe_permit permit;
    cr_assert_eq(troupe_channel_send(scene.tx, &item, ms), expected);
    cr_assert_eq(troupe_channel_reserve(scene.tx, &permit, ms), expected);
    cr_assert_null(permit.of);
    hand_back(&item, before);
    receive_all(0, 1);
    cr_assert_eq(troupe_channel_recv(scene.rx, &got[0], ms), expected);
    cr_assert_null(got[0]);
    cr_assert_eq(troupe_channel_recv_many(scene.rx, got, 2, ms, &n), expected);
    cr_assert_eq(n, 0);
    send_all(0, 1);
}

static tr_atomic32 called;

static troupe_err call_from_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    call_all(TROUPE_INVALID, PATIENCE_MS);
    tr_store32_release(&called, 1);
    return TROUPE_OK;
}

static troupe_err call_from_start(troupe_self *self, void *state, const void *arg) {
    (void)self, (void)state, (void)arg;
    call_all(TROUPE_INVALID, PATIENCE_MS);
    return TROUPE_OK;
}

static troupe_err call_and_wait(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    call_all(TROUPE_TIMEOUT, 1);
    tr_store32_release(&called, 1);
    return TROUPE_OK;
}

static const troupe_type poke_type = TROUPE_SIGNAL_TYPE("poke");

/* Has an actor make all the calls. */
static void poke(troupe *rt, const troupe_behaviour *what) {
    troupe_ref who;
    troupe_msg *msg;
    called.value = 0;
    cr_assert_eq(troupe_spawn(rt, what, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_make(rt, &poke_type, NULL, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
    while (!tr_load32_acquire(&called))
        if (troupe_step(rt, 1) == 0) sched_yield();
}

Test(channel_threads, case_23_blocking_calls_from_the_wrong_place) {
    static const troupe_behaviour actor = {.start = call_from_start, .receive = call_from_receive};
    static const troupe_behaviour blocks = {
        .start = call_from_start, .receive = call_and_wait, .blocking = true};
    const unsigned workers[] = {TROUPE_STEPPED, 1, 2};
    scene_open(1);
    send_all(0, 1);
    for (int i = 0; i < 3; i++) {
        troupe *rt;
        troupe_config config = {.workers = workers[i]};
        cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
        poke(rt, &actor);
        if (i > 0) poke(rt, &blocks);
        call_all(TROUPE_TIMEOUT, 1); /* out of the callback all is as before */
        troupe_close(&rt);
    }
    receive_all(0, 1);
    expect_as_new();
    scene_close();
}

Test(channel_threads, case_23_is_refused_also_if_it_need_not_wait) {
    scene_open(1);
    troupe_permit permit;
    void *item = cell_make(0, 0), *before = item, *got;
    tr_place place = tr_place_enter((tr_place){.runtime = &scene});
    cr_assert_eq(troupe_channel_send(scene.tx, &item, 0), TROUPE_INVALID);
    cr_assert_eq(troupe_channel_reserve(scene.tx, &permit, 0), TROUPE_INVALID);
    hand_back(&item, before);
    cr_assert_eq(try_send(0, 1), TROUPE_OK);
    cr_assert_eq(troupe_channel_recv(scene.rx, &got, 0), TROUPE_INVALID);
    receive_all(1, 2);
    (void)tr_place_enter(place);
    expect_as_new();
    scene_close();
}

/* --- Publishing ------------------------------------------------------------------------------- */

enum { WORDS = 32 };
typedef struct page {
    uint64_t word[WORDS];
} page;

static void send_pages(uint32_t index) {
    for (uint64_t n = 0; n < each; n++) {
        page *it = malloc(sizeof *it);
        cr_assert_not_null(it);
        for (uint64_t i = 0; i < WORDS; i++) it->word[i] = index + n * i;
        void *item = it;
        cr_assert_eq(troupe_channel_send(scene.tx, &item, PATIENCE_MS), TROUPE_OK);
    }
}

/* Payloads are whole when they arrive, and the receiver's alone: it writes into each and frees it,
 * so that its memory soon is the next one's. */
Test(channel_threads, case_26_publishing) {
    void *item;
    scene_open(8);
    each = 20000;
    crew_start(&all, 2, send_pages);
    for (uint64_t n = 0; n < 2 * each; n++) {
        cr_assert_eq(troupe_channel_recv(scene.rx, &item, PATIENCE_MS), TROUPE_OK);
        page *it = item;
        uint64_t step = it->word[1] - it->word[0];
        cr_assert_lt(it->word[0], 2);
        for (uint64_t i = 0; i < WORDS; i++) cr_assert_eq(it->word[i], it->word[0] + step * i);
        memset(it, 0xdd, sizeof *it);
        free(it);
    }
    crew_end(&all);
    scene_close();
}
