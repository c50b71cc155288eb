/* Shutdowns as a whole, with their deadline: in simulations whose time moves. */
#include <troupe/shutdown.h>

#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <troupe/simulation.h>

#include "actors/runtime.h"
#include "test/support/baton.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(shutdown_end, .timeout = 100);

enum { LONG_MS = 60000, SEEDS = 200 };

static const player ann = {.id = "ann"}, ben = {.id = "ben"}, cat = {.id = "cat"};

/* Opens a runtime in a simulation whose time moves, plays `scene` in it, which closes it, and wants
 * nothing left; for many seeds. The same seed must give the same run. */
static uint64_t play(uint64_t seed, void (*scene)(troupe *rt)) {
    troupe_sim *sim;
    troupe *rt;
    troupe_config config = stage_prepare(TROUPE_STEPPED);
    const troupe_sim_config how = {.seed = seed};
    config.now = NULL;
    cr_assert_eq(troupe_sim_open(&how, &sim), TROUPE_OK);
    cr_assert_eq(troupe_sim_runtime(sim, &config, &rt), TROUPE_OK);
    scene(rt);
    uint64_t hash = troupe_sim_hash(sim);
    cr_assert_eq(troupe_sim_leaks(sim), 0);
    troupe_sim_close(&sim);
    cr_assert(counting_heap_fini(stage_heap()));
    return hash;
}

static void simulated(void (*scene)(troupe *rt)) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) (void)play(seed, scene);
    cr_assert_eq(play(5, scene), play(5, scene));
}

static size_t dead_in_all(const troupe_farewell *how) {
    size_t sum = 0;
    for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++) sum += how->dead[i];
    return sum;
}

static troupe_ref enter(troupe *rt, const troupe_behaviour *what, const void *arg) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(rt, what, arg, &who), TROUPE_OK);
    return who;
}

static void in_good_order(troupe *rt) {
    troupe_farewell how;
    (void)enter(rt, &player_behaviour, &ann);
    (void)enter(rt, &player_behaviour, &ben);
    baton_post(rt, enter(rt, &baton_hands, NULL), 3);
    cr_assert_eq(troupe_shutdown(&rt, LONG_MS, 0, &how), TROUPE_OK);
    cr_assert_null(rt);
    cr_assert(how.drained && how.stopped && how.ended);
    cr_assert_eq(how.busy + how.late + how.left + how.refused + dead_in_all(&how), 0);
    cr_assert_lt(how.drain_ms, LONG_MS / 4);
    stage_expect_all("start(ann) start(ben) 3 2 1 0 stopping(ann) stop(ann,SHUTDOWN) stopping(ben) "
                     "stop(ben,SHUTDOWN)");
    cr_assert_eq(stage_logged(""), 0);
}

Test(shutdown_end, all_in_good_order) {
    simulated(in_good_order);
}

/* Sends each message back, for ever, or to itself. */
static troupe_err chat(troupe_self *self, void *state, troupe_msg **msg) {
    troupe_ref *other = state;
    if (!troupe_same(troupe_sender(self), TROUPE_NOBODY)) *other = troupe_sender(self);
    return troupe_send(self, *other, msg);
}

static troupe_err meet(troupe_self *self, void *state, const void *arg) {
    const troupe_ref *other = arg;
    (void)self;
    *(troupe_ref *)state = other ? *other : TROUPE_NOBODY;
    return TROUPE_OK;
}

static const troupe_behaviour chatter = {.name = "chatter",
                                         .mailbox_limit = 1,
                                         .state_size = sizeof(troupe_ref),
                                         .start = meet,
                                         .receive = chat};

static void talk_for_ever(troupe *rt) {
    troupe_farewell how;
    troupe_ref a = enter(rt, &chatter, NULL), b = enter(rt, &chatter, &a);
    baton_post(rt, b, 0);
    cr_assert_eq(troupe_shutdown(&rt, 100, 20, &how), TROUPE_TIMEOUT);
    cr_assert_null(rt);
    cr_assert(!how.drained && how.stopped && how.ended);
    cr_assert_eq(how.busy, 1); /* there is one message, and it is somewhere */
    cr_assert(how.drain_ms >= 19 && how.drain_ms <= 21, "%u", how.drain_ms);
    cr_assert_eq(how.dead[TROUPE_DEAD_STOPPED] + how.dead[TROUPE_DEAD_GONE] +
                     how.dead[TROUPE_DEAD_FAILED],
                 dead_in_all(&how));
    cr_assert_leq(dead_in_all(&how), 1); /* or it was refused at the other's end */
    cr_assert_eq(stage_logged("drain: chatter, before baton, has 1 messages after 20 ms"), 1);
}

Test(shutdown_end, who_talks_for_ever_takes_the_time_for_draining_and_is_named) {
    simulated(talk_for_ever);
}

/* What can't be worked off is accounted for: a child that is held keeps its mail to the end. */
static void keep_mail(troupe *rt) {
    static const player bad = {.id = "bad", .start = TROUPE_OK, .fail_from = 2, .fail_past = 9};
    static uint32_t starts;
    static player as;
    troupe_ref root, who;
    troupe_farewell how;
    starts = 0;
    as = bad;
    as.starts = &starts;
    troupe_child child = kid(&as, 0);
    child.hold = true;
    child.max_restarts = 1;
    child.within_ms = LONG_MS;
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 9};
    cr_assert_eq(troupe_supervise(rt, &tree, LONG_MS, &root), TROUPE_OK);
    cr_assert_eq(troupe_whereis(rt, "bad", &who), TROUPE_OK);
    troupe_msg *msg = NULL;
    for (int i = 0; i < 4; i++) {
        const struct cue body = {.act = i ? CUE_SAY : CUE_FAIL, .n = TROUPE_USER};
        cr_assert_eq(troupe_make(rt, &cue_type, &body, &msg), TROUPE_OK);
        cr_assert_eq(troupe_post(rt, who, &msg), TROUPE_OK);
    }
    cr_assert_eq(troupe_shutdown(&rt, 200, 0, &how), TROUPE_TIMEOUT);
    cr_assert(!how.drained && how.stopped && how.ended);
    cr_assert_eq(how.busy, 1);
    cr_assert_eq(how.dead[TROUPE_DEAD_STOPPED], 3);
    cr_assert_eq(stage_logged("drain: bad, before cue, has 3 messages after 100 ms"), 1);
}

Test(shutdown_end, mail_that_is_kept_is_named_and_ends_as_dead_letters) {
    simulated(keep_mail);
}

static const player slow = {.id = "slow", .stopping = TROUPE_LATER},
                    late = {.id = "late", .stopping = TROUPE_LATER};

/* Those who were asked to stop and do not are named, each of them, and nobody else. */
static void stop_never(troupe *rt) {
    troupe_child kids[] = {kid(&ann, 0), kid(&slow, 0), kid(&ben, 0)};
    troupe_ref root;
    troupe_farewell how;
    kids[1].shutdown_ms = TROUPE_FOREVER;
    const troupe_supervision tree = {.child = kids, .children = 3};
    cr_assert_eq(troupe_supervise(rt, &tree, LONG_MS, &root), TROUPE_OK);
    (void)enter(rt, &player_behaviour, &late);
    cr_assert_eq(troupe_shutdown(&rt, 800, 0, &how), TROUPE_TIMEOUT);
    cr_assert(how.drained && !how.stopped && how.ended);
    cr_assert_eq(how.late, 1, "late waits for its turn");
    cr_assert_eq(how.left, 0);
    cr_assert(how.stop_ms >= 699 && how.stop_ms <= 702, "%u", how.stop_ms);
    cr_assert_eq(stage_logged("close: supervisor/slow, after stopping, has not ended in 700 ms"),
                 1);
    cr_assert_eq(stage_logged("has not ended"), 1);
    stage_forget();
}

Test(shutdown_end, who_does_not_stop_is_named_and_killed) {
    simulated(stop_never);
}

static void stop_never_at_the_top(troupe *rt) {
    troupe_farewell how;
    for (int i = 0; i < 40; i++) (void)enter(rt, &player_behaviour, &late);
    (void)enter(rt, &player_behaviour, &cat);
    cr_assert_eq(troupe_shutdown(&rt, 80, 0, &how), TROUPE_TIMEOUT);
    cr_assert_eq(how.late, 40);
    cr_assert(how.ended);
    cr_assert_eq(stage_logged("close: player, after stopping, has not ended in 70 ms"), 32);
    cr_assert_eq(stage_logged("close: and 8 others"), 1);
    stage_forget();
}

Test(shutdown_end, of_many_some_are_named_and_the_rest_is_counted) {
    for (uint64_t seed = 1; seed <= 20; seed++) (void)play(seed, stop_never_at_the_top);
}

static sem_t gate, inside;

static troupe_err hang(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    sem_post(&inside);
    sem_wait(&gate);
    stage_say("through");
    return TROUPE_OK;
}

/* What is left to the callback is left for good, until it returns after all. */
static void end_what_was_left(troupe *left) {
    cr_assert(tr_table_wait(&left->table, 0, TR_NEVER));
    tr_sched_end(&left->sched); /* so that no sanitizer misses anything */
    tr_timers_end(&left->timers);
    tr_runtime_free(left);
}

static void hang_and_shut_down(bool blocking) {
    troupe_config config = stage_prepare(2);
    troupe *rt;
    troupe_farewell how;
    config.heap = (troupe_heap){NULL, NULL, NULL};
    sem_init(&gate, 0, 0);
    sem_init(&inside, 0, 0);
    cr_assert_eq(troupe_open(&config, &rt), TROUPE_OK);
    const troupe_behaviour what = {.name = "hanger", .blocking = blocking, .receive = hang};
    troupe_ref who = enter(rt, &what, NULL);
    baton_post(rt, who, 0);
    sem_wait(&inside);
    troupe *left = rt;
    cr_assert_eq(troupe_shutdown(&rt, 16, 0, &how), TROUPE_TIMEOUT);
    cr_assert_null(rt);
    cr_assert(!how.drained && !how.stopped && !how.ended);
    cr_assert_eq(how.busy, 1);
    cr_assert_eq(how.late, 1);
    cr_assert_eq(how.left, 1);
    cr_assert_eq(stage_logged("drain: hanger, in baton"), 1);
    cr_assert_eq(stage_logged("close: hanger, in baton, has not ended in"), 1);
    cr_assert_eq(stage_logged("close: hanger in baton does not return from its callback"), 1);
    sem_post(&gate);
    end_what_was_left(left);
}

Test(shutdown_end, it_returns_when_a_callback_does_not) {
    hang_and_shut_down(false);
    hang_and_shut_down(true);
}

/* A report is what the log says, as a structure. */
static troupe_report seen;
static char seen_path[64], seen_doing[64];

static void see(void *ctx, const troupe_report *report) {
    (void)ctx;
    seen = *report;
    snprintf(seen_path, sizeof seen_path, "%s", report->path);
    snprintf(seen_doing, sizeof seen_doing, "%s", report->doing);
}

Test(shutdown_end, a_straggler_is_a_report) {
    troupe *rt = stage_open_as((troupe_config){.workers = STAGE_SIMULATED, .report = see});
    troupe_ref who = stage_enter(&late);
    cr_assert_eq(troupe_register(rt, who, "desk"), TROUPE_OK);
    stage_close();
    cr_assert_eq(seen.kind, TROUPE_REPORT_STRAGGLER);
    cr_assert_str_eq(seen_path, "desk");
    cr_assert_str_eq(seen_doing, "stopping");
    cr_assert(troupe_same(seen.who, who));
    cr_assert_eq(seen.for_ms, 5000, "%d", (int)seen.for_ms);
    cr_assert_eq(seen.limit, TROUPE_MAILBOX_DEFAULT);
}
