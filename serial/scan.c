#include "serial/scan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "serial/envelope.h"
#include "serial/type.h"
#include "serial/utf8.h"

/* The lead bytes from 0xc0 to 0xdf: the form, and how many bytes of number follow. */
static const struct {
    unsigned char form, width;
} leads[32] = {
    {TR_FORM_NIL, 0},      {TR_FORM_RESERVED, 0}, {TR_FORM_BOOL, 0},     {TR_FORM_BOOL, 0},
    {TR_FORM_BYTES, 1},    {TR_FORM_BYTES, 2},    {TR_FORM_BYTES, 4},    {TR_FORM_EXT, 1},
    {TR_FORM_EXT, 2},      {TR_FORM_EXT, 4},      {TR_FORM_FLOAT, 4},    {TR_FORM_FLOAT, 8},
    {TR_FORM_NATURAL, 1},  {TR_FORM_NATURAL, 2},  {TR_FORM_NATURAL, 4},  {TR_FORM_NATURAL, 8},
    {TR_FORM_NEGATIVE, 1}, {TR_FORM_NEGATIVE, 2}, {TR_FORM_NEGATIVE, 4}, {TR_FORM_NEGATIVE, 8},
    {TR_FORM_EXT, 0},      {TR_FORM_EXT, 0},      {TR_FORM_EXT, 0},      {TR_FORM_EXT, 0},
    {TR_FORM_EXT, 0},      {TR_FORM_TEXT, 1},     {TR_FORM_TEXT, 2},     {TR_FORM_TEXT, 4},
    {TR_FORM_ARRAY, 2},    {TR_FORM_ARRAY, 4},    {TR_FORM_MAP, 2},      {TR_FORM_MAP, 4},
};

/* The elements that are all in their lead byte, or that have their size there. */
static tr_item short_item(unsigned lead) {
    if (lead < 0x80) return (tr_item){TR_FORM_NATURAL, 1, lead};
    if (lead < 0x90) return (tr_item){TR_FORM_MAP, 1, lead & 0x0F};
    if (lead < 0xA0) return (tr_item){TR_FORM_ARRAY, 1, lead & 0x0F};
    if (lead < 0xC0) return (tr_item){TR_FORM_TEXT, 1, lead & 0x1F};
    return (tr_item){TR_FORM_NEGATIVE, 1, UINT64_MAX - (0xFF - lead)};
}

/* A signed integer of `width` bytes is negative if its top bit is set; widened then. */
static void widen(tr_item *item, unsigned width) {
    unsigned bits = 8 * width;
    if (!(item->number >> (bits - 1) & 1))
        item->form = TR_FORM_NATURAL;
    else if (bits < 64)
        item->number |= UINT64_MAX << bits;
}

bool tr_item_read(const unsigned char *at, size_t left, tr_item *item) {
    if (left == 0) return false;
    unsigned lead = at[0];
    if (lead < 0xC0 || lead > 0xDF) {
        *item = short_item(lead);
        return true;
    }
    unsigned width = leads[lead - 0xC0].width;
    if (left - 1 < width) return false;
    uint64_t number = 0;
    for (unsigned i = 1; i <= width; i++) number = number << 8 | at[i];
    *item = (tr_item){(tr_form)leads[lead - 0xC0].form, 1 + width, number};
    if (item->form == TR_FORM_NEGATIVE) widen(item, width);
    return true;
}

typedef struct scan {
    const troupe_type *type;
    const troupe_field *field; /* NULL outside of all fields */
    const unsigned char *at;
    size_t left, extra;
    char *why;
    size_t room;
} scan;

/* Says what is wrong, after the field's name. */
TROUPE_PRINTF(2, 3)
static bool wrong(scan *in, const char *format, ...) {
    if (!in->why || !in->room) return false;
    const char *dot = in->field ? "." : "", *field = in->field ? in->field->name : "";
    int used = snprintf(in->why, in->room, "%s%s%s: ", in->type->name, dot, field);
    if (used < 0 || (size_t)used >= in->room) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(in->why + used, in->room - (size_t)used, format, arguments);
    va_end(arguments);
    return false;
}

/* Says what should be there instead of an item. A number is shown: its range may be the flaw. */
static bool unexpected(scan *in, const char *expected, const tr_item *item) {
    static const char *const names[] = {
        [TR_FORM_NIL] = "nil",     [TR_FORM_BOOL] = "bool",
        [TR_FORM_FLOAT] = "float", [TR_FORM_TEXT] = "text",
        [TR_FORM_BYTES] = "bytes", [TR_FORM_MAP] = "map",
        [TR_FORM_EXT] = "ext",     [TR_FORM_RESERVED] = "the byte 0xc1",
    };
    if (item->form == TR_FORM_NATURAL)
        return wrong(in, "expected %s, got %" PRIu64, expected, item->number);
    if (item->form == TR_FORM_NEGATIVE)
        return wrong(in, "expected %s, got -%" PRIu64, expected, UINT64_MAX - item->number + 1);
    if (item->form == TR_FORM_ARRAY)
        return wrong(in, "expected %s, got an array of %" PRIu64, expected, item->number);
    return wrong(in, "expected %s, got %s", expected, names[item->form]);
}

static bool truncated(scan *in) {
    return wrong(in, "the bytes end too early");
}

static void skip(scan *in, size_t size) {
    in->at += size;
    in->left -= size;
}

/* Reads the next head. */
static bool next(scan *in, tr_item *item) {
    if (!tr_item_read(in->at, in->left, item)) return truncated(in);
    skip(in, item->head);
    return true;
}

static bool is_integer_of(troupe_kind kind, const tr_item *item) {
    if (item->form == TR_FORM_NATURAL)
        return item->number <= (kind == TROUPE_I32   ? INT32_MAX
                                : kind == TROUPE_I64 ? INT64_MAX
                                : kind == TROUPE_U32 ? UINT32_MAX
                                                     : UINT64_MAX);
    if (item->form == TR_FORM_NEGATIVE)
        return kind == TROUPE_I64 || (kind == TROUPE_I32 && item->number >= (uint64_t)INT32_MIN);
    return false;
}

/* The head of a text was read: looks at the text, and counts the room for it and its NUL. */
static bool scan_text(scan *in, size_t size) {
    const char *flaw = tr_utf8_flaw(in->at, size);
    if (flaw) return wrong(in, "the text %s", flaw);
    in->extra += size + 1;
    skip(in, size);
    return true;
}

static bool scan_ref(scan *in, const tr_item *item) {
    if (item->form != TR_FORM_ARRAY || item->number != 2) return unexpected(in, "ref", item);
    for (int i = 0; i < 2; i++) {
        tr_item half;
        if (!next(in, &half)) return false;
        if (half.form != TR_FORM_NATURAL) return unexpected(in, "half of a ref", &half);
    }
    return true;
}

static bool scan_field(scan *in) {
    troupe_kind kind = in->field->kind;
    tr_item item;
    if (!next(in, &item)) return false;
    switch (kind) {
    case TROUPE_BOOL:
        if (item.form == TR_FORM_BOOL) return true;
        break;
    case TROUPE_I32:
    case TROUPE_I64:
    case TROUPE_U32:
    case TROUPE_U64:
        if (is_integer_of(kind, &item)) return true;
        break;
    case TROUPE_F64:
        if (item.form == TR_FORM_FLOAT) return true;
        break;
    case TROUPE_TEXT:
        if (item.form != TR_FORM_TEXT) break;
        return item.number <= in->left ? scan_text(in, (size_t)item.number) : truncated(in);
    case TROUPE_BYTES:
        if (item.form != TR_FORM_BYTES) break;
        if (item.number > in->left) return truncated(in);
        in->extra += (size_t)item.number;
        skip(in, (size_t)item.number);
        return true;
    case TROUPE_REF:
        return scan_ref(in, &item);
    }
    return unexpected(in, tr_kind_name(kind), &item);
}

/* The body is an array of just the fields, and then there is nothing more. */
static bool scan_body(scan *in) {
    const troupe_type *type = in->type;
    char expected[48];
    tr_item item;
    if (!next(in, &item)) return false;
    if (item.form != TR_FORM_ARRAY || item.number != type->fields) {
        snprintf(expected, sizeof expected, "an array of %zu", type->fields);
        return unexpected(in, expected, &item);
    }
    for (size_t i = 0; i < type->fields; i++) {
        in->field = &type->field[i];
        if (!scan_field(in)) return false;
    }
    in->field = NULL;
    return in->left == 0 || wrong(in, "%zu bytes too many", in->left);
}

troupe_err tr_scan(const troupe_type *type, const void *bytes, size_t size, size_t *extra,
                   char *why, size_t room) {
    scan in = {.type = type, .at = bytes, .left = size, .why = why, .room = room};
    /* Each element has at least one byte, so that within the limit no sum can overflow. */
    if (size > TR_MSG_LIMIT) {
        wrong(&in, "%zu bytes are over the limit", size);
        return TROUPE_TOOBIG;
    }
    if (!scan_body(&in)) return TROUPE_MALFORMED;
    *extra = in.extra;
    return TROUPE_OK;
}
