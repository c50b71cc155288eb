/* Requests between nodes, over the simulated network: each has one end, and neither side keeps
 * anything. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <troupe/remote.h>
#include <troupe/simulation.h>
#include <troupe/troupe.h>

#include "actors/runtime.h"

TestSuite(sim_ask, .timeout = 100);

/* What an actor is told to do. ASK: asks `who` to do what is next, about somebody. FORWARD: passes
 * a new order on to `who`, to do what is next: to answer, or to keep if its number is large. */
enum { ASK, ANSWER, BREAK, KEEP, FORWARD, PASS };

struct order {
    uint32_t what, next, n;
    troupe_ref who, about;
};
static const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, what), TROUPE_FIELD(order, next), TROUPE_FIELD(order, n),
                TROUPE_FIELD(order, who), TROUPE_FIELD(order, about));

enum { LARGE = 100 };

typedef struct side {
    troupe *rt;
    troupe_node *node;
    troupe_ref who, other; /* its actors; only the first asks */
} side;

static troupe_sim *sim;
static side a, b, c;
static char diary[1024];

static troupe_err came(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                       troupe_msg **answer) {
    (void)self, (void)state;
    const struct order *it = troupe_as(*answer, &order_type);
    size_t used = strlen(diary);
    (void)snprintf(diary + used, sizeof diary - used, "%s%u:%s%s%u", used ? " " : "", (unsigned)tag,
                   troupe_errname(err), it ? "=" : "", it ? (unsigned)it->n : 0);
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct troupe_unanswered *none = troupe_as(*msg, &troupe_unanswered_type);
    uint64_t tag;
    if (troupe_answered(self, &tag)) {
        troupe_msg *nothing = NULL;
        return came(self, state, tag, none ? (troupe_err)none->why : TROUPE_OK,
                    none ? &nothing : msg);
    }
    const struct order it = *(const struct order *)troupe_as(*msg, &order_type);
    const struct order next = {
        .what = it.next, .next = it.n < LARGE ? ANSWER : KEEP, .n = it.n, .who = it.about};
    troupe_msg *out = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &order_type, &next, &out);
    switch (it.what) {
    case ASK:
        err = it.n % 2 ? troupe_request(self, it.who, &out, 500, it.n)
                       : troupe_request_then(self, it.who, &out, 500, it.n, came);
        if (err) (void)came(self, state, it.n, err, &(troupe_msg *){NULL});
        break;
    case ANSWER:
        err = troupe_reply(self, msg);
        break;
    case KEEP:
        (void)troupe_sender(self);
        break;
    case FORWARD:
        err = troupe_forward(self, it.who, &out);
        break;
    case PASS:
        err = troupe_forward(self, it.who, msg);
        break;
    default:
        break;
    }
    cr_assert(!err || it.what == ASK || it.what == PASS, "%s", troupe_errname(err));
    troupe_drop(&out);
    return TROUPE_OK;
}

static void quiet(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level, (void)line;
}

static void open_side(side *it, const char *name) {
    static const troupe_behaviour actor = {.name = "actor", .mailbox_limit = 1, .receive = receive};
    const troupe_config config = {.log = quiet};
    const troupe_node_config node = {.name = name, .secret = "0123456789abcdef", .secret_size = 16};
    cr_assert_eq(troupe_sim_runtime(sim, &config, &it->rt), TROUPE_OK);
    cr_assert_eq(troupe_node_open(it->rt, &node, &it->node), TROUPE_OK);
    cr_assert_eq(troupe_register_type(it->rt, &order_type), TROUPE_OK);
    cr_assert_eq(troupe_spawn(it->rt, &actor, NULL, &it->who), TROUPE_OK);
    cr_assert_eq(troupe_spawn(it->rt, &actor, NULL, &it->other), TROUPE_OK);
}

static void join(side *from, side *to) {
    char url[64];
    cr_assert_eq(troupe_listen(to->node, "tcp://127.0.0.1:0", url, sizeof url), TROUPE_OK);
    cr_assert_eq(troupe_connect(from->node, url, 5000), TROUPE_OK);
}

static void expect(const char *words) {
    troupe_sim_run(sim, 100);
    cr_assert_str_eq(diary, words);
    diary[0] = '\0';
}

/* The first side asks `who` to do `next` about somebody. */
static void ask(uint32_t n, troupe_ref who, uint32_t next, troupe_ref about) {
    const struct order body = {.what = ASK, .next = next, .n = n, .who = who, .about = about};
    troupe_msg *msg = NULL;
    cr_assert_eq(troupe_make(a.rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(a.rt, a.who, &msg), TROUPE_OK);
}

static void in_orders(void (*scene)(void)) {
    for (uint64_t seed = 1; seed <= 30; seed++) {
        const troupe_sim_config config = {.seed = seed};
        cr_assert_eq(troupe_sim_open(&config, &sim), TROUPE_OK);
        open_side(&a, "a");
        open_side(&b, "b");
        open_side(&c, "c");
        join(&a, &b);
        join(&b, &c);
        join(&a, &c);
        diary[0] = '\0';
        scene();
        troupe_sim_run(sim, 2000);
        cr_assert_eq(a.rt->asks.by_id.count, 0);
        cr_assert_eq(a.rt->timers.by_id.count, 0);
        troupe_close(&a.rt);
        troupe_close(&b.rt);
        troupe_close(&c.rt);
        cr_assert_eq(troupe_sim_leaks(sim), 0);
        troupe_sim_close(&sim);
    }
}

static void ends(void) {
    for (uint32_t n = 1; n <= 8; n += 4) {
        for (uint32_t i = 0; i < 2; i++) {
            char words[64];
            uint32_t tag = n + i;
            ask(tag, b.who, ANSWER, TROUPE_NOBODY);
            (void)snprintf(words, sizeof words, "%u:OK=%u", tag, tag);
            expect(words);
            ask(tag, b.who, BREAK, TROUPE_NOBODY);
            (void)snprintf(words, sizeof words, "%u:BROKEN0", tag);
            expect(words);
            ask(tag, b.who, KEEP, TROUPE_NOBODY);
            expect("");
            troupe_sim_run(sim, 500);
            (void)snprintf(words, sizeof words, "%u:TIMEOUT0", tag);
            expect(words);
        }
    }
    const troupe_ref gone = {b.who.node, b.who.id + (UINT64_C(7) << 32)};
    ask(1, gone, ANSWER, TROUPE_NOBODY);
    expect("1:GONE0");
}

Test(sim_ask, each_request_has_its_one_end) {
    in_orders(ends);
}

/* The other node says how one has ended: of a question that was in its mailbox, of one that came
 * too late, and, since it has said so, at once. */
static void ended(void) {
    ask(1, b.who, KEEP, TROUPE_NOBODY);
    expect("");
    cr_assert_eq(troupe_sim_hold(sim, b.who, true), TROUPE_OK);
    ask(2, b.who, ANSWER, TROUPE_NOBODY); /* it fills the mailbox of 1 */
    expect("");
    ask(3, b.who, ANSWER, TROUPE_NOBODY); /* it waits for room over there */
    expect("");
    cr_assert_eq(troupe_stop(b.rt, b.who), TROUPE_OK);
    cr_assert_eq(troupe_sim_hold(sim, b.who, false), TROUPE_OK);
    troupe_sim_run(sim, 100);
    cr_assert(strstr(diary, "2:STOPPED0") && strstr(diary, "3:STOPPED0"), "%s", diary);
    diary[0] = '\0';
    troupe_sim_run(sim, 500);
    expect("1:TIMEOUT0"); /* it was kept: nobody knows by whom */
    ask(4, b.who, ANSWER, TROUPE_NOBODY);
    expect("4:STOPPED0");
    cr_assert_eq(troupe_kill(b.rt, b.other), TROUPE_OK);
    troupe_sim_run(sim, 100);
    for (uint32_t n = 5; n < 7; n++) {
        char words[32];
        ask(n, b.other, ANSWER, TROUPE_NOBODY);
        (void)snprintf(words, sizeof words, "%u:GONE0", n);
        expect(words);
    }
}

Test(sim_ask, stopped_and_gone_are_told_apart_over_nodes) {
    in_orders(ended);
}

/* From here over there, back again, and on to a third; by the message that came, and by a new one.
 * The mailboxes are of 1. */
static void passed_on(void) {
    ask(1, a.other, FORWARD, b.who);
    expect("1:OK=1");
    ask(2, b.who, FORWARD, b.other);
    expect("2:OK=2");
    ask(3, b.who, FORWARD, a.other);
    expect("3:OK=3");
    ask(4, b.who, FORWARD, c.who);
    expect("4:OK=4");
    ask(5, b.who, PASS, b.other);
    expect("5:BROKEN0"); /* that one can't pass it on to itself, which it fills */
}

Test(sim_ask, the_duty_to_answer_goes_over_nodes) {
    in_orders(passed_on);
}

/* A node is lost while it is asked, straight or by one that has passed it on. */
static void lost(void) {
    ask(1, b.who, KEEP, TROUPE_NOBODY);
    expect("");
    ask(LARGE, a.other, FORWARD, b.who);
    expect("");
    const troupe_ref gone = b.who;
    troupe_close(&b.rt);
    troupe_sim_run(sim, 100);
    cr_assert(strcmp(diary, "1:NOCONNECTION0 100:NOCONNECTION0") == 0 ||
                  strcmp(diary, "100:NOCONNECTION0 1:NOCONNECTION0") == 0,
              "%s", diary);
    diary[0] = '\0';
    ask(2, gone, KEEP, TROUPE_NOBODY);
    expect("2:NOCONNECTION0");
}

Test(sim_ask, a_lost_node_is_told_at_once) {
    in_orders(lost);
}
