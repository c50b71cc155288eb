/* A pool of two that may grow to four, and is asked for more than it can do: what does not fit
 * comes back at once, so the pool answers all the time, however much comes; and what a worker
 * fails on is done again. In a simulation, so that the order is always the same. */
#include <stdio.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

enum { JOBS = 200 };

struct job {
    uint32_t number;
};
static const troupe_type job_type = TROUPE_TYPE(job, TROUPE_FIELD(job, number));

static bool tried[JOBS];

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct job *job = troupe_as(*msg, &job_type);
    (void)state;
    if (!job || job->number >= JOBS) return TROUPE_BADTYPE;
    if (job->number % 10 == 5 && !tried[job->number]) { /* each tenth is too much at first */
        tried[job->number] = true;
        return troupe_fail(self, TROUPE_USER, "job %u", (unsigned)job->number);
    }
    return troupe_reply(self, msg);
}

static const troupe_behaviour worker = {.name = "worker", .receive = receive};

/* Posts so many jobs at once, and then asks for one: how long does that take? */
static bool rush(troupe_sim *sim, troupe *rt, troupe_pool *pool, unsigned jobs) {
    static uint32_t number;
    troupe_pool_stats before, after;
    troupe_msg *msg = NULL;
    troupe_pool_look(pool, &before);
    for (unsigned i = 0; i < jobs; i++) {
        if (troupe_make(rt, &job_type, &(struct job){number++ % JOBS}, &msg)) return false;
        troupe_err err = troupe_pool_post(pool, &msg);
        if (err && err != TROUPE_FULL) return false;
        troupe_drop(&msg); /* here it is shed; it could be tried again, or told to its client */
    }
    troupe_pool_look(pool, &after);
    printf("%2u jobs at once: %u work, %u wait, %u are shed; ", jobs, (unsigned)after.working,
           (unsigned)after.waiting, (unsigned)(after.shed - before.shed));
    troupe_sim_run(sim, 1000);
    if (troupe_make(rt, &job_type, &(struct job){0}, &msg)) return false;
    troupe_err err = troupe_pool_ask(pool, &msg, 1000);
    troupe_drop(&msg);
    troupe_pool_look(pool, &after);
    printf("then one hears %s, of %u workers\n", troupe_errname(err), (unsigned)after.members);
    return true;
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

int main(void) {
    const troupe_pool_plan plan = {.name = "pool",
                                   .member = {.what = &worker, .poison_after = 3},
                                   .min = 2,
                                   .max = 4,
                                   .pick = TROUPE_PICK_LEAST,
                                   .limit = 12,
                                   .grow_at = 4,
                                   .shrink_ms = 5000};
    const troupe_config config = {.log = quiet};
    troupe_sim *sim = NULL;
    troupe *rt = NULL;
    troupe_pool *pool = NULL;
    troupe_pool_stats end = {0};
    bool ok = !troupe_sim_open(&(troupe_sim_config){.seed = 1}, &sim) &&
              !troupe_sim_runtime(sim, &config, &rt) && !troupe_pool_open(rt, &plan, 1000, &pool);
    ok = ok && rush(sim, rt, pool, 4) && rush(sim, rt, pool, 20) && rush(sim, rt, pool, 40);
    if (ok) troupe_sim_run(sim, 20000); /* nothing comes for a while */
    ok = ok && rush(sim, rt, pool, 4);
    if (ok) troupe_pool_look(pool, &end);
    printf("%u were taken, %u of them begun again; %u were shed, and nothing is lost\n",
           (unsigned)end.sent, (unsigned)end.redone, (unsigned)end.shed);
    troupe_close(&rt);
    troupe_sim_close(&sim);
    return !ok;
}
