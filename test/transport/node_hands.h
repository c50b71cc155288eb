/* Actors for tests of nodes, that do as they are told and write down what they get. */
#ifndef TROUPE_TEST_NODE_HANDS_H
#define TROUPE_TEST_NODE_HANDS_H

#include <troupe/link.h>

#include "test/transport/node_scene.h"

/* --- What actors write down ------------------------------------------------------------------- */

typedef enum note_kind { A_COUNT, A_DOWN, AN_EXIT, A_KEPT, AN_ANSWER } note_kind;

typedef struct note {
    note_kind kind;
    uint64_t from, n; /* of a count; of a `down`: n is the monitor; of an answer: the question */
    troupe_ref who;   /* the sender; of a `down` or an exit: who has ended */
    troupe_err why;   /* of a `down`, an exit or an answer */
} note;

enum { NOTES_WRITERS = 64 };

typedef struct notes {
    tr_mutex lock; /* guards what follows */
    tr_cond changed;
    bool shut; /* who wants to write has to wait */
    size_t used, writers;
    troupe_ref writer[NOTES_WRITERS]; /* the first of them */
    note *note; /* `used` of `room` */
    size_t room;
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
    free(all->note);
    free(all);
}

/* Has who writes here wait, or lets it go on. In a simulation it does not even begin to handle what
 * it gets, be it to write that down or not. */
static inline void notes_shut(notes *all, bool shut) {
    tr_lock(&all->lock);
    all->shut = shut;
    tr_cond_wake_all(&all->changed);
    tr_unlock(&all->lock);
    for (size_t i = 0; scene_sim && i < all->writers; i++) {
        troupe_err err = troupe_sim_hold(scene_sim, all->writer[i], shut);
        cr_assert(!err || err == TROUPE_GONE);
    }
}

static inline void notes_write(notes *all, note what) {
    uint64_t until = patience();
    tr_lock(&all->lock);
    while (all->shut && !scene_sim && tr_cond_wait(&all->changed, &all->lock, until)) {
    }
    if (all->used == all->room) {
        all->room = all->room ? 2 * all->room : 1024;
        all->note = realloc(all->note, all->room * sizeof *all->note);
        cr_assert_not_null(all->note);
    }
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

static inline size_t notes_of(notes *all, note_kind kind, troupe_err why) {
    size_t n = 0;
    tr_lock(&all->lock);
    for (size_t i = 0; i < all->used; i++)
        n += all->note[i].kind == kind && all->note[i].why == why;
    tr_unlock(&all->lock);
    return n;
}

/* How many `down`s of a reason there are. */
static inline size_t notes_downs(notes *all, troupe_err why) {
    return notes_of(all, A_DOWN, why);
}

/* How many exits of a reason there are. */
static inline size_t notes_exits(notes *all, troupe_err why) {
    return notes_of(all, AN_EXIT, why);
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
    case ORDER_ANSWER:
        return hand_answer(self, o->n + 1);
    case ORDER_KEEP:
        hand->kept = troupe_sender(self);
        notes_write(hand->notes, (note){.kind = A_KEPT});
        return TROUPE_OK;
    case ORDER_LATE: {
        troupe_err err = troupe_tell(self, hand->kept, &count_type, &(struct count){0, o->n});
        return err == TROUPE_GONE ? TROUPE_OK : err; /* nobody waits */
    }
    case ORDER_FAIL:
        return (troupe_err)o->n;
    case ORDER_QUIT:
        troupe_exit(self, TROUPE_OK);
        return TROUPE_OK;
    case ORDER_PASS:
        return troupe_tell(self, o->who, &count_type, &(struct count){0, o->n});
    default:
        return TROUPE_OK;
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
    const struct troupe_exit *exit = troupe_as(*msg, &troupe_exit_type);
    if (exit) notes_write(hand->notes, (note){AN_EXIT, 0, 0, exit->who, (troupe_err)exit->why});
    const struct troupe_far_answer *answer = troupe_as(*msg, &troupe_far_answer_type);
    if (answer)
        notes_write(hand->notes,
                    (note){AN_ANSWER, 0, answer->number, answer->who, (troupe_err)answer->why});
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
    if (all->writers < NOTES_WRITERS) all->writer[all->writers++] = who;
    if (scene_sim && all->shut) cr_assert_eq(troupe_sim_hold(scene_sim, who, true), TROUPE_OK);
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

/* A monitor or a link, and how it went to have it made or ended. */
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

static inline void trap_exits(troupe_self *self, void *ctx) {
    (void)ctx;
    troupe_trap_exits(self, true);
}

static inline void link_it(troupe_self *self, void *ctx) {
    watching *w = ctx;
    w->err = troupe_link(self, w->who);
}

/* Has a hand link itself with an actor. */
static inline void link_by(party *p, troupe_ref hand, troupe_ref who) {
    watching w = {.who = who};
    act_as(p, hand, link_it, &w);
    cr_assert_eq(w.err, TROUPE_OK);
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

/* An ask that is never answered, and what ends it. */
struct asking {
    party *who;
    troupe_ref to;
    void (*act)(void *ctx);
    void *ctx;
    troupe_err err;
    uint64_t acted; /* when */
};

static inline void asking_wait(void *arg) {
    struct asking *a = arg;
    a->err = ask_by(a->who, a->to, ORDER_KEEP, NULL);
}

static inline bool asking_waits(void *arg) {
    struct asking *a = arg;
    tr_lock(&a->who->rt->asks.lock);
    size_t asks = a->who->rt->asks.by_id.count;
    tr_unlock(&a->who->rt->asks.lock);
    return asks > 0;
}

static inline void asking_act(void *arg) {
    struct asking *a = arg;
    for (int i = 0; i < 3; i++) { /* then it is on its way, and there */
        uint64_t n = 0;
        cr_assert_eq(ask_by(a->who, a->to, ORDER_ANSWER, &n), TROUPE_OK);
    }
    a->acted = scene_clock();
    a->act(a->ctx);
}

/* Asks, and does that meanwhile: the ask must end so, and soon rather than at its deadline. */
static inline void ask_until(party *p, troupe_ref to, void (*act)(void *ctx), void *ctx,
                             troupe_err why) {
    struct asking a = {.who = p, .to = to, .act = act, .ctx = ctx};
    beside b = {.wait = asking_wait, .waits = asking_waits, .act = asking_act, .ctx = &a};
    scene_beside(&b);
    cr_assert_eq(a.err, why, "%s", troupe_errname(a.err));
    cr_assert_lt(scene_clock() - a.acted, PATIENCE_MS / 2 * TR_MS);
}

/* Finds an actor of another node by name. */
static inline troupe_ref found(party *p, const char *peer, const char *name) {
    troupe_ref who;
    cr_assert_eq(troupe_lookup(p->node, peer, name, PATIENCE_MS, &who), TROUPE_OK);
    return who;
}

#endif
