#include <criterion/criterion.h>
#include <stdint.h>
#include <troupe/error.h>

TestSuite(error, .timeout = 10);

Test(error, every_code_has_its_name_and_text) {
#define CHECK(name, number, text)                                                                  \
    cr_assert_eq(TROUPE_##name, number);                                                           \
    cr_assert_str_eq(troupe_errname(TROUPE_##name), #name);                                        \
    cr_assert_str_eq(troupe_strerror(TROUPE_##name), text);
    TROUPE_ERRORS(CHECK)
#undef CHECK
}

Test(error, codes_of_the_application_are_told_apart_from_unknown_ones) {
    const troupe_err theirs[] = {TROUPE_USER, (troupe_err)(TROUPE_USER + 7), (troupe_err)INT32_MAX};
    const troupe_err nobodys[] = {(troupe_err)900, (troupe_err)999};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_str_eq(troupe_strerror(theirs[i]), "error of the application");
        cr_assert_str_eq(troupe_errname(theirs[i]), "USER");
    }
    for (size_t i = 0; i < 2; i++) {
        cr_assert_str_eq(troupe_strerror(nobodys[i]), "unknown error");
        cr_assert_str_eq(troupe_errname(nobodys[i]), "UNKNOWN");
    }
}
