/* In which order a supervisor starts and stops its children: the one after the other is ready, or
 * gone. Each child that has to wait says so itself (`leaving`, TROUPE_CHILD_WAITING), so whatever
 * happens meanwhile just changes what the others wait for. */
#ifndef TR_ACTORS_SUPERVISOR_ORDER_H
#define TR_ACTORS_SUPERVISOR_ORDER_H

#include "actors/supervisor_time.h"

/* Goes on with what is waiting: stops the last child that must go; if there is none, starts the
 * first that waits; if there is none either, the supervisor is ready, or has ended. */
void tr_order_go_on(troupe_self *self, tr_supervisor *sup);

/* Starts one more child, or one that has ended; in its turn, if there are turns. An error: it can't
 * even be made. */
TR_CHECKED troupe_err tr_order_add(troupe_self *self, tr_supervisor *sup, tr_kid *kid);

/* Ends a child that lives or will, for good. */
void tr_order_end(troupe_self *self, tr_supervisor *sup, tr_kid *kid);

/* Restarts a child, and others with it, by the strategy; after a delay in which its group is
 * stopped. 0: at once. */
void tr_order_restart(troupe_self *self, tr_supervisor *sup, tr_kid *kid, unsigned delay_ms);

/* Starts a child again that is held, in its turn. */
void tr_order_release(troupe_self *self, tr_supervisor *sup, tr_kid *kid);

/* A child has ended that was asked to stop, or would have been. False: it was neither. */
bool tr_order_ended(troupe_self *self, tr_supervisor *sup, tr_kid *kid);

/* Begins to stop all children; then the supervisor ends for that reason. */
void tr_order_stop(troupe_self *self, tr_supervisor *sup, troupe_err outcome);

/* What tr_supervisor_kill does. */
bool tr_order_kill(troupe_self *self, tr_supervisor *sup);

/* A child has had its time: to wait, so it starts; to start or to stop, so it is killed; to return
 * after that, so it is abandoned. */
void tr_order_late(troupe_self *self, tr_supervisor *sup, const struct tr_late *late);

#endif
