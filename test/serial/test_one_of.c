/* One-ofs: made, compared, shown, packed, taken in and judged, wherever a value can be. */
#include <criterion/criterion.h>

#include "serial/codec.h"
#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/scan.h"
#include "serial/type.h"
#include "test/serial/drawing.h"
#include "test/serial/sample.h"
#include "test/serial/codec_heap.h"

TestSuite(one_of, .timeout = 30, .init = open_heap, .fini = close_heap);

static troupe_msg *made(const struct drawing *body) {
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_make(&pool, &drawing_type, body, &msg), TROUPE_OK);
    return msg;
}

static const struct drawing *body_of(const troupe_msg *msg) {
    return troupe_as(msg, &drawing_type);
}

/* --- In memory -------------------------------------------------------------------------------- */

static size_t up(size_t size) {
    return (size + 7) / 8 * 8;
}

static void expect_inside(const troupe_msg *msg, const void *at, size_t size) {
    cr_expect_geq((uintptr_t)at, (uintptr_t)(msg + 1));
    cr_expect_leq((uintptr_t)at + size, (uintptr_t)msg + tr_msg_size(msg));
}

Test(one_of, is_copied_with_what_its_case_points_at_in_one_allocation) {
    troupe_msg *msg = made(&drawing);
    cr_assert_eq(counting_heap_look(&heap).takes, 1);
    size_t end = up(sizeof *msg + sizeof(struct drawing)) + 9 * sizeof(struct shape);
    end = up(end + sizeof "h\xC3\xA9") + 2 * sizeof(struct spot) + sizeof "a" + sizeof "";
    end += sizeof "box" + sizeof "m" + sizeof "two";
    end = up(end) + sizeof(struct spot) + sizeof "a";
    cr_assert_eq(tr_msg_size(msg), rounded(end));
    const struct drawing *body = body_of(msg);
    cr_assert(tr_body_same(&drawing_type, body, &drawing));
    expect_inside(msg, body->shapes.at, 9 * sizeof(struct shape));
    expect_inside(msg, body->shapes.at[1].label, 4);
    expect_inside(msg, body->shapes.at[2].path.at, 2 * sizeof(struct spot));
    expect_inside(msg, body->shapes.at[2].path.at[0].name, 2);
    expect_inside(msg, body->shapes.at[4].box.name, 4);
    expect_inside(msg, body->shapes.at[6].maybe.value, 2);
    expect_inside(msg, body->two[1].label, 4);
    expect_inside(msg, body->last.value.path.at, sizeof(struct spot));
    troupe_drop(&msg);
}

Test(one_of, is_flat_if_all_its_cases_are) {
    cr_assert(tr_one_of_is_flat(&amount_one_of));
    cr_assert_not(tr_one_of_is_flat(&shape_one_of));
    const troupe_case list = {1, {"A", 0, TROUPE_U8, TROUPE_SHAPE_LIST, 1, 0, NULL}};
    cr_assert_not(tr_one_of_is_flat(&(troupe_one_of){24, 16, &list, 1}));
    struct alone {
        struct amount amount;
    };
    const troupe_type alone = TROUPE_TYPE(alone, TROUPE_FIELD_OF(alone, amount, &amount_one_of));
    cr_assert_eq(alone.extent, TROUPE_UNKNOWN_EXTENT);
    cr_assert(tr_type_is_flat(&alone));
    cr_assert_eq(tr_type_check(&alone, NULL, 0), TROUPE_OK);
}

/* What a case points at can't be copied if there is no such case; a flat one is copied as it is,
 * and refused when it is to travel. */
Test(one_of, of_no_case_is_not_made_unless_it_is_flat) {
    troupe_msg *msg = NULL;
    struct drawing with = drawing;
    with.first.what = 8;
    cr_assert_eq(tr_msg_make(&pool, &drawing_type, &with, &msg), TROUPE_INVALID);
    cr_assert_null(msg);
    cr_assert_eq(tr_pack(&drawing_type, &with, SIZE_MAX, &buffer), TROUPE_INVALID);
    with = drawing;
    with.amount.how = 3;
    cr_assert_eq(tr_pack(&drawing_type, &with, SIZE_MAX, &buffer), TROUPE_INVALID);
    cr_assert_eq(buffer.size, 0);
    msg = made(&with);
    cr_assert_eq(body_of(msg)->amount.how, 3);
    troupe_drop(&msg);
}

Test(one_of, that_is_not_there_is_not_looked_at) {
    struct drawing with = empty_drawing;
    with.last.value.what = 8;
    with.last.value.label = (const char *)8;
    troupe_msg *msg = made(&with);
    cr_assert_null(body_of(msg)->last.value.label);
    troupe_drop(&msg);
}

/* --- Side by side ----------------------------------------------------------------------------- */

/* Whether a message with another first shape equals that of the sample; if so, so must its hash. */
static bool same_with(struct shape first) {
    struct drawing with = drawing;
    with.first = first;
    troupe_msg *one = made(&drawing), *other = made(&with);
    const bool same = troupe_equal(one, other);
    cr_expect_eq(troupe_hash(one) == troupe_hash(other), same);
    troupe_drop(&one);
    troupe_drop(&other);
    return same;
}

Test(one_of, equals_what_is_of_its_case_and_has_its_value) {
    struct shape first = drawing.first;
    memset((char *)&first + offsetof(struct shape, radius) + 8, 0x55,
           sizeof first - offsetof(struct shape, radius) - 8); /* belongs to other cases */
    cr_expect(same_with(first));
    first.radius = 0.75;
    cr_expect_not(same_with(first));
    cr_expect_not(same_with((struct shape){.what = DOT}));
    cr_expect_not(same_with((struct shape){.what = MAYBE}));
}

Test(one_of, of_no_case_equals_another_by_its_tag) {
    struct drawing one = empty_drawing, other = empty_drawing;
    one.amount.how = other.amount.how = 9;
    one.amount.few = 1;
    cr_expect(tr_body_same(&drawing_type, &one, &other));
    other.amount.how = 10;
    cr_expect_not(tr_body_same(&drawing_type, &one, &other));
}

Test(one_of, is_shown_by_its_case_and_value) {
    char text[400];
    struct drawing with = drawing;
    with.amount.how = 9;
    troupe_msg *msg = made(&with);
    (void)troupe_print(msg, text, sizeof text);
    cr_assert_str_eq(text, "drawing {first: CIRCLE 0.5, shapes: [DOT, LABEL \"h\xC3\xA9\", "
                           "PATH [{x: -300, name: \"a\"}, {x: 1, name: \"\"}], PATH [], "
                           "BOX {x: 7, name: \"box\"}, GRID [1, -1, 1000], MAYBE \"m\", "
                           "MAYBE none, ... (9)], two: [DOT, LABEL \"two\"], "
                           "last: PATH [{x: -300, name: \"a\"}], amount: 9}");
    troupe_drop(&msg);
}

/* --- To bytes and back ------------------------------------------------------------------------ */

Test(one_of, has_the_bytes_that_it_always_had) {
    cr_assert_eq(tr_pack(&drawing_type, &drawing, SIZE_MAX, &buffer), TROUPE_OK);
    cr_assert_eq(buffer.size, DRAWING_SIZE);
    cr_assert_arr_eq(buffer.data, drawing_bytes, DRAWING_SIZE);
    cr_assert_eq(tr_type_hash(&drawing_type), UINT64_C(0x6fce36d46b038f18));
}

Test(one_of, comes_back_as_it_was) {
    const struct drawing *const all[] = {&drawing, &empty_drawing};
    for (size_t i = 0; i < 2; i++) {
        troupe_msg *msg = NULL, *local = made(all[i]);
        char why[100] = "";
        buffer.size = 0;
        cr_assert_eq(tr_pack(&drawing_type, all[i], SIZE_MAX, &buffer), TROUPE_OK);
        troupe_err err =
            tr_unpack(&pool, &drawing_type, buffer.data, buffer.size, &msg, why, sizeof why);
        cr_assert_eq(err, TROUPE_OK, "%s", why);
        cr_assert(troupe_equal(msg, local));
        cr_assert_eq(troupe_hash(msg), troupe_hash(local));
        troupe_drop(&msg);
        troupe_drop(&local);
    }
}

Test(one_of, is_refused_without_its_end_wherever_that_is) {
    char copy[DRAWING_SIZE];
    for (size_t size = 0; size < DRAWING_SIZE; size++) {
        size_t extra;
        memcpy(copy + DRAWING_SIZE - size, drawing_bytes, size); /* ends where its memory ends */
        cr_assert_eq(tr_scan(&drawing_type, copy + DRAWING_SIZE - size, size, &extra, NULL, 0),
                     TROUPE_MALFORMED);
    }
}

struct alone {
    struct shape shape;
};
static const troupe_type alone_type =
    TROUPE_TYPE(alone, TROUPE_FIELD_OF(alone, shape, &shape_one_of));

#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *bytes;
    size_t size;
    const char *why; /* NULL: it is fine */
} cases[] = {
    {BYTES("\x91\x92\0\xc0"), NULL},
    {BYTES("\x91\xdc\0\2\xd3\0\0\0\0\0\0\0\0\xc0"), NULL}, /* any head and width */
    {BYTES("\x91\xc0"), "alone.shape: expected an array of 2, got nil"},
    {BYTES("\x91\x91\0"), "alone.shape: expected an array of 2, got an array of 1"},
    {BYTES("\x91\x93\0\xc0\xc0"), "alone.shape: expected an array of 2, got an array of 3"},
    {BYTES("\x91\x92\1\xc0"), "alone.shape: expected the tag of a case, got 1"},
    {BYTES("\x91\x92\xfe\xc0"), "alone.shape: expected the tag of a case, got -2"},
    {BYTES("\x91\x92\xcf\0\0\0\1\0\0\0\0\xc0"),
     "alone.shape: expected the tag of a case, got 4294967296"},
    {BYTES("\x91\x92\xa3"
           "DOT\xc0"),
     "alone.shape: expected the tag of a case, got text"},
    {BYTES("\x91\x92\xc0\xc0"), "alone.shape: expected the tag of a case, got nil"},
    {BYTES("\x91\x92"), "alone.shape: the bytes end too early"},
    {BYTES("\x91\x92\0"), "alone.shape.DOT: the bytes end too early"},
    {BYTES("\x91\x92\0\0"), "alone.shape.DOT: expected nil, got 0"},
    {BYTES("\x91\x92\7\1"), "alone.shape.CIRCLE: expected f64, got 1"},
    {BYTES("\x91\x92\xff\xa2"
           "a\xff"),
     "alone.shape.LABEL: the text is not UTF-8"},
    {BYTES("\x91\x92\xcd\7\xd0\x92\x92\1\xa0\x92\1\1"),
     "alone.shape.PATH[1].name: expected text, got 1"},
    {BYTES("\x91\x92\3\x92\xcd\xff\xff\xa0"), "alone.shape.BOX.x: expected i16, got 65535"},
    {BYTES("\x91\x92\4\x92\1\1"), "alone.shape.GRID: expected an array of 3, got an array of 2"},
    {BYTES("\x91\x92\5\1"), "alone.shape.MAYBE: expected text, got 1"},
    {BYTES("\x91\x92\6\x92\2\1"), "alone.shape.INNER.NOBODY_KNOWS: expected nil, got 1"},
    {BYTES("\x91\x92\6\x92\3\1"), "alone.shape.INNER: expected the tag of a case, got 3"},
};

Test(one_of, says_what_is_wrong_with_the_way_to_it) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[100] = "";
        size_t extra;
        troupe_err err =
            tr_scan(&alone_type, cases[i].bytes, cases[i].size, &extra, why, sizeof why);
        cr_expect_eq(err, cases[i].why ? TROUPE_MALFORMED : TROUPE_OK, "%zu: %s", i, why);
        cr_expect_str_eq(why, cases[i].why ? cases[i].why : "");
    }
}

/* --- Judged ----------------------------------------------------------------------------------- */

#define AT(name, offset, kind)                                                                     \
    { name, offset, kind, TROUPE_SHAPE_ONE, 0, 0, NULL }

static const troupe_field hollow_field[] = {AT("a", 0, TROUPE_U32)};
static const troupe_type hollow = {"hollow", 8, hollow_field, 1, 0};
/* Each has one thing wrong with it at most. */
static const struct {
    troupe_case when[2];
    size_t size, tag, cases;
    const char *why, *gap; /* NULL: it is sound; nothing is forgotten */
} judged[] = {
    {{{0, AT("A", 0, TROUPE_NIL)}}, 4, 0, 1, NULL, NULL},
    {{{0, AT("A", 4, TROUPE_U32)}, {1, AT("B", 4, TROUPE_U8)}}, 8, 0, 2, NULL, NULL},
    {{{0, AT("A", 8, TROUPE_U64)}}, 16, 0, 1, NULL, NULL},
    {{{0, AT("A", 0, TROUPE_U8)}}, 8, 4, 1, NULL, NULL},
    {{{0, AT("A", 0, TROUPE_NIL)}}, 0, 0, 0, "t.a: its one-of has no cases", NULL},
    {{{0, AT("", 0, TROUPE_NIL)}}, 4, 0, 1, "t.a: case 1 has no name", NULL},
    {{{0, AT(NULL, 0, TROUPE_NIL)}}, 4, 0, 1, "t.a: case 1 has no name", NULL},
    {{{3, AT("A", 0, TROUPE_NIL)}, {3, AT("B", 0, TROUPE_NIL)}},
     4,
     0,
     2,
     "t.a: A and B are the same",
     NULL},
    {{{3, AT("A", 0, TROUPE_NIL)}, {4, AT("A", 0, TROUPE_NIL)}},
     4,
     0,
     2,
     "t.a: A and A are the same",
     NULL},
    {{{0, AT("A", 2, TROUPE_U16)}}, 8, 0, 1, "t.a.A: overlaps its tag", NULL},
    {{{0, AT("A", 4, TROUPE_U64)}}, 16, 0, 1, "t.a.A: offset 4 is not a multiple of 8", NULL},
    {{{0, AT("A", 8, TROUPE_U64)}},
     8,
     0,
     1,
     "t.a.A: reaches out of the struct, which has 8 bytes",
     NULL},
    {{{0, AT("A", 4, TROUPE_U8)}}, 8, 2, 1, "t.a.its tag: offset 2 is not a multiple of 4", NULL},
    {{{0, AT("A", 0, TROUPE_NIL)}},
     4,
     4,
     1,
     "t.a.its tag: reaches out of the struct, which has 4 bytes",
     NULL},
    {{{0, AT("A", 4, (troupe_kind)77)}}, 8, 0, 1, "t.a.A: 77 is no kind", NULL},
    {{{0, {"A", 4, TROUPE_NIL, TROUPE_SHAPE_LIST, 0, 0, NULL}}},
     8,
     0,
     1,
     "t.a.A: is nothing, but 2",
     NULL},
    {{{0, {"A", 4, TROUPE_STRUCT, TROUPE_SHAPE_ONE, 8, 0, NULL}}},
     16,
     0,
     1,
     "t.a.A: its struct has no fields",
     NULL},
    {{{0, {"A", 4, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 8, 0, NULL}}},
     16,
     0,
     1,
     "t.a.A: its one-of has no cases",
     NULL},
    {{{0, AT("A", 0, TROUPE_NIL)}}, 8, 0, 1, NULL, "t.a: bytes 4 to 7 are in no case"},
    {{{0, AT("A", 8, TROUPE_U32)}}, 12, 0, 1, NULL, "t.a: bytes 4 to 7 are in no case"},
    {{{0, AT("A", 4, TROUPE_U8)}}, 12, 0, 1, NULL, "t.a: bytes 5 to 11 are in no case"},
    {{{0, AT("A", 4, TROUPE_U8)}}, 12, 8, 1, NULL, "t.a: bytes 0 to 3 are in no case"},
    {{{0, {"A", 4, TROUPE_STRUCT, TROUPE_SHAPE_ONE, 8, 0, &hollow}}},
     12,
     0,
     1,
     NULL,
     "hollow: bytes 4 to 7 are in no field"},
};

Test(one_of, is_judged_case_by_case) {
    for (size_t i = 0; i < sizeof judged / sizeof *judged; i++) {
        char why[100] = "";
        const troupe_one_of of = {judged[i].size, judged[i].tag, judged[i].when, judged[i].cases};
        const troupe_field field = {"a", 0, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 0, 0, &of};
        const troupe_type type = {"t", judged[i].size ? judged[i].size : 4, &field, 1, 0};
        troupe_err err = tr_type_check(&type, why, sizeof why);
        cr_expect_eq(err, judged[i].why ? TROUPE_INVALID : TROUPE_OK, "%zu", i);
        cr_expect_str_eq(why, judged[i].why ? judged[i].why : "");
        if (err) continue;
        err = troupe_check_type(&type, why, sizeof why);
        cr_expect_eq(err, judged[i].gap ? TROUPE_INVALID : TROUPE_OK, "%zu", i);
        cr_expect_str_eq(why, judged[i].gap ? judged[i].gap : "");
    }
    char why[100] = "";
    cr_assert_eq(troupe_check_type(&drawing_type, why, sizeof why), TROUPE_OK, "%s", why);
}

Test(one_of, nothing_is_a_case_only) {
    char why[100] = "";
    const troupe_field field = AT("a", 0, TROUPE_NIL);
    const troupe_type type = {"t", 4, &field, 1, 0};
    cr_assert_eq(tr_type_check(&type, why, sizeof why), TROUPE_INVALID);
    cr_assert_str_eq(why, "t.a: 19 is no kind");
}

/* One-ofs in one-ofs, each with the next for its case; the last has nothing. */
static void nest(troupe_one_of *of, troupe_case *when, size_t levels) {
    for (size_t i = 0; i < levels; i++) {
        when[i] = (troupe_case){0, {"A", 4, TROUPE_ONE_OF, TROUPE_SHAPE_LIST, 0, 0, &of[i + 1]}};
        when[i].field.offset = 8;
        of[i] = (troupe_one_of){24, 0, &when[i], 1};
    }
    when[levels - 1].field = (troupe_field)AT("A", 0, TROUPE_NIL);
    of[levels - 1].size = 24;
}

Test(one_of, is_one_of_sixteen_levels) {
    troupe_one_of of[17];
    troupe_case when[17];
    char why[160] = "";
    troupe_msg *msg = NULL;
    const troupe_field field = {"a", 0, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 0, 0, &of[0]};
    const troupe_type type = {"t", 24, &field, 1, 0};
    nest(of, when, TR_LEVELS_MOST - 1); /* the message is one */
    cr_assert_eq(tr_type_check(&type, why, sizeof why), TROUPE_OK, "%s", why);
    nest(of, when, TR_LEVELS_MOST);
    cr_assert_eq(tr_type_check(&type, why, sizeof why), TROUPE_INVALID);
    cr_assert_str_eq(why + strlen(why) - 28, "A: is on more than 16 levels");

    /* A ring of lists: the type is never sound, and a body of it is still neither made nor sent. */
    struct ring {
        int32_t tag;
        tr_many list;
    } ring = {0, {&ring, 1}};
    when[0].field.of = &of[0];
    cr_assert_eq(tr_type_check(&type, why, sizeof why), TROUPE_INVALID);
    cr_assert_eq(tr_msg_make(&pool, &type, &ring, &msg), TROUPE_INVALID);
    cr_assert_eq(tr_pack(&type, &ring, SIZE_MAX, &buffer), TROUPE_INVALID);
    size_t extra;
    unsigned char bytes[64];
    memset(bytes, 0x91, sizeof bytes);
    for (size_t i = 1; i + 2 < sizeof bytes; i += 3) memcpy(bytes + i, "\x92\0\x91", 3);
    cr_assert_eq(tr_scan(&type, bytes, sizeof bytes, &extra, why, sizeof why), TROUPE_MALFORMED);
    cr_assert(strstr(why, "the type has too many levels"), "%s", why);
    cr_assert_neq(tr_type_hash(&type), 0);
}

Test(one_of, in_a_list_may_not_take_256_times_its_bytes) {
    const troupe_case when[] = {{0, AT("A", 0, TROUPE_NIL)},
                                {1, {"B", 4, TROUPE_U8, TROUPE_SHAPE_ARRAY, 0, 760, NULL}}};
    char why[100] = "";
    for (size_t more = 0; more < 2; more++) {
        const troupe_one_of of = {764 + 4 * more, 0, when, 2};
        const troupe_field field = {"a", 0, TROUPE_ONE_OF, TROUPE_SHAPE_LIST, 0, 0, &of};
        const troupe_type type = {"t", 16, &field, 1, 0};
        cr_assert_eq(tr_type_check(&type, why, sizeof why), more ? TROUPE_INVALID : TROUPE_OK);
    }
    cr_assert_str_eq(why, "t.a: 768 bytes of memory may come as 3");
}

Test(one_of, is_the_same_schema_only_with_the_same_cases) {
    troupe_case when[] = {{0, AT("A", 4, TROUPE_U32)}, {1, AT("B", 0, TROUPE_NIL)}};
    const troupe_one_of of = {8, 0, when, 2};
    const troupe_field field = {"a", 0, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 0, 0, &of};
    const troupe_type type = {"t", 8, &field, 1, 0};
    const uint64_t hash = tr_type_hash(&type);
    const struct {
        troupe_case when[2];
        size_t cases;
        bool same_hash, same_type;
    } others[] = {
        {{{0, AT("A", 4, TROUPE_U32)}, {1, AT("B", 0, TROUPE_NIL)}}, 2, true, true},
        {{{0, AT("A", 8, TROUPE_U32)}, {1, AT("B", 0, TROUPE_NIL)}}, 2, true, false},
        {{{0, AT("A", 4, TROUPE_U32)}, {2, AT("B", 0, TROUPE_NIL)}}, 2, false, false},
        {{{0, AT("A", 4, TROUPE_I32)}, {1, AT("B", 0, TROUPE_NIL)}}, 2, false, false},
        {{{0, AT("A", 4, TROUPE_U32)}, {1, AT("C", 0, TROUPE_NIL)}}, 2, false, false},
        {{{0, AT("A", 4, TROUPE_U32)}}, 1, false, false},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const troupe_one_of other_of = {8, 0, others[i].when, others[i].cases};
        const troupe_field other = {"a", 0, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 0, 0, &other_of};
        const troupe_type other_type = {"t", 8, &other, 1, 0};
        cr_expect_eq(tr_type_hash(&other_type) == hash, others[i].same_hash, "%zu", i);
        cr_expect_eq(tr_type_same(&type, &other_type), others[i].same_type, "%zu", i);
    }
}
