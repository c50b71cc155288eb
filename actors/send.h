/* Sending: from a ref to a mailbox, an asker or another node. */
#ifndef TR_ACTORS_SEND_H
#define TR_ACTORS_SEND_H

#include "actors/actor.h"
#include "base/check.h"

/* Moves a message from `from` to `to`, wherever that is; `how` is TR_SEND_*. The errors of
 * troupe_send. An embedded message stays embedded. */
TR_CHECKED troupe_err tr_send(troupe *rt, troupe_ref from, troupe_ref to, unsigned how,
                              troupe_msg **msg);

/* Writes on a message who sent it, to whom of this runtime and how (not TR_SEND_FREE), for
 * `tr_send_list`. */
void tr_send_address(troupe *rt, troupe_ref from, uint64_t to, unsigned how, troupe_msg *msg);

/* Puts addressed messages, a list from the newest to the oldest by `link`, into the mailbox of one
 * actor, at once: all, or none (false: send each, and see why). */
TR_CHECKED bool tr_send_list(troupe *rt, troupe_ref to, troupe_msg *newest, troupe_msg *oldest,
                             uint32_t count);

/* Puts a signal (tie.h), or what a timer sends, into the mailbox of the actor of this runtime that
 * it is for; `how` is TR_SEND_FREE, or 0: it takes a place of the bound. GONE, FULL. */
TR_CHECKED troupe_err tr_send_signal(troupe *rt, unsigned how, troupe_msg **msg);

/* What one that asks hears of an actor that a send has found GONE, on any node: STOPPED: it has
 * ended in good order, and that is known still; else GONE. */
troupe_err tr_send_ended(troupe *rt, troupe_ref who);

/* Tells an asker, on this node or another, that nobody will answer. */
void tr_ask_unanswered(troupe *rt, troupe_ref asker, troupe_err why);

#endif
