/* What workers with nothing to do look at themselves, rather than have a thread wait for it.
 * README.md, "Looking outside". */
#ifndef TR_ACTORS_POLLER_H
#define TR_ACTORS_POLLER_H

#include "actors/port.h"
#include "base/atomic.h"
#include "base/check.h"
#include "base/os.h"

typedef struct tr_poller {
    tr_mutex lock; /* guards `polled`, and the next two while they change */
    tr_list polled;
    tr_atomic32 count;   /* how many there are; one that is being looked at is out */
    tr_atomic32 open;    /* 1: something may be left here */
    tr_atomic32 looks;   /* so far: a hint for the watch */
    uint32_t looks_seen; /* the watch's alone */
} tr_poller;

/* Makes an empty one, which is closed. */
void tr_poller_init(tr_poller *poller);
/* Ends an empty one. */
void tr_poller_fini(tr_poller *poller);

/* From now on something may be left here. Any thread. */
void tr_poller_open(tr_poller *poller);
/* Leaves something here. False: it is closed, or there is enough. Any thread. */
TR_CHECKED bool tr_poller_put(tr_poller *poller, tr_polled *it);
/* Whether there is something to look at. Any thread; old news. */
static inline bool tr_poller_has(const tr_poller *poller) {
    return tr_load32_relaxed(&poller->count) > 0;
}
/* Looks at each once. True: something has come. Any worker that is in no callback. */
bool tr_poller_look(tr_poller *poller);
/* Gives all back, to be waited for, and nothing may be left here until it is opened. Any thread. */
void tr_poller_close(tr_poller *poller);
/* The same, if nobody has looked since the last call. The watch. */
void tr_poller_watch(tr_poller *poller);

#endif
