#include "serial/envelope.h"

#include <string.h>

#include "base/heap.h"
#include "serial/type.h"

/* Adds to a size; false if that would pass the limit. */
static bool add(size_t *sum, size_t more) {
    if (more > TR_MSG_LIMIT - *sum) return false;
    *sum += more;
    return true;
}

static const char *text_of(const void *body, const troupe_field *field) {
    const char *text;
    memcpy(&text, (const char *)body + field->offset, sizeof text);
    return text ? text : "";
}

static troupe_bytes bytes_of(const void *body, const troupe_field *field) {
    troupe_bytes bytes;
    memcpy(&bytes, (const char *)body + field->offset, sizeof bytes);
    return bytes;
}

/* Adds up what the texts and bytes of a body take behind it. */
static troupe_err measure(const troupe_type *type, const void *body, size_t *extra) {
    for (size_t i = 0; i < type->fields; i++) {
        const troupe_field *field = &type->field[i];
        size_t size = 0;
        if (field->kind == TROUPE_TEXT) {
            size = strlen(text_of(body, field)) + 1;
        } else if (field->kind == TROUPE_BYTES) {
            troupe_bytes bytes = bytes_of(body, field);
            if (bytes.size && !bytes.data) return TROUPE_INVALID;
            size = bytes.size;
        }
        if (!add(extra, size)) return TROUPE_TOOBIG;
    }
    return TROUPE_OK;
}

/* A message with an empty header and undefined contents. */
static troupe_err take(const troupe_heap *heap, const troupe_type *type, size_t extra,
                       troupe_msg **out) {
    size_t size = sizeof(troupe_msg);
    *out = NULL;
    if (!add(&size, type->size) || !add(&size, extra)) return TROUPE_TOOBIG;
    troupe_msg *msg = tr_take(heap, size);
    if (!msg) return TROUPE_NOMEM;
    *msg = (troupe_msg){.type = type, .heap = heap, .size = size};
    *out = msg;
    return TROUPE_OK;
}

troupe_err tr_msg_take(const troupe_heap *heap, const troupe_type *type, size_t extra,
                       troupe_msg **out) {
    troupe_err err = take(heap, type, extra, out);
    if (!err) memset(tr_msg_body(*out), 0, type->size);
    return err;
}

void tr_msg_put_text(troupe_msg *msg, const troupe_field *field, const void *text, size_t size,
                     char **room) {
    const char *copy = memcpy(*room, text, size);
    (*room)[size] = '\0';
    *room += size + 1;
    memcpy((char *)tr_msg_body(msg) + field->offset, &copy, sizeof copy);
}

void tr_msg_put_bytes(troupe_msg *msg, const troupe_field *field, const void *data, size_t size,
                      char **room) {
    troupe_bytes copy = {*room, size};
    if (size) memcpy(*room, data, size); /* without a size, `data` may be NULL */
    *room += size;
    memcpy((char *)tr_msg_body(msg) + field->offset, &copy, sizeof copy);
}

troupe_err tr_msg_make(const troupe_heap *heap, const troupe_type *type, const void *body,
                       troupe_msg **out) {
    size_t extra = 0;
    *out = NULL;
    if (!body && type->size) return TROUPE_INVALID;
    troupe_err err = measure(type, body, &extra);
    if (!err) err = take(heap, type, extra, out);
    if (err || !type->size) return err;

    troupe_msg *msg = *out;
    memcpy(tr_msg_body(msg), body, type->size);
    char *room = (char *)tr_msg_body(msg) + type->size;
    for (size_t i = 0; i < type->fields; i++) {
        const troupe_field *field = &type->field[i];
        if (field->kind == TROUPE_TEXT) {
            const char *text = text_of(body, field);
            tr_msg_put_text(msg, field, text, strlen(text), &room);
        } else if (field->kind == TROUPE_BYTES) {
            troupe_bytes bytes = bytes_of(body, field);
            tr_msg_put_bytes(msg, field, bytes.data, bytes.size, &room);
        }
    }
    return TROUPE_OK;
}

void tr_msg_embed(troupe_msg *msg, const troupe_type *type) {
    *msg = (troupe_msg){.type = type, .flags = TR_MSG_EMBEDDED, .size = sizeof *msg + type->size};
}

const void *troupe_as(const troupe_msg *msg, const troupe_type *type) {
    if (!msg || !type) return NULL;
    return msg->type == type || tr_type_same(msg->type, type) ? msg + 1 : NULL;
}

const char *troupe_type_name(const troupe_msg *msg) {
    return msg && msg->type && msg->type->name ? msg->type->name : "(no message)";
}

void troupe_drop(troupe_msg **msg) {
    troupe_msg *gone = msg ? *msg : NULL;
    if (!gone) return;
    *msg = NULL;
    if (!(gone->flags & TR_MSG_EMBEDDED)) tr_give(gone->heap, gone, gone->size);
}
