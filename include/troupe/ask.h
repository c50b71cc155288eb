/* Conversations: an actor asks another one, and goes on with its work until the answer is there.
 *
 * Each request has a deadline, and exactly one end: an answer, or an error that says why none will
 * come. Both come to the actor in a turn of its own, in one of two forms:
 *
 *     troupe_request       as a message for `receive`, where `troupe_answered` says so and gives
 *                          the tag: the answer, or a `troupe_unanswered`
 *     troupe_request_then  as a call of `then`, with the actor's state and the same tag
 *
 * The answer has its place from the request on: it is never refused for a full mailbox of who has
 * asked, holds no place of the bound, and takes no memory to arrive. What comes later than the
 * deadline, or second, is a dead letter, EXPIRED (<troupe/observe.h>). Requests end with this life
 * of the actor: nothing of them reaches its next one. They work the same over nodes, in a
 * simulation and on a stepped runtime, where the deadline is by the runtime's clock.
 *
 * Who is asked sees no difference to `troupe_ask` (<troupe/actor.h>): it answers by `troupe_reply`
 * or `troupe_answer`; or reads `troupe_sender`, and sends the answer there later; or passes the
 * duty on by `troupe_forward`. A handler that does none of the three has broken its promise:
 * whoever asked, an actor or a thread, is told at once, with BROKEN, as by CAF's response promises.
 * One that has read the address and then forgets it is found by the deadline alone. One-shot
 * addresses follow Erlang's reply aliases; the deadline follows gen_server:call. */
#ifndef TROUPE_ASK_H
#define TROUPE_ASK_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is called when a request has come to its end, as `receive` would be: by whoever runs the
 * actor, never at the same time as another callback of it. `err` OK: `*answer` is the answer, which
 * is yours as in `receive`, and `troupe_sender` who gave it. Else `*answer` is NULL, and `err` one
 * of those that `troupe_unanswered` lists. An error that it returns fails the actor. */
typedef troupe_err troupe_then(troupe_self *self, void *state, uint64_t tag, troupe_err err,
                               troupe_msg **answer);

/* The body of the message that `receive` gets when no answer will come; it has no sender. */
struct troupe_unanswered {
    uint64_t tag;
    troupe_ref who; /* that was asked */
    /* A troupe_err. TIMEOUT: the deadline has passed. STOPPED: the actor ended in good order, by OK
     * or SHUTDOWN, before it handled the request, or while it did. GONE: it ended otherwise before
     * it handled it: it was killed, say, or failed for good. FAILED: it failed on it, or its mail
     * was flushed. BROKEN: it has handled it, and will not answer. FULL: its overflow policy
     * dropped it. NOCONNECTION: its node was lost. UNKNOWN_TYPE, MALFORMED, TOOBIG, NOMEM: request
     * or answer could not be read over there, or here. */
    uint32_t why;
};
/* Its type: `const struct troupe_unanswered *none = troupe_as(*msg, &troupe_unanswered_type);` */
TROUPE_API extern const troupe_type troupe_unanswered_type;

/* Sends `*msg` to an actor, on any node, and has the answer come as a message within `timeout_ms`
 * milliseconds. `tag` is any number of yours, which comes with it; several requests may have the
 * same one. The errors of `troupe_send` (FULL, GONE, NOCONNECTION, TOOBIG), all of them at once;
 * STOPPED instead of GONE where it is known that it has ended in good order, as for `troupe_ask`;
 * and NOMEM; INVALID: no message, or no time; SELF: the actor asks itself, which is mostly a
 * mistake about who somebody is, and no answer would ever come to one that waits for it. In each
 * case the message is still yours, and nothing will come. */
TROUPE_CHECKED troupe_err troupe_request(troupe_self *self, troupe_ref to, troupe_msg **msg,
                                         unsigned timeout_ms, uint64_t tag);

/* The same, but `then` is called with what comes. INVALID also: `then` is NULL. */
TROUPE_CHECKED troupe_err troupe_request_then(troupe_self *self, troupe_ref to, troupe_msg **msg,
                                              unsigned timeout_ms, uint64_t tag, troupe_then *then);

/* Whether the message being handled is what came of a request: its answer or a `troupe_unanswered`.
 * `*tag`, which may be NULL, is the request's then. */
TROUPE_API bool troupe_answered(troupe_self *self, uint64_t *tag);

/* Ends all requests of this life that have that tag: nothing comes of them any more, also if it is
 * in the mailbox already; an answer is a dead letter, EXPIRED. Who was asked is not told. NOTFOUND:
 * there are none. */
TROUPE_API troupe_err troupe_withdraw(troupe_self *self, uint64_t tag);

/* Sends `*msg`, mostly the one being handled, to another actor, on any node, as if the sender of
 * the one being handled had sent it. If that was a request, or the ask of a thread, the duty to
 * answer goes with it: who gets it answers straight to who has asked, and whoever passed it on owes
 * nothing any more. If who has asked is of this node, it hears at once if the node is lost that its
 * question has gone to. If not, and that node is a third one, it must be connected to the first to
 * answer, and its loss is found by the deadline. The errors of `troupe_send`, and NOMEM for a
 * message of this node's own in the name of another node's; INVALID: no message, or none is being
 * handled. In each case the message, and the duty, are still yours. */
TROUPE_CHECKED troupe_err troupe_forward(troupe_self *self, troupe_ref to, troupe_msg **msg);

#ifdef __cplusplus
}
#endif
#endif
