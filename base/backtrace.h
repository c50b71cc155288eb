/* Backtraces: the return addresses on a thread's stack, by the unwinder that comes with the
 * compiler. A build may do without; then there are none. Nothing here allocates. */
#ifndef TR_BASE_BACKTRACE_H
#define TR_BASE_BACKTRACE_H

#include <stdbool.h>
#include <stdint.h>

enum { TR_BACKTRACE_MOST = 24 };

/* Whether this build has them. */
bool tr_backtrace_ready(void);
/* Writes the return addresses of the calling thread, the innermost first, at most `most`; how many.
 * Costs about a microsecond each. */
unsigned tr_backtrace_take(uintptr_t *at, unsigned most);
/* The same in the handler of a signal: from where the signal came, as if that had called. Safe
 * there with a C library that finds unwinding tables without a lock (glibc from 2.35 on), if
 * something was taken before by whoever installed the handler. But a stack that is spoilt may raise
 * a fault, which is the caller's to catch. */
unsigned tr_backtrace_signal(uintptr_t *at, unsigned most);
/* Where the function begins that a return address is in; 0: not known. */
uintptr_t tr_backtrace_function(uintptr_t at);

#endif
