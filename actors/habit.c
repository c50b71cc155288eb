#include "actors/habit.h"

#include "actors/guard.h"
#include "actors/route.h"
#include "actors/stash.h"
#include "base/heap.h"

/* The `receive` that its behaviour has from who wrote it. */
static troupe_receive own_receive(const troupe_self *self) {
    return tr_guard_real(self)->receive;
}

/* Others read about the actor under the guard of its home: so the behaviour changes there. */
static void put_on(troupe_self *self, const troupe_behaviour *what, bool has_habit) {
    tr_sched *sched = &self->rt->sched;
    tr_hold hold = tr_route_hold(sched, &self->task);
    self->what = what;
    self->has_habit = has_habit;
    tr_route_let_go(sched, hold);
}

tr_habit *tr_habit_make(troupe_self *self) {
    if (self->has_habit) return tr_habit_of(self);
    tr_habit *habit = tr_pool_take(&self->rt->pool, sizeof *habit);
    if (!habit) return NULL;
    *habit = (tr_habit){.what = *self->what, .was = self->what, .receive = own_receive(self)};
    put_on(self, &habit->what, true);
    return habit;
}

/* A guarded one keeps the guard's, which calls `habit->receive`. */
static void receive_by(troupe_self *self, tr_habit *habit, troupe_receive receive) {
    habit->receive = receive;
    if (habit->was == tr_guard_real(self)) habit->what.receive = receive;
}

troupe_err troupe_become(troupe_self *self, troupe_receive receive) {
    if (!receive && !self->has_habit) return TROUPE_OK;
    tr_habit *habit = tr_habit_make(self);
    if (!habit) return TROUPE_NOMEM;
    receive_by(self, habit, receive ? receive : own_receive(self));
    return TROUPE_OK;
}

void tr_habit_forget(troupe_self *self) {
    tr_habit *habit = tr_habit_of(self);
    if (!habit) return;
    tr_stash_end(self);
    receive_by(self, habit, own_receive(self));
    habit->at = NULL;
    habit->entering = habit->timed = false;
}

void tr_habit_end(troupe_self *self) {
    tr_habit *habit = tr_habit_of(self);
    if (!habit) return;
    self->what = habit->was; /* its generation is over: nobody else reads it */
    self->has_habit = false;
    tr_pool_give(&self->rt->pool, habit, sizeof *habit);
}
