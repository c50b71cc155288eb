/* The credit arithmetic on its own: both ends of a link's window without a link between them. The
 * runtime is stepped, so the receiving actors handle mail exactly when a test says so. */
#include "transport/window.h"

#include <criterion/criterion.h>

#include "base/check.h"
#include "serial/envelope.h"
#include "test/support/exhaust.h"
#include "test/support/stage.h"

TestSuite(window, .timeout = 60);

enum { PEER = 77, WHO = 5, HEARD_MOST = 1 << 16, GRANTS_MOST = 64 };

struct number {
    uint64_t n;
};
static const troupe_type number_type = TROUPE_TYPE(number, TROUPE_FIELD(number, n));

/* What a receiver was told beside plain numbers. */
#define WATCH_US UINT64_C(1000001)
#define END_NOW UINT64_C(1000002)
#define A_DOWN UINT64_C(1000003)

/* A runtime with a port that only writes down what it is asked for, and a window's two ends. */
static struct world {
    tr_port port;
    tr_incoming in;
    tr_outgoing out;
    uint64_t target[GRANTS_MOST], granted[GRANTS_MOST]; /* said, not yet heard by the sender */
    size_t grants, acks, no_targets, asks_failed;
    troupe_err ask_why;
    uint64_t monitor, sent, acked;
    uint64_t heard[HEARD_MOST];
    size_t hearing;
} world;

/* --- The port --------------------------------------------------------------------------------- */

static troupe_err port_monitor(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who) {
    (void)port, (void)watcher, (void)who;
    world.monitor = number;
    return TROUPE_OK;
}

static void port_demonitor(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who) {
    (void)port, (void)number, (void)watcher, (void)who;
}

static void port_ask_failed(tr_port *port, troupe_ref asker, troupe_err why) {
    (void)port, (void)asker;
    world.asks_failed++;
    world.ask_why = why;
}

static void port_room(tr_port *port, troupe_ref who) {
    (void)port;
    tr_incoming_room(&world.in, who.id);
}

static bool port_close(tr_port *port) {
    (void)port;
    return true;
}

static const tr_port_ops ops = {
    .monitor = port_monitor,
    .demonitor = port_demonitor,
    .ask_failed = port_ask_failed,
    .room = port_room,
    .close = port_close,
};

static void on_ack(void *ctx, uint64_t target, uint64_t accepted) {
    cr_assert_eq(ctx, &world);
    tr_outgoing_acked(&world.out, target, accepted);
    world.acks++;
    world.acked = accepted;
}

static void on_grant(void *ctx, uint64_t target, uint64_t granted) {
    cr_assert_eq(ctx, &world);
    size_t i = 0; /* a later grant to the same actor says all that an earlier one did */
    while (i < world.grants && world.target[i] != target) i++;
    cr_assert_lt(i, (size_t)GRANTS_MOST);
    if (i == world.grants)
        world.grants++;
    else
        cr_assert_gt(granted, world.granted[i]);
    world.target[i] = target;
    world.granted[i] = granted;
}

static void on_untied(void *ctx, bool theirs) {
    (void)ctx, (void)theirs;
}

static void on_no_target(void *ctx, uint64_t target, troupe_err how) {
    cr_assert_eq(ctx, &world);
    world.no_targets++;
    tr_outgoing_gone(&world.out, target, how);
}

/* --- The receivers ---------------------------------------------------------------------------- */

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct number *number = troupe_as(*msg, &number_type);
    cr_assert_lt(world.hearing, (size_t)HEARD_MOST);
    world.heard[world.hearing++] = number ? number->n : A_DOWN;
    if (!number) return TROUPE_OK;
    if (number->n == WATCH_US) return troupe_monitor(self, (troupe_ref){PEER, WHO}, NULL);
    if (number->n == END_NOW) troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static troupe_behaviour receiver = {.name = "receiver", .receive = receive};

static troupe_ref receiver_of(uint32_t limit) {
    troupe_ref who;
    receiver.mailbox_limit = limit;
    cr_assert_eq(troupe_spawn(stage_rt(), &receiver, NULL, &who), TROUPE_OK);
    (void)stage_run();
    return who;
}

static void world_open(void) {
    (void)stage_open(TROUPE_STEPPED);
    memset(&world, 0, sizeof world);
    world.port.ops = &ops;
    cr_assert_eq(tr_port_attach(stage_rt(), &world.port), TROUPE_OK);
    tr_outgoing_init(&world.out, tr_port_heap(stage_rt()));
    tr_incoming_init(&world.in, stage_rt());
    world.in.peer = PEER;
    world.in.grant = on_grant;
    world.in.ack = on_ack;
    world.in.no_target = on_no_target;
    world.in.untied = on_untied;
    world.in.ctx = &world;
}

static void world_close(void) {
    tr_incoming_fini(&world.in);
    tr_outgoing_fini(&world.out);
    cr_assert_eq(world.in.signals, 0u);
    stage_close();
}

/* --- The sender ------------------------------------------------------------------------------- */

static troupe_msg *number_of(uint64_t n) {
    troupe_msg *msg;
    cr_assert_eq(tr_msg_take(tr_port_pool(stage_rt()), &number_type, 0, &msg), TROUPE_OK);
    *(struct number *)tr_msg_body(msg) = (struct number){n};
    return msg;
}

/* What arrives, whether it may or not. */
static troupe_err arrive_as(troupe_ref to, uint64_t n, unsigned how) {
    const tr_arrival arrival = {.msg = number_of(n), .from = {PEER, WHO}, .how = how};
    return tr_incoming_take(&world.in, to.id, &arrival, true);
}

static troupe_err arrive(troupe_ref to, uint64_t n) {
    return arrive_as(to, n, 0);
}

static void arrive_down(troupe_ref to, uint64_t number) {
    const tr_arrival arrival = {.from = {PEER, WHO}, .number = number, .why = TROUPE_FAILED};
    cr_assert_eq(tr_incoming_take(&world.in, to.id, &arrival, false), TROUPE_OK);
}

/* One message by the rules. */
static troupe_err send_to(troupe_ref to, uint64_t n) {
    troupe_err err = tr_outgoing_may_send(&world.out, to.id);
    if (err) return err;
    tr_outgoing_sent(&world.out, to.id);
    cr_assert_eq(arrive(to, n), TROUPE_OK, "what was granted is taken");
    return TROUPE_OK;
}

static void hear_grants(void) {
    for (size_t i = 0; i < world.grants; i++)
        tr_outgoing_granted(&world.out, world.target[i], world.granted[i]);
    world.grants = 0;
}

static uint64_t random_below(uint64_t *seed, uint64_t below) {
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (*seed >> 33) % below;
}

/* What has come and is not in the mailbox yet is bounded by the window, whatever happens. */
static void check_waiting(troupe_ref to, uint32_t limit) {
    uint32_t in_box;
    cr_assert_eq(troupe_mailbox(stage_rt(), to, &in_box, NULL), TROUPE_OK);
    uint64_t window = limit < TR_WINDOW_MOST ? limit : TR_WINDOW_MOST;
    uint64_t most = window < TR_WINDOW_FIRST ? TR_WINDOW_FIRST : window;
    cr_assert_leq(world.sent - world.hearing - in_box, most);
    cr_assert_leq(in_box, limit);
}

/* Sends, handles and grants in random order; then everything in turn, until all is done. */
static void run_random(uint32_t limit, uint64_t seed) {
    troupe_ref to = receiver_of(limit);
    const uint64_t all = 3 * (uint64_t)limit + 300;
    world.sent = world.hearing = 0;
    for (unsigned turn = 0; world.hearing < all; turn++) {
        cr_assert_lt(turn, 20000u, "limit %u: stalls at %zu", limit, world.hearing);
        bool calm = turn > 300;
        uint64_t burst = calm ? all : random_below(&seed, 40);
        while (burst-- && world.sent < all && !send_to(to, world.sent)) world.sent++;
        check_waiting(to, limit);
        if (calm || random_below(&seed, 3) == 0) (void)troupe_step(stage_rt(), 1);
        check_waiting(to, limit);
        if (calm || random_below(&seed, 4) == 0) hear_grants();
    }
    for (size_t i = 0; i < world.hearing; i++) cr_assert_eq(world.heard[i], i, "limit %u", limit);
    hear_grants();
    cr_assert_eq(tr_outgoing_may_send(&world.out, to.id), TROUPE_OK, "at rest there is credit");
}

Test(window, grants_never_stall_and_order_holds) {
    static const uint32_t limits[] = {1, 2, 3, 7, 16, 17, 256, 5000};
    world_open();
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (uint64_t seed = 1; seed <= 10; seed++) run_random(limits[i], seed);
    world_close();
}

/* What a receiver that handles nothing takes: its mailbox full, and a window that waits. */
static uint64_t accepted_at_rest(uint32_t limit) {
    troupe_ref to = receiver_of(limit);
    uint64_t n = 0;
    for (int quiet = 0; quiet < 3; quiet++, hear_grants())
        for (; send_to(to, n) == TROUPE_OK; n++) quiet = 0;
    return n;
}

Test(window, a_receiver_at_rest_takes_its_mailbox_and_one_window) {
    static const uint32_t limits[] = {1, 2, 7, 16, 17, 256, 1024, 5000};
    world_open();
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        uint64_t window = limits[i] < TR_WINDOW_MOST ? limits[i] : TR_WINDOW_MOST;
        uint64_t n = accepted_at_rest(limits[i]);
        cr_assert_geq(n, limits[i], "%u: %llu", limits[i], (unsigned long long)n);
        cr_assert_leq(n, limits[i] + (window < 16 ? 16 : window));
    }
    world_close();
}

Test(window, a_peer_that_sends_more_than_it_was_granted_breaks_the_protocol) {
    world_open();
    troupe_ref to = receiver_of(1);
    for (uint64_t n = 0; n < TR_WINDOW_FIRST; n++) cr_assert_eq(arrive(to, n), TROUPE_OK);
    cr_assert_eq(arrive(to, 99), TROUPE_MALFORMED);
    cr_assert_eq(stage_dead_letters(), 1u, "the one too many is ended");
    cr_assert_eq(tr_incoming_skip(&world.in, to.id), TROUPE_MALFORMED, "unreadable ones count too");
    world_close();
}

Test(window, the_grant_is_exact_later_too) {
    world_open();
    troupe_ref to = receiver_of(40);
    uint64_t n = 0;
    for (int round = 0; round < 5; round++) {
        while (send_to(to, n) == TROUPE_OK) n++;
        (void)stage_run();
        hear_grants();
    }
    while (send_to(to, n) == TROUPE_OK) n++;
    hear_grants(); /* as sent, so granted */
    while (send_to(to, n) == TROUPE_OK) n++;
    cr_assert_eq(arrive(to, n), TROUPE_MALFORMED);
    world_close();
}

Test(window, a_message_that_can_not_be_read_gives_its_credit_back) {
    world_open();
    troupe_ref to = receiver_of(8);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(tr_outgoing_may_send(&world.out, to.id), TROUPE_OK);
        tr_outgoing_sent(&world.out, to.id);
        cr_assert_eq(tr_incoming_skip(&world.in, to.id), TROUPE_OK);
        hear_grants();
    }
    cr_assert_eq(tr_incoming_skip(&world.in, to.id + 1), TROUPE_OK, "nobody");
    cr_assert_eq(world.no_targets, 1u);
    world_close();
}

Test(window, a_down_comes_behind_the_messages_that_wait) {
    world_open();
    troupe_ref to = receiver_of(2);
    cr_assert_eq(arrive(to, WATCH_US), TROUPE_OK);
    (void)stage_run();
    for (uint64_t n = 0; n < 6; n++) cr_assert_eq(arrive(to, n), TROUPE_OK);
    arrive_down(to, world.monitor);
    cr_assert_eq(world.in.signals, 1u);
    cr_assert_eq(arrive(to, 6), TROUPE_OK);
    (void)stage_run();
    static const uint64_t expected[] = {WATCH_US, 0, 1, 2, 3, 4, 5, A_DOWN, 6};
    cr_assert_eq(world.hearing, sizeof expected / sizeof *expected);
    cr_assert_arr_eq(world.heard, expected, sizeof expected);
    cr_assert_eq(world.in.signals, 0u);
    world_close();
}

Test(window, a_down_needs_no_room_when_nothing_waits) {
    world_open();
    troupe_ref to = receiver_of(2);
    cr_assert_eq(arrive(to, WATCH_US), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(arrive(to, 0), TROUPE_OK);
    cr_assert_eq(arrive(to, 1), TROUPE_OK);
    arrive_down(to, world.monitor);
    cr_assert_eq(world.in.signals, 0u);
    arrive_down(to, world.monitor); /* a second one, and one of nothing: nobody minds */
    arrive_down(to, 4711);
    (void)stage_run();
    static const uint64_t expected[] = {WATCH_US, 0, 1, A_DOWN};
    cr_assert_eq(world.hearing, sizeof expected / sizeof *expected);
    cr_assert_arr_eq(world.heard, expected, sizeof expected);
    world_close();
}

Test(window, actors_do_not_wait_for_each_other) {
    world_open();
    troupe_ref slow = receiver_of(1), quick = receiver_of(100);
    for (uint64_t n = 0; n < 16; n++) cr_assert_eq(send_to(slow, n), TROUPE_OK);
    cr_assert_eq(send_to(slow, 16), TROUPE_FULL);
    for (uint64_t n = 0; n < 16; n++) cr_assert_eq(send_to(quick, n), TROUPE_OK);
    uint32_t waiting;
    cr_assert_eq(troupe_mailbox(stage_rt(), quick, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, 16u);
    (void)stage_run();
    cr_assert_eq(world.hearing, 32u);
    world_close();
}

Test(window, what_waits_for_an_actor_that_ends_becomes_dead_letters) {
    world_open();
    troupe_ref to = receiver_of(2);
    cr_assert_eq(arrive(to, END_NOW), TROUPE_OK);
    cr_assert_eq(arrive(to, 1), TROUPE_OK);
    for (uint64_t n = 2; n < 6; n++) cr_assert_eq(arrive_as(to, n, TR_SEND_ASK), TROUPE_OK);
    arrive_down(to, 1);
    (void)stage_run();
    cr_assert_eq(world.hearing, 1u);
    cr_assert_eq(stage_dead_letters(), 5u);
    cr_assert_eq(world.asks_failed, 4u);
    cr_assert_eq(world.ask_why, TROUPE_STOPPED, "it has ended by itself");
    cr_assert_eq(world.no_targets, 1u);
    cr_assert_eq(world.in.by_target.count, 0u);
    cr_assert_eq(arrive(to, 9), TROUPE_OK, "no fault of the peer's: it could not know");
    cr_assert_eq(world.no_targets, 2u);
    cr_assert_eq(tr_outgoing_may_send(&world.out, to.id), TROUPE_OK, "never sent to: not known");
    world_close();
}

Test(window, a_killed_actor_leaves_nothing_waiting) {
    world_open();
    troupe_ref to = receiver_of(3);
    uint64_t n = 0;
    while (send_to(to, n) == TROUPE_OK) n++;
    cr_assert_eq(troupe_kill(stage_rt(), to), TROUPE_OK);
    (void)stage_run();
    cr_assert_eq(world.hearing, 0u);
    cr_assert_eq(stage_dead_letters(), n);
    cr_assert_eq(send_to(to, n), TROUPE_GONE);
    world_close();
}

Test(window, what_waits_at_the_end_of_a_link_becomes_dead_letters) {
    world_open();
    troupe_ref to = receiver_of(1);
    for (uint64_t n = 0; n < 10; n++) cr_assert_eq(arrive_as(to, n, TR_SEND_ASK), TROUPE_OK);
    arrive_down(to, 1);
    tr_incoming_fini(&world.in);
    cr_assert_eq(stage_dead_letters(), 9u);
    cr_assert_eq(world.asks_failed, 9u);
    cr_assert_eq(world.ask_why, TROUPE_NOCONNECTION);
    (void)stage_run(); /* the mailbox asks for what is no more */
    cr_assert_eq(world.hearing, 1u);
    world_close();
}

Test(window, actors_that_have_ended_are_swept_out) {
    enum { MANY = 1200 };
    static troupe_ref who[MANY];
    world_open();
    for (int i = 0; i < MANY; i++) {
        who[i] = receiver_of(4);
        cr_assert_eq(send_to(who[i], 0), TROUPE_OK);
        (void)stage_run();
        cr_assert_eq(troupe_stop(stage_rt(), who[i]), TROUPE_OK);
        (void)stage_run();
    }
    cr_assert_gt(world.no_targets, 1000u);
    cr_assert_lt(world.in.by_target.count, 200u);
    (void)send_to(who[5], 1); /* it is not remembered any more, but is told again */
    cr_assert_eq(send_to(who[5], 2), TROUPE_GONE);
    cr_assert_lt(world.out.by_target.count, 1100u, "the sender does not remember them for ever");
    world_close();
}

Test(window, the_sender_forgets_those_that_have_ended) {
    world_open();
    for (uint64_t id = 1; id <= 5000; id++) {
        cr_assert_eq(tr_outgoing_may_send(&world.out, id), TROUPE_OK);
        tr_outgoing_sent(&world.out, id);
        tr_outgoing_gone(&world.out, id, TROUPE_GONE);
        tr_outgoing_gone(&world.out, id, TROUPE_GONE); /* once for each that was on the way */
        cr_assert_leq(world.out.by_target.count, 1024u);
    }
    world_close();
}

Test(window, grants_only_grow) {
    world_open();
    tr_outgoing_granted(&world.out, 9, 1000); /* nobody that was sent to: not kept */
    cr_assert_eq(world.out.by_target.count, 0u);
    for (uint64_t n = 0; n < TR_WINDOW_FIRST; n++) {
        cr_assert_eq(tr_outgoing_may_send(&world.out, 9), TROUPE_OK);
        tr_outgoing_sent(&world.out, 9);
    }
    cr_assert_eq(tr_outgoing_may_send(&world.out, 9), TROUPE_FULL);
    tr_outgoing_granted(&world.out, 9, 17);
    tr_outgoing_granted(&world.out, 9, 3);
    cr_assert_eq(tr_outgoing_may_send(&world.out, 9), TROUPE_OK);
    tr_outgoing_sent(&world.out, 9);
    cr_assert_eq(tr_outgoing_may_send(&world.out, 9), TROUPE_FULL);
    tr_outgoing_gone(&world.out, 9, TROUPE_GONE);
    cr_assert_eq(tr_outgoing_may_send(&world.out, 9), TROUPE_GONE);
    world_close();
}

/* --- What is kept until it is acknowledged ---------------------------------------------------- */

/* By grants, by bytes, or when that is asked for; and then only if there is something new. */
Test(window, what_is_in_the_mailbox_is_acknowledged) {
    world_open();
    troupe_ref to = receiver_of(100);
    cr_assert_eq(send_to(to, 1), TROUPE_OK);
    cr_assert(world.grants == 1 && world.acks == 1 && world.acked == 1, "the first grant");
    hear_grants();
    cr_assert_eq(send_to(to, 2), TROUPE_OK);
    cr_assert_eq(world.acks, 1u);
    tr_incoming_acknowledge(&world.in);
    tr_incoming_acknowledge(&world.in);
    cr_assert(world.acks == 2 && world.acked == 2);
    uint64_t n = 2;
    for (; !world.grants; n++) cr_assert_eq(send_to(to, n), TROUPE_OK);
    cr_assert(world.acks == 3 && world.acked == n);
    tr_arrival large = {.size = 2 << 20};
    cr_assert_eq(troupe_make(stage_rt(), &number_type, &(struct number){3}, &large.msg),
                 TROUPE_OK);
    cr_assert_eq(tr_incoming_take(&world.in, to.id, &large, true), TROUPE_OK);
    cr_assert(world.acks == 4 && world.acked == n + 1);
    world_close();
}

/* Three messages and a `down` to a new actor with a mailbox of 2: the third and the down wait. */
static troupe_err take_four(troupe_ref to, troupe_msg *msgs[3]) {
    troupe_err err = tr_outgoing_may_send(&world.out, to.id);
    for (int i = 0; i < 3 && !err; i++) {
        const tr_arrival arrival = {.msg = msgs[i], .from = {PEER, WHO}};
        msgs[i] = NULL;
        err = tr_incoming_take(&world.in, to.id, &arrival, true);
    }
    const tr_arrival down = {.number = 1, .why = TROUPE_OK};
    return err ? err : tr_incoming_take(&world.in, to.id, &down, false);
}

Test(window, without_memory_nothing_is_lost_unseen) {
    size_t failed = 0;
    for (exhaust x = {0}; exhaust_next(&x);) {
        world_open();
        troupe_ref to = receiver_of(2);
        troupe_msg *msgs[3] = {number_of(0), number_of(1), number_of(2)};
        exhaust_from(&x, stage_heap());
        troupe_err err = take_four(to, msgs);
        failed += exhaust_to(&x);
        uint64_t left = 0;
        for (int i = 0; i < 3; i++) left += msgs[i] != NULL;
        for (int i = 0; i < 3; i++) troupe_drop(&msgs[i]);
        (void)stage_run();
        cr_assert_eq(err, x.refused ? TROUPE_NOMEM : TROUPE_OK);
        if (err) tr_incoming_fini(&world.in); /* what a link does then: it ends */
        cr_assert_eq(world.hearing + stage_dead_letters() + left, 3u);
        world_close();
    }
    cr_assert_geq(failed, 2 * 5u, "only %zu points of failure were met", failed);
}
