/* Abandoned actors: those whose callback does not return, and whose supervisor waits no more. The
 * protocol is in README.md, "Abandoned". */
#ifndef TR_ACTORS_ABANDON_H
#define TR_ACTORS_ABANDON_H

#include "actors/actor.h"

/* By its supervisor, of a child that was to be killed and is no supervisor itself: gives it up. Its
 * ref is GONE from here on, its name free, its watchers hear KILLED, its mail is dead letters, and
 * it will not touch its bond any more. `was_ready`: the supervisor has had its `ready` note, if it
 * sent one in this life. `waited_ms` since it should have ended, for the report. False: not now; it
 * ends or tells something by itself, and its note is on its way. */
bool tr_abandon(troupe_self *child, bool was_ready, uint64_t waited_ms);

/* Whoever runs an actor: claims the end of its life, which is nobody else's to end then. False: it
 * was abandoned, and has to return. */
bool tr_abandon_claim_end(troupe_self *self);
/* The same for what is told by its bond, or read there, in the middle of a life; `marks` are set as
 * well. If true, `tr_abandon_told` must follow soon. */
bool tr_abandon_may_tell(troupe_self *self, uint32_t marks);
/* It is told. */
void tr_abandon_told(troupe_self *self);
/* Whether it was, as far as can be seen. */
bool tr_abandon_seen(const troupe_self *self);

/* The last act of an abandoned actor, by whoever runs it: gives back all that it has. Nobody may
 * touch it after. */
void tr_abandon_return(troupe_self *self);

#endif
