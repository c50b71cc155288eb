/* Guards: what stands around the callbacks of those actors whose behaviour asks for more than that
 * an error is an error. Such an actor has a behaviour of its own, with callbacks that do what was
 * asked and call the real ones; so all other actors pay nothing. */
#ifndef TR_ACTORS_GUARD_H
#define TR_ACTORS_GUARD_H

#include <troupe/actor.h>

struct tr_answered;

/* The behaviour that an actor of `what` is to run: that one, or a guarded one of its own, which is
 * to be freed. NULL: no memory. */
const troupe_behaviour *tr_guard_make(troupe *rt, const troupe_behaviour *what);
/* Calls what an actor has to be done with an answer, guarded as its `receive` is. */
troupe_err tr_guard_answer(troupe_self *self, const struct tr_answered *how, troupe_msg **msg);
/* The behaviour that an actor has from who made it, guarded or not. */
const troupe_behaviour *tr_guard_real(const troupe_self *self);
/* Gives back what tr_guard_make made; does nothing to other behaviours. */
void tr_guard_free(troupe *rt, const troupe_behaviour *what);

#endif
