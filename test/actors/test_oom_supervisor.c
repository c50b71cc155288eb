/* Memory that runs out under a supervisor. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/stage.h"

static const player a = {.id = "a"}, b = {.id = "b"};
static const troupe_child two[] = {
    {.id = "a", .what = &player_behaviour, .arg = &a, .name = "a"},
    {.id = "b", .what = &player_behaviour, .arg = &b, .name = "b", .restart = TROUPE_TEMPORARY}};
static const troupe_supervision tree = {
    .child = two, .children = 2, .max_restarts = 3, .name = "top"};

/* Nothing of a tree that could not be started is there: it could be started again at once. */
static void expect_none(void) {
    cr_assert(troupe_same(stage_find("top"), TROUPE_NOBODY));
    cr_assert(troupe_same(stage_find("a"), TROUPE_NOBODY));
    cr_assert(troupe_same(stage_find("b"), TROUPE_NOBODY));
    (void)stage_run(); /* the children may have yet to be buried */
    cr_assert_eq(tr_table_live(&stage_rt()->table), 0);
}

static troupe_err supervise(void *ctx) {
    troupe_ref *top = ctx;
    *top = (troupe_ref){7, 7};
    troupe_err err = troupe_supervise(stage_rt(), &tree, 10000, top);
    cr_assert_eq(top->id == 7, err != TROUPE_OK);
    /* A child that can't be made is a start that failed. */
    cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM || err == TROUPE_START_FAILED, "%s",
              troupe_errname(err));
    if (err) expect_none();
    return err ? TROUPE_NOMEM : TROUPE_OK;
}

static void end_tree(void *ctx) {
    family_expect(*(troupe_ref *)ctx, "a:RUNNING:0 b:RUNNING:0");
    family_stop(*(troupe_ref *)ctx);
    stage_forget();
}

Test(oom, troupe_supervise) {
    troupe_ref top;
    (void)stage_open(STAGE_SIMULATED);
    exhaust_call(stage_heap(), supervise, end_tree, &top);
    stage_close();
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        (void)stage_open(STAGE_SIMULATED);
        exhaust_from(&x, stage_heap());
        troupe_err err = supervise(&top);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        if (err) cr_assert_eq(supervise(&top), TROUPE_OK, "the next try");
        end_tree(&top);
    }
}

/* The same on workers: what is told may be told while the rest still ends. */
Test(oom, a_tree_on_workers) {
    troupe_ref top;
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        (void)stage_open(2);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_supervise(stage_rt(), &tree, 10000, &top);
        (void)exhaust_to(&x);
        if (err) err = troupe_supervise(stage_rt(), &tree, 10000, &top);
        cr_assert_eq(err, TROUPE_OK, "the next try: %s", troupe_errname(err));
        end_tree(&top);
    }
}

/* Without a waiter: its end, or that of one who watches it, tells. */
static troupe_err spawn_supervisor(void *ctx) {
    troupe_ref *top = ctx;
    *top = (troupe_ref){7, 7};
    troupe_err err = troupe_spawn(stage_rt(), &troupe_supervisor, &tree, top);
    (void)stage_run();
    cr_assert_eq(top->id == 7, err != TROUPE_OK);
    if (!err && stage_there(*top)) return TROUPE_OK;
    expect_none();
    return TROUPE_NOMEM;
}

Test(oom, troupe_supervisor) {
    troupe_ref top;
    (void)stage_open(STAGE_SIMULATED);
    exhaust_call(stage_heap(), spawn_supervisor, end_tree, &top);
    stage_close();
}

static troupe_err list(void *ctx) {
    troupe_child_info info[2];
    size_t count = 77;
    troupe_err err = troupe_children(stage_rt(), *(troupe_ref *)ctx, 10000, info, 2, &count);
    cr_assert_eq(count, err ? 77 : 2);
    return err;
}

/* Who can't make the list says so, rather than have its asker wait in vain. */
Test(oom, troupe_children) {
    troupe_ref top;
    troupe *rt = stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_supervise(rt, &tree, 10000, &top), TROUPE_OK);
    exhaust_call(stage_heap(), list, NULL, &top);
    end_tree(&top);
    stage_close();
}

/* Restarts without memory are restarts that fail; at the limit the supervisor gives up. */
Test(oom, restart) {
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        (void)stage_open(STAGE_SIMULATED);
        troupe_ref top = family(two, 2, 3, 0);
        cue_named("a", CUE_FAIL, TROUPE_USER);
        exhaust_from(&x, stage_heap());
        (void)stage_run();
        bool refused = exhaust_to(&x);
        if (x.all && refused && !stage_there(top)) {
            expect_none();
            continue;
        }
        cr_assert(stage_there(top));
        cr_assert_not(troupe_same(stage_find("a"), TROUPE_NOBODY));
    }
}

/* Without memory for its timer a start fails, a delay is none, and limits are none of anybody's. */
Test(oom, restart_with_times_and_limits) {
    static const player shaky = {.id = "a"};
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        (void)stage_open(STAGE_SIMULATED);
        troupe_child child = kid(&shaky, 0);
        child.start_ms = 100;
        child.backoff_ms = 1000;
        child.max_restarts = 9;
        child.hold = true;
        troupe_ref top = family(&child, 1, 9, 0);
        cue_named("a", CUE_FAIL, TROUPE_USER);
        exhaust_from(&x, stage_heap());
        stage_advance(1000);
        (void)exhaust_to(&x);
        stage_advance(600000);
        troupe_child_info info;
        cr_assert_eq(troupe_find_child(stage_rt(), top, "a", 1000, &info), TROUPE_OK);
        cr_assert_eq(info.state, x.all ? info.state : TROUPE_CHILD_RUNNING);
        family_stop(top);
    }
}

/* A child whose time-out can't be set gets none: it is killed, so that the stop goes on. */
Test(oom, stop_of_a_supervisor) {
    static const player slow = {.id = "slow", .stopping = TROUPE_LATER};
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        troupe *rt = stage_open(STAGE_SIMULATED);
        const troupe_child child[] = {kid(&a, 0), kid(&slow, 0)};
        troupe_ref top = family(child, 2, 3, 0);
        cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
        exhaust_from(&x, stage_heap());
        stage_advance(5000);
        (void)exhaust_to(&x);
        cr_assert_not(stage_there(top));
    }
}

/* One of the group has to be made anew, and can't be: that is a start that failed. */
Test(oom, restart_of_a_group) {
    static const troupe_child three[] = {
        {.id = "a", .what = &player_behaviour, .arg = &a, .name = "a"},
        {.id = "b",
         .what = &player_behaviour,
         .arg = &b,
         .name = "b",
         .restart = TROUPE_TRANSIENT}};
    const troupe_supervision what = {
        .child = three, .children = 2, .max_restarts = 9, .strategy = TROUPE_ONE_FOR_ALL};
    size_t retried = 0;
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        troupe *rt = stage_open(STAGE_SIMULATED);
        troupe_ref top;
        cr_assert_eq(troupe_supervise(rt, &what, 10000, &top), TROUPE_OK);
        cue_named("b", CUE_EXIT, TROUPE_OK);
        (void)stage_run();
        static const player other = {.id =
                                         "other"}; /* so that there is no free place for an actor */
        while (tr_table_live(&rt->table) < TR_TABLE_CHUNK_FIRST) (void)stage_enter(&other);
        cue_named("a", CUE_FAIL, TROUPE_USER);
        exhaust_from(&x, stage_heap());
        (void)stage_run();
        bool refused = exhaust_to(&x);
        retried += stage_logged("supervisor/b can't be made: out of memory; restart ");
        if (x.all && refused && !stage_there(top)) {
            cr_assert(troupe_same(stage_find("a"), TROUPE_NOBODY));
            cr_assert(troupe_same(stage_find("b"), TROUPE_NOBODY));
            continue;
        }
        cr_assert(stage_there(top));
        cr_assert_not(troupe_same(stage_find("b"), TROUPE_NOBODY));
    }
    cr_assert_gt(retried, 0);
}
