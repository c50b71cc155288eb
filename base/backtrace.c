#include "base/backtrace.h"

#ifdef TR_UNWIND
#include <unwind.h>

bool tr_backtrace_ready(void) {
    return true;
}

typedef struct search {
    uintptr_t *at;
    unsigned n, most;
    unsigned skip;    /* frames of ours */
    bool interrupted; /* it begins where a signal came: what is before was called by that */
} search;

static _Unwind_Reason_Code step(struct _Unwind_Context *frame, void *ctx) {
    search *it = ctx;
    int exact = 0; /* where a signal came: the instruction itself, and not the one behind a call */
    uintptr_t ip = (uintptr_t)_Unwind_GetIPInfo(frame, &exact);
    if (it->interrupted && !exact) return _URC_NO_REASON;
    it->interrupted = false;
    if (it->skip) {
        it->skip--;
        return _URC_NO_REASON;
    }
    if (!ip || it->n == it->most) return _URC_END_OF_STACK;
    it->at[it->n++] = ip + (exact != 0);
    return _URC_NO_REASON;
}

__attribute__((noinline)) unsigned tr_backtrace_take(uintptr_t *at, unsigned most) {
    search it = {.at = at, .most = most, .skip = 1};
    (void)_Unwind_Backtrace(step, &it);
    return it.n;
}

unsigned tr_backtrace_signal(uintptr_t *at, unsigned most) {
    search it = {.at = at, .most = most, .interrupted = true};
    (void)_Unwind_Backtrace(step, &it);
    return it.n;
}

uintptr_t tr_backtrace_function(uintptr_t at) {
    return (uintptr_t)_Unwind_FindEnclosingFunction((void *)at);
}

#else

bool tr_backtrace_ready(void) {
    return false;
}

unsigned tr_backtrace_take(uintptr_t *at, unsigned most) {
    (void)at;
    (void)most;
    return 0;
}

unsigned tr_backtrace_signal(uintptr_t *at, unsigned most) {
    return tr_backtrace_take(at, most);
}

uintptr_t tr_backtrace_function(uintptr_t at) {
    (void)at;
    return 0;
}

#endif
