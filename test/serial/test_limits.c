/* The limits of every kind and shape: the least, the most, nothing, the longest, the deepest, and
 * one past each. All of them are rows of one table, and a kind that lacks one of its own fails a
 * test. What is past a limit is refused by a reason of its own, with the way to the value. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/quick_pack.h"
#include "serial/type.h"
#include "test/serial/codec_heap.h"

TestSuite(limits, .timeout = 60, .init = open_heap, .fini = close_heap);

/* --- A type for each kind and shape ----------------------------------------------------------- */

enum colour { LOWEST = INT32_MIN, MIDDLE = 0, HIGHEST = INT32_MAX };
static const troupe_enum colour_enum =
    TROUPE_ENUM_TYPE(TROUPE_CHOICE(LOWEST), TROUPE_CHOICE(MIDDLE), TROUPE_CHOICE(HIGHEST));

struct choice {
    enum { FIRST = INT32_MIN, NOTHING = 0, LAST = INT32_MAX } is;
    union {
        uint8_t first;
        const char *last;
    };
};
static const troupe_one_of choice_one_of =
    TROUPE_ONE_OF_TYPE(choice, is, TROUPE_CASE(FIRST, TROUPE_FIELD(choice, first)),
                       TROUPE_NO_CASE(NOTHING), TROUPE_CASE(LAST, TROUPE_FIELD(choice, last)));

struct part {
    uint8_t a, b;
};
static const troupe_type part_type =
    TROUPE_TYPE(part, TROUPE_FIELD(part, a), TROUPE_REQUIRED_FIELD(part, b));

#define PLAIN(name, type)                                                                          \
    struct name {                                                                                  \
        type v;                                                                                    \
    };                                                                                             \
    static const troupe_type name##_type = TROUPE_TYPE(name, TROUPE_FIELD(name, v));
#define OTHER(name, type, ...)                                                                     \
    struct name {                                                                                  \
        type v;                                                                                    \
    };                                                                                             \
    static const troupe_type name##_type = TROUPE_TYPE(name, __VA_ARGS__);

PLAIN(truth, bool)
PLAIN(i8, int8_t)
PLAIN(i16, int16_t)
PLAIN(i32, int32_t)
PLAIN(i64, int64_t)
PLAIN(u8, uint8_t)
PLAIN(u16, uint16_t)
PLAIN(u32, uint32_t)
PLAIN(u64, uint64_t)
PLAIN(f32, float)
PLAIN(f64, double)
PLAIN(text, const char *)
PLAIN(raw, troupe_bytes)
PLAIN(who, troupe_ref)
PLAIN(moment, troupe_time)
PLAIN(map, troupe_map)
OTHER(colours, enum colour, TROUPE_FIELD_OF(colours, v, &colour_enum))
OTHER(nested, struct part, TROUPE_FIELD_OF(nested, v, &part_type))
OTHER(one_of, struct choice, TROUPE_FIELD_OF(one_of, v, &choice_one_of))
struct array {
    uint8_t v[3];
};
static const troupe_type array_type = TROUPE_TYPE(array, TROUPE_ARRAY(array, v));
OTHER(list, TROUPE_MANY(uint8_t), TROUPE_LIST(list, v))
OTHER(maybe, TROUPE_MAYBE(uint8_t), TROUPE_OPTIONAL(maybe, v))

/* Structs and one-ofs in themselves, as deep as is said; each is as wide as what is in it, or has a
 * tag in front. The first is the innermost. */
enum { DEEP = TR_LEVELS_MOST + 1 };
static troupe_type struct_of[DEEP], one_of_in[1];
static troupe_field struct_in[DEEP];
static troupe_one_of choice_of[DEEP];
static troupe_case case_in[DEEP];
static troupe_field top;

static void make_deep_types(void) {
    for (size_t i = 0; i < DEEP; i++) {
        struct_in[i] = (troupe_field){"v", 0, TROUPE_STRUCT, TROUPE_SHAPE_ONE, 1, 0, NULL, NULL};
        if (i)
            struct_in[i].of = &struct_of[i - 1];
        else
            struct_in[i].kind = TROUPE_U8;
        struct_of[i] = (troupe_type){"deep", 1, &struct_in[i], 1, TROUPE_UNKNOWN_EXTENT};
        const size_t size = sizeof(int32_t) * (i + 1);
        troupe_field in = {"V", 4, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, size - 4, 0, NULL, NULL};
        if (i) in.of = &choice_of[i - 1];
        case_in[i] = (troupe_case){0, in};
        if (!i) case_in[i].field = (troupe_field){.name = "V", .kind = TROUPE_NIL};
        choice_of[i] = (troupe_one_of){size, 0, &case_in[i], 1};
    }
}

/* A message that holds one-ofs on all levels but its own. */
static const troupe_type *one_of_levels(size_t levels) {
    const troupe_one_of *of = &choice_of[levels - 2];
    top = (troupe_field){"v", 0, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, of->size, 0, of, NULL};
    one_of_in[0] = (troupe_type){"deep", of->size, &top, 1, TROUPE_UNKNOWN_EXTENT};
    return one_of_in;
}

/* --- The table -------------------------------------------------------------------------------- */

/* What has limits: the kinds by their numbers, and the shapes behind them. */
enum { SHAPES = TROUPE_NIL + 1, ABOUT = SHAPES + TROUPE_SHAPE_OPTIONAL + 1 };

typedef enum edge { LEAST = 1, MOST = 2, EMPTY = 4, LONGEST = 8, DEEPEST = 16 } edge;

static const unsigned edges_of[ABOUT] = {
    [TROUPE_BOOL] = LEAST | MOST,
    [TROUPE_I8] = LEAST | MOST,
    [TROUPE_I16] = LEAST | MOST,
    [TROUPE_I32] = LEAST | MOST,
    [TROUPE_I64] = LEAST | MOST,
    [TROUPE_U8] = LEAST | MOST,
    [TROUPE_U16] = LEAST | MOST,
    [TROUPE_U32] = LEAST | MOST,
    [TROUPE_U64] = LEAST | MOST,
    [TROUPE_F32] = LEAST | MOST,
    [TROUPE_F64] = LEAST | MOST,
    [TROUPE_TEXT] = EMPTY | LONGEST,
    [TROUPE_BYTES] = EMPTY | LONGEST,
    [TROUPE_REF] = LEAST | MOST,
    [TROUPE_TIME] = LEAST | MOST,
    [TROUPE_ENUM] = LEAST | MOST,
    [TROUPE_STRUCT] = LEAST | MOST | DEEPEST,
    [TROUPE_ONE_OF] = LEAST | MOST | DEEPEST,
    [TROUPE_MAP] = EMPTY | LONGEST | DEEPEST,
    [TROUPE_NIL] = EMPTY,
    [SHAPES + TROUPE_SHAPE_ONE] = EMPTY | MOST,
    [SHAPES + TROUPE_SHAPE_ARRAY] = LEAST | MOST,
    [SHAPES + TROUPE_SHAPE_LIST] = EMPTY | LONGEST,
    [SHAPES + TROUPE_SHAPE_OPTIONAL] = EMPTY | MOST,
};

/* Bytes: a head, then `times` times a unit, then an end. With a flaw they are refused for that. */
typedef struct limit {
    unsigned about;
    edge edge;
    const troupe_type *type;
    const char *flaw;
    const char *head;
    size_t head_size;
    size_t times;
    const char *unit;
    size_t unit_size;
    const char *end;
    size_t end_size;
    bool longer; /* it is not in the shortest form, or has more than is known */
} limit;

#define B(text) text, sizeof(text) - 1
#define TAKEN(about, edge, type, head)                                                             \
    { TROUPE_##about, edge, &type##_type, NULL, B(head), 0, B(""), B(""), false }
#define LONGER(about, edge, type, head)                                                            \
    { TROUPE_##about, edge, &type##_type, NULL, B(head), 0, B(""), B(""), true }
#define PAST(about, edge, type, head, flaw)                                                        \
    { TROUPE_##about, edge, &type##_type, flaw, B(head), 0, B(""), B(""), false }
#define MANY(about, edge, type, head, times, unit)                                                 \
    { TROUPE_##about, edge, &type##_type, NULL, B(head), times, B(unit), B(""), false }
#define ONE_LESS(about, edge, type, head, times, unit)                                             \
    {                                                                                              \
        TROUPE_##about, edge, &type##_type, "the bytes end too early", B(head), (times)-1,         \
            B(unit), B(""), false                                                                  \
    }
#define DEEP_IN(about, type, flaw, head, times, unit, end)                                         \
    { TROUPE_##about, DEEPEST, type, flaw, B(head), times, B(unit), B(end), false }
#define TROUPE_SHAPE(shape) SHAPES + TROUPE_SHAPE_##shape

#define NUL "\0"
#define NUL7 NUL NUL NUL NUL NUL NUL NUL
#define FF7 "\xff\xff\xff\xff\xff\xff\xff"

/* An integer's least and most, and one past each. */
#define INTEGER(kind, type, least, below, most, above)                                             \
    TAKEN(kind, LEAST, type, "\x91" least),                                                        \
        PAST(kind, LEAST, type, "\x91" below, #type ".v: expected " #type ", got -"),              \
        TAKEN(kind, MOST, type, "\x91" most),                                                      \
        PAST(kind, MOST, type, "\x91" above, #type ".v: expected " #type ", got ")

/* The longest of each form of a head, and a byte less than each says; the next form begins one past
 * it. */
#define HEADS(kind, type, unit)                                                                    \
    MANY(kind, LONGEST, type, "\x91" unit##_255, 255, "x"),                                        \
        ONE_LESS(kind, LONGEST, type, "\x91" unit##_255, 255, "x"),                                \
        MANY(kind, LONGEST, type, "\x91" unit##_256, 256, "x"),                                    \
        ONE_LESS(kind, LONGEST, type, "\x91" unit##_256, 256, "x"),                                \
        MANY(kind, LONGEST, type, "\x91" unit##_65535, 65535, "x"),                                \
        ONE_LESS(kind, LONGEST, type, "\x91" unit##_65535, 65535, "x"),                            \
        MANY(kind, LONGEST, type, "\x91" unit##_65536, 65536, "x"),                                \
        ONE_LESS(kind, LONGEST, type, "\x91" unit##_65536, 65536, "x")
#define STR_255 "\xd9\xff"
#define STR_256 "\xda\1\0"
#define STR_65535 "\xda\xff\xff"
#define STR_65536 "\xdb\0\1\0\0"
#define BIN_255 "\xc4\xff"
#define BIN_256 "\xc5\1\0"
#define BIN_65535 "\xc5\xff\xff"
#define BIN_65536 "\xc6\0\1\0\0"

static const limit limits[] = {
    TAKEN(BOOL, LEAST, truth, "\x91\xc2"),
    PAST(BOOL, LEAST, truth, "\x91\0", "expected bool"),
    TAKEN(BOOL, MOST, truth, "\x91\xc3"),
    PAST(BOOL, MOST, truth, "\x91\1", "expected bool"),
    INTEGER(I8, i8, "\xd0\x80", "\xd1\xff\x7f", "\x7f", "\xcc\x80"),
    INTEGER(I16, i16, "\xd1\x80\0", "\xd2\xff\xff\x7f\xff", "\xcd\x7f\xff", "\xcd\x80\0"),
    INTEGER(I32, i32, "\xd2\x80\0\0\0", "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff",
            "\xce\x7f\xff\xff\xff", "\xce\x80\0\0\0"),
    TAKEN(I64, LEAST, i64, "\x91\xd3\x80" NUL7),
    PAST(I64, LEAST, i64, "\x91\xcb\xc3\xe0" NUL NUL NUL NUL NUL NUL,
         "i64.v: expected i64, got float"), /* no integer is less */
    TAKEN(I64, MOST, i64, "\x91\xcf\x7f" FF7),
    PAST(I64, MOST, i64, "\x91\xcf\x80" NUL7, "i64.v: expected i64, got 9223372036854775808"),
    INTEGER(U8, u8, "\0", "\xff", "\xcc\xff", "\xcd\1\0"),
    INTEGER(U16, u16, "\0", "\xff", "\xcd\xff\xff", "\xce\0\1\0\0"),
    INTEGER(U32, u32, "\0", "\xff", "\xce\xff\xff\xff\xff", "\xcf\0\0\0\1\0\0\0\0"),
    TAKEN(U64, LEAST, u64, "\x91\0"),
    PAST(U64, LEAST, u64, "\x91\xff", "u64.v: expected u64, got -1"),
    TAKEN(U64, MOST, u64, "\x91\xcf\xff" FF7),
    PAST(U64, MOST, u64, "\x91\xcb\x43\xf0" NUL NUL NUL NUL NUL NUL,
         "u64.v: expected u64, got float"), /* none is more */
    /* The largest floats, and doubles just beyond; infinities are floats. */
    TAKEN(F32, LEAST, f32, "\x91\xca\xff\x7f\xff\xff"),
    TAKEN(F32, LEAST, f32, "\x91\xca\xff\x80\0\0"),
    PAST(F32, LEAST, f32, "\x91\xcb\xc7\xef\xff\xff\xe0\0\0\1", "no f32 is so precise"),
    TAKEN(F32, MOST, f32, "\x91\xca\x7f\x7f\xff\xff"),
    TAKEN(F32, MOST, f32, "\x91\xca\x7f\x80\0\0"),
    LONGER(F32, MOST, f32, "\x91\xcb\x47\xef\xff\xff\xe0\0\0\0"),
    PAST(F32, MOST, f32, "\x91\xcb\x47\xf0" NUL NUL NUL NUL NUL NUL, "no f32 is so precise"),
    TAKEN(F64, LEAST, f64, "\x91\xcb\xff\xef\xff\xff\xff\xff\xff\xff"),
    TAKEN(F64, LEAST, f64, "\x91\xcb\xff\xf0" NUL NUL NUL NUL NUL NUL),
    PAST(F64, LEAST, f64, "\x91\xff", "expected f64"),
    TAKEN(F64, MOST, f64, "\x91\xcb\x7f\xef\xff\xff\xff\xff\xff\xff"),
    TAKEN(F64, MOST, f64, "\x91\xcb\x7f\xf0" NUL NUL NUL NUL NUL NUL),
    PAST(F64, MOST, f64, "\x91\1", "expected f64"),
    TAKEN(TEXT, EMPTY, text, "\x91\xa0"),
    PAST(TEXT, EMPTY, text, "\x91\xc0", "expected text"),
    MANY(TEXT, LONGEST, text, "\x91\xbf", 31, "x"),
    ONE_LESS(TEXT, LONGEST, text, "\x91\xbf", 31, "x"),
    MANY(TEXT, LONGEST, text, "\x91\xd9\x20", 32, "x"),
    ONE_LESS(TEXT, LONGEST, text, "\x91\xd9\x20", 32, "x"),
    HEADS(TEXT, text, STR),
    PAST(TEXT, LONGEST, text, "\x91\xdb\xff\xff\xff\xff", "the bytes end too early"),
    TAKEN(BYTES, EMPTY, raw, "\x91\xc4\0"),
    PAST(BYTES, EMPTY, raw, "\x91\xc0", "expected bytes"),
    HEADS(BYTES, raw, BIN),
    PAST(BYTES, LONGEST, raw, "\x91\xc6\xff\xff\xff\xff", "the bytes end too early"),
    TAKEN(REF, LEAST, who, "\x91\x92\0\0"),
    PAST(REF, LEAST, who, "\x91\x92\xff\0", "who.v: expected half of a ref, got -1"),
    PAST(REF, LEAST, who, "\x91\x91\0", "who.v: expected ref, got an array of 1"),
    TAKEN(REF, MOST, who, "\x91\x92\xcf\xff" FF7 "\xcf\xff" FF7),
    PAST(REF, MOST, who, "\x91\x93\0\0\0", "who.v: expected ref, got an array of 3"),
    TAKEN(TIME, LEAST, moment, "\x91\xc7\x0c\xff\0\0\0\0\x80" NUL7),
    PAST(TIME, LEAST, moment, "\x91\xd6\xfe\0\0\0\0", "moment.v: expected time, got ext"),
    TAKEN(TIME, MOST, moment, "\x91\xc7\x0c\xff\x3b\x9a\xc9\xff\x7f" FF7),
    PAST(TIME, MOST, moment, "\x91\xc7\x0c\xff\x3b\x9a\xca\0\x7f" FF7,
         "moment.v: expected time, got ext"),
    TAKEN(ENUM, LEAST, colours, "\x91\xd2\x80\0\0\0"),
    PAST(ENUM, LEAST, colours, "\x91\xd3\xff\xff\xff\xff\x7f\xff\xff\xff",
         "colours.v: expected enum, got -2147483649"),
    PAST(ENUM, LEAST, colours, "\x91\xd2\x80\0\0\1",
         "colours.v: expected a choice of the enum, got -2147483647"),
    TAKEN(ENUM, MOST, colours, "\x91\xce\x7f\xff\xff\xff"),
    PAST(ENUM, MOST, colours, "\x91\xce\x80\0\0\0", "colours.v: expected enum, got 2147483648"),
    PAST(ENUM, MOST, colours, "\x91\1", "colours.v: expected a choice of the enum, got 1"),
    /* As many fields as are known, more, and one less than are required. */
    TAKEN(STRUCT, LEAST, nested, "\x91\x92\0\0"),
    PAST(STRUCT, LEAST, nested, "\x91\x91\0", "nested.v.b: is required, and has not come"),
    LONGER(STRUCT, MOST, nested, "\x91\x93\0\0\xc0"),
    PAST(STRUCT, MOST, nested, "\x91\x93\0\0", "the bytes end too early"),
    DEEP_IN(STRUCT, &struct_of[DEEP - 2], NULL, "", TR_LEVELS_MOST, "\x91", "\7"),
    DEEP_IN(STRUCT, &struct_of[DEEP - 1], "too many levels", "", DEEP, "\x91", "\7"),
    TAKEN(ONE_OF, LEAST, one_of, "\x91\x92\xd2\x80\0\0\0\7"),
    PAST(ONE_OF, LEAST, one_of, "\x91\x92\xd2\x80\0\0\1\7", "the tag of a case"),
    PAST(ONE_OF, LEAST, one_of, "\x91\x91\0",
         "one_of.v: expected an array of 2, got an array of 1"),
    TAKEN(ONE_OF, MOST, one_of, "\x91\x92\xce\x7f\xff\xff\xff\xa1x"),
    PAST(ONE_OF, MOST, one_of, "\x91\x92\xce\x80\0\0\0\xa1x", "the tag of a case"),
    PAST(ONE_OF, MOST, one_of, "\x91\x93\0\xc0\xc0",
         "one_of.v: expected an array of 2, got an array of 3"),
    DEEP_IN(ONE_OF, one_of_in, NULL, "\x91", TR_LEVELS_MOST - 1, "\x92\0", "\xc0"),
    DEEP_IN(ONE_OF, one_of_in, "too many levels", "\x91", DEEP - 1, "\x92\0", "\xc0"),
    TAKEN(MAP, EMPTY, map, "\x91\x80"),
    PAST(MAP, EMPTY, map, "\x91\xc0", "map.v: expected map, got nil"),
    /* Of these the keys are numbered. */
    MANY(MAP, LONGEST, map, "\x91\xde\4\0", TROUPE_MAP_KEYS, "\xa4####\xc0"),
    {TROUPE_MAP, LONGEST, &map_type, "map.v: a map of 1025 keys, over 1024", B("\x91\xde\4\1"),
     TROUPE_MAP_KEYS + 1, B("\xa4####\xc0"), B(""), false},
    DEEP_IN(MAP, &map_type, NULL, "\x91", TROUPE_MAP_LEVELS, "\x81\xa1k", "\xc0"),
    DEEP_IN(MAP, &map_type, "map.v.k.k.k.k.k.k.k.k: is on more than 8 levels", "\x91",
            TROUPE_MAP_LEVELS + 1, "\x81\xa1k", "\xc0"),
    TAKEN(NIL, EMPTY, one_of, "\x91\x92\0\xc0"),
    PAST(NIL, EMPTY, one_of, "\x91\x92\0\0", "expected nil"),
    TAKEN(SHAPE(ONE), MOST, u8, "\x91\1"),
    PAST(SHAPE(ONE), MOST, u8, "\x91\x91\1", "u8.v: expected u8, got an array of 1"),
    LONGER(SHAPE(ONE), EMPTY, u8, "\x90"), /* zero stands for it */
    PAST(SHAPE(ONE), EMPTY, u8, "\x91", "the bytes end too early"),
    TAKEN(SHAPE(ARRAY), LEAST, array, "\x91\x93\0\0\0"),
    PAST(SHAPE(ARRAY), LEAST, array, "\x91\x92\0\0",
         "array.v: expected an array of 3, got an array of 2"),
    TAKEN(SHAPE(ARRAY), MOST, array, "\x91\x93\xcc\xff\xcc\xff\xcc\xff"),
    PAST(SHAPE(ARRAY), MOST, array, "\x91\x94\0\0\0\0",
         "array.v: expected an array of 3, got an array of 4"),
    TAKEN(SHAPE(LIST), EMPTY, list, "\x91\x90"),
    PAST(SHAPE(LIST), EMPTY, list, "\x91\xc0", "list.v: expected a list, got nil"),
    MANY(SHAPE(LIST), LONGEST, list, "\x91\x9f", 15, "\7"),
    ONE_LESS(SHAPE(LIST), LONGEST, list, "\x91\x9f", 15, "\7"),
    MANY(SHAPE(LIST), LONGEST, list, "\x91\xdc\0\x10", 16, "\7"),
    ONE_LESS(SHAPE(LIST), LONGEST, list, "\x91\xdc\0\x10", 16, "\7"),
    MANY(SHAPE(LIST), LONGEST, list, "\x91\xdc\xff\xff", 65535, "\7"),
    ONE_LESS(SHAPE(LIST), LONGEST, list, "\x91\xdc\xff\xff", 65535, "\7"),
    MANY(SHAPE(LIST), LONGEST, list, "\x91\xdd\0\1\0\0", 65536, "\7"),
    ONE_LESS(SHAPE(LIST), LONGEST, list, "\x91\xdd\0\1\0\0", 65536, "\7"),
    PAST(SHAPE(LIST), LONGEST, list, "\x91\xdd\xff\xff\xff\xff", "the bytes end too early"),
    TAKEN(SHAPE(OPTIONAL), EMPTY, maybe, "\x91\xc0"),
    PAST(SHAPE(OPTIONAL), EMPTY, maybe, "\x91\xc2", "maybe.v: expected u8, got bool"),
    TAKEN(SHAPE(OPTIONAL), MOST, maybe, "\x91\xcc\xff"),
    PAST(SHAPE(OPTIONAL), MOST, maybe, "\x91\xcd\1\0", "maybe.v: expected u8, got 256"),
};
enum { LIMITS = sizeof limits / sizeof *limits };

/* --- What they must be ------------------------------------------------------------------------ */

/* Of `about` and an edge: how many rows are taken, or are refused. */
static size_t count(unsigned about, unsigned which, bool taken) {
    size_t rows = 0;
    for (size_t i = 0; i < LIMITS; i++)
        rows += limits[i].about == about && limits[i].edge == which && !limits[i].flaw == taken;
    return rows;
}

Test(limits, every_kind_and_shape_has_its_own_and_one_past_each) {
    unsigned kinds = 0;
    while (strcmp(tr_kind_name((troupe_kind)kinds), "?") != 0) kinds++;
    cr_assert_eq(kinds, (unsigned)SHAPES, "there is a kind without limits");
    for (unsigned about = 0; about < ABOUT; about++) {
        cr_assert_neq(edges_of[about], 0u, "%u has no limits", about);
        for (unsigned which = LEAST; which <= DEEPEST; which *= 2) {
            if (!(edges_of[about] & which)) continue;
            cr_assert_neq(count(about, which, true), 0u, "%u: nothing at edge %u", about, which);
            cr_assert_neq(count(about, which, false), 0u, "%u: nothing past edge %u", about, which);
        }
    }
}

/* What a row says, in memory that ends where it ends. */
static unsigned char *spell(const limit *row, size_t *size) {
    *size = row->head_size + row->times * row->unit_size + row->end_size;
    unsigned char *bytes = malloc(*size), *at = bytes;
    cr_assert_not_null(bytes);
    memcpy(at, row->head, row->head_size);
    at += row->head_size;
    for (size_t i = 0; i < row->times; i++, at += row->unit_size) {
        memcpy(at, row->unit, row->unit_size);
        char number[5];
        (void)snprintf(number, sizeof number, "%04u", (unsigned)i % 10000);
        if (row->unit_size > 4 && row->unit[1] == '#') memcpy(at + 1, number, 4);
    }
    memcpy(at, row->end, row->end_size);
    return bytes;
}

/* What is taken says the same after a way out, either way, and in again. */
static void check_taken(const limit *row, const troupe_msg *msg, const unsigned char *bytes,
                        size_t size) {
    const void *body = msg + 1;
    const size_t room = size + 64 + TR_QUICK_PACK_SPARE;
    unsigned char *quick = malloc(room);
    cr_assert_not_null(quick);
    cr_assert_eq(tr_pack(row->type, body, SIZE_MAX, &buffer), TROUPE_OK);
    const unsigned char *end = tr_quick_pack(row->type, body, quick, room);
    cr_assert(end && (size_t)(end - quick) == buffer.size);
    cr_assert_eq(memcmp(quick, buffer.data, buffer.size), 0);
    if (!row->longer) {
        cr_assert_eq(buffer.size, size);
        cr_assert_eq(memcmp(buffer.data, bytes, size), 0);
    }
    troupe_msg *again = NULL;
    cr_assert_eq(tr_unpack(&pool, row->type, quick, buffer.size, &again, NULL, 0), TROUPE_OK);
    cr_assert(tr_body_same(row->type, body, again + 1));
    troupe_drop(&again);
    free(quick);
    tr_buffer_fini(&buffer);
}

static void check(size_t i) {
    const limit *row = &limits[i];
    char why[200] = "", whole[200] = "";
    size_t size;
    troupe_msg *msg = NULL, *any = NULL;
    unsigned char *bytes = spell(row, &size);
    const bool deep = row->type == one_of_in;
    if (deep) (void)one_of_levels(row->times + 1);
    troupe_err err = tr_unpack(&pool, row->type, bytes, size, &msg, why, sizeof why);
    cr_assert_eq(counting_heap_look(&heap).blocks, err ? 0u : 1u, "row %zu: one or none", i);
    cr_assert_eq(tr_unpack_any(&pool, row->type, bytes, size, &any, whole, sizeof whole), err);
    if (row->flaw) {
        cr_assert_eq(err, TROUPE_MALFORMED, "row %zu is taken", i);
        cr_assert(strstr(why, row->flaw), "row %zu: %s", i, why);
        cr_assert_str_eq(why, whole);
    } else {
        cr_assert_eq(err, TROUPE_OK, "row %zu: %s", i, why);
        cr_assert(tr_body_same(row->type, msg + 1, any + 1));
        check_taken(row, msg, bytes, size);
    }
    troupe_drop(&msg);
    troupe_drop(&any);
    free(bytes);
}

Test(limits, each_is_taken_and_what_is_past_it_refused) {
    make_deep_types();
    for (size_t i = 0; i < LIMITS; i++) check(i);
}

/* What C can hold although it is past a limit is not sent either. */
Test(limits, what_is_past_one_is_not_packed) {
    static troupe_entry many[TROUPE_MAP_KEYS + 1], deep[TROUPE_MAP_LEVELS + 1];
    static char keys[TROUPE_MAP_KEYS + 1][6];
    for (size_t i = 0; i <= TROUPE_MAP_KEYS; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%zu", i);
        many[i].key = keys[i];
    }
    for (size_t i = 0; i <= TROUPE_MAP_LEVELS; i++) {
        deep[i] = (troupe_entry){"k", {.is = i ? TROUPE_IS_MAP : TROUPE_IS_NIL}};
        if (i) deep[i].value.map = (troupe_map){&deep[i - 1], 1};
    }
    make_deep_types();
    const struct {
        const troupe_type *type;
        const void *good, *past;
    } rows[] = {
        {&map_type, &(struct map){{many, TROUPE_MAP_KEYS}}, &(struct map){{many, 1025}}},
        {&map_type, &(struct map){{&deep[TROUPE_MAP_LEVELS - 1], 1}},
         &(struct map){{&deep[TROUPE_MAP_LEVELS], 1}}},
        {&moment_type, &(struct moment){{0, 999999999}}, &(struct moment){{0, 1000000000}}},
        {&colours_type, &(struct colours){HIGHEST}, &(struct colours){(enum colour)1}},
        {&one_of_type, &(struct one_of){{.is = NOTHING}}, &(struct one_of){{.is = LAST - 1}}},
        {&text_type, &(struct text){"\xF4\x8F\xBF\xBF"}, &(struct text){"\xF4\x90\x80\x80"}},
        {&raw_type, &(struct raw){{NULL, 0}}, &(struct raw){{NULL, 1}}},
        {&list_type, &(struct list){{NULL, 0}}, &(struct list){{NULL, 1}}},
        {&struct_of[DEEP - 2], "\7", NULL},
        {&struct_of[DEEP - 1], NULL, "\7"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].good)
            cr_assert_eq(tr_pack(rows[i].type, rows[i].good, SIZE_MAX, &buffer), TROUPE_OK);
        if (rows[i].past)
            cr_assert_eq(tr_pack(rows[i].type, rows[i].past, SIZE_MAX, &buffer), TROUPE_INVALID,
                         "row %zu is packed", i);
    }
}
