/* A link: one connection to one peer, from the handshake to its end.
 *
 * Threads: `received` and `closed` come one at a time from the net; sending comes from anywhere.
 * Two locks: `in_lock` guards what waits for mailboxes, `out_lock` what goes out. in_lock may be
 * held when the node's lock or out_lock is taken; those two are never held together, nor while
 * calling out. */
#ifndef TR_TRANSPORT_LINK_H
#define TR_TRANSPORT_LINK_H

#include "base/atomic.h"
#include "base/check.h"
#include "base/list.h"
#include "base/os.h"
#include "transport/handshake.h"
#include "transport/stream.h"
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
    tr_stream *stream;
    tr_list of_node;      /* guarded by the node's lock */
    uint64_t serial;      /* counts links of a node */
    unsigned refs;        /* guarded by the node's lock */
    tr_link_state state;  /* guarded by the node's lock */
    troupe_err outcome;   /* of the handshake; LATER until then; guarded by the node's lock */
    bool closed;          /* the stream's last event has come; guarded by the node's lock */
    bool orderly;         /* a GOODBYE was said by either side; guarded by the node's lock */
    bool losing;          /* DOWN, but not all that depends on it knows; the node's lock */
    uint64_t since;       /* when it was made; constant */
    tr_atomic64 heard;    /* when anything last came; written by `received` */
    tr_handshake shake;   /* used by `received`; `shake.peer` is constant once UP */
    tr_buffer in;         /* a part of a frame; used by `received` only */
    bool proved;          /* the peer is, and is admitted; used by `received` only */
    bool deaf;            /* what else comes is ignored: it is refused, cut, or has said goodbye */
    tr_mutex in_lock;
    tr_incoming incoming; /* guarded by in_lock */
    tr_mutex out_lock;    /* guards the rest */
    tr_buffer filling;    /* frames that go out next */
    tr_buffer flying;     /* frames that the stream has */
    bool busy;            /* `flying` is on its way */
    bool started;         /* the stream is receiving, and may be closed */
    bool cut;             /* it shall be closed, at once or as soon as it is started */
    bool held;            /* what goes out waits for the link to be up */
    bool ended;           /* nothing more goes out */
    bool closing;         /* close the stream once all is out */
    bool lingers;         /* no, leave that to the peer: what it has not read would be lost */
    bool spoke;           /* something went out since the last tick */
    uint64_t monitors;    /* MONITOR and LINK frames said, LINK frames heard */
    tr_outgoing outgoing;
} tr_peer_link;

/* Makes a link over a stream, with one reference for the caller; NULL: no memory, and the stream is
 * freed. */
tr_peer_link *tr_link_make(struct troupe_node *node, tr_stream *stream, bool dialer);

/* Begins to receive, and says hello if it dials. */
void tr_link_start(tr_peer_link *link);

/* Appends a frame and has it sent; false: no memory, or the peer reads too little of what is said
 * to it (then the link is cut: the peer sees its end rather than a gap), or it has ended. */
bool tr_link_say(tr_peer_link *link, const tr_frame *frame);

/* Sends a message to an actor of the peer. The errors of troupe_send. */
TR_CHECKED troupe_err tr_link_send(tr_peer_link *link, troupe_ref from, uint64_t to,
                                       unsigned how, uint64_t type, troupe_msg **msg);

/* Appends a frame that takes the credit of a message. FULL, GONE, NOMEM, NOCONNECTION: it is not
 * sent. */
TR_CHECKED troupe_err tr_link_signal(tr_peer_link *link, const tr_frame *frame);

/* Says goodbye; the peer closes once it has handled all that was said before. */
void tr_link_goodbye(tr_peer_link *link);

/* Closes at once. */
void tr_link_cut(tr_peer_link *link);

/* Handles one frame of a proved peer (frames.c). Not OK: the peer broke the protocol; `why` says
 * how. */
TR_CHECKED troupe_err tr_link_frame(tr_peer_link *link, const tr_frame *frame, char *why,
                                        size_t room);

/* Gives the memory back; the stream's `closed` has come, and nobody refers to the link. */
void tr_link_free(tr_peer_link *link);

#endif
