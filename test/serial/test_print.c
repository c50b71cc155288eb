#include <criterion/criterion.h>
#include <string.h>

#include "serial/envelope.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};

static void open_heap(void) {
    counting_heap_init(&heap);
}

static void close_heap(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(print, .timeout = 20, .init = open_heap, .fini = close_heap);

/* What such a message is printed as, in so much room. */
static void expect_in(size_t room, const troupe_type *type, const void *body, const char *words) {
    char text[512];
    troupe_msg *msg;
    memset(text, '#', sizeof text);
    cr_assert_eq(tr_msg_make(&pool, type, body, &msg), TROUPE_OK);
    size_t length = troupe_print(msg, text, room);
    cr_assert_str_eq(text, words, "%s", text);
    cr_assert_eq(length, strlen(words));
    cr_assert_eq(text[room], '#', "nothing is written behind the room");
    troupe_drop(&msg);
}

static void expect(const troupe_type *type, const void *body, const char *words) {
    expect_in(500, type, body, words);
}

Test(print, each_kind_of_field) {
    expect(&sample_type, &sample,
           "sample {on: true, small: -33, large: -1099511627776, count: 70000, "
           "id: 18446744073709551615, ratio: 1.5, text: \"h\xC3\xA9\", blob: 2 bytes 00ff, "
           "who: 00000000:7.0}");
}

struct note {
    const char *text;
    troupe_bytes blob;
};
static const troupe_type note_type =
    TROUPE_TYPE(note, TROUPE_FIELD(note, text), TROUPE_FIELD(note, blob));

Test(print, a_signal_is_its_name) {
    static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");
    expect(&tick_type, NULL, "tick");
}

Test(print, nothing_in_a_text_can_end_the_line) {
    const struct note note = {.text = "a\"b\\c\nd\x1B[2Je\x7F"};
    expect(&note_type, &note, "note {text: \"a\\\"b\\\\c\\nd\\x1b[2Je\\x7f\", blob: 0 bytes}");
}

Test(print, what_is_long_is_cut_between_characters) {
    char text[100] = "";
    for (int i = 0; i < 33; i++) strcat(text, "\xE2\x82\xAC"); /* 3 bytes each: 39 of 40 fit */
    const struct note note = {text, {"0123456789abcdef", 16}};
    char words[200] = "note {text: \"";
    for (int i = 0; i < 13; i++) strcat(words, "\xE2\x82\xAC");
    strcat(words, "\"... (99 bytes), blob: 16 bytes 3031323334353637...}");
    expect(&note_type, &note, words);
}

Test(print, what_does_not_fit_says_so) {
    const struct note note = {.text = "h\xC3\xA9h\xC3\xA9"};
    expect_in(33, &note_type, &note, "note {text: \"h\xC3\xA9h\xC3\xA9\", blob: 0...");
    expect_in(20, &note_type, &note, "note {text: \"h\xC3\xA9...");
    expect_in(19, &note_type, &note, "note {text: \"h...");
    expect_in(4, &note_type, &note, "...");
    expect_in(2, &note_type, &note, "n");
    expect_in(1, &note_type, &note, "");
    char untouched = '#';
    troupe_msg *msg;
    cr_assert_eq(tr_msg_make(&pool, &note_type, &note, &msg), TROUPE_OK);
    cr_assert_eq(troupe_print(msg, &untouched, 0), 0);
    cr_assert_eq(untouched, '#');
    troupe_drop(&msg);
}

Test(print, a_text_that_is_not_there_is_empty) {
    char text[64];
    troupe_msg *msg;
    cr_assert_eq(tr_msg_take(&pool, &note_type, 0, &msg), TROUPE_OK);
    (void)troupe_print(msg, text, sizeof text);
    cr_assert_str_eq(text, "note {text: \"\", blob: 0 bytes}");
    troupe_drop(&msg);
}
