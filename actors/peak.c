#include "actors/peak.h"

#include <troupe/observe.h>

#include "actors/find.h"
#include "actors/turn.h"

static void raise_to(troupe_self *self, uint32_t waiting) {
    uint32_t peak = tr_load32_relaxed(&self->peak);
    while (peak < waiting && !tr_cas32_seq(&self->peak, &peak, waiting))
        ;
}

void tr_task_crowded(tr_task *task) {
    raise_to(TR_OWNER(task, troupe_self, task), tr_mailbox_count(&task->box));
}

/* Another actor may have the place by now: it is not to blame. */
void tr_peak_full(troupe_self *self, uint64_t id) {
    uint32_t limit = tr_mailbox_limit(&self->task.box);
    if (tr_load64_acquire(&self->task.control) >> 32 == id >> 32) raise_to(self, limit);
}

troupe_err troupe_mailbox_peak(troupe *rt, troupe_ref who, uint32_t *peak) {
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    if (!self) return TROUPE_GONE;
    tr_task_crowded(&self->task); /* what waits at this moment counts too */
    *peak = tr_load32_relaxed(&self->peak);
    /* One that came while nothing else waited was not looked at. */
    if (!*peak && tr_load64_relaxed(&self->handled)) *peak = 1;
    return TROUPE_OK;
}
