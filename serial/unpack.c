#include <msgpack.h>
#include <stdio.h>
#include <string.h>

#include "serial/codec.h"
#include "serial/envelope.h"
#include "serial/scan.h"

/* Bytes that were scanned: of the right shape and all there. */
typedef struct source {
    const unsigned char *at;
    size_t left;
} source;

static bool next(source *in, tr_item *item) {
    if (!tr_item_read(in->at, in->left, item)) return false;
    in->at += item->head;
    in->left -= item->head;
    return true;
}

/* Decodes one bool or number. Only such elements are given to msgpack-c: for them it takes no
 * memory, while a text or array alone makes it take a zone of 8 KiB from malloc. */
static bool decode(source *in, msgpack_object *out) {
    msgpack_unpacked unpacked;
    size_t used = 0;
    msgpack_unpacked_init(&unpacked);
    int got = msgpack_unpack_next(&unpacked, (const char *)in->at, in->left, &used);
    *out = unpacked.data;
    msgpack_unpacked_destroy(&unpacked);
    in->at += used;
    in->left -= used;
    return got == MSGPACK_UNPACK_SUCCESS;
}

static bool fill_number(source *in, troupe_kind kind, void *place) {
    msgpack_object object;
    if (!decode(in, &object)) return false;
    switch (kind) {
    case TROUPE_BOOL:
        memcpy(place, &object.via.boolean, sizeof object.via.boolean);
        return object.type == MSGPACK_OBJECT_BOOLEAN;
    case TROUPE_I32:
        memcpy(place, &(int32_t){(int32_t)object.via.i64}, sizeof(int32_t));
        break;
    case TROUPE_U32:
        memcpy(place, &(uint32_t){(uint32_t)object.via.u64}, sizeof(uint32_t));
        break;
    case TROUPE_F64:
        memcpy(place, &object.via.f64, sizeof object.via.f64);
        return object.type == MSGPACK_OBJECT_FLOAT64 || object.type == MSGPACK_OBJECT_FLOAT32;
    default: /* I64, U64: the same 8 bytes */
        memcpy(place, &object.via.u64, sizeof object.via.u64);
    }
    return object.type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
           object.type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
}

static bool fill_ref(source *in, void *place) {
    troupe_ref ref;
    tr_item pair;
    if (!next(in, &pair)) return false;
    if (!fill_number(in, TROUPE_U64, &ref.node)) return false;
    if (!fill_number(in, TROUPE_U64, &ref.id)) return false;
    memcpy(place, &ref, sizeof ref);
    return true;
}

/* Texts and bytes go straight from the source to their place behind the struct. */
static bool fill_blob(source *in, troupe_msg *msg, const troupe_field *field, char **room) {
    tr_item item;
    if (!next(in, &item)) return false;
    size_t size = (size_t)item.number;
    if (field->kind == TROUPE_TEXT)
        tr_msg_put_text(msg, field, in->at, size, room);
    else
        tr_msg_put_bytes(msg, field, in->at, size, room);
    in->at += size;
    in->left -= size;
    return true;
}

static bool fill(troupe_msg *msg, source *in) {
    const troupe_type *type = msg->type;
    char *body = tr_msg_body(msg), *room = body + type->size;
    tr_item array;
    bool ok = next(in, &array);
    for (size_t i = 0; i < type->fields && ok; i++) {
        const troupe_field *field = &type->field[i];
        if (field->kind == TROUPE_TEXT || field->kind == TROUPE_BYTES)
            ok = fill_blob(in, msg, field, &room);
        else if (field->kind == TROUPE_REF)
            ok = fill_ref(in, body + field->offset);
        else
            ok = fill_number(in, field->kind, body + field->offset);
    }
    return ok && in->left == 0;
}

static void tell(char *why, size_t room, const troupe_type *type, const char *what) {
    if (why && room) snprintf(why, room, "%s: %s", type->name, what);
}

troupe_err tr_unpack(const tr_pool *pool, const troupe_type *type, const void *bytes, size_t size,
                     troupe_msg **out, char *why, size_t room) {
    size_t extra = 0;
    *out = NULL;
    troupe_err err = tr_scan(type, bytes, size, &extra, why, room);
    if (err) return err;
    err = tr_msg_take(pool, type, extra, out);
    if (err) {
        tell(why, room, type, troupe_strerror(err));
        return err;
    }
    source in = {bytes, size};
    if (fill(*out, &in)) return TROUPE_OK;
    troupe_drop(out); /* the scan and msgpack-c do not agree; no bytes are known for which */
    tell(why, room, type, "undecodable");
    return TROUPE_MALFORMED;
}
