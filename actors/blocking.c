#include "actors/blocking.h"

#include "actors/habit.h"
#include "actors/sched.h"
#include "actors/turn.h"
#include "base/heap.h"
#include "base/place.h"

TR_THREAD_LOCAL tr_blocker *tr_blocking_me;

bool tr_blocking_init(tr_blocking *blocking, struct tr_sched *sched, const troupe_heap *heap,
                      unsigned most) {
    *blocking = (tr_blocking){.sched = sched, .most = most};
    blocking->thread = tr_take_zero(heap, most * sizeof *blocking->thread);
    if (!blocking->thread) return false;
    tr_mutex_init(&blocking->lock);
    tr_cond_init(&blocking->work);
    return true;
}

void tr_blocking_fini(tr_blocking *blocking, const troupe_heap *heap) {
    tr_cond_fini(&blocking->work);
    tr_mutex_fini(&blocking->lock);
    tr_give(heap, blocking->thread, blocking->most * sizeof *blocking->thread);
}

/* The oldest task, for a thread to run, under the lock; NULL: it is over. */
static tr_task *take(tr_blocking *blocking, tr_blocker *blocker) {
    tr_link *link;
    while (!(link = tr_fifo_get(&blocking->queue)) && !blocking->over)
        (void)tr_cond_wait(&blocking->work, &blocking->lock, TR_NEVER);
    if (!link) return NULL;
    blocking->queued--;
    blocking->busy++;
    tr_store64_relaxed(&blocker->running, (uint64_t)(uintptr_t)TR_OWNER(link, tr_task, run));
    return TR_OWNER(link, tr_task, run);
}

static void *run_tasks(void *arg) {
    tr_blocker *blocker = arg;
    tr_blocking *blocking = blocker->of;
    tr_blocking_me = blocker;
    (void)tr_place_enter((tr_place){.runtime = blocking->sched->rt, .blocking = true});
    tr_lock(&blocking->lock);
    for (tr_task *task; (task = take(blocking, blocker));) {
        tr_unlock(&blocking->lock);
        task->called = true;
        if (tr_turn_run_blocking(blocking->sched, task)) tr_blocking_put(blocking, task);
        tr_lock(&blocking->lock);
        tr_store64_relaxed(&blocker->running, 0);
        blocking->busy--;
    }
    tr_unlock(&blocking->lock);
    return NULL;
}

/* One more thread, under the lock. False: there is none. */
static bool start_one(tr_blocking *blocking) {
    if (blocking->threads == blocking->most) return false;
    tr_blocker *blocker = &blocking->thread[blocking->threads];
    blocker->of = blocking;
    if (!tr_thread_start(&blocker->thread, "troupe:blocking", run_tasks, blocker)) return false;
    blocking->threads++;
    return true;
}

bool tr_blocking_ready(tr_blocking *blocking) {
    tr_lock(&blocking->lock);
    bool ok = blocking->threads > 0 || start_one(blocking);
    tr_unlock(&blocking->lock);
    return ok;
}

void tr_blocking_put(tr_blocking *blocking, tr_task *task) {
    tr_lock(&blocking->lock);
    tr_fifo_put(&blocking->queue, &task->run);
    blocking->queued++;
    bool enough = blocking->threads - blocking->busy >= blocking->queued;
    if (enough || !start_one(blocking)) tr_cond_wake(&blocking->work);
    tr_unlock(&blocking->lock);
}

uint64_t tr_blocking_mail(tr_blocking *blocking, const tr_task *task, uint32_t generation) {
    tr_lock(&blocking->lock);
    bool still = tr_load64_acquire(&task->control) >> 32 == generation;
    for (unsigned i = 0; still && i < blocking->threads; i++)
        still = tr_load64_relaxed(&blocking->thread[i].running) != (uint64_t)(uintptr_t)task;
    uint64_t length = still ? tr_mailbox_length(&task->box) : 0;
    if (still) length += tr_habit_stashed((const troupe_self *)(const void *)task);
    tr_unlock(&blocking->lock);
    return length;
}

void tr_blocking_end(tr_blocking *blocking) {
    tr_lock(&blocking->lock);
    blocking->over = true;
    tr_cond_wake_all(&blocking->work);
    tr_unlock(&blocking->lock);
    for (unsigned i = 0; i < blocking->threads; i++) tr_thread_join(&blocking->thread[i].thread);
    blocking->threads = 0;
}
