#include "actors/abandon.h"

#include <criterion/criterion.h>
#include <pthread.h>

#include "actors/find.h"
#include "actors/runtime.h"
#include "test/support/family.h"
#include "test/support/gate.h"
#include "test/support/stage.h"

TestSuite(abandon, .timeout = 60);

/* Waits at the gate in the callback that it is told to, then does something, and returns that. */
static struct {
    bool in_start, in_stopping, in_stop;
    void (*after)(troupe_self *self);
    troupe_err returns;
} hold;

static void hang(troupe_self *self) {
    gate_wait();
    if (hold.after) hold.after(self);
    stage_say("late");
}

static void say(void *word) {
    stage_say("%s", (const char *)word);
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    static char word[] = "cleaned";
    cr_assert_eq(troupe_defer(self, say, word), TROUPE_OK);
    cr_assert_not_null(troupe_alloc(self, 100));
    if (hold.in_start) hang(self);
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (cue_n(*msg) == 0) {
        hang(self);
        return hold.returns;
    }
    stage_say("got:%u", cue_n(*msg));
    return TROUPE_OK;
}

static troupe_err stopping(troupe_self *self, void *state) {
    (void)state;
    if (hold.in_stopping) hang(self);
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)state;
    stage_say("stop(%s)", troupe_errname(why));
    if (hold.in_stop) hang(self);
}

static const troupe_behaviour holder = {.name = "holder",
                                        .state_size = 50,
                                        .start = start,
                                        .receive = receive,
                                        .stopping = stopping,
                                        .stop = stop};
static const troupe_behaviour blocking_holder = {.name = "holder",
                                                 .blocking = true,
                                                 .state_size = 50,
                                                 .start = start,
                                                 .receive = receive,
                                                 .stopping = stopping,
                                                 .stop = stop};

static troupe_child holder_as(const char *id, const troupe_behaviour *what) {
    return (troupe_child){.id = id, .what = what, .name = id, .shutdown_ms = 10};
}

/* Has it hang in a message, with three more waiting behind that. Returns who it is. */
static troupe_ref hang_one(const char *name) {
    troupe_ref who = stage_find(name);
    gate_shut();
    for (uint32_t i = 0; i < 4; i++) cue_named(name, CUE_SAY, i);
    gate_await(1);
    return who;
}

/* Stops a supervisor, which must end while others are still there. */
static void stop_tree(troupe_ref root) {
    troupe *rt = stage_rt();
    cr_assert_eq(troupe_stop(rt, root), TROUPE_OK);
    cr_assert(tr_runtime_wait(rt, root.id, tr_after_ms(tr_clock(), 30000)));
}

static void stop_and_let_go(const troupe_behaviour *what) {
    troupe *rt = stage_open(2);
    const player ann = {.id = "ann"};
    const troupe_child children[] = {kid(&ann, TROUPE_PERMANENT), holder_as("held", what)};
    troupe_ref root = family(children, 2, 3, 1000);
    troupe_ref held = hang_one("held");
    uint64_t dead = stage_dead_letters();
    stop_tree(root); /* returns while it hangs; the others stop in order */
    stage_expect("start(ann) stopping(ann) stop(ann,SHUTDOWN)");
    cr_assert_not(stage_there(held));
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_post(rt, held, &msg), TROUPE_GONE);
    troupe_drop(&msg);
    cr_assert_eq(stage_dead_letters() - dead, 3, "what waited for it");
    cr_assert_eq(stage_logged("abandoned: supervisor/held in cue does not return, 20 ms after"), 1);
    cr_assert_geq(tr_table_live(&rt->table), 1, "it is there still, though nobody's");
    gate_open(1);
    stage_expect("late cleaned"); /* no stop: it was killed */
    stage_await_log("supervisor/held, which was abandoned, has returned");
    stage_close();
}

Test(abandon, a_stop_goes_on_without_a_child_that_does_not_return) {
    stop_and_let_go(&holder);
}

Test(abandon, so_it_does_without_a_blocking_one) {
    stop_and_let_go(&blocking_holder);
}

/* Whoever waits for an answer hears that there will be none while the callback still hangs. */
static troupe_ref asked;
static troupe_err heard;

static void *ask(void *rt) {
    troupe_msg *msg = cue_make(CUE_SAY, 0, TROUPE_NOBODY);
    heard = troupe_ask(rt, asked, &msg, 60000);
    cr_assert_null(msg);
    return NULL;
}

static void ask_one_that_hangs(const troupe_behaviour *what) {
    troupe *rt = stage_open(2);
    pthread_t thread;
    const troupe_child child = holder_as("held", what);
    troupe_ref root = family(&child, 1, 3, 1000);
    asked = stage_find("held");
    gate_shut();
    cr_assert_eq(pthread_create(&thread, NULL, ask, rt), 0);
    gate_await(1);
    stop_tree(root);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(heard, TROUPE_GONE);
    gate_open(1);
    stage_await_log("supervisor/held, which was abandoned, has returned");
    stage_close();
}

Test(abandon, who_asked_hears_of_it_at_once) {
    ask_one_that_hangs(&holder);
    ask_one_that_hangs(&blocking_holder);
}

Test(abandon, one_that_fails_when_it_returns_fails_nobody) {
    hold.returns = TROUPE_USER;
    stop_and_let_go(&holder);
    stop_and_let_go(&blocking_holder);
    cr_assert_eq(stage_logged("actor failed:"), 0);
}

/* What an abandoned one does before it returns ends with it, or is refused. */
static void act_as_if_alive(troupe_self *self) {
    troupe *rt = troupe_runtime(self);
    uint64_t monitor;
    troupe_timer timer;
    troupe_ready(self);
    cr_assert_eq(troupe_tell(self, troupe_me(self), &cue_type, &(struct cue){0}), TROUPE_GONE);
    cr_assert_eq(troupe_register(rt, troupe_me(self), "late"), TROUPE_GONE);
    cr_assert_eq(troupe_stop(rt, troupe_me(self)), TROUPE_GONE);
    cr_assert_eq(troupe_monitor(self, troupe_me(self), &monitor), TROUPE_OK);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_send_after(self, 100000, troupe_me(self), &msg, &timer), TROUPE_OK);
    cr_assert_not_null(troupe_alloc(self, 1000));
    (void)troupe_fail(self, TROUPE_USER, "nobody hears this");
}

Test(abandon, what_it_does_before_it_returns_ends_with_it) {
    hold.after = act_as_if_alive;
    stop_and_let_go(&holder);
    stop_and_let_go(&blocking_holder);
    cr_assert_eq(stage_logged("nobody hears this"), 0);
}

static void stop_one_that_hangs(void) {
    (void)stage_open(2);
    const troupe_child child = holder_as("held", &holder);
    troupe_ref root = family(&child, 1, 3, 1000);
    gate_shut();
    stop_tree(root);
    gate_await(1);
    gate_open(1);
    stage_await_log("which was abandoned, has returned");
    stage_close();
}

Test(abandon, it_may_be_in_its_stopping) {
    hold.in_stopping = true;
    stop_one_that_hangs();
    stage_expect("late cleaned");
}

Test(abandon, it_may_be_in_its_stop) {
    hold.in_stop = true;
    stop_one_that_hangs();
    stage_expect("stop(SHUTDOWN) late cleaned");
}

Test(abandon, it_may_be_in_its_start) {
    troupe *rt = stage_open(2);
    hold.in_start = true;
    const troupe_child child = holder_as("held", &holder);
    const troupe_supervision what = {.child = &child, .children = 1};
    troupe_ref root;
    gate_shut();
    cr_assert_eq(troupe_supervise(rt, &what, 1000, &root), TROUPE_TIMEOUT);
    stage_await_log("abandoned: supervisor/held in start");
    gate_open(1);
    stage_expect("late cleaned");
    stage_close();
}

/* --- The next one ----------------------------------------------------------------------------- */

Test(abandon, its_group_is_restarted_with_a_new_one_in_its_place) {
    troupe *rt = stage_open(2);
    const player ann = {.id = "ann"};
    const troupe_child children[] = {kid(&ann, TROUPE_PERMANENT), holder_as("held", &holder)};
    const troupe_supervision what = {
        .child = children, .children = 2, .max_restarts = 3, .strategy = TROUPE_ONE_FOR_ALL};
    troupe_ref root, other = stage_enter(&(player){.id = "eve"});
    cr_assert_eq(troupe_supervise(rt, &what, 10000, &root), TROUPE_OK);
    troupe_ref before = hang_one("held");
    cue_about(other, CUE_WATCH, 7, before);
    stage_await(2);
    stage_forget();
    cue_named("ann", CUE_RETURN, TROUPE_USER);
    stage_expect("stop(ann,USER) down(eve,7,KILLED) start(ann)");
    family_expect(root, "ann:RUNNING:1 held:RUNNING:1");
    troupe_ref after = stage_find("held");
    cr_assert(stage_there(after));
    cr_assert_not(troupe_same(before, after), "a new place, since the old one is in use");
    cue_named("held", CUE_SAY, 5);
    stage_expect("got:5");
    gate_open(1);
    stage_expect("late cleaned");
    family_stop(root);
    stage_forget();
    stage_close();
}

Test(abandon, dynamic_children_are_abandoned_all_at_once) {
    troupe *rt = stage_open(2);
    const troupe_child child = {.id = "held", .what = &blocking_holder, .shutdown_ms = 10};
    const troupe_supervision what = {
        .child = &child, .children = 1, .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    troupe_ref root, who[4];
    cr_assert_eq(troupe_supervise(rt, &what, 10000, &root), TROUPE_OK);
    gate_shut();
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(troupe_start_dynamic_child(rt, root, NULL, 10000, &who[i]), TROUPE_OK);
        if (i < 3) cue(who[i], CUE_SAY, 0);
    }
    gate_await(3);
    stop_tree(root);
    cr_assert_eq(stage_logged("abandoned: supervisor/held in cue"), 3);
    stage_expect_all("stop(SHUTDOWN) cleaned");
    gate_open(3);
    stage_expect_all("late cleaned late cleaned late cleaned");
    stage_close();
}

Test(abandon, a_close_names_who_never_returns_and_leaves_it_alone) {
    troupe_config config = stage_prepare(2);
    config.close_ms = 100;
    troupe *rt = NULL;
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
    const troupe_child children[] = {holder_as("one", &holder), holder_as("two", &blocking_holder)};
    const troupe_supervision what = {.child = children, .children = 2, .name = "root"};
    troupe_ref root, who;
    cr_assert_eq(troupe_supervise(rt, &what, 10000, &root), TROUPE_OK);
    gate_shut();
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(troupe_whereis(rt, i ? "two" : "one", &who), TROUPE_OK);
        troupe_msg *msg = NULL;
        cr_assert_eq(troupe_make(rt, &cue_type, &(struct cue){0}, &msg), TROUPE_OK);
        cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
    }
    gate_await(2);
    troupe_close(&rt);
    cr_assert_null(rt);
    cr_assert_eq(stage_logged("abandoned: root/"), 2);
    cr_assert_eq(stage_logged("close: root/one in cue does not return from its callback"), 1);
    cr_assert_eq(stage_logged("close: root/two in cue does not return from its callback"), 1);
}

/* --- Who comes first -------------------------------------------------------------------------- */

/* Takes a child's place at that moment: `marks` are what it has said of itself. */
static bool abandon_one_with(uint32_t marks, bool was_ready) {
    (void)stage_open(STAGE_SIMULATED);
    const troupe_child child = holder_as("held", &holder);
    troupe_ref root = family(&child, 1, 3, 1000);
    troupe_self *self = tr_table_at(&stage_rt()->table, (uint32_t)stage_find("held").id);
    uint32_t generation = tr_actor_generation(self);
    (void)tr_and64_seq(&self->task.control, ~(uint64_t)TR_CONTROL_TOLD);
    (void)tr_or64_seq(&self->task.control, marks);
    uint64_t unless = TR_CONTROL_ENDING | TR_CONTROL_TELLING | (was_ready ? 0 : TR_CONTROL_TOLD);
    uint64_t before = tr_load64_seq(&self->task.control);
    bool done = tr_route_abandon(&self->task, generation, unless) != 0;
    cr_assert_eq(done, tr_abandon_seen(self));
    cr_assert_eq(done, !tr_abandon_claim_end(self), "one of them ends it");
    tr_store64_seq(&self->task.control, before & ~(uint64_t)marks);
    family_stop(root);
    stage_forget();
    stage_close();
    return done;
}

Test(abandon, one_that_ends_or_tells_by_itself_is_not_abandoned) {
    cr_assert(abandon_one_with(0, false));
    cr_assert_not(abandon_one_with(TR_CONTROL_ENDING, true));
    cr_assert_not(abandon_one_with(TR_CONTROL_TELLING, true));
    cr_assert_not(abandon_one_with(TR_CONTROL_TOLD, false), "its note is on its way");
    cr_assert(abandon_one_with(TR_CONTROL_TOLD, true));
}
