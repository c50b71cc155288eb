/* What belongs to one life of an actor, and ends with it: memory, and cleanups that are to run. */
#ifndef TR_ACTORS_MEMORY_H
#define TR_ACTORS_MEMORY_H

#include <troupe/actor.h>

/* Made when a life first wants something of its own; most never do. The running actor's alone. */
typedef struct tr_owned tr_owned;

/* Runs the cleanups, the last one first, then gives all memory back. By whoever runs it, at the end
 * of a life. */
void tr_memory_end(troupe_self *self);

#endif
