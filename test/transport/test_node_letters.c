/* What was on the way when a node is lost: each message is handled there, or comes back here. */
#include "test/transport/node_hands.h"
#include "transport/node.h"

TestSuite(node_letters, .timeout = 60, .fini = scene_say_seed);

enum { MANY = 300, BOUND = 32, CREDIT = 16 > BOUND ? 16 : BOUND };

/* The letters of the sending node: which numbers, and the messages themselves, which are taken. */
static struct letters {
    tr_mutex lock;
    bool lost[MANY];
    size_t count;
    troupe_ref from, to;
    troupe_msg *msg[MANY];
} letters;

static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    const party *p = ctx;
    if (strcmp(p->name, "left") != 0 || letter->reason != TROUPE_DEAD_NODE_LOST) return;
    const struct count *count = troupe_as(*msg, &count_type);
    cr_assert_not_null(count);
    cr_assert_str_eq(letter->type, "count");
    cr_assert(troupe_same(letter->target, letters.to));
    cr_assert(troupe_same(letter->sender, letters.from));
    tr_lock(&letters.lock);
    cr_assert_lt(count->n, (uint64_t)MANY);
    cr_assert_not(letters.lost[count->n], "once");
    letters.lost[count->n] = true;
    letters.msg[letters.count++] = *msg;
    *msg = NULL;
    tr_unlock(&letters.lock);
}

static void letters_begin(void) {
    letters = (struct letters){.count = 0};
    tr_mutex_init(&letters.lock);
    scene_dead_letter = see;
}

static void letters_end(void) {
    for (size_t i = 0; i < letters.count; i++) troupe_drop(&letters.msg[i]);
    tr_mutex_fini(&letters.lock);
    scene_dead_letter = NULL;
}

/* Has an actor send the next number. */
typedef struct sending {
    uint64_t next;
    troupe_err err;
} sending;

static void send_next(troupe_self *self, void *ctx) {
    sending *s = ctx;
    s->err = troupe_tell(self, letters.to, &count_type, &(struct count){1, s->next});
    s->next += !s->err;
}

static void cut(party *p) {
    tr_peer_link *link = tr_node_next(p->node, NULL);
    if (!link) return;
    tr_link_cut(link);
    tr_node_unref(link);
}

/* It has no connection, and all that depended on the last one is told. */
static bool is_alone(party *p) {
    tr_lock(&p->node->lock);
    bool alone = tr_list_empty(&p->node->links);
    tr_unlock(&p->node->lock);
    return alone;
}

static troupe_account account_of(party *p) {
    troupe_account account;
    troupe_account_all(p->rt, &account);
    return account;
}

/* Lets all others go on: by priorities, who always has something to do would keep them waiting. */
static void let_go_on(void) {
    uint64_t soon = scene_clock() + TR_MS;
    if (!scene_sim) tr_thread_yield();
    while (scene_sim && tr_sim_advance(scene_sim, soon)) {
    }
}

/* Sends until it is cut off; how many went out. */
static uint64_t send_until_cut(party pair[2], uint64_t when) {
    sending s = {.next = 0};
    for (uint64_t until = patience(); s.next < MANY && s.err != TROUPE_NOCONNECTION;) {
        if (s.next == when) cut(&pair[scene_seed % 2]);
        act_as(&pair[0], letters.from, send_next, &s);
        cr_assert_lt(scene_clock(), until);
        if (s.err == TROUPE_FULL) let_go_on();
    }
    return s.next;
}

ANYWHERE(node_letters, each_message_is_handled_or_comes_back_when_the_connection_is_lost, 200) {
    party pair[2];
    letters_begin();
    pair_open(pair, tcp);
    notes *all = notes_open(), *own = notes_open();
    letters.from = hand_of(&pair[0], 16, own);
    letters.to = hand_of(&pair[1], BOUND, all);
    uint64_t sent = send_until_cut(pair, 20 + scene_seed % 200);
    for (int i = 0; i < 2; i++)
        party_await_log(&pair[i], i ? "node left is lost" : "node right is lost", 1);
    SCENE_AWAIT(is_alone(&pair[0]) && is_alone(&pair[1]));
    uint64_t n = 1; /* its mail is handled then */
    troupe_err err;
    while ((err = ask_by(&pair[1], letters.to, ORDER_ANSWER, &n)) == TROUPE_FULL) let_go_on();
    cr_assert_eq(err, TROUPE_OK, "%s", troupe_errname(err));
    bool handled[MANY] = {false};
    for (size_t i = 0; i < all->used; i++) {
        cr_assert(i == 0 || all->note[i].n > all->note[i - 1].n, "in order, and once");
        handled[all->note[i].n] = true;
    }
    for (uint64_t i = 0; i < sent; i++)
        cr_assert(handled[i] || letters.lost[i], "%d has vanished", (int)i);
    cr_assert_leq(letters.count, (size_t)CREDIT, "not more than the credit is unknown");
    troupe_account account;
    SCENE_AWAIT((account = account_of(&pair[0]), troupe_account_missing(&account) == 0));
    cr_assert_eq(account.dead[TROUPE_DEAD_NODE_LOST], letters.count);
    cr_assert_eq(account.forwarded, sent - letters.count);
    letters_end();
    pair_close(pair);
    notes_close(all);
    notes_close(own);
}

/* Simulated only: time has to pass. What is in the mailbox is acknowledged in a tick. */
SIMULATED(node_letters, what_was_handled_long_ago_does_not_come_back, 100) {
    (void)tcp;
    enum { FEW = 5 };
    party pair[2];
    letters_begin();
    pair_open(pair, false);
    notes *all = notes_open(), *own = notes_open();
    letters.from = hand_of(&pair[0], 16, own);
    letters.to = hand_of(&pair[1], BOUND, all);
    sending s = {.next = 0};
    for (int i = 0; i < FEW; i++) act_as(&pair[0], letters.from, send_next, &s);
    cr_assert_eq(s.next, (uint64_t)FEW);
    for (uint64_t until = tr_after_ms(scene_clock(), 1100); tr_sim_advance(scene_sim, until);) {
    }
    cut(&pair[0]);
    SCENE_AWAIT(is_alone(&pair[0]));
    cr_assert_eq(letters.count, 0u);
    letters_end();
    pair_close(pair);
    notes_close(all);
    notes_close(own);
}

/* A peer that closes says what it has before it says goodbye. */
ANYWHERE(node_letters, what_a_peer_has_handled_does_not_come_back_when_it_closes, 100) {
    party pair[2];
    letters_begin();
    pair_open(pair, tcp);
    notes *all = notes_open(), *own = notes_open();
    letters.from = hand_of(&pair[0], 16, own);
    letters.to = hand_of(&pair[1], BOUND, all);
    sending s = {.next = 0};
    act_as(&pair[0], letters.from, send_next, &s);
    notes_await(all, 1);
    party_close(&pair[1]);
    party_await_log(&pair[0], "node right is disconnected", 1);
    SCENE_AWAIT(is_alone(&pair[0]));
    cr_assert_eq(letters.count, 0u);
    letters_end();
    party_close(&pair[0]);
    scene_end();
    notes_close(all);
    notes_close(own);
}
