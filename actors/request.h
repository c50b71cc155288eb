/* Requests: asks of actors. README.md, "Requests". */
#ifndef TR_ACTORS_REQUEST_H
#define TR_ACTORS_REQUEST_H

#include <troupe/ask.h>

#include "actors/ask.h"
#include "actors/gather.h"
#include "base/list.h"

/* What a request has put into its actor's mailbox; nobody's `receive` sees it. */
extern const troupe_type tr_request_type;

/* What came of a request. */
typedef struct tr_answered {
    troupe_msg *msg; /* that the actor is to handle; NULL: none, since `then` hears of an error */
    troupe_err why;
    uint64_t tag;
    troupe_then *then; /* NULL: it is for `receive` */
} tr_answered;

/* --- For ask.c. Under the asks' lock: what is sent when an actor's asker is settled, --- */
tr_link *tr_request_link(tr_asker *asker);
/* and an answer gets its sender. */
void tr_request_sign(const troupe *rt, troupe_msg *answer, troupe_ref from);
/* Without the lock: sends all that is in there. */
void tr_requests_send(troupe *rt, tr_fifo *settled);

/* Ends all requests of a life; what they have put into mailboxes is void. */
void tr_requests_forget(tr_asks *asks, uint64_t actor);

/* What a request has put into an actor's mailbox has come out of it. False: it is void. By whoever
 * runs the actor. */
bool tr_request_arrived(troupe_self *self, troupe_msg *envelope, tr_answered *out);

/* The same, but nobody will handle it: only an answer is left of it, or nothing. Does nothing to
 * any other message. */
void tr_request_unwrap(troupe *rt, troupe_msg **msg);

/* `troupe_request_then` for a part of many (gather.h), which is left when the request has ended
 * unheard. `then` takes it over, by the next call. */
TR_CHECKED troupe_err tr_request_ask_part(troupe_self *self, troupe_ref to, troupe_msg **msg,
                                          unsigned ms, uint64_t tag, troupe_then *then,
                                          tr_part *part);
/* `troupe_request` of somebody who is found when it is sent. */
TR_CHECKED troupe_err tr_request_ask_way(troupe_self *self, tr_ask_by by, troupe_msg **msg,
                                         unsigned ms, uint64_t tag);
/* In `then`: the part that it is about, which the caller has to leave. NULL: the actor was given up
 * meanwhile. */
tr_part *tr_request_part(troupe_self *self);
/* Ends all requests of those many. */
void tr_requests_cancel(troupe_self *self, const struct tr_gather *many);

#endif
