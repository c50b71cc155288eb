/* Waiting for the end of an actor: for plain threads what monitors are for actors. It is what Rust
 * has as `JoinHandle`: the reason of the end comes back, and the message that the actor leaves.
 *
 *     troupe_handle handle;
 *     troupe_err why;
 *     troupe_msg *result;
 *     if (troupe_spawn_handle(rt, &counter, &file, &handle) ||
 *         troupe_join_handle(rt, &handle, 5000, &why, &result)) ... */
#ifndef TROUPE_JOIN_H
#define TROUPE_JOIN_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An actor whose end is kept until somebody wants to know it. A value; one thread at a time joins
 * or drops it. All zero: none. */
typedef struct troupe_handle {
    troupe_ref who;    /* the actor */
    troupe_ref keeper; /* who knows how it ended */
} troupe_handle;

/* Ends the running actor once this callback has returned, as `troupe_exit(self, TROUPE_OK)` does,
 * and leaves `*msg`, of any type, to who joins it. If several do, one of them gets it, first of all
 * who has a handle; if nobody does, it is dropped when the life has ended. In `stop` it leaves the
 * message, and the reason of the end stays what it is. INVALID: no message, or this life is ending
 * already, or leaves one. NOMEM. In each case the message is still yours, and the life goes on. */
TROUPE_CHECKED troupe_err troupe_exit_with(troupe_self *self, troupe_msg **msg);

/* Waits until an actor, or the life that it is in, has ended; `*why` is how, a reason as in a
 * `down`. `*result` is the message that it left, which is yours, or NULL: it left none, another one
 * has got it, or it lives on another node. Both may be NULL: not wanted. A supervised actor that
 * fails and is restarted has ended, as for its monitors. A plain thread, or the callback of a
 * `blocking` actor; others may join the same actor at the same time.
 * GONE: it had ended before, and nothing is known of how. Who must know has a handle.
 * TIMEOUT: it had not ended within `timeout_ms`; the runtime has forgotten this call, but an end
 * that comes at the very deadline may take its result with it. On a stepped runtime the call steps
 * it, and TIMEOUT comes as soon as nothing is left to run. INVALID: called from any other callback
 * of this runtime, on whatever thread: a worker that waits for a worker may wait for itself.
 * DEADLOCK: as of `troupe_ask`.
 * NOCONNECTION: its node is not connected, or was lost meanwhile. CLOSED: the runtime is closing.
 * NOMEM. */
TROUPE_CHECKED troupe_err troupe_join(troupe *rt, troupe_ref who, unsigned timeout_ms,
                                      troupe_err *why, troupe_msg **result);

/* Starts an actor as `troupe_spawn` does, and a handle to it, by which reason and result can be had
 * whenever it ends, were it in its `start`. Each handle is to be joined or dropped, or holds a
 * small actor until the runtime is closed. The errors of `troupe_spawn`: then there is no handle.
 */
TROUPE_CHECKED troupe_err troupe_spawn_handle(troupe *rt, const troupe_behaviour *what,
                                              const void *arg, troupe_handle *out);

/* Waits for the end of the actor of a handle, as `troupe_join` does; when it returns OK the handle
 * is used up, and all zero. TIMEOUT: it has not ended; nothing is lost, and you may join again.
 * INVALID and NOMEM, as above. GONE: the handle was used up, or the runtime is closing. */
TROUPE_CHECKED troupe_err troupe_join_handle(troupe *rt, troupe_handle *handle, unsigned timeout_ms,
                                             troupe_err *why, troupe_msg **result);

/* Gives a handle up and makes it all zero: the actor goes on, and what it leaves is dropped. Does
 * nothing to one that is all zero. Any thread. */
TROUPE_API void troupe_drop_handle(troupe *rt, troupe_handle *handle);

#ifdef __cplusplus
}
#endif
#endif
