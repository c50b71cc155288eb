/* Memory that runs out when messages are made out of others, or of bytes. */
#include <criterion/criterion.h>

#include "test/support/exhaust.h"
#include "test/support/stage.h"

struct note {
    const char *text;
    troupe_bytes bytes;
};
static const troupe_type note_type =
    TROUPE_TYPE(note, TROUPE_FIELD(note, text), TROUPE_FIELD(note, bytes));

static troupe_err copy_note(void *ctx) {
    troupe_msg *copy = (troupe_msg *)1;
    troupe_err err = troupe_copy(stage_rt(), ctx, &copy);
    cr_assert_eq(copy == NULL, err != TROUPE_OK);
    if (!err) cr_assert(troupe_equal(ctx, copy));
    troupe_drop(&copy);
    return err;
}

Test(oom, troupe_copy) {
    static char large[100000];
    troupe_msg *msg = NULL, *none = (troupe_msg *)1;
    (void)stage_open(STAGE_SIMULATED);
    const struct note body = {"text", {large, sizeof large}};
    cr_assert_eq(troupe_make(stage_rt(), &note_type, &body, &msg), TROUPE_OK);
    exhaust_call(stage_heap(), copy_note, NULL, msg);
    cr_assert_eq(troupe_copy(stage_rt(), NULL, &none), TROUPE_INVALID);
    cr_assert_null(none);
    troupe_drop(&msg);
    stage_close();
}

typedef struct encoded {
    unsigned char bytes[64];
    size_t size;
} encoded;

static troupe_err decode_note(void *ctx) {
    const encoded *from = ctx;
    troupe_msg *msg = (troupe_msg *)1;
    char why[64] = "";
    troupe_err err =
        troupe_decode(stage_rt(), &note_type, from->bytes, from->size, &msg, why, sizeof why);
    cr_assert_eq(msg == NULL, err != TROUPE_OK);
    cr_assert_str_eq(why, err ? "note: out of memory" : "");
    if (!err) cr_assert_str_eq(((const struct note *)troupe_as(msg, &note_type))->text, "text");
    troupe_drop(&msg);
    return err;
}

Test(oom, troupe_decode) {
    troupe_msg *msg = NULL;
    encoded to = {.size = 0};
    char why[64] = "";
    (void)stage_open(STAGE_SIMULATED);
    const struct note body = {"text", {"\0", 1}};
    cr_assert_eq(troupe_make(stage_rt(), &note_type, &body, &msg), TROUPE_OK);
    cr_assert_eq(troupe_encode(msg, to.bytes, sizeof to.bytes, &to.size), TROUPE_OK);
    troupe_drop(&msg);
    exhaust_call(stage_heap(), decode_note, NULL, &to);
    troupe_err err =
        troupe_decode(stage_rt(), &note_type, to.bytes, to.size - 1, &msg, why, sizeof why);
    cr_assert_eq(err, TROUPE_MALFORMED);
    cr_assert_str_eq(why, "note.bytes: the bytes end too early");
    stage_close();
}
