#include "serial/quick.h"

#include <string.h>

#include "base/order.h"
#include "serial/body.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/one_of.h"
#include "serial/time.h"
#include "serial/utf8.h"

/* A body that is being read. Its pointers are offsets until it is known where it will be. Where the
 * next byte is goes from function to function instead, so that it need not be looked up after each
 * byte that is stored; NULL says that it is not as usual. */
typedef struct quick {
    const unsigned char *past; /* the last of the bytes */
    size_t end;                /* of what is laid out */
    size_t pointers;
    uint16_t pointer[TR_QUICK_POINTERS]; /* where they are */
    _Alignas(16) unsigned char body[TR_QUICK_MOST];
} quick;

typedef const unsigned char *place; /* of the next byte; NULL: there is none that would do */

_Static_assert(TR_QUICK_MOST <= UINT16_MAX, "a place is told by 16 bits");

static TR_INLINE size_t left(const quick *in, place at) {
    return (size_t)(in->past - at);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static TR_INLINE uint64_t load2(place at) {
    uint16_t big;
    memcpy(&big, at, sizeof big);
    return tr_big2(big);
}

static TR_INLINE uint64_t load4(place at) {
    uint32_t big;
    memcpy(&big, at, sizeof big);
    return tr_big4(big);
}

static TR_INLINE uint64_t load8(place at) {
    uint64_t big;
    memcpy(&big, at, sizeof big);
    return tr_big8(big);
}

/* An integer, and whether it is below 0. */
typedef struct integer {
    uint64_t number;
    bool below;
} integer;

/* One behind its lead byte, of 2^(lead mod 4) bytes. */
static TR_INLINE place long_integer(const quick *in, place at, integer *to) {
    const unsigned lead = *at++;
    const size_t width = (size_t)1 << (lead & 3);
    if (lead < 0xCC || lead > 0xD3 || left(in, at) < width) return NULL;
    uint64_t number = width == 1   ? at[0]
                      : width == 2 ? load2(at)
                      : width == 4 ? load4(at)
                                   : load8(at);
    to->below = false;
    if (lead >= 0xD0) { /* its top bit is that of the number */
        const unsigned above = 64 - 8 * (unsigned)width;
        number = (uint64_t)((int64_t)(number << above) >> above);
        to->below = number >> 63;
    }
    to->number = number;
    return at + width;
}

static TR_INLINE place read_number(const quick *in, place at, integer *to) {
    if (at == in->past) return NULL;
    const unsigned lead = *at;
    if (lead >= 0x80 && lead < 0xE0) return long_integer(in, at, to);
    *to = (integer){lead < 0x80 ? lead : (uint64_t)(int8_t)lead, lead >= 0x80};
    return at + 1;
}

/* One that the kind can be, to its place. */
static TR_INLINE place read_integer(const quick *in, place at, troupe_kind kind, size_t size,
                                    unsigned char *to) {
    const tr_range *range = &tr_kind_range[kind];
    integer it;
    at = read_number(in, at, &it);
    if (!at) return NULL;
    const uint64_t number = it.number;
    if (it.below ? !range->least || number < range->least : number > range->most) return NULL;
    if (size == 8)
        memcpy(to, &number, 8);
    else if (size == 4)
        memcpy(to, &(uint32_t){(uint32_t)number}, 4);
    else if (size == 2)
        memcpy(to, &(uint16_t){(uint16_t)number}, 2);
    else
        memcpy(to, &(uint8_t){(uint8_t)number}, 1);
    return at;
}

static TR_INLINE place read_bool(const quick *in, place at, unsigned char *to) {
    if (at == in->past || (*at | 1) != 0xC3) return NULL;
    *to = *at & 1;
    return at + 1;
}

static TR_INLINE place read_f64(const quick *in, place at, unsigned char *to) {
    if (left(in, at) < 9 || *at != 0xCB) return NULL;
    memcpy(to, &(uint64_t){load8(at + 1)}, 8);
    return at + 9;
}

static TR_INLINE place read_f32(const quick *in, place at, unsigned char *to) {
    if (left(in, at) < 5 || *at != 0xCA) return NULL;
    memcpy(to, &(uint32_t){(uint32_t)load4(at + 1)}, 4);
    return at + 5;
}

/* --- What is behind the struct ---------------------------------------------------------------- */

/* Takes room for `size` bytes; NULL: there is not so much. */
static TR_INLINE unsigned char *room(quick *in, size_t size) {
    if (size > TR_QUICK_MOST - in->end) return NULL;
    in->end += size;
    return in->body + in->end - size;
}

/* Has a pointer point at what is there. False: there are too many pointers. */
static TR_INLINE bool point(quick *in, unsigned char *pointer, const unsigned char *to) {
    if (in->pointers == TR_QUICK_POINTERS) return false;
    in->pointer[in->pointers++] = (uint16_t)(pointer - in->body);
    memcpy(pointer, &(uintptr_t){(uintptr_t)(to - in->body)}, sizeof(uintptr_t));
    return true;
}

/* How many bytes follow the head of a text or of bytes whose longer forms begin with `lead`. */
static TR_INLINE place long_head(const quick *in, place at, unsigned lead, size_t *size) {
    if (left(in, at) < 2) return NULL;
    *size = at[1];
    if (*at == lead) return at + 2;
    if (*at != lead + 1 || left(in, at) < 3) return NULL;
    *size = (size_t)load2(at + 1);
    return at + 3;
}

static TR_INLINE place read_text(quick *in, place at, unsigned char *to) {
    if (at == in->past) return NULL;
    size_t size = *at & 0x1F;
    at = (*at & 0xE0) == 0xA0 ? at + 1 : long_head(in, at, 0xD9, &size);
    if (!at || size > left(in, at)) return NULL;
    unsigned char *text = room(in, size + 1);
    if (!text || !point(in, to, text)) return NULL;
    if (!tr_utf8_copy_plain(text, at, size)) {
        if (tr_utf8_flaw(at, size)) return NULL;
        memcpy(text, at, size);
    }
    text[size] = '\0';
    return at + size;
}

static TR_INLINE place read_bytes(quick *in, place at, unsigned char *to) {
    size_t size = 0;
    at = long_head(in, at, 0xC4, &size);
    if (!at || size > left(in, at)) return NULL;
    unsigned char *bytes = room(in, size);
    if (!bytes || !point(in, to + offsetof(troupe_bytes, data), bytes)) return NULL;
    memcpy(bytes, at, size);
    memcpy(to + offsetof(troupe_bytes, size), &size, sizeof size);
    return at + size;
}

/* --- Other values ----------------------------------------------------------------------------- */

static place read_ref(const quick *in, place at, unsigned char *to) {
    integer node, id;
    if (at == in->past || *at != 0x92) return NULL;
    at = read_number(in, at + 1, &node);
    if (at) at = read_number(in, at, &id);
    if (!at || node.below || id.below) return NULL;
    memcpy(to, &(troupe_ref){node.number, id.number}, sizeof(troupe_ref));
    return at;
}

static place read_time(const quick *in, place at, unsigned char *to) {
    troupe_time time;
    size_t size = 0;
    if (tr_time_read(at, left(in, at), &time, &size) != TR_TIME_READ) return NULL;
    memcpy(to, &time, sizeof time);
    return at + size;
}

static place read_enum(const quick *in, place at, const troupe_enum *of, unsigned char *to) {
    int32_t chosen;
    at = read_integer(in, at, TROUPE_ENUM, sizeof chosen, to);
    memcpy(&chosen, to, sizeof chosen);
    return at && tr_choice_name(of, chosen) ? at : NULL;
}

static place read_struct(quick *in, place at, const troupe_type *type, unsigned char *body,
                         unsigned depth);
static place read_one_of(quick *in, place at, const troupe_one_of *of, unsigned char *to,
                         unsigned depth);

static TR_INLINE place read_value(quick *in, place at, const troupe_field *field, unsigned char *to,
                                  unsigned depth) {
    switch (field->kind) {
    case TROUPE_BOOL:
        return read_bool(in, at, to);
    case TROUPE_I8:
    case TROUPE_I16:
    case TROUPE_I32:
    case TROUPE_I64:
    case TROUPE_U8:
    case TROUPE_U16:
    case TROUPE_U32:
    case TROUPE_U64:
        return read_integer(in, at, field->kind, tr_field_step(field), to);
    case TROUPE_F32:
        return read_f32(in, at, to);
    case TROUPE_F64:
        return read_f64(in, at, to);
    case TROUPE_TEXT:
        return read_text(in, at, to);
    case TROUPE_BYTES:
        return read_bytes(in, at, to);
    case TROUPE_REF:
        return read_ref(in, at, to);
    case TROUPE_TIME:
        return read_time(in, at, to);
    case TROUPE_ENUM:
        return read_enum(in, at, field->of, to);
    case TROUPE_STRUCT:
        return read_struct(in, at, tr_field_type(field), to, depth + 1);
    case TROUPE_ONE_OF:
        return read_one_of(in, at, tr_field_one_of(field), to, depth + 1);
    case TROUPE_NIL:
        return at < in->past && *at == 0xC0 ? at + 1 : NULL;
    case TROUPE_MAP: /* goes the other way */
        break;
    }
    return NULL;
}

/* --- Structs ---------------------------------------------------------------------------------- */

/* How many values an array has; there is a byte for each. */
static TR_INLINE place read_array(const quick *in, place at, size_t *count) {
    if (at == in->past) return NULL;
    const unsigned lead = *at++;
    *count = lead & 0x0F;
    if ((lead & 0xF0) != 0x90) {
        if (lead != 0xDC || left(in, at) < 2) return NULL;
        *count = (size_t)load2(at);
        at += 2;
    }
    return *count <= left(in, at) ? at : NULL;
}

static place read_values(quick *in, place at, const troupe_field *field, size_t count,
                         unsigned char *to, unsigned depth) {
    const size_t step = tr_field_step(field);
    for (size_t i = 0; i < count && at; i++) at = read_value(in, at, field, to + i * step, depth);
    return at;
}

static place read_list(quick *in, place at, const troupe_field *field, size_t count,
                       unsigned char *to, unsigned depth) {
    const size_t step = tr_field_step(field);
    memcpy(to + offsetof(tr_many, count), &count, sizeof count);
    if (!count) return at; /* there is no address then */
    in->end = tr_body_align(in->end);
    if (in->end > TR_QUICK_MOST || step > TR_QUICK_MOST / count) return NULL;
    unsigned char *values = room(in, count * step);
    if (!values || !point(in, to + offsetof(tr_many, at), values)) return NULL;
    memset(values, 0, count * step);
    return read_values(in, at, field, count, values, depth);
}

/* An array, a list, or a value that may not be there. */
static place read_many(quick *in, place at, const troupe_field *field, unsigned char *to,
                       unsigned depth) {
    size_t count;
    if (at == in->past) return NULL;
    if (field->shape == TROUPE_SHAPE_OPTIONAL) {
        if (*at == 0xC0) return at + 1;
        to[tr_field_step(field)] = 1;
        return read_values(in, at, field, 1, to, depth);
    }
    at = read_array(in, at, &count);
    if (!at) return NULL;
    if (field->shape == TROUPE_SHAPE_LIST) return read_list(in, at, field, count, to, depth);
    if (field->shape != TROUPE_SHAPE_ARRAY || count != field->count) return NULL;
    return read_values(in, at, field, count, to, depth);
}

/* All that a field of a body has. */
static TR_INLINE place read_field(quick *in, place at, const troupe_field *field,
                                  unsigned char *body, unsigned depth) {
    unsigned char *to = body + field->offset;
    return TR_LIKELY(field->shape == TROUPE_SHAPE_ONE) ? read_value(in, at, field, to, depth)
                                                       : read_many(in, at, field, to, depth);
}

static place read_one_of(quick *in, place at, const troupe_one_of *of, unsigned char *to,
                         unsigned depth) {
    if (depth > TR_LEVELS_MOST || at == in->past || *at != 0x92) return NULL;
    at = read_integer(in, at + 1, TROUPE_ENUM, sizeof(int32_t), to + of->tag);
    const troupe_case *is = at ? tr_case_get(of, to) : NULL;
    return is ? read_field(in, at, &is->field, to, depth) : NULL;
}

static place read_struct(quick *in, place at, const troupe_type *type, unsigned char *body,
                         unsigned depth) {
    size_t count = 0;
    if (depth > TR_LEVELS_MOST) return NULL;
    at = read_array(in, at, &count);
    if (count != type->fields) return NULL;
    for (size_t i = 0; i < count && at; i++) at = read_field(in, at, &type->field[i], body, depth);
    return at;
}

/* --- The message ------------------------------------------------------------------------------ */

/* Moves what was laid out to where it stays, and has its pointers point there. */
static void move(const quick *in, unsigned char *to) {
    memcpy(to, in->body, in->end);
    for (size_t i = 0; i < in->pointers; i++) {
        uintptr_t at;
        memcpy(&at, to + in->pointer[i], sizeof at);
        memcpy(to + in->pointer[i], &(void *){to + at}, sizeof(void *));
    }
}

troupe_err tr_quick(const tr_pool *pool, const troupe_type *type, const void *bytes, size_t size,
                    troupe_msg **out) {
    quick in;
    *out = NULL;
    if (size == 0 || size > TR_QUICK_MOST || type->size > TR_QUICK_MOST) return TROUPE_LATER;
    in.past = (place)bytes + size;
    in.end = type->size;
    in.pointers = 0;
    memset(in.body, 0, type->size);
    if (read_struct(&in, bytes, type, in.body, 1) != in.past) return TROUPE_LATER;
    troupe_err err = tr_msg_take(pool, type, in.end - type->size, out);
    if (!err) move(&in, tr_msg_body(*out));
    return err;
}
