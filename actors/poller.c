#include "actors/poller.h"

/* More would take longer to look at than is gained. And looks in vain, of a few microseconds each,
 * after which one is quiet and makes room for others. */
enum { MOST = 8, MISSES = 40 };

void tr_poller_init(tr_poller *poller) {
    tr_mutex_init(&poller->lock);
    tr_list_init(&poller->polled);
}

void tr_poller_fini(tr_poller *poller) {
    TR_ASSERT(tr_list_empty(&poller->polled));
    tr_mutex_fini(&poller->lock);
}

void tr_poller_open(tr_poller *poller) {
    if (tr_load32_relaxed(&poller->open)) return;
    tr_lock(&poller->lock);
    tr_store32_relaxed(&poller->open, 1);
    tr_unlock(&poller->lock);
}

/* Locked. */
static void put(tr_poller *poller, tr_polled *it) {
    tr_list_add(&poller->polled, &it->of_poller);
    tr_store32_relaxed(&poller->count, tr_load32_relaxed(&poller->count) + 1);
}

/* Locked. */
static void take(tr_poller *poller, tr_polled *it) {
    tr_list_remove(&it->of_poller);
    tr_store32_relaxed(&poller->count, tr_load32_relaxed(&poller->count) - 1);
}

/* Puts it there unless there are `most`, or it is closed. */
static bool put_among(tr_poller *poller, tr_polled *it, uint32_t most) {
    tr_lock(&poller->lock);
    bool may = tr_load32_relaxed(&poller->open) && tr_load32_relaxed(&poller->count) < most;
    if (may) put(poller, it);
    tr_unlock(&poller->lock);
    return may;
}

bool tr_poller_put(tr_poller *poller, tr_polled *it) {
    it->missed = 0;
    return put_among(poller, it, MOST);
}

/* Takes the first one out. NULL: there is none. */
static tr_polled *take_first(tr_poller *poller) {
    tr_polled *it = NULL;
    tr_lock(&poller->lock);
    if (!tr_list_empty(&poller->polled)) {
        it = TR_OWNER(poller->polled.next, tr_polled, of_poller);
        take(poller, it);
    }
    tr_unlock(&poller->lock);
    return it;
}

/* Looks at one that was taken out. True: something has come. */
static bool look_at(tr_poller *poller, tr_polled *it) {
    tr_looked looked = it->look(it);
    if (looked == TR_LOOKED_LAST) return true; /* there may be nothing left of it */
    it->missed = looked == TR_LOOKED_FOUND ? 0 : it->missed + 1;
    if (it->missed > MISSES || !put_among(poller, it, UINT32_MAX)) it->wait(it);
    return looked == TR_LOOKED_FOUND;
}

bool tr_poller_look(tr_poller *poller) {
    bool found = false;
    uint32_t left = tr_load32_relaxed(&poller->count);
    (void)tr_add32_relaxed(&poller->looks, 1);
    for (tr_polled *it; left > 0 && (it = take_first(poller)); left--)
        if (look_at(poller, it)) found = true;
    return found;
}

void tr_poller_close(tr_poller *poller) {
    tr_lock(&poller->lock);
    tr_store32_relaxed(&poller->open, 0);
    tr_unlock(&poller->lock);
    for (tr_polled *it; (it = take_first(poller));) it->wait(it);
}

void tr_poller_watch(tr_poller *poller) {
    uint32_t looks = tr_load32_relaxed(&poller->looks), before = poller->looks_seen;
    poller->looks_seen = looks;
    if (looks == before && tr_poller_has(poller)) tr_poller_close(poller);
}
