#include "transport/wire.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* The fields that a kind can have, as bits. On the wire they stand in this order, which is that of
 * `tr_frame`. A tail is whatever follows them. */
enum {
    NUMBER = 1,
    TARGET = 2,
    SENDER = 4,
    HOW = 8,
    WHY = 16,
    TYPE = 32,
    TAIL = 64
};

struct shape {
    const char *name; /* NULL: there is no such kind */
    unsigned has;
};

/* What each kind consists of. */
static const struct shape shapes[] = {
    [TR_FRAME_HELLO] = {"HELLO", TAIL},
    [TR_FRAME_CHALLENGE] = {"CHALLENGE", TAIL},
    [TR_FRAME_PROOF] = {"PROOF", TAIL},
    [TR_FRAME_WELCOME] = {"WELCOME", TAIL},
    [TR_FRAME_REFUSE] = {"REFUSE", 0},
    [TR_FRAME_SEND] = {"SEND", TARGET | SENDER | HOW | TYPE | TAIL},
    [TR_FRAME_GRANT] = {"GRANT", NUMBER | TARGET},
    [TR_FRAME_NO_TARGET] = {"NO_TARGET", TARGET},
    [TR_FRAME_MONITOR] = {"MONITOR", NUMBER | TARGET | SENDER},
    [TR_FRAME_DEMONITOR] = {"DEMONITOR", NUMBER | TARGET | SENDER},
    [TR_FRAME_DOWN] = {"DOWN", NUMBER | TARGET | SENDER | WHY},
    [TR_FRAME_ASK_FAILED] = {"ASK_FAILED", TARGET | WHY},
    [TR_FRAME_LOOKUP] = {"LOOKUP", NUMBER | TAIL},
    [TR_FRAME_FOUND] = {"FOUND", NUMBER | SENDER},
    [TR_FRAME_PING] = {"PING", 0},
    [TR_FRAME_GOODBYE] = {"GOODBYE", 0},
    [TR_FRAME_LINK] = {"LINK", NUMBER | TARGET | SENDER},
    [TR_FRAME_UNLINK] = {"UNLINK", NUMBER | TARGET | SENDER | HOW},
    [TR_FRAME_EXIT] = {"EXIT", NUMBER | TARGET | SENDER | HOW | WHY},
};

enum { LENGTH_SIZE = 4, KIND_SIZE = TR_FRAME_HEAD - LENGTH_SIZE };

static const struct shape *shape_of(unsigned kind) {
    if (kind >= sizeof shapes / sizeof shapes[0] || !shapes[kind].name) return NULL;
    return &shapes[kind];
}

/* Bytes of the fixed fields of a kind. */
static size_t fixed_size(unsigned has) {
    size_t size = 0;
    if (has & NUMBER) size += 8;
    if (has & TARGET) size += 8;
    if (has & SENDER) size += 16;
    if (has & HOW) size += 4;
    if (has & WHY) size += 4;
    if (has & TYPE) size += 8;
    return size;
}

/* Writes a value and returns the place behind it. */
static unsigned char *put(unsigned char *at, uint64_t value, size_t size) {
    tr_wire_store(at, value, size);
    return at + size;
}

/* Reads a value and moves on. */
static uint64_t get(const unsigned char **at, size_t size) {
    *at += size;
    return tr_wire_load(*at - size, size);
}

static void put_fixed(unsigned char *at, unsigned has, const tr_frame *frame) {
    if (has & NUMBER) at = put(at, frame->number, 8);
    if (has & TARGET) at = put(at, frame->target, 8);
    if (has & SENDER) at = put(put(at, frame->sender.node, 8), frame->sender.id, 8);
    if (has & HOW) at = put(at, frame->how, 4);
    if (has & WHY) at = put(at, frame->why, 4);
    if (has & TYPE) put(at, frame->type, 8);
}

static const unsigned char *get_fixed(const unsigned char *at, unsigned has, tr_frame *frame) {
    if (has & NUMBER) frame->number = get(&at, 8);
    if (has & TARGET) frame->target = get(&at, 8);
    if (has & SENDER) frame->sender.node = get(&at, 8);
    if (has & SENDER) frame->sender.id = get(&at, 8);
    if (has & HOW) frame->how = (uint32_t)get(&at, 4);
    if (has & WHY) frame->why = (uint32_t)get(&at, 4);
    if (has & TYPE) frame->type = get(&at, 8);
    return at;
}

size_t tr_frame_begin(tr_buffer *out, const tr_frame *frame) {
    const struct shape *shape = shape_of(frame->kind);
    TR_CHECK(shape);
    size_t start = out->size;
    size_t size = TR_FRAME_HEAD + fixed_size(shape->has);
    if (!tr_buffer_reserve(out, size)) return SIZE_MAX;
    unsigned char *at = put(out->data + start, 0, LENGTH_SIZE); /* until tr_frame_end */
    put_fixed(put(at, frame->kind, KIND_SIZE), shape->has, frame);
    out->size += size;
    return start;
}

void tr_frame_end(tr_buffer *out, size_t start) {
    size_t length = out->size - start - LENGTH_SIZE;
    TR_CHECK(length <= UINT32_MAX);
    tr_wire_store(out->data + start, length, LENGTH_SIZE);
}

bool tr_frame_put(tr_buffer *out, const tr_frame *frame) {
    size_t start = tr_frame_begin(out, frame);
    if (start == SIZE_MAX) return false;
    TR_CHECK(frame->tail_size == 0 || shape_of(frame->kind)->has & TAIL);
    if (frame->tail_size > 0 && !tr_buffer_put(out, frame->tail, frame->tail_size)) {
        out->size = start;
        return false;
    }
    tr_frame_end(out, start);
    return true;
}

/* Whether a frame of this length can be of this kind; `why` says what is wrong if not. */
static bool fits(unsigned kind, uint64_t length, char *why, size_t room) {
    const struct shape *shape = shape_of(kind);
    if (!shape) {
        if (why) snprintf(why, room, "frame of the unknown kind %u", kind);
        return false;
    }
    size_t need = KIND_SIZE + fixed_size(shape->has);
    if (length == need || (length > need && shape->has & TAIL)) return true;
    if (why) {
        snprintf(why, room, "%s of %llu bytes, expected %s%zu", shape->name,
                 (unsigned long long)length, shape->has & TAIL ? "at least " : "", need);
    }
    return false;
}

troupe_err tr_frame_get(const void *bytes, size_t size, size_t limit, tr_frame *frame, size_t *used,
                        char *why, size_t room) {
    const unsigned char *at = bytes;
    *used = 0;
    if (size < LENGTH_SIZE) return TROUPE_LATER;
    uint64_t length = get(&at, LENGTH_SIZE);
    if (length < KIND_SIZE) {
        if (why) snprintf(why, room, "frame without a kind");
        return TROUPE_MALFORMED;
    }
    if (length > limit) {
        if (why) {
            snprintf(why, room, "frame of %llu bytes, the limit is %zu", (unsigned long long)length,
                     limit);
        }
        return TROUPE_TOOBIG;
    }
    /* Nonsense is refused as soon as it shows, not when the peer has sent all of it. */
    if (size >= TR_FRAME_HEAD && !fits(*at, length, why, room)) return TROUPE_MALFORMED;
    *used = LENGTH_SIZE + (size_t)length;
    if (size < *used) return TROUPE_LATER;

    unsigned has = shape_of(*at)->has;
    *frame = (tr_frame){.kind = (tr_frame_kind)get(&at, KIND_SIZE)};
    const unsigned char *rest = get_fixed(at, has, frame);
    frame->tail = has & TAIL ? rest : NULL;
    frame->tail_size = (size_t)length - KIND_SIZE - fixed_size(has);
    return TROUPE_OK;
}
