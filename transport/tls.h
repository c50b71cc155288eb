/* TLS over a stream: what a node has loaded, and one session. Pure: bytes in, bytes out; no I/O but
 * the reading of its files, no clock but mbedTLS's own look at the date. TLS 1.2, both sides with a
 * certificate that the node's CA has signed. Whose certificate it is, is asked afterwards: the node
 * lets a peer in only under a name that its certificate has. */
#ifndef TR_TRANSPORT_TLS_H
#define TR_TRANSPORT_TLS_H

#include <troupe/remote.h>

#include "base/check.h"
#include "serial/codec.h"

enum {
    TR_TLS_PIECE = 16384, /* bytes of plain text in one record */
    TR_TLS_ALERT_SIZE = 7
};

/* A node's certificate, key, CA and list of names. Constant once open: for any threads. */
typedef struct tr_tls tr_tls;

/* Reads the files. INVALID, and `why` says which file and what is wrong with it: it can't be read,
 * is none, has expired, does not fit the others, or is not `name`'s. NOMEM. */
TR_CHECKED troupe_err tr_tls_open(const troupe_heap *heap, const troupe_tls *files,
                                  const char *name, tr_tls **out, char *why, size_t room);
/* Gives it back; no session may be left. */
void tr_tls_close(tr_tls *tls);
/* Whether a node of that name may connect. */
bool tr_tls_allows(const tr_tls *tls, const char *name);

/* One session; its calls come one at a time. */
typedef struct tr_tls_session tr_tls_session;

/* NULL: no memory. Only memory that is here comes from the node's heap; mbedTLS uses malloc. */
tr_tls_session *tr_tls_begin(tr_tls *tls, bool dialer);
/* Gives it back. */
void tr_tls_end(tr_tls_session *session);
/* What the session wants to be sent; whoever sends it takes it out. */
tr_buffer *tr_tls_out(tr_tls_session *session);
/* Bytes of the peer. They must stay until `tr_tls_shake` or `tr_tls_read` has said LATER. */
void tr_tls_feed(tr_tls_session *session, const void *bytes, size_t size);
/* Goes on with TLS's own handshake. OK: it is done. LATER: more has to come. REFUSED: `why` says
 * what for, and what is to be sent tells the peer. NOMEM. */
TR_CHECKED troupe_err tr_tls_shake(tr_tls_session *session, char *why, size_t room);
/* Takes what has come of plain text, `room` bytes at most. LATER: nothing. MALFORMED: it was
 * changed on its way, or the session is at its end. */
TR_CHECKED troupe_err tr_tls_read(tr_tls_session *session, void *out, size_t room, size_t *got);
/* Encrypts, at most TR_TLS_PIECE bytes. NOMEM; nothing may be written then any more. */
TR_CHECKED troupe_err tr_tls_write(tr_tls_session *session, const void *bytes, size_t size);
/* Whether the peer's certificate has that name. Once `tr_tls_shake` was OK. */
bool tr_tls_is(const tr_tls_session *session, const char *name);

/* Whether bytes look like the beginning of TLS, which a peer says that takes us for one. */
bool tr_tls_spoken(const unsigned char *bytes, size_t size);
/* What such a peer understands: that it is refused. */
extern const unsigned char tr_tls_alert[TR_TLS_ALERT_SIZE];

#endif
