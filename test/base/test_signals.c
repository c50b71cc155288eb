#include "base/signals.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>

#include "base/os.h"

TestSuite(signals, .timeout = 30);

Test(signals, one_that_came_before_is_told_and_each_once) {
    tr_signals signals;
    tr_signals_hold();
    cr_assert_eq(pthread_kill(pthread_self(), SIGTERM), 0);
    cr_assert(tr_signals_open(&signals));
    cr_assert_eq(tr_signals_wait(&signals, TR_NEVER), SIGTERM);
    cr_assert_eq(tr_signals_wait(&signals, tr_clock()), -1);
    cr_assert_eq(pthread_kill(pthread_self(), SIGINT), 0);
    cr_assert_eq(tr_signals_wait(&signals, TR_NEVER), SIGINT);
    tr_signals_close(&signals);
}

static void *wake(void *signals) {
    tr_signals_wake(signals);
    return NULL;
}

Test(signals, who_waits_is_woken_by_another_thread) {
    tr_signals signals;
    tr_thread thread;
    tr_signals_hold();
    cr_assert(tr_signals_open(&signals));
    cr_assert(tr_thread_start(&thread, "waker", wake, &signals));
    cr_assert_eq(tr_signals_wait(&signals, TR_NEVER), 0);
    tr_thread_join(&thread);
    tr_signals_close(&signals);
}

Test(signals, a_deadline_ends_the_wait) {
    tr_signals signals;
    tr_signals_hold();
    cr_assert(tr_signals_open(&signals));
    cr_assert_eq(tr_signals_wait(&signals, tr_after_ms(tr_clock(), 3)), -1);
    tr_signals_close(&signals);
}

Test(signals, released_they_end_the_process_again, .signal = SIGTERM) {
    tr_signals_hold();
    tr_signals_release();
    (void)raise(SIGTERM);
}
