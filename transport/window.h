/* Flow control of one link, by credit that the receiving mailbox gives.
 *
 * For every actor that is sent to over a link, the sending side counts the messages sent and how
 * many it may have sent in all (`granted`); past that a send is FULL. The receiving side puts what
 * arrives into the mailbox, or, while that is full, behind what already waits here; each message
 * that enters the mailbox lets it grant one more. So at most `granted - accepted` messages of a
 * link wait here for one actor, and a peer that sends more than it was granted breaks the
 * protocol. Signals wait in the same line, so that a `down` never overtakes a message. It does not
 * lock. */
#ifndef TR_TRANSPORT_WINDOW_H
#define TR_TRANSPORT_WINDOW_H

#include "actors/port.h"
#include "base/check.h"
#include "base/list.h"
#include "base/map.h"

enum {
    TR_WINDOW_FIRST = 16, /* messages that may be sent to an actor before its first grant */
    TR_WINDOW_MOST = 1024 /* messages that may be on the way to one actor over one link at most */
};

/* What a link knows of the actors that it sends to. */
typedef struct tr_outgoing {
    tr_map by_target;
    size_t gone; /* entries of actors that have ended */
    const troupe_heap *heap;
} tr_outgoing;

/* Makes it empty. */
void tr_outgoing_init(tr_outgoing *out, const troupe_heap *heap);
/* Gives its memory back. */
void tr_outgoing_fini(tr_outgoing *out);
/* Whether one more message may be sent to `target`. FULL, GONE, NOMEM. */
troupe_err tr_outgoing_may_send(tr_outgoing *out, uint64_t target);
/* One was sent; `may_send` said OK just before. */
void tr_outgoing_sent(tr_outgoing *out, uint64_t target);
/* The peer has granted: `granted` messages in all. Never less than before. */
void tr_outgoing_granted(tr_outgoing *out, uint64_t target, uint64_t granted);
/* The peer says that the actor has ended. */
void tr_outgoing_gone(tr_outgoing *out, uint64_t target);

/* What is in line with messages, and takes no credit. */
typedef enum tr_signal_kind {
    TR_SIGNAL_NONE, /* it is a message; that takes credit */
    TR_SIGNAL_DOWN,
    TR_SIGNAL_LINK,
    TR_SIGNAL_EXIT,
    TR_SIGNAL_SENT /* an exit signal without a link: a message too, and takes the credit of one */
} tr_signal_kind;

/* Something for an actor of this runtime that waits for room in its mailbox, or just came. */
typedef struct tr_arrival {
    tr_link link;
    troupe_msg *msg;   /* NULL: it is a signal that takes no credit */
    troupe_ref from;   /* the sender, who ended, or who links itself to the target */
    unsigned how;      /* TR_SEND_* of a message */
    tr_signal_kind signal;
    uint64_t number;   /* of a signal: the monitor's, or the link's */
    uint64_t maker;    /* of an exit: the node that made the link */
    troupe_err why;    /* of a `down` or an exit */
} tr_arrival;

/* What a link knows of the actors that it receives for. */
typedef struct tr_incoming {
    troupe *rt;
    tr_map by_target;
    size_t sweep_at; /* entries at which those of ended actors are thrown out */
    uint64_t peer;   /* the peer's node */
    size_t downs;    /* how many of those that wait are signals, which take no credit */
    /* Says a grant to the peer; and that an actor has ended. */
    void (*grant)(void *ctx, uint64_t target, uint64_t granted);
    void (*no_target)(void *ctx, uint64_t target);
    void *ctx;
} tr_incoming;

/* Makes it empty; the members `grant`, `no_target` and `ctx` are the caller's to set. */
void tr_incoming_init(tr_incoming *in, troupe *rt);
/* Ends all that waits as dead letters (NOCONNECTION) and gives the memory back. */
void tr_incoming_fini(tr_incoming *in);
/* Takes what came for `target`, its message included, and delivers it or lets it wait. `counted`: a
 * message that takes credit. MALFORMED: the peer has sent more than it was granted. NOMEM. In these
 * cases the message is ended too. */
TR_CHECKED troupe_err tr_incoming_take(tr_incoming *in, uint64_t target,
                                           const tr_arrival *arrival, bool counted);
/* A message for `target` came that could not be read: its credit goes back. */
TR_CHECKED troupe_err tr_incoming_skip(tr_incoming *in, uint64_t target);
/* The mailbox of `target` has room again, or is closed. */
void tr_incoming_room(tr_incoming *in, uint64_t target);

#endif
