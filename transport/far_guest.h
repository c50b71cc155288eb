/* Guests: lives of children of keepers on other nodes, as their host keeps them. */
#ifndef TR_TRANSPORT_FAR_GUEST_H
#define TR_TRANSPORT_FAR_GUEST_H

#include "transport/far.h"
#include "transport/node.h"

typedef enum tr_guest_state {
    TR_GUEST_WAITING,  /* for its lease, or for the end of the life before it */
    TR_GUEST_STARTING, /* its supervisor is to start it */
    TR_GUEST_RUNNING,  /* it is ready */
    TR_GUEST_ENDED,    /* or never began; not all who have to know know it yet */
    TR_GUEST_STUCK     /* given up, but its start has not returned, and reads from it */
} tr_guest_state;

/* One life of a child; or, without an offer, somebody who waits until there is none. */
typedef struct tr_guest {
    tr_list of_node; /* under the node's lock */
    struct troupe_node *node;
    char home[TROUPE_NAME_MAX + 1], id[TROUPE_NAME_MAX + 1], name[TROUPE_NAME_MAX + 1];
    tr_guest_state state;
    const tr_offer *offer;
    troupe_msg *arg;
    troupe_ref keeper, steward;
    troupe_ref starter, waiter; /* who is to be told of its start, and of its end */
    troupe_err begun;           /* what of its start; LATER: not known yet */
    troupe_ref who;             /* from its start on; under the node's lock, as are: */
    troupe_err no_start;        /* what its start has said */
    bool inside;                /* its start has not returned */
    uint64_t token, monitor, serial;
    uint64_t since;     /* when it came */
    uint64_t confirmed; /* when the steward was asked what it answered last; 0: it never has */
    uint64_t renewing;  /* when it was asked last */
    unsigned stop_ms, lease_ms;
    bool asked;         /* its supervisor was asked to start it */
    bool ending, dying; /* it shall end; and its supervisor was asked for that */
    bool over;          /* its exit has come: */
    troupe_err why;     /* how it ended */
    bool lost;          /* since its lease ran out */
    bool told;          /* its keeper knows of the end; or */
    bool orphan;        /* its keeper has ended */
} tr_guest;

/* The host's first guest, in the order in which they came; NULL: there is none. Only the host
 * changes the list, so it need not lock. */
tr_guest *tr_guest_first(const struct troupe_node *node);
/* The one after it; NULL: there is none. */
tr_guest *tr_guest_next(const tr_guest *guest);
/* Makes one, the last. FULL: there are too many. NOMEM. */
TR_CHECKED troupe_err tr_guest_make(struct troupe_node *node, tr_guest **out);
/* Gives its memory back. */
void tr_guest_end(tr_guest *guest);
/* Whether two are lives of the same child, and not the same life. */
bool tr_guest_alike(const tr_guest *one, const tr_guest *other);
/* Whether there is an actor, or may be. */
bool tr_guest_lives(const tr_guest *guest);
/* It does not come to life. */
void tr_guest_not_begun(tr_guest *guest, troupe_err why);
/* Tells who waits what is known, and forgets a guest of whom all know that it has ended. */
void tr_guest_deliver(troupe_self *self, tr_guest *guest);

#endif
