/* Structs within structs, arrays, lists and optional values: made, packed, taken in and shown. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "serial/codec.h"
#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/type.h"
#include "test/serial/order.h"
#include "test/serial/sample.h"
#include "test/serial/codec_heap.h"

TestSuite(body, .timeout = 60, .init = open_heap, .fini = close_heap);

/* --- Made in one piece ------------------------------------------------------------------------ */

static size_t up(size_t size) {
    return (size + 7) / 8 * 8;
}

/* What the sample takes, added up by hand in the order of its fields. */
static size_t size_of_order(void) {
    size_t end = up(sizeof(troupe_msg) + sizeof(struct order)) + 2 * sizeof(struct line);
    end = up(end + sizeof "cup") + 2 * sizeof(char *);
    end += sizeof "soft" + sizeof "h\xC3\xA9" + sizeof "for Ann" + sizeof "";
    end = up(end) + 4;
    end += sizeof "pot" + 2;
    end = up(end) + 2 * sizeof(enum colour);
    return up(end) + sizeof(troupe_ref);
}

static void expect_inside(const troupe_msg *msg, const void *at, size_t size) {
    cr_expect_geq((uintptr_t)at, (uintptr_t)(msg + 1));
    cr_expect_leq((uintptr_t)at + size, (uintptr_t)msg + tr_msg_size(msg));
}

/* All that a message of an order points at is part of it, and lists are aligned. */
static void expect_whole(const troupe_msg *msg) {
    const struct order *body = troupe_as(msg, &order_type);
    expect_inside(msg, body->lines.at, 2 * sizeof(struct line));
    cr_expect_eq((uintptr_t)body->lines.at % 8, 0);
    expect_inside(msg, body->lines.at[0].article, sizeof "cup");
    expect_inside(msg, body->lines.at[0].notes.at, 2 * sizeof(char *));
    cr_expect_eq((uintptr_t)body->lines.at[0].notes.at % 8, 0);
    expect_inside(msg, body->lines.at[0].notes.at[1], sizeof "h\xC3\xA9");
    expect_inside(msg, body->lines.at[0].gift.value, sizeof "for Ann");
    cr_expect_null(body->lines.at[1].notes.at);
    cr_expect_null(body->lines.at[1].gift.value);
    expect_inside(msg, body->marks.at, 4);
    expect_inside(msg, body->best.article, sizeof "pot");
    expect_inside(msg, body->seal[0].data, 2);
    expect_inside(msg, body->seal[1].data, 0);
    expect_inside(msg, body->who.at, sizeof(troupe_ref));
    cr_expect_eq((uintptr_t)body->who.at % 8, 0);
}

Test(body, is_copied_whole_into_one_allocation_of_just_its_size) {
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_make(&pool, &order_type, &order, &msg), TROUPE_OK);
    cr_assert_eq(counting_heap_look(&heap).takes, 1);
    cr_assert_eq(tr_msg_size(msg), rounded(size_of_order()));
    cr_assert(tr_body_same(&order_type, troupe_as(msg, &order_type), &order));
    expect_whole(msg);
    troupe_drop(&msg);
}

Test(body, an_empty_one_takes_its_struct_and_the_ends_of_its_texts) {
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_make(&pool, &order_type, &empty_order, &msg), TROUPE_OK);
    cr_assert_eq(tr_msg_size(msg), rounded(sizeof *msg + sizeof(struct order) + 1));
    cr_assert_str_empty(((const struct order *)troupe_as(msg, &order_type))->best.article);
    troupe_drop(&msg);
}

/* What an optional field does not have may point anywhere, and is not looked at. */
Test(body, nothing_of_the_caller_is_left_in_what_is_not_there) {
    struct order with = empty_order;
    with.best.gift.value = (const char *)8;
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_make(&pool, &order_type, &with, &msg), TROUPE_OK);
    cr_assert_null(((const struct order *)troupe_as(msg, &order_type))->best.gift.value);
    troupe_drop(&msg);
}

Test(body, can_not_be_made_of_what_is_not_there_or_too_large) {
    troupe_msg *msg = (troupe_msg *)&heap;
    struct order with = order;
    with.marks.at = NULL;
    cr_assert_eq(tr_msg_make(&pool, &order_type, &with, &msg), TROUPE_INVALID);
    cr_assert_null(msg);
    with = order;
    with.seal[1].size = 1;
    cr_assert_eq(tr_msg_make(&pool, &order_type, &with, &msg), TROUPE_INVALID);
    const size_t counts[] = {TR_MSG_LIMIT, TR_MSG_LIMIT / sizeof(struct line) + 1, SIZE_MAX,
                             SIZE_MAX / sizeof(struct line) + 2};
    for (size_t i = 0; i < 4; i++) {
        with = order;
        with.lines.count = counts[i];
        cr_assert_eq(tr_msg_make(&pool, &order_type, &with, &msg), TROUPE_TOOBIG, "%zu", i);
    }
    cr_assert_eq(counting_heap_look(&heap).takes, 0);
}

/* --- To bytes and back ------------------------------------------------------------------------ */

/* Packs, and unpacks a copy that ends where its memory ends. */
static troupe_msg *round_trip(const troupe_type *type, const void *body) {
    char why[96] = "";
    troupe_msg *msg = NULL;
    buffer.size = 0;
    cr_assert_eq(tr_pack(type, body, SIZE_MAX, &buffer), TROUPE_OK);
    unsigned char *copy = malloc(buffer.size);
    memcpy(copy, buffer.data, buffer.size);
    size_t takes = counting_heap_look(&heap).takes;
    cr_assert_eq(tr_unpack(&pool, type, copy, buffer.size, &msg, why, sizeof why), 0, "%s", why);
    cr_assert_eq(counting_heap_look(&heap).takes, takes + 1);
    free(copy);
    cr_assert(tr_body_same(type, troupe_as(msg, type), body));
    return msg;
}

Test(body, has_the_documented_bytes) {
    troupe_msg *msg = round_trip(&order_type, &order);
    cr_assert_eq(buffer.size, ORDER_SIZE);
    for (size_t i = 0; i < ORDER_SIZE; i++)
        cr_assert_eq(buffer.data[i], (unsigned char)order_bytes[i], "%zu", i);
    cr_assert_eq(tr_msg_size(msg), rounded(size_of_order() + 8)); /* and the sender's node */
    expect_whole(msg);
    troupe_drop(&msg);
}

/* The example of docs/wire-format.md. */
enum page_colour { PAGE_RED, PAGE_GREEN = 5 };
struct point {
    int16_t x;
    uint8_t y;
};
struct shape {
    enum page_colour colour;
    TROUPE_MANY(struct point) points;
    TROUPE_MAYBE(float) angle;
    troupe_time when;
};
static const troupe_enum page_colours = {
    (const troupe_choice[]){{"RED", PAGE_RED}, {"GREEN", PAGE_GREEN}}, 2};
static const troupe_type point_type =
    TROUPE_TYPE(point, TROUPE_FIELD(point, x), TROUPE_FIELD(point, y));
static const troupe_type shape_type =
    TROUPE_TYPE(shape, TROUPE_FIELD_OF(shape, colour, &page_colours),
                TROUPE_LIST_OF(shape, points, &point_type), TROUPE_OPTIONAL(shape, angle),
                TROUPE_FIELD(shape, when));

Test(body, the_example_of_the_page_is_true) {
    static const struct point points[] = {{1, 2}, {-300, 255}};
    const struct shape body = {PAGE_GREEN, {points, 2}, {0, false}, {1700000000, 0}};
    static const char bytes[] = "\x94\x05\x92\x92\x01\x02\x92\xd1\xfe\xd4\xcc\xff\xc0"
                                "\xd6\xff\x65\x53\xf1\0";
    troupe_msg *msg = round_trip(&shape_type, &body);
    cr_assert_eq(buffer.size, sizeof bytes - 1);
    cr_assert_eq(memcmp(buffer.data, bytes, buffer.size), 0);
    cr_assert_eq(tr_type_hash(&point_type), UINT64_C(0xcfb135bcfef31476));
    cr_assert_eq(tr_type_hash(&shape_type), UINT64_C(0x7e03a8ef430684f8));
    troupe_drop(&msg);
}

Test(body, an_empty_one_comes_back) {
    troupe_msg *msg = round_trip(&order_type, &empty_order);
    const struct order *body = troupe_as(msg, &order_type);
    cr_assert_null(body->lines.at);
    cr_assert_not(body->box.has);
    troupe_drop(&msg);
}

/* What is long is read another way than what is short. */
Test(body, a_long_one_comes_back_with_its_lists_aligned) {
    enum { LONG = 5000 };
    static char text[LONG + 8];
    for (size_t more = 0; more < 8; more++) {
        struct order long_order = order;
        long_order.seal[0] = (troupe_bytes){text, LONG + more};
        troupe_msg *msg = round_trip(&order_type, &long_order);
        const struct order *body = troupe_as(msg, &order_type);
        cr_assert_eq((uintptr_t)body->who.at % 8, 0, "%zu", more);
        cr_assert_eq(body->seal[0].size, LONG + more);
        troupe_drop(&msg);
    }
}

Test(body, keeps_to_the_limit) {
    for (size_t limit = 0; limit < ORDER_SIZE; limit++) {
        cr_assert_eq(tr_pack(&order_type, &order, limit, &buffer), TROUPE_TOOBIG, "%zu", limit);
        cr_assert_eq(buffer.size, 0);
    }
    cr_assert_eq(tr_pack(&order_type, &order, ORDER_SIZE, &buffer), TROUPE_OK);
}

Test(body, lists_of_every_size_of_head) {
    static const size_t sizes[] = {0, 1, 15, 16, 65535, 65536};
    static uint8_t marks[65536];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct order with = empty_order;
        with.marks.at = marks;
        with.marks.count = sizes[i];
        memset(marks, (int)i, sizeof marks);
        troupe_msg *msg = round_trip(&order_type, &with);
        troupe_drop(&msg);
    }
}

Test(body, what_no_peer_would_take_is_not_packed) {
    struct order with = order;
    with.best.colour = (enum colour)1;
    cr_assert_eq(tr_pack(&order_type, &with, SIZE_MAX, &buffer), TROUPE_INVALID);
    with = order;
    with.due.value.nanoseconds = 1000000000;
    cr_assert_eq(tr_pack(&order_type, &with, SIZE_MAX, &buffer), TROUPE_INVALID);
    with.due.has = false; /* then it is nothing to look at */
    cr_assert_eq(tr_pack(&order_type, &with, SIZE_MAX, &buffer), TROUPE_OK);
    buffer.size = 0;
    with = order;
    with.who.at = NULL;
    cr_assert_eq(tr_pack(&order_type, &with, SIZE_MAX, &buffer), TROUPE_INVALID);
    with = order;
    with.who.count = SIZE_MAX;
    cr_assert_eq(tr_pack(&order_type, &with, SIZE_MAX, &buffer), TROUPE_TOOBIG);
    cr_assert_eq(buffer.size, 0);
}

/* --- Depth ------------------------------------------------------------------------------------ */

struct deep {
    struct {
        const struct deep *at;
        size_t count;
    } kids;
};
extern const troupe_type deep_type;
const troupe_type deep_type = TROUPE_TYPE(deep, TROUPE_LIST_OF(deep, kids, &deep_type));

/* A type that holds itself is not sound, but whoever makes one must not recurse without end. */
Test(body, levels_have_an_end) {
    struct deep level[20] = {{{NULL, 0}}};
    troupe_msg *msg = NULL;
    for (size_t i = 1; i < 20; i++) level[i].kids.at = &level[i - 1], level[i].kids.count = 1;
    cr_assert_eq(tr_msg_make(&pool, &deep_type, &level[15], &msg), TROUPE_OK);
    troupe_drop(&msg);
    cr_assert_eq(tr_msg_make(&pool, &deep_type, &level[16], &msg), TROUPE_INVALID);
    level[0] = level[1]; /* a ring */
    level[0].kids.at = &level[0];
    cr_assert_eq(tr_msg_make(&pool, &deep_type, &level[0], &msg), TROUPE_INVALID);
    cr_assert_eq(tr_pack(&deep_type, &level[0], SIZE_MAX, &buffer), TROUPE_INVALID);
    char bytes[40], why[200];
    memset(bytes, 0x91, sizeof bytes);
    cr_assert_eq(tr_unpack(&pool, &deep_type, bytes, 40, &msg, why, sizeof why), TROUPE_MALFORMED);
    const char end[] = ".kids[0]: the type has too many levels";
    cr_assert_str_eq(why + strlen(why) - strlen(end), end);
}

/* --- For people ------------------------------------------------------------------------------- */

static void expect_text(const struct order *body, const char *words) {
    char text[1000];
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_make(&pool, &order_type, body, &msg), TROUPE_OK);
    (void)troupe_print(msg, text, sizeof text);
    cr_assert_str_eq(text, words);
    troupe_drop(&msg);
}

Test(body, is_shown_whole) {
    expect_text(&order,
                "order {id: 1099511627776, when: 2023-11-14T22:13:20Z, priority: -128, balance: "
                "[-9223372036854775808, 0, 9223372036854775807], lines: [{article: \"cup\", "
                "number: 2, price: 1.5, colour: GREEN, size: {width: 255, height: -300}, notes: "
                "[\"soft\", \"h\xC3\xA9\"], gift: \"for Ann\"}, {article: \"\", number: 65535, "
                "price: -0.25, colour: INFRARED, size: {width: 0, height: 7}, notes: [], gift: "
                "none}], box: {width: 1, height: 2}, due: 1969-12-31T23:59:59.999999999Z, marks: "
                "[0, 127, 128, 255], best: {article: \"pot\", number: 1, price: 8, colour: RED, "
                "size: {width: 3, height: 4}, notes: [], gift: none}, seal: [2 bytes 00ff, "
                "0 bytes], colours: [RED, GREEN], who: [00000000:7.0], weight: 0.5}");
}

struct moment {
    troupe_time at;
};
static const troupe_type moment_type = TROUPE_TYPE(moment, TROUPE_FIELD(moment, at));

Test(body, a_moment_is_shown_as_its_date) {
    static const struct {
        int64_t seconds;
        const char *text;
    } moments[] = {
        {0, "moment {at: 1970-01-01T00:00:00Z}"},
        {951782399, "moment {at: 2000-02-28T23:59:59Z}"},
        {951782400, "moment {at: 2000-02-29T00:00:00Z}"},
        {951868800, "moment {at: 2000-03-01T00:00:00Z}"},
        {4107542400, "moment {at: 2100-03-01T00:00:00Z}"},
        {-62135596800, "moment {at: 0001-01-01T00:00:00Z}"},
        {-11644473600, "moment {at: 1601-01-01T00:00:00Z}"},
        {253402300799, "moment {at: 9999-12-31T23:59:59Z}"},
        {INT64_MAX, "moment {at: 292277026596-12-04T15:30:07Z}"},
        {INT64_MIN, "moment {at: -292277022657-01-27T08:29:52Z}"},
    };
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        char text[80];
        troupe_msg *msg = NULL;
        const struct moment body = {{moments[i].seconds, 0}};
        cr_assert_eq(tr_msg_make(&pool, &moment_type, &body, &msg), TROUPE_OK);
        (void)troupe_print(msg, text, sizeof text);
        cr_expect_str_eq(text, moments[i].text);
        troupe_drop(&msg);
    }
}

Test(body, a_long_list_is_cut_and_no_choice_is_a_number) {
    static const enum colour many[9] = {RED, RED, RED, RED, RED, RED, RED, (enum colour)3, RED};
    struct paint {
        TROUPE_MANY(enum colour) colours;
    };
    static const troupe_field field[] = {TROUPE_LIST_OF(paint, colours, &colour_enum)};
    static const troupe_type type = {"paint", sizeof(struct paint), field, 1, TROUPE_DEEP};
    char text[100];
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_make(&pool, &type, &(struct paint){{many, 9}}, &msg), TROUPE_OK);
    (void)troupe_print(msg, text, sizeof text);
    cr_assert_str_eq(text, "paint {colours: [RED, RED, RED, RED, RED, RED, RED, 3, ... (9)]}");
    troupe_drop(&msg);
}
