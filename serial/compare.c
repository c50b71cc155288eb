#include "serial/compare.h"

#include "base/map.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/type.h"
#include "serial/share.h"

static bool same_bytes(const void *one, const void *other, size_t size) {
    return size == 0 || memcmp(one, other, size) == 0;
}

static bool same_value(const troupe_field *field, const char *one, const char *other) {
    troupe_time when, then;
    troupe_bytes these, those;
    switch (field->kind) {
    case TROUPE_TEXT:
        return strcmp(tr_text_get(one), tr_text_get(other)) == 0;
    case TROUPE_BYTES:
        these = tr_bytes_get(one);
        those = tr_bytes_get(other);
        return these.size == those.size && same_bytes(these.data, those.data, these.size);
    case TROUPE_TIME: /* there is padding in it */
        memcpy(&when, one, sizeof when);
        memcpy(&then, other, sizeof then);
        return when.seconds == then.seconds && when.nanoseconds == then.nanoseconds;
    case TROUPE_STRUCT:
        return tr_body_same(tr_field_type(field), one, other);
    default:
        return same_bytes(one, other, tr_field_step(field));
    }
}

bool tr_body_same(const troupe_type *type, const void *one, const void *other) {
    for (size_t i = 0; i < type->fields; i++) {
        const troupe_field *field = &type->field[i];
        tr_values a = tr_field_values(field, one), b = tr_field_values(field, other);
        if (a.count != b.count) return false;
        for (size_t n = 0; n < a.count; n++)
            if (!same_value(field, a.at + n * a.step, b.at + n * b.step)) return false;
    }
    return true;
}

static uint64_t hash_size(uint64_t hash, size_t size) {
    return tr_hash_bytes(hash, &(uint64_t){size}, sizeof(uint64_t));
}

static uint64_t hash_body(uint64_t hash, const troupe_type *type, const void *body);

static uint64_t hash_value(uint64_t hash, const troupe_field *field, const char *at) {
    troupe_bytes bytes;
    troupe_time time;
    switch (field->kind) {
    case TROUPE_TEXT: /* with its NUL, so that texts in line are told apart */
        return tr_hash_bytes(hash, tr_text_get(at), strlen(tr_text_get(at)) + 1);
    case TROUPE_BYTES:
        bytes = tr_bytes_get(at);
        return tr_hash_bytes(hash_size(hash, bytes.size), bytes.data, bytes.size);
    case TROUPE_TIME:
        memcpy(&time, at, sizeof time);
        hash = tr_hash_bytes(hash, &time.seconds, sizeof time.seconds);
        return tr_hash_bytes(hash, &time.nanoseconds, sizeof time.nanoseconds);
    case TROUPE_STRUCT:
        return hash_body(hash, tr_field_type(field), at);
    default:
        return tr_hash_bytes(hash, at, tr_field_step(field));
    }
}

static uint64_t hash_body(uint64_t hash, const troupe_type *type, const void *body) {
    for (size_t i = 0; i < type->fields; i++) {
        const troupe_field *field = &type->field[i];
        tr_values all = tr_field_values(field, body);
        if (field->shape != TROUPE_SHAPE_ONE) hash = hash_size(hash, all.count);
        for (size_t n = 0; n < all.count; n++)
            hash = hash_value(hash, field, all.at + n * all.step);
    }
    return hash;
}

bool troupe_equal(const troupe_msg *one, const troupe_msg *other) {
    if (one == other) return true;
    if (!one || !other) return false;
    one = tr_msg_content(one);
    other = tr_msg_content(other);
    if (!tr_type_same(one->type, other->type)) return false;
    return tr_body_same(one->type, one + 1, other + 1);
}

uint64_t troupe_hash(const troupe_msg *msg) {
    if (!msg) return 0;
    msg = tr_msg_content(msg);
    return hash_body(tr_hash_text(msg->type->name), msg->type, msg + 1);
}
