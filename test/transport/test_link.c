/* What a link does with a peer that knows the secret and then breaks the rules: it is cut with a
 * reason, or what it says is dropped, as documented; nobody else notices, and no memory grows. */
#include "transport/link.h"

#include "base/heap.h"
#include "serial/type.h"
#include "test/support/dead_letters.h"
#include "test/transport/rogue.h"

TestSuite(link, .timeout = 60, .fini = scene_say_seed);

/* --- The others ------------------------------------------------------------------------------- */

typedef struct house {
    party node, good;
    notes *all, *other;
    troupe_ref hand, far; /* of the node; of the good peer */
    uint64_t monitor;     /* of hand, on far */
} house;

static house *house_open(bool tcp) {
    static house h;
    party_open_as(&h.node, "house", (troupe_node_config){.message_limit = 64 << 10});
    party_listen(&h.node, tcp);
    party_open(&h.good, "good");
    party_meet(&h.good, &h.node);
    h.all = notes_open();
    h.other = notes_open();
    h.hand = hand_of(&h.node, 16, h.all);
    h.far = hand_of(&h.good, 16, h.other);
    h.monitor = watch_by(&h.node, h.hand, h.far);
    cr_assert_eq(troupe_register(h.node.rt, h.hand, "hand"), TROUPE_OK);
    return &h;
}

static void house_close(house *h) {
    uint64_t n = 1;
    cr_assert_eq(ask_by(&h->good, h->hand, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(ask_by(&h->node, h->far, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(party_logged(&h->good, "lost"), 0u);
    party_close(&h->good);
    party_close(&h->node);
    scene_end();
    notes_close(h->all);
    notes_close(h->other);
}

/* --- What cuts the connection ----------------------------------------------------------------- */

/* Says that, as bytes, and sees the connection cut for that reason, with one `down` a monitor. */
static void is_cut(house *h, const tr_buffer *bytes, const char *reason) {
    size_t downs = notes_downs(h->all, TROUPE_NOCONNECTION);
    size_t cuts = party_logged(&h->node, "the connection to rogue is cut: ");
    size_t losses = party_logged(&h->node, "node rogue is lost");
    rogue r;
    char why[200];
    (void)snprintf(why, sizeof why, "the connection to rogue is cut: %s", reason);
    size_t before = party_logged(&h->node, why);
    rogue_open(&r, &h->node);
    for (uint64_t id = 1; id <= 2; id++) {
        (void)watch_by(&h->node, h->hand, (troupe_ref){ROGUE, id});
        (void)rogue_expect(&r, TR_FRAME_MONITOR);
    }
    (void)raw_send(r.peer, bytes->data, bytes->size);
    rogue_close(&r);
    party_await_log(&h->node, why, before + 1);
    party_await_log(&h->node, "node rogue is lost", losses + 1);
    SCENE_AWAIT(notes_downs(h->all, TROUPE_NOCONNECTION) >= downs + 2);
    cr_assert_eq(party_logged(&h->node, "the connection to rogue is cut: "), cuts + 1, "%s", why);
    cr_assert_eq(notes_downs(h->all, TROUPE_NOCONNECTION), downs + 2);
}

/* One frame by its length and kind, with zeros, and checksums that are right. */
static void bytes_cut(house *h, size_t length, unsigned kind, const char *reason) {
    tr_buffer bytes = {.heap = &tr_heap_default};
    unsigned char zero[128] = {0};
    tr_wire_store(zero, length, 4);
    zero[4] = (unsigned char)kind;
    cr_assert(tr_buffer_put(&bytes, zero, length < 100 ? 4 + length : 5));
    if (kind >= TR_FRAME_SEND && length < 100) tr_frame_end(&bytes, 0);
    is_cut(h, &bytes, reason);
    tr_buffer_fini(&bytes);
}

static void frame_cuts(house *h, const tr_frame *frame, unsigned times, const char *reason) {
    tr_buffer bytes = {.heap = &tr_heap_default};
    while (times--) cr_assert(tr_frame_put(&bytes, frame));
    is_cut(h, &bytes, reason);
    tr_buffer_fini(&bytes);
}

ANYWHERE(link, case_22_frames_that_are_none_cut_the_connection, 100) {
    house *h = house_open(tcp);
    static const unsigned unknown[] = {0, 7, 15, 60, 255};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        bytes_cut(h, 9, unknown[i], "frame of the unknown kind");
    bytes_cut(h, 0, 0, "frame without a kind");
    bytes_cut(h, 8, TR_FRAME_PING, "PING of 8 bytes");
    bytes_cut(h, 7, TR_FRAME_SEND, "SEND of 7 bytes");
    bytes_cut(h, 42, TR_FRAME_SEND, "SEND of 42 bytes");
    bytes_cut(h, 22, TR_FRAME_GRANT, "GRANT of 22 bytes");
    bytes_cut(h, 24, TR_FRAME_GRANT, "GRANT of 24 bytes");
    bytes_cut(h, 14, TR_FRAME_NO_TARGET, "NO_TARGET of 14 bytes");
    bytes_cut(h, 38, TR_FRAME_MONITOR, "MONITOR of 38 bytes");
    bytes_cut(h, 40, TR_FRAME_DEMONITOR, "DEMONITOR of 40 bytes");
    bytes_cut(h, 39, TR_FRAME_DOWN, "DOWN of 39 bytes");
    bytes_cut(h, 18, TR_FRAME_ASK_FAILED, "ASK_FAILED of 18 bytes");
    bytes_cut(h, 14, TR_FRAME_LOOKUP, "LOOKUP of 14 bytes");
    bytes_cut(h, 30, TR_FRAME_FOUND, "FOUND of 30 bytes");
    bytes_cut(h, 8, TR_FRAME_GOODBYE, "GOODBYE of 8 bytes");
    bytes_cut(h, UINT32_MAX, TR_FRAME_SEND, "frame of 4294967295 bytes");
    bytes_cut(h, (64 << 10) + 65, TR_FRAME_SEND, "frame of 65601 bytes, the limit is 65600");
    house_close(h);
}

/* Whether a frame of that length may be of that kind, as far as its first bytes say. */
static bool may_be(unsigned kind, size_t length) {
    unsigned char head[TR_FRAME_HEAD];
    tr_frame frame;
    size_t used;
    tr_wire_store(head, length, 4);
    head[4] = (unsigned char)kind;
    troupe_err err = tr_frame_get(head, sizeof head, 1 << 16, &frame, &used, NULL, 0);
    return err != TROUPE_MALFORMED;
}

/* Every kind that there is, with a byte too few, and a byte too many where that is no tail. */
ANYWHERE(link, case_22_each_kind_cut_short_and_too_long_cuts_the_connection, 20) {
    house *h = house_open(tcp);
    unsigned kinds = 0;
    for (unsigned kind = TR_FRAME_SEND; kind <= UINT8_MAX; kind++) {
        size_t least = 1;
        while (least <= TR_FRAME_FIXED_MAX && !may_be(kind, least)) least++;
        if (least > TR_FRAME_FIXED_MAX) continue;
        kinds++;
        size_t before = party_logged(&h->node, " bytes, expected ");
        bool tail = may_be(kind, least + 1);
        if (least > 1) bytes_cut(h, least - 1, kind, "");
        if (!tail) bytes_cut(h, least + 1, kind, "");
        size_t said = party_logged(&h->node, " bytes, expected ") - before;
        cr_assert_eq(said, (size_t)(least > 1) + !tail, "kind %u", kind);
    }
    cr_assert_geq(kinds, 19u);
    house_close(h);
}

ANYWHERE(link, case_22_frames_out_of_place_cut_the_connection, 100) {
    house *h = house_open(tcp);
    static const tr_frame_kind early[] = {TR_FRAME_HELLO, TR_FRAME_CHALLENGE, TR_FRAME_PROOF,
                                          TR_FRAME_WELCOME, TR_FRAME_REFUSE, TR_FRAME_ALREADY};
    for (size_t i = 0; i < sizeof early / sizeof *early; i++)
        frame_cuts(h, &(tr_frame){.kind = early[i]}, 1, "a frame of kind");
    static const tr_frame_kind own[] = {TR_FRAME_MONITOR, TR_FRAME_DEMONITOR, TR_FRAME_DOWN,
                                        TR_FRAME_LINK, TR_FRAME_UNLINK, TR_FRAME_EXIT};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        for (uint64_t node = 0; node <= THIRD; node += THIRD)
            frame_cuts(h, &(tr_frame){.kind = own[i], .number = h->monitor, .target = h->hand.id,
                                      .sender = {node, 1}}, 1,
                       "it speaks for an actor of another node");
    frame_cuts(h, &(tr_frame){.kind = TR_FRAME_FOUND, .number = 1, .sender = {THIRD, 1}}, 1,
               "a frame of kind 24: malformed");
    frame_cuts(h, &(tr_frame){.kind = TR_FRAME_ASK_FAILED, .target = 1}, 1,
               "a frame of kind 22: malformed");
    frame_cuts(h, &(tr_frame){.kind = TR_FRAME_MONITOR, .number = 5, .target = h->hand.id,
                              .sender = {ROGUE, 1}}, 2, "a frame of kind 19");
    char name[TROUPE_NAME_MAX + 1] = {'x'};
    frame_cuts(h, &(tr_frame){.kind = TR_FRAME_LOOKUP, .tail = name, .tail_size = sizeof name}, 1,
               "a frame of kind 23: malformed");
    cr_assert_eq(notes_count(h->all), 2u * (6 + 12 + 4), "nothing but downs");
    house_close(h);
}

ANYWHERE(link, more_than_was_granted_cuts_the_connection, 100) {
    house *h = house_open(tcp);
    notes *slow = notes_open();
    notes_shut(slow, true);
    troupe_ref hand = hand_of(&h->node, 4, slow);
    tr_frame frame = count_frame(hand, 0);
    counting_heap_state before = counting_heap_look(&h->node.heap);
    frame_cuts(h, &frame, 1000, "a frame of kind 16: malformed");
    raw_await_bytes(&h->node, before.bytes + 4096);
    notes_shut(slow, false);
    uint64_t n = 0;
    uint64_t until = patience();
    while (ask_by(&h->node, hand, ORDER_ANSWER, &n) == TROUPE_FULL) scene_go_on(until);
    cr_assert_leq(notes_count(slow), 5u, "its mailbox, and one in hand");
    house_close(h);
    notes_close(slow);
}

ANYWHERE(link, one_that_is_refused_for_its_name_says_nothing_more_to_anybody, 100) {
    house *h = house_open(tcp);
    rogue r;
    cr_assert_eq(rogue_shake(&r, &h->node, "good"), TROUPE_REFUSED);
    const tr_frame count = count_frame(h->hand, 0);
    for (int i = 0; i < 10; i++) rogue_say(&r, &count);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_MONITOR, .number = 1, .target = h->hand.id,
                              .sender = {ROGUE, 1}});
    raw_finish(r.peer);
    tr_frame frame;
    cr_assert_not(rogue_next(&r, &frame), "no answer to anything");
    rogue_close(&r);
    cr_assert_eq(notes_count(h->all), 0u);
    cr_assert_eq(party_logged(&h->node, "refused: "), 1u);
    cr_assert_eq(party_logged(&h->node, "node good is connected"), 1u);
    cr_assert_eq(party_logged(&h->node, "lost"), 0u);
    house_close(h);
}

/* --- One that comes back ---------------------------------------------------------------------- */

/* Real only: the keeper's thread has to stand still between two of its steps, which are one event
 * of a simulation. */
BOTH(link, a_node_is_not_let_in_again_before_its_loss_is_told_to_everybody) {
    house *h = house_open(tcp);
    rogue r;
    rogue_open(&r, &h->node);
    (void)watch_by(&h->node, h->hand, (troupe_ref){ROGUE, 1});
    (void)rogue_expect(&r, TR_FRAME_MONITOR);
    party_hold(&h->node, "node rogue is lost");
    raw_finish(r.peer);
    rogue_close(&r);
    party_await_log(&h->node, "node rogue is lost", 1);
    cr_assert_eq(rogue_shake(&r, &h->node, "rogue"), TROUPE_TAKEN);
    raw_finish(r.peer);
    rogue_close(&r);
    cr_assert_eq(notes_count(h->all), 0u);
    party_hold(&h->node, NULL);
    notes_await(h->all, 1);
    rogue_open_again(&r, &h->node);
    uint64_t monitor = watch_by(&h->node, h->hand, (troupe_ref){ROGUE, 1});
    cr_assert_eq(rogue_expect(&r, TR_FRAME_MONITOR).number, monitor);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_DOWN, .number = monitor, .target = h->hand.id,
                              .sender = {ROGUE, 1}, .why = TROUPE_USER});
    notes_await(h->all, 2);
    cr_assert_eq(h->all->note[1].why, TROUPE_USER);
    raw_finish(r.peer);
    rogue_close(&r);
    house_close(h);
}

/* Posts to the rogue's actors all the time, connected or not. */
typedef struct posting {
    tr_thread thread;
    tr_event event; /* in a simulation, in place of the thread */
    party *who;
    uint64_t id;
    tr_atomic32 over;
} posting;

static void post_one(posting *p) {
    p->id = p->id % 100 + 1;
    troupe_err err = count_to(p->who, (troupe_ref){ROGUE, p->id}, 1);
    cr_assert(!err || err == TROUPE_FULL || err == TROUPE_NOCONNECTION);
}

static void *post_on(void *arg) {
    posting *p = arg;
    while (!tr_load32_seq(&p->over)) post_one(p);
    return NULL;
}

static void post_again(void *arg) {
    posting *p = arg;
    post_one(p);
    tr_sim_set(scene_sim, &p->event, troupe_sim_now(scene_sim) + 20000);
}

static void posting_start(posting *p) {
    tr_list_init(&p->event.of_sim);
    p->event.run = post_again;
    p->event.ctx = p;
    if (scene_sim)
        post_again(p);
    else
        cr_assert(tr_thread_start(&p->thread, "posts", post_on, p));
}

static void posting_end(posting *p) {
    (void)tr_or32_seq(&p->over, 1);
    if (scene_sim)
        tr_sim_unset(&p->event);
    else
        tr_thread_join(&p->thread);
}

ANYWHERE(link, nothing_comes_before_the_welcome, 200) {
    house *h = house_open(tcp);
    posting p = {.who = &h->node};
    posting_start(&p);
    for (int i = 0; i < (scene_sim ? 10 : 300);) {
        rogue r;
        troupe_err err = rogue_shake(&r, &h->node, "rogue");
        cr_assert(!err || err == TROUPE_TAKEN, "%s", troupe_errname(err));
        i += !err; /* taken, the last connection is still being cleared away */
        raw_finish(r.peer);
        rogue_close(&r);
    }
    posting_end(&p);
    house_close(h);
}

/* --- What is dropped -------------------------------------------------------------------------- */

/* Asks with a body that can't be read; the asker is told so, and the link lives. */
static void unreadable(rogue *r, house *h, const void *body, size_t size) {
    uint64_t dead = dead_letters(h->node.rt);
    tr_frame frame = count_frame(h->hand, TR_SEND_ASK);
    frame.tail = body;
    frame.tail_size = size;
    rogue_say(r, &frame);
    do cr_assert(rogue_next(r, &frame), "it is cut");
    while (frame.kind == TR_FRAME_GRANT || frame.kind == TR_FRAME_ACK);
    cr_assert_eq(frame.kind, TR_FRAME_ASK_FAILED);
    cr_assert_eq(frame.target, 5u);
    cr_assert_eq(frame.why, (uint32_t)TROUPE_MALFORMED, "%u", frame.why);
    cr_assert_eq(dead_letters(h->node.rt), dead + 1);
}

ANYWHERE(link, case_23_bodies_that_can_not_be_read_are_dead_letters, 100) {
    house *h = house_open(tcp);
    rogue r;
    static unsigned char deep[60000], bomb[31 * 5];
    memset(deep, 0x91, sizeof deep);
    for (size_t i = 0; i < 31; i++) memcpy(bomb + 5 * i, "\xdd\x20\0\0", 5);
    rogue_open(&r, &h->node);
    size_t largest = counting_heap_look(&h->node.heap).largest;
    for (int i = 0; i < 20; i++) { /* more than the first credit */
        unreadable(&r, h, "", 0);
        unreadable(&r, h, "\xc1", 1);
        unreadable(&r, h, "\x92\x01", 2);
        unreadable(&r, h, "\x92\x01\x02\x03", 4);
        unreadable(&r, h, "\x93\x01\x02\xc1", 4);
        unreadable(&r, h, "\x92\x01\xff", 3);
        unreadable(&r, h, "\xdd\xff\xff\xff\xff", 5);
        unreadable(&r, h, "\xdd\x20\x00\x00\x00", 5);
        unreadable(&r, h, bomb, sizeof bomb);
        unreadable(&r, h, deep, sizeof deep);
    }
    size_t now = counting_heap_look(&h->node.heap).largest;
    cr_assert_leq(now, largest > 300000 ? largest : (size_t)300000, "%zu", now);
    rogue_check(&r);
    cr_assert_eq(notes_count(h->all), 0u);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_GOODBYE});
    rogue_close(&r);
    party_await_log(&h->node, "node rogue is disconnected", 1);
    house_close(h);
}

ANYWHERE(link, frames_about_nobody_are_answered_or_dropped, 100) {
    house *h = house_open(tcp);
    rogue r;
    const troupe_ref nobody = {0, UINT64_C(7) << 32 | 5}, asker = {0, UINT64_C(0xFFFFFFF0)};
    const tr_frame to_nobody = count_frame(nobody, 0), to_asker = count_frame(asker, 0);
    const tr_frame answer_to_actor = count_frame(h->hand, TR_SEND_FREE);
    const tr_frame answer_to_nobody = count_frame(asker, TR_SEND_FREE);
    rogue_open(&r, &h->node);
    rogue_say(&r, &to_nobody);
    cr_assert_eq(rogue_expect(&r, TR_FRAME_NO_TARGET).target, nobody.id);
    rogue_say(&r, &to_asker);
    cr_assert_eq(rogue_expect(&r, TR_FRAME_NO_TARGET).target, asker.id);
    rogue_say(&r, &answer_to_actor); /* it would take no credit: not for an actor */
    rogue_say(&r, &answer_to_nobody);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_MONITOR, .number = 8, .target = nobody.id,
                              .sender = {ROGUE, 4}});
    tr_frame down = rogue_expect(&r, TR_FRAME_DOWN);
    cr_assert(down.number == 8 && down.target == 4 && down.why == TROUPE_GONE);
    for (tr_frame_kind kind = TR_FRAME_GRANT; kind <= TR_FRAME_FOUND; kind++)
        if (kind != TR_FRAME_MONITOR && kind != TR_FRAME_LOOKUP)
            rogue_say(&r, &(tr_frame){.kind = kind, .number = 1234, .target = nobody.id, .why = 3,
                                      .sender = {ROGUE, 4}});
    cr_assert_eq(rogue_expect(&r, TR_FRAME_NO_TARGET).target, nobody.id, "of the DOWN");
    rogue_check(&r);
    cr_assert_eq(notes_count(h->all), 0u);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_GOODBYE});
    rogue_close(&r);
    house_close(h);
}

ANYWHERE(link, the_monitors_and_names_of_others_are_none_of_its_business, 100) {
    house *h = house_open(tcp);
    rogue r;
    rogue_open(&r, &h->node);
    for (uint64_t number = 0; number < 20; number++) {
        rogue_say(&r, &(tr_frame){.kind = TR_FRAME_DOWN, .number = number, .target = h->hand.id,
                                  .sender = {ROGUE, 1}});
        rogue_say(&r, &(tr_frame){.kind = TR_FRAME_DEMONITOR, .number = number, .target = h->far.id,
                                  .sender = {ROGUE, 1}});
    }
    rogue_check(&r);
    uint64_t n = TROUPE_USER;
    cr_assert_eq(notes_count(h->all), 0u);
    cr_assert_eq(ask_by(&h->node, h->far, ORDER_FAIL, &n), TROUPE_FAILED);
    notes_await(h->all, 1);
    cr_assert(h->all->note[0].kind == A_DOWN && h->all->note[0].why == TROUPE_USER);
    h->far = hand_of(&h->good, 16, h->other);
    rogue_say(&r, &(tr_frame){.kind = TR_FRAME_GOODBYE});
    rogue_close(&r);
    house_close(h);
}

/* --- What would grow -------------------------------------------------------------------------- */

/* The same frame for ever, and nothing is read; until the connection is cut. */
static size_t flood(rogue *r, const tr_frame *frame) {
    enum { TIMES = 1000 };
    tr_buffer bytes = {.heap = &tr_heap_default};
    size_t said = 0;
    raw_stop_reading(r->peer);
    for (int i = 0; i < TIMES; i++) cr_assert(tr_frame_put(&bytes, frame));
    while (raw_send(r->peer, bytes.data, bytes.size)) said += TIMES;
    tr_buffer_fini(&bytes);
    return said;
}

/* Few seeds: each piles up 64 MiB. */
ANYWHERE(link, one_that_asks_and_never_reads_is_given_up, 4) {
    house *h = house_open(tcp);
    rogue r;
    const char name[] = "hand";
    rogue_open(&r, &h->node);
    size_t said = flood(&r, &(tr_frame){.kind = TR_FRAME_LOOKUP, .number = 1, .tail = name,
                                        .tail_size = sizeof name - 1});
    cr_assert_gt(said, 10000u);
    party_await_log(&h->node, "is cut: it does not read what is said to it", 1);
    rogue_close(&r);
    party_await_log(&h->node, "node rogue is lost", 1);
    cr_assert_lt(counting_heap_look(&h->node.heap).peak, (size_t)256 << 20);
    house_close(h);
}

ANYWHERE(link, ends_of_nothing_do_not_pile_up, 100) {
    house *h = house_open(tcp);
    rogue r;
    rogue_open(&r, &h->node);
    notes_shut(h->all, true);
    const tr_frame frame = count_frame(h->hand, 0);
    for (int i = 0; i < 17; i++) rogue_say(&r, &frame); /* the mailbox, and one that waits */
    rogue_check(&r);
    uint32_t full;
    cr_assert_eq(troupe_mailbox(h->node.rt, h->hand, &full, NULL), TROUPE_OK);
    cr_assert_eq(full, 16u);
    (void)flood(&r, &(tr_frame){.kind = TR_FRAME_DOWN, .number = 1, .target = h->hand.id,
                                .sender = {ROGUE, 1}});
    party_await_log(&h->node, "is cut: a frame of kind 21: malformed", 1);
    notes_shut(h->all, false);
    rogue_close(&r);
    party_await_log(&h->node, "node rogue is lost", 1);
    cr_assert_lt(counting_heap_look(&h->node.heap).peak, (size_t)4 << 20);
    house_close(h);
}
