/* What belongs to one life of an actor, and ends with it: memory, cleanups that are to run, and the
 * message that it leaves. */
#ifndef TR_ACTORS_MEMORY_H
#define TR_ACTORS_MEMORY_H

#include <troupe/actor.h>

#include "base/check.h"

/* Made when a life first wants something of its own; most never do. The running actor's alone. */
typedef struct tr_owned tr_owned;

/* Has the life leave a message. NOMEM; INVALID: it leaves one already. */
TR_CHECKED troupe_err tr_memory_leave(troupe_self *self, troupe_msg **msg);

/* Runs the cleanups, the last one first, then gives all memory back. Returns what the life leaves;
 * NULL: nothing. By whoever runs it, at the end of a life. */
TR_CHECKED troupe_msg *tr_memory_end(troupe_self *self);

#endif
