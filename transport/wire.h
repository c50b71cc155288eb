/* Frames: what nodes say to each other. A frame is a length (4 bytes, big endian, of what follows),
 * a kind (1 byte), the fixed fields of that kind (big endian, in the order of `tr_frame`), and,
 * where the kind has one, a tail of bytes. docs/wire-format.md is the manual; wire.c holds the
 * table. */
#ifndef TR_TRANSPORT_WIRE_H
#define TR_TRANSPORT_WIRE_H

#include <stdint.h>
#include <troupe/message.h>

#include "base/check.h"
#include "serial/codec.h"

enum {
    TR_WIRE_VERSION = 2,
    TR_FRAME_HEAD = 5,      /* bytes of length and kind */
    TR_HANDSHAKE_MAX = 512, /* bytes of a frame before the peer is authenticated */
    TR_FRAME_FIXED_MAX = 64 /* bytes that the fixed fields of any kind can take at most */
};

/* The kinds. Numbers are for ever. */
typedef enum tr_frame_kind {
    TR_FRAME_HELLO = 1,     /* tail: handshake.c's */
    TR_FRAME_CHALLENGE = 2, /* tail: handshake.c's */
    TR_FRAME_PROOF = 3,     /* tail: handshake.c's */
    TR_FRAME_WELCOME = 4,   /* tail: handshake.c's */
    TR_FRAME_REFUSE = 5,    /* no reason on the wire */
    TR_FRAME_SEND = 16,     /* target, sender, how, type; tail: the body as msgpack */
    TR_FRAME_GRANT = 17,    /* target, number: the messages that may have been sent to it in all */
    TR_FRAME_NO_TARGET = 18, /* target: it has ended */
    TR_FRAME_MONITOR = 19,  /* number, sender (the watcher), target */
    TR_FRAME_DEMONITOR = 20, /* number, sender (the watcher), target */
    TR_FRAME_DOWN = 21,     /* number, target (the watcher), sender (who ended), why */
    TR_FRAME_ASK_FAILED = 22, /* target (the asker), why */
    TR_FRAME_LOOKUP = 23,   /* number; tail: the name */
    TR_FRAME_FOUND = 24,    /* number, sender (the actor, or nobody) */
    TR_FRAME_PING = 25,     /* the sender lives */
    TR_FRAME_GOODBYE = 26,  /* the sender closes in good order */
    TR_FRAME_LINK = 27,     /* number, sender (who makes it), target */
    TR_FRAME_UNLINK = 28,   /* number, sender (who takes it back), target, how */
    TR_FRAME_EXIT = 29      /* number (0: no link's), sender, target, how, why */
} tr_frame_kind;

/* A frame, taken apart. Fields that the kind does not have are zero. */
typedef struct tr_frame {
    tr_frame_kind kind;
    uint64_t number;
    uint64_t target;   /* an id in the receiving runtime */
    troupe_ref sender; /* a whole ref: an actor may pass on what came from a third node */
    uint32_t how;      /* TR_SEND_*; of a link: 1 if the sender's node has made it, else 0 */
    uint32_t why;      /* a troupe_err */
    uint64_t type;     /* schema hash */
    const void *tail; /* kinds without one: NULL */
    size_t tail_size;
} tr_frame;

/* Writes the low `size` bytes of a value, big endian. */
static inline void tr_wire_store(unsigned char *at, uint64_t value, size_t size) {
    for (size_t i = size; i-- > 0; value >>= 8) at[i] = (unsigned char)value;
}

/* Reads a value of `size` bytes, big endian. */
static inline uint64_t tr_wire_load(const unsigned char *at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | at[i];
    return value;
}

/* Appends a frame. Only a kind that has a tail may be given one. False: no memory; the buffer is as
 * it was. */
bool tr_frame_put(tr_buffer *out, const tr_frame *frame);

/* Begins a frame whose tail the caller appends itself; returns where it began, to be closed by
 * `tr_frame_end` or undone by setting out->size back to it. SIZE_MAX: no memory. */
size_t tr_frame_begin(tr_buffer *out, const tr_frame *frame);

/* Fills in the length of the frame that began at `start`. */
void tr_frame_end(tr_buffer *out, size_t start);

/* Takes the first frame of `size` bytes apart; `*used` gets its bytes, head included, and the
 * frame's tail points into `bytes`. `limit` is the most bytes that may follow the length.
 * LATER: not all of it is here yet (`*used` gets the bytes that the whole frame needs, or 0 if even
 * that is unknown). TOOBIG: over the limit, known from the length alone. MALFORMED: no kind, an
 * unknown one, or a length that does not fit it; known from the first 5 bytes. On these two `why`
 * (may be NULL, `room` bytes) says what. What the fields say is not judged. */
TR_CHECKED troupe_err tr_frame_get(const void *bytes, size_t size, size_t limit,
                                       tr_frame *frame, size_t *used, char *why, size_t room);

#endif
