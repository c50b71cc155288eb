#include <inttypes.h>

#include "base/sheet.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/one_of.h"
#include "serial/share.h"

enum {
    TEXT_MOST = 40,  /* bytes of a text that are shown */
    BYTES_MOST = 8,  /* bytes of a blob */
    VALUES_MOST = 8, /* values of an array or list */
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

/* The civil date of a number of days since 1970-01-01, in years that begin in March: then the day
 * that comes and goes is the last. */
static void put_date(tr_sheet *to, int64_t days) {
    const int64_t per_era = 146097; /* days of 400 years */
    int64_t since = days + 719468, era = (since >= 0 ? since : since - per_era + 1) / per_era;
    int64_t day = since - era * per_era;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    int64_t month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    month = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (month <= 2);
    tr_sheet_put(to, "%04" PRId64 "-%02d-%02d", year, (int)month, (int)day + 1);
}

/* As ISO 8601 has it. */
static void put_time(tr_sheet *to, const troupe_time *time) {
    int64_t days = time->seconds / 86400, second = time->seconds % 86400;
    if (second < 0) {
        second += 86400;
        days--;
    }
    put_date(to, days);
    tr_sheet_put(to, "T%02d:%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60),
                 (int)(second % 60));
    if (time->nanoseconds) tr_sheet_put(to, ".%09" PRIu32, time->nanoseconds);
    tr_sheet_put(to, "Z");
}

static void put_choice(tr_sheet *to, const troupe_enum *of, int32_t value) {
    const char *name = tr_choice_name(of, value);
    if (name)
        tr_sheet_put(to, "%s", name);
    else
        tr_sheet_put(to, "%" PRId32, value);
}

static void put_map(tr_sheet *to, const troupe_map *map);

static void put_values(tr_sheet *to, const troupe_any_list *list);

static void put_value_of_map(tr_sheet *to, const troupe_any *value) {
    switch (value->is) {
    case TROUPE_IS_NIL:
        tr_sheet_put(to, "nil");
        return;
    case TROUPE_IS_BOOL:
        tr_sheet_put(to, "%s", value->truth ? "true" : "false");
        return;
    case TROUPE_IS_I64:
        tr_sheet_put(to, "%" PRId64, value->i64);
        return;
    case TROUPE_IS_U64:
        tr_sheet_put(to, "%" PRIu64, value->u64);
        return;
    case TROUPE_IS_F64:
        tr_sheet_put(to, "%g", value->f64);
        return;
    case TROUPE_IS_TEXT:
        tr_sheet_quote(to, value->text, TEXT_MOST);
        return;
    case TROUPE_IS_BYTES:
        put_bytes(to, &value->bytes);
        return;
    case TROUPE_IS_TIME:
        put_time(to, &value->time);
        return;
    case TROUPE_IS_LIST:
        put_values(to, &value->list);
        return;
    case TROUPE_IS_MAP:
        put_map(to, &value->map);
    }
}

static void put_values(tr_sheet *to, const troupe_any_list *list) {
    tr_sheet_put(to, "[");
    for (size_t i = 0; i < list->count && i < VALUES_MOST; i++) {
        if (i) tr_sheet_put(to, ", ");
        put_value_of_map(to, &list->at[i]);
    }
    if (list->count > VALUES_MOST) tr_sheet_put(to, ", ... (%zu)", list->count);
    tr_sheet_put(to, "]");
}

/* Keys are in quotes, so that they are told from fields. */
static void put_map(tr_sheet *to, const troupe_map *map) {
    tr_sheet_put(to, "{");
    for (size_t i = 0; i < map->count && i < VALUES_MOST; i++) {
        if (i) tr_sheet_put(to, ", ");
        tr_sheet_quote(to, map->at[i].key, TEXT_MOST);
        tr_sheet_put(to, ": ");
        put_value_of_map(to, &map->at[i].value);
    }
    if (map->count > VALUES_MOST) tr_sheet_put(to, ", ... (%zu)", map->count);
    tr_sheet_put(to, "}");
}

static void put_struct(tr_sheet *to, const troupe_type *type, const void *body);
static void put_one_of(tr_sheet *to, const troupe_one_of *of, const void *at);

/* Each value is aligned as its kind asks: the type is sound, or the message could not be. */
static void put_value(tr_sheet *to, const troupe_field *field, const void *at) {
    switch (field->kind) {
    case TROUPE_BOOL:
        tr_sheet_put(to, "%s", *(const bool *)at ? "true" : "false");
        return;
    case TROUPE_I8:
        tr_sheet_put(to, "%d", *(const int8_t *)at);
        return;
    case TROUPE_I16:
        tr_sheet_put(to, "%d", *(const int16_t *)at);
        return;
    case TROUPE_I32:
        tr_sheet_put(to, "%" PRId32, *(const int32_t *)at);
        return;
    case TROUPE_I64:
        tr_sheet_put(to, "%" PRId64, *(const int64_t *)at);
        return;
    case TROUPE_U8:
        tr_sheet_put(to, "%d", *(const uint8_t *)at);
        return;
    case TROUPE_U16:
        tr_sheet_put(to, "%d", *(const uint16_t *)at);
        return;
    case TROUPE_U32:
        tr_sheet_put(to, "%" PRIu32, *(const uint32_t *)at);
        return;
    case TROUPE_U64:
        tr_sheet_put(to, "%" PRIu64, *(const uint64_t *)at);
        return;
    case TROUPE_F32:
        tr_sheet_put(to, "%g", (double)*(const float *)at);
        return;
    case TROUPE_F64:
        tr_sheet_put(to, "%g", *(const double *)at);
        return;
    case TROUPE_TEXT:
        tr_sheet_quote(to, tr_text_get(at), TEXT_MOST);
        return;
    case TROUPE_BYTES:
        put_bytes(to, at);
        return;
    case TROUPE_REF:
        put_ref(to, at);
        return;
    case TROUPE_TIME:
        put_time(to, at);
        return;
    case TROUPE_ENUM:
        put_choice(to, field->of, *(const int32_t *)at);
        return;
    case TROUPE_STRUCT:
        put_struct(to, tr_field_type(field), at);
        return;
    case TROUPE_MAP:
        put_map(to, at);
        return;
    case TROUPE_ONE_OF:
        put_one_of(to, tr_field_one_of(field), at);
        return;
    case TROUPE_NIL:
        return;
    }
}

static void put_field(tr_sheet *to, const troupe_field *field, const void *body) {
    const tr_values all = tr_field_values(field, body);
    const bool many = field->shape == TROUPE_SHAPE_ARRAY || field->shape == TROUPE_SHAPE_LIST;
    if (!many && !all.count) {
        tr_sheet_put(to, "none");
        return;
    }
    if (many) tr_sheet_put(to, "[");
    for (size_t i = 0; i < all.count && i < VALUES_MOST; i++) {
        if (i) tr_sheet_put(to, ", ");
        put_value(to, field, all.at + i * all.step);
    }
    if (all.count > VALUES_MOST) tr_sheet_put(to, ", ... (%zu)", all.count);
    if (many) tr_sheet_put(to, "]");
}

/* `CIRCLE 2.5` */
static void put_one_of(tr_sheet *to, const troupe_one_of *of, const void *at) {
    const troupe_case *is = tr_case_get(of, at);
    if (!is) {
        tr_sheet_put(to, "%" PRId32, tr_tag_get(of, at));
        return;
    }
    tr_sheet_put(to, "%s%s", is->field.name, is->field.kind == TROUPE_NIL ? "" : " ");
    put_field(to, &is->field, at);
}

static void put_struct(tr_sheet *to, const troupe_type *type, const void *body) {
    for (size_t i = 0; i < type->fields && !to->full; i++) {
        tr_sheet_put(to, "%s%s: ", i ? ", " : "{", type->field[i].name);
        put_field(to, &type->field[i], body);
    }
    tr_sheet_put(to, "}");
}

size_t troupe_print(const troupe_msg *msg, char *text, size_t room) {
    if (!room) return 0;
    msg = tr_msg_content(msg);
    tr_sheet to = tr_sheet_on(text, room);
    tr_sheet_put(&to, "%s", msg->type->name);
    if (msg->type->fields) {
        tr_sheet_put(&to, " ");
        put_struct(&to, msg->type, msg + 1);
    }
    tr_sheet_end(&to);
    return to.used;
}
