#include <troupe/link.h>

#include "actors/find.h"
#include "actors/life.h"

/* --- Halves ----------------------------------------------------------------------------------- */

/* Half of a link, with its exit signal if its watcher is of this runtime. */
static troupe_err make_half(troupe *rt, troupe_ref watcher, troupe_ref who, uint64_t number,
                            uint64_t maker, tr_tie **out) {
    tr_tie *tie = *out = tr_tie_make(rt, watcher, who, number);
    if (!tie) return TROUPE_NOMEM;
    tie->link = true;
    tie->maker = maker;
    if (watcher.node != rt->node) return TROUPE_OK;
    tr_signal what = {.to = watcher.id, .from = who, .number = number};
    troupe_err err = tr_signal_make(rt, &troupe_exit_type, what, 0, &tie->signal);
    if (err) return err;
    struct troupe_exit *body = tr_msg_body(tie->signal);
    *body = (struct troupe_exit){.who = who, .link = true};
    return TROUPE_OK;
}

/* A half that has not fired yet, or the one after `last`; NULL: there is none. Under the lock. */
static tr_tie *living(troupe *rt, troupe_ref watcher, troupe_ref who, tr_tie *last) {
    tr_tie *tie = last;
    do tie = tr_tie_find_link(&rt->ties, watcher, who, tie);
    while (tie && !tie->signal && tie->watcher.node == rt->node);
    return tie;
}

/* Both halves of one link, still to be entered; those that are left are ended. */
typedef struct tr_halves {
    tr_tie *mine, *theirs;
} tr_halves;

static troupe_err make_both(troupe *rt, troupe_ref me, troupe_ref who, uint64_t number,
                            uint64_t maker, tr_halves *out) {
    *out = (tr_halves){NULL, NULL};
    troupe_err err = make_half(rt, me, who, number, maker, &out->mine);
    return err ? err : make_half(rt, who, me, number, maker, &out->theirs);
}

static void end_both(troupe *rt, tr_halves *halves) {
    if (halves->mine) tr_tie_end(rt, halves->mine);
    if (halves->theirs) tr_tie_end(rt, halves->theirs);
}

/* Enters both, under the lock, and makes those NULL that it has taken. GONE: the peer has ended,
 * and `mine` is fired. */
static troupe_err enter(troupe_self *self, tr_halves *halves, tr_fired *fired) {
    troupe *rt = self->rt;
    tr_tie *mine = halves->mine;
    troupe_self *peer = mine->who.node == rt->node ? tr_table_find(&rt->table, mine->who.id) : NULL;
    troupe_err err = tr_tie_enter(rt, mine, self);
    if (err == TROUPE_NOMEM) return err;
    if (err == TROUPE_OK) {
        /* It may be stale by now, but what it is marked with has its end wait for this lock. */
        err = tr_tie_enter(rt, halves->theirs, peer);
        if (err) {
            tr_tie_take_out(&rt->ties, mine);
            return err;
        }
        halves->theirs = NULL;
    } else {
        tr_tie_fire(rt, mine, err, fired);
    }
    halves->mine = NULL;
    return TROUPE_OK;
}

/* The half of that number, if it has not fired yet; under the lock. */
static tr_tie *find_half(troupe *rt, troupe_ref watcher, troupe_ref who, uint64_t number,
                         uint64_t maker) {
    tr_tie *tie = NULL;
    do tie = living(rt, watcher, who, tie);
    while (tie && (tie->number != number || tie->maker != maker));
    return tie;
}

/* Takes both halves of the link of that number out, and fires `mine` for `why`, or just ends it if
 * that is NULL. False: there is none. */
static bool over(troupe *rt, troupe_ref me, troupe_ref who, uint64_t number, uint64_t maker,
                 const troupe_err *why) {
    tr_halves halves = {NULL, NULL};
    tr_fired fired;
    tr_fired_init(&fired);
    tr_lock(&rt->ties.lock);
    halves.mine = find_half(rt, me, who, number, maker);
    halves.theirs = find_half(rt, who, me, number, maker);
    const bool linked = halves.mine || halves.theirs;
    if (halves.theirs) tr_tie_take_out(&rt->ties, halves.theirs);
    if (halves.mine && why) {
        tr_tie_fire(rt, halves.mine, *why, &fired);
        halves.mine = NULL;
    } else if (halves.mine) {
        tr_tie_take_out(&rt->ties, halves.mine);
    }
    tr_unlock(&rt->ties.lock);
    tr_fired_send(rt, &fired);
    end_both(rt, &halves);
    return linked;
}

/* --- Of actors of this runtime ---------------------------------------------------------------- */

/* Tells the other node. Without a connection the link ends at once. */
static void link_far(troupe_self *self, uint64_t number, troupe_ref who) {
    troupe *rt = self->rt;
    tr_port *port = tr_runtime_port(rt);
    troupe_err err =
        port ? port->ops->link(port, number, tr_actor_ref(self), who) : TROUPE_NOCONNECTION;
    if (err) (void)over(rt, tr_actor_ref(self), who, number, rt->node, &err);
}

troupe_err troupe_link(troupe_self *self, troupe_ref who) {
    troupe *rt = self->rt;
    troupe_ref me = tr_actor_ref(self);
    if (!who.node && !who.id) return TROUPE_INVALID;
    if (troupe_same(who, me)) return TROUPE_OK;
    uint64_t number = tr_tie_number(&rt->ties);
    tr_halves halves;
    tr_fired fired;
    tr_fired_init(&fired);
    bool linked = false;
    troupe_err err = make_both(rt, me, who, number, rt->node, &halves);
    if (!err) {
        self->has_watched = true;
        tr_lock(&rt->ties.lock);
        linked = living(rt, me, who, NULL);
        if (!linked) err = enter(self, &halves, &fired);
        tr_unlock(&rt->ties.lock);
        tr_fired_send(rt, &fired);
    }
    end_both(rt, &halves);
    if (!err && !linked && who.node != rt->node) link_far(self, number, who);
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
    for (tr_tie *theirs; (theirs = living(rt, who, me, NULL));) {
        tr_tie_take_out(&rt->ties, theirs);
        tr_list_add(&ended, &theirs->of_watcher);
    }
    tr_unlock(&rt->ties.lock);
    troupe_err err = tr_list_empty(&ended) ? TROUPE_NOTFOUND : TROUPE_OK;
    tr_port *port = who.node != rt->node ? tr_runtime_port(rt) : NULL;
    while (!tr_list_empty(&ended)) {
        tr_tie *tie = TR_OWNER(ended.next, tr_tie, of_watcher);
        tr_list_remove(&tie->of_watcher);
        if (port && tie->signal) port->ops->unlink(port, tie->number, tie->maker, me, who);
        tr_tie_end(rt, tie);
    }
    return err;
}

/* --- Over nodes ------------------------------------------------------------------------------- */

/* Enters both halves of a link that one elsewhere has made; `self` is its peer here. GONE, NOMEM:
 * it has entered none. */
static troupe_err enter_far(troupe *rt, troupe_self *self, tr_halves *halves) {
    troupe_err err = tr_tie_enter(rt, halves->theirs, NULL); /* this marks `self` */
    if (err == TROUPE_NOMEM) return err;
    if (!err) err = tr_tie_enter(rt, halves->mine, self);
    if (err)
        tr_tie_take_out(&rt->ties, halves->theirs);
    else
        *halves = (tr_halves){NULL, NULL};
    return err;
}

/* Of one maker there is one link between two actors at most, so that none has to be looked for
 * among many. */
static bool has_made(troupe *rt, troupe_ref from, troupe_ref to) {
    tr_tie *tie = NULL;
    do tie = living(rt, from, to, tie);
    while (tie && tie->maker != from.node);
    return tie;
}

bool tr_port_link(troupe *rt, uint64_t number, troupe_ref from, troupe_ref to) {
    tr_halves halves;
    bool again = false;
    troupe_err err = make_both(rt, to, from, number, from.node, &halves);
    if (!err) {
        tr_lock(&rt->ties.lock);
        again = has_made(rt, from, to);
        if (!again) err = enter_far(rt, tr_table_find(&rt->table, to.id), &halves);
        tr_unlock(&rt->ties.lock);
    }
    end_both(rt, &halves);
    tr_port *port = err ? tr_runtime_port(rt) : NULL;
    if (port) port->ops->exit(port, number, from.node, from, to, err);
    return !again;
}

bool tr_port_unlink(troupe *rt, uint64_t number, uint64_t maker, troupe_ref from, troupe_ref to) {
    return over(rt, to, from, number, maker, NULL);
}

bool tr_port_exit(troupe *rt, uint64_t number, uint64_t maker, troupe_ref from, troupe_ref to,
                  troupe_err why) {
    return over(rt, to, from, number, maker, &why);
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
