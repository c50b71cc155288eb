/* The same as in test_takes_nothing.c, by actors. */
#include <criterion/criterion.h>
#include <troupe/link.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/nothing.h"
#include "test/support/player.h"
#include "test/support/stage.h"

/* --- As an actor ------------------------------------------------------------------------------ */

static void who_am_i(void *ctx) {
    (void)ctx;
    cr_assert(stage_there(troupe_me(nothing.self)));
}

Test(takes_nothing, troupe_me) {
    cr_assert_eq(nothing_inside(who_am_i), TROUPE_TIMEOUT);
}

static void runtime(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_runtime(nothing.self), nothing.rt);
}

Test(takes_nothing, troupe_runtime) {
    cr_assert_eq(nothing_inside(runtime), TROUPE_TIMEOUT);
}

static void sender(void *ctx) {
    (void)ctx;
    cr_assert_not(troupe_same(troupe_sender(nothing.self), TROUPE_NOBODY));
}

Test(takes_nothing, troupe_sender) {
    cr_assert_eq(nothing_inside(sender), TROUPE_TIMEOUT);
}

static void send(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_send(nothing.self, nothing.who, &nothing.msg), TROUPE_OK);
    cr_assert_null(nothing.msg);
}

Test(takes_nothing, troupe_send) {
    cr_assert_eq(nothing_inside(send), TROUPE_TIMEOUT);
}

static void reply(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_reply(nothing.self, &nothing.msg), TROUPE_OK);
    cr_assert_null(nothing.msg);
}

Test(takes_nothing, troupe_reply) {
    cr_assert_eq(nothing_inside(reply), TROUPE_OK);
}

static void exit_it(void *ctx) {
    (void)ctx;
    troupe_exit(nothing.self, TROUPE_OK);
}

Test(takes_nothing, troupe_exit) {
    cr_assert_eq(nothing_inside(exit_it), TROUPE_STOPPED);
}

static void demonitor(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_demonitor(nothing.self, nothing.monitor), TROUPE_OK);
    cr_assert_eq(troupe_demonitor(nothing.self, nothing.monitor), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_demonitor) {
    cr_assert_eq(nothing_inside(demonitor), TROUPE_TIMEOUT);
}

static void demonitor_flush(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_demonitor_flush(nothing.self, nothing.monitor), TROUPE_OK);
    cr_assert_eq(troupe_demonitor_flush(nothing.self, nothing.monitor), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_demonitor_flush) {
    cr_assert_eq(nothing_inside(demonitor_flush), TROUPE_TIMEOUT);
}

static void unlink_it(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_unlink(nothing.self, nothing.who), TROUPE_OK);
    cr_assert_eq(troupe_unlink(nothing.self, nothing.who), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_unlink) {
    cr_assert_eq(nothing_inside(unlink_it), TROUPE_TIMEOUT);
}

static void trap_exits(void *ctx) {
    (void)ctx;
    troupe_trap_exits(nothing.self, true);
    troupe_trap_exits(nothing.self, false);
}

Test(takes_nothing, troupe_trap_exits) {
    cr_assert_eq(nothing_inside(trap_exits), TROUPE_TIMEOUT);
}

static void cancel(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_cancel(nothing.self, nothing.timer), TROUPE_OK);
    cr_assert_eq(troupe_cancel(nothing.self, nothing.timer), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_cancel) {
    cr_assert_eq(nothing_inside(cancel), TROUPE_TIMEOUT);
}

static void end_timer(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_end_timer(nothing.self, 7), TROUPE_OK);
    cr_assert_eq(troupe_end_timer(nothing.self, 7), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_end_timer) {
    cr_assert_eq(nothing_inside(end_timer), TROUPE_TIMEOUT);
}

static void end_receive_timeout(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_end_receive_timeout(nothing.self), TROUPE_OK);
    cr_assert_eq(troupe_end_receive_timeout(nothing.self), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_end_receive_timeout) {
    cr_assert_eq(nothing_inside(end_receive_timeout), TROUPE_TIMEOUT);
}

static void free_it(void *ctx) {
    (void)ctx;
    troupe_free(nothing.self, nothing.memory);
    troupe_free(nothing.self, NULL);
}

Test(takes_nothing, troupe_free) {
    cr_assert_eq(nothing_inside(free_it), TROUPE_TIMEOUT);
}

static void undefer(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_undefer(nothing.self, nothing_done, NULL), TROUPE_OK);
    cr_assert_eq(troupe_undefer(nothing.self, nothing_done, NULL), TROUPE_NOTFOUND);
}

Test(takes_nothing, troupe_undefer) {
    cr_assert_eq(nothing_inside(undefer), TROUPE_TIMEOUT);
}

static void run(void *ctx) {
    (void)ctx;
    (void)stage_run();
}

Test(takes_nothing, troupe_ready) {
    static const player late = {.id = "late", .start = TROUPE_LATER};
    const troupe_child child = kid(&late, TROUPE_PERMANENT);
    const troupe_supervision what = {.child = &child, .children = 1};
    troupe_ref top;
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_spawn(rt, &troupe_supervisor, &what, &top), TROUPE_OK);
    (void)stage_run();
    family_expect(top, "late:STARTING:0");
    cue_named("late", CUE_READY, 0);
    exhaust_nothing(stage_heap(), run, NULL);
    family_expect(top, "late:RUNNING:0");
    stage_close();
}

static void list_waits(void *ctx) {
    (void)ctx;
    troupe_wait wait;
    cr_assert_eq(troupe_waits(nothing.rt, &wait, 1), 0);
    for (int i = 0; i <= TROUPE_WAIT_KINDS; i++)
        cr_assert_not_null(troupe_wait_text((troupe_wait_kind)i));
}

Test(takes_nothing, troupe_waits) {
    nothing_outside(list_waits);
}

Test(takes_nothing, troupe_wait_text) {
    nothing_outside(list_waits);
}
