/* Nodes for tests: runtimes of one process, with counted memory and a caught log, and actors that
 * do as they are told and write down what they get. Everything waits with a deadline, for something
 * that happens; nothing sleeps. */
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

static inline uint64_t scene_clock(void) {
    return scene_sim ? troupe_sim_now(scene_sim) : tr_clock();
}

static inline uint64_t patience(void) {
    return tr_after_ms(scene_clock(), PATIENCE_MS);
}

/* Waits for something to happen, under the lock. False: the deadline is past, or nothing will. */
static inline bool scene_wait(tr_cond *cond, tr_mutex *lock, uint64_t until) {
    if (!scene_sim) return tr_cond_wait(cond, lock, until);
    tr_unlock(lock);
    bool moved = tr_sim_advance(scene_sim, until);
    tr_lock(lock);
    return moved && troupe_sim_now(scene_sim) < until;
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
    troupe_config plain = {.workers = 2, .log = party_log, .log_ctx = p, .heap = p->heap.heap};
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
    if (scene_sim) return;
    cr_assert_eq(rmdir(scene_dir()), 0, "a socket's file is left");
}

static inline void pair_close(party pair[2]) {
    party_close(&pair[0]);
    party_close(&pair[1]);
    scene_end();
}

/* A test over both kinds of connection. */
#define BOTH(suite, name)                                                                          \
    static void name(bool tcp);                                                                    \
    Test(suite, name##_over_ipc) { name(false); }                                                  \
    Test(suite, name##_over_tcp) { name(true); }                                                   \
    static void name(bool tcp)

/* The same test in a simulation, with some seeds: nothing in it may wait but through the scene. */
static inline void simulate(void (*test)(bool tcp)) {
    for (uint64_t seed = 0; seed < 20; seed++) {
        const troupe_sim_config config = {.seed = seed};
        cr_assert_eq(troupe_sim_open(&config, &scene_sim), TROUPE_OK);
        test(false);
        troupe_sim_close(&scene_sim);
    }
}

/* A test over both kinds of connection, and in simulation. */
#define ANYWHERE(suite, name)                                                                      \
    static void name(bool tcp);                                                                    \
    Test(suite, name##_over_ipc) { name(false); }                                                  \
    Test(suite, name##_over_tcp) { name(true); }                                                   \
    Test(suite, name##_simulated) { simulate(name); }                                              \
    static void name(bool tcp)

/* --- What actors write down ------------------------------------------------------------------- */

typedef enum note_kind { A_COUNT, A_DOWN, A_REFUSAL } note_kind;

typedef struct note {
    note_kind kind;
    uint64_t from, n;   /* of a count; of a `down`: n is the monitor */
    troupe_ref who;     /* the sender; of a `down`: who has ended */
    troupe_err why;     /* of a `down` */
} note;

enum { NOTES_MOST = 1 << 16 };

typedef struct notes {
    tr_mutex lock; /* guards what follows */
    tr_cond changed;
    bool shut;     /* who wants to write has to wait */
    size_t used;
    note note[NOTES_MOST];
} notes;

static inline notes *notes_open(void) {
    notes *all = calloc(1, sizeof *all);
    cr_assert_not_null(all);
    tr_mutex_init(&all->lock);
    tr_cond_init(&all->changed);
    return all;
}

static inline void notes_close(notes *all) {
    tr_cond_fini(&all->changed);
    tr_mutex_fini(&all->lock);
    free(all);
}

static inline void notes_shut(notes *all, bool shut) {
    tr_lock(&all->lock);
    all->shut = shut;
    tr_cond_wake_all(&all->changed);
    tr_unlock(&all->lock);
}

static inline void notes_write(notes *all, note what) {
    uint64_t until = patience();
    tr_lock(&all->lock);
    while (all->shut && tr_cond_wait(&all->changed, &all->lock, until)) {
    }
    cr_assert_lt(all->used, (size_t)NOTES_MOST);
    all->note[all->used++] = what;
    tr_cond_wake_all(&all->changed);
    tr_unlock(&all->lock);
}

static inline size_t notes_count(notes *all) {
    tr_lock(&all->lock);
    size_t used = all->used;
    tr_unlock(&all->lock);
    return used;
}

/* Waits until that many are written; false: not within `ms`. */
static inline bool notes_await_for(notes *all, size_t count, unsigned ms) {
    uint64_t until = tr_after_ms(scene_clock(), ms);
    tr_lock(&all->lock);
    while (all->used < count && scene_wait(&all->changed, &all->lock, until)) {
    }
    bool there = all->used >= count;
    tr_unlock(&all->lock);
    return there;
}

static inline void notes_await(notes *all, size_t count) {
    cr_assert(notes_await_for(all, count, PATIENCE_MS), "%zu of %zu", notes_count(all), count);
}

/* Whether the counts of one sender went up from `first` by ones; how many there are. */
static inline size_t notes_in_order(notes *all, uint64_t from, uint64_t first) {
    tr_lock(&all->lock);
    uint64_t next = first;
    for (size_t i = 0; i < all->used; i++) {
        const note *at = &all->note[i];
        if (at->kind != A_COUNT || at->from != from) continue;
        cr_assert_eq(at->n, next, "sender %d: %d after %d", (int)from, (int)at->n, (int)next);
        next++;
    }
    tr_unlock(&all->lock);
    return (size_t)(next - first);
}

/* How many `down`s of a reason there are. */
static inline size_t notes_downs(notes *all, troupe_err why) {
    size_t n = 0;
    tr_lock(&all->lock);
    for (size_t i = 0; i < all->used; i++)
        n += all->note[i].kind == A_DOWN && all->note[i].why == why;
    tr_unlock(&all->lock);
    return n;
}

/* --- Hands: actors that do as they are told --------------------------------------------------- */

/* Has an actor run a function of the test's; for messages inside this process only. */
struct act {
    uint64_t run, ctx;
};
static const troupe_type act_type =
    TROUPE_TYPE(act, TROUPE_FIELD(act, run), TROUPE_FIELD(act, ctx));

struct hand {
    notes *notes;
    troupe_ref kept;
};

static inline troupe_err hand_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    ((struct hand *)state)->notes = *(notes *const *)arg;
    return TROUPE_OK;
}

static inline troupe_err hand_answer(troupe_self *self, uint64_t n) {
    return troupe_answer(self, &count_type, &(struct count){0, n});
}

static inline troupe_err hand_order(troupe_self *self, struct hand *hand, const struct order *o) {
    switch (o->what) {
    case ORDER_ANSWER: return hand_answer(self, o->n + 1);
    case ORDER_KEEP: hand->kept = troupe_sender(self); return TROUPE_OK;
    case ORDER_LATE: {
        troupe_err err = troupe_tell(self, hand->kept, &count_type, &(struct count){0, o->n});
        return err == TROUPE_GONE ? TROUPE_OK : err; /* nobody waits */
    }
    case ORDER_FAIL: return (troupe_err)o->n;
    case ORDER_QUIT: troupe_exit(self, TROUPE_OK); return TROUPE_OK;
    case ORDER_PASS: return troupe_tell(self, o->who, &count_type, &(struct count){0, o->n});
    default: return TROUPE_OK;
    }
}

static inline troupe_err hand_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct hand *hand = state;
    const struct count *count = troupe_as(*msg, &count_type);
    const struct order *o = troupe_as(*msg, &order_type);
    const struct act *act = troupe_as(*msg, &act_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (count)
        notes_write(hand->notes, (note){A_COUNT, count->from, count->n, troupe_sender(self), 0});
    if (down)
        notes_write(hand->notes,
                    (note){A_DOWN, 0, down->monitor, down->who, (troupe_err)down->why});
    if (o) return hand_order(self, hand, o);
    if (!act) return TROUPE_OK;
    ((void (*)(troupe_self *, void *))(uintptr_t)act->run)(self, (void *)(uintptr_t)act->ctx);
    return troupe_answer(self, &act_type, &(struct act){0, 0});
}

/* Spawns one with a mailbox of that size. */
static inline troupe_ref hand_of(party *p, uint32_t limit, notes *all) {
    static troupe_behaviour kind[8];
    size_t i = 0;
    while (kind[i].name && kind[i].mailbox_limit != limit) cr_assert_lt(++i, (size_t)8);
    if (!kind[i].name)
        kind[i] = (troupe_behaviour){.name = "hand",
                                     .state_size = sizeof(struct hand),
                                     .mailbox_limit = limit,
                                     .start = hand_start,
                                     .receive = hand_receive};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(p->rt, &kind[i], &all, &who), TROUPE_OK);
    return who;
}

/* Has a hand run a function, and waits for that. */
static inline void act_as(party *p, troupe_ref who, void (*run)(troupe_self *, void *), void *ctx) {
    const struct act body = {(uintptr_t)run, (uintptr_t)ctx};
    troupe_msg *msg;
    cr_assert_eq(troupe_make(p->rt, &act_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(p->rt, who, &msg, PATIENCE_MS), TROUPE_OK);
    troupe_drop(&msg);
}

/* A monitor, and how it went to have it made or ended. */
typedef struct watching {
    troupe_ref who;
    uint64_t number;
    troupe_err err;
} watching;

static inline void watch_it(troupe_self *self, void *ctx) {
    watching *w = ctx;
    w->err = troupe_monitor(self, w->who, &w->number);
}

static inline void unwatch_it(troupe_self *self, void *ctx) {
    watching *w = ctx;
    w->err = troupe_demonitor(self, w->number);
}

/* Has a hand watch an actor; the monitor's number. */
static inline uint64_t watch_by(party *p, troupe_ref hand, troupe_ref who) {
    watching w = {.who = who};
    act_as(p, hand, watch_it, &w);
    cr_assert_eq(w.err, TROUPE_OK);
    return w.number;
}

/* Sends an order or a count to anybody, from no actor. */
static inline troupe_err order_to(party *p, troupe_ref who, uint32_t what, uint64_t n) {
    troupe_msg *msg;
    const struct order body = {what, n, TROUPE_NOBODY};
    cr_assert_eq(troupe_make(p->rt, &order_type, &body, &msg), TROUPE_OK);
    troupe_err err = troupe_post(p->rt, who, &msg);
    troupe_drop(&msg);
    return err;
}

static inline troupe_err count_to(party *p, troupe_ref who, uint64_t n) {
    troupe_msg *msg;
    cr_assert_eq(troupe_make(p->rt, &count_type, &(struct count){0, n}, &msg), TROUPE_OK);
    troupe_err err = troupe_post(p->rt, who, &msg);
    troupe_drop(&msg);
    return err;
}

/* Asks with an order; the answer's number goes to `n`, which may be NULL. */
static inline troupe_err ask_by(party *p, troupe_ref who, uint32_t what, uint64_t *n) {
    troupe_msg *msg;
    const struct order body = {what, n ? *n : 0, TROUPE_NOBODY};
    cr_assert_eq(troupe_make(p->rt, &order_type, &body, &msg), TROUPE_OK);
    troupe_err err = troupe_ask(p->rt, who, &msg, PATIENCE_MS);
    const struct count *count = troupe_as(msg, &count_type);
    if (!err) cr_assert_not_null(count);
    if (count && n) *n = count->n;
    troupe_drop(&msg);
    return err;
}

/* A thread that asks what is never answered. */
struct asking {
    tr_thread thread;
    party *who;
    troupe_ref to;
    troupe_err err;
};

static inline void *ask_in_vain(void *arg) {
    struct asking *a = arg;
    a->err = ask_by(a->who, a->to, ORDER_IGNORE, NULL);
    return NULL;
}

/* Begins one, and sees that it is on its way. */
static inline void ask_start(struct asking *a, party *p, troupe_ref to) {
    uint64_t n = 0, until = patience();
    *a = (struct asking){.who = p, .to = to};
    cr_assert(tr_thread_start(&a->thread, "asks", ask_in_vain, a));
    for (size_t asks = 0; !asks;) {
        cr_assert_lt(tr_clock(), until);
        tr_lock(&p->rt->asks.lock);
        asks = p->rt->asks.by_id.count;
        tr_unlock(&p->rt->asks.lock);
    }
    for (int i = 0; i < 3; i++) cr_assert_eq(ask_by(p, to, ORDER_ANSWER, &n), TROUPE_OK);
}

/* It must end so, and at once rather than at its deadline. */
static inline void ask_ends(struct asking *a, troupe_err why) {
    uint64_t then = tr_clock();
    tr_thread_join(&a->thread);
    cr_assert_eq(a->err, why, "%s", troupe_errname(a->err));
    cr_assert_lt(tr_clock() - then, 5000 * TR_MS);
}

/* Finds an actor of another node by name. */
static inline troupe_ref found(party *p, const char *peer, const char *name) {
    troupe_ref who;
    cr_assert_eq(troupe_lookup(p->node, peer, name, PATIENCE_MS, &who), TROUPE_OK);
    return who;
}

static inline size_t entries_of(const char *path) {
    DIR *dir = opendir(path);
    cr_assert_not_null(dir);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

#endif
