/* One of nng's streams. What holds for nng 1.5.2, and what it means here:
 *
 * - An operation never completes inside the call that begins it; its callback runs on one of nng's
 *   task threads. But if a callback begins the next operation, the next callback may run before the
 *   first has returned. So beginning one is the last thing that a callback does, under the lock.
 * - A receive or send that is begun after nng_stream_close never completes. So everything is begun
 *   under the stream's lock, and nothing once `ended` is set, which is before nng_stream_close.
 * - nng_aio_free waits for the callback to return. So an event may let another thread free the
 *   stream, as long as nothing here touches the stream after its last event.
 * - A send may hand over a part only, and says how much.
 * - A send begins with the system's call, on the thread that begins it; and an operation without a
 *   callback completes where it is done, without a task. So what the system takes at once needs no
 *   other thread; what it does not take is cancelled, which ends it on the spot.
 * - A receive likewise: so workers can look whether something has come (actors/README.md, "Looking
 *   outside"). A look in vain has nng's poller watch the descriptor, and then wake for nothing. */
#include "transport/nng_stream.h"

#include "actors/port.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/os.h"

enum {
    RECEIVE_SIZE = 128 * 1024, /* bytes that one `received` brings at most */
    IN_A_ROW = 8,              /* by one task of nng's, before others have their turn */
    MUCH = 8 * 1024            /* bytes at once, after which there may be more already */
};

/* What becomes of a stream's sending. */
typedef enum sending {
    IDLE,
    SENDING, /* nng has it */
    TELLING, /* `sent` runs */
    AGAIN    /* `sent` still runs, and the next send has come: it is begun when `sent` returns */
} sending;

struct tr_stream {
    tr_polled polled; /* what workers look at, while `in` does not wait */
    tr_host host;
    nng_stream *nng;
    nng_aio *in, *out;
    nng_aio *more, *now; /* to receive and to send what goes at once, without a callback */
    const tr_stream_events *events;
    void *ctx;
    tr_mutex lock; /* guards what follows */
    bool ended;    /* closed or broken: nothing is begun any more */
    bool reading;  /* from start until the receiver has seen the end */
    bool still;    /* no more is to be read */
    bool waits;    /* so none is, though `reading`; nor do workers look */
    sending sending;
    const unsigned char *bytes; /* what nng has not taken yet of the current send */
    size_t size;
    unsigned char buffer[]; /* RECEIVE_SIZE; not cleared, so an idle stream does not touch it */
};

/* Where what is received goes. */
static void set_receive(tr_stream *stream, nng_aio *aio) {
    nng_iov iov = {stream->buffer, RECEIVE_SIZE};
    TR_CHECK(nng_aio_set_iov(aio, 1, &iov) == 0);
}

/* Begins to receive. Locked, not ended. */
static void begin_receive(tr_stream *stream) {
    set_receive(stream, stream->in);
    nng_stream_recv(stream->nng, stream->in);
}

/* Begins to send what is left. Locked, not ended. */
static void begin_send(tr_stream *stream) {
    nng_iov iov = {(void *)(uintptr_t)stream->bytes, stream->size}; /* nng only reads it */
    stream->sending = SENDING;
    TR_CHECK(nng_aio_set_iov(stream->out, 1, &iov) == 0);
    nng_stream_send(stream->nng, stream->out);
}

/* Ends what was begun without a callback, complete or not; how many bytes it has moved. Locked. */
static size_t finish_now(nng_aio *aio) {
    nng_aio_cancel(aio); /* does nothing to what is complete */
    nng_aio_wait(aio);
    return nng_aio_result(aio) == 0 ? nng_aio_count(aio) : 0;
}

/* The outcome of what was ended so: 0 also if nothing was there to be moved. */
static int result_now(nng_aio *aio) {
    int rv = nng_aio_result(aio);
    return rv == NNG_ECANCELED ? 0 : rv;
}

/* Sends as much as the system takes at once, and returns how much that is. Locked, not ended. */
static size_t send_now(tr_stream *stream, const void *bytes, size_t size) {
    nng_iov iov = {(void *)(uintptr_t)bytes, size}; /* nng only reads it */
    TR_CHECK(nng_aio_set_iov(stream->now, 1, &iov) == 0);
    nng_stream_send(stream->nng, stream->now);
    return finish_now(stream->now);
}

/* Has workers look instead of nng. False: they do not. Locked. */
static bool leave_to_workers(tr_stream *stream) {
    return stream->host.rt && tr_port_poll(stream->host.rt, &stream->polled);
}

/* Begins no more, and makes what was begun complete. A worker that looks sees it then. Locked. */
static void end(tr_stream *stream) {
    if (stream->ended) return;
    if (stream->waits) begin_receive(stream); /* which then sees the end */
    stream->waits = false;
    stream->ended = true;
    nng_stream_close(stream->nng);
}

/* Unlocks at the end of a direction. `reading` ends once, and then no send begins any more: so
 * exactly one caller finds both at rest, and the event that it sends is the last one. */
static void leave(tr_stream *stream) {
    bool last = !stream->reading && stream->sending == IDLE;
    tr_unlock(&stream->lock);
    if (last) stream->events->closed(stream->ctx);
}

/* Receives what has come already; 0: nothing. `*rv`: nng's error, at the end. */
static size_t receive_now(tr_stream *stream, int *rv) {
    size_t count = 0;
    *rv = 0;
    tr_lock(&stream->lock);
    if (!stream->ended && !stream->still) {
        set_receive(stream, stream->more);
        nng_stream_recv(stream->nng, stream->more);
        count = finish_now(stream->more);
        *rv = result_now(stream->more);
    }
    tr_unlock(&stream->lock);
    return count;
}

/* Goes on receiving after what has come: by the workers if they look, else by nng. */
static void go_on(tr_stream *stream, int rv, bool workers) {
    tr_lock(&stream->lock);
    if (rv != 0) end(stream);
    if (stream->ended) {
        stream->reading = false;
        leave(stream);
        return;
    }
    stream->waits = stream->still;
    if (!stream->waits && !(workers && leave_to_workers(stream))) begin_receive(stream);
    tr_unlock(&stream->lock);
}

/* nng has received, or will not any more. After few bytes there seldom are more at once. */
static void on_received(void *arg) {
    tr_stream *stream = arg;
    int rv = nng_aio_result(stream->in);
    size_t count = rv == 0 ? nng_aio_count(stream->in) : 0;
    for (unsigned n = 0; count > 0; n++) {
        stream->events->received(stream->ctx, stream->buffer, count);
        count = n < IN_A_ROW && count >= MUCH ? receive_now(stream, &rv) : 0;
    }
    go_on(stream, rv, true);
}

/* A worker looks. */
static tr_looked look(tr_polled *it) {
    tr_stream *stream = TR_OWNER(it, tr_stream, polled);
    int rv;
    size_t count = receive_now(stream, &rv);
    if (count > 0) {
        stream->events->received(stream->ctx, stream->buffer, count);
        return TR_LOOKED_FOUND;
    }
    tr_lock(&stream->lock);
    bool idle = rv == 0 && !stream->ended && !stream->still;
    tr_unlock(&stream->lock);
    if (idle) return TR_LOOKED_NOTHING;
    go_on(stream, rv, false);
    return TR_LOOKED_LAST;
}

/* No worker looks any more. */
static void await(tr_polled *it) {
    go_on(TR_OWNER(it, tr_stream, polled), 0, false);
}

/* Tells the owner that its bytes are gone, and whether it has sent more meanwhile. Locked; unlocks
 * for the event. */
static bool tell_sent(tr_stream *stream) {
    stream->sending = TELLING;
    tr_unlock(&stream->lock);
    stream->events->sent(stream->ctx);
    tr_lock(&stream->lock);
    return stream->sending == AGAIN;
}

/* Whether there is more to be sent; if all was, the owner is told before. */
static bool goes_on(tr_stream *stream) {
    bool more = stream->size > 0 || (!stream->ended && tell_sent(stream));
    return more && !stream->ended;
}

/* So many bytes of the current send are gone. */
static void advance(tr_stream *stream, size_t count) {
    if (count == 0) return; /* there may be none */
    stream->bytes += count;
    stream->size -= count;
}

/* nng has sent, some at least, or will not any more. */
static void on_sent(void *arg) {
    tr_stream *stream = arg;
    int rv = nng_aio_result(stream->out);
    size_t count = rv == 0 ? nng_aio_count(stream->out) : 0;
    tr_lock(&stream->lock);
    if (rv != 0 || (count == 0 && stream->size > 0)) end(stream);
    advance(stream, count);
    for (unsigned n = 0; goes_on(stream); n++) {
        if (n < IN_A_ROW) advance(stream, send_now(stream, stream->bytes, stream->size));
        if (!stream->size) continue;
        begin_send(stream);
        tr_unlock(&stream->lock);
        return;
    }
    stream->sending = IDLE;
    leave(stream);
}

void tr_nng_stream_free(tr_stream *stream) {
    tr_lock(&stream->lock);
    TR_CHECK(!stream->reading && stream->sending == IDLE);
    tr_unlock(&stream->lock);
    if (stream->in) nng_aio_free(stream->in);
    if (stream->out) nng_aio_free(stream->out);
    if (stream->more) nng_aio_free(stream->more);
    if (stream->now) nng_aio_free(stream->now);
    nng_stream_free(stream->nng);
    tr_mutex_fini(&stream->lock);
    tr_give(stream->host.heap, stream, sizeof *stream + RECEIVE_SIZE);
}

tr_stream *tr_nng_stream_make(const tr_host *host, nng_stream *nng) {
    tr_stream *stream = tr_take(host->heap, sizeof *stream + RECEIVE_SIZE);
    if (!stream) {
        nng_stream_free(nng);
        return NULL;
    }
    *stream = (tr_stream){.host = *host, .nng = nng, .polled = {.look = look, .wait = await}};
    tr_list_init(&stream->polled.of_poller);
    tr_mutex_init(&stream->lock);
    if (nng_aio_alloc(&stream->in, on_received, stream) != 0 ||
        nng_aio_alloc(&stream->out, on_sent, stream) != 0 ||
        nng_aio_alloc(&stream->more, NULL, NULL) != 0 ||
        nng_aio_alloc(&stream->now, NULL, NULL) != 0) {
        tr_nng_stream_free(stream);
        return NULL;
    }
    return stream;
}

void tr_nng_stream_start(tr_stream *stream, const tr_stream_events *events, void *ctx) {
    tr_lock(&stream->lock);
    TR_CHECK(!stream->events);
    stream->events = events;
    stream->ctx = ctx;
    stream->reading = true;
    begin_receive(stream);
    tr_unlock(&stream->lock);
}

void tr_nng_stream_send(tr_stream *stream, const void *bytes, size_t size) {
    tr_lock(&stream->lock);
    TR_CHECK(stream->events);
    if (!stream->ended) {
        TR_CHECK(stream->sending == IDLE || stream->sending == TELLING);
        stream->bytes = bytes;
        stream->size = size;
        if (stream->sending == TELLING)
            stream->sending = AGAIN;
        else
            begin_send(stream);
    }
    tr_unlock(&stream->lock);
}

size_t tr_nng_stream_try_send(tr_stream *stream, const void *bytes, size_t size) {
    size_t count = 0;
    tr_lock(&stream->lock);
    bool free = stream->sending == IDLE || stream->sending == TELLING;
    if (!stream->ended && free) count = send_now(stream, bytes, size);
    tr_unlock(&stream->lock);
    return count;
}

void tr_nng_stream_close(tr_stream *stream) {
    tr_lock(&stream->lock);
    TR_CHECK(stream->events);
    end(stream);
    tr_unlock(&stream->lock);
}

void tr_nng_stream_hold(tr_stream *stream, bool still) {
    tr_lock(&stream->lock);
    stream->still = still;
    if (stream->waits && !still) begin_receive(stream);
    if (!still) stream->waits = false;
    tr_unlock(&stream->lock);
}
