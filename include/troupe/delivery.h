/* How a message is delivered, if not as any other: it is urgent, or only of use for a while, or its
 * sender wants to hear that it has arrived.
 *
 *     troupe_send_with(self, to, &msg, &(troupe_delivery){.urgent = true});
 *     troupe_send_with(self, to, &msg, &(troupe_delivery){.within_ms = 50});
 *     troupe_send_with(self, to, &msg, &(troupe_delivery){.promise = TROUPE_REDELIVERED});
 *
 * An *urgent* message goes before all other mail of its receiver, behind those urgent ones that
 * came before it, and behind what is being handled. As with OTP's priority messages (EEP 76) the
 * receiver must have consented, here by `behaviour.takes_urgent`, since it overtakes what the same
 * sender has sent before: who relies on that order must not be surprised. To any other actor it is
 * a message like all others. It holds a place of the bound, and a full mailbox refuses it too; one
 * that drops its oldest drops none that is urgent. It costs its receiver a walk along its mail. Who
 * sends urgent ones without end has all others wait: there is one bound for both.
 *
 * A message with a *deadline* that has passed when its turn comes is not handled: it is a dead
 * letter with the reason OVERDUE (<troupe/observe.h>), and whoever asked hears TIMEOUT. So an actor
 * that is late does not do what nobody wants any more. Nobody looks at it before its turn comes:
 * until then it holds its place. What was received in time, and is set aside (<troupe/stash.h>) or
 * tried again, has no deadline any more. Times are those of the receiver's runtime.
 *
 * Both hold for an actor of another node, too. An *urgent* message takes credit there as any other.
 * It overtakes nothing on the way; once it has come, it goes before all other mail, and past what
 * waits there for room in a full mailbox, unless it has a promise, which is kept in the order sent.
 * A *deadline* travels as the time that is left, since clocks differ: the other node counts it from
 * the moment at which the message has come, a large one its beginning, and nothing is taken off for
 * the way. So it is not handled later than `within_ms` and the time on the way after it was sent,
 * and is never late before `within_ms`; but from 35 minutes on, times are cut to units of 2048 ms.
 * What is REDELIVERED is sent again with what is left of its time. If nothing is, it is a dead
 * letter of its sender's node, OVERDUE, and told as TIMEOUT.
 *
 * To one who asks, and to a node of a version that does not know of it, the message goes as by
 * `troupe_send`; so does an urgent one to an actor that does not consent. To a child elsewhere
 * (<troupe/far_child.h>) both hold as far as to its keeper, which takes nothing urgent. */
#ifndef TROUPE_DELIVERY_H
#define TROUPE_DELIVERY_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is promised of a message beyond that it is sent. */
typedef enum troupe_promise {
    TROUPE_AT_MOST_ONCE, /* nothing: if a node is lost on the way, it may not have arrived */
    TROUPE_ACKNOWLEDGED, /* its sender hears when it is in the mailbox, or why that is not known */
    TROUPE_REDELIVERED   /* it is sent again until that is so, and is there once */
} troupe_promise;

/* All zero: as any other, as is a NULL in its place. */
typedef struct troupe_delivery {
    bool urgent;        /* before all other mail, if its receiver takes such */
    unsigned within_ms; /* not later than that from now; 0: whenever it is its turn */
    troupe_promise promise;
    uint64_t tag; /* for the `troupe_delivered` that comes of a promise: the sender's own */
} troupe_delivery;

/* What became of a message with a promise: an actor that has sent one gets exactly one such
 * message, without a sender, in a place that was made for it when it sent: so it always comes. It
 * ends with the actor, not with its life: that of an earlier life comes too.
 *
 * OK: it is in the mailbox of its receiver (as by `troupe_send`; not that it was handled, which
 * only an answer tells: see Saltzer, Reed and Clark, "End-to-end arguments in system design").
 * GONE: the receiver has ended before. UNKNOWN_TYPE, MALFORMED: its node could not read it, where
 * it is a dead letter. TIMEOUT: its deadline had passed before it could be sent again.
 * NOCONNECTION: the node was lost before it has said so: it was handled, or it was not. Such a
 * message is a dead letter of its sender's node, with the reason NODE_LOST, its type, its sender
 * and its receiver, and can be handed back there (`troupe_config.dead_letter`).
 *
 * ACKNOWLEDGED ends so with the connection. REDELIVERED does not: the message waits, and is sent
 * again as soon as the two nodes are connected again (`troupe_keep_connected`), however often. The
 * receiving node remembers for each of its actors which one of the sending node was the last to
 * come in, and drops what comes twice: so it is in the mailbox once, and those of one sender to one
 * receiver are there in the order sent. That holds between two incarnations, as OTP's `alias` and
 * `pg` do not attempt, and TCP does for a connection: a receiver that was started again is another
 * (NOCONNECTION, as soon as a node of that name is connected; or at the end of the sending
 * runtime), and so is a sender. What was sent in another mode goes past one that waits to be sent
 * again.
 *
 * While the nodes are not connected a REDELIVERED message is taken all the same, if its receiver's
 * node was connected before and an earlier one of these for that actor is not acknowledged yet;
 * else it is NOCONNECTION. Of those for one actor that are not acknowledged there are 1024 at most,
 * and 8 MiB and one more: then it is FULL. So no receiver can make a sender's memory grow. */
struct troupe_delivered {
    uint64_t tag;
    troupe_ref to; /* its receiver */
    uint32_t why;  /* a troupe_err */
};
/* Its type. */
TROUPE_API extern const troupe_type troupe_delivered_type;
/* What is so delivered takes the place of nothing that waits, and nothing takes its place, where
 * the `overflow` is TROUPE_COALESCE: to a full mailbox it is FULL. */

/* `troupe_send`, so delivered. The errors of `troupe_send`; NOMEM, for any actor: there is no
 * memory for an envelope, which such a message is put into. In each case it is still yours. */
TROUPE_CHECKED troupe_err troupe_send_with(troupe_self *self, troupe_ref to, troupe_msg **msg,
                                           const troupe_delivery *how);

/* `troupe_post`, so delivered: from a plain thread. The errors of `troupe_post`, and NOMEM. Nobody
 * is told what becomes of a promise; REDELIVERED holds all the same. */
TROUPE_CHECKED troupe_err troupe_post_with(troupe *rt, troupe_ref to, troupe_msg **msg,
                                           const troupe_delivery *how);

/* `troupe_post`, so delivered, that waits until its promise has come to an end; without one it is
 * ACKNOWLEDGED. A plain thread only. OK, GONE, UNKNOWN_TYPE, MALFORMED, NOCONNECTION: as by
 * `troupe_delivered`. TIMEOUT: the same; or nothing is known after `timeout_ms`, and the promise
 * goes on. If it was
 * not taken (FULL, TOOBIG, NOMEM, QUIESCED; GONE and NOCONNECTION at once; INVALID: no message, or
 * it is called from a callback), the message is still yours; else `*msg` is NULL. */
TROUPE_CHECKED troupe_err troupe_deliver(troupe *rt, troupe_ref to, troupe_msg **msg,
                                         const troupe_delivery *how, unsigned timeout_ms);

/* `troupe_ask`, so delivered; a promise is not looked at, as the answer says more.
 * `how->within_ms` is for the request: `timeout_ms`, which may be longer, is for its answer. A
 * plain thread only. The errors of `troupe_ask`; TIMEOUT also as soon as the request turns out to
 * be late. */
TROUPE_CHECKED troupe_err troupe_ask_with(troupe *rt, troupe_ref to, troupe_msg **msg,
                                          const troupe_delivery *how, unsigned timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
