#include "serial/quick_pack.h"

#include <msgpack.h>
#include <string.h>

#include "base/order.h"
#include "serial/dict_wire.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/one_of.h"
#include "serial/owned.h"
#include "serial/time.h"
#include "serial/utf8.h"

/* Bytes that are there before a value is written: any one number with its head, a ref's two, a
 * moment, or the head of anything else. */
enum { ROOM = TR_QUICK_PACK_SPARE };

_Static_assert((int)ROOM >= (int)TR_TIME_SIZE_MOST, "a moment fits");

/* --- Numbers ---------------------------------------------------------------------------------- */

/* As msgpack-c writes them, in the shortest form; the tests hold both against each other. A lead
 * byte and what follows it are stored directly, which msgpack-c does by a copy. */

static TR_INLINE unsigned char *put1(unsigned char *at, unsigned lead, uint64_t number) {
    at[0] = (unsigned char)lead;
    at[1] = (unsigned char)number;
    return at + 2;
}

static TR_INLINE unsigned char *put2(unsigned char *at, unsigned lead, uint64_t number) {
    const uint16_t big = tr_big2((uint16_t)number);
    at[0] = (unsigned char)lead;
    memcpy(at + 1, &big, sizeof big);
    return at + 3;
}

static TR_INLINE unsigned char *put4(unsigned char *at, unsigned lead, uint64_t number) {
    const uint32_t big = tr_big4((uint32_t)number);
    at[0] = (unsigned char)lead;
    memcpy(at + 1, &big, sizeof big);
    return at + 5;
}

static TR_INLINE unsigned char *put8(unsigned char *at, unsigned lead, uint64_t number) {
    const uint64_t big = tr_big8(number);
    at[0] = (unsigned char)lead;
    memcpy(at + 1, &big, sizeof big);
    return at + 9;
}

/* An integer from 0 on. */
static TR_INLINE unsigned char *put_u64(unsigned char *at, uint64_t number) {
    if (number > UINT32_MAX) return put8(at, 0xCF, number);
    if (number > UINT16_MAX) return put4(at, 0xCE, number);
    if (number > UINT8_MAX) return put2(at, 0xCD, number);
    if (number > INT8_MAX) return put1(at, 0xCC, number);
    *at = (unsigned char)number;
    return at + 1;
}

static TR_INLINE unsigned char *put_i64(unsigned char *at, int64_t number) {
    if (number >= 0) return put_u64(at, (uint64_t)number);
    if (number < INT32_MIN) return put8(at, 0xD3, (uint64_t)number);
    if (number < INT16_MIN) return put4(at, 0xD2, (uint64_t)number);
    if (number < INT8_MIN) return put2(at, 0xD1, (uint64_t)number);
    if (number < -32) return put1(at, 0xD0, (uint64_t)number);
    *at = (unsigned char)number;
    return at + 1;
}

static TR_INLINE unsigned char *put_f32(unsigned char *at, float number) {
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return put4(at, 0xCA, bits);
}

static TR_INLINE unsigned char *put_f64(unsigned char *at, double number) {
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return put8(at, 0xCB, bits);
}

/* --- Heads ------------------------------------------------------------------------------------ */

/* Where msgpack-c puts the next byte; nobody else sees it, so that it is in a register. */
typedef struct pen {
    unsigned char *at;
} pen;

static TR_INLINE int write_pen(void *ctx, const char *bytes, size_t size) {
    pen *to = ctx;
    memcpy(to->at, bytes, size);
    to->at += size;
    return 0;
}

/* What one of msgpack-c's functions writes, which is ROOM bytes at most. */
static TR_INLINE unsigned char *put_head(unsigned char *at, int (*pack)(msgpack_packer *, size_t),
                                         size_t size) {
    pen to = {at};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &to, write_pen);
    (void)pack(&packer, size);
    return to.at;
}

/* --- From field to field ---------------------------------------------------------------------- */

/* Fields that are packed one after the other. */
typedef struct row {
    const troupe_field *past;  /* behind the last of them */
    const char *body;          /* where they all are */
    const unsigned char *last; /* the last place to write to that has ROOM bytes left */
    unsigned depth;
} row;

/* Packs a field whose value is at `place`, and goes on with the next one: so little has to be kept
 * meanwhile, and each kind has a jump of its own to what mostly follows it. `at` is where the next
 * byte goes. Returns where the row ends, or NULL. A compiler makes jumps of these calls; where it
 * does not, the stack gets as deep as a type has fields. */
typedef unsigned char *packer(unsigned char *at, const char *place, const troupe_field *field,
                              const row *in);

#define PACKER(name)                                                                               \
    static unsigned char *name(unsigned char *at, const char *place, const troupe_field *field,    \
                               const row *in)

PACKER(pack_many);
static packer *const packers[TROUPE_NIL + 1];

/* Kind and shape of a field as one number: for a single value its kind. */
static TR_INLINE uint64_t what_of(const troupe_field *field) {
    uint64_t both;
    memcpy(&both, (const char *)field + offsetof(troupe_field, kind), sizeof both);
    return TR_LITTLE ? both : both << 32 | both >> 32;
}

_Static_assert(offsetof(troupe_field, shape) == offsetof(troupe_field, kind) + 4, "side by side");

/* Packs the row from `field` on. */
static TR_INLINE unsigned char *pack_from(unsigned char *at, const troupe_field *field,
                                          const row *in) {
    if (field == in->past) return at;
    if (TR_UNLIKELY(at > in->last)) return NULL;
    const char *place = in->body + field->offset;
    const uint64_t what = what_of(field);
    if (TR_UNLIKELY(what > TROUPE_NIL)) return pack_many(at, place, field, in);
    return packers[what](at, place, field, in);
}

#define GO_ON(at) pack_from(at, field + 1, in)

/* A number, which may be aligned in any way. */
#define NUMBER(name, type, put)                                                                    \
    PACKER(name) {                                                                                 \
        type value;                                                                                \
        memcpy(&value, place, sizeof value);                                                       \
        return GO_ON(put(at, value));                                                              \
    }

NUMBER(pack_i8, int8_t, put_i64)
NUMBER(pack_i16, int16_t, put_i64)
NUMBER(pack_i32, int32_t, put_i64)
NUMBER(pack_i64, int64_t, put_i64)
NUMBER(pack_u8, uint8_t, put_u64)
NUMBER(pack_u16, uint16_t, put_u64)
NUMBER(pack_u32, uint32_t, put_u64)
NUMBER(pack_u64, uint64_t, put_u64)
NUMBER(pack_f32, float, put_f32)
NUMBER(pack_f64, double, put_f64)

PACKER(pack_bool) {
    *at = *(const bool *)place ? 0xC3 : 0xC2;
    return GO_ON(at + 1);
}

PACKER(pack_nil) {
    (void)place;
    *at = 0xC0;
    return GO_ON(at + 1);
}

PACKER(pack_text) {
    const char *text = tr_text_get(place);
    const size_t size = strlen(text);
    if (size > (size_t)(in->last - at)) return NULL;
    at = put_head(at, msgpack_pack_str, size);
    if (!tr_utf8_copy_plain(at, (const unsigned char *)text, size)) {
        if (tr_utf8_flaw(text, size)) return NULL;
        memcpy(at, text, size);
    }
    return GO_ON(at + size);
}

PACKER(pack_bytes) {
    const troupe_bytes bytes = tr_bytes_get(place);
    if (bytes.size > (size_t)(in->last - at) || (bytes.size && !bytes.data)) return NULL;
    at = put_head(at, msgpack_pack_bin, bytes.size);
    if (bytes.size) memcpy(at, bytes.data, bytes.size);
    return GO_ON(at + bytes.size);
}

PACKER(pack_ref) {
    troupe_ref ref;
    memcpy(&ref, place, sizeof ref);
    at = put_head(at, msgpack_pack_array, 2);
    return GO_ON(put_u64(put_u64(at, ref.node), ref.id));
}

PACKER(pack_time) {
    troupe_time time;
    memcpy(&time, place, sizeof time);
    if (!tr_time_is(time)) return NULL;
    return GO_ON(at + tr_time_write(time, at));
}

PACKER(pack_enum) {
    int32_t chosen;
    memcpy(&chosen, place, sizeof chosen);
    if (!tr_choice_name(field->of, chosen)) return NULL;
    return GO_ON(put_i64(at, chosen));
}

/* --- What has values within ------------------------------------------------------------------- */

static TR_INLINE unsigned char *pack_body(const troupe_type *type, const char *body,
                                          unsigned char *at, const unsigned char *last,
                                          unsigned depth) {
    if (tr_type_is_owned(type)) return NULL;
    /* No sum where there are no fields: with NULL it is undefined. A compiler makes one of both. */
    const troupe_field *past = type->fields ? type->field + type->fields : type->field;
    const row in = {past, body, last, depth};
    return pack_from(put_head(at, msgpack_pack_array, type->fields), type->field, &in);
}

static TR_APART unsigned char *pack_struct(const troupe_type *type, const char *body,
                                           unsigned char *at, const unsigned char *last,
                                           unsigned depth) {
    return depth > TR_LEVELS_MOST ? NULL : pack_body(type, body, at, last, depth);
}

PACKER(pack_nested) {
    at = pack_struct(tr_field_type(field), place, at, in->last, in->depth + 1);
    return at ? GO_ON(at) : NULL;
}

static TR_APART unsigned char *pack_case(const troupe_one_of *of, const char *place,
                                         unsigned char *at, const unsigned char *last,
                                         unsigned depth) {
    const troupe_case *is = tr_case_get(of, place);
    if (depth > TR_LEVELS_MOST || !is) return NULL;
    const row in = {&is->field + 1, place, last, depth};
    at = put_head(at, msgpack_pack_array, 2);
    return pack_from(put_i64(at, is->value), &is->field, &in);
}

PACKER(pack_one_of) {
    at = pack_case(tr_field_one_of(field), place, at, in->last, in->depth + 1);
    return at ? GO_ON(at) : NULL;
}

/* A map has a way of its own, which writes what it likes as long as there is room. */
typedef struct page {
    unsigned char *at;
    const unsigned char *past;
} page;

static int write_page(void *ctx, const char *bytes, size_t size) {
    page *to = ctx;
    if (size > (size_t)(to->past - to->at)) return -1;
    if (size) memcpy(to->at, bytes, size);
    to->at += size;
    return 0;
}

static TR_APART unsigned char *pack_dict(const troupe_map *map, unsigned char *at,
                                         const unsigned char *past) {
    page to = {at, past};
    return tr_dict_pack(map, write_page, &to) ? NULL : to.at;
}

PACKER(pack_map) {
    at = pack_dict((const void *)place, at, in->last + ROOM);
    return at ? GO_ON(at) : NULL;
}

/* The values of an array or a list, or one that is there: each is a row of its own. */
static TR_APART unsigned char *pack_values(const troupe_field *field, const tr_values *all,
                                           unsigned char *at, const unsigned char *last,
                                           unsigned depth) {
    packer *const pack = packers[field->kind];
    const row in = {field + 1, all->at, last, depth};
    const char *place = all->at;
    for (size_t left = all->count; left; left--, place += all->step) {
        if (at > last) return NULL;
        at = pack(at, place, field, &in);
        if (!at) return NULL;
    }
    return at;
}

/* An array, a list, or a value that may not be there; or what is no kind at all. */
PACKER(pack_many) {
    (void)place;
    if ((unsigned)field->kind > TROUPE_NIL || field->shape == TROUPE_SHAPE_ONE) return NULL;
    const tr_values all = tr_field_values(field, in->body);
    if (all.count > (size_t)(in->last - at) + ROOM || (all.count && !all.at)) return NULL;
    if (field->shape != TROUPE_SHAPE_OPTIONAL)
        at = put_head(at, msgpack_pack_array, all.count);
    else if (!all.count)
        *at++ = 0xC0;
    at = pack_values(field, &all, at, in->last, in->depth);
    return at ? GO_ON(at) : NULL;
}

static packer *const packers[TROUPE_NIL + 1] = {
    [TROUPE_BOOL] = pack_bool,     [TROUPE_I8] = pack_i8,         [TROUPE_I16] = pack_i16,
    [TROUPE_I32] = pack_i32,       [TROUPE_I64] = pack_i64,       [TROUPE_U8] = pack_u8,
    [TROUPE_U16] = pack_u16,       [TROUPE_U32] = pack_u32,       [TROUPE_U64] = pack_u64,
    [TROUPE_F32] = pack_f32,       [TROUPE_F64] = pack_f64,       [TROUPE_TEXT] = pack_text,
    [TROUPE_BYTES] = pack_bytes,   [TROUPE_REF] = pack_ref,       [TROUPE_TIME] = pack_time,
    [TROUPE_ENUM] = pack_enum,     [TROUPE_MAP] = pack_map,       [TROUPE_NIL] = pack_nil,
    [TROUPE_STRUCT] = pack_nested, [TROUPE_ONE_OF] = pack_one_of,
};

unsigned char *tr_quick_pack(const troupe_type *type, const void *body, unsigned char *at,
                             size_t room) {
    if (room < ROOM || room > TR_MSG_LIMIT) return NULL;
    return pack_body(type, body, at, at + room - ROOM, 1);
}
