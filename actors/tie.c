#include "actors/tie.h"

#include "actors/actor.h"
#include "actors/find.h"
#include "actors/send.h"
#include "base/heap.h"

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

uint64_t tr_tie_number(tr_ties *ties) {
    tr_lock(&ties->lock);
    uint64_t number = ++ties->last;
    tr_unlock(&ties->lock);
    return number;
}

/* --- Finding ---------------------------------------------------------------------------------- */

/* Who does not know the secret can't choose numbers that would all come into one place of the map,
 * where each would be looked for among all others, under the lock that everybody shares. */
static uint64_t scatter(const tr_ties *ties, uint64_t what) {
    uint64_t key = what * ties->secret;
    return key ^ key >> 32;
}

static uint64_t monitor_key(const tr_ties *ties, uint64_t number, uint64_t watcher_node) {
    return scatter(ties, number ^ watcher_node);
}

static uint64_t link_key(const tr_ties *ties, troupe_ref watcher, troupe_ref who) {
    return scatter(ties, scatter(ties, watcher.id ^ watcher.node) ^ who.id ^ who.node);
}

tr_tie *tr_tie_find(tr_ties *ties, uint64_t number, uint64_t watcher_node) {
    tr_map_entry *entry = tr_map_find(&ties->all, monitor_key(ties, number, watcher_node));
    for (; entry; entry = tr_map_same(entry)) {
        tr_tie *tie = TR_OWNER(entry, tr_tie, in_all);
        if (!tie->link && tie->number == number && tie->watcher.node == watcher_node) return tie;
    }
    return NULL;
}

tr_tie *tr_tie_find_link(tr_ties *ties, troupe_ref watcher, troupe_ref who, tr_tie *last) {
    tr_map_entry *entry =
        last ? tr_map_same(&last->in_all) : tr_map_find(&ties->all, link_key(ties, watcher, who));
    for (; entry; entry = tr_map_same(entry)) {
        tr_tie *tie = TR_OWNER(entry, tr_tie, in_all);
        if (tie->link && troupe_same(tie->watcher, watcher) && troupe_same(tie->who, who))
            return tie;
    }
    return NULL;
}

/* --- Making and ending ------------------------------------------------------------------------ */

tr_tie *tr_tie_make(troupe *rt, troupe_ref watcher, troupe_ref who, uint64_t number) {
    tr_tie *tie = tr_take_zero(rt->heap, sizeof *tie);
    if (!tie) return NULL;
    tie->watcher = watcher;
    tie->who = who;
    tie->number = number;
    tr_list_init(&tie->of_watcher);
    tr_list_init(&tie->of_watched);
    return tie;
}

troupe_err tr_tie_enter(troupe *rt, tr_tie *tie, troupe_self *watcher) {
    tr_ties *ties = &rt->ties;
    uint64_t key = tie->link ? link_key(ties, tie->watcher, tie->who)
                             : monitor_key(ties, tie->number, tie->watcher.node);
    if (!tr_map_add(&ties->all, key, &tie->in_all)) return TROUPE_NOMEM;
    if (watcher) tr_list_add(&watcher->watching, &tie->of_watcher);
    if (tie->who.node != rt->node) return TROUPE_OK;
    troupe_self *watched = tr_table_find(&rt->table, tie->who.id);
    /* An end for good takes this lock only if it finds the mark. */
    if (!watched || !tr_table_mark(watched, (uint32_t)(tie->who.id >> 32), TR_CONTROL_WATCHED))
        return TROUPE_GONE;
    tr_list_add(&watched->watchers, &tie->of_watched);
    return TROUPE_OK;
}

void tr_tie_take_out(tr_ties *ties, tr_tie *tie) {
    tr_map_remove(&ties->all, &tie->in_all);
    tr_list_remove(&tie->of_watcher);
    tr_list_remove(&tie->of_watched);
}

void tr_tie_end(troupe *rt, tr_tie *tie) {
    troupe_drop(&tie->signal);
    tr_give(rt->heap, tie, sizeof *tie);
}

/* --- Signals ---------------------------------------------------------------------------------- */

troupe_err tr_signal_make(troupe *rt, const troupe_type *type, tr_signal what, size_t room,
                          troupe_msg **out) {
    /* Its sender may be of another node, for which `take` leaves room. */
    troupe_err err = tr_msg_take(&rt->pool, type, sizeof(tr_signal) + room, out);
    if (!err) *tr_signal_of(*out) = what;
    return err;
}

static void set_why(troupe_msg *msg, troupe_err why) {
    if (msg->type == &troupe_exit_type)
        ((struct troupe_exit *)tr_msg_body(msg))->why = (uint32_t)why;
    else
        ((struct troupe_down *)tr_msg_body(msg))->why = (uint32_t)why;
}

void tr_fired_init(tr_fired *fired) {
    fired->here = (tr_fifo){NULL, NULL};
    tr_list_init(&fired->far);
}

/* Whether there is another half of the same link, which both sides have made at the same time; it
 * ends for the same reason then, and one is enough to tell. */
static bool has_twin(tr_ties *ties, const tr_tie *tie) {
    tr_tie *at = NULL;
    while (tie->link && (at = tr_tie_find_link(ties, tie->watcher, tie->who, at)))
        if (at != tie && at->signal) return true;
    return false;
}

/* The tie of a watcher here stays, so that its end, or an `unlink`, still finds it and makes what
 * was fired void. */
void tr_tie_fire(troupe *rt, tr_tie *tie, troupe_err why, tr_fired *fired) {
    bool twin = tie->who.node != rt->node && has_twin(&rt->ties, tie);
    if (tie->watcher.node != rt->node || (tie->signal && twin)) {
        tr_tie_take_out(&rt->ties, tie);
        tie->why = why;
        tr_list_add(&fired->far, &tie->of_watched);
    } else if (tie->signal) {
        tr_list_remove(&tie->of_watched);
        set_why(tie->signal, why);
        tr_fifo_put(&fired->here, &tie->signal->link);
        tie->signal = NULL;
    }
}

void tr_fired_send(troupe *rt, tr_fired *fired) {
    for (tr_link *link; (link = tr_fifo_get(&fired->here));) {
        troupe_msg *msg = tr_msg_of(link);
        /* Who has ended needs none. */
        if (tr_send_signal(rt, TR_SEND_FREE, &msg)) troupe_drop(&msg);
    }
    while (!tr_list_empty(&fired->far)) {
        tr_tie *tie = TR_OWNER(fired->far.next, tr_tie, of_watched);
        tr_list_remove(&tie->of_watched);
        tr_port *port = tie->watcher.node != rt->node ? tr_runtime_port(rt) : NULL;
        if (port && tie->link)
            port->ops->exit(port, tie->number, tie->maker, tie->watcher, tie->who, tie->why);
        else if (port)
            port->ops->down(port, tie->number, tie->watcher, tie->who, tie->why);
        tr_tie_end(rt, tie);
    }
}

/* --- Ends ------------------------------------------------------------------------------------- */

/* Takes all ties out that an actor holds, under the lock. */
static void take_held(troupe_self *self, tr_list *taken) {
    while (!tr_list_empty(&self->watching)) {
        tr_tie *tie = TR_OWNER(self->watching.next, tr_tie, of_watcher);
        tr_tie_take_out(&self->rt->ties, tie);
        tr_list_add(taken, &tie->of_watcher);
    }
}

static void end_held(troupe *rt, tr_list *taken) {
    while (!tr_list_empty(taken)) {
        tr_tie *tie = TR_OWNER(taken->next, tr_tie, of_watcher);
        tr_list_remove(&tie->of_watcher);
        bool watches = !tie->link && tie->signal && tie->who.node != rt->node;
        tr_port *port = watches ? tr_runtime_port(rt) : NULL;
        if (port) port->ops->demonitor(port, tie->number, tie->watcher, tie->who);
        tr_tie_end(rt, tie);
    }
}

void tr_ties_ended(troupe_self *self, troupe_err why) {
    troupe *rt = self->rt;
    tr_fired fired;
    tr_list held;
    tr_fired_init(&fired);
    tr_list_init(&held);
    tr_lock(&rt->ties.lock);
    self->epoch++; /* exit signals for the life that is over are void */
    while (!tr_list_empty(&self->watchers))
        tr_tie_fire(rt, TR_OWNER(self->watchers.next, tr_tie, of_watched), why, &fired);
    take_held(self, &held); /* somebody may have made a link since the life ended */
    tr_unlock(&rt->ties.lock);
    tr_fired_send(rt, &fired);
    end_held(rt, &held);
}

void tr_ties_forget(troupe_self *self) {
    tr_list held;
    tr_list_init(&held);
    tr_lock(&self->rt->ties.lock);
    take_held(self, &held);
    tr_unlock(&self->rt->ties.lock);
    end_held(self->rt, &held);
}

/* What a lost node leaves: ties to its actors to fire, and its own monitors to forget. */
typedef struct tr_losses {
    troupe *rt;
    uint64_t node;
    tr_fired fired;
    tr_list forgotten;
} tr_losses;

static void take_if_lost(void *ctx, tr_map_entry *entry) {
    tr_losses *losses = ctx;
    tr_tie *tie = TR_OWNER(entry, tr_tie, in_all);
    if (tie->watcher.node == losses->node) {
        tr_tie_take_out(&losses->rt->ties, tie);
        tr_list_add(&losses->forgotten, &tie->of_watcher);
    } else if (tie->who.node == losses->node) {
        tr_tie_fire(losses->rt, tie, TROUPE_NOCONNECTION, &losses->fired);
    }
}

void tr_port_node_lost(troupe *rt, uint64_t node) {
    tr_losses losses = {.rt = rt, .node = node};
    tr_fired_init(&losses.fired);
    tr_list_init(&losses.forgotten);
    tr_lock(&rt->ties.lock);
    tr_map_each(&rt->ties.all, take_if_lost, &losses);
    tr_unlock(&rt->ties.lock);
    end_held(rt, &losses.forgotten);
    tr_fired_send(rt, &losses.fired);
    tr_ask_node_lost(&rt->asks, node);
    tr_rooms_tell_node(rt, node, TROUPE_NOCONNECTION);
    tr_groups_node_lost(rt, node);
}
