#include "transport/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

TestSuite(wire, .timeout = 20);

enum { LIMIT = 1 << 20 };

/* One frame of each kind, and its bytes as docs/wire-format.md has them. */
struct golden {
    tr_frame frame;
    const char *hex;
};

#define WHO {0x0102030405060708u, 0x1112131415161718u}
#define WHO_HEX "0102030405060708 1112131415161718 "
#define AT 0x2122232425262728u
#define AT_HEX "2122232425262728 "
#define N 0x3132333435363738u
#define N_HEX "3132333435363738 "

static const struct golden golden[] = {
    {{.kind = TR_FRAME_HELLO, .tail = "hi", .tail_size = 2}, "00000003 01 6869"},
    {{.kind = TR_FRAME_CHALLENGE, .tail = "hi", .tail_size = 2}, "00000003 02 6869"},
    {{.kind = TR_FRAME_PROOF, .tail = "mac", .tail_size = 3}, "00000004 03 6d6163"},
    {{.kind = TR_FRAME_WELCOME, .tail = "mac", .tail_size = 3}, "00000004 04 6d6163"},
    {{.kind = TR_FRAME_REFUSE}, "00000001 05"},
    {{.kind = TR_FRAME_ALREADY, .tail = "mac", .tail_size = 3}, "00000004 06 6d6163"},
    {{.kind = TR_FRAME_SEND, .target = AT, .sender = WHO, .how = 0x41424344,
      .type = 0x5152535455565758, .tail = "\x91\x07", .tail_size = 2},
     "0000002d 10 82d0 36a8c364 " AT_HEX WHO_HEX "41424344 5152535455565758 9107"},
    {{.kind = TR_FRAME_GRANT, .number = N, .target = AT},
     "00000017 11 e872 476a418e " N_HEX AT_HEX},
    {{.kind = TR_FRAME_NO_TARGET, .target = AT, .why = 60},
     "00000013 12 2780 7a74ddba " AT_HEX "0000003c"},
    {{.kind = TR_FRAME_MONITOR, .number = N, .target = AT, .sender = WHO},
     "00000027 13 2b73 10741a1f " N_HEX AT_HEX WHO_HEX},
    {{.kind = TR_FRAME_DEMONITOR, .number = N, .target = AT, .sender = WHO},
     "00000027 14 9b52 9337bd23 " N_HEX AT_HEX WHO_HEX},
    {{.kind = TR_FRAME_DOWN, .number = N, .target = AT, .sender = WHO, .why = 0x3e9},
     "0000002b 15 9bc0 13c34b52 " N_HEX AT_HEX WHO_HEX "000003e9"},
    {{.kind = TR_FRAME_ASK_FAILED, .target = AT, .why = 2},
     "00000013 16 7705 25a7cab8 " AT_HEX "00000002"},
    {{.kind = TR_FRAME_LOOKUP, .number = N, .tail = "clock", .tail_size = 5},
     "00000014 17 b545 fe3822c6 " N_HEX "636c6f636b"},
    {{.kind = TR_FRAME_FOUND, .number = N, .sender = WHO},
     "0000001f 18 15a0 d75bc2e8 " N_HEX WHO_HEX},
    {{.kind = TR_FRAME_PING}, "00000007 19 f420 57f3a3d3"},
    {{.kind = TR_FRAME_GOODBYE}, "00000007 1a 1484 44a35027"},
    {{.kind = TR_FRAME_LINK, .number = N, .target = AT, .sender = WHO},
     "00000027 1b f965 ca65ae85 " N_HEX AT_HEX WHO_HEX},
    {{.kind = TR_FRAME_UNLINK, .number = N, .target = AT, .sender = WHO, .how = 1},
     "0000002b 1c 38be 5306af7b " N_HEX AT_HEX WHO_HEX "00000001"},
    {{.kind = TR_FRAME_EXIT, .number = N, .target = AT, .sender = WHO, .how = 1, .why = 0x3e9},
     "0000002f 1d 6680 93784a4b " N_HEX AT_HEX WHO_HEX "00000001 000003e9"},
    {{.kind = TR_FRAME_STOP, .target = AT}, "0000000f 1e 1aad 722dd2df " AT_HEX},
    {{.kind = TR_FRAME_SPAWN, .number = N, .type = 0x5152535455565758, .tail = "\x01x\xc0",
      .tail_size = 3},
     "0000001a 1f 0102 bd4555be " N_HEX "5152535455565758 0178c0"},
    {{.kind = TR_FRAME_SPAWNED, .number = N, .sender = WHO, .why = 0x3e9},
     "00000023 20 9dd3 311a7d6f " N_HEX WHO_HEX "000003e9"},
    {{.kind = TR_FRAME_ACK, .number = N, .target = AT}, "00000017 21 9120 76b68e30 " N_HEX AT_HEX},
    {{.kind = TR_FRAME_LARGE, .number = N, .target = AT, .sender = WHO, .how = 0x41424344,
      .type = 0x5152535455565758, .tail = "\0\0\0\0\0\3\0\1", .tail_size = 8},
     "0000003b 22 9cf7 c871e7b6 " N_HEX AT_HEX WHO_HEX
     "41424344 5152535455565758 0000000000030001"},
    {{.kind = TR_FRAME_PART, .number = N, .tail = "abc", .tail_size = 3},
     "00000012 23 a46f fcdc7151 " N_HEX "616263"},
    {{.kind = TR_FRAME_DELIVER, .number = N, .target = AT, .sender = WHO, .how = 0x41424344,
      .type = 0x5152535455565758, .tail = "\x91\x07", .tail_size = 2},
     "00000035 24 3bef 150556c8 " N_HEX AT_HEX WHO_HEX
     "41424344 5152535455565758 9107"},
    {{.kind = TR_FRAME_REJECT, .number = N, .target = AT, .why = 0x3e9},
     "0000001b 25 b05f 941a23d5 " N_HEX AT_HEX "000003e9"},
    {{.kind = TR_FRAME_RUN, .target = AT, .sender = WHO, .how = 0x41424344,
      .type = 0x5152535455565758, .tail = "\0\0\0\2\x91\7\0\0\0\2\x91\10", .tail_size = 12},
     "00000037 26 bd88 950c3920 " AT_HEX WHO_HEX
     "41424344 5152535455565758 00000002 9107 00000002 9108"},
    {{.kind = TR_FRAME_SCHEMA, .type = 0x5152535455565758, .tail = "abc", .tail_size = 3},
     "00000012 28 96dd 7a98a100 5152535455565758 616263"},
    {{.kind = TR_FRAME_GROUP, .number = N, .how = 1, .tail = "abc", .tail_size = 3},
     "00000016 29 c8e3 f0dd0d54 " N_HEX "00000001 616263"},
};
enum { KINDS = sizeof golden / sizeof golden[0] };

static size_t from_hex(const char *hex, unsigned char *out) {
    size_t size = 0;
    for (; *hex; hex += *hex == ' ' ? 1 : 2) {
        if (*hex == ' ') continue;
        char pair[3] = {hex[0], hex[1], 0};
        out[size++] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return size;
}

/* Reads a frame out of a copy of exactly these bytes, so that reading past them is found. */
static troupe_err get(const void *bytes, size_t size, tr_frame *frame, size_t *used, char *why) {
    unsigned char *copy = malloc(size ? size : 1);
    if (size) memcpy(copy, bytes, size);
    memset(why, 0, 100);
    troupe_err err = tr_frame_get(size ? copy : NULL, size, LIMIT, frame, used, why, 100);
    if (err == TROUPE_OK) {
        unsigned sum = 0;
        const unsigned char *tail = frame->tail, *end = copy + size;
        for (size_t i = 0; i < frame->tail_size; i++) sum += tail[i];
        cr_assert(frame->tail_size == 0 || (tail >= copy && tail + frame->tail_size <= end));
        if (sum == UINT32_MAX) puts("");
    }
    free(copy);
    return err;
}

static void expect_same(const tr_frame *a, const tr_frame *b) {
    cr_expect_eq(a->kind, b->kind);
    cr_expect_eq(a->number, b->number);
    cr_expect_eq(a->target, b->target);
    cr_expect(troupe_same(a->sender, b->sender));
    cr_expect_eq(a->how, b->how);
    cr_expect_eq(a->why, b->why);
    cr_expect_eq(a->type, b->type);
    cr_assert_eq(a->tail_size, b->tail_size);
    cr_expect(a->tail_size == 0 || memcmp(a->tail, b->tail, a->tail_size) == 0);
}

Test(wire, each_kind_has_the_bytes_of_the_manual) {
    for (size_t i = 0; i < KINDS; i++) {
        unsigned char expected[100];
        size_t size = from_hex(golden[i].hex, expected);
        tr_buffer out = {.heap = &tr_heap_default};
        cr_assert(tr_frame_put(&out, &golden[i].frame));
        cr_assert_eq(out.size, size, "kind %d: %zu bytes", golden[i].frame.kind, out.size);
        cr_assert_eq(memcmp(out.data, expected, size), 0, "kind %d", golden[i].frame.kind);
        tr_buffer_fini(&out);
    }
}

Test(wire, no_kind_is_missing_from_these) {
    for (unsigned kind = 1; kind < 256; kind++) {
        unsigned char bytes[100] = {[4] = (unsigned char)kind};
        tr_frame frame;
        size_t used;
        char why[100];
        tr_frame_seal(bytes, sizeof bytes);
        bool known = get(bytes, sizeof bytes, &frame, &used, why) != TROUPE_MALFORMED ||
                     !strstr(why, "unknown kind");
        bool here = false;
        for (size_t i = 0; i < KINDS; i++) here |= golden[i].frame.kind == kind;
        cr_assert_eq(known, here, "kind %u: %s", kind, why);
    }
}

Test(wire, each_kind_comes_back_as_it_went) {
    for (size_t i = 0; i < KINDS; i++) {
        unsigned char bytes[100];
        size_t size = from_hex(golden[i].hex, bytes), used;
        tr_frame frame;
        cr_assert_eq(tr_frame_get(bytes, size, LIMIT, &frame, &used, NULL, 0), TROUPE_OK);
        cr_assert_eq(used, size);
        expect_same(&frame, &golden[i].frame);
    }
}

Test(wire, frames_stand_one_behind_the_other) {
    tr_buffer out = {.heap = &tr_heap_default};
    for (size_t i = 0; i < KINDS; i++) cr_assert(tr_frame_put(&out, &golden[i].frame));
    size_t at = 0;
    for (size_t i = 0; i < KINDS; i++) {
        tr_frame frame;
        size_t used;
        cr_assert_eq(tr_frame_get(out.data + at, out.size - at, LIMIT, &frame, &used, NULL, 0),
                     TROUPE_OK);
        expect_same(&frame, &golden[i].frame);
        at += used;
    }
    cr_assert_eq(at, out.size);
    tr_buffer_fini(&out);
}

Test(wire, a_tail_can_be_written_in_place_or_undone) {
    tr_buffer out = {.heap = &tr_heap_default};
    const tr_frame send = {.kind = TR_FRAME_SEND, .target = 7};
    cr_assert(tr_frame_put(&out, &(tr_frame){.kind = TR_FRAME_PING}));
    size_t before = out.size;
    size_t undone = tr_frame_begin(&out, &send);
    cr_assert_eq(undone, before);
    cr_assert(tr_buffer_put(&out, "half", 4));
    out.size = undone;
    size_t start = tr_frame_begin(&out, &send);
    cr_assert(tr_buffer_put(&out, "whole", 5));
    tr_frame_end(&out, start);

    tr_frame frame;
    size_t used;
    cr_assert_eq(tr_frame_get(out.data + before, out.size - before, LIMIT, &frame, &used, NULL, 0),
                 TROUPE_OK);
    cr_assert_eq(frame.target, 7);
    cr_assert_eq(frame.tail_size, 5);
    cr_assert_eq(memcmp(frame.tail, "whole", 5), 0);
    cr_assert_eq(before + used, out.size);
    tr_buffer_fini(&out);
}

Test(wire, a_part_of_a_frame_is_later) {
    for (size_t i = 0; i < KINDS; i++) {
        unsigned char bytes[100];
        size_t size = from_hex(golden[i].hex, bytes);
        for (size_t part = 0; part < size; part++) {
            tr_frame frame;
            size_t used = 77;
            char why[100];
            cr_assert_eq(get(bytes, part, &frame, &used, why), TROUPE_LATER);
            size_t known = golden[i].frame.kind < TR_FRAME_SEND ? 5 : 7;
            cr_assert_eq(used, part < known ? 0 : size, "kind %d: %zu", golden[i].frame.kind, used);
        }
    }
}

/* Bytes that are refused, with the reason. */
struct refused {
    const char *hex;
    troupe_err err;
    const char *why;
};

static const struct refused refused[] = {
    {"00000000", TROUPE_MALFORMED, "frame without a kind"},
    {"00100001", TROUPE_TOOBIG, "frame of 1048577 bytes, the limit is 1048576"},
    {"ffffffff", TROUPE_TOOBIG, "frame of 4294967295 bytes, the limit is 1048576"},
    {"00000001 00", TROUPE_MALFORMED, "frame of the unknown kind 0"},
    {"00000001 07", TROUPE_MALFORMED, "frame of the unknown kind 7"},
    {"00000001 0f", TROUPE_MALFORMED, "frame of the unknown kind 15"},
    {"00000001 3e d29f", TROUPE_MALFORMED, "frame of the unknown kind 62"},
    {"00001000 ff c043", TROUPE_MALFORMED, "frame of the unknown kind 255"},
    {"00000002 05", TROUPE_MALFORMED, "REFUSE of 2 bytes, expected 1"},
    {"0000002a 10 31f8", TROUPE_MALFORMED, "SEND of 42 bytes, expected at least 43"},
    {"00000016 11 63a7", TROUPE_MALFORMED, "GRANT of 22 bytes, expected 23"},
    {"00000018 11 05f6", TROUPE_MALFORMED, "GRANT of 24 bytes, expected 23"},
    {"00000010 12 bbfe", TROUPE_MALFORMED, "NO_TARGET of 16 bytes, expected 19"},
    {"00000026 13 a0a6", TROUPE_MALFORMED, "MONITOR of 38 bytes, expected 39"},
    {"00000028 14 76d6", TROUPE_MALFORMED, "DEMONITOR of 40 bytes, expected 39"},
    {"0000002a 15 1015", TROUPE_MALFORMED, "DOWN of 42 bytes, expected 43"},
    {"00000012 16 fcd0", TROUPE_MALFORMED, "ASK_FAILED of 18 bytes, expected 19"},
    {"0000000e 17 3206", TROUPE_MALFORMED, "LOOKUP of 14 bytes, expected at least 15"},
    {"00000020 18 aae9", TROUPE_MALFORMED, "FOUND of 32 bytes, expected 31"},
    {"00000008 19 19a4", TROUPE_MALFORMED, "PING of 8 bytes, expected 7"},
    {"00000fff 1a 36c1", TROUPE_MALFORMED, "GOODBYE of 4095 bytes, expected 7"},
    {"00000fff 1a 36c2", TROUPE_DAMAGED, "the head of a frame was damaged on the way"},
    {"00000007 19 f420 57f3a3d2", TROUPE_DAMAGED, "PING of 7 bytes was damaged on the way"},
};

Test(wire, nonsense_is_refused_from_its_first_bytes_with_a_reason) {
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        unsigned char bytes[100];
        size_t size = from_hex(refused[i].hex, bytes), used;
        tr_frame frame;
        char why[100];
        cr_expect_eq(get(bytes, size, &frame, &used, why), refused[i].err, "%s", refused[i].hex);
        cr_expect_str_eq(why, refused[i].why);
        cr_expect_eq(tr_frame_get(bytes, size, LIMIT, &frame, &used, NULL, 0), refused[i].err);
    }
}

Test(wire, the_limit_itself_is_allowed) {
    tr_frame frame;
    size_t used;
    char why[100];
    cr_assert_eq(get("\x00\x10\x00\x00\x10\xbc\x2f", 7, &frame, &used, why), TROUPE_LATER);
    cr_assert_eq(used, LIMIT + 4);
}

/* Whatever one byte is changed to, in whatever frame after the handshake, it is refused: in the
 * head as soon as that is here. */
Test(wire, no_damaged_byte_goes_unnoticed) {
    for (size_t i = 0; i < KINDS; i++) {
        unsigned char bytes[200] = {0};
        size_t size = from_hex(golden[i].hex, bytes), used;
        if (golden[i].frame.kind < TR_FRAME_SEND) continue;
        for (size_t at = 0; at < size; at++)
            for (unsigned flip = 1; flip < 256; flip++) {
                tr_frame frame;
                char why[100];
                bytes[at] ^= (unsigned char)flip;
                troupe_err err = get(bytes, at < 4 ? 7 : size, &frame, &used, why);
                bool shakes = at == 4 && bytes[4] < TR_FRAME_SEND; /* out of place, or none */
                bool none = tr_wire_load(bytes, 4) == 0;
                cr_assert(err == TROUPE_DAMAGED || err == TROUPE_TOOBIG || shakes || none, "%s",
                          troupe_errname(err));
                cr_assert(err == TROUPE_OK || why[0]);
                bytes[at] ^= (unsigned char)flip;
            }
    }
}

Test(wire, no_bytes_however_wrong_do_harm) {
    uint64_t seed = 42;
    size_t ok = 0;
    for (size_t round = 0; round < 200000; round++) {
        unsigned char bytes[100];
        size_t size = from_hex(golden[round % KINDS].hex, bytes), used;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        for (size_t flips = 1 + (seed >> 60); flips > 0; flips--) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            /* mostly the head, which decides */
            size_t at = (seed >> 33) % (seed >> 63 ? size : TR_FRAME_HEAD);
            bytes[at] = (unsigned char)(seed >> 40);
        }
        tr_frame frame;
        char why[100];
        tr_buffer one = {.data = bytes, .size = size};
        bool mends = round % 2 && bytes[4] >= TR_FRAME_SEND && size > 11;
        if (mends && tr_wire_load(bytes, 4) + 4 == size) tr_frame_end(&one, 0);
        if (seed >> 62 == 0) size = (size_t)(seed >> 20) % (size + 1);
        troupe_err err = get(bytes, size, &frame, &used, why);
        ok += err == TROUPE_OK;
        cr_assert(err == TROUPE_OK || err == TROUPE_LATER || why[0]);
        cr_assert(err != TROUPE_OK || used <= size);
    }
    cr_assert_gt(ok, 1000);
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

Test(wire, without_memory_the_buffer_stays_as_it_was) {
    const troupe_heap none = {take_nothing, give_nothing, NULL};
    tr_buffer out = {.heap = &none};
    cr_assert_eq(tr_frame_begin(&out, &golden[6].frame), SIZE_MAX);
    cr_assert_not(tr_frame_put(&out, &golden[6].frame));
    cr_assert_eq(out.size, 0);

    /* room for the fields, but not for the tail */
    unsigned char room[42] = {0};
    out = (tr_buffer){.data = room, .room = sizeof room, .heap = &none};
    cr_assert_not(tr_frame_put(&out, &golden[6].frame));
    cr_assert_eq(out.size, 0);
}
