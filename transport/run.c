#include "transport/run.h"

enum { LENGTH_SIZE = 4, KIND_AT = TR_FRAME_HEAD - 1 };

static bool is_alike(const tr_frame *a, const tr_frame *b) {
    return a->target == b->target && a->type == b->type && a->how == b->how &&
           troupe_same(a->sender, b->sender);
}

/* Bytes of the open frame's tail, as it is or would be in a RUN. */
static size_t tail_size(const tr_run *run) {
    const size_t tail = run->end - run->start - tr_frame_size(TR_FRAME_RUN);
    return run->joined ? tail : tail + LENGTH_SIZE;
}

/* Whether a message may join the open frame: that is the last in the buffer. */
static bool joins(const tr_run *run, const tr_buffer *out, const tr_frame *frame) {
    return run->end && run->end == out->size && tail_size(run) < TR_RUN_MOST &&
           frame->kind == TR_FRAME_SEND && is_alike(&run->head, frame);
}

/* Makes a RUN of the open SEND: there is room for the length of its only message. */
static void become_run(tr_run *run, tr_buffer *out) {
    unsigned char *frame = out->data + run->start;
    const size_t head = tr_frame_size(TR_FRAME_SEND), size = run->end - run->start - head;
    memmove(frame + head + LENGTH_SIZE, frame + head, size);
    tr_wire_store(frame + head, size, LENGTH_SIZE);
    frame[KIND_AT] = TR_FRAME_RUN;
    out->size += LENGTH_SIZE;
    run->joined = true;
}

size_t tr_run_begin(tr_run *run, tr_buffer *out, const tr_frame *frame) {
    if (!joins(run, out, frame)) {
        tr_run_close(run, out);
        return tr_frame_begin(out, frame);
    }
    if (!tr_buffer_reserve(out, 2 * LENGTH_SIZE)) return SIZE_MAX;
    if (!run->joined) become_run(run, out);
    run->end = out->size;
    out->size += LENGTH_SIZE;
    return run->end;
}

void tr_run_end(tr_run *run, tr_buffer *out, size_t start, const tr_frame *frame) {
    if (run->end) {
        tr_wire_store(out->data + start, out->size - start - LENGTH_SIZE, LENGTH_SIZE);
        run->end = out->size;
    } else if (frame->kind == TR_FRAME_SEND) {
        *run = (tr_run){*frame, start, out->size, false};
    } else {
        tr_frame_end(out, start);
    }
}

void tr_run_close(tr_run *run, tr_buffer *out) {
    if (!run->end) return;
    tr_frame_seal(out->data + run->start, run->end - run->start);
    run->end = 0;
}

troupe_err tr_run_next(const tr_frame *run, size_t *at, tr_frame *message) {
    const size_t left = run->tail_size - *at;
    if (!left) return TROUPE_LATER;
    const unsigned char *here = (const unsigned char *)run->tail + *at;
    const uint64_t size = left > LENGTH_SIZE ? tr_wire_load(here, LENGTH_SIZE) : 0;
    if (!size || size > left - LENGTH_SIZE || *at >= TR_RUN_MOST) return TROUPE_MALFORMED;
    *message = *run;
    message->kind = TR_FRAME_SEND;
    message->tail = here + LENGTH_SIZE;
    message->tail_size = size;
    *at += LENGTH_SIZE + size;
    return TROUPE_OK;
}
