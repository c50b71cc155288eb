#include "base/bias.h"

void tr_bias_init(tr_bias *bias) {
    tr_store32_relaxed(&bias->inside, 0);
    tr_store32_relaxed(&bias->revoked, 1);
    bias->light = tr_membarrier_ready();
    bias->lent = true;
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
    tr_unlock(&bias->mutex);
}

void tr_bias_take(tr_bias *bias) {
    tr_lock(&bias->mutex);
    if (bias->lent) return; /* `revoked` is 1 already, and the owner is outside */
    tr_store32_seq(&bias->revoked, 1);
    if (bias->light) tr_membarrier();
    /* Seq pairs with the owner's store of 1; its acquire half with the release of 0, so that what
     * the owner did inside is seen. The owner leaves within some instructions, but its core may
     * have been given to somebody else, perhaps to us. */
    while (tr_load32_seq(&bias->inside)) tr_thread_yield();
}

bool tr_bias_try_take_lent(tr_bias *bias) {
    if (!tr_trylock(&bias->mutex)) return false;
    if (bias->lent) return true;
    tr_unlock(&bias->mutex);
    return false;
}

void tr_bias_give(tr_bias *bias) {
    if (!bias->lent) tr_store32_release(&bias->revoked, 0); /* partner: the load in tr_bias_enter */
    tr_unlock(&bias->mutex);
}

void tr_bias_lend(tr_bias *bias) {
    tr_lock(&bias->mutex);
    bias->lent = true;
    tr_store32_relaxed(&bias->revoked, 1); /* only its writer, the owner, acts on it */
    tr_unlock(&bias->mutex);
}

void tr_bias_return(tr_bias *bias) {
    tr_lock(&bias->mutex);
    bias->lent = false;
    tr_store32_relaxed(&bias->revoked, 0); /* the mutex orders it */
    tr_unlock(&bias->mutex);
}
