/* A type with every kind and shape, that nests; values of it, and the bytes of one. */
#ifndef TROUPE_TEST_SERIAL_ORDER_H
#define TROUPE_TEST_SERIAL_ORDER_H

#include <string.h>
#include <troupe/message.h>

enum colour { RED, GREEN = 5, INFRARED = -1 };

struct size {
    uint8_t width;
    int16_t height;
};
struct line {
    const char *article;
    uint16_t number;
    float price;
    enum colour colour;
    struct size size;
    TROUPE_MANY(const char *) notes;
    TROUPE_MAYBE(const char *) gift;
};
struct order {
    uint64_t id;
    troupe_time when;
    int8_t priority;
    int64_t balance[3];
    TROUPE_MANY(struct line) lines;
    TROUPE_MAYBE(struct size) box;
    TROUPE_MAYBE(troupe_time) due;
    TROUPE_MANY(uint8_t) marks;
    struct line best;
    troupe_bytes seal[2];
    TROUPE_MANY(enum colour) colours;
    TROUPE_MANY(troupe_ref) who;
    double weight;
};

static const troupe_enum colour_enum =
    TROUPE_ENUM_TYPE(TROUPE_CHOICE(RED), TROUPE_CHOICE(GREEN), TROUPE_CHOICE(INFRARED));
static const troupe_type size_type =
    TROUPE_TYPE(size, TROUPE_FIELD(size, width), TROUPE_FIELD(size, height));
static const troupe_type line_type = TROUPE_TYPE(
    line, TROUPE_FIELD(line, article), TROUPE_FIELD(line, number), TROUPE_FIELD(line, price),
    TROUPE_FIELD_OF(line, colour, &colour_enum), TROUPE_FIELD_OF(line, size, &size_type),
    TROUPE_LIST(line, notes), TROUPE_OPTIONAL(line, gift));
static const troupe_type order_type = TROUPE_TYPE(
    order, TROUPE_FIELD(order, id), TROUPE_FIELD(order, when), TROUPE_FIELD(order, priority),
    TROUPE_ARRAY(order, balance), TROUPE_LIST_OF(order, lines, &line_type),
    TROUPE_OPTIONAL_OF(order, box, &size_type), TROUPE_OPTIONAL(order, due),
    TROUPE_LIST(order, marks), TROUPE_FIELD_OF(order, best, &line_type), TROUPE_ARRAY(order, seal),
    TROUPE_LIST_OF(order, colours, &colour_enum), TROUPE_LIST(order, who),
    TROUPE_FIELD(order, weight));

static const char *const order_notes[] = {"soft", "h\xC3\xA9"};
static const struct line order_lines[] = {
    {"cup", 2, 1.5f, GREEN, {255, -300}, {order_notes, 2}, {"for Ann", true}},
    {"", 65535, -0.25f, INFRARED, {0, 7}, {NULL, 0}, {NULL, false}},
};
static const uint8_t order_marks[] = {0, 127, 128, 255};
static const enum colour order_colours[] = {RED, GREEN};
static const troupe_ref order_who[] = {{258, 7}};

static const struct order order = {
    .id = UINT64_C(1) << 40,
    .when = {1700000000, 0},
    .priority = -128,
    .balance = {INT64_MIN, 0, INT64_MAX},
    .lines = {order_lines, 2},
    .box = {{1, 2}, true},
    .due = {{-1, 999999999}, true},
    .marks = {order_marks, 4},
    .best = {"pot", 1, 8, RED, {3, 4}, {NULL, 0}, {NULL, false}},
    .seal = {{"\0\xFF", 2}, {NULL, 0}},
    .colours = {order_colours, 2},
    .who = {order_who, 1},
    .weight = 0.5,
};

/* The least that there can be. */
static const struct order empty_order = {.id = 0};

static const char order_bytes[] =
    "\x9d"                                                             /* 13 fields */
    "\xcf\0\0\1\0\0\0\0\0"                                             /* id */
    "\xd6\xff\x65\x53\xf1\0"                                           /* when */
    "\xd0\x80"                                                         /* priority */
    "\x93\xd3\x80\0\0\0\0\0\0\0\0\xcf\x7f\xff\xff\xff\xff\xff\xff\xff" /* balance */
    "\x92"                                                             /* lines */
    "\x97\xa3"
    "cup\x02\xca\x3f\xc0\0\0\x05\x92\xcc\xff\xd1\xfe\xd4"
    "\x92\xa4"
    "soft\xa3h\xc3\xa9\xa7"
    "for Ann"
    "\x97\xa0\xcd\xff\xff\xca\xbe\x80\0\0\xff\x92\0\x07\x90\xc0"
    "\x92\x01\x02"                                                 /* box */
    "\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff\xff" /* due */
    "\x94\0\x7f\xcc\x80\xcc\xff"                                   /* marks */
    "\x97\xa3"
    "pot\x01\xca\x41\0\0\0\0\x92\x03\x04\x90\xc0" /* best */
    "\x92\xc4\x02\0\xff\xc4\0"                    /* seal */
    "\x92\0\x05"                                  /* colours */
    "\x91\x92\xcd\x01\x02\x07"                    /* who */
    "\xcb\x3f\xe0\0\0\0\0\0\0";                   /* weight */
enum { ORDER_SIZE = sizeof order_bytes - 1 };

#endif
