#include "actors/teller.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>

#include "actors/report.h"
#include "actors/runtime.h"
#include "base/backtrace.h"
#include "base/place.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(teller, .timeout = 60);

/* What a hook saw. The one that tells writes; read once the stage is closed. */
static char seen[256];
static unsigned by_worker, with_callers;
static bool waits; /* the hook does, at the gate, once */

static void see(void *ctx, const troupe_report *report) {
    (void)ctx;
    strcat(strcat(seen, report->text), *report->message ? "+ " : " ");
    by_worker += tr_place_now().runtime != NULL;
    with_callers += report->callers > 0;
    if (!waits) return;
    waits = false;
    gate_wait();
}

static troupe *open_with(unsigned workers) {
    seen[0] = '\0';
    by_worker = with_callers = 0;
    return stage_open_as((troupe_config){.workers = workers, .report = see});
}

/* Says the number, with callers, or if it is odd in a way that has none. */
static troupe_err fail(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    uint32_t n = cue_n(*msg);
    if (n % 2)
        tr_actor_fail(self, TROUPE_USER, "%u", (unsigned)n);
    else
        (void)troupe_fail(self, TROUPE_USER, "%u", (unsigned)n);
    return TROUPE_OK;
}

static const troupe_behaviour failer = {.name = "failer", .receive = fail};

static void fails(uint32_t n) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &failer, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, n);
    stage_await_gone(who);
}

Test(teller, tells_in_order_and_no_worker_waits_for_it) {
    if (!tr_backtrace_ready()) return; /* then there is nothing to wait for */
    (void)open_with(1);
    gate_shut();
    waits = true;
    fails(2);
    gate_await(1);
    fails(3); /* has no callers, and waits all the same */
    fails(4);
    cr_assert_str_eq(seen, "2+ ");
    gate_open(1);
    stage_close();
    cr_assert_str_eq(seen, "2+ 3+ 4+ ");
    cr_assert_eq(by_worker, 0);
    cr_assert_eq(with_callers, 2);
}

Test(teller, what_needs_no_time_is_told_at_once) {
    troupe *rt = open_with(1);
    fails(3);
    fails(5);
    cr_assert_not(rt->teller.started);
    stage_close();
    cr_assert_str_eq(seen, "3+ 5+ ");
    cr_assert_eq(by_worker, 2);
}

Test(teller, a_stepped_runtime_has_none) {
    troupe *rt = open_with(TROUPE_STEPPED);
    fails(2);
    cr_assert_not(rt->teller.started);
    cr_assert_str_eq(seen, "2+ ");
    cr_assert_eq(with_callers, tr_backtrace_ready());
    stage_close();
}

Test(teller, a_log_needs_none) {
    troupe *rt = stage_open(1);
    fails(2);
    cr_assert_not(rt->teller.started);
    cr_assert_eq(stage_logged("actor failed: failer"), 1);
    stage_close();
}

Test(teller, without_memory_it_is_told_at_once_without_callers) {
    troupe *rt = open_with(1);
    troupe_report report = tr_report_blank(TROUPE_REPORT_FAILED, TROUPE_ERROR);
    const uintptr_t at = (uintptr_t)fails;
    report.caller = &at;
    report.callers = 1;
    counting_heap_fail(stage_heap(), 1, 0);
    cr_assert_not(tr_teller_take(&rt->teller, &report));
    cr_assert_eq(report.callers, 0);
    report.callers = 1;
    report.text = "said";
    cr_assert(tr_teller_take(&rt->teller, &report));
    stage_close();
    cr_assert_str_eq(seen, "said ");
    cr_assert_eq(with_callers, 1);
}

Test(teller, what_comes_after_its_end_is_told_at_once) {
    troupe *rt = open_with(1);
    troupe_report report = tr_report_blank(TROUPE_REPORT_FAILED, TROUPE_ERROR);
    report.callers = 1;
    tr_teller_end(&rt->teller);
    cr_assert_not(tr_teller_take(&rt->teller, &report));
    stage_close();
}
