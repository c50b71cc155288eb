/* Pools of each kind, to which threads and actors send while members fail, are started again, and
 * pools grow and shrink: each piece of work is done once, or came back, or is a dead letter, and
 * those who ask hear one of these; no pool takes more than its limit; the account balances, and
 * closing gives every byte back. */
#include <string.h>
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { KINDS = 5, THREADS = 2, ACTORS = 2, LIMIT = 24, KEYS = 7 };

static uint64_t works;

struct work {
    uint64_t number, kind; /* of the pool */
    uint64_t fails;        /* so many times, before it is done */
};
struct done {
    uint64_t number;
};
static const troupe_type work_type = TROUPE_TYPE(work, TROUPE_FIELD(work, number),
                                                 TROUPE_FIELD(work, kind),
                                                 TROUPE_FIELD(work, fails));
static const troupe_type done_type = TROUPE_TYPE(done, TROUPE_FIELD(done, number));
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

static troupe *rt;
static troupe_pool *pool[KINDS];
static const char *const names[KINDS] = {"next", "least", "key", "two", "all"};

/* What became of each piece of work, by its number. */
static tr_atomic32 *done, *dead, *tries;
static tr_atomic64 sent[KINDS], full[KINDS], lost, at_work, next_number;
static tr_atomic64 asked, answered, failed;

/* --- Members ---------------------------------------------------------------------------------- */

static troupe_err work_on(troupe_self *self, void *state, troupe_msg **msg) {
    const struct work *work = troupe_as(*msg, &work_type);
    (void)state;
    MUST(work && work->number < works);
    if (work->kind == TROUPE_PICK_ALL) {
        (void)tr_add64_relaxed(&at_work, 1);
        return TROUPE_OK;
    }
    if (work->fails && tr_add32_seq(&tries[work->number], 1) < work->fails) return TROUPE_USER;
    MUST(tr_add32_seq(&done[work->number], 1) == 0);
    if (troupe_same(troupe_sender(self), TROUPE_NOBODY)) return TROUPE_OK;
    return troupe_answer(self, &done_type, &(struct done){work->number});
}

static const troupe_behaviour member = {
    .name = "member", .state_size = 8, .mailbox_limit = 4, .receive = work_on};

static uint64_t key_of(const troupe_msg *msg) {
    const struct work *work = troupe_as(msg, &work_type);
    return work ? work->number % KEYS : 0;
}

static void bury(void *ctx, const struct troupe_dead_letter *letter, troupe_msg **msg) {
    const struct work *work = troupe_as(*msg, &work_type);
    (void)ctx, (void)letter;
    if (!work) return;
    if (work->kind == TROUPE_PICK_ALL)
        (void)tr_add64_relaxed(&lost, 1);
    else
        MUST(tr_add32_seq(&dead[work->number], 1) == 0);
}

/* --- Who sends -------------------------------------------------------------------------------- */

static troupe_msg *make_work(uint64_t *seed, uint64_t *number, uint64_t *kind) {
    troupe_msg *msg = NULL;
    const uint64_t random = stress_random(seed);
    *number = tr_add64_relaxed(&next_number, 1);
    if (*number >= works) return NULL;
    *kind = random % KINDS;
    /* Tried three times: one in 32 fails once, as many always. */
    const uint64_t fails = (random >> 8) % 32;
    const struct work work = {*number, *kind, fails == 0 ? 1 : fails == 1 ? 9 : 0};
    MUST(troupe_make(rt, &work_type, &work, &msg) == TROUPE_OK);
    return msg;
}

/* What became of the send: it is in, or is back with who sent it. */
static void note(troupe_err err, uint64_t kind, troupe_msg **msg) {
    MUST(err == TROUPE_OK || err == TROUPE_FULL); /* there is always a member */
    MUST((*msg == NULL) == (err == TROUPE_OK));
    if (!err) (void)tr_add64_relaxed(&sent[kind], 1);
    if (err == TROUPE_FULL) (void)tr_add64_relaxed(&full[kind], 1);
    troupe_drop(msg);
}

static void send_by_thread(uint64_t *seed) {
    uint64_t number, kind;
    troupe_msg *msg = make_work(seed, &number, &kind);
    if (!msg) return;
    if (kind == TROUPE_PICK_ALL || stress_random(seed) % 8) {
        note(troupe_pool_post(pool[kind], &msg), kind, &msg);
        return;
    }
    troupe_err err = troupe_pool_ask(pool[kind], &msg, STRESS_PATIENCE_MS);
    MUST(err == TROUPE_OK || err == TROUPE_FULL || err == TROUPE_FAILED);
    const struct done *it = troupe_as(msg, &done_type);
    MUST((err == TROUPE_OK) == (it != NULL));
    if (it) MUST(it->number == number && tr_load32_seq(&done[number]) == 1);
    if (err == TROUPE_FAILED) MUST(tr_load32_seq(&done[number]) == 0);
    if (!err || err == TROUPE_FAILED) (void)tr_add64_relaxed(&sent[kind], 1);
    if (err == TROUPE_FULL) (void)tr_add64_relaxed(&full[kind], 1);
    troupe_drop(&msg);
}

static void *run_thread(void *arg) {
    uint64_t seed = (uint64_t)(uintptr_t)arg;
    while (tr_load64_relaxed(&next_number) < works) send_by_thread(&seed);
    return NULL;
}

static void request_one(troupe_self *self, uint64_t *seed) {
    uint64_t number, kind;
    troupe_msg *msg = make_work(seed, &number, &kind);
    if (!msg) return;
    if (kind == TROUPE_PICK_ALL || stress_random(seed) % 2) {
        note(troupe_pool_send(self, pool[kind], &msg), kind, &msg);
        return;
    }
    troupe_err err = troupe_pool_request(self, pool[kind], &msg, STRESS_PATIENCE_MS, number + 1);
    if (!err) (void)tr_add64_relaxed(&asked, 1);
    note(err, kind, &msg);
}

static troupe_err run_actor(troupe_self *self, void *state, troupe_msg **msg) {
    uint64_t *seed = state, tag;
    if (!*seed) *seed = troupe_me(self).id;
    if (troupe_answered(self, &tag)) {
        const struct done *it = troupe_as(*msg, &done_type);
        const struct troupe_unanswered *none = troupe_as(*msg, &troupe_unanswered_type);
        MUST(it || (none && none->why == TROUPE_FAILED));
        if (it) MUST(it->number == tag - 1);
        (void)tr_add64_relaxed(it ? &answered : &failed, 1);
        return TROUPE_OK;
    }
    if (!troupe_as(*msg, &go_type)) return TROUPE_OK; /* an answer to what was just sent */
    for (int i = 0; i < 4; i++) request_one(self, seed);
    if (tr_load64_relaxed(&next_number) >= works) return TROUPE_OK;
    return troupe_send(self, troupe_me(self), msg);
}

/* --- A round ---------------------------------------------------------------------------------- */

static void open_pools(void) {
    for (unsigned i = 0; i < KINDS; i++) {
        const troupe_pool_plan plan = {.name = names[i],
                                       .member = {.what = &member, .poison_after = 3},
                                       .min = 2,
                                       .max = 6,
                                       .pick = (troupe_pick)i,
                                       .key = key_of,
                                       .limit = LIMIT,
                                       .grow_at = 2,
                                       .shrink_ms = 1};
        MUST(troupe_pool_open(rt, &plan, STRESS_PATIENCE_MS, &pool[i]) == TROUPE_OK);
    }
}

/* Changes their sizes as long as there is work, and looks whether they keep their limits. */
static void disturb(uint64_t seed) {
    while (tr_load64_relaxed(&next_number) < works) {
        const uint64_t random = stress_random(&seed);
        troupe_pool *it = pool[random % KINDS];
        troupe_pool_stats stats;
        MUST(troupe_pool_resize(it, 2 + (uint32_t)(random >> 8) % 5) == TROUPE_OK);
        troupe_pool_look(it, &stats);
        MUST(stats.members <= 6);
        /* A look is not one moment: what leaves one mailbox may be seen beside what comes next. */
        MUST(stats.working + stats.waiting <= LIMIT + 6 * 4);
        tr_thread_yield();
    }
}

/* Whether nothing is left to be done, and all who asked have heard. */
static bool is_over(void) {
    for (unsigned i = 0; i < KINDS; i++) {
        troupe_pool_stats stats;
        troupe_pool_look(pool[i], &stats);
        if (stats.working) return false;
    }
    return tr_load64_relaxed(&asked) ==
           tr_load64_relaxed(&answered) + tr_load64_relaxed(&failed);
}

static void judge(void) {
    troupe_account account;
    uint64_t all_sent = 0, once = 0;
    const uint64_t deadline = stress_deadline();
    while (!is_over()) {
        MUST(tr_clock() < deadline);
        tr_thread_yield();
    }
    do { /* askers may not have come to their end */
        MUST(tr_clock() < deadline);
        troupe_account_all(rt, &account);
    } while (troupe_account_missing(&account) != 0);
    for (uint64_t i = 0; i < works; i++) {
        MUST(tr_load32_seq(&done[i]) + tr_load32_seq(&dead[i]) <= 1);
        once += tr_load32_seq(&done[i]) + tr_load32_seq(&dead[i]);
    }
    for (unsigned i = 0; i < KINDS; i++) {
        troupe_pool_stats stats;
        troupe_pool_look(pool[i], &stats);
        MUST(stats.sent == tr_load64_relaxed(&sent[i]));
        MUST(stats.shed == tr_load64_relaxed(&full[i]));
        if (i != TROUPE_PICK_ALL) all_sent += stats.sent;
    }
    MUST(once == all_sent);
    MUST(tr_load64_relaxed(&lost) == 0);
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level;
    MUST(strncmp(line, "close:", 6) != 0);
}

int main(void) {
    const uint64_t begun = tr_clock();
    static stress_heap heap;
    tr_thread thread[THREADS];
    works = stress_count(400000, 20000);
    done = calloc(works, sizeof *done);
    dead = calloc(works, sizeof *dead);
    tries = calloc(works, sizeof *tries);
    MUST(done && dead && tries);
    stress_heap_init(&heap);
    const troupe_config config = {
        .workers = 2, .heap = heap.heap, .log = quiet, .dead_letter = bury};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    open_pools();
    static const troupe_behaviour asker = {.name = "asker",
                                           .state_size = sizeof(uint64_t),
                                           .mailbox_limit = TROUPE_MAILBOX_MAX,
                                           .receive = run_actor};
    for (int i = 0; i < ACTORS; i++) {
        troupe_ref who;
        troupe_msg *msg = NULL;
        MUST(troupe_spawn(rt, &asker, NULL, &who) == TROUPE_OK);
        MUST(troupe_make(rt, &go_type, NULL, &msg) == TROUPE_OK);
        MUST(troupe_post(rt, who, &msg) == TROUPE_OK);
    }
    for (uint64_t i = 0; i < THREADS; i++)
        MUST(tr_thread_start(&thread[i], "sender", run_thread, (void *)(uintptr_t)(i + 1)));
    disturb(7);
    for (int i = 0; i < THREADS; i++) tr_thread_join(&thread[i]);
    judge();
    uint64_t in = 0, back = 0, gone = 0;
    for (unsigned i = 0; i < KINDS; i++) in += tr_load64_relaxed(&sent[i]);
    for (unsigned i = 0; i < KINDS; i++) back += tr_load64_relaxed(&full[i]);
    for (uint64_t i = 0; i < works; i++) gone += tr_load32_seq(&dead[i]);
    troupe *closing = rt; /* actors use `rt` until they have ended */
    troupe_close(&closing);
    MUST(stress_heap_empty(&heap));
    printf("pools: %llu sent, %llu full, %llu dead, %llu answers, %llu failures told, %llu ms; "
           "all held\n",
           (unsigned long long)in, (unsigned long long)back, (unsigned long long)gone,
           (unsigned long long)tr_load64_relaxed(&answered),
           (unsigned long long)tr_load64_relaxed(&failed),
           (unsigned long long)((tr_clock() - begun) / TR_MS));
    free(done);
    free(dead);
    free(tries);
    return 0;
}
