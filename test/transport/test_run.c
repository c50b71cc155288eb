/* Messages that go together in one frame: put together and taken apart, and between nodes. */
#include "transport/run.h"

#include <criterion/criterion.h>

#include "base/heap.h"
#include "serial/type.h"
#include "test/support/counting_heap.h"
#include "test/support/dead_letters.h"
#include "test/transport/rogue.h"

TestSuite(run, .timeout = 60, .fini = scene_say_seed);

enum { LIMIT = 1 << 20, HEAD = 4 + 1 + 6 + 8 + 16 + 4 + 8, LENGTH = 4 };

/* --- Put together ----------------------------------------------------------------------------- */

static const tr_frame plain = {
    .kind = TR_FRAME_SEND, .target = 7, .sender = {8, 9}, .how = 1, .type = 10};

/* A buffer, and what is open in it. */
typedef struct line {
    tr_buffer out;
    tr_run run;
} line;

static line line_make(void) {
    return (line){.out = {.heap = &tr_heap_default}};
}

static void line_put(line *l, const tr_frame *frame, const void *body, size_t size) {
    const size_t start = tr_run_begin(&l->run, &l->out, frame);
    cr_assert_neq(start, SIZE_MAX);
    cr_assert(tr_buffer_put(&l->out, body, size));
    tr_run_end(&l->run, &l->out, start, frame);
}

/* The frame at a place, which moves behind it. */
static tr_frame line_get(const line *l, size_t *at) {
    tr_frame frame = {.kind = 0};
    size_t used = 0;
    char why[100] = "";
    cr_assert_eq(tr_frame_get(l->out.data + *at, l->out.size - *at, LIMIT, &frame, &used, why, 100),
                 TROUPE_OK, "%s", why);
    *at += used;
    return frame;
}

static void is_message(const tr_frame *it, const tr_frame *as, const char *body) {
    cr_assert_eq(it->kind, as->kind);
    cr_assert_eq(it->target, as->target);
    cr_assert(troupe_same(it->sender, as->sender));
    cr_assert_eq(it->how, as->how);
    cr_assert_eq(it->type, as->type);
    cr_assert_eq(it->tail_size, strlen(body));
    cr_assert_eq(memcmp(it->tail, body, it->tail_size), 0);
}

Test(run, of_one_is_a_send_as_any_other) {
    line l = line_make();
    tr_buffer as = {.heap = &tr_heap_default};
    tr_frame one = plain;
    one.tail = "body", one.tail_size = 4;
    cr_assert(tr_frame_put(&as, &one));
    line_put(&l, &plain, "body", 4);
    tr_run_close(&l.run, &l.out);
    cr_assert_eq(l.out.size, as.size);
    cr_assert_eq(memcmp(l.out.data, as.data, as.size), 0);
    tr_buffer_fini(&as);
    tr_buffer_fini(&l.out);
}

Test(run, of_several_has_one_head) {
    static const char *const bodies[] = {"first", "x", "the third one"};
    line l = line_make();
    size_t at = 0;
    for (int i = 0; i < 3; i++) line_put(&l, &plain, bodies[i], strlen(bodies[i]));
    tr_run_close(&l.run, &l.out);
    cr_assert_eq(l.out.size, HEAD + 3 * LENGTH + 5 + 1 + 13);
    tr_frame run = line_get(&l, &at), message;
    size_t next = 0;
    cr_assert_eq(run.kind, TR_FRAME_RUN);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tr_run_next(&run, &next, &message), TROUPE_OK);
        is_message(&message, &plain, bodies[i]);
    }
    cr_assert_eq(tr_run_next(&run, &next, &message), TROUPE_LATER);
    cr_assert_eq(at, l.out.size);
    tr_buffer_fini(&l.out);
}

Test(run, takes_only_what_has_the_same_head) {
    tr_frame others[] = {plain, plain, plain, plain, plain, plain};
    others[0].target++;
    others[1].sender.node++;
    others[2].sender.id++;
    others[3].how++;
    others[4].type++;
    others[5].kind = TR_FRAME_DELIVER;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        line l = line_make();
        size_t at = 0;
        line_put(&l, &plain, "one", 3);
        line_put(&l, &others[i], "two", 3);
        line_put(&l, &plain, "three", 5);
        tr_run_close(&l.run, &l.out);
        const tr_frame first = line_get(&l, &at), second = line_get(&l, &at),
                       third = line_get(&l, &at);
        is_message(&first, &plain, "one");
        is_message(&second, &others[i], "two");
        is_message(&third, &plain, "three");
        cr_assert_eq(at, l.out.size);
        tr_buffer_fini(&l.out);
    }
}

Test(run, is_not_gone_on_with_behind_another_frame) {
    line l = line_make();
    size_t at = 0;
    line_put(&l, &plain, "one", 3);
    cr_assert(tr_frame_put(&l.out, &(tr_frame){.kind = TR_FRAME_GRANT, .number = 5}));
    line_put(&l, &plain, "two", 3);
    tr_run_close(&l.run, &l.out);
    const tr_frame first = line_get(&l, &at), grant = line_get(&l, &at), last = line_get(&l, &at);
    is_message(&first, &plain, "one");
    cr_assert_eq(grant.kind, TR_FRAME_GRANT);
    is_message(&last, &plain, "two");
    tr_buffer_fini(&l.out);
}

/* Many messages of one size: a RUN is filled as far as its receiver takes it, and no further. */
static void fill(size_t size) {
    enum { MANY = 500 };
    static const char body[2 * TR_RUN_MOST] = {'x'};
    line l = line_make();
    size_t messages = 0, at = 0;
    for (int i = 0; i < MANY; i++) line_put(&l, &plain, body, size);
    tr_run_close(&l.run, &l.out);
    while (at < l.out.size) {
        tr_frame frame = line_get(&l, &at), message;
        size_t next = 0;
        const bool alone = frame.kind == TR_FRAME_SEND;
        const size_t tail = frame.tail_size + (alone ? LENGTH : 0);
        cr_assert_lt(tail, TR_RUN_MOST + LENGTH + size);
        cr_assert(tail >= TR_RUN_MOST || at == l.out.size);
        messages += alone;
        if (alone) continue;
        for (; !tr_run_next(&frame, &next, &message); messages++)
            cr_assert_eq(message.tail_size, size);
        cr_assert_eq(next, frame.tail_size);
    }
    cr_assert_eq(messages, (size_t)MANY);
    tr_buffer_fini(&l.out);
}

Test(run, is_longer_than_its_most_by_one_message_at_most) {
    for (size_t size = 1; size < 300; size++) fill(size);
    for (size_t size = TR_RUN_MOST - 20; size < TR_RUN_MOST + 20; size++) fill(size);
    fill(2 * TR_RUN_MOST);
}

Test(run, can_be_undone_at_each_message) {
    for (int undone = 0; undone < 3; undone++) {
        line l = line_make();
        size_t at = 0, left = 0;
        for (int i = 0; i < 3; i++) {
            const size_t start = tr_run_begin(&l.run, &l.out, &plain);
            cr_assert(tr_buffer_put(&l.out, "half", 4));
            if (i == undone)
                l.out.size = start;
            else
                tr_run_end(&l.run, &l.out, start, &plain);
        }
        tr_run_close(&l.run, &l.out);
        tr_frame run = line_get(&l, &at), message;
        size_t next = 0;
        cr_assert_eq(run.kind, TR_FRAME_RUN);
        for (; !tr_run_next(&run, &next, &message); left++) is_message(&message, &plain, "half");
        cr_assert_eq(left, 2u);
        cr_assert_eq(at, l.out.size);
        tr_buffer_fini(&l.out);
    }
}

/* Whatever is put in line, by any heads, with other frames between and closed at any time: what was
 * not refused for want of memory comes out, in its order. */
Test(run, keeps_the_order_of_all_and_bears_any_want_of_memory) {
    counting_heap heap;
    counting_heap_init(&heap);
    uint64_t random = 1;
    for (size_t fails = 0; fails < 40; fails++) {
        line l = {.out = {.heap = &heap.heap}};
        uint32_t put = 0, got = 0;
        counting_heap_fail(&heap, fails, fails % 3);
        for (int i = 0; i < 400; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const unsigned draw = (unsigned)(random >> 40);
            tr_frame frame = plain;
            frame.target += draw % 8 == 0;
            if (draw % 16 == 1) tr_run_close(&l.run, &l.out);
            if (draw % 16 == 2) (void)tr_frame_put(&l.out, &(tr_frame){.kind = TR_FRAME_PING});
            const size_t start = tr_run_begin(&l.run, &l.out, &frame);
            unsigned char body[300] = {0};
            tr_wire_store(body, put, 4);
            if (start == SIZE_MAX) continue;
            if (!tr_buffer_put(&l.out, body, 4 + draw / 32 % 290)) {
                l.out.size = start;
                continue;
            }
            tr_run_end(&l.run, &l.out, start, &frame);
            put++;
        }
        counting_heap_fail(&heap, 0, 0);
        tr_run_close(&l.run, &l.out);
        for (size_t at = 0; at < l.out.size;) {
            tr_frame frame = line_get(&l, &at), message;
            size_t next = 0;
            if (frame.kind == TR_FRAME_SEND) cr_assert_eq(tr_wire_load(frame.tail, 4), got++);
            while (frame.kind == TR_FRAME_RUN && !tr_run_next(&frame, &next, &message))
                cr_assert_eq(tr_wire_load(message.tail, 4), got++);
        }
        cr_assert_eq(got, put);
        cr_assert_gt(put, 300u);
        tr_buffer_fini(&l.out);
    }
    cr_assert(counting_heap_fini(&heap));
}

/* --- Taken apart ------------------------------------------------------------------------------ */

static troupe_err next_of(const char *tail, size_t size, tr_frame *message) {
    const tr_frame run = {.kind = TR_FRAME_RUN, .tail = tail, .tail_size = size};
    size_t at = 0;
    return tr_run_next(&run, &at, message);
}

Test(run, ends_with_a_message) {
    tr_frame message;
    cr_assert_eq(next_of("", 0, &message), TROUPE_LATER);
    cr_assert_eq(next_of("\0\0\0\1x", 5, &message), TROUPE_OK);
    for (size_t size = 1; size < 5; size++)
        cr_assert_eq(next_of("\0\0\0\1x", size, &message), TROUPE_MALFORMED, "%zu", size);
    cr_assert_eq(next_of("\0\0\0\0x", 5, &message), TROUPE_MALFORMED, "an empty one");
    cr_assert_eq(next_of("\0\0\0\2x", 5, &message), TROUPE_MALFORMED);
    cr_assert_eq(next_of("\xff\xff\xff\xffx", 5, &message), TROUPE_MALFORMED);
}

Test(run, has_no_message_that_begins_behind_its_most) {
    enum { SIZE = 32, COUNT = TR_RUN_MOST / SIZE };
    static unsigned char tail[(COUNT + 1) * SIZE];
    for (size_t i = 0; i <= COUNT; i++) tr_wire_store(tail + i * SIZE, SIZE - LENGTH, LENGTH);
    const tr_frame run = {.kind = TR_FRAME_RUN, .tail = tail, .tail_size = sizeof tail};
    tr_frame message;
    size_t at = 0;
    for (size_t i = 0; i < COUNT; i++) cr_assert_eq(tr_run_next(&run, &at, &message), TROUPE_OK);
    cr_assert_eq(tr_run_next(&run, &at, &message), TROUPE_MALFORMED);
}

/* --- Between nodes ---------------------------------------------------------------------------- */

enum { SOME = 10 }; /* for which there is credit at once */

static void send_some(troupe_self *self, void *ctx) {
    const troupe_ref *to = ctx;
    for (uint64_t n = 0; n < SOME; n++)
        cr_assert_eq(troupe_tell(self, *to, &count_type, &(struct count){1, n}), TROUPE_OK);
}

/* All of them come, in order, in frames of one head; returns how many frames that were. */
static unsigned hear_some(rogue *r, troupe_ref hand, troupe_ref far) {
    unsigned frames = 0;
    for (unsigned char n = 0; n < SOME; frames++) {
        tr_frame frame, message;
        size_t at = 0;
        cr_assert(rogue_next(r, &frame));
        cr_assert_eq(frame.target, far.id);
        cr_assert_eq(frame.type, tr_type_hash(&count_type));
        cr_assert(troupe_same(frame.sender, hand));
        cr_assert(frame.kind == TR_FRAME_SEND || frame.kind == TR_FRAME_RUN);
        if (frame.kind == TR_FRAME_SEND) n++;
        while (frame.kind == TR_FRAME_RUN && !tr_run_next(&frame, &at, &message)) {
            cr_assert_eq(message.tail_size, 3u);
            cr_assert_eq(memcmp(message.tail, (unsigned char[]){0x92, 1, n++}, 3), 0);
        }
    }
    return frames;
}

/* A callback that stands still in the middle has what it has sent go out before: so it may take
 * another go. In a simulation the first goes out at once. */
ANYWHERE(run, is_what_a_callback_sends_to_one_actor, 20) {
    party p;
    party_open(&p, "node");
    party_listen(&p, tcp);
    notes *none = notes_open();
    troupe_ref hand = hand_of(&p, 16, none), far = {ROGUE, 0};
    rogue r;
    rogue_open(&r, &p);
    const unsigned most = scene_sim ? SOME - 1 : 1;
    unsigned frames;
    const uint64_t until = patience();
    do {
        far.id++;
        act_as(&p, hand, send_some, &far);
        frames = hear_some(&r, hand, far);
    } while (frames > most && scene_clock() < until);
    cr_assert_leq(frames, most);
    raw_finish(r.peer);
    rogue_close(&r);
    party_close(&p);
    scene_end();
    notes_close(none);
}

/* A node with an actor, and a rogue that is connected. */
typedef struct town {
    party node;
    notes *all;
    troupe_ref hand;
    rogue r;
} town;

static town *town_open(bool tcp, size_t limit) {
    static town t;
    party_open_as(&t.node, "node", (troupe_node_config){.message_limit = limit});
    party_listen(&t.node, tcp);
    t.all = notes_open();
    t.hand = hand_of(&t.node, 16, t.all);
    rogue_open(&t.r, &t.node);
    return &t;
}

static void town_close(town *t) {
    raw_finish(t->r.peer);
    rogue_close(&t->r);
    party_close(&t->node);
    scene_end();
    notes_close(t->all);
}

static void say_run(town *t, const void *tail, size_t size) {
    tr_frame run = count_frame(t->hand, 0);
    run.kind = TR_FRAME_RUN;
    run.tail = tail;
    run.tail_size = size;
    rogue_say(&t->r, &run);
}

/* Says that, and sees the connection cut for that reason; another one is there then. */
static void is_cut(town *t, const void *tail, size_t size, const char *why) {
    const size_t before = party_logged(&t->node, why);
    say_run(t, tail, size);
    party_await_log(&t->node, why, before + 1);
    rogue_close(&t->r);
    rogue_open_again(&t->r, &t->node);
}

ANYWHERE(run, is_handled_message_by_message, 20) {
    town *t = town_open(tcp, 0);
    static const char tail[] = "\0\0\0\3\x92\1\0" "\0\0\0\2\x92\1" "\0\0\0\3\x92\1\1";
    const uint64_t dead = dead_letters(t->node.rt);
    say_run(t, tail, sizeof tail - 1);
    notes_await(t->all, 2);
    cr_assert_eq(notes_in_order(t->all, 1, 0), 2u, "the others are as if each had come alone");
    cr_assert_eq(dead_letters(t->node.rt), dead + 1, "the one that can't be read");
    rogue_check(&t->r);
    town_close(t);
}

ANYWHERE(run, that_is_none_cuts_the_connection, 20) {
    static const char why[] = "cut: a RUN that does not end with a message";
    town *t = town_open(tcp, 0);
    is_cut(t, "", 0, why);
    is_cut(t, "\0\0\0\3\x92\1\0\0\0\0\3\x92\1", 13, why);
    is_cut(t, "\0\0\0\3\x92\1\0\0\0\0\0", 11, why);
    /* answers, which need no credit, and are to nobody that waits for any */
    static unsigned char many[64 << 10];
    for (size_t at = 0; at + 7 <= sizeof many; at += 7) memcpy(many + at, "\0\0\0\3\x92\1\2", 7);
    const uint64_t dead = dead_letters(t->node.rt);
    tr_frame run = count_frame(t->hand, TR_SEND_FREE);
    run.kind = TR_FRAME_RUN;
    run.tail = many;
    run.tail_size = sizeof many / 7 * 7;
    rogue_say(&t->r, &run);
    party_await_log(&t->node, why, 4);
    cr_assert_leq(dead_letters(t->node.rt), dead + TR_RUN_MOST / 7 + 1, "no more were handled");
    rogue_close(&t->r);
    rogue_open_again(&t->r, &t->node);
    town_close(t);
}

/* Each of its messages is held to what one may be; a RUN is held to that and what it may be longer
 * by. */
ANYWHERE(run, has_the_limits_of_its_messages, 20) {
    enum { ONE = 200, GRANTED = 16 };
    static const char message[] = "\0\0\0\23\x92\xcf\0\0\0\0\0\0\0\1\xcf\0\0\0\0\0\0\0\2";
    enum { SIZE = sizeof message - 1 };
    static char tail[TR_RUN_MOST + ONE + TR_FRAME_FIXED_MAX];
    town *t = town_open(tcp, ONE);
    tr_wire_store((unsigned char *)tail, ONE + 1, 4);
    is_cut(t, tail, 4 + ONE + 1, "cut: a message of 201 bytes in a RUN, the limit is 200");
    is_cut(t, tail, sizeof tail, "cut: frame of ");
    for (size_t i = 0; i < GRANTED; i++) memcpy(tail + i * SIZE, message, SIZE);
    say_run(t, tail, GRANTED * SIZE); /* more than one message may have */
    notes_await(t->all, GRANTED);
    town_close(t);
}

ANYWHERE(run, takes_the_credit_of_all_its_messages, 20) {
    enum { MANY = 500, SIZE = 7 };
    static char tail[MANY * SIZE];
    for (size_t at = 0; at < sizeof tail; at += SIZE) memcpy(tail + at, "\0\0\0\3\x92\1\2", SIZE);
    town *t = town_open(tcp, 0);
    notes_shut(t->all, true);
    is_cut(t, tail, sizeof tail, "cut: a frame of kind ");
    notes_shut(t->all, false);
    town_close(t);
}
