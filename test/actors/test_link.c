/* Links. `case_N` is a numbered case of the conformance list for links and monitors. */
#include <criterion/criterion.h>

#include "actors/actor.h"
#include "test/support/family.h"
#include "test/support/orders.h"
#include "test/support/player.h"

TestSuite(link, .timeout = 200);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

/* Two players; the diary is empty then. */
static void two(unsigned workers, troupe_ref *a, troupe_ref *b) {
    (void)stage_open(workers);
    *a = stage_enter(&ann);
    *b = stage_enter(&ben);
    stage_expect("start(ann) start(ben)");
}

static size_t ties(void) {
    return stage_rt()->ties.all.count;
}

/* --- Case 14 ---------------------------------------------------------------------------------- */

static void one_link(unsigned workers) {
    troupe_ref a, b;
    two(workers, &a, &b);
    cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
    cue_done(a, "ann", CUE_LINK, 0, b);
    cue_done(a, "ann", CUE_LINK, 0, b);
    cue_done(b, "ben", CUE_LINK, 0, a);
    cr_assert_eq(ties(), 2);
    cue(a, CUE_EXIT, TROUPE_USER);
    stage_expect("stop(ann,USER) exit(ben,USER)");
    cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(link, case_14_linked_twice_and_from_both_sides_one_signal) {
    in_all_orders(one_link);
}

static void unlinked(unsigned workers) {
    for (int side = 0; side < 2; side++) {
        troupe_ref a, b;
        two(workers, &a, &b);
        cue_done(a, "ann", CUE_LINK, 0, b);
        cue_done(b, "ben", CUE_LINK, 0, a);
        cue_about(side ? a : b, CUE_UNLINK, 0, side ? b : a);
        stage_expect(side ? "unlink(ann,OK)" : "unlink(ben,OK)");
        cue_about(a, CUE_UNLINK, 0, b);
        stage_expect("unlink(ann,NOTFOUND)");
        cr_assert_eq(ties(), 0);
        cue(a, CUE_FAIL, TROUPE_USER);
        stage_expect("stop(ann,USER)");
        stage_await_gone(a);
        cue_done(b, "ben", CUE_TRAP, 1, TROUPE_NOBODY);
        stage_close();
    }
}

Test(link, case_14_one_unlink_ends_it_whichever_side_calls) {
    in_all_orders(unlinked);
}

/* `ben` unlinks when the exit signal is in its mail already. */
static void void_signal(bool traps) {
    troupe_ref a, b;
    two(TROUPE_STEPPED, &a, &b);
    cue_done(b, "ben", CUE_TRAP, traps, TROUPE_NOBODY);
    cue_done(a, "ann", CUE_LINK, 0, b);
    cue(a, CUE_FAIL, TROUPE_USER);
    cue_about(b, CUE_UNLINK, 0, a); /* behind this the exit signal is queued */
    stage_expect("stop(ann,USER) unlink(ben,OK)");
    cr_assert(stage_there(b));
    cr_assert_eq(ties(), 0);
    stage_close();
}

/* Kills whom it is linked to, waits until the exit signal must be in its mail, and unlinks. */
static troupe_err kill_and_unlink(troupe_self *self, void *state, troupe_msg **msg) {
    const struct cue *cue = troupe_as(*msg, &cue_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    troupe_ref *peer = state;
    (void)state;
    if (troupe_as(*msg, &troupe_exit_type)) stage_say("exit");
    if (down) { /* it was made after the link, so it is behind the exit signal or gone with it */
        stage_say("down");
        return TROUPE_OK;
    }
    if (!cue) return TROUPE_OK;
    if (cue->act == CUE_SAY) {
        stage_say("said");
        return TROUPE_OK;
    }
    if (cue->act == CUE_LINK) {
        *peer = cue->who;
        troupe_trap_exits(self, cue->n);
        cr_assert_eq(troupe_link(self, *peer), TROUPE_OK);
        return troupe_monitor(self, *peer, &(uint64_t){0});
    }
    troupe_err err = troupe_unlink(self, *peer);
    stage_say("%s", troupe_errname(err));
    return TROUPE_OK;
}

static void leaves_nothing_behind(unsigned workers) {
    const troupe_behaviour what = {
        .name = "unlinker", .state_size = sizeof(troupe_ref), .receive = kill_and_unlink};
    for (uint32_t traps = 0; traps < 2; traps++) {
        troupe *rt = stage_open(workers);
        troupe_ref a = stage_enter(&ann), b;
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &b), TROUPE_OK);
        stage_expect("start(ann)");
        cue_about(b, CUE_LINK, traps, a);
        cue(b, CUE_SAY, 0);
        stage_expect("said");
        cue(b, CUE_UNLINK, 0);
        cr_assert_eq(troupe_kill(rt, a), TROUPE_OK);
        cue(b, CUE_SAY, 0);
        stage_await_gone(a);
        /* In some orders the signal came first: then who does not trap has ended. */
        if (traps) stage_await(3);
        if (stage_there(b)) (void)troupe_kill(rt, b);
        stage_await_gone(b);
        cr_assert_eq(ties(), 0);
        stage_forget();
        stage_close();
    }
}

Test(link, case_14_an_exit_signal_that_waits_is_void_after_unlink) {
    void_signal(false);
    void_signal(true);
    in_all_orders(leaves_nothing_behind);
}

/* --- Case 17, for links ----------------------------------------------------------------------- */

static void with_the_dead(unsigned workers) {
    troupe_ref a, b;
    two(workers, &a, &b);
    cr_assert_eq(troupe_kill(stage_rt(), b), TROUPE_OK);
    stage_await_gone(b);
    cue_done(a, "ann", CUE_TRAP, 1, TROUPE_NOBODY);
    cue_about(a, CUE_LINK, 0, b);
    stage_expect("exit(ann,GONE)");
    cue_about(a, CUE_UNLINK, 0, b);
    stage_expect("unlink(ann,NOTFOUND)");
    cue_done(a, "ann", CUE_TRAP, 0, TROUPE_NOBODY);
    cue_about(a, CUE_LINK, 0, a);
    cue_about(a, CUE_LINK, 0, b);
    stage_expect("stop(ann,GONE)");
    a = stage_enter(&ann);
    cue_about(a, CUE_LINK, 0, (troupe_ref){b.node + 1, b.id});
    stage_expect("start(ann) stop(ann,NOCONNECTION)");
    a = stage_enter(&ann);
    cue_about(a, CUE_LINK, 0, TROUPE_NOBODY);
    stage_expect("start(ann) stop(ann,INVALID)");
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(link, case_17_a_link_with_one_that_has_ended_gives_an_exit_signal_at_once) {
    in_all_orders(with_the_dead);
}

/* The end comes at any moment around the linking. */
static void link_races(unsigned workers) {
    (void)stage_open(workers);
    troupe_ref a = stage_enter(&ann);
    stage_expect("start(ann)");
    cue_done(a, "ann", CUE_TRAP, 1, TROUPE_NOBODY);
    for (int i = 0; i < (stage_is_stepped() ? 5 : 300); i++) {
        troupe_ref b = stage_enter(&ben);
        cue_about(a, CUE_LINK, 1, b);
        cue(b, CUE_EXIT, TROUPE_OK);
        stage_await(3);
        stage_forget();
    }
    cue(a, CUE_SAY, 1);
    stage_expect("ann:1");
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(link, case_17_racing_with_the_end_gives_exactly_one_exit_signal) {
    in_all_orders(link_races);
}

/* --- Lives ------------------------------------------------------------------------------------ */

static void one_life(unsigned workers) {
    const troupe_child child[] = {kid(&ben, TROUPE_PERMANENT)};
    (void)stage_open(workers);
    troupe_ref a = stage_enter(&ann), top = family(child, 1, 9, 0), b = stage_find("ben");
    stage_expect("start(ann) start(ben)");
    cue_done(a, "ann", CUE_TRAP, 1, TROUPE_NOBODY);
    cue_done(a, "ann", CUE_LINK, 0, b);
    cue(b, CUE_FAIL, TROUPE_USER);
    stage_expect_all("stop(ben,USER) exit(ann,USER) start(ben)");
    cr_assert_eq(ties(), 0);
    /* The next life is not linked, until it is again. */
    cue(b, CUE_FAIL, TROUPE_USER);
    stage_expect("stop(ben,USER) start(ben)");
    cue_done(b, "ben", CUE_LINK, 0, a);
    cue(a, CUE_FAIL, TROUPE_TOOBIG);
    stage_expect_all("stop(ann,TOOBIG) stop(ben,TOOBIG) start(ben)");
    family_expect(top, "ben:RUNNING:3");
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(link, a_link_is_of_one_life) {
    in_all_orders(one_life);
}

/* `ben` fails of itself with the exit signal of `ann` in its mail. */
Test(link, an_exit_signal_that_waits_when_a_life_ends_does_not_reach_the_next) {
    const troupe_child child[] = {kid(&ben, TROUPE_PERMANENT)};
    (void)stage_open(TROUPE_STEPPED);
    troupe_ref a = stage_enter(&ann), top = family(child, 1, 9, 0), b = stage_find("ben");
    stage_expect("start(ann) start(ben)");
    cue_done(a, "ann", CUE_LINK, 0, b);
    cue(a, CUE_FAIL, TROUPE_TOOBIG);
    cue(b, CUE_FAIL, TROUPE_USER);
    cue(b, CUE_SAY, 1);
    stage_expect("stop(ann,TOOBIG) stop(ben,USER) start(ben) ben:1");
    family_expect(top, "ben:RUNNING:1");
    cr_assert_eq(ties(), 0);
    stage_close();
}

/* --- Case 23 ---------------------------------------------------------------------------------- */

static void circle(unsigned workers) {
    (void)stage_open(workers);
    for (int round = 0; round < (stage_is_stepped() ? 3 : 50); round++) {
        troupe_ref who[3];
        for (int i = 0; i < 3; i++) who[i] = stage_enter(&ann);
        for (int i = 0; i < 3; i++) cue_about(who[i], CUE_LINK, 0, who[(i + 1) % 3]);
        for (int i = 0; i < 3 && round % 3; i++) (void)troupe_kill(stage_rt(), who[i]);
        if (round % 3 == 0) cue(who[0], CUE_EXIT, TROUPE_USER);
        for (int i = 0; i < 3; i++) stage_await_gone(who[i]);
        stage_forget();
    }
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(link, case_23_a_circle_of_three_ends_at_once) {
    in_all_orders(circle);
}
