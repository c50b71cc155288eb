#include "actors/supervisor.h"

#include <stdio.h>
#include <string.h>

#include "actors/report.h"
#include "actors/send.h"
#include "base/check.h"
#include "base/heap.h"

enum { SHUTDOWN_MS = 5000, WITHIN_MS = 5000 };

/* A child. Its bond is what the child itself sees of it. */
typedef struct tr_kid {
    tr_bond bond;
    troupe_child spec;  /* id and name are copies of our own */
    troupe_self *actor; /* NULL: never made, or buried */
    troupe_child_state state;
    bool was_ready; /* in this life */
    uint32_t restarts;
    troupe_err why; /* how its last life ended */
} tr_kid;

/* What a supervisor is doing. */
typedef enum tr_phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING } tr_phase;

typedef struct tr_supervisor {
    tr_kid *kid; /* `kids` of them, in start order */
    size_t kids;
    unsigned max_restarts, within_ms;
    uint64_t *restarted; /* a ring of the times of the last `max_restarts` restarts */
    size_t ring_at, ring_used;
    tr_phase phase;
    troupe_err outcome; /* why it is stopping */
    bool brutal;        /* it was killed: so are the children */
    troupe_ref waiter;  /* who wants to know that the start is complete */
} tr_supervisor;

/* From troupe_supervise: tell me when all children have started. */
static const troupe_type await_type = TROUPE_SIGNAL_TYPE("troupe_await");

struct started {
    uint32_t err;
};
static const troupe_type started_type = TROUPE_TYPE(started, TROUPE_FIELD(started, err));

/* To oneself: the child has had its time to stop. */
struct late {
    uint64_t kid;
    uint32_t life; /* of the supervisor: mail outlives it, its children do not */
};
static const troupe_type late_type =
    TROUPE_TYPE(late, TROUPE_FIELD(late, kid), TROUPE_FIELD(late, life));

/* From troupe_children, and its answer: an array of troupe_child_info. */
static const troupe_type list_type = TROUPE_SIGNAL_TYPE("troupe_list_children");
struct listed {
    troupe_bytes infos;
};
static const troupe_type listed_type = TROUPE_TYPE(listed, TROUPE_FIELD(listed, infos));

/* --- Making and freeing ----------------------------------------------------------------------- */

static troupe_err refuse(troupe_self *self, const char *what, size_t child) {
    char path[256];
    tr_actor_path(self, path, sizeof path);
    tr_log(self->rt, TROUPE_ERROR, "supervisor %s: child %zu: %s", path, child, what);
    return TROUPE_INVALID;
}

static troupe_err check(troupe_self *self, const troupe_supervision *what) {
    for (size_t i = 0; i < what->children; i++) {
        const troupe_child *child = &what->child[i];
        if (!child->id || !*child->id) return refuse(self, "it has no id", i);
        if (strlen(child->id) > TROUPE_NAME_MAX) return refuse(self, "its id is too long", i);
        if (!child->what || !child->what->receive) return refuse(self, "it has no behaviour", i);
        if (child->name && (!*child->name || strlen(child->name) > TROUPE_NAME_MAX))
            return refuse(self, "its name is empty or too long", i);
        if (child->restart > TROUPE_TEMPORARY) return refuse(self, "unknown restart rule", i);
        for (size_t j = 0; j < i; j++)
            if (strcmp(child->id, what->child[j].id) == 0)
                return refuse(self, "another child has its id", i);
    }
    return TROUPE_OK;
}

static bool copy_child(const troupe_heap *heap, tr_kid *kid, const troupe_child *child,
                       troupe_self *parent) {
    kid->spec = *child;
    kid->spec.id = kid->spec.name = NULL;
    if (!kid->spec.shutdown_ms)
        kid->spec.shutdown_ms = child->what == &troupe_supervisor ? TROUPE_FOREVER : SHUTDOWN_MS;
    char *id = tr_take_text(heap, child->id), *name = tr_take_text(heap, child->name);
    kid->spec.id = id;
    kid->spec.name = name;
    kid->bond.parent = parent;
    kid->bond.id = id;
    return id && (name || !child->name);
}

/* Runs at the end of every life, a kill included. */
static void free_all(void *ctx) {
    troupe_self *self = ctx;
    tr_supervisor *sup = self->state;
    const troupe_heap *heap = self->rt->heap;
    for (size_t i = 0; i < sup->kids; i++) {
        tr_give_text(heap, (char *)(uintptr_t)sup->kid[i].spec.id); /* our copies */
        tr_give_text(heap, (char *)(uintptr_t)sup->kid[i].spec.name);
    }
    tr_give(heap, sup->kid, sup->kids * sizeof *sup->kid);
    tr_give(heap, sup->restarted, sup->max_restarts * sizeof *sup->restarted);
}

static troupe_err copy_all(troupe_self *self, tr_supervisor *sup, const troupe_supervision *what) {
    const troupe_heap *heap = self->rt->heap;
    sup->max_restarts = what->max_restarts;
    sup->within_ms = what->within_ms ? what->within_ms : WITHIN_MS;
    bool ok = true;
    if (what->children) {
        sup->kid = tr_take_zero(heap, what->children * sizeof *sup->kid);
        ok = sup->kid != NULL;
        if (ok) sup->kids = what->children;
    }
    if (ok && sup->max_restarts) {
        sup->restarted = tr_take_zero(heap, sup->max_restarts * sizeof *sup->restarted);
        ok = sup->restarted != NULL;
    }
    for (size_t i = 0; ok && i < sup->kids; i++)
        ok = copy_child(heap, &sup->kid[i], &what->child[i], self);
    return ok ? TROUPE_OK : TROUPE_NOMEM;
}

/* --- Stopping --------------------------------------------------------------------------------- */

static void ask_child(tr_kid *kid, uint32_t request) {
    (void)tr_route_request(&kid->actor->rt->sched, &kid->actor->task,
                           tr_actor_generation(kid->actor), request);
}

/* Ends a child that has ended its last life. */
static void bury_child(tr_kid *kid) {
    /* Its name is free at once, not when the burial has run: this tree, or one that contains it,
     * may be started again before. */
    tr_names_forget(&kid->actor->rt->names, kid->actor);
    ask_child(kid, TR_CONTROL_BURY);
    kid->actor = NULL;
    kid->state = TROUPE_CHILD_ENDED;
}

static void tell_waiter(troupe_self *self, tr_supervisor *sup, troupe_err err) {
    if (troupe_same(sup->waiter, TROUPE_NOBODY)) return;
    troupe_msg *msg = NULL;
    struct started body = {.err = (uint32_t)err};
    troupe_err made = tr_msg_make(&self->rt->pool, &started_type, &body, &msg);
    if (made)
        tr_ask_unanswered(self->rt, sup->waiter, made);
    else if (tr_send(self->rt, tr_actor_ref(self), sup->waiter, TR_SEND_FREE, &msg))
        troupe_drop(&msg); /* its deadline has passed */
    sup->waiter = TROUPE_NOBODY;
}

/* All children have ended. */
static void finish(troupe_self *self, tr_supervisor *sup) {
    tell_waiter(self, sup, sup->outcome);
    if (sup->outcome == TROUPE_GAVE_UP)
        (void)troupe_fail(self, TROUPE_GAVE_UP, "more than %u restarts in %u ms", sup->max_restarts,
                          sup->within_ms);
    else
        troupe_exit(self, sup->outcome);
}

/* Gives a child its time to stop. Without memory for the timer it gets none. */
static void stop_child(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    kid->state = TROUPE_CHILD_STOPPING;
    unsigned ms = kid->spec.shutdown_ms;
    if (sup->brutal || ms == TROUPE_BRUTAL) {
        ask_child(kid, TR_CONTROL_KILL);
        return;
    }
    ask_child(kid, TR_CONTROL_STOP);
    if (ms == TROUPE_FOREVER) return;
    troupe_msg *msg = NULL;
    struct late body = {.kid = (uint64_t)(kid - sup->kid), .life = self->lives};
    if (tr_msg_make(&self->rt->pool, &late_type, &body, &msg) ||
        troupe_send_after(self, ms, tr_actor_ref(self), &msg, NULL)) {
        troupe_drop(&msg);
        ask_child(kid, TR_CONTROL_KILL);
    }
}

/* Stops the last child that still lives, or finishes. */
static void stop_next(troupe_self *self, tr_supervisor *sup) {
    size_t i = sup->kids;
    while (i > 0 && !sup->kid[i - 1].actor) i--;
    if (i == 0)
        finish(self, sup);
    else
        stop_child(self, sup, &sup->kid[i - 1]);
}

static void begin_to_stop(troupe_self *self, tr_supervisor *sup, troupe_err outcome) {
    if (sup->phase == PHASE_STOPPING) return;
    sup->phase = PHASE_STOPPING;
    sup->outcome = outcome;
    stop_next(self, sup);
}

bool tr_supervisor_kill(troupe_self *self, void *state) {
    tr_supervisor *sup = state;
    sup->brutal = true;
    bool stopping = sup->phase == PHASE_STOPPING, any = false;
    sup->phase = PHASE_STOPPING;
    sup->outcome = TROUPE_KILLED;
    for (size_t i = 0; i < sup->kids; i++) any = any || sup->kid[i].actor;
    if (!any) {
        tell_waiter(self, sup, TROUPE_KILLED);
        return false;
    }
    for (size_t i = sup->kids; stopping && i-- > 0;)
        if (sup->kid[i].state == TROUPE_CHILD_STOPPING) ask_child(&sup->kid[i], TR_CONTROL_KILL);
    if (!stopping) stop_next(self, sup);
    return true;
}

/* --- Starting --------------------------------------------------------------------------------- */

static troupe_err start_child(troupe_self *self, tr_kid *kid) {
    troupe_err err =
        tr_actor_make(self->rt, kid->spec.what, kid->spec.arg, &kid->bond, &kid->actor);
    if (err) return err;
    kid->state = TROUPE_CHILD_STARTING;
    if (kid->spec.name) err = troupe_register(self->rt, tr_actor_ref(kid->actor), kid->spec.name);
    /* A child that can't be named never starts: it ends at once, and tells so. */
    if (err) {
        char path[256];
        tr_actor_path(kid->actor, path, sizeof path);
        tr_log(self->rt, TROUPE_ERROR, "%s can't be called \"%s\": %s", path, kid->spec.name,
               troupe_strerror(err));
    }
    ask_child(kid, err ? TR_CONTROL_START | TR_CONTROL_KILL : TR_CONTROL_START);
    return TROUPE_OK;
}

/* Starts the next child, or is ready after the last. One at a time: an earlier child may be in a
 * restart meanwhile, and then its start comes first. */
static void start_next(troupe_self *self, tr_supervisor *sup) {
    for (size_t i = 0; i < sup->kids; i++) {
        if (sup->kid[i].state == TROUPE_CHILD_STARTING) return;
        if (sup->kid[i].state != TROUPE_CHILD_WAITING) continue;
        if (start_child(self, &sup->kid[i])) begin_to_stop(self, sup, TROUPE_START_FAILED);
        return;
    }
    sup->phase = PHASE_RUNNING;
    tell_waiter(self, sup, TROUPE_OK);
    troupe_ready(self);
}

/* Whether one more restart stays within the limit; if so it is counted. O(1): the oldest of the
 * last `max_restarts` restarts tells. */
static bool may_restart(troupe_self *self, tr_supervisor *sup) {
    if (!sup->max_restarts) return false;
    uint64_t now = troupe_now(self->rt), *oldest = &sup->restarted[sup->ring_at];
    if (sup->ring_used == sup->max_restarts) {
        if (now - *oldest <= sup->within_ms * TR_MS) return false;
    } else {
        sup->ring_used++;
    }
    *oldest = now;
    sup->ring_at = (sup->ring_at + 1) % sup->max_restarts;
    return true;
}

/* Restarts that still count at this moment, the newest included. The ring is in order of time, so a
 * search by halves finds the oldest that counts. */
static unsigned recent(troupe_self *self, const tr_supervisor *sup) {
    uint64_t now = troupe_now(self->rt);
    size_t oldest = sup->ring_used == sup->max_restarts ? sup->ring_at : 0;
    size_t from = 0, to = sup->ring_used;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        uint64_t at = sup->restarted[(oldest + middle) % sup->max_restarts];
        if (now - at <= sup->within_ms * TR_MS)
            to = middle;
        else
            from = middle + 1;
    }
    return (unsigned)(sup->ring_used - from);
}

/* --- What children tell ----------------------------------------------------------------------- */

static void child_ready(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    kid->was_ready = true;
    if (kid->state == TROUPE_CHILD_STARTING) kid->state = TROUPE_CHILD_RUNNING;
    if (sup->phase == PHASE_STARTING) start_next(self, sup);
}

static void restart_or_give_up(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    char next[96];
    if (may_restart(self, sup)) {
        snprintf(next, sizeof next, "restart %u of %u in %u ms", recent(self, sup),
                 sup->max_restarts, sup->within_ms);
        if (!tr_clean(kid->why)) tr_report_failure(kid->actor, kid->why, next);
        kid->restarts++;
        kid->state = TROUPE_CHILD_STARTING;
        kid->was_ready = false;
        ask_child(kid, TR_CONTROL_START);
        return;
    }
    snprintf(next, sizeof next, "no restart: %u in %u ms are used up; its supervisor gives up",
             sup->max_restarts, sup->within_ms);
    tr_report_failure(kid->actor, kid->why, next);
    bury_child(kid);
    begin_to_stop(self, sup, TROUPE_GAVE_UP);
}

static void child_ended(troupe_self *self, tr_supervisor *sup, tr_kid *kid, troupe_err why) {
    kid->why = why;
    if (sup->phase == PHASE_STOPPING) {
        bool waited_for = kid->state == TROUPE_CHILD_STOPPING;
        if (!tr_clean(why) && why != TROUPE_KILLED)
            tr_report_failure(kid->actor, why, "its supervisor is stopping");
        bury_child(kid);
        if (waited_for) stop_next(self, sup);
        return;
    }
    if (sup->phase == PHASE_STARTING && !kid->was_ready) {
        tr_report_failure(kid->actor, why, "its supervisor can't start");
        bury_child(kid);
        begin_to_stop(self, sup, TROUPE_START_FAILED);
        return;
    }
    if (kid->spec.restart == TROUPE_PERMANENT ||
        (kid->spec.restart == TROUPE_TRANSIENT && !tr_clean(why))) {
        restart_or_give_up(self, sup, kid);
        return;
    }
    if (!tr_clean(why)) tr_report_failure(kid->actor, why, "it is temporary: no restart");
    bury_child(kid);
}

/* Takes the note first: once its child is asked to start again, the child may send it again. */
static void note(troupe_self *self, tr_supervisor *sup, troupe_msg **msg) {
    const struct tr_note_body note = *(const struct tr_note_body *)tr_msg_body(*msg);
    *msg = NULL;
    tr_kid *kid = TR_OWNER(note.child->bond, tr_kid, bond);
    if (note.what == TR_NOTE_READY)
        child_ready(self, sup, kid);
    else
        child_ended(self, sup, kid, note.why);
}

/* --- The behaviour ---------------------------------------------------------------------------- */

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    tr_supervisor *sup = state;
    const troupe_supervision *what = arg;
    if (!what || (what->children && !what->child)) return refuse(self, "no children given", 0);
    troupe_err err = TROUPE_OK;
    if (what->name) err = troupe_register(self->rt, troupe_me(self), what->name);
    if (!err) err = check(self, what);
    if (!err) err = tr_port_on_end(self, free_all, self);
    if (!err) err = copy_all(self, sup, what);
    if (err) return err;
    start_next(self, sup);
    return TROUPE_LATER; /* or it is ready already, which does no harm */
}

static troupe_err stopping(troupe_self *self, void *state) {
    begin_to_stop(self, state, TROUPE_SHUTDOWN);
    return TROUPE_LATER;
}

static troupe_err list(troupe_self *self, const tr_supervisor *sup) {
    const troupe_heap *heap = self->rt->heap;
    size_t size = sup->kids * sizeof(troupe_child_info);
    troupe_child_info *info = tr_take_zero(heap, size);
    troupe_err err = size && !info ? TROUPE_NOMEM : TROUPE_OK;
    for (size_t i = 0; !err && i < sup->kids; i++) {
        const tr_kid *kid = &sup->kid[i];
        snprintf(info[i].id, sizeof info[i].id, "%s", kid->spec.id);
        if (kid->actor) info[i].ref = tr_actor_ref(kid->actor);
        info[i].state = kid->state;
        info[i].supervisor = kid->spec.what == &troupe_supervisor;
        info[i].restarts = kid->restarts;
        info[i].why = kid->why;
    }
    if (!err) err = troupe_answer(self, &listed_type, &(struct listed){{info, size}});
    tr_give(heap, info, size);
    if (err) tr_ask_unanswered(self->rt, troupe_sender(self), err);
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    tr_supervisor *sup = state;
    if ((*msg)->type == &tr_note_type) {
        note(self, sup, msg);
    } else if ((*msg)->type == &late_type) { /* by address: a stranger may have types like these */
        const struct late *late = tr_msg_body(*msg);
        tr_kid *kid = &sup->kid[late->kid];
        if (late->life == self->lives && kid->actor && kid->state == TROUPE_CHILD_STOPPING)
            ask_child(kid, TR_CONTROL_KILL);
    } else if ((*msg)->type == &list_type) {
        return list(self, sup);
    } else if ((*msg)->type == &await_type) {
        sup->waiter = troupe_sender(self);
        if (sup->phase == PHASE_RUNNING) tell_waiter(self, sup, TROUPE_OK);
    } else {
        tr_log(self->rt, TROUPE_WARN, "a supervisor ignores a %s", troupe_type_name(*msg));
    }
    return TROUPE_OK;
}

const troupe_behaviour troupe_supervisor = {
    .name = "supervisor",
    .state_size = sizeof(tr_supervisor),
    .start = start,
    .receive = receive,
    .stopping = stopping,
};

/* --- For plain threads ------------------------------------------------------------------------ */

troupe_err troupe_supervise(troupe *rt, const troupe_supervision *what, unsigned timeout_ms,
                            troupe_ref *out) {
    if (tr_sched_inside(&rt->sched)) return TROUPE_INVALID;
    const uint64_t deadline = tr_after_ms(tr_runtime_clock(rt), timeout_ms);
    troupe_ref ref;
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &await_type, NULL, &msg);
    if (err) return err;
    err = troupe_spawn(rt, &troupe_supervisor, what, &ref);
    if (err) {
        troupe_drop(&msg);
        return err;
    }
    err = troupe_ask(rt, ref, &msg, timeout_ms);
    const struct started *started = troupe_as(msg, &started_type);
    if (!err) err = started ? (troupe_err)started->err : TROUPE_BADTYPE;
    troupe_drop(&msg);
    if (err == TROUPE_GONE) err = TROUPE_START_FAILED; /* it ended before it was asked */
    if (!err) {
        *out = ref;
        return TROUPE_OK;
    }
    (void)troupe_stop(rt, ref); /* it may have ended already */
    return tr_runtime_wait(rt, ref.id, deadline) ? err : TROUPE_TIMEOUT;
}

troupe_err troupe_children(troupe *rt, troupe_ref supervisor, unsigned timeout_ms,
                           troupe_child_info *info, size_t room, size_t *count) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &list_type, NULL, &msg);
    if (!err) err = troupe_ask(rt, supervisor, &msg, timeout_ms);
    const struct listed *listed = troupe_as(msg, &listed_type);
    if (!err && !listed) err = TROUPE_BADTYPE;
    if (!err) {
        *count = listed->infos.size / sizeof *info;
        size_t n = *count < room ? *count : room;
        if (n) memcpy(info, listed->infos.data, n * sizeof *info);
    }
    troupe_drop(&msg);
    return err;
}
