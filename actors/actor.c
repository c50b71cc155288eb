#include "actors/actor.h"

#include <stdarg.h>
#include <stdio.h>

#include "actors/report.h"
#include "actors/send.h"
#include "actors/supervisor.h"
#include "base/check.h"
#include "base/heap.h"

/* Messages that an actor handles in one turn before it gives way to others. */
enum { TURN_BUDGET = 64 };

const troupe_type tr_note_type = {"troupe_note", sizeof(struct tr_note_body), NULL, 0};

troupe *troupe_runtime(troupe_self *self) {
    return self->rt;
}

troupe_ref tr_actor_ref(const troupe_self *self) {
    return (troupe_ref){self->rt->node, (uint64_t)self->generation << 32 | self->place};
}

troupe_ref troupe_me(troupe_self *self) {
    return tr_actor_ref(self);
}

/* --- Birth ------------------------------------------------------------------------------------ */

troupe_err tr_actor_make(troupe *rt, const troupe_behaviour *what, const void *arg, tr_bond *bond,
                         troupe_self **out) {
    if (!what || !what->receive || what->mailbox_limit > TROUPE_MAILBOX_MAX) return TROUPE_INVALID;
    troupe_self *self = tr_table_take(&rt->table, !bond, what == &troupe_supervisor);
    if (!self) return TROUPE_NOMEM;
    self->rt = rt;
    self->what = what;
    self->state = NULL;
    self->arg = arg;
    self->bond = bond;
    self->name = NULL;
    tr_lock(&rt->names.lock);
    self->named_out = false;
    tr_unlock(&rt->names.lock);
    self->ready = self->stopping = self->ending = self->answered = false;
    self->status = TR_NEW;
    self->why = TROUPE_OK;
    self->lives = 0;
    self->in_hand = 0;
    self->sender = TROUPE_NOBODY;
    self->doing = "start";
    self->failure = NULL;
    self->cleanups = NULL;
    tr_list_init(&self->watchers);
    tr_list_init(&self->watching);
    tr_list_init(&self->timers);
    tr_mailbox_open(&self->box,
                    what->mailbox_limit ? what->mailbox_limit : TROUPE_MAILBOX_DEFAULT);
    /* A supervised actor rests until its supervisor asks for a start. */
    if (bond) (void)tr_or64_seq(&self->control, TR_CONTROL_FROZEN);
    (void)tr_and64_seq(&self->control, ~(uint64_t)TR_CONTROL_VACANT);
    *out = self;
    return TROUPE_OK;
}

/* --- Requests --------------------------------------------------------------------------------- */

bool tr_actor_request(troupe_self *self, uint32_t generation, uint32_t request) {
    uint64_t control = tr_load64_acquire(&self->control), next;
    do {
        if (control >> 32 != generation) return false;
        next = (control | request) & ~(uint64_t)TR_CONTROL_FROZEN;
    } while (!tr_cas64_seq(&self->control, &control, next));
    /* Who takes FROZEN away, or kicks the mailbox out of parking, is the one who queues it. */
    if ((control & TR_CONTROL_FROZEN) || tr_mailbox_kick(&self->box))
        tr_sched_submit(&self->rt->sched, self);
    return true;
}

static troupe_err request(troupe *rt, troupe_ref ref, uint32_t what) {
    if (ref.node != rt->node) return ref.node ? TROUPE_NOCONNECTION : TROUPE_GONE;
    troupe_self *self = tr_table_find(&rt->table, ref.id);
    bool ok = self && tr_actor_request(self, (uint32_t)(ref.id >> 32), what);
    return ok ? TROUPE_OK : TROUPE_GONE;
}

troupe_err troupe_stop(troupe *rt, troupe_ref ref) {
    return request(rt, ref, TR_CONTROL_STOP);
}

troupe_err troupe_kill(troupe *rt, troupe_ref ref) {
    return request(rt, ref, TR_CONTROL_KILL);
}

/* --- What a running actor says of itself ------------------------------------------------------ */

void troupe_exit(troupe_self *self, troupe_err why) {
    if (self->ending) return;
    self->ending = true;
    self->why = why;
}

/* The record of how this life failed, made at the first call; NULL: no memory. */
static tr_failure *failure_of(troupe_self *self) {
    if (self->failure) return NULL; /* the first failure is the one that counts */
    self->failure = tr_take_zero(self->rt->heap, sizeof *self->failure);
    if (!self->failure) return NULL;
    self->failure->doing = self->doing;
    self->failure->from = self->sender;
    return self->failure;
}

troupe_err troupe_fail_at(troupe_self *self, troupe_err why, const char *file, int line,
                          const char *format, ...) {
    if (why == TROUPE_OK) why = TROUPE_FAILED;
    tr_failure *failure = failure_of(self);
    if (failure) {
        failure->file = file;
        failure->line = line;
        va_list args;
        va_start(args, format);
        vsnprintf(failure->text, sizeof failure->text, format, args);
        va_end(args);
    }
    troupe_exit(self, why);
    return why;
}

static void tell_parent(troupe_self *self, tr_note *note, tr_note_what what, troupe_err why) {
    tr_msg_embed(&note->msg, &tr_note_type);
    note->body = (struct tr_note_body){self, what, why};
    troupe_msg *msg = &note->msg;
    troupe_ref parent = tr_actor_ref(self->bond->parent);
    /* A supervisor outlives its children, so this finds it. */
    TR_CHECK(tr_send(self->rt, tr_actor_ref(self), parent, TR_SEND_FREE, &msg) == TROUPE_OK);
}

void troupe_ready(troupe_self *self) {
    if (self->ready) return;
    self->ready = true;
    if (self->bond) tell_parent(self, &self->bond->ready, TR_NOTE_READY, TROUPE_OK);
}

troupe_err tr_port_on_end(troupe_self *self, void (*run)(void *ctx), void *ctx) {
    tr_cleanup *cleanup = tr_take(self->rt->heap, sizeof *cleanup);
    if (!cleanup) return TROUPE_NOMEM;
    *cleanup = (tr_cleanup){self->cleanups, run, ctx};
    self->cleanups = cleanup;
    return TROUPE_OK;
}

/* --- Death ------------------------------------------------------------------------------------ */

bool tr_clean(troupe_err why) {
    return why == TROUPE_OK || why == TROUPE_SHUTDOWN;
}

/* Gives back all that a life held. */
static void release(troupe_self *self) {
    for (tr_cleanup *cleanup; (cleanup = self->cleanups);) {
        self->cleanups = cleanup->next;
        cleanup->run(cleanup->ctx);
        tr_give(self->rt->heap, cleanup, sizeof *cleanup);
    }
    tr_timers_forget(&self->rt->timers, self);
    tr_ties_forget(self);
    tr_give(self->rt->heap, self->state, self->what->state_size);
    self->state = NULL;
}

/* Ends an actor for good; nobody may touch it after. */
static void bury(troupe_self *self) {
    troupe *rt = self->rt;
    troupe_ref me = tr_actor_ref(self);
    troupe_err why = self->why;
    self->status = TR_BURIED;
    tr_table_retire(self); /* first: once one call has said GONE, all do */
    tr_give(rt->heap, self->failure, sizeof *self->failure);
    self->failure = NULL;
    bool wanted = tr_mailbox_close(&self->box);
    for (tr_link *link; (link = tr_mailbox_pop(&self->box));) {
        troupe_msg *msg = tr_msg_of(link);
        tr_dead_letter(rt, me, &msg, TROUPE_GONE);
    }
    tr_names_forget(&rt->names, self);
    tr_ties_ended(self, why);
    tr_port *port = wanted ? tr_runtime_port(rt) : NULL;
    if (port) port->ops->room(port, me);
    tr_table_give(&rt->table, self);
}

/* Ends a life. True: the actor is held for its supervisor; false: it is buried. */
static bool end_life(troupe_self *self, troupe_err why) {
    bool started = self->status == TR_ALIVE;
    if (started && why != TROUPE_KILLED && self->what->stop) {
        self->doing = "stop";
        self->what->stop(self, self->state, why);
    }
    release(self);
    self->status = TR_HELD;
    self->why = why;
    if (!tr_clean(why)) (void)failure_of(self); /* at least with what it was doing */
    if (self->bond) {
        tell_parent(self, &self->bond->ended, TR_NOTE_ENDED, why);
        return true;
    }
    if (!tr_clean(why) && why != TROUPE_KILLED) tr_report_failure(self, why, "not supervised");
    bury(self);
    return false;
}

/* Ends the life if the callback that returned `err` failed or asked for it. False: buried. */
static bool after_callback(troupe_self *self, troupe_err err) {
    if (err) {
        (void)failure_of(self);
        troupe_exit(self, err);
    }
    return self->ending ? end_life(self, self->why) : true;
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Makes the state and runs `start`. An error: the life has not begun, and nothing of it is left. */
static troupe_err run_start(troupe_self *self) {
    const troupe_behaviour *what = self->what;
    if (what->state_size && !(self->state = tr_take_zero(self->rt->heap, what->state_size)))
        return TROUPE_NOMEM;
    troupe_err err = what->start ? what->start(self, self->state, self->arg) : TROUPE_OK;
    if (err && err != TROUPE_LATER) {
        (void)failure_of(self);
        troupe_exit(self, err);
        if (!self->why) self->why = err; /* also after troupe_exit(self, TROUPE_OK) */
        return self->why;
    }
    self->status = TR_ALIVE;
    if (!err) troupe_ready(self);
    return TROUPE_OK;
}

/* Forgets how the last life ended. */
static void renew(troupe_self *self) {
    tr_give(self->rt->heap, self->failure, sizeof *self->failure);
    self->failure = NULL;
    self->ready = self->stopping = self->ending = false;
    self->why = TROUPE_OK;
    self->sender = TROUPE_NOBODY;
    self->doing = "start";
    self->lives++;
}

/* Begins a life of a supervised actor; its supervisor hears how it went. */
static void begin_life(troupe_self *self) {
    renew(self);
    troupe_err err = run_start(self);
    if (err)
        (void)end_life(self, err);
    else
        (void)after_callback(self, TROUPE_OK);
}

troupe_err troupe_spawn(troupe *rt, const troupe_behaviour *what, const void *arg,
                        troupe_ref *out) {
    if (tr_load32_acquire(&rt->closing)) return TROUPE_CLOSED;
    troupe_self *self;
    troupe_err err = tr_actor_make(rt, what, arg, NULL, &self);
    if (err) return err;
    /* A close that began meanwhile may have asked everybody to stop before this one was there. If
     * so, the table's lock, which both have held, makes `closing` visible here. */
    if (tr_load32_acquire(&rt->closing)) {
        bury(self);
        return TROUPE_CLOSED;
    }
    troupe_ref me = tr_actor_ref(self);
    troupe *before = tr_sched_mark(rt);
    renew(self);
    err = run_start(self);
    if (err) {
        release(self);
        bury(self);
    } else if (after_callback(self, TROUPE_OK)) {
        /* From here on it runs by itself: `start` may have sent itself mail, or been asked to. */
        tr_sched_submit(&rt->sched, self);
    }
    (void)tr_sched_mark(before);
    if (!err) *out = me;
    return err;
}

/* Gives the place of a message back, and tells who waits for room. */
static void handled(troupe_self *self, uint32_t flags) {
    bool room = (flags & TR_MSG_COUNTED) && tr_mailbox_handled(&self->box);
    tr_port *port = room ? tr_runtime_port(self->rt) : NULL;
    if (port) port->ops->room(port, tr_actor_ref(self));
}

/* Runs `receive` on one message and ends it. False: the actor is buried. */
static bool receive(troupe_self *self, troupe_msg *msg) {
    troupe *rt = self->rt;
    if (msg->generation != self->generation) { /* it was for one who had this place before */
        uint32_t flags = msg->flags;
        tr_dead_letter(rt, TROUPE_NOBODY, &msg, TROUPE_GONE);
        handled(self, flags);
        return true;
    }
    self->in_hand = msg->flags;
    self->sender = msg->sender;
    self->doing = msg->type->name;
    self->answered = false;
    troupe_err err = self->what->receive(self, self->state, &msg);
    bool failed = err || (self->ending && !tr_clean(self->why));
    if ((self->in_hand & TR_MSG_ASK) && (failed || self->ending) && !self->answered)
        tr_ask_unanswered(rt, self->sender, failed ? TROUPE_FAILED : TROUPE_GONE);
    if (failed && msg) {
        msg->flags &= ~(uint32_t)TR_MSG_ASK; /* its asker has been told */
        tr_dead_letter(rt, tr_actor_ref(self), &msg, TROUPE_FAILED);
    }
    troupe_drop(&msg);
    handled(self, self->in_hand);
    bool there = after_callback(self, err);
    if (there) {
        self->in_hand = 0;
        self->sender = TROUPE_NOBODY;
    }
    return there;
}

static void ask_to_stop(troupe_self *self) {
    self->doing = "stopping";
    troupe_err err = self->what->stopping ? self->what->stopping(self, self->state) : TROUPE_OK;
    self->stopping = true;
    if (err == TROUPE_LATER) return;
    if (err) (void)failure_of(self);
    troupe_exit(self, err ? err : TROUPE_SHUTDOWN);
}

/* Does what was asked of the actor. False: it is buried. */
static bool obey(troupe_self *self) {
    uint64_t asked = tr_and64_seq(&self->control, ~(uint64_t)TR_CONTROL_REQUESTS);
    if (asked & TR_CONTROL_BURY) {
        TR_ASSERT(self->status == TR_HELD);
        bury(self);
        return false;
    }
    bool unborn = self->status != TR_ALIVE;
    if ((asked & TR_CONTROL_START) && unborn) {
        if (self->status == TR_HELD) tr_ties_ended(self, self->why);
        if (asked & (TR_CONTROL_KILL | TR_CONTROL_STOP)) {
            renew(self);
            return end_life(self, asked & TR_CONTROL_KILL ? TROUPE_KILLED : TROUPE_SHUTDOWN);
        }
        begin_life(self);
    }
    if (self->status != TR_ALIVE) return true;
    if (asked & TR_CONTROL_KILL) {
        if (self->is_supervisor && tr_supervisor_kill(self, self->state)) return true;
        self->doing = "kill";
        return end_life(self, TROUPE_KILLED);
    }
    if ((asked & TR_CONTROL_STOP) && !self->stopping) {
        ask_to_stop(self);
        return after_callback(self, TROUPE_OK);
    }
    return true;
}

/* Rests while held, until a request comes. False: one has come. */
static bool freeze(troupe_self *self) {
    uint64_t control = tr_load64_acquire(&self->control);
    do {
        if (control & TR_CONTROL_REQUESTS) return false;
    } while (!tr_cas64_seq(&self->control, &control, control | TR_CONTROL_FROZEN));
    return true;
}

/* Rests until mail or a request comes. False: one has come. */
static bool park(troupe_self *self) {
    if (!tr_mailbox_park(&self->box)) return false;
    /* A request that came before the parking found nothing to kick. Now either this look sees it,
     * or it comes after the parking and kicks: both are sequentially consistent. */
    bool asked = tr_load64_seq(&self->control) & TR_CONTROL_REQUESTS;
    return !(asked && tr_mailbox_kick(&self->box));
}

bool tr_actor_turn(troupe_self *self) {
    for (int i = 0; i < TURN_BUDGET; i++) {
        if (tr_load64_acquire(&self->control) & TR_CONTROL_REQUESTS) {
            if (!obey(self)) return false;
        } else if (self->status != TR_ALIVE) {
            if (freeze(self)) return false;
        } else {
            tr_link *link = tr_mailbox_pop(&self->box);
            if (link ? !receive(self, tr_msg_of(link)) : park(self)) return false;
        }
    }
    return true;
}
