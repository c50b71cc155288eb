#include "actors/bell.h"

#include "actors/runtime.h"

static tr_worker *worker_of(troupe *rt) {
    return &rt->sched.worker[0];
}

/* A call has found the worker parked. By the time the lock is held it may have been taken in: then
 * the worker is parked again, and nothing is due; or else something is, by this call or another. */
static void ring(tr_worker *worker) {
    tr_bell *bell = &worker->sched->rt->bell;
    tr_lock(&bell->lock);
    if (!bell->rung && !tr_worker_asleep(worker)) {
        tr_alarm_set(&bell->alarm);
        bell->rung = true;
    }
    tr_unlock(&bell->lock);
}

static bool calls_wait(const tr_worker *worker) {
    return tr_load32_relaxed(&worker->waiting) || tr_worker_called(worker);
}

void tr_bell_mute(troupe *rt) {
    if (!rt->bell.hung) return;
    (void)tr_mailbox_kick(&worker_of(rt)->wakes); /* if this fails, somebody is about to ring */
    tr_timers_mute(&rt->timers);
}

void tr_bell_settle(troupe *rt) {
    tr_bell *bell = &rt->bell;
    if (!bell->hung) return;
    tr_worker *worker = worker_of(rt);
    tr_lock(&bell->lock);
    bool due = tr_timers_settle(&rt->timers);
    due = due || calls_wait(worker) || !tr_mailbox_park(&worker->wakes);
    if (due && !bell->rung) tr_alarm_set(&bell->alarm);
    if (!due && bell->rung) tr_alarm_clear(&bell->alarm);
    bell->rung = due;
    tr_unlock(&bell->lock);
}

void tr_bell_fini(troupe *rt) {
    tr_bell *bell = &rt->bell;
    if (!bell->hung) return;
    bell->hung = false;
    tr_mutex_fini(&bell->lock);
    tr_alarm_close(&bell->alarm);
}

troupe_err troupe_fd(troupe *rt, int *fd) {
    tr_bell *bell = &rt->bell;
    if (!rt->sched.stepped || rt->sim) return TROUPE_INVALID;
    if (!bell->hung) {
        if (!tr_alarm_open(&bell->alarm)) return TROUPE_SYSTEM;
        tr_mutex_init(&bell->lock);
        bell->hung = true;
        worker_of(rt)->ring = ring; /* seen by whoever finds it parked */
        tr_timers_follow(&rt->timers, rt->config.now ? NULL : &bell->alarm);
        tr_bell_settle(rt);
    }
    *fd = bell->alarm.poll;
    return TROUPE_OK;
}

uint64_t troupe_due(troupe *rt) {
    if (!rt->sched.stepped || rt->sim) return TR_NEVER;
    return calls_wait(worker_of(rt)) ? 0 : tr_timers_next(&rt->timers);
}
