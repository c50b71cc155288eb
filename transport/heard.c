#include "transport/heard.h"

#include <string.h>

#include "actors/port.h"
#include "base/heap.h"
#include "transport/node.h"

enum {
    SWEEP_FIRST = 1024
};

typedef struct last {
    tr_map_entry by_target;
    uint64_t number;
} last;

void tr_heard_init(tr_heard *heard, troupe *rt, uint64_t peer, const char *name) {
    *heard = (tr_heard){.rt = rt, .peer = peer, .sweep_at = SWEEP_FIRST};
    memcpy(heard->name, name, strlen(name) + 1);
    tr_list_init(&heard->of_node);
    tr_map_init(&heard->by_target, tr_port_heap(rt));
}

static void forget(void *ctx, tr_map_entry *entry) {
    const tr_heard *heard = ctx;
    tr_give(heard->by_target.heap, TR_OWNER(entry, last, by_target), sizeof(last));
}

void tr_heard_fini(tr_heard *heard) {
    tr_map_each(&heard->by_target, forget, heard);
    tr_map_fini(&heard->by_target);
}

static void forget_if_ended(void *ctx, tr_map_entry *entry) {
    tr_heard *heard = ctx;
    const troupe_ref who = {tr_port_node(heard->rt), entry->key};
    if (troupe_mailbox(heard->rt, who, NULL, NULL) != TROUPE_GONE) return;
    tr_map_remove(&heard->by_target, entry);
    forget(heard, entry);
}

bool tr_heard_know(tr_heard *heard, uint64_t target) {
    if (tr_map_find(&heard->by_target, target)) return true;
    if (heard->by_target.count >= heard->sweep_at) {
        tr_map_each(&heard->by_target, forget_if_ended, heard);
        heard->sweep_at = 2 * heard->by_target.count + SWEEP_FIRST;
    }
    last *made = tr_take_zero(heard->by_target.heap, sizeof *made);
    if (made && tr_map_add(&heard->by_target, target, &made->by_target)) return true;
    tr_give(heard->by_target.heap, made, sizeof *made);
    return false;
}

uint64_t *tr_heard_last(tr_heard *heard, uint64_t target) {
    tr_map_entry *entry = tr_map_find(&heard->by_target, target);
    return entry ? &TR_OWNER(entry, last, by_target)->number : NULL;
}

/* --- Those of a node -------------------------------------------------------------------------- */

static tr_heard *heard_of(tr_list *member) {
    return TR_OWNER(member, tr_heard, of_node);
}

void tr_node_mark_obsolete(struct troupe_node *node, const tr_identity *peer) {
    for (tr_list *at = node->heards.next; at != &node->heards; at = at->next)
        if (heard_of(at)->peer != peer->node && !strcmp(heard_of(at)->name, peer->name))
            heard_of(at)->obsolete = true;
}

/* Of that node. While a link shakes hands, who its peer is may be written at this moment; and it
 * has redelivered nothing yet. Under the node's lock. */
static bool is_of(const tr_peer_link *link, uint64_t peer) {
    return link->state != TR_LINK_SHAKING && link->shake.peer.node == peer;
}

static bool has_link(struct troupe_node *node, uint64_t peer) {
    for (tr_list *at = node->links.next; at != &node->links; at = at->next)
        if (is_of(TR_OWNER(at, tr_peer_link, of_node), peer)) return true;
    return false;
}

static void forget_heard(struct troupe_node *node, tr_heard *heard) {
    tr_list_remove(&heard->of_node);
    node->heard--;
    tr_heard_fini(heard);
    tr_give(node->heap, heard, sizeof *heard);
}

void tr_node_forget_heard(struct troupe_node *node) {
    for (tr_list *at = node->heards.next, *next; at != &node->heards; at = next) {
        next = at->next;
        tr_heard *heard = heard_of(at);
        bool stays = !heard->obsolete && !(node->over && tr_list_empty(&node->links));
        if (!stays && !has_link(node, heard->peer)) forget_heard(node, heard);
    }
}

tr_heard *tr_node_heard(tr_peer_link *link) {
    struct troupe_node *node = link->node;
    const tr_identity *peer = &link->shake.peer;
    tr_heard *made = tr_take(node->heap, sizeof *made), *found = NULL;
    if (!made) return NULL;
    tr_heard_init(made, node->rt, peer->node, peer->name);
    tr_lock(&node->lock);
    for (tr_list *at = node->heards.next; !found && at != &node->heards; at = at->next)
        if (heard_of(at)->peer == peer->node) found = heard_of(at);
    if (!found && node->heard < TR_HEARDS_MOST) {
        found = made;
        made = NULL;
        node->heard++;
        tr_list_add(&node->heards, &found->of_node);
    }
    tr_unlock(&node->lock);
    tr_give(node->heap, made, sizeof *made);
    return found;
}
