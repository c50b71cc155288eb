#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <troupe/service.h>

#include "actors/find.h"
#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/family.h"
#include "test/support/gate.h"
#include "test/support/stage.h"

TestSuite(service, .timeout = 60);

static const player ann = {.id = "ann"};

static troupe_ref serve(void) {
    const troupe_child child = kid(&ann, TROUPE_PERMANENT);
    return family(&child, 1, 0, 1000);
}

static void end_service(size_t descriptors) {
    cr_assert_eq(stage_descriptors(), descriptors, "none is left");
    stage_forget();
    stage_close();
}

Test(service, a_signal_is_told_also_one_that_came_before) {
    const int numbers[] = {SIGTERM, SIGINT};
    for (int i = 0; i < 2; i++) {
        troupe_hold_signals();
        cr_assert_eq(pthread_kill(pthread_self(), numbers[i]), 0);
        troupe *rt = stage_open(2);
        size_t descriptors = stage_descriptors();
        cr_assert_eq(troupe_await_end(rt, serve(), TROUPE_FOREVER), TROUPE_SHUTDOWN);
        end_service(descriptors);
    }
}

Test(service, a_second_signal_ends_the_program, .signal = SIGTERM) {
    troupe_hold_signals();
    (void)pthread_kill(pthread_self(), SIGTERM);
    troupe *rt = stage_open(2);
    cr_assert_eq(troupe_await_end(rt, serve(), TROUPE_FOREVER), TROUPE_SHUTDOWN);
    (void)pthread_kill(pthread_self(), SIGTERM);
}

/* Opens the gate once somebody watches that actor. */
static void *open_when_watched(void *ref) {
    const troupe_self *self =
        tr_table_at(&stage_rt()->table, (uint32_t)((const troupe_ref *)ref)->id);
    while (!(tr_load64_seq(&self->task.control) & TR_CONTROL_WATCHED)) tr_thread_yield();
    gate_open(1);
    return NULL;
}

static troupe_err wait_and_fail(troupe_self *self, void *state, troupe_msg **msg) {
    (void)gate_receive(self, state, msg);
    return troupe_fail(self, TROUPE_USER, "as told");
}

Test(service, a_tree_that_ends_by_itself_is_told_with_its_reason) {
    troupe *rt = stage_open(2);
    size_t descriptors = stage_descriptors();
    const troupe_behaviour what = {.receive = wait_and_fail};
    const troupe_child child = {.id = "bad", .what = &what, .name = "bad"};
    troupe_ref root = family(&child, 1, 0, 1000);
    tr_thread thread;
    gate_shut();
    cue_named("bad", CUE_SAY, 0);
    cr_assert(tr_thread_start(&thread, "opener", open_when_watched, &root));
    cr_assert_eq(troupe_await_end(rt, root, TROUPE_FOREVER), TROUPE_GAVE_UP);
    tr_thread_join(&thread);
    cr_assert_eq(troupe_await_end(rt, root, TROUPE_FOREVER), TROUPE_GONE, "it is no more");
    end_service(descriptors);
}

Test(service, nothing_of_that_in_time_is_a_timeout) {
    troupe *rt = stage_open(2);
    size_t descriptors = stage_descriptors();
    troupe_ref root = serve();
    cr_assert_eq(troupe_await_end(rt, root, 3), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_await_end(rt, root, 0), TROUPE_TIMEOUT);
    end_service(descriptors);
}

Test(service, a_stepped_runtime_is_its_owners_to_wait_for) {
    troupe *rt = stage_open(TROUPE_STEPPED);
    cr_assert_eq(troupe_await_end(rt, stage_enter(&ann), 0), TROUPE_INVALID);
    stage_forget();
    stage_close();
}

Test(oom, troupe_await_end) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        troupe *rt = stage_open(1);
        troupe_ref who = stage_enter(&ann);
        exhaust_from(&x, stage_heap());
        troupe_err err = troupe_await_end(rt, who, 0);
        bool refused = exhaust_to(&x);
        /* What the worker does beside it may be what was refused. */
        cr_assert(err == TROUPE_TIMEOUT || (refused && err == TROUPE_NOMEM));
        stage_forget();
        stage_close();
    }
}

static void hold(void *ctx) {
    (void)ctx;
    troupe_hold_signals();
}

Test(takes_nothing, troupe_hold_signals) {
    (void)stage_open(TROUPE_STEPPED);
    exhaust_nothing(stage_heap(), hold, NULL);
    stage_close();
}
