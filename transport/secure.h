/* Who a node trusts: its secret and its certificates, which addresses go with them, and under which
 * names peers are let in. */
#ifndef TR_TRANSPORT_SECURE_H
#define TR_TRANSPORT_SECURE_H

#include <troupe/remote.h>

#include "base/check.h"
#include "transport/stream.h"

struct tr_peer_link;

/* Takes the key of the secret (NULL: it has none) and the certificates of a node that is being
 * made. INVALID: with a line in the log. NOMEM. */
TR_CHECKED troupe_err tr_secure_open(struct troupe_node *node, const troupe_node_config *config,
                                     const unsigned char *key);
/* Gives them back; no stream may be left. */
void tr_secure_close(struct troupe_node *node);

/* The address that the net knows in place of `url`; `*tls` says whether TLS is put over it. NULL:
 * this node has nothing to prove itself by there. */
const char *tr_secure_url(const struct troupe_node *node, const char *url, bool *tls);
/* Whether `url` can be dialed. */
bool tr_secure_dials(const struct troupe_node *node, const char *url);
/* The net by which a new stream is used. `*stream` may be another one after it; NULL: there was no
 * memory, and it is freed. */
const tr_net *tr_secure_stream(struct troupe_node *node, bool tls, bool dialer, tr_stream **stream);

/* The peer of a link has said who it is. REFUSED, and why: its certificate says otherwise, or it is
 * not on the list. */
TR_CHECKED troupe_err tr_secure_meet(struct tr_peer_link *link, char *why, size_t room);

#endif
