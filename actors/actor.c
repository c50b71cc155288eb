#include "actors/actor.h"
#include "actors/find.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/report.h"
#include "actors/send.h"
#include "actors/supervisor.h"
#include "actors/turn.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/place.h"

const troupe_type tr_note_type = {"troupe_note", sizeof(struct tr_note_body), NULL, 0};

troupe *troupe_runtime(troupe_self *self) {
    return self->rt;
}

troupe_ref troupe_me(troupe_self *self) {
    return tr_actor_ref(self);
}

/* What it is doing, for reports. Relaxed: the text is constant, and the watch reads it while this
 * actor can't go on (tr_turn_unwatch). */
static const char *doing(const troupe_self *self) {
    return (const char *)(uintptr_t)tr_load64_relaxed(&self->doing);
}

static void set_doing(troupe_self *self, const char *what) {
    tr_store64_relaxed(&self->doing, (uint64_t)(uintptr_t)what);
}

/* --- Birth ------------------------------------------------------------------------------------ */

troupe_err tr_actor_make(troupe *rt, const troupe_behaviour *what, const void *arg, tr_bond *bond,
                         troupe_self **out) {
    if (!what || !what->receive || what->mailbox_limit > TROUPE_MAILBOX_MAX) return TROUPE_INVALID;
    bool blocking = what->blocking && !rt->sim;
    if (blocking && rt->sched.stepped) return TROUPE_INVALID;
    if (blocking && !tr_blocking_ready(&rt->sched.blocking)) return TROUPE_SYSTEM;
    const tr_worker *worker = tr_sched_mine(&rt->sched);
    bool is_supervisor = what == &troupe_supervisor;
    troupe_self *self =
        tr_table_take(&rt->table, worker ? worker->index : TR_NOWHERE, is_supervisor && !bond);
    if (!self) return TROUPE_NOMEM;
    self->is_supervisor = is_supervisor;
    self->rt = rt;
    self->what = what;
    self->state = NULL;
    self->arg = arg;
    self->bond = bond;
    self->name = NULL;
    self->ready = self->stopping = self->ending = self->answered = false;
    self->has_timers = self->has_watched = false;
    self->status = TR_NEW;
    self->why = TROUPE_OK;
    self->lives = 0;
    tr_store64_relaxed(&self->handled, 0);
    tr_store32_relaxed(&self->failed, 0);
    self->in_hand = 0;
    set_doing(self, "start");
    self->failure = NULL;
    self->cleanups = NULL;
    tr_list_init(&self->watchers);
    tr_list_init(&self->watching);
    tr_list_init(&self->timers);
    /* A supervised actor rests until its supervisor asks for a start. */
    tr_route_adopt(&rt->sched, &self->task,
                   what->mailbox_limit ? what->mailbox_limit : TROUPE_MAILBOX_DEFAULT, bond,
                   blocking);
    /* Release: who finds the actor finds it whole. Seq: `closing` is looked at after this, and a
     * close looks at this after it has set `closing`. */
    tr_store64_seq(&self->task.control, (uint64_t)tr_actor_generation(self) << 32 |
                                            (bond ? TR_CONTROL_FROZEN : TR_CONTROL_TOP) |
                                            (blocking ? TR_CONTROL_BLOCKING : 0));
    *out = self;
    return TROUPE_OK;
}

/* --- Requests --------------------------------------------------------------------------------- */

static troupe_err request(troupe *rt, troupe_ref ref, uint32_t what) {
    if (ref.node != rt->node) return ref.node ? TROUPE_NOCONNECTION : TROUPE_GONE;
    troupe_self *self = tr_table_find(&rt->table, ref.id);
    bool ok = self && tr_route_request(&rt->sched, &self->task, (uint32_t)(ref.id >> 32), what);
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
    self->failure->doing = doing(self);
    self->failure->from = troupe_sender(self);
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
    if (self->has_timers) tr_timers_forget(&self->rt->timers, self);
    if (self->has_watched) tr_ties_forget(self);
    tr_pool_give(&self->rt->pool, self->state, self->what->state_size);
    self->state = NULL;
}

static void give_place(troupe_self *self) {
    const tr_worker *worker = tr_sched_mine(&self->rt->sched);
    tr_table_give(&self->rt->table, worker ? worker->index : TR_NOWHERE, self);
}

/* Ends an actor for good; nobody may touch it after. */
static void bury(troupe_self *self) {
    troupe *rt = self->rt;
    troupe_ref me = tr_actor_ref(self);
    troupe_err why = self->why;
    self->status = TR_BURIED;
    /* Who finds that it is gone finds its name free. It may get one until it is retired, though. */
    if (tr_load64_acquire(&self->task.control) & TR_CONTROL_NAMED)
        tr_names_forget(&rt->names, self);
    uint64_t marks = tr_table_retire(self); /* once one call has said GONE, all do */
    tr_give(rt->heap, self->failure, sizeof *self->failure);
    self->failure = NULL;
    bool wanted = tr_mailbox_close(&self->task.box);
    tr_fifo mail = tr_turn_take_mail(&rt->sched, &self->task);
    for (tr_link *link; (link = tr_fifo_get(&mail));) {
        troupe_msg *msg = tr_msg_of(link);
        tr_dead_letter(rt, me, &msg, TR_DEAD_QUEUED, TROUPE_DEAD_STOPPED, TROUPE_GONE);
    }
    if (marks & TR_CONTROL_NAMED) tr_names_forget(&rt->names, self);
    if (marks & TR_CONTROL_WATCHED) tr_ties_ended(self, why);
    tr_port *port = wanted ? tr_runtime_port(rt) : NULL;
    if (port) port->ops->room(port, me);
    /* A call may be on its way, through this very memory: then its turn is the last (see there). */
    if (tr_turn_release(&rt->sched, &self->task)) give_place(self);
}

/* Ends a life. True: the actor is held for its supervisor; false: it is buried. */
static bool end_life(troupe_self *self, troupe_err why) {
    tr_turn_unwatch(&self->rt->sched);
    bool started = self->status == TR_ALIVE;
    if (!tr_clean(why)) (void)failure_of(self); /* at least with what it was doing */
    if (started && why != TROUPE_KILLED && self->what->stop) {
        set_doing(self, "stop");
        self->what->stop(self, self->state, why);
    }
    release(self);
    self->status = TR_HELD;
    self->why = why;
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
    if (what->state_size) {
        self->state = tr_pool_take(&self->rt->pool, what->state_size);
        if (!self->state) return TROUPE_NOMEM;
        memset(self->state, 0, what->state_size);
    }
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
    set_doing(self, "start");
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
    /* A close that began meanwhile may have asked everybody to stop before this one was there. It
     * says so first and then counts the living; this one was counted before: one sees the other. */
    if (tr_load32_seq(&rt->closing)) {
        bury(self);
        return TROUPE_CLOSED;
    }
    troupe_ref me = tr_actor_ref(self);
    tr_place before = tr_place_enter((tr_place){.runtime = rt});
    renew(self);
    err = run_start(self);
    if (err) {
        release(self);
        bury(self);
    } else if (after_callback(self, TROUPE_OK)) {
        /* From here on it runs by itself: `start` may have sent itself mail, or been asked to. */
        tr_route_settle(&rt->sched, &self->task, what->blocking && !rt->sim);
    }
    (void)tr_place_enter(before);
    if (!err) *out = me;
    return err;
}

/* Tells the port that a mailbox has room. Also after the turn is over, when the actor may be in
 * other hands already. */
static TR_COLD void tell_room(tr_turn *turn, uint64_t id) {
    turn->room = false;
    tr_port *port = tr_runtime_port(turn->sched->rt);
    if (port) port->ops->room(port, (troupe_ref){turn->sched->rt->node, id});
}

static inline void count_handled(troupe_self *self) {
    tr_store64_relaxed(&self->handled, tr_load64_relaxed(&self->handled) + 1);
}

/* Ends a message after which the actor fails or ends, and the life. False: the actor is buried. */
static TR_COLD bool receive_no_more(tr_turn *turn, troupe_self *self, troupe_msg *msg,
                                    troupe_err err) {
    troupe *rt = self->rt;
    bool failed = err || !tr_clean(self->why);
    if ((self->in_hand & TR_MSG_ASK) && !self->answered)
        tr_ask_unanswered(rt, self->sender, failed ? TROUPE_FAILED : TROUPE_GONE);
    if (failed && msg) {
        msg->flags &= ~(uint32_t)TR_MSG_ASK; /* its asker has been told */
        tr_dead_letter(rt, tr_actor_ref(self), &msg, TR_DEAD_IN_HAND, TROUPE_DEAD_FAILED,
                       TROUPE_FAILED);
        tr_store32_relaxed(&self->failed, tr_load32_relaxed(&self->failed) + 1);
    } else {
        count_handled(self);
    }
    troupe_drop(&msg);
    tr_turn_settle(turn); /* a report says how much mail is kept */
    if (turn->room) tell_room(turn, self->id);
    if (!after_callback(self, err)) return false;
    self->in_hand = 0;
    return true;
}

/* Ends a message that was for an actor which had this place before. */
static TR_COLD void end_late_comer(troupe *rt, troupe_msg *msg) {
    tr_dead_letter(rt, TROUPE_NOBODY, &msg, TR_DEAD_IN_HAND, TROUPE_DEAD_GONE, TROUPE_GONE);
}

/* Runs `receive` on one message and ends it. False: the actor is buried. */
static bool receive(tr_turn *turn, troupe_self *self, troupe_msg *msg) {
    troupe *rt = self->rt;
    turn->owed = true;
    turn->counted = msg->flags & TR_MSG_COUNTED;
    if (TR_UNLIKELY(msg->generation != tr_actor_generation(self))) {
        end_late_comer(rt, msg);
        return true;
    }
    self->in_hand = msg->flags | TR_IN_HAND;
    self->sender = tr_msg_sender(msg, rt->node);
    set_doing(self, msg->type->name);
    self->answered = false;
    troupe_err err = self->what->receive(self, self->state, &msg);
    if (__builtin_expect(err || self->ending, 0)) return receive_no_more(turn, self, msg, err);
    if (msg) tr_msg_drop(msg);
    self->in_hand = 0;
    count_handled(self);
    return true;
}

static void ask_to_stop(troupe_self *self) {
    set_doing(self, "stopping");
    troupe_err err = self->what->stopping ? self->what->stopping(self, self->state) : TROUPE_OK;
    self->stopping = true;
    if (err == TROUPE_LATER) return;
    if (err) (void)failure_of(self);
    troupe_exit(self, err ? err : TROUPE_SHUTDOWN);
}

/* Does what was asked of the actor. False: it is buried. */
static TR_COLD bool obey(troupe_self *self) {
    uint64_t asked = tr_and64_seq(&self->task.control, ~(uint64_t)TR_CONTROL_REQUESTS);
    if (asked & TR_CONTROL_BURY) {
        TR_ASSERT(self->status == TR_HELD);
        bury(self);
        return false;
    }
    bool unborn = self->status != TR_ALIVE;
    if ((asked & TR_CONTROL_START) && unborn) {
        if (self->status == TR_HELD &&
            (tr_load64_acquire(&self->task.control) & TR_CONTROL_WATCHED))
            tr_ties_ended(self, self->why);
        if (asked & (TR_CONTROL_KILL | TR_CONTROL_STOP)) {
            renew(self);
            return end_life(self, asked & TR_CONTROL_KILL ? TROUPE_KILLED : TROUPE_SHUTDOWN);
        }
        begin_life(self);
    }
    if (self->status != TR_ALIVE) return true;
    if (asked & TR_CONTROL_KILL) {
        if (self->is_supervisor && tr_supervisor_kill(self, self->state)) return true;
        set_doing(self, "kill");
        return end_life(self, TROUPE_KILLED);
    }
    if ((asked & TR_CONTROL_STOP) && !self->stopping) {
        ask_to_stop(self);
        return after_callback(self, TROUPE_OK);
    }
    return true;
}

void tr_task_turn(tr_turn *turn) {
    troupe_self *self = TR_OWNER(turn->task, troupe_self, task);
    if (self->status == TR_BURIED) { /* this was the call that its burial could not wait for */
        if (tr_turn_release(turn->sched, turn->task)) give_place(self);
        return;
    }
    const uint64_t id = self->id; /* after its turn the actor may be in other hands */
    while (!turn->over) {
        tr_link *link = NULL;
        if (tr_load64_acquire(&self->task.control) & TR_CONTROL_REQUESTS) {
            if (turn->owed) tr_turn_settle(turn); /* it may be the last of this actor */
            if (TR_UNLIKELY(turn->room)) tell_room(turn, id);
            if (!obey(self)) return;
        } else if (self->status != TR_ALIVE) {
            tr_turn_freeze(turn);
        } else if ((link = tr_turn_next(turn))) {
            if (TR_UNLIKELY(turn->room)) tell_room(turn, id);
            if (!receive(turn, self, tr_msg_of(link))) return;
        }
        if (TR_UNLIKELY(turn->room)) tell_room(turn, id);
    }
}

void tr_task_describe(const tr_task *task, char *text, size_t room) {
    const troupe_self *self = (const troupe_self *)(const void *)task; /* it is the first member */
    char path[256];
    tr_actor_path(self, path, sizeof path);
    snprintf(text, room, "%s in %s", path, doing(self));
}
