/* One turn of a task: what its runner does between two callbacks. README.md, "Turns". */
#ifndef TR_ACTORS_TURN_H
#define TR_ACTORS_TURN_H

#include "actors/task.h"
#include "actors/worker.h"
#include "base/check.h"

struct tr_sched;
struct troupe;

/* What a message that is being handled leaves to be done. */
enum {
    TR_OWES_NOTHING = 0,
    TR_OWES_PLACE = 1, /* its place of the bound is to be given back */
    TR_OWES_COUNT = 2  /* it is to be counted */
};

typedef struct tr_turn {
    struct tr_sched *sched;
    tr_worker *worker; /* NULL: a thread for blocking tasks */
    tr_pace *pace;     /* the worker's */
    tr_task *task;
    uint32_t budget; /* messages of one turn */
    uint64_t ends;   /* `pace->handled` once that is used up */
    tr_task *next;   /* what to run next, taken out of the queue while its lock was held anyway */
    tr_link *mail;   /* the first link of what runs next, taken along; NULL: not known */
    bool chained;    /* another turn may follow at once */
    bool again;      /* out: a task without home has had its time, but goes on */
    bool over;       /* the task rests, is queued, or is buried: it may not be touched */
    uint8_t owed;    /* TR_OWES_*: for the message since the last `tr_turn_next` */
    bool room;       /* out: somebody waits for room, and now there is */
} tr_turn;

/* Turns on the calling thread, a worker: that of a task and of those that come up behind it, until
 * the worker has to see to something else. */
void tr_turn_run(tr_worker *worker, tr_task *task);
/* One turn of a task without home on the calling thread. True: it goes on, and is to be queued. */
bool tr_turn_run_blocking(struct tr_sched *sched, tr_task *task);

/* Who sends to itself gives way before it handles that: so an actor can go on with something
 * later, and the others have their turn. At its home, with mail just put in. */
static inline void tr_turn_yield(tr_worker *worker, const tr_task *task) {
    if (!worker->turn || worker->turn->task != task) return;
    worker->turn->ends = 0;
    tr_store64_relaxed(&worker->pace.stop_at, 0);
}

/* Begins the turn of the task that is next. False: none is known. */
static inline bool tr_turn_goes_on(tr_turn *turn) {
    tr_task *task = turn->next;
    tr_worker *worker = turn->worker;
    if (!task) return false;
    turn->task = task;
    turn->next = NULL;
    turn->over = false;
    turn->ends = tr_pace_begin(&worker->pace, turn->budget);
    tr_store64_relaxed(&worker->running, (uint64_t)(uintptr_t)task);
    return true;
}
/* The link that was taken along for this turn; NULL: none was. */
static inline tr_link *tr_turn_first(tr_turn *turn) {
    tr_link *link = turn->mail;
    turn->mail = NULL;
    return link;
}
/* Puts the link that was taken last back, since something comes before it. False: the task was
 * abandoned, whose mail has been taken away, and this belongs to that. */
TR_CHECKED bool tr_turn_put_first(tr_turn *turn, tr_link *link);

/* More than one message waits for a task as its turn begins, or when that is cut short. Not the
 * scheduler's: peak.c. */
TR_COLD void tr_task_crowded(tr_task *task);

/* What the last callback has sent to other nodes goes out; `idle`: the worker has nothing else to
 * do. Not the scheduler's: port.c. */
TR_COLD void tr_task_settle(struct troupe *rt, bool idle);
/* What callbacks have sent that take long goes out. Not the scheduler's: port.c. */
TR_COLD void tr_task_hurry(struct troupe *rt);

/* Parts of `tr_turn_next`, for this header and turn.c; under the home's bias. */

/* Puts the call, which is here, into the mailbox. False: mail or a request has come. */
bool tr_turn_rest(tr_task *task);

/* Counts the message that was handled, and gives its place back. */
static inline void tr_turn_count(tr_turn *turn, tr_pace *pace, tr_task *task) {
    if (TR_UNLIKELY((turn->owed & TR_OWES_PLACE) && tr_mailbox_handled(&task->box)))
        turn->room = true;
    turn->owed = TR_OWES_NOTHING;
    tr_pace_handled(pace);
}

/* The next link, or rest: at once if the call is in the mailbox still, or on its way. */
static TR_INLINE tr_link *tr_turn_pop(tr_turn *turn, tr_worker *worker, tr_task *task) {
    tr_link *link = tr_mailbox_pop(&task->box);
    if (link) return link;
    if (task->called) {
        turn->over = tr_turn_rest(task);
    } else {
        task->queued = false;
        turn->over = true;
    }
    if (!turn->over || !turn->chained || tr_worker_called(worker)) return NULL;
    tr_task *next = turn->next = tr_worker_get(worker);
    if (next) turn->mail = tr_mailbox_pop(&next->box);
    if (next && TR_UNLIKELY(next->box.line.head != NULL)) tr_task_crowded(next);
    return NULL;
}

/* `tr_turn_next` when the budget may be used up, or a look at the clock is due, or without worker.
 */
TR_COLD tr_link *tr_turn_next_slowly(tr_turn *turn);

/* The next link of its mail, after settling what is owed. NULL: the turn is `over`; or, if it is
 * not, a request has come. */
static TR_INLINE tr_link *tr_turn_next(tr_turn *turn) {
    tr_worker *worker = turn->worker;
    tr_task *task = turn->task;
    if (TR_UNLIKELY(!worker || !tr_pace_goes_on(&worker->pace))) return tr_turn_next_slowly(turn);
    bool lightly = tr_bias_enter(&worker->bias);
    if (turn->owed) tr_turn_count(turn, &worker->pace, task);
    tr_link *link = tr_turn_pop(turn, worker, task);
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

/* Runs a task until its turn is over, and those that follow (`tr_turn_goes_on`). Not the
 * scheduler's: receive.c. */
void tr_task_turn(tr_turn *turn);

#endif
