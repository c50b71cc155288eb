/* Messages to msgpack and back. A body is an array of its fields in the order of the type's list.
 * Bytes from outside are scanned against limits before msgpack-c or any allocation sees them. */
#ifndef TR_SERIAL_CODEC_H
#define TR_SERIAL_CODEC_H

#include <troupe/heap.h>
#include <troupe/message.h>

#include "base/check.h"
#include "base/pool.h"

/* Bytes that grow. All zero but `heap` is empty. */
typedef struct tr_buffer {
    unsigned char *data;
    size_t size, room; /* bytes used, bytes allocated */
    const troupe_heap *heap;
} tr_buffer;

/* Makes room for `more` bytes behind those that are there. False: no memory; nothing changed. */
bool tr_buffer_reserve(tr_buffer *buffer, size_t more);

/* Appends bytes. False: no memory; nothing changed. */
bool tr_buffer_put(tr_buffer *buffer, const void *bytes, size_t size);

/* Gives the memory back; the buffer is empty and can be used again. */
void tr_buffer_fini(tr_buffer *buffer);

/* Appends a body as msgpack. `limit` is the most bytes that it may become. On an error the buffer
 * holds what it held. NOMEM. TOOBIG: over the limit, or over TR_MSG_LIMIT. INVALID: a text is not
 * UTF-8 or a one-of none of its cases (the peer would refuse it), or bytes have a size but no data.
 */
TR_CHECKED troupe_err tr_pack(const troupe_type *type, const void *body, size_t limit,
                              tr_buffer *out);

/* Makes a message of `type` out of exactly these bytes. In the error case nothing is allocated, and
 * `*out` is NULL, and `why` (may be NULL; `room` bytes) gets a text like
 * "order.price: expected f64, got text".
 * MALFORMED: truncated, trailing, wrong kinds or counts, an integer out of range, text that is not
 * UTF-8 or holds a NUL, nesting deeper than the type's. NOMEM. TOOBIG. */
TR_CHECKED troupe_err tr_unpack(const tr_pool *pool, const troupe_type *type, const void *bytes,
                                size_t size, troupe_msg **out, char *why, size_t room);

/* The same for whatever it is, usual or not, in two goes over the bytes: tr_unpack is quicker. */
TR_CHECKED troupe_err tr_unpack_any(const tr_pool *pool, const troupe_type *type, const void *bytes,
                                    size_t size, troupe_msg **out, char *why, size_t room);

/* Takes the memory in which `size` bytes can come, to become a message of `type` where they are.
 * `*at` is where they are to be written; until then `*out` may only be dropped. NOMEM, TOOBIG. */
TR_CHECKED troupe_err tr_landing_make(const tr_pool *pool, const troupe_type *type, size_t size,
                                      troupe_msg **out, unsigned char **at);

/* What tr_unpack does, with the `size` bytes that were written there. What is large in them stays,
 * and `*landing` is the message: it is NULL then. If all else is too much for that, or on an error,
 * it is the caller's still. */
TR_CHECKED troupe_err tr_unpack_landed(const tr_pool *pool, troupe_msg **landing, size_t size,
                                       troupe_msg **out, char *why, size_t room);

#endif
