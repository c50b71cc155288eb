/* What happens before what: a vector clock for each thread, one for what each atomic and mutex
 * hands on, and times of the last accesses for each plain address. */
#include <string.h>

#include "engine.h"

enum { PLACES = 1 << 12 };

static spot places[PLACES];

spot *place_at(uintptr_t at) {
    size_t i = (size_t)((at >> 2) * UINT64_C(0x9E3779B97F4A7C15) >> 52);
    for (size_t tries = 0; tries < PLACES; tries++, i = (i + 1) % PLACES) {
        spot *p = &places[i];
        if (p->execution == ex.execution && p->at == at) return p;
        if (p->execution == ex.execution) continue;
        memset(p, 0, sizeof *p);
        p->at = at;
        p->execution = ex.execution;
        p->holder = -1;
        return p;
    }
    ex_fail(EX_CRASH, "the model touches too much memory", EX_HERE);
}

void learn(clocks *who, const clocks *what) {
    for (int i = 0; i < THREADS; i++)
        if (who->of[i] < what->of[i]) who->of[i] = what->of[i];
}

void tick(fiber *t) {
    t->now.of[t - ex.thread]++;
}

ex_moment ex_now(void) {
    return (ex_moment){ex.current, me()->now.of[ex.current]};
}

bool ex_knows(ex_moment moment) {
    return moment.time <= me()->now.of[moment.thread];
}

static _Noreturn void race(const spot *p, int other, bool was_write, bool is_write,
                           ex_place where) {
    char text[160];
    const char *name = name_of(p->at);
    __builtin_snprintf(text, sizeof text, "%s of %s by %s races with %s by %s",
                       is_write ? "write" : "read", *name ? name : "plain data", me()->name,
                       was_write ? "write" : "read", ex.thread[other].name);
    ex_fail(EX_RACE, text, where);
}

/* Nobody else's access may be unordered with a write; with a read, nobody else's write. */
static void plain(uintptr_t at, bool write, ex_place where) {
    if (is_local(at) || !ex.model) return;
    if (++ex.accesses > STEPS * 10) ex_fail(EX_LIVELOCK, "runs on without end", where);
    fiber *t = me();
    spot *p = place_at(at);
    if (p->written && p->written > t->now.of[p->writer]) race(p, p->writer, true, write, where);
    uint16_t now = t->now.of[ex.current];
    if (!write) {
        p->reads.of[ex.current] = now;
        return;
    }
    for (int i = 0; i < ex.threads; i++)
        if (p->reads.of[i] > t->now.of[i]) race(p, i, false, true, where);
    p->written = now;
    p->writer = (uint8_t)ex.current;
}

static void range(const void *at, size_t size, bool write) {
    for (size_t i = 0; i < size; i += 8) plain((uintptr_t)at + i, write, (ex_place){NULL, 0});
}

void ex_read(const void *at) {
    plain((uintptr_t)at, false, (ex_place){NULL, 0});
}

void ex_write(const void *at) {
    plain((uintptr_t)at, true, (ex_place){NULL, 0});
}

/* --- What the compiler calls in code compiled with -fsanitize=thread -------------------------- */

#define HOOK(name, size, write)                                                                    \
    void name(void *at);                                                                           \
    void name(void *at) {                                                                          \
        range(at, size, write);                                                                    \
    }
HOOK(__tsan_read1, 1, false)
HOOK(__tsan_read2, 2, false)
HOOK(__tsan_read4, 4, false)
HOOK(__tsan_read8, 8, false)
HOOK(__tsan_read16, 16, false)
HOOK(__tsan_write1, 1, true)
HOOK(__tsan_write2, 2, true)
HOOK(__tsan_write4, 4, true)
HOOK(__tsan_write8, 8, true)
HOOK(__tsan_write16, 16, true)
HOOK(__tsan_unaligned_read2, 2, false)
HOOK(__tsan_unaligned_read4, 4, false)
HOOK(__tsan_unaligned_read8, 8, false)
HOOK(__tsan_unaligned_read16, 16, false)
HOOK(__tsan_unaligned_write2, 2, true)
HOOK(__tsan_unaligned_write4, 4, true)
HOOK(__tsan_unaligned_write8, 8, true)
HOOK(__tsan_unaligned_write16, 16, true)

void __tsan_init(void);
void __tsan_init(void) {}
void __tsan_func_entry(void *caller);
void __tsan_func_entry(void *caller) {
    (void)caller;
}
void __tsan_func_exit(void);
void __tsan_func_exit(void) {}
void __tsan_read_range(void *at, size_t size);
void __tsan_read_range(void *at, size_t size) {
    range(at, size, false);
}
void __tsan_write_range(void *at, size_t size);
void __tsan_write_range(void *at, size_t size) {
    range(at, size, true);
}
void *__tsan_memset(void *to, int byte, size_t size);
void *__tsan_memset(void *to, int byte, size_t size) {
    range(to, size, true);
    return memset(to, byte, size);
}
void *__tsan_memcpy(void *to, const void *from, size_t size);
void *__tsan_memcpy(void *to, const void *from, size_t size) {
    range(from, size, false);
    range(to, size, true);
    return memcpy(to, from, size);
}
