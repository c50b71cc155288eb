/* Joins: how a plain thread hears of the end of an actor, and what the actor leaves. README.md,
 * "Joins". */
#ifndef TR_ACTORS_JOIN_H
#define TR_ACTORS_JOIN_H

#include <troupe/join.h>

#include "base/atomic.h"
#include "base/map.h"
#include "base/os.h"

typedef struct tr_joins {
    tr_mutex lock;       /* guards all below, and what is in the map */
    tr_map by_id;        /* keepers, by the actor that each is for */
    tr_atomic32 keepers; /* in there: seq, before each makes its monitor; a life that ends with none
                          * there need not look */
} tr_joins;

/* Makes an empty register. */
void tr_joins_init(tr_joins *joins, const troupe_heap *heap);
/* Gives its memory back; no actor may be alive. */
void tr_joins_fini(tr_joins *joins);

/* A life has ended and leaves a message, or NULL: it goes to one keeper, first of all to one that
 * is in time to hear of this end, or is dropped; and nobody gets that of a later life. By whoever
 * runs the actor, before its watchers hear of the end. */
void tr_joins_ended(tr_joins *joins, uint64_t id, troupe_msg *result);

#endif
