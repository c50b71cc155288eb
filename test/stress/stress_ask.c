/* Many plain threads ask actors that answer, answer late, keep silent, fail, end or are killed.
 * Each ask ends in one of the results that the header names, the answer is the one to that very
 * question, an old one-shot address is GONE, and no byte is left. */
#include <string.h>
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { THREADS = 6, ACTORS = 4, OLD = 4, RESULTS = 5 };

struct question {
    uint64_t number;
    uint32_t wanted; /* what to do with it */
};
static const troupe_type question_type =
    TROUPE_TYPE(question, TROUPE_FIELD(question, number), TROUPE_FIELD(question, wanted));

struct answer {
    uint64_t number;
};
static const troupe_type answer_type = TROUPE_TYPE(answer, TROUPE_FIELD(answer, number));

/* What to do with a question: how often out of 64 is in `choose`. */
enum { ANSWER, ECHO, NEXT_TIME, SILENT, FAIL, FAIL_ANSWERED, LEAVE, WANTS };

static troupe *rt;
static troupe_ref actor[ACTORS];
static tr_atomic64 asked[WANTS], ended[WANTS][RESULTS], stale;

typedef struct state {
    troupe_ref waiting; /* the answer of its question is due with the next one */
    uint64_t number;
    troupe_ref old[OLD]; /* askers that have had their answer */
    size_t olds;
} state;

/* An asker that has its answer is gone, though others have come into its place meanwhile. */
static void poke_old(troupe_self *self, state *me) {
    troupe_ref old = me->old[me->olds % OLD];
    if (troupe_same(old, TROUPE_NOBODY)) return;
    struct answer wrong = {0};
    MUST(troupe_tell(self, old, &answer_type, &wrong) == TROUPE_GONE);
    tr_add64_relaxed(&stale, 1);
}

static troupe_err answer_waiting(troupe_self *self, state *me) {
    if (troupe_same(me->waiting, TROUPE_NOBODY)) return TROUPE_OK;
    troupe_ref to = me->waiting;
    me->waiting = TROUPE_NOBODY;
    struct answer answer = {me->number};
    troupe_err err = troupe_tell(self, to, &answer_type, &answer);
    MUST(err == TROUPE_OK || err == TROUPE_GONE); /* GONE: it has waited long enough */
    me->old[me->olds++ % OLD] = to;
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *memory, troupe_msg **msg) {
    state *me = memory;
    const struct question *question = troupe_as(*msg, &question_type);
    MUST(question);
    struct answer answer = {question->number};
    poke_old(self, me);
    troupe_err err = answer_waiting(self, me);
    if (err) return err;
    switch (question->wanted) {
    case ECHO: return troupe_reply(self, msg);
    case NEXT_TIME:
        me->waiting = troupe_sender(self);
        me->number = question->number;
        return TROUPE_OK;
    case SILENT: return TROUPE_OK;
    case FAIL: return TROUPE_USER;
    case FAIL_ANSWERED:
        MUST(troupe_answer(self, &answer_type, &answer) == TROUPE_OK);
        return troupe_fail(self, TROUPE_USER, "after its answer");
    case LEAVE: troupe_exit(self, TROUPE_OK); return TROUPE_OK;
    default:
        me->old[me->olds++ % OLD] = troupe_sender(self);
        return troupe_answer(self, &answer_type, &answer);
    }
}

static const troupe_behaviour behaviour = {
    .name = "answers", .state_size = sizeof(state), .mailbox_limit = 2, .receive = receive};

static uint32_t choose(uint64_t *seed) {
    uint64_t dice = stress_random(seed) % 64;
    return dice < 40 ? ANSWER : dice < 48 ? ECHO : dice < 54 ? NEXT_TIME : dice < 55 ? SILENT
         : dice < 58 ? FAIL : dice < 61 ? FAIL_ANSWERED : LEAVE;
}

/* One ask: how it may end, and that the answer is ours. */
static troupe_err ask(troupe_ref to, uint64_t number, uint32_t wanted) {
    struct question question = {number, wanted};
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, &question_type, &question, &msg) == TROUPE_OK);
    unsigned ms = wanted == NEXT_TIME ? 1 : STRESS_PATIENCE_MS;
    troupe_err err = troupe_ask(rt, to, &msg, ms);
    const struct answer *answer = troupe_as(msg, &answer_type);
    const struct question *back = troupe_as(msg, &question_type);
    switch (err) {
    case TROUPE_OK: /* to be answered next time may come in time */
        MUST(wanted == ECHO ? back != NULL : answer != NULL);
        MUST((wanted == ECHO ? back->number : answer->number) == number);
        MUST(wanted != SILENT && wanted != FAIL && wanted != LEAVE);
        break;
    case TROUPE_TIMEOUT: MUST(!msg && wanted == NEXT_TIME); break;
    case TROUPE_BROKEN: MUST(!msg && wanted == SILENT); break;
    case TROUPE_GONE: /* it was killed with our question in its mailbox, or before */
        MUST(!msg || (back && back->number == number));
        break;
    case TROUPE_STOPPED: MUST(!msg && wanted == LEAVE); break;
    case TROUPE_FAILED: MUST(!msg && wanted == FAIL); break;
    case TROUPE_FULL: MUST(back && back->number == number); break;
    default: stress_failed(troupe_errname(err), __FILE__, __LINE__);
    }
    troupe_drop(&msg);
    return err;
}

typedef struct asker {
    tr_thread thread;
    uint64_t seed, index, asks;
} asker;

/* A bystander: asks actors that end and are replaced, over one-shot actors of its own. */
static void ask_short_lived(asker *me, uint64_t number) {
    troupe_ref ref;
    MUST(troupe_spawn(rt, &behaviour, NULL, &ref) == TROUPE_OK);
    if (number % 2) MUST(troupe_kill(rt, ref) == TROUPE_OK);
    uint32_t wanted = number % 4 ? ANSWER : LEAVE;
    troupe_err err = ask(ref, number << 8 | me->index, wanted);
    if (wanted == LEAVE) MUST(err == TROUPE_STOPPED);
    if (wanted == ANSWER) MUST(err == TROUPE_OK || (err == TROUPE_GONE && number % 2));
    (void)troupe_stop(rt, ref);
}

/* Where a result is counted. */
static unsigned result_of(troupe_err err) {
    switch (err) {
    case TROUPE_OK: return 0;
    case TROUPE_STOPPED: return 1;
    case TROUPE_FAILED: return 2;
    case TROUPE_FULL: return 3;
    default: return 4;
    }
}

static void *run_asker(void *arg) {
    asker *me = arg;
    for (uint64_t i = 0; i < me->asks; i++) {
        uint32_t wanted = choose(&me->seed);
        troupe_ref to = actor[stress_random(&me->seed) % ACTORS];
        troupe_err err = ask(to, i << 8 | me->index, wanted);
        if (wanted == FAIL) MUST(err == TROUPE_FAILED || err == TROUPE_FULL);
        if (wanted == LEAVE) MUST(err == TROUPE_STOPPED || err == TROUPE_FULL);
        if (wanted == FAIL_ANSWERED || wanted <= ECHO) MUST(err != TROUPE_GONE);
        tr_add64_relaxed(&asked[wanted], 1);
        tr_add64_relaxed(&ended[wanted][result_of(err)], 1);
        if (err == TROUPE_FULL) sched_yield();
        if (i % 16 == 0) ask_short_lived(me, i / 16);
    }
    return NULL;
}

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    MUST(strncmp(line, "close:", 6) != 0);
}

int main(void) {
    uint64_t begun = tr_clock(), each = stress_count(60000, 6000), sum[RESULTS] = {0};
    static stress_heap heap;
    static asker askers[THREADS];
    static const char *const ids[ACTORS] = {"a", "b", "c", "d"};
    troupe_child children[ACTORS];
    stress_heap_init(&heap);
    const troupe_config config = {.workers = 2, .heap = heap.heap, .log = log_line};
    MUST(troupe_open(&config, &rt) == TROUPE_OK);
    for (int i = 0; i < ACTORS; i++)
        children[i] = (troupe_child){.id = ids[i], .name = ids[i], .what = &behaviour};
    const troupe_supervision what = {
        .child = children, .children = ACTORS, .max_restarts = 100000, .within_ms = 1};
    troupe_ref top;
    MUST(troupe_supervise(rt, &what, STRESS_PATIENCE_MS, &top) == TROUPE_OK);
    for (int i = 0; i < ACTORS; i++) MUST(troupe_whereis(rt, ids[i], &actor[i]) == TROUPE_OK);
    for (uint64_t i = 0; i < THREADS; i++) {
        askers[i] = (asker){.seed = i, .index = i, .asks = each};
        MUST(tr_thread_start(&askers[i].thread, "asker", run_asker, &askers[i]));
    }
    for (int i = 0; i < THREADS; i++) tr_thread_join(&askers[i].thread);
    troupe_close(&rt);
    MUST(stress_heap_empty(&heap));
    for (int wanted = 0; wanted < WANTS; wanted++) {
        uint64_t all = 0;
        for (int i = 0; i < RESULTS; i++) {
            uint64_t n = tr_load64_relaxed(&ended[wanted][i]);
            sum[i] += n;
            all += n;
        }
        MUST(all == tr_load64_relaxed(&asked[wanted]));
    }
    printf("ask: %llu asked: %llu answered, %llu stopped, %llu failed, %llu full, %llu "
           "timed out; %llu stale addresses tried, %llu ms; all held\n",
           (unsigned long long)(each * THREADS), (unsigned long long)sum[0],
           (unsigned long long)sum[1], (unsigned long long)sum[2], (unsigned long long)sum[3],
           (unsigned long long)sum[4],
           (unsigned long long)tr_load64_relaxed(&stale),
           (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
