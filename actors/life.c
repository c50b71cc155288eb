#include "actors/life.h"

#include <string.h>

#include "actors/abandon.h"
#include "actors/find.h"
#include "actors/group_watch.h"
#include "actors/guard.h"
#include "actors/habit.h"
#include "actors/memory.h"
#include "actors/report.h"
#include "actors/request.h"
#include "actors/send.h"
#include "actors/shutdown.h"
#include "actors/turn.h"
#include "actors/unread.h"
#include "base/check.h"
#include "base/fatal.h"
#include "base/heap.h"
#include "base/place.h"

/* --- Death ------------------------------------------------------------------------------------ */

bool tr_life_clean(troupe_err why) {
    return why == TROUPE_OK || why == TROUPE_SHUTDOWN;
}

void tr_life_release(troupe_self *self) {
    tr_joins_ended(&self->rt->joins, self->id, tr_memory_end(self));
    tr_habit_forget(self);
    if (self->asks & TR_ASKS_SOME) tr_requests_forget(&self->rt->asks, self->id);
    if (self->asks & TR_ASKS_ROOM) tr_rooms_forget(self->rt, self->id);
    if (self->asks & TR_ASKS_GROUPS) tr_group_watches_forget(self->rt, self->id);
    self->asks = 0;
    if (self->has_timers) tr_timers_forget(&self->rt->timers, self);
    if (self->has_topics) tr_topics_forget(&self->rt->topics, self->id);
    /* Others may have linked themselves to it: then it is watched. */
    if (self->has_watched || (tr_load64_acquire(&self->task.control) & TR_CONTROL_WATCHED))
        tr_ties_forget(self);
    tr_pool_give(&self->rt->pool, self->state, self->what->state_size);
    self->state = NULL;
}

void tr_life_give_place(troupe_self *self) {
    const tr_worker *worker = tr_sched_mine(&self->rt->sched);
    tr_habit_end(self);
    tr_guard_free(self->rt, self->what);
    tr_table_give(&self->rt->table, worker ? worker->index : TR_NOWHERE, self);
}

/* Whatever it is known by. */
static void forget_names(troupe_self *self) {
    tr_names_forget(&self->rt->names, self);
    tr_groups_forget(self->rt, self->id);
}

void tr_life_bury(troupe_self *self) {
    troupe *rt = self->rt;
    troupe_ref me = tr_actor_ref(self);
    troupe_err why = self->why;
    tr_turn_unwatch(&rt->sched, &self->task); /* what a report reads is given back */
    self->status = TR_BURIED;
    /* Who finds that it is gone finds its name free. It may get one until it is retired, though. */
    if (tr_load64_acquire(&self->task.control) & TR_CONTROL_NAMED) forget_names(self);
    const bool well = tr_life_clean(why);
    uint64_t marks = tr_table_retire(self, well); /* once one call has said GONE, all do */
    tr_give(rt->heap, self->failure, sizeof *self->failure);
    self->failure = NULL;
    bool wanted = tr_mailbox_close(&self->task.box);
    tr_fifo mail = tr_turn_take_mail(&rt->sched, &self->task);
    for (tr_link *link; (link = tr_fifo_get(&mail));) {
        troupe_msg *msg = tr_msg_of(link);
        tr_dead_letter_queued(self, &msg, TROUPE_DEAD_STOPPED,
                              well ? TROUPE_STOPPED : TROUPE_GONE);
    }
    if (marks & TR_CONTROL_NAMED) forget_names(self);
    if (marks & TR_CONTROL_WATCHED) tr_ties_ended(self, why);
    if (wanted) tr_rooms_freed(rt, me);
    /* A call may be on its way, through this very memory: then its turn is the last (see there). */
    if (tr_turn_release(&rt->sched, &self->task)) tr_life_give_place(self);
}

/* Runs `stop`. If that fails, this is told at once: the life has ended for another reason, which
 * stays what the supervisor hears. */
static void run_stop(troupe_self *self, troupe_err why) {
    tr_failure *cause = self->failure;
    self->failure = NULL;
    self->ending = false;
    self->why = TROUPE_OK;
    tr_actor_set_doing(self, "stop");
    self->what->stop(self, self->state, why);
    if (!tr_life_clean(self->why) && tr_abandon_may_tell(self, 0)) {
        tr_report_bad_stop(self, why);
        tr_abandon_told(self);
    }
    tr_give(self->rt->heap, self->failure, sizeof *self->failure);
    self->failure = cause;
    self->ending = true;
}

bool tr_life_end(troupe_self *self, troupe_err why) {
    bool started = self->status == TR_ALIVE && !tr_abandon_seen(self);
    if (!tr_life_clean(why)) (void)tr_actor_failure(self); /* at least with what it was doing */
    /* Only a kill leaves `ending` alone: a life may end for the kill of a linked one. */
    if (started && (why != TROUPE_KILLED || self->ending) && self->what->stop) run_stop(self, why);
    if (!tr_abandon_claim_end(self)) {
        tr_abandon_return(self);
        return false;
    }
    tr_turn_unwatch(&self->rt->sched, &self->task);
    tr_life_release(self);
    self->status = TR_HELD;
    self->why = why;
    if (self->bond) {
        tr_actor_tell_parent(self, &self->bond->ended, TR_NOTE_ENDED, why);
        return true;
    }
    const tr_fate fate = {.kind = TROUPE_REPORT_FAILED, .next = "not supervised"};
    if (!tr_life_clean(why) && why != TROUPE_KILLED) tr_report_failure(self, why, &fate);
    tr_life_bury(self);
    return false;
}

bool tr_life_after(troupe_self *self, troupe_err err) {
    if (err) {
        (void)tr_actor_failure(self);
        troupe_exit(self, err);
    }
    return self->ending ? tr_life_end(self, self->why) : true;
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Makes the state and runs `start`. An error: the life has not begun, and nothing of it is left. */
static troupe_err run_start(troupe_self *self, const void *arg) {
    const troupe_behaviour *what = self->what;
    if (what->state_size) {
        self->state = tr_pool_take(&self->rt->pool, what->state_size);
        if (!self->state) return TROUPE_NOMEM;
        memset(self->state, 0, what->state_size);
    }
    troupe_err err = what->start ? what->start(self, self->state, arg) : TROUPE_OK;
    if (err && err != TROUPE_LATER) {
        (void)tr_actor_failure(self);
        troupe_exit(self, err);
        if (!self->why) self->why = err; /* also after troupe_exit(self, TROUPE_OK) */
        return self->why;
    }
    self->status = TR_ALIVE;
    if (!err) troupe_ready(self);
    return TROUPE_OK;
}

/* Forgets how the last life ended. */
static void renew(troupe_self *self) {
    tr_give(self->rt->heap, self->failure, sizeof *self->failure);
    self->failure = NULL;
    self->ready = self->stopping = self->ending = false;
    self->traps = self->is_supervisor;
    self->why = TROUPE_OK;
    tr_actor_set_doing(self, "start");
    tr_store32_relaxed(&self->lives, tr_load32_relaxed(&self->lives) + 1);
}

bool tr_life_skip(troupe_self *self, troupe_err why) {
    tr_abandon_told(self);
    renew(self);
    return tr_life_end(self, why);
}

bool tr_life_begin(troupe_self *self) {
    if (self->bond->flush && tr_load32_relaxed(&self->lives)) tr_unread_flush(self);
    const void *arg = self->bond->arg;
    tr_abandon_told(self);
    renew(self);
    troupe_err err = run_start(self, arg);
    return err ? tr_life_end(self, err) : tr_life_after(self, TROUPE_OK);
}

troupe_err troupe_spawn(troupe *rt, const troupe_behaviour *what, const void *arg,
                        troupe_ref *out) {
    if (tr_shutdown_refuses(rt)) return TROUPE_QUIESCED;
    return tr_life_spawn(rt, what, arg, NULL, out);
}

troupe_err tr_life_spawn(troupe *rt, const troupe_behaviour *what, const void *arg,
                         tr_life_eve *eve, troupe_ref *out) {
    if (tr_load32_acquire(&rt->closing)) return TROUPE_CLOSED;
    troupe_self *self;
    troupe_err err = tr_actor_make(rt, what, NULL, &self);
    if (err) return err;
    /* A close that began meanwhile may have asked everybody to stop before this one was there. It
     * says so first and then counts the living; this one was counted before: one sees the other. */
    if (tr_load32_seq(&rt->closing)) {
        tr_life_bury(self);
        return TROUPE_CLOSED;
    }
    troupe_ref me = tr_actor_ref(self);
    if (eve && (err = eve->run(eve, me))) {
        tr_life_bury(self);
        return err;
    }
    tr_place before = tr_place_enter((tr_place){.runtime = rt});
    tr_fatal_frame *outer = tr_fatal_hide(); /* a signal in this start is not its spawner's */
    renew(self);
    err = run_start(self, arg);
    if (err) {
        if (eve) eve->undo(eve);
        tr_life_release(self);
        tr_life_bury(self);
    } else if (tr_life_after(self, TROUPE_OK)) {
        /* From here on it runs by itself: `start` may have sent itself mail, or been asked to. */
        tr_route_settle(&rt->sched, &self->task, what->blocking && !rt->sim);
    }
    tr_fatal_show(outer);
    (void)tr_place_enter(before);
    if (!before.runtime) tr_fatal_vacate(); /* a thread of the host's */
    if (!err) *out = me;
    return err;
}
