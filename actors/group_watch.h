/* Watches of groups: who is told when one changes. README.md, "Groups". */
#ifndef TR_ACTORS_GROUP_WATCH_H
#define TR_ACTORS_GROUP_WATCH_H

#include "actors/group.h"

/* The type of what a watch puts into a mailbox; nobody's `receive` sees it. */
extern const troupe_type tr_group_news_type;

/* A member of a group has joined, or left: notes it for all who watch, under the lock. Those who
 * are to be told go to `wake`. */
void tr_group_changed(tr_group *group, bool joined, tr_fifo *wake);

/* Tells them, without the lock. */
void tr_group_tell(troupe *rt, tr_fifo *wake);

/* Ends all watches of a life. */
void tr_group_watches_forget(troupe *rt, uint64_t actor);

/* What a watch has put into an actor's mailbox has come out of it: the message for the actor, and
 * the number of its watch; NULL: it is over. By whoever runs the actor. */
troupe_msg *tr_group_news_arrived(troupe_self *self, troupe_msg *envelope, uint64_t *number);

/* That message was handled, and `*msg` is what the actor has left of it: the watch keeps it, or one
 * like it, for the next time. NOMEM: there is none. By whoever runs the actor. */
TR_CHECKED troupe_err tr_group_news_handled(troupe_self *self, uint64_t number, troupe_msg **msg);

/* The same as the first, but the actor has ended: then it is NULL. Does nothing to any other
 * message. */
void tr_group_news_unwrap(troupe *rt, troupe_msg **msg);

#endif
