/* What the scan says of a body that nests: which value is wrong, and what is wrong with it; and the
 * limits of each kind. */
#include <criterion/criterion.h>
#include <string.h>

#include "serial/envelope.h"
#include "serial/scan.h"
#include "test/serial/order.h"

TestSuite(path, .timeout = 30);

/* Scans a copy that ends where its memory ends. */
static troupe_err scan(const troupe_type *type, const void *bytes, size_t size, char *why,
                       size_t room) {
    size_t extra = SIZE_MAX;
    char *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    troupe_err err = tr_scan(type, copy, size, &extra, why, room);
    cr_assert_eq(extra == SIZE_MAX, err != TROUPE_OK);
    free(copy);
    return err;
}

/* --- Limits of each kind ---------------------------------------------------------------------- */

struct kinds {
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
    troupe_time time;
    enum colour colour;
    struct size size;
    int16_t two[2];
    TROUPE_MANY(float) many;
    TROUPE_MAYBE(uint8_t) maybe;
};

#define ONE(member) TROUPE_TYPE(kinds, TROUPE_FIELD(kinds, member))
static const troupe_type i8 = ONE(i8), i16 = ONE(i16), i32 = ONE(i32), i64 = ONE(i64);
static const troupe_type u8 = ONE(u8), u16 = ONE(u16), u32 = ONE(u32), u64 = ONE(u64);
static const troupe_type f32 = ONE(f32), f64 = ONE(f64), time_of = ONE(time);
static const troupe_type of_enum = TROUPE_TYPE(kinds, TROUPE_FIELD_OF(kinds, colour, &colour_enum));
static const troupe_type of_size = TROUPE_TYPE(kinds, TROUPE_FIELD_OF(kinds, size, &size_type));
static const troupe_type two = TROUPE_TYPE(kinds, TROUPE_ARRAY(kinds, two));
static const troupe_type many = TROUPE_TYPE(kinds, TROUPE_LIST(kinds, many));
static const troupe_type maybe = TROUPE_TYPE(kinds, TROUPE_OPTIONAL(kinds, maybe));

static bool takes(const troupe_type *type, bool negative, uint64_t number) {
    unsigned char bytes[10] = {0x91, negative ? 0xd3 : 0xcf};
    for (size_t i = 0; i < 8; i++) bytes[2 + i] = (unsigned char)(number >> (56 - 8 * i));
    return scan(type, bytes, sizeof bytes, NULL, 0) == TROUPE_OK;
}

/* Integers come in any width; whether they fit is judged by their value. */
Test(path, integers_end_where_their_kinds_do) {
    const struct {
        const troupe_type *type;
        int64_t least;
        uint64_t most;
    } ends[] = {{&i8, INT8_MIN, INT8_MAX},    {&i16, INT16_MIN, INT16_MAX},
                {&i32, INT32_MIN, INT32_MAX}, {&i64, INT64_MIN, INT64_MAX},
                {&u8, 0, UINT8_MAX},          {&u16, 0, UINT16_MAX},
                {&u32, 0, UINT32_MAX},        {&u64, 0, UINT64_MAX}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        cr_expect(takes(ends[i].type, false, ends[i].most), "%zu", i);
        cr_expect(takes(ends[i].type, false, 0), "%zu", i);
        if (ends[i].most < UINT64_MAX)
            cr_expect_not(takes(ends[i].type, false, ends[i].most + 1), "%zu", i);
        if (ends[i].least) cr_expect(takes(ends[i].type, true, (uint64_t)ends[i].least), "%zu", i);
        if (ends[i].least != INT64_MIN)
            cr_expect_not(takes(ends[i].type, true, (uint64_t)ends[i].least - 1), "%zu", i);
    }
}

#define BYTES(text) text, sizeof text - 1

static const struct {
    const troupe_type *type;
    const char *bytes;
    size_t size;
    const char *why; /* NULL: it is fine */
} cases[] = {
    {&f32, BYTES("\x91\xca\x7f\x7f\xff\xff"), NULL},
    {&f32, BYTES("\x91\xcb\x3f\xf8\0\0\0\0\0\0"), NULL},       /* 1.5 */
    {&f32, BYTES("\x91\xcb\x47\xef\xff\xff\xe0\0\0\0"), NULL}, /* the largest */
    {&f32, BYTES("\x91\xcb\x7f\xf0\0\0\0\0\0\0"), NULL},       /* infinity */
    {&f32, BYTES("\x91\xcb\x7f\xf8\0\0\0\0\0\0"), NULL},       /* a NaN */
    {&f32, BYTES("\x91\xcb\x47\xef\xff\xff\xe0\0\0\1"), "kinds.f32: no f32 is so precise"},
    {&f32, BYTES("\x91\xcb\x7e\x37\xe4\x3c\x88\0\x75\x9c"), "kinds.f32: no f32 is so precise"},
    {&f32, BYTES("\x91\x01"), "kinds.f32: expected f32, got 1"},
    {&f64, BYTES("\x91\xca\x3f\x80\0\0"), NULL},
    {&time_of, BYTES("\x91\xd6\xff\0\0\0\0"), NULL},
    {&time_of, BYTES("\x91\xd6\x05\0\0\0\0"), "kinds.time: expected time, got ext"},
    {&time_of, BYTES("\x91\xd6\xff\0\0\0"), "kinds.time: the bytes end too early"},
    {&time_of, BYTES("\x91\xd7\xff\xee\x6b\x28\0\0\0\0\0"), "kinds.time: expected time, got ext"},
    {&time_of, BYTES("\x91\x05"), "kinds.time: expected time, got 5"},
    {&time_of, BYTES("\x91\xc7"), "kinds.time: the bytes end too early"},
    {&of_enum, BYTES("\x91\x05"), NULL},
    {&of_enum, BYTES("\x91\xff"), NULL},
    {&of_enum, BYTES("\x91\x04"), "kinds.colour: expected a choice of the enum, got 4"},
    {&of_enum, BYTES("\x91\xcf\0\0\0\1\0\0\0\5"), "kinds.colour: expected enum, got 4294967301"},
    {&of_enum, BYTES("\x91\xa3RED"), "kinds.colour: expected enum, got text"},
    {&of_size, BYTES("\x91\x92\xcc\xff\xd1\x80\0"), NULL},
    {&of_size, BYTES("\x91\x91\x01"), NULL},
    {&of_size, BYTES("\x91\x93\1\1\xa1x"), NULL},
    {&of_size, BYTES("\x91\xc0"), "kinds.size: expected an array of 2, got nil"},
    {&of_size, BYTES("\x91\x92\xcd\1\0\0"), "kinds.size.width: expected u8, got 256"},
    {&two, BYTES("\x91\x92\0\xff"), NULL},
    {&two, BYTES("\x91\x91\0"), "kinds.two: expected an array of 2, got an array of 1"},
    {&two, BYTES("\x91\x93\0\0\0"), "kinds.two: expected an array of 2, got an array of 3"},
    {&two, BYTES("\x91\x92\0\xc0"), "kinds.two[1]: expected i16, got nil"},
    {&two, BYTES("\x91\x92\0"), "kinds.two[1]: the bytes end too early"},
    {&many, BYTES("\x91\x90"), NULL},
    {&many, BYTES("\x91\xdd\0\0\0\1\xca\0\0\0\0"), NULL},
    {&many, BYTES("\x91\xc0"), "kinds.many: expected a list, got nil"},
    {&many, BYTES("\x91\x81\1\1"), "kinds.many: expected a list, got map"},
    {&many, BYTES("\x91\xdd\xff\xff\xff\xff"), "kinds.many: the bytes end too early"},
    {&many, BYTES("\x91\x92\xca\0\0\0\0"), "kinds.many[1]: the bytes end too early"},
    {&many, BYTES("\x91\x92\xca\0\0\0\0\xa1x"), "kinds.many[1]: expected f32, got text"},
    {&maybe, BYTES("\x91\xc0"), NULL},
    {&maybe, BYTES("\x91\xcc\xff"), NULL},
    {&maybe, BYTES("\x91\xcd\1\0"), "kinds.maybe: expected u8, got 256"},
    {&maybe, BYTES("\x91\x90"), "kinds.maybe: expected u8, got an array of 0"},
    {&maybe, BYTES("\x91\xc0\xc0"), "kinds: 1 bytes too many"},
};

Test(path, says_what_is_wrong_with_each_kind_and_shape) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[96] = "";
        troupe_err err = scan(cases[i].type, cases[i].bytes, cases[i].size, why, sizeof why);
        cr_expect_eq(err, cases[i].why ? TROUPE_MALFORMED : TROUPE_OK, "%zu: %s", i, why);
        cr_expect_str_eq(why, cases[i].why ? cases[i].why : "");
    }
}

/* --- The way there ---------------------------------------------------------------------------- */

/* Scans the sample with one byte changed. */
static void expect(size_t at, char byte, const char *words) {
    char bytes[ORDER_SIZE], why[120] = "";
    memcpy(bytes, order_bytes, ORDER_SIZE);
    bytes[at] = byte;
    cr_expect_eq(scan(&order_type, bytes, ORDER_SIZE, why, sizeof why), TROUPE_MALFORMED);
    cr_expect_str_eq(why, words);
}

/* Where the n-th of these bytes is in the sample. */
static size_t place(char byte, size_t nth) {
    for (size_t i = 0; i < ORDER_SIZE; i++)
        if (order_bytes[i] == byte && nth-- == 1) return i;
    cr_assert_fail("the sample is another");
    return 0;
}

Test(path, leads_to_the_value) {
    size_t height = place('\xfe', 1) - 1; /* of the first line: cc ff d1 fe d4 */
    expect(height, '\xc0', "order.lines[0].size.height: expected i16, got nil");
    expect(height - 2, '\xc3', "order.lines[0].size.width: expected u8, got bool");
    expect(place('\xa4', 1), '\x01', "order.lines[0].notes[0]: expected text, got 1");
    expect(place('\xa9', 1), '\x29', "order.lines[0].notes[1]: the text is not UTF-8");
    expect(place('\xa7', 1), '\xc2', "order.lines[0].gift: expected text, got bool");
    expect(place('\xbe', 1) - 1, '\xc0', "order.lines[1].price: expected f32, got nil");
    expect(place('\xe0', 1) - 2, '\xc2', "order.weight: expected f64, got bool");
    expect(0, '\x8d', "order: expected an array of 13, got map");
}

Test(path, is_cut_to_its_room) {
    char bytes[ORDER_SIZE], whole[] = "order.lines[0].notes[0]: expected text, got 1";
    memcpy(bytes, order_bytes, ORDER_SIZE);
    bytes[place('\xa4', 1)] = 1;
    for (size_t room = 0; room <= sizeof whole; room++) {
        char why[sizeof whole + 1];
        memset(why, '#', sizeof why);
        cr_assert_eq(scan(&order_type, bytes, ORDER_SIZE, why, room), TROUPE_MALFORMED);
        cr_assert_eq(why[room], '#');
        if (room) cr_assert_eq(strncmp(why, whole, room - 1), 0);
        if (room) cr_assert_eq(strlen(why), room - 1 < strlen(whole) ? room - 1 : strlen(whole));
    }
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* The values of a list are counted before any of them is looked at. */
Test(path, a_list_that_would_not_fit_into_a_message_is_refused_at_its_head) {
    static const struct huge {
        struct {
            const void *at;
            size_t count;
        } list;
    } body = {{NULL, 0}};
    const troupe_type wide = {"wide", TR_MSG_LIMIT / 4, size_type.field, 2, 0};
    const troupe_field field[] = {{"list", 0, TROUPE_STRUCT, TROUPE_SHAPE_LIST, 0, 0, &wide}};
    const troupe_type type = {"huge", sizeof body, field, 1, 0};
    char why[96];
    cr_assert_eq(scan(&type, "\x91\x93\x92\0\0\x92\0\0\x92\0\0", 11, why, sizeof why), TROUPE_OK);
    cr_assert_eq(scan(&type, "\x91\x94\xc0\xc0\xc0\xc0", 6, why, sizeof why), TROUPE_TOOBIG);
    cr_assert_str_eq(why, "huge.list: the message would be over the limit");
    cr_assert_eq(scan(&type, "\x91\x95\xc0\xc0\xc0\xc0\xc0", 7, NULL, 0), TROUPE_TOOBIG);
}
