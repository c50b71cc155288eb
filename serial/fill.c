#include "serial/fill.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/missing.h"
#include "serial/one_of.h"

enum { MOST = 16 << 20 }; /* bytes of all that a body points at */

/* A piece of memory for what a body points at, until its message is made of it. */
typedef struct piece {
    tr_link link;
    size_t size;
    _Alignas(16) char bytes[];
} piece;

typedef struct filler {
    const troupe_heap *heap;
    tr_fifo pieces;
    size_t taken;
    char path[192];
    size_t used; /* of the path */
    char *why;
    size_t room;
} filler;

/* --- What is wrong, and where ----------------------------------------------------------------- */

static troupe_err wrong(filler *f, troupe_err err, const char *format, ...) TROUPE_PRINTF(3, 4);

static troupe_err wrong(filler *f, troupe_err err, const char *format, ...) {
    if (!f->room) return err;
    int used = snprintf(f->why, f->room, "%s: ", f->path);
    va_list args;
    va_start(args, format);
    if (used > 0 && (size_t)used < f->room)
        (void)vsnprintf(f->why + used, f->room - (size_t)used, format, args);
    va_end(args);
    return err;
}

/* Goes one level down; the former length is for `leave`. */
static size_t enter(filler *f, const char *format, ...) TROUPE_PRINTF(2, 3);

static size_t enter(filler *f, const char *format, ...) {
    size_t before = f->used, room = sizeof f->path - before;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(f->path + before, room, format, args);
    va_end(args);
    if (used > 0) f->used += (size_t)used < room ? (size_t)used : room - 1;
    return before;
}

static void leave(filler *f, size_t before) {
    f->used = before;
    f->path[before] = 0;
}

static const char *sort_name(troupe_sort sort) {
    static const char *const names[] = {
        [TROUPE_IS_NIL] = "nil",        [TROUPE_IS_BOOL] = "bool",   [TROUPE_IS_I64] = "an integer",
        [TROUPE_IS_U64] = "an integer", [TROUPE_IS_F64] = "f64",     [TROUPE_IS_TEXT] = "text",
        [TROUPE_IS_BYTES] = "bytes",    [TROUPE_IS_TIME] = "a time", [TROUPE_IS_LIST] = "a list",
        [TROUPE_IS_MAP] = "a map"};
    return names[sort];
}

static troupe_err unlike(filler *f, const char *expected, const troupe_any *any) {
    return wrong(f, TROUPE_MALFORMED, "expected %s, got %s", expected, sort_name(any->is));
}

/* Memory, all zero, until the message is made. */
static troupe_err take(filler *f, size_t count, size_t step, void **out) {
    *out = NULL;
    if (!count || !step) return TROUPE_OK;
    if (count > (MOST - f->taken) / step)
        return wrong(f, TROUPE_TOOBIG, "%zu values of %zu bytes are too many", count, step);
    piece *p = tr_take_zero(f->heap, sizeof *p + count * step);
    if (!p) return wrong(f, TROUPE_NOMEM, "no memory");
    p->size = sizeof *p + count * step;
    f->taken += count * step;
    tr_fifo_put(&f->pieces, &p->link);
    *out = p->bytes;
    return TROUPE_OK;
}

/* --- Values ----------------------------------------------------------------------------------- */

static troupe_err fill_field(filler *f, const troupe_field *field, char *body,
                             const troupe_any *any);
static troupe_err fill_struct(filler *f, const troupe_type *type, char *body,
                              const troupe_map *map);

static const troupe_any nothing; /* nil */

/* Stores the low `size` bytes of a number; this machine's order is that of C's own types. */
static void put_integer(char *place, size_t size, uint64_t bits) {
    const uint8_t n8 = (uint8_t)bits;
    const uint16_t n16 = (uint16_t)bits;
    const uint32_t n32 = (uint32_t)bits;
    const void *from = size == 1   ? (const void *)&n8
                       : size == 2 ? (const void *)&n16
                       : size == 4 ? (const void *)&n32
                                   : (const void *)&bits;
    memcpy(place, from, size);
}

static troupe_err fill_integer(filler *f, troupe_kind kind, char *place, const troupe_any *any) {
    const tr_range range = tr_kind_range[kind];
    if (any->is != TROUPE_IS_I64 && any->is != TROUPE_IS_U64)
        return unlike(f, tr_kind_name(kind), any);
    const bool negative = any->is == TROUPE_IS_I64 && any->i64 < 0;
    const uint64_t bits = any->is == TROUPE_IS_I64 ? (uint64_t)any->i64 : any->u64;
    if (negative ? !range.least || bits < range.least : bits > range.most)
        return wrong(f, TROUPE_MALFORMED, "%s%llu is no %s", negative ? "-" : "",
                     (unsigned long long)(negative ? 0 - bits : bits), tr_kind_name(kind));
    put_integer(place, tr_kind_size(kind), bits);
    return TROUPE_OK;
}

/* The number that a value is; false: it is none. */
static bool number_of(const troupe_any *any, double *out) {
    if (any->is == TROUPE_IS_F64)
        *out = any->f64;
    else if (any->is == TROUPE_IS_I64)
        *out = (double)any->i64;
    else if (any->is == TROUPE_IS_U64)
        *out = (double)any->u64;
    else
        return false;
    return true;
}

static troupe_err fill_float(filler *f, troupe_kind kind, char *place, const troupe_any *any) {
    double number;
    if (!number_of(any, &number)) return unlike(f, tr_kind_name(kind), any);
    if (kind == TROUPE_F64) {
        memcpy(place, &number, sizeof number);
        return TROUPE_OK;
    }
    if (isfinite(number) && fabs(number) > (double)FLT_MAX)
        return wrong(f, TROUPE_MALFORMED, "%g is no f32", number);
    const float narrow = (float)number;
    memcpy(place, &narrow, sizeof narrow);
    return TROUPE_OK;
}

static troupe_err fill_bytes(filler *f, char *place, const troupe_any *any) {
    troupe_bytes bytes = {NULL, 0};
    if (any->is == TROUPE_IS_BYTES)
        bytes = any->bytes;
    else if (any->is == TROUPE_IS_TEXT)
        bytes = (troupe_bytes){any->text, strlen(any->text)};
    else
        return unlike(f, "bytes", any);
    memcpy(place, &bytes, sizeof bytes);
    return TROUPE_OK;
}

static troupe_err fill_ref(filler *f, char *place, const troupe_any *any) {
    troupe_ref ref = TROUPE_NOBODY;
    if (any->is == TROUPE_IS_LIST && any->list.count == 2) {
        troupe_err err = fill_integer(f, TROUPE_U64, (char *)&ref.node, &any->list.at[0]);
        if (!err) err = fill_integer(f, TROUPE_U64, (char *)&ref.id, &any->list.at[1]);
        if (err) return err;
    } else if (any->is != TROUPE_IS_NIL) {
        return unlike(f, "a ref, which is a list of node and id", any);
    }
    memcpy(place, &ref, sizeof ref);
    return TROUPE_OK;
}

static troupe_err fill_time(filler *f, char *place, const troupe_any *any) {
    troupe_time time = {0, 0};
    double seconds;
    if (any->is == TROUPE_IS_TIME) {
        time = any->time;
    } else if (number_of(any, &seconds) && fabs(seconds) < 1e15) {
        time.seconds = (int64_t)seconds - (seconds < (double)(int64_t)seconds); /* downwards */
        time.nanoseconds = (uint32_t)((seconds - (double)time.seconds) * 1e9);
    } else {
        return unlike(f, "a time, in seconds", any);
    }
    memcpy(place, &time, sizeof time);
    return TROUPE_OK;
}

static troupe_err fill_enum(filler *f, const troupe_enum *of, char *place, const troupe_any *any) {
    if (any->is != TROUPE_IS_TEXT) {
        troupe_err err = fill_integer(f, TROUPE_I32, place, any);
        int32_t value;
        if (err) return err;
        memcpy(&value, place, sizeof value);
        if (tr_choice_name(of, value)) return TROUPE_OK;
        return wrong(f, TROUPE_MALFORMED, "%d is none of its choices", (int)value);
    }
    for (size_t i = 0; i < of->choices; i++) {
        if (strcmp(of->choice[i].name, any->text) != 0) continue;
        put_integer(place, sizeof(int32_t), (uint64_t)of->choice[i].value);
        return TROUPE_OK;
    }
    return wrong(f, TROUPE_MALFORMED, "%s is none of its choices", any->text);
}

static troupe_err fill_one_of(filler *f, const troupe_one_of *of, char *place,
                              const troupe_any *any) {
    const bool alone = any->is == TROUPE_IS_TEXT;
    if (!alone && (any->is != TROUPE_IS_MAP || any->map.count != 1))
        return unlike(f, "one of several, which is a map of one key", any);
    const char *name = alone ? any->text : any->map.at[0].key;
    for (size_t i = 0; i < of->cases; i++) {
        const troupe_case *it = &of->when[i];
        if (strcmp(it->field.name, name) != 0) continue;
        put_integer(place + of->tag, sizeof(int32_t), (uint64_t)it->value);
        if (it->field.kind == TROUPE_NIL) return TROUPE_OK;
        return fill_field(f, &it->field, place, alone ? &nothing : &any->map.at[0].value);
    }
    return wrong(f, TROUPE_MALFORMED, "%s is none of its cases", name);
}

static troupe_err fill_text(filler *f, char *place, const troupe_any *any) {
    if (any->is != TROUPE_IS_TEXT) return unlike(f, "text", any);
    memcpy(place, &any->text, sizeof any->text);
    return TROUPE_OK;
}

static troupe_err fill_value(filler *f, const troupe_field *field, char *place,
                             const troupe_any *any) {
    switch (field->kind) {
    case TROUPE_BOOL:
        if (any->is != TROUPE_IS_BOOL) return unlike(f, "bool", any);
        memcpy(place, &any->truth, sizeof any->truth);
        return TROUPE_OK;
    case TROUPE_F32:
    case TROUPE_F64:
        return fill_float(f, field->kind, place, any);
    case TROUPE_TEXT:
        return fill_text(f, place, any);
    case TROUPE_BYTES:
        return fill_bytes(f, place, any);
    case TROUPE_REF:
        return fill_ref(f, place, any);
    case TROUPE_TIME:
        return fill_time(f, place, any);
    case TROUPE_ENUM:
        return fill_enum(f, field->of, place, any);
    case TROUPE_ONE_OF:
        return fill_one_of(f, field->of, place, any);
    case TROUPE_STRUCT:
        if (any->is != TROUPE_IS_MAP) return unlike(f, "a map of its fields", any);
        return fill_struct(f, field->of, place, &any->map);
    case TROUPE_MAP:
        if (any->is != TROUPE_IS_MAP) return unlike(f, "a map", any);
        memcpy(place, &any->map, sizeof any->map);
        return TROUPE_OK;
    case TROUPE_NIL:
        return TROUPE_OK;
    default:
        return fill_integer(f, field->kind, place, any);
    }
}

/* --- Fields ----------------------------------------------------------------------------------- */

static troupe_err fill_values(filler *f, const troupe_field *field, char *place,
                              const troupe_any_list *list) {
    const size_t step = tr_field_step(field);
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; i < list->count && !err; i++) {
        size_t before = enter(f, "[%zu]", i);
        err = fill_value(f, field, place + i * step, &list->at[i]);
        leave(f, before);
    }
    return err;
}

/* `body` is all zero there. */
static troupe_err fill_field(filler *f, const troupe_field *field, char *body,
                             const troupe_any *any) {
    char *place = body + field->offset;
    const size_t step = tr_field_step(field);
    if (field->shape == TROUPE_SHAPE_ONE) return fill_value(f, field, place, any);
    if (field->shape == TROUPE_SHAPE_OPTIONAL) {
        place[step] = any->is != TROUPE_IS_NIL;
        return place[step] ? fill_value(f, field, place, any) : TROUPE_OK;
    }
    if (any->is != TROUPE_IS_LIST) return unlike(f, "a list", any);
    if (field->shape == TROUPE_SHAPE_ARRAY) {
        if (any->list.count == field->count) return fill_values(f, field, place, &any->list);
        return wrong(f, TROUPE_MALFORMED, "expected %zu values, got %zu", field->count,
                     any->list.count);
    }
    void *values;
    troupe_err err = take(f, any->list.count, step, &values);
    const tr_many many = {values, any->list.count};
    if (!err) memcpy(place, &many, sizeof many);
    return err ? err : fill_values(f, field, values, &any->list);
}

/* What stands for a field that is not there. */
static troupe_err fill_missing(filler *f, const troupe_field *field, char *body) {
    size_t size = 0, used = 0;
    void *behind;
    if (tr_missing_measure(field, &size)) return wrong(f, TROUPE_MALFORMED, "it is not there");
    troupe_err err = take(f, size, 1, &behind);
    if (!err) tr_missing_fill(field, body + field->offset, behind, &used);
    return err;
}

static bool has_field(const troupe_type *type, const char *name) {
    for (size_t i = 0; i < type->fields; i++)
        if (strcmp(type->field[i].name, name) == 0) return true;
    return false;
}

static troupe_err fill_struct(filler *f, const troupe_type *type, char *body,
                              const troupe_map *map) {
    for (size_t i = 0; i < map->count; i++)
        if (!has_field(type, map->at[i].key))
            return wrong(f, TROUPE_MALFORMED, "it has no field %s", map->at[i].key);
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; i < type->fields && !err; i++) {
        const troupe_field *field = &type->field[i];
        const troupe_any *any = troupe_map_find(map, field->name);
        size_t before = enter(f, ".%s", field->name);
        err = any ? fill_field(f, field, body, any) : fill_missing(f, field, body);
        leave(f, before);
    }
    return err;
}

troupe_err tr_fill(const tr_pool *pool, const troupe_heap *heap, const troupe_type *type,
                   const troupe_map *map, troupe_msg **out, char *why, size_t room) {
    filler f = {.heap = heap, .why = why, .room = room};
    void *body;
    *out = NULL;
    (void)enter(&f, "%s", type->name);
    troupe_err err = take(&f, 1, type->size, &body);
    if (!err) err = fill_struct(&f, type, body, map);
    if (!err && (err = tr_msg_make(pool, type, body, out)))
        (void)wrong(&f, err, "%s", troupe_strerror(err));
    for (tr_link *link; (link = tr_fifo_get(&f.pieces));) {
        piece *p = TR_OWNER(link, piece, link);
        tr_give(heap, p, p->size);
    }
    return err;
}
