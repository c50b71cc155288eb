/* Nodes that talk to each other: connecting, finding, sending, asking, flow control. */
#include "transport/node.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "test/transport/node_hands.h"

TestSuite(node, .timeout = 60, .fini = scene_say_seed);

/* --- Opening and connecting ------------------------------------------------------------------- */

static troupe_err try_open(troupe *rt, const char *name, size_t secret_size) {
    troupe_node *node;
    return troupe_node_open(
        rt, &(troupe_node_config){.name = name, .secret = node_secret, .secret_size = secret_size},
        &node);
}

/* One call after the other: nothing that could go another way. */
Test(node, a_runtime_becomes_a_node_once_and_with_a_name_and_a_secret) {
    char name[TROUPE_NAME_MAX + 2];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    troupe *rt;
    cr_assert_eq(troupe_open(&(troupe_config){.workers = 1}, &rt), TROUPE_OK);
    cr_assert_eq(try_open(rt, NULL, 16), TROUPE_INVALID);
    cr_assert_eq(try_open(rt, "", 16), TROUPE_INVALID);
    cr_assert_eq(try_open(rt, name, 16), TROUPE_INVALID);
    cr_assert_eq(try_open(rt, "node", TROUPE_SECRET_MIN - 1), TROUPE_INVALID);
    cr_assert_eq(try_open(rt, name + 1, TROUPE_SECRET_MIN), TROUPE_OK);
    cr_assert_eq(try_open(rt, "node", 16), TROUPE_TAKEN);
    troupe_close(&rt);
    cr_assert_eq(troupe_open(&(troupe_config){.workers = TROUPE_STEPPED}, &rt), TROUPE_OK);
    cr_assert_eq(try_open(rt, "node", 16), TROUPE_INVALID);
    troupe_close(&rt);
}

/* Real only: it is about what the system has at an address. */
Test(node, an_address_that_can_not_be_listened_at_is_told) {
    party p;
    char path[64], url[80];
    party_open(&p, "p");
    party_listen(&p, false);
    cr_assert_eq(troupe_listen(p.node, p.url, NULL, 0), TROUPE_TAKEN);
    cr_assert_eq(troupe_listen(p.node, "gopher://x", NULL, 0), TROUPE_INVALID);
    (void)snprintf(path, sizeof path, "%s/file", scene_dir());
    (void)snprintf(url, sizeof url, "ipc://%s", path);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    cr_assert_eq(troupe_listen(p.node, url, NULL, 0), TROUPE_TAKEN);
    struct stat found;
    cr_assert_eq(stat(path, &found), 0, "the file is left alone");
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(stat(p.url + strlen("ipc://"), &found), 0);
    cr_assert_eq(found.st_mode & 0777u, 0600u);
    cr_assert_eq(party_logged(&p, "can't listen at"), 3u);
    party_close(&p);
    scene_end();
}

ANYWHERE(node, case_26_a_wrong_secret_is_refused_on_both_sides, 200) {
    enum { TIMES = 30 };
    party left, right, good;
    party_open(&right, "right");
    party_listen(&right, tcp);
    party_open_as(&left, "left",
                  (troupe_node_config){.secret = "another secret!!", .secret_size = 16});
    for (int i = 0; i < TIMES; i++)
        cr_assert_eq(troupe_connect(left.node, right.url, PATIENCE_MS), TROUPE_REFUSED);
    party_await_log(&right, "a connection is refused: the peer has another secret", TIMES);
    cr_assert_eq(party_logged(&right, "refused"), (size_t)TIMES, "each hears it the first time");
    cr_assert_eq(party_logged(&left, "a connection is refused: the peer refused"), (size_t)TIMES);
    cr_assert_eq(party_logged(&right, "connected"), 0u);
    troupe_ref who;
    cr_assert_eq(troupe_lookup(left.node, "right", "x", 100, &who), TROUPE_NOCONNECTION);
    party_open(&good, "good");
    party_meet(&good, &right);
    party_close(&good);
    party_close(&left);
    party_close(&right);
    scene_end();
}

ANYWHERE(node, case_14_a_second_node_of_the_same_name_is_refused_and_the_first_unaffected, 200) {
    party pair[2], twin;
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    cr_assert_eq(troupe_register(pair[1].rt, hand, "hand"), TROUPE_OK);
    party_open(&twin, "left");
    cr_assert_eq(troupe_connect(twin.node, pair[1].url, PATIENCE_MS), TROUPE_REFUSED);
    party_await_log(&pair[1], "node left: another node of its name is connected", 1);
    cr_assert_eq(troupe_connect(pair[0].node, pair[1].url, PATIENCE_MS), TROUPE_OK,
                 "it is connected, and not twice");
    cr_assert_eq(party_logged(&pair[1], "node left is connected"), 1u);
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], found(&pair[0], "right", "hand"), ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(party_logged(&pair[1], "lost"), 0u);
    party_close(&twin);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(node, a_node_does_not_connect_to_itself_nor_to_its_namesake, 200) {
    party p, other;
    party_open(&p, "p");
    party_listen(&p, tcp);
    cr_assert_eq(troupe_connect(p.node, p.url, PATIENCE_MS), TROUPE_REFUSED);
    party_await_log(&p, "the peer is this node itself", 1);
    party_open(&other, "p");
    cr_assert_eq(troupe_connect(other.node, p.url, PATIENCE_MS), TROUPE_REFUSED);
    party_await_log(&p, "the peer has this node's own name", 1);
    party_close(&other);
    party_close(&p);
    scene_end();
}

/* An address at which nobody listens any more. */
static void free_address(char *url, size_t room, bool tcp) {
    party gone;
    party_open(&gone, "later");
    party_listen(&gone, tcp);
    (void)snprintf(url, room, "%s", gone.url);
    party_close(&gone);
}

ANYWHERE(node, to_connect_to_nobody_ends_at_the_deadline, 200) {
    char url[TROUPE_URL_MAX + 1];
    party p;
    free_address(url, sizeof url, tcp);
    party_open(&p, "p");
    uint64_t then = scene_clock();
    cr_assert_eq(troupe_connect(p.node, url, 300), TROUPE_TIMEOUT);
    cr_assert_geq(scene_clock() - then, 300 * TR_MS);
    cr_assert_lt(scene_clock() - then, scene_within(400));
    cr_assert_eq(troupe_connect(p.node, url, 0), TROUPE_TIMEOUT);
    cr_assert_eq(troupe_connect(p.node, "a pigeon", 300), TROUPE_INVALID);
    party_close(&p);
    scene_end();
}

struct connecting {
    party *who, *later;
    char url[TROUPE_URL_MAX + 1];
    troupe_err err;
};

static void connect_in_time(void *arg) {
    struct connecting *c = arg;
    c->err = troupe_connect(c->who->node, c->url, PATIENCE_MS);
}

static void be_there(void *arg) {
    const struct connecting *c = arg;
    party_open(c->later, "right");
    cr_assert_eq(troupe_listen(c->later->node, c->url, NULL, 0), TROUPE_OK);
}

ANYWHERE(node, to_connect_to_one_that_is_not_there_yet_succeeds_once_it_is, 200) {
    party pair[2];
    struct connecting c = {.who = &pair[0], .later = &pair[1]};
    free_address(c.url, sizeof c.url, tcp);
    party_open(&pair[0], "left");
    cr_assert_eq(troupe_connect(pair[0].node, c.url, 50), TROUPE_TIMEOUT);
    scene_beside(&(beside){.wait = connect_in_time, .act = be_there, .ctx = &c});
    cr_assert_eq(c.err, TROUPE_OK);
    pair_close(pair);
}

/* --- Finding, sending, asking ----------------------------------------------------------------- */

ANYWHERE(node, a_name_is_found_or_not, 200) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all), who = TROUPE_NOBODY;
    cr_assert_eq(troupe_register(pair[1].rt, hand, "hand"), TROUPE_OK);
    cr_assert(troupe_same(found(&pair[0], "right", "hand"), hand));
    cr_assert_eq(troupe_lookup(pair[0].node, "right", "foot", 5000, &who), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_lookup(pair[0].node, "right", "", 5000, &who), TROUPE_NOTFOUND);
    cr_assert_eq(troupe_lookup(pair[0].node, "wrong", "hand", 5000, &who), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_lookup(pair[0].node, "left", "hand", 5000, &who), TROUPE_NOCONNECTION);
    cr_assert_eq(troupe_lookup(pair[1].node, "left", "hand", 5000, &who), TROUPE_NOTFOUND);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(node, asks_are_answered_at_once_or_later_or_fail, 200) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    uint64_t n = 41;
    cr_assert_eq(ask_by(&pair[0], hand, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(n, 42u);
    cr_assert_eq(ask_by(&pair[0], hand, ORDER_QUIT, NULL), TROUPE_STOPPED);
    cr_assert_eq(ask_by(&pair[0], hand, ORDER_ANSWER, &n), TROUPE_STOPPED);
    hand = hand_of(&pair[1], 16, all);
    n = TROUPE_USER;
    cr_assert_eq(ask_by(&pair[0], hand, ORDER_FAIL, &n), TROUPE_FAILED);
    hand = hand_of(&pair[1], 16, all);
    troupe_msg *msg;
    const struct order keep = {ORDER_KEEP, 0, TROUPE_NOBODY};
    cr_assert_eq(troupe_make(pair[0].rt, &order_type, &keep, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(pair[0].rt, hand, &msg, 20), TROUPE_TIMEOUT);
    cr_assert_null(msg);
    uint64_t before = dead_letters(pair[0].rt);
    cr_assert_eq(order_to(&pair[0], hand, ORDER_LATE, 1), TROUPE_OK);
    n = 1;
    cr_assert_eq(ask_by(&pair[0], hand, ORDER_ANSWER, &n), TROUPE_OK, "comes behind the late one");
    cr_assert_eq(dead_letters(pair[0].rt), before + 1, "an answer that nobody waits for any more");
    pair_close(pair);
    notes_close(all);
}

struct keeping {
    party *who, *far;
    notes *notes;
    troupe_ref to;
    uint64_t n;
    troupe_err err;
};

static void ask_to_be_kept(void *arg) {
    struct keeping *a = arg;
    a->err = ask_by(a->who, a->to, ORDER_KEEP, &a->n);
}

static bool is_kept(void *arg) {
    const struct keeping *a = arg;
    return notes_count(a->notes) > 0;
}

static void answer_it(void *arg) {
    const struct keeping *a = arg;
    cr_assert_eq(order_to(a->far, a->to, ORDER_LATE, 7), TROUPE_OK);
}

ANYWHERE(node, an_ask_is_answered_by_a_later_message, 200) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    struct keeping a = {&pair[0], &pair[1], all, hand_of(&pair[1], 16, all), 0, TROUPE_OK};
    scene_beside(&(beside){.wait = ask_to_be_kept, .waits = is_kept, .act = answer_it, .ctx = &a});
    cr_assert_eq(a.err, TROUPE_OK);
    cr_assert_eq(a.n, 7u);
    pair_close(pair);
    notes_close(all);
}

struct things {
    bool yes;
    int32_t i32;
    int64_t i64;
    uint32_t u32;
    uint64_t u64;
    double f64;
    const char *text;
    troupe_bytes bytes, none;
    troupe_ref ref;
};
static const troupe_type things_type =
    TROUPE_TYPE(things, TROUPE_FIELD(things, yes), TROUPE_FIELD(things, i32),
                TROUPE_FIELD(things, i64), TROUPE_FIELD(things, u32), TROUPE_FIELD(things, u64),
                TROUPE_FIELD(things, f64), TROUPE_FIELD(things, text), TROUPE_FIELD(things, bytes),
                TROUPE_FIELD(things, none), TROUPE_FIELD(things, ref));

static troupe_err mirror(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    return troupe_reply(self, msg);
}
static const troupe_behaviour mirror_behaviour = {.name = "mirror", .receive = mirror};

ANYWHERE(node, every_kind_of_field_arrives_intact, 200) {
    static char big[300000];
    memset(big, 0xFE, sizeof big);
    const struct things sent = {true,
                                INT32_MIN,
                                INT64_MIN,
                                UINT32_MAX,
                                UINT64_MAX,
                                -0.1,
                                "gr\xC3\xBC\xC3\x9F dich",
                                {big, sizeof big},
                                {NULL, 0},
                                {UINT64_MAX, 3}};
    party pair[2];
    pair_open(pair, tcp);
    troupe_ref who;
    for (int i = 0; i < 2; i++)
        cr_assert_eq(troupe_register_type(pair[i].rt, &things_type), TROUPE_OK);
    cr_assert_eq(troupe_spawn(pair[1].rt, &mirror_behaviour, NULL, &who), TROUPE_OK);
    troupe_msg *msg;
    cr_assert_eq(troupe_make(pair[0].rt, &things_type, &sent, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(pair[0].rt, who, &msg, PATIENCE_MS), TROUPE_OK);
    const struct things *got = troupe_as(msg, &things_type);
    cr_assert_not_null(got);
    cr_assert(got->yes && got->i32 == sent.i32 && got->i64 == sent.i64 && got->u32 == sent.u32);
    cr_assert(got->u64 == sent.u64 && memcmp(&got->f64, &sent.f64, sizeof got->f64) == 0);
    cr_assert_str_eq(got->text, sent.text);
    cr_assert_eq(got->bytes.size, sizeof big);
    cr_assert_eq(memcmp(got->bytes.data, big, sizeof big), 0);
    cr_assert_eq(got->none.size, 0u);
    cr_assert(troupe_same(got->ref, sent.ref));
    troupe_drop(&msg);
    pair_close(pair);
}

/* Has a hand of `p` told to send a count on to `who`. */
static void pass(party *p, troupe_ref hand, uint64_t n, troupe_ref who) {
    troupe_msg *msg;
    const struct order body = {ORDER_PASS, n, who};
    cr_assert_eq(troupe_make(p->rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(p->rt, hand, &msg), TROUPE_OK);
}

ANYWHERE(node, refs_in_messages_work_on_the_other_side_and_on_a_third_node, 200) {
    party pair[2], third;
    pair_open(pair, tcp);
    party_open(&third, "third");
    party_listen(&third, tcp);
    party_meet(&pair[0], &third);
    party_meet(&third, &pair[1]);
    notes *all = notes_open();
    troupe_ref a = hand_of(&pair[0], 16, all), b = hand_of(&pair[1], 16, all);
    troupe_ref c = hand_of(&third, 16, all);
    pass(&pair[0], b, 1, a); /* b sends to a, whose ref it got in a message */
    notes_await(all, 1);
    cr_assert(troupe_same(all->note[0].who, b));
    pass(&pair[0], b, 2, c); /* and to a third node's actor, whose ref came from here */
    notes_await(all, 2);
    cr_assert(troupe_same(all->note[1].who, b));
    pass(&pair[0], b, 3, b); /* and home again */
    notes_await(all, 3);
    cr_assert(troupe_same(all->note[2].who, b));
    party_close(&third);
    pair_close(pair);
    notes_close(all);
}

/* --- What does not arrive --------------------------------------------------------------------- */

ANYWHERE(node, case_25_a_message_over_the_limit_is_too_big_and_the_link_lives, 200) {
    static char big[4000];
    party pair[2];
    for (int i = 0; i < 2; i++)
        party_open_as(&pair[i], i ? "right" : "left", (troupe_node_config){.message_limit = 3000});
    party_listen(&pair[1], tcp);
    party_meet(&pair[0], &pair[1]);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    struct things things = {.text = "", .bytes = {big, sizeof big}};
    troupe_msg *msg;
    cr_assert_eq(troupe_make(pair[0].rt, &things_type, &things, &msg), TROUPE_OK);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(troupe_post(pair[0].rt, hand, &msg), TROUPE_TOOBIG, "it took no credit");
    cr_assert_eq(troupe_ask(pair[0].rt, hand, &msg, PATIENCE_MS), TROUPE_TOOBIG);
    cr_assert_not_null(msg);
    troupe_drop(&msg);
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], hand, ORDER_ANSWER, &n), TROUPE_OK);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(node, a_type_that_is_not_registered_is_a_dead_letter_and_the_link_lives, 200) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 4, all);
    const struct things things = {.text = ""};
    for (unsigned i = 0; i < 40; i++) { /* more than the first credit */
        troupe_msg *msg;
        cr_assert_eq(troupe_make(pair[0].rt, &things_type, &things, &msg), TROUPE_OK);
        cr_assert_eq(troupe_ask(pair[0].rt, hand, &msg, PATIENCE_MS), TROUPE_UNKNOWN_TYPE);
        cr_assert_eq(dead_letters(pair[1].rt), i + 1u);
    }
    cr_assert_eq(party_logged(&pair[1], "is not registered here"), 1u, "once a type");
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], hand, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(party_logged(&pair[1], "is cut"), 0u);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(node, messages_to_actors_that_have_ended_become_dead_letters_and_then_gone, 200) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all), other = hand_of(&pair[1], 16, all);
    cr_assert_eq(ask_by(&pair[1], hand, ORDER_QUIT, NULL), TROUPE_STOPPED);
    SCENE_AWAIT(troupe_mailbox(pair[1].rt, hand, NULL, NULL) == TROUPE_GONE);
    cr_assert_eq(count_to(&pair[0], hand, 1), TROUPE_OK, "it can't be known yet");
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], other, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(count_to(&pair[0], hand, 2), TROUPE_GONE);
    cr_assert_eq(dead_letters(pair[1].rt), 1u);
    cr_assert_eq(count_to(&pair[0], (troupe_ref){4711, 1}, 2), TROUPE_NOCONNECTION);
    pair_close(pair);
    notes_close(all);
}
