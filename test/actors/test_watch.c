#include "actors/watch.h"

#include <criterion/criterion.h>
#include <semaphore.h>

#include "actors/runtime.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(watch, .timeout = 60);

static const player ann = {.id = "ann"};
static sem_t gate, blocked;

static troupe_err block(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    sem_post(&blocked);
    sem_wait(&gate);
    return TROUPE_OK;
}

static const troupe_behaviour blocker = {.name = "blocker", .receive = block};

/* Spawns blockers and waits until all of them block. */
static void hold(troupe *rt, int n) {
    sem_init(&gate, 0, 0);
    sem_init(&blocked, 0, 0);
    for (int i = 0; i < n; i++) {
        troupe_ref who;
        cr_assert_eq(troupe_spawn(rt, &blocker, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 0);
    }
    for (int i = 0; i < n; i++) sem_wait(&blocked);
}

static void let_go(int n) {
    for (int i = 0; i < n; i++) sem_post(&gate);
}

Test(watch, what_waits_behind_a_held_worker_runs_elsewhere) {
    troupe *rt = stage_open(2);
    troupe_ref who[100];
    for (int i = 0; i < 100; i++) who[i] = stage_enter(&ann);
    stage_forget();
    hold(rt, 1);
    for (int i = 0; i < 100; i++) cue(who[i], CUE_SAY, 1);
    stage_await(100); /* while the blocker blocks */
    let_go(1);
    stage_close();
}

Test(watch, when_all_workers_are_held_a_spare_takes_over) {
    for (unsigned workers = 1; workers <= 2; workers++) {
        troupe *rt = stage_open(workers);
        troupe_ref who = stage_enter(&ann);
        stage_forget();
        hold(rt, (int)workers);
        cue(who, CUE_SAY, 1);
        stage_expect("ann:1");
        let_go((int)workers);
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
    let_go(3); /* without this nobody could run it */
    stage_expect("ann:1");
    stage_close();
}

Test(watch, names_who_holds_a_worker_up_and_by_what) {
    troupe *rt = stage_open_as((troupe_config){.workers = 1, .slow_ms = 5});
    hold(rt, 1);
    stage_await_log("worker 0 has been held for ");
    cr_assert_eq(stage_logged("ms by blocker in cue; others do its work meanwhile"), 1);
    let_go(1);
    stage_close();
    cr_assert_eq(stage_logged("has been held"), 1, "once for each time");
}

Test(watch, sleeps_when_all_workers_do_and_wakes_with_them) {
    troupe *rt = stage_open(2);
    for (int i = 0; i < 5; i++) {
        while (!tr_load32_seq(&rt->sched.watch.asleep)) tr_thread_yield();
        hold(rt, 2); /* needs nobody but the workers; to name them needs the watch */
        while (tr_load32_seq(&rt->sched.watch.asleep)) tr_thread_yield();
        let_go(2);
    }
    stage_close();
}
