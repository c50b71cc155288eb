#include "actors/supervisor_order.h"

#include "actors/abandon.h"
#include "actors/report.h"
#include "actors/supervisor_admin.h"
#include "actors/supervisor_request.h"
#include "actors/supervisor_waits.h"

/* How long one that was killed may take to return, if it has no time of its own to stop. */
enum { GRACE_MS = 1000 };

/* Whether no child's end concerns its siblings. */
static bool alone(const tr_supervisor *sup) {
    return sup->strategy == TROUPE_ONE_FOR_ONE || sup->model;
}

/* Starts a child again that waits for that: in its turn, if there are turns; at once, if it is not
 * delayed, and its siblings do not care. */
static void start_again(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (alone(sup)) {
        if (!kid->delayed) tr_kid_restart(kid);
        return;
    }
    sup->busy = true;
    tr_order_go_on(self, sup);
}

/* --- Stopping --------------------------------------------------------------------------------- */

/* Those that were between two lives. */
static void bury_all(tr_supervisor *sup) {
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) tr_kid_bury(kid);
}

/* All children have ended. */
static void finish(troupe_self *self, tr_supervisor *sup) {
    bury_all(sup);
    tr_admin_tell_waiter(self, sup, sup->outcome);
    if (sup->outcome == TROUPE_GAVE_UP)
        (void)troupe_fail(self, TROUPE_GAVE_UP, "more than %u restarts in %u ms", sup->limits.most,
                          sup->limits.within_ms);
    else
        troupe_exit(self, sup->outcome);
}

/* Asks a child to stop. False: it was killed, or need not be, and gets no time. */
static bool ask_to_stop(tr_supervisor *sup, tr_kid *kid) {
    kid->state = TROUPE_CHILD_STOPPING;
    kid->leaving = false;
    tr_time_end(kid);
    sup->stopping++;
    if (!kid->actor) return false; /* it could not be made, and its note is on its way */
    kid->killed = sup->brutal || kid->spec.shutdown_ms == TROUPE_BRUTAL;
    tr_kid_ask(kid, kid->killed ? TR_CONTROL_KILL : TR_CONTROL_STOP);
    return !kid->killed && kid->spec.shutdown_ms != TROUPE_FOREVER;
}

/* How long a child that was killed may take to return before it is abandoned. */
static unsigned grace_of(const tr_kid *kid) {
    unsigned ms = kid->spec.shutdown_ms;
    return ms == TROUPE_BRUTAL || ms == TROUPE_FOREVER ? GRACE_MS : ms;
}

/* Gives a child that was killed its time to return; a supervisor does when its children have. */
static void give_grace(tr_kid *kid) {
    if (kid->actor->is_supervisor) return;
    bool timed = tr_time_set(kid, grace_of(kid));
    (void)timed; /* without memory for the timer it is waited for */
}

/* The same for all dynamic ones. */
static void give_grace_to_all(troupe_self *self, tr_supervisor *sup) {
    sup->killed_all = true;
    bool timed = tr_time_set_all(self, grace_of(sup->model));
    (void)timed;
}

/* Kills one that has had its time, or gets none any more. */
static void kill_child(tr_kid *kid) {
    tr_time_end(kid);
    kid->killed = true;
    tr_kid_ask(kid, TR_CONTROL_KILL);
    give_grace(kid);
}

/* Gives a child its time to stop. Without memory for the timer it gets none. */
static void stop_child(tr_supervisor *sup, tr_kid *kid) {
    bool timed = ask_to_stop(sup, kid);
    if (!kid->actor) return;
    if (kid->killed)
        give_grace(kid);
    else if (timed && !tr_time_set(kid, kid->spec.shutdown_ms))
        kill_child(kid);
}

/* Kills all children that still stop. */
static void kill_stopping(troupe_self *self, tr_supervisor *sup) {
    bool all = sup->model && sup->asked_all;
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) {
        if (kid->state != TROUPE_CHILD_STOPPING || !kid->actor || kid->killed) continue;
        if (!all) {
            kill_child(kid);
            continue;
        }
        kid->killed = true; /* one time for them all */
        tr_kid_ask(kid, TR_CONTROL_KILL);
    }
    if (all) give_grace_to_all(self, sup);
}

/* Goes on without a child that was killed and does not return, if it is that. */
static void abandon(tr_kid *kid) {
    unsigned ms = kid->spec.shutdown_ms;
    bool timed = ms != TROUPE_BRUTAL && ms != TROUPE_FOREVER;
    uint64_t waited = (timed ? ms : 0) + (uint64_t)grace_of(kid);
    if (tr_abandon(kid->actor, kid->was_ready, waited))
        tr_kid_abandoned(kid);
    else
        give_grace(kid);
}

static void abandon_stopping(tr_supervisor *sup) {
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        if (kid->state == TROUPE_CHILD_STOPPING && kid->actor) abandon(kid);
}

/* Gives all dynamic children the same time to stop. */
static void stop_dynamic(troupe_self *self, tr_supervisor *sup) {
    sup->asked_all = true;
    bool timed = false;
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        if (tr_kid_lives(kid) && kid->state != TROUPE_CHILD_STOPPING)
            timed = ask_to_stop(sup, kid) || timed;
    if (!timed)
        give_grace_to_all(self, sup);
    else if (!tr_time_set_all(self, sup->model->spec.shutdown_ms))
        kill_stopping(self, sup);
}

bool tr_order_ended(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    bool asked = kid->state == TROUPE_CHILD_STOPPING, all = sup->phase == PHASE_STOPPING;
    if (!asked && !kid->leaving && !all) return false;
    const char *next = all ? "its supervisor is stopping" : "its group is restarted";
    if (!tr_kid_ended_well(kid) && kid->why != TROUPE_KILLED)
        tr_kid_report(kid, &(tr_fate){.next = next});
    if (kid->why == TROUPE_OK && !asked && kid->spec.restart == TROUPE_PERMANENT)
        tr_log(self->rt, TROUPE_WARN, "child %s is permanent, and has ended by itself; %s",
               kid->spec.id, next);
    tr_time_end(kid);
    kid->leaving = false;
    if (asked) sup->stopping--;
    if (kid->again && !all && kid->spec.restart != TROUPE_TEMPORARY) {
        kid->state = TROUPE_CHILD_WAITING;
        tr_request_settle(kid, TROUPE_LATER, true); /* it may have been ended by hand, too */
    } else {
        tr_sup_end(sup, kid, TROUPE_SHUTDOWN);
    }
    tr_order_go_on(self, sup);
    return true;
}

void tr_order_end(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    kid->again = false;
    if (kid->state == TROUPE_CHILD_WAITING || kid->state == TROUPE_CHILD_HELD) {
        tr_sup_end(sup, kid, TROUPE_SHUTDOWN);
        tr_order_go_on(self, sup); /* others may have waited for it */
    } else if (kid->state != TROUPE_CHILD_STOPPING) {
        stop_child(sup, kid);
    }
}

void tr_order_stop(troupe_self *self, tr_supervisor *sup, troupe_err outcome) {
    if (sup->phase == PHASE_STOPPING) return;
    sup->phase = PHASE_STOPPING;
    sup->busy = true;
    sup->outcome = outcome;
    tr_order_go_on(self, sup);
}

bool tr_order_kill(troupe_self *self, tr_supervisor *sup) {
    sup->brutal = sup->busy = true;
    sup->phase = PHASE_STOPPING;
    sup->outcome = TROUPE_KILLED;
    bool any = false;
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        any = any || tr_kid_lives(kid);
    kill_stopping(self, sup);
    if (any) {
        tr_order_go_on(self, sup);
        return true;
    }
    bury_all(sup);
    tr_admin_tell_waiter(self, sup, TROUPE_KILLED);
    return false;
}

/* A child has had its time to start, to stop, or to return. */
static void late_child(tr_kid *kid) {
    if (!kid->actor) return;
    if (kid->killed) {
        abandon(kid);
        return;
    }
    kid->slow = kid->state == TROUPE_CHILD_STARTING;
    kill_child(kid);
}

static void late_children(troupe_self *self, tr_supervisor *sup) {
    if (sup->killed_all)
        abandon_stopping(sup);
    else if (sup->asked_all)
        kill_stopping(self, sup);
}

void tr_order_late(troupe_self *self, tr_supervisor *sup, const struct tr_late *late) {
    if (!late->nth) {
        late_children(self, sup);
        return;
    }
    tr_kid *kid = tr_time_passed(sup, late);
    if (!kid) return;
    if (!kid->delayed) {
        late_child(kid);
    } else if (sup->phase != PHASE_STOPPING) {
        kid->delayed = false;
        start_again(self, sup, kid);
    }
}

/* --- Starting --------------------------------------------------------------------------------- */

/* The first start of a child in its turn. One that was added later can't fail all others. */
static void start_first(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (!tr_request_starts(kid)) {
        if (tr_kid_start(kid)) tr_order_stop(self, sup, TROUPE_START_FAILED);
        return;
    }
    tr_kid_restart(kid); /* if it can't be made, its end comes back and is what it would be then */
    kid->restarts--;
}

troupe_err tr_order_add(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (sup->model || (sup->strategy == TROUPE_ONE_FOR_ONE && sup->phase == PHASE_RUNNING))
        return tr_kid_start(kid);
    kid->state = TROUPE_CHILD_WAITING;
    sup->busy = true;
    tr_order_go_on(self, sup);
    return TROUPE_OK;
}

static bool any_delayed(tr_supervisor *sup) {
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        if (kid->delayed) return true;
    return false;
}

/* One at a time: an earlier child may be in a restart meanwhile, and then its start comes first. */
static void start_next(troupe_self *self, tr_supervisor *sup) {
    if (!alone(sup) && any_delayed(sup)) return; /* its group starts with it */
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) {
        if (kid->state == TROUPE_CHILD_STARTING) return;
        if (kid->state != TROUPE_CHILD_WAITING) continue;
        if (kid->delayed) continue;
        if (kid->again)
            tr_kid_restart(kid);
        else
            start_first(self, sup, kid);
        return;
    }
    sup->busy = false;
    if (sup->phase == PHASE_RUNNING) return;
    sup->phase = PHASE_RUNNING;
    tr_sup_waits_end(self, sup); /* before anybody hears that it has started */
    tr_admin_tell_waiter(self, sup, TROUPE_OK);
    troupe_ready(self);
}

void tr_order_go_on(troupe_self *self, tr_supervisor *sup) {
    bool all = sup->phase == PHASE_STOPPING;
    if (all && sup->model && !sup->asked_all) stop_dynamic(self, sup);
    if (!sup->busy || sup->stopping) return;
    for (tr_kid *kid = tr_sup_last(sup); kid; kid = tr_sup_before(sup, kid)) {
        if (all ? !tr_kid_lives(kid) : !kid->leaving) continue;
        stop_child(sup, kid);
        return;
    }
    if (all)
        finish(self, sup);
    else
        start_next(self, sup);
}

/* A sibling is started again, after its stop if it lives. */
static void join_group(tr_kid *kid) {
    if (kid->state == TROUPE_CHILD_WAITING) return;
    kid->again = true;
    if (kid->state == TROUPE_CHILD_STARTING || kid->state == TROUPE_CHILD_RUNNING)
        kid->leaving = true;
    else if (kid->state == TROUPE_CHILD_ENDED && kid->spec.restart != TROUPE_TEMPORARY)
        kid->state = TROUPE_CHILD_WAITING;
}

void tr_order_restart(troupe_self *self, tr_supervisor *sup, tr_kid *kid, unsigned delay_ms) {
    /* Without memory for the timer it does not wait; nor does a dynamic one that was abandoned, and
     * so has no ref to be found by. */
    bool found = kid->actor || !kid->dynamic;
    kid->delayed = delay_ms && found && tr_time_set(kid, delay_ms);
    if (kid->delayed) tr_kid_tell_watchers(kid);
    tr_kid *first = sup->strategy == TROUPE_ONE_FOR_ALL ? tr_sup_first(sup) : kid;
    for (tr_kid *at = alone(sup) ? NULL : first; at; at = tr_sup_next(sup, at))
        if (at != kid) join_group(at);
    kid->again = true;
    kid->state = TROUPE_CHILD_WAITING;
    start_again(self, sup, kid);
}

void tr_order_release(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    kid->again = true;
    kid->restarts--; /* nobody had to be forgiven for it */
    kid->state = TROUPE_CHILD_WAITING;
    start_again(self, sup, kid);
}
