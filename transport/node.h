/* A node: the runtime's port to others, its links, and the thread that looks after them. */
#ifndef TR_TRANSPORT_NODE_H
#define TR_TRANSPORT_NODE_H

#include <troupe/remote.h>

#include "base/check.h"
#include "transport/link.h"

struct troupe_node {
    tr_port port; /* first, so that the port is the node */
    troupe *rt;
    const troupe_heap *heap;
    const tr_net *net;              /* constant */
    troupe_sim *sim;                /* that it is in; NULL: none; constant */
    tr_event tend;                  /* of a simulation, in place of the keeper's thread */
    uint64_t pinged, due;           /* the keeper's: its last pings, its next tick */
    tr_identity me;                 /* constant */
    unsigned char key[TR_KEY_SIZE]; /* constant */
    unsigned heartbeat_ms, lost_ms; /* constant */
    size_t message_limit;           /* constant */
    tr_thread keeper;               /* heartbeats, deadlines, the ends of links */
    tr_mutex lock;                  /* guards what follows; nothing else is taken under it */
    tr_cond changed;                /* of a link's state, a lookup, or `over` */
    tr_cond work;                   /* for the keeper */
    tr_list links;                  /* tr_peer_link, by serial */
    uint64_t serials;
    size_t shaking; /* accepted links that are not up yet */
    tr_map lookups;
    uint64_t lookup_number;
    struct tr_node_listener *listeners;
    bool over;
};

/* Waits for `changed` under the lock; in a simulation by moving it on. False: the deadline has
 * passed. */
bool tr_node_wait(struct troupe_node *node, uint64_t deadline);
/* The time, by the runtime's clock. */
uint64_t tr_node_clock(const struct troupe_node *node);
/* What its streams are made with. */
const tr_net *tr_node_net(const struct troupe_node *node);

/* Begins to look after the links. False: there is no thread for it. */
TR_CHECKED bool tr_node_tend(struct troupe_node *node);
/* Has that happen now. Under the lock. */
void tr_node_wake(struct troupe_node *node);
/* Ends it once all links are gone. */
void tr_node_leave(struct troupe_node *node);

/* A node's parts, for its links. */
troupe *tr_node_runtime(const struct troupe_node *node);
/* Its allocator. */
const troupe_heap *tr_node_heap(const struct troupe_node *node);
/* Bytes of an encoded message at most. */
size_t tr_node_message_limit(const struct troupe_node *node);

/* Begins a link's handshake with the node's identity and key. NOMEM. */
TR_CHECKED troupe_err tr_node_begin_shake(tr_peer_link *link, bool dialer);

/* What a link tells its node. The peer is proved: REFUSED, and why, if it is connected already, or
 * another of its name is. Else its place is kept until the link is up, or closed. */
TR_CHECKED troupe_err tr_node_join(tr_peer_link *link, char *why, size_t room);
/* The handshake is complete, and the peer may be sent to. */
void tr_node_up(tr_peer_link *link);
/* The handshake failed. */
void tr_node_refused(tr_peer_link *link, troupe_err err, const char *why);
/* The peer broke the protocol; the link is being cut. */
void tr_node_broken(tr_peer_link *link, const char *why);
/* The peer has said goodbye. */
void tr_node_orderly(tr_peer_link *link);
/* The stream's last event has come. */
void tr_node_closed(tr_peer_link *link);
/* A lookup's answer. */
void tr_node_found(tr_peer_link *link, uint64_t number, troupe_ref who);

/* The functions of the port (node_port.c). */
extern const tr_port_ops tr_node_ops;

/* The link to a node, with a reference to be given back by tr_node_unref; NULL: not connected. */
tr_peer_link *tr_node_link(struct troupe_node *node, uint64_t incarnation);
/* The link after the one with that serial, with a reference; NULL: there is none. */
tr_peer_link *tr_node_next(struct troupe_node *node, uint64_t serial);
/* Gives a reference back. */
void tr_node_unref(tr_peer_link *link);

/* Stops everything and frees the node (node.c). False: a connection does not end, and all is left
 * as it is. */
bool tr_node_close(struct troupe_node *node);

#endif
