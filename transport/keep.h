/* Nodes that this one stays connected to: addresses that are dialed again whenever the connection
 * is lost, with a pause that doubles, and chance in it. A thread dials, one after the other; in a
 * simulation it is a part of `tend`. */
#ifndef TR_TRANSPORT_KEEP_H
#define TR_TRANSPORT_KEEP_H

#include <troupe/remote.h>

#include "base/check.h"
#include "base/list.h"
#include "base/os.h"

struct tr_peer_link;

/* One address. */
typedef struct tr_kept {
    tr_list of_node;
    struct tr_peer_link *link; /* whose handshake goes on; NULL: none */
    uint64_t peer;             /* the node that was met there last; 0: none yet */
    bool up;                   /* it was connected when we last looked, since: */
    uint64_t since;
    uint64_t at;       /* when to dial; TR_NEVER: not yet known */
    unsigned pause_ms; /* the next pause at most */
    bool dialing;      /* by a thread that has let go of the lock */
    bool over;         /* it is not kept any more */
    char url[TROUPE_URL_MAX + 1];
} tr_kept;

/* All of a node's, guarded by its lock. */
typedef struct tr_keeping {
    tr_list all; /* tr_kept */
    unsigned first_ms, most_ms;
    tr_cond work; /* for the thread */
    tr_thread thread;
    bool runs, over;
} tr_keeping;

/* Makes it empty. */
void tr_keep_init(struct troupe_node *node, const troupe_node_config *config);
/* Dials what is due, letting go of the lock meanwhile, and returns when to look again. */
uint64_t tr_keep_look(struct troupe_node *node);
/* Something has changed: have it looked at. Under the lock. */
void tr_keep_wake(struct troupe_node *node);
/* Ends it all, but what is connected; waits for a dial that goes on. */
void tr_keep_end(struct troupe_node *node);
/* Gives back what `tr_keep_init` took. */
void tr_keep_fini(struct troupe_node *node);

#endif
