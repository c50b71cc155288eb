/* What the life of an actor must know of supervisors. */
#ifndef TR_ACTORS_SUPERVISOR_H
#define TR_ACTORS_SUPERVISOR_H

#include <troupe/supervisor.h>

#include "actors/actor.h"

/* A kill of a supervisor: its children are killed first, then it ends as KILLED. True: it must go
 * on until they are gone; false: it has none. */
bool tr_supervisor_kill(troupe_self *self, void *state);

#endif
