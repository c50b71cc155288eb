/* Hosts, asked by actors that are no keepers: what they do with whatever comes. */
#include <troupe/ask.h>

#include "test/transport/far_scene.h"
#include "transport/far_guest.h"

TestSuite(far_host, .timeout = 60, .fini = scene_say_seed);

enum { SEEDS = 100 };

/* A question to a host by a hand, that plays the keeper; its answer. */
typedef struct question {
    troupe_ref host, steward;
    struct far_start start;
    struct far_about about;
    troupe_err err;
} question;

static struct far_told told[8]; /* by tag */
static troupe_err unanswered[8];
static size_t answers;

static troupe_err hear(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                       troupe_msg **answer) {
    (void)self, (void)state;
    const struct far_told *what = troupe_as(*answer, &tr_far_told_type);
    told[tag] = what ? *what : (struct far_told){.why = (uint32_t)TROUPE_BADTYPE};
    unanswered[tag] = err;
    answers++;
    return TROUPE_OK;
}

static void ask(troupe_self *self, question *q, const troupe_type *type, const void *body,
                uint64_t tag) {
    troupe_msg *msg;
    cr_assert_eq(troupe_make(troupe_runtime(self), type, body, &msg), TROUPE_OK);
    q->err = troupe_request_then(self, q->host, &msg, PATIENCE_MS, tag, hear);
    troupe_drop(&msg);
}

static void ask_to_start(troupe_self *self, void *ctx) {
    question *q = ctx;
    q->start.keeper = troupe_me(self);
    ask(self, q, &tr_far_start_type, &q->start, 0);
}

static void ask_about(troupe_self *self, void *ctx) {
    question *q = ctx;
    q->about.keeper = q->about.keeper.id ? q->about.keeper : troupe_me(self);
    ask(self, q, &tr_far_about_type, &q->about, q->about.act);
}

static void await(size_t count) {
    SCENE_AWAIT(answers >= count);
}

typedef struct play {
    party pair[2];
    notes *all;
    troupe_ref hand;
    question q;
} play;

/* All simulated: what is asked is the same whatever it travels on. */
static void play_open(play *p) {
    world_open();
    memset(told, 0, sizeof told);
    answers = 0;
    far_open(&p->pair[0], "left", false);
    far_open_host(&p->pair[1], "right", false);
    party_meet(&p->pair[0], &p->pair[1]);
    p->all = notes_open();
    p->hand = hand_of(&p->pair[0], 64, p->all);
    troupe_ref mine;
    cr_assert_eq(tr_far_host(p->pair[0].node, &mine), TROUPE_OK);
    static unsigned char arg[] = {0x92, 0, 0}; /* count {0, 0} */
    p->q = (question){.host = found(&p->pair[0], "right", TR_FAR_HOST),
                      .start = {.id = "kid",
                                .what = "kid",
                                .type = tr_types_hash(tr_port_types(p->pair[0].rt), &count_type),
                                .arg = {arg, sizeof arg},
                                .steward = mine,
                                .token = 10,
                                .stop_ms = 500,
                                .lease_ms = 2000}};
}

static void play_close(play *p) {
    pair_close(p->pair);
    notes_close(p->all);
    world_close();
}

static troupe_err start_it(play *p) {
    size_t before = answers;
    act_as(&p->pair[0], p->hand, ask_to_start, &p->q);
    cr_assert_eq(p->q.err, TROUPE_OK);
    await(before + 1);
    cr_assert_eq(unanswered[0], TROUPE_OK);
    return (troupe_err)told[0].why;
}

SIMULATED(far_host, a_guest_without_a_steward_that_answers_is_not_started, SEEDS) {
    (void)tcp;
    play p;
    play_open(&p);
    p.q.start.steward = p.hand; /* who does not know about leases */
    act_as(&p.pair[0], p.hand, ask_to_start, &p.q);
    troupe_sim_run(scene_sim, 3000);
    cr_assert_eq(answers, 0u);
    cr_assert_eq(world_starts(0), 0u);
    cr_assert_eq(p.pair[1].node->far.guest_count, 1u);
    cr_assert_eq(troupe_kill(p.pair[0].rt, p.hand), TROUPE_OK);
    SCENE_AWAIT(p.pair[1].node->far.guest_count == 0);
    play_close(&p);
}

SIMULATED(far_host, a_guest_whose_steward_answers_no_more_is_stopped_when_its_lease_is_over,
          SEEDS) {
    (void)tcp;
    play p;
    play_open(&p);
    cr_assert_eq(start_it(&p), TROUPE_OK);
    p.q.about = (struct far_about){.act = FAR_AWAIT, .id = "kid", .token = 10};
    act_as(&p.pair[0], p.hand, ask_about, &p.q);
    troupe_sim_run(scene_sim, 5000);
    cr_assert_eq(world_alive(0), 1u, "its lease is renewed");
    cr_assert_eq(troupe_sim_hold(scene_sim, p.q.start.steward, true), TROUPE_OK);
    uint64_t then = scene_clock();
    SCENE_AWAIT(world_alive(0) == 0);
    uint64_t ms = (scene_clock() - then) / TR_MS;
    ms -= KID_STOP_MS;
    cr_assert(ms >= 2000 - 2 * TR_FAR_TICK_MS && ms <= 2000 + TR_FAR_TICK_MS + 10, "%u ms",
              (unsigned)ms);
    await(2);
    cr_assert_eq(told[FAR_AWAIT].why, (uint32_t)TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_sim_hold(scene_sim, p.q.start.steward, false), TROUPE_OK);
    play_close(&p);
}

SIMULATED(far_host, how_a_guest_ended_is_told_also_if_it_is_asked_later, SEEDS) {
    (void)tcp;
    play p;
    play_open(&p);
    cr_assert_eq(start_it(&p), TROUPE_OK);
    cr_assert_eq(order_to(&p.pair[0], told[0].who, ORDER_FAIL, TROUPE_USER + 3), TROUPE_OK);
    SCENE_AWAIT(world_alive(0) == 0);
    troupe_sim_run(scene_sim, 1000);
    p.q.about = (struct far_about){.act = FAR_AWAIT, .id = "kid", .token = 10};
    act_as(&p.pair[0], p.hand, ask_about, &p.q);
    await(2);
    cr_assert_eq(told[FAR_AWAIT].why, (uint32_t)TROUPE_USER + 3);
    cr_assert_eq(p.pair[1].node->far.guest_count, 0u);
    act_as(&p.pair[0], p.hand, ask_about, &p.q);
    await(3);
    cr_assert_eq(told[FAR_AWAIT].why, (uint32_t)TROUPE_GONE);
    play_close(&p);
}

SIMULATED(far_host, an_older_life_does_not_take_the_place_of_a_newer_one, SEEDS) {
    (void)tcp;
    play p;
    play_open(&p);
    cr_assert_eq(start_it(&p), TROUPE_OK);
    p.q.start.token = 9;
    cr_assert_eq(start_it(&p), TROUPE_TAKEN);
    p.q.about = (struct far_about){.act = FAR_CLEAR, .id = "kid", .token = 9};
    act_as(&p.pair[0], p.hand, ask_about, &p.q);
    await(3);
    cr_assert_eq(told[FAR_CLEAR].why, (uint32_t)TROUPE_OK, "of the older ones there is none");
    cr_assert_eq(world_alive(0), 1u);
    p.q.about.token = 10;
    act_as(&p.pair[0], p.hand, ask_about, &p.q);
    await(4);
    cr_assert_eq(world_alive(0), 0u, "it has ended when that is said");
    cr_assert_eq(p.pair[1].node->far.guest_count, 1u, "its keeper has not asked how");
    play_close(&p);
}

SIMULATED(far_host, what_is_not_its_own_is_not_stopped_by_a_peer, SEEDS) {
    (void)tcp;
    play p;
    play_open(&p);
    cr_assert_eq(start_it(&p), TROUPE_OK);
    party other;
    far_open(&other, "other", false);
    party_meet(&other, &p.pair[1]);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&other, 16, all);
    question q = p.q;
    q.about = (struct far_about){.act = FAR_CLEAR, .id = "kid", .token = 1000};
    act_as(&other, hand, ask_about, &q); /* of its own children there is none */
    await(2);
    q.about.keeper = p.hand; /* another's name */
    act_as(&other, hand, ask_about, &q);
    troupe_sim_run(scene_sim, 1000);
    cr_assert_eq(world_alive(0), 1u);
    party_close(&other);
    play_close(&p);
    notes_close(all);
}

SIMULATED(far_host, bytes_that_are_no_argument_are_refused, SEEDS) {
    (void)tcp;
    play p;
    play_open(&p);
    static const unsigned char bad[] = {0xdd, 0xff, 0xff, 0xff, 0xff};
    p.q.start.arg = (troupe_bytes){bad, sizeof bad};
    cr_assert_eq(start_it(&p), TROUPE_MALFORMED);
    p.q.start.type++;
    cr_assert_eq(start_it(&p), TROUPE_BADTYPE);
    p.q.start.what = "";
    cr_assert_eq(start_it(&p), TROUPE_NOTFOUND);
    cr_assert_eq(p.pair[1].node->far.guest_count, 0u);
    cr_assert_eq(world_starts(0), 0u);
    play_close(&p);
}

/* Twenty nodes more would only cost time. */
SIMULATED(far_host, it_is_made_once_and_not_under_a_name_that_is_taken, 4) {
    (void)tcp;
    party p;
    world_open();
    far_open(&p, "p", false);
    troupe_ref hand = hand_of(&p, 16, world.notes), host;
    cr_assert_eq(troupe_register(p.rt, hand, TR_FAR_HOST), TROUPE_OK);
    cr_assert_eq(troupe_host_children(p.node), TROUPE_TAKEN);
    cr_assert_eq(troupe_kill(p.rt, hand), TROUPE_OK);
    troupe_sim_run(scene_sim, 10);
    cr_assert_eq(troupe_host_children(p.node), TROUPE_OK);
    cr_assert_eq(troupe_host_children(p.node), TROUPE_OK);
    cr_assert_eq(troupe_whereis(p.rt, TR_FAR_HOST, &host), TROUPE_OK);
    cr_assert(troupe_same(host, p.node->far.host));
    party_close(&p);
    world_close();
}
