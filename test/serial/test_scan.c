#include <criterion/criterion.h>
#include <msgpack.h>
#include <string.h>

#include "serial/envelope.h"
#include "serial/scan.h"
#include "test/serial/sample.h"

struct one {
    uint32_t n;
};
struct text {
    const char *s;
};
struct many {
    bool b;
    int32_t i;
    int64_t j;
    uint64_t u;
    double f;
    troupe_bytes d;
    troupe_ref r;
};

static const troupe_type one_type = TROUPE_TYPE(one, TROUPE_FIELD(one, n));
static const troupe_type text_type = TROUPE_TYPE(text, TROUPE_FIELD(text, s));
static const troupe_type b_type = TROUPE_TYPE(many, TROUPE_FIELD(many, b));
static const troupe_type i_type = TROUPE_TYPE(many, TROUPE_FIELD(many, i));
static const troupe_type j_type = TROUPE_TYPE(many, TROUPE_FIELD(many, j));
static const troupe_type u_type = TROUPE_TYPE(many, TROUPE_FIELD(many, u));
static const troupe_type f_type = TROUPE_TYPE(many, TROUPE_FIELD(many, f));
static const troupe_type d_type = TROUPE_TYPE(many, TROUPE_FIELD(many, d));
static const troupe_type r_type = TROUPE_TYPE(many, TROUPE_FIELD(many, r));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

TestSuite(scan, .timeout = 30);

/* Scans a copy that ends where its memory ends, so that a sanitizer sees any step too far. */
static troupe_err scan(const troupe_type *type, const char *bytes, size_t size, char *why,
                       size_t room) {
    size_t extra = SIZE_MAX;
    char *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    troupe_err err = tr_scan(type, size ? copy : NULL, size, &extra, why, room);
    cr_assert_eq(extra == SIZE_MAX, err != TROUPE_OK);
    free(copy);
    return err;
}

#define BYTES(text) text, sizeof text - 1

static const struct {
    const troupe_type *type;
    const char *bytes;
    size_t size;
    const char *why;
} flawed[] = {
    {&one_type, BYTES(""), "one: the bytes end too early"},
    {&one_type, BYTES("\x91"), "one.n: the bytes end too early"},
    {&one_type, BYTES("\x91\xcc"), "one.n: the bytes end too early"},
    {&one_type, BYTES("\x91\xce\x01\x02\x03"), "one.n: the bytes end too early"},
    {&one_type, BYTES("\xdd\x00\x00\x00"), "one: the bytes end too early"},
    {&one_type, BYTES("\x91\x05\x00"), "one: 1 bytes too many"},
    {&one_type, BYTES("\x05"), "one: expected an array of 1, got 5"},
    {&one_type, BYTES("\x92\x01"), "one: the bytes end too early"},
    {&one_type, BYTES("\x92\x01\xc1"), "one: a field that is not known here has the byte 0xc1"},
    {&one_type, BYTES("\xdd\xff\xff\xff\xff"), "one: the bytes end too early"},
    {&one_type, BYTES("\xdd\x20\x00\x00\x00"), "one: the bytes end too early"},
    {&one_type, BYTES("\x81\x01\x02"), "one: expected an array of 1, got map"},
    {&tick_type, BYTES("\xc0"), "tick: expected an array of 0, got nil"},
    {&tick_type, BYTES("\x90\x90"), "tick: 1 bytes too many"},
    {&one_type, BYTES("\x91\xa1\x61"), "one.n: expected u32, got text"},
    {&one_type, BYTES("\x91\xdb\xff\xff\xff\xff"), "one.n: expected u32, got text"},
    {&one_type, BYTES("\x91\xc4\x00"), "one.n: expected u32, got bytes"},
    {&one_type, BYTES("\x91\xc0"), "one.n: expected u32, got nil"},
    {&one_type, BYTES("\x91\xc1"), "one.n: expected u32, got the byte 0xc1"},
    {&one_type, BYTES("\x91\xc2"), "one.n: expected u32, got bool"},
    {&one_type, BYTES("\x91\xca\x00\x00\x00\x00"), "one.n: expected u32, got float"},
    {&one_type, BYTES("\x91\xd4\x01\x01"), "one.n: expected u32, got ext"},
    {&one_type, BYTES("\x91\xc9\xff\xff\xff\xff\x00"), "one.n: expected u32, got ext"},
    {&one_type, BYTES("\x91\xdf\xff\xff\xff\xff"), "one.n: expected u32, got map"},
    {&one_type, BYTES("\x91\x91\x01"), "one.n: expected u32, got an array of 1"},
    {&one_type, BYTES("\x91\xff"), "one.n: expected u32, got -1"},
    {&one_type, BYTES("\x91\xcf\x00\x00\x00\x01\x00\x00\x00\x00"),
     "one.n: expected u32, got 4294967296"},
    {&one_type, BYTES("\x91\xd3\x80\x00\x00\x00\x00\x00\x00\x00"),
     "one.n: expected u32, got -9223372036854775808"},
    {&i_type, BYTES("\x91\xce\x80\x00\x00\x00"), "many.i: expected i32, got 2147483648"},
    {&i_type, BYTES("\x91\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"),
     "many.i: expected i32, got -2147483649"},
    {&j_type, BYTES("\x91\xcf\x80\x00\x00\x00\x00\x00\x00\x00"),
     "many.j: expected i64, got 9223372036854775808"},
    {&u_type, BYTES("\x91\xe0"), "many.u: expected u64, got -32"},
    {&b_type, BYTES("\x91\x01"), "many.b: expected bool, got 1"},
    {&f_type, BYTES("\x91\x01"), "many.f: expected f64, got 1"},
    {&f_type, BYTES("\x91\xcb\x00\x00"), "many.f: the bytes end too early"},
    {&d_type, BYTES("\x91\xa1\x61"), "many.d: expected bytes, got text"},
    {&d_type, BYTES("\x91\xc6\xff\xff\xff\xff\x00"), "many.d: the bytes end too early"},
    {&d_type, BYTES("\x91\xc4\x02\x00"), "many.d: the bytes end too early"},
    {&text_type, BYTES("\x91\xc4\x01\x61"), "text.s: expected text, got bytes"},
    {&text_type, BYTES("\x91\xa2\x61"), "text.s: the bytes end too early"},
    {&text_type, BYTES("\x91\xdb\xff\xff\xff\xff"), "text.s: the bytes end too early"},
    {&text_type, BYTES("\x91\xa2\x61\x00"), "text.s: the text holds a NUL"},
    {&text_type, BYTES("\x91\xa2\xc3\x28"), "text.s: the text is not UTF-8"},
    {&r_type, BYTES("\x91\x05"), "many.r: expected ref, got 5"},
    {&r_type, BYTES("\x91\x91\x05"), "many.r: expected ref, got an array of 1"},
    {&r_type, BYTES("\x91\x93\x05\x05\x05"), "many.r: expected ref, got an array of 3"},
    {&r_type, BYTES("\x91\x92\x05"), "many.r: the bytes end too early"},
    {&r_type, BYTES("\x91\x92\x05\xff"), "many.r: expected half of a ref, got -1"},
    {&r_type, BYTES("\x91\x92\x92\x92"), "many.r: expected half of a ref, got an array of 2"},
};

Test(scan, says_what_is_wrong_and_where) {
    for (size_t i = 0; i < sizeof flawed / sizeof *flawed; i++) {
        char why[96] = "";
        troupe_err err = scan(flawed[i].type, flawed[i].bytes, flawed[i].size, why, sizeof why);
        cr_expect_eq(err, TROUPE_MALFORMED, "%zu: %s", i, flawed[i].why);
        cr_expect_str_eq(why, flawed[i].why);
        cr_expect_eq(scan(flawed[i].type, flawed[i].bytes, flawed[i].size, NULL, 9), err);
    }
}

Test(scan, cuts_a_reason_to_its_room) {
    const char whole[] = "one.n: expected u32, got text";
    for (size_t room = 0; room <= sizeof whole; room++) {
        char why[sizeof whole + 1];
        memset(why, '#', sizeof why);
        cr_assert_eq(scan(&one_type, BYTES("\x91\xa0"), why, room), TROUPE_MALFORMED);
        cr_assert_eq(why[room], '#');
        if (room == 0) continue;
        cr_assert_eq(strlen(why), room - 1 < strlen(whole) ? room - 1 : strlen(whole));
        cr_assert_eq(strncmp(why, whole, strlen(why)), 0);
    }
}

Test(scan, takes_every_encoding_of_what_is_expected) {
    const struct {
        const troupe_type *type;
        const char *bytes;
        size_t size;
    } cases[] = {
        {&tick_type, BYTES("\x90")},
        {&tick_type, BYTES("\xdc\x00\x00")},
        {&tick_type, BYTES("\xdd\x00\x00\x00\x00")},
        {&one_type, BYTES("\xdd\x00\x00\x00\x01\x05")},
        {&one_type, BYTES("\x91\xd0\x05")},
        {&one_type, BYTES("\x91\xd3\x00\x00\x00\x00\xff\xff\xff\xff")},
        {&one_type, BYTES("\x91\xcf\x00\x00\x00\x00\xff\xff\xff\xff")},
        {&i_type, BYTES("\x91\xce\x7f\xff\xff\xff")},
        {&i_type, BYTES("\x91\xd3\xff\xff\xff\xff\x80\x00\x00\x00")},
        {&j_type, BYTES("\x91\xd3\x80\x00\x00\x00\x00\x00\x00\x00")},
        {&j_type, BYTES("\x91\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")},
        {&u_type, BYTES("\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff")},
        {&f_type, BYTES("\x91\xca\x3f\x80\x00\x00")},
        {&f_type, BYTES("\x91\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00")},
        {&d_type, BYTES("\x91\xc6\x00\x00\x00\x01\x00")},
        {&d_type, BYTES("\x91\xc5\x00\x00")},
        {&text_type, BYTES("\x91\xa0")},
        {&text_type, BYTES("\x91\xdb\x00\x00\x00\x01\x61")},
        {&r_type, BYTES("\x91\xdc\x00\x02\x00\xcc\x05")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[96] = "";
        troupe_err err = scan(cases[i].type, cases[i].bytes, cases[i].size, why, sizeof why);
        cr_expect_eq(err, TROUPE_OK, "%zu: %s", i, why);
    }
}

Test(scan, counts_the_room_exactly) {
    size_t extra = 0;
    cr_assert_eq(tr_scan(&text_type,
                         "\x91\xa3"
                         "abc",
                         5, &extra, NULL, 0),
                 TROUPE_OK);
    cr_assert_eq(extra, 4);
    cr_assert_eq(tr_scan(&d_type,
                         "\x91\xc4\x03"
                         "abc",
                         6, &extra, NULL, 0),
                 TROUPE_OK);
    cr_assert_eq(extra, 3);
    cr_assert_eq(tr_scan(&sample_type, sample_bytes, sizeof sample_bytes, &extra, NULL, 0), 0);
    cr_assert_eq(extra, sizeof "h\xC3\xA9" + 2);
}

/* The size is judged before the first byte is read: there is none to read here. */
Test(scan, does_not_begin_with_what_is_over_the_limit) {
    char why[64] = "";
    size_t extra = 0;
    troupe_err err = tr_scan(&one_type, NULL, TR_MSG_LIMIT + 1, &extra, why, sizeof why);
    cr_assert_eq(err, TROUPE_TOOBIG);
    cr_assert_str_eq(why, "one: 1073741809 bytes are over the limit");
}

/* What msgpack-c says about a number or bool. */
static msgpack_object oracle(const unsigned char *bytes, size_t *used) {
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    *used = 0;
    int got = msgpack_unpack_next(&unpacked, (const char *)bytes, 9, used);
    cr_assert_eq(got, MSGPACK_UNPACK_SUCCESS);
    msgpack_object object = unpacked.data;
    msgpack_unpacked_destroy(&unpacked);
    return object;
}

Test(scan, reads_every_lead_byte_as_msgpack_does) {
    static const unsigned char fills[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
    for (unsigned lead = 0; lead < 256; lead++)
        for (size_t i = 0; i < sizeof fills; i++) {
            unsigned char bytes[9];
            memset(bytes, fills[i], sizeof bytes);
            bytes[0] = (unsigned char)lead;
            tr_item item;
            cr_assert(tr_item_read(bytes, sizeof bytes, &item));
            for (size_t left = 0; left < item.head; left++)
                cr_assert_not(tr_item_read(bytes, left, &item));
            cr_assert(tr_item_read(bytes, item.head, &item));
            if (item.form > TR_FORM_FLOAT) continue;
            size_t used;
            msgpack_object object = oracle(bytes, &used);
            cr_assert_eq(used, item.head, "%#x", lead);
            static const unsigned types[] = {MSGPACK_OBJECT_NIL, MSGPACK_OBJECT_BOOLEAN,
                                             MSGPACK_OBJECT_POSITIVE_INTEGER,
                                             MSGPACK_OBJECT_NEGATIVE_INTEGER};
            if (item.form == TR_FORM_FLOAT)
                cr_assert(object.type == MSGPACK_OBJECT_FLOAT32 ||
                          object.type == MSGPACK_OBJECT_FLOAT64);
            else
                cr_assert_eq(object.type, types[item.form], "%#x", lead);
            if (item.form == TR_FORM_NATURAL || item.form == TR_FORM_NEGATIVE)
                cr_assert_eq(object.via.u64, item.number, "%#x", lead);
        }
}
