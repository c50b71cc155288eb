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

Test(route, an_actor_comes_to_who_sends_to_it_if_its_home_sleeps) {
    troupe *rt = stage_open(2);
    const troupe_behaviour teller = {.receive = spawn_and_tell};
    troupe_ref from, to = stage_enter(&ben);
    cr_assert_eq(troupe_spawn(rt, &teller, NULL, &from), TROUPE_OK);
    stage_forget();
    tr_task *away = &tr_table_find(&rt->table, from.id)->task;
    /* Both are at home at worker 0, which sleeps; the sender is put elsewhere. */
    while (!tr_worker_asleep(&rt->sched.worker[0]) || !tr_worker_asleep(&rt->sched.worker[1]))
        tr_thread_yield();
    while (!tr_bias_try_take(&rt->sched.worker[0].bias)) tr_thread_yield();
    tr_store32_release(&away->home, 1);
    tr_bias_give(&rt->sched.worker[0].bias);
    cue_about(from, CUE_SAY, 5, to);
    stage_expect("ben:5");
    cr_assert_eq(tr_load32_acquire(&tr_table_find(&rt->table, to.id)->task.home), 1);
    stage_close();
}
