/* A node as the actors' port: sends, monitors and look-ups to its peers. */
#include <string.h>

#include "base/check.h"
#include "serial/share.h"
#include "transport/groups.h"
#include "transport/outbox.h"

static struct troupe_node *node_of(tr_port *port) {
    return (struct troupe_node *)(void *)port; /* the port is its first member */
}

struct troupe_node *tr_node_of(troupe *rt) {
    return node_of(tr_port_of(rt));
}

static troupe_err send(tr_port *port, troupe_ref from, troupe_ref to, unsigned how,
                       troupe_msg **msg) {
    return tr_outbox_send(node_of(port), from, to, how, msg);
}

static void settle(tr_port *port, bool idle) {
    (void)port;
    tr_outbox_settle(idle);
}

static void hurry(tr_port *port) {
    tr_outbox_hurry(node_of(port));
}

static troupe_err promise(tr_port *port, troupe_ref from, troupe_ref to,
                          const tr_promise_order *order, troupe_msg **msg) {
    return tr_promise_make(node_of(port), from, to, order, msg);
}

static troupe_err may_send(tr_port *port, troupe_ref to) {
    tr_peer_link *link = tr_node_link(node_of(port), to.node);
    if (!link) return TROUPE_NOCONNECTION;
    troupe_err err = tr_link_may_send(link, to.id);
    tr_node_unref(link);
    return err;
}

/* Says one frame to a node. NOCONNECTION. */
static troupe_err say(tr_port *port, uint64_t to, const tr_frame *frame) {
    tr_peer_link *link = tr_node_link(node_of(port), to);
    if (!link) return TROUPE_NOCONNECTION;
    bool said = tr_link_say(link, frame);
    tr_node_unref(link);
    return said ? TROUPE_OK : TROUPE_NOCONNECTION;
}

static troupe_err monitor(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who) {
    return say(port, who.node,
               &(tr_frame){.kind = TR_FRAME_MONITOR,
                           .number = number,
                           .sender = watcher,
                           .target = who.id});
}

static void demonitor(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who) {
    /* Without a connection the peer has forgotten the monitor with the rest of us. */
    (void)say(port, who.node,
              &(tr_frame){.kind = TR_FRAME_DEMONITOR,
                          .number = number,
                          .sender = watcher,
                          .target = who.id});
}

static void down(tr_port *port, uint64_t number, troupe_ref watcher, troupe_ref who,
                 troupe_err why) {
    /* Without a connection its node has told the watcher that we are lost. */
    (void)say(port, watcher.node,
              &(tr_frame){.kind = TR_FRAME_DOWN,
                          .number = number,
                          .target = watcher.id,
                          .sender = who,
                          .why = (uint32_t)why});
}

static troupe_err link_to(tr_port *port, uint64_t number, troupe_ref me, troupe_ref who) {
    return say(
        port, who.node,
        &(tr_frame){.kind = TR_FRAME_LINK, .number = number, .sender = me, .target = who.id});
}

static void unlink_from(tr_port *port, uint64_t number, uint64_t maker, troupe_ref me,
                        troupe_ref who) {
    (void)say(port, who.node,
              &(tr_frame){.kind = TR_FRAME_UNLINK,
                          .number = number,
                          .how = maker == me.node,
                          .sender = me,
                          .target = who.id});
}

static void tell_exit(tr_port *port, uint64_t number, uint64_t maker, troupe_ref peer,
                      troupe_ref who, troupe_err why) {
    /* Without a connection its node has told the peer that we are lost. */
    (void)say(port, peer.node,
              &(tr_frame){.kind = TR_FRAME_EXIT,
                          .number = number,
                          .how = maker == who.node,
                          .sender = who,
                          .target = peer.id,
                          .why = (uint32_t)why});
}

static troupe_err exit_signal(tr_port *port, troupe_ref me, troupe_ref who, troupe_err why) {
    const tr_frame frame = {
        .kind = TR_FRAME_EXIT, .sender = me, .target = who.id, .why = (uint32_t)why};
    if (why == TROUPE_KILL) return say(port, who.node, &frame);
    tr_peer_link *link = tr_node_link(node_of(port), who.node);
    if (!link) return TROUPE_NOCONNECTION;
    troupe_err err = tr_link_signal(link, &frame);
    tr_node_unref(link);
    return err;
}

static troupe_err stop(tr_port *port, troupe_ref who) {
    return say(port, who.node, &(tr_frame){.kind = TR_FRAME_STOP, .target = who.id});
}

static void ask_failed(tr_port *port, troupe_ref asker, troupe_err why) {
    (void)say(port, asker.node,
              &(tr_frame){
                  .kind = TR_FRAME_ASK_FAILED, .target = asker.id, .why = (uint32_t)why});
}

static troupe_err ended(tr_port *port, troupe_ref who) {
    tr_peer_link *link = tr_node_link(node_of(port), who.node);
    if (!link) return TROUPE_GONE;
    tr_lock(&link->out_lock);
    troupe_err how = tr_outgoing_ended(&link->outgoing, who.id);
    tr_unlock(&link->out_lock);
    tr_node_unref(link);
    return how;
}

static void room(tr_port *port, troupe_ref who) {
    struct troupe_node *node = node_of(port);
    for (tr_peer_link *link = NULL; (link = tr_node_next(node, link));) {
        tr_lock(&link->in_lock);
        tr_incoming_room(&link->incoming, who.id);
        tr_unlock(&link->in_lock);
    }
}

static void groups(tr_port *port) {
    struct troupe_node *node = node_of(port);
    tr_lock(&node->lock);
    if (!tr_list_empty(&node->links)) tr_groups_news(node);
    tr_unlock(&node->lock);
}

static bool close_port(tr_port *port) {
    return tr_node_close(node_of(port));
}

const tr_port_ops tr_node_ops = {
    .send = send,
    .settle = settle,
    .hurry = hurry,
    .promise = promise,
    .may_send = may_send,
    .monitor = monitor,
    .demonitor = demonitor,
    .down = down,
    .link = link_to,
    .unlink = unlink_from,
    .exit = tell_exit,
    .exit_signal = exit_signal,
    .stop = stop,
    .ask_failed = ask_failed,
    .room = room,
    .ended = ended,
    .groups = groups,
    .close = close_port,
};
