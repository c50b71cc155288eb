/* The host: the actor of a node that has children of keepers on other nodes, its guests, and that
 * renews, as steward, the leases of this node's own children elsewhere.
 *
 * What is to be done for a guest follows from what is known of it: so after each message, and at
 * each tick, the host looks at all of them, and what could not be done now is done then. */
#include <stdio.h>
#include <string.h>
#include <troupe/link.h>

#include "base/heap.h"
#include "serial/codec.h"
#include "transport/far_guest.h"

struct host {
    struct troupe_node *node;
    troupe_ref supervisor;
    uint64_t serials;
    bool ticks;
};

enum { TICK = 1 }; /* the key of its timer */
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("far tick");

/* --- What they need --------------------------------------------------------------------------- */

static void ask_for_start(troupe_self *self, const struct host *host, tr_guest *guest) {
    const troupe_child child = {.id = guest->name,
                                .what = &guest->offer->guest,
                                .arg = guest,
                                .restart = TROUPE_TEMPORARY,
                                .shutdown_ms = guest->stop_ms};
    const troupe_child_request request = {
        .act = TROUPE_START_CHILD, .child = &child, .tag = guest->serial};
    troupe_err err = troupe_request_child(self, host->supervisor, &request);
    guest->asked = !err;
    if (err && err != TROUPE_FULL && err != TROUPE_NOMEM) tr_guest_not_begun(guest, err);
}

static void ask_for_end(troupe_self *self, const struct host *host, tr_guest *guest) {
    const troupe_child_request request = {.act = TROUPE_TERMINATE_CHILD, .id = guest->name};
    troupe_err err = troupe_request_child(self, host->supervisor, &request);
    guest->dying = err != TROUPE_FULL && err != TROUPE_NOMEM;
}

/* Asks a steward, for all guests that it is the steward of. What can't be sent now is asked later;
 * a node that is lost is told by the monitor of the keeper. */
static void renew(troupe_self *self, const struct host *host, troupe_ref steward) {
    const struct far_lease lease = {.asked = troupe_now(troupe_runtime(self))};
    if (troupe_tell(self, steward, &tr_far_lease_type, &lease)) return;
    for (tr_guest *guest = tr_guest_first(host->node); guest; guest = tr_guest_next(guest))
        if (troupe_same(guest->steward, steward)) guest->renewing = lease.asked;
}

/* Whether a guest has to wait for the end of one before it, which then shall end. */
static bool must_wait(const struct host *host, const tr_guest *guest) {
    bool wait = false;
    tr_guest *other = tr_guest_first(host->node);
    for (; other; other = tr_guest_next(other)) {
        if (!tr_guest_alike(guest, other) || !tr_guest_lives(other)) continue;
        if (!guest->offer && other->token > guest->token) continue; /* that may stay */
        other->ending = wait = true;
    }
    return wait;
}

static void look_at_waiting(troupe_self *self, const struct host *host, tr_guest *guest) {
    if (guest->ending) {
        tr_guest_not_begun(guest, TROUPE_SHUTDOWN);
        return;
    }
    if (must_wait(host, guest)) return;
    if (!guest->offer) { /* it has waited for that */
        guest->begun = TROUPE_OK;
        guest->state = TR_GUEST_ENDED;
        return;
    }
    if (guest->lease_ms && guest->confirmed < guest->since) return;
    guest->state = TR_GUEST_STARTING;
    ask_for_start(self, host, guest);
}

static void look_at(troupe_self *self, const struct host *host, tr_guest *guest) {
    if (guest->state == TR_GUEST_STARTING && !guest->asked) {
        if (guest->ending)
            guest->state = TR_GUEST_WAITING;
        else
            ask_for_start(self, host, guest);
    }
    if (guest->state == TR_GUEST_WAITING) {
        look_at_waiting(self, host, guest);
    } else if (tr_guest_lives(guest) && guest->ending && !guest->dying && !guest->over) {
        ask_for_end(self, host, guest);
    }
    tr_guest_deliver(self, guest);
}

/* Twice: a guest further ahead may have to end for one that comes later. */
static void look(troupe_self *self, struct host *host) {
    for (int i = 0; i < 2; i++) {
        for (tr_guest *guest = tr_guest_first(host->node), *next; guest; guest = next) {
            next = tr_guest_next(guest);
            look_at(self, host, guest);
        }
    }
    if (tr_guest_first(host->node) || !host->ticks) return;
    host->ticks = troupe_end_timer(self, TICK) != TROUPE_OK;
}

/* --- What the supervisor and they themselves tell --------------------------------------------- */

static void hear_done(const struct host *host, const struct troupe_child_done *done) {
    tr_guest *guest = tr_guest_first(host->node);
    while (guest && guest->serial != done->tag) guest = tr_guest_next(guest);
    if (!guest) return; /* of an end */
    if (done->err) {
        tr_lock(&host->node->lock);
        troupe_err why = guest->no_start;
        tr_unlock(&host->node->lock);
        tr_guest_not_begun(guest, why ? why : (troupe_err)done->err);
        return;
    }
    guest->begun = TROUPE_OK;
    guest->state = guest->over ? TR_GUEST_ENDED : TR_GUEST_RUNNING;
}

static void hear_exit(const struct host *host, const struct troupe_exit *exit) {
    struct troupe_node *node = host->node;
    tr_guest *guest = tr_guest_first(node);
    tr_lock(&node->lock);
    while (guest && !troupe_same(guest->who, exit->who)) guest = tr_guest_next(guest);
    tr_unlock(&node->lock);
    if (!guest || guest->over) return;
    guest->over = true;
    guest->why = (troupe_err)exit->why;
    if (guest->state == TR_GUEST_RUNNING) guest->state = TR_GUEST_ENDED;
}

/* A keeper has ended, or its node is lost. */
static void hear_down(const struct host *host, const struct troupe_down *down) {
    tr_guest *guest = tr_guest_first(host->node);
    for (; guest; guest = tr_guest_next(guest))
        if (guest->monitor == down->monitor) guest->ending = guest->orphan = true;
}

/* --- Leases ----------------------------------------------------------------------------------- */

static void hear_lease(troupe_self *self, const struct host *host, const struct far_lease *lease) {
    if (!lease->answer) {
        const struct far_lease answer = {lease->asked, true};
        troupe_err err = troupe_answer(self, &tr_far_lease_type, &answer);
        (void)err; /* it asks again */
        return;
    }
    troupe_ref steward = troupe_sender(self);
    tr_guest *guest = tr_guest_first(host->node);
    for (; guest; guest = tr_guest_next(guest)) {
        bool his = troupe_same(guest->steward, steward) && lease->asked <= guest->renewing;
        if (his && lease->asked > guest->confirmed) guest->confirmed = lease->asked;
    }
}

static void tick(troupe_self *self, const struct host *host) {
    uint64_t now = troupe_now(troupe_runtime(self));
    tr_guest *guest = tr_guest_first(host->node);
    for (; guest; guest = tr_guest_next(guest)) {
        bool lives = tr_guest_lives(guest);
        if (!guest->lease_ms || (!lives && guest->state != TR_GUEST_WAITING)) continue;
        uint64_t end = tr_after_ms(guest->confirmed, guest->lease_ms);
        if (lives && !guest->ending && now >= end) guest->ending = guest->lost = true;
        if (guest->renewing != now) renew(self, host, guest->steward);
    }
}

/* --- What keepers want ------------------------------------------------------------------------ */

/* The name of the node that the sender of this message is of; false: it has just been lost. */
static bool home_of(troupe_self *self, const struct host *host, troupe_ref keeper, char *home) {
    if (troupe_sender(self).node != keeper.node) return false; /* somebody else's */
    tr_peer_link *link = tr_node_link(host->node, keeper.node);
    if (!link) return false;
    memcpy(home, link->shake.peer.name, TROUPE_NAME_MAX + 1);
    tr_node_unref(link);
    return true;
}

/* Answers at once. If there is no memory for that, the asker's `start_ms` is left. */
static void refuse(troupe_self *self, troupe_err why) {
    const struct far_told told = {TROUPE_NOBODY, (uint32_t)why};
    troupe_err err = troupe_answer(self, &tr_far_told_type, &told);
    (void)err;
}

static troupe_err make_guest(troupe_self *self, struct host *host, const char *id,
                             troupe_ref keeper, uint64_t token, tr_guest **out) {
    struct troupe_node *node = host->node;
    tr_guest *guest;
    troupe_err err = tr_guest_make(node, &guest);
    if (err) return err;
    guest->keeper = keeper;
    guest->token = token;
    guest->serial = ++host->serials;
    guest->since = troupe_now(node->rt);
    guest->starter = troupe_sender(self);
    (void)snprintf(guest->id, sizeof guest->id, "%s", id);
    err = troupe_monitor(self, keeper, &guest->monitor);
    if (err)
        tr_guest_end(guest);
    else
        *out = guest;
    return err;
}

/* Reads what it is to be, and with what. */
static troupe_err furnish(const struct host *host, const struct far_start *start, tr_guest *guest) {
    struct troupe_node *node = host->node;
    tr_lock(&node->lock);
    guest->offer = tr_offer_find(node, start->what, strlen(start->what));
    tr_unlock(&node->lock);
    if (!guest->offer) return TROUPE_NOTFOUND;
    guest->steward = start->steward;
    guest->stop_ms = start->stop_ms;
    guest->lease_ms = start->lease_ms;
    (void)snprintf(guest->name, sizeof guest->name, "%.24s.%.24s.%llu", guest->home, guest->id,
                   (unsigned long long)guest->serial);
    const troupe_type *type = guest->offer->arg;
    if (start->type != (type ? tr_types_hash(tr_port_types(node->rt), type) : 0))
        return TROUPE_BADTYPE;
    if (!type) return start->arg.size ? TROUPE_MALFORMED : TROUPE_OK;
    return tr_unpack(tr_port_pool(node->rt), type, start->arg.data, start->arg.size, &guest->arg,
                     NULL, 0);
}

/* One that came before is not wanted any more; but a newer one is there to stay. */
static troupe_err precede(const struct host *host, const tr_guest *guest) {
    tr_guest *other = tr_guest_first(host->node);
    for (; other; other = tr_guest_next(other)) {
        if (!tr_guest_alike(guest, other) || other->state == TR_GUEST_ENDED) continue;
        if (other->token > guest->token && !other->ending) return TROUPE_TAKEN;
    }
    for (other = tr_guest_first(host->node); other; other = tr_guest_next(other))
        if (tr_guest_alike(guest, other)) other->ending = true;
    return TROUPE_OK;
}

static troupe_err begin_ticks(troupe_self *self, struct host *host) {
    if (host->ticks) return TROUPE_OK;
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(troupe_runtime(self), &tick_type, NULL, &msg);
    if (!err) err = troupe_set_timer(self, TICK, TR_FAR_TICK_MS, TR_FAR_TICK_MS, &msg);
    troupe_drop(&msg);
    host->ticks = !err;
    return err;
}

static void start(troupe_self *self, struct host *host, const struct far_start *start) {
    char home[TROUPE_NAME_MAX + 1];
    if (!home_of(self, host, start->keeper, home)) return;
    tr_guest *guest = NULL;
    troupe_err err = begin_ticks(self, host);
    if (!err && start->steward.node != start->keeper.node) err = TROUPE_INVALID;
    if (!err) err = make_guest(self, host, start->id, start->keeper, start->token, &guest);
    if (err) {
        refuse(self, err);
        return;
    }
    memcpy(guest->home, home, sizeof home);
    err = furnish(host, start, guest);
    if (!err) err = precede(host, guest);
    if (err)
        tr_guest_not_begun(guest, err);
    else if (guest->lease_ms)
        renew(self, host, guest->steward);
}

/* Stops what is there of a child, and answers when nothing is. */
static void clear(troupe_self *self, struct host *host, const struct far_about *about) {
    char home[TROUPE_NAME_MAX + 1];
    tr_guest *guest = NULL;
    if (!home_of(self, host, about->keeper, home)) return;
    troupe_err err = begin_ticks(self, host);
    if (!err) err = make_guest(self, host, about->id, about->keeper, about->token, &guest);
    if (err) {
        refuse(self, err);
        return;
    }
    memcpy(guest->home, home, sizeof home);
    tr_guest *other = tr_guest_first(host->node);
    for (; other; other = tr_guest_next(other))
        if (tr_guest_alike(guest, other) && other->token <= guest->token) other->ending = true;
}

static void about(troupe_self *self, struct host *host, const struct far_about *about) {
    if (about->act == FAR_CLEAR) {
        clear(self, host, about);
        return;
    }
    tr_guest *guest = tr_guest_first(host->node);
    for (; guest; guest = tr_guest_next(guest))
        if (troupe_same(guest->keeper, about->keeper) && guest->token == about->token) break;
    if (about->act == FAR_STOP) {
        if (guest) guest->ending = true;
        return;
    }
    if (!guest) {
        refuse(self, TROUPE_GONE);
        return;
    }
    guest->waiter = troupe_sender(self);
}

/* --- The actor -------------------------------------------------------------------------------- */

/* Who is the host; nobody. */
static void set_host(struct troupe_node *node, troupe_ref host) {
    tr_lock(&node->lock);
    node->far.host = host;
    tr_unlock(&node->lock);
}

/* On an error nothing is left: what can be left is made last. */
static troupe_err host_start(troupe_self *self, void *state, const void *arg) {
    struct host *host = state;
    static const troupe_supervision guests = {.name = "far children"};
    troupe *rt = troupe_runtime(self);
    host->node = *(struct troupe_node *const *)arg;
    troupe_trap_exits(self, true);
    set_host(host->node, troupe_me(self)); /* before it can be found */
    troupe_err err = troupe_register(rt, troupe_me(self), TR_FAR_HOST);
    if (!err) err = troupe_spawn(rt, &troupe_supervisor, &guests, &host->supervisor);
    if (err) set_host(host->node, TROUPE_NOBODY);
    return err;
}

static void host_stop(troupe_self *self, void *state, troupe_err why) {
    const struct host *host = state;
    (void)why;
    (void)troupe_stop(troupe_runtime(self), host->supervisor);
}

static troupe_err host_receive(troupe_self *self, void *state, troupe_msg **msg) {
    struct host *host = state;
    const void *body;
    if ((body = troupe_as(*msg, &tr_far_lease_type)))
        hear_lease(self, host, body);
    else if ((body = troupe_as(*msg, &tr_far_start_type)))
        start(self, host, body);
    else if ((body = troupe_as(*msg, &tr_far_about_type)))
        about(self, host, body);
    else if ((body = troupe_as(*msg, &troupe_child_done_type)))
        hear_done(host, body);
    else if ((body = troupe_as(*msg, &troupe_exit_type)))
        hear_exit(host, body);
    else if ((body = troupe_as(*msg, &troupe_down_type)))
        hear_down(host, body);
    else if (troupe_as(*msg, &tick_type))
        tick(self, host);
    look(self, host);
    return TROUPE_OK;
}

static const troupe_behaviour host_behaviour = {.name = "host of far children",
                                                .state_size = sizeof(struct host),
                                                .mailbox_limit = 4096,
                                                .start = host_start,
                                                .receive = host_receive,
                                                .stop = host_stop};

static troupe_err know(troupe *rt) {
    static const troupe_type *const types[] = {&tr_far_start_type, &tr_far_about_type,
                                               &tr_far_told_type, &tr_far_lease_type};
    troupe_err err = TROUPE_OK;
    for (size_t i = 0; !err && i < sizeof types / sizeof *types; i++)
        err = troupe_register_type(rt, types[i]);
    return err;
}

troupe_err tr_far_host(struct troupe_node *node, troupe_ref *out) {
    tr_lock(&node->far.making);
    tr_lock(&node->lock);
    *out = node->far.host;
    tr_unlock(&node->lock);
    troupe_err err = out->id ? TROUPE_OK : know(node->rt);
    if (!err && !out->id) err = troupe_spawn(node->rt, &host_behaviour, &node, out);
    tr_unlock(&node->far.making);
    return err;
}

troupe_err troupe_host_children(troupe_node *node) {
    troupe_ref host;
    return tr_far_host(node, &host);
}
