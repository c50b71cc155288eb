/* Order and flow control between nodes. */
#include <troupe/gather.h>
#include <troupe/owned.h>

#include "test/transport/line_scene.h"
#include "test/transport/node_hands.h"
#include "transport/window.h"

/* Of the messages of a sender, or as many as SCENE_MESSAGES says: in a simulation there are many
 * runs instead. */
static size_t many(size_t real) {
    const char *said = getenv("SCENE_MESSAGES");
    if (said) return strtoull(said, NULL, 10);
    return scene_sim ? real / 5 : real;
}

TestSuite(node_flow, .timeout = 60, .fini = scene_say_seed);

/* An actor that sends counts to another, and tries again in a millisecond whenever it is FULL. */
struct stream {
    troupe_ref to;
    uint64_t from, all;
    tr_atomic64 *done, *full;
};
struct streaming {
    struct stream arg;
    uint64_t next;
};
static const troupe_type again_type = TROUPE_SIGNAL_TYPE("again");

static troupe_err stream_on(troupe_self *self, struct streaming *s) {
    while (s->next < s->arg.all) {
        const struct count count = {s->arg.from, s->next};
        troupe_err err = troupe_tell(self, s->arg.to, &count_type, &count);
        if (err == TROUPE_FULL) {
            (void)tr_add64_relaxed(s->arg.full, 1);
            troupe_msg *msg;
            err = troupe_make(troupe_runtime(self), &again_type, NULL, &msg);
            return err ? err : troupe_send_after(self, 1, troupe_me(self), &msg, NULL);
        }
        if (err) return err;
        s->next++;
    }
    (void)tr_add64_relaxed(s->arg.done, 1);
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static troupe_err stream_start(troupe_self *self, void *state, const void *arg) {
    struct streaming *s = state;
    s->arg = *(const struct stream *)arg;
    return stream_on(self, s);
}

static troupe_err stream_receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)msg;
    return stream_on(self, state);
}

static const troupe_behaviour streamer = {.name = "streamer",
                                          .state_size = sizeof(struct streaming),
                                          .start = stream_start,
                                          .receive = stream_receive};

static void stream_to(party *p, const struct stream *what) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(p->rt, &streamer, what, &who), TROUPE_OK);
}

ANYWHERE(node_flow, case_01_four_senders_keep_their_order, 20) {
    enum { SENDERS = 4 };
    const size_t each = many(15000);
    tr_atomic64 done = {0}, full = {0};
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 64, all);
    for (uint64_t i = 1; i <= SENDERS; i++)
        stream_to(&pair[0], &(struct stream){hand, i, each, &done, &full});
    cr_assert(notes_await_for(all, SENDERS * each, (unsigned)(PATIENCE_MS + each)));
    for (uint64_t i = 1; i <= SENDERS; i++) cr_assert_eq(notes_in_order(all, i, 0), each);
    cr_assert_eq(tr_load64_relaxed(&done), (uint64_t)SENDERS);
    pair_close(pair);
    notes_close(all);
}

ANYWHERE(node_flow, both_directions_at_once_keep_their_order, 20) {
    const size_t each = many(15000);
    tr_atomic64 done = {0}, full = {0};
    party pair[2];
    pair_open(pair, tcp);
    notes *all[2] = {notes_open(), notes_open()};
    for (int i = 0; i < 2; i++) {
        troupe_ref hand = hand_of(&pair[i], 16, all[i]);
        stream_to(&pair[!i], &(struct stream){hand, 1, each, &done, &full});
        stream_to(&pair[!i], &(struct stream){hand, 2, each, &done, &full});
    }
    for (int i = 0; i < 2; i++) {
        notes_await(all[i], 2 * each);
        cr_assert_eq(notes_in_order(all[i], 1, 0), each);
        cr_assert_eq(notes_in_order(all[i], 2, 0), each);
    }
    pair_close(pair);
    notes_close(all[0]);
    notes_close(all[1]);
}

/* Sends until it is FULL and stays so, though the peer has heard all that was sent before. */
static uint64_t send_until_full(party pair[2], troupe_ref hand, troupe_ref other, uint64_t n) {
    for (int quiet = 0; quiet < 20; quiet++) {
        uint64_t m = 0;
        while (count_to(&pair[0], hand, n) == TROUPE_OK) n++, quiet = 0;
        cr_assert_eq(ask_by(&pair[0], other, ORDER_ANSWER, &m), TROUPE_OK); /* there and back */
    }
    return n;
}

/* A receiver of that mailbox that handles nothing until told. */
static void slow_receiver(bool tcp, uint32_t limit) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open(), *none = notes_open();
    troupe_ref hand = hand_of(&pair[1], limit, all), other = hand_of(&pair[1], 16, none);
    notes_shut(all, true);
    uint64_t n = send_until_full(pair, hand, other, 0);
    uint64_t window = limit < TR_WINDOW_FIRST ? TR_WINDOW_FIRST : limit;
    cr_assert_leq(n, limit + window + 1, "and one in hand");
    cr_assert_geq(n, limit);
    counting_heap_state before[2] = {counting_heap_look(&pair[0].heap),
                                     counting_heap_look(&pair[1].heap)};
    for (int i = 0; i < 50000; i++) cr_assert_eq(count_to(&pair[0], hand, n), TROUPE_FULL);
    for (int i = 0; i < 2; i++) {
        size_t bytes = counting_heap_look(&pair[i].heap).bytes;
        cr_assert_leq(bytes, before[i].bytes + 4096, "%zu, then %zu", before[i].bytes, bytes);
    }
    notes_shut(all, false);
    notes_await(all, (size_t)n);
    uint64_t until = patience();
    while (count_to(&pair[0], hand, n) == TROUPE_FULL) { /* the grant is on its way */
        cr_assert_lt(scene_clock(), until);
        uint64_t m = 0;
        cr_assert_eq(ask_by(&pair[0], other, ORDER_ANSWER, &m), TROUPE_OK);
    }
    notes_await(all, (size_t)n + 1);
    cr_assert_eq(notes_in_order(all, 0, 0), (size_t)n + 1);
    pair_close(pair);
    notes_close(all);
    notes_close(none);
}

ANYWHERE(node_flow, case_19_a_slow_receiver_of_1_is_full_at_the_sender, 20) {
    slow_receiver(tcp, 1);
}

ANYWHERE(node_flow, case_19_a_slow_receiver_of_200_is_full_at_the_sender, 20) {
    slow_receiver(tcp, 200);
}

ANYWHERE(node_flow, case_19_a_slow_actor_does_not_slow_its_neighbour, 20) {
    enum { MANY = 20000 };
    tr_atomic64 done = {0}, full = {0};
    party pair[2];
    pair_open(pair, tcp);
    notes *slow = notes_open(), *quick = notes_open();
    notes_shut(slow, true);
    troupe_ref one = hand_of(&pair[1], 16, slow), other = hand_of(&pair[1], 64, quick);
    stream_to(&pair[0], &(struct stream){one, 1, 1000, &done, &full});
    stream_to(&pair[0], &(struct stream){other, 2, MANY, &done, &full});
    notes_await(quick, MANY);
    cr_assert_eq(notes_count(slow), 0u);
    cr_assert_eq(notes_in_order(quick, 2, 0), (size_t)MANY);
    cr_assert_gt(tr_load64_relaxed(&full), 0u);
    notes_shut(slow, false);
    notes_await(slow, 1000);
    cr_assert_eq(notes_in_order(slow, 1, 0), 1000u);
    pair_close(pair);
    notes_close(slow);
    notes_close(quick);
}

struct blob {
    troupe_bytes data;
};
static const troupe_type blob_type = TROUPE_TYPE(blob, TROUPE_FIELD(blob, data));

/* Many large messages to an actor that takes them: what waits to go out is bounded too. */
ANYWHERE(node_flow, large_messages_do_not_pile_up_at_the_sender, 20) {
    enum { SIZE = 1 << 20, LIMIT = 64 };
    static char bytes[SIZE];
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], LIMIT, all);
    cr_assert_eq(troupe_register_type(pair[1].rt, &blob_type), TROUPE_OK);
    const struct blob blob = {{bytes, sizeof bytes}};
    troupe_msg *msg = NULL;
    const size_t count = many(200);
    size_t sent = 0;
    uint64_t until = patience();
    while (sent < count) {
        if (!msg) cr_assert_eq(troupe_make(pair[0].rt, &blob_type, &blob, &msg), TROUPE_OK);
        if (troupe_post(pair[0].rt, hand, &msg))
            scene_go_on(until);
        else
            sent++;
    }
    troupe_drop(&msg);
    uint64_t n = 0;
    while (ask_by(&pair[0], hand, ORDER_ANSWER, &n) == TROUPE_FULL) scene_go_on(until);
    cr_assert_lt(counting_heap_look(&pair[0].heap).peak, (size_t)60 << 20);
    pair_close(pair);
    notes_close(all);
}

/* --- A busy connection ------------------------------------------------------------------------ */

/* Sends to several actors until none takes any more, and more than the sockets do: so frames wait
 * to go out. Simulated ones take less. */
static void fill(party pair[2], notes *none) {
    enum { SIZE = 64 << 10 };
    static char bytes[SIZE];
    const struct blob blob = {{bytes, sizeof bytes}};
    troupe_err err = TROUPE_OK;
    for (int i = 0; i < (scene_sim ? 2 : 32); i++, err = TROUPE_OK) {
        troupe_ref to = hand_of(&pair[1], 64, none);
        troupe_msg *msg = NULL;
        while (!err) {
            cr_assert_eq(troupe_make(pair[0].rt, &blob_type, &blob, &msg), TROUPE_OK);
            err = troupe_post(pair[0].rt, to, &msg);
            troupe_drop(&msg);
        }
        cr_assert_eq(err, TROUPE_FULL, "%s", troupe_errname(err));
    }
    troupe_peer peer;
    cr_assert_eq(troupe_peers(pair[0].node, &peer, 1), 1u);
    cr_assert_gt(peer.waiting, 0u);
}

/* Nothing passes; all the same links and monitors are made, and actors end, and nobody waits. */
ANYWHERE(node_flow, case_20_links_monitors_and_ends_do_not_wait_for_a_busy_connection, 20) {
    enum { MANY = 10 };
    static line l;
    party pair[2];
    for (int i = 0; i < 2; i++) {
        const unsigned lost_ms = 3 * PATIENCE_MS;
        party_open_as(&pair[i], i ? "right" : "left",
                      (troupe_node_config){.suspect_ms = lost_ms, .lost_ms = lost_ms});
        cr_assert_eq(troupe_register_type(pair[i].rt, &blob_type), TROUPE_OK);
    }
    party_listen(&pair[1], tcp);
    line_open(&l, &pair[0], &pair[1], tcp);
    line_meet(&l);
    notes *all = notes_open(), *own = notes_open(), *none = notes_open();
    troupe_ref far = hand_of(&pair[1], 1, all), watcher = hand_of(&pair[0], 16, own), who[MANY];
    act_as(&pair[1], far, trap_exits, NULL);
    line_hold(&l, true);
    fill(pair, none);
    uint64_t monitor = watch_by(&pair[0], watcher, far);
    for (uint64_t i = 0; i < MANY; i++) {
        who[i] = hand_of(&pair[0], 16, own);
        link_by(&pair[0], who[i], far);
        cr_assert_eq(order_to(&pair[0], who[i], ORDER_FAIL, TROUPE_USER + i), TROUPE_OK);
    }
    for (int i = 0; i < MANY; i++)
        SCENE_AWAIT(troupe_mailbox(pair[0].rt, who[i], NULL, NULL) == TROUPE_GONE);
    cr_assert_eq(notes_count(all), 0u, "all of it is on its way");
    line_hold(&l, false);
    notes_await(all, MANY);
    for (int i = 0; i < MANY; i++)
        cr_assert_eq(notes_exits(all, (troupe_err)(TROUPE_USER + i)), 1u, "link, then exit");
    cr_assert_eq(troupe_stop(pair[1].rt, far), TROUPE_OK);
    notes_await(own, 1);
    cr_assert(own->note[0].n == monitor && own->note[0].why == TROUPE_SHUTDOWN);
    line_end(&l);
    notes_close(all);
    notes_close(own);
    notes_close(none);
}

/* What is shared here is a message of its own there; so is what is asked of two at once. */
ANYWHERE(node_flow, a_shared_message_arrives_as_one_of_its_own, 20) {
    party pair[2];
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    troupe_msg *msg = NULL, *share = NULL;
    cr_assert_eq(troupe_make(pair[0].rt, &count_type, &(struct count){3, 0}, &msg), TROUPE_OK);
    cr_assert_eq(troupe_share(pair[0].rt, &msg, &share), TROUPE_OK);
    cr_assert_eq(troupe_post(pair[0].rt, hand, &share), TROUPE_OK);
    troupe_drop(&msg);
    notes_await(all, 1);
    cr_assert_eq(notes_in_order(all, 3, 0), 1);
    const struct order body = {ORDER_ANSWER, 7, TROUPE_NOBODY};
    troupe_asked asked[] = {{.to = hand}, {.to = hand}, {.to = {4711, 1}}};
    cr_assert_eq(troupe_make(pair[0].rt, &order_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_ask_many(pair[0].rt, asked, 3, &msg, 0, PATIENCE_MS), TROUPE_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(asked[i].err, TROUPE_OK);
        cr_assert_not_null(troupe_as(asked[i].answer, &count_type));
        troupe_drop(&asked[i].answer);
    }
    cr_assert_eq(asked[2].err, TROUPE_NOCONNECTION);
    pair_close(pair);
    notes_close(all);
}

static const troupe_type file_type = TROUPE_OWNED_TYPE("file");

static void count_up(void *object) {
    ++*(int *)object;
}

/* What belongs to this process stays here, and is its sender's. */
ANYWHERE(node_flow, a_message_that_owns_an_object_is_refused_at_the_sender, 20) {
    party pair[2];
    int ended = 0;
    pair_open(pair, tcp);
    notes *all = notes_open();
    troupe_ref hand = hand_of(&pair[1], 16, all);
    troupe_msg *msg = NULL, *share = NULL;
    cr_assert_eq(troupe_make_owned(pair[0].rt, &file_type, &ended, count_up, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(pair[0].rt, hand, &msg), TROUPE_INVALID);
    cr_assert_eq(troupe_ask(pair[0].rt, hand, &msg, PATIENCE_MS), TROUPE_INVALID);
    cr_assert_eq(troupe_object(msg, &file_type), &ended);
    cr_assert_eq(troupe_share(pair[0].rt, &msg, &share), TROUPE_OK);
    cr_assert_eq(troupe_post(pair[0].rt, hand, &share), TROUPE_INVALID);
    troupe_drop(&share);
    cr_assert_eq(troupe_register_type(pair[0].rt, &file_type), TROUPE_INVALID);
    cr_assert_eq(ended, 0);
    troupe_drop(&msg);
    cr_assert_eq(ended, 1);
    cr_assert_eq(troupe_make(pair[0].rt, &count_type, &(struct count){3, 0}, &msg), TROUPE_OK);
    cr_assert_eq(troupe_post(pair[0].rt, hand, &msg), TROUPE_OK, "its credit was given back");
    notes_await(all, 1);
    pair_close(pair);
    notes_close(all);
}
