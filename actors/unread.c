#include "actors/unread.h"

#include <troupe/link.h>

#include "actors/abandon.h"
#include "actors/send.h"
#include "actors/stash.h"
#include "serial/share.h"

/* Whether it is the message that it has failed on: the next that is handled, so nothing else has
 * been since; unless that was dropped for another (overflow.h), which is in no way its heir, not
 * even if it has got its memory: a send takes AGAIN away. */
static bool has_failed_on(const troupe_self *self, const troupe_msg *msg) {
    const tr_bond *bond = self->bond;
    return bond->tries && bond->again == msg && msg->flags & TR_MSG_AGAIN &&
           bond->tried_at == tr_load64_relaxed(&self->handled);
}

bool tr_unread_is_again(const troupe_self *self, const troupe_msg *msg) {
    return self->bond && has_failed_on(self, msg);
}

void tr_unread_flush(troupe_self *self) {
    troupe *rt = self->rt;
    troupe_ref me = tr_actor_ref(self);
    tr_fifo mail = tr_turn_take_mail(&rt->sched, &self->task);
    tr_link *first = mail.head;
    tr_link *again = first && has_failed_on(self, tr_msg_of(first)) ? tr_fifo_get(&mail) : NULL;
    tr_link *signals = NULL; /* the last one first */
    uint32_t places = 0, ended = 0;
    for (tr_link *link; (link = tr_fifo_get(&mail));) {
        troupe_msg *msg = tr_msg_of(link);
        if (!tr_is_mail(msg)) {
            link->next = signals;
            signals = link;
            continue;
        }
        places += (msg->flags & TR_MSG_COUNTED) != 0;
        ended++;
        tr_dead_letter_queued(self, &msg, TROUPE_DEAD_FLUSHED, TROUPE_FAILED);
    }
    for (tr_link *link; (link = signals);) {
        signals = link->next;
        tr_turn_put_back(&rt->sched, &self->task, link);
    }
    if (again) tr_turn_put_back(&rt->sched, &self->task, again);
    tr_store32_relaxed(&self->flushed, tr_load32_relaxed(&self->flushed) + ended);
    bool wanted = tr_turn_give_places(&rt->sched, &self->task, places);
    if (wanted) tr_rooms_freed(rt, me);
}

/* A signal that was received is a message like others, but of the life that it was for. */
static bool was_signal(const troupe_msg *msg) {
    const troupe_type *what = tr_msg_content(msg)->type;
    bool type = what == &troupe_down_type || what == &troupe_exit_type ||
                what == &troupe_room_type || what == &troupe_group_changed_type;
    return type && !(msg->flags & TR_MSG_COUNTED);
}

static bool try_again(tr_turn *turn, troupe_self *self, troupe_msg *msg, troupe_dead *reason) {
    tr_bond *bond = self->bond;
    if (!bond || !bond->poison_after || was_signal(msg)) return false;
    if (self->asks & TR_ASKS_ANSWER) return false; /* that was asked for by the life that ends */
    uint32_t tries = has_failed_on(self, msg) ? bond->tries + 1 : 1;
    bond->tries = 0;
    if (tr_actor_answered(self)) return false; /* it would be answered twice */
    if (tries >= bond->poison_after) {
        *reason = TROUPE_DEAD_QUARANTINED;
        return false;
    }
    bond->tries = tries;
    bond->again = msg;
    msg->flags |= TR_MSG_AGAIN;
    bond->tried_at = tr_load64_relaxed(&self->handled);
    turn->owed = TR_OWES_NOTHING; /* it was not handled, and keeps its place */
    tr_stash_give_back(self);     /* behind it: nothing is handled before it */
    tr_turn_put_back(&self->rt->sched, &self->task, &msg->link);
    return true;
}

bool tr_unread_again(tr_turn *turn, troupe_self *self, troupe_msg *msg, troupe_dead *reason) {
    *reason = TROUPE_DEAD_FAILED;
    /* Its supervisor may be giving it up: then neither the bond nor the mailbox is its own. */
    if (!tr_abandon_may_tell(self, 0)) return false;
    bool again = try_again(turn, self, msg, reason);
    tr_abandon_told(self);
    return again;
}
