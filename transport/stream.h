/* Byte streams behind a small port, so that nng, a simulated network or another version of nng fit
 * in the same place. Everything above this header is free of nng. */
#ifndef TR_TRANSPORT_STREAM_H
#define TR_TRANSPORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/error.h>
#include <troupe/heap.h>

typedef struct tr_stream tr_stream;
typedef struct tr_listener tr_listener;

/* What happens on a stream. Events of one stream never run at the same time but for `sent`, which
 * may run beside `received`; none runs inside a call that the owner makes, so the owner may hold
 * its lock while calling and may take it in an event. (Not while calling `unlisten`, which waits.)
 * Events run on a few threads that all streams share, or on workers that look whether something has
 * come: they must not wait for anything slow. */
typedef struct tr_stream_events {
    /* Valid during the call only. NULL, in a simulated network: nothing is read. */
    void (*received)(void *ctx, const void *bytes, size_t size);
    void (*sent)(void *ctx);   /* the bytes of the last `send` are handed to the system; may send */
    void (*closed)(void *ctx); /* exactly once, after which there is no other event: the peer closed
                                * it, it broke, or `close` was called */
} tr_stream_events;

/* Who uses a net. */
typedef struct tr_host {
    const troupe_heap *heap; /* where memory comes from; must outlive all that was made with it */
    struct troupe *rt; /* whose streams they are, and workers may look at them; NULL: nobody's;
                        * must outlive them too */
} tr_host;

/* The port: `tr_nng_net` is nng's streams, `tr_sim_net` a simulated network. */
typedef struct tr_net {
    /* Whether a URL is one that `dial` understands. */
    bool (*dials)(const char *url);
    /* Connects to `url` and stores the stream; waits, at most until `deadline` (monotonic ns),
     * once: the caller repeats. TIMEOUT; NOCONNECTION: nobody listens there (yet), or no such host;
     * INVALID: the URL is not understood; NOMEM; SYSTEM. */
    troupe_err (*dial)(const tr_host *host, const char *url, uint64_t deadline, tr_stream **out);
    /* Accepts streams at `url` until unlisten; each is given to `accepted` on a thread of the
     * net's, which must start or free it (elsewhere is fine, but soon: nng keeps a core busy with
     * an ipc stream that the peer closes before it is started); the first one may come before this
     * call returns. `bound` (`room` bytes; NULL: not wanted) gets the address in use.
     * INVALID: also if `bound` is too short; TAKEN; NOMEM; SYSTEM. */
    troupe_err (*listen)(const tr_host *host, const char *url,
                         void (*accepted)(void *ctx, tr_stream *stream), void *ctx, char *bound,
                         size_t room, tr_listener **out);
    /* Ends a listener; no `accepted` runs or comes after it returned, so not from `accepted`, nor
     * under a lock that it takes. Removes an ipc socket's file. */
    void (*unlisten)(tr_listener *listener);
    /* Starts receiving; `events` and `ctx` must live until `closed`. Call once. */
    void (*start)(tr_stream *stream, const tr_stream_events *events, void *ctx);
    /* Sends bytes that stay valid and unchanged until `sent` or `closed`; one send at a time, on a
     * started stream. On one that has ended nothing happens: `closed` tells. */
    void (*send)(tr_stream *stream, const void *bytes, size_t size);
    /* NULL: it never can. Sends as much as the system takes at once, and returns how many bytes
     * that is; they are the caller's again, and no `sent` comes for them. What is left goes by
     * `send`. 0: none, or a send is under way, or the stream has ended. */
    size_t (*try_send)(tr_stream *stream, const void *bytes, size_t size);
    /* Begins to close a started stream, without waiting; `closed` follows, and a `received` may
     * come before. Bytes that the peer has not read yet may be lost. Any thread, any time before
     * `free`, more than once too. */
    void (*close)(tr_stream *stream);
    /* Frees a stream that was never started, or whose `closed` event has come. Not from an event.
     * May wait for a moment, for that event to return. The descriptor is closed a little later. */
    void (*free)(tr_stream *stream);
    /* Reads no more of a started stream, not even its end, or goes on. Any thread; what is on its
     * way already still comes: nothing, if it is called in `received`. */
    void (*hold)(tr_stream *stream, bool still);
    /* NULL: none is ever refused. Has a refusal of the peer by the net itself told with its reason,
     * before `closed`; nothing is received then. Before `start`. */
    void (*on_refusal)(tr_stream *stream, void (*refused)(void *ctx, const char *why));
    /* NULL: it knows no names. Whether the peer has proved that this is a name of its own. */
    bool (*vouches)(tr_stream *stream, const char *name);
    /* Ends what the net keeps for the whole process. No stream or listener may be left. */
    void (*fini)(void);
} tr_net;

extern const tr_net tr_nng_net, tr_sim_net;

#endif
