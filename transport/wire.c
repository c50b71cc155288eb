#include "transport/wire.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "transport/checksum.h"

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
    [TR_FRAME_ALREADY] = {"ALREADY", TAIL},
    [TR_FRAME_SEND] = {"SEND", TARGET | SENDER | HOW | TYPE | TAIL},
    [TR_FRAME_GRANT] = {"GRANT", NUMBER | TARGET},
    [TR_FRAME_NO_TARGET] = {"NO_TARGET", TARGET | WHY},
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
    [TR_FRAME_STOP] = {"STOP", TARGET},
    [TR_FRAME_SPAWN] = {"SPAWN", NUMBER | TYPE | TAIL},
    [TR_FRAME_ACK] = {"ACK", NUMBER | TARGET},
    [TR_FRAME_SPAWNED] = {"SPAWNED", NUMBER | SENDER | WHY},
    [TR_FRAME_LARGE] = {"LARGE", NUMBER | TARGET | SENDER | HOW | TYPE | TAIL},
    [TR_FRAME_PART] = {"PART", NUMBER | TAIL},
    [TR_FRAME_DELIVER] = {"DELIVER", NUMBER | TARGET | SENDER | HOW | TYPE | TAIL},
    [TR_FRAME_REJECT] = {"REJECT", NUMBER | TARGET | WHY},
    [TR_FRAME_RUN] = {"RUN", TARGET | SENDER | HOW | TYPE | TAIL},
    [TR_FRAME_SCHEMA] = {"SCHEMA", TYPE | TAIL},
    [TR_FRAME_GROUP] = {"GROUP", NUMBER | HOW | TAIL},
};

enum { LENGTH_SIZE = 4, KIND_SIZE = TR_FRAME_HEAD - LENGTH_SIZE, HEAD_CHECK_SIZE = 2 };

static const struct shape *shape_of(unsigned kind) {
    if (kind >= sizeof shapes / sizeof shapes[0] || !shapes[kind].name) return NULL;
    return &shapes[kind];
}

/* Whether frames of a kind have checksums: all but those of the handshake. */
static bool is_checked(unsigned kind) {
    return kind >= TR_FRAME_SEND;
}

/* Bytes of the checksums and the fixed fields of a kind. */
static TR_INLINE size_t fixed_size(unsigned kind, unsigned has) {
    const size_t eight = 8, four = 4;
    return (is_checked(kind) ? TR_FRAME_CHECKS : 0) + eight * !!(has & NUMBER) +
           eight * !!(has & TARGET) + 2 * eight * !!(has & SENDER) + four * !!(has & HOW) +
           four * !!(has & WHY) + eight * !!(has & TYPE);
}

/* Writes a value and returns the place behind it. */
static TR_INLINE unsigned char *put(unsigned char *at, uint64_t value, size_t size) {
    tr_wire_store(at, value, size);
    return at + size;
}

/* Reads a value and moves on. */
static TR_INLINE uint64_t get(const unsigned char **at, size_t size) {
    *at += size;
    return tr_wire_load(*at - size, size);
}

static TR_INLINE void put_fixed(unsigned char *at, unsigned has, const tr_frame *frame) {
    if (has & NUMBER) at = put(at, frame->number, 8);
    if (has & TARGET) at = put(at, frame->target, 8);
    if (has & SENDER) at = put(put(at, frame->sender.node, 8), frame->sender.id, 8);
    if (has & HOW) at = put(at, frame->how, 4);
    if (has & WHY) at = put(at, frame->why, 4);
    if (has & TYPE) put(at, frame->type, 8);
}

static TR_INLINE const unsigned char *get_fixed(const unsigned char *at, unsigned has,
                                                tr_frame *frame) {
    if (has & NUMBER) frame->number = get(&at, 8);
    if (has & TARGET) frame->target = get(&at, 8);
    if (has & SENDER) frame->sender.node = get(&at, 8);
    if (has & SENDER) frame->sender.id = get(&at, 8);
    if (has & HOW) frame->how = (uint32_t)get(&at, 4);
    if (has & WHY) frame->why = (uint32_t)get(&at, 4);
    if (has & TYPE) frame->type = get(&at, 8);
    return at;
}

/* --- Checksums -------------------------------------------------------------------------------- */

/* That of length and kind, both as the first part of that of all, and folded to 16 bits. No change
 * of one byte is lost by folding: there are 1,275, and a test tries each. */
static uint32_t check_of_head(const unsigned char *frame, unsigned *folded) {
    uint32_t crc = tr_checksum(0, frame, TR_FRAME_HEAD);
    *folded = (crc >> 16 ^ crc) & 0xffff;
    return crc;
}

/* That of all but the checksums themselves. */
static uint32_t check_of_all(const unsigned char *frame, size_t size, uint32_t head) {
    const size_t before = TR_FRAME_HEAD + TR_FRAME_CHECKS;
    return tr_checksum(head, frame + before, size - before);
}

/* Whether the head is what was sent; `*crc` is its checksum. */
static bool head_is_right(const unsigned char *frame, uint32_t *crc, char *why, size_t room) {
    unsigned folded;
    *crc = check_of_head(frame, &folded);
    if (folded == tr_wire_load(frame + TR_FRAME_HEAD, HEAD_CHECK_SIZE)) return true;
    if (why) snprintf(why, room, "the head of a frame was damaged on the way");
    return false;
}

uint32_t tr_frame_check(const unsigned char *frame, size_t size) {
    unsigned folded;
    return check_of_all(frame, size, check_of_head(frame, &folded));
}

uint32_t tr_frame_says(const unsigned char *frame) {
    const unsigned char *check = frame + TR_FRAME_HEAD + HEAD_CHECK_SIZE;
    return (uint32_t)tr_wire_load(check, TR_FRAME_CHECKS - HEAD_CHECK_SIZE);
}

/* Whether all of it is. */
static bool all_is_right(const unsigned char *frame, size_t size, uint32_t head, char *why,
                         size_t room) {
    if (check_of_all(frame, size, head) == tr_frame_says(frame)) return true;
    if (why) {
        snprintf(why, room, "%s of %zu bytes was damaged on the way",
                 shape_of(frame[LENGTH_SIZE])->name, size - LENGTH_SIZE);
    }
    return false;
}

/* --- Putting together ------------------------------------------------------------------------- */

size_t tr_frame_size(tr_frame_kind kind) {
    return TR_FRAME_HEAD + fixed_size(kind, shape_of(kind)->has);
}

size_t tr_frame_begin(tr_buffer *out, const tr_frame *frame) {
    const struct shape *shape = shape_of(frame->kind);
    TR_CHECK(shape);
    size_t start = out->size;
    size_t size = TR_FRAME_HEAD + fixed_size(frame->kind, shape->has);
    if (!tr_buffer_reserve(out, size)) return SIZE_MAX;
    unsigned char *at = put(out->data + start, 0, LENGTH_SIZE); /* until tr_frame_end */
    at = put(at, frame->kind, KIND_SIZE);
    if (is_checked(frame->kind)) at = put(at, 0, TR_FRAME_CHECKS); /* the same */
    put_fixed(at, shape->has, frame);
    out->size += size;
    return start;
}

void tr_frame_seal(unsigned char *frame, size_t size) {
    TR_CHECK(size - LENGTH_SIZE <= UINT32_MAX);
    tr_wire_store(frame, size - LENGTH_SIZE, LENGTH_SIZE);
    if (!is_checked(frame[LENGTH_SIZE])) return;
    unsigned folded;
    uint32_t head = check_of_head(frame, &folded);
    unsigned char *check = put(frame + TR_FRAME_HEAD, folded, HEAD_CHECK_SIZE);
    tr_wire_store(check, check_of_all(frame, size, head), TR_FRAME_CHECKS - HEAD_CHECK_SIZE);
}

void tr_frame_end(tr_buffer *out, size_t start) {
    tr_frame_seal(out->data + start, out->size - start);
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

/* --- Taking apart ----------------------------------------------------------------------------- */

/* Whether a frame of this length can be of this kind; `why` says what is wrong if not. */
static bool fits(unsigned kind, uint64_t length, char *why, size_t room) {
    const struct shape *shape = shape_of(kind);
    if (!shape) {
        if (why) snprintf(why, room, "frame of the unknown kind %u", kind);
        return false;
    }
    size_t need = KIND_SIZE + fixed_size(kind, shape->has);
    if (length == need || (length > need && shape->has & TAIL)) return true;
    if (why) {
        snprintf(why, room, "%s of %llu bytes, expected %s%zu", shape->name,
                 (unsigned long long)length, shape->has & TAIL ? "at least " : "", need);
    }
    return false;
}

/* What comes behind the length, all of it here and right. */
static void take_apart(const unsigned char *at, size_t length, tr_frame *frame) {
    unsigned has = shape_of(*at)->has, kind = *at;
    *frame = (tr_frame){.kind = (tr_frame_kind)kind};
    at += KIND_SIZE + (is_checked(kind) ? TR_FRAME_CHECKS : 0);
    const unsigned char *rest = get_fixed(at, has, frame);
    frame->tail = has & TAIL ? rest : NULL;
    frame->tail_size = length - KIND_SIZE - fixed_size(kind, has);
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
    if (size < TR_FRAME_HEAD) return TROUPE_LATER;
    unsigned kind = *at;
    uint32_t head = 0;
    if (is_checked(kind)) {
        if (size < TR_FRAME_HEAD + HEAD_CHECK_SIZE) return TROUPE_LATER;
        if (!head_is_right(bytes, &head, why, room)) return TROUPE_DAMAGED;
    }
    if (!fits(kind, length, why, room)) return TROUPE_MALFORMED;
    *used = LENGTH_SIZE + (size_t)length;
    if (size < *used) return TROUPE_LATER;
    if (is_checked(kind) && !all_is_right(bytes, *used, head, why, room)) return TROUPE_DAMAGED;
    take_apart(at, (size_t)length, frame);
    return TROUPE_OK;
}
