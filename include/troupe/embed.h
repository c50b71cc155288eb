/* A runtime inside the main loop of another program: it has no threads of its own, the loop waits
 * for its descriptor and then steps it.
 *
 *     troupe_config config = {.workers = TROUPE_STEPPED};
 *     ...troupe_open(&config, &rt), troupe_fd(rt, &fd), and wherever the loop finds `fd` readable:
 *     troupe_step(rt, 100);
 *
 * The descriptor works with poll, select, epoll, libuv, GLib, Qt and whatever else waits for
 * descriptors to be readable. */
#ifndef TROUPE_EMBED_H
#define TROUPE_EMBED_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Stores in `*fd` a descriptor that is readable while stepping is due: a message, a request or a
 * new actor waits, from whatever thread it came, or a timer's time has come. It is readable only
 * then: who waits for it is never woken for nothing, and after a `troupe_step` that returned less
 * than it might have it is not readable, unless something has come since. Wait for it
 * level-triggered, or step until `troupe_step` returns 0. It is the same one at each call; do not
 * read, write or close it: it goes with the runtime. Who never asks for it pays nothing.
 * The thread that steps. With a `config.now` timers are not heard of, since only you know when that
 * clock moves: step when you have moved it.
 * INVALID: the runtime has workers, or is in a simulation. SYSTEM: no descriptors. */
TROUPE_CHECKED troupe_err troupe_fd(troupe *rt, int *fd);

/* For a loop that would rather compute a time-out: when stepping is due, in nanoseconds by the
 * runtime's clock, or 0: now; UINT64_MAX: not before somebody sends something. UINT64_MAX also for
 * a runtime that has workers or is in a simulation. Any thread, but old news while others post. */
TROUPE_API uint64_t troupe_due(troupe *rt);

#ifdef __cplusplus
}
#endif
#endif
