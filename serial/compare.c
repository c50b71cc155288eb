#include "serial/compare.h"

#include "base/map.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "serial/owned.h"
#include "serial/dict.h"
#include "serial/one_of.h"
#include "serial/type.h"
#include "serial/share.h"

static bool same_bytes(const void *one, const void *other, size_t size) {
    return size == 0 || memcmp(one, other, size) == 0;
}

static bool same_field(const troupe_field *field, const void *one, const void *other);

/* With a tag that is none of the cases there is nothing else to look at. */
static bool same_one_of(const troupe_one_of *of, const void *one, const void *other) {
    const int32_t tag = tr_tag_get(of, one);
    const troupe_case *is = tr_case_find(of, tag);
    return tag == tr_tag_get(of, other) && (!is || same_field(&is->field, one, other));
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
    case TROUPE_MAP:
        return tr_dict_same((const void *)one, (const void *)other);
    case TROUPE_ONE_OF:
        return same_one_of(tr_field_one_of(field), one, other);
    default:
        return same_bytes(one, other, tr_field_step(field));
    }
}

static bool same_field(const troupe_field *field, const void *one, const void *other) {
    tr_values a = tr_field_values(field, one), b = tr_field_values(field, other);
    if (a.count != b.count) return false;
    for (size_t n = 0; n < a.count; n++)
        if (!same_value(field, a.at + n * a.step, b.at + n * b.step)) return false;
    return true;
}

bool tr_body_same(const troupe_type *type, const void *one, const void *other) {
    for (size_t i = 0; i < type->fields; i++)
        if (!same_field(&type->field[i], one, other)) return false;
    return true;
}

static uint64_t hash_size(uint64_t hash, size_t size) {
    return tr_hash_bytes(hash, &(uint64_t){size}, sizeof(uint64_t));
}

static uint64_t hash_body(uint64_t hash, const troupe_type *type, const void *body);
static uint64_t hash_field(uint64_t hash, const troupe_field *field, const void *body);

static uint64_t hash_one_of(uint64_t hash, const troupe_one_of *of, const char *at) {
    const troupe_case *is = tr_case_get(of, at);
    hash = tr_hash_bytes(hash, at + of->tag, sizeof(int32_t));
    return is ? hash_field(hash, &is->field, at) : hash;
}

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
    case TROUPE_MAP:
        return tr_dict_hash(hash, (const void *)at);
    case TROUPE_ONE_OF:
        return hash_one_of(hash, tr_field_one_of(field), at);
    default:
        return tr_hash_bytes(hash, at, tr_field_step(field));
    }
}

static uint64_t hash_field(uint64_t hash, const troupe_field *field, const void *body) {
    tr_values all = tr_field_values(field, body);
    if (field->shape != TROUPE_SHAPE_ONE) hash = hash_size(hash, all.count);
    for (size_t n = 0; n < all.count; n++) hash = hash_value(hash, field, all.at + n * all.step);
    return hash;
}

static uint64_t hash_body(uint64_t hash, const troupe_type *type, const void *body) {
    for (size_t i = 0; i < type->fields; i++) hash = hash_field(hash, &type->field[i], body);
    return hash;
}

bool troupe_equal(const troupe_msg *one, const troupe_msg *other) {
    if (one == other) return true;
    if (!one || !other) return false;
    one = tr_msg_content(one);
    other = tr_msg_content(other);
    if (!tr_type_same(one->type, other->type)) return false;
    if (tr_type_is_owned(one->type)) return one == other;
    return tr_body_same(one->type, one + 1, other + 1);
}

uint64_t troupe_hash(const troupe_msg *msg) {
    if (!msg) return 0;
    msg = tr_msg_content(msg);
    uint64_t hash = tr_hash_text(msg->type->name);
    if (tr_type_is_owned(msg->type)) return tr_hash_bytes(hash, &msg, sizeof msg);
    return hash_body(hash, msg->type, msg + 1);
}
