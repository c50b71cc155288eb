/* A worker: a thread, the tasks that are at home there, and how it sleeps. README.md, "Workers". */
#ifndef TR_ACTORS_WORKER_H
#define TR_ACTORS_WORKER_H

#include "actors/pace.h"
#include "actors/task.h"
#include "base/bias.h"
#include "base/check.h"
#include "base/os.h"
#include "base/pool.h"

/* Tasks that are to run, and the one that was made runnable last, which goes first since all it
 * needs is in the cache; but not more than so many times running, or it starves the others. */
enum { TR_IN_A_ROW = 16 };

typedef struct tr_runq {
    tr_fifo line;
    tr_task *next;
    unsigned in_a_row;
    uint32_t taken; /* so far, in all */
} tr_runq;

typedef struct tr_worker {
    tr_bias bias; /* guards `queue`, `pace` and the home's part of every task at home here */
    tr_runq queue;
    tr_pace pace;
    struct tr_turn *turn; /* that it runs; its thread's alone */
    bool looks;           /* it is time to look at the others; its thread's alone */
    uint32_t index;
    struct tr_sched *sched;
    tr_mailbox wakes;    /* tasks whose call has come here: any thread pushes, the bias pops */
    tr_atomic32 signal;  /* 1: who sleeps here was called; a futex */
    tr_atomic32 help;    /* 1: what waits here is overdue, take it */
    tr_atomic32 stuck;   /* 1: a callback does not return */
    tr_atomic32 waiting; /* tasks in the queue; others read it too, as old news */
    tr_atomic64 running; /* address of the task in a turn; 0: none */
    tr_atomic32 looking; /* odd: it looks outside; another number each time. Its thread writes */
    struct {
        tr_done done;
        uint32_t waiting;
    } seen;              /* at the last look of who lingers, and that one's */
    tr_atomic32 defers;  /* 1: what it sends to other nodes waits until its callback ends; its
                          * thread writes, the watch reads */
    tr_atomic32 started; /* 1: it has a thread */
    tr_atomic32 thread_id;
    tr_thread thread;
    tr_cache cache; /* its thread's: messages and states */
    /* Rings instead of `signal`, for one that its owner steps; NULL: none. Set before it parks. */
    void (*ring)(struct tr_worker *worker);
    char apart[64]; /* two workers share no cache line */
} tr_worker;

/* Makes one, without a thread, that has `others` beside it. */
void tr_worker_init(tr_worker *worker, struct tr_sched *sched, uint32_t index, uint32_t others);
/* Ends one whose thread has ended. */
void tr_worker_fini(tr_worker *worker);

/* Under the bias: queues a task that is at home here and not queued. `next`: it goes first. */
static inline void tr_worker_put(tr_worker *worker, tr_task *task, bool next) {
    tr_runq *queue = &worker->queue;
    TR_ASSERT(!task->queued);
    task->queued = true;
    if (next) {
        tr_task *before = queue->next;
        queue->next = task;
        task = before;
    }
    if (task) tr_fifo_put(&queue->line, &task->run);
    uint32_t waiting = tr_load32_relaxed(&worker->waiting) + 1;
    tr_store32_relaxed(&worker->waiting, waiting);
    if (TR_UNLIKELY(waiting > worker->pace.enough)) tr_pace_hurry(&worker->pace);
}
/* Under the bias: counts a task that has been taken out of the queue. */
static inline void tr_worker_taken(tr_worker *worker) {
    worker->queue.taken++;
    tr_store32_relaxed(&worker->waiting, tr_load32_relaxed(&worker->waiting) - 1);
}
/* Under the bias: the task to run now; NULL: none waits. */
static inline tr_task *tr_worker_get(tr_worker *worker) {
    tr_runq *queue = &worker->queue;
    tr_task *task = queue->next;
    if (task && (!queue->line.head || queue->in_a_row < TR_IN_A_ROW)) {
        queue->next = NULL;
        queue->in_a_row++;
    } else {
        tr_link *link = tr_fifo_get(&queue->line);
        if (!link) return NULL;
        task = TR_OWNER(link, tr_task, run);
        queue->in_a_row = 0;
    }
    tr_worker_taken(worker);
    return task;
}
/* Under the bias: takes a certain task out of the queue, in which it is. */
void tr_worker_take(tr_worker *worker, tr_task *task);
/* Under the bias: takes in the calls that have come. */
void tr_worker_take_calls(tr_worker *worker);

/* Under the bias, by its thread: a look at the clock and the queue. True: the task that runs has
 * had its time. `*late`: what waits here has waited too long. */
bool tr_worker_look(tr_worker *worker, const tr_task *task, bool *late);

/* Gives a call to a worker, and wakes it if it sleeps. Any thread that holds the task's call. */
void tr_worker_call(tr_worker *worker, tr_task *task);
/* Wakes it, if it sleeps, to look around. False: it did not sleep. Any thread. */
bool tr_worker_wake(tr_worker *worker);
/* Whether it has a thread. Any thread. */
bool tr_worker_started(const tr_worker *worker);
/* Whether calls have come that were not taken in. Any thread; old news. */
static inline bool tr_worker_called(const tr_worker *worker) {
    return tr_mailbox_mail(&worker->wakes);
}
/* Whether it sleeps, or is about to. Any thread; old news. */
bool tr_worker_asleep(const tr_worker *worker);

/* Its thread: sleeps until called or woken; not at all if `stay_awake`, asked after everybody can
 * see that it sleeps, is true. */
void tr_worker_sleep(tr_worker *worker, bool (*stay_awake)(struct tr_sched *sched));

#endif
