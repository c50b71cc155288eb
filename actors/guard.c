#include "actors/guard.h"

#include "actors/abandon.h"
#include "actors/actor.h"
#include "actors/callers.h"
#include "actors/habit.h"
#include "actors/life.h"
#include "actors/request.h"
#include "base/check.h"
#include "base/fatal.h"

enum { PATH = 200 };

typedef struct tr_guard {
    troupe_behaviour what; /* the guarded one */
    const troupe_behaviour *real;
    char path[]; /* of the actor, for a signal's handler; only there if it is wanted */
} tr_guard;

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg);

static tr_guard *guard_at(const troupe_behaviour *what) {
    return TR_OWNER((troupe_behaviour *)(uintptr_t)what, tr_guard, what);
}

static tr_guard *guard_of(const troupe_self *self) {
    return guard_at(tr_habit_was(self));
}

static const troupe_behaviour *real_of(const troupe_self *self) {
    return guard_of(self)->real;
}

const troupe_behaviour *tr_guard_real(const troupe_self *self) {
    const troupe_behaviour *what = tr_habit_was(self);
    return what->receive == receive ? guard_at(what)->real : what;
}

static size_t size_of(const tr_guard *guard) {
    return sizeof *guard + (guard->what.fatal ? PATH : 0);
}

/* --- Around a callback ------------------------------------------------------------------------ */

typedef struct tr_call {
    uint64_t since; /* when it began, if somebody wants to know */
    tr_fatal_frame frame;
} tr_call;

static void begin(troupe_self *self, tr_call *call) {
    const troupe_behaviour *what = self->what;
    call->since = what->deadline_ms ? troupe_now(self->rt) : 0;
    call->frame.catches = false;
    if (!what->fatal) return;
    tr_worker *worker = tr_sched_mine(&self->rt->sched);
    call->frame.path = guard_of(self)->path;
    call->frame.doing = &self->doing;
    call->frame.inside = worker ? &worker->bias.inside : NULL;
    call->frame.catches = call->frame.wants_callers = what->fatal == TROUPE_FATAL_FAIL;
    tr_fatal_enter(&call->frame);
}

/* Whether it has ended its life anyway, for a reason of its own. */
static bool decided(const troupe_self *self, troupe_err err) {
    return self->ending || (err && err != TROUPE_LATER && err != TROUPE_IGNORE);
}

/* What comes of a callback that returned `err`. */
static troupe_err end(troupe_self *self, const tr_call *call, troupe_err err) {
    const unsigned most = self->what->deadline_ms;
    if (self->what->fatal) tr_fatal_leave(&call->frame);
    if (!most || decided(self, err)) return err;
    uint64_t took = troupe_now(self->rt) - call->since;
    if (took <= most * TR_MS) return err;
    tr_actor_fail(self, TROUPE_TOO_SLOW, "%llu us, of %u ms at most",
                  (unsigned long long)(took / 1000), most);
    return TROUPE_TOO_SLOW;
}

/* What comes of one that was left by a jump, whatever it had in mind before. */
static troupe_err crash(troupe_self *self, const tr_call *call) {
    bool first = !self->failure;
    if (tr_life_clean((troupe_err)self->why)) self->ending = false;
    tr_actor_fail(self, TROUPE_SIGNALLED, "%s at address %p", tr_fatal_name(call->frame.signal),
                  call->frame.address);
    if (first) tr_callers_keep(self, call->frame.caller, call->frame.callers);
    return end(self, call, TROUPE_SIGNALLED);
}

/* Its path is read through the bond, which is the supervisor's if that has given it up. */
static void keep_path(troupe_self *self) {
    if (tr_abandon_may_tell(self, 0)) tr_actor_path(self, guard_of(self)->path, PATH);
    tr_abandon_told(self);
}

/* The callbacks. Each is where its frame jumps to, so none of this can be a function of its own. */
static troupe_err start(troupe_self *self, void *state, const void *arg) {
    tr_call call;
    const troupe_behaviour *real = real_of(self);
    if (self->what->fatal) keep_path(self);
    begin(self, &call);
    if (call.frame.catches)
        if (tr_fatal_catch(&call.frame)) return crash(self, &call);
    return end(self, &call, real->start ? real->start(self, state, arg) : TROUPE_OK);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    tr_call call;
    begin(self, &call);
    if (call.frame.catches)
        if (tr_fatal_catch(&call.frame)) return crash(self, &call);
    troupe_receive receives = tr_habit_receive(self, real_of(self));
    return end(self, &call, receives(self, state, msg));
}

troupe_err tr_guard_answer(troupe_self *self, const tr_answered *how, troupe_msg **msg) {
    tr_call call;
    if (self->what->receive != receive)
        return how->then(self, self->state, how->tag, how->why, msg);
    begin(self, &call);
    if (call.frame.catches)
        if (tr_fatal_catch(&call.frame)) return crash(self, &call);
    return end(self, &call, how->then(self, self->state, how->tag, how->why, msg));
}

static troupe_err stopping(troupe_self *self, void *state) {
    tr_call call;
    begin(self, &call);
    if (call.frame.catches)
        if (tr_fatal_catch(&call.frame)) return crash(self, &call);
    return end(self, &call, real_of(self)->stopping(self, state));
}

static void stop(troupe_self *self, void *state, troupe_err why) {
    tr_call call;
    begin(self, &call);
    if (call.frame.catches) {
        if (tr_fatal_catch(&call.frame)) {
            (void)crash(self, &call);
            return;
        }
    }
    real_of(self)->stop(self, state, why);
    (void)end(self, &call, TROUPE_OK);
}

/* --- Making and freeing ----------------------------------------------------------------------- */

/* What can be had of what was asked for: a sanitizer has handlers of its own. */
static troupe_fatal fatal_of(troupe *rt, const troupe_behaviour *what) {
    if (!what->fatal) return TROUPE_FATAL_IGNORE;
    tr_lock(&rt->services_lock);
    bool ok = rt->fatal || (rt->fatal = tr_fatal_install());
    tr_unlock(&rt->services_lock);
    return ok ? what->fatal : TROUPE_FATAL_IGNORE;
}

const troupe_behaviour *tr_guard_make(troupe *rt, const troupe_behaviour *what) {
    troupe_fatal fatal = fatal_of(rt, what);
    if (!what->deadline_ms && !fatal) return what;
    tr_guard *guard = tr_pool_take(&rt->pool, sizeof *guard + (fatal ? PATH : 0));
    if (!guard) return NULL;
    guard->what = *what;
    guard->real = what;
    guard->what.fatal = fatal;
    guard->what.start = what->start || fatal ? start : NULL;
    guard->what.receive = receive;
    guard->what.stopping = what->stopping ? stopping : NULL;
    guard->what.stop = what->stop ? stop : NULL;
    return &guard->what;
}

void tr_guard_free(troupe *rt, const troupe_behaviour *what) {
    if (what->receive != receive) return;
    tr_guard *guard = guard_at(what);
    tr_pool_give(&rt->pool, guard, size_of(guard));
}
