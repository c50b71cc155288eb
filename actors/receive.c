#include "actors/abandon.h"
#include "actors/exit.h"
#include "actors/find.h"
#include "actors/life.h"
#include "actors/send.h"
#include "actors/supervisor.h"
#include "actors/turn.h"
#include "actors/unread.h"
#include "base/check.h"

/* Tells the port that a mailbox has room. Also after the turn is over, when the actor may be in
 * other hands already. */
static TR_COLD void tell_room(tr_turn *turn, uint64_t id) {
    turn->room = false;
    tr_port *port = tr_runtime_port(turn->sched->rt);
    if (port) port->ops->room(port, (troupe_ref){turn->sched->rt->node, id});
}

static TR_INLINE void count_handled(troupe_self *self) {
    tr_store64_relaxed(&self->handled, tr_load64_relaxed(&self->handled) + 1);
}

/* --- Requests --------------------------------------------------------------------------------- */

static void ask_to_stop(troupe_self *self) {
    tr_actor_set_doing(self, "stopping");
    troupe_err err = self->what->stopping ? self->what->stopping(self, self->state) : TROUPE_OK;
    self->stopping = true;
    if (err == TROUPE_LATER) {
        (void)tr_or64_seq(&self->task.control, TR_CONTROL_STAYS); /* for the report of who waits */
        return;
    }
    if (err) (void)tr_actor_failure(self);
    troupe_exit(self, err ? err : TROUPE_SHUTDOWN);
}

/* Does what was asked of the actor. False: it is buried. */
static TR_COLD bool obey(troupe_self *self) {
    uint64_t asked = tr_and64_seq(&self->task.control, ~(uint64_t)TR_CONTROL_REQUESTS);
    if (asked & TR_CONTROL_ABANDONED) {
        tr_abandon_return(self);
        return false;
    }
    if (asked & TR_CONTROL_BURY) {
        TR_ASSERT(self->status == TR_HELD);
        tr_life_bury(self);
        return false;
    }
    bool unborn = self->status != TR_ALIVE;
    if ((asked & TR_CONTROL_START) && unborn) {
        if (!tr_abandon_may_tell(self, 0)) { /* until the bond has been read */
            tr_abandon_return(self);
            return false;
        }
        if (self->status == TR_HELD && !self->bond->told &&
            (tr_load64_acquire(&self->task.control) & TR_CONTROL_WATCHED))
            tr_ties_ended(self, self->why);
        self->bond->told = false;
        if (asked & (TR_CONTROL_KILL | TR_CONTROL_STOP))
            return tr_life_skip(self, asked & TR_CONTROL_KILL ? TROUPE_KILLED : TROUPE_SHUTDOWN);
        if (!tr_life_begin(self)) return false;
    }
    if (self->status != TR_ALIVE) return true;
    if (asked & TR_CONTROL_KILL) {
        if (self->is_supervisor && tr_supervisor_kill(self, self->state)) return true;
        tr_actor_set_doing(self, "kill");
        return tr_life_end(self, TROUPE_KILLED);
    }
    if ((asked & TR_CONTROL_STOP) && !self->stopping) {
        ask_to_stop(self);
        return tr_life_after(self, TROUPE_OK);
    }
    return true;
}

static bool asked(const troupe_self *self) {
    return tr_load64_acquire(&self->task.control) & TR_CONTROL_REQUESTS;
}

/* Does what comes before mail. False: the turn is over. */
static TR_COLD bool attend(tr_turn *turn, troupe_self *self) {
    while (self->status != TR_ALIVE || asked(self)) {
        if (self->status == TR_BURIED) { /* this was the call that its burial could not wait for */
            tr_turn_unwatch(turn->sched, turn->task);
            if (tr_turn_release(turn->sched, turn->task)) tr_life_give_place(self);
            return false;
        }
        TR_ASSERT(!turn->owed && !turn->room); /* it may be the last of this actor */
        if (!asked(self))
            tr_turn_freeze(turn);
        else if (!obey(self))
            return false;
        if (turn->over) return false;
    }
    return true;
}

/* --- Mail ------------------------------------------------------------------------------------- */

/* Writes down what an actor fails on, for the report. */
static void note_message(troupe_self *self, const troupe_msg *msg) {
    (void)tr_actor_failure(self);
    tr_failure *failure = self->failure;
    if (failure) (void)troupe_print(msg, failure->message, sizeof failure->message);
}

/* Ends a message after which the actor fails or ends, and the life. False: the actor is buried. */
static bool end_life_after(tr_turn *turn, troupe_self *self, troupe_msg *msg, troupe_err err) {
    troupe *rt = self->rt;
    bool failed = err || !tr_life_clean(self->why);
    troupe_dead reason;
    if (failed && msg) note_message(self, msg);
    if (failed && msg && tr_unread_again(turn, self, msg, &reason)) {
        if (!tr_life_after(self, err)) return false;
        tr_store32_relaxed(&self->in_hand, 0);
        return true;
    }
    if ((tr_load32_relaxed(&self->in_hand) & TR_MSG_ASK) && !tr_actor_answered(self))
        tr_ask_unanswered(rt, tr_actor_sender(self), failed ? TROUPE_FAILED : TROUPE_GONE);
    if (failed && msg) {
        msg->flags &= ~(uint32_t)TR_MSG_ASK; /* its asker has been told */
        if (self->failure) self->failure->quarantined = reason == TROUPE_DEAD_QUARANTINED;
        tr_dead_letter_failed(self, &msg, reason, err ? err : self->why);
        tr_store32_relaxed(&self->failed, tr_load32_relaxed(&self->failed) + 1);
    } else {
        count_handled(self);
    }
    troupe_drop(&msg);
    tr_turn_settle(turn); /* a report says how much mail is kept */
    if (turn->room) tell_room(turn, self->id);
    if (!tr_life_after(self, err)) return false;
    tr_store32_relaxed(&self->in_hand, 0);
    return true;
}

/* The same, and what comes then. False: the turn is over. */
static TR_COLD bool receive_no_more(tr_turn *turn, troupe_self *self, troupe_msg *msg,
                                    troupe_err err) {
    return end_life_after(turn, self, msg, err) && attend(turn, self);
}

/* Ends a message that was for an actor which had this place before. */
static TR_COLD void end_late_comer(troupe *rt, troupe_msg *msg) {
    tr_dead_letter(rt, TROUPE_NOBODY, &msg, TR_DEAD_IN_HAND, TROUPE_DEAD_GONE, TROUPE_GONE);
}

/* Runs `receive` on one message and ends it. False: the turn is over. */
static TR_INLINE bool handle(tr_turn *turn, troupe_self *self, troupe_msg *msg) {
    tr_actor_take_in_hand(self, msg);
    tr_actor_set_doing(self, msg->type->name);
    troupe_err err = self->what->receive(self, self->state, &msg);
    if (TR_UNLIKELY(err || self->ending)) return receive_no_more(turn, self, msg, err);
    if (msg) tr_msg_drop(msg);
    tr_store32_relaxed(&self->in_hand, 0);
    count_handled(self);
    return true;
}

/* What is not a message of this actor's: a signal, or for somebody else. False: the turn is over.
 */
static TR_COLD bool receive_other(tr_turn *turn, troupe_self *self, troupe_msg *msg) {
    if (msg->generation || tr_signal_of(msg)->to != self->id) {
        end_late_comer(self->rt, msg);
        return true;
    }
    if (msg->type == &tr_timer_type || msg->type == &tr_topic_type) {
        bool timer = msg->type == &tr_timer_type;
        msg = timer ? tr_timer_arrived(self, msg) : tr_topic_arrived(self, msg);
        return msg ? handle(turn, self, msg) : true;
    }
    if (tr_exit_arrived(self, msg)) return handle(turn, self, msg);
    troupe_drop(&msg);
    if (self->ending) return receive_no_more(turn, self, NULL, TROUPE_OK);
    count_handled(self);
    return true;
}

/* Handles one message. False: the turn is over. */
static TR_INLINE bool receive(tr_turn *turn, troupe_self *self, troupe_msg *msg) {
    turn->owed = (uint8_t)((msg->flags & TR_MSG_COUNTED) | TR_OWES_COUNT);
    if (TR_UNLIKELY(msg->generation != tr_actor_generation(self)))
        return receive_other(turn, self, msg);
    return handle(turn, self, msg);
}

/* --- Turns ------------------------------------------------------------------------------------ */

/* What comes before a message that was taken out already, if one was: it goes back, unless nobody
 * will handle it any more. False: the turn is over. */
static TR_COLD bool attend_first(tr_turn *turn, troupe_self *self, tr_link *link) {
    if (link && !tr_turn_put_first(turn, link)) {
        troupe_msg *msg = tr_msg_of(link);
        tr_dead_letter(self->rt, tr_actor_ref(self), &msg, TR_DEAD_QUEUED, TROUPE_DEAD_STOPPED,
                       TROUPE_GONE);
    }
    return attend(turn, self);
}

static TR_INLINE void run(tr_turn *turn, troupe_self *self) {
    const uint64_t id = self->id; /* after its turn the actor may be in other hands */
    tr_link *link = tr_turn_first(turn);
    if (TR_UNLIKELY(self->status != TR_ALIVE)) {
        if (!attend_first(turn, self, link)) return;
        link = NULL;
    }
    for (;; link = NULL) {
        if (!link) {
            link = tr_turn_next(turn);
            if (TR_UNLIKELY(turn->room)) tell_room(turn, id);
            if (!link && turn->over) return;
        }
        if (TR_UNLIKELY(!link || asked(self))) {
            if (!attend_first(turn, self, link)) return;
        } else if (!receive(turn, self, tr_msg_of(link))) {
            return;
        }
    }
}

void tr_task_turn(tr_turn *turn) {
    do {
        run(turn, TR_OWNER(turn->task, troupe_self, task));
    } while (tr_turn_goes_on(turn));
}
