#include "actors/sim.h"

#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/player.h"

TestSuite(sim, .timeout = 60);

struct baton {
    uint32_t left;
    troupe_ref next;
};
static const troupe_type baton_type =
    TROUPE_TYPE(baton, TROUPE_FIELD(baton, left), TROUPE_FIELD(baton, next));

static uint64_t order; /* of all that was handled */

/* Passes batons round, some of them by a timer; draws numbers. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct baton *baton = troupe_as(*msg, &baton_type);
    order = tr_mix(order, baton->left ^ troupe_random(troupe_runtime(self)) % 7);
    if (!baton->left) return TROUPE_OK;
    const struct baton next = {baton->left - 1, troupe_me(self)};
    if (baton->left % 5) return troupe_tell(self, baton->next, &baton_type, &next);
    troupe_msg *later = NULL;
    cr_assert_eq(troupe_make(troupe_runtime(self), &baton_type, &next, &later), TROUPE_OK);
    return troupe_send_after(self, 60000, troupe_me(self), &later, NULL);
}

static const troupe_behaviour runner = {.name = "runner", .receive = receive, .blocking = true};

static troupe_sim *sim;
static troupe *rt;

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

static void begin(troupe_sim_config config) {
    order = 0;
    cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
    cr_assert_eq(troupe_sim_runtime(sim, &(troupe_config){.log = quiet}, &rt), TROUPE_OK);
}

static void end(void) {
    troupe_close(&rt);
    cr_assert_eq(troupe_sim_leaks(sim), 0);
    troupe_sim_close(&sim);
    cr_assert_null(sim);
}

/* Ten actors, ten batons. */
static void race(void) {
    troupe_ref who[10];
    for (int i = 0; i < 10; i++) cr_assert_eq(troupe_spawn(rt, &runner, NULL, &who[i]), TROUPE_OK);
    for (uint32_t i = 0; i < 10; i++) {
        troupe_msg *msg = NULL;
        const struct baton baton = {50 + i, who[(i + 3) % 10]};
        cr_assert_eq(troupe_make(rt, &baton_type, &baton, &msg), TROUPE_OK);
        cr_assert_eq(troupe_post(rt, who[i], &msg), TROUPE_OK);
    }
}

typedef struct seen {
    uint64_t order, hash, events, now, node;
} seen;

static seen run(troupe_sim_config config) {
    begin(config);
    race();
    cr_assert(troupe_sim_rest(sim, 24 * 3600 * 1000));
    const seen it = {order, troupe_sim_hash(sim), troupe_sim_events(sim), troupe_sim_now(sim),
                     rt->node};
    end();
    return it;
}

Test(sim, equal_seeds_run_alike_in_every_respect) {
    for (uint64_t seed = 0; seed < 50; seed++) {
        const troupe_schedule schedule = seed % 2 ? TROUPE_PCT : TROUPE_RANDOM;
        const troupe_sim_config config = {.seed = seed, .schedule = schedule};
        const seen a = run(config), b = run(config);
        cr_assert_eq(memcmp(&a, &b, sizeof a), 0);
    }
}

Test(sim, different_seeds_run_differently) {
    uint64_t hash[50];
    for (uint64_t seed = 0; seed < 50; seed++) {
        hash[seed] = run((troupe_sim_config){.seed = seed}).hash;
        for (uint64_t other = 0; other < seed; other++) cr_assert_neq(hash[seed], hash[other]);
    }
}

Test(sim, a_recorded_schedule_replays_the_run_with_whatever_seed) {
    begin((troupe_sim_config){.seed = 11});
    race();
    cr_assert(troupe_sim_rest(sim, 24 * 3600 * 1000));
    size_t length;
    const uint32_t *trace = troupe_sim_trace(sim, &length);
    cr_assert_not_null(trace);
    troupe_sim *first = sim;
    troupe *first_rt = rt;
    uint64_t hash = troupe_sim_hash(sim), events = troupe_sim_events(sim);
    begin((troupe_sim_config){.seed = 11, .trace = trace, .trace_length = length});
    race();
    cr_assert(troupe_sim_rest(sim, 24 * 3600 * 1000));
    cr_assert_eq(troupe_sim_hash(sim), hash);
    cr_assert_eq(troupe_sim_events(sim), events);
    end();
    sim = first;
    rt = first_rt;
    end();
}

Test(sim, hours_of_waiting_take_no_time) {
    const seen it = run((troupe_sim_config){.seed = 1});
    cr_assert_geq(it.now, 10 * 60000 * TR_MS);
    cr_assert_lt(it.events, 2000);
}

Test(sim, settles_without_waiting_for_timers) {
    begin((troupe_sim_config){.seed = 1});
    race();
    cr_assert(troupe_sim_settle(sim, 1000));
    cr_assert_lt(troupe_sim_now(sim), 1000 * TR_MS);
    cr_assert_not(troupe_sim_rest(sim, 1000), "timers of a minute are left");
    cr_assert(troupe_sim_rest(sim, 24 * 3600 * 1000));
    cr_assert_not(troupe_sim_step(sim));
    uint64_t now = troupe_sim_now(sim);
    troupe_sim_run(sim, 500);
    cr_assert_eq(troupe_sim_now(sim), now + 500 * TR_MS);
    end();
}

Test(sim, asks_move_the_simulation_and_time_out_by_its_clock) {
    begin((troupe_sim_config){.seed = 1});
    static const player ann = {.id = "ann"};
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, &player_behaviour, &ann, &who), TROUPE_OK);
    const struct cue asks = {CUE_ANSWER, 5, TROUPE_NOBODY}, keeps = {CUE_KEEP, 0, TROUPE_NOBODY};
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(rt, &cue_type, &asks, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(rt, who, &msg, 1000), TROUPE_OK);
    cr_assert_eq(cue_n(msg), 5);
    troupe_drop(&msg);
    uint64_t now = troupe_now(rt);
    cr_assert_eq(troupe_make(rt, &cue_type, &keeps, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(rt, who, &msg, 100000), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_now(rt), now + 100000 * TR_MS);
    end();
}

Test(sim, runtimes_share_its_time) {
    begin((troupe_sim_config){.seed = 1});
    troupe *other;
    cr_assert_eq(troupe_sim_runtime(sim, &(troupe_config){.log = quiet}, &other), TROUPE_OK);
    race();
    cr_assert(troupe_sim_rest(sim, 24 * 3600 * 1000));
    cr_assert_eq(troupe_now(rt), troupe_now(other));
    cr_assert_neq(rt->node, other->node);
    troupe_close(&other);
    end();
}

Test(sim, a_stepped_runtime_of_it_runs_what_is_due) {
    begin((troupe_sim_config){.seed = 1});
    race();
    cr_assert_eq(troupe_step(rt, 3), 3);
    while (troupe_step(rt, 100)) {
    }
    cr_assert_eq(troupe_sim_now(sim), troupe_sim_events(sim) * sim->event_ns);
    end();
}
