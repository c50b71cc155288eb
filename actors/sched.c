#include "actors/sched.h"

#include <stdio.h>

#include "actors/actor.h"
#include "base/check.h"
#include "base/heap.h"

/* The worker that the calling thread is, and the runtime in whose callback it is. */
static _Thread_local tr_worker *me;
static _Thread_local troupe *inside;

troupe_err tr_sched_init(tr_sched *sched, troupe *rt, unsigned workers) {
    sched->rt = rt;
    sched->stepped = workers == TROUPE_STEPPED;
    sched->workers = sched->stepped ? 1 : workers ? workers : tr_cores();
    sched->worker = tr_take_zero(rt->heap, sched->workers * sizeof *sched->worker);
    if (!sched->worker) return TROUPE_NOMEM;
    for (unsigned i = 0; i < sched->workers; i++) {
        tr_mutex_init(&sched->worker[i].lock);
        sched->worker[i].index = i;
        sched->worker[i].sched = sched;
    }
    tr_mutex_init(&sched->rest_lock);
    tr_cond_init(&sched->rest);
    return TROUPE_OK;
}

void tr_sched_fini(tr_sched *sched) {
    for (unsigned i = 0; i < sched->workers; i++) tr_mutex_fini(&sched->worker[i].lock);
    tr_cond_fini(&sched->rest);
    tr_mutex_fini(&sched->rest_lock);
    tr_give(sched->rt->heap, sched->worker, sched->workers * sizeof *sched->worker);
}

/* The oldest actor of a queue; NULL: it is empty. */
static troupe_self *take(tr_worker *worker) {
    tr_lock(&worker->lock);
    tr_link *link = tr_fifo_get(&worker->queue);
    if (link) worker->queued--;
    tr_unlock(&worker->lock);
    return link ? TR_OWNER(link, troupe_self, run) : NULL;
}

/* Wakes a worker, if one rests. */
static void call(tr_sched *sched) {
    if (!tr_load32_seq(&sched->resting)) return;
    tr_lock(&sched->rest_lock);
    if (sched->calls < sched->workers) sched->calls++;
    tr_cond_wake(&sched->rest);
    tr_unlock(&sched->rest_lock);
}

/* Moves half of a victim's queue, the older half, to `worker`; returns one of them to run now. */
static troupe_self *steal(tr_worker *worker, tr_worker *victim) {
    tr_fifo loot = {NULL, NULL};
    tr_lock(&victim->lock);
    size_t n = (victim->queued + 1) / 2;
    for (size_t i = 0; i < n; i++) tr_fifo_put(&loot, tr_fifo_get(&victim->queue));
    victim->queued -= n;
    tr_unlock(&victim->lock);
    tr_link *first = tr_fifo_get(&loot);
    if (n > 1) {
        tr_lock(&worker->lock);
        for (tr_link *link; (link = tr_fifo_get(&loot)); worker->queued++)
            tr_fifo_put(&worker->queue, link);
        tr_unlock(&worker->lock);
        /* Who looked for work while this was in neither queue has gone to rest. */
        call(worker->sched);
    }
    return first ? TR_OWNER(first, troupe_self, run) : NULL;
}

/* Something to run: of one's own, else of another's. */
static troupe_self *find_work(tr_worker *worker) {
    tr_sched *sched = worker->sched;
    troupe_self *self = take(worker);
    for (unsigned i = 1; !self && i < sched->workers; i++)
        self = steal(worker, &sched->worker[(worker->index + i) % sched->workers]);
    return self;
}

/* Waits for work. Why no wake-up is lost: a worker first counts itself in `resting`, then looks at
 * every queue once more under its lock (here, by find_work). Who queues an actor does so under that
 * lock and reads `resting` after. So if the look came first, the reader comes after the count, by
 * the order of the lock, and calls; else the look finds the actor. */
static troupe_self *rest(tr_worker *worker) {
    tr_sched *sched = worker->sched;
    (void)tr_add32_seq(&sched->resting, 1);
    troupe_self *self = find_work(worker);
    if (!self) {
        tr_lock(&sched->rest_lock);
        while (!sched->calls && !tr_load32_seq(&sched->over))
            (void)tr_cond_wait(&sched->rest, &sched->rest_lock, TR_NEVER);
        if (sched->calls) sched->calls--;
        tr_unlock(&sched->rest_lock);
    }
    (void)tr_sub32_seq(&sched->resting, 1);
    return self;
}

/* Queues an actor; returns how many are queued then. */
static size_t put(tr_worker *worker, troupe_self *self) {
    tr_lock(&worker->lock);
    tr_fifo_put(&worker->queue, &self->run);
    size_t queued = ++worker->queued;
    tr_unlock(&worker->lock);
    return queued;
}

void tr_sched_submit(tr_sched *sched, troupe_self *self) {
    bool mine = me && me->sched == sched;
    unsigned to = mine ? me->index : tr_add32_relaxed(&sched->next, 1) % sched->workers;
    (void)put(&sched->worker[to], self);
    if (!sched->stepped) call(sched);
}

static void turn(tr_worker *worker, troupe_self *self) {
    tr_store64_relaxed(&worker->running, (uint64_t)(uintptr_t)self);
    troupe *before = tr_sched_mark(worker->sched->rt);
    bool again = tr_actor_turn(self);
    (void)tr_sched_mark(before);
    tr_store64_relaxed(&worker->running, 0);
    /* This worker runs one of its queue next, and that one may block: others are for who rests. */
    if (again && put(worker, self) > 1 && !worker->sched->stepped) call(worker->sched);
}

static void *work(void *arg) {
    tr_worker *worker = arg;
    me = worker;
    for (;;) {
        troupe_self *self = find_work(worker);
        if (!self) {
            if (tr_load32_seq(&worker->sched->over)) break;
            self = rest(worker);
        }
        if (self) turn(worker, self);
    }
    return NULL;
}

bool tr_sched_step(tr_sched *sched) {
    troupe_self *self = take(&sched->worker[0]);
    if (self) turn(&sched->worker[0], self);
    return self != NULL;
}

troupe_err tr_sched_start(tr_sched *sched) {
    if (sched->stepped) return TROUPE_OK;
    for (unsigned i = 0; i < sched->workers; i++) {
        tr_worker *worker = &sched->worker[i];
        char name[16];
        snprintf(name, sizeof name, "troupe:%u", i % 10000);
        worker->started = tr_thread_start(&worker->thread, name, work, worker);
        if (!worker->started) {
            (void)tr_sched_end(sched, TR_NEVER);
            return TROUPE_SYSTEM;
        }
    }
    return TROUPE_OK;
}

bool tr_sched_end(tr_sched *sched, uint64_t deadline) {
    bool all = true;
    tr_lock(&sched->rest_lock);
    (void)tr_or32_seq(&sched->over, 1);
    tr_cond_wake_all(&sched->rest);
    tr_unlock(&sched->rest_lock);
    for (unsigned i = 0; i < sched->workers; i++) {
        tr_worker *worker = &sched->worker[i];
        if (!worker->started) continue;
        if (deadline == TR_NEVER) {
            tr_thread_join(&worker->thread);
        } else if (!tr_thread_join_until(&worker->thread, deadline)) {
            tr_thread_detach(&worker->thread);
            all = false;
        }
    }
    return all;
}

bool tr_sched_inside(const tr_sched *sched) {
    return inside == sched->rt;
}

troupe *tr_sched_mark(troupe *rt) {
    troupe *before = inside;
    inside = rt;
    return before;
}
