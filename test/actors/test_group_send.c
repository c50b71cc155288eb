#include "actors/group_send.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/family.h"
#include "test/support/everywhere.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(group_send, .timeout = 60);

static const player ann = {.id = "ann"}, bob = {.id = "bob"}, cid = {.id = "cid"};

static void join(troupe_ref who, const char *group) {
    cr_assert_eq(troupe_join_group(stage_rt(), who, group), TROUPE_OK);
}

static size_t count(const char *group) {
    return troupe_members(stage_rt(), group, NULL, 0);
}

/* --- To all, and to any ----------------------------------------------------------------------- */

static troupe_reach to_all(const char *group, uint32_t n, troupe_err expected) {
    troupe_reach reach = {99, 99};
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    cr_assert_eq(troupe_post_group(stage_rt(), group, &msg, &reach), expected);
    cr_assert_eq(msg == NULL, expected == TROUPE_OK);
    troupe_drop(&msg);
    return reach;
}

Test(group_send, all_get_what_is_sent_to_all) {
    (void)stage_open(STAGE_SIMULATED);
    join(stage_enter(&ann), "crew");
    join(stage_enter(&bob), "crew");
    (void)stage_enter(&cid);
    stage_forget();
    troupe_reach reach = to_all("crew", 5, TROUPE_OK);
    cr_assert_eq(reach.members, 2);
    cr_assert_eq(reach.reached, 2);
    stage_expect_all("ann:5 bob:5");
    cr_assert_eq(to_all("nobody", 5, TROUPE_NOTFOUND).members, 99);
    troupe_msg *none = NULL;
    cr_assert_eq(troupe_post_group(stage_rt(), "crew", &none, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_post_any(stage_rt(), "crew", &none), TROUPE_INVALID);
    stage_close();
}

static troupe_ref enter_with_4(const player *who) {
    troupe_ref ref = TROUPE_NOBODY;
    cr_assert_eq(troupe_spawn(stage_rt(), &player_with_4, who, &ref), TROUPE_OK);
    return ref;
}

/* A crew of two that are handled by hand, with room for 4 each; ann. */
static troupe_ref open_crew(void) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = enter_with_4(&ann);
    join(a, "crew");
    join(enter_with_4(&bob), "crew");
    stage_forget();
    return a;
}

/* Gives it something to say, before what comes. */
static void load(troupe_ref who, uint32_t many) {
    for (uint32_t i = 0; i < many; i++) cue(who, CUE_SAY, i);
}

Test(group_send, who_is_full_is_left_out) {
    load(open_crew(), 4);
    troupe_reach reach = to_all("crew", 5, TROUPE_OK);
    cr_assert_eq(reach.members, 2);
    cr_assert_eq(reach.reached, 1);
    stage_expect_all("ann:0 ann:1 ann:2 ann:3 bob:5");
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

static void to_one(troupe_err (*post)(troupe *, const char *, troupe_msg **), const char *group,
                   uint32_t n, troupe_err expected) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    cr_assert_eq(post(stage_rt(), group, &msg), expected);
    cr_assert_eq(msg == NULL, expected == TROUPE_OK);
    troupe_drop(&msg);
}

Test(group_send, one_after_the_other_gets_what_is_for_any) {
    (void)stage_open(STAGE_SIMULATED);
    join(stage_enter(&ann), "crew");
    join(stage_enter(&bob), "crew");
    join(stage_enter(&cid), "crew");
    stage_forget();
    for (uint32_t i = 0; i < 6; i++) to_one(troupe_post_any, "crew", i, TROUPE_OK);
    stage_expect_all("ann:0 bob:1 cid:2 ann:3 bob:4 cid:5");
    to_one(troupe_post_any, "nobody", 0, TROUPE_NOTFOUND);
    stage_close();
}

Test(group_send, what_is_for_any_passes_over_who_is_full) {
    load(open_crew(), 4);
    for (uint32_t i = 5; i < 9; i++) to_one(troupe_post_any, "crew", i, TROUPE_OK);
    to_one(troupe_post_any, "crew", 9, TROUPE_FULL);
    stage_expect_all("ann:0 ann:1 ann:2 ann:3 bob:5 bob:6 bob:7 bob:8");
    stage_close();
}

Test(group_send, the_least_loaded_gets_it) {
    load(open_crew(), 2);
    troupe_ref c = stage_enter(&cid);
    stage_forget();
    for (uint32_t i = 2; i < 4; i++) /* then both have as many */
        to_one(troupe_post_least, "crew", i, TROUPE_OK);
    for (uint32_t i = 4; i < 8; i++) to_one(troupe_post_least, "crew", i, TROUPE_OK);
    to_one(troupe_post_least, "crew", 9, TROUPE_FULL);
    join(c, "crew");
    to_one(troupe_post_least, "crew", 10, TROUPE_OK);
    cr_assert_eq(troupe_leave_group(stage_rt(), c, "crew"), TROUPE_OK);
    stage_expect_all("ann:0 ann:1 bob:2 bob:3 ann:4 bob:5 ann:6 bob:7 cid:10");
    for (uint32_t i = 0; i < 4; i++) /* in turn: all are idle */
        to_one(troupe_post_least, "crew", i, TROUPE_OK);
    stage_expect_all("bob:0 ann:1 bob:2 ann:3");
    to_one(troupe_post_least, "nobody", 0, TROUPE_NOTFOUND);
    stage_close();
}

/* Bounds may differ: who has less than another may be full all the same. */
Test(group_send, the_least_loaded_is_full) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = enter_with_4(&ann), b = stage_enter(&bob);
    join(a, "crew");
    join(b, "crew");
    stage_forget();
    load(a, 4);
    load(b, 6);
    to_one(troupe_post_least, "crew", 9, TROUPE_OK);
    stage_expect_all("ann:0 ann:1 ann:2 ann:3 bob:0 bob:1 bob:2 bob:3 bob:4 bob:5 bob:9");
    stage_close();
}

enum { KEYS = 300 };

/* Which member hears of each key: a number below `count`. */
static void owners(const char *group, const troupe_ref *who, int count, int *owner) {
    for (uint32_t key = 0; key < KEYS; key++) {
        troupe_msg *msg = cue_make(CUE_KEEP, 0, TROUPE_NOBODY);
        cr_assert_eq(troupe_post_keyed(stage_rt(), group, key, &msg), TROUPE_OK);
        owner[key] = -1;
        for (int i = 0; i < count; i++) {
            uint32_t waiting;
            cr_assert_eq(troupe_mailbox(stage_rt(), who[i], &waiting, NULL), TROUPE_OK);
            if (waiting) owner[key] = i;
        }
        (void)stage_run();
    }
}

Test(group_send, a_key_has_its_member) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    int first[KEYS], again[KEYS], more[KEYS], less[KEYS], of[4] = {0}, moved = 0;
    troupe_ref who[4];
    for (int i = 0; i < 4; i++) who[i] = stage_enter(&ann);
    for (int i = 0; i < 3; i++) join(who[i], "crew");
    owners("crew", who, 4, first);
    owners("crew", who, 4, again);
    join(who[3], "crew");
    owners("crew", who, 4, more);
    cr_assert_eq(troupe_leave_group(rt, who[1], "crew"), TROUPE_OK);
    owners("crew", who, 4, less);
    for (int key = 0; key < KEYS; key++) {
        cr_assert_eq(first[key], again[key]);
        cr_assert(more[key] == first[key] || more[key] == 3, "only to the new one");
        cr_assert(less[key] == more[key] || more[key] == 1, "only of the one that left");
        cr_assert_neq(less[key], 1);
        of[first[key]]++;
        moved += more[key] == 3;
    }
    for (int i = 0; i < 3; i++) cr_assert(of[i] > KEYS / 5 && of[i] < KEYS / 2, "%d", of[i]);
    cr_assert(moved > KEYS / 8 && moved < KEYS / 2, "%d", moved);
    stage_forget();
    stage_close();
}

Test(group_send, whose_key_it_is_may_be_full) {
    (void)open_crew();
    for (uint32_t i = 0; i < 5; i++) {
        troupe_msg *msg = cue_make(CUE_KEEP, 0, TROUPE_NOBODY);
        troupe_err err = troupe_post_keyed(stage_rt(), "crew", 7, &msg);
        cr_assert_eq(err, i < 4 ? TROUPE_OK : TROUPE_FULL);
        troupe_drop(&msg);
    }
    (void)stage_run();
    stage_forget();
    stage_close();
}

/* A pool: what its member fails on is done again, as its template says, and what waits is kept. */
static troupe_err work(troupe_self *self, void *state, troupe_msg **msg) {
    static unsigned failures;
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (cue->n == 3 && ++failures < 3) return troupe_fail(self, TROUPE_USER, "once more");
    stage_say("%u", cue->n);
    return TROUPE_OK;
}

static troupe_err start_work(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    return troupe_join_group(troupe_runtime(self), troupe_me(self), "pool");
}

Everywhere(group_send, a_pool_does_again_what_its_members_fail_on) {
    troupe *rt = stage_open(workers);
    static const troupe_behaviour worker = {.start = start_work, .receive = work};
    const troupe_child child = {.id = "w", .what = &worker, .poison_after = 5};
    const troupe_supervision tree = {.child = &child,
                                     .children = 1,
                                     .max_restarts = TROUPE_UNLIMITED,
                                     .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    troupe_ref root, who[3];
    cr_assert_eq(troupe_supervise(rt, &tree, 1000, &root), TROUPE_OK);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(troupe_start_dynamic_child(rt, root, NULL, 10000, &who[i]), TROUPE_OK);
    cr_assert_eq(count("pool"), 3);
    for (uint32_t i = 0; i < 12; i++) to_one(troupe_post_any, "pool", i, TROUPE_OK);
    stage_expect_all("0 1 2 3 4 5 6 7 8 9 10 11");
    cr_assert_eq(troupe_terminate_dynamic_child(rt, root, who[1], 10000), TROUPE_OK);
    cr_assert_eq(count("pool"), 2);
    stage_close();
}

/* From an actor, which is a member: the others know who has sent it. */
static troupe_err call(troupe_self *self, void *state, troupe_msg **msg) {
    const struct cue *cue = troupe_as(*msg, &cue_type);
    bool *called = state;
    if (*called) {
        cr_assert(troupe_same(troupe_sender(self), troupe_me(self)));
        stage_say("me:%u", cue->n);
        return TROUPE_OK;
    }
    *called = true;
    troupe_reach reach;
    troupe_msg *one = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_send_group(self, "crew", msg, &reach), TROUPE_OK);
    cr_assert_eq(reach.reached, 2);
    cr_assert_eq(troupe_send_any(self, "crew", &one), TROUPE_OK);
    return TROUPE_OK;
}

Test(group_send, an_actor_may_send_to_its_own) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    static const troupe_behaviour caller = {.receive = call, .state_size = sizeof(bool)};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &caller, NULL, &who), TROUPE_OK);
    join(who, "crew");
    join(stage_enter(&ann), "crew");
    stage_forget();
    cue(who, CUE_SAY, 7);
    stage_expect_all("me:7 ann:7 me:2");
    stage_close();
}
