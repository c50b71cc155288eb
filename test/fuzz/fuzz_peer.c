/* A peer that knows the secret and then says anything at all, in any pieces, while the node sends
 * to it, asks it, watches it and looks names up there. */
#include "actors/port.h"
#include "base/heap.h"
#include "serial/codec.h"
#include "serial/type.h"
#include "test/fuzz/world.h"

/* What an input is made of: steps, each a byte that says which, and its arguments. */
enum {
    STEP_FRAME,  /* a kind, its fields, and a tail */
    STEP_AGAIN,  /* the last frame once more, as often as a byte says */
    STEP_BYTES,  /* as they are */
    STEP_RUN,    /* time passes */
    STEP_TELL,   /* the node's actors are told to do something with the rogue */
    STEP_ASK,    /* the node asks the rogue, which answers with the frames that follow */
    STEP_LOOKUP, /* the same for a look-up */
    STEP_LARGE,  /* a message in parts, with some of them, and perhaps one too many */
    STEP_DIAL,   /* anew, as somebody */
    STEPS
};

enum { FRAMES_MOST = 2000 };

typedef struct play {
    world *w;
    fuzz_reader in;
    tr_frame last;
    tr_buffer body, run;
    uint64_t last_schema; /* the hash of one that was told */
    unsigned frames;
    unsigned answers; /* frames that are said when something is heard */
} play;

/* --- Values ----------------------------------------------------------------------------------- */

/* An id or number: one that means something, or any. */
static uint64_t value(play *p) {
    unsigned which = fuzz_byte(&p->in);
    const rogue *r = &p->w->rogue;
    switch (which % 16) {
    case 0:
        return p->w->hand.id;
    case 1:
        return p->w->brief.id;
    case 2:
        return p->w->friend.id;
    case 3:
        return which >> 4;
    case 4:
        return fuzz_number(&p->in, 8);
    case 5:
        return UINT64_MAX - (which >> 4);
    case 6:
        return p->w->hand.id + (UINT64_C(1) << 32);
    case 7:
        return fuzz_number(&p->in, 2);
    default:
        return r->known[which % KNOWN_MOST];
    }
}

static uint64_t node(play *p) {
    unsigned which = fuzz_byte(&p->in);
    switch (which % 8) {
    case 0:
        return 0;
    case 1:
        return tr_port_node(p->w->rt);
    case 2:
        return tr_port_node(p->w->good_rt);
    case 3:
        return fuzz_number(&p->in, 8);
    default:
        return tr_port_node(p->w->rogue_rt);
    }
}

static uint64_t type(play *p) {
    unsigned which = fuzz_byte(&p->in);
    if (which % 8 == 1) return tr_type_hash(&troupe_down_type);
    if (which % 8 == 3) return p->last_schema;
    return which % 8 == 2 ? fuzz_number(&p->in, 8) : tr_type_hash(&order_type);
}

/* A body that can be read, or any bytes, and zeros if they are too few. */
static void tail(play *p) {
    unsigned which = fuzz_byte(&p->in);
    size_t size;
    p->body.size = 0;
    if (which % 2) {
        static const unsigned char none[UINT8_MAX];
        const uint8_t *bytes = fuzz_bytes(&p->in, which / 2, &size);
        MUST(tr_buffer_put(&p->body, bytes, size));
        MUST(tr_buffer_put(&p->body, none, which / 2 - size));
    } else {
        struct order order = {.act = which / 2 % ACTS, .text = "x", .data = {"123", which % 3}};
        order.who.id = value(p);
        order.who.node = node(p);
        MUST(!tr_pack(&order_type, &order, 4096, &p->body));
    }
    p->last.tail = p->body.data;
    p->last.tail_size = p->body.size;
}

/* A schema: any bytes, or that of a type that is known with a byte changed; with its hash, but
 * for some. */
static void schema(play *p) {
    unsigned which = fuzz_byte(&p->in);
    if (which % 4) {
        p->body.size = 0;
        MUST(tr_type_spell(&order_type, &p->body));
        p->body.data[fuzz_byte(&p->in) % p->body.size] ^= fuzz_byte(&p->in);
        p->last.tail = p->body.data;
        p->last.tail_size = p->body.size;
    } else {
        tail(p);
    }
    p->last.type = tr_hash_bytes(tr_hash_text(""), p->last.tail, p->last.tail_size);
    if (which % 32 == 31) p->last.type++;
    p->last_schema = p->last.type;
}

/* The tail that is there, and more of them, behind each other; the last may be longer than it says,
 * or shorter. */
static void run(play *p) {
    unsigned char length[4];
    unsigned which = fuzz_byte(&p->in);
    p->run.size = 0;
    for (unsigned more = which % 4 + 1; more > 0; more--) {
        const unsigned lies = more == 1 ? which / 4 % 32 / 30 : 0;
        tr_wire_store(length, p->body.size + lies, sizeof length);
        MUST(tr_buffer_put(&p->run, length, sizeof length));
        MUST(tr_buffer_put(&p->run, p->body.data, p->body.size));
        if (more > 1) tail(p);
    }
    p->last.tail = p->run.data;
    p->last.tail_size = p->run.size;
}

/* --- Steps ------------------------------------------------------------------------------------ */

/* What the low half of a frame's first byte stands for; the second half of the table, if MORE is
 * added. */
enum { SEND, GRANT, NO_TARGET, MONITOR, DEMONITOR, DOWN, ASK_FAILED, LOOKUP, FOUND, PING };
enum { MORE = 64, STOP = MORE, SPAWNED, ACK, DELIVER, REJECT, GROUP, PART };
static const unsigned char kinds[32] = {
    TR_FRAME_SEND,      TR_FRAME_GRANT, TR_FRAME_NO_TARGET,  TR_FRAME_MONITOR,
    TR_FRAME_DEMONITOR, TR_FRAME_DOWN,  TR_FRAME_ASK_FAILED, TR_FRAME_LOOKUP,
    TR_FRAME_FOUND,     TR_FRAME_PING,  TR_FRAME_LINK,       TR_FRAME_EXIT,
    TR_FRAME_GOODBYE,   TR_FRAME_SPAWN, TR_FRAME_UNLINK,     TR_FRAME_SCHEMA,
    TR_FRAME_STOP,      TR_FRAME_SPAWNED, TR_FRAME_ACK,      TR_FRAME_DELIVER,
    TR_FRAME_REJECT,    TR_FRAME_GROUP, TR_FRAME_PART,       TR_FRAME_SEND,
    TR_FRAME_DELIVER,   TR_FRAME_ACK,   TR_FRAME_LINK,       TR_FRAME_EXIT,
    TR_FRAME_REJECT,    TR_FRAME_SPAWN, TR_FRAME_UNLINK,     TR_FRAME_MONITOR};
enum { GOODBYE = 12, RUNS = GOODBYE + 16, ASKS = 16 * TR_SEND_ASK, FREE = 16 * TR_SEND_FREE };

static void frame(play *p) {
    unsigned which = fuzz_byte(&p->in);
    p->last = (tr_frame){.kind = (tr_frame_kind)kinds[which % 16 + (which & MORE ? 16 : 0)]};
    p->last.number = value(p);
    p->last.target = value(p);
    p->last.sender.node = node(p);
    p->last.sender.id = value(p);
    p->last.how = which >> 4 & 3;
    p->last.why = fuzz_byte(&p->in);
    if (p->last.kind == TR_FRAME_PING && p->last.how) p->last.kind = TR_FRAME_GROUP;
    if (p->last.kind == TR_FRAME_GOODBYE && p->last.how) p->last.kind = TR_FRAME_RUN;
    tr_frame_kind kind = p->last.kind;
    if (which & 128 && which & MORE) p->last.how |= TR_HOW_PROMPT;
    const bool message =
        kind == TR_FRAME_SEND || kind == TR_FRAME_DELIVER || kind == TR_FRAME_RUN;
    const bool named = kind == TR_FRAME_GROUP || kind == TR_FRAME_LOOKUP || kind == TR_FRAME_SPAWN;
    const unsigned why = p->last.why; /* which is not said of a message: so it is its terms here */
    if (message)
        p->last.how |= (why & 1) * TR_SEND_URGENT | (why >> 1 & 1) * TR_SEND_LONG |
                        (why >> 2) * TR_SEND_TIME;
    if (message) p->last.type = type(p);
    if (message || named || kind == TR_FRAME_PART) tail(p);
    if (kind == TR_FRAME_SCHEMA) schema(p);
    if (kind == TR_FRAME_RUN) run(p);
}

static void say_last(play *p, unsigned times) {
    for (; times > 0 && p->frames < FRAMES_MOST && p->last.kind; times--, p->frames++)
        rogue_say_frame(p->w, &p->last);
}

/* A body in parts, by sizes that the input gives; it may end before they do, or after. */
static void large(play *p) {
    unsigned char size[8];
    frame(p);
    if (!p->last.tail_size) tail(p);
    const unsigned char *body = p->last.tail;
    size_t left = p->last.tail_size;
    tr_wire_store(size, left + fuzz_byte(&p->in) % 4 / 3, sizeof size);
    p->last.kind = TR_FRAME_LARGE;
    p->last.type = type(p);
    p->last.tail = size;
    p->last.tail_size = sizeof size;
    say_last(p, 1);
    for (unsigned step; left && (step = fuzz_byte(&p->in)); body += step, left -= step) {
        if (step > left) step = (unsigned)left;
        const tr_frame part = {
            .kind = TR_FRAME_PART, .number = p->last.number, .tail = body, .tail_size = step};
        rogue_say_frame(p->w, &part);
        if (step == 7) rogue_say_frame(p->w, &(tr_frame){.kind = TR_FRAME_PING});
    }
    p->last.kind = 0; /* its tail is gone */
}

static void tell(play *p) {
    unsigned which = fuzz_byte(&p->in);
    struct order order = {.act = which % ACTS, .who = {tr_port_node(p->w->rogue_rt), 0}};
    order.who.id = value(p);
    troupe_msg *msg;
    MUST(!troupe_make(p->w->rt, &order_type, &order, &msg));
    troupe_err err = troupe_post(p->w->rt, which & 128 ? p->w->brief : p->w->hand, &msg);
    MUST(!err || err == TROUPE_FULL || err == TROUPE_GONE);
    troupe_drop(&msg);
}

static void heard(void *ctx, const tr_frame *heard) {
    play *p = ctx;
    if (!p->answers || heard->kind == TR_FRAME_PING) return;
    p->answers--;
    frame(p);
    say_last(p, 1);
}

static void ask(play *p) {
    troupe_ref who = {tr_port_node(p->w->rogue_rt), value(p)};
    unsigned how = fuzz_byte(&p->in);
    troupe_msg *msg;
    p->answers = how / 64;
    MUST(!troupe_make(p->w->rt, &order_type, &(struct order){.act = 1}, &msg));
    troupe_err err = troupe_ask(p->w->rt, who, &msg, how % 64);
    p->answers = 0;
    MUST(err || msg);
    troupe_drop(&msg);
}

static void look_up(play *p) {
    unsigned how = fuzz_byte(&p->in);
    troupe_ref who;
    p->answers = how / 64;
    troupe_err err = troupe_lookup(p->w->node, "rogue", "x", how % 64, &who);
    p->answers = 0;
    MUST(err || who.node == tr_port_node(p->w->rogue_rt));
}

/* Goes through a handshake, as the rogue or as one that is there already. */
static void dial(play *p) {
    static const char *const names[] = {"rogue", "rogue", "rogue", "good", "node", "other"};
    unsigned which = fuzz_byte(&p->in);
    tr_identity me = {.node = node(p)};
    if (!me.node) me.node = 1;
    (void)snprintf(me.name, sizeof me.name, "%s", names[which % 6]);
    bool own = me.node == tr_port_node(p->w->rt), taken = me.node == tr_port_node(p->w->good_rt);
    rogue_dial(p->w);
    rogue_shake(p->w, &me, world_secret);
    troupe_sim_run(p->w->sim, 5);
    MUST(p->w->rogue.outcome || !(own || taken || which % 6 == 3 || which % 6 == 4));
}

static void step(play *p) {
    size_t size;
    const uint8_t *bytes;
    switch (fuzz_byte(&p->in) % STEPS) {
    case STEP_FRAME:
        frame(p);
        say_last(p, 1);
        break;
    case STEP_AGAIN:
        say_last(p, fuzz_byte(&p->in));
        break;
    case STEP_BYTES:
        bytes = fuzz_bytes(&p->in, fuzz_byte(&p->in), &size);
        rogue_say(p->w, bytes, size);
        break;
    case STEP_RUN:
        troupe_sim_run(p->w->sim, fuzz_byte(&p->in));
        break;
    case STEP_TELL:
        tell(p);
        break;
    case STEP_ASK:
        ask(p);
        break;
    case STEP_LOOKUP:
        look_up(p);
        break;
    case STEP_LARGE:
        large(p);
        break;
    default:
        dial(p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > FUZZ_SIZE_MOST) return 0;
    play p = {.in = {data, size},
              .body = {.heap = &tr_heap_default},
              .run = {.heap = &tr_heap_default}};
    p.w = world_open(fuzz_byte(&p.in));
    tr_identity me = {.name = "rogue", .node = tr_port_node(p.w->rogue_rt)};
    p.w->heard = heard;
    p.w->ctx = &p;
    rogue_dial(p.w);
    rogue_shake(p.w, &me, world_secret);
    troupe_sim_run(p.w->sim, 5);
    MUST(p.w->rogue.outcome == TROUPE_OK && p.w->connected == 3);
    for (int steps = 0; p.in.left && steps < 300; steps++) step(&p);
    tr_buffer_fini(&p.body);
    tr_buffer_fini(&p.run);
    world_close(p.w);
    return 0;
}

/* --- Good inputs ------------------------------------------------------------------------------ */

/* Values, and bodies that can be read by what they order. */
enum { HAND = 0, BRIEF = 1, ONE = 0x13, TWO = 0x23, KNOWN = 8, THE_ROGUE = 4 };
#define BODY(act) 0, 2 * (act), ONE, THE_ROGUE
/* number, target, sender, and why */
#define FIELDS(number, target) number, target, THE_ROGUE, ONE, 0

#define GOOD(...)                                                                                  \
    { (const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__}) }
static const struct {
    const unsigned char *bytes;
    size_t size;
} good[] = {
    /* a message to the hand, which answers */
    GOOD(1, STEP_FRAME, SEND | ASKS, FIELDS(0, HAND), BODY(ACT_ANSWER), STEP_RUN, 5),
    /* all that was granted; and, another time, more than that, at once */
    GOOD(2, STEP_FRAME, SEND, FIELDS(0, HAND), BODY(ACT_TELL), STEP_AGAIN, 15, STEP_RUN, 5),
    GOOD(3, STEP_FRAME, SEND, FIELDS(0, BRIEF), BODY(ACT_NOTHING), STEP_AGAIN, 255, STEP_AGAIN, 255,
         STEP_AGAIN, 255, STEP_AGAIN, 255, STEP_RUN, 9),
    /* what needs no credit, without end, to somebody who has not asked */
    GOOD(4, STEP_FRAME, SEND | FREE, FIELDS(0, HAND), BODY(ACT_NOTHING), STEP_AGAIN, 99, STEP_RUN,
         5),
    /* a monitor of the brief actor, which ends, and then is gone */
    GOOD(5, STEP_FRAME, MONITOR, FIELDS(ONE, BRIEF), STEP_FRAME, SEND, FIELDS(0, BRIEF),
         BODY(ACT_END), STEP_RUN, 5, STEP_FRAME, MONITOR, FIELDS(TWO, BRIEF), STEP_FRAME, SEND,
         FIELDS(0, BRIEF), BODY(ACT_NOTHING), STEP_RUN, 5),
    /* the hand watches, and hears of two ends, one twice; the other is taken back */
    GOOD(6, STEP_TELL, ACT_WATCH, ONE, STEP_TELL, ACT_WATCH, TWO, STEP_RUN, 5, STEP_FRAME, DOWN,
         FIELDS(KNOWN, HAND), STEP_AGAIN, 1, STEP_FRAME, DEMONITOR, FIELDS(ONE, HAND), STEP_RUN, 5),
    /* an end is told of an actor of another node */
    GOOD(7, STEP_FRAME, DOWN, FIELDS(ONE, HAND), STEP_AGAIN, 200, STEP_RUN, 5),
    /* asked, it answers; and another time it fails */
    GOOD(8, STEP_ASK, ONE, 64 + 9, SEND | FREE, FIELDS(0, KNOWN), BODY(ACT_NOTHING), STEP_RUN, 5),
    GOOD(9, STEP_ASK, ONE, 64 + 9, ASK_FAILED, FIELDS(0, KNOWN), STEP_RUN, 5),
    /* looked up, it finds an actor; and another time one of another node */
    GOOD(10, STEP_LOOKUP, 64 + 9, FOUND, FIELDS(KNOWN, 0), STEP_RUN, 5),
    GOOD(11, STEP_LOOKUP, 64 + 9, FOUND, KNOWN, 0, 2, ONE, 0, STEP_RUN, 5),
    GOOD(12, STEP_FRAME, LOOKUP, FIELDS(ONE, 0), 9, 'h', 'a', 'n', 'd', STEP_RUN, 5),
    /* told to send, it grants, and then nobody is there */
    GOOD(13, STEP_TELL, ACT_TELL, ONE, STEP_TELL, ACT_PASS_ON, ONE, STEP_FRAME, GRANT,
         FIELDS(TWO, ONE), STEP_RUN, 5, STEP_FRAME, NO_TARGET, FIELDS(0, ONE), STEP_RUN, 5,
         STEP_TELL, ACT_TELL, ONE, STEP_RUN, 5),
    /* a goodbye, and back again */
    GOOD(14, STEP_FRAME, GOODBYE, FIELDS(0, 0), STEP_RUN, 50, STEP_DIAL, 0, THE_ROGUE, STEP_FRAME,
         PING, FIELDS(0, 0), STEP_RUN, 5),
    /* a message in parts, which the hand answers; and one of which not all comes */
    GOOD(16, STEP_LARGE, SEND | ASKS, FIELDS(ONE, HAND), BODY(ACT_ANSWER), 0, 4, 3, 7, 200,
         STEP_RUN, 5, STEP_LARGE, SEND, FIELDS(TWO, HAND), BODY(ACT_NOTHING), 0, 4, 3, 0,
         STEP_FRAME, SEND, FIELDS(0, HAND), BODY(ACT_NOTHING), STEP_RUN, 5),
    /* one that is redelivered, twice, and then the next, whose sender waits to hear of it */
    GOOD(17, STEP_FRAME, DELIVER, FIELDS(ONE, HAND), BODY(ACT_ANSWER), STEP_AGAIN, 1, STEP_RUN, 5,
         STEP_FRAME, DELIVER | 128, FIELDS(TWO, HAND), BODY(ACT_NOTHING), STEP_RUN, 5),
    /* what was sent to it is acknowledged, and then rejected */
    GOOD(18, STEP_TELL, ACT_TELL, ONE, STEP_RUN, 5, STEP_FRAME, ACK, FIELDS(ONE, ONE), STEP_FRAME,
         REJECT, TWO, ONE, THE_ROGUE, ONE, 3, STEP_RUN, 5),
    /* an actor that it has spawned, and one that it says it has; and one that it stops */
    GOOD(19, STEP_FRAME, 13, FIELDS(ONE, 0), 13, 5, 'b', 'r', 'i', 'e', 'f', STEP_RUN, 5,
         STEP_FRAME, SPAWNED, FIELDS(ONE, 0), STEP_FRAME, STOP, FIELDS(0, BRIEF), STEP_RUN, 5),
    /* a member of a group, and no more; and a part of nothing */
    GOOD(20, STEP_FRAME, GROUP, FIELDS(ONE, 0), 3, 'g', STEP_FRAME, GROUP | 16, FIELDS(ONE, 0), 3,
         'g', STEP_RUN, 5, STEP_FRAME, PART, FIELDS(ONE, 0), 3, 'p', STEP_RUN, 5),
    /* three messages in one frame; and then two, of which the last is cut short */
    GOOD(21, STEP_FRAME, RUNS, FIELDS(0, HAND), BODY(ACT_ANSWER), 2, 2 * ACT_TELL, ONE, THE_ROGUE,
         2 * ACT_ANSWER, ONE, THE_ROGUE, STEP_RUN, 5, STEP_FRAME, RUNS, FIELDS(0, HAND),
         BODY(ACT_ANSWER), 1 + 4 * 30, 2 * ACT_TELL, ONE, THE_ROGUE, STEP_RUN, 5),
    /* a PING as bytes, and the half of one */
    GOOD(15, STEP_BYTES, 11, 0, 0, 0, 7, 25, 0xf4, 0x20, 0x57, 0xf3, 0xa3, 0xd3, STEP_RUN, 5,
         STEP_BYTES, 3, 0, 0, 0, STEP_RUN, 5)};

size_t fuzz_seed(unsigned n, unsigned char *out, size_t room) {
    if (n >= sizeof good / sizeof *good) return 0;
    MUST(good[n].size <= room);
    memcpy(out, good[n].bytes, good[n].size);
    return good[n].size;
}
