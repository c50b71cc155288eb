#include "actors/straggler.h"

#include <stdio.h>
#include <string.h>

#include "actors/find.h"
#include "actors/habit.h"
#include "actors/inspect.h"
#include "actors/parcel.h"
#include "actors/report.h"

enum { NAMED_MOST = 32 };

/* What was seen of one, under the guard of its home. */
typedef struct tr_seen {
    char path[TR_PATH_ROOM];
    const char *behaviour, *doing;
    troupe_ref who;
    uint32_t mail, limit;
    bool inside; /* it is in a callback */
} tr_seen;

/* Whether it was to stop, and has not claimed its end. Supervisors wait for others. */
static bool stays(const troupe_self *self, uint64_t control, bool inside) {
    const char *doing = tr_actor_doing(self);
    bool asked = control & (TR_CONTROL_STOP | TR_CONTROL_KILL | TR_CONTROL_STAYS);
    if (self->is_supervisor || (control & TR_CONTROL_ENDING)) return false;
    return asked || (inside && (!strcmp(doing, "stopping") || !strcmp(doing, "stop")));
}

static bool lags(const troupe_self *self, tr_lag lag, uint64_t control, const tr_seen *seen) {
    if (lag == TR_LAG_MAIL) return seen->mail || seen->inside;
    return lag == TR_LAG_CALL ? seen->inside : stays(self, control, seen->inside);
}

/* Under the guard of its home, which is `home`. */
static bool look_at(troupe_self *self, tr_lag lag, const tr_worker *home, tr_seen *seen) {
    tr_task *task = &self->task;
    uint64_t control = tr_load64_acquire(&task->control);
    seen->inside = tr_inspect_runs(&self->rt->sched, task, home);
    bool abandoned = control & TR_CONTROL_VACANT;
    if (abandoned && (lag != TR_LAG_CALL || !seen->inside)) return false;
    bool closed = abandoned || (seen->inside && !home);
    const tr_link *oldest = closed ? NULL : tr_mailbox_peek(&task->box);
    seen->behaviour = self->what->name ? self->what->name : "actor";
    seen->who = tr_actor_ref(self);
    seen->mail = closed ? 0 : (uint32_t)tr_mailbox_length(&task->box) + tr_habit_stashed(self);
    seen->limit = tr_mailbox_limit(&task->box);
    seen->doing = tr_actor_doing(self);
    if (!seen->inside && oldest)
        seen->doing = tr_parcel_look(tr_msg_of((tr_link *)(uintptr_t)oldest))->type->name;
    if (!lags(self, lag, control, seen)) return false;
    tr_inspect_path(self, control, seen->path, sizeof seen->path);
    return true;
}

/* Looks at the actor in a place. True: it lags. */
static bool look(troupe *rt, troupe_self *self, tr_lag lag, tr_seen *seen) {
    tr_task *task = &self->task;
    uint64_t control = tr_load64_acquire(&task->control);
    bool there = !(control & TR_CONTROL_VACANT) || (control & TR_CONTROL_ABANDONED);
    bool starts = tr_load32_acquire(&task->home) == TR_NOWHERE; /* on a plain thread */
    if (!there || (starts && !(control & TR_CONTROL_BLOCKING))) return false;
    tr_hold hold = tr_route_hold(&rt->sched, task);
    bool still = tr_load64_acquire(&task->control) >> 32 == control >> 32;
    bool found = still && look_at(self, lag, hold.home, seen);
    tr_route_let_go(&rt->sched, hold);
    return found;
}

/* --- Telling ---------------------------------------------------------------------------------- */

static const char *const next_of[] = {
    [TR_LAG_MAIL] = "it is stopped; what it has not read then is dead letters",
    [TR_LAG_STOP] = "it is killed",
    [TR_LAG_CALL] = "the runtime's memory and threads are left to it",
};

static void tell(troupe *rt, tr_lag lag, const tr_seen *seen, uint64_t for_ms) {
    troupe_report report = tr_report_blank(TROUPE_REPORT_STRAGGLER, TROUPE_WARN);
    unsigned long long ms = for_ms;
    report.path = seen->path;
    report.behaviour = seen->behaviour;
    report.who = seen->who;
    report.doing = seen->doing;
    report.for_ms = for_ms;
    report.kept = seen->mail;
    report.limit = seen->limit;
    report.next = next_of[lag];
    if (lag == TR_LAG_CALL) {
        report.level = TROUPE_ERROR;
        tr_report_tell_each(rt, &report, "close: %s in %s does not return from its callback",
                            seen->path, seen->doing);
    } else if (lag == TR_LAG_STOP) {
        tr_report_tell_each(rt, &report, "close: %s, %s %s, has not ended in %llu ms; %s",
                            seen->path, seen->inside ? "in" : "after", seen->doing, ms,
                            report.next);
    } else {
        tr_report_tell_each(rt, &report, "drain: %s, %s %s, has %u messages after %llu ms",
                            seen->path, seen->inside ? "in" : "before", seen->doing, seen->mail,
                            ms);
    }
}

uint32_t tr_stragglers_name(troupe *rt, tr_lag lag, uint64_t since) {
    uint32_t found = 0, used = tr_load32_acquire(&rt->table.used);
    uint64_t now = tr_runtime_clock(rt);
    uint64_t for_ms = now > since ? (now - since + TR_MS / 2) / TR_MS : 0;
    tr_seen seen;
    for (uint32_t place = 0; place < used; place++) {
        if (!look(rt, tr_table_at(&rt->table, place), lag, &seen)) continue;
        if (found++ < NAMED_MOST) tell(rt, lag, &seen, for_ms);
    }
    if (found > NAMED_MOST)
        tr_log(rt, TROUPE_WARN, "%s: and %u others", lag == TR_LAG_MAIL ? "drain" : "close",
               found - NAMED_MOST);
    return found;
}
