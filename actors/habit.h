/* What an actor has made of its behaviour: another `receive` for now, messages that are set aside,
 * the state of a machine. Most actors have none of it: it is made when it is first wanted, and goes
 * with the actor. README.md, "Habits". */
#ifndef TR_ACTORS_HABIT_H
#define TR_ACTORS_HABIT_H

#include <troupe/machine.h>

#include "actors/actor.h"

/* Fields without a remark belong to whoever runs the actor. */
typedef struct tr_habit {
    troupe_behaviour what;       /* the actor's own one, constant but for `receive` */
    const troupe_behaviour *was; /* constant: what it was made of, guarded or not */
    troupe_receive receive;      /* what handles its messages, maybe within a guard */
    tr_fifo aside;               /* what is set aside, the oldest first */
    tr_atomic32 stashed;         /* how many; changed with the mailbox, under its guard */
    tr_atomic64 set_aside;       /* how many times a message was: its `handled` has these too */
    troupe_msg *last;            /* that was set aside last; only of use in that callback */
    bool answered;               /* that one was, before */
    bool loose;                  /* what holds no place was given back to the mailbox */
    bool entering;               /* an `enter` runs */
    bool timed;                  /* `timeout` was set in this state */
    const troupe_state *at;      /* of the machine; NULL: in none */
    troupe_timer timeout;
} tr_habit;

/* The actor's; NULL: it has none. By whoever runs it, or under the guard of its home. */
static inline tr_habit *tr_habit_of(const troupe_self *self) {
    if (!self->has_habit) return NULL;
    return TR_OWNER((troupe_behaviour *)(uintptr_t)self->what, tr_habit, what);
}

/* The same, made if there is none yet; NULL: no memory. By whoever runs it. */
tr_habit *tr_habit_make(troupe_self *self);

/* The behaviour that the actor was made with, guarded or not. By whoever runs it. */
static inline const troupe_behaviour *tr_habit_was(const troupe_self *self) {
    const tr_habit *habit = tr_habit_of(self);
    return habit ? habit->was : self->what;
}

/* The `receive` that handles its messages; `real` is its behaviour without a guard. */
static inline troupe_receive tr_habit_receive(const troupe_self *self,
                                              const troupe_behaviour *real) {
    const tr_habit *habit = tr_habit_of(self);
    return habit ? habit->receive : real->receive;
}

/* Messages that are set aside, and how many times one was. Under the guard of its home, too. */
static inline uint32_t tr_habit_stashed(const troupe_self *self) {
    const tr_habit *habit = tr_habit_of(self);
    return habit ? tr_load32_relaxed(&habit->stashed) : 0;
}
static inline uint64_t tr_habit_set_aside(const troupe_self *self) {
    const tr_habit *habit = tr_habit_of(self);
    return habit ? tr_load64_relaxed(&habit->set_aside) : 0;
}

/* The life is over: the next one begins as the behaviour says. By whoever runs it. */
void tr_habit_forget(troupe_self *self);

/* Gives it back, and the actor the behaviour that it was made with, since it has ended. */
void tr_habit_end(troupe_self *self);

#endif
