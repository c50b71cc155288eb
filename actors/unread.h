/* What becomes of an actor's mail between two lives, where its supervisor wants more than that it
 * is kept: unread mail may be flushed, and the message that it failed on handled once more. */
#ifndef TR_ACTORS_UNREAD_H
#define TR_ACTORS_UNREAD_H

#include "actors/actor.h"
#include "actors/turn.h"

/* Ends all mail as FLUSHED, but a message that is to be tried again. By whoever runs the actor,
 * before its next life begins. */
void tr_unread_flush(troupe_self *self);

/* The actor fails on the message in hand. True: it is the first of its mail again, with its place
 * of the bound, and is not in hand any more. False: it is to be ended, for `*reason`. */
TR_CHECKED bool tr_unread_again(tr_turn *turn, troupe_self *self, troupe_msg *msg,
                                troupe_dead *reason);

/* Whether that message, the first of its mail, is the one that it has failed on and is to try
 * again. By whoever runs it and may tell (abandon.h). */
bool tr_unread_is_again(const troupe_self *self, const troupe_msg *msg);

#endif
