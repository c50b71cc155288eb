#include "actors/actor.h"
#include "actors/find.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/abandon.h"
#include "actors/callers.h"
#include "actors/guard.h"
#include "actors/overflow.h"
#include "actors/report.h"
#include "actors/send.h"
#include "actors/stamp.h"
#include "actors/supervisor.h"
#include "actors/turn.h"
#include "base/check.h"
#include "base/heap.h"

const troupe_type tr_note_type = {"troupe_note", sizeof(struct tr_note_body), NULL, 0, TROUPE_FLAT};

troupe *troupe_runtime(troupe_self *self) {
    return self->rt;
}

troupe_ref troupe_me(troupe_self *self) {
    return tr_actor_ref(self);
}

bool tr_actor_is_meant(const troupe_self *self, troupe_msg *msg) {
    if (!msg->generation) return tr_signal_of(msg)->to == self->id;
    const uint32_t mine = tr_actor_generation(self);
    return msg->generation == (msg->flags & TR_MSG_ASK ? tr_ask_generation(mine) : mine);
}

/* --- Birth ------------------------------------------------------------------------------------ */

troupe_err tr_actor_make(troupe *rt, const troupe_behaviour *what, tr_bond *bond,
                         troupe_self **out) {
    if (!what || !what->receive || what->mailbox_limit > TROUPE_MAILBOX_MAX ||
        (unsigned)what->overflow > TROUPE_COALESCE ||
        (what->overflow == TROUPE_COALESCE && !what->key))
        return TROUPE_INVALID;
    if (what->memory_limit && what->memory_limit < what->state_size) return TROUPE_INVALID;
    const uint32_t bound = what->mailbox_limit ? what->mailbox_limit : TROUPE_MAILBOX_DEFAULT;
    if (what->stash_limit > bound) return TROUPE_INVALID;
    bool blocking = what->blocking && !rt->sim;
    if (blocking && rt->sched.stepped) return TROUPE_INVALID;
    if (blocking && !tr_blocking_ready(&rt->sched.blocking)) return TROUPE_SYSTEM;
    const troupe_behaviour *guarded = tr_guard_make(rt, what);
    if (!guarded) return TROUPE_NOMEM;
    const tr_worker *worker = tr_sched_mine(&rt->sched);
    bool is_supervisor = what == &troupe_supervisor;
    troupe_self *self =
        tr_table_take(&rt->table, worker ? worker->index : TR_NOWHERE, is_supervisor && !bond);
    if (!self) {
        tr_guard_free(rt, guarded);
        return TROUPE_NOMEM;
    }
    self->is_supervisor = is_supervisor;
    self->rt = rt;
    self->what = guarded;
    self->state = NULL;
    self->bond = bond;
    self->name = NULL;
    self->ready = self->stopping = self->ending = false;
    self->has_timers = self->has_topics = self->has_watched = self->has_habit = false;
    self->traps = is_supervisor;
    self->asks = 0;
    self->epoch = self->exits = 0;
    self->status = TR_NEW;
    self->why = TROUPE_OK;
    tr_store32_relaxed(&self->lives, 0);
    tr_store64_relaxed(&self->handled, 0);
    tr_store32_relaxed(&self->failed, 0);
    tr_store32_relaxed(&self->dropped, 0);
    tr_store32_relaxed(&self->flushed, 0);
    tr_store32_relaxed(&self->peak, 0);
    tr_store32_relaxed(&self->in_hand, 0);
    tr_actor_set_doing(self, "start");
    self->failure = NULL;
    self->owned = NULL;
    tr_list_init(&self->watchers);
    tr_list_init(&self->watching);
    tr_list_init(&self->timers);
    /* A supervised actor rests until its supervisor asks for a start. */
    tr_route_adopt(&rt->sched, &self->task, bound, bond, blocking);
    /* Release: who finds the actor finds it whole. Seq: `closing` is looked at after this, and a
     * close looks at this after it has set `closing`. */
    tr_store64_seq(&self->task.control, (uint64_t)tr_actor_generation(self) << 32 |
                                            (bond ? TR_CONTROL_FROZEN : TR_CONTROL_TOP) |
                                            (blocking ? TR_CONTROL_BLOCKING : 0) |
                                            (what->takes_urgent ? TR_CONTROL_TAKES_URGENT : 0) |
                                            tr_overflow_mark(what->overflow));
    *out = self;
    return TROUPE_OK;
}

/* --- Requests --------------------------------------------------------------------------------- */

/* Of an actor of another node; whether it has ended already is not known here. */
static troupe_err request_far(troupe *rt, troupe_ref ref, uint32_t what) {
    tr_port *port = ref.node ? tr_runtime_port(rt) : NULL;
    if (!port) return ref.node ? TROUPE_NOCONNECTION : TROUPE_GONE;
    if (what == TR_CONTROL_STOP) return port->ops->stop(port, ref);
    return port->ops->exit_signal(port, (troupe_ref){rt->node, 0}, ref, TROUPE_KILL);
}

static troupe_err request(troupe *rt, troupe_ref ref, uint32_t what) {
    if (ref.node != rt->node) return request_far(rt, ref, what);
    troupe_self *self = tr_table_find(&rt->table, ref.id);
    bool ok = self && tr_route_request(&rt->sched, &self->task, (uint32_t)(ref.id >> 32), what);
    return ok ? TROUPE_OK : TROUPE_GONE;
}

void tr_actor_ask(troupe *rt, uint64_t id, uint32_t what) {
    (void)request(rt, (troupe_ref){rt->node, id}, what); /* GONE: it is not needed any more */
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

tr_failure *tr_actor_failure(troupe_self *self) {
    if (self->failure) return NULL; /* the first failure is the one that counts */
    self->failure = tr_take_zero(self->rt->heap, sizeof *self->failure);
    if (!self->failure) return NULL;
    self->failure->doing = tr_actor_doing(self);
    self->failure->from = troupe_sender(self);
    self->failure->waited_ms = tr_stamp_waited(self);
    return self->failure;
}

/* Where somebody says that an actor fails, and what does not hold there. */
typedef struct tr_said {
    const char *condition, *file;
    int line;
    const void *from; /* the return address in there; NULL: the runtime says so */
} tr_said;

/* Puts a failure on record, if it is the first of this life, and ends the life. */
static troupe_err fail(troupe_self *self, troupe_err why, tr_said how, const char *format,
                       va_list args) {
    if (why == TROUPE_OK) why = TROUPE_FAILED;
    tr_failure *failure = tr_actor_failure(self);
    if (failure) {
        failure->condition = how.condition;
        failure->file = how.file;
        failure->line = how.line;
        int length = vsnprintf(failure->text, sizeof failure->text, format, args);
        /* One that was cut says so. */
        if (length >= (int)sizeof failure->text)
            memcpy(failure->text + sizeof failure->text - sizeof "...", "...", sizeof "...");
        if (how.from) tr_callers_note(self, how.from);
    }
    troupe_exit(self, why);
    return why;
}

troupe_err troupe_fail_at(troupe_self *self, troupe_err why, const char *file, int line,
                          const char *format, ...) {
    va_list args;
    va_start(args, format);
    why = fail(self, why, (tr_said){NULL, file, line, __builtin_return_address(0)}, format, args);
    va_end(args);
    return why;
}

troupe_err troupe_unmet_at(troupe_self *self, const char *condition, const char *file, int line,
                           const char *format, ...) {
    va_list args;
    va_start(args, format);
    const tr_said how = {condition, file, line, __builtin_return_address(0)};
    troupe_err why = fail(self, TROUPE_UNMET, how, format, args);
    va_end(args);
    return why;
}

void tr_actor_fail(troupe_self *self, troupe_err why, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)fail(self, why, (tr_said){.file = NULL}, format, args);
    va_end(args);
}

void tr_actor_tell_parent(troupe_self *self, tr_note *note, tr_note_what what, troupe_err why) {
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
    if ((tr_load64_relaxed(&self->task.control) & TR_CONTROL_TOP)) return;
    if (!tr_abandon_may_tell(self, TR_CONTROL_TOLD)) return;
    tr_actor_tell_parent(self, &self->bond->ready, TR_NOTE_READY, TROUPE_OK);
    tr_abandon_told(self);
}
