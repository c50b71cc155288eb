/* Memory that runs out: each thing is done again and again, and each time the next of its
 * allocations fails. Either it says so and nothing has happened, or it works all the same; and in
 * the end not a byte is missing. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(oom, .timeout = 100);

static const player ann = {.id = "ann"}, a = {.id = "a"}, b = {.id = "b"};

/* Refuses the nth allocation from now on, and `more` after it. */
static void refuse(size_t nth, size_t more) {
    counting_heap_fail(stage_heap(), nth, more);
}

/* Ends refusing; whether something was refused since the stage was opened. */
static bool refused(void) {
    refuse(0, 0);
    return counting_heap_look(stage_heap()).refused > 0;
}

/* What with_each_refused has set: taken back while a test prepares, then set anew. */
static size_t set_nth, set_more;

static void prepare(void) {
    refuse(0, 0);
}

static void go(void) {
    refuse(set_nth, set_more);
}

/* Does `act` on a stage of its own with its nth allocation refused, for nth from 1 until nothing is
 * refused any more; with one refusal alone, and with no memory from there on. */
static void with_each_refused(void (*act)(troupe *rt)) {
    for (int alone = 0; alone < 2; alone++) {
        bool any = true;
        for (size_t nth = 1; any; nth++) {
            cr_assert_lt(nth, 500);
            troupe *rt = stage_open(TROUPE_STEPPED);
            set_nth = nth;
            set_more = alone ? 0 : SIZE_MAX;
            go();
            act(rt);
            any = refused();
            (void)stage_run();
            stage_close();
        }
    }
}

static void open_refused(unsigned workers) {
    bool any = true;
    for (size_t nth = 1; any; nth++) {
        troupe_config config = stage_prepare(workers);
        troupe *rt = NULL;
        refuse(nth, 0);
        troupe_err err = troupe_open(&config, &rt);
        any = refused();
        cr_assert_eq(err, any ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(rt == NULL, any);
        troupe_close(&rt);
        cr_assert(counting_heap_fini(stage_heap()));
    }
}

Test(oom, open) {
    open_refused(TROUPE_STEPPED);
    open_refused(3);
}

static void do_spawn(troupe *rt) {
    troupe_ref who = {7, 7};
    troupe_err err = troupe_spawn(rt, &player_behaviour, &ann, &who);
    cr_assert(err == TROUPE_OK || (err == TROUPE_NOMEM && who.id == 7));
    cr_assert_eq(err == TROUPE_NOMEM, refused());
    cr_assert_eq(tr_table_live(&rt->table), err ? 0 : 1);
    stage_expect(err ? "" : "start(ann)");
}

Test(oom, spawn) {
    with_each_refused(do_spawn);
}

static void do_make(troupe *rt) {
    troupe_msg *msg = (troupe_msg *)1;
    const struct cue body = {.n = 1};
    troupe_err err = troupe_make(rt, &cue_type, &body, &msg);
    cr_assert_eq(err, refused() ? TROUPE_NOMEM : TROUPE_OK);
    cr_assert_eq(msg == NULL, err != TROUPE_OK);
    troupe_drop(&msg);
    err = troupe_register_type(rt, &cue_type);
    cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM);
}

Test(oom, make_and_register_type) {
    with_each_refused(do_make);
    (void)stage_open(TROUPE_STEPPED);
    refuse(1, SIZE_MAX);
    cr_assert_eq(troupe_register_type(stage_rt(), &cue_type), TROUPE_NOMEM);
    stage_close();
}

static void do_post(troupe *rt) {
    refuse(0, 0);
    troupe_ref who = stage_enter(&ann);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    refuse(1, SIZE_MAX);
    cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK, "sending takes no memory");
    stage_expect("start(ann) ann:1");
    cr_assert_eq(troupe_stop(rt, who), TROUPE_OK);
    stage_expect("stopping(ann) stop(ann,SHUTDOWN)");
    cr_assert_not(refused(), "neither does an orderly end");
}

Test(oom, sending_handling_and_stopping_take_no_memory) {
    (void)stage_open(TROUPE_STEPPED);
    do_post(stage_rt());
    stage_close();
}

static void do_register(troupe *rt) {
    refuse(0, 0);
    troupe_ref who = stage_enter(&ann), found;
    counting_heap_state before = counting_heap_look(stage_heap());
    for (size_t nth = 1;; nth++) {
        refuse(nth, 0);
        troupe_err err = troupe_register(rt, who, "ann");
        refuse(0, 0);
        cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM);
        cr_assert_eq(troupe_whereis(rt, "ann", &found), err ? TROUPE_NOTFOUND : TROUPE_OK);
        if (!err) break;
        cr_assert_eq(counting_heap_look(stage_heap()).bytes, before.bytes);
        cr_assert_lt(nth, 10);
    }
}

Test(oom, register_name) {
    (void)stage_open(TROUPE_STEPPED);
    do_register(stage_rt());
    stage_close();
}

/* --- As an actor ------------------------------------------------------------------------------ */

static void count_end(void *ctx) {
    (void)ctx;
    stage_say("end");
}

static troupe_err try_all(troupe_self *self, void *state, troupe_msg **msg) {
    uint32_t *tried = state;
    if (!troupe_as(*msg, &cue_type) || (*tried)++) return TROUPE_OK;
    uint64_t monitor = 0;
    troupe_timer timer = {0};
    troupe_msg *before = *msg;
    const struct cue body = {.act = CUE_SAY, .n = 1};
    troupe_err err = troupe_monitor(self, troupe_me(self), &monitor);
    cr_assert(err == TROUPE_OK ? monitor > 0 : err == TROUPE_NOMEM && monitor == 0);
    if (!err) cr_assert_eq(troupe_demonitor(self, monitor), TROUPE_OK);
    err = troupe_monitor(self, (troupe_ref){troupe_me(self).node, 1u << 20}, &monitor);
    cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM);
    err = troupe_tell(self, troupe_me(self), &cue_type, &body);
    cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM);
    err = tr_port_on_end(self, count_end, NULL);
    cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM);
    err = troupe_send_after(self, 5, troupe_me(self), msg, &timer);
    cr_assert(err == TROUPE_OK ? !*msg && timer.id : err == TROUPE_NOMEM && *msg == before);
    return TROUPE_OK;
}

static void do_all(troupe *rt) {
    static const troupe_behaviour what = {.receive = try_all, .state_size = 4};
    prepare();
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    go();
    (void)stage_run();
    cr_assert(stage_there(who));
    stage_advance(5);
}

Test(oom, monitor_tell_on_end_send_after) {
    with_each_refused(do_all);
}

/* An actor whose report can't be written down in full fails all the same. */
static void do_fail(troupe *rt) {
    prepare();
    troupe_ref who = stage_enter(&ann);
    cue(who, CUE_FAIL, TROUPE_USER);
    go();
    stage_expect("start(ann) stop(ann,USER)");
    cr_assert_not(stage_there(who));
    cr_assert_eq(stage_logged("actor failed: player"), 1);
    (void)rt;
}

Test(oom, fail) {
    with_each_refused(do_fail);
}

/* --- Waiting ---------------------------------------------------------------------------------- */

static void do_ask(troupe *rt) {
    prepare();
    troupe_ref who = stage_enter(&ann);
    troupe_msg *msg = cue_make(CUE_ANSWER, 3, TROUPE_NOBODY);
    go();
    troupe_err err = troupe_ask(rt, who, &msg, 10000);
    bool any = refused();
    if (err == TROUPE_NOMEM) cr_assert_eq(cue_n(msg), 3, "it is not the asker's own");
    /* Who can't make the answer fails by the player's rules. */
    cr_assert(any ? err == TROUPE_NOMEM || err == TROUPE_FAILED : err == TROUPE_OK);
    troupe_drop(&msg);
}

Test(oom, ask) {
    with_each_refused(do_ask);
}

static void do_supervise(troupe *rt) {
    const troupe_child child[] = {kid(&a, 0), kid(&b, TROUPE_TEMPORARY)};
    const troupe_supervision what = {.child = child, .children = 2, .max_restarts = 3};
    troupe_ref top;
    troupe_err err = troupe_supervise(rt, &what, 10000, &top);
    bool any = refused();
    cr_assert(any || err == TROUPE_OK);
    /* TIMEOUT: it has no memory for its answer either. */
    cr_assert(err == TROUPE_OK || err == TROUPE_NOMEM || err == TROUPE_START_FAILED ||
                  err == TROUPE_TIMEOUT,
              "%s", troupe_errname(err));
    (void)stage_run();
    if (err) {
        cr_assert_eq(tr_table_live(&rt->table), 0);
        return;
    }
    family_expect(top, "a:RUNNING:0 b:RUNNING:0");
}

Test(oom, supervise) {
    with_each_refused(do_supervise);
}

static void do_children(troupe *rt) {
    prepare();
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0)};
    troupe_ref top = family(child, 2, 3, 0);
    go();
    size_t count = 77;
    troupe_child_info info[2];
    troupe_err err = troupe_children(rt, top, 10000, info, 2, &count);
    bool any = refused();
    cr_assert(any ? err == TROUPE_NOMEM || err == TROUPE_TIMEOUT : err == TROUPE_OK);
    cr_assert_eq(count, err ? 77 : 2);
    family_expect(top, "a:RUNNING:0 b:RUNNING:0");
}

Test(oom, children) {
    with_each_refused(do_children);
}

/* Restarts without memory are restarts that fail; at the limit the supervisor gives up. */
static void do_restart(troupe *rt) {
    prepare();
    const troupe_child child[] = {kid(&a, 0), kid(&b, 0)};
    troupe_ref top = family(child, 2, 3, 0);
    cue_named("b", CUE_FAIL, TROUPE_USER);
    go();
    (void)stage_run();
    bool any = refused();
    if (set_more && any && !stage_there(top)) {
        cr_assert_eq(tr_table_live(&rt->table), 0);
        return;
    }
    cr_assert(stage_there(top));
    cr_assert(!troupe_same(stage_find("b"), TROUPE_NOBODY));
}

Test(oom, restart) {
    with_each_refused(do_restart);
}

/* A child whose time-out can't be set gets none: it is killed, so that the stop goes on. */
static void do_stop(troupe *rt) {
    static const player slow = {.id = "slow", .stopping = TROUPE_LATER};
    prepare();
    const troupe_child child[] = {kid(&a, 0), kid(&slow, 0)};
    troupe_ref top = family(child, 2, 3, 0);
    cr_assert_eq(troupe_stop(rt, top), TROUPE_OK);
    go();
    stage_advance(5000);
    cr_assert_not(stage_there(top));
}

Test(oom, stop) {
    with_each_refused(do_stop);
}
