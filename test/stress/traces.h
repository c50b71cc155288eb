/* What a library may leave behind in a process, seen from outside: threads, descriptors, what is
 * done about signals, child processes. */
#ifndef TROUPE_TEST_TRACES_H
#define TROUPE_TEST_TRACES_H

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "test/stress/stress.h"

/* What the C library adds to each action that it sets, the one that was there before included. */
enum { TRACES_RESTORER = 0x04000000 };

enum { TRACES_SIGNALS = 64, TRACES_DESCRIPTORS = 256 };

typedef struct traces {
    size_t threads;
    bool open[TRACES_DESCRIPTORS];
    void (*handler[TRACES_SIGNALS + 1])(int);
    int flags[TRACES_SIGNALS + 1];
    bool blocked[TRACES_SIGNALS + 1]; /* for the calling thread */
    void *signal_stack;               /* of the calling thread */
} traces;

static inline size_t traces_threads(void) {
    DIR *dir = opendir("/proc/self/task");
    size_t n = 0;
    MUST(dir);
    for (struct dirent *entry; (entry = readdir(dir));) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static inline void traces_descriptors(traces *all) {
    DIR *dir = opendir("/proc/self/fd");
    MUST(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(dir)) continue;
        MUST(fd < TRACES_DESCRIPTORS);
        all->open[fd] = true;
    }
    closedir(dir);
}

static inline void traces_look(traces *all) {
    memset(all, 0, sizeof *all);
    all->threads = traces_threads();
    traces_descriptors(all);
    sigset_t blocked;
    stack_t stack;
    MUST(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0);
    MUST(sigaltstack(NULL, &stack) == 0);
    all->signal_stack = stack.ss_flags & SS_DISABLE ? NULL : stack.ss_sp;
    for (int i = 1; i <= TRACES_SIGNALS; i++) {
        struct sigaction action;
        all->blocked[i] = sigismember(&blocked, i) == 1;
        if (sigaction(i, NULL, &action)) continue; /* two are the C library's own */
        all->handler[i] = action.sa_handler;
        all->flags[i] = action.sa_flags & ~TRACES_RESTORER;
    }
}

static inline void *traces_nothing(void *arg) {
    return arg;
}

/* The first look. A sanitizer has a thread of its own from the first that is started. */
static inline void traces_begin(traces *all) {
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, traces_nothing, NULL) == 0);
    MUST(pthread_join(thread, NULL) == 0);
    const size_t own = __tsan_init ? 2 : 1;
    for (uint64_t until = stress_deadline(); traces_threads() > own;) {
        MUST(tr_clock() < until);
        (void)sched_yield();
    }
    traces_look(all);
}

/* All is as it was. The system lists a thread for a moment after it was joined. */
static inline void traces_none_since(const traces *before) {
    traces now;
    for (uint64_t until = stress_deadline(); traces_threads() > before->threads;) {
        MUST(tr_clock() < until && "a thread is left");
        (void)sched_yield();
    }
    traces_look(&now);
    MUST(now.threads == before->threads);
    for (int fd = 0; fd < TRACES_DESCRIPTORS; fd++) MUST(now.open[fd] == before->open[fd]);
    for (int i = 1; i <= TRACES_SIGNALS; i++) {
        MUST(now.handler[i] == before->handler[i]);
        MUST(now.flags[i] == before->flags[i]);
        MUST(now.blocked[i] == before->blocked[i]);
    }
    MUST(now.signal_stack == before->signal_stack);
    MUST(waitpid(-1, NULL, WNOHANG) == -1 && "a child process is left");
}

#endif
