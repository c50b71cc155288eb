#include "base/os.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "base/atomic.h"

TestSuite(os, .timeout = 30);

static const uint64_t second = 1000 * TR_MS;

/* --- Time ------------------------------------------------------------------------------------- */

Test(os, after_ms_adds) {
    cr_assert_eq(tr_after_ms(0, 0), 0);
    cr_assert_eq(tr_after_ms(5, 0), 5);
    cr_assert_eq(tr_after_ms(5, 3), 5 + 3 * TR_MS);
    cr_assert_eq(tr_after_ms(0, UINT32_MAX), UINT32_MAX * TR_MS);
}

Test(os, after_ms_that_overflows_is_never) {
    const uint64_t most = TR_NEVER / TR_MS; /* ms that still fit, from 0 */
    cr_assert_eq(tr_after_ms(0, most), most * TR_MS);
    cr_assert_eq(tr_after_ms(0, most + 1), TR_NEVER);
    cr_assert_eq(tr_after_ms(TR_NEVER - most * TR_MS, most), TR_NEVER);
    cr_assert_eq(tr_after_ms(TR_NEVER - most * TR_MS + 1, most), TR_NEVER);
    cr_assert_eq(tr_after_ms(TR_NEVER - most * TR_MS - 1, most), TR_NEVER - 1);
    cr_assert_eq(tr_after_ms(1, UINT64_MAX), TR_NEVER);
    for (uint64_t back = 0; back <= 2; back++)
        for (uint64_t ms = 1; ms < 100; ms *= 3)
            cr_assert_eq(tr_after_ms(TR_NEVER - back, ms), TR_NEVER);
    cr_assert_eq(tr_after_ms(TR_NEVER, 0), TR_NEVER);
    cr_assert_eq(tr_after_ms(TR_NEVER, UINT64_MAX), TR_NEVER);
}

Test(os, clock_never_goes_back) {
    uint64_t last = tr_clock();
    for (int i = 0; i < 100000; i++) {
        uint64_t now = tr_clock();
        cr_assert(now >= last);
        last = now;
    }
    cr_assert(last > 0 && last < TR_NEVER / 2);
}

/* --- Waiting ---------------------------------------------------------------------------------- */

typedef struct gate {
    tr_mutex lock;
    tr_cond opened;
    bool open;
    uint64_t deadline;
    unsigned waiting, passed;
} gate;

static void make_gate(gate *g, uint64_t deadline) {
    *g = (gate){.deadline = deadline};
    tr_mutex_init(&g->lock);
    tr_cond_init(&g->opened);
}

static void end_gate(gate *g) {
    tr_cond_fini(&g->opened);
    tr_mutex_fini(&g->lock);
}

Test(os, a_deadline_that_has_passed_returns_at_once) {
    gate g;
    make_gate(&g, 0);
    tr_lock(&g.lock);
    uint64_t before = tr_clock();
    cr_assert_not(tr_cond_wait(&g.opened, &g.lock, 0));
    cr_assert_not(tr_cond_wait(&g.opened, &g.lock, 1));
    cr_assert_not(tr_cond_wait(&g.opened, &g.lock, before));
    cr_assert(tr_clock() - before < second);
    tr_unlock(&g.lock); /* is ours again */
    end_gate(&g);
}

Test(os, a_deadline_is_not_early) {
    gate g;
    make_gate(&g, 0);
    for (uint64_t ms = 1; ms <= 16; ms *= 2) {
        tr_lock(&g.lock);
        uint64_t deadline = tr_after_ms(tr_clock(), ms);
        bool in_time = true;
        while (in_time) in_time = tr_cond_wait(&g.opened, &g.lock, deadline);
        cr_assert(tr_clock() >= deadline);
        tr_unlock(&g.lock);
    }
    end_gate(&g);
}

static void *pass(void *arg) {
    gate *g = arg;
    bool in_time = true;
    tr_lock(&g->lock);
    g->waiting++;
    while (!g->open && in_time) in_time = tr_cond_wait(&g->opened, &g->lock, g->deadline);
    if (g->open) g->passed++;
    tr_unlock(&g->lock);
    return NULL;
}

/* Returns once that many threads wait at the gate; it is locked then. */
static void await_waiting(gate *g, unsigned waiting) {
    for (;;) {
        tr_lock(&g->lock);
        if (g->waiting == waiting) return;
        tr_unlock(&g->lock);
        sched_yield();
    }
}

Test(os, a_waiter_is_woken_however_far_its_deadline) {
    const uint64_t deadlines[] = {TR_NEVER, TR_NEVER - 1, TR_NEVER / 2, tr_clock() + 60 * second};
    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        gate g;
        tr_thread thread;
        make_gate(&g, deadlines[i]);
        cr_assert(tr_thread_start(&thread, "waiter", pass, &g));
        await_waiting(&g, 1);
        g.open = true;
        tr_cond_wake(&g.opened);
        tr_unlock(&g.lock);
        tr_thread_join(&thread);
        cr_assert_eq(g.passed, 1);
        end_gate(&g);
    }
}

Test(os, wake_all_wakes_all) {
    enum { THREADS = 5 };
    gate g;
    tr_thread thread[THREADS];
    make_gate(&g, tr_clock() + 20 * second);
    tr_cond_wake(&g.opened); /* nobody waits: not remembered, no harm */
    tr_cond_wake_all(&g.opened);
    for (int i = 0; i < THREADS; i++) cr_assert(tr_thread_start(&thread[i], "waiter", pass, &g));
    await_waiting(&g, THREADS);
    g.open = true;
    tr_cond_wake_all(&g.opened);
    tr_unlock(&g.lock);
    for (int i = 0; i < THREADS; i++) tr_thread_join(&thread[i]);
    cr_assert_eq(g.passed, THREADS);
    end_gate(&g);
}

/* --- Threads ---------------------------------------------------------------------------------- */

Test(os, join_with_a_deadline_says_whether_the_thread_has_ended) {
    gate g;
    tr_thread thread;
    make_gate(&g, TR_NEVER);
    cr_assert(tr_thread_start(&thread, "joined", pass, &g));
    await_waiting(&g, 1);
    tr_unlock(&g.lock);
    cr_assert_not(tr_thread_join_until(&thread, 0));
    cr_assert_not(tr_thread_join_until(&thread, tr_clock()));
    uint64_t deadline = tr_after_ms(tr_clock(), 5);
    cr_assert_not(tr_thread_join_until(&thread, deadline));
    cr_assert(tr_clock() >= deadline);
    tr_lock(&g.lock);
    g.open = true;
    tr_cond_wake(&g.opened);
    tr_unlock(&g.lock);
    cr_assert(tr_thread_join_until(&thread, tr_clock() + 20 * second));
    end_gate(&g);
}

typedef struct seen {
    sigset_t blocked;
    char name[16];
    bool is_me;
    tr_thread *thread;
    tr_atomic32 started;
} seen;

static void *look(void *arg) {
    seen *s = arg;
    while (!tr_load32_acquire(&s->started)) sched_yield();
    pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
    pthread_getname_np(pthread_self(), s->name, sizeof s->name);
    s->is_me = tr_thread_is_me(s->thread);
    return NULL;
}

Test(os, a_thread_has_its_name_and_gets_no_signals) {
    tr_thread thread;
    seen s = {.thread = &thread};
    sigset_t before, after, one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &one, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    cr_assert(tr_thread_start(&thread, "fifteen bytes--", look, &s));
    tr_store32_release(&s.started, 1); /* `thread` and the name are set */
    cr_assert_not(tr_thread_is_me(&thread));
    tr_thread_join(&thread);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    cr_assert(s.is_me);
    cr_assert_str_eq(s.name, "fifteen bytes--");
    const int some[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGPIPE, SIGRTMIN};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        cr_assert_eq(sigismember(&s.blocked, some[i]), 1);
        cr_assert_eq(sigismember(&after, some[i]), sigismember(&before, some[i]));
    }
}

static void *finish(void *arg) {
    tr_store32_release(arg, 1);
    return NULL;
}

Test(os, a_detached_thread_goes_its_own_way) {
    static tr_atomic32 done;
    tr_thread thread;
    cr_assert(tr_thread_start(&thread, "detached", finish, &done));
    tr_thread_detach(&thread);
    while (!tr_load32_acquire(&done)) sched_yield();
}

static tr_mutex shared_lock;
static uint64_t shared;

static void *count_up(void *arg) {
    (void)arg;
    for (int i = 0; i < 20000; i++) {
        tr_lock(&shared_lock);
        shared++;
        tr_unlock(&shared_lock);
    }
    return NULL;
}

Test(os, a_mutex_lets_one_in) {
    tr_thread thread[3];
    tr_mutex_init(&shared_lock);
    for (int i = 0; i < 3; i++) cr_assert(tr_thread_start(&thread[i], "counter", count_up, NULL));
    for (int i = 0; i < 3; i++) tr_thread_join(&thread[i]);
    cr_assert_eq(shared, 60000);
    tr_mutex_fini(&shared_lock);
}

/* --- The rest --------------------------------------------------------------------------------- */

Test(os, cores_are_those_that_we_may_use) {
    cr_assert(tr_cores() >= 1);
    cpu_set_t all, one;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    cr_assert_eq(tr_cores(), (unsigned)CPU_COUNT(&all));
    size_t first = 0;
    while (!CPU_ISSET(first, &all)) first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(tr_cores(), 1);
}

Test(os, random_fills_all_of_it_and_no_more) {
    static unsigned char memory[5000], touched[5000];
    memset(memory, 0, sizeof memory);
    tr_random(memory, 0);
    cr_assert_eq(memory[0], 0);
    for (int round = 0; round < 20; round++) {
        tr_random(memory + 1, sizeof memory - 2);
        for (size_t i = 0; i < sizeof memory; i++) touched[i] |= memory[i];
    }
    cr_assert(memory[0] == 0 && memory[sizeof memory - 1] == 0);
    for (size_t i = 1; i < sizeof memory - 1; i++) cr_assert_neq(touched[i], 0);
}

/* --- Pages ------------------------------------------------------------------------------------ */

Test(os, pages_are_zero_and_go_back) {
    const size_t size = (size_t)3 << 20;
    for (int i = 0; i < 3; i++) {
        unsigned char *pages = tr_pages_take(size);
        cr_assert_not_null(pages);
        cr_assert_eq((uintptr_t)pages % 4096, 0);
        for (size_t at = 0; at < size; at += 4096) cr_assert_eq(pages[at], 0);
        pages[0] = pages[size - 1] = 1;
        tr_pages_give(pages, size);
    }
    cr_assert_null(tr_pages_take(SIZE_MAX / 2));
}

/* --- Futex ------------------------------------------------------------------------------------ */

/* Who was let go may be gone, and the memory in which it slept too, before it is woken. */
Test(os, a_wake_uses_an_address_and_no_memory) {
    tr_atomic32 *word = tr_pages_take(4096);
    tr_futex_wake(word, 1);
    tr_pages_give(word, 4096);
    tr_futex_wake(word, 1);
}

Test(os, a_futex_wait_ends_by_another_value_or_by_its_deadline) {
    tr_atomic32 word = {0};
    tr_store32_relaxed(&word, 1);
    cr_assert(tr_futex_wait(&word, 0, TR_NEVER), "it does not sleep");
    cr_assert_not(tr_futex_wait(&word, 1, tr_clock()));
    uint64_t begun = tr_clock();
    while (tr_futex_wait(&word, 1, begun + 20 * TR_MS)) {
    }
    cr_assert_geq(tr_clock(), begun + 20 * TR_MS);
}
