#include "actors/watch.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(watch, .timeout = 60);

static const player ann = {.id = "ann"};

static const troupe_behaviour blocker = {.name = "blocker", .receive = gate_receive};

/* Spawns blockers and waits until all of them block. */
static void hold(troupe *rt, unsigned n) {
    gate_shut();
    for (unsigned i = 0; i < n; i++) {
        troupe_ref who;
        cr_assert_eq(troupe_spawn(rt, &blocker, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 0);
    }
    gate_await(n);
}

static tr_atomic32 quiet;
static troupe_ref behind[2];

/* Works for 50 us and sends to itself, until all is quiet: its worker is never idle. */
static troupe_err go_on(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    for (uint64_t until = tr_clock() + 50000; tr_clock() < until;) {
    }
    if (tr_load32_relaxed(&quiet)) return TROUPE_OK;
    return troupe_send(self, troupe_me(self), msg);
}

/* Sends to two on its own worker, and blocks. */
static troupe_err send_and_block(troupe_self *self, void *state, troupe_msg **msg) {
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(troupe_spawn(troupe_runtime(self), &player_behaviour, &ann, &behind[i]),
                     TROUPE_OK);
        cue(behind[i], CUE_SAY, 1);
    }
    return gate_receive(self, state, msg);
}

Test(watch, what_waits_behind_a_held_worker_runs_also_if_no_other_is_ever_idle) {
    for (int round = 0; round < 10; round++) {
        troupe *rt = stage_open(2);
        const troupe_behaviour busy = {.name = "busy", .receive = go_on};
        const troupe_behaviour sender = {.name = "sender", .receive = send_and_block};
        troupe_ref one;
        tr_store32_relaxed(&quiet, 0);
        gate_shut();
        for (int i = 0; i < 6; i++) {
            cr_assert_eq(troupe_spawn(rt, &busy, NULL, &one), TROUPE_OK);
            cue(one, CUE_SAY, 0);
        }
        cr_assert_eq(troupe_spawn(rt, &sender, NULL, &one), TROUPE_OK);
        cue(one, CUE_SAY, 0);
        stage_expect_all("start(ann) start(ann) ann:1 ann:1");
        tr_store32_relaxed(&quiet, 1);
        gate_open(1);
        stage_close();
    }
}

Test(watch, what_waits_behind_a_held_worker_runs_elsewhere) {
    troupe *rt = stage_open(2);
    troupe_ref who[100];
    for (int i = 0; i < 100; i++) who[i] = stage_enter(&ann);
    stage_forget();
    hold(rt, 1);
    for (int i = 0; i < 100; i++) cue(who[i], CUE_SAY, 1);
    stage_await(100); /* while the blocker blocks */
    gate_open(1);
    stage_close();
}

Test(watch, when_all_workers_are_held_a_spare_takes_over) {
    for (unsigned workers = 1; workers <= 2; workers++) {
        troupe *rt = stage_open(workers);
        troupe_ref who = stage_enter(&ann);
        stage_forget();
        hold(rt, workers);
        cue(who, CUE_SAY, 1);
        stage_expect("ann:1");
        gate_open(workers);
        stage_close();
    }
}

Test(watch, spares_are_capped) {
    troupe *rt = stage_open_as((troupe_config){.workers = 1, .spares = 2});
    troupe_ref who = stage_enter(&ann);
    stage_forget();
    hold(rt, 3); /* the worker and both spares: so both were started */
    cr_assert_eq(rt->sched.room, 3);
    cue(who, CUE_SAY, 1);
    gate_open(3); /* without this nobody could run it */
    stage_expect("ann:1");
    stage_close();
}

Test(watch, names_who_holds_a_worker_up_and_by_what) {
    troupe *rt = stage_open_as((troupe_config){.workers = 1, .slow_ms = 5});
    hold(rt, 1);
    stage_await_log("worker 0 has been held for ");
    cr_assert_eq(stage_logged("ms by blocker in cue; others do its worker's work meanwhile"), 1);
    gate_open(1);
    stage_close();
    cr_assert_eq(stage_logged("has been held"), 1, "once for each time");
}

Test(watch, sleeps_when_all_workers_do_and_wakes_with_them) {
    troupe *rt = stage_open(2);
    for (int i = 0; i < 5; i++) {
        while (!tr_load32_seq(&rt->sched.watch.asleep)) tr_thread_yield();
        hold(rt, 2); /* needs nobody but the workers; to name them needs the watch */
        while (tr_load32_seq(&rt->sched.watch.asleep)) tr_thread_yield();
        gate_open(2);
    }
    stage_close();
}
