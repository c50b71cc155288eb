/* Atomics. Every store waits in its thread's buffer until it reaches memory:
 *
 * - A relaxed store may overtake all others but those to its own address; a release or seq store
 *   overtakes nothing.
 * - A thread reads its own newest store. A seq load first lets the seq stores of its thread reach
 *   memory, any other load lets nothing.
 * - A read-modify-write acts on memory. With release it lets all stores of its thread go first,
 *   without only those to its address.
 *
 * When a store reaches memory is seen only by who accesses its address. So that is decided there
 * and then: the access finds each waiting store of the others to that address arrived or not, and
 * both are explored. For the same reason a store is no scheduling point: whatever could run right
 * before it can as well run right after it and not see it. */
#include <string.h>

#include "base/os.h"
#include "engine.h"

uint64_t memory_at(uintptr_t at, unsigned size) {
    uint64_t value = 0;
    memcpy(&value, (const void *)at, size); /* little-endian, as all that we build on */
    return value;
}

static void put(uintptr_t at, unsigned size, uint64_t value) {
    memcpy((void *)at, &value, size);
}

static const char *word_of(ex_order order) {
    static const char *const words[] = {"relaxed", "acquire", "release", "seq"};
    return words[order];
}

/* --- Buffers --------------------------------------------------------------------------------- */

static void commit(int thread_, unsigned index) {
    fiber *t = &ex.thread[thread_];
    pending p = t->store[index];
    t->stores--;
    memmove(&t->store[index], &t->store[index + 1], (t->stores - index) * sizeof p);
    put(p.at, p.size, p.value);
    place_at(p.at)->known = p.known;
    changed();
    if (ex.tracing)
        trace(p.at, (ex_place){NULL, 0}, "  (%s's store of %#llx arrives)", t->name,
              (unsigned long long)p.value);
}

static void flush_through(int thread_, uint64_t number) {
    fiber *t = &ex.thread[thread_];
    bool before = t->flushing;
    t->flushing = true;
    while (t->stores && t->store[0].number <= number) {
        uint64_t first = t->store[0].number;
        settle(t->store[0].at, thread_); /* which may let this one go too, on its way */
        if (t->stores && t->store[0].number == first) commit(thread_, 0);
    }
    t->flushing = before;
}

void drain(int thread_, bool fenced_only) {
    fiber *t = &ex.thread[thread_];
    unsigned i = t->stores;
    while (i && fenced_only && !t->store[i - 1].fenced) i--;
    if (i) flush_through(thread_, t->store[i - 1].number);
}

/* The thread's oldest store to an address; BUFFER: there is none. */
static unsigned oldest(const fiber *t, uintptr_t at) {
    for (unsigned i = 0; i < t->stores; i++)
        if (t->store[i].at == at) return i;
    return BUFFER;
}

static void arrive(int thread_, unsigned index) {
    pending *p = &ex.thread[thread_].store[index];
    if (p->order == EX_RELAXED || index == 0)
        commit(thread_, index);
    else
        flush_through(thread_, p->number);
}

/* Whether a thread's store to an address could arrive now. Not if it must wait for an older one of
 * its thread whose own arrival is being decided: that would be before itself. */
static bool could_arrive(const fiber *t, uintptr_t at) {
    unsigned i = oldest(t, at);
    return i < BUFFER && (!t->flushing || i == 0 || t->store[i].order == EX_RELAXED);
}

void settle(uintptr_t at, int reader) {
    for (;;) {
        int who[THREADS];
        unsigned n = 0;
        for (int i = 1; i < ex.threads; i++)
            if (i != reader && could_arrive(&ex.thread[i], at)) who[n++] = i;
        if (!n) return;
        unsigned k = choose(n + 1);
        if (!k) return;
        arrive(who[k - 1], oldest(&ex.thread[who[k - 1]], at));
    }
}

/* --- Loads and stores ------------------------------------------------------------------------ */

uint64_t ex_load(const void *address, unsigned size, ex_order order, ex_place place) {
    uintptr_t at = (uintptr_t)address;
    point();
    fiber *t = me();
    if (order == EX_SEQ) {
        unsigned i = t->stores;
        while (i && t->store[i - 1].order != EX_SEQ) i--;
        if (i) flush_through(ex.current, t->store[i - 1].number);
    }
    unsigned own = t->stores;
    while (own && t->store[own - 1].at != at) own--;
    uint64_t value;
    if (own) {
        value = t->store[own - 1].value;
    } else {
        settle(at, ex.current);
        value = memory_at(at, size);
        if (order != EX_RELAXED) learn(&t->now, &place_at(at)->known);
    }
    if (ex.tracing) trace(at, place, "load %s: %#llx", word_of(order), (unsigned long long)value);
    return value;
}

void ex_store(void *address, unsigned size, uint64_t value, ex_order order, ex_place place) {
    uintptr_t at = (uintptr_t)address;
    fiber *t = me();
    if (ex.tracing) trace(at, place, "store %s: %#llx", word_of(order), (unsigned long long)value);
    if (!ex.current) { /* threads begin after setup, and end before finish */
        put(at, size, value);
        return;
    }
    if (t->stores == BUFFER) ex_fail(EX_CRASH, "more stores wait than the explorer keeps", place);
    pending *p = &t->store[t->stores++];
    memset(p, 0, sizeof *p);
    p->at = at;
    p->value = value;
    p->size = size;
    p->order = order;
    p->number = ++ex.stores;
    if (order != EX_RELAXED) {
        p->known = t->now;
        tick(t);
    }
    changed();
}

void ex_fence_compiler(void) {
    fiber *t = me();
    for (unsigned i = 0; i < t->stores; i++) t->store[i].fenced = true;
}

/* --- Read-modify-write ----------------------------------------------------------------------- */

static bool acquires(ex_order order) {
    return order == EX_ACQUIRE || order == EX_SEQ;
}

static bool releases(ex_order order) {
    return order == EX_RELEASE || order == EX_SEQ;
}

/* Makes memory ready for it. */
static void ready(uintptr_t at, ex_order order) {
    point();
    if (releases(order)) {
        drain(ex.current, false);
    } else {
        fiber *t = me();
        for (unsigned i; (i = oldest(t, at)) < BUFFER;) {
            uint64_t number = t->store[i].number;
            settle(at, ex.current);
            i = oldest(t, at);
            if (i < BUFFER && t->store[i].number == number) arrive(ex.current, i);
        }
    }
    settle(at, ex.current);
}

static void write_back(uintptr_t at, unsigned size, uint64_t value, ex_order order) {
    fiber *t = me();
    spot *p = place_at(at);
    if (acquires(order)) learn(&t->now, &p->known);
    if (releases(order)) {
        learn(&p->known, &t->now); /* beside what was there: a release sequence goes on */
        tick(t);
    }
    put(at, size, value);
    changed();
}

uint64_t ex_rmw(void *address, unsigned size, ex_change change, uint64_t operand, ex_order order,
                ex_place place) {
    static const char *const names[] = {"swap", "add", "sub", "or", "and"};
    uintptr_t at = (uintptr_t)address;
    ready(at, order);
    uint64_t old = memory_at(at, size), value = operand;
    switch (change) {
    case EX_SWAP:
        break;
    case EX_ADD:
        value = old + operand;
        break;
    case EX_SUB:
        value = old - operand;
        break;
    case EX_OR:
        value = old | operand;
        break;
    case EX_AND:
        value = old & operand;
        break;
    }
    write_back(at, size, value, order);
    if (ex.tracing)
        trace(at, place, "%s %s: %#llx becomes %#llx", names[change], word_of(order),
              (unsigned long long)old, (unsigned long long)memory_at(at, size));
    return old;
}

bool ex_cas(void *address, unsigned size, void *expected, uint64_t value, ex_order order,
            ex_place place) {
    uintptr_t at = (uintptr_t)address;
    ready(at, order);
    uint64_t old = memory_at(at, size);
    bool same = memcmp(&old, expected, size) == 0;
    if (same) {
        write_back(at, size, value, order);
    } else {
        memcpy(expected, &old, size);
        if (order == EX_SEQ) learn(&me()->now, &place_at(at)->known);
    }
    if (ex.tracing)
        trace(at, place, "cas %s: %s, %#llx%s%#llx", word_of(order), same ? "done" : "failed",
              (unsigned long long)old, same ? " becomes " : " instead of what would become ",
              (unsigned long long)value);
    return same;
}
