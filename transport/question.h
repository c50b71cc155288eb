/* What is asked of a peer, and answered with an actor or an error: who has a name, or to spawn one.
 * A thread waits for the answer; an actor gets it as a message, made before the question goes out.
 * Each question has one answer: the peer's, or NOCONNECTION when the connection is lost. */
#ifndef TR_TRANSPORT_QUESTION_H
#define TR_TRANSPORT_QUESTION_H

#include <troupe/remote.h>

#include "base/check.h"
#include "transport/link.h"

/* Asks as a thread: says `frame`, with a number of its own, and waits. Also NOCONNECTION, TIMEOUT,
 * FULL: too much is asked or waits to go out, NOMEM. */
TR_CHECKED troupe_err tr_question_wait(struct troupe_node *node, const char *peer, tr_frame *frame,
                                       unsigned timeout_ms, troupe_ref *out);
/* Asks as an actor, who gets the answer; `*number` is the question's. NOCONNECTION, FULL, NOMEM: it
 * is not asked. INVALID: the runtime is no node. */
TR_CHECKED troupe_err tr_question_send(troupe_self *self, const char *peer, tr_frame *frame,
                                       uint64_t *number);

/* The peer answers. False: it was not asked that, or nobody waits any more. */
bool tr_question_answer(tr_peer_link *link, uint64_t number, troupe_ref who, troupe_err why);
/* All that the peer was asked and has not answered will not be. */
void tr_question_lost(tr_peer_link *link);

#endif
