#include <troupe/link.h>

#include "actors/find.h"
#include "actors/life.h"

/* Half of a link, with its exit signal. */
static troupe_err make_half(troupe *rt, troupe_ref watcher, troupe_ref who, uint64_t number,
                            tr_tie **out) {
    tr_tie *tie = *out = tr_tie_make(rt, watcher, who, number);
    if (!tie) return TROUPE_NOMEM;
    tie->link = true;
    tr_signal what = {.to = watcher.id, .from = who, .number = number};
    troupe_err err = tr_signal_make(rt, &troupe_exit_type, what, 0, &tie->signal);
    if (err) return err;
    struct troupe_exit *body = tr_msg_body(tie->signal);
    *body = (struct troupe_exit){.who = who, .link = true};
    return TROUPE_OK;
}

/* The half of a living link that is not fired yet; under the lock. */
static tr_tie *living(tr_ties *ties, troupe_ref watcher, troupe_ref who) {
    tr_tie *tie = NULL;
    do tie = tr_tie_find_link(ties, watcher, who, tie);
    while (tie && !tie->signal);
    return tie;
}

/* Enters both halves, under the lock, and makes those NULL that it has taken. */
static troupe_err enter(troupe_self *self, tr_tie **mine, tr_tie **theirs, tr_fired *fired) {
    troupe *rt = self->rt;
    tr_tie *tie = *mine;
    if (living(&rt->ties, tie->watcher, tie->who)) return TROUPE_OK;
    troupe_self *peer = tr_table_find(&rt->table, tie->who.id);
    troupe_err err = tr_tie_enter(rt, tie, self);
    if (err == TROUPE_NOMEM) return err;
    if (err == TROUPE_OK) {
        /* It may be stale by now, but what it is marked with has its end wait for this lock. */
        err = tr_tie_enter(rt, *theirs, peer);
        if (err) {
            tr_tie_take_out(&rt->ties, tie);
            return err;
        }
        *theirs = NULL;
    } else {
        tr_tie_fire(rt, tie, err, fired);
    }
    *mine = NULL;
    return TROUPE_OK;
}

troupe_err troupe_link(troupe_self *self, troupe_ref who) {
    troupe *rt = self->rt;
    troupe_ref me = tr_actor_ref(self);
    if (!who.node && !who.id) return TROUPE_INVALID;
    if (who.node != rt->node) return TROUPE_NOCONNECTION;
    if (troupe_same(who, me)) return TROUPE_OK;
    uint64_t number = tr_tie_number(&rt->ties);
    tr_tie *mine = NULL, *theirs = NULL;
    tr_fired fired;
    tr_fired_init(&fired);
    troupe_err err = make_half(rt, me, who, number, &mine);
    if (!err) err = make_half(rt, who, me, number, &theirs);
    if (!err) {
        self->has_watched = true;
        tr_lock(&rt->ties.lock);
        err = enter(self, &mine, &theirs, &fired);
        tr_unlock(&rt->ties.lock);
        tr_fired_send(rt, &fired);
    }
    if (mine) tr_tie_end(rt, mine);
    if (theirs) tr_tie_end(rt, theirs);
    return err;
}

troupe_err troupe_unlink(troupe_self *self, troupe_ref who) {
    troupe *rt = self->rt;
    troupe_ref me = tr_actor_ref(self);
    tr_list ended;
    tr_list_init(&ended);
    tr_lock(&rt->ties.lock);
    /* Of mine also what has fired, and waits in my mail: it is void then. */
    for (tr_tie *tie; (tie = tr_tie_find_link(&rt->ties, me, who, NULL));) {
        tr_tie_take_out(&rt->ties, tie);
        tr_list_add(&ended, &tie->of_watcher);
    }
    tr_tie *theirs = living(&rt->ties, who, me);
    if (theirs) {
        tr_tie_take_out(&rt->ties, theirs);
        tr_list_add(&ended, &theirs->of_watcher);
    }
    tr_unlock(&rt->ties.lock);
    troupe_err err = tr_list_empty(&ended) ? TROUPE_NOTFOUND : TROUPE_OK;
    while (!tr_list_empty(&ended)) {
        tr_tie *tie = TR_OWNER(ended.next, tr_tie, of_watcher);
        tr_list_remove(&tie->of_watcher);
        tr_tie_end(rt, tie);
    }
    return err;
}

/* --- Spawning --------------------------------------------------------------------------------- */

/* Ties a child to its spawner before its `start` runs, and not any more if that fails: then the
 * error says it all. */
typedef struct tr_spawn_tie {
    tr_life_eve eve;
    troupe_self *parent;
    troupe_ref child;
    uint64_t monitor;
} tr_spawn_tie;

static troupe_err link_child(tr_life_eve *eve, troupe_ref child) {
    tr_spawn_tie *it = TR_OWNER(eve, tr_spawn_tie, eve);
    it->child = child;
    return troupe_link(it->parent, child);
}

static void unlink_child(tr_life_eve *eve) {
    tr_spawn_tie *it = TR_OWNER(eve, tr_spawn_tie, eve);
    (void)troupe_unlink(it->parent, it->child);
}

static troupe_err monitor_child(tr_life_eve *eve, troupe_ref child) {
    tr_spawn_tie *it = TR_OWNER(eve, tr_spawn_tie, eve);
    return troupe_monitor(it->parent, child, &it->monitor);
}

static void demonitor_child(tr_life_eve *eve) {
    tr_spawn_tie *it = TR_OWNER(eve, tr_spawn_tie, eve);
    (void)troupe_demonitor(it->parent, it->monitor);
}

troupe_err troupe_spawn_link(troupe_self *self, const troupe_behaviour *what, const void *arg,
                             troupe_ref *out) {
    tr_spawn_tie it = {.eve = {link_child, unlink_child}, .parent = self};
    return tr_life_spawn(self->rt, what, arg, &it.eve, out);
}

troupe_err troupe_spawn_monitor(troupe_self *self, const troupe_behaviour *what, const void *arg,
                                troupe_ref *out, uint64_t *monitor) {
    tr_spawn_tie it = {.eve = {monitor_child, demonitor_child}, .parent = self};
    troupe_err err = tr_life_spawn(self->rt, what, arg, &it.eve, out);
    if (!err && monitor) *monitor = it.monitor;
    return err;
}
