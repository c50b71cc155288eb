/* Monitors. `case_N` is a numbered case of the conformance list for links and monitors. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "test/support/orders.h"
#include "test/support/player.h"

TestSuite(monitor, .timeout = 100);

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

/* Leaves the diary empty. */
static void two(troupe_ref *a, troupe_ref *b) {
    *a = stage_enter(&ann);
    *b = stage_enter(&ben);
    stage_expect("start(ann) start(ben)");
}

static size_t ties(void) {
    return stage_rt()->ties.all.count;
}

Test(monitor, case_17_watching_one_that_has_ended_gives_one_down_at_once) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a, b;
    two(&a, &b);
    cr_assert_eq(troupe_kill(rt, b), TROUPE_OK);
    (void)stage_run();
    cue_about(a, CUE_WATCH, 1, b);
    cue_about(a, CUE_WATCH, 2, (troupe_ref){a.node, 99});
    cue_about(a, CUE_WATCH, 3, (troupe_ref){a.node + 1, 99});
    cue_about(a, CUE_WATCH, 4, (troupe_ref){a.node, UINT64_MAX});
    stage_expect("down(ann,1,GONE) down(ann,2,GONE) down(ann,3,NOCONNECTION) down(ann,4,GONE)");
    cr_assert_eq(ties(), 0);
    stage_close();
}

static void reasons(unsigned workers) {
    troupe *rt = stage_open(workers);
    const struct {
        uint32_t act, n;
        const char *words;
    } end[] = {{CUE_EXIT, TROUPE_OK, "stop(ben,OK) down(ann,7,OK)"},
               {CUE_EXIT, TROUPE_SHUTDOWN, "stop(ben,SHUTDOWN) down(ann,7,SHUTDOWN)"},
               {CUE_FAIL, TROUPE_USER, "stop(ben,USER) down(ann,7,USER)"},
               {CUE_RETURN, TROUPE_TOOBIG, "stop(ben,TOOBIG) down(ann,7,TOOBIG)"}};
    for (size_t i = 0; i < 6; i++) {
        troupe_ref a, b;
        two(&a, &b);
        cue_about(a, CUE_WATCH, 7, b);
        cue(a, CUE_SAY, 1);
        stage_expect("ann:1");
        if (i < 4) {
            cue(b, end[i].act, end[i].n);
            stage_expect(end[i].words);
        } else {
            cr_assert_eq(i == 4 ? troupe_stop(rt, b) : troupe_kill(rt, b), TROUPE_OK);
            stage_expect(i == 4 ? "stopping(ben) stop(ben,SHUTDOWN) down(ann,7,SHUTDOWN)"
                                : "down(ann,7,KILLED)");
        }
        cr_assert_eq(troupe_kill(rt, a), TROUPE_OK);
        stage_await_gone(a);
    }
    stage_close();
}

Test(monitor, every_end_is_told_with_its_reason) {
    reasons(STAGE_SIMULATED);
    reasons(1);
    reasons(4);
}

/* --- Case 19 ---------------------------------------------------------------------------------- */

/* Watches `who` three times, and by `n` takes some back. */
static troupe_err watch_thrice(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *monitor = state;
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) {
        unsigned i = 0;
        while (i < 3 && monitor[i] != down->monitor) i++;
        stage_say("down%u", i);
        cr_assert_eq(troupe_demonitor(self, down->monitor), TROUPE_NOTFOUND);
        return TROUPE_OK;
    }
    const struct cue *cue = troupe_as(*msg, &cue_type);
    for (int i = 0; i < 3 && cue->act == CUE_WATCH; i++)
        cr_assert_eq(troupe_monitor(self, cue->who, &monitor[i]), TROUPE_OK);
    for (unsigned i = 0; i < 3 && cue->act == CUE_SAY; i++) {
        if (!(cue->n >> i & 1)) continue;
        cr_assert_eq(troupe_demonitor(self, monitor[i]), TROUPE_OK);
        cr_assert_eq(troupe_demonitor(self, monitor[i]), TROUPE_NOTFOUND);
    }
    if (cue->act == CUE_COUNT) stage_say("%s", troupe_errname(troupe_demonitor(self, cue->n)));
    return TROUPE_OK;
}
static const troupe_behaviour thrice = {.receive = watch_thrice, .state_size = 24};

/* The race of case 17: the watched one ends at any moment around the watching. */
Test(monitor, case_17_racing_with_the_end_gives_exactly_one_down) {
    troupe *rt = stage_open(2);
    troupe_ref a;
    cr_assert_eq(troupe_spawn(rt, &thrice, NULL, &a), TROUPE_OK);
    for (int i = 0; i < 3000; i++) {
        troupe_ref b = stage_enter(&ben);
        cue_about(a, CUE_WATCH, 1, b);
        cue(b, CUE_EXIT, TROUPE_OK);
        stage_expect_all("start(ben) stop(ben,OK) down0 down1 down2");
    }
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(monitor, case_19_monitors_stack_and_end_one_by_one) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const char *words[] = {"down0 down1 down2", "down1 down2", "down0 down2", "down2",
                           "down0 down1",       "down1",       "down0",       ""};
    troupe_ref a;
    cr_assert_eq(troupe_spawn(rt, &thrice, NULL, &a), TROUPE_OK);
    for (uint32_t taken_back = 0; taken_back < 8; taken_back++) {
        const troupe_behaviour quiet = {.receive = watch_thrice};
        troupe_ref b;
        cr_assert_eq(troupe_spawn(rt, &quiet, NULL, &b), TROUPE_OK);
        cue_about(a, CUE_WATCH, 0, b);
        cue(a, CUE_SAY, taken_back);
        (void)stage_run();
        cr_assert_eq(troupe_kill(rt, b), TROUPE_OK);
        stage_expect(words[taken_back]);
        cr_assert_eq(ties(), 0);
    }
    stage_close();
}

Test(monitor, case_19_a_down_that_is_queued_still_comes) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref a, b = stage_enter(&ben);
    cr_assert_eq(troupe_spawn(rt, &thrice, NULL, &a), TROUPE_OK);
    cue_about(a, CUE_WATCH, 0, b);
    (void)stage_run();
    cue(a, CUE_COUNT, 1); /* demonitor of number 1 when its down is queued behind this */
    cue(b, CUE_EXIT, TROUPE_OK);
    cr_assert_eq(troupe_step(rt, 1), 1); /* `a`, before `b` ended */
    cue(a, CUE_COUNT, 2);
    stage_expect("start(ben) OK stop(ben,OK) NOTFOUND down1 down2");
    stage_close();
}

Test(monitor, case_19_a_monitor_of_another_is_refused) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a, other, b = stage_enter(&ben);
    cr_assert_eq(troupe_spawn(rt, &thrice, NULL, &a), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &thrice, NULL, &other), TROUPE_OK);
    cue_about(a, CUE_WATCH, 0, b);
    (void)stage_run();
    for (uint32_t number = 0; number < 5; number++) cue(other, CUE_COUNT, number);
    stage_expect("start(ben) NOTFOUND NOTFOUND NOTFOUND NOTFOUND NOTFOUND");
    cr_assert_eq(ties(), 3);
    stage_close();
}

/* --- Case 20, 22, 23 -------------------------------------------------------------------------- */

Test(monitor, case_20_the_watchers_end_leaves_no_trace_at_the_watched) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref b = stage_enter(&ben);
    size_t blocks = 0;
    for (int i = 0; i < 2000; i++) {
        troupe_ref a = stage_enter(&ann);
        cue_about(a, CUE_WATCH, 1, b);
        cue_about(a, CUE_WATCH, 2, b);
        (void)stage_run();
        cr_assert_eq(ties(), 2);
        cr_assert_eq(i % 2 ? troupe_kill(rt, a) : troupe_stop(rt, a), TROUPE_OK);
        stage_await_gone(a);
        cr_assert_eq(ties(), 0);
        if (i == 10) blocks = counting_heap_look(stage_heap()).blocks;
        stage_forget();
    }
    cr_assert_eq(counting_heap_look(stage_heap()).blocks, blocks, "it grows");
    cue(b, CUE_SAY, 1);
    stage_expect("ben:1");
    stage_close();
}

Test(monitor, case_22_the_next_one_of_a_name_is_not_watched) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref a, b, found;
    two(&a, &b);
    cr_assert_eq(troupe_register(rt, b, "post"), TROUPE_OK);
    cr_assert_eq(troupe_whereis(rt, "post", &found), TROUPE_OK);
    cue_about(a, CUE_WATCH, 1, found);
    cue(b, CUE_EXIT, TROUPE_OK);
    stage_expect("stop(ben,OK) down(ann,1,OK)");
    troupe_ref next = stage_enter(&ben);
    cr_assert_eq(troupe_register(rt, next, "post"), TROUPE_OK);
    cue(next, CUE_EXIT, TROUPE_OK);
    stage_expect("start(ben) stop(ben,OK)");
    stage_close();
}

Test(monitor, case_23_an_actor_may_watch_itself) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_ref a = stage_enter(&ann);
    cue_about(a, CUE_WATCH, 1, a);
    cue(a, CUE_EXIT, TROUPE_OK);
    stage_expect("start(ann) stop(ann,OK)");
    cr_assert_eq(ties(), 0);
    stage_close();
}

static void circle(unsigned workers) {
    troupe *rt = stage_open(workers);
    for (int round = 0; round < 50; round++) {
        troupe_ref who[3];
        for (int i = 0; i < 3; i++) who[i] = stage_enter(&ann);
        for (uint32_t i = 0; i < 3; i++) cue_about(who[i], CUE_WATCH, i, who[(i + 1) % 3]);
        for (int i = 0; i < 3; i++) cr_assert_eq(troupe_kill(rt, who[i]), TROUPE_OK);
        for (int i = 0; i < 3; i++) stage_await_gone(who[i]);
        stage_forget();
    }
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(monitor, case_23_a_circle_of_three_dies_at_once) {
    circle(STAGE_SIMULATED);
    circle(1);
    circle(4);
}

static troupe_err kill_watched_and_end(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    uint64_t monitor;
    if (!cue) return TROUPE_OK;
    cr_assert_eq(troupe_monitor(self, cue->who, &monitor), TROUPE_OK);
    cr_assert_eq(troupe_kill(troupe_runtime(self), cue->who), TROUPE_OK);
    /* On another worker it may have ended already. */
    if (cue->n) (void)troupe_demonitor(self, monitor);
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

Test(monitor, case_23_a_watcher_kills_the_watched_and_ends) {
    const unsigned workers[] = {TROUPE_STEPPED, 4};
    const troupe_behaviour what = {.receive = kill_watched_and_end};
    for (int i = 0; i < 2; i++) {
        troupe *rt = stage_open(workers[i]);
        for (uint32_t round = 0; round < 200; round++) {
            troupe_ref a, b = stage_enter(&ben);
            cr_assert_eq(troupe_spawn(rt, &what, NULL, &a), TROUPE_OK);
            cue_about(a, CUE_SAY, round % 2, b);
            stage_await_gone(a);
            stage_await_gone(b);
            stage_forget();
        }
        cr_assert_eq(ties(), 0);
        stage_close();
    }
}

/* --- Case 25, 26 ------------------------------------------------------------------------------ */

static void full_mailbox(unsigned workers) {
    const player dan = {.id = "dan"};
    troupe *rt = stage_open(workers);
    troupe_ref a, b = stage_enter(&ben), d = stage_enter(&dan);
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &a), TROUPE_OK);
    stage_expect("start(ben) start(dan) start(ann)");
    for (uint32_t i = 0; i < 3; i++) cue_done(a, "ann", CUE_WATCH, i, b);
    cue_done(d, "dan", CUE_WATCH, 9, b); /* so `dan` hears of its end after `ann` */
    stage_hold(a);
    for (uint32_t i = 12; i < 14; i++) cue(a, CUE_SAY, i);
    if (stage_is_stepped()) cue(a, CUE_SAY, 14); /* what it waits with has a place, too */
    cue_done(b, "ben", CUE_PASS, 11, a);         /* the last that fits */
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, a, &msg), TROUPE_FULL);
    troupe_drop(&msg);
    cue(b, CUE_EXIT, TROUPE_OK);
    stage_expect("stop(ben,OK) down(dan,9,OK)");
    stage_let_go(a);
    stage_expect(stage_is_stepped() ? "ann:12 ann:13 ann:14 ann:11 down(ann,0,OK) down(ann,1,OK) "
                                      "down(ann,2,OK)"
                                    : "ann:12 ann:13 ann:11 down(ann,0,OK) down(ann,1,OK) "
                                      "down(ann,2,OK)");
    stage_close();
}

Test(monitor, case_25_a_down_reaches_a_full_mailbox_behind_the_senders_messages) {
    in_all_orders(full_mailbox);
}

static void last_words(unsigned workers) {
    (void)stage_open(workers);
    for (int i = 0; i < 300; i++) {
        troupe_ref a, b;
        two(&a, &b);
        cue_about(a, CUE_WATCH, 1, b);
        cue(a, CUE_SAY, 1);
        stage_expect("ann:1"); /* it watches */
        cue_about(b, CUE_PASS, 2, a);
        cue_about(b, CUE_PASS, 3, a);
        cue_about(b, CUE_WATCH, 1, a);
        cue(b, CUE_RETURN, TROUPE_USER);
        stage_expect_all("ann:2 ann:3 stop(ben,USER) down(ann,1,USER)");
        cue(a, CUE_EXIT, TROUPE_OK);
        stage_expect("stop(ann,OK)");
        stage_await_gone(a);
    }
    cr_assert_eq(ties(), 0);
    stage_close();
}

Test(monitor, a_down_is_behind_the_last_message) {
    last_words(STAGE_SIMULATED);
    last_words(1);
    last_words(4);
}

static troupe_ref hears_a_farewell;

static void say_farewell(troupe_self *self) {
    const struct cue body = {.act = CUE_SAY, .n = 9};
    cr_assert_eq(troupe_tell(self, hears_a_farewell, &cue_type, &body), TROUPE_OK);
}

Test(monitor, a_down_is_behind_what_stop_sends) {
    const player cid = {.id = "cid", .at_stop = say_farewell};
    for (unsigned workers = TROUPE_STEPPED, round = 0; round < 3; workers = ++round * 2) {
        (void)stage_open(workers);
        troupe_ref a = hears_a_farewell = stage_enter(&ann), c = stage_enter(&cid);
        cue_about(a, CUE_WATCH, 1, c);
        cue(a, CUE_SAY, 1);
        stage_expect("start(ann) start(cid) ann:1");
        cue(c, CUE_EXIT, TROUPE_OK);
        stage_expect("stop(cid,OK) ann:9 down(ann,1,OK)");
        stage_close();
    }
}

/* Sends 1 to 50 and fails; the watcher must see all of them, then the down. */
static troupe_err count_and_fail(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    for (uint32_t i = 1; i <= 50; i++) {
        const struct cue body = {.act = CUE_SAY, .n = i};
        cr_assert_eq(troupe_tell(self, cue->who, &cue_type, &body), TROUPE_OK);
    }
    return TROUPE_FAILED;
}

static troupe_err expect_fifty(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *last = state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (!cue) {
        stage_say("%u", *last);
        *last = 0;
        return TROUPE_OK;
    }
    if (cue->act == CUE_WATCH) return troupe_monitor(self, cue->who, &(uint64_t){0});
    cr_assert_eq(cue->n, ++*last);
    return TROUPE_OK;
}

static uint64_t last_tie(troupe *rt) {
    tr_lock(&rt->ties.lock);
    uint64_t last = rt->ties.last;
    tr_unlock(&rt->ties.lock);
    return last;
}

Test(monitor, a_down_is_behind_all_messages_whichever_worker) {
    const troupe_behaviour sender = {.receive = count_and_fail};
    const troupe_behaviour watcher = {.receive = expect_fifty, .state_size = 4};
    troupe *rt = stage_open(4);
    for (int i = 0; i < 500; i++) {
        troupe_ref a, b;
        cr_assert_eq(troupe_spawn(rt, &watcher, NULL, &a), TROUPE_OK);
        cr_assert_eq(troupe_spawn(rt, &sender, NULL, &b), TROUPE_OK);
        troupe_msg *msg = cue_make(CUE_KEEP, 0, a);
        cue_about(a, CUE_WATCH, 0, b);
        while (last_tie(rt) <= (uint64_t)i) { /* until it watches */
        }
        cr_assert_eq(troupe_post(rt, b, &msg), TROUPE_OK);
        stage_expect("50");
        cr_assert_eq(troupe_kill(rt, a), TROUPE_OK);
    }
    stage_close();
}

static troupe_err look_up(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    troupe_ref found;
    if (cue) return troupe_monitor(self, cue->who, &(uint64_t){0});
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    stage_say("%s", troupe_errname(troupe_whereis(troupe_runtime(self), "post", &found)));
    stage_say("%s", troupe_errname(troupe_stop(troupe_runtime(self), down->who)));
    return TROUPE_OK;
}

Test(monitor, at_the_down_the_name_is_free_and_the_ref_is_stale) {
    const unsigned workers[] = {TROUPE_STEPPED, 1, 4};
    const troupe_behaviour watcher = {.receive = look_up};
    for (int i = 0; i < 3; i++) {
        troupe *rt = stage_open(workers[i]);
        for (int round = 0; round < 100; round++) {
            troupe_ref a, b = stage_enter(&ben);
            cr_assert_eq(troupe_spawn(rt, &watcher, NULL, &a), TROUPE_OK);
            cr_assert_eq(troupe_register(rt, b, "post"), TROUPE_OK);
            cue_about(a, CUE_WATCH, 0, b);
            cr_assert_eq(troupe_kill(rt, b), TROUPE_OK);
            stage_expect("start(ben) NOTFOUND GONE");
        }
        stage_close();
    }
}

static troupe_err watch_nobody(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    uint64_t monitor = 5;
    cr_assert_eq(troupe_monitor(self, TROUPE_NOBODY, &monitor), TROUPE_INVALID);
    cr_assert_eq(monitor, 5);
    stage_say("refused");
    return TROUPE_OK;
}

Test(monitor, nobody_cannot_be_watched) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_behaviour what = {.receive = watch_nobody};
    troupe_ref a;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &a), TROUPE_OK);
    cue(a, CUE_SAY, 0);
    stage_expect("refused");
    stage_close();
}

Test(monitor, case_26_stale_refs_after_a_place_was_used_many_times) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_ref a, b;
    two(&a, &b);
    const troupe_ref stale = b;
    for (int i = 0; i < 20000; i++) {
        cr_assert_eq(troupe_kill(rt, b), TROUPE_OK);
        (void)stage_run();
        b = stage_enter(&ben);
        cr_assert_eq((uint32_t)b.id, (uint32_t)stale.id);
        if (i % 1000 == 0) {
            stage_forget();
            cue_about(a, CUE_WATCH, 1, stale);
            stage_expect("down(ann,1,GONE)");
        }
        stage_forget();
    }
    stage_close();
}
