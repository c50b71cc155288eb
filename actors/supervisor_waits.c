#include "actors/supervisor_waits.h"

#include "actors/waits.h"
#include "base/heap.h"

/* Of dynamic children, which stop all at once: so many are looked at; of the others those that wait
 * for somebody themselves. */
enum { LOOK_MOST = 64 };

static bool changes(const tr_kid *kid) {
    return kid->actor &&
           (kid->state == TROUPE_CHILD_STARTING || kid->state == TROUPE_CHILD_STOPPING);
}

/* It waits for a child, if there is room for one more. */
static void aim_at(tr_change *change, const tr_kid *kid) {
    const troupe_ref who = tr_actor_ref(kid->actor);
    const bool starts = kid->state == TROUPE_CHILD_STARTING;
    for (size_t i = 0; i < change->count; i++)
        if (troupe_same(change->aim[i].whom, who)) return;
    if (change->count == TR_CHANGE_MOST) return;
    change->aim[change->count++] =
        (tr_aim){who, starts ? TROUPE_WAIT_START : TROUPE_WAIT_STOP};
}

/* Its children that wait for somebody, which are few, before those that may do so later. Under the
 * lock. */
static void aim(tr_supervisor *sup, const tr_waits *waits, tr_change *change) {
    size_t looked = 0;
    change->count = 0;
    for (tr_list *at = waits->suspended.next; at != &waits->suspended; at = at->next) {
        const tr_kid *kid = tr_sup_by_ref(sup, TR_OWNER(at, tr_wait, suspended)->by->id);
        if (kid && changes(kid)) aim_at(change, kid);
    }
    for (tr_kid *kid = tr_sup_first(sup); kid; kid = tr_sup_next(sup, kid)) {
        if (sup->model && ++looked > LOOK_MOST) return;
        if (changes(kid)) aim_at(change, kid);
    }
}

/* Children that are supervisors, and are not known to wait, are to say for whom they do. They do so
 * from then on in this life. */
static void call_children(troupe *rt, const tr_supervisor *sup, const tr_change *change) {
    for (size_t i = 0; i < change->count; i++) {
        const tr_kid *kid = tr_sup_by_ref(sup, change->aim[i].whom.id);
        if (!kid || !kid->actor->is_supervisor) continue;
        tr_lock(&rt->asks.lock);
        const bool known = tr_waits_has(&rt->asks.waits, change->aim[i].whom.id);
        tr_unlock(&rt->asks.lock);
        if (!known) tr_actor_ask(rt, change->aim[i].whom.id, TR_CONTROL_SAY);
    }
}

void tr_sup_waits_update(troupe_self *self, tr_supervisor *sup) {
    troupe *rt = self->rt;
    if (!sup->says) return;
    if (sup->phase == PHASE_RUNNING) {
        tr_sup_waits_end(self, sup);
        return;
    }
    if (!sup->change) sup->change = tr_take_zero(rt->heap, sizeof *sup->change);
    if (!sup->change) return; /* it is tried again */
    tr_lock(&rt->asks.lock);
    aim(sup, &rt->asks.waits, sup->change);
    tr_waits_change(rt, sup->change, self, sup->phase == PHASE_STOPPING);
    tr_unlock(&rt->asks.lock);
    call_children(rt, sup, sup->change);
}

void tr_sup_waits_end(troupe_self *self, tr_supervisor *sup) {
    troupe *rt = self->rt;
    if (!sup->change) return;
    tr_lock(&rt->asks.lock);
    tr_waits_changed(&rt->asks.waits, sup->change);
    tr_unlock(&rt->asks.lock);
    tr_give(rt->heap, sup->change, sizeof *sup->change);
    sup->change = NULL;
}
