/* The fullest that a mailbox was. */
#include <criterion/criterion.h>
#include <string.h>
#include <troupe/observe.h>

#include "test/support/family.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(peak, .timeout = 60);

static const player ann = {.id = "ann"};

static troupe_ref spawn(uint32_t limit, troupe_overflow overflow) {
    static troupe_behaviour what; /* for as long as the actor lives */
    troupe_ref who;
    what = player_behaviour;
    what.mailbox_limit = limit;
    what.overflow = overflow;
    cr_assert_eq(troupe_spawn(stage_rt(), &what, &ann, &who), TROUPE_OK);
    return who;
}

static uint32_t peak(troupe_ref who) {
    uint32_t most = 4711;
    cr_assert_eq(troupe_mailbox_peak(stage_rt(), who, &most), TROUPE_OK);
    return most;
}

static troupe_err post(troupe_ref to) {
    troupe_msg *msg = cue_make(CUE_COUNT, 1, TROUPE_NOBODY);
    troupe_err err = troupe_post(stage_rt(), to, &msg);
    troupe_drop(&msg);
    return err;
}

static void post_and_run(troupe_ref to, unsigned times) {
    while (times--) cr_assert_eq(post(to), TROUPE_OK);
    (void)stage_run();
}

Test(peak, is_the_most_that_ever_waited) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref who = spawn(8, TROUPE_REJECT);
    cr_assert_eq(peak(who), 0);
    post_and_run(who, 1);
    cr_assert_eq(peak(who), 1);
    post_and_run(who, 5);
    cr_assert_eq(peak(who), 5);
    post_and_run(who, 3);
    cr_assert_eq(peak(who), 5, "it does not fall");
    for (int i = 0; i < 6; i++) cr_assert_eq(post(who), TROUPE_OK);
    cr_assert_eq(peak(who), 6, "what waits at this moment counts");
    cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
    (void)stage_run();
    uint32_t none = 4711;
    cr_assert_eq(troupe_mailbox_peak(stage_rt(), who, &none), TROUPE_GONE);
    cr_assert_eq(none, 4711);
    stage_close();
}

static void is_seen_full(troupe_overflow overflow, uint32_t limit) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref who = spawn(limit, overflow);
    for (uint32_t i = 0; i < limit; i++) cr_assert_eq(post(who), TROUPE_OK);
    cr_assert_eq(post(who), overflow == TROUPE_REJECT ? TROUPE_FULL : TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(peak(who), limit);
    stage_close();
}

Test(peak, one_that_refused_was_full) {
    is_seen_full(TROUPE_REJECT, 3);
}

Test(peak, a_mailbox_of_one) {
    is_seen_full(TROUPE_REJECT, 1);
}

Test(peak, one_that_dropped_was_full) {
    is_seen_full(TROUPE_DROP_OLDEST, 4);
}

/* An actor that fills another one, whose turn comes right behind its own. */
static troupe_err fill(troupe_self *self, void *state, troupe_msg **msg) {
    const troupe_ref *to = state;
    uint32_t n = cue_n(*msg);
    for (uint32_t i = 0; i < n; i++) {
        troupe_msg *cue = cue_make(CUE_COUNT, 1, TROUPE_NOBODY);
        cr_assert_eq(troupe_send(self, *to, &cue), i < 8 ? TROUPE_OK : TROUPE_FULL);
        troupe_drop(&cue);
    }
    return TROUPE_OK;
}

static troupe_err take_state(troupe_self *self, void *state, const void *arg) {
    (void)self;
    memcpy(state, arg, sizeof(troupe_ref));
    return TROUPE_OK;
}

static void filled_by_an_actor(unsigned workers) {
    static const troupe_behaviour filler = {
        .name = "filler", .state_size = sizeof(troupe_ref), .start = take_state, .receive = fill};
    troupe_ref by;
    (void)stage_open(workers);
    troupe_ref who = spawn(8, TROUPE_REJECT);
    cr_assert_eq(troupe_spawn(stage_rt(), &filler, &who, &by), TROUPE_OK);
    cue(by, CUE_SAY, 6);
    stage_expect("start(ann) ann=1 ann=2 ann=3 ann=4 ann=5 ann=6");
    cr_assert_eq(peak(who), 6); /* both are at home on one worker: one turn, and then the other */
    stage_close();
}

Test(peak, of_one_that_another_actor_fills) {
    filled_by_an_actor(TROUPE_STEPPED);
}

Test(peak, of_one_that_another_actor_fills_on_workers) {
    filled_by_an_actor(1);
}

/* One message is in hand, and holds a place; so its turns never begin with a full mailbox. */
static troupe_err fill_oneself(troupe_self *self, void *state, troupe_msg **msg) {
    bool *filled = state;
    (void)msg;
    while (!*filled) {
        troupe_msg *cue = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
        *filled = troupe_send(self, troupe_me(self), &cue) == TROUPE_FULL;
        troupe_drop(&cue);
    }
    return TROUPE_OK;
}

Test(peak, of_one_that_fills_itself) {
    static const troupe_behaviour what = {
        .name = "full", .state_size = sizeof(bool), .mailbox_limit = 5, .receive = fill_oneself};
    troupe_ref who;
    (void)stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn(stage_rt(), &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    (void)stage_run();
    cr_assert_eq(peak(who), 5);
    stage_close();
}

Test(peak, is_that_of_all_lives) {
    const troupe_child child = {.id = "ann", .name = "ann", .what = &player_behaviour, .arg = &ann};
    (void)stage_open(TROUPE_STEPPED);
    (void)family(&child, 1, 3, 1000);
    troupe_ref who = stage_find("ann");
    post_and_run(who, 7);
    cue(who, CUE_FAIL, TROUPE_USER);
    (void)stage_run();
    post_and_run(who, 2);
    cr_assert_eq(peak(who), 7);
    stage_close();
}
