/* One-ofs and maps of a newer version of a type, where an older one has sent none. */
#include <criterion/criterion.h>

#include "serial/codec.h"
#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/type.h"
#include "test/serial/drawing.h"
#include "test/serial/codec_heap.h"

TestSuite(one_of_versions, .timeout = 30, .init = open_heap, .fini = close_heap);

struct before {
    int32_t n;
};
struct after {
    int32_t n;
    struct shape shape;
    struct amount two[2];
    troupe_map map;
};
static const troupe_type before_type = TROUPE_NAMED_TYPE("t", before, TROUPE_FIELD(before, n));
static const troupe_type after_type = TROUPE_NAMED_TYPE(
    "t", after, TROUPE_FIELD(after, n), TROUPE_FIELD_OF(after, shape, &shape_one_of),
    TROUPE_ARRAY_OF(after, two, &amount_one_of), TROUPE_FIELD(after, map));

static troupe_err read_before(const troupe_type *type, troupe_msg **out, char *why, size_t room) {
    cr_assert_eq(tr_pack(&before_type, &(struct before){7}, SIZE_MAX, &buffer), TROUPE_OK);
    return tr_unpack(&pool, type, buffer.data, buffer.size, out, why, room);
}

Test(one_of_versions, that_has_not_come_is_the_case_of_zero) {
    troupe_msg *msg = NULL;
    char why[100] = "";
    cr_assert_eq(read_before(&after_type, &msg, why, sizeof why), TROUPE_OK, "%s", why);
    const struct after *body = troupe_as(msg, &after_type);
    cr_assert(tr_body_same(&after_type, body, &(struct after){.n = 7}));
    cr_assert_eq(body->map.count, 0);
    troupe_drop(&msg);
}

/* What goes with the case of zero is made too: a text is "", a struct what its fields say. */
Test(one_of_versions, that_has_not_come_has_what_goes_with_its_case) {
    troupe_case when[] = {{0, {"A", 8, TROUPE_TEXT, TROUPE_SHAPE_ONE, 8, 0, NULL, NULL}}};
    const troupe_one_of of = {16, 0, when, 1};
    const troupe_field fields[] = {
        {"n", 0, TROUPE_I32, TROUPE_SHAPE_ONE, 4, 0, NULL, NULL},
        {"a", 8, TROUPE_ONE_OF, TROUPE_SHAPE_ARRAY, 16, 2, &of, NULL},
    };
    const troupe_type type = {"t", 40, fields, 2, TROUPE_DEEP};
    troupe_msg *msg = NULL;
    char why[100] = "";
    cr_assert_eq(read_before(&type, &msg, why, sizeof why), TROUPE_OK, "%s", why);
    const char *text = tr_text_get((const char *)tr_msg_body(msg) + 32);
    cr_assert_str_empty(text);
    cr_assert_gt((uintptr_t)text, (uintptr_t)msg);
    cr_assert_lt((uintptr_t)text, (uintptr_t)msg + tr_msg_size(msg));
    troupe_drop(&msg);
    buffer.size = 0;
    when[0].value = 1; /* zero is none of the cases */
    cr_assert_eq(read_before(&type, &msg, why, sizeof why), TROUPE_MALFORMED);
    cr_assert_str_eq(why, "t.a: is required, and has not come");
}

/* A default of one's own would have to be copied with all that it points at. */
Test(one_of_versions, has_no_default_but_its_case_of_zero) {
    static const struct shape shape = {.what = DOT};
    static const troupe_map map = {NULL, 0};
    const troupe_field fields[] = {
        {"a", 0, TROUPE_ONE_OF, TROUPE_SHAPE_ONE, 0, 0, &shape_one_of, &shape},
        {"b", 0, TROUPE_MAP, TROUPE_SHAPE_ONE, 0, 0, NULL, &map},
    };
    char why[100] = "";
    for (size_t i = 0; i < 2; i++) {
        const troupe_type type = {"t", sizeof shape, &fields[i], 1, TROUPE_UNKNOWN_EXTENT};
        cr_expect_eq(tr_type_check(&type, why, sizeof why), TROUPE_INVALID);
        cr_expect_str_eq(why, i ? "t.b: a map that has not come is empty, or required"
                                : "t.a: without one it is the one-of's case of 0, or required");
    }
}
