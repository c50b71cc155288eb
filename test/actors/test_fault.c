#include "actors/fault.h"

#include <criterion/criterion.h>
#include <troupe/troupe.h>

#include "actors/sim.h"
#include "test/support/player.h"
#include "test/support/stage.h"

TestSuite(fault, .timeout = 60);

static const player ann = {.id = "ann"};

static troupe_sim *sim;
static troupe *rt;
static troupe_ref who;
static unsigned reports;

static void count_reports(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    reports += strstr(line, "actor failed: player (life 1) in cue from outside") != NULL;
}

static void begin(troupe_faults faults, const troupe_behaviour *what) {
    const troupe_sim_config config = {.seed = 1, .faults = faults};
    cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
    cr_assert_eq(troupe_sim_runtime(sim, &(troupe_config){.log = count_reports}, &rt), TROUPE_OK);
    cr_assert_eq(troupe_spawn(rt, what, &ann, &who), TROUPE_OK);
}

static void end(void) {
    troupe_close(&rt);
    cr_assert_eq(troupe_sim_leaks(sim), 0);
    troupe_sim_close(&sim);
}

static troupe_err post(uint32_t n) {
    const struct cue body = {CUE_SAY, n, TROUPE_NOBODY};
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(rt, &cue_type, &body, &msg), TROUPE_OK);
    troupe_err err = troupe_post(rt, who, &msg);
    troupe_drop(&msg);
    return err;
}

Test(fault, an_actor_fails_right_after_its_nth_message) {
    begin((troupe_faults){0}, &player_behaviour);
    cr_assert_eq(troupe_sim_fail(sim, who, 3), TROUPE_OK);
    for (uint32_t i = 0; i < 5; i++) cr_assert_eq(post(i), TROUPE_OK);
    cr_assert(troupe_sim_rest(sim, 1000));
    stage_expect("start(ann) ann:0 ann:1 ann:2 stop(ann,FAILED)");
    cr_assert_eq(reports, 1);
    cr_assert_eq(troupe_sim_faults(sim).failed, 1);
    troupe_account all;
    troupe_account_all(rt, &all);
    cr_assert_eq(all.dead[TROUPE_DEAD_FAILED], 1);
    cr_assert_eq(all.dead[TROUPE_DEAD_STOPPED], 2);
    cr_assert_eq(troupe_sim_fail(sim, who, 1), TROUPE_GONE);
    end();
}

Test(fault, orders_are_limited_and_end_with_calm) {
    begin((troupe_faults){0}, &player_behaviour);
    cr_assert_eq(troupe_sim_fail(sim, who, 0), TROUPE_INVALID);
    for (int i = 0; i < TR_FAULT_ORDERS; i++) cr_assert_eq(troupe_sim_fail(sim, who, 1), TROUPE_OK);
    cr_assert_eq(troupe_sim_fail(sim, who, 1), TROUPE_INVALID);
    troupe_sim_calm(sim);
    cr_assert_eq(post(1), TROUPE_OK);
    cr_assert(troupe_sim_rest(sim, 1000));
    stage_expect("start(ann) ann:1");
    end();
}

Test(fault, a_mailbox_is_full_whatever_is_in_it) {
    begin((troupe_faults){0}, &player_behaviour);
    cr_assert_eq(post(1), TROUPE_OK);
    cr_assert_eq(troupe_sim_full(sim, who, true), TROUPE_OK);
    cr_assert_eq(post(2), TROUPE_FULL);
    cr_assert(troupe_sim_rest(sim, 1000));
    cr_assert_eq(post(3), TROUPE_FULL);
    cr_assert_eq(troupe_sim_full(sim, who, false), TROUPE_OK);
    uint32_t limit;
    cr_assert_eq(troupe_mailbox(rt, who, NULL, &limit), TROUPE_OK);
    cr_assert_eq(limit, TROUPE_MAILBOX_DEFAULT);
    cr_assert_eq(post(4), TROUPE_OK);
    cr_assert_eq(troupe_sim_full(sim, who, true), TROUPE_OK);
    troupe_sim_calm(sim);
    cr_assert_eq(post(5), TROUPE_OK);
    cr_assert(troupe_sim_rest(sim, 1000));
    stage_expect("start(ann) ann:1 ann:4 ann:5");
    cr_assert_eq(troupe_sim_faults(sim).full, 2);
    end();
}

Test(fault, an_actor_that_is_held_handles_nothing_but_its_end) {
    begin((troupe_faults){0}, &player_behaviour);
    cr_assert(troupe_sim_settle(sim, 1000));
    cr_assert_eq(troupe_sim_hold(sim, who, true), TROUPE_OK);
    cr_assert_eq(troupe_sim_hold(sim, who, true), TROUPE_OK, "it is already");
    cr_assert_eq(post(1), TROUPE_OK);
    troupe_sim_run(sim, 1000);
    stage_expect("start(ann)");
    uint32_t used;
    cr_assert_eq(troupe_mailbox(rt, who, &used, NULL), TROUPE_OK);
    cr_assert_eq(used, 1);
    cr_assert_eq(troupe_sim_hold(sim, who, false), TROUPE_OK);
    troupe_sim_run(sim, 1000);
    stage_expect("ann:1");
    cr_assert_eq(troupe_sim_hold(sim, who, true), TROUPE_OK);
    troupe_sim_calm(sim);
    cr_assert_eq(post(2), TROUPE_OK);
    troupe_sim_run(sim, 1000);
    stage_expect("ann:2");
    cr_assert_eq(troupe_sim_hold(sim, who, true), TROUPE_OK);
    cr_assert_eq(troupe_kill(rt, who), TROUPE_OK);
    troupe_sim_run(sim, 1000);
    cr_assert_eq(troupe_sim_hold(sim, who, false), TROUPE_GONE);
    end();
}

static troupe_err tick(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    stage_say("%u", (unsigned)(troupe_now(troupe_runtime(self)) / TR_MS));
    troupe_err err = troupe_send_after(self, 100, troupe_me(self), msg, NULL);
    if (err) stage_say("%s", troupe_errname(err));
    return TROUPE_OK;
}

static const troupe_behaviour clockwork = {.name = "clockwork", .receive = tick};

Test(fault, timers_are_held_back) {
    begin((troupe_faults){0}, &clockwork);
    cr_assert_eq(post(0), TROUPE_OK);
    troupe_sim_run(sim, 150);
    troupe_sim_late(sim, rt, 300);
    troupe_sim_run(sim, 450);
    stage_expect("0 100 450 550");
    cr_assert_eq(troupe_sim_faults(sim).late, 1);
    end();
}

Test(fault, an_allocation_fails) {
    begin((troupe_faults){0}, &clockwork);
    cr_assert_eq(post(0), TROUPE_OK);
    troupe_sim_run(sim, 50);
    troupe_sim_fail_alloc(sim, 2); /* the first is the timer that is set at 100 */
    troupe_sim_run(sim, 1000);
    stage_expect("0 100 200 NOMEM");
    cr_assert_eq(troupe_sim_faults(sim).allocs, 1);
    cr_assert_eq(post(0), TROUPE_OK, "and only that one");
    end();
}

static troupe_err chat(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (troupe_send_after(self, 1, troupe_me(self), msg, NULL)) return TROUPE_OK;
    return TROUPE_OK;
}

static const troupe_behaviour talker = {.name = "talker", .receive = chat};

Test(fault, each_happens_by_chance_until_calm) {
    begin((troupe_faults){.alloc = 20000, .full = 20000, .late = 20000, .stall = 20000}, &talker);
    for (int i = 0; i < 20; i++) {
        (void)post(0);
        troupe_sim_run(sim, 200);
    }
    troupe_fault_counts counts = troupe_sim_faults(sim);
    cr_assert(counts.allocs && counts.full && counts.late && counts.stalled);
    cr_assert_eq(counts.failed + counts.disconnected, 0);
    troupe_sim_calm(sim);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(post(0), TROUPE_OK);
        troupe_sim_run(sim, 200);
    }
    troupe_fault_counts after = troupe_sim_faults(sim);
    cr_assert_eq(memcmp(&counts, &after, sizeof counts), 0);
    end();
    begin((troupe_faults){.fail = 1000000}, &player_behaviour);
    cr_assert_eq(post(1), TROUPE_OK);
    cr_assert(troupe_sim_rest(sim, 1000));
    cr_assert_eq(troupe_sim_faults(sim).failed, 1);
    end();
}
