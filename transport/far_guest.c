#include "transport/far_guest.h"

#include <string.h>
#include <troupe/link.h>

#include "base/heap.h"

static tr_guest *after(const struct troupe_node *node, const tr_list *at) {
    return at->next == &node->far.guests ? NULL : TR_OWNER(at->next, tr_guest, of_node);
}

tr_guest *tr_guest_first(const struct troupe_node *node) {
    return after(node, &node->far.guests);
}

tr_guest *tr_guest_next(const tr_guest *guest) {
    return after(guest->node, &guest->of_node);
}

bool tr_guest_alike(const tr_guest *one, const tr_guest *other) {
    return one != other && *one->id && strcmp(one->id, other->id) == 0 &&
           strcmp(one->home, other->home) == 0;
}

bool tr_guest_lives(const tr_guest *guest) {
    return guest->state == TR_GUEST_STARTING || guest->state == TR_GUEST_RUNNING;
}

troupe_err tr_guest_make(struct troupe_node *node, tr_guest **out) {
    if (node->far.guest_count >= TR_FAR_GUESTS_MOST) return TROUPE_FULL; /* only the host adds */
    tr_guest *guest = tr_take_zero(node->heap, sizeof *guest);
    if (!guest) return TROUPE_NOMEM;
    guest->node = node;
    guest->begun = TROUPE_LATER;
    tr_lock(&node->lock);
    tr_list_add(&node->far.guests, &guest->of_node);
    node->far.guest_count++;
    tr_unlock(&node->lock);
    *out = guest;
    return TROUPE_OK;
}

void tr_guest_end(tr_guest *guest) {
    struct troupe_node *node = guest->node;
    tr_lock(&node->lock);
    tr_list_remove(&guest->of_node);
    node->far.guest_count--;
    tr_unlock(&node->lock);
    troupe_drop(&guest->arg);
    tr_give(node->heap, guest, sizeof *guest);
}

void tr_far_guests_fini(struct troupe_node *node) {
    for (tr_guest *guest; (guest = tr_guest_first(node));) tr_guest_end(guest);
}

/* Ends one of which nobody has to be told any more. */
static void forget(troupe_self *self, tr_guest *guest) {
    struct troupe_node *node = guest->node;
    (void)troupe_demonitor_flush(self, guest->monitor);
    tr_lock(&node->lock);
    bool stuck = guest->inside;
    if (stuck) guest->who = TROUPE_NOBODY;
    tr_unlock(&node->lock);
    if (!stuck) {
        tr_guest_end(guest);
        return;
    }
    guest->state = TR_GUEST_STUCK;
    guest->monitor = guest->serial = guest->token = 0;
    guest->id[0] = '\0'; /* like no other */
}

/* Answers one who waits. False: not now. */
static bool tell(troupe_self *self, troupe_ref *waiter, troupe_ref who, troupe_err why) {
    const struct far_told told = {who, (uint32_t)why};
    troupe_err err = troupe_tell(self, *waiter, &tr_far_told_type, &told);
    if (err == TROUPE_FULL || err == TROUPE_NOMEM) return false;
    *waiter = TROUPE_NOBODY; /* if it is lost, it knows */
    return true;
}

void tr_guest_deliver(troupe_self *self, tr_guest *guest) {
    troupe_err begun = guest->begun;
    if (guest->state == TR_GUEST_STUCK) {
        forget(self, guest);
        return;
    }
    if (begun != TROUPE_LATER && guest->starter.id)
        (void)tell(self, &guest->starter, begun ? TROUPE_NOBODY : guest->who, begun);
    if (guest->state != TR_GUEST_ENDED) return;
    if (!begun && guest->waiter.id)
        guest->told =
            tell(self, &guest->waiter, guest->who, guest->lost ? TROUPE_NOCONNECTION : guest->why);
    bool known = begun || guest->told || guest->orphan || !guest->offer;
    if (known && !guest->starter.id) forget(self, guest);
}

void tr_guest_not_begun(tr_guest *guest, troupe_err why) {
    guest->begun = why;
    guest->state = TR_GUEST_ENDED;
}

/* The start of a guest, in its own turn. By the link the host hears how it ends. */
static troupe_err guest_start(troupe_self *self, void *state, const void *arg) {
    tr_guest *guest = (tr_guest *)(uintptr_t)arg;
    struct troupe_node *node = guest->node;
    tr_lock(&node->lock);
    guest->who = troupe_me(self);
    guest->inside = true;
    troupe_ref host = node->far.host;
    tr_unlock(&node->lock);
    const tr_offer *offer = guest->offer;
    const void *body = offer->arg ? troupe_as(guest->arg, offer->arg) : NULL;
    troupe_err err = troupe_link(self, host);
    if (!err && offer->what->start) err = offer->what->start(self, state, body);
    tr_lock(&node->lock);
    if (err != TROUPE_LATER) guest->no_start = err;
    guest->inside = false;
    tr_unlock(&node->lock);
    return err;
}

void tr_far_host_offer(tr_offer *offer) {
    offer->guest = *offer->what;
    offer->guest.start = guest_start;
}

troupe_err troupe_far_token(troupe_self *self, uint64_t *token) {
    struct troupe_node *node = tr_node_of(troupe_runtime(self));
    troupe_err err = TROUPE_NOTFOUND;
    if (!node) return err;
    tr_lock(&node->lock);
    for (const tr_guest *guest = tr_guest_first(node); guest; guest = tr_guest_next(guest)) {
        if (!troupe_same(guest->who, troupe_me(self))) continue;
        *token = guest->token;
        err = TROUPE_OK;
    }
    tr_unlock(&node->lock);
    return err;
}
