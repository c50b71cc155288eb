/* A type with one-ofs wherever a value can be; values of it, and the bytes of one. */
#ifndef TROUPE_TEST_SERIAL_DRAWING_H
#define TROUPE_TEST_SERIAL_DRAWING_H

#include <string.h>
#include <troupe/message.h>

enum what { DOT, CIRCLE = 7, LABEL = -1, PATH = 2000, BOX = 3, GRID = 4, MAYBE = 5, INNER = 6 };

struct spot {
    int16_t x;
    const char *name;
};

/* A flat one, whose tag is behind its union. */
struct amount {
    union {
        uint8_t few;
        double many;
    };
    enum { FEW, MANY, NOBODY_KNOWS } how;
};
struct shape {
    enum what what;
    union {
        double radius;
        const char *label;
        TROUPE_MANY(struct spot) path;
        struct spot box;
        int32_t grid[3];
        TROUPE_MAYBE(const char *) maybe;
        struct amount inner;
    };
};
struct drawing {
    struct shape first;
    TROUPE_MANY(struct shape) shapes;
    struct shape two[2];
    TROUPE_MAYBE(struct shape) last;
    struct amount amount;
};

static const troupe_type spot_type =
    TROUPE_TYPE(spot, TROUPE_FIELD(spot, x), TROUPE_FIELD(spot, name));
static const troupe_one_of amount_one_of =
    TROUPE_ONE_OF_TYPE(amount, how, TROUPE_CASE(FEW, TROUPE_FIELD(amount, few)),
                       TROUPE_CASE(MANY, TROUPE_FIELD(amount, many)), TROUPE_NO_CASE(NOBODY_KNOWS));
static const troupe_one_of shape_one_of = TROUPE_ONE_OF_TYPE(
    shape, what, TROUPE_NO_CASE(DOT), TROUPE_CASE(CIRCLE, TROUPE_FIELD(shape, radius)),
    TROUPE_CASE(LABEL, TROUPE_FIELD(shape, label)),
    TROUPE_CASE(PATH, TROUPE_LIST_OF(shape, path, &spot_type)),
    TROUPE_CASE(BOX, TROUPE_FIELD_OF(shape, box, &spot_type)),
    TROUPE_CASE(GRID, TROUPE_ARRAY(shape, grid)), TROUPE_CASE(MAYBE, TROUPE_OPTIONAL(shape, maybe)),
    TROUPE_CASE(INNER, TROUPE_FIELD_OF(shape, inner, &amount_one_of)));
static const troupe_type drawing_type = TROUPE_TYPE(
    drawing, TROUPE_FIELD_OF(drawing, first, &shape_one_of),
    TROUPE_LIST_OF(drawing, shapes, &shape_one_of), TROUPE_ARRAY_OF(drawing, two, &shape_one_of),
    TROUPE_OPTIONAL_OF(drawing, last, &shape_one_of),
    TROUPE_FIELD_OF(drawing, amount, &amount_one_of));

static const struct spot drawing_spots[] = {{-300, "a"}, {1, ""}};
static const struct shape drawing_shapes[] = {
    {DOT, {0}},
    {LABEL, {.label = "h\xC3\xA9"}},
    {PATH, {.path = {drawing_spots, 2}}},
    {PATH, {.path = {NULL, 0}}},
    {BOX, {.box = {7, "box"}}},
    {GRID, {.grid = {1, -1, 1000}}},
    {MAYBE, {.maybe = {"m", true}}},
    {MAYBE, {.maybe = {NULL, false}}},
    {INNER, {.inner = {{.few = 255}, FEW}}},
};
static const struct drawing drawing = {
    .first = {CIRCLE, {.radius = 0.5}},
    .shapes = {drawing_shapes, 9},
    .two = {{DOT, {0}}, {LABEL, {.label = "two"}}},
    .last = {{PATH, {.path = {drawing_spots, 1}}}, true},
    .amount = {{.many = 2}, MANY},
};
static const struct drawing empty_drawing = {.first = {DOT, {0}}};

static const char drawing_bytes[] = "\x95"                                     /* 5 fields */
                                    "\x92\x07\xcb\x3f\xe0\0\0\0\0\0\0"         /* first */
                                    "\x99"                                     /* shapes */
                                    "\x92\0\xc0"                               /* DOT */
                                    "\x92\xff\xa3h\xc3\xa9"                    /* LABEL */
                                    "\x92\xcd\x07\xd0\x92"                     /* PATH */
                                    "\x92\xd1\xfe\xd4\xa1"                     /* [0] */
                                    "a\x92\x01\xa0"                            /* [1] */
                                    "\x92\xcd\x07\xd0\x90"                     /* PATH */
                                    "\x92\x03\x92\x07\xa3"                     /* BOX */
                                    "box"                                      /* its name */
                                    "\x92\x04\x93\x01\xff\xcd\x03\xe8"         /* GRID */
                                    "\x92\x05\xa1m"                            /* MAYBE */
                                    "\x92\x05\xc0"                             /* MAYBE */
                                    "\x92\x06\x92\0\xcc\xff"                   /* INNER */
                                    "\x92\x92\0\xc0\x92\xff\xa3two"            /* two */
                                    "\x92\xcd\x07\xd0\x91\x92\xd1\xfe\xd4\xa1" /* last */
                                    "a"
                                    "\x92\x01\xcb\x40\0\0\0\0\0\0\0"; /* amount */
enum { DRAWING_SIZE = sizeof drawing_bytes - 1 };

#endif
