/* What comes over a link: bytes, of which frames are made. */
#include <stdio.h>
#include <string.h>

#include "transport/link.h"
#include "transport/node.h"
#include "transport/tls.h"

enum {
    CACHE_FROM = 8 << 10,   /* bytes that came, for which a cache of blocks is worth its while */
    JOINED_FIRST = 4 << 10, /* bytes that are copied behind the beginning of a frame, first */
};

/* Handles one frame. False: the link is at its end. */
static bool one_frame(tr_peer_link *link, const tr_frame *frame) {
    if (!link->proved) {
        troupe_err err = tr_link_shake(link, frame);
        return err == TROUPE_OK || err == TROUPE_LATER;
    }
    char why[160] = "";
    troupe_err err = tr_link_frame(link, frame, why, sizeof why);
    if (!err) return true;
    if (err != TROUPE_CLOSED) tr_link_break(link, *why ? why : troupe_strerror(err));
    return false;
}

/* Bytes that may follow a frame's length, as far as its kind is here. A RUN may be longer than one
 * message. */
static size_t limit_of(const tr_peer_link *link, const unsigned char *at, size_t size) {
    if (!link->proved) return TR_HANDSHAKE_MAX;
    const bool may_be_run = size < TR_FRAME_HEAD || at[TR_FRAME_HEAD - 1] == TR_FRAME_RUN;
    const size_t one = tr_node_message_limit(link->node) + TR_FRAME_FIXED_MAX;
    return one + (may_be_run ? TR_RUN_MOST : 0);
}

/* The first frame of these bytes. The errors of tr_frame_get; `why` has room for 160 bytes. */
static troupe_err first_frame(tr_peer_link *link, const unsigned char *at, size_t size,
                              tr_frame *frame, size_t *used, char *why) {
    const size_t limit = limit_of(link, at, size);
    troupe_err err = TROUPE_LATER;
    if (!link->piece.left) err = tr_frame_get(at, size, limit, frame, used, why, 160);
    if (err == TROUPE_LATER && link->proved)
        err = tr_piece_get(&link->piece, at, size, frame, used);
    if (err == TROUPE_DAMAGED && !*why) snprintf(why, 160, "a PART was damaged on the way");
    return err;
}

/* Handles all whole frames; returns how many bytes they were, or SIZE_MAX at the link's end. */
static size_t frames(tr_peer_link *link, const unsigned char *bytes, size_t size) {
    size_t done = 0;
    for (;;) {
        char why[160] = "";
        tr_frame frame;
        size_t used;
        troupe_err err = first_frame(link, bytes + done, size - done, &frame, &used, why);
        if (err == TROUPE_LATER) return done;
        if (err && !link->proved && tr_tls_spoken(bytes + done, size - done)) {
            tr_link_refuse_tls(link);
            return SIZE_MAX;
        }
        if (err) {
            tr_link_break(link, why);
            return SIZE_MAX;
        }
        link->frames += !link->piece.left; /* a PART is one, however it comes */
        if (!one_frame(link, &frame)) return SIZE_MAX;
        done += used;
    }
}

/* The same, and nothing of it waits any more. */
static size_t frames_and_rest(tr_peer_link *link, const unsigned char *bytes, size_t size) {
    size_t done = frames(link, bytes, size);
    char why[160] = "";
    if (tr_link_settle(link, why, sizeof why) == TROUPE_OK) return done;
    if (done != SIZE_MAX) tr_link_break(link, why);
    return SIZE_MAX;
}

/* The same. Of much that came at once many messages are made: their blocks are taken from the pool
 * by the magazine, rather than one by one, as on any thread that is no worker's. */
static size_t frames_cached(tr_peer_link *link, const unsigned char *bytes, size_t size) {
    const tr_pool *pool = tr_port_pool(tr_node_runtime(link->node));
    const bool cached = tr_cache_mine && tr_cache_mine->depot == pool->depot;
    if (cached || size < CACHE_FROM) return frames_and_rest(link, bytes, size);
    tr_cache cache;
    tr_cache_init(&cache, pool);
    tr_cache *before = tr_cache_use(&cache);
    size_t done = frames_and_rest(link, bytes, size);
    (void)tr_cache_use(before);
    tr_cache_flush(&cache);
    return done;
}

/* Keeps a part of a frame for the next time. */
static bool keep(tr_peer_link *link, const unsigned char *bytes, size_t size) {
    bool kept = tr_buffer_put(&link->in, bytes, size);
    if (!kept) tr_link_break(link, "no memory");
    return kept;
}

/* Ends the frame whose beginning is here, with as little of what came as will do, for that is
 * copied. Tells how much it took. False: the link is at its end, or has no memory. */
static bool end_frame(tr_peer_link *link, const unsigned char *bytes, size_t size, size_t *took) {
    size_t piece = JOINED_FIRST;
    for (*took = 0; link->in.size && *took < size; piece *= 2) {
        const size_t more = piece < size - *took ? piece : size - *took;
        if (!keep(link, bytes + *took, more)) return false;
        *took += more;
        const size_t done = frames_cached(link, link->in.data, link->in.size);
        if (done == SIZE_MAX) {
            link->deaf = true;
            return false;
        }
        const size_t rest = link->in.size - done;
        const bool ended = rest <= more; /* what is left stands in what came, too */
        if (ended) *took -= rest;
        if (!ended && done) memmove(link->in.data, link->in.data + done, rest); /* grows in place */
        link->in.size = ended ? 0 : rest;
    }
    if (!link->in.size) tr_link_empty(&link->in);
    return true;
}

/* Handles what came; a part of a frame is kept for the next time. */
void tr_link_received(void *ctx, const void *bytes, size_t size) {
    tr_peer_link *link = ctx;
    const uint64_t before = link->frames;
    size_t took;
    if (link->deaf) return;
    tr_store64_relaxed(&link->heard, tr_node_clock(link->node));
    if (!end_frame(link, bytes, size, &took)) return;
    const unsigned char *rest = (const unsigned char *)bytes + took;
    const size_t left = size - took;
    const size_t done = left ? frames_cached(link, rest, left) : 0;
    if (done == SIZE_MAX) {
        link->deaf = true;
        return;
    }
    if (link->proved) tr_node_spent(link, link->frames - before, size);
    if (done < left) (void)keep(link, rest + done, left - done);
}
