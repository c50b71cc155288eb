/* Links and exit signals: actors that end together, or hear of each other's end.
 *
 * When a linked actor ends, or one of its lives, its peer gets an exit signal with the same reason,
 * behind all that the actor has sent to it, and once its name is free and what it held is released.
 * What an exit signal does is decided when the receiver comes to it in its mail:
 *
 *     reason           receiver does not trap exits        receiver traps exits
 *     OK               nothing; sent to oneself: an end    a `troupe_exit` message
 *     KILL, sent       an end at once, ahead of all mail, with the reason KILLED, for both
 *     any other        an end with that reason             a `troupe_exit` message
 *
 * and the end of the receiver goes on along its own links. Supervisors always trap exits: of their
 * children they hear otherwise, and the end of a stranger does not hurt them. Links, like monitors,
 * are of one life: they end with it, and exit signals for it do not reach the next life.
 *
 * The exit signal of a link never fails, is never refused for a full mailbox, takes no place of its
 * bound and no memory when it is sent: its place is made with the link. */
#ifndef TROUPE_LINK_H
#define TROUPE_LINK_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The body of the message that an exit signal becomes for an actor that traps exits. */
struct troupe_exit {
    troupe_ref who; /* who ended, or sent the signal */
    uint32_t why;   /* a troupe_err; GONE: it was no more when the link was made */
    bool link;      /* by a link; else by troupe_exit_signal */
};
/* Its type: `const struct troupe_exit *ended = troupe_as(*msg, &troupe_exit_type);` */
TROUPE_API extern const troupe_type troupe_exit_type;

/* Links the running actor and `who`, on any node, both ways. One link a pair, however often it is
 * made; to oneself it is none. Its memory is taken here. To link with one that has ended gives an
 * exit signal with GONE, and with one of a node that is not connected NOCONNECTION, as does the
 * loss of its node. To link again while an unlink by the other side is on its way from another node
 * makes no other link: that one ends (as OTP). INVALID: `who` is nobody. NOMEM; without memory on
 * the other node an exit signal says so. */
TROUPE_CHECKED troupe_err troupe_link(troupe_self *self, troupe_ref who);

/* Ends the link with `who`, whichever side has made it. Nothing of it comes any more: an exit
 * signal of it that waits in this actor's mail is void. NOTFOUND: there is none, which does no
 * harm. */
TROUPE_API troupe_err troupe_unlink(troupe_self *self, troupe_ref who);

/* Starts an actor that is linked with the running one before its `start` runs, so that whatever it
 * does, its end is told with the real reason. If `start` fails, the error that comes back is that
 * reason, and no exit signal follows. The errors of `troupe_spawn`. */
TROUPE_CHECKED troupe_err troupe_spawn_link(troupe_self *self, const troupe_behaviour *what,
                                            const void *arg, troupe_ref *out);

/* The same with a monitor, whose number is stored in `*monitor`. */
TROUPE_CHECKED troupe_err troupe_spawn_monitor(troupe_self *self, const troupe_behaviour *what,
                                               const void *arg, troupe_ref *out,
                                               uint64_t *monitor);

/* From here on exit signals are messages for the running actor, or are not. Every life begins
 * without. Does nothing to a supervisor. */
TROUPE_API void troupe_trap_exits(troupe_self *self, bool trap);

/* Sends an exit signal, in line behind what this actor has sent to `to`; TROUPE_KILL ends it at
 * once, and can't be trapped. To one that has ended, nothing happens. It is for the life that `to`
 * is in: if that ends before, the next one does not get it. It takes no place of the mailbox's
 * bound, but of such signals no more may wait than messages. To an actor of another node it goes as
 * a message does, by its credit and into a place of the bound; but TROUPE_KILL waits for neither,
 * and overtakes what waits there. By OTP's rules.
 * INVALID: `to` is nobody. NOMEM. FULL: too many wait; or, for another node, its credit is used up.
 * NOCONNECTION: its node is not connected. In each case nothing was sent. */
TROUPE_CHECKED troupe_err troupe_exit_signal(troupe_self *self, troupe_ref to, troupe_err why);

#ifdef __cplusplus
}
#endif
#endif
