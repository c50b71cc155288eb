/* Exit signals, and what an actor does with signals that come in its mail. */
#ifndef TR_ACTORS_EXIT_H
#define TR_ACTORS_EXIT_H

#include "actors/actor.h"

/* A signal has come, at its place in the mail. True: it is a message of the actor's from here on.
 * False: it is over; it was void, or nothing to the actor, or the actor is `ending` for it. By
 * whoever runs the actor. */
bool tr_exit_arrived(troupe_self *self, troupe_msg *msg);

#endif
