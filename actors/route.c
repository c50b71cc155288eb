#include "actors/route.h"

#include "actors/sched.h"

/* --- Guards ----------------------------------------------------------------------------------- */

tr_hold tr_route_hold_worker(tr_sched *sched, uint32_t index) {
    tr_hold hold = {.home = index == TR_NOWHERE ? NULL : &sched->worker[index]};
    if (!hold.home)
        tr_lock(&sched->blocking.lock);
    else if (hold.home == tr_sched_mine(sched))
        hold.lightly = tr_bias_enter(&hold.home->bias);
    else
        tr_bias_take(&hold.home->bias);
    return hold;
}

tr_hold tr_route_hold(tr_sched *sched, const tr_task *task) {
    for (;;) {
        uint32_t index = tr_load32_acquire(&task->home);
        tr_hold hold = tr_route_hold_worker(sched, index);
        if (tr_load32_acquire(&task->home) == index) return hold;
        tr_route_let_go(sched, hold);
    }
}

void tr_route_let_go(tr_sched *sched, tr_hold hold) {
    if (!hold.home)
        tr_unlock(&sched->blocking.lock);
    else if (hold.home == tr_sched_mine(sched))
        tr_bias_leave(&hold.home->bias, hold.lightly);
    else
        tr_bias_give(&hold.home->bias);
}

/* --- Calls ------------------------------------------------------------------------------------ */

/* What it costs to wake a sleeper, about. */
#define WAKE_NS UINT64_C(30000)

/* Whether what waits there already takes longer than to wake somebody. Its thread. */
static bool busy(const tr_worker *worker) {
    uint32_t waiting = tr_load32_relaxed(&worker->waiting);
    return waiting && tr_pace_backlog(&worker->pace, tr_clock(), waiting) > WAKE_NS;
}

static bool fit(const tr_worker *worker) {
    return tr_worker_started(worker) && !tr_load32_relaxed(&worker->stuck);
}

/* Who should run a task whose home sleeps or is stuck: the caller if it is not busy, else another
 * one that is awake. Else the home itself (NULL), which is woken; if it is stuck, anybody. */
static tr_worker *better_home(tr_sched *sched, const tr_worker *home) {
    tr_worker *self = tr_sched_mine(sched), *sleeper = NULL;
    if (self && self != home && !busy(self)) return self;
    for (unsigned i = 0; i < sched->room; i++) {
        tr_worker *worker = &sched->worker[i];
        if (worker == home || worker == self || !fit(worker)) continue;
        if (!tr_worker_asleep(worker)) return worker;
        if (!sleeper) sleeper = worker;
    }
    if (!tr_load32_relaxed(&home->stuck)) return NULL;
    return sleeper ? sleeper : self;
}

/* Moves a task that rests from a home that sleeps or is stuck to a better one: to wake a sleeper
 * costs as much as a thousand messages. Returns who is to be called. */
static tr_worker *move_home(tr_sched *sched, tr_task *task, tr_worker *home) {
    tr_worker *to = better_home(sched, home);
    if (!to) return home;
    if (tr_load32_relaxed(&home->stuck))
        tr_bias_take(&home->bias);
    else if (!tr_bias_try_take(&home->bias))
        return home;
    bool rests = tr_load32_acquire(&task->home) == home->index && !task->queued;
    if (rests) tr_store32_release(&task->home, to->index); /* partner: the loads of `home` */
    tr_bias_give(&home->bias);
    return rests ? to : home;
}

/* Has a task run. Whoever holds its call: who found it parked or frozen. */
static void call(tr_sched *sched, tr_task *task) {
    uint32_t index = tr_load32_acquire(&task->home);
    if (index == TR_NOWHERE) {
        tr_blocking_put(&sched->blocking, task);
        return;
    }
    tr_worker *home = &sched->worker[index];
    if (home != tr_sched_mine(sched) && !sched->stepped &&
        (tr_worker_asleep(home) || tr_load32_relaxed(&home->stuck)))
        home = move_home(sched, task, home);
    tr_worker_call(home, task);
}

/* What a START takes away: what was asked of the last life, and what that said of itself. */
enum {
    OF_THE_LAST_LIFE =
        TR_CONTROL_STOP | TR_CONTROL_KILL | TR_CONTROL_ENDING | TR_CONTROL_TOLD | TR_CONTROL_STAYS
};

bool tr_route_request(tr_sched *sched, tr_task *task, uint32_t generation, uint32_t bits) {
    uint64_t control = tr_load64_acquire(&task->control), next;
    do {
        if (control >> 32 != generation) return false;
        next = control & ~(uint64_t)TR_CONTROL_FROZEN;
        /* Who was to be stopped before is down already. */
        if (bits & TR_CONTROL_START) next &= ~(uint64_t)OF_THE_LAST_LIFE;
        next |= bits;
    } while (!tr_cas64_seq(&task->control, &control, next));
    /* Who takes FROZEN or PARKED away holds the call. */
    if ((control & TR_CONTROL_FROZEN) || tr_mailbox_kick(&task->box)) call(sched, task);
    return true;
}

/* --- Abandoned -------------------------------------------------------------------------------- */

uint64_t tr_route_abandon(tr_task *task, uint32_t generation, uint64_t unless) {
    uint64_t next =
        (uint64_t)(uint32_t)(generation + 1) << 32 | TR_CONTROL_VACANT | TR_CONTROL_ABANDONED;
    uint64_t control = tr_load64_acquire(&task->control);
    do {
        if (control >> 32 != generation || (control & (unless | TR_CONTROL_VACANT))) return 0;
    } while (!tr_cas64_seq(&task->control, &control, next | (control & TR_CONTROL_BLOCKING)));
    TR_ASSERT(!(control & TR_CONTROL_FROZEN)); /* else its life would have ended */
    return control;
}

void tr_route_leave(tr_sched *sched, tr_task *task) {
    (void)tr_or64_seq(&task->control, TR_CONTROL_LEFT);
    if (tr_mailbox_kick(&task->box)) call(sched, task);
}

/* --- Mail ------------------------------------------------------------------------------------- */

/* Has a task's home give back the places that it has reserved. */
static void reclaim(tr_sched *sched, tr_task *task) {
    if (tr_load32_acquire(&task->home) == TR_NOWHERE) return;
    tr_hold hold = tr_route_hold(sched, task);
    if (hold.home) tr_mailbox_reclaim(&task->box); /* else it is another one by now */
    tr_route_let_go(sched, hold);
}

/* FULL is exact: it is said only if no place lay idle. A count that is full of a reserve is not
 * full; and one that is not full any more, since the reserve was given back meanwhile, was not
 * either. */
tr_push tr_route_push_far(tr_sched *sched, tr_task *task, tr_link *link, bool counted) {
    tr_push pushed;
    while ((pushed = tr_mailbox_push(&task->box, link, counted)) == TR_PUSH_FULL) {
        if (tr_mailbox_reserved(&task->box))
            reclaim(sched, task);
        else if (tr_mailbox_count(&task->box) >= tr_mailbox_limit(&task->box))
            break;
    }
    if (pushed != TR_PUSH_WAKE) return pushed;
    call(sched, task);
    return TR_PUSH_OK;
}

tr_push tr_route_post(tr_sched *sched, tr_task *task, tr_link *link, bool counted) {
    /* First: who handles it may be asked for the account at once. */
    (void)tr_add64_relaxed(&sched->posted, 1);
    tr_push pushed = tr_route_push_far(sched, task, link, counted);
    if (pushed != TR_PUSH_OK) (void)tr_add64_relaxed(&sched->posted, (uint64_t)-1);
    return pushed;
}

tr_push tr_route_post_list(tr_sched *sched, tr_task *task, tr_link *newest, tr_link *oldest,
                           uint32_t count) {
    (void)tr_add64_relaxed(&sched->posted, count); /* first, as above */
    tr_push pushed = tr_mailbox_push_list(&task->box, newest, oldest, count);
    if (pushed == TR_PUSH_WAKE) {
        call(sched, task);
        return TR_PUSH_OK;
    }
    if (pushed != TR_PUSH_OK) (void)tr_add64_relaxed(&sched->posted, -(uint64_t)count);
    return pushed;
}

tr_push tr_route_replace(tr_sched *sched, tr_task *task, uint32_t generation, tr_link *link,
                         bool (*may)(const tr_link *link, void *ctx), void *ctx, tr_link **old) {
    for (;;) {
        tr_hold hold = tr_route_hold(sched, task);
        bool gone = tr_load64_acquire(&task->control) >> 32 != generation;
        bool full = tr_mailbox_count(&task->box) >= tr_mailbox_limit(&task->box);
        *old = full && !gone ? tr_mailbox_replace(&task->box, link, may, ctx) : NULL;
        tr_route_let_go(sched, hold);
        if (gone) return TR_PUSH_CLOSED;
        if (*old) (void)tr_add64_relaxed(&sched->posted, 1);
        if (full) return *old ? TR_PUSH_OK : TR_PUSH_FULL;
        tr_push pushed = tr_route_post(sched, task, link, true);
        if (pushed != TR_PUSH_FULL) return pushed;
    }
}

bool tr_route_want(tr_sched *sched, tr_task *task) {
    if (tr_mailbox_reserved(&task->box)) reclaim(sched, task);
    return tr_mailbox_want(&task->box);
}

/* --- The life of a task ----------------------------------------------------------------------- */

void tr_route_adopt(tr_sched *sched, tr_task *task, uint32_t limit, bool held, bool blocking) {
    const tr_worker *worker = tr_sched_mine(sched);
    bool homed = !blocking && (worker || held);
    uint32_t home = worker ? worker->index : 0;
    task->queued = !held;
    task->called = false;
    task->frozen = held;
    tr_mailbox_open(&task->box, limit, homed && !held);
    tr_store32_release(&task->home, homed ? home : TR_NOWHERE);
}

/* From a thread that is no worker: the task gets a home, and its call goes into the mailbox, or
 * there if it is needed. From `home` on the home may run it. */
static void settle_from_afar(tr_sched *sched, tr_task *task, bool blocking) {
    bool shared = tr_load64_relaxed(&task->control) & TR_CONTROL_DROP_OLDEST;
    task->queued = false;
    if (shared) tr_lock(&sched->blocking.lock);
    bool mail = task->box.line.head; /* a sender has drained it there, to drop something */
    if (!blocking) tr_store32_release(&task->home, 0);
    if (shared) tr_unlock(&sched->blocking.lock);
    if (!mail && tr_mailbox_park(&task->box)) {
        bool asked = tr_load64_seq(&task->control) & TR_CONTROL_REQUESTS;
        if (!asked || !tr_mailbox_kick(&task->box)) return;
    }
    call(sched, task);
}

void tr_route_settle(tr_sched *sched, tr_task *task, bool blocking) {
    tr_worker *worker = tr_sched_mine(sched);
    if (!worker || blocking) {
        settle_from_afar(sched, task, blocking);
        return;
    }
    bool lightly = tr_bias_enter(&worker->bias);
    task->queued = false;
    /* A call that has come meanwhile found it queued. */
    if (task->called || task->box.line.head) tr_worker_put(worker, task, false);
    tr_bias_leave(&worker->bias, lightly);
}
