#include "actors/callers.h"

#include <troupe/moves.h>

#include "actors/guard.h"
#include "actors/habit.h"
#include "actors/life.h"
#include "actors/turn.h"
#include "base/backtrace.h"

/* Whether a function is a callback of the actor: what called that is the runtime. */
static bool is_callback(const troupe_self *self, uintptr_t function) {
    const troupe_behaviour *what = tr_guard_real(self);
    const troupe_receive receive = tr_habit_receive(self, what);
    return function == (uintptr_t)receive || function == (uintptr_t)what->start ||
           function == (uintptr_t)what->stopping || function == (uintptr_t)what->stop;
}

/* A callback that jumped to another function, rather than call it, is not on the stack. */
static bool is_ours(uintptr_t function) {
    return function == (uintptr_t)tr_task_turn || function == (uintptr_t)tr_life_begin ||
           function == (uintptr_t)tr_life_spawn || function == (uintptr_t)tr_life_end;
}

void tr_callers_keep(troupe_self *self, const uintptr_t *at, unsigned n) {
    tr_failure *failure = self->failure;
    if (!failure) return;
    failure->callers = 0;
    for (unsigned i = 0; i < n && failure->callers < TR_CALLERS_MOST; i++) {
        uintptr_t function = tr_backtrace_function(at[i]);
        if (function && is_ours(function)) return;
        if (function == (uintptr_t)troupe_moved) continue; /* it speaks for who called it */
        failure->caller[failure->callers++] = at[i];
        if (function && is_callback(self, function)) return;
    }
}

void tr_callers_note(troupe_self *self, const void *from) {
    uintptr_t at[TR_BACKTRACE_MOST];
    if (self->is_supervisor) return; /* all that it does is ours */
    unsigned n = tr_backtrace_take(at, TR_BACKTRACE_MOST), first = 0;
    while (first < n && at[first] != (uintptr_t)from) first++;
    tr_callers_keep(self, at + first, n - first);
}
