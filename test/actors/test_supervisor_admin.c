/* Supervisors: lists, noise, and what they copy. `case_N` is a numbered case of the conformance
 * list for supervisors. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_admin, .timeout = 60);

static const player a = {.id = "a"}, b = {.id = "b"}, c = {.id = "c"};

Simulated(supervisor_admin, a_list_tells_each_child_in_start_order) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_supervision inner = {0};
    const troupe_child child[] = {kid(&c, TROUPE_PERMANENT),
                                  kid(&a, TROUPE_TRANSIENT),
                                  kid(&b, TROUPE_PERMANENT),
                                  {.id = "inner", .what = &troupe_supervisor, .arg = &inner}};
    troupe_ref top = family(child, 4, 5, 0);
    cue_named("a", CUE_EXIT, TROUPE_SHUTDOWN);
    cue_named("b", CUE_RETURN, TROUPE_USER);
    (void)stage_run();
    troupe_child_info info[4];
    size_t count = 0;
    cr_assert_eq(troupe_children(rt, top, 1000, info, 4, &count), TROUPE_OK);
    cr_assert_eq(count, 4);
    const char *const id[] = {"c", "a", "b", "inner"};
    const troupe_err why[] = {TROUPE_OK, TROUPE_SHUTDOWN, (troupe_err)TROUPE_USER, TROUPE_OK};
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_str_eq(info[i].id, id[i]);
        cr_assert_eq(info[i].supervisor, i == 3);
        cr_assert_eq(info[i].why, why[i]);
        cr_assert_eq(info[i].restarts, i == 2);
        cr_assert_eq(info[i].state, i == 1 ? TROUPE_CHILD_ENDED : TROUPE_CHILD_RUNNING);
        cr_assert(i == 3 || troupe_same(info[i].ref, stage_find(id[i])));
    }
    stage_close();
}

Simulated(supervisor_admin, a_list_fills_the_room_that_there_is) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), kid(&c, 0)};
    troupe_ref top = family(child, 3, 5, 0);
    troupe_child_info info[2];
    memset(info, 7, sizeof info);
    size_t count = 0;
    cr_assert_eq(troupe_children(rt, top, 1000, info, 1, &count), TROUPE_OK);
    cr_assert_eq(count, 3);
    cr_assert_str_eq(info[0].id, "a");
    cr_assert_eq(info[1].id[0], 7);
    cr_assert_eq(troupe_children(rt, top, 1000, NULL, 0, &count), TROUPE_OK);
    cr_assert_eq(count, 3);
    stage_close();
}

static troupe_err echo(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_reply(self, msg);
}

static void list_inside(troupe_self *self) {
    size_t count;
    troupe_ref ref;
    troupe *rt = troupe_runtime(self);
    stage_say("%s", troupe_errname(troupe_children(rt, stage_find("top"), 9, NULL, 0, &count)));
    const troupe_supervision none = {0};
    stage_say("%s", troupe_errname(troupe_supervise(rt, &none, 9, &ref)));
}

Simulated(supervisor_admin, errors_of_a_list) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.receive = echo};
    const player curious = {.id = "curious", .at_start = list_inside};
    troupe_ref who, top = family(NULL, 0, 0, 0);
    size_t count;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_children(rt, who, 1000, NULL, 0, &count), TROUPE_BADTYPE);
    cr_assert_eq(troupe_children(rt, TROUPE_NOBODY, 1000, NULL, 0, &count), TROUPE_GONE);
    cr_assert_eq(troupe_register(rt, top, "top"), TROUPE_OK);
    (void)stage_enter(&curious);
    stage_expect("start(curious) INVALID INVALID");
    cr_assert_eq(troupe_kill(rt, top), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(troupe_children(rt, top, 1000, NULL, 0, &count), TROUPE_GONE);
    stage_close();
}

static bool has_starting(const troupe_child_info *info, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (info[i].state == TROUPE_CHILD_STARTING) return true;
    return false;
}

static void many(unsigned workers) {
    troupe *rt = stage_open(workers);
    enum { MANY = 1000, FEW = 50 };
    /* A simulation chooses among all that could run, which takes long in many orders. */
    const size_t all = getenv("STAGE_SEED") ? FEW : MANY;
    static troupe_child child[MANY];
    static troupe_child_info info[MANY];
    static char id[MANY][16];
    for (int i = 0; (size_t)i < all; i++) {
        snprintf(id[i], sizeof id[i], "k%d", i);
        child[i] = (troupe_child){.id = id[i], .what = &player_behaviour};
    }
    troupe_ref top = family(child, all, MANY, 60000);
    stage_forget();
    size_t count;
    for (int round = 0; round < 2; round++) {
        cr_assert_eq(troupe_children(rt, top, 30000, info, MANY, &count), TROUPE_OK);
        cr_assert_eq(count, all);
        for (int i = 0; (size_t)i < all; i++) {
            cr_assert_str_eq(info[i].id, id[i]);
            cr_assert_eq(info[i].state, TROUPE_CHILD_RUNNING);
            cr_assert_eq(info[i].restarts, (uint32_t)round);
            if (round == 0) cr_assert_eq(troupe_kill(rt, info[i].ref), TROUPE_OK);
        }
        /* All have begun to start, and soon their supervisor knows. */
        if (round == 0) stage_await(all);
        do {
            cr_assert_eq(troupe_children(rt, top, 30000, info, MANY, &count), TROUPE_OK);
        } while (has_starting(info, all));
    }
    stage_close();
}

Test(supervisor_admin, case_62_long_lists_agree_before_and_after_all_were_killed) {
    everywhere(many);
}

/* --- Noise ------------------------------------------------------------------------------------ */

/* Types that look like the supervisor's own. */
struct late {
    uint64_t kid;
    uint32_t life;
};
static const troupe_type late_type =
    TROUPE_TYPE(late, TROUPE_FIELD(late, kid), TROUPE_FIELD(late, life));
static const troupe_type await_type = TROUPE_SIGNAL_TYPE("troupe_await"),
                         list_type = TROUPE_SIGNAL_TYPE("troupe_list_children"),
                         note_type = TROUPE_SIGNAL_TYPE("troupe_note");

static void noise(unsigned workers) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {kid(&a, 0)};
    troupe_ref top = family(child, 1, 0, 0), watcher = stage_enter(&b);
    const struct late late = {.kid = 1u << 20, .life = 1};
    const troupe_type *const type[] = {&await_type, &list_type, &note_type, &late_type, &late_type};
    for (int i = 0; i < 5; i++) {
        troupe_msg *msg = NULL;
        cr_assert_eq(troupe_make(rt, type[i], i < 3 ? NULL : (const void *)&late, &msg), TROUPE_OK);
        cr_assert_eq(troupe_post(rt, top, &msg), TROUPE_OK);
    }
    cue(top, CUE_FAIL, TROUPE_USER);
    cue_about(watcher, CUE_WATCH, 1, top);
    cue(watcher, CUE_FAIL, TROUPE_USER); /* a stranger that watches, and fails */
    stage_expect_all("start(a) start(b) stop(b,USER)");
    stage_await_gone(watcher);
    family_expect(top, "a:RUNNING:0");
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(rt, top, &waiting, NULL), TROUPE_OK);
    cr_assert(!stage_is_stepped() || waiting == 0);
    cr_assert_eq(stage_logged("a supervisor ignores a cue"), 1);
    cr_assert_eq(stage_logged("a supervisor ignores a "), 6);
    stage_close();
}

Test(supervisor_admin, case_31_noise_changes_nothing) {
    everywhere(noise);
}

Simulated(supervisor_admin, what_a_supervision_points_to_is_copied) {
    (void)stage_open(STAGE_SIMULATED);
    char id[] = "a", name[] = "the name";
    troupe_child child = kid(&a, 0);
    child.id = id;
    child.name = name;
    troupe_supervision what = {.child = &child, .children = 1, .max_restarts = 3};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(stage_rt(), &what, 1000, &top), TROUPE_OK);
    memset(id, 'x', sizeof id - 1);
    memset(name, 'x', sizeof name - 1);
    memset(&child, 7, sizeof child);
    memset(&what, 7, sizeof what);
    cue_named("the name", CUE_FAIL, TROUPE_USER);
    stage_expect("start(a) stop(a,USER) start(a)");
    family_expect(top, "a:RUNNING:1");
    stage_close();
}

Simulated(supervisor_admin, a_child_may_be_stopped_before_it_ever_ran) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const player late = {.id = "a", .start = TROUPE_LATER};
    const troupe_child child[] = {kid(&late, 0), kid(&b, 0)};
    const troupe_supervision what = {.child = child, .children = 2};
    troupe_ref top;
    cr_assert_eq(troupe_spawn(rt, &troupe_supervisor, &what, &top), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, stage_find("a")), TROUPE_OK); /* its start is asked for, not run */
    stage_expect("");
    cr_assert_not(stage_there(top), "a start that does not complete is a failed one");
    stage_close();
}

/* --- A supervisor's own name ------------------------------------------------------------------ */

Simulated(supervisor_admin, a_supervisors_own_name_is_kept_over_restarts_and_in_reports) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_child grandchild = kid(&a, 0);
    const troupe_supervision inner = {.child = &grandchild, .children = 1, .name = "inner name"};
    const troupe_child child = {.id = "inner", .what = &troupe_supervisor, .arg = &inner};
    const troupe_supervision outer = {
        .child = &child, .children = 1, .max_restarts = 5, .name = "outer name"};
    troupe_ref top, other;
    cr_assert_eq(troupe_supervise(rt, &outer, 1000, &top), TROUPE_OK);
    cr_assert(troupe_same(stage_find("outer name"), top));
    cr_assert_eq(troupe_supervise(rt, &outer, 1000, &other), TROUPE_TAKEN);
    troupe_ref before = stage_find("inner name");
    cr_assert(stage_there(before));
    for (int i = 0; i < 3; i++) {
        cue_named("a", CUE_FAIL, TROUPE_USER);
        stage_forget();
        stage_expect("stop(a,USER) start(a)");
        cr_assert(troupe_same(stage_find("inner name"), before));
    }
    cr_assert_eq(stage_logged("actor failed: outer name/inner/a (life 1)"), 3);
    family_expect(top, "inner:RUNNING:3");
    family_stop(top);
    cr_assert(troupe_same(stage_find("outer name"), TROUPE_NOBODY));
    stage_close();
}
