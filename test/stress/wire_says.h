/* What the rogues of stress_net_wire say: frames of all kinds that a peer may say, put together so
 * that most get through to what handles them, and then spoilt. */
#ifndef TROUPE_TEST_WIRE_SAYS_H
#define TROUPE_TEST_WIRE_SAYS_H

#include "base/heap.h"
#include "serial/codec.h"
#include "serial/type.h"
#include "test/stress/stress.h"
#include "transport/far.h"
#include "transport/wire.h"

enum { KINDS = 64, KNOWN = 8, ROGUES = 8 };

/* The kinds, some as often as is said here; PART comes behind LARGE, GOODBYE at the end. */
static const struct {
    tr_frame_kind kind;
    unsigned weight;
} wire_kinds[] = {
    {TR_FRAME_SEND, 4},     {TR_FRAME_GRANT, 1},      {TR_FRAME_NO_TARGET, 1},
    {TR_FRAME_MONITOR, 1},  {TR_FRAME_DEMONITOR, 1},  {TR_FRAME_DOWN, 1},
    {TR_FRAME_LOOKUP, 1},   {TR_FRAME_ASK_FAILED, 1}, {TR_FRAME_FOUND, 1},
    {TR_FRAME_PING, 1},     {TR_FRAME_LINK, 1},       {TR_FRAME_UNLINK, 1},
    {TR_FRAME_EXIT, 1},     {TR_FRAME_STOP, 1},       {TR_FRAME_SPAWN, 1},
    {TR_FRAME_SPAWNED, 1},  {TR_FRAME_ACK, 1},        {TR_FRAME_LARGE, 1},
    {TR_FRAME_DELIVER, 2},  {TR_FRAME_REJECT, 1},     {TR_FRAME_SCHEMA, 1},
    {TR_FRAME_GROUP, 1},    {TR_FRAME_RUN, 2},        {TR_FRAME_PART, 0},
    {TR_FRAME_GOODBYE, 0}};
enum { WIRE_KINDS = sizeof wire_kinds / sizeof *wire_kinds };

/* The two types of the good ones. */
struct beat {
    uint64_t sender, n;
};
static const troupe_type beat_type =
    TROUPE_TYPE(beat, TROUPE_FIELD(beat, sender), TROUPE_FIELD(beat, n));
static const troupe_type hello_type = TROUPE_SIGNAL_TYPE("hello");

/* Whom they speak of. */
typedef struct wire_aims {
    uint64_t node, host; /* the node; the host of far children there */
    uint64_t hand;       /* of the good ones, never said */
    tr_atomic64 victim;
} wire_aims;

typedef struct rogue {
    tr_thread thread;
    wire_aims *aims;
    uint64_t seed;
    unsigned index;
    int fd;
    uint64_t node; /* its incarnation */
    uint64_t known[KNOWN]; /* numbers and ids that the node has said */
    unsigned knows;
    uint32_t burst[KINDS]; /* frames of each kind that were put into `said` */
    tr_buffer said, heard;
} rogue;

static inline uint64_t draw(rogue *r, uint64_t most) {
    return stress_random(&r->seed) % most;
}

/* An id: one that means something, or any. */
static inline uint64_t some_id(rogue *r) {
    const uint64_t it = tr_load64_relaxed(&r->aims->victim), later = it + (UINT64_C(1) << 32);
    const uint64_t telling[] = {it, it, it, it + 1, 1, 0, UINT64_MAX, later};
    uint64_t which = draw(r, 12);
    if (which < 8) return telling[which];
    if (which > 9) return r->known[draw(r, KNOWN)];
    return which == 8 ? draw(r, 64) : stress_random(&r->seed);
}

static inline troupe_ref some_ref(rogue *r) {
    const uint64_t nodes[] = {r->node, r->node, r->node, r->aims->node, 0};
    uint64_t which = draw(r, 16);
    if (which > 5) return (troupe_ref){r->node, some_id(r)};
    return (troupe_ref){which < 5 ? nodes[which] : stress_random(&r->seed), some_id(r)};
}

/* What keepers of children say to the host of them. */
static inline void put_far(rogue *r, tr_buffer *tail, tr_frame *frame) {
    static const char *const ids[] = {"a", "b", ""};
    const char *id = ids[draw(r, 3)];
    const struct far_start start = {.id = id, .what = draw(r, 4) ? "brief" : "x",
                                    .keeper = some_ref(r), .steward = some_ref(r),
                                    .token = draw(r, 8), .stop_ms = 10,
                                    .lease_ms = (uint32_t)draw(r, 2) * 50};
    const struct far_about about = {(uint32_t)draw(r, 5), id, some_ref(r), draw(r, 8)};
    const struct far_lease lease = {draw(r, 8), draw(r, 2)};
    const troupe_type *const types[] = {&tr_far_start_type, &tr_far_about_type, &tr_far_lease_type};
    const void *const bodies[] = {&start, &about, &lease};
    const uint64_t which = draw(r, 3);
    MUST(!tr_pack(types[which], bodies[which], 4096, tail));
    frame->type = tr_type_hash(types[which]);
    if (draw(r, 8)) frame->target = r->aims->host;
}

/* The body of a message, a name, a schema, or nothing that makes sense. */
static inline void put_any(rogue *r, tr_buffer *tail, tr_frame *frame) {
    static const char *const names[] = {"victim", "\5brief", "x", "", "nobody at all"};
    const char *name = names[draw(r, 5)];
    unsigned char any[64];
    switch (draw(r, 3)) {
    case 0: MUST(tr_buffer_put(tail, name, strlen(name))); break;
    case 1: MUST(tr_type_spell(draw(r, 2) ? &beat_type : &hello_type, tail)); break;
    default:
        for (size_t i = 0; i < sizeof any; i++) any[i] = (unsigned char)draw(r, 256);
        MUST(tr_buffer_put(tail, any, draw(r, sizeof any)));
    }
    frame->type = draw(r, 3) ? tr_type_hash(draw(r, 2) ? &beat_type : &hello_type)
                             : tr_hash_bytes(tr_hash_text(""), tail->data, tail->size);
}

/* A tail as the kind has it. */
static inline void put_meant(rogue *r, tr_buffer *tail, tr_frame *frame) {
    static const char *const groups[] = {"group", "another group", "group", ""};
    const struct beat beat = {r->index, stress_random(&r->seed)};
    const char *group = groups[frame->how < 2 ? draw(r, 3) : 3];
    frame->type = 0;
    switch (frame->kind) {
    case TR_FRAME_LOOKUP: MUST(tr_buffer_put(tail, "victim", 6)); break;
    case TR_FRAME_SPAWN: MUST(tr_buffer_put(tail, "\5brief", 6)); break;
    case TR_FRAME_GROUP: MUST(tr_buffer_put(tail, group, strlen(group))); break;
    case TR_FRAME_SCHEMA:
        MUST(tr_type_spell(&beat_type, tail));
        if (draw(r, 2)) tail->data[draw(r, tail->size)] ^= 1;
        frame->type = tr_hash_bytes(tr_hash_text(""), tail->data, tail->size);
        break;
    default:
        if (draw(r, 4) == 0) {
            put_far(r, tail, frame);
            break;
        }
        MUST(!tr_pack(&beat_type, &beat, 4096, tail));
        frame->type = tr_type_hash(&beat_type);
    }
}

/* Of some a byte is changed, and the checksums are right all the same. */
static inline void put_frame(rogue *r, const tr_frame *frame) {
    enum { HEAD = TR_FRAME_HEAD + TR_FRAME_CHECKS };
    const size_t start = r->said.size;
    MUST(tr_frame_put(&r->said, frame));
    r->burst[frame->kind]++;
    const size_t size = r->said.size - start;
    if (draw(r, 32) || size == HEAD) return;
    r->said.data[start + HEAD + draw(r, size - HEAD)] = (unsigned char)draw(r, 256);
    tr_frame_seal(r->said.data + start, size);
}

/* RUN in place of that message, of which it has some; of one in 16 the last is longer than that. */
static inline void put_run(rogue *r, tr_frame *frame) {
    tr_buffer tail = {.heap = &tr_heap_default};
    unsigned char length[4];
    for (uint64_t more = 1 + draw(r, 4); more > 0; more--) {
        const bool lies = more == 1 && draw(r, 16) == 0;
        tr_wire_store(length, frame->tail_size + lies, sizeof length);
        MUST(tr_buffer_put(&tail, length, sizeof length));
        MUST(tr_buffer_put(&tail, frame->tail, frame->tail_size));
    }
    frame->tail = tail.data;
    frame->tail_size = tail.size;
    put_frame(r, frame);
    tr_buffer_fini(&tail);
}

/* LARGE in place of that message, and its parts; perhaps not all, or more than that. */
static inline void put_large(rogue *r, tr_frame *frame) {
    const unsigned char *at = frame->tail;
    size_t left = frame->tail_size;
    unsigned char sizes[16];
    tr_wire_store(sizes, left, 8);
    tr_wire_store(sizes + 8, frame->number, 8);
    frame->kind = TR_FRAME_LARGE;
    frame->number = stress_random(&r->seed);
    frame->tail = sizes;
    frame->tail_size = frame->how & TR_HOW_AGAIN ? 16 : 8;
    put_frame(r, frame);
    if (draw(r, 8) == 0) left -= draw(r, left);
    while (left) {
        const size_t size = 1 + draw(r, left);
        const tr_frame part = {
            .kind = TR_FRAME_PART, .number = frame->number, .tail = at, .tail_size = size};
        put_frame(r, &part);
        at += size;
        left -= size;
    }
}

static inline tr_frame_kind some_kind(rogue *r) {
    unsigned weights = 0, at = 0;
    for (unsigned i = 0; i < WIRE_KINDS; i++) weights += wire_kinds[i].weight;
    for (uint64_t left = draw(r, weights); left >= wire_kinds[at].weight; at++)
        left -= wire_kinds[at].weight;
    return wire_kinds[at].kind;
}

/* What says how: one that the kind has, mostly. */
static inline uint32_t some_how(rogue *r, tr_frame_kind kind) {
    const bool message =
        kind == TR_FRAME_SEND || kind == TR_FRAME_LARGE || kind == TR_FRAME_RUN;
    uint32_t how = (uint32_t)draw(r, kind == TR_FRAME_GROUP ? 4 : 5);
    if ((message || kind == TR_FRAME_DELIVER) && draw(r, 3) == 0) how |= TR_HOW_PROMPT;
    if (kind == TR_FRAME_DELIVER || (kind == TR_FRAME_LARGE && draw(r, 3) == 0))
        how |= TR_HOW_AGAIN;
    return how;
}

/* An answer of the kind that the frame is: an actor of its own, or nobody and why. */
static inline void make_answer(rogue *r, tr_frame *frame) {
    const bool nobody = draw(r, 2);
    frame->sender = nobody ? TROUPE_NOBODY : (troupe_ref){r->node, some_id(r) | 1};
    frame->why = nobody ? 1 + (uint32_t)draw(r, 20) : 0;
}

/* Appends a frame as a peer might say it. */
static inline void add_frame(rogue *r) {
    static const unsigned char tails[] = {TR_FRAME_SEND,   TR_FRAME_LOOKUP,  TR_FRAME_SPAWN,
                                          TR_FRAME_SCHEMA, TR_FRAME_DELIVER, TR_FRAME_LARGE,
                                          TR_FRAME_GROUP,  TR_FRAME_RUN};
    tr_buffer tail = {.heap = &tr_heap_default};
    tr_frame frame = {.kind = some_kind(r)};
    frame.number = draw(r, 2) ? draw(r, 8) : some_id(r);
    frame.target = some_id(r);
    frame.sender = some_ref(r);
    frame.how = some_how(r, frame.kind);
    frame.why = (uint32_t)draw(r, 60);
    if ((frame.kind == TR_FRAME_FOUND || frame.kind == TR_FRAME_SPAWNED) && draw(r, 8))
        make_answer(r, &frame);
    if (memchr(tails, (int)frame.kind, sizeof tails)) {
        if (draw(r, 8))
            put_meant(r, &tail, &frame);
        else
            put_any(r, &tail, &frame);
        frame.tail = tail.data;
        frame.tail_size = tail.size;
    }
    if (frame.kind == TR_FRAME_LARGE && frame.tail_size)
        put_large(r, &frame);
    else if (frame.kind == TR_FRAME_RUN && frame.tail_size)
        put_run(r, &frame);
    else
        put_frame(r, &frame);
    tr_buffer_fini(&tail);
}

/* Changes some bytes, leaves some out, puts some in. */
static inline void spoil(rogue *r) {
    tr_buffer *said = &r->said;
    for (uint64_t times = draw(r, 4); times > 0 && said->size > 8; times--) {
        size_t at = draw(r, said->size), length = 1 + draw(r, 6);
        if (length > said->size - at) length = said->size - at;
        switch (draw(r, 5)) {
        case 0:
            memmove(said->data + at, said->data + at + length, said->size - at - length);
            said->size -= length;
            break;
        case 1:
            MUST(tr_buffer_reserve(said, length));
            memmove(said->data + at + length, said->data + at, said->size - at);
            said->size += length;
            break;
        case 2: said->data[at] = 0xFF; break;
        case 3: said->data[at] ^= (unsigned char)(1u << draw(r, 8)); break;
        default: said->data[at] = (unsigned char)draw(r, 256);
        }
    }
}

/* Takes out the ids that are not to be said. */
static inline void leave_out_good(rogue *r) {
    unsigned char id[8];
    tr_wire_store(id, r->aims->hand, sizeof id);
    for (unsigned char *at; (at = memmem(r->said.data, r->said.size, id, sizeof id));)
        at[0] ^= 0x80;
}

#endif
