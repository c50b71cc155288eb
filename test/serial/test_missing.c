/* Two versions of a type: what the one writes the other reads. */
#include <criterion/criterion.h>
#include <string.h>

#include "serial/codec.h"
#include "serial/envelope.h"
#include "serial/scan.h"
#include "serial/type.h"
#include "test/support/counting_heap.h"

enum shade { LIGHT = 3, DARK = 7 };
static const troupe_enum shade_enum = TROUPE_ENUM_TYPE(TROUPE_CHOICE(LIGHT), TROUPE_CHOICE(DARK));

struct older_line {
    const char *article;
};
struct older {
    int32_t id;
    TROUPE_MANY(struct older_line) lines;
};
struct newer_line {
    const char *article;
    const char *unit;
    uint16_t number[2];
};
struct newer {
    int64_t id;
    TROUPE_MANY(struct newer_line) lines;
    double rate;
    const char *currency, *note;
    troupe_bytes key;
    troupe_time when;
    struct newer_line first;
    TROUPE_MAYBE(int32_t) discount;
    TROUPE_MANY(uint8_t) rest;
    const char *names[2];
    enum shade shade;
};

static const troupe_type older_line_type =
    TROUPE_NAMED_TYPE("line", older_line, TROUPE_FIELD(older_line, article));
static const troupe_type older_type = TROUPE_NAMED_TYPE(
    "order", older, TROUPE_FIELD(older, id), TROUPE_LIST_OF(older, lines, &older_line_type));
static const troupe_type newer_line_type =
    TROUPE_NAMED_TYPE("line", newer_line, TROUPE_FIELD(newer_line, article),
                      TROUPE_FIELD_OR(newer_line, unit, "kg"), TROUPE_ARRAY(newer_line, number));
static const troupe_type newer_type = TROUPE_NAMED_TYPE(
    "order", newer, TROUPE_FIELD(newer, id), TROUPE_LIST_OF(newer, lines, &newer_line_type),
    TROUPE_FIELD_OR(newer, rate, 1.5), TROUPE_FIELD_OR(newer, currency, "EUR"),
    TROUPE_FIELD(newer, note), TROUPE_FIELD_OR(newer, key, "\1\2\3", 3),
    TROUPE_FIELD_OR(newer, when, -5, 7), TROUPE_FIELD_OF(newer, first, &newer_line_type),
    TROUPE_OPTIONAL(newer, discount), TROUPE_LIST(newer, rest), TROUPE_ARRAY(newer, names),
    TROUPE_FIELD_OF_OR(newer, shade, &shade_enum, DARK));

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};

static void begin(void) {
    counting_heap_init(&heap);
}

static void end(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(missing, .timeout = 30, .init = begin, .fini = end);

/* What one version makes of the bytes of another. */
static troupe_msg *read_as(const troupe_type *from, const void *body, const troupe_type *to) {
    tr_buffer bytes = {.heap = &heap.heap};
    troupe_msg *msg = NULL;
    char why[96] = "";
    cr_assert_eq(tr_pack(from, body, SIZE_MAX, &bytes), TROUPE_OK);
    cr_assert_eq(tr_unpack(&pool, to, bytes.data, bytes.size, &msg, why, sizeof why), TROUPE_OK,
                 "%s", why);
    tr_buffer_fini(&bytes);
    return msg;
}

static void expect_line(const struct newer_line *line, const char *article) {
    cr_assert_str_eq(line->article, article);
    cr_assert_str_eq(line->unit, "kg");
    cr_assert(line->number[0] == 0 && line->number[1] == 0);
}

Test(missing, fields_of_an_older_peer_are_what_the_list_says) {
    static const struct older_line lines[] = {{"nails"}, {"glue"}};
    const struct older old = {-7, {lines, 2}};
    troupe_msg *msg = read_as(&older_type, &old, &newer_type);
    const struct newer *new = troupe_as(msg, &newer_type);
    cr_assert_eq(new->id, -7);
    cr_assert_eq(new->lines.count, 2u);
    expect_line(&new->lines.at[0], "nails");
    expect_line(&new->lines.at[1], "glue");
    cr_assert_eq(new->rate, 1.5);
    cr_assert_str_eq(new->currency, "EUR");
    cr_assert_str_eq(new->note, "");
    cr_assert(new->key.size == 3 && !memcmp(new->key.data, "\1\2\3", 3));
    cr_assert(new->when.seconds == -5 && new->when.nanoseconds == 7);
    expect_line(&new->first, "");
    cr_assert(!new->discount.has &&new->rest.count == 0 && new->rest.at == NULL);
    cr_assert(*new->names[0] == 0 && *new->names[1] == 0 && new->names[0] != new->names[1]);
    cr_assert_eq(new->shade, DARK);
    const char *start = (const char *)msg, *past = start + tr_msg_size(msg);
    cr_assert(start < new->note &&new->note < past, "it is the message's own");
    cr_assert(start < (const char *)new->key.data && (const char *)new->key.data < past);
    troupe_drop(&msg);
}

/* It is a message like any other: copied and packed in full. */
Test(missing, fields_are_there_from_then_on) {
    const struct older old = {1, {NULL, 0}};
    troupe_msg *msg = read_as(&older_type, &old, &newer_type), *copy = NULL;
    cr_assert_eq(tr_msg_make(&pool, &newer_type, tr_msg_body(msg), &copy), TROUPE_OK);
    cr_assert(troupe_equal(msg, copy));
    cr_assert_eq(tr_msg_size(msg), tr_msg_size(copy));
    troupe_msg *again = read_as(&newer_type, tr_msg_body(msg), &newer_type);
    cr_assert(troupe_equal(msg, again));
    troupe_drop(&again);
    troupe_drop(&copy);
    troupe_drop(&msg);
}

Test(missing, fields_of_a_newer_peer_are_passed_over) {
    static const struct newer_line lines[] = {{"nails", "box", {1, 2}}, {"glue", "tin", {3, 4}}};
    struct newer new = {.id = 9, .lines = {lines, 2}, .shade = LIGHT, .first = {"a", "b", {0}}};
    troupe_msg *msg = read_as(&newer_type, &new, &older_type);
    const struct older *old = troupe_as(msg, &older_type);
    cr_assert_eq(old->id, 9);
    cr_assert_eq(old->lines.count, 2u);
    cr_assert_str_eq(old->lines.at[0].article, "nails");
    cr_assert_str_eq(old->lines.at[1].article, "glue");
    troupe_drop(&msg);
}

Test(missing, a_wider_integer_is_judged_by_its_value) {
    tr_buffer bytes = {.heap = &heap.heap};
    troupe_msg *msg = NULL;
    char why[96] = "";
    const struct newer new = {.id = (int64_t)1 << 31, .shade = LIGHT};
    cr_assert_eq(tr_pack(&newer_type, &new, SIZE_MAX, &bytes), TROUPE_OK);
    cr_assert_eq(tr_unpack(&pool, &older_type, bytes.data, bytes.size, &msg, why, sizeof why),
                 TROUPE_MALFORMED);
    cr_assert_str_eq(why, "order.id: expected i32, got 2147483648");
    tr_buffer_fini(&bytes);
}

/* --- What is required ------------------------------------------------------------------------- */

struct part {
    uint8_t a;
    const char *b;
};
struct whole {
    uint8_t n;
    struct part part;
    enum shade shade;
};
static const troupe_type part_type =
    TROUPE_TYPE(part, TROUPE_FIELD(part, a), TROUPE_REQUIRED_FIELD(part, b));
static const troupe_type whole_type =
    TROUPE_TYPE(whole, TROUPE_REQUIRED_FIELD(whole, n), TROUPE_FIELD_OF(whole, part, &part_type),
                TROUPE_FIELD_OF(whole, shade, &shade_enum));
static const troupe_type must_type =
    TROUPE_NAMED_TYPE("must", whole, TROUPE_REQUIRED_FIELD_OF(whole, part, &part_type));

#define SAYS(type, bytes, words)                                                                   \
    do {                                                                                           \
        char why[96] = "";                                                                         \
        troupe_msg *msg = NULL;                                                                    \
        troupe_err err = tr_unpack(&pool, type, bytes, sizeof bytes - 1, &msg, why, sizeof why);   \
        cr_assert_eq(err, *words ? TROUPE_MALFORMED : TROUPE_OK);                                  \
        cr_assert_str_eq(why, words);                                                              \
        troupe_drop(&msg);                                                                         \
    } while (0)

Test(missing, what_is_required_is_asked_for_by_name) {
    SAYS(&whole_type, "\x90", "whole.n: is required, and has not come");
    SAYS(&whole_type, "\x91\1", "whole.part: b in it is required, and has not come");
    SAYS(&whole_type, "\x92\1\x91\1", "whole.part.b: is required, and has not come");
    SAYS(&must_type, "\x90", "must.part: is required, and has not come");
    cr_assert_eq(counting_heap_look(&heap).takes, 0u, "nothing was taken");
}

/* Zero is none of its choices, and it says no other. */
Test(missing, an_enum_without_a_zero_is_required) {
    SAYS(&whole_type, "\x92\1\x92\1\xa0", "whole.shade: is required, and has not come");
    SAYS(&whole_type, "\x93\1\x92\1\xa0\3", "");
}

/* --- What may be passed over ------------------------------------------------------------------ */

static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

Test(missing, a_type_without_fields_may_get_some) {
    SAYS(&tick_type, "\x91\x93\1\xa1x\x81\2\xd4\5\7", "");
    SAYS(&tick_type, "\x92\1", "tick: the bytes end too early");
    SAYS(&tick_type, "\x91\xc1", "tick: a field that is not known here has the byte 0xc1");
    SAYS(&tick_type, "\x91\1\1", "tick: 1 bytes too many");
}

/* --- Memory ----------------------------------------------------------------------------------- */

struct wide_line {
    uint64_t n[30];
};
struct many {
    TROUPE_MANY(struct wide_line) lines;
    const char *text;
};
static char long_text[1001];
static const char *const long_at = long_text;
static const troupe_type wide_line_type = TROUPE_TYPE(wide_line, TROUPE_ARRAY(wide_line, n));
static const troupe_field many_fields[] = {
    TROUPE_LIST_OF(many, lines, &wide_line_type),
    {"text", offsetof(struct many, text), TROUPE_TEXT, .missing = &long_at}};
static const troupe_type many_type = {"many", sizeof(struct many), many_fields, 2, TROUPE_DEEP};

/* A struct of a list that comes without fields takes a byte, and more than 256 in memory. */
Test(missing, a_list_takes_no_more_memory_than_its_bytes_allow) {
    static unsigned char bytes[4 + 1000] = {0x92, 0xDC, 1000 >> 8, 1000 & 255};
    char why[96];
    troupe_msg *msg = NULL;
    memset(long_text, 'x', sizeof long_text - 1);
    cr_assert_eq(tr_type_check(&many_type, why, sizeof why), TROUPE_OK, "%s", why);
    memset(bytes + 4, 0x90, 1000); /* 240 bytes each */
    bytes[0] = 0x91;
    cr_assert_eq(tr_unpack(&pool, &many_type, bytes, sizeof bytes, &msg, why, sizeof why),
                 TROUPE_OK, "%s", why);
    const struct many *many = troupe_as(msg, &many_type);
    cr_assert_str_eq(many->text, long_text, "what stands in no list may be as long as it likes");
    troupe_drop(&msg);
}

struct hoard_line {
    const char *texts[31];
};
struct hoard {
    TROUPE_MANY(struct hoard_line) lines;
};
static const troupe_type hoard_line_type = TROUPE_TYPE(hoard_line, TROUPE_ARRAY(hoard_line, texts));
static const troupe_type hoard_type =
    TROUPE_TYPE(hoard, TROUPE_LIST_OF(hoard, lines, &hoard_line_type));

Test(missing, a_list_of_which_too_much_would_come_is_refused) {
    static unsigned char bytes[4 + 1000] = {0x91, 0xDC, 1000 >> 8, 1000 & 255};
    char why[96];
    troupe_msg *msg = NULL;
    memset(bytes + 4, 0x90, 1000); /* 248 bytes each, and 31 for the texts */
    cr_assert_eq(tr_type_check(&hoard_type, NULL, 0), TROUPE_OK);
    cr_assert_eq(tr_unpack(&pool, &hoard_type, bytes, sizeof bytes, &msg, why, sizeof why),
                 TROUPE_MALFORMED);
    cr_assert_str_eq(why, "hoard: 279048 bytes of memory would come of 1004");
    cr_assert_eq(counting_heap_look(&heap).takes, 0u);
}

/* --- Soundness -------------------------------------------------------------------------------- */

static const int32_t no_choice = 4;
static const char *const no_text = "\xff";
static const troupe_bytes no_bytes = {NULL, 1};
static const troupe_time no_time = {0, 1000000000};
static const uint8_t seven = 7;

Test(missing, a_default_that_could_not_come_is_unsound) {
    static const struct {
        troupe_field field;
        const char *why;
    } cases[] = {
        {{"a", 0, TROUPE_ENUM, .of = &shade_enum, .missing = &no_choice},
         "t.a: its choice for want of one is none"},
        {{"a", 0, TROUPE_TEXT, .missing = &no_text}, "t.a: its text for want of one is not UTF-8"},
        {{"a", 0, TROUPE_BYTES, .missing = &no_bytes},
         "t.a: its bytes for want of any have a size but no address"},
        {{"a", 0, TROUPE_TIME, .missing = &no_time}, "t.a: its time for want of one is none"},
        {{"a", 0, TROUPE_U8, TROUPE_SHAPE_LIST, .missing = &seven},
         "t.a: only one value can have another than none"},
        {{"a", 0, TROUPE_STRUCT, .of = &part_type, .missing = &seven},
         "t.a: the fields of its struct say what they are without"},
        {{"a", 0, TROUPE_STRUCT, .of = &part_type, .missing = TROUPE_REQUIRED}, ""},
        {{"a", 0, TROUPE_U8, .missing = &seven}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[96] = "";
        const troupe_type type = {"t", 16, &cases[i].field, 1, TROUPE_UNKNOWN_EXTENT};
        cr_assert_eq(tr_type_check(&type, why, sizeof why),
                     *cases[i].why ? TROUPE_INVALID : TROUPE_OK, "%zu", i);
        cr_assert_str_eq(why, cases[i].why);
    }
}
