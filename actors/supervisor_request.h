/* Requests to a supervisor, about its children. A request is a message that comes back as its
 * own answer, so that to answer needs no memory and can't fail. */
#ifndef TR_ACTORS_SUPERVISOR_REQUEST_H
#define TR_ACTORS_SUPERVISOR_REQUEST_H

#include "actors/supervisor.h"

/* Says in the graph of waits, after all that may have changed it, what the threads wait for whose
 * requests wait: the child that starts or stops at this moment. */
void tr_request_aim_all(troupe_self *self, tr_supervisor *sup);

/* Handles a request, at once or when its child is ready or gone; then the message is kept. False:
 * it is none. */
bool tr_request_receive(troupe_self *self, tr_supervisor *sup, troupe_msg **msg);

/* Asks from a plain thread and waits; on OK `*answer` is the caller's. The errors of `troupe_ask`.
 * INVALID: the request makes no sense, or goes to another node. NOMEM. */
TR_CHECKED troupe_err tr_request_ask(troupe *rt, troupe_ref supervisor,
                                     const troupe_child_request *request, unsigned timeout_ms,
                                     troupe_msg **answer);

/* Whether somebody waits for the start of a child. */
bool tr_request_starts(const tr_kid *kid);

/* Whether that is the one who brought it. */
bool tr_request_adds(const tr_kid *kid);

/* Answers who waits for a child's start with `started`, but if that is LATER; and if it has ended,
 * who waits for that. */
void tr_request_settle(tr_kid *kid, troupe_err started, bool ended);

#endif
