#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "serial/envelope.h"

enum {
    TEXT_MOST = 40, /* bytes of a text that are shown */
    BYTES_MOST = 8  /* bytes of a blob */
};

/* Text that grows until its room is used up. */
typedef struct sheet {
    char *text;
    size_t used, room;
    bool full;
} sheet;

static void put(sheet *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(sheet *to, const char *format, ...) {
    if (to->full) return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(to->text + to->used, to->room - to->used, format, args);
    va_end(args);
    to->full = n < 0 || (size_t)n >= to->room - to->used;
    to->used = to->full ? to->room - 1 : to->used + (size_t)n;
}

/* Whether a byte begins a character, or is one. */
static bool begins(char byte) {
    return ((unsigned char)byte & 0xC0) != 0x80;
}

/* In quotes, as C would write it; a long one is cut between two characters. */
static void put_text(sheet *to, const char *text) {
    size_t size = strlen(text), shown = size < TEXT_MOST ? size : TEXT_MOST;
    while (shown < size && shown > 0 && !begins(text[shown])) shown--;
    put(to, "\"");
    for (size_t i = 0; i < shown; i++) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\')
            put(to, "\\%c", byte);
        else if (byte == '\n')
            put(to, "\\n");
        else if (byte < 0x20 || byte == 0x7F)
            put(to, "\\x%02x", byte);
        else
            put(to, "%c", byte);
    }
    put(to, shown < size ? "\"... (%zu bytes)" : "\"", size);
}

static void put_bytes(sheet *to, const troupe_bytes *bytes) {
    const unsigned char *data = bytes->data;
    put(to, "%zu bytes", bytes->size);
    for (size_t i = 0; i < bytes->size && i < BYTES_MOST; i++)
        put(to, "%s%02x", i ? "" : " ", data[i]);
    if (bytes->size > BYTES_MOST) put(to, "...");
}

static void put_field(sheet *to, const troupe_field *field, const char *body) {
    const void *at = body + field->offset;
    switch (field->kind) {
    case TROUPE_BOOL:
        put(to, "%s", *(const bool *)at ? "true" : "false");
        return;
    case TROUPE_I32:
        put(to, "%" PRId32, *(const int32_t *)at);
        return;
    case TROUPE_I64:
        put(to, "%" PRId64, *(const int64_t *)at);
        return;
    case TROUPE_U32:
        put(to, "%" PRIu32, *(const uint32_t *)at);
        return;
    case TROUPE_U64:
        put(to, "%" PRIu64, *(const uint64_t *)at);
        return;
    case TROUPE_F64:
        put(to, "%g", *(const double *)at);
        return;
    case TROUPE_TEXT:
        put_text(to, *(const char *const *)at);
        return;
    case TROUPE_BYTES:
        put_bytes(to, at);
        return;
    case TROUPE_REF:
        put(to, "%08" PRIx64 ":%" PRIu32 ".%" PRIu32, ((const troupe_ref *)at)->node >> 32,
            (uint32_t)((const troupe_ref *)at)->id, (uint32_t)(((const troupe_ref *)at)->id >> 32));
    }
}

size_t troupe_print(const troupe_msg *msg, char *text, size_t room) {
    if (!room) return 0;
    sheet to = {text, 0, room, false};
    const troupe_type *type = msg->type;
    put(&to, "%s", type->name);
    for (size_t i = 0; i < type->fields; i++) {
        put(&to, "%s%s: ", i ? ", " : " {", type->field[i].name);
        put_field(&to, &type->field[i], (const char *)(msg + 1));
    }
    if (type->fields) put(&to, "}");
    if (to.full && room > 3) { /* say so, at the end of a whole character */
        while (to.used > room - 4 || (to.used && !begins(text[to.used]))) to.used--;
        memcpy(text + to.used, "...", 4);
        to.used += 3;
    }
    return to.used;
}
