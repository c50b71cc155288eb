/* Looking after the links of a node: heartbeats, deadlines, the ends of links. By a thread of its
 * own, the keeper, or by events of a simulation. */
#include "base/check.h"
#include "transport/node.h"

enum {
    TICK_MOST_MS = 500, /* so that a handshake's deadline is met closely enough */
    HANDSHAKE_MS = 2000 /* for a peer to prove itself */
};

/* --- Waiting and waking ----------------------------------------------------------------------- */

uint64_t tr_node_clock(const struct troupe_node *node) {
    return tr_port_clock(node->rt);
}

const tr_net *tr_node_net(const struct troupe_node *node) {
    return node->net;
}

bool tr_node_wait(struct troupe_node *node, uint64_t deadline) {
    if (!node->sim) return tr_cond_wait(&node->changed, &node->lock, deadline);
    tr_unlock(&node->lock);
    bool moved = tr_sim_advance(node->sim, deadline);
    tr_lock(&node->lock);
    return moved && tr_node_clock(node) < deadline;
}

void tr_node_wake(struct troupe_node *node) {
    if (node->sim)
        tr_sim_set(node->sim, &node->tend, tr_node_clock(node));
    else
        tr_cond_wake(&node->work);
}

/* --- The links -------------------------------------------------------------------------------- */

/* The end of a link whose stream is closed: everything that depends on it learns so. */
static void lost(tr_peer_link *link, bool was_up, bool orderly) {
    struct troupe_node *node = link->node;
    tr_lock(&link->in_lock);
    tr_incoming_fini(&link->incoming);
    tr_unlock(&link->in_lock);
    if (!was_up) return;
    tr_port_log(node->rt, orderly ? TROUPE_INFO : TROUPE_WARN, "node %s is %s",
                link->shake.peer.name, orderly ? "disconnected" : "lost");
    tr_port_node_lost(node->rt, link->shake.peer.node);
}

/* Does what is due for one link, under the lock, which it may let go meanwhile. True: look again
 * from the beginning. */
static bool reap(struct troupe_node *node, tr_peer_link *link) {
    if (link->closed && link->state != TR_LINK_DOWN) {
        bool was_up = link->state == TR_LINK_UP, orderly = link->orderly;
        link->state = TR_LINK_DOWN;
        link->losing = was_up;
        link->refs++;
        tr_unlock(&node->lock);
        lost(link, was_up, orderly);
        tr_lock(&node->lock);
        link->losing = false;
        link->refs--;
        tr_cond_wake_all(&node->changed);
        return true;
    }
    if (link->state == TR_LINK_DOWN && link->refs == 1) {
        tr_list_remove(&link->of_node);
        tr_unlock(&node->lock);
        tr_link_free(link);
        tr_lock(&node->lock);
        tr_cond_wake_all(&node->changed);
        return true;
    }
    return false;
}

static void reap_all(struct troupe_node *node) {
    tr_list *at = node->links.next;
    while (at != &node->links)
        at = reap(node, TR_OWNER(at, tr_peer_link, of_node)) ? node->links.next : at->next;
}

/* Once a tick: says that we live, and gives up a peer of which nothing is heard. */
static void tick(tr_peer_link *link, uint64_t now, uint64_t *pinged) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    tr_link_state state = link->state;
    bool refused = link->outcome != TROUPE_LATER;
    tr_unlock(&node->lock);
    uint64_t heard = tr_load64_relaxed(&link->heard);
    if (state == TR_LINK_SHAKING && now > tr_after_ms(link->since, HANDSHAKE_MS)) {
        if (!refused)
            tr_node_refused(link, TROUPE_TIMEOUT, "the peer did not prove itself in time");
        tr_link_cut(link);
    } else if (state == TR_LINK_UP && now > tr_after_ms(heard, node->lost_ms)) {
        tr_node_broken(link, "nothing was heard of it for too long");
        tr_link_cut(link);
    } else if (state == TR_LINK_UP && now >= tr_after_ms(*pinged, node->heartbeat_ms)) {
        tr_lock(&link->out_lock);
        bool spoke = link->spoke;
        link->spoke = false;
        tr_unlock(&link->out_lock);
        if (!spoke) (void)tr_link_say(link, &(tr_frame){.kind = TR_FRAME_PING});
    }
}

static void tick_all(struct troupe_node *node, uint64_t now, uint64_t *pinged) {
    uint64_t serial = 0;
    for (tr_peer_link *link; (link = tr_node_next(node, serial));) {
        serial = link->serial;
        tick(link, now, pinged);
        tr_node_unref(link);
    }
    if (now >= tr_after_ms(*pinged, node->heartbeat_ms)) *pinged = now;
}

/* What the keeper does whenever it wakes, under the lock. When it has to wake next. */
static uint64_t tend(struct troupe_node *node) {
    unsigned tick_ms = node->heartbeat_ms < TICK_MOST_MS ? node->heartbeat_ms : TICK_MOST_MS;
    for (;;) {
        reap_all(node);
        uint64_t now = tr_node_clock(node);
        if (now < node->due) break;
        tr_unlock(&node->lock);
        tick_all(node, now, &node->pinged);
        tr_lock(&node->lock);
        node->due = tr_after_ms(now, tick_ms);
    }
    /* Without links there is nothing to do, and no reason to wake up. */
    return tr_list_empty(&node->links) ? TR_NEVER : node->due;
}

static bool is_over(const struct troupe_node *node) {
    return node->over && tr_list_empty(&node->links);
}

static void *keep(void *arg) {
    struct troupe_node *node = arg;
    tr_lock(&node->lock);
    for (uint64_t next = tend(node); !is_over(node); next = tend(node))
        (void)tr_cond_wait(&node->work, &node->lock, next);
    tr_unlock(&node->lock);
    return NULL;
}

/* The same as an event of a simulation. */
static void tend_once(void *ctx) {
    struct troupe_node *node = ctx;
    tr_lock(&node->lock);
    uint64_t next = tend(node);
    if (!is_over(node) && next != TR_NEVER) tr_sim_set(node->sim, &node->tend, next);
    tr_unlock(&node->lock);
}

bool tr_node_tend(struct troupe_node *node) {
    node->pinged = tr_node_clock(node);
    node->due = node->pinged;
    if (!node->sim) return tr_thread_start(&node->keeper, "troupe:node", keep, node);
    tr_list_init(&node->tend.of_sim);
    node->tend.agent = node->me.node;
    node->tend.run = tend_once;
    node->tend.ctx = node;
    return true;
}

void tr_node_leave(struct troupe_node *node) {
    if (node->sim)
        tr_sim_unset(&node->tend);
    else
        tr_thread_join(&node->keeper);
}
