/* What base/os.h promises, for threads of the explorer. */
#include "base/os.h"
#include "engine.h"

static const ex_place nowhere = {NULL, 0};

/* --- Mutexes --------------------------------------------------------------------------------- */

void tr_mutex_init(tr_mutex *mutex) {
    spot *p = place_at((uintptr_t)mutex);
    p->mutex = true;
    p->holder = -1;
}

void tr_mutex_fini(tr_mutex *mutex) {
    spot *p = place_at((uintptr_t)mutex);
    if (!p->mutex || p->holder >= 0) ex_fail(EX_CHECK, "ends a mutex that is held", nowhere);
    p->mutex = false;
}

static spot *mutex_at(tr_mutex *mutex) {
    spot *p = place_at((uintptr_t)mutex);
    if (!p->mutex) ex_fail(EX_CHECK, "no mutex is there", nowhere);
    return p;
}

static void hold(spot *p) {
    p->holder = ex.current;
    learn(&me()->now, &p->known);
    changed();
}

/* A lock is an acquire and no more: stores of its thread may wait on. */
void tr_lock(tr_mutex *mutex) {
    spot *p = mutex_at(mutex);
    if (p->holder == ex.current) ex_fail(EX_DEADLOCK, "locks what it holds", nowhere);
    if (ex.current) block(WANTS_LOCK, p->at, TR_NEVER);
    if (ex.tracing) trace(p->at, nowhere, "locks");
    hold(p);
}

bool tr_trylock(tr_mutex *mutex) {
    spot *p = mutex_at(mutex);
    point();
    bool got = p->holder < 0;
    if (ex.tracing) trace(p->at, nowhere, "tries to lock: %s", got ? "holds it" : "it is held");
    if (got) hold(p);
    return got;
}

static void let_go(spot *p) {
    if (p->holder != ex.current) ex_fail(EX_CHECK, "unlocks what it does not hold", nowhere);
    drain(ex.current, false);
    p->holder = -1;
    learn(&p->known, &me()->now);
    tick(me());
    changed();
}

void tr_unlock(tr_mutex *mutex) {
    spot *p = mutex_at(mutex);
    point();
    if (ex.tracing) trace(p->at, nowhere, "unlocks");
    let_go(p);
}

/* --- Waiting --------------------------------------------------------------------------------- */

void tr_cond_init(tr_cond *cond) {
    (void)cond;
}

void tr_cond_fini(tr_cond *cond) {
    (void)cond;
}

bool tr_cond_wait(tr_cond *cond, tr_mutex *mutex, uint64_t deadline) {
    spot *p = mutex_at(mutex);
    point();
    if (ex.tracing) trace((uintptr_t)cond, nowhere, "waits");
    let_go(p);
    block(WAITS, (uintptr_t)cond, deadline);
    bool timed_out = me()->timed_out;
    if (ex.tracing) trace((uintptr_t)cond, nowhere, timed_out ? "has timed out" : "is woken");
    tr_lock(mutex);
    return !timed_out;
}

/* Those that have waited longest go first; 0: nobody waited. */
static void wake(uintptr_t at, state kind, unsigned most) {
    point();
    drain(ex.current, false);
    ex.wakes++;
    unsigned woken = 0;
    for (; woken < most; woken++) {
        int who[THREADS];
        unsigned n = 0;
        for (int i = 1; i < ex.threads; i++)
            if (ex.thread[i].state == kind && ex.thread[i].at == at) who[n++] = i;
        if (!n) break;
        ex.thread[who[choose(n)]].state = RUNNABLE;
    }
    if (woken) changed();
    if (ex.tracing) trace(at, nowhere, "wakes %u", woken);
}

unsigned ex_wakes(void) {
    return ex.wakes;
}

bool ex_asleep(int thread) {
    return ex.thread[thread].state == SLEEPS;
}

void tr_cond_wake(tr_cond *cond) {
    wake((uintptr_t)cond, WAITS, 1);
}

void tr_cond_wake_all(tr_cond *cond) {
    wake((uintptr_t)cond, WAITS, THREADS);
}

/* The kernel passes a full barrier before it looks at the word, and before it looks for
 * sleepers. */
bool tr_futex_wait(const tr_atomic32 *word, uint32_t expected, uint64_t deadline) {
    uintptr_t at = (uintptr_t)&word->value;
    point();
    drain(ex.current, false);
    settle(at, ex.current);
    uint32_t value = (uint32_t)memory_at(at, 4);
    if (ex.tracing)
        trace(at, nowhere, "futex wait: %#x, %s", value, value == expected ? "sleeps" : "returns");
    if (value != expected) return true;
    block(SLEEPS, at, deadline);
    if (ex.tracing) trace(at, nowhere, me()->timed_out ? "has timed out" : "is awake");
    return !me()->timed_out;
}

void tr_futex_wake(const tr_atomic32 *word, unsigned most) {
    wake((uintptr_t)&word->value, SLEEPS, most);
}

/* --- The rest -------------------------------------------------------------------------------- */

bool tr_membarrier_ready(void) {
    return ex.model->membarrier;
}

/* Stores with no compiler fence behind them may not have been executed yet: the compiler was free
 * to do what follows first. */
void tr_membarrier(void) {
    if (!ex.model->membarrier) ex_fail(EX_CHECK, "there is no membarrier", nowhere);
    point();
    if (ex.tracing) trace(0, nowhere, "membarrier");
    drain(ex.current, false);
    for (int i = 1; i < ex.threads; i++) drain(i, i != ex.current);
}

uint64_t tr_clock(void) {
    return ex.clock;
}

void ex_later(uint64_t ns) {
    ex.clock += ns;
    ex.idle = 0; /* who waits for that does not wait for ever */
}

uint64_t tr_after_ms(uint64_t now, uint64_t ms) {
    return ms > (TR_NEVER - now) / TR_MS ? TR_NEVER : now + ms * TR_MS;
}
