/* A channel for tests: its items are cells that must be ended exactly once, its memory is counted,
 * and what became of each cell is, too. Criterion gives each test a process of its own, so there is
 * one scene. */
#ifndef TROUPE_TEST_CHANNEL_SCENE_H
#define TROUPE_TEST_CHANNEL_SCENE_H

#include <criterion/criterion.h>
#include <sched.h>
#include <stdlib.h>
#include <troupe/channel.h>

#include "base/os.h"
#include "test/support/counting_heap.h"

enum { PATIENCE_MS = 20000 }; /* only a test that fails anyway waits that long */

typedef struct cell {
    uint32_t sender;
    uint64_t number;
} cell;

static struct {
    troupe_tx *tx;
    troupe_rx *rx;
    uint32_t capacity;
    counting_heap heap;
    tr_atomic64 alive; /* cells */
    tr_atomic64 made, received, dropped, handed_back;
} scene;

/* --- Cells ------------------------------------------------------------------------------------ */

static inline void *cell_make(uint32_t sender, uint64_t number) {
    cell *it = malloc(sizeof *it);
    cr_assert_not_null(it);
    *it = (cell){sender, number};
    tr_add64_relaxed(&scene.alive, 1);
    tr_add64_relaxed(&scene.made, 1);
    return it;
}

static inline void cell_end(void *it) {
    tr_add64_relaxed(&scene.alive, UINT64_MAX);
    free(it);
}

static inline void cell_drop(void *it) {
    tr_add64_relaxed(&scene.dropped, 1);
    cell_end(it);
}

/* Ends what a refused send has left in its caller's hands. */
static inline void hand_back(void **item, const void *before) {
    cr_assert_eq(*item, before, "a refused item is its sender's");
    tr_add64_relaxed(&scene.handed_back, 1);
    cell_end(*item);
}

/* --- The scene -------------------------------------------------------------------------------- */

static inline void scene_open_with(uint32_t capacity, void (*drop)(void *)) {
    scene.capacity = capacity;
    scene.alive.value = scene.made.value = scene.received.value = 0;
    scene.dropped.value = scene.handed_back.value = 0;
    counting_heap_init(&scene.heap);
    cr_assert_eq(troupe_channel_open(capacity, drop, &scene.heap.heap, &scene.tx, &scene.rx),
                 TROUPE_OK);
}

static inline void scene_open(uint32_t capacity) {
    scene_open_with(capacity, cell_drop);
}

static inline uint32_t scene_free(void) {
    uint32_t room, capacity;
    troupe_channel_room(scene.tx, &room, &capacity);
    cr_assert_eq(capacity, scene.capacity);
    return room;
}

/* Ends both sides, whichever is left. Each cell must have come to its one end, and all memory must
 * have been given back. */
static inline void scene_close(void) {
    uint64_t dropped = troupe_channel_end(&scene.rx);
    cr_assert_leq(dropped, tr_load64_relaxed(&scene.dropped));
    troupe_channel_drop(&scene.tx);
    cr_assert_null(scene.rx);
    cr_assert_null(scene.tx);
    cr_assert_eq(tr_load64_relaxed(&scene.made), tr_load64_relaxed(&scene.received) +
                                                     tr_load64_relaxed(&scene.dropped) +
                                                     tr_load64_relaxed(&scene.handed_back));
    cr_assert_eq(tr_load64_relaxed(&scene.alive), 0);
    cr_assert(counting_heap_fini(&scene.heap));
}

/* --- One call --------------------------------------------------------------------------------- */

/* Tries to send a new cell. */
static inline troupe_err try_send(uint32_t sender, uint64_t number) {
    void *item = cell_make(sender, number), *before = item;
    troupe_err err = troupe_channel_try_send(scene.tx, &item);
    if (err)
        hand_back(&item, before);
    else
        cr_assert_null(item);
    return err;
}

static inline troupe_err send_for(uint32_t sender, uint64_t number, unsigned ms) {
    void *item = cell_make(sender, number), *before = item;
    troupe_err err = troupe_channel_send(scene.tx, &item, ms);
    if (err)
        hand_back(&item, before);
    else
        cr_assert_null(item);
    return err;
}

static inline troupe_err send_reserved(troupe_permit *permit, uint32_t sender, uint64_t number) {
    void *item = cell_make(sender, number), *before = item;
    troupe_err err = troupe_channel_send_reserved(permit, &item);
    if (err)
        hand_back(&item, before);
    else
        cr_assert_null(item);
    return err;
}

/* Copies what was received, if something was. */
static inline troupe_err take_cell(troupe_err err, void *item, cell *out) {
    if (err) {
        cr_assert_null(item);
        return err;
    }
    *out = *(cell *)item;
    tr_add64_relaxed(&scene.received, 1);
    cell_end(item);
    return TROUPE_OK;
}

static inline troupe_err try_recv(cell *out) {
    void *item = &scene;
    troupe_err err = troupe_channel_try_recv(scene.rx, &item);
    return take_cell(err, item, out);
}

static inline troupe_err recv_for(cell *out, unsigned ms) {
    void *item = &scene;
    troupe_err err = troupe_channel_recv(scene.rx, &item, ms);
    return take_cell(err, item, out);
}

/* Sends cells with the numbers [from, past), which must be accepted. */
static inline void send_all(uint64_t from, uint64_t past) {
    for (; from < past; from++) cr_assert_eq(try_send(0, from), TROUPE_OK);
}

/* Receives cells with the numbers [from, past). */
static inline void receive_all(uint64_t from, uint64_t past) {
    cell got = {0, 0};
    for (; from < past; from++) {
        cr_assert_eq(try_recv(&got), TROUPE_OK);
        cr_assert_eq(got.number, from);
    }
}

/* Nothing is queued, all slots are free, and nobody waits for one: as it was at first. */
static inline void expect_as_new(void) {
    cell got;
    cr_assert_eq(try_recv(&got), TROUPE_EMPTY);
    cr_assert_eq(scene_free(), scene.capacity);
    send_all(0, scene.capacity);
    cr_assert_eq(try_send(0, 0), TROUPE_FULL);
    receive_all(0, scene.capacity);
    cr_assert_eq(try_recv(&got), TROUPE_EMPTY);
}

/* --- Calls that wait -------------------------------------------------------------------------- */

typedef enum wish { SENDS, RESERVES, RECEIVES } wish;

/* A thread in one such call. */
typedef struct sleeper {
    wish wish;
    uint32_t sender;
    uint64_t number;
    unsigned ms;
    void *item; /* made before the thread is, which then waits for nothing but its call */
    tr_thread thread;
    tr_atomic32 id;    /* the system's, once it runs */
    tr_atomic32 awake; /* 1: the call has returned */
    troupe_err err;    /* what it returned */
    troupe_permit permit;
    cell got;
} sleeper;

static inline void *sleeper_run(void *arg) {
    sleeper *me = arg;
    void *before = me->item;
    tr_store32_release(&me->id, tr_thread_id());
    if (me->wish == SENDS) me->err = troupe_channel_send(scene.tx, &me->item, me->ms);
    if (me->wish == SENDS && me->err) hand_back(&me->item, before);
    if (me->wish == RESERVES) me->err = troupe_channel_reserve(scene.tx, &me->permit, me->ms);
    if (me->wish == RECEIVES) me->err = recv_for(&me->got, me->ms);
    tr_store32_release(&me->awake, 1);
    return NULL;
}

static inline bool sleeper_is_awake(sleeper *who) {
    return tr_load32_acquire(&who->awake) == 1;
}

/* Starts one, and returns once it sleeps in its call, or has come back from it. */
static inline void sleeper_start(sleeper *who) {
    if (!who->ms) who->ms = PATIENCE_MS;
    if (who->wish == SENDS) who->item = cell_make(who->sender, who->number);
    cr_assert(tr_thread_start(&who->thread, "sleeper", sleeper_run, who));
    uint32_t id = 0;
    while ((!id || !tr_thread_waits(id)) && !sleeper_is_awake(who)) {
        sched_yield();
        id = tr_load32_acquire(&who->id);
    }
}

/* Waits for its end; what its call returned. */
static inline troupe_err sleeper_end(sleeper *who) {
    tr_thread_join(&who->thread);
    return who->err;
}

#endif
