/* What an actor does about a message now, and what later: messages that it sets aside, and another
 * `receive` for what comes next. After Akka's stash and `become`, and the postponing of OTP's
 * gen_statem; <troupe/machine.h> puts both together.
 *
 *     if (s->busy) return troupe_stash(self, msg);
 *     ...
 *     s->busy = false;
 *     (void)troupe_unstash_all(self);
 *
 * A message that is set aside is accepted and not handled: it holds its place of the mailbox's
 * bound (`troupe_mailbox` and the account count it as before), whoever asked waits on, and a drain
 * (<troupe/shutdown.h>) is not done. So what is set aside is bounded twice, and a sender is told
 * FULL rather than an actor grow; Akka's stash and gen_statem's queue of postponed events, which
 * hold nobody back, are how theirs run out of memory. The price: an actor that sets aside all that
 * it may hears only what holds no place (its own timers, `down`s). Unless its behaviour says
 * otherwise one place is left for others, so that who has it go on gets in.
 *
 * When a life ends, mail that is set aside is unread mail as all other, and older than what is in
 * the mailbox: it is kept for the next life, or flushed if the child says so; of an actor that ends
 * for good it is dead letters with the reason STOPPED, as is then, in each case, what holds no
 * place, since it was meant for that life. If an actor fails in the callback in which it set a
 * message aside, that is the message that it failed on, and is in no stash. A kill changes nothing
 * of that. No overflow policy drops what is set aside. */
#ifndef TROUPE_STASH_H
#define TROUPE_STASH_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The `receive` of a behaviour. */
typedef troupe_err (*troupe_receive)(troupe_self *self, void *state, troupe_msg **msg);

/* Sets the message in hand aside, so that it is not handled now, and comes again after
 * `troupe_unstash_all`; it may be set aside again then. The running actor, in its `receive`, once
 * for each message. If it was replied to before, nobody waits for it any more. What a timer or a
 * monitor has sent may be set aside too, and comes again also if that was cancelled since: it was
 * received. Each message that is set aside has the actor give way, as one to itself does.
 * In each case the message is still yours: FULL: `behaviour.stash_limit` of them are set aside.
 * NOMEM, the first time only. INVALID: there is no message, it is not the one in hand, or that was
 * set aside already. */
TROUPE_CHECKED troupe_err troupe_stash(troupe_self *self, troupe_msg **msg);

/* Has all that this actor has set aside come again, in the order in which it came first, before
 * all other mail but what is urgent (<troupe/delivery.h>), once this callback has returned. What is
 * set aside later in it waits for the next time. Returns how many they are. The running actor. */
TROUPE_API uint32_t troupe_unstash_all(troupe_self *self);

/* How many messages this actor has set aside. The running actor. */
TROUPE_API uint32_t troupe_stashed(troupe_self *self);

/* From the next message on `receive` handles what comes to this actor, until it says otherwise or
 * its life ends: the next one begins with the `receive` of its behaviour. NULL: that is back at
 * once. All else of the behaviour stays as it is, `deadline_ms` and `fatal` included. The running
 * actor, also in its `start`. NOMEM, the first time only: nothing has changed. */
TROUPE_CHECKED troupe_err troupe_become(troupe_self *self, troupe_receive receive);

#ifdef __cplusplus
}
#endif
#endif
