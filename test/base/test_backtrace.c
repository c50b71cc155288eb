#include "base/backtrace.h"

#include <criterion/criterion.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

TestSuite(backtrace, .timeout = 20);

#define APART __attribute__((noinline))

static uintptr_t at[TR_BACKTRACE_MOST];
static unsigned n;
static volatile int deep; /* nothing here becomes a jump */

static APART void inner(unsigned most) {
    n = tr_backtrace_take(at, most);
    deep++;
}

static APART void outer(unsigned most) {
    inner(most);
    deep++;
}

Test(backtrace, has_the_callers_the_innermost_first) {
    outer(TR_BACKTRACE_MOST);
    if (!tr_backtrace_ready()) {
        cr_assert_eq(n, 0);
        return;
    }
    cr_assert_geq(n, 3);
    cr_assert_eq(tr_backtrace_function(at[0]), (uintptr_t)inner);
    cr_assert_eq(tr_backtrace_function(at[1]), (uintptr_t)outer);
}

Test(backtrace, writes_no_more_than_there_is_room_for) {
    memset(at, 0, sizeof at);
    outer(2);
    cr_assert_leq(n, 2);
    cr_assert_eq(at[2], 0);
}

Test(backtrace, of_nothing_no_function_is_known) {
    cr_assert_eq(tr_backtrace_function(1), 0);
}

/* --- In a handler ----------------------------------------------------------------------------- */

static sigjmp_buf back;

static void handle(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    (void)context;
    n = tr_backtrace_signal(at, TR_BACKTRACE_MOST);
    siglongjmp(back, 1);
}

static APART void fault(volatile int *where) {
    *where = 1;
    deep++;
}

static APART void calls_fault(void) {
    fault((int *)(uintptr_t)(deep + 16));
    deep++;
}

Test(backtrace, of_a_signal_begins_where_that_came) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};
    cr_assert_eq(sigaction(SIGSEGV, &action, NULL), 0);
    if (sigsetjmp(back, 1) == 0) calls_fault();
    if (!tr_backtrace_ready()) return;
    cr_assert_geq(n, 3);
    cr_assert_eq(tr_backtrace_function(at[0]), (uintptr_t)fault);
    cr_assert_eq(tr_backtrace_function(at[1]), (uintptr_t)calls_fault);
}
