#include "transport/handshake.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

TestSuite(handshake, .timeout = 20);

enum { VERSION_AT = 0, NODE_AT = 2, LENGTH_AT = 42, NAME_AT = 43 };

static const char secret[] = "sixteen bytes at least";

/* One side, its last answer, and what it says of the last frame. */
typedef struct side {
    tr_handshake hs;
    tr_buffer out;
    tr_frame said; /* the answer taken apart; kind 0: none */
    troupe_err err;
    char why[100];
} side;

/* Takes the one frame that a side has just appended apart. */
static void look(side *s) {
    size_t used = 0;
    s->said = (tr_frame){0};
    if (s->out.size == 0) return;
    cr_assert_eq(tr_frame_get(s->out.data, s->out.size, TR_HANDSHAKE_MAX, &s->said, &used, NULL, 0),
                 TROUPE_OK);
    cr_assert_eq(used, s->out.size, "more than one frame");
}

static void begin(side *s, bool dialer, const char *name, uint64_t node, const char *with) {
    unsigned char key[TR_KEY_SIZE];
    tr_identity me = {.node = node};
    memset(s, 0, sizeof *s);
    s->out.heap = &tr_heap_default;
    strcpy(me.name, name);
    tr_handshake_key(with, strlen(with), key);
    cr_assert_eq(tr_handshake_begin(&s->hs, dialer, &me, key, &s->out), TROUPE_OK);
    look(s);
}

/* Gives a frame to a side, its tail as a copy of exactly its bytes. */
static troupe_err give(side *s, const tr_frame *frame) {
    tr_frame copy = *frame;
    void *tail = malloc(frame->tail_size + 1);
    copy.tail = memcpy((char *)tail + 1, frame->tail_size ? frame->tail : "", frame->tail_size);
    s->out.size = 0;
    memset(s->why, 0, sizeof s->why);
    s->err = tr_handshake_input(&s->hs, &copy, &s->out, s->why, sizeof s->why);
    free(tail);
    look(s);
    return s->err;
}

/* Gives one side's last answer to the other. */
static troupe_err pass(side *from, side *to) {
    return give(to, &from->said);
}

static void finish(side *s) {
    tr_handshake_end(&s->hs);
    tr_buffer_fini(&s->out);
}

static void expect_end(side *s, troupe_err err, const char *why, tr_frame_kind answer) {
    cr_expect_eq(s->err, err, "%d: %s", (int)s->err, s->why);
    cr_expect_str_eq(s->why, why);
    cr_expect_eq(s->said.kind, answer);
    const tr_frame kinds[] = {{.kind = TR_FRAME_HELLO}, {.kind = TR_FRAME_PROOF},
                              {.kind = TR_FRAME_REFUSE}, {.kind = TR_FRAME_PING}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        cr_expect_eq(give(s, &kinds[i]), TROUPE_MALFORMED, "it is over");
        cr_expect_eq(s->said.kind, 0);
    }
}

Test(handshake, two_with_the_same_secret_know_each_other) {
    side a, b;
    char longest[TROUPE_NAME_MAX + 1] = {0};
    memset(longest, 'n', TROUPE_NAME_MAX);
    begin(&a, true, "a", 1, secret);
    begin(&b, false, longest, UINT64_MAX, secret);
    cr_expect_eq(a.said.kind, TR_FRAME_HELLO);
    cr_expect_eq(b.said.kind, 0);
    cr_expect_eq(pass(&a, &b), TROUPE_LATER);
    cr_expect_eq(b.said.kind, TR_FRAME_CHALLENGE);
    cr_expect_eq(pass(&b, &a), TROUPE_LATER);
    cr_expect_eq(a.said.kind, TR_FRAME_PROOF);
    cr_expect_eq(pass(&a, &b), TROUPE_OK);
    cr_expect_eq(b.said.kind, TR_FRAME_WELCOME);
    cr_expect_eq(pass(&b, &a), TROUPE_OK);
    cr_expect_eq(a.said.kind, 0);
    cr_expect_str_eq(a.hs.peer.name, longest);
    cr_expect_eq(a.hs.peer.node, UINT64_MAX);
    cr_expect_str_eq(b.hs.peer.name, "a");
    cr_expect_eq(b.hs.peer.node, 1);
    finish(&a);
    finish(&b);
    const unsigned char zero[TR_KEY_SIZE] = {0};
    cr_expect_eq(memcmp(a.hs.key, zero, sizeof zero), 0, "the key is forgotten");
    cr_expect_str_eq(a.hs.peer.name, longest, "the peer is not");
}

Test(handshake, every_frame_is_below_the_limit_and_hello_is_as_the_manual_says) {
    side a;
    char longest[TROUPE_NAME_MAX + 1] = {0};
    memset(longest, 'n', TROUPE_NAME_MAX);
    begin(&a, true, longest, 0x0102030405060708u, secret);
    const unsigned char *tail = a.said.tail;
    cr_expect_eq(a.said.tail_size, TR_HELLO_MAX);
    cr_expect_eq(memcmp(tail, "\0\5" "\1\2\3\4\5\6\7\10", 10), 0);
    cr_expect_eq(tail[LENGTH_AT], TROUPE_NAME_MAX);
    cr_expect_eq(memcmp(tail + NAME_AT, longest, TROUPE_NAME_MAX), 0);
    cr_expect_lt(a.out.size, TR_HANDSHAKE_MAX);
    finish(&a);
}

Test(handshake, no_two_say_the_same) {
    side a, b;
    begin(&a, true, "a", 1, secret);
    begin(&b, true, "a", 1, secret);
    cr_expect_eq(a.said.tail_size, b.said.tail_size);
    cr_expect_neq(memcmp(a.said.tail, b.said.tail, a.said.tail_size), 0, "the nonces differ");
    finish(&a);
    finish(&b);
}

Test(handshake, a_listener_shows_its_mac_to_nobody_who_has_not_proved_the_secret) {
    side a, b;
    begin(&a, true, "a", 1, "another secret than theirs");
    begin(&b, false, "b", 2, secret);
    pass(&a, &b);
    pass(&b, &a);
    cr_expect_eq(pass(&a, &b), TROUPE_REFUSED);
    cr_expect_eq(b.said.kind, TR_FRAME_REFUSE);
    cr_expect_eq(b.said.tail_size, 0);
    cr_expect_eq(pass(&b, &a), TROUPE_REFUSED);
    expect_end(&a, TROUPE_REFUSED, "the peer refused: it takes another secret, version or name", 0);
    b.err = TROUPE_REFUSED;
    finish(&a);
    finish(&b);
}

/* A dialer that has sent its PROOF, and a listener that waits for it. */
static void until_proof(side *a, side *b) {
    begin(a, true, "a", 1, secret);
    begin(b, false, "b", 2, secret);
    pass(a, b);
    cr_assert_eq(pass(b, a), TROUPE_LATER);
    cr_assert_eq(a->said.kind, TR_FRAME_PROOF);
}

Test(handshake, a_wrong_proof_ends_it_with_its_reason) {
    side a, b;
    for (size_t i = 0; i < TR_MAC_SIZE; i++) {
        until_proof(&a, &b);
        ((unsigned char *)a.out.data)[TR_FRAME_HEAD + i] ^= 1;
        pass(&a, &b);
        expect_end(&b, TROUPE_REFUSED, "the peer has another secret", TR_FRAME_REFUSE);
        finish(&a);
        finish(&b);
    }
}

Test(handshake, a_listener_with_another_secret_is_refused) {
    side a, b;
    until_proof(&a, &b);
    unsigned char mac[TR_MAC_SIZE] = {0};
    give(&a, &(tr_frame){.kind = TR_FRAME_WELCOME, .tail = mac, .tail_size = sizeof mac});
    expect_end(&a, TROUPE_REFUSED, "the peer has another secret", TR_FRAME_REFUSE);
    finish(&a);
    finish(&b);
}

Test(handshake, a_proof_is_worth_nothing_the_second_time) {
    side a, b, again;
    until_proof(&a, &b);
    begin(&again, false, "b", 2, secret);
    tr_frame hello = {.kind = TR_FRAME_HELLO, .tail = a.hs.said, .tail_size = NAME_AT + 1};
    cr_assert_eq(give(&again, &hello), TROUPE_LATER);
    pass(&a, &again);
    expect_end(&again, TROUPE_REFUSED, "the peer has another secret", TR_FRAME_REFUSE);
    cr_expect_eq(pass(&a, &b), TROUPE_OK, "the first time it is good");
    finish(&a);
    finish(&b);
    finish(&again);
}

Test(handshake, a_dialers_own_proof_is_not_taken_back_from_a_mirror) {
    side a, b;
    until_proof(&a, &b);
    tr_frame mirrored = a.said;
    mirrored.kind = TR_FRAME_WELCOME;
    give(&a, &mirrored);
    expect_end(&a, TROUPE_REFUSED, "the peer has another secret", TR_FRAME_REFUSE);
    finish(&a);
    finish(&b);
    until_proof(&a, &b);
    mirrored = a.said;
    give(&a, &mirrored);
    expect_end(&a, TROUPE_MALFORMED, "not the frame that was due", 0);
    finish(&a);
    finish(&b);
}

/* A HELLO of node 1, "abc", with a change; a listener gets it as HELLO, a dialer as CHALLENGE. */
static void expect_of_hello(const void *tail, size_t size, troupe_err err, const char *why) {
    tr_frame_kind answer = err == TROUPE_REFUSED ? TR_FRAME_REFUSE : (tr_frame_kind)0;
    side s;
    begin(&s, false, "b", 2, secret);
    give(&s, &(tr_frame){.kind = TR_FRAME_HELLO, .tail = tail, .tail_size = size});
    expect_end(&s, err, why, answer);
    cr_expect_eq(s.hs.peer.node, 0);
    finish(&s);
    begin(&s, true, "b", 2, secret);
    give(&s, &(tr_frame){.kind = TR_FRAME_CHALLENGE, .tail = tail, .tail_size = size});
    expect_end(&s, err, why, answer);
    finish(&s);
}

static void make_hello(unsigned char tail[300]) {
    side a;
    begin(&a, true, "abc", 1, secret);
    cr_assert_eq(a.said.tail_size, NAME_AT + 3);
    memset(tail, 'x', 300);
    memcpy(tail, a.said.tail, a.said.tail_size);
    finish(&a);
}

Test(handshake, another_version_is_refused_whatever_else_it_says) {
    unsigned char tail[300];
    make_hello(tail);
    tail[VERSION_AT + 1] = 1;
    expect_of_hello(tail, NAME_AT + 3, TROUPE_REFUSED, "the peer speaks version 1, not 5");
    expect_of_hello(tail, 2, TROUPE_REFUSED, "the peer speaks version 1, not 5");
    tail[VERSION_AT] = 0xff;
    tail[VERSION_AT + 1] = 0xff;
    expect_of_hello(tail, 300, TROUPE_REFUSED, "the peer speaks version 65535, not 5");
}

Test(handshake, a_node_does_not_connect_to_itself) {
    unsigned char tail[300];
    make_hello(tail);
    tail[NODE_AT + 7] = 2;
    expect_of_hello(tail, NAME_AT + 3, TROUPE_REFUSED, "the peer is this node itself");
    tail[NODE_AT + 7] = 0;
    expect_of_hello(tail, NAME_AT + 3, TROUPE_MALFORMED, "no incarnation");
}

Test(handshake, an_introduction_of_a_wrong_size_is_malformed) {
    unsigned char tail[300];
    make_hello(tail);
    for (size_t size = 0; size < 300; size++) {
        if (size == NAME_AT + 3) continue;
        expect_of_hello(tail, size, TROUPE_MALFORMED,
                        size < 2                  ? "no version"
                        : size < TR_HELLO_MIN     ? "identity cut short"
                                                  : "name of a wrong length");
    }
}

Test(handshake, names_are_1_to_63_bytes_without_nul) {
    unsigned char tail[300];
    make_hello(tail);
    tail[LENGTH_AT] = 0;
    expect_of_hello(tail, NAME_AT, TROUPE_MALFORMED, "identity cut short");
    expect_of_hello(tail, NAME_AT + 3, TROUPE_MALFORMED, "name of a wrong length");
    tail[LENGTH_AT] = 64;
    expect_of_hello(tail, NAME_AT + 64, TROUPE_MALFORMED, "name of a wrong length");
    tail[LENGTH_AT] = 255;
    expect_of_hello(tail, NAME_AT + 255, TROUPE_MALFORMED, "name of a wrong length");
    tail[LENGTH_AT] = 3;
    tail[NAME_AT + 1] = 0;
    expect_of_hello(tail, NAME_AT + 3, TROUPE_MALFORMED, "NUL in the name");
}

Test(handshake, a_proof_of_a_wrong_size_is_malformed) {
    for (size_t size = 0; size < 100; size++) {
        if (size == TR_MAC_SIZE) continue;
        const unsigned char mac[100] = {0};
        side a, b;
        until_proof(&a, &b);
        give(&b, &(tr_frame){.kind = TR_FRAME_PROOF, .tail = mac, .tail_size = size});
        expect_end(&b, TROUPE_MALFORMED, "proof of a wrong length", 0);
        give(&a, &(tr_frame){.kind = TR_FRAME_WELCOME, .tail = mac, .tail_size = size});
        expect_end(&a, TROUPE_MALFORMED, "proof of a wrong length", 0);
        finish(&a);
        finish(&b);
    }
}

Test(handshake, no_other_frame_than_the_one_that_is_due_is_taken) {
    for (unsigned step = 0; step < 4; step++) {
        for (unsigned kind = 0; kind < 40; kind++) {
            static const unsigned due[] = {TR_FRAME_HELLO, TR_FRAME_CHALLENGE, TR_FRAME_PROOF,
                                           TR_FRAME_WELCOME};
            if (kind == due[step] || kind == TR_FRAME_REFUSE) continue;
            if (step == 3 && kind == TR_FRAME_ALREADY) continue;
            side a, b;
            begin(&a, true, "a", 1, secret);
            begin(&b, false, "b", 2, secret);
            if (step > 0) pass(&a, &b);
            if (step > 1) pass(&b, &a);
            if (step > 2) pass(&a, &b);
            side *waits = step % 2 ? &a : &b, *other = step % 2 ? &b : &a;
            tr_frame frame = other->said;
            frame.kind = (tr_frame_kind)kind;
            give(waits, &frame);
            expect_end(waits, TROUPE_MALFORMED, "not the frame that was due", 0);
            finish(&a);
            finish(&b);
        }
    }
}

Test(handshake, a_change_of_anything_that_was_said_breaks_it) {
    for (size_t at = NODE_AT; at < NAME_AT + 1; at++) {
        if (at == LENGTH_AT) continue;
        side a, b;
        begin(&a, true, "a", 1, secret);
        begin(&b, false, "b", 2, secret);
        a.out.data[TR_FRAME_HEAD + at] ^= 0x40;
        cr_assert_eq(pass(&a, &b), TROUPE_LATER);
        pass(&b, &a);
        pass(&a, &b);
        expect_end(&b, TROUPE_REFUSED, "the peer has another secret", TR_FRAME_REFUSE);
        finish(&a);
        finish(&b);
    }
}

/* A heap that gives nothing. */
static void *take_nothing(void *ctx, size_t size) {
    (void)ctx;
    (void)size;
    return NULL;
}

static void give_nothing(void *ctx, void *memory, size_t size) {
    (void)ctx;
    (void)size;
    cr_assert_null(memory);
}

Test(handshake, no_memory_is_told_and_is_the_end) {
    const troupe_heap none = {take_nothing, give_nothing, NULL};
    tr_buffer nowhere = {.heap = &none};
    tr_identity me = {.name = "c", .node = 3};
    tr_handshake hs;
    unsigned char key[TR_KEY_SIZE] = {0};
    cr_expect_eq(tr_handshake_begin(&hs, true, &me, key, &nowhere), TROUPE_NOMEM);
    cr_expect_eq(hs.expects, 0);
    side a, b;
    until_proof(&a, &b);
    cr_expect_eq(tr_handshake_input(&b.hs, &a.said, &nowhere, NULL, 0), TROUPE_NOMEM);
    cr_expect_eq(b.hs.expects, 0);
    finish(&a);
    finish(&b);
}

Test(handshake, keys_follow_from_the_secret_alone) {
    unsigned char key[3][TR_KEY_SIZE];
    tr_handshake_key(secret, sizeof secret, key[0]);
    tr_handshake_key(secret, sizeof secret, key[1]);
    tr_handshake_key(secret, sizeof secret - 1, key[2]);
    cr_expect_eq(memcmp(key[0], key[1], TR_KEY_SIZE), 0);
    cr_expect_neq(memcmp(key[0], key[2], TR_KEY_SIZE), 0);
}

Test(handshake, key_and_macs_are_those_of_the_manual) {
    /* BLAKE2b of the secret, keyed by the purpose, as another program computed it */
    const char *hex = "4e0b40f75ab2d0089a87de87b695c2a9d2f4d0aec1b569369801f01692cdf3b3";
    unsigned char key[TR_KEY_SIZE], expected[TR_KEY_SIZE];
    tr_handshake_key(secret, strlen(secret), key);
    sodium_hex2bin(expected, sizeof expected, hex, strlen(hex), NULL, NULL, NULL);
    cr_expect_eq(memcmp(key, expected, sizeof key), 0);

    side a, b;
    unsigned char text[300] = "troupe dialer  1";
    until_proof(&a, &b);
    memcpy(text + 16, a.hs.said, a.hs.said_size);
    unsigned long long size = 16 + a.hs.said_size;
    cr_assert_eq(a.said.tail_size, TR_MAC_SIZE);
    cr_expect_eq(crypto_auth_hmacsha512256_verify(a.said.tail, text, size, key), 0);
    pass(&a, &b);
    memcpy(text, "troupe listener1", 16);
    cr_expect_eq(crypto_auth_hmacsha512256_verify(b.said.tail, text, size, key), 0);
    finish(&a);
    finish(&b);
}
