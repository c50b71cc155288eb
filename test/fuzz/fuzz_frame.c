/* Frames: whatever the bytes and however much of them is here, the first frame is whole, not here
 * yet or refused, never past its bytes; and what is taken apart is put together the same. */
#include "base/heap.h"
#include "test/fuzz/fuzz.h"
#include "transport/wire.h"

/* All of them: first those with a tail. */
static const unsigned char kinds[] = {1,  2,  3,  4,  6,  16, 23, 31, 34, 35, 36, 40, 41, 5,  17,
                                      18, 19, 20, 21, 22, 24, 25, 26, 27, 28, 29, 30, 32, 33, 37};
enum { KINDS = sizeof kinds, WITH_TAIL = 13 };

/* A limit of 63, and each kind of frame, with a tail where there can be one; then all of them. */
size_t fuzz_seed(unsigned n, unsigned char *out, size_t room) {
    if (n > KINDS) return 0;
    tr_buffer bytes = {.heap = &tr_heap_default};
    for (unsigned i = n < KINDS ? n : 0; i < (n < KINDS ? n + 1 : KINDS); i++) {
        tr_frame frame = {(tr_frame_kind)kinds[i], 1, 2, {3, 4}, 5, 6, 7, NULL, 0};
        if (i < WITH_TAIL) frame.tail = "\x92\1\2", frame.tail_size = 3;
        MUST(tr_frame_put(&bytes, &frame));
    }
    MUST(bytes.size + 1 <= room);
    out[0] = 63;
    memcpy(out + 1, bytes.data, bytes.size);
    size_t size = 1 + bytes.size;
    tr_buffer_fini(&bytes);
    return size;
}

/* With only the beginning of them here, the same is said, or that more is needed, and how much. */
static void check_beginning(const uint8_t *bytes, size_t size, size_t limit, troupe_err err,
                            size_t whole) {
    char why[100];
    tr_frame frame;
    size_t used;
    uint8_t *copy = malloc(size ? size : 1);
    MUST(copy);
    memcpy(copy, bytes, size);
    troupe_err early = tr_frame_get(copy, size, limit, &frame, &used, why, sizeof why);
    free(copy);
    if (early == TROUPE_LATER)
        MUST(used == 0 || used > size);
    else
        MUST(early == err);
    if (!err) MUST(early == TROUPE_LATER && (used == 0 || used == whole));
}

/* Put together again it is the same bytes. */
static void check_again(const tr_frame *frame, const uint8_t *bytes, size_t used) {
    tr_buffer out = {.heap = &tr_heap_default};
    MUST(tr_frame_put(&out, frame));
    MUST(out.size == used && memcmp(out.data, bytes, used) == 0);
    tr_buffer_fini(&out);
}

/* Makes the checksums of each frame right, or no input would ever be. */
static void mend(uint8_t *at, size_t left) {
    while (left > 4) {
        uint64_t length = tr_wire_load(at, 4);
        if (length > left - 4 || length == 0) return;
        tr_buffer one = {.data = at, .size = 4 + (size_t)length};
        if (at[4] >= TR_FRAME_SEND && length > TR_FRAME_CHECKS) tr_frame_end(&one, 0);
        at += one.size;
        left -= one.size;
    }
}

static void take_frames(const uint8_t *at, size_t left, size_t limit) {
    size_t used;
    for (int frames = 0; frames < 64; frames++) {
        char why[100] = "";
        tr_frame frame;
        troupe_err err = tr_frame_get(at, left, limit, &frame, &used, why, sizeof why);
        size_t most = left < 40 ? left : 40;
        for (size_t part = 0; part < (err ? most : used < 40 ? used : 40); part++)
            check_beginning(at, part, limit, err, used);
        if (err == TROUPE_LATER) MUST(used == 0 ? left < 7 : used > left && used <= 4 + limit);
        if (err) {
            MUST(err == TROUPE_LATER || err == TROUPE_TOOBIG || err == TROUPE_MALFORMED ||
                 err == TROUPE_DAMAGED);
            MUST((err == TROUPE_LATER) == !*why);
            return;
        }
        MUST(used >= TR_FRAME_HEAD && used <= left && used <= 4 + limit);
        const uint8_t *tail = frame.tail;
        MUST(!tail || tail + frame.tail_size == at + used);
        check_again(&frame, at, used);
        at += used;
        left -= used;
    }
}

/* The first byte is the limit, and whether checksums are as they come. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > FUZZ_SIZE_MOST) return 0;
    size_t limit = (size_t)data[0] << (data[0] & 7 ? 0 : 20);
    uint8_t *copy = malloc(size);
    MUST(copy);
    memcpy(copy, data + 1, size - 1);
    if (data[0] & 3) mend(copy, size - 1);
    take_frames(copy, size - 1, limit);
    free(copy);
    return 0;
}
