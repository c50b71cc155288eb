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
    {{.kind = TR_FRAME_SEND, .target = AT, .sender = WHO, .how = 0x41424344,
      .type = 0x5152535455565758, .tail = "\x91\x07", .tail_size = 2},
     "00000027 10 " AT_HEX WHO_HEX "41424344 5152535455565758 9107"},
    {{.kind = TR_FRAME_GRANT, .number = N, .target = AT}, "00000011 11 " N_HEX AT_HEX},
    {{.kind = TR_FRAME_NO_TARGET, .target = AT}, "00000009 12 " AT_HEX},
    {{.kind = TR_FRAME_MONITOR, .number = N, .target = AT, .sender = WHO},
     "00000021 13 " N_HEX AT_HEX WHO_HEX},
    {{.kind = TR_FRAME_DEMONITOR, .number = N, .target = AT, .sender = WHO},
     "00000021 14 " N_HEX AT_HEX WHO_HEX},
    {{.kind = TR_FRAME_DOWN, .number = N, .target = AT, .sender = WHO, .why = 0x3e9},
     "00000025 15 " N_HEX AT_HEX WHO_HEX "000003e9"},
    {{.kind = TR_FRAME_ASK_FAILED, .target = AT, .why = 2}, "0000000d 16 " AT_HEX "00000002"},
    {{.kind = TR_FRAME_LOOKUP, .number = N, .tail = "clock", .tail_size = 5},
     "0000000e 17 " N_HEX "636c6f636b"},
    {{.kind = TR_FRAME_FOUND, .number = N, .sender = WHO}, "00000019 18 " N_HEX WHO_HEX},
    {{.kind = TR_FRAME_PING}, "00000001 19"},
    {{.kind = TR_FRAME_GOODBYE}, "00000001 1a"},
    {{.kind = TR_FRAME_LINK, .number = N, .target = AT, .sender = WHO},
     "00000021 1b " N_HEX AT_HEX WHO_HEX},
    {{.kind = TR_FRAME_UNLINK, .number = N, .target = AT, .sender = WHO, .how = 1},
     "00000025 1c " N_HEX AT_HEX WHO_HEX "00000001"},
    {{.kind = TR_FRAME_EXIT, .number = N, .target = AT, .sender = WHO, .how = 1, .why = 0x3e9},
     "00000029 1d " N_HEX AT_HEX WHO_HEX "00000001 000003e9"},
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
            cr_assert_eq(used, part < 4 ? 0 : size, "kind %d: %zu", golden[i].frame.kind, used);
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
    {"00000001 06", TROUPE_MALFORMED, "frame of the unknown kind 6"},
    {"00000001 0f", TROUPE_MALFORMED, "frame of the unknown kind 15"},
    {"00000001 1e", TROUPE_MALFORMED, "frame of the unknown kind 30"},
    {"00001000 ff", TROUPE_MALFORMED, "frame of the unknown kind 255"},
    {"00000002 05", TROUPE_MALFORMED, "REFUSE of 2 bytes, expected 1"},
    {"00000024 10", TROUPE_MALFORMED, "SEND of 36 bytes, expected at least 37"},
    {"00000010 11", TROUPE_MALFORMED, "GRANT of 16 bytes, expected 17"},
    {"00000012 11", TROUPE_MALFORMED, "GRANT of 18 bytes, expected 17"},
    {"0000000a 12", TROUPE_MALFORMED, "NO_TARGET of 10 bytes, expected 9"},
    {"00000020 13", TROUPE_MALFORMED, "MONITOR of 32 bytes, expected 33"},
    {"00000022 14", TROUPE_MALFORMED, "DEMONITOR of 34 bytes, expected 33"},
    {"00000024 15", TROUPE_MALFORMED, "DOWN of 36 bytes, expected 37"},
    {"0000000c 16", TROUPE_MALFORMED, "ASK_FAILED of 12 bytes, expected 13"},
    {"00000008 17", TROUPE_MALFORMED, "LOOKUP of 8 bytes, expected at least 9"},
    {"0000001a 18", TROUPE_MALFORMED, "FOUND of 26 bytes, expected 25"},
    {"00000002 19", TROUPE_MALFORMED, "PING of 2 bytes, expected 1"},
    {"00000fff 1a", TROUPE_MALFORMED, "GOODBYE of 4095 bytes, expected 1"},
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
    cr_assert_eq(get("\x00\x10\x00\x00\x10", 5, &frame, &used, why), TROUPE_LATER);
    cr_assert_eq(used, LIMIT + 4);
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
        if (seed >> 62 == 0) size = (size_t)(seed >> 20) % (size + 1);
        tr_frame frame;
        char why[100];
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
    cr_assert_eq(tr_frame_begin(&out, &golden[5].frame), SIZE_MAX);
    cr_assert_not(tr_frame_put(&out, &golden[5].frame));
    cr_assert_eq(out.size, 0);

    /* room for the fields, but not for the tail */
    unsigned char room[42] = {0};
    out = (tr_buffer){.data = room, .room = sizeof room, .heap = &none};
    cr_assert_not(tr_frame_put(&out, &golden[5].frame));
    cr_assert_eq(out.size, 0);
}
