#include "base/fatal.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/os.h"

/* A sanitizer reports these signals better than we could. */
#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define SANITIZED true
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

enum { SIGNALS = 5, STACK = 64 * 1024 };
static const int signals[SIGNALS] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
static const char *const names[SIGNALS] = {"SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGABRT"};

/* How a process handles signals is process-wide, so this is, too. Written under the lock, while no
 * handler of ours is installed. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;
static struct sigaction before[SIGNALS];

static TR_THREAD_LOCAL tr_fatal_frame *innermost;
static TR_THREAD_LOCAL bool ready; /* the signals can come here, and have a stack */
static TR_THREAD_LOCAL void *own;  /* that stack; NULL: it had one, or there was no memory */
static TR_THREAD_LOCAL uint8_t blocked_before; /* a bit for each of the signals */

static int index_of(int signal) {
    int i = 0;
    while (i < SIGNALS - 1 && signals[i] != signal) i++;
    return i;
}

const char *tr_fatal_name(int signal) {
    return names[index_of(signal)];
}

/* --- In the handler: only what may be called there -------------------------------------------- */

static size_t put(char *line, size_t at, size_t room, const char *text) {
    while (*text && at < room) line[at++] = *text++;
    return at;
}

static size_t put_hex(char *line, size_t at, size_t room, uintptr_t number) {
    at = put(line, at, room, "0x");
    unsigned shift = 8 * sizeof number;
    while (shift > 4 && !(number >> (shift - 4))) shift -= 4;
    for (; shift > 0; shift -= 4) {
        const char digit[2] = {"0123456789abcdef"[number >> (shift - 4) & 15], '\0'};
        at = put(line, at, room, digit);
    }
    return at;
}

static void report(const tr_fatal_frame *frame, int signal, const siginfo_t *info) {
    char line[512];
    const size_t room = sizeof line - 1;
    const uint64_t doing = frame->doing ? tr_load64_relaxed(frame->doing) : 0;
    size_t at = put(line, 0, room, "troupe: fatal: ");
    at = put(line, at, room, tr_fatal_name(signal));
    if (signal != SIGABRT) {
        at = put(line, at, room, " at address ");
        at = put_hex(line, at, room, (uintptr_t)info->si_addr);
    }
    at = put(line, at, room, " in ");
    at = put(line, at, room, frame->path ? frame->path : "an actor");
    if (doing) {
        at = put(line, at, room, " in ");
        at = put(line, at, room, (const char *)(uintptr_t)doing);
    }
    line[at++] = '\n';
    if (write(STDERR_FILENO, line, at) < 0) return; /* there is nobody else to tell */
}

/* What would have happened without us. A fault comes again, at the same place, when the handler
 * returns; what was sent is sent again. */
static void pass_on(int signal, siginfo_t *info, void *context) {
    const struct sigaction *old = &before[index_of(signal)];
    if (old->sa_flags & SA_SIGINFO) {
        old->sa_sigaction(signal, info, context);
    } else if (old->sa_handler == SIG_DFL) {
        const struct sigaction usual = {.sa_handler = SIG_DFL};
        (void)sigaction(signal, &usual, NULL);
        if (info->si_code <= 0) (void)raise(signal);
    } else if (old->sa_handler != SIG_IGN) {
        old->sa_handler(signal);
    }
}

/* Notes where it was. A stack that is spoilt raises another signal, and then that is not known. */
static void note_callers(tr_fatal_frame *frame) {
    tr_fatal_frame probe;
    probe.inside = NULL;
    probe.catches = true;
    probe.wants_callers = false;
    innermost = &probe;
    if (!tr_fatal_catch(&probe))
        frame->callers = tr_backtrace_signal(frame->caller, TR_BACKTRACE_MOST);
    innermost = NULL;
}

static void handle(int signal, siginfo_t *info, void *context) {
    tr_fatal_frame *frame = innermost;
    innermost = NULL; /* what comes of this, also in here, is passed on */
    if (frame && frame->catches && !(frame->inside && tr_load32_relaxed(frame->inside))) {
        frame->signal = signal;
        frame->address = info->si_addr;
        if (frame->wants_callers) note_callers(frame);
        siglongjmp(frame->back, 1);
    }
    if (frame) report(frame, signal, info);
    pass_on(signal, info, context);
    innermost = frame; /* whoever was there before us may have mended it */
}

/* --- Installing ------------------------------------------------------------------------------- */

/* No signal is blocked in the handler, so a jump out of it leaves the mask as it was. */
static bool install_all(void) {
    uintptr_t first; /* what a search needs is made ready here, and not in a handler */
    (void)tr_backtrace_take(&first, 1);
    struct sigaction ours = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    ours.sa_sigaction = handle;
    sigemptyset(&ours.sa_mask);
    for (int i = 0; i < SIGNALS; i++)
        if (sigaction(signals[i], &ours, &before[i]) != 0) return false;
    return true;
}

bool tr_fatal_install(void) {
    if (SANITIZED) return false;
    pthread_mutex_lock(&lock);
    bool ok = users > 0 || install_all();
    users += ok;
    pthread_mutex_unlock(&lock);
    return ok;
}

void tr_fatal_uninstall(void) {
    pthread_mutex_lock(&lock);
    if (--users == 0)
        for (int i = 0; i < SIGNALS; i++) {
            struct sigaction now;
            bool ours = sigaction(signals[i], NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) &&
                        now.sa_sigaction == handle;
            if (ours) (void)sigaction(signals[i], &before[i], NULL);
        }
    pthread_mutex_unlock(&lock);
}

/* --- Threads ---------------------------------------------------------------------------------- */

static pthread_key_t stacks;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* At the end of a thread. */
static void give_stack(void *stack) {
    const stack_t none = {.ss_flags = SS_DISABLE};
    (void)sigaltstack(&none, NULL);
    tr_pages_give(stack, STACK);
}

static void make_key(void) {
    TR_CHECK(pthread_key_create(&stacks, give_stack) == 0);
}

/* A fault that is blocked ends the process, whatever handlers there are; and one that comes since
 * the stack is full needs another one. */
static void prepare(void) {
    stack_t stack;
    sigset_t ours, old;
    sigemptyset(&ours);
    sigemptyset(&old);
    for (int i = 0; i < SIGNALS; i++) sigaddset(&ours, signals[i]);
    (void)pthread_sigmask(SIG_UNBLOCK, &ours, &old);
    blocked_before = 0;
    for (int i = 0; i < SIGNALS; i++)
        blocked_before |= (uint8_t)((sigismember(&old, signals[i]) == 1) << i);
    ready = true;
    if (sigaltstack(NULL, &stack) != 0 || !(stack.ss_flags & SS_DISABLE)) return; /* it has one */
    TR_CHECK(pthread_once(&once, make_key) == 0);
    void *memory = tr_pages_take(STACK);
    if (!memory) return; /* then all but the overflow of a stack is handled */
    stack = (stack_t){.ss_sp = memory, .ss_size = STACK};
    own = memory;
    if (sigaltstack(&stack, NULL) != 0 || pthread_setspecific(stacks, memory) != 0) {
        give_stack(memory);
        own = NULL;
    }
}

void tr_fatal_vacate(void) {
    sigset_t again;
    if (!ready || innermost) return;
    ready = false;
    sigemptyset(&again);
    for (int i = 0; i < SIGNALS; i++)
        if (blocked_before >> i & 1) sigaddset(&again, signals[i]);
    (void)pthread_sigmask(SIG_BLOCK, &again, NULL);
    if (!own) return;
    (void)pthread_setspecific(stacks, NULL);
    give_stack(own);
    own = NULL;
}

void tr_fatal_enter(tr_fatal_frame *frame) {
    if (!ready) prepare();
    frame->outer = innermost;
    frame->place = tr_place_now();
    frame->callers = 0;
    /* The handler is this thread: the compiler alone could put it in front of what is before. */
    tr_fence_compiler();
    innermost = frame;
}

void tr_fatal_leave(const tr_fatal_frame *frame) {
    tr_fence_compiler();
    innermost = frame->outer;
    (void)tr_place_enter(frame->place); /* after a jump it may be another one */
}

tr_fatal_frame *tr_fatal_hide(void) {
    tr_fatal_frame *frame = innermost;
    innermost = NULL;
    return frame;
}

void tr_fatal_show(tr_fatal_frame *frame) {
    innermost = frame;
}
