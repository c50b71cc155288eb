/* Where the calling thread is: in plain code, or in the callback of an actor. Whoever would have to
 * wait looks here first, since others may have to wait behind a callback. */
#ifndef TR_BASE_PLACE_H
#define TR_BASE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tr_place {
    const void *runtime; /* in a callback of which the thread is; NULL: in none */
    bool blocking;       /* that callback has the thread for itself, so that it may wait there */
} tr_place;

/* Where the calling thread is; all zero as long as nobody has said anything. */
tr_place tr_place_now(void);
/* Says where it is from now on, and returns where it was. */
tr_place tr_place_enter(tr_place place);
/* Whether it may wait: it is in plain code, or in a callback that nobody waits behind. */
bool tr_place_may_wait(void);

#endif
