/* Nodes: runtimes that send to each other's actors. Needs the target troupe::transport.
 *
 * Once two nodes are connected, a ref of one is used on the other like a local one: send, ask,
 * reply, monitor. Per pair of actors the order sent is the order of arrival, at most once. A send
 * to an actor whose mailbox does not keep up is FULL at the sender: flow control is by credit that
 * the receiving mailbox gives, so no memory grows on either side. When a node is lost (its process
 * died, the connection was cut, or nothing was heard of it for `lost_ms`), every monitor across
 * gets a `down` with NOCONNECTION, and sends to it return NOCONNECTION. A process that was started
 * again is a new node: refs of its former self stay NOCONNECTION. One that only lost the
 * connection may connect again, and its refs are good again; `troupe_keep_connected` does so by
 * itself. Between two nodes there is one connection: if both dial each other at the same time, the
 * one that the greater incarnation dials is kept, and both calls are OK.
 *
 * When a node is lost. The end of a process on the same machine, and whatever else closes a
 * connection, is noticed at once. What says nothing at all - a process that is stopped, a machine
 * that is gone, a network that swallows everything in one direction or both - is found by its
 * silence: each node says four times in `heartbeat_ms` that it lives, by a thread that no actor can
 * occupy, and learns how regularly each peer does. A silence is suspected by how unlikely it has
 * become that the next sign of life is merely late (phi, of Hayashibara et al. 2004, as Akka and
 * Cassandra have it: at 8 it is one in a hundred million), and the peer is lost
 *     when that comes to `suspicion`, but
 *     never before a sign of life is overdue for `suspect_ms` (so whoever is slow, or cut off, for
 *     less than that is not lost), and
 *     at the latest after a silence of `lost_ms`, however irregular it always was.
 * By default that is after 2.4 to 3 s from the moment at which it fell silent; who wants more room
 * for networks that jitter, and still an early word of the regular ones, has say suspect_ms = 1500
 * and lost_ms = 10000. With `suspect_ms` equal to `lost_ms` it is a fixed time-out. A node that
 * stood still itself (SIGSTOP, a machine that slept or had no time for it) does not hold that
 * against its peers: it looks first at what has come, and counts only silence to which it listened.
 *
 * Peers prove to each other that they know the same secret before anything else is read; an
 * unauthenticated peer can cost a node neither memory nor time beyond a small limit. With a
 * certificate each (`troupe_tls`) they prove by it who they are as well, or instead, and what
 * travels is encrypted; else it is not. Nothing listens but where `troupe_listen` is told to. Each
 * frame has a checksum: bytes that were damaged on the way cut the connection and are never taken
 * for a message (CRC-32C: any 32 bits in a row are found, of other damage all but one in 2^32).
 * That is no protection against who changes them on purpose; TLS is.
 * Connections are TCP or, on one machine, ipc:
 *     tcp://127.0.0.1:0        a port that the system picks
 *     tls+tcp://127.0.0.1:0    the same, by TLS
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

/* What a node proves itself by over `tls+tcp://`: files in PEM form that `troupe_node_open` reads.
 * Both sides show a certificate (mutual TLS 1.2). A node is let in by it only
 * under a name that it has: one of its DNS names, or its common name if it has none of these. So a
 * certificate that is stolen is good for one name, and `allow` can leave that out. Addresses play
 * no part. A certificate that says what it may be used for must allow both client and server. */
typedef struct troupe_tls {
    const char *ca_file;   /* the certificates of who may sign those of nodes */
    const char *cert_file; /* this node's, with its name; behind it those between it and the CA's */
    const char *key_file;  /* its private key, without a password */
    const char *const *allow; /* names of nodes that may connect, or be connected to; copied. The
                               * last is NULL. NULL: all that the CA has signed */
} troupe_tls;

/* How a node is set up; members left zero take their defaults. */
typedef struct troupe_node_config {
    const char *name;        /* 1 to TROUPE_NAME_MAX bytes; unique among connected nodes */
    const void *secret;      /* shared by all nodes that may connect; copied. NULL: none, so it
                              * needs `tls`, and knows no other addresses than of tls+tcp */
    size_t secret_size;      /* bytes, at least TROUPE_SECRET_MIN */
    unsigned heartbeat_ms;   /* 0: 1000; four signs of life go out in each */
    unsigned suspect_ms;     /* see "When a node is lost"; 0: four fifths of lost_ms */
    unsigned lost_ms;        /* silence after which a node is lost at the latest; 0: 3 heartbeats */
    unsigned suspicion;      /* phi, in hundredths, at which it is lost before; 0: 800 */
    size_t message_limit;    /* bytes of one encoded message; 0: 16 MiB */
    unsigned redial_ms;      /* first pause of `troupe_keep_connected`; 0: 50 */
    unsigned redial_most_ms; /* its longest; 0: 5000 */
    /* What one peer may say, after which it is not read for a while: so its own sends are FULL, and
     * nobody else is held up. Kept to within one read (128 KiB, and all frames in it), and a peer
     * is never left unread for longer than a second, as its end would not be seen. */
    uint64_t peer_frames_per_s; /* messages, signals, and what else is said; 0: any number */
    uint64_t peer_bytes_per_s;  /* 0: any number */
    unsigned peer_burst_ms;     /* how long it may have saved up for; 0: 1000 */
    size_t peer_watches;        /* monitors and links that it may have here, or it is cut; 0: a
                                 * million */
    size_t peer_spawns;         /* actors that it may have spawned here and that live, or its
                                 * requests are FULL; 0: 65536 */
    const troupe_tls *tls;   /* NULL: none, and no addresses of tls+tcp */
} troupe_node_config;

/* Makes a runtime a node; the node lives until `troupe_close`. A plain thread; once a runtime.
 * INVALID: no name, or a secret that is too short, or a runtime that is stepped, or `suspect_ms` is
 * more than `lost_ms`, or `suspicion` more than 2312; or a file of `tls` that can't be read, has
 * expired, does not fit the others or this node's name, which the log tells of. TAKEN: it is a node
 * already. NOMEM. SYSTEM: no thread. */
TROUPE_CHECKED troupe_err troupe_node_open(troupe *rt, const troupe_node_config *config,
                                           troupe_node **out);

/* Accepts other nodes at `url`. The address in use is stored in `bound` (`room` bytes,
 * TROUPE_URL_MAX + 1 are enough; NULL: not wanted): it names the port that the system picked. A
 * plain thread. INVALID: not a URL that is understood, or nothing to prove oneself by there. TAKEN:
 * the address is in use, or the ipc path is a file that is not a socket (which is left alone).
 * SYSTEM: with a line in the log. NOMEM. */
TROUPE_CHECKED troupe_err troupe_listen(troupe_node *node, const char *url, char *bound,
                                        size_t room);

/* Connects to the node that listens at `url`, and waits until both have proved the secret; a
 * listener that is not there yet is tried again until the deadline: after 10 ms, then twice as long
 * each time up to 250 ms, and after the first 10 s at most once a second. OK too if the two are
 * connected already. A plain thread only.
 * TIMEOUT: nobody answered within `timeout_ms`. REFUSED: the peer has another secret or another
 * version; or one of the two does not trust the other's certificate, or the name is not on its
 * list; or another node of this name is connected to it, or it is shutting down. QUIESCED:
 * this runtime is. INVALID, NOMEM. */
TROUPE_CHECKED troupe_err troupe_connect(troupe_node *node, const char *url, unsigned timeout_ms);

/* Stays connected to whoever listens at `url`: dials now, and again whenever nobody answers or the
 * connection has ended, for whatever reason, until `troupe_keep_no_more` or the runtime's end. Both
 * nodes may do so with each other. Returns at once; the log says what comes of it. The pause
 * between two dials is `redial_ms` at most, then twice that, up to `redial_most_ms`, and the first
 * again once a connection has lasted for so long; chance takes up to half of each pause away, so
 * that nodes that were lost together do not all come back at one moment. An address that swallows
 * what is sent to it holds the others up for a second. Any thread.
 * TAKEN: it is kept already. INVALID: not a URL that is understood, or longer than TROUPE_URL_MAX.
 * CLOSED: the runtime closes. SYSTEM: no thread. NOMEM. */
TROUPE_CHECKED troupe_err troupe_keep_connected(troupe_node *node, const char *url);

/* Dials that address no more; a connection that is there stays. Any thread. NOTFOUND: it is not
 * kept. */
TROUPE_API troupe_err troupe_keep_no_more(troupe_node *node, const char *url);

/* A connected node, as it is at one moment. */
typedef struct troupe_peer {
    char name[TROUPE_NAME_MAX + 1];
    uint64_t node;      /* its incarnation, which is that of its refs */
    uint64_t silent_ms; /* since anything was heard of it */
    uint64_t lost_at_ms; /* the silence at which it is lost, as regular as it has been so far */
    unsigned suspicion; /* of its silence: phi in hundredths, 0 to 2312; 100: one in ten signs of
                         * life would be that late, 200: one in a hundred */
    size_t waiting;     /* bytes that wait to go there: what it, or the network, is behind */
} troupe_peer;

/* Writes the connected nodes to `out`, `room` of them at most, and returns how many there are,
 * which may be more. Any thread, callbacks included; takes no memory. */
TROUPE_API size_t troupe_peers(troupe_node *node, troupe_peer *out, size_t room);

/* Finds an actor by its registered name on the connected node called `peer`. A plain thread only.
 * NOCONNECTION: no such node is connected. NOTFOUND: it has no such name. TIMEOUT. NOMEM. */
TROUPE_CHECKED troupe_err troupe_lookup(troupe_node *node, const char *peer, const char *name,
                                        unsigned timeout_ms, troupe_ref *out);

/* What comes of a question to another node that an actor has asked: exactly one such message, in
 * line with its mail, which never fails for a full mailbox. One of an earlier life of the same
 * actor comes too: the number tells. It has no sender. */
struct troupe_far_answer {
    uint64_t number; /* what the call gave */
    troupe_ref who;  /* the actor; TROUPE_NOBODY: there is none, since */
    uint32_t why;    /* a troupe_err; NOCONNECTION: the node was lost meanwhile */
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_far_answer_type;

/* Asks a connected node who has a name there; the answer comes as a `troupe_far_answer`, with
 * NOTFOUND if nobody has it. NOCONNECTION: no such node is connected. FULL: too much waits to go
 * there. NOTFOUND: no name is as long as that. INVALID: this runtime is no node. NOMEM. */
TROUPE_CHECKED troupe_err troupe_whereis_on(troupe_self *self, const char *peer, const char *name,
                                            uint64_t *number);

/* Lets other nodes spawn actors of a behaviour here, under its name. What it takes as `arg` of
 * `start` is a message of that type, of which it gets the body; NULL: it takes none. Both must live
 * as long as the runtime. One that nobody offers can't be spawned by another node. Any thread.
 * TAKEN: that name is offered already. INVALID: no name, one longer than TROUPE_NAME_MAX, or a type
 * that is not sound; and the errors of `troupe_register_type` and `troupe_spawn`. */
TROUPE_CHECKED troupe_err troupe_offer(troupe_node *node, const troupe_behaviour *what,
                                       const troupe_type *arg);

/* Spawns an actor on a connected node, by the name of a behaviour that is offered there, with what
 * `*arg` says (NULL: nothing); after Erlang's spawn_request. The answer comes as a
 * `troupe_far_answer`: the actor, or what its `start` returned; NOTFOUND: no such behaviour is
 * offered; BADTYPE: it takes another argument; FULL: 64 of this node's wait to be spawned there
 * already, or as many of them live as may (`peer_spawns`); GONE: what spawns there was stopped;
 * NOMEM there. After NOCONNECTION there nobody
 * is left, unless the connection broke while the actor's answer was on its way: then it may live.
 * Who wants to hear of its end monitors it, or links to it. OK: the message was taken. FULL:
 * too much waits to go out. NOCONNECTION, NOTFOUND, TOOBIG, NOMEM,
 * INVALID: as above, and the message is still yours. */
TROUPE_CHECKED troupe_err troupe_spawn_on(troupe_self *self, const char *peer, const char *what,
                                          troupe_msg **arg, uint64_t *number);

/* The same, and waits for it. A plain thread only. TIMEOUT: not within `timeout_ms`; should it come
 * to life after that, it is killed. Other errors: of the call or of the answer. OK: the message was
 * taken; else it is still yours. */
TROUPE_CHECKED troupe_err troupe_spawn_at(troupe_node *node, const char *peer, const char *what,
                                          troupe_msg **arg, unsigned timeout_ms, troupe_ref *out);

/* Ends the threads (about 13) and gives back the memory that nng keeps for the whole process from
 * the first `troupe_listen` or `troupe_connect` on, closed runtimes or not. Optional, for the end
 * of a program that wants to leave nothing behind: after the last `troupe_close`, and only if
 * nothing else in the process uses nng. Does nothing if nng was never used. */
TROUPE_API void troupe_transport_fini(void);

#ifdef __cplusplus
}
#endif
#endif
