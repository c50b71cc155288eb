#include "actors/local.h"

#include <criterion/criterion.h>
#include <string.h>

#include "actors/runtime.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(local, .timeout = 60);

static const player ann = {.id = "ann"};

struct value {
    uint64_t count;
    char name[70]; /* more than a cache line */
};

static troupe_local *local;

/* Counts in its thread's value, while others are at the gate in theirs. */
static troupe_err count(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    struct value *value = troupe_local_mine(self, local);
    cr_assert_not_null(value);
    cr_assert_eq((uintptr_t)value % 64, 0);
    value->count++;
    gate_wait();
    cr_assert_eq(troupe_local_mine(self, local), value);
    stage_say("%u", (unsigned)cue_n(*msg));
    return TROUPE_OK;
}

static const troupe_behaviour counter = {.name = "counter", .receive = count},
                              blocking = {.name = "counter", .receive = count, .blocking = true};

static void enter(const troupe_behaviour *what) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
}

/* How many values have been counted in, each once; and how many there are. */
static size_t counted(size_t *all) {
    size_t n = 0;
    *all = 0;
    for (const struct value *v = NULL; (v = troupe_local_next(local, v)); ++*all) {
        cr_assert_leq(v->count, 1, "two were in one value at the same time");
        n += v->count;
    }
    return n;
}

Test(local, each_thread_has_a_value_of_its_own) {
    enum { HELD = 3, BLOCKED = 4 };
    size_t all;
    troupe *rt =
        stage_open_as((troupe_config){.workers = 2, .spares = 5, .blocking_threads = BLOCKED});
    cr_assert_eq(troupe_local_open(rt, sizeof(struct value), &local), TROUPE_OK);
    cr_assert_eq(counted(&all), 0);
    cr_assert_eq(all, 2 + 5 + BLOCKED + 1);
    gate_shut();
    for (int i = 0; i < HELD; i++) enter(&counter);
    for (int i = 0; i < BLOCKED; i++) enter(&blocking);
    gate_await(HELD + BLOCKED);
    cr_assert_eq(counted(&all), HELD + BLOCKED);
    gate_open(HELD + BLOCKED);
    stage_expect("1 1 1 1 1 1 1");
    troupe_local_close(&local);
    cr_assert_null(local);
    troupe_local_close(&local);
    stage_close();
}

/* --- Counts ----------------------------------------------------------------------------------- */

static troupe_local *others; /* of another runtime */

static troupe_err add(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (!cue_n(*msg)) troupe_exit(self, TROUPE_OK); /* in line, behind what it is to add */
    if (!cue_n(*msg)) return TROUPE_OK;
    troupe_local_add(self, local, 1, cue_n(*msg));
    troupe_local_add(self, local, 2, 1);
    if (others) cr_assert_null(troupe_local_mine(self, others));
    return TROUPE_OK;
}

static troupe_err add_first(troupe_self *self, void *state, const void *arg) {
    (void)state;
    cr_assert_eq(troupe_local_mine(self, local) != NULL, arg != NULL);
    troupe_local_add(self, local, 0, 1);
    return TROUPE_OK;
}

static troupe_err spawn_one(troupe_self *self, void *state, troupe_msg **msg);

static const troupe_behaviour adder = {.name = "adder", .start = add_first, .receive = add},
                              parent = {.name = "parent", .receive = spawn_one};

static troupe_err spawn_one(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    troupe_ref who;
    troupe_exit(self, TROUPE_OK);
    return troupe_spawn(troupe_runtime(self), &adder, "on a worker", &who);
}

Test(local, sums_hold_what_all_have_added) {
    enum { ADDERS = 8, EACH = 100 };
    const unsigned worlds[] = {STAGE_SIMULATED, TROUPE_STEPPED, 1, 2};
    for (int world = 0; world < 4; world++) {
        troupe_ref who[ADDERS], mother;
        troupe *rt = stage_open(worlds[world]);
        cr_assert_eq(troupe_local_open(rt, 3 * sizeof(uint64_t), &local), TROUPE_OK);
        for (int i = 0; i < ADDERS; i++)
            cr_assert_eq(troupe_spawn(rt, &adder, NULL, &who[i]), TROUPE_OK);
        cr_assert_eq(troupe_spawn(rt, &parent, NULL, &mother), TROUPE_OK);
        cue(mother, CUE_SAY, 1);
        for (uint32_t n = 1; n <= EACH; n++)
            for (int i = 0; i < ADDERS; i++) {
                cue(who[i], CUE_SAY, n);
                (void)stage_run();
            }
        for (int i = 0; i < ADDERS; i++) cue(who[i], CUE_SAY, 0);
        for (int i = 0; i < ADDERS; i++) stage_await_gone(who[i]);
        stage_await_gone(mother);
        cr_assert_eq(troupe_local_sum(local, 0), ADDERS + 1);
        cr_assert_eq(troupe_local_sum(local, 1), ADDERS * EACH * (EACH + 1) / 2);
        cr_assert_eq(troupe_local_sum(local, 2), ADDERS * EACH);
        stage_close(); /* with the object, which was not closed */
    }
}

Test(local, what_is_of_another_runtime_has_no_value_here) {
    const troupe_config config = {.workers = TROUPE_STEPPED};
    troupe *other;
    troupe_ref who;
    cr_assert_eq(troupe_open(&config, &other), TROUPE_OK);
    cr_assert_eq(troupe_local_open(other, 1, &others), TROUPE_OK);
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_local_open(rt, 3 * sizeof(uint64_t), &local), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &adder, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    cr_assert_gt(stage_run(), 0);
    cr_assert_eq(troupe_local_sum(local, 1), 1);
    stage_close();
    troupe_close(&other);
}

Test(local, sizes_have_limits) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    local = (troupe_local *)1;
    cr_assert_eq(troupe_local_open(rt, 0, &local), TROUPE_INVALID);
    cr_assert_eq(troupe_local_open(rt, SIZE_MAX, &local), TROUPE_NOMEM);
    cr_assert_eq(troupe_local_open(rt, SIZE_MAX / 2, &local), TROUPE_NOMEM);
    cr_assert_eq(local, (troupe_local *)1);
    const size_t sizes[] = {1, 63, 64, 65, 1000};
    for (int i = 0; i < 5; i++) {
        size_t all = 0;
        cr_assert_eq(troupe_local_open(rt, sizes[i], &local), TROUPE_OK);
        for (char *v = NULL, *last = NULL; (v = troupe_local_next(local, v)); last = v, all++) {
            cr_assert_eq((uintptr_t)v % 64, 0);
            cr_assert(!last || v >= last + sizes[i]);
            memset(v, 1, sizes[i]);
        }
        cr_assert_eq(all, 1 + 64 + 1); /* a stepped runtime's worker, and what others might have */
        troupe_local_close(&local);
    }
    (void)stage_enter(&ann);
    stage_close();
}
