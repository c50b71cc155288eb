/* Monitors by name, and what is queued of one that is over. `case_N` is a numbered case of the
 * conformance list for links and monitors. */
#include <criterion/criterion.h>
#include <troupe/observe.h>

#include "actors/runtime.h"
#include "test/support/family.h"
#include "test/support/orders.h"
#include "test/support/player.h"

TestSuite(monitor_cases, .timeout = 100);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

static size_t ties(void) {
    return stage_rt()->ties.all.count;
}

/* Watches; by a cue of kind SAY takes the last one back with its down, by COUNT without. */
static troupe_err watch_and_flush(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *monitor = state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (!cue) {
        stage_say("down");
        cr_assert_eq(troupe_demonitor_flush(self, *monitor), TROUPE_NOTFOUND);
        return TROUPE_OK;
    }
    if (cue->act == CUE_WATCH) return troupe_monitor(self, cue->who, monitor);
    stage_say("%s", troupe_errname(cue->act == CUE_SAY ? troupe_demonitor_flush(self, *monitor)
                                                       : troupe_demonitor(self, *monitor)));
    return TROUPE_OK;
}

Test(monitor_cases, case_19_flush_makes_a_queued_down_void_and_without_it_still_comes) {
    const troupe_behaviour what = {.receive = watch_and_flush, .state_size = 8};
    troupe *rt = stage_open(TROUPE_STEPPED);
    for (uint32_t flush = 0; flush < 2; flush++) {
        troupe_ref a, b = stage_enter(&ben);
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &a), TROUPE_OK);
        cue_about(a, CUE_WATCH, 0, b);
        stage_expect("start(ben)");
        cue(b, CUE_EXIT, TROUPE_OK);
        cue(a, flush ? CUE_SAY : CUE_COUNT, 0); /* behind this the down is queued */
        stage_expect(flush ? "stop(ben,OK) OK" : "stop(ben,OK) NOTFOUND down");
        cue(a, CUE_SAY, 0);
        stage_expect("NOTFOUND");
        cr_assert_eq(ties(), 0);
        b = stage_enter(&ben);
        cue_about(a, CUE_WATCH, 0, b);
        cue(a, CUE_SAY, 0);
        cue(b, CUE_EXIT, TROUPE_OK);
        stage_expect("start(ben) OK stop(ben,OK)");
    }
    stage_close();
}

static troupe_err watch_name(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *monitor = state;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (!down) return troupe_monitor_name(self, "post", monitor);
    cr_assert_eq(down->monitor, *monitor);
    cr_assert_eq(down->who.node, troupe_me(self).node);
    cr_assert_eq(down->who.id, 0);
    stage_say("down(%s,%s)", down->name, troupe_errname((troupe_err)down->why));
    return TROUPE_OK;
}

static void by_name(unsigned workers) {
    const troupe_behaviour what = {.receive = watch_name, .state_size = 8};
    troupe *rt = stage_open(workers);
    troupe_ref a, b = stage_enter(&ben);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &a), TROUPE_OK);
    cue(a, CUE_SAY, 0);
    stage_expect("start(ben) down(post,GONE)");
    cr_assert_eq(troupe_register(rt, b, "post"), TROUPE_OK);
    cue(a, CUE_SAY, 0);
    troupe_account account = {0};
    while (account.handled < 3) {
        (void)stage_run();
        cr_assert_eq(troupe_account_of(rt, a, &account), TROUPE_OK);
    }
    cue(b, CUE_EXIT, TROUPE_USER);
    stage_expect("stop(ben,USER) down(post,USER)");
    stage_await_gone(b);
    b = stage_enter(&ben);
    cr_assert_eq(troupe_register(rt, b, "post"), TROUPE_OK);
    cue(b, CUE_EXIT, TROUPE_USER);
    stage_expect("start(ben) stop(ben,USER)");
    stage_await_gone(b);
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(monitor_cases, case_22_watched_by_name_the_down_names_name_and_node) {
    in_all_orders(by_name);
}

/* A down for a life that is over does not come to the next. */
Test(monitor_cases, a_down_that_waits_when_a_life_ends_does_not_reach_the_next) {
    const troupe_child child[] = {kid(&ann, TROUPE_PERMANENT)};
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref b = stage_enter(&ben);
    (void)family(child, 1, 9, 0);
    cue_about(stage_find("ann"), CUE_WATCH, 1, b);
    stage_expect("start(ben) start(ann)");
    cue(b, CUE_EXIT, TROUPE_OK);
    cue_named("ann", CUE_FAIL, TROUPE_USER); /* behind this the down is queued */
    cue_named("ann", CUE_SAY, 1);
    stage_expect("stop(ben,OK) stop(ann,USER) start(ann) ann:1");
    cr_assert_eq(ties(), 0);
    stage_close();
}
