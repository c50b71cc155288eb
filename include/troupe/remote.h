/* Nodes: runtimes that send to each other's actors. Needs the target troupe::transport.
 *
 * Once two nodes are connected, a ref of one is used on the other like a local one: send, ask,
 * reply, monitor. Per pair of actors the order sent is the order of arrival, at most once. A send
 * to an actor whose mailbox does not keep up is FULL at the sender: flow control is by credit that
 * the receiving mailbox gives, so no memory grows on either side. When a node is lost (its process
 * died, the connection was cut, or nothing was heard of it for `lost_ms`), every monitor across
 * gets a `down` with NOCONNECTION, and sends to it return NOCONNECTION. A process that was started
 * again is a new node: refs of its former self stay NOCONNECTION. One that only lost the
 * connection may connect again, and its refs are good again. Connect two nodes from one side: if
 * both dial each other at the same time, both may be REFUSED, and have to try again.
 *
 * Peers prove to each other that they know the same secret before anything else is read; an
 * unauthenticated peer can cost a node neither memory nor time beyond a small limit. What travels
 * is not encrypted. Connections are TCP or, on one machine, ipc:
 *     tcp://127.0.0.1:0        a port that the system picks
 *     ipc:///run/app/node.sock a socket file, made with mode 0600 and removed at the end */
#ifndef TROUPE_REMOTE_H
#define TROUPE_REMOTE_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_node troupe_node;

enum {
    TROUPE_SECRET_MIN = 16, /* bytes of a shared secret at least */
    TROUPE_URL_MAX = 255    /* bytes of a URL without the NUL */
};

/* How a node is set up; members left zero take their defaults. */
typedef struct troupe_node_config {
    const char *name;        /* 1 to TROUPE_NAME_MAX bytes; unique among connected nodes */
    const void *secret;      /* shared by all nodes that may connect; copied */
    size_t secret_size;      /* bytes, at least TROUPE_SECRET_MIN */
    unsigned heartbeat_ms;   /* 0: 1000 */
    unsigned lost_ms;        /* silence after which a node is lost; 0: 3 heartbeats */
    size_t message_limit;    /* bytes of one encoded message; 0: 16 MiB */
} troupe_node_config;

/* Makes a runtime a node; the node lives until `troupe_close`. A plain thread; once a runtime.
 * INVALID: no name, or a secret that is too short, or a runtime that is stepped. TAKEN: it is a
 * node already. NOMEM. SYSTEM: no thread. */
TROUPE_CHECKED troupe_err troupe_node_open(troupe *rt, const troupe_node_config *config,
                                           troupe_node **out);

/* Accepts other nodes at `url`. The address in use is stored in `bound` (`room` bytes,
 * TROUPE_URL_MAX + 1 are enough; NULL: not wanted): it names the port that the system picked. A
 * plain thread. INVALID: not a URL that is understood. TAKEN: the address is in use, or the ipc
 * path is a file that is not a socket (which is left alone). SYSTEM: with a line in the log.
 * NOMEM. */
TROUPE_CHECKED troupe_err troupe_listen(troupe_node *node, const char *url, char *bound,
                                        size_t room);

/* Connects to the node that listens at `url`, and waits until both have proved the secret; a
 * listener that is not there yet is tried again until the deadline. A plain thread only.
 * TIMEOUT: nobody answered within `timeout_ms`. REFUSED: the peer has another secret or another
 * version, or a node of this name is connected to it already, or it is shutting down. QUIESCED:
 * this runtime is. INVALID, NOMEM. */
TROUPE_CHECKED troupe_err troupe_connect(troupe_node *node, const char *url, unsigned timeout_ms);

/* Finds an actor by its registered name on the connected node called `peer`. A plain thread only.
 * NOCONNECTION: no such node is connected. NOTFOUND: it has no such name. TIMEOUT. NOMEM. */
TROUPE_CHECKED troupe_err troupe_lookup(troupe_node *node, const char *peer, const char *name,
                                        unsigned timeout_ms, troupe_ref *out);

/* Ends the threads (about 13) and gives back the memory that nng keeps for the whole process from
 * the first `troupe_listen` or `troupe_connect` on, closed runtimes or not. Optional, for the end
 * of a program that wants to leave nothing behind: after the last `troupe_close`, and only if
 * nothing else in the process uses nng. Does nothing if nng was never used. */
TROUPE_API void troupe_transport_fini(void);

#ifdef __cplusplus
}
#endif
#endif
