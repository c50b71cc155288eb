/* A link: one connection to one peer, from the handshake to its end.
 *
 * Threads: `received` and `closed` come one at a time from the net; sending comes from anywhere.
 * Two locks: `in_lock` guards what waits for mailboxes, `out_lock` what goes out. README.md,
 * "Locks", says what may be taken under them. */
#ifndef TR_TRANSPORT_LINK_H
#define TR_TRANSPORT_LINK_H

#include "base/atomic.h"
#include "base/check.h"
#include "base/list.h"
#include "base/os.h"
#include "serial/schema.h"
#include "transport/announce.h"
#include "transport/handshake.h"
#include "transport/large.h"
#include "transport/quota.h"
#include "transport/run.h"
#include "transport/stream.h"
#include "transport/suspicion.h"
#include "transport/tally.h"
#include "transport/window.h"

struct troupe_node;

/* Where a link is in its life. Guarded by the node's lock. */
typedef enum tr_link_state {
    TR_LINK_SHAKING, /* the peer is not proved yet, or is refused */
    TR_LINK_JOINED,  /* proved and admitted; nobody may send before our last answer is in line */
    TR_LINK_UP,      /* connected */
    TR_LINK_DOWN     /* ended; nothing of it is used any more but its memory */
} tr_link_state;

typedef struct tr_peer_link {
    struct troupe_node *node;
    const tr_net *net; /* of the stream; constant */
    tr_stream *stream;
    tr_list of_node;      /* guarded by the node's lock */
    uint64_t serial;      /* counts links of a node */
    unsigned refs;        /* guarded by the node's lock */
    tr_link_state state;  /* guarded by the node's lock */
    troupe_err outcome;   /* of the handshake; LATER until then; guarded by the node's lock */
    bool closed;          /* the stream's last event has come; guarded by the node's lock */
    bool orderly;         /* a GOODBYE was said by either side; guarded by the node's lock */
    uint64_t vies;        /* the node that it, dialing, proves itself to; the node's lock */
    bool losing;          /* DOWN, but not all that depends on it knows; the node's lock */
    unsigned asked;       /* our questions that it has not answered; the node's lock */
    unsigned spawns;      /* its requests that our spawner has; the node's lock */
    uint64_t since;       /* when it was made; constant */
    tr_atomic64 heard;    /* when anything last came; written by `received`, and by the keeper if it
                           * could not have been heard */
    tr_handshake shake;   /* used by `received`; `shake.peer` is constant once UP */
    tr_buffer in;         /* the beginning of a frame; used by `received` only */
    tr_piece piece;       /* where a PART that is coming is; used by `received` only */
    bool proved;          /* the peer is, and is admitted; set by `received`, constant once UP */
    bool deaf;            /* what else comes is ignored: it is refused, cut, or has said goodbye;
                           * used by `received` only */
    tr_quota quota;       /* what it has used of its rates; used by `received` only */
    uint64_t frames;      /* that have come; used by `received` only */
    uint64_t held_until;  /* it is not read before; 0: it is; guarded by the node's lock */
    tr_schemas schemas;   /* that the peer has told; used by `received` only */
    const troupe_type *came_type; /* registered, of the last message; used by `received` only */
    uint64_t came_hash;           /* its schema hash; used by `received` only */
    tr_assemblies assemblies;     /* used by `received` only */
    tr_burst burst;       /* messages on their way to a mailbox; used by `received` only */
    bool groups_full;     /* it has told of more members of groups than are kept; the same */
    uint64_t groups;      /* that the peer was told: tr_port_groups; used by the keeper only */
    tr_mutex in_lock;
    tr_incoming incoming; /* guarded by in_lock */
    tr_mutex out_lock;    /* guards the rest */
    tr_buffer filling;    /* frames that go out next */
    tr_run run;           /* the frame of `filling` that is open */
    tr_buffer flying;     /* frames that the stream has */
    bool busy;            /* `flying` is on its way */
    uint64_t out_at;      /* when frames went out last, or might have at once */
    bool started;         /* the stream is receiving, and may be closed */
    bool cut;             /* it shall be closed, at once or as soon as it is started */
    bool held;            /* what goes out waits for the link to be up */
    bool ended;           /* nothing more goes out */
    bool closing;         /* close the stream once all is out */
    bool farewell;        /* a GOODBYE is to be the last word */
    unsigned holders;     /* callbacks that will send more, and then have it all go out */
    bool flying_part;     /* what is on its way is a part of a large message */
    bool part_next;       /* one is next, if there is any */
    bool large_refused;   /* a large message was FULL, since too much waits in parts */
    bool lingers;         /* no, leave that to the peer: what it has not read would be lost */
    tr_suspicion suspicion; /* of its silence, by its heartbeats */
    tr_tally tally;       /* monitors and links across */
    tr_announced announced; /* types that the peer was told about */
    const troupe_type *sent_type; /* of the last message, and */
    uint64_t sent_hash;           /* its schema hash */
    bool full_told;       /* it was reported that the peer acknowledges too little */
    tr_outgoing outgoing;
    tr_larges larges;
} tr_peer_link;

enum {
    /* Bytes waiting to go out at which messages become FULL; then answers, which take no
     * credit. */
    TR_OUT_MOST = 8 << 20,
    TR_OUT_PIECE = 64 << 10, /* bytes at which no more are waited for */
    TR_OUT_MOST_ANSWERS = TR_LARGE_BYTES
};

/* Makes a link over a stream of a net, with one reference for the caller; NULL: no memory, and the
 * stream is freed. */
tr_peer_link *tr_link_make(struct troupe_node *node, const tr_net *net, tr_stream *stream,
                           bool dialer);

/* Begins to receive, and says hello if it dials. */
void tr_link_start(tr_peer_link *link);

/* Appends a frame and has it sent; false: no memory, or the peer reads too little of what is said
 * to it (then the link is cut: the peer sees its end rather than a gap), or it has ended. */
bool tr_link_say(tr_peer_link *link, const tr_frame *frame);

/* Hands what waits to the stream, all in one piece, if that is free. So the stream gets small
 * pieces while it is idle and large ones under load. Under out_lock. */
void tr_link_flush(tr_peer_link *link);

/* Bytes that wait to go out. Under out_lock. */
size_t tr_link_waiting(const tr_peer_link *link);
/* Appends frames that are put together already, and has them sent. False: as above. */
bool tr_link_say_these(tr_peer_link *link, const tr_buffer *frames);

/* The peer has one more monitor or link here; false: that is more than it may. */
TR_CHECKED bool tr_link_tied(tr_peer_link *link);
/* One of its own, or of ours, is over, which it has said. What we say counts by itself. */
void tr_link_untied(void *link, bool theirs);

/* Whether little enough waits to go out for a message to be put behind it. */
bool tr_link_has_room(tr_peer_link *link);

/* Sends a message to an actor of the peer, in parts if it is large (sending.c). The errors of
 * troupe_send. */
TR_CHECKED troupe_err tr_link_send(tr_peer_link *link, troupe_ref from, uint64_t to,
                                       unsigned how, troupe_msg **msg);

/* The same of one whose sender wants to hear of it; `how` is TR_SEND_URGENT and its time.
 * `again`: which it is of those that are redelivered, and the message stays the caller's; 0: it is
 * not, and is taken. `*at`: which of those for that actor over this link it is, as ACK counts. */
TR_CHECKED troupe_err tr_link_promise(tr_peer_link *link, troupe_ref from, uint64_t to,
                                      unsigned how, uint64_t again, troupe_msg **msg,
                                      uint64_t *at);

/* Whether one more message may be sent to an actor of the peer: the same errors. */
TR_CHECKED troupe_err tr_link_may_send(tr_peer_link *link, uint64_t to);

/* Appends a frame that takes the credit of a message. FULL, GONE, NOMEM, NOCONNECTION: it is not
 * sent. */
TR_CHECKED troupe_err tr_link_signal(tr_peer_link *link, const tr_frame *frame);

/* The peer lives: a heartbeat of it has come. */
void tr_link_beat(tr_peer_link *link);

/* The silence, in ns, after which the peer is given up, as its heartbeats are; and what a silence
 * is suspected, in hundredths of phi. False: it is cut already. */
bool tr_link_judge(tr_peer_link *link, uint64_t silence, uint64_t *patience, unsigned *phi);

/* This node stood still from `since` on, for so many ns: what was silent then is not to blame. */
void tr_link_excuse(tr_peer_link *link, uint64_t since, uint64_t ns);

/* A callback will send more: small pieces wait for it. */
void tr_link_hold(tr_peer_link *link);
/* It has ended: what it has sent goes out; `idle`: on this thread, which has nothing else to do. */
void tr_link_release(tr_peer_link *link, bool idle);
/* What waits for one that takes long goes out. */
void tr_link_hurry(tr_peer_link *link);

/* Drops what is kept and acknowledged already. */
void tr_link_trim(tr_peer_link *link);

/* Acknowledges all that was accepted. */
void tr_link_acknowledge(tr_peer_link *link);

/* Its stream is closed: what it has sent and the peer has not acknowledged becomes dead letters. */
void tr_link_lose(tr_peer_link *link);

/* Says goodbye; the peer closes once it has handled all that was said before. */
void tr_link_goodbye(tr_peer_link *link);

/* Closes at once. */
void tr_link_cut(tr_peer_link *link);
/* The same, and tells why. */
void tr_link_break(tr_peer_link *link, const char *why);

/* Handles what came, from the stream (receiving.c). */
void tr_link_received(void *ctx, const void *bytes, size_t size);

/* Handles one frame of a peer that is not proved. OK: it is now; LATER: the handshake goes on; else
 * it has failed. */
TR_CHECKED troupe_err tr_link_shake(tr_peer_link *link, const tr_frame *frame);

/* A peer that speaks TLS where none is expected is told so in its own words. */
void tr_link_refuse_tls(tr_peer_link *link);

/* Empties a buffer of a link's; a large one is given back. */
void tr_link_empty(tr_buffer *buffer);

/* Handles one frame of a proved peer (frames.c). Not OK: the peer broke the protocol; `why` says
 * how. */
TR_CHECKED troupe_err tr_link_frame(tr_peer_link *link, const tr_frame *frame, char *why,
                                        size_t room);

/* What has come and waits for others like it goes to its mailbox (frames.c). The same errors. */
TR_CHECKED troupe_err tr_link_settle(tr_peer_link *link, char *why, size_t room);

/* Gives the memory back; the stream's `closed` has come, and nobody refers to the link. */
void tr_link_free(tr_peer_link *link);

#endif
