#include "base/symbol.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(symbol, .timeout = 20);

static unsigned told;

static void no_module(void *ctx, const tr_symbol *symbol) {
    (void)ctx;
    told++;
    cr_assert_null(symbol->function);
    cr_assert_null(symbol->file);
    cr_assert_null(symbol->module);
    cr_assert_eq(symbol->offset, 15);
}

Test(symbol, of_an_address_that_is_nowhere_only_that_is_said) {
    const uintptr_t nowhere[] = {16, 16};
    tr_symbol_find(nowhere, 2, no_module, NULL);
    cr_assert_eq(told, 2);
}

static void exported(void *ctx, const tr_symbol *symbol) {
    (void)ctx;
    told++;
    cr_assert_not_null(symbol->module);
    cr_assert_not_null(strstr(symbol->module, "libc"));
    cr_assert_not_null(symbol->function);
    cr_assert_not_null(strstr(symbol->function, "getsubopt"));
}

Test(symbol, what_a_library_exports_is_known_in_any_build) {
    const uintptr_t at = (uintptr_t)getsubopt + 1;
    tr_symbol_find(&at, 1, exported, NULL);
    cr_assert_eq(told, 1);
}

static int line; /* of what is looked up */

static void own(void *ctx, const tr_symbol *symbol) {
    (void)ctx;
    told++;
    cr_assert_not_null(symbol->module);
    if (!symbol->file) return; /* without libdw */
    cr_assert_str_eq(symbol->function, "own");
    cr_assert_not_null(strstr(symbol->file, "test_symbol.c"));
    cr_assert_eq(symbol->line, line);
}

Test(symbol, its_own_functions_have_lines) {
    const uintptr_t at = (uintptr_t)own + 1;
    line = __LINE__ - 12;
    tr_symbol_find(&at, 1, own, NULL);
    cr_assert_eq(told, 1);
}
