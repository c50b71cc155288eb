#include "base/bias.h"

void tr_bias_init(tr_bias *bias) {
    tr_store32_relaxed(&bias->inside, 0);
    tr_store32_relaxed(&bias->revoked, 1);
    bias->light = tr_membarrier_ready();
    tr_mutex_init(&bias->mutex);
}

void tr_bias_fini(tr_bias *bias) {
    tr_mutex_fini(&bias->mutex);
}

void tr_bias_enter_heavy(tr_bias *bias) {
    tr_store32_release(&bias->inside, 0); /* a thief may be waiting for this */
    tr_lock(&bias->mutex);
}

void tr_bias_leave_heavy(tr_bias *bias) {
    tr_store32_relaxed(&bias->revoked, 0); /* for itself, and by the mutex for thieves */
    tr_unlock(&bias->mutex);
}

void tr_bias_take(tr_bias *bias) {
    tr_lock(&bias->mutex);
    if (tr_load32_relaxed(&bias->revoked)) return; /* the owner has been outside since */
    tr_store32_seq(&bias->revoked, 1);
    if (bias->light) tr_membarrier();
    /* Seq pairs with the owner's store of 1; its acquire half with the release of 0, so that what
     * the owner did inside is seen. The owner leaves within some instructions, but its core may
     * have been given to somebody else, perhaps to us. */
    while (tr_load32_seq(&bias->inside)) tr_thread_yield();
}

bool tr_bias_try_take(tr_bias *bias) {
    if (!tr_trylock(&bias->mutex)) return false;
    if (tr_load32_relaxed(&bias->revoked)) return true;
    tr_unlock(&bias->mutex);
    return false;
}

void tr_bias_give(tr_bias *bias) {
    tr_unlock(&bias->mutex);
}

void tr_bias_lend(tr_bias *bias) {
    tr_lock(&bias->mutex);
    tr_store32_relaxed(&bias->revoked, 1);
    tr_unlock(&bias->mutex);
}

void tr_bias_return(tr_bias *bias) {
    tr_lock(&bias->mutex);
    tr_store32_relaxed(&bias->revoked, 0);
    tr_unlock(&bias->mutex);
}
