#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#include "actors/runtime.h"
#include "actors/shutdown.h"
#include "test/support/baton.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(shutdown, .timeout = 100);

enum { LONG_MS = 60000 };

static const player ann = {.id = "ann"}, ben = {.id = "ben"};

/* --- Quiescing -------------------------------------------------------------------------------- */

/* A cue from outside, which is refused and stays ours. */
static void refused_cue(troupe_ref to) {
    troupe_msg *msg = cue_make(CUE_SAY, 9, TROUPE_NOBODY), *same = msg;
    cr_assert_eq(troupe_post(stage_rt(), to, &msg), TROUPE_QUIESCED);
    cr_assert_eq(troupe_ask(stage_rt(), to, &msg, LONG_MS), TROUPE_QUIESCED);
    cr_assert_eq(msg, same);
    troupe_drop(&msg);
}

Everywhere(shutdown, nothing_new_is_taken_from_outside) {
    troupe *rt = stage_open(workers);
    const troupe_child kids[] = {kid(&ann, 0)}, more = kid(&ben, 0);
    const troupe_supervision tree = {.child = kids, .children = 1};
    troupe_ref root = family(kids, 1, 0, 0), who;
    troupe_child_counts counts;
    stage_expect("start(ann)");
    troupe_quiesce(rt);
    troupe_quiesce(rt);
    refused_cue(stage_find("ann"));
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ben, &who), TROUPE_QUIESCED);
    cr_assert_eq(troupe_supervise(rt, &tree, LONG_MS, &who), TROUPE_QUIESCED);
    cr_assert_eq(troupe_start_child(rt, root, &more, LONG_MS, &who), TROUPE_QUIESCED);
    cr_assert_eq(troupe_count_children(rt, root, LONG_MS, &counts), TROUPE_OK);
    cr_assert_eq(counts.active, 1);
    cr_assert_eq(troupe_terminate_child(rt, root, "ann", LONG_MS), TROUPE_OK);
    cr_assert_eq(troupe_restart_child(rt, root, "ann", LONG_MS, &who), TROUPE_OK);
    stage_expect("stopping(ann) stop(ann,SHUTDOWN) start(ann)");
    stage_close();
    stage_expect("stopping(ann) stop(ann,SHUTDOWN)");
}

/* On its first message an actor quiesces, and then goes on as it likes. */
static troupe_err work_on(troupe_self *self, void *state, troupe_msg **msg) {
    troupe *rt = troupe_runtime(self);
    troupe_ref who;
    int *seen = state;
    if (++*seen > 1) {
        stage_say("more");
        return TROUPE_OK;
    }
    troupe_quiesce(rt);
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ben, &who), TROUPE_OK);
    cr_assert_eq(troupe_post(rt, troupe_me(self), msg), TROUPE_OK);
    return troupe_tell(self, who, &cue_type, &(struct cue){.act = CUE_SAY, .n = 7});
}

Everywhere(shutdown, actors_go_on_when_it_is_quiet) {
    troupe *rt = stage_open(workers);
    const troupe_behaviour what = {.state_size = sizeof(int), .receive = work_on};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    stage_expect_all("start(ben) more ben:7");
    refused_cue(who);
    cr_assert_eq(troupe_drain(rt, LONG_MS, NULL), TROUPE_OK);
    stage_close();
}

/* --- Draining --------------------------------------------------------------------------------- */

static troupe_err set_timer(troupe_self *self, unsigned ms, uint32_t left) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &baton_type, &(struct baton){left}, &msg);
    if (!err) err = troupe_send_after(self, ms, troupe_me(self), &msg, NULL);
    troupe_drop(&msg);
    return err;
}

Everywhere(shutdown, what_was_taken_on_is_worked_off) {
    troupe *rt = stage_open(workers);
    troupe_ref who, four;
    cr_assert_eq(troupe_spawn(rt, &baton_hands, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, &player_with_4, &ann, &four), TROUPE_OK);
    stage_expect("start(ann)");
    baton_post(rt, who, 5);
    for (uint32_t i = 0; i < 4; i++) cue(four, CUE_SAY, i); /* it may be full now */
    uint32_t busy = 9;
    cr_assert_eq(troupe_drain(rt, LONG_MS, &busy), TROUPE_OK);
    cr_assert_eq(busy, 0);
    stage_expect_all("5 4 3 2 1 0 ann:0 ann:1 ann:2 ann:3");
    cr_assert_eq(stage_logged("drain:"), 0);
    stage_close();
    cr_assert_eq(stage_logged("dead letter"), 0);
}

/* Of its timers the one that was set before is waited for; the next that this sets is not, nor is
 * one that is due too late. */
static troupe_err tick(troupe_self *self, void *state, troupe_msg **msg) {
    const struct baton *baton = troupe_as(*msg, &baton_type);
    (void)state;
    stage_say("tick%u", (unsigned)baton->left);
    return set_timer(self, LONG_MS / 2, baton->left + 1);
}

static troupe_err set_two(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    troupe_err err = set_timer(self, 5, 1);
    return err ? err : set_timer(self, 3 * LONG_MS, 3);
}

Everywhere(shutdown, a_timer_that_was_set_before_is_waited_for_once) {
    troupe *rt = stage_open(workers);
    const troupe_behaviour what = {.name = "ticker", .start = set_two, .receive = tick};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    cr_assert_eq(troupe_drain(rt, LONG_MS, NULL), TROUPE_OK);
    stage_expect("tick1");
    stage_close();
    stage_expect("");
}

static troupe_ref asked;
static troupe_err asked_err;
static sem_t done_asking;

static void *ask(void *rt) {
    troupe_msg *msg = cue_make(CUE_KEEP, 0, TROUPE_NOBODY);
    asked_err = troupe_ask(rt, asked, &msg, LONG_MS);
    troupe_drop(&msg);
    sem_post(&done_asking);
    return NULL;
}

/* Keeps who asked, and answers when it stops. */
static troupe_err keep(troupe_self *self, void *state, troupe_msg **msg) {
    (void)msg;
    *(troupe_ref *)state = troupe_sender(self);
    stage_say("kept");
    return TROUPE_OK;
}

static void answer(troupe_self *self, void *state, troupe_err why) {
    (void)why;
    cr_assert_eq(troupe_tell(self, *(troupe_ref *)state, &cue_type, &(struct cue){.n = 1}),
                 TROUPE_OK);
}

Test(shutdown, who_waits_for_an_answer_is_waited_for) {
    troupe *rt = stage_open(2);
    pthread_t thread;
    uint32_t busy;
    const troupe_behaviour what = {
        .state_size = sizeof(troupe_ref), .receive = keep, .stop = answer};
    sem_init(&done_asking, 0, 0);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &asked), TROUPE_OK);
    cr_assert_eq(pthread_create(&thread, NULL, ask, rt), 0);
    stage_expect("kept");
    cr_assert_eq(troupe_drain(rt, 1, &busy),
                 TROUPE_TIMEOUT); /* it would not be answered by itself */
    cr_assert_eq(busy, 0);
    cr_assert_eq(troupe_stop(rt, asked), TROUPE_OK);
    sem_wait(&done_asking);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(asked_err, TROUPE_OK);
    cr_assert_eq(troupe_drain(rt, LONG_MS, NULL), TROUPE_OK);
    stage_close();
}

/* A blocking actor's work counts, and so does a callback that has not returned. */
static sem_t gate, inside;

static troupe_err hang(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    sem_post(&inside);
    sem_wait(&gate);
    stage_say("through");
    return TROUPE_OK;
}

static void hang_and_drain(bool blocking) {
    troupe *rt = stage_open(1);
    troupe_ref who;
    uint32_t busy = 0;
    const troupe_behaviour what = {.name = "hanger", .blocking = blocking, .receive = hang};
    sem_init(&gate, 0, 0);
    sem_init(&inside, 0, 0);
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    baton_post(rt, who, 0);
    baton_post(rt, who, 0);
    sem_wait(&inside);
    cr_assert_eq(troupe_drain(rt, 1, &busy), TROUPE_TIMEOUT);
    cr_assert_eq(busy, 1);
    cr_assert_eq(stage_logged("drain: hanger, in baton, has"), 1);
    sem_post(&gate);
    sem_post(&gate);
    cr_assert_eq(troupe_drain(rt, LONG_MS, &busy), TROUPE_OK);
    cr_assert_eq(busy, 0);
    stage_expect("through through");
    stage_close();
}

Test(shutdown, a_callback_that_runs_is_not_drained) {
    hang_and_drain(false);
    hang_and_drain(true);
}

static troupe_err drain_inside(troupe_self *self, void *state, troupe_msg **msg) {
    troupe *rt = troupe_runtime(self);
    (void)state;
    (void)msg;
    cr_assert_eq(troupe_drain(rt, 1, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_shutdown(&rt, 1, 1, NULL), TROUPE_INVALID);
    cr_assert_not_null(rt);
    stage_say("refused");
    return TROUPE_OK;
}

Everywhere(shutdown, waiting_is_for_plain_threads_and_has_a_deadline) {
    troupe *rt = stage_open(workers), *none = NULL;
    const troupe_behaviour what = {.receive = drain_inside};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
    baton_post(rt, who, 0);
    stage_expect("refused");
    cr_assert_eq(troupe_shutdown(&rt, TROUPE_FOREVER, 0, NULL), TROUPE_INVALID);
    cr_assert_eq(troupe_shutdown(&none, 1, 0, NULL), TROUPE_INVALID);
    cue(who, CUE_SAY, 1); /* nothing has happened */
    stage_expect("refused");
    stage_close();
}

/* While posts race with a shutdown each one is handled, or refused, or a dead letter. */
static atomic_int accepted;

static void *post_until_refused(void *arg) {
    troupe *rt = stage_rt();
    const troupe_ref *to = arg;
    for (;;) {
        troupe_msg *msg = cue_make(CUE_COUNT, 0, TROUPE_NOBODY);
        troupe_err err = troupe_post(rt, *to, &msg);
        if (!err) atomic_fetch_add(&accepted, 1);
        troupe_drop(&msg);
        if (err == TROUPE_QUIESCED) return NULL;
        cr_assert(err == TROUPE_OK || err == TROUPE_FULL);
    }
}

static troupe_err count(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)msg;
    ++*(int *)state;
    return TROUPE_OK;
}

static void say_count(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    (void)why;
    stage_say("%d", *(int *)state);
}

Test(shutdown, posts_race_with_it) {
    for (int round = 0; round < 50; round++) {
        troupe *rt = stage_open(2);
        const troupe_behaviour what = {
            .state_size = sizeof(int), .receive = count, .stop = say_count};
        troupe_ref who;
        cr_assert_eq(troupe_spawn(rt, &what, NULL, &who), TROUPE_OK);
        pthread_t thread[2];
        char words[16];
        atomic_store(&accepted, 0);
        for (int i = 0; i < 2; i++)
            cr_assert_eq(pthread_create(&thread[i], NULL, post_until_refused, &who), 0);
        troupe_quiesce(rt);
        for (int i = 0; i < 2; i++) cr_assert_eq(pthread_join(thread[i], NULL), 0);
        cr_assert_eq(troupe_drain(rt, LONG_MS, NULL), TROUPE_OK);
        stage_close();
        snprintf(words, sizeof words, "%d", atomic_load(&accepted));
        stage_expect(words);
    }
}
