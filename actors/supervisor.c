#include "actors/supervisor.h"

#include <stdio.h>
#include <string.h>

#include "actors/life.h"
#include "actors/report.h"
#include "actors/supervisor_admin.h"
#include "actors/supervisor_backoff.h"
#include "actors/supervisor_order.h"
#include "actors/supervisor_request.h"
#include "actors/supervisor_waits.h"
#include "base/check.h"

enum { WITHIN_MS = 5000 };

/* --- Making and freeing ----------------------------------------------------------------------- */

static troupe_err refuse(troupe_self *self, const char *what) {
    char path[256];
    tr_actor_path(self, path, sizeof path);
    tr_log(self->rt, TROUPE_ERROR, "supervisor %s: %s", path, what);
    return TROUPE_INVALID;
}

static troupe_err refuse_child(troupe_self *self, size_t nth, const char *flaw) {
    char text[96];
    snprintf(text, sizeof text, "child %zu: %s", nth, flaw);
    return refuse(self, text);
}

/* What makes sense, but seldom the sense that was meant. */
static void warn(troupe_self *self, const troupe_child *child) {
    if (child->what != &troupe_supervisor || child->restart != TROUPE_TEMPORARY) return;
    char path[256];
    tr_actor_path(self, path, sizeof path);
    tr_log(
        self->rt, TROUPE_WARN,
        "supervisor %s: child %s is a supervisor and temporary: if it gives up, its tree is gone "
        "for good",
        path, child->id);
}

static troupe_err check(troupe_self *self, const troupe_supervision *what) {
    if (what->strategy > TROUPE_SIMPLE_ONE_FOR_ONE) return refuse(self, "unknown strategy");
    if (what->auto_shutdown > TROUPE_AUTO_SHUTDOWN_ALL)
        return refuse(self, "unknown auto_shutdown");
    bool simple = what->strategy == TROUPE_SIMPLE_ONE_FOR_ONE;
    if (simple && what->children != 1) return refuse(self, "it needs exactly one template");
    if (simple && what->child->name) return refuse(self, "its template has a name");
    for (size_t i = 0; i < what->children; i++) {
        const char *flaw = tr_kid_flaw(&what->child[i]);
        if (!flaw && what->child[i].significant && !what->auto_shutdown)
            flaw = "it is significant, but its supervisor does not care";
        if (flaw) return refuse_child(self, i, flaw);
        warn(self, &what->child[i]);
    }
    return TROUPE_OK;
}

void tr_sup_remove(tr_supervisor *sup, tr_kid *kid) {
    tr_request_settle(kid, TROUPE_SHUTDOWN, true);
    tr_list_remove(&kid->of_sup);
    if (!kid->dynamic) tr_map_remove(&sup->by_id, &kid->by_id);
    sup->count--;
    tr_kid_free(kid, kid->bond.parent->rt->heap);
}

void tr_sup_end(tr_supervisor *sup, tr_kid *kid, troupe_err started) {
    tr_kid_bury(kid);
    tr_request_settle(kid, started, true);
    bool forget = kid->dynamic || kid->spec.restart == TROUPE_TEMPORARY;
    if (forget && sup->phase != PHASE_STOPPING) tr_sup_remove(sup, kid);
}

tr_kid *tr_sup_called(const tr_supervisor *sup, const char *id) {
    tr_map_entry *entry = tr_map_find(&sup->by_id, tr_hash_text(id));
    for (; entry; entry = tr_map_same(entry)) {
        tr_kid *kid = TR_OWNER(entry, tr_kid, by_id);
        if (strcmp(kid->spec.id, id) == 0) return kid;
    }
    return NULL;
}

tr_kid *tr_sup_by_ref(const tr_supervisor *sup, uint64_t id) {
    tr_map_entry *entry = tr_map_find(&sup->by_ref, id);
    return entry ? TR_OWNER(entry, tr_kid, by_ref) : NULL;
}

void tr_sup_add(tr_supervisor *sup, tr_kid *kid) {
    kid->refs = &sup->by_ref;
    tr_list_add(&sup->kids, &kid->of_sup);
    if (!kid->dynamic) TR_CHECK(tr_map_add(&sup->by_id, tr_hash_text(kid->spec.id), &kid->by_id));
    sup->count++;
}

/* Runs at the end of every life, a kill included. */
static void free_all(void *ctx) {
    troupe_self *self = ctx;
    tr_supervisor *sup = self->state;
    tr_sup_waits_end(self, sup);
    for (tr_kid *kid; (kid = tr_sup_first(sup));) tr_sup_remove(sup, kid);
    if (sup->model) tr_kid_free(sup->model, self->rt->heap);
    tr_map_fini(&sup->by_id);
    tr_map_fini(&sup->by_ref);
    tr_limits_fini(&sup->limits, self->rt->heap);
}

static troupe_err copy_all(troupe_self *self, tr_supervisor *sup, const troupe_supervision *what) {
    sup->strategy = what->strategy;
    sup->auto_shutdown = what->auto_shutdown;
    unsigned within_ms = what->within_ms ? what->within_ms : WITHIN_MS;
    if (!tr_limits_init(&sup->limits, self->rt->heap, what->max_restarts, within_ms))
        return TROUPE_NOMEM;
    if (!tr_map_ready(&sup->by_id) || !tr_map_ready(&sup->by_ref)) return TROUPE_NOMEM;
    if (sup->strategy == TROUPE_SIMPLE_ONE_FOR_ONE) {
        sup->model = tr_kid_make(self, what->child);
        return sup->model ? TROUPE_OK : TROUPE_NOMEM;
    }
    while (sup->count < what->children) {
        const troupe_child *child = &what->child[sup->count];
        if (tr_sup_called(sup, child->id))
            return refuse_child(self, sup->count, "another child has its id");
        tr_kid *kid = tr_kid_make(self, child);
        if (!kid) return TROUPE_NOMEM;
        tr_sup_add(sup, kid);
    }
    return TROUPE_OK;
}

/* --- What children tell ----------------------------------------------------------------------- */

static void child_ready(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (kid->state == TROUPE_CHILD_STARTING) tr_time_end(kid); /* else it has one to stop by now */
    kid->was_ready = true;
    kid->held = false;
    if (kid->spec.backoff_ms) kid->ready_at = troupe_now(self->rt);
    tr_request_settle(kid, TROUPE_OK, false);
    if (kid->state == TROUPE_CHILD_STARTING) kid->state = TROUPE_CHILD_RUNNING;
    tr_order_go_on(self, sup);
}

/* Its own limit is used up, and it is to be held rather than to bring its supervisor down. */
static void hold(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    char next[96];
    snprintf(next, sizeof next, "no restart: its %u in %u ms are used up; it is held",
             kid->limits.most, kid->limits.within_ms);
    const tr_fate fate = {.kind = TROUPE_REPORT_HELD, .next = next};
    tr_kid_report(kid, &fate);
    kid->state = TROUPE_CHILD_HELD;
    kid->held = true;
    tr_kid_tell_watchers(kid);
    tr_order_go_on(self, sup);
}

static void give_up(troupe_self *self, tr_supervisor *sup, tr_kid *kid, const tr_limits *limits) {
    char next[96];
    snprintf(next, sizeof next, "no restart: %s%u in %u ms are used up; its supervisor gives up",
             limits == &kid->limits ? "its " : "", limits->most, limits->within_ms);
    tr_kid_report(kid, &(tr_fate){.next = next});
    tr_kid_bury(kid);
    tr_order_stop(self, sup, TROUPE_GAVE_UP);
}

static void restart(troupe_self *self, tr_supervisor *sup, tr_kid *kid, uint64_t now) {
    char line[96], next[48] = "it is restarted";
    unsigned delay_ms = tr_backoff_next(kid, now);
    const unsigned most = sup->limits.most, recent = tr_limits_recent(&sup->limits, now);
    int used = most == TROUPE_UNLIMITED ? snprintf(line, sizeof line, "restart %u", recent)
                                        : snprintf(line, sizeof line, "restart %u of %u in %u ms",
                                                   recent, most, sup->limits.within_ms);
    if (delay_ms) {
        snprintf(line + used, sizeof line - (size_t)used, ", after a delay of %u ms", delay_ms);
        snprintf(next, sizeof next, "it is restarted after %u ms", delay_ms);
    }
    const tr_fate fate = {.next = next,
                          .line = line,
                          .restarts = recent,
                          .max_restarts = most,
                          .within_ms = sup->limits.within_ms};
    if (!tr_life_clean(kid->why)) tr_kid_report(kid, &fate);
    tr_order_restart(self, sup, kid, delay_ms);
}

static void restart_or_give_up(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    const uint64_t now = troupe_now(self->rt);
    bool own = kid->limits.most && !tr_limits_pass(&kid->limits, now);
    if (own && kid->spec.hold)
        hold(self, sup, kid);
    else if (own || !tr_limits_pass(&sup->limits, now))
        give_up(self, sup, kid, own ? &kid->limits : &sup->limits);
    else
        restart(self, sup, kid, now);
}

/* A start by hand of one that was held has failed. */
static void hold_again(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    bool ignored = kid->why == TROUPE_IGNORE;
    if (!ignored)
        tr_kid_report(kid,
                      &(tr_fate){.next = "it was asked for, and is not tried again; it is held"});
    kid->state = TROUPE_CHILD_HELD;
    tr_request_settle(kid, ignored ? TROUPE_IGNORE : TROUPE_START_FAILED, false);
    tr_order_go_on(self, sup);
}

/* A start that was asked for is over: who asked decides what next. */
static void start_over(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (kid->held) { /* its ref and its mail are kept for the next try */
        hold_again(self, sup, kid);
        return;
    }
    bool ignored = kid->why == TROUPE_IGNORE, added = tr_request_adds(kid) && !ignored;
    if (!ignored)
        tr_kid_report(kid, &(tr_fate){.next = "it was asked for, and is not tried again"});
    tr_kid_bury(kid);
    tr_request_settle(kid, ignored ? TROUPE_IGNORE : TROUPE_START_FAILED, true);
    if (added || kid->dynamic || kid->spec.restart == TROUPE_TEMPORARY) tr_sup_remove(sup, kid);
    tr_order_go_on(self, sup);
}

/* Whether the end of a significant child, which has been seen to, is that of all. */
static bool ends_all(tr_supervisor *sup) {
    if (sup->auto_shutdown == TROUPE_AUTO_SHUTDOWN_ANY) return true;
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        if (kid->spec.significant && kid->state != TROUPE_CHILD_ENDED) return false;
    return sup->auto_shutdown == TROUPE_AUTO_SHUTDOWN_ALL;
}

static void end_child(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    bool significant = kid->spec.significant && kid->why != TROUPE_IGNORE;
    tr_sup_end(sup, kid, TROUPE_SHUTDOWN);
    if (significant && ends_all(sup))
        tr_order_stop(self, sup, TROUPE_SHUTDOWN);
    else
        tr_order_go_on(self, sup);
}

static void child_ended(troupe_self *self, tr_supervisor *sup, tr_kid *kid, troupe_err why) {
    if (kid->slow && why == TROUPE_KILLED) why = TROUPE_TIMEOUT;
    kid->why = why;
    tr_time_end(kid);
    if (tr_order_ended(self, sup, kid)) return;
    bool ignored = why == TROUPE_IGNORE && !kid->was_ready;
    if (tr_request_starts(kid)) {
        start_over(self, sup, kid);
    } else if (ignored) {
        end_child(self, sup, kid);
    } else if (sup->phase == PHASE_STARTING && !kid->was_ready) {
        tr_kid_report(kid, &(tr_fate){.next = "its supervisor can't start"});
        tr_kid_bury(kid);
        tr_order_stop(self, sup, TROUPE_START_FAILED);
    } else if (kid->spec.restart == TROUPE_PERMANENT ||
               (kid->spec.restart == TROUPE_TRANSIENT && !tr_life_clean(why))) {
        restart_or_give_up(self, sup, kid);
    } else {
        if (!tr_life_clean(why))
            tr_kid_report(kid, &(tr_fate){.next = "it is temporary: no restart"});
        end_child(self, sup, kid);
    }
}

/* Takes the note first: once its child is asked to start again, the child may send it again. */
static void note(troupe_self *self, tr_supervisor *sup, troupe_msg **msg) {
    const struct tr_note_body note = *(const struct tr_note_body *)tr_msg_body(*msg);
    tr_note *of = TR_OWNER(*msg, tr_note, msg); /* which is in the bond, which is in the child */
    *msg = NULL;
    if (note.what == TR_NOTE_READY)
        child_ready(self, sup, TR_OWNER(of, tr_kid, bond.ready));
    else
        child_ended(self, sup, TR_OWNER(of, tr_kid, bond.ended), note.why);
}

/* --- The behaviour ---------------------------------------------------------------------------- */

static troupe_err start(troupe_self *self, void *state, const void *arg) {
    tr_supervisor *sup = state;
    const troupe_supervision *what = arg;
    if (!what || (what->children && !what->child)) return refuse(self, "no children given");
    tr_list_init(&sup->kids);
    tr_list_init(&sup->asked);
    tr_map_init(&sup->by_id, self->rt->heap);
    tr_map_init(&sup->by_ref, self->rt->heap);
    troupe_err err = TROUPE_OK;
    if (what->name) err = troupe_register(self->rt, troupe_me(self), what->name);
    if (!err) err = check(self, what);
    if (!err) err = troupe_defer(self, free_all, self);
    if (!err) err = copy_all(self, sup, what);
    if (err) return err;
    sup->busy = true;
    tr_order_go_on(self, sup);
    return TROUPE_LATER; /* or it is ready already, which does no harm */
}

static troupe_err stopping(troupe_self *self, void *state) {
    tr_order_stop(self, state, TROUPE_SHUTDOWN);
    tr_sup_waits_update(self, state);
    return TROUPE_LATER;
}

void tr_supervisor_say(troupe_self *self, void *state) {
    tr_supervisor *sup = state;
    sup->says = true;
    tr_sup_waits_update(self, sup);
}

bool tr_supervisor_kill(troupe_self *self, void *state) {
    const bool goes_on = tr_order_kill(self, state);
    if (goes_on) tr_sup_waits_update(self, state);
    return goes_on;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    tr_supervisor *sup = state;
    if ((*msg)->type == &tr_note_type)
        note(self, sup, msg);
    else if ((*msg)->type == &tr_late_type) /* by address: a stranger may have types like these */
        tr_order_late(self, sup, tr_msg_body(*msg));
    else if (!tr_admin_receive(self, sup, *msg) && !tr_request_receive(self, sup, msg))
        tr_log(self->rt, TROUPE_WARN, "a supervisor ignores a %s", troupe_type_name(*msg));
    tr_request_aim_all(self, sup);
    tr_sup_waits_update(self, sup);
    return TROUPE_OK;
}

const troupe_behaviour troupe_supervisor = {
    .name = "supervisor",
    .state_size = sizeof(tr_supervisor),
    .start = start,
    .receive = receive,
    .stopping = stopping,
};
