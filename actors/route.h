/* Routes: how mail, requests and calls get to a task, wherever it is at home. README.md, "Calls".
 */
#ifndef TR_ACTORS_ROUTE_H
#define TR_ACTORS_ROUTE_H

#include "actors/sched.h"
#include "actors/task.h"
#include "actors/turn.h"

/* Makes a task that runs on the calling thread, which will `tr_route_settle` it; its mailbox opens.
 * `held`: it rests at once, until a request. `blocking`: it will never have a home. */
void tr_route_adopt(tr_sched *sched, tr_task *task, uint32_t limit, bool held, bool blocking);
/* The first run of a task on the thread that made it is over: from here on it runs by itself. */
void tr_route_settle(tr_sched *sched, tr_task *task, bool blocking);

/* `tr_route_push` from a thread at which the task is not at home. */
TR_COLD tr_push tr_route_push_far(tr_sched *sched, tr_task *task, tr_link *link, bool counted);

/* The same from a thread that is no worker: it is counted apart. */
TR_COLD tr_push tr_route_post(tr_sched *sched, tr_task *task, tr_link *link, bool counted);
/* The same of a list of counted ones, from the newest to the oldest: all or none. FULL is not
 * final: each of them may be tried. */
tr_push tr_route_post_list(tr_sched *sched, tr_task *task, tr_link *newest, tr_link *oldest,
                           uint32_t count);

/* After a push that was FULL: puts a link, which is to be counted, in the place of the oldest one
 * that `may(link, ctx)` make room for it, and gives that as `*old`; or, if there is room now, just
 * in, with NULL. OK; FULL: there is no such link; CLOSED, or the generation is over. Any thread;
 * the task is one that drops its oldest, or those that are alike. */
TR_COLD tr_push tr_route_replace(tr_sched *sched, tr_task *task, uint32_t generation, tr_link *link,
                                 bool (*may)(const tr_link *link, void *ctx), void *ctx,
                                 tr_link **old);

/* `tr_route_push` by a worker, which the calling thread is. */
static TR_INLINE tr_push tr_route_push_by(tr_worker *worker, tr_task *task, tr_link *link,
                                          bool counted) {
    tr_pace_sent(&worker->pace);
    bool lightly = tr_bias_enter(&worker->bias);
    bool here = tr_load32_acquire(&task->home) == worker->index;
    tr_push pushed = TR_PUSH_CLOSED;
    if (here && (pushed = tr_mailbox_push_home(&task->box, link, counted)) == TR_PUSH_OK) {
        if (task->queued)
            tr_turn_yield(worker, task);
        else if (!task->frozen)
            tr_worker_put(worker, task, true);
    }
    tr_bias_leave(&worker->bias, lightly);
    return here ? pushed : tr_route_push_far(worker->sched, task, link, counted);
}

/* Puts a link into a task's mailbox, and has the task run if it rests. OK, FULL or CLOSED. Any
 * thread. */
static TR_INLINE tr_push tr_route_push(tr_sched *sched, tr_task *task, tr_link *link,
                                       bool counted) {
    tr_worker *worker = tr_sched_mine(sched);
    return TR_LIKELY(worker != NULL) ? tr_route_push_by(worker, task, link, counted)
                                     : tr_route_post(sched, task, link, counted);
}

/* What guards the private part of a task: the bias of its home, or the lock of those without. */
typedef struct tr_hold {
    tr_worker *home; /* NULL: the lock of those without */
    bool lightly;
} tr_hold;

/* Takes that of a task that has a home or is a blocking one; its home stays what it is meanwhile.
 * Any thread that holds none. */
tr_hold tr_route_hold(tr_sched *sched, const tr_task *task);
/* The same of a worker, or of tasks without home (TR_NOWHERE). */
tr_hold tr_route_hold_worker(tr_sched *sched, uint32_t index);
/* Gives it back. */
void tr_route_let_go(tr_sched *sched, tr_hold hold);

/* Marks a task as abandoned, which has that generation and none of the marks `unless`: from then on
 * it is nobody's ref. Returns its last `control`; 0: it was too late. */
uint64_t tr_route_abandon(tr_task *task, uint32_t generation, uint64_t unless);
/* The last that who abandoned a task does to it: has it run, if it rests. */
void tr_route_leave(tr_sched *sched, tr_task *task);

/* Sets request bits of the task that has that generation, and has it run if it rests. False: the
 * generation is over. Any thread. */
bool tr_route_request(tr_sched *sched, tr_task *task, uint32_t generation, uint32_t bits);
/* Asks that a turn of the task tells once there is room. False: there is. Any thread. */
bool tr_route_want(tr_sched *sched, tr_task *task);

#endif
