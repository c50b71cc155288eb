#include <inttypes.h>

#include "base/sheet.h"
#include "serial/share.h"

enum {
    TEXT_MOST = 40, /* bytes of a text that are shown */
    BYTES_MOST = 8  /* bytes of a blob */
};

static void put_bytes(tr_sheet *to, const troupe_bytes *bytes) {
    const unsigned char *data = bytes->data;
    tr_sheet_put(to, "%zu bytes", bytes->size);
    for (size_t i = 0; i < bytes->size && i < BYTES_MOST; i++)
        tr_sheet_put(to, "%s%02x", i ? "" : " ", data[i]);
    if (bytes->size > BYTES_MOST) tr_sheet_put(to, "...");
}

static void put_ref(tr_sheet *to, const troupe_ref *ref) {
    tr_sheet_put(to, "%08" PRIx64 ":%" PRIu32 ".%" PRIu32, ref->node >> 32, (uint32_t)ref->id,
                 (uint32_t)(ref->id >> 32));
}

/* One that was made in place may have none. */
static void put_text(tr_sheet *to, const char *text) {
    tr_sheet_quote(to, text ? text : "", TEXT_MOST);
}

static void put_field(tr_sheet *to, troupe_kind kind, const void *at) {
    switch (kind) {
    case TROUPE_BOOL:
        tr_sheet_put(to, "%s", *(const bool *)at ? "true" : "false");
        return;
    case TROUPE_I32:
        tr_sheet_put(to, "%" PRId32, *(const int32_t *)at);
        return;
    case TROUPE_I64:
        tr_sheet_put(to, "%" PRId64, *(const int64_t *)at);
        return;
    case TROUPE_U32:
        tr_sheet_put(to, "%" PRIu32, *(const uint32_t *)at);
        return;
    case TROUPE_U64:
        tr_sheet_put(to, "%" PRIu64, *(const uint64_t *)at);
        return;
    case TROUPE_F64:
        tr_sheet_put(to, "%g", *(const double *)at);
        return;
    case TROUPE_TEXT:
        put_text(to, *(const char *const *)at);
        return;
    case TROUPE_BYTES:
        put_bytes(to, at);
        return;
    case TROUPE_REF:
        put_ref(to, at);
        return;
    }
}

size_t troupe_print(const troupe_msg *msg, char *text, size_t room) {
    if (!room) return 0;
    msg = tr_msg_content(msg);
    const troupe_type *type = msg->type;
    const char *body = (const char *)(msg + 1);
    tr_sheet to = tr_sheet_on(text, room);
    tr_sheet_put(&to, "%s", type->name);
    for (size_t i = 0; i < type->fields; i++) {
        const troupe_field *field = &type->field[i];
        tr_sheet_put(&to, "%s%s: ", i ? ", " : " {", field->name);
        put_field(&to, field->kind, body + field->offset);
    }
    if (type->fields) tr_sheet_put(&to, "}");
    tr_sheet_end(&to);
    return to.used;
}
