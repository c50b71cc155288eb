/* Worker-local values: an object that has one value for each thread that runs actors. What an actor
 * writes to the value of its thread no other thread writes to at the same time: so counting costs
 * no atomic read-modify-write, and no cache line goes from core to core. Who wants to know the
 * whole looks at all of them. For statistics, caches, free lists; not for what an actor relies on
 * later, since its next callback may run on another thread. */
#ifndef TROUPE_LOCAL_H
#define TROUPE_LOCAL_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_local troupe_local;

/* Makes an object whose values have `size` bytes each, all zero, each in cache lines of its own. It
 * goes with the runtime, if it was not closed before. There is a value for each worker, spare and
 * blocking thread that there may be (`troupe_config`), about 80 unless you say otherwise. Any
 * thread. NOMEM. INVALID: a size of 0. */
TROUPE_CHECKED troupe_err troupe_local_open(troupe *rt, size_t size, troupe_local **out);

/* Closes it and makes the pointer NULL; nobody uses it any more, nor a value of it. Does nothing to
 * NULL. Any thread. */
TROUPE_API void troupe_local_close(troupe_local **local);

/* The value of the thread that the running actor is on, to read and write until this callback
 * returns. NULL: in a `start` that a plain thread runs, which has none; or `local` is of another
 * runtime. */
TROUPE_API void *troupe_local_mine(troupe_self *self, troupe_local *local);

/* The value that comes after another one of the same object; the first comes after NULL, and NULL
 * after the last:
 *     for (const struct sums *s = NULL; (s = troupe_local_next(local, s));) ...
 * Any thread. An actor may write to it meanwhile: read values when nothing runs, or write them
 * atomically (relaxed will do). */
TROUPE_API void *troupe_local_next(troupe_local *local, const void *value);

/* Adds to the `nth` number of the values, which are arrays of `uint64_t` then, 8 bytes each of
 * `size`. In a `start` that a plain thread runs too. An
 * `nth` beyond the size stops a debug build, and otherwise does nothing. */
TROUPE_API void troupe_local_add(troupe_self *self, troupe_local *local, size_t nth, uint64_t n);

/* The sum of the `nth` number over all values. What callbacks add meanwhile may be missing; what
 * was added before this call, as far as the caller can know, is there. Any thread. */
TROUPE_API uint64_t troupe_local_sum(troupe_local *local, size_t nth);

#ifdef __cplusplus
}
#endif
#endif
