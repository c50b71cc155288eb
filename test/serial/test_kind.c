#include <criterion/criterion.h>
#include <string.h>

#include "serial/kind.h"

TestSuite(kind, .timeout = 20);

/* The numbers and sizes are part of the wire format (docs/wire-format.md) and of the programs. */
static const struct {
    troupe_kind kind;
    int number;
    const char *name;
    size_t size, align;
} kinds[] = {
    {TROUPE_BOOL, 0, "bool", 1, 1},      {TROUPE_I32, 1, "i32", 4, 4},
    {TROUPE_I64, 2, "i64", 8, 8},        {TROUPE_U32, 3, "u32", 4, 4},
    {TROUPE_U64, 4, "u64", 8, 8},        {TROUPE_F64, 5, "f64", 8, 8},
    {TROUPE_TEXT, 6, "text", 8, 8},      {TROUPE_BYTES, 7, "bytes", 16, 8},
    {TROUPE_REF, 8, "ref", 16, 8},       {TROUPE_I8, 9, "i8", 1, 1},
    {TROUPE_I16, 10, "i16", 2, 2},       {TROUPE_U8, 11, "u8", 1, 1},
    {TROUPE_U16, 12, "u16", 2, 2},       {TROUPE_F32, 13, "f32", 4, 4},
    {TROUPE_TIME, 14, "time", 16, 8},    {TROUPE_ENUM, 15, "enum", 4, 4},
    {TROUPE_STRUCT, 16, "struct", 0, 0}, {TROUPE_ONE_OF, 17, "one of", 0, 0},
    {TROUPE_MAP, 18, "map", 16, 8},      {TROUPE_NIL, 19, "nil", 0, 0},
};

Test(kind, has_a_number_a_name_a_size_and_an_alignment) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        cr_expect_eq(kinds[i].kind, (troupe_kind)kinds[i].number);
        cr_expect_str_eq(tr_kind_name(kinds[i].kind), kinds[i].name);
        cr_expect_eq(tr_kind_size(kinds[i].kind), kinds[i].size, "%s", kinds[i].name);
        cr_expect_eq(tr_kind_align(kinds[i].kind), kinds[i].align, "%s", kinds[i].name);
    }
    cr_assert_str_eq(tr_kind_name((troupe_kind)20), "?");
    cr_assert_eq(tr_kind_size((troupe_kind)20), 0);
    cr_assert_eq(tr_kind_align((troupe_kind)20), 0);
    cr_assert_eq(tr_kind_size((troupe_kind)-1), 0);
}

Test(kind, has_the_range_of_its_c_type) {
    const struct {
        troupe_kind kind;
        int64_t least;
        uint64_t most;
    } ranges[] = {
        {TROUPE_I8, INT8_MIN, INT8_MAX},     {TROUPE_I16, INT16_MIN, INT16_MAX},
        {TROUPE_I32, INT32_MIN, INT32_MAX},  {TROUPE_I64, INT64_MIN, INT64_MAX},
        {TROUPE_U8, 0, UINT8_MAX},           {TROUPE_U16, 0, UINT16_MAX},
        {TROUPE_U32, 0, UINT32_MAX},         {TROUPE_U64, 0, UINT64_MAX},
        {TROUPE_ENUM, INT32_MIN, INT32_MAX},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        cr_expect_eq(tr_kind_range[ranges[i].kind].least, (uint64_t)ranges[i].least, "%zu", i);
        cr_expect_eq(tr_kind_range[ranges[i].kind].most, ranges[i].most, "%zu", i);
    }
}

struct point {
    int16_t x, y;
};
struct all {
    uint32_t one;
    float three[3];
    TROUPE_MAYBE(double) maybe;
    TROUPE_MANY(struct point) many;
    TROUPE_MAYBE(bool) flag;
};
static const troupe_type point_type =
    TROUPE_TYPE(point, TROUPE_FIELD(point, x), TROUPE_FIELD(point, y));
static const troupe_type all_type =
    TROUPE_TYPE(all, TROUPE_FIELD(all, one), TROUPE_ARRAY(all, three), TROUPE_OPTIONAL(all, maybe),
                TROUPE_LIST_OF(all, many, &point_type), TROUPE_OPTIONAL(all, flag));

static void expect(const struct all *body, size_t field, const void *at, size_t count,
                   size_t step) {
    tr_values values = tr_field_values(&all_type.field[field], body);
    cr_expect_eq(values.at, (const char *)at, "%zu", field);
    cr_expect_eq(values.count, count, "%zu", field);
    cr_expect_eq(values.step, step, "%zu", field);
}

Test(kind, the_values_of_a_field_are_found_by_its_shape) {
    static const struct point points[2] = {{1, 2}, {3, 4}};
    struct all body = {.maybe = {1.5, true}, .many = {points, 2}, .flag = {true, false}};
    expect(&body, 0, &body.one, 1, 4);
    expect(&body, 1, body.three, 3, 4);
    expect(&body, 2, &body.maybe.value, 1, 8);
    expect(&body, 3, points, 2, 4);
    expect(&body, 4, &body.flag.value, 0, 1);
    body.maybe.has = false;
    body.many.at = NULL;
    body.many.count = 0;
    body.flag.has = true;
    expect(&body, 2, &body.maybe.value, 0, 8);
    expect(&body, 3, NULL, 0, 4);
    expect(&body, 4, &body.flag.value, 1, 1);
    troupe_field by_hand = all_type.field[0];
    by_hand.size = 0;
    cr_assert_eq(tr_field_step(&by_hand), 4);
    by_hand = all_type.field[3];
    by_hand.size = 0;
    cr_assert_eq(tr_field_step(&by_hand), sizeof(struct point));
}

enum { LOW = -5, HIGH = INT32_MAX };
static const troupe_enum low_high = TROUPE_ENUM_TYPE(TROUPE_CHOICE(LOW), TROUPE_CHOICE(HIGH));

Test(kind, a_choice_has_its_name) {
    cr_assert_str_eq(tr_choice_name(&low_high, -5), "LOW");
    cr_assert_str_eq(tr_choice_name(&low_high, INT32_MAX), "HIGH");
    cr_assert_null(tr_choice_name(&low_high, 0));
}
