/* A node as the actors' port: sends, monitors and look-ups to its peers. */
#include <string.h>

#include "base/check.h"
#include "serial/share.h"
#include "transport/node.h"

static struct troupe_node *node_of(tr_port *port) {
    return (struct troupe_node *)(void *)port; /* the port is its first member */
}

static troupe_err send(tr_port *port, troupe_ref from, troupe_ref to, unsigned how,
                       troupe_msg **msg) {
    struct troupe_node *node = node_of(port);
    tr_peer_link *link = tr_node_link(node, to.node);
    if (!link) return TROUPE_NOCONNECTION;
    uint64_t type = tr_types_hash(tr_port_types(node->rt), tr_msg_content(*msg)->type);
    troupe_err err = tr_link_send(link, from, to.id, how, type, msg);
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

static void ask_failed(tr_port *port, troupe_ref asker, troupe_err why) {
    (void)say(port, asker.node,
              &(tr_frame){
                  .kind = TR_FRAME_ASK_FAILED, .target = asker.id, .why = (uint32_t)why});
}

static void room(tr_port *port, troupe_ref who) {
    struct troupe_node *node = node_of(port);
    uint64_t serial = 0;
    for (tr_peer_link *link; (link = tr_node_next(node, serial));) {
        serial = link->serial;
        tr_lock(&link->in_lock);
        tr_incoming_room(&link->incoming, who.id);
        tr_unlock(&link->in_lock);
        tr_node_unref(link);
    }
}

static bool close_port(tr_port *port) {
    return tr_node_close(node_of(port));
}

const tr_port_ops tr_node_ops = {
    .send = send,
    .monitor = monitor,
    .demonitor = demonitor,
    .down = down,
    .link = link_to,
    .unlink = unlink_from,
    .exit = tell_exit,
    .exit_signal = exit_signal,
    .ask_failed = ask_failed,
    .room = room,
    .close = close_port,
};

/* --- Looking up a name
 * -------------------------------------------------------------------------- */

/* One waiting thread; on its stack, guarded by the node's lock. */
typedef struct tr_looking {
    tr_map_entry by_number;
    const tr_peer_link *asked;
    bool answered;
    troupe_ref who;
} tr_looking;

void tr_node_found(tr_peer_link *link, uint64_t number, troupe_ref who) {
    struct troupe_node *node = link->node;
    tr_lock(&node->lock);
    tr_map_entry *entry = tr_map_find(&node->lookups, number);
    tr_looking *looking = entry ? TR_OWNER(entry, tr_looking, by_number) : NULL;
    if (looking && looking->asked == link) { /* another peer has nothing to say about it */
        looking->answered = true;
        looking->who = who;
        tr_cond_wake_all(&node->changed);
    }
    tr_unlock(&node->lock);
}

/* The link to the peer of that name, with a reference; NULL: not connected. */
static tr_peer_link *link_by_name(struct troupe_node *node, const char *name) {
    tr_peer_link *found = NULL;
    tr_lock(&node->lock);
    for (tr_list *at = node->links.next; !found && at != &node->links; at = at->next) {
        tr_peer_link *link = TR_OWNER(at, tr_peer_link, of_node);
        bool here = link->state == TR_LINK_UP && !link->closed && !link->orderly;
        if (here && strcmp(link->shake.peer.name, name) == 0) found = link;
    }
    if (found) found->refs++;
    tr_unlock(&node->lock);
    return found;
}

/* Asks the peer and waits. */
static troupe_err look(tr_peer_link *link, const char *name, uint64_t deadline,
                       tr_looking *looking) {
    struct troupe_node *node = link->node;
    tr_frame frame = {.kind = TR_FRAME_LOOKUP, .tail = name, .tail_size = strlen(name)};
    tr_lock(&node->lock);
    frame.number = ++node->lookup_number;
    bool ok = tr_map_add(&node->lookups, frame.number, &looking->by_number);
    tr_unlock(&node->lock);
    if (!ok) return TROUPE_NOMEM;
    bool said = tr_link_say(link, &frame), in_time = true;
    tr_lock(&node->lock);
    while (said && !looking->answered && link->state == TR_LINK_UP && in_time)
        in_time = tr_node_wait(node, deadline);
    bool up = said && link->state == TR_LINK_UP;
    tr_map_remove(&node->lookups, &looking->by_number);
    tr_unlock(&node->lock);
    if (looking->answered)
        return troupe_same(looking->who, TROUPE_NOBODY) ? TROUPE_NOTFOUND : TROUPE_OK;
    return up ? TROUPE_TIMEOUT : TROUPE_NOCONNECTION;
}

troupe_err troupe_lookup(troupe_node *node, const char *peer, const char *name,
                         unsigned timeout_ms, troupe_ref *out) {
    if (strlen(name) > TROUPE_NAME_MAX) return TROUPE_NOTFOUND;
    tr_peer_link *link = link_by_name(node, peer);
    if (!link) return TROUPE_NOCONNECTION;
    tr_looking looking = {.asked = link};
    troupe_err err = look(link, name, tr_after_ms(tr_node_clock(node), timeout_ms), &looking);
    tr_node_unref(link);
    if (!err) *out = looking.who;
    return err;
}
