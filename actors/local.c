#include "actors/local.h"

#include "actors/actor.h"
#include "base/heap.h"

enum { LINE = 64 }; /* bytes of a cache line */

/* The last value is of plain threads that run a `start`: they share it, so only counts go there. */
struct troupe_local {
    tr_list of_runtime;
    troupe *rt;
    size_t size, stride; /* of a value: as asked for, and from one to the next */
    size_t count;
    char *value;  /* the first */
    size_t taken; /* bytes in all */
};

void tr_locals_init(tr_locals *locals) {
    tr_mutex_init(&locals->lock);
    tr_list_init(&locals->all);
}

void tr_locals_fini(tr_locals *locals) {
    while (!tr_list_empty(&locals->all)) {
        troupe_local *local = TR_OWNER(locals->all.next, troupe_local, of_runtime);
        troupe_local_close(&local);
    }
    tr_mutex_fini(&locals->lock);
}

troupe_err troupe_local_open(troupe *rt, size_t size, troupe_local **out) {
    const size_t count = (size_t)rt->sched.room + rt->sched.blocking.most + 1;
    if (!size) return TROUPE_INVALID;
    if (size > (SIZE_MAX - sizeof(troupe_local) - LINE) / count - LINE) return TROUPE_NOMEM;
    const size_t stride = (size + LINE - 1) / LINE * LINE;
    const size_t taken = sizeof(troupe_local) + LINE + count * stride;
    troupe_local *local = tr_take_zero(rt->heap, taken);
    if (!local) return TROUPE_NOMEM;
    local->rt = rt;
    local->size = size;
    local->stride = stride;
    local->count = count;
    local->taken = taken;
    uintptr_t first = (uintptr_t)(local + 1);
    local->value = (char *)(local + 1) + (LINE - first % LINE) % LINE;
    tr_list_init(&local->of_runtime);
    tr_lock(&rt->locals.lock);
    tr_list_add(&rt->locals.all, &local->of_runtime);
    tr_unlock(&rt->locals.lock);
    *out = local;
    return TROUPE_OK;
}

void troupe_local_close(troupe_local **it) {
    troupe_local *local = *it;
    if (!local) return;
    *it = NULL;
    troupe *rt = local->rt;
    tr_lock(&rt->locals.lock);
    tr_list_remove(&local->of_runtime);
    tr_unlock(&rt->locals.lock);
    tr_give(rt->heap, local, local->taken);
}

/* Whose value it is: a worker's, else that of a thread for blocking actors, else the last one. */
static size_t index_of(const troupe_local *local) {
    const tr_sched *sched = &local->rt->sched;
    const tr_worker *worker = tr_sched_mine(sched);
    if (worker) return worker->index;
    const tr_blocker *blocker = tr_blocking_me;
    if (blocker && blocker->of == &sched->blocking)
        return sched->room + (size_t)(blocker - sched->blocking.thread);
    return local->count - 1;
}

static void *value_at(const troupe_local *local, size_t index) {
    return local->value + index * local->stride;
}

void *troupe_local_mine(troupe_self *self, troupe_local *local) {
    const size_t index = index_of(local);
    return self->rt == local->rt && index < local->count - 1 ? value_at(local, index) : NULL;
}

void *troupe_local_next(troupe_local *local, const void *value) {
    size_t index = value ? (size_t)((const char *)value - local->value) / local->stride + 1 : 0;
    return index < local->count ? value_at(local, index) : NULL;
}

/* Whether there is an nth number. */
static bool fits(const troupe_local *local, size_t nth) {
    TR_ASSERT(nth < local->size / sizeof(uint64_t));
    return nth < local->size / sizeof(uint64_t);
}

void troupe_local_add(troupe_self *self, troupe_local *local, size_t nth, uint64_t n) {
    if (!fits(local, nth)) return;
    void *mine = troupe_local_mine(self, local);
    tr_atomic64 *number = (tr_atomic64 *)(mine ? mine : value_at(local, local->count - 1)) + nth;
    if (mine)
        tr_store64_relaxed(number, tr_load64_relaxed(number) + n);
    else
        (void)tr_add64_relaxed(number, n);
}

uint64_t troupe_local_sum(troupe_local *local, size_t nth) {
    uint64_t sum = 0;
    if (!fits(local, nth)) return 0;
    for (size_t i = 0; i < local->count; i++)
        sum += tr_load64_relaxed((tr_atomic64 *)value_at(local, i) + nth);
    return sum;
}
