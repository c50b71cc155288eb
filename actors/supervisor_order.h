/* In which order a supervisor starts and stops its children: the one after the other is ready, or
 * gone. */
#ifndef TR_ACTORS_SUPERVISOR_ORDER_H
#define TR_ACTORS_SUPERVISOR_ORDER_H

#include "actors/supervisor.h"

/* To the supervisor itself: a child has had its time to stop. */
struct tr_late {
    uint64_t who; /* the child's actor: a supervisor's mail outlives it, its children do not */
};
extern const troupe_type tr_late_type;

/* Starts the next child, or is ready after the last. */
void tr_order_start(troupe_self *self, tr_supervisor *sup);

/* Begins to stop all children, the last first; then the supervisor ends for that reason. */
void tr_order_stop(troupe_self *self, tr_supervisor *sup, troupe_err outcome);

/* Goes on to stop: the child that was waited for is gone. */
void tr_order_stop_next(troupe_self *self, tr_supervisor *sup);

/* What tr_supervisor_kill does. */
bool tr_order_kill(troupe_self *self, tr_supervisor *sup);

/* Kills the child that has had its time. */
void tr_order_late(tr_supervisor *sup, const struct tr_late *late);

#endif
