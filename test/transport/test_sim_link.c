/* Links between two nodes, over the simulated network: each end is told once, in line behind what
 * was sent before, and neither side keeps anything. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <troupe/remote.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

#include "actors/runtime.h"

TestSuite(sim_link, .timeout = 100);

/* What an actor is told to do. */
enum { SAY, LINK, UNLINK, END, PASS };

struct order {
    uint32_t what, n;
    troupe_ref who;
};
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, n), TROUPE_FIELD(order, who));

/* One node of two, and its actor, which traps. */
typedef struct side {
    troupe *rt;
    troupe_node *node;
    troupe_ref who;
    const char *name;
} side;

static troupe_sim *sim;
static side a, b;
static char diary[1024];

static void say(const char *name, const char *what, uint32_t n) {
    size_t used = strlen(diary);
    (void)snprintf(diary + used, sizeof diary - used, "%s%s:%s%u", used ? " " : "", name, what, n);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const side *it = *(side **)state;
    const struct order *order = troupe_as(*msg, &order_type);
    const struct troupe_exit *ended = troupe_as(*msg, &troupe_exit_type);
    if (ended) {
        cr_assert(ended->link);
        cr_assert(troupe_same(ended->who, troupe_sender(self)));
        say(it->name, "exit", ended->why);
        return TROUPE_OK;
    }
    switch (order->what) {
    case LINK:
        return troupe_link(self, order->who);
    case UNLINK:
        (void)troupe_unlink(self, order->who);
        return TROUPE_OK;
    case END:
        return (troupe_err)order->n;
    case PASS:
        return troupe_tell(self, order->who, &order_type, &(struct order){SAY, order->n, {0, 0}});
    default:
        say(it->name, "", order->n);
        return TROUPE_OK;
    }
}

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    *(side **)state = *(side *const *)arg;
    troupe_trap_exits(self, true);
    return TROUPE_OK;
}

static const troupe_behaviour actor = {
    .name = "actor", .state_size = sizeof(side *), .start = start, .receive = receive};

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    (void)line;
}

static void enter(side *it) {
    cr_assert_eq(troupe_spawn(it->rt, &actor, &(side *){it}, &it->who), TROUPE_OK);
}

static void open_side(side *it, const char *name) {
    const troupe_config config = {.log = quiet};
    const troupe_node_config node = {.name = name, .secret = "0123456789abcdef", .secret_size = 16};
    *it = (side){.name = name};
    cr_assert_eq(troupe_sim_runtime(sim, &config, &it->rt), TROUPE_OK);
    cr_assert_eq(troupe_node_open(it->rt, &node, &it->node), TROUPE_OK);
    cr_assert_eq(troupe_register_type(it->rt, &order_type), TROUPE_OK);
    enter(it);
}

static void settle(void) {
    troupe_sim_run(sim, 2000);
}

static void expect(const char *words) {
    settle();
    cr_assert_str_eq(diary, words);
    diary[0] = '\0';
}

static void order(side *to, uint32_t what, uint32_t n, troupe_ref who) {
    const struct order body = {what, n, who};
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(to->rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(to->rt, to->who, &msg), TROUPE_OK);
}

static void nothing_is_kept(void) {
    cr_assert_eq(a.rt->ties.all.count, 0);
    cr_assert_eq(b.rt->ties.all.count, 0);
}

/* Plays a scene in so many orders. */
static void in_orders(uint64_t orders, void (*scene)(void)) {
    for (uint64_t seed = 1; seed <= orders; seed++) {
        const troupe_sim_config config = {.seed = seed};
        char url[64];
        cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
        open_side(&a, "a");
        open_side(&b, "b");
        cr_assert_eq(troupe_listen(b.node, "tcp://127.0.0.1:0", url, sizeof url), TROUPE_OK);
        cr_assert_eq(troupe_connect(a.node, url, 5000), TROUPE_OK);
        diary[0] = '\0';
        scene();
        settle();
        nothing_is_kept();
        troupe_close(&a.rt);
        troupe_close(&b.rt);
        cr_assert_eq(troupe_sim_leaks(sim), 0);
        troupe_sim_close(&sim);
    }
}

static void either_end(void) {
    for (int round = 0; round < 4; round++) {
        side *ends = round % 2 ? &a : &b, *hears = round % 2 ? &b : &a;
        order(&a, LINK, 0, b.who);
        if (round < 2) settle();
        if (round < 2) order(&a, LINK, 0, b.who);
        settle();
        cr_assert_eq(a.rt->ties.all.count, 2);
        cr_assert_eq(b.rt->ties.all.count, 2);
        order(ends, PASS, 7, hears->who);
        order(ends, PASS, 8, hears->who);
        order(ends, END, 1005, TROUPE_NOBODY);
        expect(round % 2 ? "b:7 b:8 b:exit1005" : "a:7 a:8 a:exit1005");
        nothing_is_kept();
        enter(ends);
    }
}

Test(sim_link, whichever_end_ends_the_other_hears_behind_its_messages) {
    in_orders(200, either_end);
}

static void unlinked(void) {
    for (int round = 0; round < 4; round++) {
        side *takes_back = round % 2 ? &a : &b;
        order(&a, LINK, 0, b.who);
        settle();
        order(takes_back, UNLINK, 0, round % 2 ? b.who : a.who);
        settle();
        nothing_is_kept();
        order(&b, END, 1005, TROUPE_NOBODY);
        expect("");
        enter(&b);
    }
}

Test(sim_link, case_14_one_unlink_ends_it_whichever_side_calls) {
    in_orders(200, unlinked);
}

/* Both make it, take it back and make it again, all on the way at once. */
static void crossing(void) {
    order(&a, LINK, 0, b.who);
    order(&b, LINK, 0, a.who);
    settle();
    order(&b, END, 1005, TROUPE_NOBODY);
    expect("a:exit1005");
    nothing_is_kept();
    enter(&b);
    order(&a, LINK, 0, b.who);
    order(&b, LINK, 0, a.who);
    order(&a, UNLINK, 0, b.who);
    order(&a, LINK, 0, b.who);
    order(&b, UNLINK, 0, a.who);
    order(&b, LINK, 0, a.who);
    settle();
    cr_assert_eq(a.rt->ties.all.count, b.rt->ties.all.count, "one side alone thinks so");
    cr_assert_geq(a.rt->ties.all.count, 2);
    order(&a, END, 1006, TROUPE_NOBODY);
    expect("b:exit1006");
}

Test(sim_link, both_sides_may_link_and_unlink_at_the_same_time) {
    in_orders(4000, crossing); /* it is seldom that an unlink meets another link */
}

/* The link meets the end. */
static void races(void) {
    order(&b, END, 1005, TROUPE_NOBODY);
    order(&a, LINK, 0, b.who);
    settle();
    cr_assert(!strcmp(diary, "a:exit1005") || !strcmp(diary, "a:exit2"), "%s", diary);
    diary[0] = '\0';
    order(&a, LINK, 0, b.who);
    expect("a:exit2");
    order(&a, LINK, 0, (troupe_ref){77, 1});
    expect("a:exit13");
}

Test(sim_link, case_17_a_link_with_one_that_ends_or_is_nowhere_gives_one_exit) {
    in_orders(200, races);
}

static void lost(void) {
    order(&a, LINK, 0, b.who);
    order(&b, LINK, 0, a.who);
    settle();
    troupe_sim_disconnect(sim, a.rt, b.rt);
    settle();
    cr_assert(!strcmp(diary, "a:exit13 b:exit13") || !strcmp(diary, "b:exit13 a:exit13"), "%s",
              diary);
    diary[0] = '\0';
    nothing_is_kept();
}

Test(sim_link, a_lost_connection_is_the_end_of_the_link_on_both_sides) {
    in_orders(200, lost);
}
