/* What one node has redelivered to actors here, over all of its connections: so that what it sends
 * once more, since it does not know, is not there twice. It does not lock. */
#ifndef TR_TRANSPORT_HEARD_H
#define TR_TRANSPORT_HEARD_H

#include <troupe/actor.h>

#include "base/check.h"
#include "base/list.h"
#include "base/map.h"

enum { TR_HEARDS_MOST = 1024 }; /* nodes that have redelivered, and may come back */

typedef struct tr_heard {
    tr_list of_node;
    uint64_t peer;                  /* whose; and its name */
    char name[TROUPE_NAME_MAX + 1];
    bool obsolete; /* another incarnation of that name was met */
    troupe *rt;
    tr_map by_target;
    size_t sweep_at; /* entries at which those of ended actors are thrown out */
} tr_heard;

/* Makes it empty. */
void tr_heard_init(tr_heard *heard, troupe *rt, uint64_t peer, const char *name);
/* Forgets all. */
void tr_heard_fini(tr_heard *heard);
/* Has an entry for an actor. There is one for each living actor at most, that anything was
 * redelivered to, and some of ended ones. False: no memory. */
TR_CHECKED bool tr_heard_know(tr_heard *heard, uint64_t target);
/* The number of the last message that is in the mailbox of an actor; NULL: it has no entry, since
 * it has ended. */
uint64_t *tr_heard_last(tr_heard *heard, uint64_t target);

#endif
