#include <troupe/machine.h>

#include "actors/habit.h"

troupe_err troupe_transition(troupe_self *self, const troupe_state *to) {
    if (!to || !to->receive) return TROUPE_INVALID;
    tr_habit *habit = tr_habit_make(self);
    if (!habit) return TROUPE_NOMEM;
    if (habit->entering) return TROUPE_INVALID;
    if (habit->at == to) return TROUPE_OK;
    troupe_err err = troupe_become(self, to->receive);
    if (err) return err;
    (void)troupe_end_state_timeout(self);
    habit->at = to;
    (void)troupe_unstash_all(self);
    if (!to->enter) return TROUPE_OK;
    habit->entering = true;
    err = to->enter(self, self->state);
    habit->entering = false;
    return err;
}

const troupe_state *troupe_state_of(troupe_self *self) {
    const tr_habit *habit = tr_habit_of(self);
    return habit ? habit->at : NULL;
}

troupe_err troupe_state_timeout(troupe_self *self, unsigned ms, troupe_msg **msg) {
    tr_habit *habit = tr_habit_of(self);
    troupe_timer timer;
    if (!habit || !habit->at) return TROUPE_INVALID;
    troupe_err err = troupe_send_after(self, ms, troupe_me(self), msg, &timer);
    if (err) return err;
    (void)troupe_end_state_timeout(self);
    habit->timed = true;
    habit->timeout = timer;
    return TROUPE_OK;
}

troupe_err troupe_end_state_timeout(troupe_self *self) {
    tr_habit *habit = tr_habit_of(self);
    if (!habit || !habit->timed) return TROUPE_NOTFOUND;
    habit->timed = false;
    return troupe_cancel(self, habit->timeout);
}
