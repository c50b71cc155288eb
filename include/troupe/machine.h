/* State machines, as OTP's gen_statem: an actor that is in one state at a time, each with a
 * `receive` of its own. What a state is not about is set aside (<troupe/stash.h>), and comes again
 * in the next one.
 *
 *     static const troupe_state locked = {"locked", .receive = in_locked};
 *     static const troupe_state open = {"open", .enter = on_open, .receive = in_open};
 *
 *     static troupe_err in_locked(troupe_self *self, void *data, troupe_msg **msg) {
 *         if (!troupe_as(*msg, &code_type)) return troupe_stash(self, msg);
 *         return troupe_transition(self, &open);
 *     }
 *
 * The first transition, in `start` as a rule, is how an actor becomes a machine; with its life it
 * ends to be one. The behaviour's own `receive` handles what comes before that. */
#ifndef TROUPE_MACHINE_H
#define TROUPE_MACHINE_H

#include <troupe/stash.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A state. Keep it `static const`: it is known by its address. */
typedef struct troupe_state {
    const char *name; /* for who asks */
    /* Runs each time that the state is entered, before any message. It may not make a transition.
     * An error is what `troupe_transition` returns. Optional. */
    troupe_err (*enter)(troupe_self *self, void *state);
    troupe_receive receive; /* handles what comes in this state */
} troupe_state;

/* Enters another state, in this order: from the next message on its `receive` handles what comes;
 * the time-out of the state that is left delivers nothing any more; what was set aside, the message
 * in hand with it if that was set aside before, comes again first; its `enter` runs. To enter the
 * state that the actor is in changes nothing, and is OK. The running actor, also in its `start`.
 * Returns what `enter` does: a callback that returns that in turn fails the actor then, so
 * `return troupe_transition(self, &open);`. NOMEM, the first time only; INVALID: no state, or one
 * without `receive`, or in an `enter`: nothing has changed. */
TROUPE_CHECKED troupe_err troupe_transition(troupe_self *self, const troupe_state *to);

/* The state that this actor is in; NULL: none. The running actor. */
TROUPE_API const troupe_state *troupe_state_of(troupe_self *self);

/* Has `*msg` come to this actor once, after `ms` milliseconds, unless it has entered another state
 * by then; also if it is in the mailbox already. It takes the place of the one that was set in this
 * state before. What comes meanwhile does not put it off. A message that was received, and set
 * aside, does come again. The running actor, `enter` included. In both cases the message is still
 * yours, and what was set goes on: NOMEM; INVALID: no message, or the actor is in no state. */
TROUPE_CHECKED troupe_err troupe_state_timeout(troupe_self *self, unsigned ms, troupe_msg **msg);

/* Ends it. NOTFOUND: it is not set in this state, or has been received. The running actor. */
TROUPE_API troupe_err troupe_end_state_timeout(troupe_self *self);

#ifdef __cplusplus
}
#endif
#endif
