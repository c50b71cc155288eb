#include "actors/inspect.h"

#include <stdio.h>
#include <troupe/observe.h>

#include "actors/find.h"
#include "actors/parcel.h"
#include "actors/report.h"
#include "actors/stamp.h"

_Static_assert(TROUPE_PATH_MAX + 1 == TR_PATH_ROOM, "paths are of one length");

bool tr_inspect_runs(const tr_sched *sched, const tr_task *task, const tr_worker *home) {
    const uint64_t address = (uint64_t)(uintptr_t)task;
    if (home) return tr_load64_relaxed(&home->running) == address;
    for (unsigned i = 0; i < sched->blocking.threads; i++)
        if (tr_load64_relaxed(&sched->blocking.thread[i].running) == address) return true;
    return false;
}

static const char *behaviour_of(const troupe_self *self) {
    return self->what->name ? self->what->name : "actor";
}

/* One that has not claimed its end can't do so now: it would have to take itself off `running`
 * first, under the guard (tr_turn_unwatch). */
void tr_inspect_path(const troupe_self *self, uint64_t control, char *path, size_t room) {
    if (!(control & (TR_CONTROL_ENDING | TR_CONTROL_BURY))) {
        tr_actor_path(self, path, room);
        return;
    }
    tr_lock(&self->rt->names.lock);
    snprintf(path, room, "%s", self->name ? self->name : behaviour_of(self));
    tr_unlock(&self->rt->names.lock);
}

/* The message that comes next; NULL: none, or it may not be looked at. */
static const troupe_msg *next_of(const troupe_self *self, bool may_look) {
    const tr_link *oldest = may_look ? tr_mailbox_peek(&self->task.box) : NULL;
    return oldest ? tr_parcel_look(tr_msg_of((tr_link *)(uintptr_t)oldest)) : NULL;
}

/* Under the guard of its home, which is `home`. */
static void look_at(troupe_self *self, uint64_t control, const tr_worker *home,
                    troupe_actor_info *out) {
    troupe *rt = self->rt;
    out->running = tr_inspect_runs(&rt->sched, &self->task, home);
    out->ending = control & (TR_CONTROL_ENDING | TR_CONTROL_BURY);
    const troupe_msg *next = next_of(self, home || !out->running);
    const char *doing = next && !out->running ? next->type->name : tr_actor_doing(self);
    if (next) out->oldest_ms = (int64_t)tr_stamp_since(next->flags, troupe_now(rt));
    snprintf(out->doing, sizeof out->doing, "%s", doing ? doing : "");
    snprintf(out->behaviour, sizeof out->behaviour, "%s", behaviour_of(self));
    out->top = !self->bond;
    out->supervisor = self->is_supervisor;
    out->lives = tr_load32_relaxed(&self->lives);
    tr_inspect_path(self, control, out->path, sizeof out->path);
    tr_lock(&rt->names.lock);
    if (self->name) snprintf(out->name, sizeof out->name, "%s", self->name);
    tr_unlock(&rt->names.lock);
}

/* Whether there is somebody who has a guard: not one whose `start` runs on a plain thread. */
static bool is_there(const tr_task *task, uint64_t control) {
    if (control & TR_CONTROL_VACANT) return false;
    return tr_load32_acquire(&task->home) != TR_NOWHERE || (control & TR_CONTROL_BLOCKING);
}

troupe_err troupe_inspect(troupe *rt, troupe_ref who, troupe_actor_info *out) {
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    if (!self) return TROUPE_GONE;
    uint64_t control = tr_load64_acquire(&self->task.control);
    if (control >> 32 != who.id >> 32 || !is_there(&self->task, control)) return TROUPE_GONE;
    *out = (troupe_actor_info){.who = who, .oldest_ms = -1};
    tr_hold hold = tr_route_hold(&rt->sched, &self->task);
    control = tr_load64_acquire(&self->task.control);
    bool still = control >> 32 == who.id >> 32 && is_there(&self->task, control);
    if (still) look_at(self, control, hold.home, out);
    tr_route_let_go(&rt->sched, hold);
    if (!still || troupe_mailbox(rt, who, &out->waiting, &out->limit)) return TROUPE_GONE;
    out->handled = tr_load64_relaxed(&self->handled);
    return troupe_mailbox_peak(rt, who, &out->peak);
}

size_t troupe_actors(troupe *rt, uint32_t *from, troupe_ref *out, size_t room) {
    size_t count = 0;
    uint32_t used = tr_load32_acquire(&rt->table.used);
    for (; *from < used && count < room; ++*from) {
        const tr_task *task = &tr_table_at(&rt->table, *from)->task;
        uint64_t control = tr_load64_acquire(&task->control);
        if (is_there(task, control))
            out[count++] = (troupe_ref){rt->node, (control >> 32) << 32 | *from};
    }
    return count;
}
