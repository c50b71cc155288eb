/* Exit signals without a link between two nodes, over the simulated network. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <troupe/remote.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

#include "actors/find.h"

TestSuite(sim_exit, .timeout = 100);

enum { SEEDS = 200, NARROW = 2 };

/* What an actor is told to do. */
enum { SAY, TRAP, SIGNAL, PASS, WATCH, STORM };

struct order {
    uint32_t what, n;
    troupe_ref who;
};
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, n), TROUPE_FIELD(order, who));

/* One node of two, and its actor. */
typedef struct side {
    troupe *rt;
    troupe_node *node;
    troupe_ref who;
    const char *name;
} side;

static troupe_sim *sim;
static side a, b;
static char diary[4096], url[64];
static uint32_t sent; /* by a storm, until it was FULL */

static void say(const char *name, const char *what, uint32_t n) {
    size_t used = strlen(diary);
    (void)snprintf(diary + used, sizeof diary - used, "%s%s:%s%u", used ? " " : "", name, what, n);
}

static troupe_err signals(troupe_self *self, const side *it, const struct order *order) {
    troupe_err err = troupe_exit_signal(self, order->who, (troupe_err)order->n);
    if (err) say(it->name, "error", err);
    return TROUPE_OK;
}

/* Sends so many signals as are taken, and then a message, which is not taken either. */
static troupe_err storm(troupe_self *self, const struct order *order) {
    troupe_err err;
    while (!(err = troupe_exit_signal(self, order->who, (troupe_err)(1000 + sent)))) sent++;
    cr_assert_eq(err, TROUPE_FULL);
    return TROUPE_OK;
}

static troupe_err obey(troupe_self *self, const side *it, const struct order *order) {
    switch (order->what) {
    case TRAP: troupe_trap_exits(self, true); return TROUPE_OK;
    case SIGNAL: return signals(self, it, order);
    case STORM: return storm(self, order);
    case WATCH: return troupe_monitor(self, order->who, NULL);
    case PASS: return troupe_tell(self, order->who, &order_type, &(struct order){.n = order->n});
    default: say(it->name, "", order->n); return TROUPE_OK;
    }
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const side *it = *(side **)state;
    const struct order *order = troupe_as(*msg, &order_type);
    const struct troupe_exit *signal = troupe_as(*msg, &troupe_exit_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (order) return obey(self, it, order);
    if (down) say(it->name, "down", down->why);
    if (down) return TROUPE_OK;
    cr_assert(!signal->link);
    cr_assert(troupe_same(signal->who, troupe_sender(self)));
    cr_assert(troupe_same(signal->who, it == &a ? b.who : a.who));
    say(it->name, "signal", signal->why);
    return TROUPE_OK;
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    (void)self;
    *(side **)state = *(side *const *)arg;
    return TROUPE_OK;
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    (void)self;
    if (why != TROUPE_SHUTDOWN) say((*(side **)state)->name, "stop", why);
}

static const troupe_behaviour actor = {.name = "actor",
                                       .mailbox_limit = NARROW,
                                       .state_size = sizeof(side *),
                                       .start = start,
                                       .receive = receive,
                                       .stop = stop},
                              sluggish = {.name = "actor",
                                          .mailbox_limit = NARROW,
                                          .overflow = TROUPE_DROP_OLDEST,
                                          .state_size = sizeof(side *),
                                          .start = start,
                                          .receive = receive,
                                          .stop = stop};

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

static void enter(side *it, const troupe_behaviour *what) {
    cr_assert_eq(troupe_spawn(it->rt, what, &(side *){it}, &it->who), TROUPE_OK);
}

static void open_side(side *it, const char *name) {
    const troupe_config config = {.log = quiet};
    const troupe_node_config node = {.name = name, .secret = "0123456789abcdef", .secret_size = 16};
    *it = (side){.name = name};
    cr_assert_eq(troupe_sim_runtime(sim, &config, &it->rt), TROUPE_OK);
    cr_assert_eq(troupe_node_open(it->rt, &node, &it->node), TROUPE_OK);
    cr_assert_eq(troupe_register_type(it->rt, &order_type), TROUPE_OK);
    enter(it, &actor);
}

static void settle(void) {
    troupe_sim_run(sim, 2000);
}

static void expect(const char *words) {
    settle();
    cr_assert_str_eq(diary, words, "\n  seen:     %s\n  expected: %s", diary, words);
    diary[0] = '\0';
}

static void order(side *to, uint32_t what, uint32_t n, troupe_ref who) {
    const struct order body = {what, n, who};
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(to->rt, &order_type, &body, &msg), TROUPE_OK);
    for (troupe_err err; (err = troupe_post(to->rt, to->who, &msg));) {
        cr_assert_eq(err, TROUPE_FULL);
        cr_assert(troupe_sim_step(sim));
    }
}

/* Plays a scene in 200 orders. What was sent is accounted for, on both sides. */
static void in_all_orders(void (*scene)(void)) {
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const troupe_sim_config config = {.seed = seed};
        cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
        open_side(&a, "a");
        open_side(&b, "b");
        cr_assert_eq(troupe_listen(b.node, "tcp://127.0.0.1:0", url, sizeof url), TROUPE_OK);
        cr_assert_eq(troupe_connect(a.node, url, 5000), TROUPE_OK);
        diary[0] = '\0';
        sent = 0;
        scene();
        settle();
        troupe_close(&a.rt);
        troupe_close(&b.rt);
        cr_assert_eq(troupe_sim_leaks(sim), 0);
        troupe_sim_close(&sim);
    }
}

static void normal(void) {
    order(&a, SIGNAL, TROUPE_OK, b.who);
    settle();
    order(&b, SAY, 1, TROUPE_NOBODY);
    expect("b:1");
    order(&b, TRAP, 1, TROUPE_NOBODY);
    settle();
    order(&a, SIGNAL, TROUPE_OK, b.who);
    expect("b:signal0");
}

Test(sim_exit, case_1_a_normal_signal_does_nothing_but_to_who_traps) {
    in_all_orders(normal);
}

static void in_line(void) {
    order(&a, WATCH, 0, b.who);
    settle();
    order(&a, PASS, 7, b.who);
    order(&a, PASS, 8, b.who);
    order(&a, SIGNAL, 1005, b.who);
    order(&a, PASS, 9, b.who);
    expect("b:7 b:8 b:stop1005 a:down1005");
}

Test(sim_exit, case_4_it_ends_who_does_not_trap_behind_what_was_sent_before) {
    in_all_orders(in_line);
}

static void trapped(void) {
    order(&b, TRAP, 1, TROUPE_NOBODY);
    settle();
    order(&a, PASS, 7, b.who);
    order(&a, SIGNAL, 1005, b.who);
    order(&a, PASS, 8, b.who);
    order(&a, SIGNAL, TROUPE_SHUTDOWN, b.who);
    expect("b:7 b:signal1005 b:8 b:signal11");
}

Test(sim_exit, case_5_for_who_traps_it_is_a_message_in_line) {
    in_all_orders(trapped);
}

static void two(void) {
    order(&a, SIGNAL, 1005, b.who);
    order(&a, SIGNAL, 1006, b.who);
    expect("b:stop1005");
}

Test(sim_exit, case_8_of_two_the_first_is_the_reason) {
    in_all_orders(two);
}

/* Its mailbox is full, and more waits at the connection: a kill goes past all of it. */
static void killed(void) {
    order(&b, TRAP, 1, TROUPE_NOBODY);
    order(&a, WATCH, 0, b.who);
    settle();
    cr_assert_eq(troupe_sim_hold(sim, b.who, true), TROUPE_OK);
    for (uint32_t i = 0; i < 3 * NARROW; i++) order(&a, PASS, i, b.who);
    settle();
    order(&a, SIGNAL, TROUPE_KILL, b.who);
    expect("a:down12");
    cr_assert_eq(troupe_sim_hold(sim, b.who, false), TROUPE_GONE);
}

Test(sim_exit, case_2_a_kill_overtakes_can_not_be_trapped_and_is_told_as_killed) {
    in_all_orders(killed);
}

/* More signals than its mailbox holds, to one that handles nothing: no more wait than messages
 * could, the sender is told, and each that was taken arrives, in order; whatever is dropped of
 * messages, by a mailbox that does so, no signal is. */
static void signal_storm(const troupe_behaviour *what) {
    char words[1024] = "";
    uint32_t waiting;
    enter(&b, what);
    order(&b, TRAP, 1, TROUPE_NOBODY);
    settle();
    cr_assert_eq(troupe_sim_hold(sim, b.who, true), TROUPE_OK);
    order(&a, STORM, 0, b.who);
    settle();
    cr_assert_eq(sent, 16, "the first credit of a connection: %u", (unsigned)sent);
    cr_assert_eq(troupe_mailbox(b.rt, b.who, &waiting, NULL), TROUPE_OK);
    cr_assert_eq(waiting, NARROW);
    order(&b, SAY, 1, TROUPE_NOBODY);
    cr_assert_eq(troupe_sim_hold(sim, b.who, false), TROUPE_OK);
    for (uint32_t i = 0; i < sent; i++)
        (void)snprintf(words + strlen(words), sizeof words - strlen(words), "%sb:signal%u",
                       i ? " " : "", 1000 + i);
    expect(words);
    sent = 0;
    order(&a, STORM, 0, b.who);
    settle();
    cr_assert_gt(sent, 0, "credit has come back");
    cr_assert_eq(tr_table_find(&b.rt->table, b.who.id)->exits, 0, "one is counted that is none");
    diary[0] = '\0';
}

static void storm_at_one_that_drops(void) {
    signal_storm(&sluggish);
}

Test(sim_exit, case_25_no_more_signals_wait_than_credit_allows_and_none_is_lost) {
    in_all_orders(storm_at_one_that_drops);
}

static void to_nobody(void) {
    troupe_ref before = b.who;
    cr_assert_eq(troupe_kill(b.rt, b.who), TROUPE_OK);
    settle();
    enter(&b, &actor);
    for (int i = 0; i < 3; i++) {
        order(&a, SIGNAL, 1005, before);
        order(&a, SIGNAL, TROUPE_KILL, before);
        settle();
    }
    order(&b, SAY, 1, TROUPE_NOBODY);
    expect("b:1");
}

Test(sim_exit, case_26_to_one_that_has_ended_nothing_happens) {
    in_all_orders(to_nobody);
}

static void one_life(void) {
    const troupe_child child = {.id = "kid", .what = &actor, .name = "kid", .arg = &(side *){&b}};
    const troupe_supervision tree = {.child = &child, .children = 1, .max_restarts = 9};
    troupe_ref root;
    cr_assert_eq(troupe_supervise(b.rt, &tree, 5000, &root), TROUPE_OK);
    cr_assert_eq(troupe_whereis(b.rt, "kid", &b.who), TROUPE_OK);
    cr_assert_eq(troupe_sim_hold(sim, b.who, true), TROUPE_OK);
    order(&a, SIGNAL, 1005, b.who);
    order(&a, SIGNAL, 1006, b.who);
    order(&a, PASS, 7, b.who); /* it waits, and is for whichever life comes to it */
    settle();
    cr_assert_eq(troupe_sim_hold(sim, b.who, false), TROUPE_OK);
    expect("b:stop1005 b:7");
    cr_assert_eq(troupe_stop(b.rt, root), TROUPE_OK);
    settle();
}

Test(sim_exit, a_signal_is_for_the_life_that_was_when_it_came) {
    in_all_orders(one_life);
}

static void alone(void) {
    order(&a, SIGNAL, 1005, (troupe_ref){77, 1});
    order(&a, SIGNAL, TROUPE_KILL, (troupe_ref){77, 1});
    expect("a:error13 a:error13");
    troupe_sim_disconnect(sim, a.rt, b.rt);
    settle();
    order(&a, SIGNAL, 1005, b.who);
    order(&b, SAY, 1, TROUPE_NOBODY);
    settle();
    cr_assert(!strcmp(diary, "a:error13 b:1") || !strcmp(diary, "b:1 a:error13"), "%s", diary);
}

Test(sim_exit, without_a_connection_nothing_is_sent) {
    in_all_orders(alone);
}
