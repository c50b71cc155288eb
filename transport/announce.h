/* What a peer was told of our types: before the first message of a type it gets that type's schema,
 * and before that those of the structs within, which it may have to compare with its own. */
#ifndef TR_TRANSPORT_ANNOUNCE_H
#define TR_TRANSPORT_ANNOUNCE_H

#include "serial/schema.h"

/* The types that one peer was told about. Guarded by who has it. */
typedef struct tr_announced {
    tr_map by_hash;
    uint64_t last; /* the hash that was asked for last, which it was told; 0: none yet */
    size_t most;   /* bytes of a schema that it takes */
    const troupe_heap *heap;
} tr_announced;

/* Begins with none. A schema that is longer than `limit` is never told. */
void tr_announced_init(tr_announced *announced, const troupe_heap *heap, size_t limit);

/* Gives its memory back. */
void tr_announced_fini(tr_announced *announced);

/* The same as tr_announce, for a type that may have been told already. */
TR_CHECKED bool tr_announce_new(tr_announced *announced, const troupe_type *type, uint64_t hash,
                                tr_buffer *out);

/* Appends what the peer has yet to be told of a type with that schema hash. False: no memory; what
 * was appended till then are whole frames, and stays. */
TR_CHECKED static inline bool tr_announce(tr_announced *announced, const troupe_type *type,
                                          uint64_t hash, tr_buffer *out) {
    return announced->last == hash || tr_announce_new(announced, type, hash, out);
}

#endif
