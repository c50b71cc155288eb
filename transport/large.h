/* Large messages in parts, so that nothing small has to wait until all of a large one is through.
 *
 * The sending side says LARGE in place of SEND, in line with all other frames, and then, whenever
 * the stream is free, one PART of it after the other, in between what else goes out. The receiving
 * side keeps the message's place in the line of its actor from LARGE on (window.h), and puts it
 * there once the last part has come. So no order changes: what was sent to the same actor after it
 * waits behind it, where it arrives; all else goes past.
 *
 * Neither side locks. */
#ifndef TR_TRANSPORT_LARGE_H
#define TR_TRANSPORT_LARGE_H

#include "actors/port.h"
#include "base/list.h"
#include "base/map.h"
#include "base/spare.h"
#include "transport/wire.h"

struct tr_arrival;

enum {
    TR_PART_SIZE = 256 << 10, /* bytes of a part; a message that is no longer is sent as one */
    TR_LARGE_HEAD = TR_FRAME_HEAD + TR_FRAME_CHECKS + 8, /* bytes in front of a part */
    TR_PART_GOES_ON = 1, /* `how` of a piece of a PART that is not its last: that comes only once
                          * the checksum was found right, so nothing damaged is ever whole */
    TR_LARGE_MOST = 512,     /* messages of a link that are not whole yet */
    TR_LARGE_BYTES = 16 << 20, /* bytes of those, but for the last of them */
    TR_LARGE_SPARE = 4 << 20   /* bytes of those that are done with, kept for the next ones */
};

/* --- The sending side ------------------------------------------------------------------------- */

/* What goes out in parts. Messages for one actor go one after the other, those for different ones
 * in turn. */
typedef struct tr_larges {
    tr_fifo turns;  /* tr_large: the first of each actor that has any; the first is on its way */
    size_t part;    /* bytes of that that are on their way */
    size_t count;   /* messages that are not out yet */
    size_t bytes;   /* of all of them, also of what is out already */
    uint64_t number; /* of the last one */
    tr_spare spare;  /* the memory of bodies that are out */
    const troupe_heap *heap;
} tr_larges;

/* Makes it empty. */
void tr_larges_init(tr_larges *larges, const troupe_heap *heap);
/* Gives back what has not gone out. */
void tr_larges_fini(tr_larges *larges);
/* Whether one more may be put there now: what the receiving side lets us. */
bool tr_larges_may_put(const tr_larges *larges);
/* What is left of another one, with room for a body of so many bytes; empty: there is none. */
tr_buffer tr_larges_room(tr_larges *larges, size_t size);
/* Makes a message of about so many bytes, in that room, if there is any: it is its own then. NULL:
 * no memory, and the room is freed. */
struct tr_large *tr_large_make(const troupe_heap *heap, size_t size, tr_buffer room);
/* Gives it back. */
void tr_large_end(const troupe_heap *heap, struct tr_large *large);
/* Where its body is to be appended, to a head of TR_LARGE_HEAD bytes that is there. */
tr_buffer *tr_large_bytes(struct tr_large *large);
/* Bytes of its body. */
size_t tr_large_size(const struct tr_large *large);
/* Puts it in line; returns its number, for LARGE. `may_put` said so. */
uint64_t tr_larges_put(tr_larges *larges, uint64_t target, struct tr_large *large);
/* The next part, framed, which is now on its way; it stays valid until `sent`. False: there is
 * none. */
bool tr_larges_next(tr_larges *larges, const void **bytes, size_t *size);
/* That part is out. */
void tr_larges_sent(tr_larges *larges);

/* --- The receiving side ----------------------------------------------------------------------- */

/* Where a PART is of which not all has come. */
typedef struct tr_piece {
    size_t left;     /* bytes to come of it; 0: none is coming */
    uint64_t number; /* its message */
    uint32_t check;  /* the checksum of what has come of it */
    uint32_t says;   /* what that is to be at its end */
} tr_piece;

/* What is here of a PART, be it its head or some of its bytes: that is handled at once, as if it
 * were a PART of its own, so that it is copied but once, to where it belongs. LATER: it is none, or
 * nothing of it is here. DAMAGED: this was its end, and its checksum is another. */
TR_CHECKED troupe_err tr_piece_get(tr_piece *piece, const unsigned char *at, size_t size,
                                   tr_frame *frame, size_t *used);

/* A message of which not all parts have come. */
typedef struct tr_assembly {
    tr_map_entry by_number;
    tr_frame head;            /* its LARGE; the tail is what has come, once it is whole */
    uint64_t again;           /* which of those that are redelivered; 0: it is not */
    tr_terms terms;           /* since its LARGE has come; the caller's to set */
    size_t total;             /* bytes of its body */
    size_t got;               /* of them */
    const troupe_type *type;  /* that it will be read as; the caller's to set; NULL: not known */
    unsigned char *bytes;     /* NULL: none has come */
    troupe_msg *landing;      /* the message that they are in already; NULL: they are in none */
    struct tr_arrival *place; /* in the line of its actor; NULL: it has none (any more) */
} tr_assembly;

typedef struct tr_assemblies {
    tr_map by_number;
    size_t bytes; /* of all of them, whether they have come or not */
    const tr_pool *pool;
    const troupe_heap *heap;
} tr_assemblies;

/* Makes it empty. Messages are of that pool. */
void tr_assemblies_init(tr_assemblies *set, const tr_pool *pool, const troupe_heap *heap);
/* Gives back what is not whole. */
void tr_assemblies_fini(tr_assemblies *set);
/* A LARGE has come; `limit` are the bytes of a message. `*out` is what will be made of it.
 * MALFORMED, TOOBIG: it is against the rules, and `why` says which. NOMEM. */
TR_CHECKED troupe_err tr_assembly_begin(tr_assemblies *set, const tr_frame *frame, size_t limit,
                                        tr_assembly **out, char *why, size_t room);
/* A PART has come. `*whole` is the message that it was the last of, which the caller ends; NULL: it
 * was none. MALFORMED and why. NOMEM. */
TR_CHECKED troupe_err tr_assembly_add(tr_assemblies *set, const tr_frame *frame,
                                      tr_assembly **whole, char *why, size_t room);
/* Gives one back. */
void tr_assembly_end(tr_assemblies *set, tr_assembly *it);

#endif
