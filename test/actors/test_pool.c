#include <criterion/criterion.h>
#include <stdio.h>
#include <troupe/pool.h>

#include "actors/runtime.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(pool, .timeout = 60);

enum { LONG = 20000 };

static const player member = {.id = "m"};

static troupe_pool *pool;

static uint64_t key_of(const troupe_msg *msg) {
    return cue_n(msg);
}

/* Players with a mailbox of 4 each. */
static troupe_pool_plan plan_of(uint32_t min, uint32_t max, troupe_pick pick) {
    return (troupe_pool_plan){.name = "crew",
                              .member = {.what = &player_with_4, .arg = &member},
                              .min = min,
                              .max = max,
                              .pick = pick,
                              .key = key_of};
}

static void open_pool(const troupe_pool_plan *plan) {
    cr_assert_eq(troupe_pool_open(stage_rt(), plan, LONG, &pool), TROUPE_OK);
    (void)stage_run();
    stage_forget();
}

static troupe_err post(uint32_t act, uint32_t n) {
    troupe_msg *msg = cue_make(act, n, TROUPE_NOBODY);
    troupe_err err = troupe_pool_post(pool, &msg);
    cr_assert_eq(msg == NULL, !err);
    if (msg) cr_assert_eq(cue_n(msg), n, "it is still the sender's");
    troupe_drop(&msg);
    return err;
}

/* Posts that many; those that were taken. */
static unsigned post_all(uint32_t act, unsigned count) {
    unsigned taken = 0;
    for (unsigned i = 0; i < count; i++) {
        troupe_err err = post(act, i);
        cr_assert(err == TROUPE_OK || err == TROUPE_FULL);
        taken += !err;
    }
    return taken;
}

static troupe_pool_stats look(void) {
    troupe_pool_stats stats;
    troupe_pool_look(pool, &stats);
    return stats;
}

static void expect_members(uint32_t members) {
    const troupe_pool_stats now = look();
    cr_assert_eq(now.members, members, "%u of them", (unsigned)now.members);
    cr_assert_eq(now.wanted, members);
    troupe_child_counts counts;
    troupe_ref crew = stage_find("crew/crew");
    cr_assert_eq(troupe_count_children(stage_rt(), crew, LONG, &counts), TROUPE_OK);
    cr_assert_eq(counts.active, members);
}

/* --- Sending ---------------------------------------------------------------------------------- */

Test(pool, starts_as_many_as_there_have_to_be) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_pool_plan plan = plan_of(3, 0, TROUPE_PICK_NEXT);
    open_pool(&plan);
    expect_members(3);
    stage_close();
}

Test(pool, its_limit_is_exact_and_what_does_not_fit_comes_back) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_pool_plan plan = plan_of(2, 2, TROUPE_PICK_LEAST);
    plan.limit = 5;
    open_pool(&plan);
    for (unsigned round = 1; round <= 3; round++) {
        cr_assert_eq(post_all(CUE_SAY, 12), 5);
        troupe_pool_stats now = look();
        cr_assert(now.working == 2 && now.waiting == 3);
        cr_assert(now.sent == round * UINT64_C(5) && now.shed == round * UINT64_C(7));
        (void)stage_run();
        now = look();
        cr_assert(now.working == 0 && now.waiting == 0);
        stage_forget();
    }
    stage_close();
}

Test(pool, without_a_limit_its_mailboxes_are_one) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_pool_plan plan = plan_of(3, 3, TROUPE_PICK_NEXT);
    open_pool(&plan);
    cr_assert_eq(post_all(CUE_SAY, 20), 12);
    (void)stage_run();
    stage_forget();
    stage_close();
}

static const troupe_pick one_by_one[] = {TROUPE_PICK_NEXT, TROUPE_PICK_LEAST, TROUPE_PICK_TWO};
enum { PICKS = sizeof one_by_one / sizeof *one_by_one };

Test(pool, a_mailbox_of_one) {
    for (int i = 0; i < PICKS; i++) {
        (void)stage_open(STAGE_SIMULATED);
        troupe_behaviour small = player_behaviour;
        small.mailbox_limit = 1;
        troupe_pool_plan plan = plan_of(3, 3, one_by_one[i]);
        plan.member.what = &small;
        open_pool(&plan);
        small.receive = NULL; /* it was copied */
        for (int round = 0; round < 3; round++) {
            cr_assert_eq(post_all(CUE_SAY, 5), 3);
            (void)stage_run();
        }
        stage_forget();
        stage_close();
    }
}

/* Whoever is full is passed over, until all are. */
Test(pool, one_that_is_full_is_passed_over) {
    for (int i = 0; i < PICKS; i++) {
        (void)stage_open(STAGE_SIMULATED);
        const troupe_pool_plan plan = plan_of(3, 3, one_by_one[i]);
        troupe_ref who[3];
        open_pool(&plan);
        cr_assert_eq(troupe_members(stage_rt(), "crew", who, 3), 3);
        for (uint32_t n = 0; n < 4; n++) cue(who[1], CUE_KEEP, n);
        cr_assert_eq(post_all(CUE_SAY, 8), 8);
        cr_assert_eq(post_all(CUE_SAY, 4), 0);
        (void)stage_run();
        stage_forget();
        stage_close();
    }
}

/* What waits for a full member that fails is kept, and what it failed on is done again or is a dead
 * letter, which its asker hears; no place is lost. */
static void fail_when_full(troupe_pick pick, uint32_t tries) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_pool_plan plan = plan_of(1, 1, pick);
    plan.member.poison_after = tries;
    open_pool(&plan);
    cr_assert_eq(post(CUE_FAIL, TROUPE_USER), TROUPE_OK);
    cr_assert_eq(post_all(CUE_SAY, 5), 3);
    (void)stage_run();
    stage_forget();
    cr_assert_eq(stage_dead_letters(), 1);
    cr_assert_eq(look().redone, tries ? tries - 1 : 0);
    cr_assert_eq(post_all(CUE_SAY, 5), 4, "each place is there again");
    stage_expect("m:0 m:1 m:2 m:3");
    stage_close();
}

Test(pool, a_full_member_that_fails_loses_nothing) {
    for (int i = 0; i < PICKS; i++) {
        fail_when_full(one_by_one[i], 0);
        fail_when_full(one_by_one[i], 3);
    }
}

/* The same where one message is all there is room for. */
Test(pool, a_member_of_one_fails) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_behaviour small = player_behaviour;
    small.mailbox_limit = 1;
    troupe_pool_plan plan = plan_of(2, 2, TROUPE_PICK_LEAST);
    plan.member.what = &small;
    plan.limit = 2;
    open_pool(&plan);
    for (int round = 1; round <= 3; round++) {
        cr_assert_eq(post(CUE_FAIL, TROUPE_USER), TROUPE_OK);
        cr_assert_eq(post(CUE_SAY, 7), TROUPE_OK);
        cr_assert_eq(post(CUE_SAY, 8), TROUPE_FULL);
        (void)stage_run();
        cr_assert_eq(stage_dead_letters(), round);
    }
    stage_forget();
    stage_close();
}

/* Of a key one member alone gets what there is, up to its bound. */
Test(pool, a_key_has_one_member) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_pool_plan plan = plan_of(4, 4, TROUPE_PICK_KEY);
    open_pool(&plan);
    for (uint32_t key = 0; key < 8; key++) {
        unsigned taken = 0;
        for (int i = 0; i < 6; i++) taken += post(CUE_SAY, key) == TROUPE_OK;
        cr_assert_eq(taken, 4);
        (void)stage_run();
    }
    stage_forget();
    stage_close();
}

Test(pool, all_of_them_or_nobody) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_pool_plan plan = plan_of(3, 3, TROUPE_PICK_ALL);
    plan.limit = 10;
    open_pool(&plan);
    cr_assert_eq(post_all(CUE_SAY, 5), 3, "the fourth would be 12");
    (void)stage_run();
    stage_expect_all("m:0 m:0 m:0 m:1 m:1 m:1 m:2 m:2 m:2");
    stage_close();
}

Test(pool, all_of_them_unless_one_is_full) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_pool_plan plan = plan_of(2, 2, TROUPE_PICK_ALL);
    open_pool(&plan);
    troupe_ref who[2];
    cr_assert_eq(troupe_members(stage_rt(), "crew", who, 2), 2);
    for (uint32_t i = 0; i < 4; i++) cue(who[1], CUE_SAY, i);
    cr_assert_eq(post(CUE_SAY, 9), TROUPE_FULL);
    uint32_t waiting = 1;
    cr_assert_eq(troupe_mailbox(stage_rt(), who[0], &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 0);
    (void)stage_run();
    stage_forget();
    stage_close();
}

static troupe_err ask(uint32_t act, uint32_t n, uint32_t *answer) {
    troupe_msg *msg = cue_make(act, n, TROUPE_NOBODY);
    troupe_err err = troupe_pool_ask(pool, &msg, LONG);
    if (!err) *answer = cue_n(msg);
    troupe_drop(&msg);
    return err;
}

Test(pool, is_asked) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_pool_plan plan = plan_of(2, 2, TROUPE_PICK_LEAST);
    plan.limit = 2;
    open_pool(&plan);
    uint32_t n = 0;
    cr_assert_eq(ask(CUE_ANSWER, 7, &n), TROUPE_OK);
    cr_assert_eq(n, 7);
    cr_assert_eq(ask(CUE_FAIL, TROUPE_USER, &n), TROUPE_FAILED);
    cr_assert_eq(post_all(CUE_SAY, 3), 2);
    cr_assert_eq(ask(CUE_ANSWER, 8, &n), TROUPE_FULL);
    (void)stage_run();
    stage_forget();
    stage_close();
}

static troupe_err pass_to_pool(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (troupe_same(troupe_sender(self), TROUPE_NOBODY)) return troupe_pool_send(self, pool, msg);
    stage_say("answer:%u", (unsigned)cue_n(*msg));
    return TROUPE_OK;
}

Test(pool, answers_the_actor_that_sent) {
    (void)stage_open(STAGE_SIMULATED);
    static const troupe_behaviour client = {.receive = pass_to_pool};
    const troupe_pool_plan plan = plan_of(2, 2, TROUPE_PICK_LEAST);
    troupe_ref who;
    open_pool(&plan);
    cr_assert_eq(troupe_spawn(stage_rt(), &client, NULL, &who), TROUPE_OK);
    cue(who, CUE_ANSWER, 5);
    stage_expect("answer:5");
    stage_close();
}

/* --- Failures --------------------------------------------------------------------------------- */

static unsigned fails_left;

static troupe_err fail_at_first(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (cue_n(*msg) == 5 && fails_left && fails_left--) return TROUPE_USER;
    return troupe_reply(self, msg);
}

static const troupe_behaviour unlucky = {
    .name = "unlucky", .state_size = 3, .mailbox_limit = 8, .receive = fail_at_first};

Test(pool, work_is_done_again_so_many_times) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_pool_plan plan = plan_of(1, 1, TROUPE_PICK_NEXT);
    plan.member = (troupe_child){.what = &unlucky, .poison_after = 3};
    open_pool(&plan);
    uint32_t n = 0;
    fails_left = 2;
    cr_assert_eq(ask(CUE_SAY, 5, &n), TROUPE_OK);
    cr_assert_eq(look().redone, 2);
    fails_left = 3;
    cr_assert_eq(ask(CUE_SAY, 5, &n), TROUPE_FAILED, "three times in all");
    cr_assert_eq(look().redone, 4);
    for (uint32_t i = 0; i < 4; i++) cr_assert_eq(ask(CUE_SAY, i, &n), TROUPE_OK);
    cr_assert_eq(look().redone, 4);
    stage_close();
}

Test(pool, or_its_asker_hears_at_once) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_pool_plan plan = plan_of(1, 1, TROUPE_PICK_NEXT);
    plan.member = (troupe_child){.what = &unlucky};
    open_pool(&plan);
    uint32_t n = 0;
    fails_left = 1;
    cr_assert_eq(ask(CUE_SAY, 5, &n), TROUPE_FAILED);
    cr_assert_eq(ask(CUE_SAY, 5, &n), TROUPE_OK);
    cr_assert_eq(look().redone, 0);
    stage_close();
}

Test(pool, gives_up_as_a_supervisor_does) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_pool_plan plan = plan_of(2, 2, TROUPE_PICK_NEXT);
    plan.max_restarts = 2;
    open_pool(&plan);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(post(CUE_FAIL, TROUPE_USER), TROUPE_OK);
        (void)stage_run();
    }
    stage_await_gone(troupe_pool_ref(pool));
    cr_assert_eq(post(CUE_SAY, 1), TROUPE_GONE);
    cr_assert_eq(troupe_pool_resize(pool, 2), TROUPE_GONE);
    stage_forget();
    stage_close();
}

Test(pool, that_can_not_start_says_so) {
    (void)stage_open(STAGE_SIMULATED);
    const player bad = {.id = "bad", .start = TROUPE_USER};
    troupe_pool_plan plan = plan_of(2, 2, TROUPE_PICK_NEXT);
    plan.member.arg = &bad;
    cr_assert_eq(troupe_pool_open(stage_rt(), &plan, LONG, &pool), TROUPE_START_FAILED);
    cr_assert(troupe_same(stage_find("crew"), TROUPE_NOBODY));
    stage_forget();
    stage_close();
}

Test(pool, is_a_part_of_a_tree) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_supervision tree = {.name = "above", .max_restarts = 1};
    troupe_pool_plan plan = plan_of(2, 2, TROUPE_PICK_NEXT);
    cr_assert_eq(troupe_supervise(rt, &tree, LONG, &plan.above), TROUPE_OK);
    plan.max_restarts = 1;
    open_pool(&plan);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(post(CUE_FAIL, TROUPE_USER), TROUPE_OK);
        (void)stage_run();
    }
    stage_forget();
    expect_members(2); /* all of it was started again */
    cr_assert_eq(post(CUE_SAY, 1), TROUPE_OK);
    stage_expect("m:1");
    cr_assert_eq(troupe_terminate_child(rt, plan.above, "crew", LONG), TROUPE_OK);
    cr_assert_eq(post(CUE_SAY, 1), TROUPE_GONE);
    stage_forget();
    stage_close();
}

/* --- Its size --------------------------------------------------------------------------------- */

Test(pool, grows_by_its_mail_and_shrinks_when_idle) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_pool_plan plan = plan_of(1, 3, TROUPE_PICK_LEAST);
    plan.grow_at = 2;
    plan.shrink_ms = 10;
    open_pool(&plan);
    cr_assert_eq(post_all(CUE_SAY, 2), 2);
    (void)stage_run();
    expect_members(1);
    for (uint32_t members = 2; members <= 3; members++) {
        (void)post_all(CUE_SAY, 7); /* the third or later finds enough at each */
        (void)stage_run();
        expect_members(members);
    }
    cr_assert_eq(post_all(CUE_SAY, 20), 12, "it is as large as it may be");
    (void)stage_run();
    expect_members(3);
    stage_advance(50);
    expect_members(1);
    stage_advance(50);
    expect_members(1);
    cr_assert_eq(stage_dead_letters(), 0);
    stage_forget();
    stage_close();
}

Test(pool, one_that_leaves_does_what_it_has) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_pool_plan plan = plan_of(1, 4, TROUPE_PICK_NEXT);
    open_pool(&plan);
    cr_assert_eq(troupe_pool_resize(pool, 4), TROUPE_OK);
    (void)stage_run();
    expect_members(4);
    cr_assert_eq(post_all(CUE_ANSWER, 16), 16);
    stage_forget();
    cr_assert_eq(troupe_pool_resize(pool, 1), TROUPE_OK);
    (void)stage_run();
    expect_members(1);
    cr_assert_eq(stage_dead_letters(), 16, "the answers to nobody, and nothing else");
    cr_assert_eq(troupe_pool_resize(pool, 0), TROUPE_INVALID);
    cr_assert_eq(troupe_pool_resize(pool, 5), TROUPE_INVALID);
    cr_assert_eq(post_all(CUE_SAY, 9), 4);
    (void)stage_run();
    stage_forget();
    stage_close();
}

Test(pool, on_workers) {
    (void)stage_open(2);
    troupe_pool_plan plan = plan_of(2, 6, TROUPE_PICK_LEAST);
    plan.grow_at = 1;
    open_pool(&plan);
    uint32_t n = 0;
    for (uint32_t i = 0; i < 200; i++) {
        cr_assert_eq(ask(CUE_ANSWER, i, &n), TROUPE_OK);
        cr_assert_eq(n, i);
    }
    cr_assert_eq(look().sent, 200);
    stage_forget();
    stage_close();
}

/* --- What makes no sense ---------------------------------------------------------------------- */

static void refuse(troupe_pool_plan plan) {
    cr_assert_eq(troupe_pool_open(stage_rt(), &plan, LONG, &pool), TROUPE_INVALID);
}

Test(pool, a_plan_has_to_make_sense) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_behaviour lossy = player_behaviour;
    lossy.overflow = TROUPE_DROP_OLDEST;
    const troupe_pool_plan good = plan_of(2, 3, TROUPE_PICK_KEY);
    troupe_pool_plan plan = good;
    plan.name = NULL;
    refuse(plan);
    plan.name = "0123456789012345678901234567890123456789012345678901234567890";
    refuse(plan);
    plan = good;
    plan.max = 1;
    refuse(plan);
    plan = good;
    plan.key = NULL;
    refuse(plan);
    plan = good;
    plan.member.what = &lossy;
    refuse(plan);
    plan.member.what = NULL;
    refuse(plan);
    open_pool(&good);
    troupe_msg *none = NULL;
    cr_assert_eq(troupe_pool_post(pool, &none), TROUPE_INVALID);
    cr_assert_eq(troupe_pool_ask(pool, &none, 1), TROUPE_INVALID);
    stage_close();
}
