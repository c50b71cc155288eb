/* Two nodes for tests of how messages are delivered: an actor on the left sends to one on the
 * right, which may be held up. */
#ifndef TROUPE_TEST_DELIVERY_SCENE_H
#define TROUPE_TEST_DELIVERY_SCENE_H

#include <troupe/delivery.h>

#include "test/transport/node_hands.h"

enum { FOR_EVER = 3 * PATIENCE_MS };

static const troupe_delivery plain = {.urgent = false}, urgent = {.urgent = true};

/* The late ones of the right node, and who is to be their sender and receiver. */
static struct {
    tr_mutex lock;
    size_t late;
    troupe_ref from, to;
} letters;

static inline void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    const party *p = ctx;
    if (strcmp(p->name, "right") || letter->reason != TROUPE_DEAD_OVERDUE) return;
    cr_assert(troupe_same(letter->target, letters.to));
    if (!troupe_as(*msg, &count_type)) return; /* a question */
    cr_assert(troupe_same(letter->sender, letters.from));
    cr_assert_str_eq(letter->type, "count");
    tr_lock(&letters.lock);
    letters.late++;
    tr_unlock(&letters.lock);
}

struct load {
    uint64_t n;
    troupe_bytes bytes;
};
static const troupe_type load_type =
    TROUPE_TYPE(load, TROUPE_FIELD(load, n), TROUPE_FIELD(load, bytes));

enum { TOLD_MOST = 256 };

/* What the left one's actor was told of its promises, by their tags. */
static struct {
    size_t count, times[TOLD_MOST];
    troupe_err why[TOLD_MOST];
} told;

/* A hand that also writes down loads, and what becomes of promises. */
static inline troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct hand *hand = state;
    const struct load *load = troupe_as(*msg, &load_type);
    const struct troupe_delivered *news = troupe_as(*msg, &troupe_delivered_type);
    if (load) notes_write(hand->notes, (note){A_COUNT, 1, load->n, troupe_sender(self), 0});
    if (news) told.count++, told.times[news->tag]++, told.why[news->tag] = (troupe_err)news->why;
    return load || news ? TROUPE_OK : hand_receive(self, state, msg);
}

typedef struct world {
    party pair[2];
    notes *all, *own;
    troupe_ref from, to, other; /* on the left; on the right, and one that is always there */
} world;

/* The right one's actor has a mailbox of that size, and takes what is urgent, or does not. */
static inline world *world_open(bool tcp, uint32_t limit, bool takes_urgent) {
    static troupe_behaviour taker, giver;
    static world w;
    memset(&told, 0, sizeof told);
    tr_mutex_init(&letters.lock);
    letters.late = 0;
    scene_dead_letter = see;
    pair_open(w.pair, tcp);
    w.all = notes_open();
    w.own = notes_open();
    taker = (troupe_behaviour){.name = "taker",
                               .state_size = sizeof(struct hand),
                               .mailbox_limit = limit,
                               .takes_urgent = takes_urgent,
                               .start = hand_start,
                               .receive = receive};
    giver = taker;
    giver.mailbox_limit = 16;
    cr_assert_eq(troupe_spawn(w.pair[1].rt, &taker, &w.all, &w.to), TROUPE_OK);
    cr_assert_eq(troupe_spawn(w.pair[0].rt, &giver, &w.own, &w.from), TROUPE_OK);
    cr_assert_eq(troupe_register_type(w.pair[1].rt, &load_type), TROUPE_OK);
    w.all->writer[w.all->writers++] = w.to;
    w.other = hand_of(&w.pair[1], 16, w.own);
    letters.from = w.from;
    letters.to = w.to;
    return &w;
}

static inline void world_close(world *w) {
    pair_close(w->pair);
    notes_close(w->all);
    notes_close(w->own);
    tr_mutex_fini(&letters.lock);
    scene_dead_letter = NULL;
}

/* What the left one's actor sends to the right one's. */
typedef struct sending {
    world *w;
    uint64_t n;
    troupe_delivery how;
    size_t size; /* of a load; 0: it is a count */
    troupe_err err;
} sending;

static inline void send_it(troupe_self *self, void *ctx) {
    sending *s = ctx;
    troupe_msg *msg;
    troupe *rt = troupe_runtime(self);
    void *bytes = s->size ? calloc(1, s->size) : NULL;
    const struct load load = {s->n, {bytes, s->size}};
    s->how.tag = s->n;
    s->err = s->size ? troupe_make(rt, &load_type, &load, &msg)
                     : troupe_make(rt, &count_type, &(struct count){1, s->n}, &msg);
    free(bytes);
    if (s->err) return;
    s->err = troupe_send_with(self, s->w->to, &msg, &s->how);
    cr_assert_eq(msg == NULL, s->err == TROUPE_OK);
    troupe_drop(&msg);
}

static inline troupe_err try_to_send(world *w, uint64_t n, troupe_delivery how) {
    sending s = {.w = w, .n = n, .how = how};
    act_as(&w->pair[0], w->from, send_it, &s);
    return s.err;
}

static inline void put(world *w, uint64_t n, troupe_delivery how) {
    cr_assert_eq(try_to_send(w, n, how), TROUPE_OK);
}

static inline void put_large(world *w, uint64_t n, troupe_delivery how) {
    sending s = {.w = w, .n = n, .how = how, .size = 1 << 20};
    act_as(&w->pair[0], w->from, send_it, &s);
    cr_assert_eq(s.err, TROUPE_OK);
}

/* All that was sent has come. */
static inline void arrive(world *w) {
    uint64_t n = 0;
    cr_assert_eq(ask_by(&w->pair[0], w->other, ORDER_ANSWER, &n), TROUPE_OK);
}

/* Time passes, after all has come. */
static inline void pass(world *w, unsigned ms) {
    arrive(w);
    for (uint64_t until = tr_after_ms(scene_clock(), ms); scene_clock() < until;) {
        if (scene_sim)
            (void)tr_sim_advance(scene_sim, until);
        else
            tr_thread_yield();
    }
}

/* Where a number stands in what was handled. */
static inline size_t place_of(world *w, uint64_t n) {
    size_t i = 0;
    while (i < w->all->used && w->all->note[i].n != n) i++;
    cr_assert_lt(i, w->all->used, "%d was not handled", (int)n);
    return i;
}

/* These numbers were handled, in this order, and nothing else; all of that sender. */
static inline void expect(world *w, const uint64_t *n, size_t count) {
    notes_await(w->all, count);
    arrive(w);
    cr_assert_eq(notes_count(w->all), count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(w->all->note[i].n, n[i], "%d, and not %d, as %d", (int)w->all->note[i].n,
                     (int)n[i], (int)i);
        cr_assert(troupe_same(w->all->note[i].who, w->from));
    }
}

#define EXPECT(w, ...)                                                                             \
    expect(w, (const uint64_t[]){__VA_ARGS__},                                                     \
           sizeof(const uint64_t[]){__VA_ARGS__} / sizeof(uint64_t))

/* The books of both nodes, once nothing is on its way. */
static inline void balance(world *w, uint64_t sent, uint64_t late) {
    troupe_account left, right;
    SCENE_AWAIT((troupe_account_all(w->pair[0].rt, &left), troupe_account_missing(&left) == 0));
    SCENE_AWAIT((troupe_account_all(w->pair[1].rt, &right), troupe_account_missing(&right) == 0));
    cr_assert_geq(left.forwarded, sent);
    cr_assert_eq(left.dead[TROUPE_DEAD_OVERDUE] + right.dead[TROUPE_DEAD_OVERDUE], late);
    cr_assert_eq(letters.late, right.dead[TROUPE_DEAD_OVERDUE]);
    cr_assert_eq(right.queued, 0u);
}

#endif
