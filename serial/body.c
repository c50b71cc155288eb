#include "serial/body.h"

#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/dict.h"
#include "serial/one_of.h"
#include "serial/type.h"

_Static_assert(TR_LIST_ALIGN == 8, "tr_body_align rounds up to that");

/* --- How much --------------------------------------------------------------------------------- */

/* Adds to a size; false if that would pass the limit. */
static bool add(size_t *sum, size_t more) {
    if (more > TR_MSG_LIMIT - *sum) return false;
    *sum += more;
    return true;
}

static troupe_err measure(const troupe_type *type, const void *body, size_t *end, unsigned depth);
static troupe_err measure_one_of(const troupe_one_of *of, const void *at, size_t *end,
                                 unsigned depth);

/* The values of a list, without what belongs to them. */
static troupe_err measure_list(tr_values all, size_t *end) {
    if (!all.count) return TROUPE_OK;
    if (!all.at) return TROUPE_INVALID;
    if (all.step && all.count > TR_MSG_LIMIT / all.step) return TROUPE_TOOBIG;
    size_t start = tr_body_align(*end);
    if (!add(end, start - *end) || !add(end, all.count * all.step)) return TROUPE_TOOBIG;
    return TROUPE_OK;
}

/* What belongs to a value that is not flat. */
static troupe_err measure_value(const troupe_field *field, const void *at, size_t *end,
                                unsigned depth) {
    size_t size;
    if (field->kind == TROUPE_STRUCT) return measure(tr_field_type(field), at, end, depth + 1);
    if (field->kind == TROUPE_ONE_OF)
        return measure_one_of(tr_field_one_of(field), at, end, depth + 1);
    if (field->kind == TROUPE_MAP) return tr_dict_measure(at, end);
    if (field->kind == TROUPE_TEXT) {
        size = strlen(tr_text_get(at)) + 1;
    } else {
        troupe_bytes bytes = tr_bytes_get(at);
        if (bytes.size && !bytes.data) return TROUPE_INVALID;
        size = bytes.size;
    }
    return add(end, size) ? TROUPE_OK : TROUPE_TOOBIG;
}

static troupe_err measure_field(const troupe_field *field, const void *body, size_t *end,
                                unsigned depth) {
    troupe_err err = TROUPE_OK;
    bool list = field->shape == TROUPE_SHAPE_LIST, deep = !tr_value_is_flat(field);
    if (!list && !deep) return TROUPE_OK;
    tr_values all = tr_field_values(field, body);
    if (list) err = measure_list(all, end);
    for (size_t n = 0; deep && n < all.count && !err; n++)
        err = measure_value(field, all.at + n * all.step, end, depth);
    return err;
}

static troupe_err measure_one_of(const troupe_one_of *of, const void *at, size_t *end,
                                 unsigned depth) {
    const troupe_case *is = tr_case_get(of, at);
    if (depth > TR_LEVELS_MOST || !is) return TROUPE_INVALID;
    return measure_field(&is->field, at, end, depth);
}

static troupe_err measure(const troupe_type *type, const void *body, size_t *end, unsigned depth) {
    if (depth > TR_LEVELS_MOST) return TROUPE_INVALID;
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; i < type->fields && !err; i++)
        err = measure_field(&type->field[i], body, end, depth);
    return err;
}

troupe_err tr_body_measure(const troupe_type *type, const void *body, size_t *end) {
    return measure(type, body, end, 1);
}

/* --- Where to --------------------------------------------------------------------------------- */

/* A message that is being laid out. */
typedef struct room {
    char *start; /* of the message */
    size_t end;  /* what it has so far */
} room;

static void settle(const troupe_type *type, void *body, room *to);
static void settle_field(const troupe_field *field, void *body, room *to);

/* Copies bytes behind what is there. Without a size, `from` may be NULL. */
static const void *put(room *to, const void *from, size_t size) {
    char *place = to->start + to->end;
    if (size) memcpy(place, from, size);
    to->end += size;
    return place;
}

static void settle_list(void *place, tr_values *all, room *to) {
    tr_many list = {NULL, all->count};
    if (all->count) {
        to->end = tr_body_align(to->end);
        list.at = put(to, all->at, all->count * all->step);
    }
    memcpy(place, &list, sizeof list);
    all->at = list.at;
}

static void settle_value(const troupe_field *field, void *at, room *to) {
    if (field->kind == TROUPE_STRUCT) {
        settle(tr_field_type(field), at, to);
    } else if (field->kind == TROUPE_ONE_OF) { /* of one of its cases, as was measured */
        settle_field(&tr_case_get(tr_field_one_of(field), at)->field, at, to);
    } else if (field->kind == TROUPE_MAP) {
        tr_dict_settle(at, to->start, &to->end);
    } else if (field->kind == TROUPE_TEXT) {
        const char *text = tr_text_get(at);
        text = put(to, text, strlen(text) + 1);
        memcpy(at, &text, sizeof text);
    } else {
        troupe_bytes bytes = tr_bytes_get(at);
        bytes.data = put(to, bytes.data, bytes.size);
        memcpy(at, &bytes, sizeof bytes);
    }
}

static void settle_field(const troupe_field *field, void *body, room *to) {
    bool list = field->shape == TROUPE_SHAPE_LIST, deep = !tr_value_is_flat(field);
    if (!list && !deep) return;
    tr_values all = tr_field_values(field, body);
    char *place = (char *)body + field->offset;
    if (list) settle_list(place, &all, to);
    if (!all.count && !list) memset(place, 0, all.step); /* an optional value, not there */
    for (size_t n = 0; deep && n < all.count; n++)
        settle_value(field, (char *)(uintptr_t)all.at + n * all.step, to);
}

static void settle(const troupe_type *type, void *body, room *to) {
    for (size_t i = 0; i < type->fields; i++) settle_field(&type->field[i], body, to);
}

void tr_body_settle(const troupe_type *type, void *body, size_t end) {
    /* The message begins where its end says, counted from the end of the struct. */
    room to = {(char *)body + type->size - end, end};
    settle(type, body, &to);
}
