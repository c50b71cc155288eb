/* Assertions. TR_CHECK holds in every build: its breach is a bug of ours that must not go on.
 * TR_ASSERT costs nothing in a release build. */
#ifndef TR_BASE_CHECK_H
#define TR_BASE_CHECK_H

#include <assert.h>

/* Ends the process after a line that names the broken condition and its place. */
_Noreturn void tr_check_failed(const char *what, const char *file, int line);

#define TR_CHECK(condition)                                                                        \
    ((condition) ? (void)0 : tr_check_failed(#condition, __FILE__, __LINE__))
#define TR_ASSERT(condition) assert(condition)

/* Whether this is a build for those who write a program, in which TR_ASSERT holds: what helps them
 * and does no harm may take time. */
#ifdef NDEBUG
enum { TR_DEBUG = 0 };
#else
enum { TR_DEBUG = 1 };
#endif

/* For functions between rooms whose error must be looked at. TROUPE_CHECKED is the public one,
 * which also exports. */
#define TR_CHECKED __attribute__((warn_unused_result))

/* For the slow half of a function whose quick half must stay small: it is kept apart, and if it is
 * rare, small as well. And what is mostly, or hardly ever, true. */
#define TR_APART __attribute__((noinline))
#define TR_COLD __attribute__((noinline, cold))
#define TR_INLINE inline __attribute__((always_inline))
#define TR_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define TR_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* A variable of each thread, reached by one instruction also in a shared library. The explorer, all
 * of whose threads are one of the system, says itself what it is. */
#ifndef TR_THREAD_LOCAL
#define TR_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))
#endif

/* The structure that contains `member` at `pointer`. */
#define TR_OWNER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
