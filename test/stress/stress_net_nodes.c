/* Nodes under load: actors on both sides send to each other as fast as credit lets them, watch each
 * other, and meanwhile nodes come and go, close, or have their connection cut. Order, loss and
 * duplicates are checked by numbers: whoever hears that a sender ended has heard all that it sent.
 * Every monitor has one `down`, and no byte is left. */
#include <string.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "test/stress/stress.h"
#include "transport/node.h"

enum { ACTORS = 3, SIDES = 2 };

/* What happens in a round. */
enum { TO_THE_END, LEFT_CLOSES, RIGHT_CLOSES, BOTH_CLOSE, GUESTS, CUTS, KINDS };

/* --- What the actors share -------------------------------------------------------------------- */

/* From one sender to one receiver of the other side. */
typedef struct flow {
    tr_atomic64 sent; /* accepted so far */
    uint64_t next;    /* the rest is the receiver's: the number that must come next */
    uint64_t monitor; /* 0: not watched */
} flow;

typedef struct side {
    stress_heap heap;
    troupe *rt;
    troupe_node *node;
    troupe_ref receiver[ACTORS];
    flow in[ACTORS][ACTORS]; /* by receiver, by sender of the other side */
    tr_atomic64 got, watched, downs, full;
} side;

static side sides[SIDES];
static uint64_t each;       /* messages from a sender to a receiver, at most */
static bool gaps;           /* connections are cut: messages may be lost, but not turned round */
static char folder[] = "/tmp/troupe-nodes-XXXXXX";
static uint64_t total_got, total_downs, total_full;

struct beat {
    uint64_t sender, n;
};
static const troupe_type beat_type =
    TROUPE_TYPE(beat, TROUPE_FIELD(beat, sender), TROUPE_FIELD(beat, n));
static const troupe_type again_type = TROUPE_SIGNAL_TYPE("again");
static const troupe_type hello_type = TROUPE_SIGNAL_TYPE("hello");

/* An actor's place. */
typedef struct place {
    side *mine, *other;
    uint64_t index;
} place;

/* --- Receivers -------------------------------------------------------------------------------- */

static troupe_err hear_beat(troupe_self *self, const place *at, const struct beat *beat) {
    MUST(beat->sender < ACTORS);
    flow *f = &at->mine->in[at->index][beat->sender];
    MUST(gaps ? beat->n >= f->next : beat->n == f->next);
    f->next = beat->n + 1;
    (void)tr_add64_relaxed(&at->mine->got, 1);
    if (f->monitor) return TROUPE_OK;
    (void)tr_add64_relaxed(&at->mine->watched, 1);
    return troupe_monitor(self, troupe_sender(self), &f->monitor);
}

static troupe_err hear_down(const place *at, const struct troupe_down *down) {
    uint64_t i = 0;
    while (i < ACTORS && at->mine->in[at->index][i].monitor != down->monitor) i++;
    MUST(i < ACTORS); /* exactly one for each */
    flow *f = &at->mine->in[at->index][i];
    f->monitor = 0;
    if (down->why != TROUPE_NOCONNECTION && !gaps)
        MUST(f->next == tr_load64_acquire(&f->sent));
    (void)tr_add64_relaxed(&at->mine->downs, 1);
    return TROUPE_OK;
}

static troupe_err receiver_start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(place *)state = *(const place *)arg;
    return TROUPE_OK;
}

static troupe_err receiver_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct beat *beat = troupe_as(*msg, &beat_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (beat) return hear_beat(self, state, beat);
    if (down) return hear_down(state, down);
    return troupe_answer(self, &hello_type, NULL);
}

static const troupe_behaviour receivers[ACTORS] = {
    {.name = "tiny", .state_size = sizeof(place), .mailbox_limit = 1, .start = receiver_start,
     .receive = receiver_receive},
    {.name = "small", .state_size = sizeof(place), .mailbox_limit = 16, .start = receiver_start,
     .receive = receiver_receive},
    {.name = "large", .state_size = sizeof(place), .mailbox_limit = 400, .start = receiver_start,
     .receive = receiver_receive},
};

/* --- Senders ---------------------------------------------------------------------------------- */

typedef struct sending {
    place at;
    troupe_ref to[ACTORS];
    uint64_t next[ACTORS];
} sending;

static troupe_err sender_start(troupe_self *self, void *state, const void *arg) {
    sending *s = state;
    *s = *(const sending *)arg;
    troupe_msg *msg;
    troupe_err err = troupe_make(s->at.mine->rt, &again_type, NULL, &msg);
    return err ? err : troupe_send_after(self, 0, troupe_me(self), &msg, NULL);
}

/* Messages from a sender to that receiver: few to the tiny one, which takes one in a while. */
static uint64_t due(uint64_t receiver) {
    return receiver ? each : each / 50;
}

/* One message to one receiver. False: not now. */
static bool send_one(troupe_self *self, sending *s, uint64_t i) {
    flow *f = &s->at.other->in[i][s->at.index];
    const struct beat beat = {s->at.index, s->next[i]};
    /* counted before: it may be heard of at once */
    tr_store64_release(&f->sent, s->next[i] + 1);
    troupe_err err = troupe_tell(self, s->to[i], &beat_type, &beat);
    if (!err) return ++s->next[i] > 0;
    tr_store64_release(&f->sent, s->next[i]);
    MUST(err == TROUPE_FULL || err == TROUPE_NOCONNECTION || err == TROUPE_GONE);
    if (err == TROUPE_FULL) (void)tr_add64_relaxed(&s->at.mine->full, 1);
    return false;
}

static troupe_err sender_receive(troupe_self *self, void *state, troupe_msg **msg) {
    sending *s = state;
    bool all = true;
    for (uint64_t i = 0; i < ACTORS; i++) {
        for (int burst = 0; burst < 50 && s->next[i] < due(i) && send_one(self, s, i); burst++) {
        }
        all = all && s->next[i] >= due(i);
    }
    if (!all) return troupe_send_after(self, 1, troupe_me(self), msg, NULL);
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static const troupe_behaviour sender = {.name = "sender", .state_size = sizeof(sending),
                                        .start = sender_start, .receive = sender_receive};

/* --- A round ---------------------------------------------------------------------------------- */

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

static void open_node(stress_heap *heap, const char *name, troupe **rt, troupe_node **node) {
    static const char secret[] = "the secret of the stress";
    stress_heap_init(heap);
    const troupe_config config = {.workers = 2, .log = quiet, .heap = heap->heap};
    const troupe_node_config as = {.name = name, .secret = secret, .secret_size = sizeof secret,
                                   .heartbeat_ms = 20, .lost_ms = 30000};
    MUST(troupe_open(&config, rt) == TROUPE_OK);
    MUST(troupe_node_open(*rt, &as, node) == TROUPE_OK);
    MUST(troupe_register_type(*rt, &beat_type) == TROUPE_OK);
    MUST(troupe_register_type(*rt, &hello_type) == TROUPE_OK);
}

static void open_side(int i) {
    side *s = &sides[i];
    memset(s, 0, sizeof *s);
    open_node(&s->heap, i ? "right" : "left", &s->rt, &s->node);
    for (uint64_t k = 0; k < ACTORS; k++) {
        const place at = {s, &sides[!i], k};
        MUST(troupe_spawn(s->rt, &receivers[k], &at, &s->receiver[k]) == TROUPE_OK);
        MUST(troupe_register(s->rt, s->receiver[k], receivers[k].name) == TROUPE_OK);
    }
}

static void begin_sending(int i) {
    side *s = &sides[i];
    sending what = {.at = {s, &sides[!i], 0}};
    for (uint64_t k = 0; k < ACTORS; k++)
        MUST(troupe_lookup(s->node, i ? "left" : "right", receivers[k].name, STRESS_PATIENCE_MS,
                           &what.to[k]) == TROUPE_OK);
    troupe_ref who;
    for (; what.at.index < ACTORS; what.at.index++)
        MUST(troupe_spawn(s->rt, &sender, &what, &who) == TROUPE_OK);
}

/* Waits until a count has come that far. It is looked at now and then: a lock and a wake at each of
 * millions of counts would order the very threads that shall race. */
static void await(tr_atomic64 *count, uint64_t least) {
    for (uint64_t until = stress_deadline(); tr_load64_relaxed(count) < least;) {
        MUST(tr_clock() < until);
        (void)sched_yield();
    }
}

static void *close_side(void *arg) {
    side *s = arg;
    troupe_close(&s->rt);
    MUST(stress_heap_empty(&s->heap));
    return NULL;
}

/* What is left of a side whose peer is gone: each of its monitors has its `down`. */
static void close_last(side *s) {
    /* one that is made at this moment is counted first, and has its end at once */
    for (uint64_t until = stress_deadline(); tr_load64_relaxed(&s->downs) <
                                             tr_load64_relaxed(&s->watched);) {
        MUST(tr_clock() < until);
        (void)sched_yield();
    }
    (void)close_side(s);
}

/* Guests that come, ask, and go, under one name. */
static void guests(const char *url, uint64_t times) {
    while (times--) {
        stress_heap heap;
        troupe *rt;
        troupe_node *node;
        troupe_ref who;
        troupe_msg *msg;
        open_node(&heap, "guest", &rt, &node);
        MUST(troupe_connect(node, url, STRESS_PATIENCE_MS) == TROUPE_OK);
        MUST(troupe_lookup(node, "right", "large", STRESS_PATIENCE_MS, &who) == TROUPE_OK);
        MUST(troupe_make(rt, &hello_type, NULL, &msg) == TROUPE_OK);
        troupe_err err = troupe_ask(rt, who, &msg, STRESS_PATIENCE_MS);
        MUST(err == TROUPE_OK || err == TROUPE_FULL);
        troupe_drop(&msg);
        troupe_close(&rt);
        MUST(stress_heap_empty(&heap));
    }
}

/* It is connected still, or REFUSED, as long as one of the two does not know of the end. */
static void connect_anew(const char *url, const tr_peer_link *old) {
    uint64_t until = stress_deadline();
    for (;;) {
        troupe_err err = troupe_connect(sides[0].node, url, STRESS_PATIENCE_MS);
        tr_peer_link *now = tr_node_link(sides[0].node, tr_port_node(sides[1].rt));
        bool anew = now && now != old;
        if (now) tr_node_unref(now);
        if (!err && anew) return;
        MUST(!err || err == TROUPE_REFUSED);
        MUST(tr_clock() < until);
        tr_thread_yield();
    }
}

/* Cuts the connection and makes it again, from the first moment at which that is possible. */
static void cuts(const char *url, uint64_t times) {
    for (uint64_t got = 0; times--; await(&sides[0].got, got += 20)) {
        tr_peer_link *link = tr_node_link(sides[0].node, tr_port_node(sides[1].rt));
        MUST(link);
        tr_link_cut(link);
        connect_anew(url, link);
        tr_node_unref(link);
        got = tr_load64_relaxed(&sides[0].got);
    }
}

/* Lets the round end as its kind says. */
static void end_round(unsigned kind, const char *url, uint64_t *seed) {
    tr_thread thread;
    side *left = &sides[0], *right = &sides[1];
    uint64_t least = stress_random(seed) % stress_count(20000, 2000);
    if (kind == GUESTS) guests(url, stress_count(15, 4));
    if (kind == CUTS) cuts(url, stress_count(30, 10));
    if (kind == TO_THE_END || kind == GUESTS) {
        uint64_t all = ACTORS * (due(0) + due(1) + due(2));
        await(&left->got, all);
        await(&right->got, all);
    } else if (kind != CUTS) {
        await(&left->got, least);
    }
    if (kind == BOTH_CLOSE) {
        MUST(tr_thread_start(&thread, "closes", close_side, left));
        (void)close_side(right);
        tr_thread_join(&thread);
        return;
    }
    side *first = kind == RIGHT_CLOSES ? right : left;
    (void)close_side(first);
    close_last(first == left ? right : left);
}

static void play_round(uint64_t n, uint64_t *seed) {
    unsigned kind = (unsigned)(n % KINDS);
    char url[128];
    snprintf(url, sizeof url, "ipc://%s/%u", folder, (unsigned)n);
    gaps = kind == CUTS;
    each = kind == TO_THE_END || kind == GUESTS ? stress_count(3000, 400) : 1000000;
    open_side(0);
    open_side(1);
    MUST(troupe_listen(sides[1].node, url, NULL, 0) == TROUPE_OK);
    MUST(troupe_connect(sides[0].node, url, STRESS_PATIENCE_MS) == TROUPE_OK);
    begin_sending(0);
    begin_sending(1);
    end_round(kind, url, seed);
    for (int i = 0; i < SIDES; i++) {
        total_got += tr_load64_relaxed(&sides[i].got);
        total_downs += tr_load64_relaxed(&sides[i].downs);
        total_full += tr_load64_relaxed(&sides[i].full);
    }
}

int main(void) {
    uint64_t seed = 20, rounds = stress_count(60, 120), then = tr_clock();
    MUST(mkdtemp(folder));
    for (uint64_t n = 0; n < rounds; n++) play_round(n, &seed);
    MUST(rmdir(folder) == 0); /* no socket's file is left */
    printf("net_nodes: %llu rounds, %llu messages, %llu downs, %llu times full, %llu ms\n",
           (unsigned long long)rounds, (unsigned long long)total_got,
           (unsigned long long)total_downs, (unsigned long long)total_full,
           (unsigned long long)((tr_clock() - then) / TR_MS));
    return 0;
}
