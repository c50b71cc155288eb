#include "actors/stamp.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <troupe/report.h>

#include "actors/runtime.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(stamp, .timeout = 60);

Test(stamp, a_stamp_tells_how_long_ago_it_was_made_for_four_and_a_half_hours) {
    const uint64_t hours = 9 * 1800 * UINT64_C(1000), then = UINT64_C(123456789012);
    const uint64_t waits[] = {0, 1, 999, 60000, hours};
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        uint32_t flags = tr_msg_stamp(then) | TR_MSG_COUNTED | TR_MSG_POOLED | UINT32_C(3) << 30;
        cr_assert_eq(tr_stamp_since(flags, (then + waits[i]) * TR_MS), waits[i]);
    }
    cr_assert_eq(tr_stamp_since(tr_msg_stamp(then), (then - 3) * TR_MS), 0, "clocks differ a bit");
}

Test(stamp, a_stamp_leaves_the_flags_and_the_highest_bits_alone) {
    cr_assert_eq(tr_msg_stamp(UINT64_MAX), TR_MSG_STAMP_MASK);
    cr_assert_eq(TR_MSG_STAMP_MASK & ((1u << TR_MSG_STAMP_SHIFT) - 1), 0);
    cr_assert_lt(TR_MSG_FOREIGN, 1 << TR_MSG_STAMP_SHIFT);
    cr_assert_eq(TR_MSG_STAMP_MASK & (TR_MSG_AGAIN | TR_MSG_SHARED), 0);
}

/* --- What a report says ----------------------------------------------------------------------- */

static int64_t waited;
static tr_atomic32 told;

static void see(void *ctx, const troupe_report *report) {
    (void)ctx;
    waited = report->waited_ms;
    tr_store32_release(&told, 1);
}

static troupe *open_with(unsigned workers) {
    waited = -2;
    return stage_open_as((troupe_config){.workers = workers, .report = see});
}

static void later(unsigned ms) {
    *stage_clock() += ms * TR_MS;
}

static const player ann = {.id = "ann"};

static void waits_when(unsigned workers) {
    (void)open_with(workers);
    troupe_ref who = stage_enter(&ann);
    later(700); /* is before it was sent */
    cue(who, CUE_FAIL, TROUPE_USER);
    later(1300);
    (void)stage_run();
    cr_assert_eq(waited, 1300);
    stage_close();
}

Test(stamp, a_post_waits_from_when_it_was_posted) {
    waits_when(STAGE_SIMULATED);
    waits_when(TROUPE_STEPPED);
}

/* Fails on what it gets. */
static troupe_err refuse(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_BADTYPE;
}

static const troupe_behaviour refuser = {.name = "refuser", .receive = refuse};

static troupe_ref other;

static troupe_err forward(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_send(self, other, msg);
}

Test(stamp, a_message_that_is_sent_on_waits_from_then) {
    (void)open_with(TROUPE_STEPPED);
    const troupe_behaviour forwarder = {.name = "forwarder", .receive = forward};
    troupe_ref from;
    cr_assert_eq(troupe_spawn(stage_rt(), &refuser, NULL, &other), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &forwarder, NULL, &from), TROUPE_OK);
    (void)stage_run();
    later(300); /* has bits that 700 has not */
    cue(from, CUE_SAY, 1);
    later(400);
    cr_assert_eq(troupe_step(stage_rt(), 1), 1); /* it is sent on */
    later(250);
    cr_assert_eq(troupe_step(stage_rt(), 1), 1); /* it fails */
    cr_assert_eq(waited, 250);
    stage_close();
}

static troupe_err fail_start(troupe_self *self, void *state, const void *arg) {
    (void)self, (void)state, (void)arg;
    return TROUPE_USER;
}

static troupe_err fail_stopping(troupe_self *self, void *state) {
    (void)self, (void)state;
    return TROUPE_USER;
}

Test(stamp, without_a_message_nothing_has_waited) {
    troupe *rt = open_with(STAGE_SIMULATED);
    const troupe_behaviour what = {.name = "x", .receive = refuse, .stopping = fail_stopping};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    later(1300);
    (void)stage_run();
    cr_assert_eq(waited, -1);
    const troupe_behaviour none = {.name = "y", .receive = refuse, .start = fail_start};
    cr_assert_eq(troupe_spawn(rt, &none, NULL, &who), TROUPE_USER);
    stage_close();
}

/* --- On workers ------------------------------------------------------------------------------- */

/* Says that the last look of its worker is `LATER_MS` from now, and fails. */
enum { LATER_MS = 50000 };
static troupe_err fail_later(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    tr_worker *worker = tr_sched_mine(&troupe_runtime(self)->sched);
    uint64_t then = worker->pace.then;
    worker->pace.then = tr_clock() + LATER_MS * TR_MS;
    troupe_err err = troupe_fail(self, TROUPE_USER, "now");
    worker->pace.then = then;
    return err;
}

Test(stamp, a_callback_that_takes_long_is_no_wait) {
    troupe *rt = open_with(1);
    const troupe_behaviour what = {.name = "x", .receive = fail_later};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    while (!tr_load32_acquire(&told)) sched_yield();
    cr_assert_geq(waited, LATER_MS - 1, "by the last look of its worker");
    cr_assert_lt(waited, 2 * LATER_MS);
    stage_close();
}

Test(stamp, who_finds_all_asleep_looks_at_the_clock) {
    troupe *rt = open_with(1);
    troupe_ref who = stage_enter(&ann);
    while (!tr_load32_seq(&rt->sched.watch.asleep)) sched_yield();
    tr_stamp_tick(&rt->sched, tr_clock() - LATER_MS * TR_MS); /* as if they had slept so long */
    cue(who, CUE_FAIL, TROUPE_USER);
    while (!tr_load32_acquire(&told)) sched_yield();
    cr_assert_lt(waited, LATER_MS);
    stage_close();
}

Test(stamp, the_watch_keeps_the_clock_going_while_somebody_is_awake) {
    troupe *rt = open_with(1);
    const troupe_behaviour what = {.name = "x", .receive = gate_receive};
    troupe_ref who;
    gate_shut();
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    gate_await(1);
    uint32_t old = tr_msg_stamp(tr_clock() / TR_MS - LATER_MS);
    tr_store32_relaxed(&rt->sched.stamp, old);
    while (tr_stamp_now(&rt->sched) == old) sched_yield();
    gate_open(1);
    stage_close();
}
