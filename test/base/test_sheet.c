#include <criterion/criterion.h>
#include <string.h>

#include "base/sheet.h"

TestSuite(sheet, .timeout = 20);

Test(sheet, pieces_come_one_after_the_other) {
    char text[32];
    tr_sheet sheet = tr_sheet_on(text, sizeof text);
    cr_assert_str_eq(text, "");
    tr_sheet_put(&sheet, "%d", 12);
    tr_sheet_put(&sheet, " and %s", "more");
    cr_assert_str_eq(text, "12 and more");
    cr_assert_eq(sheet.used, strlen(text));
    tr_sheet_end(&sheet);
    cr_assert_str_eq(text, "12 and more");
}

Test(sheet, it_ends_where_the_room_ends) {
    char text[16];
    memset(text, '#', sizeof text);
    tr_sheet sheet = tr_sheet_on(text, 8);
    tr_sheet_put(&sheet, "123");
    tr_sheet_put(&sheet, "45678");
    cr_assert(sheet.full);
    tr_sheet_put(&sheet, "9");
    cr_assert_str_eq(text, "1234567");
    tr_sheet_end(&sheet);
    cr_assert_str_eq(text, "1234...");
    cr_assert_eq(sheet.used, 7);
    cr_assert_eq(text[8], '#');
}

Test(sheet, what_just_fits_is_whole) {
    char text[8];
    tr_sheet sheet = tr_sheet_on(text, sizeof text);
    tr_sheet_put(&sheet, "1234567");
    cr_assert_not(sheet.full);
    tr_sheet_end(&sheet);
    cr_assert_str_eq(text, "1234567");
}

Test(sheet, a_quote_is_one_line_and_cut_between_characters) {
    char text[64];
    tr_sheet sheet = tr_sheet_on(text, sizeof text);
    tr_sheet_quote(&sheet, "a\"\\\n\t", 9);
    cr_assert_str_eq(text, "\"a\\\"\\\\\\n\\x09\"");
    sheet = tr_sheet_on(text, sizeof text);
    tr_sheet_quote(&sheet, "h\xC3\xA9h\xC3\xA9", 5);
    cr_assert_str_eq(text, "\"h\xC3\xA9h\"... (6 bytes)");
    sheet = tr_sheet_on(text, sizeof text);
    tr_sheet_quote(&sheet, "\xC3\xA9", 1);
    cr_assert_str_eq(text, "\"\"... (2 bytes)");
}

Test(sheet, a_room_of_one_is_an_empty_text) {
    char text[2] = "#";
    tr_sheet sheet = tr_sheet_on(text, 1);
    tr_sheet_put(&sheet, "1");
    tr_sheet_end(&sheet);
    cr_assert_str_eq(text, "");
}
