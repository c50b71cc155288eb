/* One stream of nng's, with the promises of stream.h: what nng_net.c dials and accepts. */
#ifndef TR_TRANSPORT_NNG_STREAM_H
#define TR_TRANSPORT_NNG_STREAM_H

#include <nng/nng.h>

#include "transport/stream.h"

/* Makes a stream of nng's; NULL: no memory, and nng's is freed. */
tr_stream *tr_nng_stream_make(const tr_host *host, nng_stream *nng);

/* `start` of the port. */
void tr_nng_stream_start(tr_stream *stream, const tr_stream_events *events, void *ctx);
/* `send` of the port. */
void tr_nng_stream_send(tr_stream *stream, const void *bytes, size_t size);
/* `try_send` of the port. */
size_t tr_nng_stream_try_send(tr_stream *stream, const void *bytes, size_t size);
/* `close` of the port. */
void tr_nng_stream_close(tr_stream *stream);
/* `free` of the port. */
void tr_nng_stream_free(tr_stream *stream);
/* `hold` of the port. */
void tr_nng_stream_hold(tr_stream *stream, bool still);

#endif
