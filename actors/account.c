#include "actors/account.h"

#include <string.h>

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/habit.h"

enum { AT_ONCE = 256 }; /* places that are looked at while one bias is held */

/* --- What is queued --------------------------------------------------------------------------- */

/* The bias that a walk over the actors holds, for as long as they are at home there. */
typedef struct tr_walk {
    tr_sched *sched;
    tr_worker *at; /* NULL: it holds none */
    bool lightly;
    unsigned left;
} tr_walk;

static void leave(tr_walk *walk) {
    tr_worker *worker = walk->at;
    walk->at = NULL;
    if (!worker) return;
    if (worker == tr_sched_mine(walk->sched))
        tr_bias_leave(&worker->bias, walk->lightly);
    else
        tr_bias_give(&worker->bias);
}

static void enter(tr_walk *walk, tr_worker *worker) {
    if (walk->at == worker && walk->left-- > 0) return;
    leave(walk);
    if (worker == tr_sched_mine(walk->sched))
        walk->lightly = tr_bias_enter(&worker->bias);
    else
        tr_bias_take(&worker->bias);
    walk->at = worker;
    walk->left = AT_ONCE;
}

/* Whether the actor that had this `control` has its place still. While its home's guard is held
 * that stays so as far as its mail goes: a burial takes the mail out under it. */
static bool still(const tr_task *task, uint64_t control) {
    return tr_load64_acquire(&task->control) >> 32 == control >> 32;
}

/* Messages in a mailbox, and those that were set aside. One that is parked may still have mail,
 * from its home. */
static uint64_t queued(tr_walk *walk, tr_task *task) {
    uint64_t control = tr_load64_acquire(&task->control);
    for (;;) {
        if ((control & TR_CONTROL_VACANT) || !still(task, control)) return 0;
        uint32_t home = tr_load32_acquire(&task->home);
        if (home == TR_NOWHERE && (control & TR_CONTROL_BLOCKING)) {
            leave(walk);
            return tr_blocking_mail(&walk->sched->blocking, task, (uint32_t)(control >> 32));
        }
        if (home == TR_NOWHERE) return 0; /* its `start` runs, on a plain thread */
        enter(walk, &walk->sched->worker[home]);
        if (still(task, control) && tr_load32_acquire(&task->home) == home)
            return tr_mailbox_length(&task->box) +
                   tr_habit_stashed(TR_OWNER(task, troupe_self, task));
    }
}

static uint64_t queued_in_all(troupe *rt) {
    uint64_t sum = 0;
    tr_walk walk = {.sched = &rt->sched};
    uint32_t used = tr_load32_acquire(&rt->table.used);
    for (uint32_t place = 0; place < used; place++) {
        sum += queued(&walk, &tr_table_at(&rt->table, place)->task);
    }
    leave(&walk);
    return sum;
}

/* --- Accounts --------------------------------------------------------------------------------- */

static uint64_t died(const tr_accounts *accounts, tr_dead_where where) {
    return tr_load64_relaxed(&accounts->died[where]);
}

void troupe_account_all(troupe *rt, troupe_account *out) {
    const tr_accounts *accounts = &rt->accounts;
    uint64_t answers = tr_load64_relaxed(&accounts->answers);
    *out = (troupe_account){.returned = tr_load64_relaxed(&accounts->returned),
                            .forwarded = tr_load64_relaxed(&accounts->forwarded)};
    for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++)
        out->dead[i] = tr_load64_relaxed(&accounts->dead[i]);
    uint64_t outside = died(accounts, TR_DEAD_OUTSIDE);
    out->handled = tr_sched_handled(&rt->sched) - died(accounts, TR_DEAD_IN_HAND) + answers;
    out->queued = queued_in_all(rt);
    out->sent = tr_sched_sent(&rt->sched) + answers + outside + out->returned + out->forwarded;
}

/* How many messages an actor handled. Its `handled` counts one that was set aside each time that it
 * was in hand. Both are read under one hold: nothing is set aside meanwhile, so that what was
 * counted again is in both, or in neither. */
static uint64_t handled_by(troupe *rt, const troupe_self *self, uint64_t id) {
    tr_hold hold = tr_route_hold(&rt->sched, &self->task);
    uint64_t aside = still(&self->task, id) ? tr_habit_set_aside(self) : 0;
    uint64_t handled = tr_load64_relaxed(&self->handled);
    tr_route_let_go(&rt->sched, hold);
    return handled > aside ? handled - aside : 0;
}

troupe_err troupe_account_of(troupe *rt, troupe_ref who, troupe_account *out) {
    troupe_self *self = who.node == rt->node ? tr_table_find(&rt->table, who.id) : NULL;
    if (!self) return TROUPE_GONE;
    tr_walk walk = {.sched = &rt->sched};
    *out = (troupe_account){.handled = handled_by(rt, self, who.id)};
    out->dead[TROUPE_DEAD_FAILED] = tr_load32_relaxed(&self->failed);
    out->dead[TROUPE_DEAD_DROPPED] = tr_load32_relaxed(&self->dropped);
    out->dead[TROUPE_DEAD_FLUSHED] = tr_load32_relaxed(&self->flushed);
    out->queued = queued(&walk, &self->task);
    leave(&walk);
    out->sent = out->handled + out->queued;
    for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++) out->sent += out->dead[i];
    return TROUPE_OK;
}

int64_t troupe_account_missing(const troupe_account *account) {
    uint64_t found = account->handled + account->returned + account->forwarded + account->queued;
    for (unsigned i = 0; i < TROUPE_DEAD_KINDS; i++) found += account->dead[i];
    return (int64_t)(account->sent - found);
}
