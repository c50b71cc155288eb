/* Ties: who watches whom. Either end may be on another node; at least one is here. */
#ifndef TR_ACTORS_MONITOR_H
#define TR_ACTORS_MONITOR_H

#include <troupe/actor.h>

#include "base/list.h"
#include "base/map.h"
#include "base/os.h"

typedef struct tr_ties {
    tr_mutex lock; /* guards all ties and both lists of every actor */
    tr_map all;    /* by the monitor's number and the watcher's node */
    uint64_t last; /* number given */
    /* Scatters them: another node's numbers are of its choice. Odd; constant once one is there. */
    uint64_t secret;
} tr_ties;

/* Makes an empty set. */
void tr_ties_init(tr_ties *ties, const troupe_heap *heap);

/* Gives its memory back; no actor may be alive. */
void tr_ties_fini(tr_ties *ties);

/* Tells all watchers of an actor that it, or one of its lives, ended. For good: its refs must be
 * stale before, so that a monitor is either in time for this or finds it GONE. */
void tr_ties_ended(troupe_self *self, troupe_err why);

/* Ends all monitors that an actor holds. */
void tr_ties_forget(troupe_self *self);

#endif
