/* Monitors: ties that their watcher knows by a number. */
#include <string.h>

#include "actors/actor.h"
#include "actors/find.h"

const troupe_type troupe_down_type =
    TROUPE_TYPE(troupe_down, TROUPE_FIELD(troupe_down, monitor), TROUPE_FIELD(troupe_down, who),
                TROUPE_FIELD(troupe_down, why), TROUPE_FIELD(troupe_down, name));

/* --- Of actors of this runtime ---------------------------------------------------------------- */

/* Makes the `down` of a monitor; `name` is what the watched one is known by, or NULL. */
static troupe_err make_down(troupe *rt, tr_tie *tie, const char *name) {
    const tr_signal what = {.to = tie->watcher.id, .from = tie->who, .number = tie->number};
    const size_t length = name ? strlen(name) : 0;
    troupe_err err =
        tr_signal_make(rt, &troupe_down_type, what, name ? length + 1 : 0, &tie->signal);
    if (err) return err;
    struct troupe_down *body = tr_msg_body(tie->signal);
    *body = (struct troupe_down){.monitor = tie->number, .who = tie->who};
    if (!name) return TROUPE_OK;
    char *room = (char *)(tr_signal_of(tie->signal) + 1);
    body->who = (troupe_ref){rt->node, 0};
    tr_msg_put_text(tie->signal, &troupe_down_type.field[3], name, length, &room);
    return TROUPE_OK;
}

/* Has the port watch. OK: it does, or the tie has fired. */
static troupe_err watch_far(troupe_self *self, uint64_t number, troupe_ref who) {
    troupe *rt = self->rt;
    tr_port *port = tr_runtime_port(rt);
    troupe_err err =
        port ? port->ops->monitor(port, number, tr_actor_ref(self), who) : TROUPE_NOCONNECTION;
    if (!err) return TROUPE_OK;
    tr_fired fired;
    tr_fired_init(&fired);
    tr_lock(&rt->ties.lock);
    /* The node may have been lost meanwhile, which fired it. */
    tr_tie *tie = tr_tie_find(&rt->ties, number, rt->node);
    if (err == TROUPE_NOCONNECTION) {
        if (tie) tr_tie_fire(rt, tie, err, &fired);
        tie = NULL;
        err = TROUPE_OK;
    } else if (tie && tie->signal) {
        tr_tie_take_out(&rt->ties, tie);
    } else {
        tie = NULL;
        err = TROUPE_OK;
    }
    tr_unlock(&rt->ties.lock);
    if (tie) tr_tie_end(rt, tie);
    tr_fired_send(rt, &fired);
    return err;
}

static troupe_err watch(troupe_self *self, troupe_ref who, const char *name, uint64_t *monitor) {
    troupe *rt = self->rt;
    const uint64_t number = tr_tie_number(&rt->ties);
    tr_tie *tie = tr_tie_make(rt, tr_actor_ref(self), who, number);
    if (!tie) return TROUPE_NOMEM;
    troupe_err err = make_down(rt, tie, name);
    tr_fired fired;
    tr_fired_init(&fired);
    if (!err) {
        self->has_watched = true;
        tr_lock(&rt->ties.lock);
        err = tr_tie_enter(rt, tie, self);
        if (err == TROUPE_GONE) tr_tie_fire(rt, tie, err, &fired);
        tr_unlock(&rt->ties.lock);
    }
    if (err == TROUPE_GONE) {
        tr_fired_send(rt, &fired);
        err = TROUPE_OK;
    } else if (err) {
        tr_tie_end(rt, tie);
    } else if (who.node != rt->node) {
        err = watch_far(self, number, who);
    }
    if (!err && monitor) *monitor = number;
    return err;
}

troupe_err troupe_monitor(troupe_self *self, troupe_ref who, uint64_t *monitor) {
    if (!who.node && !who.id) return TROUPE_INVALID;
    return watch(self, who, NULL, monitor);
}

troupe_err troupe_monitor_name(troupe_self *self, const char *name, uint64_t *monitor) {
    if (!name || !*name || strlen(name) > TROUPE_NAME_MAX) return TROUPE_INVALID;
    troupe_ref who;
    if (troupe_whereis(self->rt, name, &who)) who = (troupe_ref){self->rt->node, 0}; /* as GONE */
    return watch(self, who, name, monitor);
}

/* `flush`: also one that has fired, so that its `down` is void. */
static troupe_err demonitor(troupe_self *self, uint64_t monitor, bool flush) {
    troupe *rt = self->rt;
    tr_lock(&rt->ties.lock);
    tr_tie *tie = tr_tie_find(&rt->ties, monitor, rt->node);
    bool mine = tie && troupe_same(tie->watcher, tr_actor_ref(self));
    bool ends = mine && (flush || tie->signal);
    if (ends) tr_tie_take_out(&rt->ties, tie);
    tr_unlock(&rt->ties.lock);
    if (!ends) return TROUPE_NOTFOUND;
    tr_port *port = tie->signal && tie->who.node != rt->node ? tr_runtime_port(rt) : NULL;
    if (port) port->ops->demonitor(port, tie->number, tie->watcher, tie->who);
    tr_tie_end(rt, tie);
    return TROUPE_OK;
}

troupe_err troupe_demonitor(troupe_self *self, uint64_t monitor) {
    return demonitor(self, monitor, false);
}

troupe_err troupe_demonitor_flush(troupe_self *self, uint64_t monitor) {
    return demonitor(self, monitor, true);
}

/* --- Over nodes ------------------------------------------------------------------------------- */

troupe_err tr_port_watch(troupe *rt, uint64_t number, troupe_ref watcher, troupe_ref who) {
    tr_tie *tie = tr_tie_make(rt, watcher, who, number);
    if (!tie) return TROUPE_NOMEM;
    tr_fired fired;
    tr_fired_init(&fired);
    tr_lock(&rt->ties.lock);
    troupe_err err =
        tr_tie_find(&rt->ties, number, watcher.node) ? TROUPE_TAKEN : tr_tie_enter(rt, tie, NULL);
    if (err == TROUPE_GONE) tr_tie_fire(rt, tie, err, &fired);
    tr_unlock(&rt->ties.lock);
    if (err && err != TROUPE_GONE) tr_tie_end(rt, tie);
    tr_fired_send(rt, &fired);
    return err == TROUPE_GONE ? TROUPE_OK : err;
}

bool tr_port_unwatch(troupe *rt, uint64_t number, troupe_ref watcher) {
    tr_lock(&rt->ties.lock);
    tr_tie *tie = tr_tie_find(&rt->ties, number, watcher.node);
    if (tie) tr_tie_take_out(&rt->ties, tie);
    tr_unlock(&rt->ties.lock);
    if (tie) tr_tie_end(rt, tie);
    return tie != NULL;
}

bool tr_port_down(troupe *rt, uint64_t number, uint64_t node, troupe_err why) {
    tr_fired fired;
    tr_fired_init(&fired);
    tr_lock(&rt->ties.lock);
    tr_tie *tie = tr_tie_find(&rt->ties, number, rt->node);
    /* Only the node of the watched actor may say that it ended. */
    const bool watched = tie && tie->signal && tie->who.node == node;
    if (watched) tr_tie_fire(rt, tie, why, &fired);
    tr_unlock(&rt->ties.lock);
    tr_fired_send(rt, &fired);
    return watched;
}
