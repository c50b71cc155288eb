#include "actors/turn.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(turn, .timeout = 60);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

Test(turn, gives_way_after_64_messages) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = stage_enter(&ann), other = stage_enter(&ben);
    uint32_t waiting;
    for (uint32_t i = 0; i < 100; i++) cue(who, CUE_READY, i);
    cue(other, CUE_SAY, 1);
    cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(troupe_mailbox(rt, who, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 36);
    stage_forget();
    cr_assert_eq(troupe_step(rt, 1), 1); /* who was queued first goes on first */
    stage_expect("ben:1");
    cr_assert_eq(troupe_mailbox(rt, who, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 0);
    stage_close();
}

static troupe_err send_to_myself(troupe_self *self, void *state, troupe_msg **msg) {
    stage_say("turn");
    return ++*(uint64_t *)state < 4 ? troupe_send(self, troupe_me(self), msg) : TROUPE_OK;
}

Test(turn, who_sends_to_itself_lets_others_go_first) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_behaviour busy = {.state_size = sizeof(uint64_t), .receive = send_to_myself};
    troupe_ref who, other = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(rt, &busy, NULL, &who), TROUPE_OK);
    stage_forget();
    cue(who, CUE_SAY, 0);
    cue(other, CUE_SAY, 1);
    stage_expect("turn ann:1 turn turn turn");
    stage_close();
}

Test(turn, who_never_rests_does_not_keep_others_from_running) {
    const unsigned workers[] = {1, 2};
    for (int i = 0; i < 2; i++) {
        troupe *rt = stage_open(workers[i]);
        const troupe_behaviour busy = {.state_size = sizeof(uint64_t), .receive = send_to_myself};
        troupe_ref who, other = stage_enter(&ann);
        stage_forget();
        cr_assert_eq(troupe_spawn(rt, &busy, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 0);
        cue(other, CUE_SAY, 1);
        stage_expect_all("turn turn ann:1 turn turn");
        stage_close();
    }
}

/* A message is counted until its callback is over, and no longer. */
static troupe_err look_at_mailbox(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(troupe_runtime(self), troupe_me(self), &waiting, NULL), TROUPE_OK);
    stage_say("%u", waiting);
    return TROUPE_OK;
}

Test(turn, the_message_in_hand_takes_a_place) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    const troupe_behaviour looker = {.receive = look_at_mailbox};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &looker, NULL, &who), TROUPE_OK);
    for (int i = 0; i < 3; i++) cue(who, CUE_SAY, 0);
    stage_expect("3 2 1");
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(rt, who, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 0);
    stage_close();
}

Test(turn, who_is_buried_while_a_call_is_on_its_way_gives_its_place_up_after_it) {
    troupe *rt = stage_open(2);
    for (int i = 0; i < 2000; i++) {
        troupe_ref who = stage_enter(&ben);
        cue(who, CUE_EXIT, 0);
        (void)troupe_stop(rt, who);
        troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        troupe_err err = troupe_post(rt, who, &msg);
        cr_assert(err == TROUPE_OK || err == TROUPE_GONE);
        troupe_drop(&msg);
    }
    cr_assert(tr_table_wait(&rt->table, 0, TR_NEVER));
    stage_close();
}

/* What a turn leaves for the next one was once still called running, and named by a close. */
Test(turn, nobody_runs_between_two_turns) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref near = stage_enter(&ann), to = stage_enter(&ben);
    cue_about(near, CUE_PASS, 1, to);
    cr_assert_eq(troupe_step(rt, 1), 1); /* ann has run, and ben is next */
    cr_assert_eq(tr_load64_relaxed(&rt->sched.worker[0].running), 0);
    stage_expect("start(ann) start(ben) ben:1");
    stage_close();
}
