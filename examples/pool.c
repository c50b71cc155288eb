/* A pool of two, which is asked for more than it can do: what does not fit comes back at once, the
 * pool answers all the time, and what a worker fails on is done again. In a simulation, so that the
 * order is always the same. */
#include <stdio.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

enum { WAIT = 3 }; /* how many jobs each worker may have before it */

struct job {
    uint32_t number;
};
static const troupe_type job_type = TROUPE_TYPE(job, TROUPE_FIELD(job, number));

static unsigned done, failed;
static bool tried[60];

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    return troupe_join_group(troupe_runtime(self), troupe_me(self), "pool");
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct job *job = troupe_as(*msg, &job_type);
    (void)state;
    if (!job || job->number >= 60) return TROUPE_BADTYPE;
    if (job->number % 10 == 5 && !tried[job->number]) { /* each tenth is too much at first */
        tried[job->number] = true;
        failed++;
        return troupe_fail(self, TROUPE_USER, "job %u", (unsigned)job->number);
    }
    done++;
    return TROUPE_OK;
}

static const troupe_behaviour worker = {
    .name = "worker", .mailbox_limit = WAIT, .start = start, .receive = receive};

/* Posts so many jobs at once, and says how many the pool took. */
static bool post(troupe *rt, uint32_t from, uint32_t past, unsigned *shed) {
    for (uint32_t i = from; i < past; i++) {
        troupe_msg *msg = NULL;
        if (troupe_make(rt, &job_type, &(struct job){i}, &msg)) return false;
        troupe_err err = troupe_post_least(rt, "pool", &msg);
        if (err && err != TROUPE_FULL) return false;
        *shed += err == TROUPE_FULL;
        troupe_drop(&msg); /* here it is shed; it could be tried again, or told to its client */
    }
    return true;
}

static bool rush(troupe_sim *sim, troupe *rt, uint32_t from, uint32_t past) {
    unsigned shed = 0, before = done;
    if (!post(rt, from, past, &shed)) return false;
    troupe_sim_run(sim, 1000);
    printf("%2u jobs at once for %zu workers: %u done, %u shed\n", (unsigned)(past - from),
           troupe_members(rt, "pool", NULL, 0), done - before, shed);
    return true;
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

int main(void) {
    const troupe_child child = {.id = "worker", .what = &worker, .poison_after = 3};
    const troupe_supervision tree = {.child = &child,
                                     .children = 1,
                                     .max_restarts = TROUPE_UNLIMITED,
                                     .strategy = TROUPE_SIMPLE_ONE_FOR_ONE};
    const troupe_config config = {.log = quiet};
    troupe_sim *sim = NULL;
    troupe *rt = NULL;
    troupe_ref pool, who[4];
    bool ok = !troupe_sim_open(&(troupe_sim_config){.seed = 1}, &sim) &&
              !troupe_sim_runtime(sim, &config, &rt) && !troupe_supervise(rt, &tree, 1000, &pool);
    for (int i = 0; i < 2 && ok; i++)
        ok = !troupe_start_dynamic_child(rt, pool, NULL, 1000, &who[i]);
    ok = ok && rush(sim, rt, 0, 4) && rush(sim, rt, 10, 30);
    for (int i = 2; i < 4 && ok; i++) /* it grows */
        ok = !troupe_start_dynamic_child(rt, pool, NULL, 1000, &who[i]);
    ok = ok && rush(sim, rt, 30, 50);
    for (int i = 0; i < 3 && ok; i++) /* and shrinks */
        ok = !troupe_terminate_dynamic_child(rt, pool, who[i], 1000);
    ok = ok && rush(sim, rt, 50, 54);
    printf("%u failures, and nothing that was taken is lost\n", failed);
    troupe_close(&rt);
    troupe_sim_close(&sim);
    return !ok;
}
