#include "serial/scan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/sheet.h"
#include "serial/body.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/missing.h"
#include "serial/skip.h"
#include "serial/dict_wire.h"
#include "serial/one_of.h"
#include "serial/time.h"
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

/* A signed integer of `width` bytes is negative if its top bit is set; widened then. */
static void widen(tr_item *item, unsigned width) {
    unsigned bits = 8 * width;
    if (!(item->number >> (bits - 1) & 1))
        item->form = TR_FORM_NATURAL;
    else if (bits < 64)
        item->number |= UINT64_MAX << bits;
}

/* A number of `width` bytes, highest first. */
static uint64_t number_at(const unsigned char *at, unsigned width) {
    switch (width) { /* each so that the compiler sees one instruction in it */
    case 8:
        return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
               (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
               (uint64_t)at[6] << 8 | at[7];
    case 4:
        return (uint64_t)at[0] << 24 | (uint64_t)at[1] << 16 | (uint64_t)at[2] << 8 | at[3];
    case 2:
        return (uint64_t)at[0] << 8 | at[1];
    case 1:
        return at[0];
    default:
        return 0;
    }
}

bool tr_item_read_long(const unsigned char *at, size_t left, tr_item *item) {
    const unsigned lead = at[0], width = leads[lead - 0xC0].width;
    if (left - 1 < width) return false;
    item->form = (tr_form)leads[lead - 0xC0].form; /* one by one: as they are read again at once */
    item->head = 1 + width;
    item->number = number_at(at + 1, width);
    if (item->form == TR_FORM_NEGATIVE) widen(item, width);
    if (item->form == TR_FORM_BOOL) item->number = lead & 1;
    return true;
}

/* Which value is looked at: a field, and of an array or list which of them. */
typedef struct level {
    const struct level *above; /* NULL: it is a field of the message itself */
    const troupe_field *field;
    size_t index; /* SIZE_MAX: the field as a whole */
} level;

typedef struct scan {
    const troupe_type *type;
    const level *level; /* NULL outside of all fields */
    const unsigned char *at;
    size_t left;
    size_t end;   /* of the message, as it will lie in memory */
    size_t given; /* of that, what stands for fields of no list that have not come */
    size_t large; /* of that, bytes of TR_STAYS_LEAST or more each */
    bool missed;  /* fields of a list's values have not come */
    troupe_err err;
    char *why;
    size_t room;
} scan;

/* --- What is wrong ---------------------------------------------------------------------------- */

/* `order.lines[3].price` */
static void put_path(tr_sheet *to, const scan *in) {
    const level *way[TR_LEVELS_MOST + 1];
    size_t depth = 0;
    for (const level *at = in->level; at; at = at->above) way[depth++] = at;
    tr_sheet_put(to, "%s", in->type->name);
    while (depth--) {
        tr_sheet_put(to, ".%s", way[depth]->field->name);
        if (way[depth]->index != SIZE_MAX) tr_sheet_put(to, "[%zu]", way[depth]->index);
    }
}

/* Says what is wrong, after the path to it. */
TROUPE_PRINTF(2, 3)
static bool wrong(scan *in, const char *format, ...) {
    char what[96];
    if (!in->why || !in->room) return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    tr_sheet to = tr_sheet_on(in->why, in->room);
    put_path(&to, in);
    tr_sheet_put(&to, ": %s", what); /* cut to its room, if that is short */
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

static bool not_an_array_of(scan *in, size_t count, const tr_item *item) {
    char expected[48];
    snprintf(expected, sizeof expected, "an array of %zu", count);
    return unexpected(in, expected, item);
}

static bool truncated(scan *in) {
    return wrong(in, "the bytes end too early");
}

static bool too_big(scan *in) {
    in->err = TROUPE_TOOBIG;
    return wrong(in, "the message would be over the limit");
}

/* --- Steps ------------------------------------------------------------------------------------ */

static void skip(scan *in, size_t size) {
    in->at += size;
    in->left -= size;
}

/* Reads the next head. */
static TR_INLINE bool next(scan *in, tr_item *item) {
    if (!tr_item_read(in->at, in->left, item)) return truncated(in);
    skip(in, item->head);
    return true;
}

/* Counts what will stand behind the struct. */
static bool count(scan *in, size_t size) {
    if (size > TR_MSG_LIMIT - in->end) return too_big(in);
    in->end += size;
    return true;
}

/* Counts the values of a list, each of which is at least a byte of what is left. */
static bool count_list(scan *in, const tr_item *item, size_t step) {
    if (item->number == 0) return true;
    if (item->number > in->left) return truncated(in);
    if (step && item->number > TR_MSG_LIMIT / step) return too_big(in);
    return count(in, tr_body_align(in->end) - in->end) && count(in, (size_t)item->number * step);
}

/* --- Values ----------------------------------------------------------------------------------- */

static bool is_integer_of(troupe_kind kind, const tr_item *item) {
    const tr_range *range = &tr_kind_range[kind];
    if (item->form == TR_FORM_NATURAL) return item->number <= range->most;
    return item->form == TR_FORM_NEGATIVE && range->least && item->number >= range->least;
}

/* The head of a text was read: looks at the text, and counts the room for it and its NUL. */
static bool scan_text(scan *in, size_t size) {
    const char *flaw = tr_utf8_flaw(in->at, size);
    if (flaw) return wrong(in, "the text %s", flaw);
    skip(in, size);
    return count(in, size + 1);
}

static bool scan_bytes(scan *in, size_t size) {
    skip(in, size);
    if (size >= TR_STAYS_LEAST) in->large += size;
    return count(in, size);
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

/* A timestamp is one item with all its bytes; its head was read. */
static bool scan_time(scan *in, const tr_item *item) {
    troupe_time time;
    in->at -= item->head;
    in->left += item->head;
    size_t size = 0;
    switch (tr_time_read(in->at, in->left, &time, &size)) {
    case TR_TIME_READ:
        skip(in, size);
        return true;
    case TR_TIME_CUT:
        return truncated(in);
    default:
        return unexpected(in, "time", item);
    }
}

/* A map tells what is wrong with the way on from it. */
static bool scan_map(scan *in, const tr_item *item) {
    char flaw[400] = "";
    tr_dict_scan map = {in->at, in->left, in->end, TROUPE_OK, flaw, sizeof flaw};
    const bool good = tr_dict_judge(&map, item);
    in->at = map.at;
    in->left = map.left;
    in->end = map.end;
    if (good) return true;
    in->err = map.err;
    if (!in->why || !in->room) return false;
    tr_sheet to = tr_sheet_on(in->why, in->room);
    put_path(&to, in);
    tr_sheet_put(&to, "%s", flaw);
    return false;
}

/* A float of 8 bytes is a float of 4 if nothing of it is lost. */
static bool is_narrow(const tr_item *item) {
    double wide;
    if (item->head == 5) return true;
    memcpy(&wide, &item->number, sizeof wide);
    return wide != wide || (double)(float)wide == wide;
}

static bool scan_struct(scan *in, const troupe_type *type, const tr_item *item, unsigned depth);
static bool scan_one_of(scan *in, const troupe_one_of *of, const tr_item *item, unsigned depth);

/* One value, whose head was read. */
static bool scan_value(scan *in, const troupe_field *field, const tr_item *item, unsigned depth) {
    tr_form form = item->form;
    switch (field->kind) {
    case TROUPE_BOOL:
        if (form == TR_FORM_BOOL) return true;
        break;
    case TROUPE_I8:
    case TROUPE_I16:
    case TROUPE_I32:
    case TROUPE_I64:
    case TROUPE_U8:
    case TROUPE_U16:
    case TROUPE_U32:
    case TROUPE_U64:
        if (is_integer_of(field->kind, item)) return true;
        break;
    case TROUPE_F32:
        if (form == TR_FORM_FLOAT) return is_narrow(item) || wrong(in, "no f32 is so precise");
        break;
    case TROUPE_F64:
        if (form == TR_FORM_FLOAT) return true;
        break;
    case TROUPE_TEXT:
        if (form != TR_FORM_TEXT) break;
        return item->number <= in->left ? scan_text(in, (size_t)item->number) : truncated(in);
    case TROUPE_BYTES:
        if (form != TR_FORM_BYTES) break;
        return item->number <= in->left ? scan_bytes(in, (size_t)item->number) : truncated(in);
    case TROUPE_REF:
        return scan_ref(in, item);
    case TROUPE_TIME:
        if (form == TR_FORM_EXT) return scan_time(in, item);
        break;
    case TROUPE_ENUM:
        if (!is_integer_of(TROUPE_ENUM, item)) break;
        if (tr_choice_name(field->of, (int32_t)item->number)) return true;
        return unexpected(in, "a choice of the enum", item);
    case TROUPE_STRUCT:
        return scan_struct(in, tr_field_type(field), item, depth + 1);
    case TROUPE_MAP:
        if (form == TR_FORM_MAP) return scan_map(in, item);
        break;
    case TROUPE_ONE_OF:
        return scan_one_of(in, tr_field_one_of(field), item, depth + 1);
    case TROUPE_NIL:
        if (form == TR_FORM_NIL) return true;
        break;
    }
    return unexpected(in, tr_kind_name(field->kind), item);
}

/* The values of an array or list, whose head was read. */
static bool scan_values(scan *in, level *mine, size_t values, unsigned depth) {
    for (mine->index = 0; mine->index < values; mine->index++) {
        tr_item item;
        if (!next(in, &item) || !scan_value(in, mine->field, &item, depth)) return false;
    }
    return true;
}

static bool scan_field(scan *in, level *mine, unsigned depth) {
    const troupe_field *field = mine->field;
    tr_item item;
    if (!next(in, &item)) return false;
    switch (field->shape) {
    case TROUPE_SHAPE_ONE:
        break;
    case TROUPE_SHAPE_OPTIONAL:
        if (item.form == TR_FORM_NIL) return true;
        break;
    case TROUPE_SHAPE_ARRAY:
        if (item.form != TR_FORM_ARRAY || item.number != field->count)
            return not_an_array_of(in, field->count, &item);
        return scan_values(in, mine, field->count, depth);
    case TROUPE_SHAPE_LIST:
        if (item.form != TR_FORM_ARRAY) return unexpected(in, "a list", &item);
        if (!count_list(in, &item, tr_field_step(field))) return false;
        return scan_values(in, mine, (size_t)item.number, depth);
    }
    return scan_value(in, field, &item, depth);
}

/* A field that has not come: the peer has an older version of the type. */
static TR_COLD bool scan_missing(scan *in, const troupe_field *field) {
    const size_t before = in->end;
    bool listed = false;
    for (const level *at = in->level; at; at = at->above)
        listed |= at->field->shape == TROUPE_SHAPE_LIST;
    const troupe_field *required = tr_missing_measure(field, &in->end);
    in->missed |= listed;
    if (!listed) in->given += in->end - before; /* once a message: the type says how much */
    if (required == field) return wrong(in, "is required, and has not come");
    if (required) return wrong(in, "%s in it is required, and has not come", required->name);
    return in->end < TR_MSG_LIMIT || too_big(in);
}

/* Fields behind the last that is known: the peer has a newer version of the type. */
static TR_COLD bool scan_unknown(scan *in, uint64_t fields) {
    for (; fields; fields--) {
        size_t size = 0;
        switch (tr_skip(in->at, in->left, &size)) {
        case TR_SKIPPED:
            skip(in, size);
            break;
        case TR_SKIP_CUT:
            return truncated(in);
        case TR_SKIP_DEEP:
            return wrong(in, "a field that is not known here has too many levels");
        case TR_SKIP_NONE:
            return wrong(in, "a field that is not known here has the byte 0xc1");
        }
    }
    return true;
}

/* A one-of is an array of its tag and its value. */
static bool scan_one_of(scan *in, const troupe_one_of *of, const tr_item *item, unsigned depth) {
    tr_item tag;
    if (depth > TR_LEVELS_MOST) return wrong(in, "the type has too many levels");
    if (item->form != TR_FORM_ARRAY || item->number != 2) return not_an_array_of(in, 2, item);
    if (!next(in, &tag)) return false;
    const troupe_case *is =
        is_integer_of(TROUPE_ENUM, &tag) ? tr_case_find(of, (int32_t)tag.number) : NULL;
    if (!is) return unexpected(in, "the tag of a case", &tag);
    level mine = {.above = in->level, .field = &is->field, .index = SIZE_MAX};
    in->level = &mine;
    if (!scan_field(in, &mine, depth)) return false;
    in->level = mine.above;
    return true;
}

/* A struct is an array of its fields. */
static bool scan_struct(scan *in, const troupe_type *type, const tr_item *item, unsigned depth) {
    if (depth > TR_LEVELS_MOST) return wrong(in, "the type has too many levels");
    if (item->form != TR_FORM_ARRAY) return not_an_array_of(in, type->fields, item);
    if (item->number > type->fields && item->number > in->left) return truncated(in);
    level mine = {.above = in->level, .index = SIZE_MAX};
    for (size_t i = 0; i < type->fields; i++) {
        mine.field = &type->field[i];
        mine.index = SIZE_MAX;
        in->level = &mine;
        if (!(i < item->number ? scan_field(in, &mine, depth) : scan_missing(in, mine.field)))
            return false;
    }
    in->level = mine.above;
    return item->number <= type->fields || scan_unknown(in, item->number - type->fields);
}

/* Where fields are missing, what is made of a list's values has no longer to do with their bytes
 * but by this: so many times as much, as tr_type_check asks, and less than 8 to align each list. */
static bool is_in_proportion(scan *in, size_t size) {
    enum { TIMES = TR_SPREAD_MOST + 8 };
    const size_t most = sizeof(troupe_msg) + in->type->size + in->given + TIMES * size;
    if (in->end <= most || !in->missed) return true;
    return wrong(in, "%zu bytes of memory would come of %zu", in->end, size);
}

/* The body is a struct, and then there is nothing more. */
static bool scan_body(scan *in) {
    const size_t size = in->left;
    tr_item item;
    if (!next(in, &item) || !scan_struct(in, in->type, &item, 1)) return false;
    if (in->left) return wrong(in, "%zu bytes too many", in->left);
    return is_in_proportion(in, size);
}

troupe_err tr_scan(const troupe_type *type, const void *bytes, size_t size, size_t *extra,
                   char *why, size_t room) {
    size_t large;
    return tr_scan_apart(type, bytes, size, extra, &large, why, room);
}

troupe_err tr_scan_apart(const troupe_type *type, const void *bytes, size_t size, size_t *extra,
                         size_t *large, char *why, size_t room) {
    const size_t start = sizeof(troupe_msg) + type->size;
    scan in = {.type = type, .at = bytes, .left = size, .end = start, .why = why, .room = room};
    in.err = TROUPE_MALFORMED;
    if (size > TR_MSG_LIMIT) {
        wrong(&in, "%zu bytes are over the limit", size);
        return TROUPE_TOOBIG;
    }
    if (type->size > TR_MSG_LIMIT - sizeof(troupe_msg)) {
        too_big(&in);
        return TROUPE_TOOBIG;
    }
    if (!scan_body(&in)) return in.err;
    *extra = in.end - start;
    *large = in.large;
    return TROUPE_OK;
}
