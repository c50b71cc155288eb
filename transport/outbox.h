/* What callbacks send to other nodes. While a worker runs one, what it sends to a peer goes into
 * the link's line only, and out together: once the callback has ended, or there is enough for a
 * piece, or after a millisecond or two. So the system is called once for many messages, and the
 * link is looked up once. */
#ifndef TR_TRANSPORT_OUTBOX_H
#define TR_TRANSPORT_OUTBOX_H

#include "transport/node.h"

/* Sends a message to an actor of another node. The errors of troupe_send. Any thread. */
TR_CHECKED troupe_err tr_outbox_send(struct troupe_node *node, troupe_ref from, troupe_ref to,
                                     unsigned how, troupe_msg **msg);
/* The callback on the calling thread has ended: what it has sent goes out. */
void tr_outbox_settle(bool idle);
/* What callbacks that still run have sent goes out. Any thread. */
void tr_outbox_hurry(struct troupe_node *node);

#endif
