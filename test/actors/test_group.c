#include "actors/group.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/family.h"
#include "test/support/everywhere.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(group, .timeout = 60);

static const player ann = {.id = "ann"}, bob = {.id = "bob"}, cid = {.id = "cid"};

/* --- Members ---------------------------------------------------------------------------------- */

static void join(troupe_ref who, const char *group) {
    cr_assert_eq(troupe_join_group(stage_rt(), who, group), TROUPE_OK);
}

static size_t count(const char *group) {
    return troupe_members(stage_rt(), group, NULL, 0);
}

Test(group, has_who_has_joined) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann), b = stage_enter(&bob), who[3] = {{7, 7}, {7, 7}, {7, 7}};
    cr_assert_eq(count("crew"), 0);
    join(a, "crew");
    join(b, "crew");
    join(b, "watch");
    cr_assert_eq(troupe_members(rt, "crew", who, 3), 2);
    cr_assert(troupe_same(who[0], a));
    cr_assert(troupe_same(who[1], b));
    cr_assert_eq(who[2].id, 7);
    who[1].id = 7;
    cr_assert_eq(troupe_members(rt, "crew", who, 1), 2);
    cr_assert_eq(who[1].id, 7, "no more than there is room for");
    cr_assert_eq(count("watch"), 1);
    cr_assert_eq(troupe_leave_group(rt, a, "watch"), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_leave_group(rt, a, "nobody"), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_leave_group(rt, b, "crew"), TROUPE_OK);
    cr_assert_eq(troupe_leave_group(rt, b, "crew"), TROUPE_NOTFOUND);
    cr_assert_eq(count("crew"), 1);
    cr_assert_eq(count("watch"), 1);
    stage_close();
}

Test(group, to_join_again_does_nothing) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann);
    join(a, "crew");
    join(a, "crew");
    cr_assert_eq(count("crew"), 1);
    cr_assert_eq(troupe_leave_group(rt, a, "crew"), TROUPE_OK);
    cr_assert_eq(count("crew"), 0);
    cr_assert_eq(rt->groups.by_hash.count, 0, "an empty group is not there");
    stage_close();
}

Test(group, arguments_are_checked) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann);
    char name[TROUPE_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(troupe_join_group(rt, a, name), TROUPE_INVALID);
    cr_assert_eq(troupe_join_group(rt, a, ""), TROUPE_INVALID);
    cr_assert_eq(troupe_join_group(rt, a, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_join_group(rt, TROUPE_NOBODY, "crew"), TROUPE_GONE);
    cr_assert_eq(troupe_join_group(rt, (troupe_ref){a.node + 1, a.id}, "crew"), TROUPE_GONE);
    name[TROUPE_NAME_MAX] = '\0';
    cr_assert_eq(troupe_join_group(rt, a, name), TROUPE_OK);
    cr_assert_eq(troupe_kill(rt, a), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(troupe_join_group(rt, a, "crew"), TROUPE_GONE);
    cr_assert_eq(rt->groups.by_hash.count, 0);
    stage_close();
}

/* Who watches a member finds that it has left when its `down` comes. */
static troupe_err look(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (cue) return troupe_monitor(self, cue->who, NULL);
    stage_say("%zu", troupe_members(troupe_runtime(self), "crew", NULL, 0));
    return TROUPE_OK;
}

Everywhere(group, who_ends_leaves) {
    troupe *rt = stage_open(workers);
    static const troupe_behaviour looker = {.receive = look};
    troupe_ref a = stage_enter(&ann), who;
    cr_assert_eq(troupe_spawn(rt, &looker, NULL, &who), TROUPE_OK);
    join(a, "crew");
    join(a, "watch");
    cue_about(who, CUE_SAY, 0, a);
    cue_about(who, CUE_SAY, 0, (troupe_ref){a.node, UINT64_C(1) << 40}); /* GONE: at once */
    stage_expect("start(ann) 1");
    cr_assert_eq(troupe_kill(rt, a), TROUPE_OK);
    stage_expect("0");
    cr_assert_eq(count("crew"), 0);
    cr_assert_eq(count("watch"), 0);
    stage_close();
}

Test(group, who_is_restarted_stays) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_child child = {.id = "ann", .what = &player_behaviour, .arg = &ann, .name = "ann"};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 3};
    troupe_ref root;
    cr_assert_eq(troupe_supervise(rt, &tree, 1000, &root), TROUPE_OK);
    troupe_ref a = stage_find("ann");
    join(a, "crew");
    cue(a, CUE_FAIL, 0);
    stage_expect("start(ann) stop(ann,FAILED) start(ann)");
    cr_assert_eq(count("crew"), 1);
    cr_assert_eq(troupe_terminate_child(rt, root, "ann", 1000), TROUPE_OK);
    cr_assert_eq(count("crew"), 0);
    stage_close();
}

/* --- Sending ---------------------------------------------------------------------------------- */

static troupe_reach to_all(const char *group, uint32_t n, troupe_err expected) {
    troupe_reach reach = {99, 99};
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    cr_assert_eq(troupe_post_group(stage_rt(), group, &msg, &reach), expected);
    cr_assert_eq(msg == NULL, expected == TROUPE_OK);
    troupe_drop(&msg);
    return reach;
}

Test(group, all_get_what_is_sent_to_all) {
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

Test(group, who_is_full_is_left_out) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = enter_with_4(&ann);
    join(a, "crew");
    join(enter_with_4(&bob), "crew");
    stage_forget();
    for (uint32_t i = 0; i < 4; i++) cue(a, CUE_SAY, i);
    troupe_reach reach = to_all("crew", 5, TROUPE_OK);
    cr_assert_eq(reach.members, 2);
    cr_assert_eq(reach.reached, 1);
    stage_expect_all("ann:0 ann:1 ann:2 ann:3 bob:5");
    cr_assert_eq(stage_dead_letters(), 0);
    stage_close();
}

static void to_any(const char *group, uint32_t n, troupe_err expected) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    cr_assert_eq(troupe_post_any(stage_rt(), group, &msg), expected);
    cr_assert_eq(msg == NULL, expected == TROUPE_OK);
    troupe_drop(&msg);
}

Test(group, one_after_the_other_gets_what_is_for_any) {
    (void)stage_open(STAGE_SIMULATED);
    join(stage_enter(&ann), "crew");
    join(stage_enter(&bob), "crew");
    join(stage_enter(&cid), "crew");
    stage_forget();
    for (uint32_t i = 0; i < 6; i++) to_any("crew", i, TROUPE_OK);
    stage_expect_all("ann:0 bob:1 cid:2 ann:3 bob:4 cid:5");
    to_any("nobody", 0, TROUPE_NOTFOUND);
    stage_close();
}

Test(group, what_is_for_any_passes_over_who_is_full) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = enter_with_4(&ann);
    join(a, "crew");
    join(enter_with_4(&bob), "crew");
    stage_forget();
    for (uint32_t i = 0; i < 4; i++) cue(a, CUE_SAY, i);
    for (uint32_t i = 5; i < 9; i++) to_any("crew", i, TROUPE_OK);
    to_any("crew", 9, TROUPE_FULL);
    stage_expect_all("ann:0 ann:1 ann:2 ann:3 bob:5 bob:6 bob:7 bob:8");
    stage_close();
}

static void to_least(const char *group, uint32_t n, troupe_err expected) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY);
    cr_assert_eq(troupe_post_least(stage_rt(), group, &msg), expected);
    cr_assert_eq(msg == NULL, expected == TROUPE_OK);
    troupe_drop(&msg);
}

Test(group, the_least_loaded_gets_it) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = enter_with_4(&ann), b = enter_with_4(&bob), c = stage_enter(&cid);
    join(a, "crew");
    join(b, "crew");
    stage_forget();
    for (uint32_t i = 0; i < 2; i++) cue(a, CUE_SAY, i);
    for (uint32_t i = 2; i < 4; i++) to_least("crew", i, TROUPE_OK); /* b has as many then */
    for (uint32_t i = 4; i < 8; i++) to_least("crew", i, TROUPE_OK);
    to_least("crew", 9, TROUPE_FULL);
    join(c, "crew");
    to_least("crew", 10, TROUPE_OK);
    cr_assert_eq(troupe_leave_group(stage_rt(), c, "crew"), TROUPE_OK);
    stage_expect_all("ann:0 ann:1 bob:2 bob:3 ann:4 bob:5 ann:6 bob:7 cid:10");
    for (uint32_t i = 0; i < 4; i++) to_least("crew", i, TROUPE_OK); /* in turn: all are idle */
    stage_expect_all("bob:0 ann:1 bob:2 ann:3");
    to_least("nobody", 0, TROUPE_NOTFOUND);
    stage_close();
}

/* Bounds may differ: who has less than another may be full all the same. */
Test(group, the_least_loaded_is_full) {
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = enter_with_4(&ann), b = stage_enter(&bob);
    join(a, "crew");
    join(b, "crew");
    stage_forget();
    for (uint32_t i = 0; i < 4; i++) cue(a, CUE_SAY, i);
    for (uint32_t i = 0; i < 6; i++) cue(b, CUE_SAY, i);
    to_least("crew", 9, TROUPE_OK);
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

Test(group, a_key_has_its_member) {
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

Test(group, whose_key_it_is_may_be_full) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    join(enter_with_4(&ann), "crew");
    join(enter_with_4(&bob), "crew");
    for (uint32_t i = 0; i < 5; i++) {
        troupe_msg *msg = cue_make(CUE_KEEP, 0, TROUPE_NOBODY);
        troupe_err err = troupe_post_keyed(rt, "crew", 7, &msg);
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

Everywhere(group, a_pool_does_again_what_its_members_fail_on) {
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
    for (uint32_t i = 0; i < 12; i++) to_any("pool", i, TROUPE_OK);
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

Test(group, an_actor_may_send_to_its_own) {
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

/* --- Ends that meet it ------------------------------------------------------------------------ */

Test(group, on_workers_with_members_that_end) {
    troupe *rt = stage_open(3);
    for (int round = 0; round < 200; round++) {
        troupe_ref who[4];
        for (int i = 0; i < 4; i++) {
            who[i] = stage_enter(&ann);
            join(who[i], "crew");
        }
        for (int i = 0; i < 4; i++) {
            troupe_msg *msg = cue_make(CUE_KEEP, 0, TROUPE_NOBODY);
            cr_assert_eq(troupe_kill(rt, who[i]), TROUPE_OK);
            troupe_err err = troupe_post_group(rt, "crew", &msg, NULL);
            cr_assert(!err || err == TROUPE_NOTFOUND);
            troupe_drop(&msg);
        }
        for (int i = 0; i < 4; i++) stage_await_gone(who[i]);
        cr_assert_eq(count("crew"), 0);
        stage_forget();
    }
    stage_close();
}
