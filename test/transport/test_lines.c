/* Lines out of bytes: pure. */
#include "transport/lines.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was taken, lines in brackets. */
typedef struct taken {
    char text[8192];
    size_t longest;
} taken;

static void take(void *ctx, const char *line) {
    taken *t = ctx;
    size_t used = strlen(t->text), size = strlen(line);
    (void)snprintf(t->text + used, sizeof t->text - used, "[%s]", line);
    if (size > t->longest) t->longest = size;
}

/* Feeds all bytes, `step` at a time, and ends. */
static void feed(taken *t, const void *data, size_t size, size_t step) {
    tr_lines lines = {0};
    memset(t, 0, sizeof *t);
    for (size_t at = 0; at < size; at += step)
        tr_lines_feed(&lines, (const char *)data + at, size - at < step ? size - at : step, take,
                      t);
    tr_lines_end(&lines, take, t);
    tr_lines_end(&lines, take, t); /* nothing has begun any more */
}

static void expect(const void *data, size_t size, const char *text) {
    taken t;
    for (size_t step = 1; step <= size + 1; step++) {
        feed(&t, data, size, step);
        cr_assert_str_eq(t.text, text, "in steps of %zu: %s", step, t.text);
    }
}

#define EXPECT(bytes, text) expect(bytes, sizeof bytes - 1, text)

Test(lines, each_line_is_one_and_the_last_needs_no_newline) {
    EXPECT("", "");
    EXPECT("a\n", "[a]");
    EXPECT("a", "[a]");
    EXPECT("a\n\nb\r\nlast", "[a][][b][last]");
    EXPECT("\n", "[]");
}

Test(lines, what_is_no_text_is_escaped) {
    EXPECT("a\tb\\c\n", "[a\tb\\\\c]");
    EXPECT("\x1b[2J\0\x7f\n", "[\\x1b[2J\\x00\\x7f]");
    EXPECT("gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80",
           "[gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80]");
    EXPECT("\xff\xc3\n", "[\\xff\\xc3]"); /* no UTF-8, and the beginning of some */
    EXPECT("\xc0\xaf\xed\xa0\x80\n", "[\\xc0\\xaf\\xed\\xa0\\x80]"); /* overlong, a surrogate */
    EXPECT("\xc2\x9b"
           "2J\n",
           "[\\xc2\\x9b"
           "2J]"); /* CSI as one character */
    EXPECT("a\rb\n", "[a\\x0d"
                     "b]");
}

Test(lines, a_long_line_is_cut_and_says_by_how_much) {
    static char data[100001];
    char expected[TR_LINE_ROOM];
    taken t;
    memset(data, 'x', sizeof data - 1);
    data[sizeof data - 1] = '\n';
    for (size_t step = 1; step < 5000; step = step * 3 + 1) {
        feed(&t, data, sizeof data, step);
        (void)snprintf(expected, sizeof expected, "[%.512s... and 99488 bytes more]", data);
        cr_assert_str_eq(t.text, expected);
    }
    feed(&t, data + sizeof data - 1 - TR_LINE_MOST, TR_LINE_MOST + 1, 7); /* just not too long */
    (void)snprintf(expected, sizeof expected, "[%.512s]", data);
    cr_assert_str_eq(t.text, expected);
}

/* Escapes are longer than what they stand for, and the room is the same. */
Test(lines, whatever_the_bytes_are_a_line_is_bounded) {
    static unsigned char data[3000];
    taken t;
    srand(1);
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < sizeof data; i++) {
            data[i] = (unsigned char)(round ? rand() : 0x80);
            if (data[i] == '\n') data[i] = 0;
        }
        feed(&t, data, sizeof data, (size_t)rand() % sizeof data + 1);
        cr_assert_lt(t.longest, TR_LINE_ROOM);
        cr_assert_not_null(strstr(t.text, " bytes more]"));
    }
}
