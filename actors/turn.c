#include "actors/turn.h"

#include "actors/sched.h"

/* What is written before the parking is seen by who runs it next, perhaps at once. */
bool tr_turn_rest(tr_task *task) {
    task->queued = false;
    task->called = false;
    if (tr_mailbox_park(&task->box)) {
        /* A request that came before the parking found nothing to kick. Now either this look sees
         * it, or it comes after the parking and kicks: both are sequentially consistent. */
        bool asked = tr_load64_seq(&task->control) & TR_CONTROL_REQUESTS;
        if (!asked || !tr_mailbox_kick(&task->box)) return true;
    }
    task->called = task->queued = true;
    return false;
}

/* Settles what is owed. True: the task has had its time. */
static bool settle(tr_turn *turn, bool *late) {
    tr_worker *worker = turn->worker;
    tr_turn_count(turn, turn->pace, turn->task);
    if (!worker) (void)tr_add64_relaxed(&turn->sched->blocking.handled, 1);
    if (!worker || !tr_pace_look_due(turn->pace)) return false;
    turn->chained = false; /* it looks at the others, too */
    return tr_worker_look(worker, turn->task, late);
}

/* What guards the private part of tasks: a worker's bias; NULL: the lock of those without home. */
static bool enter_as(tr_sched *sched, tr_worker *worker) {
    if (worker) return tr_bias_enter(&worker->bias);
    tr_lock(&sched->blocking.lock);
    return false;
}

static void leave_as(tr_sched *sched, tr_worker *worker, bool lightly) {
    if (worker)
        tr_bias_leave(&worker->bias, lightly);
    else
        tr_unlock(&sched->blocking.lock);
}

/* The worker that guards the task that the calling thread runs, or is starting. */
static tr_worker *home_of(tr_sched *sched, const tr_task *task) {
    return tr_load32_relaxed(&task->home) == TR_NOWHERE ? NULL : tr_sched_mine(sched);
}

static bool enter(const tr_turn *turn) {
    return enter_as(turn->sched, turn->worker);
}

static void leave(const tr_turn *turn, bool lightly) {
    leave_as(turn->sched, turn->worker, lightly);
}

static void give_way(tr_turn *turn) {
    turn->over = true;
    tr_task_crowded(turn->task);
    if (!turn->worker) {
        turn->again = true;
        return;
    }
    turn->task->queued = false;
    tr_worker_put(turn->worker, turn->task, false);
}

bool tr_turn_put_first(tr_turn *turn, tr_link *link) {
    bool lightly = enter(turn);
    /* Who abandons it marks it first, and then takes its mail away under this guard: so without the
     * mark here that is still to come. */
    bool abandoned = tr_load64_acquire(&turn->task->control) & TR_CONTROL_ABANDONED;
    if (!abandoned) tr_mailbox_unpop(&turn->task->box, link);
    leave(turn, lightly);
    return !abandoned;
}

static tr_link *next(tr_turn *turn, bool *late) {
    bool had_its_time = turn->owed && settle(turn, late);
    if (had_its_time || tr_load64_relaxed(&turn->pace->handled) >= turn->ends) {
        give_way(turn);
        return NULL;
    }
    return tr_turn_pop(turn, turn->worker, turn->task);
}

/* What its callback has sent to other nodes goes out; `idle`: and nothing else is to be done. */
static void let_go(tr_worker *worker, uint64_t ends, bool idle) {
    if (!worker || !tr_load32_relaxed(&worker->defers)) return;
    idle = idle && !tr_load32_relaxed(&worker->waiting) && !tr_worker_called(worker);
    tr_store32_relaxed(&worker->defers, 0);
    tr_pace_until(&worker->pace, ends);
    tr_task_settle(worker->sched->rt, idle);
}

tr_link *tr_turn_next_slowly(tr_turn *turn) {
    tr_worker *worker = turn->worker;
    bool late = false;
    bool lightly = enter(turn);
    tr_link *link = next(turn, &late);
    leave(turn, lightly);
    let_go(worker, turn->ends, turn->over && !turn->next);
    if (late) tr_sched_ask_for_help(worker);
    return link;
}

void tr_turn_settle(tr_turn *turn) {
    bool late, lightly = enter(turn);
    if (settle(turn, &late)) turn->ends = 0;
    leave(turn, lightly);
}

/* Puts the call into `control`. Only if it is here: else mail could call too. */
static void freeze(tr_turn *turn) {
    tr_task *task = turn->task;
    task->queued = false;
    if (!task->called && !tr_mailbox_kick(&task->box)) { /* it is on its way: then again */
        turn->over = true;
        return;
    }
    task->called = false;
    task->frozen = true;
    uint64_t control = tr_load64_acquire(&task->control);
    do {
        if (control & TR_CONTROL_REQUESTS) {
            task->called = task->queued = true;
            task->frozen = false;
            return;
        }
    } while (!tr_cas64_seq(&task->control, &control, control | TR_CONTROL_FROZEN));
    turn->over = true;
}

void tr_turn_freeze(tr_turn *turn) {
    bool lightly = enter(turn);
    freeze(turn);
    leave(turn, lightly);
}

tr_fifo tr_turn_take_mail(tr_sched *sched, tr_task *task) {
    tr_worker *home = home_of(sched, task);
    bool lightly = enter_as(sched, home);
    tr_fifo mail = tr_mailbox_take_all(&task->box);
    leave_as(sched, home, lightly);
    return mail;
}

void tr_turn_put_back(tr_sched *sched, tr_task *task, tr_link *link) {
    tr_worker *home = home_of(sched, task);
    bool lightly = enter_as(sched, home);
    tr_mailbox_unpop(&task->box, link);
    leave_as(sched, home, lightly);
}

bool tr_turn_give_places(tr_sched *sched, tr_task *task, uint32_t places) {
    tr_worker *home = home_of(sched, task);
    bool room = false, lightly = enter_as(sched, home);
    for (; places; places--) room = tr_mailbox_handled(&task->box) || room;
    leave_as(sched, home, lightly);
    return room;
}

bool tr_turn_release(tr_sched *sched, tr_task *task) {
    tr_worker *worker = tr_sched_mine(sched);
    if (tr_load32_relaxed(&task->home) == TR_NOWHERE) return true; /* the runner has the call */
    bool lightly = tr_bias_enter(&worker->bias);
    bool here = task->called || tr_mailbox_kick(&task->box);
    task->queued = here; /* else the call, when it comes, has it run once more */
    tr_bias_leave(&worker->bias, lightly);
    return here;
}

void tr_turn_unwatch(tr_sched *sched, const tr_task *task) {
    tr_worker *worker = tr_sched_mine(sched);
    uint64_t address = (uint64_t)(uintptr_t)task;
    if (!worker) { /* who reads about a blocking one does so under this lock */
        tr_lock(&sched->blocking.lock);
        tr_unlock(&sched->blocking.lock);
        return;
    }
    if (tr_load64_relaxed(&worker->running) != address) return;
    bool lightly = tr_bias_enter(&worker->bias);
    tr_store64_relaxed(&worker->running, 0);
    tr_bias_leave(&worker->bias, lightly);
}

void tr_turn_run(tr_worker *worker, tr_task *task) {
    tr_sched *sched = worker->sched;
    tr_turn turn = {.sched = sched, .worker = worker, .pace = &worker->pace, .next = task};
    turn.budget = sched->budget;
    turn.chained = !sched->stepped && worker->index < sched->workers;
    worker->turn = &turn;
    (void)tr_turn_goes_on(&turn);
    tr_task_crowded(task);
    tr_task_turn(&turn);
    let_go(worker, 0, true);
    worker->turn = NULL;
    tr_store64_relaxed(&worker->running, 0);
}

bool tr_turn_run_blocking(tr_sched *sched, tr_task *task) {
    tr_pace pace = {.others = 0};
    tr_turn turn = {.sched = sched, .pace = &pace, .task = task, .ends = sched->budget};
    tr_task_crowded(task);
    if (tr_blocking_me) tr_blocking_me->turn = &turn;
    tr_task_turn(&turn);
    return turn.again;
}
