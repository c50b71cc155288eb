/* Supervisors whose children fail on their mail at random, hundreds of runtimes, closed in good
 * order, at random moments, or given up. What a child accepted is handled by one of its lives, in
 * order, or is the message in hand of a life that failed on it; nothing twice. No byte is left. */
#include <string.h>
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { CHILDREN = 3, JOBS_MAX = 300, PUMPS = 2 };

/* How a round ends. */
enum { IN_ORDER, AT_RANDOM, GIVEN_UP, KILLED, ENDINGS };

struct job {
    uint64_t number;
    uint32_t from, to;
};
static const troupe_type job_type = TROUPE_TYPE(job, TROUPE_FIELD(job, number),
                                                TROUPE_FIELD(job, from), TROUPE_FIELD(job, to));
static const troupe_type sync_type = TROUPE_SIGNAL_TYPE("sync");
static const troupe_type go_type = TROUPE_SIGNAL_TYPE("go");

/* What one child did with the jobs of one sender, over all its lives. Only its life writes here,
 * one at a time: that the next one sees it is the runtime's promise. */
typedef struct record {
    uint64_t next;            /* no job below may come any more */
    uint64_t handled, failed; /* ended well; failed on */
    unsigned char seen[JOBS_MAX];
} record;

/* A child, beyond its lives: it is the start argument of each. */
typedef struct child {
    uint64_t seed;
    unsigned fails_in; /* one job in so many */
    bool starts_badly; /* one start in eight fails, but for the first */
    uint64_t lives;
    record by[PUMPS + 1]; /* of the pumps, and of the main thread */
} child;

typedef struct round {
    troupe *rt;
    child child[CHILDREN];
    troupe_ref ref[CHILDREN];
    tr_atomic64 accepted[PUMPS + 1][CHILDREN];
    tr_atomic64 unread[CHILDREN]; /* in the mailbox when the child ended */
    tr_atomic64 late[CHILDREN];   /* pushed when it had ended, into what its place had become */
    troupe_strategy strategy;
} round;

static round now;
static uint64_t lives, handled, failed, left_over, gave_up;
static tr_atomic32 late_closes, reports;

static troupe_err start_child(troupe_self *self, void *memory, const void *arg) {
    child *me = (child *)(uintptr_t)arg;
    *(child **)memory = me;
    me->lives++;
    if (me->starts_badly && me->lives > 1 && stress_random(&me->seed) % 8 == 0)
        return troupe_fail(self, TROUPE_USER, "a bad start");
    return TROUPE_OK;
}

static troupe_err receive_job(troupe_self *self, void *memory, troupe_msg **msg) {
    child *me = *(child **)memory;
    const struct job *job = troupe_as(*msg, &job_type);
    if (!job) return troupe_answer(self, &sync_type, NULL);
    record *by = &me->by[job->from];
    MUST(job->number < JOBS_MAX && job->number == by->next && !by->seen[job->number]);
    by->seen[job->number] = 1;
    by->next++;
    if (stress_random(&me->seed) % me->fails_in == 0) {
        by->failed++;
        return troupe_fail(self, (troupe_err)(TROUPE_USER + 1), "job %llu is bad",
                           (unsigned long long)job->number);
    }
    by->handled++;
    return TROUPE_OK;
}

static const troupe_behaviour child_behaviour = {
    .name = "child",
    .state_size = sizeof(child *),
    .mailbox_limit = 16,
    .start = start_child,
    .receive = receive_job,
};

/* One more job for a child; false: it was not accepted. */
static bool note_sent(uint32_t from, int to, troupe_err err) {
    MUST(err == TROUPE_OK || err == TROUPE_FULL || err == TROUPE_GONE);
    if (!err) tr_add64_relaxed(&now.accepted[from][to], 1);
    return !err;
}

static struct job next_job(uint32_t from, int to) {
    return (struct job){tr_load64_relaxed(&now.accepted[from][to]), from, (uint32_t)to};
}

/* A pump: an actor that sends jobs as fast as they are accepted. */
static troupe_err start_pump(troupe_self *self, void *memory, const void *arg) {
    *(uint32_t *)memory = *(const uint32_t *)arg;
    return troupe_tell(self, troupe_me(self), &go_type, NULL);
}

static troupe_err receive_go(troupe_self *self, void *memory, troupe_msg **msg) {
    uint32_t from = *(uint32_t *)memory;
    bool more = false;
    for (int to = 0; to < CHILDREN; to++) {
        struct job job = next_job(from, to);
        if (job.number == JOBS_MAX) continue;
        (void)note_sent(from, to, troupe_tell(self, now.ref[to], &job_type, &job));
        more = true;
    }
    if (!more) troupe_exit(self, TROUPE_OK);
    return more ? troupe_send(self, troupe_me(self), msg) : TROUPE_OK;
}

static const troupe_behaviour pump = {
    .name = "pump", .state_size = sizeof(uint32_t), .start = start_pump, .receive = receive_go};

/* The main thread's own jobs. */
static void post_jobs(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) {
        int to = (int)(i % CHILDREN);
        struct job job = next_job(PUMPS, to);
        troupe_msg *msg = NULL;
        MUST(troupe_make(now.rt, &job_type, &job, &msg) == TROUPE_OK);
        troupe_err err;
        while ((err = troupe_post(now.rt, now.ref[to], &msg)) == TROUPE_FULL) sched_yield();
        (void)note_sent(PUMPS, to, err);
        troupe_drop(&msg);
        if (err) return;
    }
}

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    if (strncmp(line, "close:", 6) == 0) tr_add32_relaxed(&late_closes, 1);
    if (strncmp(line, "actor failed:", 13) == 0) tr_add32_relaxed(&reports, 1);
}

static void bury(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    (void)ctx;
    const struct job *job = troupe_as(*msg, &job_type);
    if (!job || letter->reason == TROUPE_DEAD_FAILED) return; /* it was in hand */
    MUST(letter->reason == TROUPE_DEAD_STOPPED || letter->reason == TROUPE_DEAD_GONE);
    bool unread = letter->reason == TROUPE_DEAD_STOPPED;
    MUST(!unread || troupe_same(letter->target, now.ref[job->to]));
    tr_add64_relaxed(unread ? &now.unread[job->to] : &now.late[job->to], 1);
}

/* Waits until a child has answered, so has handled what the main thread sent before. */
static void sync_with(int to) {
    troupe_msg *msg = NULL;
    troupe_err err;
    MUST(troupe_make(now.rt, &sync_type, NULL, &msg) == TROUPE_OK);
    while ((err = troupe_ask(now.rt, now.ref[to], &msg, STRESS_PATIENCE_MS)) == TROUPE_FULL)
        sched_yield();
    MUST(err == TROUPE_OK && troupe_as(msg, &sync_type));
    troupe_drop(&msg);
}

static void await_gone(troupe_ref ref) {
    uint64_t deadline = stress_deadline();
    while (troupe_mailbox(now.rt, ref, NULL, NULL) != TROUPE_GONE) {
        MUST(tr_clock() < deadline);
        sched_yield();
    }
}

/* A tree of a supervisor below the top one, with all the children. */
static troupe_ref start_tree(unsigned max_restarts) {
    static const char *const names[CHILDREN] = {"a", "b", "c"};
    troupe_child kids[CHILDREN];
    for (int i = 0; i < CHILDREN; i++)
        kids[i] = (troupe_child){
            .id = names[i], .name = names[i], .what = &child_behaviour, .arg = &now.child[i]};
    const troupe_supervision inner = {.child = kids,
                                      .children = CHILDREN,
                                      .max_restarts = max_restarts,
                                      .within_ms = 3600 * 1000,
                                      .strategy = now.strategy};
    const troupe_child middle = {.id = "middle",
                                 .name = "middle",
                                 .what = &troupe_supervisor,
                                 .arg = &inner,
                                 .restart = TROUPE_TEMPORARY};
    const troupe_supervision outer = {.child = &middle, .children = 1};
    troupe_ref top;
    MUST(troupe_supervise(now.rt, &outer, STRESS_PATIENCE_MS, &top) == TROUPE_OK);
    for (int i = 0; i < CHILDREN; i++) {
        troupe_err err = troupe_whereis(now.rt, names[i], &now.ref[i]);
        MUST(err == TROUPE_OK);
    }
    return top;
}

/* Ends a child by hand and starts it again, while it and its siblings fail: its group may have
 * started it again first. */
static void change_children(uint64_t times) {
    troupe_ref middle, ref;
    MUST(troupe_whereis(now.rt, "middle", &middle) == TROUPE_OK);
    for (; times > 0; times--) {
        MUST(troupe_terminate_child(now.rt, middle, "b", STRESS_PATIENCE_MS) == TROUPE_OK);
        troupe_err err = troupe_restart_child(now.rt, middle, "b", STRESS_PATIENCE_MS, &ref);
        MUST(err == TROUPE_OK || err == TROUPE_RUNNING || err == TROUPE_RESTARTING ||
             err == TROUPE_START_FAILED);
    }
}

static void end_round(unsigned ending, troupe_ref top, uint64_t *seed) {
    switch (ending) {
    case IN_ORDER:
        post_jobs(30);
        for (int i = 0; i < CHILDREN; i++) sync_with(i);
        for (int i = 0; i < CHILDREN; i++) {
            record *by = &now.child[i].by[PUMPS];
            MUST(by->handled + by->failed == tr_load64_relaxed(&now.accepted[PUMPS][i]));
        }
        break;
    case AT_RANDOM:
        if (stress_random(seed) % 2) change_children(1 + stress_random(seed) % 8);
        for (uint64_t n = stress_random(seed) % 4; n > 0; n--) sched_yield();
        break;
    case GIVEN_UP:
        post_jobs(JOBS_MAX);
        for (int i = 0; i < CHILDREN; i++) await_gone(now.ref[i]);
        gave_up++;
        break;
    default:
        post_jobs(stress_random(seed) % 20);
        MUST(troupe_kill(now.rt, top) == TROUPE_OK);
        await_gone(top);
        for (int i = 0; i < CHILDREN; i++) await_gone(now.ref[i]);
    }
}

/* Nothing came twice or out of order, or receive_job would have said so; here: nothing from
 * nowhere, and what was accepted and never came is a dead letter. It was in the mailbox when the
 * child ended; or its sender had looked the child up before that, at most one of each sender. */
static void check_records(unsigned ending) {
    for (int i = 0; i < CHILDREN; i++) {
        uint64_t never_came = 0, unread = tr_load64_relaxed(&now.unread[i]);
        lives += now.child[i].lives;
        for (int from = 0; from <= PUMPS; from++) {
            record *by = &now.child[i].by[from];
            uint64_t accepted = tr_load64_relaxed(&now.accepted[from][i]);
            MUST(by->handled + by->failed == by->next && by->next <= accepted);
            never_came += accepted - by->next;
            handled += by->handled;
            failed += by->failed;
            /* One that fails while its group stops is not counted. */
            MUST(ending != GIVEN_UP || now.strategy != TROUPE_ONE_FOR_ONE || by->failed <= 5);
        }
        MUST(never_came == unread + tr_load64_relaxed(&now.late[i]));
        MUST(unread <= child_behaviour.mailbox_limit);
        MUST(tr_load64_relaxed(&now.late[i]) <= PUMPS + 1);
        left_over += never_came;
    }
}

static void run_round(uint64_t seed) {
    static stress_heap heap;
    unsigned ending = (unsigned)(seed % ENDINGS);
    stress_heap_init(&heap);
    memset(&now, 0, sizeof now);
    now.strategy = (troupe_strategy)(seed / (ENDINGS * 3) % (TROUPE_REST_FOR_ONE + 1));
    for (uint64_t i = 0; i < CHILDREN; i++)
        now.child[i] = (child){.seed = seed * CHILDREN + i,
                               .fails_in = 2 + (unsigned)(seed % 9),
                               .starts_badly = seed % 3 == 0};
    /* Every second runtime has pools, which one that is given a heap has not. */
    const troupe_heap none = {NULL, NULL, NULL};
    const troupe_config config = {.workers = 1 + (unsigned)(seed / ENDINGS % 3),
                                  .heap = seed % 2 ? heap.heap : none,
                                  .log = log_line,
                                  .dead_letter = bury,
                                  .fold_ms = TROUPE_FOLD_NOTHING};
    MUST(troupe_open(&config, &now.rt) == TROUPE_OK);
    troupe_ref top = start_tree(ending == GIVEN_UP ? 4 : 20000), ref;
    for (uint32_t i = 0; i < PUMPS; i++) MUST(troupe_spawn(now.rt, &pump, &i, &ref) == TROUPE_OK);
    end_round(ending, top, &seed);
    troupe_close(&now.rt);
    MUST(tr_load32_acquire(&late_closes) == 0);
    MUST(stress_heap_empty(&heap));
    check_records(ending);
}

int main(void) {
    uint64_t begun = tr_clock(), rounds = stress_count(1200, 240);
    for (uint64_t i = 0; i < rounds; i++) run_round(i);
    MUST(gave_up > 0 && failed > 0 && handled > 0 && left_over > 0 && lives > rounds);
    printf("supervise: %llu runtimes, %llu lives, %llu jobs handled, %llu failed on, %llu never "
           "begun, %u reports, %llu ms; all held\n",
           (unsigned long long)rounds, (unsigned long long)lives, (unsigned long long)handled,
           (unsigned long long)failed, (unsigned long long)left_over,
           (unsigned)tr_load32_acquire(&reports),
           (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
