/* Room: who was told FULL hears when it is worth trying again, without asking again and again. */
#ifndef TROUPE_ROOM_H
#define TROUPE_ROOM_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The body of the message that says so; its sender is `who`. */
struct troupe_room {
    troupe_ref who; /* whose mailbox it is about */
    /* A troupe_err. OK: there is room. GONE: it has ended. NOCONNECTION: its node was lost. */
    uint32_t why;
};
/* Its type: `const struct troupe_room *room = troupe_as(*msg, &troupe_room_type);` */
TROUPE_API extern const troupe_type troupe_room_type;

/* After a FULL: one `troupe_room` message comes once the mailbox of `to` is half empty, or, on
 * another node, once that has granted new credit; at once, if there is room by now. It means "try
 * again": others may be quicker, and then one asks again. It holds no place of the mailbox of who
 * has asked, and its memory is taken here, so it always comes. While it has not come, another call
 * about the same actor does nothing. It ends with this life of the calling actor. GONE,
 * NOCONNECTION: nothing will come. NOMEM. */
TROUPE_CHECKED troupe_err troupe_notify_room(troupe_self *self, troupe_ref to);

/* `troupe_post` that waits for room, up to `timeout_ms` milliseconds, asleep. The bound holds: who
 * waits has no place yet, and who comes while others wait may be quicker than they. A plain thread,
 * or the callback of a `blocking` actor, whose other mail waits meanwhile. The message has no
 * sender. The wait is on record (<troupe/observe.h>).
 * TIMEOUT: the mailbox was full all the time. The other errors of `troupe_post` at once, also if
 * the actor ends, or its node is lost, meanwhile. NOMEM, also for an actor of this runtime.
 * DEADLOCK, only by a blocking actor: `to` waits for it in turn, were it by way of others, and
 * `config.break_deadlocks` is set. CLOSED, the same: the runtime is closing and waits no longer.
 * INVALID: no message, or it is called from any other callback. In each case the message is still
 * yours. On a stepped runtime the call steps it, and TIMEOUT comes as soon as nothing is left to
 * run. */
TROUPE_CHECKED troupe_err troupe_post_wait(troupe *rt, troupe_ref to, troupe_msg **msg,
                                           unsigned timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
