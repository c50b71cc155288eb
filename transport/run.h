/* Messages that go together in one frame, a RUN: those from one sender to one actor, of one type
 * and sent in one way, that are put in line one right behind the other. They share a head and a
 * checksum; a message of 66 bytes is 70 on the way then, and not 113.
 *
 * The first of them is a SEND as any other, which stays open: its length and its checksum are not
 * there yet. Does another come that it may be joined by, it becomes a RUN. It is closed before
 * another opens, and before it goes out. What is put behind it meanwhile does not open it again, so
 * the order is that of the sends.
 *
 * Neither side locks. */
#ifndef TR_TRANSPORT_RUN_H
#define TR_TRANSPORT_RUN_H

#include "transport/wire.h"

enum {
    /* Bytes of a RUN's tail at which no more messages join, and a receiver takes no more: it
     * handles none before all of them are there and their checksum is right, and then all in one
     * go. A tail is longer than that by one message at most. */
    TR_RUN_MOST = 4 << 10
};

/* The open frame of a buffer. All zero: there is none. */
typedef struct tr_run {
    tr_frame head;     /* its fields */
    size_t start, end; /* where it stands in the buffer; `end` 0: none is open */
    bool joined;       /* it is a RUN by now, of one message at least */
} tr_run;

/* Begins a message at the end of a buffer, whose body the caller appends itself: in the open frame,
 * if it may join that, or as a frame of its own. Returns where it began, to be ended by
 * `tr_run_end` or undone by setting out->size back to it. SIZE_MAX: no memory, and nothing was
 * appended. */
size_t tr_run_begin(tr_run *run, tr_buffer *out, const tr_frame *frame);
/* Its body is there. */
void tr_run_end(tr_run *run, tr_buffer *out, size_t start, const tr_frame *frame);
/* Closes what is open: before the buffer goes out. */
void tr_run_close(tr_run *run, tr_buffer *out);

/* Makes a SEND of the next message of a RUN that came, which points into it; `*at` is 0 before the
 * first. LATER: there is none left. MALFORMED: its length is 0, or goes beyond the end; or it
 * begins behind TR_RUN_MOST bytes. */
TR_CHECKED troupe_err tr_run_next(const tr_frame *run, size_t *at, tr_frame *message);

#endif
