#include "actors/abandon.h"
#include "actors/exit.h"
#include "actors/find.h"
#include "actors/group_watch.h"
#include "actors/guard.h"
#include "actors/life.h"
#include "actors/parcel.h"
#include "actors/request.h"
#include "actors/send.h"
#include "actors/stash.h"
#include "actors/supervisor.h"
#include "actors/turn.h"
#include "actors/unread.h"
#include "base/check.h"

/* Tells who waits for it that a mailbox has room. Also after the turn is over, when the actor may
 * be in other hands already. */
static TR_COLD void tell_room(tr_turn *turn, uint64_t id) {
    turn->room = false;
    troupe *rt = turn->sched->rt;
    tr_rooms_freed(rt, (troupe_ref){rt->node, id});
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
    /* What has come between two lives waits for a START. */
    if ((asked & (TR_CONTROL_URGED | TR_CONTROL_START)) && self->what->takes_urgent)
        tr_parcel_sort(self);
    if ((asked & TR_CONTROL_SAY) && self->is_supervisor) tr_supervisor_say(self, self->state);
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
    if (failed && !turn->owed) { /* it was set aside in the same callback */
        troupe_drop(&msg);
        msg = tr_stash_take_back(turn, self);
    }
    if (failed && msg) note_message(self, msg);
    if (failed && msg && tr_unread_again(turn, self, msg, &reason)) {
        if (!tr_life_after(self, err)) return false;
        tr_store32_relaxed(&self->in_hand, 0);
        return true;
    }
    if ((tr_load32_relaxed(&self->in_hand) & TR_MSG_ASK) && !tr_actor_answered(self))
        tr_ask_unanswered(rt, tr_actor_sender(self), failed ? TROUPE_FAILED : TROUPE_STOPPED);
    if (failed && msg) {
        msg->flags &= ~(uint32_t)TR_MSG_ASK; /* its asker has been told */
        if (self->failure) self->failure->quarantined = reason == TROUPE_DEAD_QUARANTINED;
        tr_dead_letter_failed(self, &msg, reason, err ? err : self->why);
        tr_store32_relaxed(&self->failed, tr_load32_relaxed(&self->failed) + 1);
    } else {
        count_handled(self);
    }
    troupe_drop(&msg);
    if (turn->owed) tr_turn_settle(turn); /* a report says how much mail is kept */
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

/* The same of a question. If it was not answered, passed on or kept for later, nobody will answer:
 * whoever asked is told so. */
static bool handle_question(tr_turn *turn, troupe_self *self, troupe_msg *msg) {
    tr_actor_take_in_hand(self, msg);
    const uint32_t in_hand = tr_load32_relaxed(&self->in_hand);
    tr_store32_relaxed(&self->in_hand, in_hand & ~(uint32_t)TR_KEPT);
    tr_actor_set_doing(self, troupe_type_name(msg));
    troupe_err err = self->what->receive(self, self->state, &msg);
    if (err || self->ending) return receive_no_more(turn, self, msg, err);
    bool kept = tr_load32_relaxed(&self->in_hand) & TR_KEPT;
    if (!kept && !tr_actor_answered(self))
        tr_ask_unanswered(self->rt, tr_actor_sender(self), TROUPE_BROKEN);
    troupe_drop(&msg);
    tr_store32_relaxed(&self->in_hand, 0);
    count_handled(self);
    return true;
}

/* Has what came of a request handled. */
static bool handle_answer(tr_turn *turn, troupe_self *self, tr_answered *it) {
    if (!it->then) return handle(turn, self, it->msg);
    if (it->msg)
        tr_actor_take_in_hand(self, it->msg);
    else
        tr_actor_set_in_hand(self, 0, TROUPE_NOBODY);
    tr_actor_set_doing(self, it->msg ? troupe_type_name(it->msg) : "troupe_unanswered");
    troupe_err err = tr_guard_answer(self, it, &it->msg);
    if (err || self->ending) return receive_no_more(turn, self, it->msg, err);
    troupe_drop(&it->msg);
    tr_store32_relaxed(&self->in_hand, 0);
    count_handled(self);
    return true;
}

/* What came of a request. False: the turn is over. */
static bool receive_answer(tr_turn *turn, troupe_self *self, troupe_msg *envelope) {
    tr_answered it;
    if (!tr_request_arrived(self, envelope, &it)) return true;
    self->asks |= TR_ASKS_ANSWER;
    if (!handle_answer(turn, self, &it)) return false;
    self->asks &= (uint8_t)~TR_ASKS_ANSWER;
    return true;
}

/* News of a group. The watch needs a message for the next; if there is none, the actor fails, since
 * it would hear no more. False: the turn is over. */
static bool receive_news(tr_turn *turn, troupe_self *self, troupe_msg *envelope) {
    uint64_t number;
    troupe_msg *msg = tr_group_news_arrived(self, envelope, &number);
    if (!msg) return true;
    tr_actor_take_in_hand(self, msg);
    tr_actor_set_doing(self, msg->type->name);
    troupe_err err = self->what->receive(self, self->state, &msg);
    if (err || self->ending) return receive_no_more(turn, self, msg, err);
    if (tr_group_news_handled(self, number, &msg)) {
        tr_actor_fail(self, TROUPE_NOMEM, "no memory for what comes of a group that it watches");
        return receive_no_more(turn, self, msg, TROUPE_OK);
    }
    tr_store32_relaxed(&self->in_hand, 0);
    count_handled(self);
    return true;
}

static bool receive_parcel(tr_turn *turn, troupe_self *self, troupe_msg *envelope) {
    troupe_msg *msg = tr_parcel_arrived(self, envelope);
    if (!msg) return true;
    return msg->flags & TR_MSG_ASK ? handle_question(turn, self, msg) : handle(turn, self, msg);
}

/* What is not a message of this actor's like most: a question, a signal, or for somebody else.
 * False: the turn is over. */
static TR_COLD bool receive_other(tr_turn *turn, troupe_self *self, troupe_msg *msg) {
    if (!tr_actor_is_meant(self, msg)) {
        end_late_comer(self->rt, msg);
        return true;
    }
    if (msg->generation) return handle_question(turn, self, msg);
    if (msg->type == &tr_timer_type || msg->type == &tr_topic_type) {
        bool timer = msg->type == &tr_timer_type;
        msg = timer ? tr_timer_arrived(self, msg) : tr_topic_arrived(self, msg);
        return msg ? handle(turn, self, msg) : true;
    }
    if (msg->type == &tr_request_type) return receive_answer(turn, self, msg);
    if (msg->type == &tr_parcel_type) return receive_parcel(turn, self, msg);
    if (msg->type == &tr_group_news_type) return receive_news(turn, self, msg);
    const bool room = msg->type == &troupe_room_type;
    if (room ? tr_room_arrived(self, msg) : tr_exit_arrived(self, msg))
        return handle(turn, self, msg);
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
        tr_dead_letter_queued(self, &msg, TROUPE_DEAD_STOPPED, TROUPE_GONE);
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
