/* What was promised of messages for actors of other nodes: who is told, and what is sent again over
 * the next connection. Guarded by a lock of its own, under which the node's and any `out_lock` may
 * be taken. */
#ifndef TR_TRANSPORT_PROMISE_H
#define TR_TRANSPORT_PROMISE_H

#include "base/atomic.h"
#include "base/map.h"
#include "base/os.h"
#include "transport/link.h"

enum {
    TR_PROMISES_MOST = 1024,       /* that are redelivered to one actor, and not acknowledged */
    TR_PROMISES_BYTES = 8 << 20    /* of those, but for the last of them */
};

typedef struct tr_promises {
    tr_mutex lock;
    tr_map by_target;  /* lines: an actor's promises that have not come to their end */
    uint64_t number;   /* of the last message that is redelivered */
    tr_atomic32 lines; /* how many there are; read without the lock */
} tr_promises;

/* Makes it empty. */
void tr_promises_init(tr_promises *promises, const troupe_heap *heap);
/* Gives up what is left: no link is there any more. */
void tr_promises_fini(struct troupe_node *node);

/* The port's `promise`. */
TR_CHECKED troupe_err tr_promise_make(struct troupe_node *node, troupe_ref from, troupe_ref to,
                                      const tr_promise_order *order, troupe_msg **msg);

/* A GRANT, ACK or NO_TARGET has come, and its link has heard it. */
void tr_promises_credit(tr_peer_link *link, const tr_frame *frame);
/* A REJECT has come. MALFORMED. */
TR_CHECKED troupe_err tr_promises_rejected(tr_peer_link *link, const tr_frame *frame);
/* A link is up: what waits for it is sent; what waits for another node of its name is given up. */
void tr_promises_up(tr_peer_link *link);
/* Sends what waits for room; at each tick. */
void tr_promises_tick(tr_peer_link *link);
/* A link is lost. */
void tr_promises_lost(tr_peer_link *link);

#endif
