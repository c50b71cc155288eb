#include "serial/schema.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "test/serial/order.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static tr_types types;
static tr_schemas schemas;

static void begin(void) {
    counting_heap_init(&heap);
    tr_types_init(&types, &heap.heap);
    tr_schemas_init(&schemas, &heap.heap);
}

static void end(void) {
    tr_schemas_fini(&schemas);
    tr_types_fini(&types);
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(schema, .timeout = 30, .init = begin, .fini = end);

/* The peer tells a type. */
static uint64_t tell(const troupe_type *type) {
    tr_buffer bytes = {.heap = &heap.heap};
    const uint64_t hash = tr_type_hash(type);
    cr_assert(tr_type_spell(type, &bytes));
    cr_assert_eq(tr_schemas_add(&schemas, hash, bytes.data, bytes.size), TROUPE_OK);
    tr_buffer_fini(&bytes);
    return hash;
}

/* What comes of a peer's type, where ours of the name is another. NULL for ours: there is none. */
static tr_reading judge(const troupe_type *theirs, const troupe_type *mine) {
    tr_reading reading;
    end();
    begin();
    if (mine) cr_assert_eq(tr_types_add(&types, mine), TROUPE_OK);
    tr_schemas_read(&schemas, &types, tell(theirs), false, &reading);
    cr_assert(reading.type == NULL || reading.type == mine);
    return reading;
}

/* A type of one field, or two. */
static troupe_type of(const troupe_field *field, size_t fields) {
    return (troupe_type){"t", 4096, field, fields, TROUPE_UNKNOWN_EXTENT};
}

enum mood { GLAD, SAD = 4 };
static const troupe_enum moods = TROUPE_ENUM_TYPE(TROUPE_CHOICE(GLAD), TROUPE_CHOICE(SAD));
static const troupe_choice other_choice[] = {{"GLAD", 0}, {"SAD", 5}}, more_choice[] = {{"MAD", 9}};
static const troupe_enum other_moods = {other_choice, 2}, more_moods = {more_choice, 1};

struct spot {
    int8_t x;
};
struct far_spot {
    int64_t x;
    bool y;
};
struct bad_spot {
    const char *x;
};
static const troupe_type spot_type = TROUPE_TYPE(spot, TROUPE_FIELD(spot, x));
static const troupe_type far_spot_type =
    TROUPE_TYPE(far_spot, TROUPE_FIELD(far_spot, x), TROUPE_FIELD(far_spot, y));
static const troupe_type bad_spot_type = TROUPE_TYPE(bad_spot, TROUPE_FIELD(bad_spot, x));

/* Theirs, ours, and how they differ; "" if ours can be read from theirs. */
static const struct {
    troupe_field theirs, mine;
    const char *why;
} cases[] = {
    {{"a", 0, TROUPE_I32}, {"a", 0, TROUPE_I64}, ""},
    {{"a", 0, TROUPE_U64}, {"a", 0, TROUPE_I8}, ""},
    {{"a", 0, TROUPE_F64}, {"a", 0, TROUPE_F32}, ""},
    {{"a", 0, TROUPE_TEXT}, {"a", 0, TROUPE_TEXT, TROUPE_SHAPE_OPTIONAL}, ""},
    {{"a", 0, TROUPE_TEXT, TROUPE_SHAPE_OPTIONAL}, {"a", 0, TROUPE_TEXT}, ""},
    {{"a", 0, TROUPE_U8, TROUPE_SHAPE_LIST}, {"a", 0, TROUPE_U16, TROUPE_SHAPE_LIST}, ""},
    {{"a", 0, TROUPE_U8, TROUPE_SHAPE_ARRAY, .count = 3},
     {"a", 0, TROUPE_U16, TROUPE_SHAPE_ARRAY, .count = 3},
     ""},
    {{"a", 0, TROUPE_ENUM, .of = &moods}, {"a", 0, TROUPE_ENUM, .of = &more_moods}, ""},
    {{"a", 0, TROUPE_STRUCT, .of = &far_spot_type},
     {"a", 0, TROUPE_STRUCT, .of = &spot_type},
     "a is another struct there"}, /* which it does not tell */
    {{"a", 0, TROUPE_U8}, {"b", 0, TROUPE_U8}, "b is called a there"},
    {{"a", 0, TROUPE_TEXT}, {"a", 0, TROUPE_U8}, "a is u8 here, text there"},
    {{"a", 0, TROUPE_TEXT}, {"a", 0, TROUPE_BYTES}, "a is bytes here, text there"},
    {{"a", 0, TROUPE_F64}, {"a", 0, TROUPE_I64}, "a is i64 here, f64 there"},
    {{"a", 0, TROUPE_BOOL}, {"a", 0, TROUPE_U8}, "a is u8 here, bool there"},
    {{"a", 0, TROUPE_ENUM, .of = &moods}, {"a", 0, TROUPE_I32}, "a is i32 here, enum there"},
    {{"a", 0, TROUPE_I32}, {"a", 0, TROUPE_ENUM, .of = &moods}, "a is enum here, i32 there"},
    {{"a", 0, TROUPE_U8},
     {"a", 0, TROUPE_U8, TROUPE_SHAPE_LIST},
     "a is a list of u8 here, u8 there"},
    {{"a", 0, TROUPE_U8, TROUPE_SHAPE_OPTIONAL},
     {"a", 0, TROUPE_U8, TROUPE_SHAPE_LIST},
     "a is a list of u8 here, an optional u8 there"},
    {{"a", 0, TROUPE_U8, TROUPE_SHAPE_ARRAY, .count = 3},
     {"a", 0, TROUPE_U8, TROUPE_SHAPE_ARRAY, .count = 4},
     "a is 4 of u8 here, 3 of u8 there"},
    {{"a", 0, TROUPE_ENUM, .of = &other_moods},
     {"a", 0, TROUPE_ENUM, .of = &moods},
     "a has SAD for 4 here, 5 there"},
};

Test(schema, tells_which_fields_can_be_read_as_ours) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const troupe_type theirs = of(&cases[i].theirs, 1), mine = of(&cases[i].mine, 1);
        const tr_reading reading = judge(&theirs, &mine);
        char why[200] = "";
        if (*cases[i].why)
            (void)snprintf(why, sizeof why, "t is another type here: %s", cases[i].why);
        cr_assert_str_eq(reading.why, why, "%zu: %s", i, reading.why);
        cr_assert_eq(reading.type == &mine, !*why);
    }
}

/* What follows an enum's choices is found. */
Test(schema, names_all_that_differs) {
    const troupe_field theirs[] = {{"a", 0, TROUPE_U8},
                                   {"mood", 0, TROUPE_ENUM, .of = &moods},
                                   {"c", 0, TROUPE_TEXT},
                                   {"d", 0, TROUPE_BOOL}};
    const troupe_field mine[] = {{"a", 0, TROUPE_TEXT},
                                 {"mood", 8, TROUPE_ENUM, .of = &more_moods},
                                 {"b", 16, TROUPE_TEXT},
                                 {"d", 24, TROUPE_BOOL}};
    const troupe_type far = of(theirs, 4), here = of(mine, 4);
    cr_assert_str_eq(judge(&far, &here).why,
                     "t is another type here: a is text here, u8 there, b is called c there");
}

Test(schema, fields_may_be_appended_on_either_side) {
    const troupe_field both[] = {{"a", 0, TROUPE_U8}, {"b", 8, TROUPE_TEXT}};
    const troupe_field must[] = {{"a", 0, TROUPE_U8},
                                 {"b", 8, TROUPE_TEXT, .missing = TROUPE_REQUIRED}};
    const troupe_type one = of(both, 1), two = of(both, 2), three = of(must, 2);
    cr_assert_eq(judge(&one, &two).type, &two);
    cr_assert_eq(judge(&two, &one).type, &one);
    cr_assert_eq(judge(&three, &one).type, &one);
    cr_assert_str_eq(judge(&one, &three).why,
                     "t is another type here: b is required here, and not there");
}

Test(schema, looks_into_structs) {
    const troupe_field far[] = {{"at", 0, TROUPE_STRUCT, .of = &far_spot_type}};
    const troupe_field bad[] = {{"at", 0, TROUPE_STRUCT, .of = &bad_spot_type}};
    const troupe_field mine[] = {{"at", 0, TROUPE_STRUCT, .of = &spot_type}};
    const troupe_type here = of(mine, 1), there = of(far, 1), elsewhere = of(bad, 1);
    tr_reading reading;
    cr_assert_eq(tr_types_add(&types, &here), TROUPE_OK);
    tell(&far_spot_type);
    tell(&bad_spot_type);
    tr_schemas_read(&schemas, &types, tell(&there), false, &reading);
    cr_assert_eq(reading.type, &here);
    tr_schemas_read(&schemas, &types, tell(&elsewhere), false, &reading);
    cr_assert_null(reading.type);
    cr_assert_str_eq(reading.why, "t is another type here: at.x is i8 here, text there");
}

Test(schema, says_only_once_that_it_can_not_be_read) {
    const troupe_field theirs[] = {{"a", 0, TROUPE_U8}}, ours[] = {{"a", 0, TROUPE_TEXT}};
    const troupe_type far = of(theirs, 1), here = of(ours, 1);
    tr_reading reading;
    const uint64_t hash = tell(&far);
    tr_schemas_read(&schemas, &types, hash, true, &reading);
    cr_assert(!reading.type && !reading.again && !*reading.why, "none has come yet");
    tr_schemas_read(&schemas, &types, hash, false, &reading);
    cr_assert(!reading.type && !reading.again);
    cr_assert_not_null(strstr(reading.why, "its type t ("));
    cr_assert_not_null(strstr(reading.why, ") is not registered here"));
    tr_schemas_read(&schemas, &types, hash, false, &reading);
    cr_assert(!reading.type && reading.again);
    cr_assert_eq(tr_types_add(&types, &here), TROUPE_OK);
    tr_schemas_read(&schemas, &types, hash, false, &reading);
    cr_assert(!reading.type && reading.again);
}

/* A type that is registered after its schema came is read all the same. */
Test(schema, a_type_may_become_known_later) {
    const troupe_field theirs[] = {{"a", 0, TROUPE_U8}}, ours[] = {{"a", 0, TROUPE_U16}};
    const troupe_type far = of(theirs, 1), here = of(ours, 1);
    tr_reading reading;
    const uint64_t hash = tell(&far);
    tr_schemas_read(&schemas, &types, hash, false, &reading);
    cr_assert_null(reading.type);
    cr_assert_eq(tr_types_add(&types, &here), TROUPE_OK);
    tr_schemas_read(&schemas, &types, hash, false, &reading);
    cr_assert_eq(reading.type, &here);
}

Test(schema, of_which_nothing_was_told) {
    tr_reading reading;
    tr_schemas_read(&schemas, &types, 5, false, &reading);
    cr_assert(!reading.type && !reading.again);
    cr_assert_str_eq(reading.why, "its type (0000000000000005) is not registered here");
}

/* --- What is told ----------------------------------------------------------------------------- */

Test(schema, is_what_the_hash_is_made_of) {
    static const troupe_type *const some[] = {&order_type, &line_type, &sample_type, &spot_type};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        tr_buffer bytes = {.heap = &heap.heap};
        cr_assert(tr_type_spell(some[i], &bytes));
        cr_assert_eq(tr_hash_bytes(tr_hash_text(""), bytes.data, bytes.size),
                     tr_type_hash(some[i]));
        tr_buffer_fini(&bytes);
    }
}

Test(schema, can_not_be_another_than_its_hash_says) {
    tr_buffer bytes = {.heap = &heap.heap};
    const uint64_t hash = tr_type_hash(&spot_type);
    cr_assert(tr_type_spell(&spot_type, &bytes));
    cr_assert_eq(tr_schemas_add(&schemas, hash + 1, bytes.data, bytes.size), TROUPE_MALFORMED);
    cr_assert_eq(tr_schemas_add(&schemas, hash, bytes.data, bytes.size - 1), TROUPE_MALFORMED);
    bytes.data[8] ^= 1;
    cr_assert_eq(tr_schemas_add(&schemas, hash, bytes.data, bytes.size), TROUPE_MALFORMED);
    cr_assert_eq(schemas.count, 0u);
    tr_buffer_fini(&bytes);
}

/* Tells any bytes, with the right hash. */
static uint64_t tell_bytes(const void *bytes, size_t size) {
    const uint64_t hash = tr_hash_bytes(tr_hash_text(""), bytes, size);
    cr_assert_eq(tr_schemas_add(&schemas, hash, bytes, size), TROUPE_OK);
    return hash;
}

/* Whatever is told under our type's name: cut at any place, with any byte changed. */
Test(schema, nonsense_is_another_type) {
    tr_buffer bytes = {.heap = &heap.heap};
    const troupe_field field[] = {{"aa", 0, TROUPE_U8, TROUPE_SHAPE_ARRAY, .count = 2},
                                  {"mood", 8, TROUPE_ENUM, .of = &moods},
                                  {"at", 16, TROUPE_STRUCT, .of = &spot_type}};
    const troupe_type here = of(field, 3);
    size_t read = 0, refused = 0;
    cr_assert_eq(tr_types_add(&types, &here), TROUPE_OK);
    cr_assert(tr_type_spell(&here, &bytes));
    for (size_t size = 0; size < bytes.size; size++)
        for (unsigned change = 0; change < 3; change++) {
            static const unsigned char other[] = {0, 0x80, 1};
            tr_reading reading;
            unsigned char *copy = malloc(bytes.size);
            cr_assert_not_null(copy);
            memcpy(copy, bytes.data, bytes.size);
            copy[size] ^= other[change];
            tr_schemas_fini(&schemas);
            tr_schemas_init(&schemas, &heap.heap);
            const uint64_t hash = tell_bytes(copy, change ? bytes.size : size);
            free(copy);
            tr_schemas_read(&schemas, &types, hash, false, &reading);
            cr_assert_eq(reading.type == NULL, *reading.why != 0);
            if (reading.type)
                read++;
            else
                refused++;
        }
    cr_assert_gt(read, 10u); /* choices with another name, fields that are missing */
    cr_assert_gt(refused, 100u);
    tr_buffer_fini(&bytes);
}

Test(schema, takes_no_more_memory_than_its_limits) {
    static unsigned char bytes[TR_SCHEMA_SIZE_MOST + 1];
    for (unsigned i = 0; i < 2 * TR_SCHEMAS_MOST; i++) {
        memcpy(bytes, &i, sizeof i);
        tell_bytes(bytes, 16);
    }
    cr_assert_eq(schemas.count, (size_t)TR_SCHEMAS_MOST);
    end();
    begin();
    tell_bytes(bytes, sizeof bytes);
    cr_assert_eq(schemas.count, 0u, "it is too long");
    for (unsigned i = 0; i < 10; i++) {
        memcpy(bytes, &i, sizeof i);
        tell_bytes(bytes, TR_SCHEMA_SIZE_MOST);
    }
    cr_assert_eq(schemas.size, (size_t)TR_SCHEMAS_SIZE_MOST);
    cr_assert_eq(schemas.count, 4u);
    tell_bytes(bytes, 1);
    cr_assert_eq(schemas.count, 4u, "all are as long as they may be");
}

/* --- One-ofs ---------------------------------------------------------------------------------- */

#define CASE(value, name, kind)                                                                    \
    {                                                                                              \
        value, {                                                                                   \
            name, 4, kind, TROUPE_SHAPE_ONE, 0, 0, NULL, NULL                                      \
        }                                                                                          \
    }

/* What comes of a peer's one-of, where ours is another. A field behind it has to be found. */
static tr_reading judge_cases(const troupe_one_of *theirs, const troupe_one_of *mine) {
    const troupe_field their_fields[] = {
        {"a", 0, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 0, 0, theirs, NULL},
        {"b", 32, TROUPE_BOOL, TROUPE_SHAPE_ONE, 0, 0, NULL, NULL}};
    const troupe_field my_fields[] = {{"a", 0, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 0, 0, mine, NULL},
                                      {"b", 32, TROUPE_BOOL, TROUPE_SHAPE_ONE, 0, 0, NULL, NULL}};
    const troupe_type there = of(their_fields, 2), here = of(my_fields, 2);
    tr_reading reading = judge(&there, &here);
    end(); /* `here` goes */
    begin();
    return reading;
}

Test(schema, of_a_one_of_may_have_more_cases_but_no_others) {
    const troupe_case mine[] = {CASE(0, "A", TROUPE_U32), CASE(1, "B", TROUPE_NIL)};
    const troupe_one_of here = {8, 0, mine, 2};
    const troupe_case in[] = {CASE(5, "IN", TROUPE_U32)};
    const troupe_one_of within = {8, 0, in, 1};
    const struct {
        troupe_case when[3];
        size_t cases;
        const char *why; /* NULL: it can be read */
    } all[] = {
        {{CASE(0, "A", TROUPE_U32)}, 1, NULL},
        {{CASE(1, "B", TROUPE_NIL), CASE(0, "A", TROUPE_I8)}, 2, NULL},
        {{CASE(1, "B", TROUPE_NIL), CASE(0, "A", TROUPE_U32), CASE(2, "C", TROUPE_TEXT)}, 3, NULL},
        {{CASE(2, "C", TROUPE_NIL),
          {3, {"D", 4, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 0, 0, &within, NULL}},
          {4, {"E", 4, TROUPE_ENUM, TROUPE_SHAPE_ONE, 0, 0, &moods, NULL}}},
         3,
         NULL},
        {{CASE(1, "A", TROUPE_U32)}, 1, "t is another type here: a has A for 0 here, 1 there"},
        {{CASE(0, "A", TROUPE_TEXT)}, 1, "t is another type here: a.A is u32 here, text there"},
        {{CASE(1, "B", TROUPE_U32)}, 1, "t is another type here: a.B is nil here, u32 there"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const troupe_one_of there = {32, 0, all[i].when, all[i].cases};
        tr_reading reading = judge_cases(&there, &here);
        cr_expect_eq(reading.type == NULL, all[i].why != NULL, "%zu: %s", i, reading.why);
        cr_expect_str_eq(reading.why, all[i].why ? all[i].why : "", "%zu", i);
    }
}

/* The bytes have no say in how deep it goes. */
Test(schema, of_one_ofs_without_end_can_not_be_told) {
    unsigned char bytes[9 + 100 * 33 + 17] = {1, 0, 0, 0, 0, 0, 0, 0, 't'};
    size_t size = 9;
    const troupe_field mine_field = {"a", 0, TROUPE_BOOL, TROUPE_SHAPE_ONE, 0, 0, NULL, NULL};
    const troupe_type mine = of(&mine_field, 1);
    tr_reading reading;
    for (int i = 0; i < 100; i++) { /* "a", a one-of, of 1 case, with the tag 0: */
        const unsigned char one[] = {1, 0, 0, 0, 0, 0, 0, 0, 'a', TROUPE_ONE_OF};
        memcpy(bytes + size, one, sizeof one);
        bytes[size + 17] = 1;
        size += 33;
    }
    memcpy(bytes + size, "\1\0\0\0\0\0\0\0a", 9); /* and a bool in the last: nothing is cut */
    size += 17;
    const uint64_t hash = tr_hash_bytes(tr_hash_text(""), bytes, size);
    cr_assert_eq(tr_types_add(&types, &mine), TROUPE_OK);
    cr_assert_eq(tr_schemas_add(&schemas, hash, bytes, size), TROUPE_OK);
    tr_schemas_read(&schemas, &types, hash, false, &reading);
    cr_assert_null(reading.type);
    cr_assert_str_eq(reading.why, "t is another type here: a is bool here, one of there: what it "
                                  "is there can't be told");
    end();
    begin();
}
