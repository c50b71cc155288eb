/* A storm in a tree of ten thousand actors, four levels deep: in each second of virtual time a
 * tenth of them fail, for minutes. Supervisors restart what fails within their limits and give up
 * above them; no message is lost without an account, and nothing is left.
 *
 * stress_storm [SECONDS [SEED]] */
#include <troupe/simulation.h>
#include <troupe/troupe.h>

#include "test/stress/stress.h"

enum { REGIONS = 10, POOLS = 10, KIDS = 100, ALL = REGIONS * POOLS * KIDS };
enum { MOST = 18, WITHIN_MS = 1000, SLACK_MS = 50 }; /* restarts of a pool; 10 come in a second */

struct job {
    uint32_t fails;
};
static const troupe_type job_type = TROUPE_TYPE(job, TROUPE_FIELD(job, fails));

/* One of the ten thousand: the start argument of its lives. */
typedef struct member {
    troupe_ref ref;
    uint32_t pool;
    bool failed; /* its last life did; so the next start is a restart */
} member;

static member everybody[ALL];
static struct {
    uint64_t at[MOST + 1]; /* of the last restarts in a pool, by virtual time */
    uint64_t restarts;
} pools[REGIONS * POOLS];
static uint64_t accepted, refused, gone, handled, failed, lives, gave_up;

/* A restart in a pool: the one `MOST` before it must be older than the window, if its supervisor
 * has not begun anew meanwhile; a start comes a little after the decision, which is what counts. */
static void count_restart(troupe *rt, uint32_t pool) {
    uint64_t now = troupe_now(rt), nth = pools[pool].restarts++;
    uint64_t *at = &pools[pool].at[nth % (MOST + 1)];
    if (nth > MOST) MUST(now - *at > (WITHIN_MS - SLACK_MS) * TR_MS);
    *at = now;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    member *me = &everybody[(const member *)arg - everybody];
    *(member **)state = me;
    lives++;
    if (me->failed && troupe_same(me->ref, troupe_me(self)))
        count_restart(troupe_runtime(self), me->pool);
    else
        pools[me->pool].restarts = 0; /* its supervisor has been started again */
    me->ref = troupe_me(self);
    me->failed = false;
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct job *job = troupe_as(*msg, &job_type);
    handled++;
    if (!job->fails) return TROUPE_OK;
    handled--;
    failed++;
    (*(member **)state)->failed = true;
    return troupe_fail(self, TROUPE_USER, "as told");
}

static const troupe_behaviour worker = {.name = "worker",
                                        .state_size = sizeof(member *),
                                        .mailbox_limit = 4,
                                        .start = start,
                                        .receive = receive};

/* --- The tree --------------------------------------------------------------------------------- */

static troupe_child kids[ALL], pool_child[REGIONS * POOLS], region_child[REGIONS];
static troupe_supervision pool[REGIONS * POOLS], region[REGIONS];
static char ids[KIDS][12];

static troupe_ref plant(troupe *rt) {
    for (int i = 0; i < KIDS; i++) (void)snprintf(ids[i], sizeof ids[i], "%d", i);
    for (uint32_t i = 0; i < ALL; i++) {
        everybody[i].pool = i / KIDS;
        kids[i] = (troupe_child){.id = ids[i % KIDS], .what = &worker, .arg = &everybody[i]};
    }
    for (int i = 0; i < REGIONS * POOLS; i++) {
        pool[i] = (troupe_supervision){.child = &kids[i * KIDS],
                                       .children = KIDS,
                                       .max_restarts = MOST,
                                       .within_ms = WITHIN_MS};
        pool_child[i] = (troupe_child){.id = ids[i % POOLS],
                                       .what = &troupe_supervisor,
                                       .arg = &pool[i],
                                       .backoff_ms = 100,
                                       .backoff_max_ms = 1000};
    }
    for (int i = 0; i < REGIONS; i++) {
        region[i] = (troupe_supervision){
            .child = &pool_child[i * POOLS], .children = POOLS, .max_restarts = TROUPE_UNLIMITED};
        region_child[i] =
            (troupe_child){.id = ids[i], .what = &troupe_supervisor, .arg = &region[i]};
    }
    const troupe_supervision root = {.child = region_child, .children = REGIONS};
    troupe_ref top;
    MUST(troupe_supervise(rt, &root, 600000, &top) == TROUPE_OK);
    return top;
}

/* --- The storm -------------------------------------------------------------------------------- */

static void post(troupe *rt, uint32_t to, bool fails) {
    troupe_msg *msg = NULL;
    MUST(troupe_make(rt, &job_type, &(struct job){fails}, &msg) == TROUPE_OK);
    troupe_err err = troupe_post(rt, everybody[to].ref, &msg);
    MUST(err == TROUPE_OK || err == TROUPE_FULL || err == TROUPE_GONE);
    accepted += err == TROUPE_OK;
    refused += err == TROUPE_FULL;
    gone += err == TROUPE_GONE;
    troupe_drop(&msg);
}

static void check_account(troupe *rt, bool at_rest) {
    troupe_account all;
    troupe_account_all(rt, &all);
    MUST(troupe_account_missing(&all) == 0);
    if (!at_rest) return;
    MUST(all.queued == 0);
    MUST(accepted == handled + failed + all.dead[TROUPE_DEAD_STOPPED]);
    MUST(failed == all.dead[TROUPE_DEAD_FAILED]);
}

/* A second: a tenth of all fail, at moments of their own, and as many get other work. */
static void storm(troupe *rt, troupe_sim *sim, uint64_t *seed) {
    for (int part = 0; part < 10; part++) {
        for (int i = 0; i < ALL / 100; i++) {
            post(rt, (uint32_t)(stress_random(seed) % ALL), false);
            post(rt, (uint32_t)(stress_random(seed) % ALL), true);
        }
        troupe_sim_run(sim, 100);
    }
    check_account(rt, false);
}

static void log_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level;
    gave_up += strstr(line, "its supervisor gives up") != NULL;
}

int main(int argc, char **argv) {
    if (__tsan_init) { /* it has one thread */
        printf("storm: nothing for ThreadSanitizer\n");
        return 0;
    }
    uint64_t begun = tr_clock();
    uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : stress_count(20, 2);
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    troupe_sim *sim;
    troupe *rt;
    const troupe_sim_config how = {.seed = seed, .event_us = 1};
    const troupe_config config = {.log = log_line};
    MUST(troupe_sim_open(&how, &sim) == TROUPE_OK);
    MUST(troupe_sim_runtime(sim, &config, &rt) == TROUPE_OK);
    troupe_ref top = plant(rt);
    for (uint64_t i = 0; i < seconds; i++) storm(rt, sim, &seed);
    MUST(troupe_sim_settle(sim, 60000));
    check_account(rt, true);
    MUST(troupe_mailbox(rt, top, NULL, NULL) == TROUPE_OK);
    MUST(lives > ALL && failed > 0);
    troupe_close(&rt);
    MUST(troupe_sim_leaks(sim) == 0);
    troupe_sim_close(&sim);
    printf("storm: %llu s, %llu lives, %llu accepted, %llu handled, %llu failed on, %llu refused, "
           "%llu gone, %llu gave up, %llu ms; all held\n",
           (unsigned long long)seconds, (unsigned long long)lives, (unsigned long long)accepted,
           (unsigned long long)handled, (unsigned long long)failed, (unsigned long long)refused,
           (unsigned long long)gone, (unsigned long long)gave_up,
           (unsigned long long)((tr_clock() - begun) / TR_MS));
    return 0;
}
