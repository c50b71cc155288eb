/* Reports of real failures, word for word: support/golden.h. */
#define TROUPE_DEBUG_MOVES
#include <criterion/criterion.h>
#include <sched.h>
#include <troupe/link.h>
#include <troupe/moves.h>
#include <troupe/report.h>

#include "base/atomic.h"
#include "base/backtrace.h"
#include "base/symbol.h"
#include "test/support/family.h"
#include "test/support/gate.h"
#include "test/support/golden.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(golden, .timeout = 60);

static troupe *open_with(unsigned workers) {
    golden_forget();
    return stage_open_as((troupe_config){.workers = workers, .report = golden_see, .slow_ms = 5});
}

static void expect(const char *name) {
    golden_expect("actors", name);
}

/* --- Mistakes of a new user ------------------------------------------------------------------- */

static troupe_ref other;

static troupe_err no_such_type(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_BADTYPE;
}

static troupe_err send_to_other(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_send(self, other, msg);
}

static troupe_err send_twice(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_err err = (troupe_send)(self, other, msg); /* as without TROUPE_DEBUG_MOVES */
    return err ? err : (troupe_send)(self, other, msg);
}

static troupe_err send_twice_and_be_seen(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_err err = troupe_send(self, other, msg);
    return err ? err : troupe_send(self, other, msg);
}

static troupe_err ask_oneself(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_ask(troupe_runtime(self), troupe_me(self), msg, 1000);
}

static troupe_err require(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    uint32_t n = cue_n(*msg);
    TROUPE_REQUIRE(self, n < 5, "n is %u", (unsigned)n);
    return TROUPE_OK;
}

static troupe_err take_much(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state, (void)msg;
    return troupe_alloc(self, 2000) ? TROUPE_OK : TROUPE_NOMEM;
}

/* An actor that does that with one message, which fails it. */
static void one_fails(const char *name,
                      troupe_err (*receive)(troupe_self *self, void *state, troupe_msg **msg)) {
    troupe *rt = stage_rt();
    const troupe_behaviour what = {.name = "shop", .receive = receive, .memory_limit = 1000};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 7);
    *stage_clock() += 1302 * TR_MS;
    (void)stage_run();
    stage_close();
    expect(name);
}

Test(golden, a_type_that_it_does_not_know) {
    (void)open_with(STAGE_SIMULATED);
    one_fails("unknown_type", no_such_type);
}

static const player ann = {.id = "ann"};

Test(golden, a_receiver_that_has_ended) {
    troupe *rt = open_with(STAGE_SIMULATED);
    other = stage_enter(&ann);
    cr_assert_eq(troupe_stop(rt, other), TROUPE_OK);
    (void)stage_run();
    one_fails("ended_receiver", send_to_other);
}

Test(golden, a_full_mailbox) {
    troupe *rt = open_with(TROUPE_STEPPED);
    static const troupe_behaviour small = {
        .name = "slow", .receive = no_such_type, .mailbox_limit = 1};
    const troupe_behaviour what = {.name = "shop", .receive = send_to_other};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 7);
    cr_assert_eq(troupe_spawn(rt, &small, NULL, &other), TROUPE_OK);
    cue(other, CUE_SAY, 1);
    cr_assert_eq(troupe_step(rt, 1), 1);
    cr_assert_eq(troupe_kill(rt, other), TROUPE_OK);
    (void)stage_run();
    stage_close();
    expect("full_mailbox");
}

Test(golden, a_message_that_was_sent_already) {
    (void)open_with(STAGE_SIMULATED);
    other = stage_enter(&ann);
    one_fails("moved_message", send_twice);
}

Test(golden, a_message_that_was_sent_already_in_a_debug_build) {
    (void)open_with(STAGE_SIMULATED);
    other = stage_enter(&ann);
    one_fails("moved_message_debug", send_twice_and_be_seen);
}

Test(golden, an_ask_to_oneself) {
    (void)open_with(STAGE_SIMULATED);
    one_fails("ask_oneself", ask_oneself);
}

Test(golden, a_condition_that_does_not_hold) {
    (void)open_with(STAGE_SIMULATED);
    one_fails("unmet", require);
}

Test(golden, more_memory_than_allowed) {
    (void)open_with(STAGE_SIMULATED);
    one_fails("over_budget", take_much);
}

static volatile int deep; /* nothing here becomes a jump */

__attribute__((noinline)) static troupe_err deduct(troupe_self *self, unsigned n) {
    troupe_err err = n ? deduct(self, n - 1) : troupe_fail(self, TROUPE_INVALID, "no such sum");
    deep++;
    return err;
}

static troupe_err withdraw(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    troupe_err err = deduct(self, cue_n(*msg));
    deep++;
    return err;
}

/* Whether this build knows places in the source. */
static void note_place(void *ctx, const tr_symbol *symbol) {
    *(bool *)ctx = symbol->file != NULL;
}

Test(golden, a_failure_deep_in_functions) {
    const uintptr_t at = (uintptr_t)deduct + 1;
    tr_symbol_find(&at, 1, note_place, &golden_keeps_callers);
    golden_keeps_callers = golden_keeps_callers && tr_backtrace_ready();
    if (!golden_keeps_callers) return;
    (void)open_with(STAGE_SIMULATED);
    one_fails("callers", withdraw);
}

/* --- Supervision ------------------------------------------------------------------------------ */

Test(golden, restarts_until_the_root_gives_up) {
    (void)open_with(STAGE_SIMULATED);
    const troupe_child child = kid(&ann, TROUPE_PERMANENT);
    troupe_ref root = family(&child, 1, 2, 10000);
    for (int i = 0; i < 3; i++) {
        cue_named("ann", CUE_FAIL, TROUPE_USER + 1);
        (void)stage_run();
    }
    cr_assert_not(stage_there(root));
    stage_close();
    expect("gave_up");
}

Test(golden, a_start_that_fails) {
    troupe *rt = open_with(STAGE_SIMULATED);
    uint32_t starts = 0;
    const player never = {.id = "never", .starts = &starts, .fail_from = 1, .fail_past = 9};
    const troupe_child child = kid(&never, TROUPE_PERMANENT);
    const troupe_supervision what = {.child = &child, .children = 1, .name = "root"};
    troupe_ref root;
    cr_assert_eq(troupe_supervise(rt, &what, 1000, &root), TROUPE_START_FAILED);
    stage_close();
    expect("start_failed");
}

Test(golden, a_name_that_is_taken) {
    troupe *rt = open_with(STAGE_SIMULATED);
    troupe_ref first = stage_enter(&ann), root;
    cr_assert_eq(troupe_register(rt, first, "ann"), TROUPE_OK);
    const troupe_child child = kid(&ann, TROUPE_PERMANENT);
    const troupe_supervision what = {.child = &child, .children = 1};
    cr_assert_eq(troupe_supervise(rt, &what, 1000, &root), TROUPE_START_FAILED);
    stage_close();
    expect("name_taken");
}

Test(golden, a_child_that_is_held) {
    (void)open_with(STAGE_SIMULATED);
    troupe_child child = kid(&ann, TROUPE_PERMANENT);
    child.max_restarts = 1;
    child.hold = true;
    troupe_ref root = family(&child, 1, 9, 10000);
    for (int i = 0; i < 2; i++) {
        cue_named("ann", CUE_FAIL, TROUPE_USER + 1);
        (void)stage_run();
    }
    family_stop(root);
    stage_close();
    expect("held");
}

Test(golden, a_message_that_is_quarantined) {
    (void)open_with(STAGE_SIMULATED);
    troupe_child child = kid(&ann, TROUPE_PERMANENT);
    child.poison_after = 2;
    troupe_ref root = family(&child, 1, 9, 10000);
    cue_named("ann", CUE_FAIL, TROUPE_USER + 1);
    (void)stage_run();
    family_stop(root);
    stage_close();
    expect("quarantined");
}

/* --- Callbacks that do not return ------------------------------------------------------------- */

Test(golden, a_callback_that_holds_its_worker) {
    troupe *rt = open_with(1);
    const troupe_behaviour what = {.name = "shop", .receive = gate_receive};
    troupe_ref who;
    gate_shut();
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 7);
    while (!tr_load32_acquire(&golden_told)) sched_yield();
    gate_open(1);
    stage_close();
    expect("slow");
}

Test(golden, a_straggler) {
    (void)open_with(2);
    const troupe_behaviour what = {.name = "shop", .receive = gate_receive, .blocking = true};
    const troupe_child child = {.id = "till", .what = &what, .name = "till", .shutdown_ms = 5};
    gate_shut();
    troupe_ref root = family(&child, 1, 1, 1000);
    cue_named("till", CUE_SAY, 7);
    gate_await(1);
    family_stop(root); /* goes on without it */
    gate_open(1);
    stage_close();
    expect("straggler");
}

/* --- Folding ---------------------------------------------------------------------------------- */

static uint64_t reports, folded;

static void count(void *ctx, const troupe_report *report) {
    (void)ctx;
    reports++;
    folded += report->more;
}

Test(golden, failures_that_are_alike_are_told_once_and_counted) {
    (void)stage_open_as(
        (troupe_config){.workers = STAGE_SIMULATED, .report = count, .fold_ms = 10000});
    const troupe_child child = kid(&ann, TROUPE_PERMANENT);
    troupe_ref root = family(&child, 1, TROUPE_UNLIMITED, 0);
    for (int i = 0; i < 12; i++) {
        cue_named("ann", CUE_FAIL, TROUPE_USER + 1);
        (void)stage_run();
    }
    cr_assert(reports == 1 && folded == 0);
    cue_named("ann", CUE_FAIL, TROUPE_USER + 2);
    (void)stage_run();
    cr_assert(reports == 2 && folded == 0, "another reason is another report");
    stage_advance(10001);
    cue_named("ann", CUE_FAIL, TROUPE_USER + 1);
    (void)stage_run();
    cr_assert(reports == 3 && folded == 11);
    cue_named("ann", CUE_FAIL, TROUPE_USER + 1);
    (void)stage_run();
    family_stop(root);
    stage_close();
    cr_assert(reports == 4 && folded == 12, "a close tells what was not told");
}

Test(golden, a_log_gets_a_line_for_a_report) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref who = stage_enter(&ann);
    cue(who, CUE_FAIL, TROUPE_USER + 1);
    (void)stage_run();
    cr_assert_eq(stage_logged("actor failed: player (life 1) in cue from outside: USER"), 1);
    stage_close();
}
