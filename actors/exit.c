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
 * of a life, waits for the lock if it finds the mark. `counted`: the bound of messages is its. */
static troupe_err let_in(troupe *rt, tr_signal *signal, bool counted) {
    troupe_self *to = tr_table_find(&rt->table, signal->to);
    if (!to || !tr_table_mark(to, (uint32_t)(signal->to >> 32), TR_CONTROL_WATCHED))
        return TROUPE_GONE;
    uint32_t limit = tr_mailbox_limit(&to->task.box); /* 0: a simulation has it be full */
    if (!counted && to->exits >= (limit ? limit : TROUPE_MAILBOX_DEFAULT)) return TROUPE_FULL;
    to->exits++;
    signal->epoch = to->epoch;
    return TROUPE_OK;
}

static troupe_err signal_far(troupe *rt, troupe_ref me, troupe_ref to, troupe_err why) {
    tr_port *port = to.node ? tr_runtime_port(rt) : NULL;
    if (!port) return TROUPE_NOCONNECTION;
    troupe_err err = port->ops->exit_signal(port, me, to, why);
    return err == TROUPE_GONE ? TROUPE_OK : err;
}

troupe_err troupe_exit_signal(troupe_self *self, troupe_ref to, troupe_err why) {
    troupe *rt = self->rt;
    if (!to.node && !to.id) return TROUPE_INVALID;
    if (to.node != rt->node) return signal_far(rt, tr_actor_ref(self), to, why);
    if (why == TROUPE_KILL) {
        (void)troupe_kill(rt, to); /* GONE: so it has ended already */
        return TROUPE_OK;
    }
    troupe_msg *msg;
    troupe_err err = tr_port_signal(rt, tr_actor_ref(self), to, why, &msg);
    if (err) return err;
    tr_lock(&rt->ties.lock);
    err = let_in(rt, tr_signal_of(msg), false);
    tr_unlock(&rt->ties.lock);
    if (!err) err = tr_send_signal(rt, TR_SEND_FREE, &msg);
    troupe_drop(&msg);
    return err == TROUPE_GONE ? TROUPE_OK : err;
}

/* --- Over nodes ------------------------------------------------------------------------------- */

troupe_err tr_port_signal(troupe *rt, troupe_ref from, troupe_ref to, troupe_err why,
                          troupe_msg **out) {
    tr_signal what = {.to = to.id, .from = from};
    troupe_err err = tr_signal_make(rt, &troupe_exit_type, what, 0, out);
    if (err) return err;
    *(struct troupe_exit *)tr_msg_body(*out) =
        (struct troupe_exit){.who = from, .why = (uint32_t)why};
    return TROUPE_OK;
}

/* A signal that was let in has found no place, after all. */
static void let_out(troupe *rt, const tr_signal *signal) {
    tr_lock(&rt->ties.lock);
    troupe_self *to = tr_table_find(&rt->table, signal->to);
    if (to) to->exits--;
    tr_unlock(&rt->ties.lock);
}

troupe_err tr_port_signal_in(troupe *rt, troupe_msg **signal) {
    tr_lock(&rt->ties.lock);
    troupe_err err = let_in(rt, tr_signal_of(*signal), true);
    tr_unlock(&rt->ties.lock);
    if (!err && (err = tr_send_signal(rt, 0, signal)) == TROUPE_FULL)
        let_out(rt, tr_signal_of(*signal));
    return err;
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
    tr_actor_set_in_hand(self, TR_IN_HAND, body->who); /* for the report */
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
