/* The scheduler: workers, their run queues, and how they rest. */
#ifndef TR_ACTORS_SCHED_H
#define TR_ACTORS_SCHED_H

#include <troupe/actor.h>

#include "base/atomic.h"
#include "base/check.h"
#include "base/list.h"
#include "base/os.h"

/* A worker: a thread and the queue of actors that it will run. Others may steal from the queue. */
typedef struct tr_worker {
    tr_mutex lock; /* guards queue and queued */
    tr_fifo queue;
    size_t queued;
    tr_thread thread;
    unsigned index;
    bool started;
    tr_atomic64 running; /* address of the actor in a turn; 0: none */
    struct tr_sched *sched;
} tr_worker;

typedef struct tr_sched {
    troupe *rt;
    tr_worker *worker; /* `workers` of them; a stepped runtime has one, without a thread */
    unsigned workers;
    bool stepped;
    tr_atomic32 next;    /* where the next actor from outside goes */
    tr_atomic32 resting; /* workers that rest, or are about to */
    tr_atomic32 over;    /* 1: workers end once they find nothing */
    tr_mutex rest_lock;  /* guards `calls` */
    tr_cond rest;
    uint32_t calls; /* wake-ups given and not yet taken */
} tr_sched;

/* Makes the workers, without starting them. NOMEM. */
TR_CHECKED troupe_err tr_sched_init(tr_sched *sched, troupe *rt, unsigned workers);

/* Starts the threads. SYSTEM: not all could be started; those that were are ended again. */
TR_CHECKED troupe_err tr_sched_start(tr_sched *sched);

/* Ends the workers and waits until the deadline. False: a callback did not return; its worker was
 * left to itself, and the memory must stay. */
bool tr_sched_end(tr_sched *sched, uint64_t deadline);

/* Gives the memory back; all workers have ended. */
void tr_sched_fini(tr_sched *sched);

/* Queues an actor, which must rest and whose next run the caller was made responsible for. */
void tr_sched_submit(tr_sched *sched, troupe_self *self);

/* Runs one queued actor of a stepped runtime. False: none is queued. */
bool tr_sched_step(tr_sched *sched);

/* Whether the calling thread is in a callback of an actor of this runtime. */
bool tr_sched_inside(const tr_sched *sched);

/* Marks the calling thread as being in a callback of `rt` or, with NULL, out of it; returns what
 * was marked before. For callbacks that run on a thread that is no worker. */
troupe *tr_sched_mark(troupe *rt);

#endif
