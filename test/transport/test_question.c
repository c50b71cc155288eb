/* What actors ask of other nodes, and threads: who has a name. */
#include "transport/question.h"

#include "test/transport/node_hands.h"
#include "transport/node.h"

TestSuite(question, .timeout = 60, .fini = scene_say_seed);

/* An actor asks for a name. */
typedef struct asked {
    const char *peer, *name;
    uint64_t number;
    troupe_err err;
} asked;

static void ask_for_name(troupe_self *self, void *ctx) {
    asked *a = ctx;
    a->err = troupe_whereis_on(self, a->peer, a->name, &a->number);
}

/* The n-th note must be the answer to that. */
static void expect_answer(notes *all, size_t n, const asked *a, troupe_ref who, troupe_err why) {
    cr_assert_eq(a->err, TROUPE_OK, "%s", troupe_errname(a->err));
    notes_await(all, n + 1);
    cr_assert_eq(all->note[n].kind, AN_ANSWER);
    cr_assert_eq(all->note[n].n, a->number);
    cr_assert_eq(all->note[n].why, why, "%s", troupe_errname(all->note[n].why));
    cr_assert(troupe_same(all->note[n].who, who));
}

ANYWHERE(question, an_actor_finds_who_has_a_name_on_another_node, 100) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref mine = hand_of(&pair[0], 16, all), hand = hand_of(&pair[1], 16, all);
    cr_assert_eq(troupe_register(pair[1].rt, hand, "hand"), TROUPE_OK);
    asked a = {"right", "hand", 0, 0}, none = {"right", "foot", 0, 0}, back = {"left", "x", 0, 0};
    act_as(&pair[0], mine, ask_for_name, &a);
    expect_answer(all, 0, &a, hand, TROUPE_OK);
    act_as(&pair[0], mine, ask_for_name, &none);
    expect_answer(all, 1, &none, TROUPE_NOBODY, TROUPE_NOTFOUND);
    cr_assert_neq(a.number, none.number);
    act_as(&pair[1], hand, ask_for_name, &back);
    expect_answer(all, 2, &back, TROUPE_NOBODY, TROUPE_NOTFOUND);
    char name[TROUPE_NAME_MAX + 2];
    memset(name, 'x', sizeof name);
    name[TROUPE_NAME_MAX + 1] = 0;
    asked wrong[] = {{"wrong", "hand", 0, 0}, {"left", "hand", 0, 0}, {"right", name, 0, 0}};
    for (size_t i = 0; i < 3; i++) {
        act_as(&pair[0], mine, ask_for_name, &wrong[i]);
        cr_assert_eq(wrong[i].err, i < 2 ? TROUPE_NOCONNECTION : TROUPE_NOTFOUND);
    }
    cr_assert_eq(notes_count(all), 3u);
    pair_close(pair);
    notes_close(all);
}

Test(question, a_runtime_that_is_no_node_can_ask_nobody) {
    party p;
    party_open_runtime(&p, "alone");
    notes *all = notes_open();
    asked a = {.peer = "right", .name = "hand"};
    act_as(&p, hand_of(&p, 1, all), ask_for_name, &a);
    cr_assert_eq(a.err, TROUPE_INVALID);
    party_close(&p);
    notes_close(all);
}

/* Simulated only: the other side has to be cut off before it answers. */
SIMULATED(question, what_a_lost_node_was_asked_is_answered_once, 100) {
    (void)tcp;
    enum { MANY = 10 };
    party pair[2];
    for (int i = 0; i < 2; i++)
        party_open_as(&pair[i], i ? "right" : "left", (troupe_node_config){.heartbeat_ms = 50});
    party_listen(&pair[1], false);
    party_meet(&pair[0], &pair[1]);
    notes *all = notes_open();
    troupe_ref mine = hand_of(&pair[0], 16, all);
    asked a[MANY];
    for (size_t i = 0; i < MANY; i++) {
        a[i] = (asked){.peer = "right", .name = "hand"};
        if (i == scene_seed % MANY) troupe_sim_cut(scene_sim, pair[1].rt, pair[0].rt, true);
        act_as(&pair[0], mine, ask_for_name, &a[i]);
        cr_assert_eq(a[i].err, TROUPE_OK);
    }
    troupe_ref who;
    cr_assert_eq(troupe_lookup(pair[0].node, "right", "hand", PATIENCE_MS, &who),
                 TROUPE_NOCONNECTION);
    notes_await(all, MANY);
    for (size_t i = 0; i < MANY; i++) {
        size_t times = 0;
        for (size_t j = 0; j < MANY; j++) times += all->note[j].n == a[i].number;
        cr_assert_eq(times, 1u);
        if (i >= scene_seed % MANY) cr_assert_eq(all->note[i].why, TROUPE_NOCONNECTION);
    }
    troupe_sim_cut(scene_sim, pair[1].rt, pair[0].rt, false);
    pair_close(pair);
    notes_close(all);
}

/* One that was answered must not be answered again, be it by the peer that was asked. */
ANYWHERE(question, an_answer_that_nobody_waits_for_is_nothing, 20) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref mine = hand_of(&pair[0], 16, all);
    asked a = {.peer = "right", .name = "hand"};
    act_as(&pair[0], mine, ask_for_name, &a);
    notes_await(all, 1);
    tr_peer_link *link = tr_node_next(pair[0].node, NULL);
    cr_assert_not_null(link);
    cr_assert_not(tr_question_answer(link, a.number, TROUPE_NOBODY, TROUPE_OK));
    tr_node_unref(link);
    uint64_t n = 1;
    cr_assert_eq(ask_by(&pair[0], mine, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(notes_count(all), 1u);
    pair_close(pair);
    notes_close(all);
}
