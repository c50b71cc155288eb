/* Messages out of values by name. */
#include "serial/fill.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "serial/envelope.h"
#include "test/support/counting_heap.h"
#include "test/support/exhaust.h"

enum shade { LIGHT = 3, DARK = -7 };
static const troupe_enum shade_enum = TROUPE_ENUM_TYPE(TROUPE_CHOICE(LIGHT), TROUPE_CHOICE(DARK));

struct point {
    int16_t x, y;
};
static const troupe_type point_type =
    TROUPE_TYPE(point, TROUPE_FIELD(point, x), TROUPE_FIELD(point, y));

enum what { DOT, CIRCLE, PATH };
struct shape {
    enum what what;
    union {
        double radius;
        TROUPE_MANY(struct point) path;
    };
};
static const troupe_one_of shape_one_of = TROUPE_ONE_OF_TYPE(
    shape, what, TROUPE_NO_CASE(DOT), TROUPE_CASE(CIRCLE, TROUPE_FIELD(shape, radius)),
    TROUPE_CASE(PATH, TROUPE_LIST_OF(shape, path, &point_type)));

struct all {
    bool yes;
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
    const char *text;
    troupe_bytes bytes;
    troupe_ref ref;
    troupe_time time;
    enum shade shade;
    struct point point;
    struct shape shape;
    troupe_map map;
    int32_t three[3];
    TROUPE_MANY(struct point) points;
    TROUPE_MAYBE(uint8_t) maybe;
    const char *currency;
};
static const troupe_type all_type = TROUPE_TYPE(
    all, TROUPE_FIELD(all, yes), TROUPE_FIELD(all, i8), TROUPE_FIELD(all, i16),
    TROUPE_FIELD(all, i32), TROUPE_FIELD(all, i64), TROUPE_FIELD(all, u8), TROUPE_FIELD(all, u16),
    TROUPE_FIELD(all, u32), TROUPE_FIELD(all, u64), TROUPE_FIELD(all, f32), TROUPE_FIELD(all, f64),
    TROUPE_FIELD(all, text), TROUPE_FIELD(all, bytes), TROUPE_FIELD(all, ref),
    TROUPE_FIELD(all, time), TROUPE_FIELD_OF_OR(all, shade, &shade_enum, DARK),
    TROUPE_FIELD_OF(all, point, &point_type), TROUPE_FIELD_OF(all, shape, &shape_one_of),
    TROUPE_FIELD(all, map), TROUPE_ARRAY(all, three), TROUPE_LIST_OF(all, points, &point_type),
    TROUPE_OPTIONAL(all, maybe), TROUPE_FIELD_OR(all, currency, "EUR"));

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};

static void begin(void) {
    counting_heap_init(&heap);
}

static void end(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(fill, .timeout = 30, .init = begin, .fini = end);

#define ENTRIES(...)                                                                               \
    {                                                                                              \
        (const troupe_entry[]){__VA_ARGS__},                                                       \
            sizeof((const troupe_entry[]){__VA_ARGS__}) / sizeof(troupe_entry)                     \
    }
#define ANYS(...)                                                                                  \
    {                                                                                              \
        (const troupe_any[]){__VA_ARGS__},                                                         \
            sizeof((const troupe_any[]){__VA_ARGS__}) / sizeof(troupe_any)                         \
    }
#define I64(n)                                                                                     \
    { .is = TROUPE_IS_I64, .i64 = (n) }
#define U64(n)                                                                                     \
    { .is = TROUPE_IS_U64, .u64 = (n) }
#define F64(n)                                                                                     \
    { .is = TROUPE_IS_F64, .f64 = (n) }
#define TEXT(t)                                                                                    \
    { .is = TROUPE_IS_TEXT, .text = (t) }
#define LIST(...)                                                                                  \
    { .is = TROUPE_IS_LIST, .list = ANYS(__VA_ARGS__) }
#define MAP(...)                                                                                   \
    { .is = TROUPE_IS_MAP, .map = ENTRIES(__VA_ARGS__) }
#define NIL                                                                                        \
    { .is = TROUPE_IS_NIL }
#define POINT(x, y) MAP({"x", I64(x)}, {"y", I64(y)})

static troupe_err fill(const troupe_map *map, troupe_msg **out, char *why) {
    return tr_fill(&pool, &heap.heap, &all_type, map, out, why, why ? 200 : 0);
}

static void expect(const troupe_map map, const char *printed) {
    char text[2000], why[200] = "";
    troupe_msg *msg;
    cr_assert_eq(fill(&map, &msg, why), TROUPE_OK, "%s", why);
    (void)troupe_print(msg, text, sizeof text);
    cr_assert_not_null(strstr(text, printed), "%s is not in %s", printed, text);
    troupe_drop(&msg);
}

/* One field alone, which must be refused so. */
static void refuse_as(troupe_err as, const char *key, const troupe_any any, const char *text) {
    const troupe_entry entry = {key, any};
    const troupe_map map = {&entry, 1};
    char why[200] = "";
    troupe_msg *msg = NULL;
    cr_assert_eq(fill(&map, &msg, why), as);
    cr_assert_null(msg);
    cr_assert_str_eq(why, text);
    cr_assert_eq(fill(&map, &msg, NULL), as);
}

#define EXPECT(printed, ...) expect((troupe_map)ENTRIES(__VA_ARGS__), printed)
#define REFUSE(key, text, ...) refuse_as(TROUPE_MALFORMED, key, (troupe_any)__VA_ARGS__, text)

Test(fill, every_kind_is_what_it_was_said_to_be) {
    EXPECT("yes: true", {"yes", {.is = TROUPE_IS_BOOL, .truth = true}});
    EXPECT("i8: -128", {"i8", I64(-128)});
    EXPECT("i16: 32767", {"i16", I64(32767)});
    EXPECT("i32: -2147483648", {"i32", I64(INT32_MIN)});
    EXPECT("i64: -9223372036854775808", {"i64", I64(INT64_MIN)});
    EXPECT("u8: 255", {"u8", U64(255)});
    EXPECT("u16: 65535", {"u16", I64(65535)});
    EXPECT("u32: 4294967295", {"u32", I64(UINT32_MAX)});
    EXPECT("u64: 18446744073709551615", {"u64", U64(UINT64_MAX)});
    EXPECT("f32: 0.5", {"f32", F64(0.5)});
    EXPECT("f64: 3", {"f64", I64(3)});
    EXPECT("text: \"\xc3\xbc\"", {"text", TEXT("\xc3\xbc")});
    EXPECT("bytes: 3 bytes 616263", {"bytes", TEXT("abc")});
    EXPECT("bytes: 2 bytes 0001", {"bytes", {.is = TROUPE_IS_BYTES, .bytes = {"\0\1", 2}}});
    EXPECT("shade: LIGHT", {"shade", TEXT("LIGHT")});
    EXPECT("shade: DARK", {"shade", I64(-7)});
    EXPECT("point: {x: 1, y: -2}", {"point", POINT(1, -2)});
    EXPECT("point: {x: 0, y: 5}", {"point", MAP({"y", I64(5)})});
    EXPECT("CIRCLE", {"shape", MAP({"CIRCLE", F64(1.5)})});
    EXPECT("DOT", {"shape", TEXT("DOT")});
    EXPECT("{x: 7, y: 8}", {"shape", MAP({"PATH", LIST(POINT(7, 8))})});
    EXPECT("\"k\": 9", {"map", MAP({"k", I64(9)})});
    EXPECT("three: [1, 2, 3]", {"three", LIST(I64(1), I64(2), I64(3))});
    EXPECT("points: [{x: 1, y: 2}, {x: 3, y: 4}]", {"points", LIST(POINT(1, 2), POINT(3, 4))});
    EXPECT("maybe: 4", {"maybe", I64(4)});
    EXPECT("maybe: none", {"maybe", NIL});
}

static const struct all *filled(const troupe_map map, troupe_msg **msg) {
    cr_assert_eq(fill(&map, msg, NULL), TROUPE_OK);
    return troupe_as(*msg, &all_type);
}

Test(fill, refs_and_moments_have_forms_of_their_own) {
    troupe_msg *msg;
    const struct all *all = filled((troupe_map)ENTRIES({"ref", LIST(U64(5), I64(6))}), &msg);
    cr_assert(troupe_same(all->ref, (troupe_ref){5, 6}));
    troupe_drop(&msg);
    all = filled((troupe_map)ENTRIES({"ref", NIL}, {"time", F64(-1.25)}), &msg);
    cr_assert(troupe_same(all->ref, TROUPE_NOBODY));
    cr_assert_eq(all->time.seconds, -2);
    cr_assert_eq(all->time.nanoseconds, 750000000);
    troupe_drop(&msg);
}

Test(fill, what_is_not_there_is_as_its_type_says) {
    EXPECT("currency: \"EUR\"", {"yes", {.is = TROUPE_IS_BOOL}});
    EXPECT("shade: DARK", {"yes", {.is = TROUPE_IS_BOOL}});
    EXPECT("points: []", {"yes", {.is = TROUPE_IS_BOOL}});
    EXPECT("currency: \"\"", {"currency", TEXT("")});
}

struct strict {
    uint32_t n;
};
static const troupe_type strict_type = TROUPE_TYPE(strict, TROUPE_REQUIRED_FIELD(strict, n));
static const troupe_type signal_type = TROUPE_SIGNAL_TYPE("signal");

Test(fill, a_required_field_must_be_there) {
    const troupe_map none = {NULL, 0};
    char why[100];
    troupe_msg *msg;
    cr_assert_eq(tr_fill(&pool, &heap.heap, &strict_type, &none, &msg, why, sizeof why),
                 TROUPE_MALFORMED);
    cr_assert_str_eq(why, "strict.n: it is not there");
    cr_assert_eq(tr_fill(&pool, &heap.heap, &signal_type, &none, &msg, why, sizeof why), TROUPE_OK);
    troupe_drop(&msg);
}

Test(fill, one_past_each_limit_is_refused_by_name) {
    REFUSE("i8", "all.i8: 128 is no i8", I64(128));
    REFUSE("i8", "all.i8: -129 is no i8", I64(-129));
    REFUSE("u8", "all.u8: 256 is no u8", I64(256));
    REFUSE("u8", "all.u8: -1 is no u8", I64(-1));
    REFUSE("u64", "all.u64: -1 is no u64", I64(-1));
    REFUSE("i64", "all.i64: 9223372036854775808 is no i64", U64(UINT64_C(1) << 63));
    REFUSE("i32", "all.i32: 2147483648 is no i32", I64(INT64_C(2147483648)));
    REFUSE("f32", "all.f32: 1e+39 is no f32", F64(1e39));
    REFUSE("shade", "all.shade: 0 is none of its choices", I64(0));
    REFUSE("shade", "all.shade: GREEN is none of its choices", TEXT("GREEN"));
    REFUSE("shape", "all.shape: SQUARE is none of its cases", TEXT("SQUARE"));
    REFUSE("three", "all.three: expected 3 values, got 2", LIST(I64(1), I64(2)));
    REFUSE("colour", "all: it has no field colour", I64(1));
}

Test(fill, what_is_of_another_sort_is_refused_with_its_place) {
    REFUSE("yes", "all.yes: expected bool, got an integer", I64(1));
    REFUSE("i32", "all.i32: expected i32, got text", TEXT("1"));
    REFUSE("i32", "all.i32: expected i32, got f64", F64(1));
    REFUSE("f64", "all.f64: expected f64, got text", TEXT("1"));
    REFUSE("text", "all.text: expected text, got nil", NIL);
    REFUSE("bytes", "all.bytes: expected bytes, got an integer", I64(1));
    REFUSE("ref", "all.ref: expected a ref, which is a list of node and id, got text", TEXT("x"));
    REFUSE("time", "all.time: expected a time, in seconds, got text", TEXT("noon"));
    REFUSE("time", "all.time: expected a time, in seconds, got f64", F64(NAN));
    REFUSE("point", "all.point: expected a map of its fields, got a list", LIST(I64(1)));
    REFUSE("point", "all.point.x: expected i16, got text", MAP({"x", TEXT("1")}));
    REFUSE("points", "all.points[1].y: 40000 is no i16", LIST(POINT(1, 2), POINT(3, 40000)));
    REFUSE("points", "all.points: expected a list, got a map", MAP({"x", I64(1)}));
    REFUSE("shape", "all.shape: expected f64, got text", MAP({"CIRCLE", TEXT("r")}));
    REFUSE("map", "all.map: expected a map, got text", TEXT("m"));
}

/* Values that take few bytes where they come from, and many where they go. */
Test(fill, what_takes_too_much_memory_is_refused_before_it_is_taken) {
    static troupe_any many[(16 << 20) / sizeof(struct point) + 1];
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) many[i].is = TROUPE_IS_MAP;
    const troupe_any list = {.is = TROUPE_IS_LIST, .list = {many, sizeof many / sizeof *many}};
    refuse_as(TROUPE_TOOBIG, "points", list, "all.points: 4194305 values of 4 bytes are too many");
    cr_assert_lt(counting_heap_look(&heap).peak, 1 << 20);
}

static troupe_err fill_some(void *ctx) {
    const troupe_map map =
        ENTRIES({"points", LIST(POINT(1, 2))}, {"shape", MAP({"PATH", LIST(POINT(7, 8))})});
    troupe_msg **msg = ctx;
    troupe_err err = fill(&map, msg, NULL);
    cr_assert_eq(*msg == NULL, err != TROUPE_OK);
    return err;
}

static void drop(void *ctx) {
    troupe_drop(ctx);
}

Test(fill, without_memory_nothing_is_left) {
    troupe_msg *msg = NULL;
    exhaust_call(&heap, fill_some, drop, &msg);
}
