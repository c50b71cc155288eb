#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

void tr_mutex_init(tr_mutex *mutex) {
    TR_CHECK(pthread_mutex_init(&mutex->os, NULL) == 0);
}

void tr_mutex_fini(tr_mutex *mutex) {
    TR_CHECK(pthread_mutex_destroy(&mutex->os) == 0);
}

void tr_lock(tr_mutex *mutex) {
    TR_CHECK(pthread_mutex_lock(&mutex->os) == 0);
}

bool tr_trylock(tr_mutex *mutex) {
    int rc = pthread_mutex_trylock(&mutex->os);
    TR_CHECK(rc == 0 || rc == EBUSY);
    return rc == 0;
}

void tr_unlock(tr_mutex *mutex) {
    TR_CHECK(pthread_mutex_unlock(&mutex->os) == 0);
}

void tr_cond_init(tr_cond *cond) {
    pthread_condattr_t attr;
    TR_CHECK(pthread_condattr_init(&attr) == 0);
    TR_CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    TR_CHECK(pthread_cond_init(&cond->os, &attr) == 0);
    TR_CHECK(pthread_condattr_destroy(&attr) == 0);
}

void tr_cond_fini(tr_cond *cond) {
    TR_CHECK(pthread_cond_destroy(&cond->os) == 0);
}

static struct timespec timespec_of(uint64_t ns) {
    const uint64_t second = 1000 * TR_MS;
    return (struct timespec){.tv_sec = (time_t)(ns / second), .tv_nsec = (long)(ns % second)};
}

bool tr_cond_wait(tr_cond *cond, tr_mutex *mutex, uint64_t deadline) {
    int rc;
    if (deadline == TR_NEVER) {
        rc = pthread_cond_wait(&cond->os, &mutex->os);
    } else {
        struct timespec until = timespec_of(deadline);
        rc = pthread_cond_timedwait(&cond->os, &mutex->os, &until);
    }
    TR_CHECK(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

void tr_cond_wake(tr_cond *cond) {
    TR_CHECK(pthread_cond_signal(&cond->os) == 0);
}

void tr_cond_wake_all(tr_cond *cond) {
    TR_CHECK(pthread_cond_broadcast(&cond->os) == 0);
}

bool tr_thread_start(tr_thread *thread, const char *name, void *(*run)(void *), void *arg) {
    sigset_t all, old;
    sigfillset(&all);
    TR_CHECK(pthread_sigmask(SIG_SETMASK, &all, &old) == 0);
    bool ok = pthread_create(&thread->os, NULL, run, arg) == 0;
    TR_CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
    if (ok) (void)pthread_setname_np(thread->os, name);
    return ok;
}

void tr_thread_join(tr_thread *thread) {
    TR_CHECK(pthread_join(thread->os, NULL) == 0);
}

bool tr_thread_join_until(tr_thread *thread, uint64_t deadline) {
    struct timespec until = timespec_of(deadline);
    int rc = pthread_clockjoin_np(thread->os, NULL, CLOCK_MONOTONIC, &until);
    TR_CHECK(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

void tr_thread_detach(tr_thread *thread) {
    TR_CHECK(pthread_detach(thread->os) == 0);
}

uint32_t tr_thread_id(void) {
    return (uint32_t)gettid();
}

bool tr_thread_waits(uint32_t id) {
    char path[64], stat[256];
    snprintf(path, sizeof path, "/proc/self/task/%u/stat", (unsigned)id);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t got = read(file, stat, sizeof stat - 1);
    (void)close(file);
    if (got <= 0) return false;
    stat[got] = '\0';
    const char *name_end = strrchr(stat, ')'); /* "123 (name) S ..." */
    return name_end && strchr("SD", name_end[2]) != NULL;
}

uint64_t tr_thread_time(const tr_thread *thread) {
    clockid_t clock;
    struct timespec time = {0};
    if (pthread_getcpuclockid(thread->os, &clock) == 0) (void)clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000 * TR_MS + (uint64_t)time.tv_nsec;
}

bool tr_thread_is_me(const tr_thread *thread) {
    return pthread_equal(thread->os, pthread_self()) != 0;
}

/* --- Futex and membarrier: system calls that libc does not wrap ------------------------------- */

bool tr_futex_wait(const tr_atomic32 *word, uint32_t expected, uint64_t deadline) {
    struct timespec until = timespec_of(deadline);
    /* The bitset form takes an absolute monotonic deadline, the plain one a span. */
    long rc = syscall(SYS_futex, &word->value, FUTEX_WAIT_BITSET_PRIVATE, expected,
                      deadline == TR_NEVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    TR_CHECK(rc == 0 || errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT);
    return rc == 0 || errno != ETIMEDOUT;
}

void tr_futex_wake(const tr_atomic32 *word, unsigned most) {
    int n = most > INT_MAX ? INT_MAX : (int)most;
    TR_CHECK(syscall(SYS_futex, &word->value, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0) >= 0);
}

bool tr_membarrier_ready(void) {
#ifdef __SANITIZE_THREAD__
    return false;
#else
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
#endif
}

void tr_membarrier(void) {
    TR_CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
}

void *tr_pages_take(size_t size) {
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return pages == MAP_FAILED ? NULL : pages;
}

void tr_pages_give(void *pages, size_t size) {
    TR_CHECK(munmap(pages, size) == 0);
}

void tr_thread_yield(void) {
    (void)sched_yield();
}

void tr_pause(void) {
#if defined __x86_64__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb");
#endif
}

uint64_t tr_clock(void) {
    struct timespec now;
    TR_CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 * TR_MS + (uint64_t)now.tv_nsec;
}

uint64_t tr_after_ms(uint64_t now, uint64_t ms) {
    return ms > (TR_NEVER - now) / TR_MS ? TR_NEVER : now + ms * TR_MS;
}

unsigned tr_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int cores = CPU_COUNT(&set);
    return cores > 0 ? (unsigned)cores : 1;
}

void tr_random(void *memory, size_t size) {
    unsigned char *at = memory;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0) {
            TR_CHECK(errno == EINTR);
            continue;
        }
        at += got;
        size -= (size_t)got;
    }
}
