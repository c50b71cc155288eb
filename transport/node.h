/* A node: the runtime's port to others, its links, and the thread that looks after them. */
#ifndef TR_TRANSPORT_NODE_H
#define TR_TRANSPORT_NODE_H

#include <troupe/remote.h>

#include "base/check.h"
#include "transport/far.h"
#include "transport/keep.h"
#include "transport/link.h"
#include "transport/promise.h"
#include "transport/spawn.h"

struct troupe_node {
    tr_port port; /* first, so that the port is the node */
    troupe *rt;
    const troupe_heap *heap;
    const tr_net *net;              /* constant */
    troupe_sim *sim;                /* that it is in; NULL: none; constant */
    tr_event tend;                  /* of a simulation, in place of the keeper's thread */
    uint64_t due, beat_at;          /* the keeper's: its next tick, its next heartbeats */
    uint64_t judge_at;              /* the keeper's: it stood still, so nobody is lost before */
    tr_identity me;                 /* constant */
    unsigned char key[TR_KEY_SIZE]; /* constant */
    bool has_secret;                /* the key is of one; constant */
    struct tr_tls *tls;             /* NULL: it has no certificate; constant */
    tr_suspicion_limits limits;     /* constant */
    size_t message_limit;           /* constant */
    tr_rates rates;                 /* of each peer; constant */
    size_t peer_watches;            /* monitors and links of each peer at most; constant */
    size_t peer_spawns;             /* actors that live of those it has spawned; constant */
    tr_thread keeper;               /* heartbeats, deadlines, the ends of links */
    tr_mutex lock;                  /* guards what follows; nothing else is taken under it */
    tr_cond changed;                /* of a link's state, a lookup, or `over` */
    tr_cond work;                   /* for the keeper */
    tr_list links;                  /* tr_peer_link, by serial */
    uint64_t serials;
    size_t shaking; /* accepted links that are not up yet */
    tr_map questions; /* tr_question */
    uint64_t question_number;
    tr_spawner spawner;
    tr_far far;
    struct tr_node_listener *listeners;
    tr_list heards; /* tr_heard */
    size_t heard;   /* how many there are */
    tr_keeping keeping;
    bool over;
    tr_promises promises; /* has a lock of its own */
    bool groups_changed; /* members have come or gone, or a link is new: peers are to be told */
};

/* What `troupe_node_open` does, with the key of a secret in place of it; NULL: none. */
TR_CHECKED troupe_err tr_node_open(troupe *rt, const troupe_node_config *config,
                                   const unsigned char *key, troupe_node **out);

/* Waits for `changed` under the lock; in a simulation by moving it on. False: the deadline has
 * passed. */
bool tr_node_wait(struct troupe_node *node, uint64_t deadline);
/* The time, by the runtime's clock. */
uint64_t tr_node_clock(const struct troupe_node *node);

/* Takes from the configuration when a peer is lost. INVALID. */
TR_CHECKED troupe_err tr_node_limits(const troupe_node_config *config, tr_suspicion_limits *out);
/* The time between two heartbeats, as it was configured. */
uint32_t tr_node_heartbeat_ms(const struct troupe_node *node);

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

/* What a link tells its node. It dials, and is about to prove itself to a peer. TAKEN: that is
 * connected already, so it shall not. */
TR_CHECKED troupe_err tr_node_vie(tr_peer_link *link);
/* The peer is proved. REFUSED, and why, if another of its name is connected. TAKEN: it is connected
 * itself, or will be by a link that we dial. Else its place is kept until the link is up, or
 * closed. */
TR_CHECKED troupe_err tr_node_join(tr_peer_link *link, char *why, size_t room);
/* The handshake is complete, and the peer may be sent to. */
void tr_node_up(tr_peer_link *link);
/* The handshake failed. */
void tr_node_refused(tr_peer_link *link, troupe_err err, const char *why);
/* The peer broke the protocol; the link is being cut. */
void tr_node_broken(tr_peer_link *link, const char *why);
/* What the peer's node has redelivered so far, over this link and those before. NULL: no memory, or
 * there are too many such nodes. */
tr_heard *tr_node_heard(tr_peer_link *link);
/* So much has come of a proved peer: if that is more than its rates allow, it is not read for a
 * while. Only from `received`. */
void tr_node_spent(tr_peer_link *link, uint64_t frames, uint64_t bytes);
/* The peer has said goodbye. */
void tr_node_orderly(tr_peer_link *link);
/* The stream's last event has come. */
void tr_node_closed(tr_peer_link *link);

/* The functions of the port (node_port.c). */
extern const tr_port_ops tr_node_ops;
/* The node that a runtime is; NULL: none. */
struct troupe_node *tr_node_of(troupe *rt);

/* The link to a node, with a reference to be given back by tr_node_unref; NULL: not connected. */
tr_peer_link *tr_node_link(struct troupe_node *node, uint64_t incarnation);
/* The link after that one, whose reference is given back; after NULL the first. It comes with a
 * reference, which keeps it in the list; NULL: there is none. */
tr_peer_link *tr_node_next(struct troupe_node *node, tr_peer_link *link);
/* Gives a reference back. */
void tr_node_unref(tr_peer_link *link);
/* The same, under the lock. */
void tr_node_release(tr_peer_link *link);
/* Whether that node is connected, under the lock. */
bool tr_node_is_up(struct troupe_node *node, uint64_t peer);
/* A node is met, under the lock: others of its name will not come back. */
void tr_node_mark_obsolete(struct troupe_node *node, const tr_identity *peer);
/* Forgets, under the lock, what was redelivered by nodes that will not come back. */
void tr_node_forget_heard(struct troupe_node *node);
/* Dials and begins the handshake; `*out` is the link, with a reference. The errors of a net's
 * `dial`, NOMEM, CLOSED. */
TR_CHECKED troupe_err tr_node_dial(struct troupe_node *node, const char *url, uint64_t deadline,
                                   tr_peer_link **out);

/* Stops everything and frees the node (node.c). False: a connection does not end, and all is left
 * as it is. */
bool tr_node_close(struct troupe_node *node);

#endif
