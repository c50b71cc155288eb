#include "actors/join.h"

#include <criterion/criterion.h>
#include <troupe/supervisor.h>

#include "actors/runtime.h"
#include "test/support/gate.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(join, .timeout = 60);

enum { LONG_MS = 20000 };

static const player ann = {.id = "ann"};

/* --- Leavers: they leave a cue with a number, where they are told to -------------------------- */

enum { IN_START = 1, IN_STOP = 2, TWICE = 4, THEN_FAIL = 8, START_FAILS = 16 };

static void leave(troupe_self *self, uint32_t n, troupe_err expected) {
    troupe_msg *msg = cue_make(CUE_SAY, n, TROUPE_NOBODY), *none = NULL;
    cr_assert_eq(troupe_exit_with(self, &none), TROUPE_INVALID);
    cr_assert_eq(troupe_exit_with(self, &msg), expected);
    cr_assert_eq(msg == NULL, expected == TROUPE_OK);
    troupe_drop(&msg);
}

static troupe_err leaver_start(troupe_self *self, void *state, const void *how) {
    int *flags = state;
    *flags = how ? *(const int *)how : 0;
    if (*flags & IN_START) leave(self, 1, TROUPE_OK);
    return *flags & START_FAILS ? (troupe_err)TROUPE_USER : TROUPE_OK;
}

static troupe_err leaver_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const int *flags = state;
    const struct cue *cue = troupe_as(*msg, &cue_type);
    if (!cue) return TROUPE_OK;
    if (cue->act == CUE_EXIT) {
        troupe_exit(self, (troupe_err)cue->n);
        leave(self, 9, TROUPE_INVALID);
        return TROUPE_OK;
    }
    leave(self, cue->n, TROUPE_OK);
    if (*flags & TWICE) leave(self, 9, TROUPE_INVALID);
    return *flags & THEN_FAIL ? (troupe_err)TROUPE_USER : TROUPE_OK; /* the first end counts */
}

static void leaver_stop(troupe_self *self, void *state, troupe_err why) {
    const int *flags = state;
    if (*flags & IN_STOP) leave(self, 2, why == TROUPE_SHUTDOWN ? TROUPE_OK : TROUPE_INVALID);
}

static const troupe_behaviour leaver = {.name = "leaver",
                                        .state_size = sizeof(int),
                                        .start = leaver_start,
                                        .receive = leaver_receive,
                                        .stop = leaver_stop};

static troupe_handle enter(int flags) {
    troupe_handle handle;
    cr_assert_eq(troupe_spawn_handle(stage_rt(), &leaver, &flags, &handle), TROUPE_OK);
    return handle;
}

/* What a join must say: how it ended, and with which number; 0: it left nothing. */
static void expect(troupe_handle handle, troupe_err how, uint32_t n) {
    troupe_err why = (troupe_err)77;
    troupe_msg *result = (troupe_msg *)1;
    cr_assert_eq(troupe_join_handle(stage_rt(), &handle, LONG_MS, &why, &result), TROUPE_OK);
    cr_assert_eq(why, how, "%s", troupe_errname(why));
    cr_assert_eq(result ? cue_n(result) : 0, n);
    troupe_drop(&result);
    cr_assert(troupe_same(handle.who, TROUPE_NOBODY) && troupe_same(handle.keeper, TROUPE_NOBODY));
    cr_assert_eq(troupe_join_handle(stage_rt(), &handle, 0, NULL, NULL), TROUPE_GONE);
    troupe_drop_handle(stage_rt(), &handle);
}

static const unsigned worlds[] = {STAGE_SIMULATED, TROUPE_STEPPED, 1, 2};
enum { WORLDS = sizeof worlds / sizeof *worlds };

Test(join, a_handle_tells_of_each_kind_of_end) {
    for (int i = 0; i < WORLDS; i++) {
        (void)stage_open(worlds[i]);
        troupe_handle handle = enter(0);
        cue(handle.who, CUE_SAY, 5);
        expect(handle, TROUPE_OK, 5);
        handle = enter(0);
        cue(handle.who, CUE_EXIT, TROUPE_USER + 1);
        expect(handle, (troupe_err)(TROUPE_USER + 1), 0);
        handle = enter(0);
        cr_assert_eq(troupe_stop(stage_rt(), handle.who), TROUPE_OK);
        expect(handle, TROUPE_SHUTDOWN, 0);
        handle = enter(0);
        cr_assert_eq(troupe_kill(stage_rt(), handle.who), TROUPE_OK);
        expect(handle, TROUPE_KILLED, 0);
        stage_close();
    }
}

/* The end is kept until somebody wants to know it. */
Test(join, a_handle_tells_of_what_has_long_been) {
    for (int i = 0; i < WORLDS; i++) {
        (void)stage_open(worlds[i]);
        troupe_handle early = enter(IN_START), handle = enter(0);
        cue(handle.who, CUE_SAY, 6);
        stage_await_gone(handle.who);
        stage_await_gone(early.who);
        expect(handle, TROUPE_OK, 6);
        expect(early, TROUPE_OK, 1);
        stage_close();
    }
}

Test(join, the_first_end_counts_and_one_message_is_left) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_handle handle = enter(TWICE | THEN_FAIL);
    cue(handle.who, CUE_SAY, 7);
    expect(handle, TROUPE_OK, 7);
    handle = enter(IN_STOP);
    cr_assert_eq(troupe_stop(stage_rt(), handle.who), TROUPE_OK);
    expect(handle, TROUPE_SHUTDOWN, 2);
    handle = enter(IN_STOP);
    cue(handle.who, CUE_SAY, 8);
    expect(handle, TROUPE_OK, 8);
    stage_close();
}

Test(join, a_start_that_fails_leaves_no_handle) {
    for (int i = 0; i < WORLDS; i++) {
        const int fails = START_FAILS, late = START_FAILS | IN_START;
        troupe *rt = stage_open(worlds[i]);
        troupe_handle handle = {{1, 1}, {2, 2}};
        cr_assert_eq(troupe_spawn_handle(rt, &leaver, &fails, &handle), TROUPE_USER);
        cr_assert_eq(troupe_spawn_handle(rt, &leaver, &late, &handle), TROUPE_USER);
        cr_assert_eq(handle.keeper.id, 2);
        cr_assert_eq(tr_table_live(&rt->table), 0);
        cr_assert_eq(rt->joins.by_id.count, 0);
        cr_assert_eq(tr_load32_seq(&rt->joins.keepers), 0);
        cr_assert_eq(stage_dead_letters(), 0);
        stage_close();
    }
}

Test(join, a_handle_may_be_dropped_at_any_time) {
    for (int i = 0; i < WORLDS; i++) {
        troupe *rt = stage_open(worlds[i]);
        troupe_handle handle = enter(0), other = enter(0), none = {TROUPE_NOBODY, TROUPE_NOBODY};
        troupe_ref who = handle.who;
        troupe_drop_handle(rt, &none);
        troupe_drop_handle(rt, &handle);
        cr_assert(troupe_same(handle.keeper, TROUPE_NOBODY));
        cr_assert(stage_there(who), "it goes on");
        cue(who, CUE_SAY, 5); /* and what it leaves now is dropped */
        stage_await_gone(who);
        cue(other.who, CUE_SAY, 6);
        stage_await_gone(other.who); /* so is what the keeper has */
        troupe_drop_handle(rt, &other);
        (void)enter(0); /* and what nobody ever asks for */
        stage_close();
    }
}

Test(join, a_time_out_loses_nothing_of_a_handle) {
    for (int i = 0; i < WORLDS; i++) {
        troupe *rt = stage_open(worlds[i]);
        troupe_handle handle = enter(0);
        troupe_err why = (troupe_err)77;
        troupe_msg *result = (troupe_msg *)1;
        for (int again = 0; again < 3; again++)
            cr_assert_eq(troupe_join_handle(rt, &handle, 1, &why, &result), TROUPE_TIMEOUT);
        cr_assert_eq(why, 77);
        cr_assert_eq(result, (troupe_msg *)1);
        cue(handle.who, CUE_SAY, 5);
        stage_await_gone(handle.who); /* the keeper has found nobody who waits */
        expect(handle, TROUPE_OK, 5);
        stage_close();
    }
}

Test(join, what_is_not_wanted_is_dropped) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_handle handle = enter(0);
    cue(handle.who, CUE_SAY, 5);
    cr_assert_eq(troupe_join_handle(rt, &handle, LONG_MS, NULL, NULL), TROUPE_OK);
    stage_close();
}

/* --- By a ref --------------------------------------------------------------------------------- */

typedef struct joiner {
    pthread_t thread;
    troupe_ref who;
    troupe_err err, why;
    troupe_msg *result;
} joiner;

static void *join_it(void *arg) {
    joiner *it = arg;
    it->why = (troupe_err)77;
    it->result = NULL;
    it->err = troupe_join(stage_rt(), it->who, LONG_MS, &it->why, &it->result);
    return NULL;
}

static void await_keepers(uint32_t n) {
    uint64_t until = tr_after_ms(tr_clock(), LONG_MS);
    while (tr_load32_seq(&stage_rt()->joins.keepers) < n) {
        cr_assert_lt(tr_clock(), until);
        tr_thread_yield();
    }
}

Test(join, many_wait_for_one_and_one_gets_what_it_leaves) {
    enum { MANY = 4 };
    (void)stage_open(2);
    const int none = 0;
    joiner all[MANY];
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &leaver, &none, &who), TROUPE_OK);
    for (int i = 0; i < MANY; i++) {
        all[i].who = who;
        cr_assert_eq(pthread_create(&all[i].thread, NULL, join_it, &all[i]), 0);
    }
    await_keepers(MANY);
    /* A keeper is entered before its monitor is made, on the same thread: in line behind that. */
    for (unsigned i = 0; stage_rt()->ties.all.count < MANY; i++) tr_thread_yield();
    cue(who, CUE_SAY, 5);
    unsigned results = 0;
    for (int i = 0; i < MANY; i++) {
        pthread_join(all[i].thread, NULL);
        cr_assert_eq(all[i].err, TROUPE_OK);
        cr_assert_eq(all[i].why, TROUPE_OK);
        results += all[i].result && cue_n(all[i].result) == 5;
        troupe_drop(&all[i].result);
    }
    cr_assert_eq(results, 1);
    stage_close();
}

Test(join, a_ref_that_is_gone_says_no_more_than_that) {
    for (int i = 0; i < WORLDS; i++) {
        troupe *rt = stage_open(worlds[i]);
        troupe_ref who = stage_enter(&ann), stranger = {4711, 1};
        troupe_err why = (troupe_err)77;
        troupe_msg *result = NULL;
        cr_assert_eq(troupe_join(rt, who, 1, &why, &result), TROUPE_TIMEOUT);
        cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
        stage_await_gone(who);
        cr_assert_eq(troupe_join(rt, who, LONG_MS, &why, &result), TROUPE_GONE);
        cr_assert_eq(troupe_join(rt, TROUPE_NOBODY, LONG_MS, &why, &result), TROUPE_GONE);
        cr_assert_eq(troupe_join(rt, stranger, LONG_MS, &why, &result), TROUPE_NOCONNECTION);
        cr_assert_eq(why, 77);
        cr_assert_null(result);
        stage_close();
    }
}

Test(join, a_stepped_runtime_is_stepped) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    troupe_ref who = stage_enter(&ann);
    troupe_err why;
    cue(who, CUE_FAIL, TROUPE_USER + 3);
    cr_assert_eq(troupe_join(rt, who, LONG_MS, &why, NULL), TROUPE_OK);
    cr_assert_eq(why, TROUPE_USER + 3);
    stage_close();
}

static troupe_err inside(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    troupe *rt = troupe_runtime(self);
    troupe_handle handle = {troupe_me(self), troupe_me(self)};
    stage_say("%s", troupe_errname(troupe_join(rt, troupe_me(self), 1, NULL, NULL)));
    stage_say("%s", troupe_errname(troupe_join_handle(rt, &handle, 1, NULL, NULL)));
    return TROUPE_OK;
}

/* But for actors with a thread of their own: test_waits.c. */
Test(join, nobody_waits_in_a_callback) {
    static const troupe_behaviour plain = {.name = "inside", .receive = inside};
    for (int i = 0; i < WORLDS; i++) {
        troupe *rt = stage_open(worlds[i]);
        troupe_ref who;
        cr_assert_eq(troupe_spawn(rt, &plain, NULL, &who), TROUPE_OK);
        cue(who, CUE_SAY, 0);
        stage_expect("INVALID INVALID");
        cr_assert_eq(rt->joins.by_id.count, 0);
        stage_close();
    }
}

/* The life that it is in: that of a child ends at its restart, and a later one leaves nothing to
 * who waited for that. */
Test(join, a_restart_is_an_end) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    const troupe_child child = {.id = "leaver", .what = &leaver, .name = "leaver"};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 5};
    troupe_ref root;
    troupe_err why;
    troupe_msg *result = NULL;
    cr_assert_eq(troupe_supervise(rt, &tree, LONG_MS, &root), TROUPE_OK);
    troupe_ref who = stage_find("leaver");
    cue(who, CUE_EXIT, TROUPE_USER);
    cue(who, CUE_SAY, 5); /* of the next life */
    cr_assert_eq(troupe_join(rt, who, LONG_MS, &why, &result), TROUPE_OK);
    cr_assert_eq(why, TROUPE_USER);
    cr_assert_null(result);
    (void)stage_run();
    cue(who, CUE_SAY, 6);
    cr_assert_eq(troupe_join(rt, who, LONG_MS, &why, &result), TROUPE_OK);
    cr_assert_eq(why, TROUPE_OK);
    cr_assert_eq(cue_n(result), 6);
    troupe_drop(&result);
    stage_close();
}

/* Of two who ask the same handle the second one is answered. */
Test(join, a_question_replaces_the_one_before) {
    troupe *rt = stage_open(1);
    troupe_handle handle = enter(0), twin = handle;
    cr_assert_eq(troupe_join_handle(rt, &twin, 1, NULL, NULL), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_join_handle(rt, &twin, 1, NULL, NULL), TROUPE_TIMEOUT);
    cue(handle.who, CUE_SAY, 5);
    expect(handle, TROUPE_OK, 5);
    stage_close();
}

Test(join, a_runtime_that_closes_has_no_more_handles) {
    troupe *rt = stage_open(STAGE_SIMULATED);
    troupe_handle handle = enter(0), other;
    tr_store32_seq(&rt->closing, 1);
    cr_assert_eq(troupe_join(rt, handle.who, 1, NULL, NULL), TROUPE_CLOSED);
    cr_assert_eq(troupe_spawn_handle(rt, &leaver, NULL, &other), TROUPE_CLOSED);
    tr_store32_seq(&rt->closing, 0);
    cr_assert_eq(troupe_kill(rt, handle.keeper), TROUPE_OK);
    stage_await_gone(handle.keeper);
    cr_assert_eq(troupe_join_handle(rt, &handle, LONG_MS, NULL, NULL), TROUPE_GONE);
    stage_close();
}
