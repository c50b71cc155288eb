/* Starting a supervisor from a plain thread, which waits until all its children have started. */
#ifndef TR_ACTORS_SUPERVISOR_ADMIN_H
#define TR_ACTORS_SUPERVISOR_ADMIN_H

#include "actors/supervisor.h"

/* Tells troupe_supervise, if it waits, how the start went. */
void tr_admin_tell_waiter(troupe_self *self, tr_supervisor *sup, troupe_err err);

/* Handles a request. False: the message is none. */
bool tr_admin_receive(troupe_self *self, tr_supervisor *sup, const troupe_msg *msg);

#endif
