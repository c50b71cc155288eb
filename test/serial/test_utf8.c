#include <criterion/criterion.h>
#include <string.h>

#include "serial/utf8.h"

TestSuite(utf8, .timeout = 60);

static bool good(const char *text, size_t size) {
    return tr_utf8_flaw(text, size) == NULL;
}

Test(utf8, says_what_is_wrong) {
    cr_assert_null(tr_utf8_flaw("", 0));
    cr_assert_null(tr_utf8_flaw(NULL, 0));
    cr_assert_null(tr_utf8_flaw("plain text, longer than a word", 30));
    cr_assert_str_eq(tr_utf8_flaw("a\0b", 3), "holds a NUL");
    cr_assert_str_eq(tr_utf8_flaw("12345678\0", 9), "holds a NUL");
    cr_assert_str_eq(tr_utf8_flaw("\xFF", 1), "is not UTF-8");
}

/* The edges of Unicode's table of well-formed sequences. */
Test(utf8, knows_the_edges) {
    const char *fine[] = {
        "\x01",         "\x7F",         "\xC2\x80",     "\xDF\xBF",         "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"};
    const char *flawed[] = {"\x80",
                            "\xBF",
                            "\xC0\x80",
                            "\xC1\xBF",
                            "\xC2",
                            "\xC2\x7F",
                            "\xC2\xC0",
                            "\xE0\x9F\xBF",
                            "\xED\xA0\x80",
                            "\xED\xBF\xBF",
                            "\xE1\x80",
                            "\xE1\x80\x7F",
                            "\xF0\x8F\xBF\xBF",
                            "\xF1\x80\x80",
                            "\xF1\x80\x80",
                            "\xF4\x90\x80\x80",
                            "\xF5\x80\x80\x80",
                            "\xFE",
                            "\xFF"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        cr_expect(good(fine[i], strlen(fine[i])), "%zu", i);
    for (size_t i = 0; i < sizeof flawed / sizeof *flawed; i++)
        cr_expect_not(good(flawed[i], strlen(flawed[i])), "%zu", i);
}

/* Writes a code point by the book's formula; 0 if it has none. */
static size_t encode(unsigned code, char *at) {
    if (code == 0 || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) return 0;
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size; i-- > 1; code >>= 6) at[i] = (char)(0x80 | (code & 0x3F));
    at[0] = (char)(lead[size] | code);
    return size;
}

Test(utf8, takes_every_code_point_and_just_as_many_sequences) {
    size_t points = 0;
    char text[8];
    for (unsigned code = 0; code <= 0x110000; code++) {
        size_t size = encode(code, text);
        if (size == 0) continue;
        points++;
        if (!good(text, size)) cr_assert_fail("%#x", code);
    }
    /* So many sequences of up to three bytes are good: all others are not. */
    size_t sequences = 0;
    for (unsigned bytes = 0; bytes < 1 << 24; bytes++) {
        const unsigned char b[] = {(unsigned char)(bytes >> 16), (unsigned char)(bytes >> 8),
                                   (unsigned char)bytes};
        if (b[0] < 0x80) continue; /* those are sequences of one, and what follows */
        sequences += good((const char *)b, 3);
    }
    cr_assert_eq(points, 0x10FFFF - 0x800);
    cr_assert_eq(sequences, (0x10000 - 0x800 - 0x800) + (0x800 - 0x80) * 0x7F);
}

Test(utf8, a_flaw_is_found_at_every_place) {
    for (size_t size = 1; size < 40; size++)
        for (size_t at = 0; at < size; at++) {
            char text[40];
            memset(text, 'a', sizeof text);
            cr_assert(good(text, size));
            text[at] = '\0';
            cr_assert_str_eq(tr_utf8_flaw(text, size), "holds a NUL");
            text[at] = '\x80';
            cr_assert_str_eq(tr_utf8_flaw(text, size), "is not UTF-8");
            memcpy(&text[at], "\xC3", 1);
            cr_assert_str_eq(tr_utf8_flaw(text, size), "is not UTF-8");
        }
}
