#include "actors/supervisor_time.h"

const troupe_type tr_late_type =
    TROUPE_NAMED_TYPE("late", tr_late, TROUPE_FIELD(tr_late, who), TROUPE_FIELD(tr_late, nth));

/* Has the supervisor hear, after so long, that it is late. */
static bool set(troupe_self *self, struct tr_late late, unsigned ms, troupe_timer *timer) {
    troupe_msg *msg = NULL;
    if (tr_msg_make(&self->rt->pool, &tr_late_type, &late, &msg)) return false;
    if (!troupe_send_after(self, ms, tr_actor_ref(self), &msg, timer)) return true;
    troupe_drop(&msg);
    return false;
}

bool tr_time_set(tr_kid *kid, unsigned ms) {
    troupe_self *self = kid->bond.parent;
    tr_supervisor *sup = self->state;
    tr_time_end(kid);
    const struct tr_late late = {.who = kid->dynamic ? kid->by_ref.key : kid->by_id.key,
                                 .nth = ++sup->times};
    if (!set(self, late, ms, &kid->timer)) return false;
    kid->time = late.nth;
    return true;
}

void tr_time_end(tr_kid *kid) {
    if (!kid->time) return;
    kid->time = 0;
    (void)troupe_cancel(kid->bond.parent, kid->timer); /* then it never comes, fired or not */
}

bool tr_time_set_all(troupe_self *self, unsigned ms) {
    return set(self, (struct tr_late){0}, ms, NULL);
}

tr_kid *tr_time_passed(tr_supervisor *sup, const struct tr_late *late) {
    tr_map_entry *entry = tr_map_find(sup->model ? &sup->by_ref : &sup->by_id, late->who);
    for (; entry; entry = tr_map_same(entry)) {
        tr_kid *kid = sup->model ? TR_OWNER(entry, tr_kid, by_ref) : TR_OWNER(entry, tr_kid, by_id);
        if (kid->time != late->nth) continue; /* another one with that key */
        kid->time = 0;
        return kid;
    }
    return NULL;
}
