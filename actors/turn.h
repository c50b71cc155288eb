/* One turn of a task: what its runner does between two callbacks. README.md, "Turns". */
#ifndef TR_ACTORS_TURN_H
#define TR_ACTORS_TURN_H

#include "actors/task.h"
#include "actors/worker.h"
#include "base/check.h"

struct tr_sched;

typedef struct tr_turn {
    struct tr_sched *sched;
    tr_worker *worker; /* NULL: a thread for blocking tasks */
    tr_task *task;
    unsigned left; /* messages of this turn's budget */
    tr_task
        *next;    /* out: what to run next, taken out of the queue while its lock was held anyway */
    bool over;    /* the task rests, is queued, or is buried: it may not be touched */
    bool owed;    /* a message was handled since the last `tr_turn_next` */
    bool counted; /* and it held a place of the bound */
    bool room;    /* out: somebody waits for room, and now there is */
} tr_turn;

/* One turn on the calling thread. Returns the task to run next, if that is known: of a worker one
 * that waited; without a worker the same one, to be queued again. */
tr_task *tr_turn_run(struct tr_sched *sched, tr_worker *worker, tr_task *task);

/* Who sends to itself gives way before it handles that: so an actor can go on with something
 * later, and the others have their turn. At its home, with mail just put in. */
static inline void tr_turn_yield(tr_worker *worker, const tr_task *task) {
    if (worker->turn && worker->turn->task == task) worker->turn->left = 0;
}

/* Parts of `tr_turn_next`, for this header and turn.c; under the home's bias. */

/* Puts the call, which is here, into the mailbox. False: mail or a request has come. */
bool tr_turn_rest(tr_task *task);

/* Counts the message that was handled, and gives its place back. */
static inline void tr_turn_count(tr_turn *turn) {
    tr_worker *worker = turn->worker;
    turn->owed = false;
    if (turn->counted && tr_mailbox_handled(&turn->task->box)) turn->room = true;
    if (worker) tr_pace_handled(&worker->pace);
}

/* The next link, or rest: at once if the call is in the mailbox still, or on its way. */
static inline tr_link *tr_turn_pop(tr_turn *turn) {
    tr_task *task = turn->task;
    tr_link *link = tr_mailbox_pop(&task->box);
    if (link) return link;
    if (task->called) {
        turn->over = tr_turn_rest(task);
    } else {
        task->queued = false;
        turn->over = true;
    }
    tr_worker *worker = turn->worker;
    if (turn->over && worker && !tr_worker_called(worker)) turn->next = tr_worker_get(worker);
    return NULL;
}

/* `tr_turn_next` when the budget may be used up, or a look at the clock is due, or without worker.
 */
TR_COLD tr_link *tr_turn_next_slowly(tr_turn *turn);

/* The next link of its mail, after settling what is owed. NULL: the turn is `over`; or, if it is
 * not, a request has come. */
static inline tr_link *tr_turn_next(tr_turn *turn) {
    tr_worker *worker = turn->worker;
    if (__builtin_expect(!worker || !turn->left || tr_load32_relaxed(&worker->pace.until_look) <= 1,
                         0))
        return tr_turn_next_slowly(turn);
    bool lightly = tr_bias_enter(&worker->bias);
    if (turn->owed) tr_turn_count(turn);
    turn->left--;
    tr_link *link = tr_turn_pop(turn);
    tr_bias_leave(&worker->bias, lightly);
    return link;
}

/* Settles what is owed at once: the message counts as handled from here on. */
void tr_turn_settle(tr_turn *turn);
/* Takes all mail out of the task that the calling thread runs, or is starting. */
tr_fifo tr_turn_take_mail(struct tr_sched *sched, tr_task *task);
/* Puts a message back into the mail of the task that the calling thread runs, as the first; it has
 * its place still. */
void tr_turn_put_back(struct tr_sched *sched, tr_task *task, tr_link *link);
/* Gives so many places of its bound back. True: somebody waits for room, and now there is. */
TR_CHECKED bool tr_turn_give_places(struct tr_sched *sched, tr_task *task, uint32_t places);
/* Rests while held, until a request: then the turn is over. Not over: one has come. */
void tr_turn_freeze(tr_turn *turn);
/* Says that the task, if it is the one that a worker runs, is about to change what a report on it
 * reads. */
void tr_turn_unwatch(struct tr_sched *sched, const tr_task *task);
/* Ends a buried task, whose memory may be used again if this says true. False: a call is on its way
 * to it and will have it run a last time. */
TR_CHECKED bool tr_turn_release(struct tr_sched *sched, tr_task *task);

/* Runs a task until its turn is over. Not the scheduler's: receive.c. */
void tr_task_turn(tr_turn *turn);

#endif
