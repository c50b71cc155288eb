/* Which types are sound when they nest, what their hashes are, and which bytes are in no field. */
#include <criterion/criterion.h>
#include <string.h>

#include "serial/type.h"
#include "test/serial/order.h"
#include "test/serial/sample.h"

TestSuite(sound, .timeout = 20);

Test(sound, what_nests_well_is_sound) {
    char why[64] = "untouched";
    cr_assert_eq(tr_type_check(&order_type, why, sizeof why), TROUPE_OK, "%s", why);
    cr_assert_str_eq(why, "untouched");
    cr_assert_eq(order_type.extent, TROUPE_DEEP);
    cr_assert_eq(size_type.extent, TROUPE_FLAT);
    cr_assert_eq(tr_type_gap(&order_type, why, sizeof why), TROUPE_OK, "%s", why);
}

#define LIST TROUPE_SHAPE_LIST
#define ONE TROUPE_SHAPE_ONE

static const troupe_choice nameless[] = {{"A", 0}, {"", 1}};
static const troupe_choice twice[] = {{"A", 1}, {"B", 0}, {"C", 1}};
static const troupe_enum no_choice = {NULL, 0}, no_name = {nameless, 2}, same_value = {twice, 3};
static const troupe_type bad_type = {"bad", 4, NULL, 0, 0};
static const troupe_type signal_type = TROUPE_SIGNAL_TYPE("signal");
extern const troupe_type ring_type;
static const troupe_field ring_field[] = {{"next", 0, TROUPE_STRUCT, LIST, 0, 0, &ring_type}};
const troupe_type ring_type = {"ring", 16, ring_field, 1, 0};
static const troupe_field via_field[] = {{"via", 0, TROUPE_STRUCT, LIST, 0, 0, &ring_type}};
static const troupe_type via_type = {"via", 16, via_field, 1, 0};
static const troupe_field vast_field[] = {
    {"box", 0, TROUPE_U64, TROUPE_SHAPE_OPTIONAL, 8, 0, NULL}};
static const troupe_type vast_type = {"vast", 512, vast_field, 1, 0};
static const troupe_type fair_type = {"fair", 511, vast_field, 1, 0};

/* Each of these fields has one thing wrong with it. */
static const struct {
    troupe_field field;
    const char *why;
} flawed[] = {
    {{"a", 0, TROUPE_U32, (troupe_shape)4, 0, 0, NULL}, "t.a: 4 is no shape"},
    {{"a", 0, TROUPE_U32, ONE, 8, 0, NULL}, "t.a: takes 8 bytes, but u32 takes 4"},
    {{"a", 0, TROUPE_STRUCT, ONE, 8, 0, &size_type}, "t.a: takes 8 bytes, but struct takes 4"},
    {{"a", 0, TROUPE_STRUCT, ONE, 4, 0, NULL}, "t.a: its struct has no fields"},
    {{"a", 0, TROUPE_STRUCT, ONE, 0, 0, &signal_type}, "t.a: its struct has no fields"},
    {{"a", 0, TROUPE_STRUCT, ONE, 4, 0, &bad_type}, "bad: has a struct of 4 bytes, but no fields"},
    {{"a", 0, TROUPE_STRUCT, LIST, 16, 0, &ring_type}, "ring.next: holds itself"},
    {{"a", 0, TROUPE_STRUCT, LIST, 16, 0, &via_type}, "ring.next: holds itself"},
    {{"a", 0, TROUPE_ENUM, ONE, 4, 0, NULL}, "t.a: its enum has no choices"},
    {{"a", 0, TROUPE_ENUM, ONE, 4, 0, &no_choice}, "t.a: its enum has no choices"},
    {{"a", 0, TROUPE_ENUM, ONE, 4, 0, &no_name}, "t.a: choice 2 has no name"},
    {{"a", 0, TROUPE_ENUM, ONE, 4, 0, &same_value}, "t.a: A and C are the same"},
    {{"a", 0, TROUPE_ENUM, ONE, 8, 0, &colour_enum}, "t.a: takes 8 bytes, but enum takes 4"},
    {{"a", 0, TROUPE_U8, TROUPE_SHAPE_ARRAY, 1, 0, NULL}, "t.a: an array of 0"},
    {{"a", 0, TROUPE_U8, TROUPE_SHAPE_ARRAY, 1, SIZE_MAX, NULL},
     "t.a: an array of 18446744073709551615"},
    {{"a", 0, TROUPE_U8, TROUPE_SHAPE_ARRAY, 1, 33, NULL},
     "t.a: reaches out of the struct, which has 32 bytes"},
    {{"a", 24, TROUPE_U64, TROUPE_SHAPE_OPTIONAL, 8, 0, NULL},
     "t.a: reaches out of the struct, which has 32 bytes"},
    {{"a", 20, TROUPE_U8, LIST, 1, 0, NULL}, "t.a: reaches out of the struct, which has 32 bytes"},
    {{"a", 12, TROUPE_U8, LIST, 1, 0, NULL}, "t.a: offset 12 is not a multiple of 8"},
    {{"a", 1, TROUPE_STRUCT, ONE, 4, 0, &size_type}, "t.a: offset 1 is not a multiple of 2"},
    {{"a", 0, TROUPE_STRUCT, LIST, 0, 0, &vast_type}, "t.a: 512 bytes of memory may come as 2"},
};

Test(sound, says_what_is_not_sound_within) {
    for (size_t i = 0; i < sizeof flawed / sizeof *flawed; i++) {
        char why[96] = "";
        const troupe_type type = {"t", 32, &flawed[i].field, 1, 0};
        cr_expect_eq(tr_type_check(&type, why, sizeof why), TROUPE_INVALID, "%zu", i);
        cr_expect_str_eq(why, flawed[i].why);
    }
    const troupe_field fair[] = {{"a", 0, TROUPE_STRUCT, LIST, 0, 0, &fair_type},
                                 {"b", 16, TROUPE_U64, TROUPE_SHAPE_OPTIONAL, 8, 0, NULL}};
    cr_expect_eq(tr_type_check(&(troupe_type){"t", 32, fair, 2, 0}, NULL, 0), TROUPE_OK);
}

Test(sound, what_a_field_takes_overlaps_nothing) {
    const troupe_field fields[][2] = {
        {{"a", 0, TROUPE_U16, TROUPE_SHAPE_ARRAY, 2, 3, NULL}, FIELD("b", 4, TROUPE_U8)},
        {{"a", 0, TROUPE_U16, TROUPE_SHAPE_OPTIONAL, 2, 0, NULL}, FIELD("b", 3, TROUPE_U8)},
        {{"a", 0, TROUPE_U8, LIST, 1, 0, NULL}, FIELD("b", 15, TROUPE_U8)},
        {{"a", 0, TROUPE_STRUCT, ONE, 4, 0, &size_type}, FIELD("b", 3, TROUPE_U8)},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        char why[64] = "";
        const troupe_type type = {"t", 32, fields[i], 2, 0};
        cr_expect_eq(tr_type_check(&type, why, sizeof why), TROUPE_INVALID);
        cr_expect_str_eq(why, "t.b: overlaps a", "%zu", i);
        troupe_field behind[] = {fields[i][0], fields[i][1]};
        behind[1].offset++;
        cr_expect_eq(tr_type_check(&(troupe_type){"t", 32, behind, 2, 0}, NULL, 0),
                     i == 0 ? TROUPE_INVALID : TROUPE_OK, "%zu", i);
    }
}

Test(sound, sixteen_levels_are_the_most) {
    static troupe_type level[18];
    static troupe_field field[18];
    char why[64] = "";
    level[0] = size_type;
    for (size_t i = 1; i < 18; i++) {
        field[i] = (troupe_field){"in", 0, TROUPE_STRUCT, ONE, 4, 0, &level[i - 1]};
        level[i] = (troupe_type){"level", 4, &field[i], 1, 0};
    }
    cr_assert_eq(tr_type_check(&level[15], NULL, 0), TROUPE_OK);
    cr_assert_eq(tr_type_check(&level[16], why, sizeof why), TROUPE_INVALID);
    cr_assert_str_eq(why, "level.in: is on more than 16 levels");
}

/* --- Hashes, sameness ------------------------------------------------------------------------- */

/* The numbers are part of the wire format (docs/wire-format.md): they never change. */
Test(sound, the_hash_of_what_nests_is_the_documented_one) {
    cr_assert_eq(tr_type_hash(&size_type), UINT64_C(0xf4a543b9f7bba43b));
    cr_assert_eq(tr_type_hash(&line_type), UINT64_C(0x3cdb17ffed5236b2));
    cr_assert_eq(tr_type_hash(&order_type), UINT64_C(0xd00a6e33c132d9e1));
}

Test(sound, each_part_of_a_field_counts) {
    static const troupe_choice more[] = {{"RED", 0}, {"GREEN", 5}, {"INFRARED", -1}, {"X", 9}};
    static const troupe_enum wider = {more, 4}, fewer = {more, 2}, again = {more, 3};
    static const troupe_field other_field[] = {TROUPE_FIELD(size, width)};
    static const troupe_type other_size = {"size", 4, other_field, 1, 0};
    const troupe_field fields[] = {
        {"a", 0, TROUPE_ENUM, ONE, 4, 0, &colour_enum},
        {"a", 0, TROUPE_ENUM, ONE, 4, 0, &wider},
        {"a", 0, TROUPE_ENUM, ONE, 4, 0, &fewer},
        {"a", 0, TROUPE_I32, ONE, 4, 0, NULL},
        {"a", 0, TROUPE_I32, TROUPE_SHAPE_ARRAY, 4, 1, NULL},
        {"a", 0, TROUPE_I32, TROUPE_SHAPE_ARRAY, 4, 2, NULL},
        {"a", 0, TROUPE_I32, TROUPE_SHAPE_OPTIONAL, 4, 0, NULL},
        {"a", 0, TROUPE_I32, LIST, 4, 0, NULL},
        {"a", 0, TROUPE_STRUCT, ONE, 4, 0, &size_type},
        {"a", 0, TROUPE_STRUCT, ONE, 4, 0, &other_size},
    };
    enum { COUNT = sizeof fields / sizeof *fields };
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++) {
            const troupe_type one = {"t", 16, &fields[i], 1, 0}, two = {"t", 16, &fields[j], 1, 0};
            cr_expect_neq(tr_type_hash(&one), tr_type_hash(&two), "%zu %zu", i, j);
            cr_expect_not(tr_type_same(&one, &two), "%zu %zu", i, j);
        }
    const troupe_field copy = {"a", 0, TROUPE_ENUM, ONE, 0, 0, &again};
    const troupe_type one = {"t", 16, fields, 1, 0}, two = {"t", 16, &copy, 1, 0};
    cr_assert_eq(tr_type_hash(&one), tr_type_hash(&two));
    cr_assert(tr_type_same(&one, &two));
}

/* Nobody may register one, but a hash and a comparison must come to an end. */
Test(sound, a_ring_of_types_has_an_end) {
    static const troupe_field other_field[] = {{"next", 0, TROUPE_STRUCT, LIST, 0, 0, &ring_type}};
    const troupe_type other = {"ring", 16, other_field, 1, 0};
    cr_assert_neq(tr_type_hash(&ring_type), 0);
    cr_assert(tr_type_same(&other, &ring_type)); /* from the second level on the same object */
    cr_assert_not(tr_type_is_flat(&ring_type));
}

/* --- Gaps ------------------------------------------------------------------------------------- */

Test(sound, a_test_may_ask_for_both) {
    static const troupe_field forgetful[] = {TROUPE_FIELD(size, width)};
    const troupe_type type = {"size", 4, forgetful, 1, 0};
    char why[64] = "";
    cr_assert_eq(troupe_check_type(&order_type, why, sizeof why), TROUPE_OK);
    cr_assert_eq(troupe_check_type(&type, why, sizeof why), TROUPE_INVALID);
    cr_assert_str_eq(why, "size: bytes 1 to 3 are in no field");
    cr_assert_eq(troupe_check_type(&bad_type, why, sizeof why), TROUPE_INVALID);
    cr_assert_str_eq(why, "bad: has a struct of 4 bytes, but no fields");
    cr_assert_eq(troupe_check_type(&type, NULL, 0), TROUPE_INVALID);
}

Test(sound, bytes_that_are_in_no_field_are_found_but_for_padding) {
    static const troupe_field size_gap[] = {TROUPE_FIELD(size, height)};
    static const troupe_type half_size = {"size", 4, size_gap, 1, 0};
    const struct {
        troupe_field field[3];
        size_t fields, size;
        const char *why;
    } all[] = {
        {{FIELD("a", 0, TROUPE_U8), FIELD("b", 8, TROUPE_U64)}, 2, 16, NULL},
        {{FIELD("b", 8, TROUPE_U64), FIELD("a", 0, TROUPE_U8)}, 2, 16, NULL},
        {{FIELD("a", 0, TROUPE_U64), FIELD("b", 8, TROUPE_U8)}, 2, 16, NULL},
        {{FIELD("a", 0, TROUPE_U64), FIELD("b", 16, TROUPE_U64)},
         2,
         24,
         "t: bytes 8 to 15 are in no field"},
        {{FIELD("a", 8, TROUPE_U64)}, 1, 16, "t: bytes 0 to 7 are in no field"},
        {{FIELD("a", 0, TROUPE_U64)}, 1, 16, "t: bytes 8 to 15 are in no field"},
        {{FIELD("a", 0, TROUPE_U64), FIELD("b", 12, TROUPE_U32)},
         2,
         16,
         "t: bytes 8 to 11 are in no field"},
        {{FIELD("a", 0, TROUPE_U8), FIELD("b", 2, TROUPE_U8)},
         2,
         3,
         "t: bytes 1 to 1 are in no field"},
        {{{"a", 0, TROUPE_U64, TROUPE_SHAPE_OPTIONAL, 8, 0, NULL}, FIELD("b", 16, TROUPE_U64)},
         2,
         24,
         NULL},
        {{{"a", 0, TROUPE_STRUCT, ONE, 4, 0, &half_size}},
         1,
         4,
         "size: bytes 0 to 1 are in no field"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char why[64] = "";
        const troupe_type type = {"t", all[i].size, all[i].field, all[i].fields, 0};
        cr_expect_eq(tr_type_gap(&type, why, sizeof why), all[i].why ? TROUPE_INVALID : TROUPE_OK);
        cr_expect_str_eq(why, all[i].why ? all[i].why : "", "%zu", i);
    }
}
