/* Timers, topics and groups, while actors fail, are restarted, come and go: a timer that was
 * replaced or cancelled is never heard of, what a publisher publishes comes in its order and not
 * twice, a life hears of nothing that the one before it has set or subscribed to, asks of many are
 * settled, and closing gives every byte back. */
#include <string.h>
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { THREADS = 3, ACTORS = 4, TOPICS = 3, KEYS = 3 };

struct poke {
    uint64_t what; /* a random number: what to do */
};
struct due {
    uint64_t life, key, nth;
};
struct news {
    uint64_t publisher, nth;
};
static const troupe_type poke_type = TROUPE_TYPE(poke, TROUPE_FIELD(poke, what));
static const troupe_type due_type =
    TROUPE_TYPE(due, TROUPE_FIELD(due, life), TROUPE_FIELD(due, key), TROUPE_FIELD(due, nth));
static const troupe_type news_type =
    TROUPE_TYPE(news, TROUPE_FIELD(news, publisher), TROUPE_FIELD(news, nth));

static const char *const topics[TOPICS] = {"x", "y", "z"};
static const char *const ids[ACTORS] = {"a", "b", "c", "d"};
static troupe *rt;
static troupe_ref actor[ACTORS];
static tr_atomic64 lives, fired, heard, published, answered;

/* --- The actors ------------------------------------------------------------------------------- */

typedef struct talker {
    uint64_t life;
    uint64_t set[KEYS]; /* the number of the timer that is set; 0: none */
    uint64_t next;      /* number of a timer */
    bool every[KEYS];   /* it is periodic */
    bool subscribed[TOPICS];
    uint64_t seen[THREADS]; /* of each publisher, who has one topic: the latest */
} talker;

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)arg;
    ((talker *)state)->life = tr_add64_relaxed(&lives, 1) + 1;
    return troupe_join_group(rt, troupe_me(self), "all");
}

static void set_timer(troupe_self *self, talker *it, uint64_t random) {
    const uint64_t key = random % KEYS;
    const struct due due = {it->life, key, ++it->next};
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, &due_type, &due, &msg) == TROUPE_OK);
    it->every[key] = random >> 8 & 1;
    MUST(troupe_set_timer(self, key, random >> 10 & 1, it->every[key], &msg) == TROUPE_OK);
    it->set[key] = it->next;
}

static void end_timer(troupe_self *self, talker *it, uint64_t key) {
    MUST(troupe_end_timer(self, key) == (it->set[key] ? TROUPE_OK : TROUPE_NOTFOUND));
    it->set[key] = 0;
}

static void subscribe(troupe_self *self, talker *it, uint64_t random) {
    const uint64_t n = random % TOPICS;
    if (it->subscribed[n]) {
        MUST(troupe_unsubscribe(self, topics[n]) == TROUPE_OK);
        MUST(troupe_unsubscribe(self, topics[n]) == TROUPE_NOTFOUND);
    } else {
        troupe_lag lag = (troupe_lag)(random >> 8 & 3);
        MUST(troupe_subscribe(self, topics[n], lag, 1 + (random >> 10 & 3)) == TROUPE_OK);
    }
    it->subscribed[n] = !it->subscribed[n];
    it->seen[n] = 0; /* first comes the value, which is not the latest that was published */
}

static troupe_err on_poke(troupe_self *self, talker *it, uint64_t random, troupe_msg **msg) {
    const uint64_t more = random >> 16;
    switch (random % 16) {
    case 0:
        return more % 4 ? TROUPE_OK : troupe_fail(self, TROUPE_USER, "as told");
    case 1:
        end_timer(self, it, more % KEYS);
        return TROUPE_OK;
    case 2:
    case 3:
        subscribe(self, it, more);
        return TROUPE_OK;
    case 4:
        (void)troupe_leave_group(rt, troupe_me(self), "all");
        return troupe_join_group(rt, troupe_me(self), "all");
    case 5:
    case 6:
        return troupe_reply(self, msg);
    default:
        set_timer(self, it, more);
        return TROUPE_OK;
    }
}

static void on_news(const talker *it, const struct news *news, uint64_t *seen) {
    MUST(it->subscribed[news->publisher]);
    MUST(news->nth > *seen);
    *seen = news->nth;
    (void)tr_add64_relaxed(&heard, 1);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    talker *it = state;
    const struct poke *poke = troupe_as(*msg, &poke_type);
    const struct due *due = troupe_as(*msg, &due_type);
    const struct news *news = troupe_as(*msg, &news_type);
    if (poke) return on_poke(self, it, poke->what, msg);
    if (news) {
        on_news(it, news, &it->seen[news->publisher]);
        return TROUPE_OK;
    }
    MUST(due && due->life == it->life && due->nth == it->set[due->key]);
    if (!it->every[due->key]) it->set[due->key] = 0;
    (void)tr_add64_relaxed(&fired, 1);
    return TROUPE_OK;
}

static const troupe_behaviour behaviour = {
    .name = "talker", .state_size = sizeof(talker), .start = start, .receive = receive};

/* --- The threads ------------------------------------------------------------------------------ */

typedef struct talking {
    tr_thread thread;
    uint64_t seed, index, rounds;
} talking;

static troupe_msg *make(const troupe_type *type, const void *body) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, type, body, &msg) == TROUPE_OK);
    return msg;
}

/* Each publishes under a topic of its own, so a value is newer than what came before. */
static void publish(talking *me, uint64_t nth) {
    troupe_msg *msg = make(&news_type, &(struct news){me->index, nth});
    troupe_reach reach;
    MUST((nth % 2 ? troupe_publish : troupe_set_value)(rt, topics[me->index], &msg, &reach) ==
         TROUPE_OK);
    MUST(reach.reached <= reach.members && reach.members <= ACTORS);
    if (nth % 64 == 0) {
        MUST(troupe_value(rt, topics[me->index], &msg) == TROUPE_OK);
        MUST(((const struct news *)troupe_as(msg, &news_type))->nth == nth);
        troupe_drop(&msg);
        MUST(troupe_clear_value(rt, topics[me->index]) == TROUPE_OK);
    }
    (void)tr_add64_relaxed(&published, 1);
}

/* One of those who are asked answers, or all fail: what is random says. */
static void ask_some(talking *me, uint64_t random) {
    troupe_asked asked[ACTORS];
    troupe_msg *msg = make(&poke_type, &(struct poke){(random & ~UINT64_C(15)) | 5});
    for (int i = 0; i < ACTORS; i++) asked[i].to = actor[i];
    troupe_err err = troupe_ask_many(rt, asked, ACTORS, &msg, me->index, STRESS_PATIENCE_MS);
    MUST(err == TROUPE_OK || err == TROUPE_FAILED);
    for (int i = 0; i < ACTORS; i++) {
        MUST(!asked[i].answer == (asked[i].err != TROUPE_OK));
        if (asked[i].answer) (void)tr_add64_relaxed(&answered, 1);
        troupe_drop(&asked[i].answer);
    }
}

static void *talk(void *arg) {
    talking *me = arg;
    for (uint64_t i = 1; i <= me->rounds; i++) {
        uint64_t random = stress_random(&me->seed);
        troupe_msg *msg = make(&poke_type, &(struct poke){random});
        troupe_err err = random >> 60 == 0 ? troupe_post_group(rt, "all", &msg, NULL)
                         : random >> 63    ? troupe_post_least(rt, "all", &msg)
                         : random >> 62    ? troupe_post_keyed(rt, "all", random, &msg)
                                           : troupe_post_any(rt, "all", &msg);
        MUST(!err || err == TROUPE_FULL || err == TROUPE_NOTFOUND);
        if (err) sched_yield();
        troupe_drop(&msg);
        publish(me, i);
        if (i % 64 == 0) ask_some(me, random);
    }
    return NULL;
}

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    MUST(strncmp(line, "close:", 6) != 0);
}

int main(void) {
    uint64_t begun = tr_clock(), each = stress_count(100000, 10000);
    static stress_heap heap;
    static talking talkers[THREADS];
    troupe_child children[ACTORS];
    stress_heap_init(&heap);
    const troupe_config config = {.workers = 2, .heap = heap.heap, .log = log_line};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    for (int i = 0; i < ACTORS; i++)
        children[i] = (troupe_child){.id = ids[i], .name = ids[i], .what = &behaviour};
    const troupe_supervision what = {
        .child = children, .children = ACTORS, .max_restarts = TROUPE_UNLIMITED};
    troupe_ref top;
    MUST(troupe_supervise(rt, &what, STRESS_PATIENCE_MS, &top) == TROUPE_OK);
    for (int i = 0; i < ACTORS; i++) MUST(troupe_whereis(rt, ids[i], &actor[i]) == TROUPE_OK);
    for (uint64_t i = 0; i < THREADS; i++) {
        talkers[i] = (talking){.seed = i, .index = i, .rounds = each};
        MUST(tr_thread_start(&talkers[i].thread, "talker", talk, &talkers[i]));
    }
    for (int i = 0; i < THREADS; i++) tr_thread_join(&talkers[i].thread);
    troupe *closing = rt; /* actors use `rt` until they have ended */
    troupe_close(&closing);
    MUST(stress_heap_empty(&heap));
    printf(
        "talk: %llu lives, %llu timers fired, %llu published, %llu heard, %llu answers, %llu ms; "
        "all held\n",
        (unsigned long long)tr_load64_relaxed(&lives),
        (unsigned long long)tr_load64_relaxed(&fired),
        (unsigned long long)tr_load64_relaxed(&published),
        (unsigned long long)tr_load64_relaxed(&heard),
        (unsigned long long)tr_load64_relaxed(&answered),
        (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
