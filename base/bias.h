/* A lock that is biased to one thread. Its owner enters and leaves by plain stores and loads; any
 * other thread may take it too, at the price of a `tr_membarrier`. It guards the private structures
 * of a worker: nearly all accesses are the worker's own, a thief comes rarely.
 *
 * The handshake (Dekker's, made asymmetric): the owner writes `inside`, then reads `revoked`; a
 * thief, who holds `mutex`, writes `revoked`, passes the barrier, then reads `inside`. One of them
 * sees the other: either the owner turns back to the mutex, or the thief waits until it has left.
 * The light way stays closed until the owner has come by the heavy one: so thieves pay for the
 * barrier once, however often they come in the meantime. base/README.md has the argument for each
 * order. */
#ifndef TR_BASE_BIAS_H
#define TR_BASE_BIAS_H

#include <stdbool.h>

#include "base/atomic.h"
#include "base/os.h"

typedef struct tr_bias {
    tr_atomic32 inside;  /* 1: the owner is inside by the light way; written by the owner */
    tr_atomic32 revoked; /* 1: the light way is closed, and the owner not on it; under `mutex` */
    bool light;          /* constant: there is a membarrier, the owner needs no full fence */
    tr_mutex mutex;      /* held by whoever is inside by the heavy way */
} tr_bias;

/* Makes a lock, lent out: its owner must call `tr_bias_return` before it enters. */
void tr_bias_init(tr_bias *bias);
/* Ends a lock that nobody is inside. */
void tr_bias_fini(tr_bias *bias);

/* The owner's way in when the light one is closed. */
void tr_bias_enter_heavy(tr_bias *bias);
/* And out again, which opens the light one. */
void tr_bias_leave_heavy(tr_bias *bias);

/* Owner: enters. Not recursive. Returns whether by the light way, which `tr_bias_leave` wants to
 * know. */
static inline bool tr_bias_enter(tr_bias *bias) {
    if (bias->light) {
        tr_store32_relaxed(&bias->inside, 1);
        tr_fence_compiler(); /* partner: the membarrier in tr_bias_take */
    } else {
        tr_store32_seq(&bias->inside, 1);
    }
    /* Seq is a plain load here on the machines we know. */
    if (__builtin_expect(!tr_load32_seq(&bias->revoked), 1)) return true;
    tr_bias_enter_heavy(bias);
    return false;
}

/* Owner: leaves. */
static inline void tr_bias_leave(tr_bias *bias, bool lightly) {
    if (__builtin_expect(lightly, 1))
        tr_store32_release(&bias->inside, 0); /* partner: the acquire in tr_bias_take */
    else
        tr_bias_leave_heavy(bias);
}

/* Any thread but the owner: enters, and waits for the owner to be outside, which never waits for
 * anything while inside. */
void tr_bias_take(tr_bias *bias);
/* The same only if the light way is closed and nobody is inside: costs one uncontended mutex.
 * False: not entered. */
bool tr_bias_try_take(tr_bias *bias);
/* Leaves; the light way stays closed. */
void tr_bias_give(tr_bias *bias);

/* Owner: says that it goes away (to sleep) and will not enter: until it returns, others take the
 * lock without waiting for it. */
void tr_bias_lend(tr_bias *bias);
/* Owner: is back. */
void tr_bias_return(tr_bias *bias);

#endif
