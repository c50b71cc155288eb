#include "actors/worker.h"

#include <criterion/criterion.h>
#include <string.h>

TestSuite(worker, .timeout = 30);

enum { TASKS = 40 };

static tr_worker worker[2]; /* side by side, as the scheduler has them */
static _Alignas(16) tr_task task[TASKS];

static void open_all(void) {
    memset(worker, 0, sizeof worker);
    memset(task, 0, sizeof task);
    for (uint32_t i = 0; i < 2; i++) {
        tr_worker_init(&worker[i], NULL, i, 1);
        tr_bias_return(&worker[i].bias);
    }
    for (int i = 0; i < TASKS; i++) tr_mailbox_open(&task[i].box, 8, true);
}

static tr_task *get(void) {
    tr_task *got = tr_worker_get(&worker[0]);
    if (got) got->queued = false;
    return got;
}

Test(worker, runs_the_oldest_first) {
    open_all();
    cr_assert_null(get());
    for (int i = 0; i < 5; i++) tr_worker_put(&worker[0], &task[i], false);
    cr_assert_eq(tr_load32_relaxed(&worker[0].waiting), 5);
    for (int i = 0; i < 5; i++) cr_assert_eq(get(), &task[i]);
    cr_assert_null(get());
    cr_assert_eq(tr_load32_relaxed(&worker[0].waiting), 0);
}

Test(worker, the_newest_woken_goes_first_and_the_one_before_it_to_the_end) {
    open_all();
    tr_worker_put(&worker[0], &task[0], false);
    tr_worker_put(&worker[0], &task[1], true);
    tr_worker_put(&worker[0], &task[2], true);
    cr_assert_eq(get(), &task[2]);
    cr_assert_eq(get(), &task[0]);
    cr_assert_eq(get(), &task[1]);
    cr_assert_null(get());
}

Test(worker, two_that_wake_each_other_do_not_starve_a_third) {
    open_all();
    tr_worker_put(&worker[0], &task[0], false);
    int before = 0;
    tr_worker_put(&worker[0], &task[1], true);
    for (tr_task *got; (got = get()) != &task[0]; before++)
        tr_worker_put(&worker[0], got == &task[1] ? &task[2] : &task[1], true);
    cr_assert_eq(before, TR_IN_A_ROW);
    cr_assert_not_null(get(), "whose turn it would have been is not lost");
}

Test(worker, a_call_queues_its_task_once) {
    open_all();
    tr_worker_put(&worker[0], &task[1], false);
    tr_worker_call(&worker[0], &task[0]);
    tr_worker_call(&worker[0], &task[1]);
    cr_assert(tr_worker_called(&worker[0]));
    tr_worker_take_calls(&worker[0]);
    cr_assert_not(tr_worker_called(&worker[0]));
    cr_assert(task[0].called && task[1].called);
    cr_assert_eq(get(), &task[1]);
    cr_assert_eq(get(), &task[0]);
    cr_assert_null(get(), "who is queued already is not queued twice");
}

Test(worker, a_call_follows_a_task_that_has_moved) {
    open_all();
    tr_worker_call(&worker[0], &task[0]);
    tr_store32_release(&task[0].home, 1);
    tr_worker_take_calls(&worker[0]);
    cr_assert_null(get());
    cr_assert_not(task[0].called);
    tr_worker_take_calls(&worker[1]);
    cr_assert(task[0].called);
    cr_assert_eq(tr_worker_get(&worker[1]), &task[0]);
}

Test(worker, a_queue_that_gets_longer_than_enough_has_the_next_look_come_early) {
    open_all();
    worker[0].pace.enough = 2;
    tr_store64_relaxed(&worker[0].pace.look_at, 100);
    for (int i = 0; i < 2; i++) tr_worker_put(&worker[0], &task[i], false);
    cr_assert_not(tr_pace_look_due(&worker[0].pace));
    tr_worker_put(&worker[0], &task[2], false);
    cr_assert(tr_pace_look_due(&worker[0].pace));
}

static bool no(struct tr_sched *sched) {
    (void)sched;
    return false;
}

static bool yes(struct tr_sched *sched) {
    (void)sched;
    return true;
}

static void *sleep_once(void *arg) {
    tr_worker_sleep(arg, no);
    return NULL;
}

/* Returns once that worker sleeps. */
static void begin_sleep(tr_thread *thread) {
    cr_assert(tr_thread_start(thread, "sleeper", sleep_once, &worker[0]));
    while (!tr_worker_asleep(&worker[0])) tr_thread_yield();
}

Test(worker, a_call_or_a_wake_ends_its_sleep) {
    open_all();
    tr_thread thread;
    cr_assert_not(tr_worker_wake(&worker[0]), "it is awake");
    begin_sleep(&thread);
    tr_worker_call(&worker[0], &task[0]);
    tr_thread_join(&thread);
    tr_worker_take_calls(&worker[0]);
    cr_assert_eq(get(), &task[0]);
    begin_sleep(&thread);
    cr_assert(tr_worker_wake(&worker[0]));
    tr_thread_join(&thread);
}

Test(worker, does_not_sleep_with_something_to_do) {
    open_all();
    tr_worker_sleep(&worker[0], yes); /* these return at once */
    tr_worker_call(&worker[0], &task[0]);
    tr_worker_sleep(&worker[0], no);
    tr_worker_take_calls(&worker[0]);
    tr_worker_sleep(&worker[0], no);
    cr_assert_not(tr_worker_asleep(&worker[0]));
}
