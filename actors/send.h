/* Sending: from a ref to a mailbox, an asker or another node. */
#ifndef TR_ACTORS_SEND_H
#define TR_ACTORS_SEND_H

#include "actors/actor.h"
#include "base/check.h"

/* Moves a message from `from` to `to`, wherever that is; `how` is TR_SEND_*. The errors of
 * troupe_send. An embedded message stays embedded. */
TR_CHECKED troupe_err tr_send(troupe *rt, troupe_ref from, troupe_ref to, unsigned how,
                              troupe_msg **msg);

/* Puts a signal (tie.h), or what a timer sends, into the mailbox of the actor of this runtime that
 * it is for; `how` is TR_SEND_FREE, or 0: it takes a place of the bound. GONE, FULL. */
TR_CHECKED troupe_err tr_send_signal(troupe *rt, unsigned how, troupe_msg **msg);

/* Tells an asker, on this node or another, that nobody will answer. */
void tr_ask_unanswered(troupe *rt, troupe_ref asker, troupe_err why);

#endif
