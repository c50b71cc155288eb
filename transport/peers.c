/* The connected nodes, for who wants to see them. */
#include <string.h>

#include "transport/node.h"

/* What is known of a link's peer; false: it is not connected. */
static bool describe(tr_peer_link *link, troupe_peer *out) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    bool up = link->state == TR_LINK_UP;
    tr_unlock(&node->lock);
    if (!up) return false;
    uint64_t now = tr_node_clock(node), heard = tr_load64_relaxed(&link->heard);
    memcpy(out->name, link->shake.peer.name, sizeof out->name);
    out->node = link->shake.peer.node;
    uint64_t silence = now > heard ? now - heard : 0, patience;
    out->silent_ms = silence / TR_MS;
    (void)tr_link_judge(link, silence, &patience, &out->suspicion);
    out->lost_at_ms = patience / TR_MS;
    tr_lock(&link->out_lock);
    out->waiting = tr_link_waiting(link);
    tr_unlock(&link->out_lock);
    return true;
}

size_t troupe_peers(troupe_node *node, troupe_peer *out, size_t room) {
    size_t count = 0;
    for (tr_peer_link *link = NULL; (link = tr_node_next(node, link));) {
        troupe_peer one;
        if (!describe(link, &one)) continue;
        if (count < room) out[count] = one;
        count++;
    }
    return count;
}
