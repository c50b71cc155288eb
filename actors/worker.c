#include "actors/worker.h"

#include "actors/stamp.h"
#include "base/check.h"

void tr_worker_init(tr_worker *worker, struct tr_sched *sched, uint32_t index, uint32_t others) {
    worker->sched = sched;
    worker->index = index;
    tr_pace_init(&worker->pace, others);
    tr_bias_init(&worker->bias);
    tr_mailbox_open(&worker->wakes, 1, false);
}

void tr_worker_fini(tr_worker *worker) {
    tr_bias_fini(&worker->bias);
}

/* --- Under the bias --------------------------------------------------------------------------- */

void tr_worker_take(tr_worker *worker, tr_task *task) {
    tr_runq *queue = &worker->queue;
    tr_fifo rest = {NULL, NULL};
    if (queue->next == task)
        queue->next = NULL;
    else
        for (tr_link *link; (link = tr_fifo_get(&queue->line));)
            if (link != &task->run) tr_fifo_put(&rest, link);
    if (rest.head) queue->line = rest;
    tr_worker_taken(worker);
}

void tr_worker_take_calls(tr_worker *worker) {
    for (tr_link *link; (link = tr_mailbox_pop(&worker->wakes));) {
        tr_task *task = TR_OWNER(link, tr_task, wake);
        uint32_t home = tr_load32_acquire(&task->home);
        if (home != worker->index) { /* it has moved since: the call follows */
            tr_worker_call(worker + ((int64_t)home - worker->index), task);
            continue;
        }
        task->called = true;
        task->frozen = false;
        if (!task->queued) tr_worker_put(worker, task, false);
    }
}

bool tr_worker_look(tr_worker *worker, const tr_task *task, bool *late) {
    uint64_t now = tr_clock();
    worker->looks = true;
    tr_stamp_tick(worker->sched, now);
    return tr_pace_look(&worker->pace, now, worker->queue.taken,
                        tr_load32_relaxed(&worker->waiting), task, late);
}

/* --- Calling and sleeping --------------------------------------------------------------------- */

static void signal_it(tr_worker *worker) {
    if (worker->ring) {
        worker->ring(worker);
        return;
    }
    tr_store32_seq(&worker->signal, 1);
    tr_futex_wake(&worker->signal, 1);
}

void tr_worker_call(tr_worker *worker, tr_task *task) {
    if (tr_mailbox_push(&worker->wakes, &task->wake, false) == TR_PUSH_WAKE) signal_it(worker);
}

bool tr_worker_wake(tr_worker *worker) {
    if (!tr_mailbox_kick(&worker->wakes)) return false;
    signal_it(worker);
    return true;
}

bool tr_worker_started(const tr_worker *worker) {
    return tr_load32_acquire(&worker->started); /* partner: the release when its thread starts */
}

bool tr_worker_asleep(const tr_worker *worker) {
    return tr_mailbox_parked(&worker->wakes);
}

/* Each successful park is followed by exactly one signal, unless this thread kicks itself; so
 * `signal` never holds one that is too many. */
void tr_worker_sleep(tr_worker *worker, bool (*stay_awake)(struct tr_sched *sched)) {
    if (!tr_mailbox_park(&worker->wakes)) return;
    /* A thief may have taken calls in here since the last look, and left some of them. From now on
     * it can't: a call finds PARKED, and is a signal too. */
    bool lightly = tr_bias_enter(&worker->bias);
    bool empty = tr_load32_relaxed(&worker->waiting) == 0;
    tr_bias_leave(&worker->bias, lightly);
    /* What it is to stay awake for was set before its setter looked for sleepers: so either it is
     * seen here, or this sleeper is seen there. Both are sequentially consistent. */
    if ((!empty || stay_awake(worker->sched)) && tr_mailbox_kick(&worker->wakes)) return;
    tr_bias_lend(&worker->bias);
    while (!tr_swap32_seq(&worker->signal, 0)) (void)tr_futex_wait(&worker->signal, 0, TR_NEVER);
    tr_bias_return(&worker->bias);
}
