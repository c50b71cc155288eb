#include "transport/handshake.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum {
    ROLE_SIZE = 16,
    NODE_AT = 2, /* where the parts of a HELLO's tail begin, after its version */
    NONCE_AT = NODE_AT + 8,
    LENGTH_AT = NONCE_AT + TR_NONCE_SIZE,
    NAME_AT = LENGTH_AT + 1
};

_Static_assert(TR_KEY_SIZE == crypto_auth_KEYBYTES, "the key of a mac");
_Static_assert(TR_MAC_SIZE == crypto_auth_BYTES, "the size of a mac");

/* What a mac stands for; of one size, so that no role's text can run into what was said. */
static const char dialer_role[ROLE_SIZE + 1] = "troupe dialer  1";
static const char listener_role[ROLE_SIZE + 1] = "troupe listener1";

/* Not being able to start libsodium means that the system has no randomness: nothing to go on with.
 * It may be called again and from several threads. */
static void start_sodium(void) {
    TR_CHECK(sodium_init() >= 0);
}

void tr_handshake_key(const void *secret, size_t size, unsigned char key[TR_KEY_SIZE]) {
    static const unsigned char purpose[] = "troupe handshake key 1";
    start_sodium();
    /* keyed by its purpose, so that the same secret used elsewhere does not give the same key */
    TR_CHECK(crypto_generichash(key, TR_KEY_SIZE, secret, size, purpose, sizeof purpose - 1) == 0);
}

/* Notes the reason and ends the handshake. */
static troupe_err over(tr_handshake *hs, troupe_err err, const char *reason, char *why,
                       size_t room) {
    hs->expects = 0;
    if (why) snprintf(why, room, "%s", reason);
    return err;
}

/* The same, and lets the peer know; that we have no memory to do so changes nothing for us. */
static troupe_err refuse(tr_handshake *hs, const char *reason, tr_buffer *out, char *why,
                         size_t room) {
    (void)tr_frame_put(out, &(tr_frame){.kind = TR_FRAME_REFUSE});
    return over(hs, TROUPE_REFUSED, reason, why, room);
}

/* Sends our side of the introduction and keeps its bytes. */
static bool introduce(tr_handshake *hs, tr_frame_kind kind, tr_buffer *out) {
    unsigned char *tail = hs->said + hs->said_size;
    size_t length = strlen(hs->me.name);
    tr_wire_store(tail, TR_WIRE_VERSION, NODE_AT);
    tr_wire_store(tail + NODE_AT, hs->me.node, 8);
    randombytes_buf(tail + NONCE_AT, TR_NONCE_SIZE);
    tail[LENGTH_AT] = (unsigned char)length;
    memcpy(tail + NAME_AT, hs->me.name, length);
    hs->said_size += NAME_AT + length;
    tr_frame frame = {.kind = kind, .tail = tail, .tail_size = NAME_AT + length};
    return tr_frame_put(out, &frame);
}

/* Reads the peer's introduction and keeps its bytes. The version is looked at first: what follows
 * it may differ in another one. */
static troupe_err meet(tr_handshake *hs, const tr_frame *frame, tr_buffer *out, char *why,
                       size_t room) {
    const unsigned char *tail = frame->tail;
    size_t size = frame->tail_size;
    if (size < NODE_AT) return over(hs, TROUPE_MALFORMED, "no version", why, room);
    unsigned version = (unsigned)tr_wire_load(tail, NODE_AT);
    if (version != TR_WIRE_VERSION) {
        char reason[64];
        snprintf(reason, sizeof reason, "the peer speaks version %u, not %d", version,
                 TR_WIRE_VERSION);
        return refuse(hs, reason, out, why, room);
    }
    if (size < TR_HELLO_MIN) return over(hs, TROUPE_MALFORMED, "identity cut short", why, room);
    size_t length = tail[LENGTH_AT];
    if (length == 0 || length > TROUPE_NAME_MAX || size != NAME_AT + length) {
        return over(hs, TROUPE_MALFORMED, "name of a wrong length", why, room);
    }
    if (memchr(tail + NAME_AT, 0, length)) {
        return over(hs, TROUPE_MALFORMED, "NUL in the name", why, room);
    }
    uint64_t node = tr_wire_load(tail + NODE_AT, 8);
    if (node == 0) return over(hs, TROUPE_MALFORMED, "no incarnation", why, room);
    if (node == hs->me.node) return refuse(hs, "the peer is this node itself", out, why, room);
    hs->peer.node = node;
    memcpy(hs->peer.name, tail + NAME_AT, length);
    hs->peer.name[length] = 0;
    memcpy(hs->said + hs->said_size, tail, size);
    hs->said_size += size;
    return TROUPE_OK;
}

/* The mac of one role over what was said. */
static void compute(const tr_handshake *hs, const char *role, unsigned char mac[TR_MAC_SIZE]) {
    unsigned char text[ROLE_SIZE + sizeof hs->said];
    memcpy(text, role, ROLE_SIZE);
    memcpy(text + ROLE_SIZE, hs->said, hs->said_size);
    TR_CHECK(crypto_auth(mac, text, ROLE_SIZE + hs->said_size, hs->key) == 0);
}

static bool prove(const tr_handshake *hs, tr_frame_kind kind, tr_buffer *out) {
    unsigned char mac[TR_MAC_SIZE];
    compute(hs, hs->dialer ? dialer_role : listener_role, mac);
    return tr_frame_put(out, &(tr_frame){.kind = kind, .tail = mac, .tail_size = sizeof mac});
}

/* Checks the peer's mac. */
static troupe_err verify(tr_handshake *hs, const tr_frame *frame, tr_buffer *out, char *why,
                         size_t room) {
    if (frame->tail_size != TR_MAC_SIZE) {
        return over(hs, TROUPE_MALFORMED, "proof of a wrong length", why, room);
    }
    unsigned char mac[TR_MAC_SIZE];
    compute(hs, hs->dialer ? listener_role : dialer_role, mac);
    bool same = sodium_memcmp(mac, frame->tail, sizeof mac) == 0;
    sodium_memzero(mac, sizeof mac); /* the right answer is not left lying about */
    return same ? TROUPE_OK : refuse(hs, "the peer has another secret", out, why, room);
}

/* Goes on to the next frame that is due, or ends for want of memory. */
static troupe_err await(tr_handshake *hs, bool sent, unsigned kind) {
    hs->expects = sent ? kind : 0;
    return sent ? TROUPE_LATER : TROUPE_NOMEM;
}

troupe_err tr_handshake_begin(tr_handshake *hs, bool dialer, const tr_identity *me,
                              const unsigned char key[TR_KEY_SIZE], tr_buffer *out) {
    TR_CHECK(me->name[0] && memchr(me->name, 0, sizeof me->name) && me->node != 0);
    start_sodium();
    *hs = (tr_handshake){.dialer = dialer, .me = *me};
    memcpy(hs->key, key, TR_KEY_SIZE);
    troupe_err err = await(hs, !dialer || introduce(hs, TR_FRAME_HELLO, out),
                           dialer ? TR_FRAME_CHALLENGE : TR_FRAME_HELLO);
    return err == TROUPE_LATER ? TROUPE_OK : err;
}

troupe_err tr_handshake_input(tr_handshake *hs, const tr_frame *frame, tr_buffer *out, char *why,
                              size_t room) {
    if (hs->expects && frame->kind == TR_FRAME_REFUSE) {
        return over(hs, TROUPE_REFUSED,
                    "the peer refused: it takes another secret, version or name", why, room);
    }
    bool already = frame->kind == TR_FRAME_ALREADY && hs->expects == TR_FRAME_WELCOME;
    if (frame->kind != hs->expects && !already) {
        return over(hs, TROUPE_MALFORMED, "not the frame that was due", why, room);
    }
    troupe_err err;
    switch (frame->kind) {
    case TR_FRAME_HELLO:
        err = meet(hs, frame, out, why, room);
        if (err != TROUPE_OK) return err;
        return await(hs, introduce(hs, TR_FRAME_CHALLENGE, out), TR_FRAME_PROOF);
    case TR_FRAME_CHALLENGE:
        err = meet(hs, frame, out, why, room);
        if (err != TROUPE_OK) return err;
        return await(hs, prove(hs, TR_FRAME_PROOF, out), TR_FRAME_WELCOME);
    case TR_FRAME_PROOF:
        err = verify(hs, frame, out, why, room);
        if (err != TROUPE_OK) return err;
        hs->expects = 0;
        return prove(hs, TR_FRAME_WELCOME, out) ? TROUPE_OK : TROUPE_NOMEM;
    default: /* WELCOME, or ALREADY in its place: nothing else is ever due */
        err = verify(hs, frame, out, why, room);
        hs->already = already && !err;
        hs->expects = 0;
        return err;
    }
}

void tr_handshake_already(tr_buffer *answer) {
    TR_CHECK(answer->size == TR_FRAME_HEAD + TR_MAC_SIZE);
    answer->data[TR_FRAME_HEAD - 1] = TR_FRAME_ALREADY;
}

void tr_handshake_end(tr_handshake *hs) {
    sodium_memzero(hs->key, sizeof hs->key);
    sodium_memzero(hs->said, sizeof hs->said);
    hs->said_size = 0;
    hs->expects = 0;
}
