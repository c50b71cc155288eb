/* Every kind in every shape: made, packed, taken in, compared, shown; in a struct, in a one-of. */
#include <criterion/criterion.h>
#include <string.h>

#include "serial/codec.h"
#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/type.h"
#include "test/serial/drawing.h"
#include "test/serial/job.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};

static void open_heap(void) {
    counting_heap_init(&heap);
}

static void close_heap(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(matrix, .timeout = 60, .init = open_heap, .fini = close_heap);

enum colour { RED, GREEN = 5 };
static const troupe_enum colour_enum = TROUPE_ENUM_TYPE(TROUPE_CHOICE(RED), TROUPE_CHOICE(GREEN));

/* X(name, C type, how its fields are listed, two values) */
#define KINDS(X)                                                                                   \
    X(truth, bool, PLAIN, true, false)                                                             \
    X(i8, int8_t, PLAIN, INT8_MIN, INT8_MAX)                                                       \
    X(i16, int16_t, PLAIN, INT16_MIN, INT16_MAX)                                                   \
    X(i32, int32_t, PLAIN, INT32_MIN, INT32_MAX)                                                   \
    X(i64, int64_t, PLAIN, INT64_MIN, INT64_MAX)                                                   \
    X(u8, uint8_t, PLAIN, 0, UINT8_MAX)                                                            \
    X(u16, uint16_t, PLAIN, 0, UINT16_MAX)                                                         \
    X(u32, uint32_t, PLAIN, 0, UINT32_MAX)                                                         \
    X(u64, uint64_t, PLAIN, 0, UINT64_MAX)                                                         \
    X(f32, float, PLAIN, 0.5f, -1e38f)                                                             \
    X(f64, double, PLAIN, 0.1, -1e300)                                                             \
    X(text_of, const char *, PLAIN, "", "h\xC3\xA9")                                               \
    X(bytes, troupe_bytes, PLAIN, {NULL, 0}, {"\0\1", 2})                                          \
    X(ref, troupe_ref, PLAIN, {0, 0}, {UINT64_MAX, 1})                                             \
    X(moment, troupe_time, PLAIN, {0, 0}, {INT64_MIN, 999999999})                                  \
    X(map, troupe_map, PLAIN, {NULL, 0}, {job_inner, 2})                                           \
    X(colour, enum colour, COLOUR, RED, GREEN)                                                     \
    X(struct_of, struct spot, SPOT, {0, ""}, {-1, "a"})                                            \
    X(one_of, struct shape, SHAPE, {DOT, {0}}, {LABEL, {.label = "b"}})

#define PLAIN(macro, tag, member) macro(tag, member)
#define COLOUR(macro, tag, member) macro##_OF(tag, member, &colour_enum)
#define SPOT(macro, tag, member) macro##_OF(tag, member, &spot_type)
#define SHAPE(macro, tag, member) macro##_OF(tag, member, &shape_one_of)

/* Of each kind a struct with all shapes, with values and without, and a one-of of those. */
#define ALL_SHAPES(type)                                                                           \
    type one;                                                                                      \
    type array[3];                                                                                 \
    TROUPE_MANY(type) list;                                                                        \
    TROUPE_MANY(type) no_list;                                                                     \
    TROUPE_MAYBE(type) optional;                                                                   \
    TROUPE_MAYBE(type) no_optional
#define TYPES_OF(name, type, how, a, ...)                                                          \
    struct with_##name {                                                                           \
        ALL_SHAPES(type);                                                                          \
    };                                                                                             \
    static const troupe_type name##_type = TROUPE_TYPE(                                            \
        with_##name, how(TROUPE_FIELD, with_##name, one), how(TROUPE_ARRAY, with_##name, array),   \
        how(TROUPE_LIST, with_##name, list), how(TROUPE_LIST, with_##name, no_list),               \
        how(TROUPE_OPTIONAL, with_##name, optional),                                               \
        how(TROUPE_OPTIONAL, with_##name, no_optional));                                           \
    struct any_##name {                                                                            \
        int32_t which;                                                                             \
        union {                                                                                    \
            type one;                                                                              \
            type array[3];                                                                         \
            TROUPE_MANY(type) list;                                                                \
            TROUPE_MAYBE(type) optional;                                                           \
        };                                                                                         \
    };                                                                                             \
    enum { name##_ONE, name##_ARRAY, name##_LIST, name##_OPTIONAL };                               \
    static const troupe_one_of name##_one_of = TROUPE_ONE_OF_TYPE(                                 \
        any_##name, which, TROUPE_CASE(name##_ONE, how(TROUPE_FIELD, any_##name, one)),            \
        TROUPE_CASE(name##_ARRAY, how(TROUPE_ARRAY, any_##name, array)),                           \
        TROUPE_CASE(name##_LIST, how(TROUPE_LIST, any_##name, list)),                              \
        TROUPE_CASE(name##_OPTIONAL, how(TROUPE_OPTIONAL, any_##name, optional)));                 \
    struct cases_##name {                                                                          \
        struct any_##name all[4];                                                                  \
    };                                                                                             \
    static const troupe_type name##_cases_type =                                                   \
        TROUPE_TYPE(cases_##name, TROUPE_ARRAY_OF(cases_##name, all, &name##_one_of));
KINDS(TYPES_OF)

/* All that can be done with a body, which must come out the same each way. */
static void pass(const troupe_type *type, const void *body) {
    tr_buffer buffer = {.heap = &heap.heap}, again = {.heap = &heap.heap};
    troupe_msg *local = NULL, *remote = NULL;
    char why[200] = "", text[2][900];
    cr_assert_eq(troupe_check_type(type, why, sizeof why), TROUPE_OK, "%s", why);
    cr_assert_eq(tr_msg_make(&pool, type, body, &local), TROUPE_OK, "%s", type->name);
    cr_assert(tr_body_same(type, body, tr_msg_body(local)), "%s", type->name);
    cr_assert_eq(tr_pack(type, body, SIZE_MAX, &buffer), TROUPE_OK, "%s", type->name);
    troupe_err err = tr_unpack(&pool, type, buffer.data, buffer.size, &remote, why, sizeof why);
    cr_assert_eq(err, TROUPE_OK, "%s", why);
    cr_assert(troupe_equal(local, remote), "%s", type->name);
    cr_assert_eq(troupe_hash(local), troupe_hash(remote), "%s", type->name);
    cr_assert_eq(tr_pack(type, tr_msg_body(remote), SIZE_MAX, &again), TROUPE_OK);
    cr_assert_eq(buffer.size, again.size);
    cr_assert_arr_eq(buffer.data, again.data, again.size);
    (void)troupe_print(local, text[0], sizeof text[0]);
    (void)troupe_print(remote, text[1], sizeof text[1]);
    cr_assert_str_eq(text[0], text[1]);
    for (size_t size = 0; size < buffer.size; size++) {
        troupe_msg *none = NULL;
        cr_assert_eq(tr_unpack(&pool, type, buffer.data, size, &none, NULL, 0), TROUPE_MALFORMED);
    }
    troupe_drop(&local);
    troupe_drop(&remote);
    tr_buffer_fini(&buffer);
    tr_buffer_fini(&again);
}

/* The second value may have commas in braces, so it comes last. */
#define PASS(name, type, how, ...) PASS_(name, type, __VA_ARGS__)
#define PASS_(name, type, ...)                                                                     \
    Test(matrix, name##_in_every_shape) {                                                          \
        static type const two[] = {__VA_ARGS__};                                                   \
        struct with_##name with = {.list = {two, 2}, .optional = {.has = true}};                   \
        memcpy(&with.one, &two[1], sizeof *two);                                                   \
        memcpy(&with.array[1], &two[1], sizeof *two);                                              \
        memcpy(&with.optional.value, &two[1], sizeof *two);                                        \
        pass(&name##_type, &with);                                                                 \
        struct cases_##name cases = {{{.which = name##_ONE},                                       \
                                      {.which = name##_ARRAY},                                     \
                                      {.which = name##_LIST, {.list = {two, 2}}},                  \
                                      {.which = name##_OPTIONAL, {.optional = {.has = true}}}}};   \
        memcpy(&cases.all[0].one, &two[1], sizeof *two);                                           \
        memcpy(&cases.all[1].array[2], &two[1], sizeof *two);                                      \
        memcpy(&cases.all[3].optional.value, &two[1], sizeof *two);                                \
        pass(&name##_cases_type, &cases);                                                          \
    }
KINDS(PASS)
