/* Flow control of one link, by credit that the receiving mailbox gives.
 *
 * For every actor that is sent to over a link, the sending side counts the messages sent and how
 * many it may have sent in all (`granted`); past that a send is FULL. The receiving side puts what
 * arrives into the mailbox, or, while that is full, behind what already waits here; each message
 * that enters the mailbox lets it grant one more. So at most `granted - accepted` messages of a
 * link wait here for one actor, and a peer that sends more than it was granted breaks the
 * protocol. Signals wait in the same line, so that a `down` never overtakes a message. It does not
 * lock.
 *
 * The sending side keeps each message until the receiving side has said that it is in the mailbox,
 * so that what was on the way when the node is lost is known, and can be handed back. */
#ifndef TR_TRANSPORT_WINDOW_H
#define TR_TRANSPORT_WINDOW_H

#include "actors/port.h"
#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "transport/heard.h"
#include "transport/outgoing.h"

/* What is in line with messages, and takes no credit. */
typedef enum tr_signal_kind {
    TR_SIGNAL_NONE, /* it is a message; that takes credit */
    TR_SIGNAL_DOWN,
    TR_SIGNAL_LINK,
    TR_SIGNAL_UNLINK, /* behind the LINK that it takes back, which may wait */
    TR_SIGNAL_EXIT,
    TR_SIGNAL_SENT, /* an exit signal without a link: a message too, and takes the credit of one */
    TR_SIGNAL_PARTS, /* a message of which not all parts have come: nothing goes past */
    TR_SIGNAL_VOID   /* one that could not be read: only its credit is to be given back */
} tr_signal_kind;

/* Something for an actor of this runtime that waits for room in its mailbox, or just came. */
typedef struct tr_arrival {
    tr_link link;
    troupe_msg *msg;   /* NULL: it is a signal that takes no credit, or PARTS, or VOID */
    troupe_ref from;   /* the sender, who ended, or who links itself to the target */
    unsigned how;      /* TR_SEND_* of a message */
    size_t size;       /* bytes of it on the way */
    bool prompt;       /* its sender waits to hear that it is in the mailbox */
    bool urgent;       /* it does not wait behind what is not, though its place is there */
    uint64_t again;    /* which of those that are redelivered; 0: it comes once */
    uint64_t nth;      /* of the messages for its target over this link; set here */
    tr_signal_kind signal;
    uint64_t number;   /* of a signal: the monitor's, or the link's */
    uint64_t maker;    /* of an exit or an end: the node that made the link */
    troupe_err why;    /* of a `down` or an exit */
    struct tr_arrival **owner; /* of PARTS: who knows it, until it is filled or ends */
} tr_arrival;

/* Messages for one actor that have come one right behind the other. They enter its mailbox
 * together: of the atomic operations that this takes, and of the wake-ups, each has a share. */
typedef struct tr_burst {
    uint64_t target;
    troupe_msg *newest, *oldest; /* a list by `link`, addressed (tr_port_address); NULL: none */
    uint32_t count;
    size_t size; /* bytes of all of them on the way */
    bool prompt; /* a sender waits to hear that one is in the mailbox */
} tr_burst;

/* What a link knows of the actors that it receives for. */
typedef struct tr_incoming {
    troupe *rt;
    tr_map by_target;
    struct tr_source *last; /* the entry that was looked for last; NULL: that is not there */
    size_t sweep_at; /* entries at which those of ended actors are thrown out */
    uint64_t peer;   /* the peer's node */
    size_t signals;  /* that wait, and take no credit */
    size_t most;     /* bytes that may wait for one actor, but for the last message; constant */
    bool unsaid;     /* some that were accepted are not acknowledged */
    /* A monitor or link is over, as a signal said that was delivered: of the peer's, or of ours. */
    void (*untied)(void *ctx, bool theirs);
    /* Says a grant to the peer; what was accepted; and that an actor has ended. */
    void (*grant)(void *ctx, uint64_t target, uint64_t granted);
    void (*ack)(void *ctx, uint64_t target, uint64_t accepted);
    void (*no_target)(void *ctx, uint64_t target, troupe_err how);
    void *ctx;
    tr_heard *heard; /* what the peer's node has redelivered; there is one if any is `again` */
} tr_incoming;

/* Makes it empty; the functions and `ctx` are the caller's to set. */
void tr_incoming_init(tr_incoming *in, troupe *rt);
/* Ends all that waits as dead letters (NOCONNECTION) and gives the memory back. */
void tr_incoming_fini(tr_incoming *in);
/* Takes what came for `target`, its message included, and delivers it or lets it wait. `counted`: a
 * message that takes credit. MALFORMED: the peer has sent more than it was granted. TOOBIG: more
 * bytes of it wait for that actor than may. NOMEM. In these cases the message is ended too. */
TR_CHECKED troupe_err tr_incoming_take(tr_incoming *in, uint64_t target,
                                           const tr_arrival *arrival, bool counted);
/* Takes messages for one actor that came one right behind the other, all of them counted, and makes
 * the burst empty. The same errors. */
TR_CHECKED troupe_err tr_incoming_take_burst(tr_incoming *in, tr_burst *burst);
/* A message of `came->size` bytes for `target` will come in parts: `*owner` is its place in line,
 * from which it is filled; NULL: the actor has ended. The same errors; also MALFORMED: more of that
 * are on their way than may be. */
TR_CHECKED troupe_err tr_incoming_expect(tr_incoming *in, uint64_t target, const tr_arrival *came,
                                         tr_arrival **owner);
/* All of it has come: `*owner` is filled with the message, which is taken; NULL: with one that
 * could not be read. It, and what waited for it, is delivered. */
void tr_incoming_fill(tr_incoming *in, uint64_t target, tr_arrival **owner, troupe_msg *msg);
/* Which of the messages for `target` over this link that is which waits at `place`, or, if that is
 * NULL, comes next. 0: there is no such actor. */
uint64_t tr_incoming_nth(tr_incoming *in, uint64_t target, const tr_arrival *place);
/* A message for `target` came that could not be read: its credit goes back, when it is its turn. */
TR_CHECKED troupe_err tr_incoming_skip(tr_incoming *in, uint64_t target);
/* Acknowledges all that was accepted. */
void tr_incoming_acknowledge(tr_incoming *in);
/* The mailbox of `target` has room again, or is closed. */
void tr_incoming_room(tr_incoming *in, uint64_t target);

#endif
