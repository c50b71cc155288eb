/* Memory that runs out when a supervisor's children come and go. */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/stage.h"

enum { MS = 10000 };

static const player a = {.id = "a"}, b = {.id = "b"};
static troupe_ref top;

/* A child that gets no memory for its start is a start that failed. Nothing of it is left. */
static troupe_err nomem(troupe_err err) {
    cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM || err == TROUPE_START_FAILED, "%s",
              troupe_errname(err));
    (void)stage_run();
    return err ? TROUPE_NOMEM : TROUPE_OK;
}

static void exhaust_family(troupe_err (*call)(void *ctx), void (*undo)(void *ctx)) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {kid(&a, 0)};
    top = family(child, 1, 3, 0);
    exhaust_call(stage_heap(), call, undo, NULL);
    family_expect(top, "a:RUNNING:0");
    family_stop(top);
    stage_close();
}

static troupe_err start(void *ctx) {
    (void)ctx;
    const troupe_child child = kid(&b, 0);
    troupe_ref ref = {7, 7};
    troupe_err err = nomem(troupe_start_child(stage_rt(), top, &child, MS, &ref));
    cr_assert_eq(ref.id == 7, err != TROUPE_OK);
    cr_assert_eq(troupe_same(stage_find("b"), TROUPE_NOBODY), err != TROUPE_OK);
    return err;
}

static void end(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_terminate_child(stage_rt(), top, "b", MS), TROUPE_OK);
    cr_assert_eq(troupe_delete_child(stage_rt(), top, "b", MS), TROUPE_OK);
    (void)stage_run();
    stage_forget();
}

Test(oom, troupe_start_child) {
    exhaust_family(start, end);
}

/* A stop without memory for its time-out gets no time: it comes to the same here. */
static troupe_err terminate(void *ctx) {
    (void)ctx;
    return nomem(troupe_terminate_child(stage_rt(), top, "a", MS));
}

static void restart_a(void *ctx) {
    (void)ctx;
    troupe_ref ref;
    cr_assert_eq(troupe_restart_child(stage_rt(), top, "a", MS, &ref), TROUPE_OK);
    (void)stage_run();
    stage_forget();
}

Test(oom, troupe_terminate_child) {
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        (void)stage_open(STAGE_SIMULATED);
        const troupe_child child[] = {kid(&a, 0)};
        top = family(child, 1, 3, 0);
        exhaust_from(&x, stage_heap());
        troupe_err err = terminate(NULL);
        bool refused = exhaust_to(&x);
        cr_assert(err == TROUPE_OK || refused);
        cr_assert_eq(terminate(NULL), TROUPE_OK, "the next try");
        family_expect(top, "a:ENDED:0");
        restart_a(NULL);
        family_expect(top, "a:RUNNING:0");
    }
}

static troupe_err restart(void *ctx) {
    (void)ctx;
    troupe_ref ref = {7, 7};
    troupe_err err = nomem(troupe_restart_child(stage_rt(), top, "a", MS, &ref));
    cr_assert_eq(ref.id == 7, err != TROUPE_OK);
    return err;
}

static void terminate_a(void *ctx) {
    (void)ctx;
    cr_assert_eq(terminate(NULL), TROUPE_OK);
    stage_forget();
}

Test(oom, troupe_restart_child) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child[] = {kid(&a, 0)};
    top = family(child, 1, 3, 0);
    terminate_a(NULL);
    exhaust_call(stage_heap(), restart, terminate_a, NULL);
    family_expect(top, "a:ENDED:0");
    stage_close();
}

static troupe_err forget(void *ctx) {
    (void)ctx;
    return nomem(troupe_delete_child(stage_rt(), top, "b", MS));
}

Test(oom, troupe_delete_child) {
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        (void)stage_open(STAGE_SIMULATED);
        const troupe_child child[] = {kid(&a, 0), kid(&b, 0)};
        top = family(child, 2, 3, 0);
        cr_assert_eq(troupe_terminate_child(stage_rt(), top, "b", MS), TROUPE_OK);
        exhaust_from(&x, stage_heap());
        troupe_err err = forget(NULL);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        family_expect(top, err ? "a:RUNNING:0 b:ENDED:0" : "a:RUNNING:0");
    }
}

static troupe_err find(void *ctx) {
    (void)ctx;
    troupe_child_info info;
    return troupe_find_child(stage_rt(), top, "a", MS, &info);
}

Test(oom, troupe_find_child) {
    exhaust_family(find, NULL);
}

static troupe_err count(void *ctx) {
    (void)ctx;
    troupe_child_counts counts;
    return troupe_count_children(stage_rt(), top, MS, &counts);
}

Test(oom, troupe_count_children) {
    exhaust_family(count, NULL);
}

/* An actor that asks for a child's end once told to, or to be told that it can't. */
static troupe_err asked;

static troupe_err manage(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const troupe_child_request request = {.act = TROUPE_DELETE_CHILD, .id = "nobody"};
    if (troupe_as(*msg, &troupe_child_done_type)) stage_say("done");
    if (troupe_as(*msg, &cue_type)) asked = troupe_request_child(self, top, &request);
    return TROUPE_OK;
}

Test(oom, troupe_request_child) {
    static const troupe_behaviour manager = {.name = "manager", .receive = manage};
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        troupe *rt = stage_open(STAGE_SIMULATED);
        troupe_ref who;
        top = family(NULL, 0, 0, 0);
        cr_assert_eq(troupe_spawn(rt, &manager, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 1);
        exhaust_from(&x, stage_heap());
        (void)stage_run();
        cr_assert_eq(asked, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        stage_expect(asked ? "" : "done");
    }
}

/* --- Dynamic children ------------------------------------------------------------------------- */

static troupe_ref last;

static void open_pool(void) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child model = {.id = "kid", .what = &player_behaviour};
    const troupe_supervision what = {
        .child = &model, .children = 1, .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    cr_assert_eq(troupe_supervise(stage_rt(), &what, MS, &top), TROUPE_OK);
}

static troupe_err start_dynamic(void *ctx) {
    (void)ctx;
    last = (troupe_ref){7, 7};
    troupe_err err = nomem(troupe_start_dynamic_child(stage_rt(), top, &b, MS, &last));
    cr_assert_eq(last.id == 7, err != TROUPE_OK);
    return err;
}

static void end_dynamic(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_terminate_dynamic_child(stage_rt(), top, last, MS), TROUPE_OK);
    (void)stage_run();
    stage_forget();
}

Test(oom, troupe_start_dynamic_child) {
    open_pool();
    exhaust_call(stage_heap(), start_dynamic, end_dynamic, NULL);
    family_expect(top, "");
    stage_close();
}

Test(oom, troupe_terminate_dynamic_child) {
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        open_pool();
        cr_assert_eq(start_dynamic(NULL), TROUPE_OK);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_terminate_dynamic_child(stage_rt(), top, last, MS);
        cr_assert(exhaust_to(&x) ? err == TROUPE_OK || err == TROUPE_NOMEM : err == TROUPE_OK);
        end_dynamic(NULL);
        family_expect(top, "");
    }
}

/* A start by hand without memory is one that failed, so the child is held still. */
Test(oom, troupe_restart_dynamic_child) {
    const troupe_child model = {.id = "kid",
                                .what = &player_behaviour,
                                .arg = &b,
                                .max_restarts = 1,
                                .hold = true};
    const troupe_supervision what = {.child = &model,
                                     .children = 1,
                                     .max_restarts = TROUPE_UNLIMITED,
                                     .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    for (exhaust x = {0}; exhaust_next(&x); stage_close()) {
        troupe *rt = stage_open(STAGE_SIMULATED);
        cr_assert_eq(troupe_supervise(rt, &what, MS, &top), TROUPE_OK);
        cr_assert_eq(start_dynamic(NULL), TROUPE_OK);
        for (int i = 0; i < 2; i++) {
            cue(last, CUE_FAIL, TROUPE_USER);
            (void)stage_run();
        }
        family_expect(top, "kid:HELD:1");
        exhaust_from(&x, stage_heap());
        troupe_err err = nomem(troupe_restart_dynamic_child(rt, top, last, MS));
        cr_assert(exhaust_to(&x) || err == TROUPE_OK);
        family_expect(top, err ? "kid:HELD:1" : "kid:RUNNING:1");
    }
}
