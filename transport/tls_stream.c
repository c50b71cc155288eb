/* TLS between a link and its stream. Both directions share one session, under the stream's lock,
 * which is let go for the owner's events, as these may send. All of them are events of the stream
 * below, so what holds for those (one at a time, `closed` is the last) holds for ours. */
#include "transport/tls_stream.h"

#include <string.h>

#include "base/heap.h"
#include "base/os.h"

enum { SEALED_MOST = 64 << 10 }; /* bytes that are encrypted in one go, and a piece */

struct tr_stream {
    const troupe_heap *heap;
    const tr_net *net; /* of the stream below */
    tr_stream *under;
    const tr_stream_events *events;
    void *ctx;
    void (*refused)(void *ctx, const char *why);
    tr_mutex lock; /* guards what follows */
    tr_tls_session *tls;
    bool ready;  /* the peer is authenticated, so that plain text may go and come */
    bool failed; /* nothing is read or written any more */
    bool busy;   /* `flying` is on its way */
    bool telling; /* the owner's send has not been told as sent */
    const unsigned char *bytes; /* of it, what is not encrypted yet */
    size_t size;
    tr_buffer flying;
    unsigned char plain[TR_TLS_PIECE]; /* used by `received` only; untouched while idle */
};

/* Nothing comes of this stream any more. Locked. */
static void give_up(tr_stream *stream) {
    stream->failed = true;
    stream->net->close(stream->under);
}

/* Encrypts and sends what there is, if nothing is on its way. Locked. */
static void push(tr_stream *stream) {
    tr_buffer *out = tr_tls_out(stream->tls);
    if (stream->busy) return;
    while (stream->ready && !stream->failed && stream->size && out->size < SEALED_MOST) {
        size_t piece = stream->size < TR_TLS_PIECE ? stream->size : TR_TLS_PIECE;
        if (tr_tls_write(stream->tls, stream->bytes, piece) != TROUPE_OK) {
            give_up(stream);
            return;
        }
        stream->bytes += piece;
        stream->size -= piece;
    }
    if (!out->size) return;
    tr_buffer full = *out;
    *out = stream->flying;
    stream->flying = full;
    stream->busy = true;
    stream->net->send(stream->under, stream->flying.data, stream->flying.size);
}

/* Goes on with TLS's handshake; the owner hears of its failure when `why` is not empty. Who refuses
 * leaves it to the peer to close: what that has not read would be lost, our reason with it. Locked.
 */
static void shake(tr_stream *stream, char *why, size_t room) {
    troupe_err err = tr_tls_shake(stream->tls, why, room);
    stream->ready = err == TROUPE_OK;
    if (err == TROUPE_REFUSED) stream->failed = true;
    push(stream);
    if (err == TROUPE_NOMEM || (stream->failed && !stream->busy)) give_up(stream);
}

/* Hands on what has come of plain text. Locked, but for the owner's event. */
static void deliver(tr_stream *stream) {
    while (stream->ready && !stream->failed) {
        size_t got;
        troupe_err err = tr_tls_read(stream->tls, stream->plain, sizeof stream->plain, &got);
        if (err == TROUPE_LATER) return;
        if (err) {
            give_up(stream);
            return;
        }
        tr_unlock(&stream->lock);
        stream->events->received(stream->ctx, stream->plain, got);
        tr_lock(&stream->lock);
    }
}

static void on_received(void *ctx, const void *bytes, size_t size) {
    tr_stream *stream = ctx;
    char why[400] = "";
    tr_lock(&stream->lock);
    if (!stream->failed) {
        tr_tls_feed(stream->tls, bytes, size);
        if (!stream->ready) shake(stream, why, sizeof why);
        deliver(stream);
        push(stream);
    }
    tr_unlock(&stream->lock);
    if (*why && stream->refused) stream->refused(stream->ctx, why);
}

static void on_sent(void *ctx) {
    tr_stream *stream = ctx;
    tr_lock(&stream->lock);
    stream->busy = false;
    stream->flying.size = 0;
    push(stream);
    bool told = stream->telling && !stream->size && !stream->busy && !stream->failed;
    if (told) stream->telling = false;
    tr_unlock(&stream->lock);
    if (told) stream->events->sent(stream->ctx);
}

static void on_closed(void *ctx) {
    tr_stream *stream = ctx;
    tr_lock(&stream->lock);
    stream->failed = true;
    tr_unlock(&stream->lock);
    stream->events->closed(stream->ctx); /* the owner may free it from here on */
}

static const tr_stream_events below = {on_received, on_sent, on_closed};

/* --- The port --------------------------------------------------------------------------------- */

tr_stream *tr_tls_wrap(const tr_net *net, tr_stream *under, tr_tls *tls, bool dialer,
                       const troupe_heap *heap) {
    tr_stream *stream = tr_take(heap, sizeof *stream);
    tr_tls_session *session = stream ? tr_tls_begin(tls, dialer) : NULL;
    if (!session) {
        if (stream) tr_give(heap, stream, sizeof *stream);
        net->free(under);
        return NULL;
    }
    memset(stream, 0, offsetof(tr_stream, plain));
    stream->heap = stream->flying.heap = heap;
    stream->net = net;
    stream->under = under;
    stream->tls = session;
    tr_mutex_init(&stream->lock);
    return stream;
}

static void on_refusal(tr_stream *stream, void (*refused)(void *ctx, const char *why)) {
    stream->refused = refused;
}

/* A dialer begins; a listener has nothing to say yet. */
static void start(tr_stream *stream, const tr_stream_events *events, void *ctx) {
    char why[400] = "";
    tr_lock(&stream->lock);
    stream->events = events;
    stream->ctx = ctx;
    stream->net->start(stream->under, &below, stream);
    shake(stream, why, sizeof why);
    tr_unlock(&stream->lock);
}

static void send(tr_stream *stream, const void *bytes, size_t size) {
    tr_lock(&stream->lock);
    if (!stream->failed) {
        TR_CHECK(!stream->telling);
        stream->telling = true;
        stream->bytes = bytes;
        stream->size = size;
        push(stream);
    }
    tr_unlock(&stream->lock);
}

static void close_stream(tr_stream *stream) {
    tr_lock(&stream->lock);
    stream->net->close(stream->under);
    tr_unlock(&stream->lock);
}

static void hold(tr_stream *stream, bool still) {
    stream->net->hold(stream->under, still);
}

static void free_stream(tr_stream *stream) {
    stream->net->free(stream->under);
    tr_tls_end(stream->tls);
    tr_buffer_fini(&stream->flying);
    tr_mutex_fini(&stream->lock);
    tr_give(stream->heap, stream, sizeof *stream);
}

static bool vouches(tr_stream *stream, const char *name) {
    tr_lock(&stream->lock);
    bool is = stream->ready && tr_tls_is(stream->tls, name);
    tr_unlock(&stream->lock);
    return is;
}

const tr_net tr_tls_net = {
    .start = start,
    .send = send,
    .close = close_stream,
    .free = free_stream,
    .hold = hold,
    .on_refusal = on_refusal,
    .vouches = vouches,
};
