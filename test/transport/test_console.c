/* The console, asked by another node. */
#include <troupe/report.h>

#include "test/transport/console_scene.h"

TestSuite(console, .timeout = 60);

/* `right` asks; `left` has the tree and the console. */
typedef struct talk {
    party pair[2];
    troupe_ref console, shop;
} talk;

static void register_answers(troupe *rt) {
    cr_assert_eq(troupe_register_type(rt, &troupe_console_node_type), TROUPE_OK);
    cr_assert_eq(troupe_register_type(rt, &troupe_console_page_type), TROUPE_OK);
    cr_assert_eq(troupe_register_type(rt, &troupe_console_done_type), TROUPE_OK);
}

static void talk_open(talk *t, bool tcp, troupe_console_right right) {
    party_open(&t->pair[0], "left");
    party_open(&t->pair[1], "right");
    register_answers(t->pair[1].rt);
    t->shop = tree_open(t->pair[0].rt);
    cr_assert_eq(troupe_console_open(t->pair[0].node, right), TROUPE_OK);
    party_listen(&t->pair[0], tcp);
    party_meet(&t->pair[1], &t->pair[0]);
    cr_assert_eq(
        troupe_lookup(t->pair[1].node, "left", TROUPE_CONSOLE_NAME, PATIENCE_MS, &t->console),
        TROUPE_OK);
}

static void talk_close(talk *t) {
    pair_close(t->pair);
}

/* Asks; the answer is the caller's. */
static troupe_msg *ask(talk *t, const troupe_type *type, const void *body) {
    troupe_msg *msg;
    cr_assert_eq(troupe_make(t->pair[1].rt, type, body, &msg), TROUPE_OK);
    troupe_err err = troupe_ask(t->pair[1].rt, t->console, &msg, PATIENCE_MS);
    cr_assert_eq(err, TROUPE_OK, "%s", troupe_errname(err));
    return msg;
}

BOTH(console, it_tells_of_its_node) {
    talk t;
    talk_open(&t, tcp, TROUPE_CONSOLE_LOOK);
    troupe_msg *msg = ask(&t, &troupe_console_about_type, NULL);
    const struct troupe_console_node *node = troupe_as(msg, &troupe_console_node_type);
    cr_assert_not_null(node);
    cr_assert_str_eq(node->name, "left");
    cr_assert_eq(node->node, t.shop.node);
    cr_assert_geq(node->actors, 9);
    cr_assert_geq(node->sent, node->handled);
    cr_assert_not(node->may_act);
    cr_assert_eq(node->peers.count, 1);
    cr_assert_str_eq(node->peers.at[0].name, "right");
    troupe_drop(&msg);
    talk_close(&t);
}

static const struct troupe_console_page *page(talk *t, uint64_t snapshot, uint32_t from,
                                              troupe_msg **msg) {
    const struct troupe_console_list list = {snapshot, from};
    *msg = ask(t, &troupe_console_list_type, &list);
    const struct troupe_console_page *it = troupe_as(*msg, &troupe_console_page_type);
    cr_assert_not_null(it);
    cr_assert_leq(it->rows.count, TROUPE_CONSOLE_ROWS);
    return it;
}

BOTH(console, it_lists_the_tree_page_by_page) {
    enum { GUESTS = 3 * TROUPE_CONSOLE_ROWS };
    talk t;
    troupe_msg *msg;
    troupe_ref who;
    uint64_t snapshot = 0;
    uint32_t from = 0, total, guests = 0;
    talk_open(&t, tcp, TROUPE_CONSOLE_LOOK);
    for (int i = 0; i < GUESTS; i++)
        cr_assert_eq(troupe_spawn(t.pair[0].rt, &clerk, NULL, &who), TROUPE_OK);
    do {
        const struct troupe_console_page *it = page(&t, snapshot, from, &msg);
        cr_assert_eq(it->err, TROUPE_OK);
        cr_assert_eq(it->from, from);
        cr_assert_eq(it->left_out, 0);
        if (!from) cr_assert_str_eq(it->rows.at[0].path, "shop");
        if (!from) cr_assert_str_eq(it->rows.at[3].path, "shop/cellar/keg");
        for (size_t i = 0; i < it->rows.count; i++)
            guests += strcmp(it->rows.at[i].path, "clerk") == 0;
        from += (uint32_t)it->rows.count;
        snapshot = it->snapshot;
        total = it->total;
        troupe_drop(&msg);
    } while (from < total);
    cr_assert_eq(guests, GUESTS);
    cr_assert_eq(page(&t, snapshot, 0, &msg)->err, TROUPE_GONE, "it is read to its end");
    troupe_drop(&msg);
    talk_close(&t);
}

/* Who asks for lists and reads none to its end has few of them kept. */
Test(console, lists_that_nobody_reads_are_forgotten) {
    talk t;
    troupe_msg *msg;
    troupe_ref who;
    talk_open(&t, false, TROUPE_CONSOLE_LOOK);
    for (int i = 0; i < 2 * TROUPE_CONSOLE_ROWS; i++)
        cr_assert_eq(troupe_spawn(t.pair[0].rt, &clerk, NULL, &who), TROUPE_OK);
    uint64_t first = page(&t, 0, 0, &msg)->snapshot, last = first;
    troupe_drop(&msg);
    for (int i = 0; i < 20; i++) {
        last = page(&t, 0, 0, &msg)->snapshot;
        troupe_drop(&msg);
    }
    cr_assert_eq(page(&t, first, 0, &msg)->err, TROUPE_GONE);
    troupe_drop(&msg);
    cr_assert_eq(page(&t, last, 64, &msg)->err, TROUPE_OK);
    troupe_drop(&msg);
    cr_assert_eq(page(&t, last, UINT32_MAX, &msg)->rows.count, 0);
    troupe_drop(&msg);
    /* What is kept goes with the console, were it killed. */
    cr_assert_eq(page(&t, 0, 0, &msg)->err, TROUPE_OK);
    troupe_drop(&msg);
    cr_assert_eq(troupe_kill(t.pair[1].rt, t.console), TROUPE_OK);
    talk_close(&t);
}

/* --- Acts ------------------------------------------------------------------------------------- */

static void expect_done(talk *t, const troupe_type *type, const void *body, troupe_err err,
                        const char *text) {
    troupe_msg *msg = ask(t, type, body);
    const struct troupe_console_done *done = troupe_as(msg, &troupe_console_done_type);
    cr_assert_not_null(done);
    cr_assert_eq(done->err, (uint32_t)err, "%s: %s", troupe_errname((troupe_err)done->err),
                 done->text);
    cr_assert_str_eq(done->text, text);
    troupe_drop(&msg);
}

static void expect_sent(talk *t, const char *path, const char *type, const char *key,
                        const troupe_any value, troupe_err err, const char *text) {
    const troupe_entry entry = {key, value};
    const struct troupe_console_send send = {path, type, {&entry, key ? 1 : 0}, 3000};
    expect_done(t, &troupe_console_send_type, &send, err, text);
}

static const troupe_any ann = {.is = TROUPE_IS_TEXT, .text = "Ann"};
static const troupe_any one = {.is = TROUPE_IS_I64, .i64 = 1};

BOTH(console, it_sends_a_message_by_the_names_of_its_fields) {
    talk t;
    talk_open(&t, tcp, TROUPE_CONSOLE_ACT);
    expect_sent(&t, "shop/till", "greet", "who", ann, TROUPE_OK, "greeted {sum: 1}");
    expect_sent(&t, "till", "greet", "who", ann, TROUPE_OK, "greeted {sum: 2}");
    expect_sent(&t, "till", "greet", "who", one, TROUPE_MALFORMED,
                "greet.who: expected text, got an integer");
    expect_sent(&t, "till", "greet", "whom", ann, TROUPE_MALFORMED, "greet: it has no field whom");
    expect_sent(&t, "till", "greeting", "who", ann, TROUPE_UNKNOWN_TYPE,
                "no type greeting is registered there");
    expect_sent(&t, "shop/attic", "greet", "who", ann, TROUPE_NOTFOUND, "shop/attic: not found");
    expect_sent(&t, TROUPE_CONSOLE_NAME, "greet", "who", ann, TROUPE_SELF, "");
    talk_close(&t);
}

static void await_gone(talk *t, troupe_ref who) {
    troupe_actor_info info;
    SCENE_AWAIT(troupe_inspect(t->pair[0].rt, who, &info) == TROUPE_GONE);
}

static troupe_ref named(talk *t, const char *name) {
    troupe_ref who;
    cr_assert_eq(troupe_whereis(t->pair[0].rt, name, &who), TROUPE_OK);
    return who;
}

BOTH(console, it_stops_an_actor) {
    talk t;
    troupe_child_info till;
    talk_open(&t, tcp, TROUPE_CONSOLE_ACT);
    troupe_ref guest = named(&t, "guest");
    const struct troupe_console_stop stop = {.path = "guest"};
    expect_done(&t, &troupe_console_stop_type, &stop, TROUPE_OK, "");
    await_gone(&t, guest);
    expect_done(&t, &troupe_console_stop_type, &stop, TROUPE_NOTFOUND, "no actor is called guest");
    /* A permanent child is started again; a terminated one is not. */
    const struct troupe_console_stop kill = {.path = "till", .kill = true};
    expect_done(&t, &troupe_console_stop_type, &kill, TROUPE_OK, "");
    SCENE_AWAIT(!troupe_find_child(t.pair[0].rt, t.shop, "till", PATIENCE_MS, &till) &&
                till.restarts == 1 && till.state == TROUPE_CHILD_RUNNING);
    const struct troupe_console_stop end = {.path = "shop/till", .terminate = true};
    expect_done(&t, &troupe_console_stop_type, &end, TROUPE_OK, "");
    cr_assert_eq(troupe_find_child(t.pair[0].rt, t.shop, "till", PATIENCE_MS, &till), TROUPE_OK);
    cr_assert_eq(till.state, TROUPE_CHILD_ENDED);
    expect_done(&t, &troupe_console_stop_type, &end, TROUPE_GONE,
                "shop/till: no such actor: it has ended");
    const struct troupe_console_stop top = {.path = "shop", .terminate = true};
    expect_done(&t, &troupe_console_stop_type, &top, TROUPE_INVALID,
                "shop has no supervisor that could terminate it");
    talk_close(&t);
}

Test(console, it_terminates_a_dynamic_child_by_its_ref) {
    talk t;
    troupe_child_info mate[2];
    size_t count;
    char path[64];
    talk_open(&t, false, TROUPE_CONSOLE_ACT);
    troupe_ref crew = named(&t, "crew");
    cr_assert_eq(troupe_children(t.pair[0].rt, crew, PATIENCE_MS, mate, 2, &count), TROUPE_OK);
    (void)snprintf(path, sizeof path, "shop/crew/@%u.%u", (unsigned)mate[1].ref.id,
                   (unsigned)(mate[1].ref.id >> 32));
    const struct troupe_console_stop end = {.path = path, .terminate = true};
    expect_done(&t, &troupe_console_stop_type, &end, TROUPE_OK, "");
    cr_assert_eq(troupe_children(t.pair[0].rt, crew, PATIENCE_MS, mate, 2, &count), TROUPE_OK);
    cr_assert_eq(count, 1);
    talk_close(&t);
}

Test(console, one_that_may_only_look_does_nothing) {
    talk t;
    talk_open(&t, false, TROUPE_CONSOLE_LOOK);
    const struct troupe_console_stop stop = {.path = "guest"};
    expect_done(&t, &troupe_console_stop_type, &stop, TROUPE_REFUSED, "this console may only look");
    expect_sent(&t, "till", "greet", "who", ann, TROUPE_REFUSED, "this console may only look");
    (void)named(&t, "guest");
    talk_close(&t);
}

/* A supervisor that does not answer holds nobody up for long: its children are not there. */
static troupe_err hang(troupe_self *self, void *state, const void *arg) {
    (void)self, (void)state;
    int *const *ends = arg;
    char byte;
    return read((*ends)[0], &byte, 1) == 1 ? TROUPE_OK : TROUPE_SYSTEM;
}

Test(console, a_supervisor_that_hangs_is_listed_without_children) {
    static int ends[2], *const way = ends;
    static const troupe_behaviour hanging = {
        .name = "hanging", .start = hang, .receive = clerk_receive};
    const troupe_child child = {.id = "x", .what = &hanging, .arg = &way};
    talk t;
    troupe_msg *msg;
    troupe_ref who;
    cr_assert_eq(pipe(ends), 0);
    talk_open(&t, false, TROUPE_CONSOLE_LOOK);
    cr_assert_eq(troupe_start_child(t.pair[0].rt, t.shop, &child, 20, &who), TROUPE_TIMEOUT);
    const struct troupe_console_page *it = page(&t, 0, 0, &msg);
    cr_assert_eq(it->err, TROUPE_OK);
    cr_assert_geq(it->rows.count, 2);
    cr_assert_str_eq(it->rows.at[0].path, "shop");
    troupe_drop(&msg);
    cr_assert_eq(write(ends[1], "x", 1), 1);
    talk_close(&t);
}

/* --- Opening it ------------------------------------------------------------------------------- */

Test(console, a_node_has_none_unless_it_opens_one) {
    party pair[2];
    troupe_ref who;
    pair_open(pair, false);
    cr_assert_eq(troupe_lookup(pair[0].node, "right", TROUPE_CONSOLE_NAME, PATIENCE_MS, &who),
                 TROUPE_NOTFOUND);
    cr_assert_eq(troupe_console_open(pair[1].node, (troupe_console_right)7), TROUPE_INVALID);
    cr_assert_eq(troupe_console_open(pair[1].node, TROUPE_CONSOLE_LOOK), TROUPE_OK);
    cr_assert_eq(troupe_console_open(pair[1].node, TROUPE_CONSOLE_ACT), TROUPE_TAKEN);
    pair_close(pair);
}
