/* Actors with a thread of their own, and plain threads, ask each other in random graphs, with tiny
 * mailboxes: one, several at once, by way of others, and posts that wait for room. Circles come up
 * all the time. Each ask has one end, and none comes to its deadline but those that are meant to;
 * the answer is the one to that very question. In a first part each waits for one, and for long:
 * then a deadlock that is told is one, by what the actors themselves say they wait for at that
 * moment, and ends exactly one wait, the one it says. In a second part there is all the rest. */
#include <string.h>
#include <troupe/ask.h>
#include <troupe/gather.h>
#include <troupe/observe.h>
#include <troupe/report.h>
#include <troupe/room.h>
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { THREADS = 4, ACTORS = 6, SHORT_MS = 3 };

/* What to do with a question before it is answered: a number of the deeper ones. */
struct question {
    uint64_t number;
    uint32_t deep; /* how many may be asked for it, one by the other */
};
static const troupe_type question_type =
    TROUPE_TYPE(question, TROUPE_FIELD(question, number), TROUPE_FIELD(question, deep));

/* To be answered for another one. */
struct favour {
    troupe_ref to;
    uint64_t number;
};
static const troupe_type favour_type =
    TROUPE_TYPE(favour, TROUPE_FIELD(favour, to), TROUPE_FIELD(favour, number));

/* Nothing is to be done. */
struct drop {
    uint32_t n;
};
static const troupe_type drop_type = TROUPE_TYPE(drop, TROUPE_FIELD(drop, n));

/* What an actor says of itself, for who is told of a deadlock: whom it waits for, or NOBODY; in one
 * word with the number of its question. */
enum { NOBODY = 100, NUMBER = 8 };

static troupe *rt;
static troupe_ref actor[ACTORS];
static tr_atomic64 says[ACTORS];
static tr_atomic32 doomed[ACTORS]; /* its wait is to be broken */
static bool simple; /* the first part */
static tr_atomic64 asks, answers, refused, broken, late, posted, dropped, circles, given;

typedef struct state {
    uint32_t index;
    uint64_t seed, number;
} state;

/* --- Deadlocks as they are told --------------------------------------------------------------- */

/* By the actors' own account each of those named waits for the next. */
static void check_circle(const char *text) {
    for (const char *at = text; at; at = strstr(at, "; ")) {
        char who, whom;
        if (*at == ';') at += 2;
        MUST(sscanf(at, "%c waits for %c: ", &who, &whom) == 2);
        MUST((uint8_t)tr_load64_acquire(&says[who - 'a']) == whom - 'a');
    }
}

static void told(void *ctx, const troupe_report *report) {
    (void)ctx;
    if (report->kind != TROUPE_REPORT_DEADLOCK) return;
    tr_add64_relaxed(&circles, 1);
    if (!simple) return;
    check_circle(report->text);
    /* It is asleep, and goes on only after this. */
    MUST(tr_add32_seq(&doomed[report->path[0] - 'a'], 1) == 0);
}

/* A wait of an actor is over. */
static void went(uint32_t me, troupe_err err) {
    tr_store64_seq(&says[me], NOBODY);
    const uint32_t condemned = tr_load32_seq(&doomed[me]);
    tr_store32_relaxed(&doomed[me], 0);
    if (simple) MUST(!condemned == (err != TROUPE_DEADLOCK));
    if (err == TROUPE_DEADLOCK) tr_add64_relaxed(&broken, 1);
}

/* --- Asking ----------------------------------------------------------------------------------- */

/* Whether the answer is the one to that question. */
static void check(const troupe_msg *answer, uint64_t number) {
    const struct question *it = troupe_as(answer, &question_type);
    MUST(it && it->number == number);
    tr_add64_relaxed(&answers, 1);
}

static troupe_msg *question(uint64_t number, uint32_t deep) {
    troupe_msg *msg = NULL;
    const struct question body = {number, deep};
    MUST(troupe_make(rt, &question_type, &body, &msg) == TROUPE_OK);
    return msg;
}

static void count(troupe_err err, bool brief) {
    if (err == TROUPE_FULL) tr_add64_relaxed(&refused, 1);
    if (err == TROUPE_TIMEOUT) MUST(brief);
    if (err == TROUPE_TIMEOUT) tr_add64_relaxed(&late, 1);
    MUST(!err || err == TROUPE_FULL || err == TROUPE_TIMEOUT || err == TROUPE_DEADLOCK);
}

static troupe_err ask(uint32_t to, uint64_t number, uint32_t deep, bool brief) {
    troupe_msg *msg = question(number, deep);
    tr_add64_relaxed(&asks, 1);
    troupe_err err = troupe_ask(rt, actor[to], &msg, brief ? SHORT_MS : STRESS_PATIENCE_MS);
    if (!err) check(msg, number);
    troupe_drop(&msg);
    count(err, brief);
    return err;
}

static troupe_err ask_two(uint64_t *seed, uint64_t number, uint32_t deep) {
    troupe_asked asked[2];
    troupe_msg *msg = question(number, deep);
    const size_t want = stress_random(seed) % 3;
    for (int i = 0; i < 2; i++)
        asked[i] = (troupe_asked){.to = actor[stress_random(seed) % ACTORS]};
    troupe_err err = troupe_ask_many(rt, asked, 2, &msg, want, STRESS_PATIENCE_MS);
    size_t n = 0;
    for (int i = 0; i < 2; i++) {
        if (asked[i].err != TROUPE_LATER) count(asked[i].err, false);
        n += !asked[i].err;
        if (!asked[i].err) check(asked[i].answer, number);
        troupe_drop(&asked[i].answer);
    }
    MUST(err == TROUPE_OK || err == TROUPE_FAILED || err == TROUPE_DEADLOCK);
    if (!err) MUST(n >= want);
    troupe_drop(&msg);
    return err;
}

static troupe_err post(uint32_t to) {
    troupe_msg *msg = NULL;
    const struct drop body = {1};
    MUST(troupe_make(rt, &drop_type, &body, &msg) == TROUPE_OK);
    troupe_err err = troupe_post_wait(rt, actor[to], &msg, STRESS_PATIENCE_MS);
    if (!err) tr_add64_relaxed(&posted, 1);
    MUST(!err == !msg);
    MUST(!err || err == TROUPE_DEADLOCK);
    troupe_drop(&msg);
    return err;
}

/* Waits for somebody, or some, in one of the ways that there are. */
static void wait_once(state *me, uint32_t deep) {
    const uint64_t least = simple ? 3 : 0; /* no wait for several, or for a short time */
    const uint64_t dice = least + stress_random(&me->seed) % (16 - least);
    const uint32_t to = (uint32_t)(stress_random(&me->seed) % ACTORS);
    const bool brief = dice == 0;
    const bool many = dice == 1 || dice == 2;
    const uint64_t number = ++me->number << 8 | me->index;
    troupe_err err;
    tr_store64_seq(&says[me->index], number << NUMBER | to);
    if (many)
        err = ask_two(&me->seed, number, deep);
    else if (dice < 6 && !brief)
        err = post(to);
    else
        err = ask(to, number, deep, brief);
    went(me->index, err);
}

/* --- Answering -------------------------------------------------------------------------------- */

/* Has another one answer. Only where one has asked for a short time: a question that is kept is no
 * edge, so nobody finds a circle that goes through it. */
static bool ask_favour(troupe_self *self, state *me, uint64_t number) {
    const troupe_ref to = actor[stress_random(&me->seed) % ACTORS];
    const struct favour body = {troupe_sender(self), number};
    return troupe_tell(self, to, &favour_type, &body) == TROUPE_OK;
}

/* Has another one answer in its place. Who has asked waits for that one then, which it can't know,
 * so it is said here, unless it waits for this question no more; until that is on its way it waits
 * for this one, which does not. */
static bool pass_on(troupe_self *self, const state *me, troupe_msg **msg) {
    const uint64_t number = ((const struct question *)troupe_as(*msg, &question_type))->number;
    const uint32_t next = (me->index + 1) % ACTORS, asker = number & 0xff;
    uint64_t before = number << NUMBER | me->index, after = number << NUMBER | next;
    const bool said = asker < ACTORS && tr_cas64_seq(&says[asker], &before, after);
    if (!troupe_forward(self, actor[next], msg)) return true;
    if (said) (void)tr_cas64_seq(&says[asker], &after, before);
    return false;
}

static troupe_err receive(troupe_self *self, void *memory, troupe_msg **msg) {
    state *me = memory;
    const struct favour *favour = troupe_as(*msg, &favour_type);
    const struct question *it = troupe_as(*msg, &question_type);
    if (troupe_as(*msg, &drop_type)) tr_add64_relaxed(&dropped, 1);
    if (favour) {
        const struct question body = {favour->number, 0};
        troupe_err err = troupe_tell(self, favour->to, &question_type, &body);
        MUST(err == TROUPE_OK || err == TROUPE_GONE); /* GONE: it has waited long enough */
        tr_add64_relaxed(&given, 1);
    }
    if (!it) return TROUPE_OK;
    if (it->deep == 1000 && ask_favour(self, me, it->number)) return TROUPE_OK;
    if (it->deep && it->deep != 1000) {
        wait_once(me, it->deep - 1);
        if (stress_random(&me->seed) % 8 == 0 && pass_on(self, me, msg)) return TROUPE_OK;
    }
    return troupe_reply(self, msg);
}

static troupe_err start(troupe_self *self, void *memory, const void *arg) {
    (void)self;
    state *me = memory;
    me->index = *(const uint32_t *)arg;
    me->seed = 1000 + me->index;
    return TROUPE_OK;
}

/* --- Threads ---------------------------------------------------------------------------------- */

typedef struct asker {
    tr_thread thread;
    uint64_t seed, index, rounds;
} asker;

static void *run_asker(void *arg) {
    asker *me = arg;
    for (uint64_t i = 0; i < me->rounds; i++) {
        const uint64_t number = i << 8 | (0x80 + me->index), dice = stress_random(&me->seed) % 16;
        const uint32_t to = (uint32_t)(stress_random(&me->seed) % ACTORS);
        troupe_err err = TROUPE_OK;
        if (dice == 0)
            err = ask(to, number, 1000, true);
        else if (dice == 1)
            err = post(to);
        else if (dice == 2)
            err = ask_two(&me->seed, number, 2);
        else
            err = ask(to, number, 3, false);
        MUST(err != TROUPE_DEADLOCK); /* nobody waits for a plain thread */
        if (err == TROUPE_FULL) sched_yield();
    }
    return NULL;
}

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level;
    MUST(strncmp(line, "close:", 6) != 0);
}

/* Waits until nobody waits, and nothing is queued. */
static void await_quiet(void) {
    troupe_account account;
    const uint64_t deadline = stress_deadline();
    do {
        MUST(tr_clock() < deadline);
        sched_yield();
        troupe_account_all(rt, &account);
    } while (troupe_waits(rt, NULL, 0) || account.queued || troupe_account_missing(&account));
}

static void enter(uint32_t i) {
    static troupe_behaviour what[ACTORS];
    const char name[] = {(char)('a' + i), '\0'};
    what[i] = (troupe_behaviour){.name = "waits",
                                 .state_size = sizeof(state),
                                 .mailbox_limit = 1 + i % 3,
                                 .blocking = true,
                                 .start = start,
                                 .receive = receive};
    tr_store64_relaxed(&says[i], NOBODY);
    MUST(troupe_spawn(rt, &what[i], &i, &actor[i]) == TROUPE_OK);
    MUST(troupe_register(rt, actor[i], name) == TROUPE_OK);
}

/* One of the two parts: returns how many circles were told in it. */
static uint64_t play(bool is_simple, uint64_t rounds) {
    static asker askers[THREADS];
    const uint64_t before = tr_load64_relaxed(&circles), ended = tr_load64_relaxed(&broken);
    simple = is_simple;
    for (uint64_t i = 0; i < THREADS; i++) {
        askers[i] = (asker){.seed = i, .index = i, .rounds = rounds};
        MUST(tr_thread_start(&askers[i].thread, "asker", run_asker, &askers[i]));
    }
    for (int i = 0; i < THREADS; i++) tr_thread_join(&askers[i].thread);
    await_quiet();
    for (int i = 0; i < ACTORS; i++) MUST(!tr_load32_relaxed(&doomed[i]));
    MUST(tr_load64_relaxed(&posted) == tr_load64_relaxed(&dropped));
    const uint64_t n = tr_load64_relaxed(&circles) - before;
    const uint64_t freed = tr_load64_relaxed(&broken) - ended;
    MUST(n && (simple ? freed == n : freed && freed <= n));
    return n;
}

int main(void) {
    const uint64_t begun = tr_clock(), rounds = stress_count(10000, 4000);
    static stress_heap heap;
    stress_heap_init(&heap);
    const troupe_config config = {.workers = 2,
                                  .heap = heap.heap,
                                  .log = log_line,
                                  .report = told,
                                  .fold_ms = TROUPE_FOLD_NOTHING,
                                  .break_deadlocks = true};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    for (uint32_t i = 0; i < ACTORS; i++) enter(i);
    const unsigned long long first = play(true, rounds), then = play(false, rounds);
    troupe_close(&rt);
    MUST(stress_heap_empty(&heap));
    printf("waits: %llu asked, %llu answered, %llu full, %llu late as they should, %llu by "
           "another; %llu posted; %llu circles, checked by the actors' own account, and %llu more; "
           "%llu waits broken; %llu ms; all held\n",
           (unsigned long long)tr_load64_relaxed(&asks),
           (unsigned long long)tr_load64_relaxed(&answers),
           (unsigned long long)tr_load64_relaxed(&refused),
           (unsigned long long)tr_load64_relaxed(&late),
           (unsigned long long)tr_load64_relaxed(&given),
           (unsigned long long)tr_load64_relaxed(&posted), first, then,
           (unsigned long long)tr_load64_relaxed(&broken),
           (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
