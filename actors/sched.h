/* The scheduler: who runs a task, and where its mail goes. README.md has the protocol. */
#ifndef TR_ACTORS_SCHED_H
#define TR_ACTORS_SCHED_H

#include <troupe/actor.h>

#include "actors/blocking.h"
#include "actors/poller.h"
#include "actors/watch.h"
#include "actors/worker.h"
#include "base/check.h"

typedef struct tr_sched {
    tr_atomic32 stamp; /* of a message that is sent now: stamp.h */
    char apart[64];    /* all that send read it, and some of what follows is written often */
    troupe *rt;
    tr_worker *worker; /* `workers` of them from the start, then room for spares, `room` in all */
    unsigned workers, room;
    unsigned budget;       /* messages that a task handles in one turn */
    bool stepped;          /* one worker, without a thread: its owner steps it */
    bool lingers;          /* a worker looks around before it sleeps: there is a core to do it on */
    tr_atomic32 over;      /* 1: workers end once they find nothing */
    tr_atomic32 lingering; /* 1: a worker does; a second one would find nothing more */
    unsigned vain;         /* lingering was so, and is left out so often next; by who lingers */
    unsigned left_out;     /* how often it was since; the same */
    tr_atomic64 posted;    /* messages put into mailboxes by threads that are no workers */
    tr_atomic64 refused;   /* messages of workers that mailboxes refused */
    tr_poller poller;
    tr_watch watch;
    tr_blocking blocking;
} tr_sched;

/* Makes the workers, without starting them. NOMEM. */
TR_CHECKED troupe_err tr_sched_init(tr_sched *sched, troupe *rt, const troupe_config *config);
/* Starts the threads. SYSTEM: not all could be started; those that were are ended again. */
TR_CHECKED troupe_err tr_sched_start(tr_sched *sched);
/* Ends all threads and waits for them. */
void tr_sched_end(tr_sched *sched);
/* Gives the memory back; all threads have ended. */
void tr_sched_fini(tr_sched *sched);

/* What a worker's thread does, from its start to its end; `worker` is a tr_worker. */
void *tr_sched_work(void *worker);
/* Runs one queued task of a stepped runtime. False: none is queued. */
bool tr_sched_step(tr_sched *sched);
/* The queued tasks of a stepped runtime one after the other; the first comes after NULL;
 * NULL: no more. */
tr_task *tr_sched_queued(tr_sched *sched, const tr_task *after);
/* Runs that one of them. */
void tr_sched_step_with(tr_sched *sched, tr_task *task);

/* What waits at a worker is overdue: somebody who sleeps is woken to take half of it. */
void tr_sched_ask_for_help(tr_worker *worker);
/* A worker's callback does not return: others take all that waits behind it. `spare`: if nobody is
 * left who could, one more worker is started. The watch. */
void tr_sched_relieve(tr_sched *sched, tr_worker *stuck, bool spare);

/* Messages that were put into mailboxes so far. Any thread. */
uint64_t tr_sched_sent(const tr_sched *sched);
/* Messages that came out of them to be handled. Any thread. */
uint64_t tr_sched_handled(const tr_sched *sched);

/* The worker that the calling thread is; of some runtime. */
extern TR_THREAD_LOCAL tr_worker *tr_sched_me;
/* The worker of this runtime that the calling thread is; NULL: it is none. */
static inline tr_worker *tr_sched_mine(const tr_sched *sched) {
    tr_worker *worker = tr_sched_me;
    return worker && worker->sched == sched ? worker : NULL;
}
/* Whether it is in a callback of an actor of this runtime. */
bool tr_sched_inside(const tr_sched *sched);

#endif
