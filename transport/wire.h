/* Frames: what nodes say to each other. A frame is a length (4 bytes, big endian, of what follows),
 * a kind (1 byte), the fixed fields of that kind (big endian, in the order of `tr_frame`), and,
 * where the kind has one, a tail of bytes. Those that come after the handshake, whose own have a
 * mac, have two checksums behind the kind: of the head, so that a damaged length is found before
 * anybody waits for so many bytes, and of all. docs/wire-format.md is the manual; wire.c holds the
 * table. */
#ifndef TR_TRANSPORT_WIRE_H
#define TR_TRANSPORT_WIRE_H

#include <stdint.h>
#include <string.h>
#include <troupe/message.h>

#include "base/check.h"
#include "serial/codec.h"

enum {
    TR_WIRE_VERSION = 5,
    TR_FRAME_HEAD = 5,      /* bytes of length and kind */
    TR_FRAME_CHECKS = 6,    /* bytes of the checksums, in kinds that have them */
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
    TR_FRAME_ALREADY = 6,   /* in place of WELCOME: there is another connection */
    TR_FRAME_SEND = 16,     /* target, sender, how, type; tail: the body as msgpack */
    TR_FRAME_GRANT = 17,    /* target, number: the messages that may have been sent to it in all */
    TR_FRAME_NO_TARGET = 18, /* target: it has ended; why: STOPPED, in good order; else GONE */
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
    TR_FRAME_EXIT = 29,     /* number (0: no link's), sender, target, how, why */
    TR_FRAME_STOP = 30,     /* target: it shall stop */
    TR_FRAME_SPAWN = 31,    /* number, type (of the argument; 0: none); tail: transport/spawn.c's */
    TR_FRAME_SPAWNED = 32,  /* number, sender (the actor, or nobody), why */
    TR_FRAME_ACK = 33,      /* target, number: the messages that it has accepted in all */
    TR_FRAME_LARGE = 34, /* as SEND, and a number; tail: 8 bytes, how many its parts have in all */
    TR_FRAME_PART = 35,  /* number; tail: the next bytes of that message */
    TR_FRAME_DELIVER = 36, /* as SEND, and number: which of those that are redelivered */
    TR_FRAME_REJECT = 37, /* number (the message of this connection), target, why */
    TR_FRAME_RUN = 38, /* as SEND; tail: bodies, each behind its length (4 bytes) */
    TR_FRAME_SCHEMA = 40,   /* type; tail: what that hash is made of */
    TR_FRAME_GROUP = 41     /* number (the member), how (a tr_group_news); tail: the group */
} tr_frame_kind;

/* What `how` says of a message beside TR_SEND_*. */
enum {
    TR_HOW_PROMPT = 1 << 8, /* its sender waits to hear that it is in the mailbox */
    TR_HOW_AGAIN = 1 << 9   /* it may come more than once; of a LARGE: its number is in the tail */
};

/* A frame, taken apart. Fields that the kind does not have are zero. */
typedef struct tr_frame {
    tr_frame_kind kind;
    uint64_t number;
    uint64_t target;   /* an id in the receiving runtime */
    troupe_ref sender; /* a whole ref: an actor may pass on what came from a third node */
    uint32_t how;      /* TR_SEND_*; of a link: 1 if the sender's node has made it, else 0; of a
                        * group: a tr_group_news */
    uint32_t why;      /* a troupe_err */
    uint64_t type;     /* schema hash */
    const void *tail; /* kinds without one: NULL */
    size_t tail_size;
} tr_frame;

/* Writes the low `size` bytes of a value, 1 to 8, big endian. Where the size is a constant it is
 * written at once. */
static inline void tr_wire_store(unsigned char *at, uint64_t value, size_t size) {
    unsigned char all[8];
    value <<= 64 - 8 * size;
    all[0] = (unsigned char)(value >> 56), all[1] = (unsigned char)(value >> 48);
    all[2] = (unsigned char)(value >> 40), all[3] = (unsigned char)(value >> 32);
    all[4] = (unsigned char)(value >> 24), all[5] = (unsigned char)(value >> 16);
    all[6] = (unsigned char)(value >> 8), all[7] = (unsigned char)value;
    memcpy(at, all, size);
}

/* Reads a value of `size` bytes, 1 to 8, big endian. */
static inline uint64_t tr_wire_load(const unsigned char *at, size_t size) {
    unsigned char all[8] = {0};
    memcpy(all, at, size);
    const uint64_t value = (uint64_t)all[0] << 56 | (uint64_t)all[1] << 48 |
                           (uint64_t)all[2] << 40 | (uint64_t)all[3] << 32 |
                           (uint64_t)all[4] << 24 | (uint64_t)all[5] << 16 |
                           (uint64_t)all[6] << 8 | all[7];
    return value >> (64 - 8 * size);
}

/* Bytes of a frame of a kind that are in front of its tail. */
size_t tr_frame_size(tr_frame_kind kind);

/* Appends a frame. Only a kind that has a tail may be given one. False: no memory; the buffer is as
 * it was. */
bool tr_frame_put(tr_buffer *out, const tr_frame *frame);

/* Begins a frame whose tail the caller appends itself; returns where it began, to be closed by
 * `tr_frame_end` or undone by setting out->size back to it. SIZE_MAX: no memory. */
size_t tr_frame_begin(tr_buffer *out, const tr_frame *frame);

/* Fills in the length and the checksums of the frame that began at `start` and is the last. */
void tr_frame_end(tr_buffer *out, size_t start);
/* Ends a frame of which all is there but length and checksums. */
void tr_frame_seal(unsigned char *frame, size_t size);
/* For a frame that is handled as it comes: the checksum of its first `size` bytes, no fewer than
 * head and checksums; `tr_checksum` goes on from there. */
uint32_t tr_frame_check(const unsigned char *frame, size_t size);
/* What that is to be at the frame's end. */
uint32_t tr_frame_says(const unsigned char *frame);

/* Takes the first frame of `size` bytes apart; `*used` gets its bytes, head included, and the
 * frame's tail points into `bytes`. `limit` is the most bytes that may follow the length.
 * LATER: not all of it is here yet (`*used` gets the bytes that the whole frame needs, or 0 if even
 * that is unknown). TOOBIG: over the limit, known from the length alone. MALFORMED: no kind, an
 * unknown one, or a length that does not fit it; DAMAGED: length and kind are not as they were
 * sent; both known from the first 7 bytes. DAMAGED too: nor is the rest. On these `why` (may be
 * NULL, `room` bytes) says what. What the fields say is not judged. */
TR_CHECKED troupe_err tr_frame_get(const void *bytes, size_t size, size_t limit,
                                       tr_frame *frame, size_t *used, char *why, size_t room);

#endif
