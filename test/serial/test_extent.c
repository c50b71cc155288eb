/* Which types are flat: known when the program is compiled, and the same as their lists say. */
#include <criterion/criterion.h>
#include <string.h>

#include "serial/type.h"
#include "test/serial/sample.h"

TestSuite(extent, .timeout = 20);

struct flat {
    bool a;
    int32_t b;
    int64_t c;
    uint32_t d;
    uint64_t e;
    double f;
    troupe_ref g;
};
struct mixed {
    uint32_t n;
    const char *text;
    troupe_bytes blob;
};

#define N(name) TROUPE_FIELD(mixed, n)
#define EIGHT N(), N(), N(), N(), N(), N(), N(), N()
#define TEXT TROUPE_FIELD(mixed, text)
#define BLOB TROUPE_FIELD(mixed, blob)

/* What a type says and what its list says. (The lists with a field twice are not sound.) */
static const struct {
    troupe_type type;
    troupe_extent says;
    bool flat;
} cases[] = {
    {TROUPE_SIGNAL_TYPE("tick"), TROUPE_FLAT, true},
    {TROUPE_TYPE(flat, TROUPE_FIELD(flat, a), TROUPE_FIELD(flat, b), TROUPE_FIELD(flat, c),
                 TROUPE_FIELD(flat, d), TROUPE_FIELD(flat, e), TROUPE_FIELD(flat, f),
                 TROUPE_FIELD(flat, g)),
     TROUPE_FLAT, true},
    {TROUPE_TYPE(mixed, N()), TROUPE_FLAT, true},
    {TROUPE_TYPE(mixed, TEXT), TROUPE_DEEP, false},
    {TROUPE_TYPE(mixed, BLOB), TROUPE_DEEP, false},
    {TROUPE_TYPE(mixed, N(), TEXT), TROUPE_DEEP, false},
    {TROUPE_TYPE(mixed, N(), N(), N(), BLOB), TROUPE_DEEP, false},
    {TROUPE_TYPE(mixed, N(), N(), N(), N(), TEXT), TROUPE_DEEP, false},
    {TROUPE_TYPE(mixed, EIGHT, EIGHT, EIGHT, EIGHT), TROUPE_FLAT, true},
    {TROUPE_TYPE(mixed, EIGHT, EIGHT, EIGHT, N(), N(), N(), N(), N(), N(), N(), TEXT), TROUPE_DEEP,
     false},
    {TROUPE_TYPE(mixed, EIGHT, EIGHT, EIGHT, EIGHT, N()), TROUPE_UNKNOWN_EXTENT, true},
    {TROUPE_TYPE(mixed, EIGHT, EIGHT, EIGHT, EIGHT, TEXT), TROUPE_UNKNOWN_EXTENT, false},
    {TROUPE_TYPE(mixed, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, EIGHT, BLOB),
     TROUPE_UNKNOWN_EXTENT, false},
};

Test(extent, is_known_at_compile_time_up_to_32_fields) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cr_expect_eq(cases[i].type.extent, cases[i].says, "%zu", i);
        cr_expect_eq(tr_type_is_flat(&cases[i].type), cases[i].flat, "%zu", i);
        cr_expect_eq(tr_type_looks_flat(&cases[i].type), cases[i].flat, "%zu", i);
        troupe_type by_hand = cases[i].type;
        by_hand.extent = TROUPE_UNKNOWN_EXTENT;
        cr_expect_eq(tr_type_is_flat(&by_hand), cases[i].flat, "%zu", i);
    }
    cr_assert_eq(sample_type.extent, TROUPE_DEEP);
}

Test(extent, that_is_not_that_of_the_fields_is_not_sound) {
    char why[96] = "";
    troupe_type wrong = sample_type;
    wrong.extent = TROUPE_FLAT;
    cr_assert_eq(tr_type_check(&wrong, why, sizeof why), TROUPE_INVALID);
    cr_assert_str_eq(why, "sample: its extent is not that of its fields");
    wrong = cases[1].type;
    wrong.extent = TROUPE_DEEP;
    cr_assert_eq(tr_type_check(&wrong, NULL, 0), TROUPE_INVALID);
    wrong.extent = TROUPE_UNKNOWN_EXTENT;
    cr_assert_eq(tr_type_check(&wrong, NULL, 0), TROUPE_OK);
}
