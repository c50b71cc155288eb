#include "actors/supervisor_order.h"

#include "actors/abandon.h"

#include "actors/supervisor_admin.h"
#include "actors/supervisor_request.h"

/* How long one that was killed may take to return, if it has no time of its own to stop. */
enum { GRACE_MS = 1000 };

const troupe_type tr_late_type = {
    "late", sizeof(struct tr_late),
    (const troupe_field[]){{"who", offsetof(struct tr_late, who), TROUPE_U64},
                           {"nth", offsetof(struct tr_late, nth), TROUPE_U32}},
    2};

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
    kid->stops++;
    kid->timeout = (troupe_timer){0};
    kid->killed = false;
    sup->stopping++;
    if (!kid->actor) return false; /* it could not be made, and its note is on its way */
    bool kill = sup->brutal || kid->spec.shutdown_ms == TROUPE_BRUTAL;
    kid->killed = kill;
    tr_kid_ask(kid, kill ? TR_CONTROL_KILL : TR_CONTROL_STOP);
    return !kill && kid->spec.shutdown_ms != TROUPE_FOREVER;
}

/* Has the supervisor hear that it is late, after so long. False: no memory. */
static bool set_time(troupe_self *self, struct tr_late late, unsigned ms, troupe_timer *timer) {
    troupe_msg *msg = NULL;
    if (tr_msg_make(&self->rt->pool, &tr_late_type, &late, &msg)) return false;
    if (!troupe_send_after(self, ms, tr_actor_ref(self), &msg, timer)) return true;
    troupe_drop(&msg);
    return false;
}

/* How long a child that was killed may take to return before it is abandoned. */
static unsigned grace_of(const tr_kid *kid) {
    unsigned ms = kid->spec.shutdown_ms;
    return ms == TROUPE_BRUTAL || ms == TROUPE_FOREVER ? GRACE_MS : ms;
}

/* Gives a child that was killed its time to return; a supervisor does when its children have.
 * Without memory for the timer it is waited for. */
static void give_grace(troupe_self *self, tr_kid *kid) {
    if (kid->actor->is_supervisor) return;
    const struct tr_late late = {.who = kid->actor->id, .nth = kid->stops};
    (void)set_time(self, late, grace_of(kid), &kid->timeout);
}

/* The same for all dynamic ones. */
static void give_grace_to_all(troupe_self *self, tr_supervisor *sup) {
    sup->killed_all = true;
    (void)set_time(self, (struct tr_late){0}, grace_of(sup->model), NULL);
}

/* Kills one that has had its time, or gets none any more. */
static void kill_child(troupe_self *self, tr_kid *kid) {
    if (kid->timeout.id) (void)troupe_cancel(self, kid->timeout);
    kid->timeout = (troupe_timer){0};
    kid->stops++; /* the time-out that was cancelled may have fired: it is of another stop then */
    kid->killed = true;
    tr_kid_ask(kid, TR_CONTROL_KILL);
    give_grace(self, kid);
}

/* Gives a child its time to stop. Without memory for the timer it gets none. */
static void stop_child(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    bool timed = ask_to_stop(sup, kid);
    if (!kid->actor) return;
    const struct tr_late late = {.who = kid->actor->id, .nth = kid->stops};
    if (kid->killed)
        give_grace(self, kid);
    else if (timed && !set_time(self, late, kid->spec.shutdown_ms, &kid->timeout))
        kill_child(self, kid);
}

/* Kills all children that still stop. */
static void kill_stopping(troupe_self *self, tr_supervisor *sup) {
    bool all = sup->model && sup->asked_all;
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) {
        if (kid->state != TROUPE_CHILD_STOPPING || !kid->actor || kid->killed) continue;
        if (!all) {
            kill_child(self, kid);
            continue;
        }
        kid->killed = true; /* one time for them all */
        tr_kid_ask(kid, TR_CONTROL_KILL);
    }
    if (all) give_grace_to_all(self, sup);
}

/* Goes on without a child that was killed and does not return, if it is that. */
static void abandon(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    unsigned ms = kid->spec.shutdown_ms;
    bool timed = ms != TROUPE_BRUTAL && ms != TROUPE_FOREVER;
    uint64_t waited = (timed ? ms : 0) + (uint64_t)grace_of(kid);
    if (!tr_abandon(kid->actor, kid->was_ready, waited)) {
        give_grace(self, kid);
        return;
    }
    kid->actor = NULL; /* it is its own now; the next life has a new place */
    kid->why = TROUPE_KILLED;
    (void)tr_order_ended(self, sup, kid);
}

static void abandon_stopping(troupe_self *self, tr_supervisor *sup) {
    for (tr_kid *kid = tr_sup_first(sup), *next; kid; kid = next) {
        next = tr_sup_next(sup, kid);
        if (kid->state == TROUPE_CHILD_STOPPING && kid->actor) abandon(self, sup, kid);
    }
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
    else if (!set_time(self, (struct tr_late){0}, sup->model->spec.shutdown_ms, NULL))
        kill_stopping(self, sup);
}

bool tr_order_ended(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    bool asked = kid->state == TROUPE_CHILD_STOPPING, all = sup->phase == PHASE_STOPPING;
    if (!asked && !kid->leaving && !all) return false;
    if (!tr_kid_ended_well(kid) && kid->why != TROUPE_KILLED)
        tr_kid_report(kid, all ? "its supervisor is stopping" : "its group is restarted");
    if (kid->timeout.id) (void)troupe_cancel(self, kid->timeout); /* it may have fired */
    kid->timeout = (troupe_timer){0};
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
    if (kid->state == TROUPE_CHILD_WAITING)
        tr_sup_end(sup, kid, TROUPE_SHUTDOWN);
    else if (kid->state != TROUPE_CHILD_STOPPING)
        stop_child(self, sup, kid);
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

/* A child has had its time, to stop or to return. */
static void late_child(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (kid->state != TROUPE_CHILD_STOPPING || !kid->actor) return;
    if (kid->killed)
        abandon(self, sup, kid);
    else
        kill_child(self, kid);
}

void tr_order_late(troupe_self *self, tr_supervisor *sup, const struct tr_late *late) {
    if (!late->who) {
        if (sup->killed_all)
            abandon_stopping(self, sup);
        else if (sup->asked_all)
            kill_stopping(self, sup);
        return;
    }
    for (tr_kid *kid = tr_sup_first(sup); kid && !sup->model; kid = tr_sup_next(sup, kid)) {
        if (!kid->actor || kid->actor->id != late->who) continue;
        if (kid->stops == late->nth) late_child(self, sup, kid);
        return;
    }
    tr_kid *kid = sup->model ? tr_sup_dynamic(sup, late->who) : NULL;
    if (kid && kid->stops == late->nth) late_child(self, sup, kid);
}

/* --- Starting --------------------------------------------------------------------------------- */

/* The first start of a child in its turn. One that was added later can't fail all others. */
static void start_first(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (!tr_request_starts(kid)) {
        if (tr_kid_start(kid, NULL)) tr_order_stop(self, sup, TROUPE_START_FAILED);
        return;
    }
    tr_kid_restart(kid); /* if it can't be made, its end comes back and is what it would be then */
    kid->restarts--;
}

troupe_err tr_order_add(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (sup->model) return tr_kid_start(kid, &sup->by_ref);
    if (sup->strategy == TROUPE_ONE_FOR_ONE && sup->phase == PHASE_RUNNING)
        return tr_kid_start(kid, NULL);
    kid->state = TROUPE_CHILD_WAITING;
    sup->busy = true;
    tr_order_go_on(self, sup);
    return TROUPE_OK;
}

/* One at a time: an earlier child may be in a restart meanwhile, and then its start comes first. */
static void start_next(troupe_self *self, tr_supervisor *sup) {
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) {
        if (kid->state == TROUPE_CHILD_STARTING) return;
        if (kid->state != TROUPE_CHILD_WAITING) continue;
        if (kid->again)
            tr_kid_restart(kid);
        else
            start_first(self, sup, kid);
        return;
    }
    sup->busy = false;
    if (sup->phase == PHASE_RUNNING) return;
    sup->phase = PHASE_RUNNING;
    tr_admin_tell_waiter(self, sup, TROUPE_OK);
    troupe_ready(self);
}

void tr_order_go_on(troupe_self *self, tr_supervisor *sup) {
    bool all = sup->phase == PHASE_STOPPING;
    if (all && sup->model && !sup->asked_all) stop_dynamic(self, sup);
    if (!sup->busy || sup->stopping) return;
    for (tr_kid *kid = tr_sup_last(sup); kid; kid = tr_sup_before(sup, kid)) {
        if (all ? !tr_kid_lives(kid) : !kid->leaving) continue;
        stop_child(self, sup, kid);
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

void tr_order_restart(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    if (sup->strategy == TROUPE_ONE_FOR_ONE || sup->model) {
        tr_kid_restart(kid);
        return;
    }
    tr_kid *first = sup->strategy == TROUPE_ONE_FOR_ALL ? tr_sup_first(sup) : kid;
    for (tr_kid *at = first; at; at = tr_sup_next(sup, at))
        if (at != kid) join_group(at);
    kid->again = true;
    kid->state = TROUPE_CHILD_WAITING;
    sup->busy = true;
    tr_order_go_on(self, sup);
}
