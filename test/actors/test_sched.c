#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(sched, .timeout = 60);

static const player ann = {.id = "ann"};

/* Of 4 workers 3 are held; what is queued behind them is run by the one that is free. */
Test(sched, who_is_free_takes_over_what_waits_behind_the_busy) {
    troupe *rt = stage_open(4);
    gate_shut();
    const troupe_behaviour blocker = {.receive = gate_receive};
    troupe_ref who[3];
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(troupe_spawn(rt, &blocker, NULL, &who[i]), TROUPE_OK);
        cue(who[i], CUE_SAY, 0);
    }
    gate_await(3);
    for (int i = 0; i < 100; i++) {
        cue(stage_enter(&ann), CUE_SAY, 1);
        stage_expect("start(ann) ann:1");
    }
    gate_open(3);
    stage_close();
}

/* Says all it is told to, and holds its worker; who sent it the mail is on the same worker. */
static troupe_err wake_many(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    troupe *rt = troupe_runtime(self);
    for (uint32_t i = 0; i < cue->n; i++) {
        troupe_ref who = TROUPE_NOBODY;
        cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ann, &who), TROUPE_OK);
        const struct cue body = {.act = CUE_SAY, .n = 2};
        cr_assert_eq(troupe_tell(self, who, &cue_type, &body), TROUPE_OK);
    }
    gate_wait();
    return TROUPE_OK;
}

Test(sched, what_a_busy_one_has_woken_runs_elsewhere) {
    for (int round = 0; round < 100; round++) {
        troupe *rt = stage_open(3);
        const troupe_behaviour waker = {.receive = wake_many};
        gate_shut();
        troupe_ref who;
        cr_assert_eq(troupe_spawn(rt, &waker, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 4);
        stage_expect_all("start(ann) start(ann) start(ann) start(ann) ann:2 ann:2 ann:2 ann:2");
        gate_open(1);
        stage_close();
    }
}

/* One message at a time through a resting runtime: a lost wake-up would hang here. */
Test(sched, every_message_wakes_a_resting_runtime) {
    const unsigned workers[] = {1, 2, 4};
    for (int i = 0; i < 3; i++) {
        (void)stage_open(workers[i]);
        troupe_ref who = stage_enter(&ann);
        stage_expect("start(ann)");
        for (uint32_t n = 0; n < 3000; n++) {
            cue(who, CUE_SAY, 7);
            stage_expect("ann:7");
        }
        stage_close();
    }
}

/* Requests hit an actor at any moment of its parking. */
Test(sched, every_request_reaches_a_parking_actor) {
    troupe *rt = stage_open(2);
    for (int i = 0; i < 3000; i++) {
        troupe_ref who = stage_enter(&ann);
        if (i % 2) cue(who, CUE_SAY, 1);
        cr_assert_eq(i % 3 ? troupe_stop(rt, who) : troupe_kill(rt, who), TROUPE_OK);
        stage_await_gone(who);
        stage_forget();
    }
    stage_close();
}

/* Nobody spins: with nothing to do all workers come to wait, and no wake-up is left over that would
 * bring one back. */
Test(sched, all_workers_of_an_idle_runtime_rest) {
    troupe *rt = stage_open(4);
    for (int i = 0; i < 100; i++) {
        troupe_ref who = stage_enter(&ann);
        cue(who, CUE_EXIT, 0);
        stage_expect("start(ann) stop(ann,OK)");
        bool rest = false;
        while (!rest) { /* the suite's time-out ends this */
            rest = tr_load32_seq(&rt->sched.watch.asleep) == 1;
            for (int k = 0; k < 4; k++) rest &= tr_worker_asleep(&rt->sched.worker[k]);
        }
    }
    stage_close();
}

static troupe_err look_inside(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    troupe *rt = troupe_runtime(self), *other = NULL;
    const troupe_config config = {.workers = TROUPE_STEPPED};
    cr_assert(tr_sched_inside(&rt->sched));
    cr_assert_eq(troupe_open(&config, &other), TROUPE_OK);
    cr_assert_not(tr_sched_inside(&other->sched));
    const troupe_behaviour what = {.receive = look_inside};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(other, &what, NULL, &who), TROUPE_OK);
    cr_assert(tr_sched_inside(&rt->sched), "the mark is put back");
    troupe_close(&other);
    cr_assert(tr_sched_inside(&rt->sched));
    stage_say("looked");
    return TROUPE_OK;
}

Test(sched, knows_whether_a_thread_is_inside_a_callback) {
    const unsigned workers[] = {TROUPE_STEPPED, 1};
    for (int i = 0; i < 2; i++) {
        troupe *rt = stage_open(workers[i]);
        const troupe_behaviour what = {.receive = look_inside};
        troupe_ref who;
        cr_assert_not(tr_sched_inside(&rt->sched));
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 0);
        stage_expect("looked");
        cr_assert_not(tr_sched_inside(&rt->sched));
        stage_close();
    }
}
