/* Who runs next. Every step that others can see is a scheduling point: there the thread goes on, or
 * another one does, which costs a preemption if the first one could have gone on. */
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "engine.h"

void changed(void) {
    ex.changes++;
    ex.idle = 0;
    me()->yields = 0;
}

static bool runs_by_itself(int i) {
    fiber *t = &ex.thread[i];
    return t->state == RUNNABLE || (t->state == WANTS_LOCK && place_at(t->at)->holder < 0);
}

static bool may_time_out(const fiber *t) {
    return t->deadline != TR_NEVER && ex.timeouts < ex.model->timeouts;
}

static bool may_return(const fiber *t) {
    return t->state == SLEEPS && ex.spurious < ex.model->spurious;
}

static bool enabled(int i) {
    fiber *t = &ex.thread[i];
    switch (t->state) {
    case RUNNABLE:
    case WANTS_LOCK:
        return runs_by_itself(i);
    case SLEEPS:
    case WAITS:
        return may_time_out(t) || may_return(t);
    case ENDED:
        return false;
    case YIELDED:
        break;
    }
    if (ex.changes == t->yielded_at) return false; /* it would see what it has seen */
    for (int k = 1; k < ex.threads; k++)
        if ((t->must_run & ~t->ran) >> k & 1 && runs_by_itself(k)) return false;
    return true;
}

/* Nobody can run. Stores arrive in the end, and who yields is let run again, since it might do
 * something else the next time; but not for ever. False: all have ended. */
static bool time_passes(void) {
    bool yielded = false, ended = true, waiting = false;
    for (int i = 1; i < ex.threads; i++) {
        yielded |= ex.thread[i].state == YIELDED;
        ended &= ex.thread[i].state == ENDED;
        waiting |= ex.thread[i].stores > 0;
    }
    if (ended) return false;
    if (!yielded) ex_fail(EX_DEADLOCK, "nobody can ever run again", (ex_place){NULL, 0});
    if (waiting) {
        for (int i = 1; i < ex.threads; i++) drain(i, false);
        return true;
    }
    if (++ex.idle > IDLE)
        ex_fail(EX_LIVELOCK, "everybody yields, and nothing changes", (ex_place){NULL, 0});
    ex.clock += TR_MS;
    ex.changes++;
    for (int i = 1; i < ex.threads; i++) ex.thread[i].must_run = 0;
    return true;
}

/* The next thread; 0: all have ended. */
static int pick(void) {
    int can[THREADS], self = ex.current;
    unsigned n;
    bool goes_on;
    do {
        n = 0;
        goes_on = self && runs_by_itself(self);
        if (self && enabled(self)) can[n++] = self;
        for (int i = 1; i < ex.threads; i++)
            if (i != self && enabled(i)) can[n++] = i;
        if (!n && !time_passes()) return 0;
    } while (!n);
    if (goes_on && ex.preemptions == ex.bound) n = 1;
    unsigned k = choose(n);
    if (goes_on && k) ex.preemptions++;
    int next = can[k];
    for (int i = 1; i < ex.threads; i++) ex.thread[i].ran |= 1U << next;
    fiber *t = &ex.thread[next];
    if (t->state == SLEEPS || t->state == WAITS) {
        bool out = may_time_out(t), back = may_return(t);
        if (out && back) out = choose(2) == 0;
        t->timed_out = out;
        out ? ex.timeouts++ : ex.spurious++;
        if (out && ex.clock < t->deadline) ex.clock = t->deadline;
    }
    return next;
}

static void **stack_of(int i) {
    return i ? &ex.thread[i].stack : &ex.main_stack;
}

/* Thread-local variables of the sources, which are built into a section of their own. All
 * threads here share one of the system, so each has a copy, which is in the section while it runs.
 */
extern char __start_ex_local[] __attribute__((weak)), __stop_ex_local[] __attribute__((weak));
enum { LOCAL = 256 };

bool is_local(uintptr_t at) {
    return at >= (uintptr_t)__start_ex_local && at < (uintptr_t)__stop_ex_local;
}

static void change_locals(int from, int to) {
    static char local[THREADS][LOCAL];
    static uint64_t begun[THREADS]; /* in which execution its copy was made */
    size_t size = (size_t)(__stop_ex_local - __start_ex_local);
    if (!size) return;
    if (size > LOCAL) abort();
    memcpy(local[from], __start_ex_local, size);
    begun[from] = ex.execution + 1;
    if (begun[to] != ex.execution + 1) memset(local[to], 0, size);
    memcpy(__start_ex_local, local[to], size);
}

static void go(int next) {
    int self = ex.current;
    if (next == self) return;
    change_locals(self, next);
    ex.current = next;
    switch_stack(stack_of(self), *stack_of(next));
}

static void step(void) {
    if (++ex.steps > STEPS) ex_fail(EX_LIVELOCK, "runs on without end", (ex_place){NULL, 0});
}

void point(void) {
    if (!ex.current) return;
    step();
    go(pick());
}

void block(state kind, uintptr_t at, uint64_t deadline) {
    fiber *t = me();
    t->state = kind;
    t->at = at;
    t->deadline = deadline;
    t->timed_out = false;
    step();
    go(pick());
    t->state = RUNNABLE;
}

/* A thread that yields runs again when something has changed. If it yields again and again, then
 * not before everybody who could run since its last yield has run: else two that spin could keep a
 * third from ever doing what they wait for, and the search would have no end. */
void tr_thread_yield(void) {
    fiber *t = me();
    if (!ex.current) return;
    if (ex.tracing) trace(0, (ex_place){NULL, 0}, "yields");
    t->must_run = 0;
    for (int i = 1; t->yields && i < ex.threads; i++)
        if (i != ex.current && !(t->ran >> i & 1) && runs_by_itself(i)) t->must_run |= 1U << i;
    t->yields++;
    t->ran = 0;
    t->yielded_at = ex.changes;
    block(YIELDED, 0, TR_NEVER);
}

static void begin(void) {
    me()->run(me()->arg);
    me()->state = ENDED;
    if (ex.tracing) trace(0, (ex_place){NULL, 0}, "ends");
    changed();
    go(pick());
}

void ex_thread(const char *name, void (*run)(void *arg), void *arg) {
    if (ex.current || ex.threads == THREADS)
        ex_fail(EX_CRASH, "threads are made in setup, and not so many", EX_HERE);
    fiber *t = &ex.thread[ex.threads++];
    t->name = name;
    t->run = run;
    t->arg = arg;
    t->state = RUNNABLE;
    t->stores = 0;
    t->yields = t->ran = t->must_run = 0;
}

void run_threads(void) {
    for (int i = 1; i < ex.threads; i++) {
        ex.thread[i].stack = make_stack(i, begin);
        ex.thread[i].now = ex.thread[0].now; /* all that setup did is before */
        ex.thread[i].now.of[i] = 1;
    }
    tick(&ex.thread[0]);
    go(pick());
    if (ex.end != EX_HOLDS) return;
    for (int i = 1; i < ex.threads; i++) {
        drain(i, false);
        learn(&ex.thread[0].now, &ex.thread[i].now);
    }
}
