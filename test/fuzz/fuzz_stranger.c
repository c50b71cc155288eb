/* A stranger: without the secret it says anything at all, to a node that listens and to one that
 * dials it. Not one message gets in, and no connection comes about. */
#include "actors/port.h"
#include "base/heap.h"
#include "serial/codec.h"
#include "serial/type.h"
#include "test/fuzz/world.h"

/* Steps, each a byte that says which, and its arguments. */
enum {
    STEP_BYTES,  /* as they are */
    STEP_FRAME,  /* a kind and a tail */
    STEP_HELLO,  /* HELLO or CHALLENGE in good order, then a mac of some sort */
    STEP_SHAKE,  /* an honest handshake with another secret */
    STEP_MIRROR, /* what the node said itself, or a part of it */
    STEP_SEND,   /* a message to an actor, as from a peer */
    STEP_RUN,    /* time passes */
    STEP_DIAL,   /* anew */
    STEP_LURE,   /* the node dials the stranger */
    STEPS
};

static const char wrong_secret[] = "0123456789abcdeF";

static void say_frame(world *w, fuzz_reader *in) {
    unsigned kind = fuzz_byte(in), size = fuzz_byte(in);
    size_t got;
    const uint8_t *tail = fuzz_bytes(in, size, &got);
    unsigned char head[TR_FRAME_HEAD];
    tr_wire_store(head, got + 1, 4);
    head[4] = (unsigned char)kind;
    rogue_say(w, head, sizeof head);
    rogue_say(w, tail, got);
}

/* An introduction of which only the name, the version or the length may be wrong. */
static void say_hello(world *w, fuzz_reader *in) {
    unsigned which = fuzz_byte(in);
    unsigned char said[TR_HELLO_MAX] = {0};
    size_t length = 1 + which % TROUPE_NAME_MAX;
    tr_wire_store(said, TR_WIRE_VERSION + (which == 255), 2);
    tr_wire_store(said + 2, which % 5 ? 77 : tr_port_node(w->rt), 8);
    said[TR_HELLO_MIN - 2] = (unsigned char)(which == 254 ? length + 1 : length);
    memset(said + TR_HELLO_MIN - 1, 'x', length);
    rogue_say_frame(w, &(tr_frame){.kind = w->rogue.dialer ? TR_FRAME_HELLO : TR_FRAME_CHALLENGE,
                                   .tail = said,
                                   .tail_size = TR_HELLO_MIN - 1 + length});
    size_t got;
    const uint8_t *mac = fuzz_bytes(in, fuzz_byte(in) % (TR_MAC_SIZE + 2), &got);
    if (got)
        rogue_say_frame(w, &(tr_frame){.kind = w->rogue.dialer ? TR_FRAME_PROOF : TR_FRAME_WELCOME,
                                       .tail = mac,
                                       .tail_size = got});
}

/* Its own words, from some place on. */
static void mirror(world *w, fuzz_reader *in) {
    const tr_buffer *heard = &w->rogue.in;
    size_t from = fuzz_byte(in), size = fuzz_byte(in);
    if (from >= heard->size) return;
    if (size > heard->size - from) size = heard->size - from;
    rogue_say(w, heard->data + from, size);
}

static void say_send(world *w) {
    tr_buffer body = {.heap = &tr_heap_default};
    MUST(!tr_pack(&order_type, &(struct order){.act = ACT_ANSWER}, 4096, &body));
    rogue_say_frame(w, &(tr_frame){.kind = TR_FRAME_SEND,
                                   .target = w->hand.id,
                                   .sender = {77, 5},
                                   .type = tr_type_hash(&order_type),
                                   .tail = body.data,
                                   .tail_size = body.size});
    tr_buffer_fini(&body);
}

/* The node dials, and waits for less than the stranger has to say. */
static void lure(world *w, fuzz_reader *in) {
    rogue_listen(w);
    troupe_err err = troupe_connect(w->node, rogue_url, fuzz_byte(in) % 16);
    MUST(err == TROUPE_TIMEOUT || err == TROUPE_REFUSED);
}

static void step(world *w, fuzz_reader *in) {
    static const tr_identity me = {.name = "stranger", .node = 77};
    size_t size;
    const uint8_t *bytes;
    switch (fuzz_byte(in) % STEPS) {
    case STEP_BYTES:
        bytes = fuzz_bytes(in, fuzz_byte(in), &size);
        rogue_say(w, bytes, size);
        break;
    case STEP_FRAME:
        say_frame(w, in);
        break;
    case STEP_HELLO:
        say_hello(w, in);
        break;
    case STEP_SHAKE:
        rogue_shake(w, &me, wrong_secret);
        break;
    case STEP_MIRROR:
        mirror(w, in);
        break;
    case STEP_SEND:
        say_send(w);
        break;
    case STEP_RUN:
        troupe_sim_run(w->sim, fuzz_byte(in));
        break;
    case STEP_DIAL:
        rogue_dial(w);
        break;
    default:
        lure(w, in);
    }
    MUST(w->rogue.welcomes == 0);
    MUST(!w->rogue.shakes || w->rogue.outcome != TROUPE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > FUZZ_SIZE_MOST) return 0;
    fuzz_reader in = {data, size};
    world *w = world_open(fuzz_byte(&in));
    rogue_dial(w);
    for (int steps = 0; in.left && steps < 200; steps++) step(w, &in);
    world_close(w);
    MUST(w->orders == 0 && w->connected == 2);
    return 0;
}

size_t fuzz_seed(unsigned n, unsigned char *out, size_t room) {
    static const struct {
        const char *steps;
        size_t size;
    } good[] = {
#define STEPS_OF(text) {text, sizeof text - 1}
        STEPS_OF("\1\3\6\x10\5\6\x10"),
        STEPS_OF("\2\2\1\x20"
                 "01234567890123456789012345678901\5\6\x20"),
        STEPS_OF("\3\2\1\0\6\5\4\0\xFF\6\5\4\x20\x40\6\5"),
        STEPS_OF("\4\1\1\x2F\0\1"
                 "1234567890123456789012345678901234567890\4node\5\6\5"),
        STEPS_OF("\5\x08\5\2\3\0\6\5\5"),
        STEPS_OF("\6\x08\5\3\6\5\5\x08\5\4\0\xFF\6\5"),
        STEPS_OF("\7\0\5\0\0\0\1\5\5\7\1\5\0\5\6\xFF\6\xFF")};
#undef STEPS_OF
    if (n >= sizeof good / sizeof *good) return 0;
    MUST(good[n].size <= room);
    memcpy(out, good[n].steps, good[n].size);
    return good[n].size;
}
