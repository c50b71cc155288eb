#include "actors/exit.h"

#include "actors/find.h"
#include "actors/send.h"

const troupe_type troupe_exit_type =
    TROUPE_TYPE(troupe_exit, TROUPE_FIELD(troupe_exit, who), TROUPE_FIELD(troupe_exit, why),
                TROUPE_FIELD(troupe_exit, link));

void troupe_trap_exits(troupe_self *self, bool trap) {
    self->traps = trap || self->is_supervisor;
}

/* --- Sending ---------------------------------------------------------------------------------- */

/* Lets an exit signal in that has no tie: for the life that its receiver is in. An end for good, or
 * of a life, waits for the lock if it finds the mark. */
static troupe_err let_in(troupe *rt, tr_signal *signal) {
    troupe_self *to = tr_table_find(&rt->table, signal->to);
    if (!to || !tr_table_mark(to, (uint32_t)(signal->to >> 32), TR_CONTROL_WATCHED))
        return TROUPE_GONE;
    uint32_t limit = to->what->mailbox_limit;
    if (to->exits >= (limit ? limit : TROUPE_MAILBOX_DEFAULT)) return TROUPE_FULL;
    to->exits++;
    signal->epoch = to->epoch;
    return TROUPE_OK;
}

troupe_err troupe_exit_signal(troupe_self *self, troupe_ref to, troupe_err why) {
    troupe *rt = self->rt;
    if (!to.node && !to.id) return TROUPE_INVALID;
    if (to.node != rt->node) return TROUPE_NOCONNECTION;
    if (why == TROUPE_KILL) {
        (void)troupe_kill(rt, to); /* GONE: so it has ended already */
        return TROUPE_OK;
    }
    troupe_msg *msg;
    tr_signal what = {.to = to.id, .from = tr_actor_ref(self)};
    troupe_err err = tr_signal_make(rt, &troupe_exit_type, what, 0, &msg);
    if (err) return err;
    *(struct troupe_exit *)tr_msg_body(msg) =
        (struct troupe_exit){.who = what.from, .why = (uint32_t)why};
    tr_lock(&rt->ties.lock);
    err = let_in(rt, tr_signal_of(msg));
    tr_unlock(&rt->ties.lock);
    if (!err) err = tr_send_signal(rt, &msg);
    troupe_drop(&msg);
    return err == TROUPE_GONE ? TROUPE_OK : err;
}

/* --- Receiving -------------------------------------------------------------------------------- */

/* The tie that has sent a signal, if it is not void; under the lock. */
static tr_tie *tie_of(troupe_self *self, troupe_msg *msg) {
    tr_ties *ties = &self->rt->ties;
    const tr_signal *signal = tr_signal_of(msg);
    if (msg->type == &troupe_down_type) return tr_tie_find(ties, signal->number, self->rt->node);
    tr_tie *tie = NULL;
    do tie = tr_tie_find_link(ties, tr_actor_ref(self), signal->from, tie);
    while (tie && tie->number != signal->number);
    return tie;
}

/* Whether a signal still means something: nobody has taken its tie back, and the life that it is
 * for goes on. Its tie is over with this. */
static bool in_force(troupe_self *self, troupe_msg *msg) {
    troupe *rt = self->rt;
    const tr_signal *signal = tr_signal_of(msg);
    tr_tie *tie = NULL;
    tr_lock(&rt->ties.lock);
    if (!signal->number)
        self->exits--;
    else if ((tie = tie_of(self, msg)))
        tr_tie_take_out(&rt->ties, tie);
    tr_unlock(&rt->ties.lock);
    if (!signal->number) return signal->epoch == self->epoch;
    if (tie) tr_tie_end(rt, tie);
    return tie != NULL;
}

/* What an exit signal does to an actor that does not trap it. */
static void obey(troupe_self *self, troupe_msg *msg) {
    const struct troupe_exit *body = tr_msg_body(msg);
    bool own = !body->link && troupe_same(body->who, tr_actor_ref(self));
    if (body->why == TROUPE_OK && !own) return;
    tr_actor_set_doing(self, troupe_exit_type.name);
    self->sender = body->who;
    self->in_hand = TR_IN_HAND; /* for the report */
    self->answered = false;
    troupe_exit(self, (troupe_err)body->why);
}

bool tr_exit_arrived(troupe_self *self, troupe_msg *msg) {
    if (!in_force(self, msg)) return false;
    if (msg->type == &troupe_exit_type && !self->traps) {
        obey(self, msg);
        return false;
    }
    msg->generation = tr_actor_generation(self);
    return true;
}
