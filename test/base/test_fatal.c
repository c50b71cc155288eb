#include "base/fatal.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"

TestSuite(fatal, .timeout = 30);

/* Sanitizers have handlers of their own: then there is nothing to test. */
static bool installed(void) {
    return tr_fatal_install();
}

static volatile int *nowhere;

static int caught_by(void (*act)(void)) {
    volatile int signal = 0;
    tr_fatal_frame frame = {.catches = true};
    tr_fatal_enter(&frame);
    if (tr_fatal_catch(&frame))
        signal = frame.signal;
    else
        act();
    tr_fatal_leave(&frame);
    return signal;
}

static void write_to_nowhere(void) {
    *nowhere = 1;
}

static void do_abort(void) {
    abort();
}

static void do_nothing(void) {}

static void divide(void) {
    (void)raise(SIGFPE);
}

Test(fatal, a_frame_catches_what_comes_in_it_again_and_again) {
    if (!installed()) return;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(caught_by(do_nothing), 0);
        cr_assert_eq(caught_by(write_to_nowhere), SIGSEGV);
        cr_assert_eq(caught_by(do_abort), SIGABRT);
        cr_assert_eq(caught_by(divide), SIGFPE);
    }
    tr_fatal_uninstall();
}

static unsigned depth(unsigned n) {
    volatile char space[1000];
    space[n % 1000] = (char)n;
    return n ? depth(n + 1) + (unsigned)space[0] : 0;
}

static void overflow(void) {
    (void)depth(1);
}

static void *on_a_thread(void *wrong) {
    *(int *)wrong = caught_by(overflow) != SIGSEGV;
    return NULL;
}

Test(fatal, a_stack_that_is_full_is_caught_on_any_thread) {
    if (!installed()) return;
    int wrong = 1;
    tr_thread thread;
    cr_assert(tr_thread_start(&thread, "deep", on_a_thread, &wrong));
    tr_thread_join(&thread);
    cr_assert_eq(wrong, 0);
    cr_assert_eq(caught_by(overflow), SIGSEGV);
    tr_fatal_uninstall();
}

/* A thread that is not ours has afterwards what it had before: no stack, or its own; and blocked
 * what it had blocked. */
Test(fatal, a_thread_gets_back_what_it_had) {
    if (!installed()) return;
    sigset_t blocked, now;
    stack_t stack;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGBUS);
    cr_assert_eq(pthread_sigmask(SIG_BLOCK, &blocked, NULL), 0);
    tr_fatal_vacate(); /* of nothing */
    for (int i = 0; i < 3; i++) {
        tr_fatal_frame frame = {.catches = true};
        tr_fatal_enter(&frame);
        tr_fatal_vacate(); /* not yet */
        cr_assert_eq(sigaltstack(NULL, &stack), 0);
        cr_assert(!(stack.ss_flags & SS_DISABLE));
        tr_fatal_leave(&frame);
        cr_assert_eq(caught_by(overflow), SIGSEGV);
        cr_assert_eq(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
        cr_assert(!sigismember(&now, SIGBUS));
        tr_fatal_vacate();
        cr_assert_eq(sigaltstack(NULL, &stack), 0);
        cr_assert(stack.ss_flags & SS_DISABLE);
        cr_assert_eq(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
        cr_assert(sigismember(&now, SIGBUS));
        cr_assert(!sigismember(&now, SIGSEGV));
    }
    static char theirs[1 << 16];
    const stack_t before = {.ss_sp = theirs, .ss_size = sizeof theirs};
    cr_assert_eq(sigaltstack(&before, NULL), 0);
    cr_assert_eq(caught_by(overflow), SIGSEGV);
    tr_fatal_vacate();
    cr_assert_eq(sigaltstack(NULL, &stack), 0);
    cr_assert_eq(stack.ss_sp, (void *)theirs);
    tr_fatal_uninstall();
}

static volatile int seen;

static void earlier(int signal) {
    seen = signal;
}

Test(fatal, what_is_in_no_frame_goes_to_who_was_there_before) {
    struct sigaction act = {.sa_handler = earlier}, now;
    cr_assert_eq(sigaction(SIGFPE, &act, NULL), 0);
    if (!installed()) return;
    cr_assert(tr_fatal_install(), "by two, who each uninstall");
    (void)raise(SIGFPE);
    cr_assert_eq(seen, SIGFPE);
    cr_assert_eq(caught_by(divide), SIGFPE);
    tr_fatal_uninstall();
    cr_assert_eq(caught_by(divide), SIGFPE);
    seen = 0;
    tr_fatal_frame frame = {.catches = true}, *shown;
    tr_fatal_enter(&frame);
    shown = tr_fatal_hide(); /* as in none */
    (void)raise(SIGFPE);
    tr_fatal_show(shown);
    tr_fatal_leave(&frame);
    cr_assert_eq(seen, SIGFPE);
    tr_fatal_uninstall();
    cr_assert_eq(sigaction(SIGFPE, NULL, &now), 0);
    cr_assert_eq(now.sa_handler, earlier);
}

/* Runs it in a child that has a frame which only reports, or that can't be left. Returns what the
 * child wrote, and the signal that it was ended by. */
static int report_of(void (*act)(void), tr_fatal_frame as, char *text, size_t room) {
    int ends[2], status;
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const struct sigaction usual = {.sa_handler = SIG_DFL};
        for (int i = 1; i < 32; i++) (void)sigaction(i, &usual, NULL);
        (void)dup2(ends[1], STDERR_FILENO);
        if (!installed()) _exit(1);
        tr_fatal_frame frame = as;
        tr_fatal_enter(&frame);
        if (tr_fatal_catch(&frame)) _exit(2);
        act();
        _exit(0);
    }
    (void)close(ends[1]);
    size_t got = 0;
    for (ssize_t n; (n = read(ends[0], text + got, room - 1 - got)) > 0;) got += (size_t)n;
    text[got] = '\0';
    (void)close(ends[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

Test(fatal, a_report_is_one_line_and_the_signal_takes_its_course) {
    if (!installed()) return;
    tr_fatal_uninstall(); /* the children install their own */
    char text[600];
    tr_atomic64 doing = {0};
    tr_store64_relaxed(&doing, (uint64_t)(uintptr_t) "work");
    const tr_fatal_frame frame = {.path = "shop/till", .doing = &doing};
    cr_assert_eq(report_of(write_to_nowhere, frame, text, sizeof text), SIGSEGV);
    cr_assert_str_eq(text, "troupe: fatal: SIGSEGV at address 0x0 in shop/till in work\n");
    cr_assert_eq(report_of(do_abort, frame, text, sizeof text), SIGABRT);
    cr_assert_str_eq(text, "troupe: fatal: SIGABRT in shop/till in work\n");
    cr_assert_eq(report_of(divide, frame, text, sizeof text), SIGFPE);
    cr_assert_eq(report_of(overflow, frame, text, sizeof text), SIGSEGV);
}

Test(fatal, a_frame_is_not_left_from_the_middle_of_the_runtime) {
    if (!installed()) return;
    tr_fatal_uninstall(); /* the children install their own */
    char text[600];
    tr_atomic32 inside = {0};
    tr_store32_relaxed(&inside, 1);
    const tr_fatal_frame frame = {.catches = true, .path = "shop", .inside = &inside};
    cr_assert_eq(report_of(write_to_nowhere, frame, text, sizeof text), SIGSEGV);
    cr_assert_str_eq(text, "troupe: fatal: SIGSEGV at address 0x0 in shop\n");
}
