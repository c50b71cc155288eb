#include "transport/outbox.h"

/* The link that the callback on this thread sends by, with a reference; NULL: none. It is put down
 * before the worker does anything else. */
static TR_THREAD_LOCAL tr_peer_link *in_use;

void tr_outbox_settle(bool idle) {
    tr_peer_link *link = in_use;
    if (!link) return;
    in_use = NULL;
    tr_link_release(link, idle);
    tr_node_unref(link);
}

/* The link to a node; NULL: not connected. */
static tr_peer_link *take_up(struct troupe_node *node, uint64_t peer) {
    tr_peer_link *link = in_use;
    if (link && link->node == node && link->shake.peer.node == peer) return link;
    tr_outbox_settle(false); /* one at a time */
    link = tr_node_link(node, peer);
    if (!link || !tr_port_defer(node->rt)) return link;
    tr_link_hold(link);
    return in_use = link;
}

troupe_err tr_outbox_send(struct troupe_node *node, troupe_ref from, troupe_ref to, unsigned how,
                          troupe_msg **msg) {
    for (;;) {
        const tr_peer_link *before = in_use;
        tr_peer_link *link = take_up(node, to.node);
        if (!link) return TROUPE_NOCONNECTION;
        troupe_err err = tr_link_send(link, from, to.id, how, msg);
        if (link != in_use) tr_node_unref(link);
        if (err != TROUPE_NOCONNECTION || link != before) return err;
        tr_outbox_settle(false); /* it has ended; there may be another one by now */
    }
}

void tr_outbox_hurry(struct troupe_node *node) {
    for (tr_peer_link *link = NULL; (link = tr_node_next(node, link));) tr_link_hurry(link);
}
