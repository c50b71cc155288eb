#include "actors/supervisor_order.h"

#include "actors/supervisor_admin.h"

const troupe_type tr_late_type = {
    "late", sizeof(struct tr_late),
    (const troupe_field[]){{"who", offsetof(struct tr_late, who), TROUPE_U64}}, 1};

/* --- Stopping --------------------------------------------------------------------------------- */

/* All children have ended. */
static void finish(troupe_self *self, tr_supervisor *sup) {
    tr_admin_tell_waiter(self, sup, sup->outcome);
    if (sup->outcome == TROUPE_GAVE_UP)
        (void)troupe_fail(self, TROUPE_GAVE_UP, "more than %u restarts in %u ms", sup->limits.most,
                          sup->limits.within_ms);
    else
        troupe_exit(self, sup->outcome);
}

/* Gives a child its time to stop. Without memory for the timer it gets none. */
static void stop_child(troupe_self *self, tr_supervisor *sup, tr_kid *kid) {
    kid->state = TROUPE_CHILD_STOPPING;
    unsigned ms = kid->spec.shutdown_ms;
    if (sup->brutal || ms == TROUPE_BRUTAL) {
        tr_kid_ask(kid, TR_CONTROL_KILL);
        return;
    }
    tr_kid_ask(kid, TR_CONTROL_STOP);
    if (ms == TROUPE_FOREVER) return;
    troupe_msg *msg = NULL;
    struct tr_late body = {.who = kid->actor->id};
    if (tr_msg_make(&self->rt->pool, &tr_late_type, &body, &msg) ||
        troupe_send_after(self, ms, tr_actor_ref(self), &msg, NULL)) {
        troupe_drop(&msg);
        tr_kid_ask(kid, TR_CONTROL_KILL);
    }
}

/* Stops the last child that still lives, or finishes. */
void tr_order_stop_next(troupe_self *self, tr_supervisor *sup) {
    for (tr_kid *kid = tr_sup_last(sup); kid; kid = tr_sup_before(sup, kid)) {
        if (!kid->actor) continue;
        stop_child(self, sup, kid);
        return;
    }
    finish(self, sup);
}

void tr_order_stop(troupe_self *self, tr_supervisor *sup, troupe_err outcome) {
    if (sup->phase == PHASE_STOPPING) return;
    sup->phase = PHASE_STOPPING;
    sup->outcome = outcome;
    tr_order_stop_next(self, sup);
}

bool tr_order_kill(troupe_self *self, tr_supervisor *sup) {
    sup->brutal = true;
    bool stopping = sup->phase == PHASE_STOPPING, any = false;
    sup->phase = PHASE_STOPPING;
    sup->outcome = TROUPE_KILLED;
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) any = any || kid->actor;
    if (!any) {
        tr_admin_tell_waiter(self, sup, TROUPE_KILLED);
        return false;
    }
    if (!stopping) {
        tr_order_stop_next(self, sup);
        return true;
    }
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        if (kid->state == TROUPE_CHILD_STOPPING) tr_kid_ask(kid, TR_CONTROL_KILL);
    return true;
}

void tr_order_late(tr_supervisor *sup, const struct tr_late *late) {
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid))
        if (kid->actor && kid->actor->id == late->who && kid->state == TROUPE_CHILD_STOPPING)
            tr_kid_ask(kid, TR_CONTROL_KILL);
}

/* --- Starting --------------------------------------------------------------------------------- */

/* One at a time: an earlier child may be in a restart meanwhile, and then its start comes first. */
void tr_order_start(troupe_self *self, tr_supervisor *sup) {
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) {
        if (kid->state == TROUPE_CHILD_STARTING) return;
        if (kid->state != TROUPE_CHILD_WAITING) continue;
        if (tr_kid_start(kid)) tr_order_stop(self, sup, TROUPE_START_FAILED);
        return;
    }
    sup->phase = PHASE_RUNNING;
    tr_admin_tell_waiter(self, sup, TROUPE_OK);
    troupe_ready(self);
}
