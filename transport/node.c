/* A node's life: opening and closing, listening and connecting, its links' coming and going. */
#include "transport/groups.h"
#include "transport/node.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "transport/secure.h"

enum {
    BURST_MS = 1000,
    SHAKING_MOST = 64,        /* accepted peers that have not; more push the oldest out */
    GOODBYE_MS = 1000,        /* at the close, for what is queued to go out */
    CUT_MS = 2000,            /* then, for connections to end */
    MESSAGE_LIMIT = 16 << 20, /* bytes */
    MESSAGE_LIMIT_MOST = 1 << 30,
    PEER_WATCHES = 1000000,
    PEER_SPAWNS = 65536
};

troupe *tr_node_runtime(const struct troupe_node *node) {
    return node->rt;
}

const troupe_heap *tr_node_heap(const struct troupe_node *node) {
    return node->heap;
}

size_t tr_node_message_limit(const struct troupe_node *node) {
    return node->message_limit;
}

troupe_err tr_node_begin_shake(tr_peer_link *link, bool dialer) {
    return tr_handshake_begin(&link->shake, dialer, &link->node->me, link->node->key,
                              &link->filling);
}

/* --- References ------------------------------------------------------------------------------- */

static tr_peer_link *link_of(tr_list *member) {
    return TR_OWNER(member, tr_peer_link, of_node);
}

tr_peer_link *tr_node_link(struct troupe_node *node, uint64_t incarnation) {
    tr_peer_link *found = NULL;
    tr_lock(&node->lock);
    for (tr_list *at = node->links.next; !found && at != &node->links; at = at->next)
        if (link_of(at)->state == TR_LINK_UP && link_of(at)->shake.peer.node == incarnation)
            found = link_of(at);
    if (found) found->refs++;
    tr_unlock(&node->lock);
    return found;
}

tr_peer_link *tr_node_next(struct troupe_node *node, tr_peer_link *link) {
    tr_lock(&node->lock);
    tr_list *at = link ? link->of_node.next : node->links.next;
    tr_peer_link *next = at == &node->links ? NULL : link_of(at);
    if (next) next->refs++;
    if (link) tr_node_release(link);
    tr_unlock(&node->lock);
    return next;
}

void tr_node_release(tr_peer_link *link) {
    link->refs--;
    if (link->state == TR_LINK_DOWN) tr_node_wake(link->node);
}

void tr_node_unref(tr_peer_link *link) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    tr_node_release(link);
    tr_unlock(&node->lock);
}

/* Enters a new link; the list keeps its own reference. False: the node is closing. */
static bool enter(struct troupe_node *node, tr_peer_link *link) {
    tr_peer_link *oldest = NULL;
    tr_lock(&node->lock);
    bool ok = !node->over;
    if (ok) {
        link->serial = ++node->serials;
        link->refs++;
        tr_list_add(&node->links, &link->of_node);
        if (!link->shake.dialer && ++node->shaking > SHAKING_MOST)
            for (tr_list *at = node->links.next; !oldest && at != &node->links; at = at->next)
                if (link_of(at)->state == TR_LINK_SHAKING && !link_of(at)->shake.dialer &&
                    !link_of(at)->closed)
                    oldest = link_of(at);
        if (oldest) oldest->refs++;
        tr_node_wake(node);
    }
    tr_unlock(&node->lock);
    if (oldest) {
        if (oldest != link) tr_link_cut(oldest);
        tr_node_unref(oldest);
    }
    return ok;
}

/* --- What links tell -------------------------------------------------------------------------- */

/* Why a proved peer can't join; NULL: it can. Under the lock. A link that is ending does not keep a
 * restarted node of its name out. */
static const char *obstacle(struct troupe_node *node, const tr_identity *peer) {
    if (node->over) return "this node is closing";
    if (tr_port_refuses(node->rt)) return "this node is shutting down";
    if (strcmp(peer->name, node->me.name) == 0) return "the peer has this node's own name";
    for (tr_list *at = node->links.next; at != &node->links; at = at->next) {
        const tr_peer_link *link = link_of(at);
        bool here = link->state == TR_LINK_UP || link->state == TR_LINK_JOINED;
        if (!here || link->closed || link->orderly) continue; /* who it is may not be known yet */
        const tr_identity *other = &link->shake.peer;
        if (other->node != peer->node && strcmp(other->name, peer->name) == 0)
            return "another node of its name is connected";
    }
    return NULL;
}

/* Whether a peer has a connection already, under the lock. The same node must wait until the loss
 * of its last link is told to everybody, or that would end what belongs to the new one. */
static bool is_joined(struct troupe_node *node, uint64_t peer) {
    for (tr_list *at = node->links.next; at != &node->links; at = at->next) {
        const tr_peer_link *link = link_of(at);
        bool here = link->state == TR_LINK_UP || link->state == TR_LINK_JOINED || link->losing;
        if (here && link->shake.peer.node == peer) return true;
    }
    return false;
}

/* Whether we dial the very peer that dials us, under the lock. Then the connection is kept that is
 * dialed by the greater incarnation. Both sides decide where it is: a dialer says here that it vies
 * before it proves itself, and does not if the peer has joined; a listener lets a peer join only if
 * no dial of its own vies that goes first. So of two that cross at most one is ever let in, and one
 * of them is, unless its connection breaks. */
static bool goes_first(struct troupe_node *node, uint64_t peer) {
    if (node->me.node < peer) return false;
    for (tr_list *at = node->links.next; at != &node->links; at = at->next) {
        const tr_peer_link *link = link_of(at);
        if (link->vies == peer && link->outcome == TROUPE_LATER && !link->closed) return true;
    }
    return false;
}

troupe_err tr_node_vie(tr_peer_link *link) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    bool joined = is_joined(node, link->shake.peer.node);
    if (!joined) link->vies = link->shake.peer.node;
    tr_unlock(&node->lock);
    return joined ? TROUPE_TAKEN : TROUPE_OK;
}

bool tr_node_is_up(struct troupe_node *node, uint64_t peer) {
    for (tr_list *at = node->links.next; at != &node->links; at = at->next)
        if (link_of(at)->state == TR_LINK_UP && link_of(at)->shake.peer.node == peer) return true;
    return false;
}

/* The handshake has come to an end, under the lock. */
static void settle(tr_peer_link *link, troupe_err outcome) {
    if (link->outcome != TROUPE_LATER) return;
    link->outcome = outcome;
    tr_cond_wake_all(&link->node->changed);
    tr_keep_wake(link->node);
}

troupe_err tr_node_join(tr_peer_link *link, char *why, size_t room) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    uint64_t peer = link->shake.peer.node;
    const char *bad = obstacle(node, &link->shake.peer);
    bool taken = is_joined(node, peer) || (!link->shake.dialer && goes_first(node, peer));
    if (!bad && !taken) link->state = TR_LINK_JOINED;
    tr_unlock(&node->lock);
    if (bad) snprintf(why, room, "node %s: %s", link->shake.peer.name, bad);
    if (bad) return TROUPE_REFUSED;
    return taken ? TROUPE_TAKEN : TROUPE_OK;
}

void tr_node_up(tr_peer_link *link) {
    struct troupe_node *node = link->node;
    tr_port_log(node->rt, TROUPE_INFO, "node %s is connected", link->shake.peer.name);
    tr_lock(&node->lock);
    tr_node_mark_obsolete(node, &link->shake.peer);
    link->state = TR_LINK_UP;
    if (!link->shake.dialer) node->shaking--;
    settle(link, TROUPE_OK);
    tr_groups_news(node);
    tr_unlock(&node->lock);
}

void tr_node_refused(tr_peer_link *link, troupe_err err, const char *why) {
    struct troupe_node *node = link->node;
    const tr_trouble trouble = {"a stranger", why, "the connection is refused", err};
    if (err == TROUPE_TAKEN)
        tr_port_log(node->rt, TROUPE_DEBUG, "a second connection to node %s is not needed",
                    link->shake.peer.name);
    else
        tr_port_trouble(node->rt, &trouble, "a connection is refused: %s", why);
    tr_lock(&node->lock);
    settle(link, err == TROUPE_MALFORMED ? TROUPE_REFUSED : err);
    tr_unlock(&node->lock);
}

void tr_node_broken(tr_peer_link *link, const char *why) {
    const char *peer = link->proved ? link->shake.peer.name : "a stranger";
    const tr_trouble trouble = {peer, why, "the connection is cut", TROUPE_NOCONNECTION};
    tr_port_trouble(link->node->rt, &trouble, "the connection to %s is cut: %s", peer, why);
}

void tr_node_orderly(tr_peer_link *link) {
    tr_lock(&link->node->lock);
    link->orderly = true;
    tr_unlock(&link->node->lock);
}

void tr_node_closed(tr_peer_link *link) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    link->closed = true;
    if (link->state != TR_LINK_UP && !link->shake.dialer) node->shaking--;
    settle(link, TROUPE_NOCONNECTION);
    tr_node_wake(node);
    tr_unlock(&node->lock);
    /* From here on the keeper may free the link. */
}

/* --- Opening, listening ----------------------------------------------------------------------- */

static void free_node(struct troupe_node *node) {
    tr_promises_fini(node);
    tr_node_forget_heard(node);
    tr_far_fini(node);
    tr_secure_close(node);
    tr_spawner_fini(node);
    tr_map_fini(&node->questions);
    tr_keep_fini(node);
    tr_cond_fini(&node->changed);
    tr_cond_fini(&node->work);
    tr_mutex_fini(&node->lock);
    tr_give(node->heap, node, sizeof *node);
}

static troupe_err check(troupe *rt, const troupe_node_config *config) {
    if (!config->name || !*config->name || strlen(config->name) > TROUPE_NAME_MAX)
        return TROUPE_INVALID;
    if (config->message_limit > MESSAGE_LIMIT_MOST) return TROUPE_INVALID;
    if (tr_port_stepped(rt) && !tr_port_sim(rt)) return TROUPE_INVALID;
    return TROUPE_OK;
}

troupe_err tr_node_open(troupe *rt, const troupe_node_config *config,
                        const unsigned char *key, troupe_node **out) {
    tr_suspicion_limits limits;
    troupe_err err = check(rt, config);
    if (!err) err = tr_node_limits(config, &limits);
    if (err) return err;
    const troupe_heap *heap = tr_port_heap(rt);
    struct troupe_node *node = tr_take_zero(heap, sizeof *node);
    if (!node) return TROUPE_NOMEM;
    node->port.ops = &tr_node_ops;
    node->rt = rt;
    node->heap = heap;
    node->sim = tr_port_sim(rt);
    node->net = node->sim ? &tr_sim_net : &tr_nng_net;
    node->me.node = tr_port_node(rt);
    memcpy(node->me.name, config->name, strlen(config->name) + 1);
    node->limits = limits;
    node->message_limit = config->message_limit ? config->message_limit : MESSAGE_LIMIT;
    unsigned burst_ms = config->peer_burst_ms ? config->peer_burst_ms : BURST_MS;
    node->rates = (tr_rates){config->peer_frames_per_s, config->peer_bytes_per_s,
                             burst_ms * UINT64_C(1000000)};
    node->peer_watches = config->peer_watches ? config->peer_watches : PEER_WATCHES;
    node->peer_spawns = config->peer_spawns ? config->peer_spawns : PEER_SPAWNS;
    tr_mutex_init(&node->lock);
    tr_cond_init(&node->changed);
    tr_cond_init(&node->work);
    tr_list_init(&node->links);
    tr_list_init(&node->heards);
    tr_promises_init(&node->promises, heap);
    tr_keep_init(node, config);
    tr_map_init(&node->questions, heap);
    tr_spawner_init(node);
    tr_far_init(node);
    err = tr_secure_open(node, config, key);
    if (!err && !tr_node_tend(node)) err = TROUPE_SYSTEM;
    if (err) {
        free_node(node);
        return err;
    }
    err = tr_port_attach(rt, &node->port);
    if (err) {
        (void)tr_node_close(node);
        return err;
    }
    *out = node;
    return TROUPE_OK;
}

struct tr_node_listener {
    struct tr_node_listener *next;
    struct troupe_node *node;
    tr_listener *listener;
    bool tls;
};

static void accepted(void *ctx, tr_stream *stream) {
    struct tr_node_listener *at = ctx;
    const tr_net *net = tr_secure_stream(at->node, at->tls, false, &stream);
    tr_peer_link *link = stream ? tr_link_make(at->node, net, stream, false) : NULL;
    if (!link) return;
    if (!enter(at->node, link)) {
        tr_link_free(link);
        return;
    }
    tr_link_start(link);
    tr_node_unref(link);
}

troupe_err troupe_listen(troupe_node *node, const char *url, char *bound, size_t room) {
    struct tr_node_listener *at = tr_take_zero(node->heap, sizeof *at);
    if (!at) return TROUPE_NOMEM;
    at->node = node;
    const char *under = tr_secure_url(node, url, &at->tls);
    const size_t mark = under ? (size_t)(under - url) : 0; /* is told in front of what is bound */
    const tr_host host = {node->heap, node->rt};
    troupe_err err = TROUPE_INVALID;
    if (under && (!bound || room > mark))
        err = node->net->listen(&host, under, accepted, at, bound ? bound + mark : NULL,
                                room - mark, &at->listener);
    if (err) {
        tr_port_log(node->rt, TROUPE_ERROR, "can't listen at %s: %s", url, troupe_strerror(err));
        tr_give(node->heap, at, sizeof *at);
        return err;
    }
    if (bound) memcpy(bound, url, mark);
    tr_lock(&node->lock);
    at->next = node->listeners;
    node->listeners = at;
    tr_unlock(&node->lock);
    return TROUPE_OK;
}

/* --- Connecting ------------------------------------------------------------------------------- */

/* Waits until the handshake has ended one way or the other. */
static troupe_err wait_until_up(tr_peer_link *link, uint64_t deadline) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    while (link->outcome == TROUPE_LATER && tr_node_wait(node, deadline)) {
    }
    troupe_err outcome = link->outcome;
    tr_unlock(&node->lock);
    if (outcome == TROUPE_LATER) {
        tr_link_cut(link);
        return TROUPE_TIMEOUT;
    }
    return outcome;
}

troupe_err tr_node_dial(troupe_node *node, const char *url, uint64_t deadline,
                        tr_peer_link **out) {
    tr_stream *stream;
    const tr_host host = {node->heap, node->rt};
    bool tls;
    const char *under = tr_secure_url(node, url, &tls);
    troupe_err err = under ? node->net->dial(&host, under, deadline, &stream) : TROUPE_INVALID;
    if (err) return err;
    const tr_net *net = tr_secure_stream(node, tls, true, &stream);
    tr_peer_link *link = stream ? tr_link_make(node, net, stream, true) : NULL;
    if (!link) return TROUPE_NOMEM;
    if (!enter(node, link)) {
        tr_link_free(link);
        return TROUPE_CLOSED;
    }
    tr_link_start(link);
    *out = link;
    return TROUPE_OK;
}

/* One try. NOCONNECTION: nobody answered, so try again. TAKEN: `*taken` is connected already, or
 * will be. */
static troupe_err connect_once(troupe_node *node, const char *url, uint64_t deadline,
                               uint64_t *taken) {
    tr_peer_link *link;
    troupe_err err = tr_node_dial(node, url, deadline, &link);
    if (err) return err;
    err = wait_until_up(link, deadline);
    if (err == TROUPE_TAKEN) *taken = link->shake.peer.node;
    tr_node_unref(link);
    return err;
}

/* Waits until then, or until that peer is connected: true. */
static bool pause_until(troupe_node *node, uint64_t until, uint64_t peer) {
    tr_lock(&node->lock);
    bool up = tr_node_is_up(node, peer);
    for (bool in_time = true; !up && in_time; up = tr_node_is_up(node, peer))
        in_time = tr_node_wait(node, until);
    tr_unlock(&node->lock);
    return up;
}

/* The end of a pause between two tries: 10 ms, and twice that each time, up to 250 ms; after 10 s
 * of it 2 s. Chance takes up to half away, so that many who wait do not come at one moment. */
static uint64_t pause_end(troupe_node *node, unsigned tries, uint64_t start) {
    enum { FIRST_MS = 10, DOUBLES = 5, MOST_MS = 250, SOON_MS = 10000, LATER_MS = 2000 };
    uint64_t now = tr_node_clock(node);
    unsigned most = tries < DOUBLES ? (unsigned)FIRST_MS << tries : MOST_MS;
    if (now >= tr_after_ms(start, SOON_MS)) most = LATER_MS;
    return tr_after_ms(now, most - troupe_random(node->rt) % (most / 2 + 1));
}

troupe_err troupe_connect(troupe_node *node, const char *url, unsigned timeout_ms) {
    uint64_t start = tr_node_clock(node), deadline = tr_after_ms(start, timeout_ms);
    if (tr_port_refuses(node->rt)) return TROUPE_QUIESCED;
    for (unsigned tries = 0;; tries++) {
        uint64_t taken = 0;
        /* TIMEOUT: the peer may just have been too busy to prove itself */
        troupe_err err = connect_once(node, url, deadline, &taken);
        if (err != TROUPE_NOCONNECTION && err != TROUPE_TIMEOUT && err != TROUPE_TAKEN) return err;
        uint64_t until = pause_end(node, tries, start);
        if (pause_until(node, until < deadline ? until : deadline, taken)) return TROUPE_OK;
        if (tr_node_clock(node) >= deadline) return TROUPE_TIMEOUT;
    }
}

/* --- Closing ---------------------------------------------------------------------------------- */

/* Says goodbye to the proved, cuts the others; or, with `cut`, cuts all. */
static void end_links(struct troupe_node *node, bool cut) {
    for (tr_peer_link *link = NULL; (link = tr_node_next(node, link));) {
        tr_lock(&node->lock);
        bool up = link->state == TR_LINK_UP;
        link->orderly = true;
        tr_unlock(&node->lock);
        if (up && !cut) tr_link_acknowledge(link);
        if (up && !cut)
            tr_link_goodbye(link);
        else
            tr_link_cut(link);
    }
}

/* Waits until all links are gone; false: the deadline has passed. */
static bool wait_for_links(struct troupe_node *node, uint64_t deadline) {
    bool in_time = true;
    tr_lock(&node->lock);
    while (!tr_list_empty(&node->links) && in_time) in_time = tr_node_wait(node, deadline);
    bool none = tr_list_empty(&node->links);
    tr_unlock(&node->lock);
    return none;
}

bool tr_node_close(struct troupe_node *node) {
    for (struct tr_node_listener *at; (at = node->listeners);) {
        node->listeners = at->next;
        node->net->unlisten(at->listener);
        tr_give(node->heap, at, sizeof *at);
    }
    tr_lock(&node->lock);
    node->over = true;
    tr_node_wake(node);
    tr_unlock(&node->lock);
    tr_keep_end(node);
    end_links(node, false);
    uint64_t goodbye = tr_after_ms(tr_node_clock(node), GOODBYE_MS);
    uint64_t deadline = tr_port_deadline(node->rt);
    if (!wait_for_links(node, goodbye < deadline ? goodbye : deadline)) {
        end_links(node, true);
        if (!wait_for_links(node, tr_after_ms(tr_node_clock(node), CUT_MS))) {
            tr_port_log(node->rt, TROUPE_ERROR, "close: a connection does not end; it is left");
            if (!node->sim) tr_thread_detach(&node->keeper);
            return false;
        }
    }
    tr_node_leave(node);
    free_node(node);
    return true;
}

void troupe_transport_fini(void) {
    tr_nng_net.fini();
}
