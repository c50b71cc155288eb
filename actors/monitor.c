#include "actors/monitor.h"

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/send.h"
#include "base/check.h"
#include "base/heap.h"

/* One monitor. It is in `all`, in its watcher's list if that is here, and in the watched actor's
 * list if that is here; who takes it out, under the lock, owns it then. */
typedef struct tr_tie {
    tr_map_entry in_all;
    tr_list of_watcher, of_watched;
    uint64_t number;
    troupe_ref watcher, who;
    troupe_msg *down; /* reserved for a watcher of this runtime; NULL for one elsewhere */
} tr_tie;

static const troupe_field down_fields[] = {
    TROUPE_FIELD(troupe_down, monitor),
    TROUPE_FIELD(troupe_down, who),
    TROUPE_FIELD(troupe_down, why),
};
const troupe_type troupe_down_type = {"troupe_down", sizeof(struct troupe_down), down_fields,
                                      sizeof down_fields / sizeof *down_fields};

void tr_ties_init(tr_ties *ties, const troupe_heap *heap) {
    ties->last = 0;
    tr_random(&ties->secret, sizeof ties->secret);
    ties->secret |= 1;
    tr_mutex_init(&ties->lock);
    tr_map_init(&ties->all, heap);
}

void tr_ties_fini(tr_ties *ties) {
    tr_map_fini(&ties->all);
    tr_mutex_fini(&ties->lock);
}

/* Who does not know the secret can't choose numbers that would all come into one place of the map,
 * where each would be looked for among all others, under the lock that everybody shares. */
static uint64_t key_of(const tr_ties *ties, uint64_t number, uint64_t watcher_node) {
    uint64_t key = (number ^ watcher_node) * ties->secret;
    return key ^ key >> 32;
}

static tr_tie *find(tr_ties *ties, uint64_t number, uint64_t watcher_node) {
    tr_map_entry *entry = tr_map_find(&ties->all, key_of(ties, number, watcher_node));
    for (; entry; entry = tr_map_same(entry)) {
        tr_tie *tie = TR_OWNER(entry, tr_tie, in_all);
        if (tie->number == number && tie->watcher.node == watcher_node) return tie;
    }
    return NULL;
}

/* Takes a tie out of all lists, under the lock; the caller owns it then. */
static void take_out(tr_ties *ties, tr_tie *tie) {
    tr_map_remove(&ties->all, &tie->in_all);
    tr_list_remove(&tie->of_watcher);
    tr_list_remove(&tie->of_watched);
}

static void end(troupe *rt, tr_tie *tie) {
    troupe_drop(&tie->down);
    tr_give(rt->heap, tie, sizeof *tie);
}

/* Tells the watcher of a tie that is out of all lists; without a lock, since it may go to a
 * port. */
static void fire(troupe *rt, tr_tie *tie, troupe_err why) {
    if (tie->down) {
        struct troupe_down *body = tr_msg_body(tie->down);
        body->why = (uint32_t)why;
        /* A watcher that has ended meanwhile needs no `down`. */
        if (tr_send(rt, tie->who, tie->watcher, TR_SEND_FREE, &tie->down)) troupe_drop(&tie->down);
    } else {
        tr_port *port = tr_runtime_port(rt);
        if (port) port->ops->down(port, tie->number, tie->watcher, tie->who, why);
    }
    end(rt, tie);
}

static void fire_all(troupe *rt, tr_list *taken, troupe_err why) {
    while (!tr_list_empty(taken)) {
        tr_tie *tie = TR_OWNER(taken->next, tr_tie, of_watched);
        tr_list_remove(&tie->of_watched);
        fire(rt, tie, why);
    }
}

/* A tie that is in no list yet; NULL: no memory. */
static tr_tie *make(troupe *rt, troupe_ref watcher, troupe_ref who, uint64_t number) {
    tr_tie *tie = tr_take_zero(rt->heap, sizeof *tie);
    if (!tie) return NULL;
    tie->watcher = watcher;
    tie->who = who;
    tie->number = number;
    tr_list_init(&tie->of_watcher);
    tr_list_init(&tie->of_watched);
    return tie;
}

/* Enters a tie, under the lock. GONE: `who` is of this runtime and has ended. */
static troupe_err enter(troupe *rt, tr_tie *tie) {
    troupe_self *watched = NULL;
    if (tie->who.node == rt->node) {
        watched = tr_table_find(&rt->table, tie->who.id);
        /* An end for good takes this lock only if it finds the mark. */
        if (!watched || !tr_table_mark(watched, (uint32_t)(tie->who.id >> 32), TR_CONTROL_WATCHED))
            return TROUPE_GONE;
    }
    uint64_t key = key_of(&rt->ties, tie->number, tie->watcher.node);
    if (!tr_map_add(&rt->ties.all, key, &tie->in_all)) return TROUPE_NOMEM;
    if (watched) tr_list_add(&watched->watchers, &tie->of_watched);
    return TROUPE_OK;
}

/* Enters a tie of an actor of this runtime and has the port watch, if `who` is elsewhere. OK: the
 * tie is the ties', and may have fired and be freed already. */
static troupe_err watch(troupe_self *self, tr_tie *tie) {
    troupe *rt = self->rt;
    const uint64_t number = tie->number;
    const troupe_ref who = tie->who;
    struct troupe_down body = {.monitor = number, .who = who};
    /* From there it comes with a sender of another node, for which `take` leaves room. */
    troupe_err err = tr_msg_take(&rt->pool, &troupe_down_type, 0, &tie->down);
    if (err) return err;
    *(struct troupe_down *)tr_msg_body(tie->down) = body;
    self->has_watched = true;
    tr_lock(&rt->ties.lock);
    err = enter(rt, tie);
    if (!err) tr_list_add(&self->watching, &tie->of_watcher);
    tr_unlock(&rt->ties.lock);
    if (err || who.node == rt->node) return err;
    tr_port *port = tr_runtime_port(rt);
    err = port ? port->ops->monitor(port, number, tr_actor_ref(self), who) : TROUPE_NOCONNECTION;
    if (!err) return err;
    /* The node may have been lost meanwhile, which ended the tie: then its `down` is sent. */
    tr_lock(&rt->ties.lock);
    bool still = find(&rt->ties, number, rt->node) == tie;
    if (still) take_out(&rt->ties, tie);
    tr_unlock(&rt->ties.lock);
    return still ? err : TROUPE_OK;
}

troupe_err troupe_monitor(troupe_self *self, troupe_ref who, uint64_t *monitor) {
    troupe *rt = self->rt;
    if (!who.node && !who.id) return TROUPE_INVALID;
    tr_lock(&rt->ties.lock);
    uint64_t number = ++rt->ties.last;
    tr_unlock(&rt->ties.lock);
    tr_tie *tie = make(rt, tr_actor_ref(self), who, number);
    if (!tie) return TROUPE_NOMEM;
    troupe_err err = watch(self, tie);
    if (err == TROUPE_GONE || err == TROUPE_NOCONNECTION) {
        fire(rt, tie, err);
        err = TROUPE_OK;
    } else if (err) {
        end(rt, tie);
    }
    if (!err && monitor) *monitor = number;
    return err;
}

troupe_err troupe_demonitor(troupe_self *self, uint64_t monitor) {
    troupe *rt = self->rt;
    tr_lock(&rt->ties.lock);
    tr_tie *tie = find(&rt->ties, monitor, rt->node);
    bool mine = tie && troupe_same(tie->watcher, tr_actor_ref(self));
    if (mine) take_out(&rt->ties, tie);
    tr_unlock(&rt->ties.lock);
    if (!mine) return TROUPE_NOTFOUND;
    tr_port *port = tr_runtime_port(rt);
    if (port && tie->who.node != rt->node)
        port->ops->demonitor(port, tie->number, tie->watcher, tie->who);
    end(rt, tie);
    return TROUPE_OK;
}

void tr_ties_ended(troupe_self *self, troupe_err why) {
    troupe *rt = self->rt;
    tr_list taken;
    tr_list_init(&taken);
    tr_lock(&rt->ties.lock);
    while (!tr_list_empty(&self->watchers)) {
        tr_tie *tie = TR_OWNER(self->watchers.next, tr_tie, of_watched);
        take_out(&rt->ties, tie);
        tr_list_add(&taken, &tie->of_watched);
    }
    tr_unlock(&rt->ties.lock);
    fire_all(rt, &taken, why);
}

void tr_ties_forget(troupe_self *self) {
    troupe *rt = self->rt;
    for (;;) {
        tr_lock(&rt->ties.lock);
        bool none = tr_list_empty(&self->watching);
        tr_tie *tie = none ? NULL : TR_OWNER(self->watching.next, tr_tie, of_watcher);
        uint64_t number = tie ? tie->number : 0;
        tr_unlock(&rt->ties.lock);
        if (none) return;
        /* Not found: it fired in between, and is gone from the list. */
        (void)troupe_demonitor(self, number);
    }
}

troupe_err tr_port_watch(troupe *rt, uint64_t number, troupe_ref watcher, troupe_ref who) {
    tr_tie *tie = make(rt, watcher, who, number);
    if (!tie) return TROUPE_NOMEM;
    tr_lock(&rt->ties.lock);
    troupe_err err = find(&rt->ties, number, watcher.node) ? TROUPE_TAKEN : enter(rt, tie);
    tr_unlock(&rt->ties.lock);
    if (err == TROUPE_GONE) {
        fire(rt, tie, TROUPE_GONE);
        return TROUPE_OK;
    }
    if (err) end(rt, tie);
    return err;
}

void tr_port_unwatch(troupe *rt, uint64_t number, troupe_ref watcher) {
    tr_lock(&rt->ties.lock);
    tr_tie *tie = find(&rt->ties, number, watcher.node);
    if (tie) take_out(&rt->ties, tie);
    tr_unlock(&rt->ties.lock);
    if (tie) end(rt, tie);
}

void tr_port_down(troupe *rt, uint64_t number, uint64_t node, troupe_err why) {
    tr_lock(&rt->ties.lock);
    tr_tie *tie = find(&rt->ties, number, rt->node);
    /* Only the node of the watched actor may say that it ended. */
    if (tie && tie->who.node != node) tie = NULL;
    if (tie) take_out(&rt->ties, tie);
    tr_unlock(&rt->ties.lock);
    if (tie) fire(rt, tie, why);
}

/* What a lost node leaves: monitors of its actors to fire, and its own monitors to forget. */
typedef struct tr_losses {
    troupe *rt;
    uint64_t node;
    tr_list fired, forgotten;
} tr_losses;

static void take_if_lost(void *ctx, tr_map_entry *entry) {
    tr_losses *losses = ctx;
    tr_tie *tie = TR_OWNER(entry, tr_tie, in_all);
    bool watched = tie->who.node == losses->node, watches = tie->watcher.node == losses->node;
    if (!watched && !watches) return;
    take_out(&losses->rt->ties, tie);
    tr_list_add(watches ? &losses->forgotten : &losses->fired, &tie->of_watched);
}

void tr_port_node_lost(troupe *rt, uint64_t node) {
    tr_losses losses = {.rt = rt, .node = node};
    tr_list_init(&losses.fired);
    tr_list_init(&losses.forgotten);
    tr_lock(&rt->ties.lock);
    tr_map_each(&rt->ties.all, take_if_lost, &losses);
    tr_unlock(&rt->ties.lock);
    while (!tr_list_empty(&losses.forgotten)) {
        tr_tie *tie = TR_OWNER(losses.forgotten.next, tr_tie, of_watched);
        tr_list_remove(&tie->of_watched);
        end(rt, tie);
    }
    fire_all(rt, &losses.fired, TROUPE_NOCONNECTION);
    tr_ask_node_lost(&rt->asks, node);
}
