/* Threads for tasks that block by their nature (troupe_behaviour.blocking). Such a task has no
 * home: all its mail comes by the shared inbox, and who wakes it queues it here. */
#ifndef TR_ACTORS_BLOCKING_H
#define TR_ACTORS_BLOCKING_H

#include <troupe/heap.h>

#include "actors/task.h"
#include "base/check.h"
#include "base/os.h"

typedef struct tr_blocker {
    struct tr_blocking *of;
    tr_thread thread;
    struct tr_turn *turn; /* its last, or the one it is in */
    tr_atomic64 running; /* address of the task in a turn; 0: none; written under the lock */
} tr_blocker;

typedef struct tr_blocking {
    struct tr_sched *sched;
    tr_mutex lock; /* guards all below but what the blockers themselves write */
    tr_cond work;
    tr_fifo queue;
    size_t queued;
    tr_blocker *thread; /* room for `most`, `threads` of them started */
    unsigned threads, busy, most;
    bool over;
    tr_atomic64 handled; /* messages, by all of them */
} tr_blocking;

/* The thread for blocking tasks that the caller is; of some runtime; NULL: it is none. */
extern TR_THREAD_LOCAL tr_blocker *tr_blocking_me;

/* Makes it, without threads: those come when they are needed. NOMEM. */
TR_CHECKED bool tr_blocking_init(tr_blocking *blocking, struct tr_sched *sched,
                                 const troupe_heap *heap, unsigned most);
/* Gives the memory back; all threads have ended. */
void tr_blocking_fini(tr_blocking *blocking, const troupe_heap *heap);
/* Makes sure that there is at least one thread. False: the system has none. */
TR_CHECKED bool tr_blocking_ready(tr_blocking *blocking);
/* Queues a task without home. Who holds its call. */
void tr_blocking_put(tr_blocking *blocking, tr_task *task);
/* Messages in the mailbox of a task of its own that has that generation still; 0 while that runs.
 * Any thread. */
uint64_t tr_blocking_mail(tr_blocking *blocking, const tr_task *task, uint32_t generation);
/* Ends all threads once the queue is empty, and waits for them. */
void tr_blocking_end(tr_blocking *blocking);

#endif
