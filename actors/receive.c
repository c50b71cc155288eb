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

static inline void count_handled(troupe_self *self) {
    tr_store64_relaxed(&self->handled, tr_load64_relaxed(&self->handled) + 1);
}

/* Writes down what an actor fails on, for the report. */
static void note_message(troupe_self *self, const troupe_msg *msg) {
    (void)tr_actor_failure(self);
    tr_failure *failure = self->failure;
    if (failure) (void)troupe_print(msg, failure->message, sizeof failure->message);
}

/* Ends a message after which the actor fails or ends, and the life. False: the actor is buried. */
static TR_COLD bool receive_no_more(tr_turn *turn, troupe_self *self, troupe_msg *msg,
                                    troupe_err err) {
    troupe *rt = self->rt;
    bool failed = err || !tr_life_clean(self->why);
    troupe_dead reason;
    if (failed && msg) note_message(self, msg);
    if (failed && msg && tr_unread_again(turn, self, msg, &reason)) {
        if (!tr_life_after(self, err)) return false;
        self->in_hand = 0;
        return true;
    }
    if ((self->in_hand & TR_MSG_ASK) && !self->answered)
        tr_ask_unanswered(rt, self->sender, failed ? TROUPE_FAILED : TROUPE_GONE);
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
    self->in_hand = 0;
    return true;
}

/* Ends a message that was for an actor which had this place before. */
static TR_COLD void end_late_comer(troupe *rt, troupe_msg *msg) {
    tr_dead_letter(rt, TROUPE_NOBODY, &msg, TR_DEAD_IN_HAND, TROUPE_DEAD_GONE, TROUPE_GONE);
}

/* Runs `receive` on one message and ends it. False: the actor is buried. */
static TR_INLINE bool handle(tr_turn *turn, troupe_self *self, troupe_msg *msg) {
    self->in_hand = msg->flags | TR_IN_HAND;
    self->sender = tr_msg_sender(msg, self->rt->node);
    tr_actor_set_doing(self, msg->type->name);
    self->answered = false;
    troupe_err err = self->what->receive(self, self->state, &msg);
    if (__builtin_expect(err || self->ending, 0)) return receive_no_more(turn, self, msg, err);
    if (msg) tr_msg_drop(msg);
    self->in_hand = 0;
    count_handled(self);
    return true;
}

/* What is not a message of this actor's: a signal, or for somebody else. False: it is buried. */
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

static bool receive(tr_turn *turn, troupe_self *self, troupe_msg *msg) {
    turn->owed = true;
    turn->counted = msg->flags & TR_MSG_COUNTED;
    if (TR_UNLIKELY(msg->generation != tr_actor_generation(self)))
        return receive_other(turn, self, msg);
    return handle(turn, self, msg);
}

static void ask_to_stop(troupe_self *self) {
    tr_actor_set_doing(self, "stopping");
    troupe_err err = self->what->stopping ? self->what->stopping(self, self->state) : TROUPE_OK;
    self->stopping = true;
    if (err == TROUPE_LATER) return;
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

void tr_task_turn(tr_turn *turn) {
    troupe_self *self = TR_OWNER(turn->task, troupe_self, task);
    if (self->status == TR_BURIED) { /* this was the call that its burial could not wait for */
        if (tr_turn_release(turn->sched, turn->task)) tr_life_give_place(self);
        return;
    }
    const uint64_t id = self->id; /* after its turn the actor may be in other hands */
    while (!turn->over) {
        tr_link *link = NULL;
        if (tr_load64_acquire(&self->task.control) & TR_CONTROL_REQUESTS) {
            if (turn->owed) tr_turn_settle(turn); /* it may be the last of this actor */
            if (TR_UNLIKELY(turn->room)) tell_room(turn, id);
            if (!obey(self)) return;
        } else if (self->status != TR_ALIVE) {
            tr_turn_freeze(turn);
        } else if ((link = tr_turn_next(turn))) {
            if (TR_UNLIKELY(turn->room)) tell_room(turn, id);
            if (!receive(turn, self, tr_msg_of(link))) return;
        }
        if (TR_UNLIKELY(turn->room)) tell_room(turn, id);
    }
}
