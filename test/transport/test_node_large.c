/* Large messages between nodes: what is small goes past them, order stays as it was, and whatever
 * happens in the middle of one, it is handled, comes back or is a dead letter. */
#include "test/transport/rogue.h"
#include "transport/node.h"

TestSuite(node_large, .timeout = 120, .fini = scene_say_seed);

enum { LIMIT = 80 << 20 };

struct load {
    uint64_t n;
    troupe_bytes bytes;
};
static const troupe_type load_type =
    TROUPE_TYPE(load, TROUPE_FIELD(load, n), TROUPE_FIELD(load, bytes));

/* Writes down the number of each load whose bytes are as they should be, and what else a hand
 * does. */
static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct hand *hand = state;
    const struct load *load = troupe_as(*msg, &load_type);
    if (!load) return hand_receive(self, state, msg);
    for (size_t i = 0; i < load->bytes.size; i += 997)
        if (((const unsigned char *)load->bytes.data)[i] != (unsigned char)(load->n + i))
            return TROUPE_MALFORMED;
    notes_write(hand->notes, (note){A_COUNT, 1, load->n, troupe_sender(self), 0});
    return TROUPE_OK;
}

static const troupe_behaviour one = {.name = "one",
                                     .state_size = sizeof(struct hand),
                                     .mailbox_limit = 1,
                                     .start = hand_start,
                                     .receive = receive};

static troupe_ref loaded(party *p, notes *all) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(p->rt, &one, &all, &who), TROUPE_OK);
    return who;
}

static void open_two(party pair[2], bool tcp) {
    const troupe_node_config config = {.message_limit = LIMIT};
    party_open_as(&pair[0], "left", config);
    party_open_as(&pair[1], "right", config);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(troupe_register_type(pair[i].rt, &load_type), TROUPE_OK);
    party_listen(&pair[1], tcp);
    party_meet(&pair[0], &pair[1]);
}

static troupe_err load_to(party *p, troupe_ref who, uint64_t n, size_t size) {
    unsigned char *bytes = malloc(size);
    troupe_msg *msg;
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(n + i);
    const struct load body = {n, {bytes, size}};
    cr_assert_eq(troupe_make(p->rt, &load_type, &body, &msg), TROUPE_OK);
    free(bytes);
    troupe_err err = troupe_post(p->rt, who, &msg);
    troupe_drop(&msg);
    return err;
}

/* Their sender keeps some of it between them. Their receiver has each of them once. */
ANYWHERE(node_large, their_memory_goes_when_no_more_come, 4) {
    enum { COUNT = 8, SIZE = 1 << 20 };
    party pair[2];
    size_t before[2];
    open_two(pair, tcp);
    notes *all = notes_open();
    troupe_ref who = loaded(&pair[1], all);
    cr_assert_eq(count_to(&pair[0], who, 0), TROUPE_OK);
    notes_await(all, 1);
    for (int i = 0; i < 2; i++) before[i] = counting_heap_look(&pair[i].heap).bytes;
    for (unsigned n = 1; n <= COUNT; n++) {
        cr_assert_eq(load_to(&pair[0], who, n, SIZE), TROUPE_OK);
        notes_await(all, n + 1);
    }
    cr_assert_lt(counting_heap_look(&pair[1].heap).peak, before[1] + SIZE + SIZE / 2);
    for (int i = 0; i < 2; i++)
        SCENE_AWAIT(counting_heap_look(&pair[i].heap).bytes < before[i] + SIZE / 2);
    pair_close(pair);
    notes_close(all);
}

/* Over real connections only that both arrive: who is handled first is up to the machine. */
ANYWHERE(node_large, case_20_a_message_of_64_mib_lets_small_ones_past, 4) {
    party pair[2];
    open_two(pair, tcp);
    notes *large = notes_open(), *small = notes_open();
    troupe_ref slow = loaded(&pair[1], large), quick = loaded(&pair[1], small);
    cr_assert_eq(load_to(&pair[0], slow, 1, 64 << 20), TROUPE_OK);
    uint64_t then = scene_clock();
    cr_assert_eq(count_to(&pair[0], quick, 1), TROUPE_OK);
    notes_await(small, 1);
    if (scene_sim) {
        cr_assert_eq(notes_count(large), 0u, "it is still on its way");
        cr_assert_lt(scene_clock() - then, 2 * TR_MS, "it has not waited");
    }
    cr_assert(notes_await_for(large, 1, 3 * PATIENCE_MS));
    pair_close(pair);
    notes_close(large);
    notes_close(small);
}

/* To a mailbox of 1, which is full nearly always; then its end is heard of, last of all. */
ANYWHERE(node_large, what_is_sent_after_a_large_one_comes_after_it, 20) {
    enum { ALL = 24 };
    party pair[2];
    open_two(pair, tcp);
    notes *all = notes_open(), *watch = notes_open();
    troupe_ref who = loaded(&pair[1], all), watcher = hand_of(&pair[0], 16, watch);
    (void)watch_by(&pair[0], watcher, who);
    uint64_t until = patience();
    for (uint64_t n = 0; n < ALL;) {
        const size_t size = n % 3 ? 10 : (size_t)(n + 1) * 40000;
        if (load_to(&pair[0], who, n, size) == TROUPE_OK)
            n++;
        else
            scene_go_on(until);
    }
    notes_await(all, ALL);
    cr_assert_eq(notes_in_order(all, 1, 0), (size_t)ALL);
    while (order_to(&pair[0], who, ORDER_QUIT, 0) == TROUPE_FULL) scene_go_on(until);
    notes_await(watch, 1);
    cr_assert_eq(notes_downs(watch, TROUPE_OK), 1u);
    pair_close(pair);
    notes_close(all);
    notes_close(watch);
}

/* It ends while the message is on its way: that is a dead letter, and the connection lives. */
ANYWHERE(node_large, one_for_an_actor_that_ends_is_a_dead_letter, 40) {
    party pair[2];
    open_two(pair, tcp);
    notes *all = notes_open();
    troupe_ref who = loaded(&pair[1], all), other = loaded(&pair[1], all);
    cr_assert_eq(load_to(&pair[0], who, 1, 8 << 20), TROUPE_OK);
    cr_assert_eq(troupe_stop(pair[1].rt, who), TROUPE_OK);
    SCENE_AWAIT(troupe_mailbox(pair[1].rt, who, NULL, NULL) == TROUPE_GONE);
    uint64_t until = patience();
    while (load_to(&pair[0], other, 2, 10) == TROUPE_FULL) scene_go_on(until);
    SCENE_AWAIT(notes_count(all) + dead_letters(pair[1].rt) >= 2);
    cr_assert_eq(party_logged(&pair[1], "lost"), 0u);
    pair_close(pair);
    notes_close(all);
}

/* The same with mail in front that waits for room, which is what is heard of its end first. */
SIMULATED(node_large, one_behind_mail_of_an_actor_that_ends_is_a_dead_letter, 100) {
    enum { FEW = 4 };
    party pair[2];
    (void)tcp;
    open_two(pair, false);
    notes *all = notes_open();
    troupe_ref who = loaded(&pair[1], all);
    cr_assert_eq(troupe_sim_hold(scene_sim, who, true), TROUPE_OK);
    for (uint64_t n = 0; n < FEW; n++) cr_assert_eq(load_to(&pair[0], who, n, 10), TROUPE_OK);
    cr_assert_eq(load_to(&pair[0], who, FEW, 8 << 20), TROUPE_OK);
    for (uint64_t i = 0; i < 3 * scene_seed; i++) (void)tr_sim_advance(scene_sim, TR_NEVER);
    cr_assert_eq(troupe_kill(pair[1].rt, who), TROUPE_OK);
    cr_assert_eq(troupe_sim_hold(scene_sim, who, false), TROUPE_OK);
    SCENE_AWAIT(notes_count(all) + dead_letters(pair[1].rt) >= FEW + 1);
    cr_assert_eq(party_logged(&pair[1], "lost"), 0u);
    pair_close(pair);
    notes_close(all);
}

/* Its node says goodbye behind the last part. */
ANYWHERE(node_large, one_that_is_sent_before_the_end_of_its_node_arrives, 40) {
    party pair[2];
    open_two(pair, tcp);
    notes *all = notes_open();
    troupe_ref who = loaded(&pair[1], all);
    cr_assert_eq(load_to(&pair[0], who, 1, 4 << 20), TROUPE_OK);
    party_close(&pair[0]);
    notes_await(all, 1);
    party_await_log(&pair[1], "node left is disconnected", 1);
    party_close(&pair[1]);
    scene_end();
    notes_close(all);
}

/* The left one's letters of a lost node, by the number of the load. */
static uint64_t lost;
static void see(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg) {
    const party *p = ctx;
    const struct load *load = troupe_as(*msg, &load_type);
    if (load && strcmp(p->name, "left") == 0 && letter->reason == TROUPE_DEAD_NODE_LOST) lost++;
}

/* It was whole there, and is handled; or not, and comes back; or both, if only the answer to it is
 * lost. */
SIMULATED(node_large, one_that_is_cut_in_the_middle_comes_back, 100) {
    party pair[2];
    (void)tcp;
    lost = 0;
    scene_dead_letter = see;
    open_two(pair, false);
    notes *all = notes_open();
    troupe_ref who = loaded(&pair[1], all);
    cr_assert_eq(load_to(&pair[0], who, 1, 2 << 20), TROUPE_OK);
    for (uint64_t i = 0; i < scene_seed; i++) (void)tr_sim_advance(scene_sim, TR_NEVER);
    tr_peer_link *link = tr_node_next(pair[scene_seed % 2].node, NULL);
    if (link) tr_link_cut(link), tr_node_unref(link);
    party_await_log(&pair[0], "node right is lost", 1);
    troupe_sim_run(scene_sim, 100);
    cr_assert_geq(lost + notes_count(all), 1u);
    cr_assert(lost <= 1 && notes_count(all) <= 1);
    pair_close(pair);
    notes_close(all);
    scene_dead_letter = NULL;
}

/* --- A peer that breaks the rules ------------------------------------------------------------- */

static void rogue_is_cut(party *node, const tr_frame *frame, size_t count, const char *reason) {
    char line[200];
    (void)snprintf(line, sizeof line, "the connection to rogue is cut: %s", reason);
    size_t before = party_logged(node, line), bytes = counting_heap_look(&node->heap).bytes;
    rogue r;
    rogue_open(&r, node);
    for (size_t i = 0; i < count; i++) rogue_say(&r, &frame[i]);
    rogue_close(&r);
    party_await_log(node, line, before + 1);
    raw_await_bytes(node, bytes + 8192);
}

ANYWHERE(node_large, case_22_wrong_parts_cut_the_connection_by_name, 40) {
    static const unsigned char bytes[2 * TR_PART_SIZE];
    party node;
    party_open(&node, "house");
    party_listen(&node, tcp);
    notes *all = notes_open();
    troupe_ref who = loaded(&node, all);
    unsigned char size[8], much[8];
    tr_wire_store(size, TR_PART_SIZE + 1, 8);
    tr_wire_store(much, UINT64_C(1) << 40, 8);
    const tr_frame large = {.kind = TR_FRAME_LARGE, .number = 1, .target = who.id,
                            .type = tr_type_hash(&load_type), .tail = size, .tail_size = 8};
    tr_frame part = {.kind = TR_FRAME_PART, .number = 1, .tail = bytes, .tail_size = 100};
    tr_frame huge = large;
    huge.tail = much;
    rogue_is_cut(&node, (tr_frame[]){part}, 1, "a part of no large message");
    rogue_is_cut(&node, (tr_frame[]){huge}, 1, "a large message of 1099511627776 bytes");
    rogue_is_cut(&node, (tr_frame[]){large, part, large}, 3, "a large message with the number of");
    part.tail_size = sizeof bytes;
    rogue_is_cut(&node, (tr_frame[]){large, part}, 2, "a part beyond the end of its message");
    tr_frame many[40];
    for (uint64_t i = 0; i < 40; i++) many[i] = large, many[i].number = i;
    rogue_is_cut(&node, many, 40, "a frame of kind 34: malformed"); /* more than was granted */
    cr_assert_eq(notes_count(all), 0u);
    party_close(&node);
    scene_end();
    notes_close(all);
}

/* What can't be read when it is whole is a dead letter, and gives its credit back. */
ANYWHERE(node_large, case_23_bodies_that_can_not_be_read_are_dead_letters, 20) {
    static const unsigned char bytes[TR_PART_SIZE + 1];
    party node;
    party_open(&node, "house");
    party_listen(&node, tcp);
    cr_assert_eq(troupe_register_type(node.rt, &load_type), TROUPE_OK);
    notes *all = notes_open();
    troupe_ref who = loaded(&node, all);
    unsigned char size[8];
    tr_wire_store(size, sizeof bytes, 8);
    rogue r;
    rogue_open(&r, &node);
    for (uint64_t i = 1; i <= 50; i++) { /* more than the first credit */
        const tr_frame large = {.kind = TR_FRAME_LARGE, .number = i, .target = who.id,
                                .sender = {ROGUE, 5}, .type = tr_type_hash(&load_type),
                                .tail = size, .tail_size = 8};
        rogue_say(&r, &large);
        rogue_say(&r, &(tr_frame){.kind = TR_FRAME_PART, .number = i, .tail = bytes,
                                  .tail_size = sizeof bytes});
        SCENE_AWAIT(dead_letters(node.rt) >= i);
    }
    cr_assert_eq(party_logged(&node, "cut"), 0u);
    raw_finish(r.peer);
    rogue_close(&r);
    cr_assert_eq(notes_count(all), 0u);
    party_close(&node);
    scene_end();
    notes_close(all);
}
