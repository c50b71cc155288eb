/* A peer for tests that knows the secret, and then says what it likes. */
#ifndef TROUPE_TEST_ROGUE_H
#define TROUPE_TEST_ROGUE_H

#include "base/heap.h"
#include "test/transport/raw_peer.h"
#include "transport/handshake.h"

enum { ROGUE = 666, THIRD = 777 }; /* incarnations */

typedef struct rogue {
    raw_peer *peer;
    tr_buffer in;
    size_t used; /* bytes of `in` that were looked at */
} rogue;

static inline void rogue_say(rogue *r, const tr_frame *frame) {
    tr_buffer out = {.heap = &tr_heap_default};
    cr_assert(tr_frame_put(&out, frame));
    (void)raw_send(r->peer, out.data, out.size);
    tr_buffer_fini(&out);
}

/* Its next frame; its tail is good until the next call. False: the connection has ended. */
static inline bool rogue_next(rogue *r, tr_frame *frame) {
    for (;;) {
        size_t used;
        troupe_err err = tr_frame_get(r->in.data + r->used, r->in.size - r->used, 1 << 24, frame,
                                      &used, NULL, 0);
        if (!err) {
            r->used += used;
            if (frame->kind != TR_FRAME_PING && frame->kind != TR_FRAME_SCHEMA) return true;
            continue;
        }
        cr_assert_eq(err, TROUPE_LATER);
        unsigned char bytes[4096];
        size_t got = raw_read(r->peer, bytes, sizeof bytes);
        if (!got) return false;
        cr_assert(tr_buffer_put(&r->in, bytes, got));
    }
}

/* The next frame, which must be of that kind. */
static inline tr_frame rogue_expect(rogue *r, tr_frame_kind kind) {
    tr_frame frame = {.kind = TR_FRAME_PING};
    cr_assert(rogue_next(r, &frame), "it is cut");
    cr_assert_eq(frame.kind, kind, "kind %d", (int)frame.kind);
    return frame;
}

/* Goes through the handshake. REFUSED: it is not let in. TAKEN: it is there already. */
static inline troupe_err rogue_shake(rogue *r, const party *to, const char *name) {
    unsigned char key[TR_KEY_SIZE];
    tr_handshake hs;
    tr_frame frame;
    tr_buffer out = {.heap = &tr_heap_default};
    *r = (rogue){.peer = raw_connect(to->url), .in = {.heap = &tr_heap_default}};
    tr_handshake_key(node_secret, sizeof node_secret, key);
    tr_identity me = {.node = ROGUE};
    (void)snprintf(me.name, sizeof me.name, "%s", name);
    cr_assert_eq(tr_handshake_begin(&hs, true, &me, key, &out), TROUPE_OK);
    troupe_err err = TROUPE_LATER;
    while (err == TROUPE_LATER) {
        cr_assert(raw_send(r->peer, out.data, out.size));
        out.size = 0;
        cr_assert(rogue_next(r, &frame), "it is not let in");
        err = tr_handshake_input(&hs, &frame, &out, NULL, 0);
    }
    if (!err && hs.already) err = TROUPE_TAKEN;
    tr_handshake_end(&hs);
    tr_buffer_fini(&out);
    return err;
}

static inline void rogue_open(rogue *r, const party *to) {
    cr_assert_eq(rogue_shake(r, to, "rogue"), TROUPE_OK);
}

static inline void rogue_close(rogue *r) {
    raw_await_end(r->peer);
    tr_buffer_fini(&r->in);
}

/* The same of one that was connected before: its loss may not be told to everybody yet. */
static inline void rogue_open_again(rogue *r, const party *to) {
    const uint64_t until = patience();
    for (troupe_err err; (err = rogue_shake(r, to, "rogue"));) {
        cr_assert(err == TROUPE_TAKEN && scene_clock() < until, "%s", troupe_errname(err));
        raw_finish(r->peer);
        rogue_close(r);
    }
}

/* Whether it is still served: a look-up is answered, behind whatever was answered before. */
static inline void rogue_check(rogue *r) {
    rogue_say(r, &(tr_frame){.kind = TR_FRAME_LOOKUP, .number = 99, .tail = "x", .tail_size = 1});
    tr_frame frame;
    do cr_assert(rogue_next(r, &frame), "it is cut");
    while (frame.kind != TR_FRAME_FOUND);
    cr_assert_eq(frame.number, 99u);
}

/* A good body for a frame of counts. */
static inline tr_frame count_frame(troupe_ref to, unsigned how) {
    static const unsigned char body[] = {0x92, 1, 2};
    return (tr_frame){.kind = TR_FRAME_SEND, .target = to.id, .sender = {ROGUE, 5}, .how = how,
                      .type = tr_type_hash(&count_type), .tail = body, .tail_size = sizeof body};
}

#endif
