/* Supervisors: starting, and which ends lead to a restart. `case_N` is a numbered case of the
 * conformance list for supervisors. Where that says "new pid", Troupe keeps the ref. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/find.h"
#include "actors/runtime.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor, .timeout = 60);

static const player a = {.id = "a"}, b = {.id = "b"}, c = {.id = "c"};

/* --- Starting --------------------------------------------------------------------------------- */

Everywhere(supervisor, case_2_no_children) {
    (void)stage_open(workers);
    troupe_ref top = family(NULL, 0, 0, 0);
    family_expect(top, "");
    family_stop(top);
    stage_expect("");
    cr_assert_eq(stage_logged(""), 0);
    stage_close();
}

static void refused(unsigned workers, troupe_child one, troupe_child two, const char *why) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), one, two};
    const troupe_supervision what = {.child = child, .children = 3};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(rt, &what, 1000, &top), TROUPE_INVALID);
    stage_expect("");
    cr_assert_eq(stage_logged(""), 1);
    cr_assert_eq(stage_logged(why), 1, "not logged: %s", why);
    cr_assert_eq(tr_table_live(&rt->table), 0);
    stage_close();
}

Everywhere(supervisor, case_8_a_child_that_makes_no_sense_is_named_and_nothing_starts) {
    char name[TROUPE_NAME_MAX + 2];
    for (int i = 0; i <= TROUPE_NAME_MAX; i++) name[i] = 'n';
    name[TROUPE_NAME_MAX + 1] = '\0';
    const troupe_child good = kid(&b, 0);
    troupe_child bad = kid(&a, 0);
    refused(workers, good, bad, "supervisor supervisor: child 2: another child has its id");
    bad.id = NULL;
    refused(workers, bad, good, "child 1: it has no id");
    bad.id = "";
    refused(workers, bad, good, "child 1: it has no id");
    bad.id = name;
    refused(workers, bad, good, "child 1: its id is too long");
    bad = kid(&c, 0);
    bad.name = name;
    refused(workers, bad, good, "child 1: its name is empty or too long");
    bad.name = "";
    refused(workers, bad, good, "child 1: its name is empty or too long");
    bad = kid(&c, 0);
    bad.what = NULL;
    refused(workers, bad, good, "child 1: it has no behaviour");
    bad = kid(&c, (troupe_restart)(TROUPE_TEMPORARY + 1));
    refused(workers, bad, good, "child 1: unknown restart rule");
    const troupe_behaviour idle = {.name = "idle"};
    bad = kid(&c, 0);
    bad.what = &idle;
    refused(workers, bad, good, "child 1: it has no behaviour");
}

/* Its own start is what it makes of its description. */
Everywhere(supervisor, case_7_a_supervisor_that_can_not_start_says_why_and_leaves_nothing) {
    troupe *rt = stage_open(workers);
    const troupe_child child = kid(&a, 0);
    const troupe_supervision none = {.children = 1};
    const troupe_supervision taken = {.child = &child, .children = 1, .name = "b"};
    troupe_ref top = {9, 9};
    cr_assert_eq(troupe_supervise(rt, NULL, 1000, &top), TROUPE_INVALID);
    cr_assert_eq(troupe_supervise(rt, &none, 1000, &top), TROUPE_INVALID);
    cr_assert_eq(stage_logged("no children given"), 2);
    cr_assert_eq(tr_table_live(&rt->table), 0);
    troupe_ref other = stage_enter(&b);
    cr_assert_eq(troupe_register(rt, other, "b"), TROUPE_OK);
    cr_assert_eq(troupe_supervise(rt, &taken, 1000, &top), TROUPE_TAKEN);
    cr_assert_eq(top.id, 9);
    cr_assert(troupe_same(stage_find("b"), other));
    cr_assert_eq(tr_table_live(&rt->table), 1);
    stage_expect("start(b)");
    stage_close();
}

Everywhere(supervisor, case_13_who_never_becomes_ready_is_stopped_after_the_time_out) {
    const player never = {.id = "never", .start = TROUPE_LATER};
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&never, 0), kid(&c, 0)};
    const troupe_supervision what = {.child = child, .children = 3};
    troupe_ref top;
    cr_assert_eq(troupe_supervise(rt, &what, 1000, &top), TROUPE_TIMEOUT);
    stage_expect("start(a) start(never) stopping(never) stop(never,SHUTDOWN) "
                 "stopping(a) stop(a,SHUTDOWN)");
    stage_close();
}

static void fails_to_start(unsigned workers, troupe_child bad, const char *words) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0), bad, kid(&c, 0)};
    const troupe_supervision what = {.child = child, .children = 4, .max_restarts = 9};
    for (int i = 0; i < 20; i++) { /* at once again, under the same names */
        troupe_ref top = {9, 9};
        cr_assert_eq(troupe_supervise(rt, &what, 30000, &top), TROUPE_START_FAILED);
        cr_assert_eq(top.id, 9);
        stage_expect(words);
        cr_assert(troupe_same(stage_find("a"), TROUPE_NOBODY));
    }
    stage_close();
}

Test(supervisor, those_before_one_that_fails_to_start_are_stopped_in_reverse) {
    const unsigned workers[] = {TROUPE_STEPPED, 1, 4};
    const player bad = {.id = "bad", .start = TROUPE_SYSTEM};
    const player brief = {.id = "brief", .start = TROUPE_LATER, .at_start = NULL};
    troupe_child taken = kid(&brief, 0), wrong = kid(&brief, 0);
    troupe_behaviour too_large = player_behaviour;
    too_large.mailbox_limit = TROUPE_MAILBOX_MAX + 1;
    taken.name = "a";
    wrong.what = &too_large;
    const char *rest = "stopping(b) stop(b,SHUTDOWN) stopping(a) stop(a,SHUTDOWN)";
    char words[256];
    for (int i = 0; i < 3; i++) {
        snprintf(words, sizeof words, "start(a) start(b) start(bad) %s", rest);
        fails_to_start(workers[i], kid(&bad, TROUPE_PERMANENT), words);
        fails_to_start(workers[i], kid(&bad, TROUPE_TEMPORARY), words);
        snprintf(words, sizeof words, "start(a) start(b) %s", rest);
        fails_to_start(workers[i], taken, words);
        cr_assert_geq(stage_logged("brief can't be called \"a\": the name is taken"), 1);
        fails_to_start(workers[i], wrong, words);
    }
}

/* --- Which ends lead to a restart ------------------------------------------------------------- */

enum { ENDINGS = 5 };
static const char *const ending[ENDINGS] = {"OK", "SHUTDOWN", "USER", "stopped", "KILLED"};

/* Ends the child `a` in one of the ways and expects its last words, and `more` behind them. */
static void end_a(int how, const char *more) {
    troupe_ref who = stage_find("a");
    char words[256];
    if (how == 4) {
        cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
        stage_expect(*more ? more + 1 : "");
        return;
    }
    if (how == 3) cr_assert_eq(troupe_stop(stage_rt(), who), TROUPE_OK);
    if (how < 2) cue(who, CUE_EXIT, how ? TROUPE_SHUTDOWN : TROUPE_OK);
    if (how == 2) cue(who, CUE_RETURN, TROUPE_USER);
    snprintf(words, sizeof words, "%sstop(a,%s)%s", how == 3 ? "stopping(a) " : "",
             how == 3 ? "SHUTDOWN" : ending[how], more);
    stage_expect(words);
}

static void end_in_all_ways(unsigned workers, troupe_restart rule, const char *restarted) {
    for (int how = 0; how < ENDINGS; how++) {
        (void)stage_open(workers);
        const troupe_child child[] = {kid(&a, rule), kid(&b, 0)};
        troupe_ref top = family(child, 2, 1, 0);
        troupe_ref before = stage_find("a");
        stage_expect("start(a) start(b)");
        bool again = restarted[how] == '1';
        end_a(how, again ? " start(a)" : "");
        if (again) {
            cue_named("a", CUE_COUNT, 0);
            stage_expect("a=1");
            cr_assert(troupe_same(stage_find("a"), before), "a new ref");
        } else {
            stage_await_gone(before);
            cr_assert(troupe_same(stage_find("a"), TROUPE_NOBODY));
        }
        family_expect(top, again                      ? "a:RUNNING:1 b:RUNNING:0"
                           : rule == TROUPE_TEMPORARY ? "b:RUNNING:0"
                                                      : "a:ENDED:0 b:RUNNING:0");
        stage_close();
    }
}

Everywhere(supervisor, case_14_permanent_is_always_restarted) {
    end_in_all_ways(workers, TROUPE_PERMANENT, "11111");
}

Everywhere(supervisor, case_14_transient_is_restarted_after_an_unclean_end) {
    end_in_all_ways(workers, TROUPE_TRANSIENT, "00101");
}

Everywhere(supervisor, case_16_temporary_is_never_restarted) {
    end_in_all_ways(workers, TROUPE_TEMPORARY, "00000");
}

static void hundred_rounds(unsigned workers) {
    (void)stage_open(workers);
    const troupe_child child = kid(&a, 0);
    troupe_ref top = family(&child, 1, 1000, 0);
    stage_expect("start(a)");
    for (int round = 0; round < (stage_is_stepped() && getenv("STAGE_SEED") ? 5 : 100); round++) {
        for (int i = 0; i < 7; i++) cue_named("a", CUE_COUNT, 0);
        cue_named("a", CUE_FAIL, TROUPE_USER);
        stage_expect("a=1 a=2 a=3 a=4 a=5 a=6 a=7 stop(a,USER) start(a)");
    }
    family_expect(top,
                  stage_is_stepped() && getenv("STAGE_SEED") ? "a:RUNNING:5" : "a:RUNNING:100");
    stage_close();
}

Test(supervisor, case_17_a_restart_uses_the_first_argument_and_a_fresh_state) {
    everywhere(hundred_rounds);
}

static void set_up_or_look(troupe_self *self) {
    troupe *rt = troupe_runtime(self);
    cr_assert_eq(rt->timers.count, 0, "a timer of the last life");
    const troupe_self *me = tr_table_find(&rt->table, troupe_me(self).id);
    cr_assert(tr_list_empty(&me->watchers), "a monitor on the last life");
    cr_assert(tr_list_empty(&me->watching), "a monitor of the last life");
    cr_assert(troupe_same(stage_find("a"), troupe_me(self)));
    troupe_msg *msg = cue_make(CUE_SAY, 0, TROUPE_NOBODY);
    cr_assert_eq(troupe_send_after(self, 1000, troupe_me(self), &msg, NULL), TROUPE_OK);
    cr_assert_eq(troupe_monitor(self, stage_find("b"), &(uint64_t){0}), TROUPE_OK);
}

Everywhere(supervisor, case_19_all_of_the_last_life_is_gone_before_the_next_begins) {
    troupe *rt = stage_open(workers);
    const player tidy = {.id = "a", .at_start = set_up_or_look};
    const troupe_child child[] = {kid(&b, 0), kid(&tidy, 0)};
    troupe_ref top = family(child, 2, 9, 0), watcher = stage_enter(&c);
    stage_expect_all("start(b) start(a) start(c)");
    char listed[64];
    for (int i = 0; i < 5; i++) {
        snprintf(listed, sizeof listed, "b:RUNNING:0 a:RUNNING:%d", i);
        family_expect(top, listed);
        cr_assert_eq(rt->ties.all.count, 1);
        cue_about(watcher, CUE_WATCH, 5, stage_find("a"));
        cue(watcher, CUE_SAY, 3);
        stage_expect("c:3");
        cue_about(stage_find("a"), CUE_PASS, 4, watcher);
        cue_named("a", CUE_FAIL, TROUPE_USER);
        stage_expect_all("stop(a,USER) c:4 start(a) down(c,5,USER)");
    }
    cr_assert_eq(stage_dead_letters(), 5);
    family_expect(top, "b:RUNNING:0 a:RUNNING:5");
    stage_close();
}

/* --- One for one ------------------------------------------------------------------------------ */

Everywhere(supervisor, case_20_only_the_one_that_ended_is_restarted) {
    troupe *rt = stage_open(workers);
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0)};
    troupe_ref top = family(child, 2, 1, 0), b_before = stage_find("b");
    cue_named("b", CUE_COUNT, 0);
    stage_expect("start(a) start(b) b=1");
    cr_assert_eq(troupe_kill(rt, stage_find("a")), TROUPE_OK);
    cue_named("b", CUE_COUNT, 0);
    stage_expect_all("b=2 start(a)");
    cr_assert(troupe_same(stage_find("b"), b_before));
    family_expect(top, "a:RUNNING:1 b:RUNNING:0");
    stage_close();
}

/* Where the list of cases has the mail freed at a crash, Troupe keeps it, in order. */
static void mail(unsigned workers) {
    (void)stage_open(workers);
    troupe_child child = kid(&a, 0);
    child.what = &player_with_4;
    (void)family(&child, 1, 1, 0);
    stage_expect("start(a)");
    troupe_ref who = stage_find("a");
    const uint32_t act[] = {CUE_SAY, CUE_FAIL, CUE_SAY, CUE_COUNT};
    for (uint32_t i = 0; i < 4; i++) cue(who, act[i], TROUPE_USER + i);
    stage_expect("a:1000 stop(a,USER) start(a) a:1002 a=1");
    cr_assert_eq(stage_dead_letters(), 1, "the one that it failed on");
    cr_assert_eq(stage_logged("actor failed: supervisor/a (life 1) in cue from outside: USER "
                              "(error of the application): \"as told\" at"),
                 1);
    cr_assert_eq(stage_logged("; restart 1 of 1 in 5000 ms; "), 1);
    if (stage_is_stepped()) cr_assert_eq(stage_logged("; 2 messages kept"), 1);
    cr_assert(troupe_same(stage_find("a"), who));
    stage_close();
}

Test(supervisor, case_58_ref_name_and_unread_mail_survive_a_restart) {
    everywhere(mail);
}

static void bound_between_two_lives(void) {
    troupe *rt = stage_rt();
    troupe_ref who = stage_find("a");
    cue(who, CUE_FAIL, TROUPE_USER);
    for (uint32_t i = 1; i < 4; i++) cue(who, CUE_SAY, i);
    cr_assert_eq(troupe_step(rt, 1), 1); /* it has failed, and its supervisor has not run */
    cue(who, CUE_SAY, 4);
    troupe_msg *msg = cue_make(CUE_SAY, 5, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_FULL);
    stage_expect("start(a) stop(a,USER) start(a) a:1 a:2 a:3 a:4");
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
    stage_expect("a:5");
}

/* The same when nobody knows between which two messages it is restarted. */
static void bound_at_any_time(void) {
    troupe_ref who = stage_find("a");
    unsigned refused = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        troupe_msg *msg = cue_make(i % 100 ? CUE_KEEP : CUE_FAIL, TROUPE_USER, TROUPE_NOBODY);
        troupe_err err = troupe_post(stage_rt(), who, &msg);
        cr_assert(err == TROUPE_OK || err == TROUPE_FULL);
        refused += err == TROUPE_FULL;
        troupe_drop(&msg);
        uint32_t waiting;
        cr_assert_eq(troupe_mailbox(stage_rt(), who, &waiting, NULL), TROUPE_OK);
        cr_assert_leq(waiting, 4);
    }
    cr_assert_gt(refused, 0);
}

Everywhere(supervisor, case_58_the_bound_holds_while_an_actor_is_between_two_lives) {
    (void)stage_open(workers);
    troupe_child child = kid(&a, 0);
    child.what = &player_with_4;
    (void)family(&child, 1, TROUPE_UNLIMITED, 0);
    (void)stage_run();
    if (stage_is_stepped())
        bound_between_two_lives();
    else
        bound_at_any_time();
    stage_close();
}
