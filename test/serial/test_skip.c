#include <criterion/criterion.h>
#include <msgpack.h>
#include <string.h>

#include "serial/skip.h"

TestSuite(skip, .timeout = 30);

static tr_skipped skip(const void *bytes, size_t size, size_t *used) {
    unsigned char *copy = malloc(size ? size : 1); /* ends where its memory ends */
    cr_assert_not_null(copy);
    if (size) memcpy(copy, bytes, size);
    *used = 0;
    tr_skipped found = tr_skip(copy, size, used);
    free(copy);
    return found;
}

/* One of each form of msgpack, and what they have behind them. */
static const char *const forms[] = {
    "1 00",
    "1 7f",
    "1 80",
    "3 81 01 02",
    "1 90",
    "2 91 c0",
    "1 a0",
    "2 a1 78",
    "1 c0",
    "1 c2",
    "1 c3",
    "2 c4 00",
    "3 c4 01 07",
    "4 c5 00 01 7",
    "6 c6 0 0 0 1 7",
    "3 c7 00 05",
    "4 c7 01 05 07",
    "5 c8 0 1 5 7",
    "7 c9 0 0 0 1 5 7",
    "5 ca 0 0 0 0",
    "9 cb 0 0 0 0 0 0 0 0",
    "2 cc ff",
    "3 cd 1 2",
    "5 ce 1 2 3 4",
    "9 cf 1 2 3 4 5 6 7 8",
    "2 d0 ff",
    "3 d1 1 2",
    "5 d2 1 2 3 4",
    "9 d3 1 2 3 4 5 6 7 8",
    "3 d4 5 1",
    "4 d5 5 1 2",
    "6 d6 5 1 2 3 4",
    "a d7 5 1 2 3 4 5 6 7 8",
    "12 d8 5 1 2 3 4 5 6 7 8 1 2 3 4 5 6 7 8",
    "2 d9 00",
    "3 d9 1 78",
    "4 da 0 1 78",
    "6 db 0 0 0 1 78",
    "3 dc 0 0",
    "4 dc 0 1 c0",
    "6 dd 0 0 0 1 c0",
    "3 de 0 0",
    "5 de 0 1 c0 c0",
    "7 df 0 0 0 1 c0 c0",
    "1 e0",
    "1 ff",
};

static size_t read_form(const char *form, unsigned char *bytes) {
    char *at = NULL;
    size_t size = strtoul(form, &at, 16);
    for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)strtoul(at, &at, 16);
    return size;
}

/* Alone, in front of others, and without its last byte. */
Test(skip, knows_where_each_form_ends) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        unsigned char bytes[40];
        size_t used, size = read_form(forms[i], bytes);
        bytes[size] = 0xC1;
        cr_assert_eq(skip(bytes, size, &used), TR_SKIPPED, "%s", forms[i]);
        cr_assert_eq(used, size, "%s", forms[i]);
        cr_assert_eq(skip(bytes, size + 1, &used), TR_SKIPPED, "%s", forms[i]);
        cr_assert_eq(used, size, "%s", forms[i]);
        cr_assert_eq(skip(bytes, size - 1, &used), TR_SKIP_CUT, "%s", forms[i]);
    }
}

Test(skip, refuses_what_msgpack_never_uses) {
    size_t used;
    cr_assert_eq(skip("\xc1", 1, &used), TR_SKIP_NONE);
    cr_assert_eq(skip("\x92\1\xc1", 3, &used), TR_SKIP_NONE);
}

Test(skip, goes_so_deep_and_no_deeper) {
    unsigned char bytes[TR_SKIP_LEVELS_MOST + 2];
    size_t used;
    memset(bytes, 0x91, sizeof bytes);
    bytes[TR_SKIP_LEVELS_MOST] = 0x90;
    cr_assert_eq(skip(bytes, TR_SKIP_LEVELS_MOST + 1, &used), TR_SKIPPED);
    cr_assert_eq(used, TR_SKIP_LEVELS_MOST + 1u);
    bytes[TR_SKIP_LEVELS_MOST] = 0x91;
    bytes[TR_SKIP_LEVELS_MOST + 1] = 0x90;
    cr_assert_eq(skip(bytes, TR_SKIP_LEVELS_MOST + 2, &used), TR_SKIP_DEEP);
}

Test(skip, refuses_what_promises_more_than_there_is) {
    static const char *const heads[] = {"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff",
                                        "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff",
                                        "\xc9\xff\xff\xff\xff"};
    size_t used;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char bytes[64] = {0};
        memcpy(bytes, heads[i], 5);
        cr_assert_eq(skip(bytes, sizeof bytes, &used), TR_SKIP_CUT);
        cr_assert_eq(skip(bytes, 5, &used), TR_SKIP_CUT);
    }
}

/* What it passes over is what msgpack-c takes for one object. */
Test(skip, agrees_with_msgpack) {
    uint64_t seed = 2463534242;
    size_t agreed = 0;
    for (int round = 0; round < 20000; round++) {
        unsigned char bytes[12];
        for (size_t i = 0; i < sizeof bytes; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            bytes[i] = seed & 1 ? (unsigned char)(0x80 | (seed >> 8 & 0x33)) : seed >> 8 & 0xFF;
        }
        if (bytes[0] >= 0xDD || bytes[0] == 0xC6) continue; /* msgpack-c would take gigabytes */
        size_t used;
        if (skip(bytes, sizeof bytes, &used) != TR_SKIPPED) continue;
        msgpack_unpacked unpacked;
        size_t theirs = 0;
        msgpack_unpacked_init(&unpacked);
        cr_assert_eq(msgpack_unpack_next(&unpacked, (const char *)bytes, used, &theirs),
                     MSGPACK_UNPACK_SUCCESS);
        cr_assert_eq(theirs, used);
        msgpack_unpacked_destroy(&unpacked);
        agreed++;
    }
    cr_assert_gt(agreed, 5000);
}
