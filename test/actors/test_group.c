#include "actors/group.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/family.h"
#include "test/support/everywhere.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(group, .timeout = 60);

static const player ann = {.id = "ann"}, bob = {.id = "bob"};

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
