/* The operating system: threads, locks, waiting with deadlines, clocks, randomness. pthreads, not
 * C11 <threads.h>, which ThreadSanitizer does not know. */
#ifndef TR_BASE_OS_H
#define TR_BASE_OS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

/* Times are monotonic nanoseconds; this one never comes. */
#define TR_NEVER UINT64_MAX
#define TR_MS UINT64_C(1000000)

typedef struct tr_mutex {
    pthread_mutex_t os;
} tr_mutex;

typedef struct tr_cond {
    pthread_cond_t os;
} tr_cond;

typedef struct tr_thread {
    pthread_t os;
} tr_thread;

/* A mutex that is not recursive. Zeroed memory is not a mutex. */
void tr_mutex_init(tr_mutex *mutex);
/* Ends an unlocked mutex. */
void tr_mutex_fini(tr_mutex *mutex);
/* Waits for the mutex and holds it. */
void tr_lock(tr_mutex *mutex);
/* Holds the mutex if nobody else does; false: somebody does. */
bool tr_trylock(tr_mutex *mutex);
/* Lets a held mutex go. */
void tr_unlock(tr_mutex *mutex);

/* A condition variable on the monotonic clock. */
void tr_cond_init(tr_cond *cond);
/* Ends one that nobody waits on. */
void tr_cond_fini(tr_cond *cond);
/* Lets `mutex` go, waits until woken (spuriously too) or until `deadline`, holds `mutex` again.
 * False: the deadline has passed. TR_NEVER waits without one. */
bool tr_cond_wait(tr_cond *cond, tr_mutex *mutex, uint64_t deadline);
/* Wakes one waiter, if there is one. */
void tr_cond_wake(tr_cond *cond);
/* Wakes all waiters. */
void tr_cond_wake_all(tr_cond *cond);

/* Starts a thread with all signals blocked, since those belong to the host; `name` (at most 15
 * bytes) is what debuggers show. False: the system has none. */
bool tr_thread_start(tr_thread *thread, const char *name, void *(*run)(void *arg), void *arg);
/* Waits for a thread's end. */
void tr_thread_join(tr_thread *thread);
/* The same with a deadline; false: it has not ended by then. */
bool tr_thread_join_until(tr_thread *thread, uint64_t deadline);
/* Lets a thread go its own way, never to be joined. */
void tr_thread_detach(tr_thread *thread);
/* The system's number of the calling thread. */
uint32_t tr_thread_id(void);
/* Whether a thread of this process, by its number, waits in the system for something; false too if
 * it runs, or could but for other threads. Costs some microseconds. */
bool tr_thread_waits(uint32_t id);
/* Processor time that a thread has had, in nanoseconds. */
uint64_t tr_thread_time(const tr_thread *thread);
/* Whether the caller is that thread. */
bool tr_thread_is_me(const tr_thread *thread);

/* Sleeps while `*word` is `expected`, until a wake (spuriously too) or until `deadline`. False: the
 * deadline has passed. TR_NEVER waits without one. */
bool tr_futex_wait(const tr_atomic32 *word, uint32_t expected, uint64_t deadline);
/* Wakes up to `most` threads that sleep on `word`. Only its address is used. */
void tr_futex_wake(const tr_atomic32 *word, unsigned most);

/* Asks the system for `tr_membarrier`. False: it has none, or a sanitizer would not understand it;
 * then both sides of a handshake use sequentially consistent operations. */
bool tr_membarrier_ready(void);
/* When this returns, every thread of the process has passed a full memory barrier since the call.
 * Only where tr_membarrier_ready said true. */
void tr_membarrier(void);
/* Pages of zeros from the system, which gives memory for those that are touched; NULL: none. */
void *tr_pages_take(size_t size);
/* Gives them back to the system, at once. */
void tr_pages_give(void *pages, size_t size);
/* Lets other threads run on this core. */
void tr_thread_yield(void);
/* Tells the processor that this thread does nothing but look at memory. */
void tr_pause(void);

/* Monotonic time now. */
uint64_t tr_clock(void);
/* `ms` after `now`; TR_NEVER if it would overflow. */
uint64_t tr_after_ms(uint64_t now, uint64_t ms);
/* Cores that this process may run on, at least 1. */
unsigned tr_cores(void);
/* Fills memory with random bytes from the system; never fails. */
void tr_random(void *memory, size_t size);

#endif
