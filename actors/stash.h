/* Stashes: messages that an actor has set aside, and that come again. README.md, "Habits". */
#ifndef TR_ACTORS_STASH_H
#define TR_ACTORS_STASH_H

#include "actors/actor.h"
#include "actors/turn.h"

/* Gives all of it back to the mail, since the life ends, before all but what is urgent. By whoever
 * runs the actor, which nobody abandons meanwhile. */
void tr_stash_give_back(troupe_self *self);

/* The life is over: mail goes back to the mailbox, and what was for that life alone ends. Of an
 * actor that was abandoned all of it ends. By whoever runs it. */
void tr_stash_end(troupe_self *self);

/* The message that was set aside in the callback that is over, `turn` owing nothing for it: taken
 * back, as if it were in hand still; wherever it is by now. */
troupe_msg *tr_stash_take_back(tr_turn *turn, troupe_self *self);

#endif
