/* What one peer may say: who says more is not read for a while, or is cut, and nobody else is any
 * the worse for it. */
#include "test/transport/rogue.h"
#include "transport/node.h"

TestSuite(node_limits, .timeout = 60, .fini = scene_say_seed);

/* A node with limits that listens, one that says too much, and one that does not. */
typedef struct town {
    party house, loud, good;
    notes *all, *other;
    troupe_ref hand, spare;
} town;

static town *town_open(bool tcp, troupe_node_config config) {
    static town t;
    party_open_as(&t.house, "house", config);
    party_listen(&t.house, tcp);
    const troupe_node_config others = {.heartbeat_ms = config.heartbeat_ms};
    party_open_as(&t.loud, "loud", others);
    party_open_as(&t.good, "good", others);
    party_meet(&t.loud, &t.house);
    party_meet(&t.good, &t.house);
    t.all = notes_open();
    t.other = notes_open();
    t.hand = hand_of(&t.house, 4096, t.all);
    t.spare = hand_of(&t.house, 4096, t.other);
    return &t;
}

static void town_close(town *t) {
    cr_expect_eq(party_logged(&t->house, "node good is lost"), 0u);
    party_close(&t->loud);
    party_close(&t->good);
    party_close(&t->house);
    scene_end();
    notes_close(t->all);
    notes_close(t->other);
}

/* Sends as fast as there is credit. */
static void send_all(town *t, uint64_t first, uint64_t count) {
    for (uint64_t n = first; n < first + count; n++) {
        troupe_err err;
        while ((err = count_to(&t->loud, t->hand, n)) == TROUPE_FULL) scene_go_on(patience());
        cr_assert_eq(err, TROUPE_OK, "%s\n%s", troupe_errname(err), t->house.log);
    }
}

/* The good one is answered at once, however loud the other is. */
static void check_good(town *t) {
    uint64_t n = 1, then = scene_clock();
    cr_assert_eq(ask_by(&t->good, t->spare, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_lt(scene_clock() - then, scene_within(100));
}

ANYWHERE(node_limits, a_loud_peer_is_read_at_its_rate_and_nobody_is_lost, 40) {
    enum { RATE = 2000, MANY = 8000 };
    const troupe_node_config config = {.peer_frames_per_s = RATE, .peer_burst_ms = 100};
    town *t = town_open(tcp, config);
    uint64_t then = scene_clock();
    for (uint64_t part = 0; part < 8; part++) {
        send_all(t, part * (MANY / 8), MANY / 8);
        check_good(t);
    }
    notes_await(t->all, MANY);
    uint64_t took = scene_clock() - then;
    cr_expect_eq(notes_in_order(t->all, 0, 0), (size_t)MANY, "in order, and none is lost");
    /* 8000 at 2000 a second, less what is saved up, and one read: less than 3100 of 43 bytes */
    cr_expect_geq(took, 2000 * TR_MS, "%d ms", (int)(took / TR_MS));
    cr_expect_eq(party_logged(&t->house, "is lost"), 0u);
    town_close(t);
}

ANYWHERE(node_limits, a_rate_of_bytes, 40) {
    enum { MANY = 8000 };
    const troupe_node_config config = {.peer_bytes_per_s = 20000, .peer_burst_ms = 100};
    town *t = town_open(tcp, config);
    t->hand = hand_of(&t->house, 1024, t->all); /* so that no read brings more than a second's */
    uint64_t then = scene_clock();
    send_all(t, 0, MANY); /* of 7 bytes at least: 4 of length, 3 of body */
    check_good(t);
    notes_await(t->all, MANY);
    cr_expect_geq(scene_clock() - then, 1500 * TR_MS);
    cr_expect_eq(notes_in_order(t->all, 0, 0), (size_t)MANY);
    town_close(t);
}

/* A large message. */
struct bulk {
    troupe_bytes bytes;
};
static const troupe_type bulk_type = TROUPE_TYPE(bulk, TROUPE_FIELD(bulk, bytes));

static troupe_err take_bulk(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct count answer = {0, troupe_as(*msg, &bulk_type) != NULL};
    return troupe_answer(self, &count_type, &answer);
}

/* A large message is as many frames as it has parts, in however many pieces those come. */
ANYWHERE(node_limits, parts_of_a_large_message_count_too, 10) {
    enum { PARTS = 8 };
    static const troupe_behaviour taker = {.name = "taker", .receive = take_bulk};
    static unsigned char bytes[PARTS * TR_PART_SIZE]; /* of which half may come in a second */
    town *t = town_open(tcp, (troupe_node_config){.peer_bytes_per_s = sizeof bytes / 2,
                                                  .peer_burst_ms = 100});
    const struct bulk bulk = {{bytes, sizeof bytes}};
    troupe_msg *msg;
    troupe_ref who;
    cr_assert_eq(troupe_register_type(t->house.rt, &bulk_type), TROUPE_OK);
    cr_assert_eq(troupe_spawn(t->house.rt, &taker, NULL, &who), TROUPE_OK);
    tr_peer_link *link = tr_node_link(t->house.node, tr_port_node(t->loud.rt));
    cr_assert_not_null(link);
    uint64_t then = scene_clock(), before = scene_sim ? link->frames : 0;
    cr_assert_eq(troupe_make(t->loud.rt, &bulk_type, &bulk, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask(t->loud.rt, who, &msg, PATIENCE_MS), TROUPE_OK);
    troupe_drop(&msg);
    cr_expect_geq(scene_clock() - then, 1000 * TR_MS);
    if (scene_sim) { /* and LARGE, and a few signs of life */
        uint64_t frames = link->frames - before;
        cr_expect(frames > PARTS && frames < 3 * PARTS, "%d", (int)frames);
    }
    tr_node_unref(link);
    check_good(t);
    town_close(t);
}

/* Heartbeats can't be heard of one that is not read: that is not held against it. */
ANYWHERE(node_limits, one_that_is_not_read_is_not_taken_for_dead, 40) {
    enum { MANY = 500 };
    const troupe_node_config config = {
        .peer_frames_per_s = 200, .peer_burst_ms = 10, .heartbeat_ms = 50, .lost_ms = 300};
    town *t = town_open(tcp, config);
    send_all(t, 0, MANY);
    notes_await(t->all, MANY);
    cr_expect_eq(party_logged(&t->house, "is cut"), 0u);
    town_close(t);
}

ANYWHERE(node_limits, a_node_closes_while_it_does_not_read, 40) {
    const troupe_node_config config = {.peer_frames_per_s = 2, .peer_burst_ms = 10};
    town *t = town_open(tcp, config);
    for (uint64_t n = 0; n < 16; n++) cr_assert_eq(count_to(&t->loud, t->hand, n), TROUPE_OK);
    notes_await(t->all, 1);
    uint64_t then = scene_clock();
    party_close(&t->house);
    cr_expect_lt(scene_clock() - then, scene_within(300));
    party_await_log(&t->loud, "node house is disconnected", 1);
    party_close(&t->loud);
    party_close(&t->good);
    scene_end();
    notes_close(t->all);
    notes_close(t->other);
}

ANYWHERE(node_limits, a_lost_peer_is_noticed_while_it_is_not_read, 40) {
    const troupe_node_config config = {.peer_frames_per_s = 10, .peer_burst_ms = 10};
    town *t = town_open(tcp, config);
    for (uint64_t n = 0; n < 16; n++) cr_assert_eq(count_to(&t->loud, t->hand, n), TROUPE_OK);
    notes_await(t->all, 1);
    tr_peer_link *link = tr_node_link(t->loud.node, tr_port_node(t->house.rt));
    cr_assert_not_null(link);
    tr_link_cut(link);
    tr_node_unref(link);
    uint64_t then = scene_clock();
    party_await_log(&t->house, "node loud is lost", 1);
    cr_expect_lt(scene_clock() - then, scene_within(2500));
    town_close(t);
}

ANYWHERE(node_limits, a_peer_that_watches_too_many_is_cut, 40) {
    enum { MOST = 20 };
    town *t = town_open(tcp, (troupe_node_config){.peer_watches = MOST});
    rogue r;
    rogue_open(&r, &t->house);
    tr_frame monitor = {.kind = TR_FRAME_MONITOR, .sender = {ROGUE, 7}, .target = t->hand.id};
    tr_frame taken_back = {.kind = TR_FRAME_DEMONITOR, .sender = {ROGUE, 7}, .target = t->hand.id};
    for (uint64_t n = 1; n <= MOST; n++) monitor.number = n, rogue_say(&r, &monitor);
    rogue_check(&r);
    for (uint64_t n = 1; n <= 5; n++) { /* of what is taken back one is there again, just once */
        taken_back.number = n;
        rogue_say(&r, &taken_back);
        rogue_say(&r, &taken_back);
        monitor.number = MOST + n;
        rogue_say(&r, &monitor);
    }
    rogue_check(&r);
    troupe_ref brief = hand_of(&t->house, 16, t->other); /* nor does one count that has fired */
    taken_back.number = 6;
    rogue_say(&r, &taken_back);
    monitor.number = 100;
    monitor.target = brief.id;
    rogue_say(&r, &monitor);
    rogue_check(&r);
    cr_assert_eq(order_to(&t->house, brief, ORDER_QUIT, 0), TROUPE_OK);
    (void)rogue_expect(&r, TR_FRAME_DOWN);
    monitor.number = 101;
    monitor.target = t->hand.id;
    rogue_say(&r, &monitor);
    rogue_check(&r);
    monitor.number = 102;
    rogue_say(&r, &monitor);
    rogue_close(&r);
    party_await_log(&t->house, "cut: it has more monitors and links here than 20", 1);
    check_good(t);
    cr_expect_eq(party_logged(&t->house, "node loud is lost"), 0u);
    town_close(t);
}

static void say_link(rogue *r, uint64_t number, troupe_ref to) {
    rogue_say(r, &(tr_frame){.kind = TR_FRAME_LINK, .number = number, .sender = {ROGUE, number},
                             .target = to.id});
}

ANYWHERE(node_limits, a_peer_that_links_to_too_many_is_cut, 40) {
    enum { MOST = 20 };
    town *t = town_open(tcp, (troupe_node_config){.peer_watches = MOST});
    troupe_ref brief = hand_of(&t->house, 16, t->other);
    rogue r;
    rogue_open(&r, &t->house);
    for (uint64_t n = 1; n <= MOST; n++) say_link(&r, n, n == MOST ? brief : t->hand);
    rogue_check(&r);
    for (uint64_t n = 1; n <= 5; n++) { /* by each of its own ends one is there again, just once */
        const tr_frame_kind kind = n % 2 ? TR_FRAME_UNLINK : TR_FRAME_EXIT;
        const tr_frame end = {.kind = kind, .number = n, .how = 1, .sender = {ROGUE, n},
                              .target = t->hand.id, .why = TROUPE_OK};
        rogue_say(&r, &end);
        rogue_say(&r, &end);
        say_link(&r, MOST + n, t->hand);
    }
    rogue_check(&r);
    cr_assert_eq(order_to(&t->house, brief, ORDER_QUIT, 0), TROUPE_OK); /* and by one of ours */
    (void)rogue_expect(&r, TR_FRAME_EXIT);
    say_link(&r, 100, t->hand);
    rogue_check(&r);
    say_link(&r, 101, t->hand);
    rogue_close(&r);
    party_await_log(&t->house, "cut: it has more monitors and links here than 20", 1);
    check_good(t);
    town_close(t);
}

ANYWHERE(node_limits, links_that_wait_for_a_full_mailbox_count_too, 40) {
    enum { MOST = 20 };
    town *t = town_open(tcp, (troupe_node_config){.peer_watches = MOST});
    rogue r;
    rogue_open(&r, &t->house);
    troupe_ref narrow = hand_of(&t->house, 1, t->all);
    notes_shut(t->all, true);
    const tr_frame count = count_frame(narrow, 0);
    for (int n = 0; n < 3; n++) rogue_say(&r, &count); /* the mailbox, and what waits */
    for (uint64_t n = 1; n <= MOST; n++) say_link(&r, n, narrow);
    rogue_check(&r);
    say_link(&r, MOST + 1, narrow);
    rogue_close(&r);
    party_await_log(&t->house, "cut: it has more monitors and links here than 20", 1);
    notes_shut(t->all, false);
    check_good(t);
    town_close(t);
}

/* So they can't be made hard to find, and cost no more than one. */
ANYWHERE(node_limits, links_of_the_same_two_are_one, 20) {
    enum { MANY = 20000, SLACK = 1 << 20 }; /* 8 MiB they would be */
    town *t = town_open(tcp, (troupe_node_config){.peer_watches = 2});
    troupe_ref brief = hand_of(&t->house, 16, t->other);
    rogue r;
    rogue_open(&r, &t->house);
    rogue_check(&r);
    const size_t before = counting_heap_look(&t->house.heap).bytes;
    for (uint64_t n = 1; n <= MANY; n++)
        rogue_say(&r, &(tr_frame){.kind = TR_FRAME_LINK, .number = n, .sender = {ROGUE, 7},
                                  .target = brief.id});
    rogue_check(&r);
    cr_expect_lt(counting_heap_look(&t->house.heap).bytes, before + SLACK);
    cr_assert_eq(order_to(&t->house, brief, ORDER_QUIT, 0), TROUPE_OK);
    cr_assert_eq(rogue_expect(&r, TR_FRAME_EXIT).number, 1u);
    rogue_check(&r); /* there is no second one before the answer */
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_GOODBYE});
    rogue_close(&r);
    check_good(t);
    town_close(t);
}

/* Who acknowledges nothing is told of, with what it means. */
ANYWHERE(node_limits, a_peer_that_acknowledges_too_little_is_reported_once, 20) {
    town *t = town_open(tcp, (troupe_node_config){.heartbeat_ms = 100});
    tr_peer_link *link = tr_node_link(t->house.node, tr_port_node(t->loud.rt));
    cr_assert_not_null(link);
    tr_lock(&link->out_lock);
    link->outgoing.refused = true; /* as a send does that is FULL */
    tr_unlock(&link->out_lock);
    party_await_log(&t->house, "node loud: it acknowledges too little of what is sent to it", 1);
    const uint64_t until = tr_after_ms(scene_clock(), 1000);
    while (scene_sim && tr_sim_advance(scene_sim, until) && scene_clock() < until) {
    }
    cr_expect_eq(party_logged(&t->house, "node loud: it acknowledges too little"), 1u);
    tr_node_unref(link);
    town_close(t);
}

/* Its own node keeps, and redelivers, no more than so much that is not accepted. */
ANYWHERE(node_limits, a_peer_that_has_too_many_bytes_wait_is_cut, 40) {
    enum { GRANTED = 16 };
    town *t = town_open(tcp, (troupe_node_config){.heartbeat_ms = 1000});
    rogue r;
    rogue_open(&r, &t->house);
    rogue_check(&r);
    troupe_ref narrow = hand_of(&t->house, 1, t->all);
    notes_shut(t->all, true);
    tr_peer_link *link = tr_node_link(t->house.node, ROGUE);
    cr_assert_not_null(link);
    tr_lock(&link->in_lock);
    cr_assert_geq(link->incoming.most, (size_t)3 * t->house.node->message_limit);
    link->incoming.most = 10; /* a count has three */
    tr_unlock(&link->in_lock);
    tr_node_unref(link);
    const tr_frame count = count_frame(narrow, 0);
    for (int n = 0; n < GRANTED; n++) rogue_say(&r, &count);
    rogue_close(&r);
    party_await_log(&t->house, "cut: more bytes of it wait for one actor than may", 1);
    notes_shut(t->all, false);
    check_good(t);
    town_close(t);
}

ANYWHERE(node_limits, so_many_nodes_are_remembered_for_what_they_redeliver, 40) {
    town *t = town_open(tcp, (troupe_node_config){.heartbeat_ms = 1000});
    rogue r;
    rogue_open(&r, &t->house);
    tr_frame count = count_frame(t->hand, TR_HOW_AGAIN);
    count.kind = TR_FRAME_DELIVER;
    count.number = 1;
    tr_lock(&t->house.node->lock);
    t->house.node->heard += TR_HEARDS_MOST; /* as if others had come before */
    tr_unlock(&t->house.node->lock);
    rogue_say(&r, &count);
    rogue_close(&r);
    party_await_log(&t->house, "cut: no memory, or more nodes than 1024 redeliver", 1);
    tr_lock(&t->house.node->lock);
    t->house.node->heard -= TR_HEARDS_MOST;
    tr_unlock(&t->house.node->lock);
    check_good(t);
    town_close(t);
}
