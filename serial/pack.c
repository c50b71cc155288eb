#include <msgpack.h>
#include <string.h>

#include "base/heap.h"
#include "serial/codec.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/owned.h"
#include "serial/dict_wire.h"
#include "serial/one_of.h"
#include "serial/quick_pack.h"
#include "serial/time.h"
#include "serial/utf8.h"
#include "serial/share.h"

bool tr_buffer_reserve(tr_buffer *buffer, size_t more) {
    if (more <= buffer->room - buffer->size) return true;
    if (more > SIZE_MAX - buffer->size) return false;
    void *data = buffer->data;
    bool grown = tr_grow(buffer->heap, &data, &buffer->room, buffer->size + more, 1);
    buffer->data = data;
    return grown;
}

bool tr_buffer_put(tr_buffer *buffer, const void *bytes, size_t size) {
    if (size == 0) return true;
    if (!tr_buffer_reserve(buffer, size)) return false;
    memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
    return true;
}

void tr_buffer_fini(tr_buffer *buffer) {
    tr_give(buffer->heap, buffer->data, buffer->room);
    *buffer = (tr_buffer){.heap = buffer->heap};
}

/* Where msgpack-c writes to: the buffer, whose size is behind until the end. Of a write that fails
 * msgpack-c passes on only that it did; why, is kept here. */
typedef struct sink {
    unsigned char *data;
    size_t used, stop; /* bytes there are, and how many there may be before more room is needed */
    size_t limit;      /* that there may ever be */
    tr_buffer *buffer;
    troupe_err err;
} sink;

static int refuse(sink *to, troupe_err err) {
    to->err = err;
    return -1;
}

/* What may still be written. */
static size_t left(const sink *to) {
    return to->limit - to->used;
}

/* Up to where the buffer has room, within the limit. */
static void look(sink *to) {
    to->data = to->buffer->data;
    to->stop = to->buffer->room < to->limit ? to->buffer->room : to->limit;
}

/* A write for which there is no room yet. */
static TR_COLD int write_more(sink *to, const char *bytes, size_t size) {
    if (size > left(to)) return refuse(to, TROUPE_TOOBIG);
    to->buffer->size = to->used;
    if (!tr_buffer_reserve(to->buffer, size)) return refuse(to, TROUPE_NOMEM);
    look(to);
    memcpy(to->data + to->used, bytes, size);
    to->used += size;
    return 0;
}

static inline int write_sink(void *ctx, const char *bytes, size_t size) {
    sink *to = ctx;
    if (TR_UNLIKELY(size > to->stop - to->used)) return write_more(to, bytes, size);
    if (size) memcpy(to->data + to->used, bytes, size);
    to->used += size;
    return 0;
}

/* A packer is made wherever one is used, which costs nothing: so the compiler sees whom it calls,
 * and what msgpack-c writes is stored directly. */
static inline msgpack_packer packer_on(sink *to) {
    msgpack_packer packer;
    msgpack_packer_init(&packer, to, write_sink);
    return packer;
}

/* --- Values ----------------------------------------------------------------------------------- */

/* What the peer would refuse is refused here, where its sender is. */
static int pack_text(sink *to, const void *place) {
    msgpack_packer packer = packer_on(to);
    const char *text = tr_text_get(place);
    size_t size = strlen(text);
    if (size > left(to)) return refuse(to, TROUPE_TOOBIG);
    if (tr_utf8_flaw(text, size)) return refuse(to, TROUPE_INVALID);
    if (msgpack_pack_str(&packer, size)) return -1;
    return msgpack_pack_str_body(&packer, text, size);
}

static int pack_bytes(sink *to, const void *place) {
    msgpack_packer packer = packer_on(to);
    troupe_bytes bytes = tr_bytes_get(place);
    if (bytes.size > left(to)) return refuse(to, TROUPE_TOOBIG);
    if (bytes.size && !bytes.data) return refuse(to, TROUPE_INVALID);
    if (msgpack_pack_bin(&packer, bytes.size)) return -1;
    return msgpack_pack_bin_body(&packer, bytes.data, bytes.size);
}

static int pack_ref(sink *to, const void *place) {
    msgpack_packer packer = packer_on(to);
    troupe_ref ref;
    memcpy(&ref, place, sizeof ref);
    if (msgpack_pack_array(&packer, 2) || msgpack_pack_uint64(&packer, ref.node)) return -1;
    return msgpack_pack_uint64(&packer, ref.id);
}

static int pack_time(sink *to, const void *place) {
    unsigned char bytes[TR_TIME_SIZE_MOST];
    troupe_time time;
    memcpy(&time, place, sizeof time);
    if (!tr_time_is(time)) return refuse(to, TROUPE_INVALID);
    return write_sink(to, (const char *)bytes, tr_time_write(time, bytes));
}

/* Any of the kinds that are one number. */
typedef union value {
    bool truth;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
} value;

/* A copy, so that no alignment is asked of the place. */
static value load(const void *place, size_t size) {
    value copy;
    memcpy(&copy, place, size);
    return copy;
}

static int pack_enum(sink *to, const troupe_enum *of, const void *place) {
    msgpack_packer packer = packer_on(to);
    int32_t chosen = load(place, sizeof(int32_t)).i32;
    if (!tr_choice_name(of, chosen)) return refuse(to, TROUPE_INVALID);
    return msgpack_pack_int32(&packer, chosen);
}

static int pack_map(sink *to, const troupe_map *map) {
    troupe_err err = tr_dict_pack(map, write_sink, to);
    if (!err) return 0;
    return to->err ? -1 : refuse(to, err); /* what the sink said comes first */
}

static int pack_struct(sink *to, const troupe_type *type, const void *body, unsigned depth);
static int pack_one_of(sink *to, const troupe_one_of *of, const void *place, unsigned depth);

static int pack_value(sink *to, const troupe_field *field, const void *place, unsigned depth) {
    msgpack_packer packer = packer_on(to);
    switch (field->kind) {
    case TROUPE_BOOL:
        if (load(place, sizeof(bool)).truth) return msgpack_pack_true(&packer);
        return msgpack_pack_false(&packer);
    case TROUPE_I8:
        return msgpack_pack_int8(&packer, load(place, sizeof(int8_t)).i8);
    case TROUPE_I16:
        return msgpack_pack_int16(&packer, load(place, sizeof(int16_t)).i16);
    case TROUPE_I32:
        return msgpack_pack_int32(&packer, load(place, sizeof(int32_t)).i32);
    case TROUPE_I64:
        return msgpack_pack_int64(&packer, load(place, sizeof(int64_t)).i64);
    case TROUPE_U8:
        return msgpack_pack_uint8(&packer, load(place, sizeof(uint8_t)).u8);
    case TROUPE_U16:
        return msgpack_pack_uint16(&packer, load(place, sizeof(uint16_t)).u16);
    case TROUPE_U32:
        return msgpack_pack_uint32(&packer, load(place, sizeof(uint32_t)).u32);
    case TROUPE_U64:
        return msgpack_pack_uint64(&packer, load(place, sizeof(uint64_t)).u64);
    case TROUPE_F32:
        return msgpack_pack_float(&packer, load(place, sizeof(float)).f32);
    case TROUPE_F64:
        return msgpack_pack_double(&packer, load(place, sizeof(double)).f64);
    case TROUPE_TEXT:
        return pack_text(to, place);
    case TROUPE_BYTES:
        return pack_bytes(to, place);
    case TROUPE_REF:
        return pack_ref(to, place);
    case TROUPE_TIME:
        return pack_time(to, place);
    case TROUPE_ENUM:
        return pack_enum(to, field->of, place);
    case TROUPE_STRUCT:
        return pack_struct(to, tr_field_type(field), place, depth + 1);
    case TROUPE_MAP:
        return pack_map(to, place);
    case TROUPE_ONE_OF:
        return pack_one_of(to, tr_field_one_of(field), place, depth + 1);
    case TROUPE_NIL:
        return msgpack_pack_nil(&packer);
    }
    return refuse(to, TROUPE_INVALID);
}

/* --- Structs ---------------------------------------------------------------------------------- */

static int pack_field(sink *to, const troupe_field *field, const void *body, unsigned depth) {
    if (TR_LIKELY(field->shape == TROUPE_SHAPE_ONE))
        return pack_value(to, field, (const char *)body + field->offset, depth);
    msgpack_packer packer = packer_on(to);
    tr_values all = tr_field_values(field, body);
    if (field->shape == TROUPE_SHAPE_OPTIONAL) {
        if (!all.count) return msgpack_pack_nil(&packer);
    } else {
        if (all.count > left(to)) return refuse(to, TROUPE_TOOBIG); /* each is a byte at least */
        if (all.count && !all.at) return refuse(to, TROUPE_INVALID);
        if (msgpack_pack_array(&packer, all.count)) return -1;
    }
    int failed = 0;
    for (size_t i = 0; i < all.count && !failed; i++)
        failed = pack_value(to, field, all.at + i * all.step, depth);
    return failed;
}

static int pack_one_of(sink *to, const troupe_one_of *of, const void *place, unsigned depth) {
    msgpack_packer packer = packer_on(to);
    const troupe_case *is = tr_case_get(of, place);
    if (depth > TR_LEVELS_MOST || !is) return refuse(to, TROUPE_INVALID);
    if (msgpack_pack_array(&packer, 2) || msgpack_pack_int32(&packer, is->value)) return -1;
    return pack_field(to, &is->field, place, depth);
}

static int pack_struct(sink *to, const troupe_type *type, const void *body, unsigned depth) {
    msgpack_packer packer = packer_on(to);
    if (depth > TR_LEVELS_MOST || tr_type_is_owned(type)) return refuse(to, TROUPE_INVALID);
    int failed = msgpack_pack_array(&packer, type->fields);
    for (size_t i = 0; i < type->fields && !failed; i++)
        failed = pack_field(to, &type->field[i], body, depth);
    return failed;
}

/* --- All of it -------------------------------------------------------------------------------- */

/* Whatever it is, usual or not. */
static TR_APART troupe_err pack_any(const troupe_type *type, const void *body, size_t limit,
                                    tr_buffer *out) {
    const size_t before = out->size;
    /* No peer takes more than TR_MSG_LIMIT; it also keeps all sizes within msgpack's 32 bits. */
    if (limit > TR_MSG_LIMIT) limit = TR_MSG_LIMIT;
    sink to = {.used = before, .limit = before + limit, .buffer = out};
    look(&to);
    const int failed = pack_struct(&to, type, body, 1);
    out->size = failed ? before : to.used;
    return to.err;
}

troupe_err tr_pack(const troupe_type *type, const void *body, size_t limit, tr_buffer *out) {
    if (!body && type->fields) return TROUPE_INVALID;
    const size_t room = out->room - out->size;
    if (room) { /* where there is some it is quick */
        unsigned char *at = out->data + out->size;
        const unsigned char *end = tr_quick_pack(type, body, at, room < limit ? room : limit);
        if (end) {
            out->size = (size_t)(end - out->data);
            return TROUPE_OK;
        }
    }
    return pack_any(type, body, limit, out);
}

/* The slow half of the next. */
static TR_APART troupe_err encode_any(const troupe_msg *msg, void *bytes, size_t room,
                                      size_t *size) {
    tr_buffer out = {.data = bytes, .room = room}; /* within the limit it never grows */
    troupe_err err = msg ? pack_any(msg->type, msg + 1, room, &out) : TROUPE_INVALID;
    *size = out.size;
    return err;
}

troupe_err troupe_encode(const troupe_msg *msg, void *bytes, size_t room, size_t *size) {
    if (msg) {
        msg = tr_msg_content(msg);
        unsigned char *at = bytes;
        const unsigned char *end = tr_quick_pack(msg->type, msg + 1, at, room);
        if (end) {
            *size = (size_t)(end - at);
            return TROUPE_OK;
        }
    }
    return encode_any(msg, bytes, room, size);
}
