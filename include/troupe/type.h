/* What is in a message: kinds of values, fields, types.
 *
 * A message type is a C struct and a list of its fields, written once. The kind of a field follows
 * from the member's C type; how many values it holds is said by the macro that lists it:
 *
 *     enum colour { RED, GREEN };
 *     struct point { int16_t x, y; };
 *     struct line {
 *         const char *label;
 *         enum colour colour;
 *         struct point from, to;
 *         float weight[3];
 *         TROUPE_MAYBE(double) angle;
 *         TROUPE_MANY(struct point) dots;
 *     };
 *     static const troupe_enum colour_enum = TROUPE_ENUM_TYPE(TROUPE_CHOICE(RED),
 *                                                             TROUPE_CHOICE(GREEN));
 *     static const troupe_type point_type =
 *         TROUPE_TYPE(point, TROUPE_FIELD(point, x), TROUPE_FIELD(point, y));
 *     static const troupe_type line_type = TROUPE_TYPE(
 *         line, TROUPE_FIELD(line, label), TROUPE_FIELD_OF(line, colour, &colour_enum),
 *         TROUPE_FIELD_OF(line, from, &point_type), TROUPE_FIELD_OF(line, to, &point_type),
 *         TROUPE_ARRAY(line, weight), TROUPE_OPTIONAL(line, angle),
 *         TROUPE_LIST_OF(line, dots, &point_type));
 *
 * Values nest: a struct within a struct, lists of structs with lists. 16 levels of struct are the
 * most, and a type can't hold itself. A value that is one of several is in <troupe/one_of.h>,
 * values by name that no struct knows are in <troupe/map.h>.
 *
 * A type may change while nodes run that have the old one, and while bytes are kept that it has
 * written. New fields go to the end of a list, of the type itself or of a struct within: who
 * does not know them skips them, and who misses them takes what the field list says, which is zero
 * if it says nothing. An integer may become a wider or a narrower one, a float a double, a value an
 * optional one, and each the other way: what does not fit is told by its value, message by message.
 * An enum may get more choices, a one-of more cases. All else (fields that are moved, taken out,
 * renamed, of another kind) makes another type: give it another name. So it is with Avro and
 * Protocol Buffers, but that here fields are known by their place. */
#ifndef TROUPE_TYPE_H
#define TROUPE_TYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An actor's address: a value to copy, compare, store, and send in messages to any node. It never
 * dangles: once its actor has ended it is GONE for ever, and never somebody else's. A supervised
 * actor keeps its ref over a restart. All zero (TROUPE_NOBODY) is nobody's address. */
typedef struct troupe_ref {
    uint64_t node; /* the incarnation of the actor's runtime, drawn at random when it opened */
    uint64_t id;   /* place (low 32 bits) and generation (high 32 bits) in that runtime */
} troupe_ref;

#define TROUPE_NOBODY ((troupe_ref){0, 0})

/* Whether two refs name the same actor. */
static inline bool troupe_same(troupe_ref a, troupe_ref b) {
    return a.node == b.node && a.id == b.id;
}

/* Bytes in a message. In a body that you hand to `troupe_make` they are yours and are copied; in a
 * message that you received they live as long as the message. `data` may be NULL if `size` is 0. */
typedef struct troupe_bytes {
    const void *data;
    size_t size;
} troupe_bytes;

/* A moment: seconds since 1970-01-01 00:00 UTC, which may be negative, and on from there. */
typedef struct troupe_time {
    int64_t seconds;
    uint32_t nanoseconds; /* less than 1,000,000,000 */
} troupe_time;

/* A member with any number of values, in order: `TROUPE_MANY(int32_t) scores;`, where `scores.at`
 * may be NULL if `scores.count` is 0. The same holds for them as for bytes: yours in a body that
 * you hand over, where they are copied; part of the message in one that you received. */
#define TROUPE_MANY(type)                                                                          \
    struct {                                                                                       \
        type const *at;                                                                            \
        size_t count;                                                                              \
    }

/* A member with a value or none: `TROUPE_MAYBE(double) angle;`, set by `.angle = {1.5, true}`. All
 * zero is none. */
#define TROUPE_MAYBE(type)                                                                         \
    struct {                                                                                       \
        type value;                                                                                \
        bool has;                                                                                  \
    }

/* What a value of a message can be, and its form in msgpack. The numbers never change. */
typedef enum troupe_kind {
    TROUPE_BOOL,   /* bool: true or false */
    TROUPE_I32,    /* int32_t: integer; out of range on arrival is MALFORMED, as for all of them */
    TROUPE_I64,    /* int64_t: integer */
    TROUPE_U32,    /* uint32_t: integer */
    TROUPE_U64,    /* uint64_t: integer */
    TROUPE_F64,    /* double: float 64 */
    TROUPE_TEXT,   /* const char *: str, valid UTF-8 without NUL; NULL is sent as "" */
    TROUPE_BYTES,  /* troupe_bytes: bin */
    TROUPE_REF,    /* troupe_ref: array [node, id] */
    TROUPE_I8,     /* int8_t: integer */
    TROUPE_I16,    /* int16_t: integer */
    TROUPE_U8,     /* uint8_t: integer */
    TROUPE_U16,    /* uint16_t: integer */
    TROUPE_F32,    /* float: float 32; a float 64 that is no float exactly is MALFORMED */
    TROUPE_TIME,   /* troupe_time: extension -1, msgpack's own timestamp */
    TROUPE_ENUM,   /* an enum: integer; what is none of its choices does not go between nodes */
    TROUPE_STRUCT, /* a struct with a type of its own: array of its fields */
    TROUPE_ONE_OF, /* a struct of an enum and a union: array [tag, value] */
    TROUPE_MAP,    /* troupe_map: map from texts to values of any sort */
    TROUPE_NIL,    /* nothing: nil; only as a case of a one-of */
} troupe_kind;

/* How many values a field has. */
typedef enum troupe_shape {
    TROUPE_SHAPE_ONE,
    TROUPE_SHAPE_ARRAY,    /* always the same number: array of just so many */
    TROUPE_SHAPE_LIST,     /* TROUPE_MANY: array */
    TROUPE_SHAPE_OPTIONAL, /* TROUPE_MAYBE: nil, or the value */
} troupe_shape;

/* One of the values of an enum. */
typedef struct troupe_choice {
    const char *name;
    int32_t value;
} troupe_choice;

/* An enum and what it may be. `static const`, like a type. */
typedef struct troupe_enum {
    const troupe_choice *choice; /* `choices` of them, at least one; no value twice */
    size_t choices;
} troupe_enum;

/* A field of a message. */
typedef struct troupe_field {
    const char *name;
    size_t offset; /* bytes from the start of the struct */
    troupe_kind kind;
    troupe_shape shape;
    size_t size;    /* bytes of one value; 0: as the kind has it */
    size_t count;   /* values of an array */
    const void *of; /* of a struct its `troupe_type`; so of an enum, of a one-of */
    /* What is taken if a peer that does not know the field sends none: NULL for nothing (zero, no
     * value, the empty text; of an enum or one-of 0, if that is one of its choices or tags, and
     * else it is required), the address of a value of the field's C type, or TROUPE_REQUIRED. Of a
     * one-of or a map there is no other than nothing. */
    const void *missing;
} troupe_field;

/* In `missing`: a message that comes without the field is MALFORMED. */
TROUPE_API extern const char troupe_required;
#define TROUPE_REQUIRED (&troupe_required)

/* Whether a body is its struct alone. */
typedef enum troupe_extent {
    TROUPE_UNKNOWN_EXTENT, /* the lists tell, each time: so where a struct is within */
    TROUPE_FLAT, /* no text, bytes, list or map: to make a message copies the struct and no more */
    TROUPE_DEEP, /* some field points at what is behind the struct */
    TROUPE_OPAQUE /* no fields, but an object of this process: <troupe/owned.h> */
} troupe_extent;

/* A message type. Keep it `static const` at file scope; it must outlive every message of it and
 * every runtime that has seen one. */
typedef struct troupe_type {
    const char *name;          /* unique in the system: it is what a node registers */
    size_t size;               /* bytes of the struct */
    const troupe_field *field; /* `fields` of them, in the order in which they are encoded */
    size_t fields;
    troupe_extent extent; /* TROUPE_TYPE finds out, when the program is compiled */
} troupe_type;

/* A member of `struct tag` that is one value; its kind follows from its C type. A member of another
 * type (an `int *`, say) does not compile: what may not cross to another actor can't be listed.
 * A plain `enum` is taken for the integer that it is; better list it with its choices. */
#define TROUPE_FIELD(tag, member)                                                                  \
    TROUPE_FIELD_(tag, member, TROUPE_KIND_(TROUPE_AT_(tag, member)), TROUPE_SHAPE_ONE,            \
                  sizeof TROUPE_AT_(tag, member), 0, NULL)

/* A member that is a struct, an enum or a one-of: `of` is the address of its `troupe_type`,
 * `troupe_enum` or `troupe_one_of`, whose size must be the member's. */
#define TROUPE_FIELD_OF(tag, member, of)                                                           \
    TROUPE_FIELD_(tag, member, TROUPE_KIND_OF_(of), TROUPE_SHAPE_ONE,                              \
                  sizeof TROUPE_AT_(tag, member), 0, of)

/* The same, and what is taken where a peer with an older version of the type, or bytes that it has
 * written, do not have the field: `TROUPE_FIELD_OR(order, rate, 1.0)`, and of a troupe_time or the
 * like its members: `TROUPE_FIELD_OR(order, when, 0, 0)`. Any kind but a struct of yours, whose own
 * fields say it. */
#define TROUPE_FIELD_OR(tag, member, ...)                                                          \
    TROUPE_FIELD_WITH_(tag, member, TROUPE_KIND_(TROUPE_AT_(tag, member)), TROUPE_SHAPE_ONE,       \
                       sizeof TROUPE_AT_(tag, member), 0, NULL,                                    \
                       TROUPE_MISSING_(TROUPE_AT_(tag, member), __VA_ARGS__))
#define TROUPE_FIELD_OF_OR(tag, member, of, ...)                                                   \
    TROUPE_FIELD_WITH_(tag, member, TROUPE_KIND_OF_(of), TROUPE_SHAPE_ONE,                         \
                       sizeof TROUPE_AT_(tag, member), 0, of,                                      \
                       TROUPE_MISSING_(TROUPE_AT_(tag, member), __VA_ARGS__))

/* The same, for what every version of the type must have: without it a message is MALFORMED, and
 * the reason has the field's name. */
#define TROUPE_REQUIRED_FIELD(tag, member)                                                         \
    TROUPE_FIELD_WITH_(tag, member, TROUPE_KIND_(TROUPE_AT_(tag, member)), TROUPE_SHAPE_ONE,       \
                       sizeof TROUPE_AT_(tag, member), 0, NULL, TROUPE_REQUIRED)
#define TROUPE_REQUIRED_FIELD_OF(tag, member, of)                                                  \
    TROUPE_FIELD_WITH_(tag, member, TROUPE_KIND_OF_(of), TROUPE_SHAPE_ONE,                         \
                       sizeof TROUPE_AT_(tag, member), 0, of, TROUPE_REQUIRED)

/* A member that is an array of a fixed size: `float weight[3];`. */
#define TROUPE_ARRAY(tag, member)                                                                  \
    TROUPE_FIELD_(tag, member, TROUPE_KIND_(TROUPE_AT_(tag, member)[0]), TROUPE_SHAPE_ARRAY,       \
                  sizeof TROUPE_AT_(tag, member)[0], TROUPE_LENGTH_(TROUPE_AT_(tag, member)),      \
                  NULL)
#define TROUPE_ARRAY_OF(tag, member, of)                                                           \
    TROUPE_FIELD_(tag, member, TROUPE_KIND_OF_(of), TROUPE_SHAPE_ARRAY,                            \
                  sizeof TROUPE_AT_(tag, member)[0], TROUPE_LENGTH_(TROUPE_AT_(tag, member)), of)

/* A member that was declared by TROUPE_MANY. */
#define TROUPE_LIST(tag, member)                                                                   \
    TROUPE_FIELD_(tag, member, TROUPE_KIND_(TROUPE_AT_(tag, member).at[0]), TROUPE_SHAPE_LIST,     \
                  sizeof TROUPE_AT_(tag, member).at[0], 0, NULL)
#define TROUPE_LIST_OF(tag, member, of)                                                            \
    TROUPE_FIELD_(tag, member, TROUPE_KIND_OF_(of), TROUPE_SHAPE_LIST,                             \
                  sizeof TROUPE_AT_(tag, member).at[0], 0, of)

/* A member that was declared by TROUPE_MAYBE. */
#define TROUPE_OPTIONAL(tag, member)                                                               \
    TROUPE_FIELD_(tag, member, TROUPE_KIND_(TROUPE_AT_(tag, member).value), TROUPE_SHAPE_OPTIONAL, \
                  sizeof TROUPE_AT_(tag, member).value, 0, NULL)
#define TROUPE_OPTIONAL_OF(tag, member, of)                                                        \
    TROUPE_FIELD_(tag, member, TROUPE_KIND_OF_(of), TROUPE_SHAPE_OPTIONAL,                         \
                  sizeof TROUPE_AT_(tag, member).value, 0, of)

/* An enum's choices: TROUPE_ENUM_TYPE(TROUPE_CHOICE(RED), TROUPE_CHOICE(GREEN)). */
#define TROUPE_ENUM_TYPE(...)                                                                      \
    {                                                                                              \
        (const troupe_choice[]){__VA_ARGS__},                                                      \
            sizeof((const troupe_choice[]){__VA_ARGS__}) / sizeof(troupe_choice)                   \
    }
#define TROUPE_CHOICE(constant)                                                                    \
    { #constant, constant }

/* The type of messages whose body is `struct tag`, with its fields; at least one. At file scope
 * only. Members that are not listed travel within the process, but not between nodes. */
#define TROUPE_TYPE(tag, ...) TROUPE_NAMED_TYPE(#tag, tag, __VA_ARGS__)

/* The same with a name of its own: TROUPE_NAMED_TYPE("order/2", order, ...). */
#define TROUPE_NAMED_TYPE(name, tag, ...)                                                          \
    {                                                                                              \
        name, sizeof(struct tag), (const troupe_field[]){__VA_ARGS__}, TROUPE_COUNT_(__VA_ARGS__), \
            TROUPE_EXTENT_(TROUPE_KINDS_(__VA_ARGS__, TROUPE_PAD_), TROUPE_COUNT_(__VA_ARGS__))    \
    }

/* The type of messages that say all by their name and have no body: TROUPE_SIGNAL_TYPE("tick"). */
#define TROUPE_SIGNAL_TYPE(text)                                                                   \
    { text, 0, NULL, 0, TROUPE_FLAT }

/* How the macros above work; names that end in _ are not for users. */

/* What can't be in a message has this for a kind, so that the compiler says so. It has no place. */
extern const struct troupe_a_member_of_this_type_can_not_be_in_a_message {
    char no;
} troupe_no_kind_;

#define TROUPE_AT_(tag, member) (((struct tag *)0)->member)
#define TROUPE_FIELD_(tag, member, kind, shape, size, count, of)                                   \
    { #member, offsetof(struct tag, member), kind, shape, size, count, of, NULL }
#define TROUPE_FIELD_WITH_(tag, member, kind, shape, size, count, of, missing)                     \
    { #member, offsetof(struct tag, member), kind, shape, size, count, of, missing }
#define TROUPE_MISSING_(member, ...) (&(const __typeof__(member)){__VA_ARGS__})

#define TROUPE_KIND_(member)                                                                       \
    _Generic((member), bool: TROUPE_BOOL, int8_t: TROUPE_I8, int16_t: TROUPE_I16,                  \
             int32_t: TROUPE_I32, int64_t: TROUPE_I64, uint8_t: TROUPE_U8, uint16_t: TROUPE_U16,   \
             uint32_t: TROUPE_U32, uint64_t: TROUPE_U64, float: TROUPE_F32, double: TROUPE_F64,    \
             const char *: TROUPE_TEXT, troupe_bytes: TROUPE_BYTES, troupe_ref: TROUPE_REF,        \
             troupe_time: TROUPE_TIME, troupe_map: TROUPE_MAP, default: troupe_no_kind_)
#define TROUPE_KIND_OF_(of)                                                                        \
    _Generic((of), const troupe_type * : TROUPE_STRUCT, const troupe_enum * : TROUPE_ENUM,         \
             const troupe_one_of * : TROUPE_ONE_OF)

/* The length of an array; of a mere pointer it is no constant, but an array of negative size. */
#define TROUPE_LENGTH_(array)                                                                      \
    (sizeof(array) / sizeof(array)[0] +                                                            \
     0 * sizeof(char[1 - 2 * __builtin_types_compatible_p(__typeof__(array),                       \
                                                          __typeof__(&(array)[0]))]))

#define TROUPE_COUNT_(...) (sizeof((const troupe_field[]){__VA_ARGS__}) / sizeof(troupe_field))

/* Which kinds are in a list, bit by bit, and in the top bit whether a list is. A field is eight
 * arguments to the preprocessor, the last of them the closing brace; four fields are taken at a
 * time. Behind the list stands as much that says nothing. Of more than 32 fields the rest is not
 * looked at, and the extent is unknown. */
#define TROUPE_EXTENT_(kinds, count)                                                               \
    ((kinds) & (1u << TROUPE_TEXT | 1u << TROUPE_BYTES | 1u << TROUPE_MAP | 1u << 31)              \
         ? TROUPE_DEEP                                                                             \
     : (kinds) & (1u << TROUPE_STRUCT | 1u << TROUPE_ONE_OF) || (count) > 32                       \
         ? TROUPE_UNKNOWN_EXTENT                                                                   \
         : TROUPE_FLAT)
#define TROUPE_BITS_(kind, shape) (1u << (kind) | ((shape) == TROUPE_SHAPE_LIST ? 1u << 31 : 0u))
#define TROUPE_KINDS_(...) TROUPE_KINDS_1_(__VA_ARGS__)
#define TROUPE_KINDS_1_(n1, o1, k1, s1, z1, c1, f1, e1, n2, o2, k2, s2, z2, c2, f2, e2, n3, o3,    \
                        k3, s3, z3, c3, f3, e3, n4, o4, k4, s4, z4, c4, f4, e4, ...)               \
    (TROUPE_BITS_(k1, s1) | TROUPE_BITS_(k2, s2) | TROUPE_BITS_(k3, s3) | TROUPE_BITS_(k4, s4) |   \
     TROUPE_KINDS_2_(__VA_ARGS__))
#define TROUPE_KINDS_2_(n1, o1, k1, s1, z1, c1, f1, e1, n2, o2, k2, s2, z2, c2, f2, e2, n3, o3,    \
                        k3, s3, z3, c3, f3, e3, n4, o4, k4, s4, z4, c4, f4, e4, ...)               \
    (TROUPE_BITS_(k1, s1) | TROUPE_BITS_(k2, s2) | TROUPE_BITS_(k3, s3) | TROUPE_BITS_(k4, s4) |   \
     TROUPE_KINDS_3_(__VA_ARGS__))
#define TROUPE_KINDS_3_(n1, o1, k1, s1, z1, c1, f1, e1, n2, o2, k2, s2, z2, c2, f2, e2, n3, o3,    \
                        k3, s3, z3, c3, f3, e3, n4, o4, k4, s4, z4, c4, f4, e4, ...)               \
    (TROUPE_BITS_(k1, s1) | TROUPE_BITS_(k2, s2) | TROUPE_BITS_(k3, s3) | TROUPE_BITS_(k4, s4) |   \
     TROUPE_KINDS_4_(__VA_ARGS__))
#define TROUPE_KINDS_4_(n1, o1, k1, s1, z1, c1, f1, e1, n2, o2, k2, s2, z2, c2, f2, e2, n3, o3,    \
                        k3, s3, z3, c3, f3, e3, n4, o4, k4, s4, z4, c4, f4, e4, ...)               \
    (TROUPE_BITS_(k1, s1) | TROUPE_BITS_(k2, s2) | TROUPE_BITS_(k3, s3) | TROUPE_BITS_(k4, s4) |   \
     TROUPE_KINDS_5_(__VA_ARGS__))
#define TROUPE_KINDS_5_(n1, o1, k1, s1, z1, c1, f1, e1, n2, o2, k2, s2, z2, c2, f2, e2, n3, o3,    \
                        k3, s3, z3, c3, f3, e3, n4, o4, k4, s4, z4, c4, f4, e4, ...)               \
    (TROUPE_BITS_(k1, s1) | TROUPE_BITS_(k2, s2) | TROUPE_BITS_(k3, s3) | TROUPE_BITS_(k4, s4) |   \
     TROUPE_KINDS_6_(__VA_ARGS__))
#define TROUPE_KINDS_6_(n1, o1, k1, s1, z1, c1, f1, e1, n2, o2, k2, s2, z2, c2, f2, e2, n3, o3,    \
                        k3, s3, z3, c3, f3, e3, n4, o4, k4, s4, z4, c4, f4, e4, ...)               \
    (TROUPE_BITS_(k1, s1) | TROUPE_BITS_(k2, s2) | TROUPE_BITS_(k3, s3) | TROUPE_BITS_(k4, s4) |   \
     TROUPE_KINDS_7_(__VA_ARGS__))
#define TROUPE_KINDS_7_(n1, o1, k1, s1, z1, c1, f1, e1, n2, o2, k2, s2, z2, c2, f2, e2, n3, o3,    \
                        k3, s3, z3, c3, f3, e3, n4, o4, k4, s4, z4, c4, f4, e4, ...)               \
    (TROUPE_BITS_(k1, s1) | TROUPE_BITS_(k2, s2) | TROUPE_BITS_(k3, s3) | TROUPE_BITS_(k4, s4) |   \
     TROUPE_KINDS_8_(__VA_ARGS__))
#define TROUPE_KINDS_8_(n1, o1, k1, s1, z1, c1, f1, e1, n2, o2, k2, s2, z2, c2, f2, e2, n3, o3,    \
                        k3, s3, z3, c3, f3, e3, n4, o4, k4, s4, z4, c4, f4, e4, ...)               \
    (TROUPE_BITS_(k1, s1) | TROUPE_BITS_(k2, s2) | TROUPE_BITS_(k3, s3) | TROUPE_BITS_(k4, s4) | 0u)
#define TROUPE_PAD_                                                                                \
    TROUPE_PAD_32_, TROUPE_PAD_32_, TROUPE_PAD_32_, TROUPE_PAD_32_, TROUPE_PAD_32_,                \
        TROUPE_PAD_32_, TROUPE_PAD_32_, TROUPE_PAD_32_, 0
#define TROUPE_PAD_32_ TROUPE_PAD_8_, TROUPE_PAD_8_, TROUPE_PAD_8_, TROUPE_PAD_8_
#define TROUPE_PAD_8_ 0, 0, 0, 0, 0, 0, 0, 0

#ifdef __cplusplus
}
#endif
#include <troupe/map.h>
#include <troupe/one_of.h>
#endif
