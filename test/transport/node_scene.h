/* Nodes for tests: runtimes of one process, with counted memory and a caught log. A test runs over
 * real connections, or in a simulation with many seeds. Everything waits with a deadline, for
 * something that happens; nothing sleeps. */
#ifndef TROUPE_TEST_NODE_SCENE_H
#define TROUPE_TEST_NODE_SCENE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "actors/runtime.h"
#include "actors/sim.h"
#include "base/atomic.h"
#include "base/os.h"
#include "test/support/counting_heap.h"
#include "test/support/dead_letters.h"
#include "test/support/node_orders.h"

enum { PATIENCE_MS = 20000 };

static const char node_secret[] = "a secret of this test";

/* The simulation that all nodes of this test are in; NULL: they are real. */
static troupe_sim *scene_sim;
static uint64_t scene_seed;
static void (*scene_report)(void *ctx, const struct troupe_report *report); /* NULL: the log */
static void (*scene_dead_letter)(void *ctx, const struct troupe_dead_letter *letter,
                                 troupe_msg **msg); /* with the party; NULL: nobody sees them */
static troupe *scene_host; /* of peers that are no nodes, in a simulation; NULL: none yet */

static inline uint64_t scene_clock(void) {
    return scene_sim ? troupe_sim_now(scene_sim) : tr_clock();
}

static inline uint64_t patience(void) {
    return tr_after_ms(scene_clock(), PATIENCE_MS);
}

/* How long something may take, in nanoseconds. A machine that has other work may be late by any
 * time: only a simulation is held to it. */
static inline uint64_t scene_within(unsigned ms) {
    return (scene_sim ? ms : 3 * PATIENCE_MS) * TR_MS;
}

/* Waits for something to happen, under the lock. False: the deadline is past, or nothing will. */
static inline bool scene_wait(tr_cond *cond, tr_mutex *lock, uint64_t until) {
    if (!scene_sim) return tr_cond_wait(cond, lock, until);
    tr_unlock(lock);
    bool moved = tr_sim_advance(scene_sim, until);
    tr_lock(lock);
    return moved && troupe_sim_now(scene_sim) < until;
}

/* Lets something else happen, before the deadline. */
static inline void scene_go_on(uint64_t until) {
    cr_assert_lt(scene_clock(), until, "it does not come to that");
    if (scene_sim)
        (void)tr_sim_advance(scene_sim, until);
    else
        tr_thread_yield();
}

/* Lets others go on until something is so. For what nobody tells. */
#define SCENE_AWAIT(condition)                                                                     \
    for (uint64_t until_ = patience(); !(condition);) scene_go_on(until_)

/* For the end of a suite's tests: which seed it was that failed. */
static inline void scene_say_seed(void) {
    if (scene_sim)
        fprintf(stderr, "in simulation, with seed %d: again by SCENE_SEED=%d\n", (int)scene_seed,
                (int)scene_seed);
}

/* --- Something that waits, and what happens meanwhile ----------------------------------------- */

typedef struct beside {
    void (*wait)(void *ctx);  /* what takes until `act` was there */
    bool (*waits)(void *ctx); /* whether it is at that point; NULL: at any time */
    void (*act)(void *ctx);
    void *ctx;
    tr_thread thread; /* real nodes: of `wait`, which asserts nothing */
    tr_event event;   /* in a simulation: of `act` */
} beside;

static inline void *beside_wait(void *arg) {
    beside *b = arg;
    b->wait(b->ctx);
    return NULL;
}

static inline void beside_act(void *arg) {
    beside *b = arg;
    if (!b->waits || b->waits(b->ctx))
        b->act(b->ctx);
    else
        tr_sim_set(scene_sim, &b->event, troupe_sim_now(scene_sim) + TR_MS);
}

static inline void scene_beside(beside *b) {
    if (scene_sim) {
        tr_list_init(&b->event.of_sim);
        b->event.run = beside_act;
        b->event.ctx = b;
        tr_sim_set(scene_sim, &b->event, troupe_sim_now(scene_sim) + TR_MS);
        b->wait(b->ctx);
        cr_assert(tr_list_empty(&b->event.of_sim), "it did not wait");
        return;
    }
    cr_assert(tr_thread_start(&b->thread, "waits", beside_wait, b));
    if (b->waits) SCENE_AWAIT(b->waits(b->ctx));
    b->act(b->ctx);
    tr_thread_join(&b->thread);
}

/* --- A node ----------------------------------------------------------------------------------- */

typedef struct party {
    counting_heap heap;
    troupe *rt;
    troupe_node *node;
    char name[TROUPE_NAME_MAX + 1];
    char url[TROUPE_URL_MAX + 1]; /* where it listens */
    tr_mutex lock;                /* guards what follows */
    tr_cond written;
    const char *hold; /* who logs a line with that text has to wait */
    char log[64 << 10];
    size_t used;
} party;

/* A folder for the sockets of this test's process. */
static inline const char *scene_dir(void) {
    static char dir[] = "/tmp/troupe-node-XXXXXX";
    static bool made;
    if (!made) cr_assert_not_null(mkdtemp(dir));
    made = true;
    return dir;
}

static inline void party_log(void *ctx, troupe_level level, const char *line) {
    party *p = ctx;
    (void)level;
    tr_lock(&p->lock);
    int wrote = snprintf(p->log + p->used, sizeof p->log - p->used, "%s\n", line);
    if (wrote > 0 && (size_t)wrote < sizeof p->log - p->used) p->used += (size_t)wrote;
    p->log[p->used] = '\0';
    tr_cond_wake_all(&p->written);
    uint64_t until = patience();
    while (p->hold && strstr(line, p->hold) && tr_cond_wait(&p->written, &p->lock, until)) {
    }
    tr_unlock(&p->lock);
}

static inline size_t count_in(const char *log, const char *text) {
    size_t n = 0;
    for (; (log = strstr(log, text)); log++) n++;
    return n;
}

/* How often a text was logged. */
static inline size_t party_logged(party *p, const char *text) {
    tr_lock(&p->lock);
    size_t n = count_in(p->log, text);
    tr_unlock(&p->lock);
    return n;
}

/* Forgets what was logged. */
static inline void party_forget_log(party *p) {
    tr_lock(&p->lock);
    p->used = 0;
    p->log[0] = 0;
    tr_unlock(&p->lock);
}

/* Waits until a text was logged that many times. */
static inline void party_await_log(party *p, const char *text, size_t times) {
    uint64_t until = patience();
    tr_lock(&p->lock);
    while (count_in(p->log, text) < times)
        cr_assert(scene_wait(&p->written, &p->lock, until), "%s: not in the log: %s\n%s", p->name,
                  text, p->log);
    tr_unlock(&p->lock);
}

/* Holds whoever logs that up; NULL: nobody any more. */
static inline void party_hold(party *p, const char *text) {
    tr_lock(&p->lock);
    p->hold = text;
    tr_cond_wake_all(&p->written);
    tr_unlock(&p->lock);
}

/* Opens a runtime that is no node yet. */
static inline void party_open_runtime(party *p, const char *name) {
    memset(p, 0, sizeof *p);
    counting_heap_init(&p->heap);
    tr_mutex_init(&p->lock);
    tr_cond_init(&p->written);
    (void)snprintf(p->name, sizeof p->name, "%s", name);
    troupe_config plain = {.workers = 2,
                           .log = party_log,
                           .log_ctx = p,
                           .report = scene_report,
                           .dead_letter = scene_dead_letter,
                           .dead_letter_ctx = p,
                           .fold_ms = TROUPE_FOLD_NOTHING,
                           .heap = p->heap.heap};
    cr_assert_eq(scene_sim ? troupe_sim_runtime(scene_sim, &plain, &p->rt)
                           : troupe_open(&plain, &p->rt),
                 TROUPE_OK);
}

/* Opens a runtime that is a node; what the configuration leaves out is filled in. */
static inline void party_open_as(party *p, const char *name, troupe_node_config config) {
    party_open_runtime(p, name);
    config.name = name;
    if (!config.secret) config.secret = node_secret, config.secret_size = sizeof node_secret;
    cr_assert_eq(troupe_node_open(p->rt, &config, &p->node), TROUPE_OK);
    cr_assert_eq(troupe_register_type(p->rt, &count_type), TROUPE_OK);
    cr_assert_eq(troupe_register_type(p->rt, &order_type), TROUPE_OK);
}

static inline void party_open(party *p, const char *name) {
    party_open_as(p, name, (troupe_node_config){.name = name});
}

static inline void party_listen(party *p, bool tcp) {
    char url[TROUPE_URL_MAX + 1];
    (void)snprintf(url, sizeof url, "ipc://%s/%s", scene_sim ? "" : scene_dir(), p->name);
    cr_assert_eq(troupe_listen(p->node, tcp ? "tcp://127.0.0.1:0" : url, p->url, sizeof p->url),
                 TROUPE_OK);
}

static inline void party_meet(party *p, const party *other) {
    cr_assert_eq(troupe_connect(p->node, other->url, PATIENCE_MS), TROUPE_OK);
}

/* Closes it; no memory may be left. */
static inline void party_close(party *p) {
    troupe_close(&p->rt);
    cr_assert(counting_heap_fini(&p->heap), "%s has left memory", p->name);
    tr_cond_fini(&p->written);
    tr_mutex_fini(&p->lock);
}

/* Two nodes that are connected, the first to the second. */
static inline void pair_open(party pair[2], bool tcp) {
    party_open(&pair[0], "left");
    party_open(&pair[1], "right");
    party_listen(&pair[1], tcp);
    party_meet(&pair[0], &pair[1]);
}

/* The sockets' folder must be empty by now. */
static inline void scene_end(void) {
    troupe_close(&scene_host);
    if (scene_sim) return;
    cr_assert_eq(rmdir(scene_dir()), 0, "a socket's file is left");
}

static inline void pair_close(party pair[2]) {
    party_close(&pair[0]);
    party_close(&pair[1]);
    scene_end();
}

static inline size_t entries_of(const char *path) {
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* How many descriptors, once those that are being closed are. nng closes them a little later, on a
 * thread of its own that tells nobody; so there is nothing to await. */
static inline size_t descriptors_at_most(size_t most) {
    uint64_t until = patience();
    size_t n;
    while ((n = entries_of("/proc/self/fd")) > most && tr_clock() < until) tr_thread_yield();
    return n;
}

/* --- Where a test runs ------------------------------------------------------------------------ */

/* Over both kinds of connection only: say why. */
#define BOTH(suite, name)                                                                          \
    static void name(bool tcp);                                                                    \
    Test(suite, name##_over_ipc) {                                                                 \
        name(false);                                                                               \
    }                                                                                              \
    Test(suite, name##_over_tcp) {                                                                 \
        name(true);                                                                                \
    }                                                                                              \
    static void name(bool tcp)

/* In a simulation, with that many seeds, or with SCENE_SEEDS of them, or with that of SCENE_SEED
 * only; a quarter if AddressSanitizer is there. Each fourth seed is run by priorities. Nothing
 * in it may wait but through the scene. */
static inline void simulate(void (*test)(bool tcp), uint64_t seeds) {
    const char *only = getenv("SCENE_SEED"), *many = getenv("SCENE_SEEDS");
    if (getenv("ASAN_OPTIONS")) seeds = (seeds + 3) / 4;
    if (many) seeds = strtoull(many, NULL, 10);
    uint64_t first = only ? strtoull(only, NULL, 10) : 0;
    for (scene_seed = first; scene_seed < (only ? first + 1 : seeds); scene_seed++) {
        const troupe_sim_config config = {.seed = scene_seed,
                                          .schedule = scene_seed % 4 == 3 ? TROUPE_PCT
                                                                          : TROUPE_RANDOM};
        cr_assert_eq(troupe_sim_open(&config, &scene_sim), TROUPE_OK);
        test(false);
        troupe_sim_close(&scene_sim);
    }
}

/* In a simulation only: say why. */
#define SIMULATED(suite, name, seeds)                                                              \
    static void name(bool tcp);                                                                    \
    Test(suite, name##_simulated) {                                                                \
        simulate(name, seeds);                                                                     \
    }                                                                                              \
    static void name(bool tcp)

/* Over both kinds of connection, and in a simulation. */
#define ANYWHERE(suite, name, seeds)                                                               \
    static void name(bool tcp);                                                                    \
    Test(suite, name##_over_ipc) {                                                                 \
        name(false);                                                                               \
    }                                                                                              \
    Test(suite, name##_over_tcp) {                                                                 \
        name(true);                                                                                \
    }                                                                                              \
    Test(suite, name##_simulated) {                                                                \
        simulate(name, seeds);                                                                     \
    }                                                                                              \
    static void name(bool tcp)

#endif
