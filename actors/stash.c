#include "actors/stash.h"

#include "actors/habit.h"
#include "actors/parcel.h"
#include "actors/route.h"
#include "actors/send.h"
#include "base/check.h"
#include "serial/share.h"

/* The turn that the running actor is in. */
static tr_turn *turn_of(troupe_self *self) {
    tr_worker *worker = tr_sched_mine(&self->rt->sched);
    tr_turn *turn = worker ? worker->turn : tr_blocking_me->turn;
    TR_ASSERT(turn->task == &self->task);
    return turn;
}

/* It gives way before its next message, as who sends to itself does: it would go on for ever with
 * what it sets aside and takes up again, none of which counts. */
static void give_way(tr_turn *turn) {
    turn->ends = 0;
    if (turn->worker) tr_store64_relaxed(&turn->worker->pace.stop_at, 0);
}

static uint32_t most(const troupe_self *self) {
    const uint32_t said = self->what->stash_limit, bound = self->what->mailbox_limit;
    return said ? said : (bound ? bound : TROUPE_MAILBOX_DEFAULT) - 1;
}

/* Whether others have taken its mail away: its ref is nobody's then. The request that says so is
 * taken back before what it has is given back. */
static bool was_abandoned(const troupe_self *self) {
    return tr_load64_acquire(&self->task.control) >> 32 != tr_actor_generation(self);
}

/* --- Setting aside ---------------------------------------------------------------------------- */

/* What a supervisor gets from its children, say, is part of something else. */
static bool may_be_kept(const troupe_msg *msg) {
    return !(msg->flags & TR_MSG_EMBEDDED) || tr_msg_is_shared(msg);
}

/* A question says so in its generation. */
static bool is_for(const troupe_self *self, const troupe_msg *msg) {
    const uint32_t generation = tr_actor_generation(self);
    return msg->generation == generation || msg->generation == tr_ask_generation(generation);
}

/* It takes over what the one in hand owes: so whatever else the actor passes off as that, the
 * bound stays exact. */
static void set_aside(troupe_self *self, tr_habit *habit, tr_turn *turn, troupe_msg *msg) {
    const uint32_t in_hand = tr_load32_relaxed(&self->in_hand);
    msg->flags &= ~(uint32_t)TR_MSG_COUNTED;
    if (turn->owed & TR_OWES_PLACE) msg->flags |= TR_MSG_COUNTED;
    habit->answered = tr_actor_answered(self);
    if (habit->answered) {
        msg->flags &= ~(uint32_t)TR_MSG_ASK;
        msg->generation = tr_actor_generation(self);
    }
    tr_store32_relaxed(&self->in_hand, in_hand & ~(uint32_t)TR_UNANSWERED);
    turn->owed = TR_OWES_NOTHING; /* it was not handled, and keeps its place */
    habit->last = msg;
    tr_fifo_put(&habit->aside, &msg->link);
    tr_store32_relaxed(&habit->stashed, tr_load32_relaxed(&habit->stashed) + 1);
    tr_store64_relaxed(&habit->set_aside, tr_load64_relaxed(&habit->set_aside) + 1);
    give_way(turn);
}

troupe_err troupe_stash(troupe_self *self, troupe_msg **msg) {
    if (!*msg || !tr_load32_relaxed(&self->in_hand) || self->is_supervisor || !is_for(self, *msg) ||
        !may_be_kept(*msg))
        return TROUPE_INVALID;
    tr_turn *turn = turn_of(self);
    if (!turn->owed) return TROUPE_INVALID;
    tr_habit *habit = tr_habit_make(self);
    if (!habit) return TROUPE_NOMEM;
    if (tr_load32_relaxed(&habit->stashed) >= most(self)) return TROUPE_FULL;
    set_aside(self, habit, turn, *msg);
    *msg = NULL;
    return TROUPE_OK;
}

uint32_t troupe_stashed(troupe_self *self) {
    return tr_habit_stashed(self);
}

/* --- Giving back ------------------------------------------------------------------------------ */

/* Moves all members to the end of another queue. */
static void move_all(tr_fifo *from, tr_fifo *to) {
    for (tr_link *link; (link = tr_fifo_get(from));) tr_fifo_put(to, link);
}

/* Puts what is set aside into the mailbox: behind what is urgent, before all other. Who abandons
 * the actor marks it first, and takes its mail away under this guard then. */
static uint32_t give_back(troupe_self *self, tr_habit *habit) {
    tr_sched *sched = &self->rt->sched;
    tr_hold hold = tr_route_hold(sched, &self->task);
    uint32_t given = tr_load32_relaxed(&habit->stashed);
    if (!given || was_abandoned(self)) {
        tr_route_let_go(sched, hold);
        return 0;
    }
    tr_fifo mail = tr_mailbox_take_all(&self->task.box), all = {NULL, NULL};
    while (mail.head && tr_parcel_is_urgent(tr_msg_of(mail.head)))
        tr_fifo_put(&all, tr_fifo_get(&mail));
    for (const tr_link *link = habit->aside.head; link; link = link->next)
        habit->loose |= !(((const troupe_msg *)(const void *)link)->flags & TR_MSG_COUNTED);
    move_all(&habit->aside, &all);
    tr_store32_relaxed(&habit->stashed, 0);
    if (all.head) all.tail->next = mail.head;
    if (mail.head) all.tail = mail.tail;
    tr_mailbox_put_first(&self->task.box, all);
    tr_route_let_go(sched, hold);
    return given;
}

uint32_t troupe_unstash_all(troupe_self *self) {
    tr_habit *habit = tr_habit_of(self);
    if (!habit) return 0;
    uint32_t given = give_back(self, habit);
    if (given && tr_load32_relaxed(&self->in_hand)) give_way(turn_of(self));
    return given;
}

void tr_stash_give_back(troupe_self *self) {
    tr_habit *habit = tr_habit_of(self);
    if (habit) (void)give_back(self, habit);
}

/* --- The end of a life ------------------------------------------------------------------------ */

static bool holds_no_place(const troupe_msg *msg) {
    return !(msg->flags & (TR_MSG_COUNTED | TR_MSG_EMBEDDED)) && msg->generation;
}

static bool is_any(const troupe_msg *msg) {
    (void)msg;
    return true;
}

/* Moves those members to the end of another queue. */
static void move_those(tr_fifo *from, bool (*which)(const troupe_msg *msg), tr_fifo *to) {
    tr_fifo rest = {NULL, NULL};
    for (tr_link *link; (link = tr_fifo_get(from));)
        tr_fifo_put(which(tr_msg_of(link)) ? to : &rest, link);
    *from = rest;
}

/* Takes what was for this life alone out of the mailbox, into which it was given back. */
static void take_out_loose(troupe_self *self, tr_fifo *over) {
    tr_sched *sched = &self->rt->sched;
    tr_hold hold = tr_route_hold(sched, &self->task);
    tr_fifo mail = tr_mailbox_take_all(&self->task.box);
    move_those(&mail, holds_no_place, over);
    tr_mailbox_put_first(&self->task.box, mail);
    tr_route_let_go(sched, hold);
}

void tr_stash_end(troupe_self *self) {
    tr_habit *habit = tr_habit_of(self);
    tr_fifo over = {NULL, NULL};
    if (!habit->aside.head && !habit->loose) return;
    const bool abandoned = was_abandoned(self);
    move_those(&habit->aside, abandoned ? is_any : holds_no_place, &over);
    uint32_t ended = 0;
    for (const tr_link *link = over.head; link; link = link->next) ended++;
    tr_store32_relaxed(&habit->stashed, tr_load32_relaxed(&habit->stashed) - ended);
    if (habit->loose && !abandoned) take_out_loose(self, &over);
    (void)give_back(self, habit);
    habit->loose = false;
    for (tr_link *link; (link = tr_fifo_get(&over));) {
        troupe_msg *msg = tr_msg_of(link);
        tr_dead_letter(self->rt, tr_actor_ref(self), &msg, TR_DEAD_QUEUED, TROUPE_DEAD_STOPPED,
                       TROUPE_GONE);
    }
}

static bool take_link(tr_fifo *fifo, const troupe_msg *msg) {
    tr_link *before = NULL;
    for (tr_link *link = fifo->head; link; before = link, link = link->next) {
        if (link != &msg->link) continue;
        (void)tr_fifo_take_behind(fifo, before);
        return true;
    }
    return false;
}

troupe_msg *tr_stash_take_back(tr_turn *turn, troupe_self *self) {
    tr_habit *habit = tr_habit_of(self);
    tr_sched *sched = &self->rt->sched;
    troupe_msg *msg = habit->last;
    tr_hold hold = tr_route_hold(sched, &self->task);
    bool there = take_link(&habit->aside, msg);
    if (there) {
        tr_store32_relaxed(&habit->stashed, tr_load32_relaxed(&habit->stashed) - 1);
    } else if (!was_abandoned(self)) { /* else its mail has been taken away */
        tr_fifo mail = tr_mailbox_take_all(&self->task.box);
        there = take_link(&mail, msg);
        tr_mailbox_put_first(&self->task.box, mail);
    }
    tr_route_let_go(sched, hold);
    if (!there) return NULL;
    tr_store64_relaxed(&habit->set_aside, tr_load64_relaxed(&habit->set_aside) - 1);
    turn->owed = (uint8_t)((msg->flags & TR_MSG_COUNTED) | TR_OWES_COUNT);
    if (!habit->answered)
        tr_store32_relaxed(&self->in_hand, tr_load32_relaxed(&self->in_hand) | TR_UNANSWERED);
    return msg;
}
