#include "actors/find.h"
#include "actors/route.h"

#include <criterion/criterion.h>

#include "actors/actor.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(route, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

/* Posts cues until the mailbox is full; returns how many went in. */
static unsigned fill(troupe_ref to) {
    troupe_msg *msg = cue_make(CUE_SAY, 0, TROUPE_NOBODY);
    unsigned n = 0;
    while (troupe_post(stage_rt(), to, &msg) == TROUPE_OK) {
        n++;
        msg = cue_make(CUE_SAY, 0, TROUPE_NOBODY);
    }
    troupe_drop(&msg);
    return n;
}

/* One sender is at the receiver's home, which reserves places in batches; the other is outside. */
Test(route, case01_the_bound_is_exact_though_its_home_keeps_a_reserve) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref full, near = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ben, &full), TROUPE_OK);
    stage_forget();
    cue_about(near, CUE_PASS, 1, full);
    cr_assert_eq(troupe_step(rt, 1), 1); /* ann has sent one, ben has not run */
    const troupe_self *self = tr_table_find(&rt->table, full.id);
    cr_assert_gt(tr_mailbox_reserved(&self->task.box), 0);
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(rt, full, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 1);
    cr_assert_eq(fill(full), 3);
    stage_expect("ben:1 ben:0 ben:0 ben:0");
    cr_assert_eq(fill(full), 4);
    stage_close();
}

Test(route, mail_from_outside_and_from_home_is_handled_in_the_order_it_came) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref near = stage_enter(&ann), to = stage_enter(&ben);
    stage_forget();
    for (uint32_t i = 0; i < 3; i++) {
        cue(to, CUE_SAY, 10 * i);                  /* by the inbox */
        cue_about(near, CUE_PASS, 10 * i + 1, to); /* at home, behind it */
    }
    stage_expect("ben:0 ben:10 ben:20 ben:1 ben:11 ben:21"); /* ann had to run first */
    stage_close();
}

Test(route, a_request_reaches_who_rests_who_is_held_and_who_was_never_run) {
    const unsigned workers[] = {TROUPE_STEPPED, 1, 2};
    for (int i = 0; i < 3; i++) {
        troupe *rt = stage_open(workers[i]);
        troupe_ref who = stage_enter(&ann);
        const troupe_self *self = tr_table_find(&rt->table, who.id);
        uint32_t generation = (uint32_t)(who.id >> 32);
        cr_assert(tr_route_request(&rt->sched, (tr_task *)(uintptr_t)&self->task, generation,
                                   TR_CONTROL_STOP));
        stage_expect("start(ann) stopping(ann) stop(ann,SHUTDOWN)");
        stage_await_gone(who);
        cr_assert_not(tr_route_request(&rt->sched, (tr_task *)(uintptr_t)&self->task, generation,
                                       TR_CONTROL_STOP));
        stage_close();
    }
}

/* Whoever sends to an actor whose home sleeps takes it to where it is awake. */
static troupe_err spawn_and_tell(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct cue body = {.act = CUE_SAY, .n = cue->n};
    return troupe_tell(self, cue->who, &cue_type, &body);
}

/* Waits until both workers sleep, and makes the second one a task's home in place of the first. */
static void put_away(troupe *rt, troupe_ref who) {
    while (!tr_worker_asleep(&rt->sched.worker[0]) || !tr_worker_asleep(&rt->sched.worker[1]))
        tr_thread_yield();
    while (!tr_bias_try_take(&rt->sched.worker[0].bias)) tr_thread_yield();
    tr_store32_release(&tr_table_find(&rt->table, who.id)->task.home, 1);
    tr_bias_give(&rt->sched.worker[0].bias);
}

static uint32_t home_of(troupe *rt, troupe_ref who) {
    return tr_load32_acquire(&tr_table_find(&rt->table, who.id)->task.home);
}

Test(route, an_actor_comes_to_who_sends_to_it_if_its_home_sleeps) {
    troupe *rt = stage_open(2);
    const troupe_behaviour teller = {.receive = spawn_and_tell};
    troupe_ref from, to = stage_enter(&ben);
    cr_assert_eq(troupe_spawn(rt, &teller, NULL, &from), TROUPE_OK);
    stage_forget();
    put_away(rt, from); /* both were at home at worker 0 */
    cue_about(from, CUE_SAY, 5, to);
    stage_expect("ben:5");
    cr_assert_eq(home_of(rt, to), 1);
    stage_close();
}

static troupe_err ignore(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}

/* Has somebody wait behind it, and takes longer than it takes to wake a worker. */
static troupe_err work_and_tell(troupe_self *self, void *state, troupe_msg **msg) {
    static const troupe_behaviour waiter = {.receive = ignore};
    const struct cue body = {.act = CUE_SAY};
    troupe_ref waits;
    if (troupe_spawn_link(self, &waiter, NULL, &waits)) return TROUPE_FAILED;
    if (troupe_tell(self, waits, &cue_type, &body)) return TROUPE_FAILED;
    for (uint64_t until = tr_clock() + 300 * 1000; tr_clock() < until;) tr_pause();
    return spawn_and_tell(self, state, msg);
}

Test(route, a_home_that_sleeps_is_woken_by_who_has_enough_to_do) {
    troupe *rt = stage_open(2);
    const troupe_behaviour worker = {.receive = work_and_tell};
    troupe_ref from, to = stage_enter(&ben);
    cr_assert_eq(troupe_spawn(rt, &worker, NULL, &from), TROUPE_OK);
    stage_forget();
    put_away(rt, from);
    cue_about(from, CUE_SAY, 5, to);
    stage_expect("ben:5");
    cr_assert_eq(home_of(rt, to), 0);
    stage_close();
}
