#include "actors/unread.h"

#include "actors/send.h"

/* Whether the first of its mail is a message that it failed on: it is the next that is handled, so
 * nothing else has been since. */
static bool has_failed_on_first(const troupe_self *self) {
    return self->bond->tries && self->bond->tried_at == tr_load64_relaxed(&self->handled);
}

void tr_unread_flush(troupe_self *self) {
    troupe *rt = self->rt;
    troupe_ref me = tr_actor_ref(self);
    tr_fifo mail = tr_turn_take_mail(&rt->sched, &self->task);
    tr_link *again = has_failed_on_first(self) ? tr_fifo_get(&mail) : NULL;
    if (again) tr_turn_put_back(&rt->sched, &self->task, again);
    uint32_t places = 0, ended = 0;
    for (tr_link *link; (link = tr_fifo_get(&mail)); ended++) {
        troupe_msg *msg = tr_msg_of(link);
        places += (msg->flags & TR_MSG_COUNTED) != 0;
        tr_dead_letter(rt, me, &msg, TR_DEAD_QUEUED, TROUPE_DEAD_FLUSHED, TROUPE_FAILED);
    }
    tr_store32_relaxed(&self->failed, tr_load32_relaxed(&self->failed) + ended);
    bool wanted = tr_turn_give_places(&rt->sched, &self->task, places);
    tr_port *port = wanted ? tr_runtime_port(rt) : NULL;
    if (port) port->ops->room(port, me);
}

bool tr_unread_again(tr_turn *turn, troupe_self *self, troupe_msg *msg, troupe_dead *reason) {
    tr_bond *bond = self->bond;
    *reason = TROUPE_DEAD_FAILED;
    if (!bond || !bond->poison_after) return false;
    uint32_t tries = has_failed_on_first(self) ? bond->tries + 1 : 1;
    bond->tries = 0;
    if (self->answered) return false; /* it would be answered twice */
    if (tries >= bond->poison_after) {
        *reason = TROUPE_DEAD_QUARANTINED;
        return false;
    }
    bond->tries = tries;
    bond->tried_at = tr_load64_relaxed(&self->handled);
    turn->owed = false; /* it was not handled, and keeps its place */
    tr_turn_put_back(&self->rt->sched, &self->task, &msg->link);
    return true;
}
