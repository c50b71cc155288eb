#include "transport/groups.h"

#include <string.h>

#include "actors/port.h"

void tr_groups_news(struct troupe_node *node) {
    node->groups_changed = true;
    tr_node_wake(node);
}

/* --- Telling ---------------------------------------------------------------------------------- */

static bool write_down(void *ctx, tr_group_news what, uint64_t id, const char *name) {
    const tr_frame frame = {.kind = TR_FRAME_GROUP,
                            .number = id,
                            .how = what,
                            .tail = name,
                            .tail_size = strlen(name)};
    return tr_frame_put(ctx, &frame);
}

void tr_groups_tell_peer(tr_peer_link *link) {
    struct troupe_node *node = link->node;
    if (!tr_link_has_room(link)) return;
    tr_buffer frames = {.heap = tr_node_heap(node)};
    bool ok;
    const uint64_t told = tr_port_groups(node->rt, link->groups, write_down, &frames, &ok);
    if (ok && (!frames.size || tr_link_say_these(link, &frames))) link->groups = told;
    tr_buffer_fini(&frames);
}

static void tell_each(struct troupe_node *node) {
    for (tr_peer_link *link = NULL; (link = tr_node_next(node, link));) {
        tr_lock(&node->lock);
        const bool up = link->state == TR_LINK_UP;
        tr_unlock(&node->lock);
        if (up) tr_groups_tell_peer(link);
    }
}

/* What comes meanwhile has woken nobody, since the keeper does not wait. */
void tr_groups_tell_all(struct troupe_node *node) {
    while (node->groups_changed) {
        node->groups_changed = false;
        tr_unlock(&node->lock);
        tell_each(node);
        tr_lock(&node->lock);
    }
}

/* --- Hearing ---------------------------------------------------------------------------------- */

/* It has told of more than are kept: that is said once. */
static void report(tr_peer_link *link) {
    const tr_trouble trouble = {link->shake.peer.name,
                                "it has more members in groups than are kept of one node",
                                "those beyond are not seen here", TROUPE_FULL};
    if (link->groups_full) return;
    link->groups_full = true;
    tr_port_trouble(tr_node_runtime(link->node), &trouble, "node %s: %s", trouble.peer,
                    trouble.text);
}

troupe_err tr_groups_told(tr_peer_link *link, const tr_frame *frame) {
    char name[TROUPE_NAME_MAX + 1];
    if (frame->how > TR_GROUP_ALL || frame->tail_size >= sizeof name) return TROUPE_MALFORMED;
    if (frame->tail_size && memchr(frame->tail, 0, frame->tail_size)) return TROUPE_MALFORMED;
    if (frame->tail_size) memcpy(name, frame->tail, frame->tail_size);
    name[frame->tail_size] = 0;
    troupe_err err =
        tr_port_group(tr_node_runtime(link->node), link->shake.peer.node,
                      (tr_group_news)frame->how, frame->number, name);
    if (err == TROUPE_FULL) report(link);
    if (err == TROUPE_INVALID) return TROUPE_MALFORMED;
    return err == TROUPE_FULL ? TROUPE_OK : err;
}
