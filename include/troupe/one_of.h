/* One-ofs: a value that is one of several, and says which.
 *
 * In C it is a struct of an enum and a union, declared as ever; the cases say which member of the
 * union goes with which constant:
 *
 *     enum what { DOT, CIRCLE, PATH };
 *     struct shape {
 *         enum what what;
 *         union {
 *             double radius;
 *             TROUPE_MANY(struct point) path;
 *         };
 *     };
 *     static const troupe_one_of shape_one_of = TROUPE_ONE_OF_TYPE(
 *         shape, what, TROUPE_NO_CASE(DOT), TROUPE_CASE(CIRCLE, TROUPE_FIELD(shape, radius)),
 *         TROUPE_CASE(PATH, TROUPE_LIST_OF(shape, path, &point_type)));
 *
 *     struct drawing { TROUPE_MANY(struct shape) shapes; };
 *     static const troupe_type drawing_type =
 *         TROUPE_TYPE(drawing, TROUPE_LIST_OF(drawing, shapes, &shape_one_of));
 *
 * It is a value like any other: by itself, in arrays and lists, optional, in structs and in other
 * one-ofs, where it counts as one of the 16 levels. A case may be any kind and shape, or nothing.
 * Who makes a message sets the tag and the member that goes with it; who gets one asks the tag
 * first. A tag that is none of the cases does not go between nodes, and arrives from none; within
 * a process it is INVALID to make a message of it if a case has something behind the struct (text,
 * bytes, a list, a map), for it can't be known what; else it is copied like a wrong enum.
 *
 * A one-of may get more cases while nodes run that have the old one; where a peer sends none, since
 * it does not know the field, it is the case of 0, if there is one. On the wire it is an array of
 * the tag and the value; a case of nothing has nil for that. Follows Rust's enums. */
#ifndef TROUPE_ONE_OF_H
#define TROUPE_ONE_OF_H

#include <troupe/type.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One of the cases. */
typedef struct troupe_case {
    int32_t value;      /* of the tag */
    troupe_field field; /* what goes with it, by the name of the constant; of kind NIL: nothing */
} troupe_case;

/* A struct of a tag and what goes with it. `static const`, like a type. */
typedef struct troupe_one_of {
    size_t size;             /* bytes of the struct */
    size_t tag;              /* where the enum is in it */
    const troupe_case *when; /* `cases` of them, at least one; no value and no name twice */
    size_t cases;
} troupe_one_of;

/* A one-of whose struct is `struct tag`, and `chosen` the member that is an enum:
 * TROUPE_ONE_OF_TYPE(shape, what, TROUPE_NO_CASE(DOT), ...). */
#define TROUPE_ONE_OF_TYPE(tag, chosen, ...)                                                       \
    {                                                                                              \
        sizeof(struct tag), TROUPE_TAG_(tag, chosen), (const troupe_case[]){__VA_ARGS__},          \
            sizeof((const troupe_case[]){__VA_ARGS__}) / sizeof(troupe_case)                       \
    }

/* A constant and the member that goes with it, listed as ever by TROUPE_FIELD, TROUPE_LIST_OF and
 * so on, of the one-of's own struct. */
#define TROUPE_CASE(constant, ...) TROUPE_CASE_(#constant, constant, __VA_ARGS__)

/* A constant that says all by itself. */
#define TROUPE_NO_CASE(constant)                                                                   \
    { constant, {#constant, 0, TROUPE_NIL, TROUPE_SHAPE_ONE, 0, 0, NULL, NULL}, }

/* How the macros above work; names that end in _ are not for users. A field is eight arguments to
 * the preprocessor, its braces among them: the name is exchanged. An enum has 4 bytes. */
#define TROUPE_CASE_(text, constant, named, offset, kind, shape, size, count, of, end)             \
    {                                                                                              \
        constant, {                                                                                \
            text, offset, kind, shape, size, count, of, end,                                       \
        }
#define TROUPE_TAG_(tag, chosen)                                                                   \
    (offsetof(struct tag, chosen) +                                                                \
     0 * sizeof(char[sizeof TROUPE_AT_(tag, chosen) == sizeof(int32_t) ? 1 : -1]))

#ifdef __cplusplus
}
#endif
#endif
