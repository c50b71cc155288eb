#include <msgpack.h>
#include <string.h>

#include "base/heap.h"
#include "serial/codec.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/time.h"
#include "serial/utf8.h"

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

/* Where msgpack-c writes to. It passes on only that something failed; what, is kept here. */
typedef struct sink {
    tr_buffer *buffer;
    size_t left; /* of the limit */
    troupe_err err;
} sink;

static int refuse(sink *to, troupe_err err) {
    to->err = err;
    return -1;
}

static int write_sink(void *ctx, const char *bytes, size_t size) {
    sink *to = ctx;
    if (size > to->left) return refuse(to, TROUPE_TOOBIG);
    if (!tr_buffer_put(to->buffer, bytes, size)) return refuse(to, TROUPE_NOMEM);
    to->left -= size;
    return 0;
}

/* --- Values ----------------------------------------------------------------------------------- */

/* What the peer would refuse is refused here, where its sender is. */
static int pack_text(msgpack_packer *packer, sink *to, const void *place) {
    const char *text = tr_text_get(place);
    size_t size = strlen(text);
    if (size > to->left) return refuse(to, TROUPE_TOOBIG);
    if (tr_utf8_flaw(text, size)) return refuse(to, TROUPE_INVALID);
    if (msgpack_pack_str(packer, size)) return -1;
    return msgpack_pack_str_body(packer, text, size);
}

static int pack_bytes(msgpack_packer *packer, sink *to, const void *place) {
    troupe_bytes bytes = tr_bytes_get(place);
    if (bytes.size > to->left) return refuse(to, TROUPE_TOOBIG);
    if (bytes.size && !bytes.data) return refuse(to, TROUPE_INVALID);
    if (msgpack_pack_bin(packer, bytes.size)) return -1;
    return msgpack_pack_bin_body(packer, bytes.data, bytes.size);
}

static int pack_ref(msgpack_packer *packer, const void *place) {
    troupe_ref ref;
    memcpy(&ref, place, sizeof ref);
    if (msgpack_pack_array(packer, 2) || msgpack_pack_uint64(packer, ref.node)) return -1;
    return msgpack_pack_uint64(packer, ref.id);
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

static int pack_enum(msgpack_packer *packer, sink *to, const troupe_enum *of, const void *place) {
    int32_t chosen = load(place, sizeof(int32_t)).i32;
    if (!tr_choice_name(of, chosen)) return refuse(to, TROUPE_INVALID);
    return msgpack_pack_int32(packer, chosen);
}

static int pack_struct(msgpack_packer *packer, sink *to, const troupe_type *type, const void *body,
                       unsigned depth);

static int pack_value(msgpack_packer *packer, sink *to, const troupe_field *field,
                      const void *place, unsigned depth) {
    switch (field->kind) {
    case TROUPE_BOOL:
        if (load(place, sizeof(bool)).truth) return msgpack_pack_true(packer);
        return msgpack_pack_false(packer);
    case TROUPE_I8:
        return msgpack_pack_int8(packer, load(place, sizeof(int8_t)).i8);
    case TROUPE_I16:
        return msgpack_pack_int16(packer, load(place, sizeof(int16_t)).i16);
    case TROUPE_I32:
        return msgpack_pack_int32(packer, load(place, sizeof(int32_t)).i32);
    case TROUPE_I64:
        return msgpack_pack_int64(packer, load(place, sizeof(int64_t)).i64);
    case TROUPE_U8:
        return msgpack_pack_uint8(packer, load(place, sizeof(uint8_t)).u8);
    case TROUPE_U16:
        return msgpack_pack_uint16(packer, load(place, sizeof(uint16_t)).u16);
    case TROUPE_U32:
        return msgpack_pack_uint32(packer, load(place, sizeof(uint32_t)).u32);
    case TROUPE_U64:
        return msgpack_pack_uint64(packer, load(place, sizeof(uint64_t)).u64);
    case TROUPE_F32:
        return msgpack_pack_float(packer, load(place, sizeof(float)).f32);
    case TROUPE_F64:
        return msgpack_pack_double(packer, load(place, sizeof(double)).f64);
    case TROUPE_TEXT:
        return pack_text(packer, to, place);
    case TROUPE_BYTES:
        return pack_bytes(packer, to, place);
    case TROUPE_REF:
        return pack_ref(packer, place);
    case TROUPE_TIME:
        return pack_time(to, place);
    case TROUPE_ENUM:
        return pack_enum(packer, to, field->of, place);
    case TROUPE_STRUCT:
        return pack_struct(packer, to, tr_field_type(field), place, depth + 1);
    }
    return refuse(to, TROUPE_INVALID);
}

/* --- Structs ---------------------------------------------------------------------------------- */

static int pack_field(msgpack_packer *packer, sink *to, const troupe_field *field, const void *body,
                      unsigned depth) {
    tr_values all = tr_field_values(field, body);
    if (field->shape == TROUPE_SHAPE_OPTIONAL) {
        if (!all.count) return msgpack_pack_nil(packer);
    } else if (field->shape != TROUPE_SHAPE_ONE) {
        if (all.count > to->left) return refuse(to, TROUPE_TOOBIG); /* each is a byte at least */
        if (all.count && !all.at) return refuse(to, TROUPE_INVALID);
        if (msgpack_pack_array(packer, all.count)) return -1;
    }
    int failed = 0;
    for (size_t i = 0; i < all.count && !failed; i++)
        failed = pack_value(packer, to, field, all.at + i * all.step, depth);
    return failed;
}

static int pack_struct(msgpack_packer *packer, sink *to, const troupe_type *type, const void *body,
                       unsigned depth) {
    if (depth > TR_LEVELS_MOST) return refuse(to, TROUPE_INVALID);
    int failed = msgpack_pack_array(packer, type->fields);
    for (size_t i = 0; i < type->fields && !failed; i++)
        failed = pack_field(packer, to, &type->field[i], body, depth);
    return failed;
}

troupe_err tr_pack(const troupe_type *type, const void *body, size_t limit, tr_buffer *out) {
    if (!body && type->fields) return TROUPE_INVALID;
    size_t before = out->size;
    /* No peer takes more than TR_MSG_LIMIT; it also keeps all sizes within msgpack's 32 bits. */
    sink to = {out, limit < TR_MSG_LIMIT ? limit : TR_MSG_LIMIT, TROUPE_OK};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &to, write_sink);
    if (pack_struct(&packer, &to, type, body, 1)) out->size = before;
    return to.err;
}
