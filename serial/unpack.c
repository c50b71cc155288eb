#include <stdio.h>
#include <string.h>

#include "serial/body.h"
#include "serial/codec.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/missing.h"
#include "serial/dict_wire.h"
#include "serial/one_of.h"
#include "serial/quick.h"
#include "serial/scan.h"
#include "serial/skip.h"
#include "serial/time.h"

/* Bytes that were scanned, so that all is there and of the right shape; and the message that they
 * become, laid out as serial/body.h says. */
typedef struct source {
    const unsigned char *at;
    size_t left;
    char *start; /* of the message */
    size_t end;  /* what it has so far */
    bool landed; /* they are part of it already: what is large may stay where it is */
} source;

static TR_INLINE void skip(source *in, size_t size) {
    in->at += size;
    in->left -= size;
}

static TR_INLINE void next(source *in, tr_item *item) {
    TR_CHECK(tr_item_read(in->at, in->left, item));
    skip(in, item->head);
}

/* Takes a piece of what follows; its place behind the message is returned. */
static char *take(source *in, size_t size) {
    char *place = in->start + in->end;
    memcpy(place, in->at, size);
    in->end += size;
    skip(in, size);
    return place;
}

/* --- Values ----------------------------------------------------------------------------------- */

/* Stores the low bytes of a number. */
static void fill_integer(void *place, size_t size, uint64_t number) {
    switch (size) {
    case 1:
        memcpy(place, &(uint8_t){(uint8_t)number}, 1);
        return;
    case 2:
        memcpy(place, &(uint16_t){(uint16_t)number}, 2);
        return;
    case 4:
        memcpy(place, &(uint32_t){(uint32_t)number}, 4);
        return;
    default:
        memcpy(place, &number, 8);
    }
}

/* A float came as one of 4 bytes or of 8, whichever is wanted. */
static void fill_float(void *place, bool narrow, const tr_item *item) {
    const uint32_t low = (uint32_t)item->number;
    float single;
    double wide;
    memcpy(&single, &low, sizeof single);
    memcpy(&wide, &item->number, sizeof wide);
    if (item->head == 5)
        wide = single;
    else if (narrow)
        single = (float)wide;
    if (narrow)
        memcpy(place, &single, sizeof single);
    else
        memcpy(place, &wide, sizeof wide);
}

static void fill_text(source *in, void *place, size_t size) {
    const char *text = take(in, size);
    in->start[in->end++] = '\0';
    memcpy(place, &text, sizeof text);
}

static void fill_bytes(source *in, void *place, size_t size) {
    troupe_bytes bytes = {in->at, size};
    if (in->landed && size >= TR_STAYS_LEAST)
        skip(in, size);
    else
        bytes.data = take(in, size);
    memcpy(place, &bytes, sizeof bytes);
}

static void fill_ref(source *in, void *place) {
    tr_item node, id;
    next(in, &node);
    next(in, &id);
    memcpy(place, &(troupe_ref){node.number, id.number}, sizeof(troupe_ref));
}

static void fill_time(source *in, size_t head, void *place) {
    troupe_time time;
    size_t size = 0;
    in->at -= head;
    in->left += head;
    TR_CHECK(tr_time_read(in->at, in->left, &time, &size) == TR_TIME_READ);
    skip(in, size);
    memcpy(place, &time, sizeof time);
}

static void fill_map(source *in, size_t count, troupe_map *map) {
    tr_dict_source from = {in->at, in->left, in->start, in->end};
    tr_dict_fill(&from, count, map);
    in->at = from.at;
    in->left = from.left;
    in->end = from.end;
}

static void fill_struct(source *in, const troupe_type *type, uint64_t sent, char *body);
static void fill_one_of(source *in, const troupe_one_of *of, char *place);

/* One value, whose head was read. */
static void fill_value(source *in, const troupe_field *field, const tr_item *item, char *place) {
    switch (field->kind) {
    case TROUPE_BOOL:
        memcpy(place, &(bool){item->number != 0}, sizeof(bool));
        return;
    case TROUPE_F32:
    case TROUPE_F64:
        fill_float(place, field->kind == TROUPE_F32, item);
        return;
    case TROUPE_TEXT:
        fill_text(in, place, (size_t)item->number);
        return;
    case TROUPE_BYTES:
        fill_bytes(in, place, (size_t)item->number);
        return;
    case TROUPE_REF:
        fill_ref(in, place);
        return;
    case TROUPE_TIME:
        fill_time(in, item->head, place);
        return;
    case TROUPE_STRUCT:
        fill_struct(in, tr_field_type(field), item->number, place);
        return;
    case TROUPE_MAP:
        fill_map(in, (size_t)item->number, (void *)place);
        return;
    case TROUPE_ONE_OF:
        fill_one_of(in, tr_field_one_of(field), place);
        return;
    case TROUPE_NIL:
        return;
    default:
        fill_integer(place, tr_field_step(field), item->number);
    }
}

/* --- Structs ---------------------------------------------------------------------------------- */

static void fill_values(source *in, const troupe_field *field, size_t count, char *place) {
    const size_t step = tr_field_step(field);
    for (size_t i = 0; i < count; i++) {
        tr_item item;
        next(in, &item);
        fill_value(in, field, &item, place + i * step);
    }
}

/* The values of a list come first; what belongs to them follows one by one. */
static void fill_list(source *in, const troupe_field *field, size_t count, char *place) {
    tr_many list = {NULL, count};
    if (count) {
        size_t size = count * tr_field_step(field);
        in->end = tr_body_align(in->end);
        char *values = in->start + in->end;
        list.at = memset(values, 0, size);
        in->end += size;
        fill_values(in, field, count, values);
    }
    memcpy(place, &list, sizeof list);
}

static void fill_field(source *in, const troupe_field *field, char *place) {
    tr_item item;
    next(in, &item);
    switch (field->shape) {
    case TROUPE_SHAPE_ONE:
        fill_value(in, field, &item, place);
        return;
    case TROUPE_SHAPE_OPTIONAL:
        if (item.form == TR_FORM_NIL) return; /* all zero: it has none */
        fill_value(in, field, &item, place);
        place[tr_field_step(field)] = 1;
        return;
    case TROUPE_SHAPE_ARRAY:
        fill_values(in, field, field->count, place);
        return;
    case TROUPE_SHAPE_LIST:
        fill_list(in, field, (size_t)item.number, place);
    }
}

/* What a newer version of the type has behind the fields that are known. */
static TR_COLD void pass_over(source *in, uint64_t fields) {
    for (; fields; fields--) {
        size_t size = 0;
        TR_CHECK(tr_skip(in->at, in->left, &size) == TR_SKIPPED);
        skip(in, size);
    }
}

/* The head of its array was read. */
static void fill_one_of(source *in, const troupe_one_of *of, char *place) {
    tr_item tag;
    next(in, &tag);
    fill_integer(place + of->tag, sizeof(int32_t), tag.number);
    const troupe_field *field = &tr_case_find(of, (int32_t)tag.number)->field;
    fill_field(in, field, place + field->offset);
}

/* The head of its array was read, which says how many fields were sent. */
static void fill_struct(source *in, const troupe_type *type, uint64_t sent, char *body) {
    for (size_t i = 0; i < type->fields; i++) {
        const troupe_field *field = &type->field[i];
        if (TR_LIKELY(i < sent))
            fill_field(in, field, body + field->offset);
        else
            tr_missing_fill(field, body + field->offset, in->start, &in->end);
    }
    if (TR_UNLIKELY(sent > type->fields)) pass_over(in, sent - type->fields);
}

/* Fills a new message with what was scanned. */
static void fill(troupe_msg *msg, const unsigned char *bytes, size_t size, bool landed) {
    const troupe_type *type = msg->type;
    source in = {bytes, size, (char *)msg, sizeof(troupe_msg) + type->size, landed};
    tr_item array;
    next(&in, &array);
    fill_struct(&in, type, array.number, tr_msg_body(msg));
}

static void tell(char *why, size_t room, const troupe_type *type, const char *what) {
    if (why && room) snprintf(why, room, "%s: %s", type->name, what);
}

troupe_err tr_unpack_any(const tr_pool *pool, const troupe_type *type, const void *bytes,
                         size_t size, troupe_msg **out, char *why, size_t room) {
    size_t extra = 0;
    *out = NULL;
    troupe_err err = tr_scan(type, bytes, size, &extra, why, room);
    if (err) return err;
    err = tr_msg_take(pool, type, extra, out);
    if (err) {
        tell(why, room, type, troupe_strerror(err));
        return err;
    }
    fill(*out, bytes, size, false);
    return TROUPE_OK;
}

troupe_err tr_unpack(const tr_pool *pool, const troupe_type *type, const void *bytes, size_t size,
                     troupe_msg **out, char *why, size_t room) {
    troupe_err err = tr_quick(pool, type, bytes, size, out);
    if (!err) return TROUPE_OK;
    if (err == TROUPE_LATER) return tr_unpack_any(pool, type, bytes, size, out, why, room);
    tell(why, room, type, troupe_strerror(err));
    return err;
}

/* --- What lands in its message ---------------------------------------------------------------- */

enum { IN_FRONT = 1024 }; /* bytes for what belongs to the struct, and does not stay */

static unsigned char *landing_of(troupe_msg *msg) {
    return (unsigned char *)tr_msg_body(msg) + msg->type->size + IN_FRONT;
}

troupe_err tr_landing_make(const tr_pool *pool, const troupe_type *type, size_t size,
                           troupe_msg **out, unsigned char **at) {
    *out = NULL;
    if (size > TR_MSG_LIMIT - IN_FRONT) return TROUPE_TOOBIG;
    troupe_err err = tr_msg_take(pool, type, IN_FRONT + size, out);
    if (!err) *at = landing_of(*out);
    return err;
}

troupe_err tr_unpack_landed(const tr_pool *pool, troupe_msg **landing, size_t size,
                            troupe_msg **out, char *why, size_t room) {
    const troupe_type *type = (*landing)->type;
    unsigned char *bytes = landing_of(*landing);
    size_t extra, large;
    *out = NULL;
    troupe_err err = tr_scan_apart(type, bytes, size, &extra, &large, why, room);
    if (err) return err;
    if (extra - large > IN_FRONT) return tr_unpack_any(pool, type, bytes, size, out, why, room);
    fill(*landing, bytes, size, true);
    *out = *landing;
    *landing = NULL;
    return TROUPE_OK;
}
