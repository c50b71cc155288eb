/* Looking at the actors of a runtime while it runs, one by one: who there is, what each one does,
 * how full its mailbox is and how old what waits there. What <troupe/console.h> and the tool
 * `troupe` show of a running system comes from here. It holds up an actor's worker for some 100 ns.
 */
#ifndef TROUPE_INSPECT_H
#define TROUPE_INSPECT_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { TROUPE_PATH_MAX = 255 }; /* bytes of a path, without the NUL; what is longer is cut */

/* An actor, as it was at one moment. Texts are copies. */
typedef struct troupe_actor_info {
    troupe_ref who;
    char path[TROUPE_PATH_MAX + 1];      /* in the tree, as in reports: "shop/accounts/7" */
    char name[TROUPE_NAME_MAX + 1];      /* that is registered; "": none */
    char behaviour[TROUPE_NAME_MAX + 1]; /* its name, perhaps cut */
    /* The callback that it is in, or the type of the message; outside of one the type of the
     * message that comes next, or what it did last. */
    char doing[TROUPE_NAME_MAX + 1];
    bool top;         /* no supervisor has it */
    bool supervisor;  /* it is one */
    bool running;     /* it is in a callback */
    bool ending;      /* its life has ended, or it is being buried */
    uint32_t lives;   /* begun so far */
    uint32_t waiting; /* messages that hold places of its mailbox, ... */
    uint32_t limit;   /* ... of so many */
    uint32_t peak;    /* as `troupe_mailbox_peak` has it */
    uint64_t handled; /* messages so far, over all lives */
    /* How long the next message has waited, modulo 4.6 hours; -1: there is none, or it is a
     * blocking actor in a callback. */
    int64_t oldest_ms;
} troupe_actor_info;

/* Looks at a living actor of this runtime. Takes no memory. Any thread, callbacks included. GONE.
 */
TROUPE_CHECKED troupe_err troupe_inspect(troupe *rt, troupe_ref who, troupe_actor_info *out);

/* Lists who lives: stores up to `room` refs and returns how many those are; 0: there are no more.
 * `*from` is 0 at first, and says where the next call goes on. Who is born or ends meanwhile may be
 * missing; nobody is there twice. An actor whose `start` runs on a plain thread is not there yet.
 * Takes no memory; looks at each place that was ever in use, some 10 ms for a million. Any thread,
 * callbacks included. */
TROUPE_API size_t troupe_actors(troupe *rt, uint32_t *from, troupe_ref *out, size_t room);

#ifdef __cplusplus
}
#endif
#endif
