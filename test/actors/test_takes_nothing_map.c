/* Maps are read without memory. */
#include <criterion/criterion.h>
#include <troupe/map.h>

#include "test/support/nothing.h"

static const troupe_entry entries[] = {
    {"text", {.is = TROUPE_IS_TEXT, .text = "t"}},
    {"i64", {.is = TROUPE_IS_I64, .i64 = -7}},
    {"f64", {.is = TROUPE_IS_F64, .f64 = 0.5}},
    {"bool", {.is = TROUPE_IS_BOOL, .truth = true}},
};
static const troupe_map map = {entries, 4};

static void find(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_map_find(&map, "f64"), &entries[2].value);
    cr_assert_null(troupe_map_find(&map, "u64"));
}

Test(takes_nothing, troupe_map_find) {
    nothing_outside(find);
}

static void text(void *ctx) {
    (void)ctx;
    cr_assert_str_eq(troupe_map_text(&map, "text", NULL), "t");
}

Test(takes_nothing, troupe_map_text) {
    nothing_outside(text);
}

static void i64(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_map_i64(&map, "i64", 0), -7);
}

Test(takes_nothing, troupe_map_i64) {
    nothing_outside(i64);
}

static void f64(void *ctx) {
    (void)ctx;
    cr_assert_eq(troupe_map_f64(&map, "f64", 0), 0.5);
}

Test(takes_nothing, troupe_map_f64) {
    nothing_outside(f64);
}

static void truth(void *ctx) {
    (void)ctx;
    cr_assert(troupe_map_bool(&map, "bool", false));
}

Test(takes_nothing, troupe_map_bool) {
    nothing_outside(truth);
}
