/* How long a child that failed waits before it is started again: longer each time, and by chance,
 * so that what fails together does not come back together. */
#ifndef TR_ACTORS_SUPERVISOR_BACKOFF_H
#define TR_ACTORS_SUPERVISOR_BACKOFF_H

#include "actors/supervisor.h"

/* The delay in ms before the restart after the `nth` failure running (1 is the first), drawn out of
 * `random`: up to twice as much each time, but not more than the child's cap. */
unsigned tr_backoff_delay(const troupe_child *spec, unsigned nth, uint64_t random);

/* The same for a child that has just failed; counts the failure. 0: at once. */
unsigned tr_backoff_next(tr_kid *kid, uint64_t now);

#endif
