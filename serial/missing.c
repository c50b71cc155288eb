#include "serial/missing.h"

#include <string.h>

#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/one_of.h"
#include "serial/time.h"
#include "serial/utf8.h"

const char troupe_required = 0;

/* The value that the field says; NULL: none. */
static const void *given(const troupe_field *field) {
    return field->missing == &troupe_required ? NULL : field->missing;
}

/* An enum or one-of is zero where nothing is said, if that is one of its choices or tags. */
static bool is_required(const troupe_field *field) {
    if (field->missing == &troupe_required) return true;
    if (field->missing) return false;
    if (field->shape == TROUPE_SHAPE_LIST || field->shape == TROUPE_SHAPE_OPTIONAL) return false;
    if (field->kind == TROUPE_ONE_OF) return !tr_case_find(field->of, 0);
    return field->kind == TROUPE_ENUM && !tr_choice_name(field->of, 0);
}

/* What goes with the tag of a one-of that did not come; the field is not required. */
static const troupe_field *case_of(const troupe_field *field) {
    return &tr_case_find(field->of, 0)->field;
}

/* How many values there are of a field that did not come. */
static size_t values_of(const troupe_field *field) {
    if (field->shape == TROUPE_SHAPE_ARRAY) return field->count;
    return field->shape == TROUPE_SHAPE_ONE;
}

static const char *text_of(const troupe_field *field) {
    return given(field) ? tr_text_get(given(field)) : "";
}

static troupe_bytes bytes_of(const troupe_field *field) {
    return given(field) ? tr_bytes_get(given(field)) : (troupe_bytes){NULL, 0};
}

/* --- How much --------------------------------------------------------------------------------- */

static const troupe_field *measure_struct(const troupe_type *type, size_t *end) {
    const troupe_field *required = NULL;
    for (size_t i = 0; i < type->fields && !required; i++)
        required = tr_missing_measure(&type->field[i], end);
    return required;
}

const troupe_field *tr_missing_measure(const troupe_field *field, size_t *end) {
    if (is_required(field)) return field;
    const size_t values = values_of(field);
    const troupe_field *required = NULL;
    size_t each = 0; /* they are all alike */
    if (!values) return NULL;
    if (field->kind == TROUPE_TEXT) each = strlen(text_of(field)) + 1;
    if (field->kind == TROUPE_BYTES) each = bytes_of(field).size;
    if (field->kind == TROUPE_STRUCT) required = measure_struct(tr_field_type(field), &each);
    if (field->kind == TROUPE_ONE_OF) required = tr_missing_measure(case_of(field), &each);
    const size_t most = TR_MSG_LIMIT - *end;
    *end += each > most / values ? most : each * values;
    return required;
}

/* --- Filling in ------------------------------------------------------------------------------- */

static const void *put(char *start, size_t *end, const void *from, size_t size) {
    char *place = start + *end;
    if (size) memcpy(place, from, size);
    *end += size;
    return place;
}

static void fill_value(const troupe_field *field, char *place, char *start, size_t *end) {
    if (field->kind == TROUPE_TEXT) {
        const char *text = text_of(field);
        text = put(start, end, text, strlen(text) + 1);
        memcpy(place, &text, sizeof text);
    } else if (field->kind == TROUPE_BYTES) {
        troupe_bytes bytes = bytes_of(field);
        bytes.data = put(start, end, bytes.data, bytes.size);
        memcpy(place, &bytes, sizeof bytes);
    } else if (field->kind == TROUPE_STRUCT) {
        const troupe_type *type = tr_field_type(field);
        for (size_t i = 0; i < type->fields; i++)
            tr_missing_fill(&type->field[i], place + type->field[i].offset, start, end);
    } else if (field->kind == TROUPE_ONE_OF) { /* the tag is zero */
        tr_missing_fill(case_of(field), place + case_of(field)->offset, start, end);
    } else if (given(field)) {
        memcpy(place, given(field), tr_field_step(field));
    }
}

void tr_missing_fill(const troupe_field *field, char *place, char *start, size_t *end) {
    const size_t values = values_of(field), step = tr_field_step(field);
    for (size_t i = 0; i < values; i++) fill_value(field, place + i * step, start, end);
}

/* --- Is it sound? ----------------------------------------------------------------------------- */

static bool is_time(const void *value) {
    troupe_time time;
    memcpy(&time, value, sizeof time);
    return tr_time_is(time);
}

static bool is_choice(const troupe_field *field, const void *value) {
    int32_t chosen;
    memcpy(&chosen, value, sizeof chosen);
    return tr_choice_name(field->of, chosen) != NULL;
}

const char *tr_missing_flaw(const troupe_field *field) {
    const void *value = given(field);
    if (!value) return NULL;
    if (field->shape != TROUPE_SHAPE_ONE) return "only one value can have another than none";
    if (field->kind == TROUPE_STRUCT) return "the fields of its struct say what they are without";
    if (field->kind == TROUPE_ONE_OF)
        return "without one it is the one-of's case of 0, or required";
    if (field->kind == TROUPE_MAP) return "a map that has not come is empty, or required";
    if (field->kind == TROUPE_TEXT && tr_utf8_flaw(text_of(field), strlen(text_of(field))))
        return "its text for want of one is not UTF-8";
    if (field->kind == TROUPE_BYTES && bytes_of(field).size && !bytes_of(field).data)
        return "its bytes for want of any have a size but no address";
    if (field->kind == TROUPE_TIME && !is_time(value)) return "its time for want of one is none";
    if (field->kind == TROUPE_ENUM && !is_choice(field, value))
        return "its choice for want of one is none";
    return NULL;
}
