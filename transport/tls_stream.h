/* Streams that TLS protects, over those of another net. Their part of the port of stream.h; what
 * listens and dials is the other net's. */
#ifndef TR_TRANSPORT_TLS_STREAM_H
#define TR_TRANSPORT_TLS_STREAM_H

#include "transport/stream.h"
#include "transport/tls.h"

/* start, send, close, free, hold; and on_refusal and vouches. */
extern const tr_net tr_tls_net;

/* Puts TLS over a stream that was not started, which then belongs to it. NULL: no memory, and the
 * stream is freed. */
tr_stream *tr_tls_wrap(const tr_net *net, tr_stream *under, tr_tls *tls, bool dialer,
                       const troupe_heap *heap);

#endif
