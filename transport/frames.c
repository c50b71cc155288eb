/* What a proved peer's frames do. */
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "serial/envelope.h"
#include "transport/link.h"
#include "transport/node.h"

static troupe *runtime_of(tr_peer_link *link) {
    return tr_node_runtime(link->node);
}

static troupe_ref local(tr_peer_link *link, uint64_t id) {
    return (troupe_ref){tr_port_node(runtime_of(link)), id};
}

/* Stands for a message that could not be made, among the dead letters. */
static const troupe_type unreadable_type = TROUPE_SIGNAL_TYPE("unreadable");

/* A message that can't be read: its asker, or the one that it should have answered, is told. */
static troupe_err unreadable(tr_peer_link *link, const tr_frame *frame, troupe_err err,
                             const char *why) {
    troupe *rt = runtime_of(link);
    const tr_trouble trouble = {link->shake.peer.name, why, "the message is a dead letter", err};
    tr_port_trouble(rt, &trouble, "a message from node %s can't be delivered: %s", trouble.peer,
                    why);
    bool answers = frame->how & TR_SEND_FREE;
    if (answers) tr_port_ask_failed(rt, local(link, frame->target), err);
    troupe_msg *letter = NULL;
    troupe_err made = tr_msg_take(tr_port_pool(rt), &unreadable_type, 0, &letter);
    unsigned how = answers ? 0 : frame->how & TR_SEND_ASK;
    if (!made) tr_port_dead(rt, frame->sender, local(link, frame->target), how, &letter, err);
    if (made) return made;
    if (answers) return TROUPE_OK;
    tr_lock(&link->in_lock);
    err = tr_incoming_skip(&link->incoming, frame->target);
    tr_unlock(&link->in_lock);
    return err;
}

static troupe_err on_send(tr_peer_link *link, const tr_frame *frame) {
    troupe *rt = runtime_of(link);
    const troupe_type *type = tr_types_find(tr_port_types(rt), frame->type);
    char why[160];
    if (!type) {
        snprintf(why, sizeof why, "its type (%016llx) is not registered here",
                 (unsigned long long)frame->type);
        return unreadable(link, frame, TROUPE_UNKNOWN_TYPE, why);
    }
    tr_arrival arrival = {.from = frame->sender, .how = frame->how & TR_SEND_ASK};
    troupe_err err = tr_unpack(tr_port_pool(rt), type, frame->tail, frame->tail_size, &arrival.msg,
                               why, sizeof why);
    if (err) return unreadable(link, frame, err, why);
    if (frame->how & TR_SEND_FREE) { /* an answer: its asker keeps a place for it, nobody else */
        troupe_ref to = local(link, frame->target);
        if (tr_port_is_asker(to)) err = tr_port_deliver(rt, frame->sender, to, 0, &arrival.msg);
        if (arrival.msg)
            tr_port_dead(rt, frame->sender, to, 0, &arrival.msg, err ? err : TROUPE_INVALID);
        return TROUPE_OK;
    }
    tr_lock(&link->in_lock);
    err = tr_incoming_take(&link->incoming, frame->target, &arrival, true);
    tr_unlock(&link->in_lock);
    return err;
}

/* The node that made the link that a frame is about. */
static uint64_t maker_of(tr_peer_link *link, const tr_frame *frame) {
    return frame->how ? frame->sender.node : tr_port_node(runtime_of(link));
}

/* DOWN, LINK or EXIT. Each MONITOR has one DOWN at most, and each LINK one EXIT, but some that an
 * earlier connection owed may be late. */
static troupe_err on_signal(tr_peer_link *link, const tr_frame *frame, tr_signal_kind kind) {
    enum { LATE_MOST = 1024 };
    const tr_arrival arrival = {.from = frame->sender,
                                .signal = kind,
                                .number = frame->number,
                                .maker = maker_of(link, frame),
                                .why = (troupe_err)frame->why};
    tr_lock(&link->out_lock);
    if (kind == TR_SIGNAL_LINK) link->monitors++;
    uint64_t most = link->monitors + LATE_MOST;
    tr_unlock(&link->out_lock);
    tr_lock(&link->in_lock);
    troupe_err err = TROUPE_MALFORMED;
    if (link->incoming.downs < most)
        err = tr_incoming_take(&link->incoming, frame->target, &arrival, false);
    tr_unlock(&link->in_lock);
    return err;
}

/* An exit signal that an actor of the peer has sent, without a link. A kill waits for nobody. */
static troupe_err on_exit_signal(tr_peer_link *link, const tr_frame *frame) {
    troupe *rt = runtime_of(link);
    const troupe_ref to = local(link, frame->target);
    if (frame->why == TROUPE_KILL) {
        (void)troupe_kill(rt, to); /* GONE: so it has ended already */
        return TROUPE_OK;
    }
    tr_arrival arrival = {.from = frame->sender, .signal = TR_SIGNAL_SENT};
    troupe_err err =
        tr_port_signal(rt, frame->sender, to, (troupe_err)frame->why, &arrival.msg);
    if (err) return err;
    tr_lock(&link->in_lock);
    err = tr_incoming_take(&link->incoming, frame->target, &arrival, true);
    tr_unlock(&link->in_lock);
    return err;
}

static troupe_err on_exit(tr_peer_link *link, const tr_frame *frame) {
    return frame->number ? on_signal(link, frame, TR_SIGNAL_EXIT) : on_exit_signal(link, frame);
}

/* OK and LATER would not be an end of the ask. */
static troupe_err on_ask_failed(tr_peer_link *link, const tr_frame *frame) {
    troupe_err why = (troupe_err)frame->why;
    if (why == TROUPE_OK || why == TROUPE_LATER) return TROUPE_MALFORMED;
    tr_port_ask_failed(runtime_of(link), local(link, frame->target), why);
    return TROUPE_OK;
}

/* A node finds its own actors, or nobody. */
static troupe_err on_found(tr_peer_link *link, const tr_frame *frame) {
    bool nobody = troupe_same(frame->sender, TROUPE_NOBODY);
    if (!nobody && frame->sender.node != link->shake.peer.node) return TROUPE_MALFORMED;
    tr_node_found(link, frame->number, frame->sender);
    return TROUPE_OK;
}

static troupe_err on_lookup(tr_peer_link *link, const tr_frame *frame) {
    char name[TROUPE_NAME_MAX + 1];
    if (frame->tail_size >= sizeof name) return TROUPE_MALFORMED;
    memcpy(name, frame->tail, frame->tail_size);
    name[frame->tail_size] = 0;
    tr_frame answer = {.kind = TR_FRAME_FOUND, .number = frame->number};
    if (troupe_whereis(runtime_of(link), name, &answer.sender)) answer.sender = TROUPE_NOBODY;
    (void)tr_link_say(link, &answer);
    return TROUPE_OK;
}

static void on_credit(tr_peer_link *link, const tr_frame *frame) {
    tr_lock(&link->out_lock);
    if (frame->kind == TR_FRAME_GRANT)
        tr_outgoing_granted(&link->outgoing, frame->target, frame->number);
    else
        tr_outgoing_gone(&link->outgoing, frame->target);
    tr_unlock(&link->out_lock);
}

/* Frames in which the peer speaks for an actor of its own must say so. */
static bool speaks_for_itself(tr_peer_link *link, const tr_frame *frame) {
    bool own = frame->kind == TR_FRAME_MONITOR || frame->kind == TR_FRAME_DEMONITOR ||
               frame->kind == TR_FRAME_DOWN || frame->kind == TR_FRAME_LINK ||
               frame->kind == TR_FRAME_UNLINK || frame->kind == TR_FRAME_EXIT;
    return !own || frame->sender.node == link->shake.peer.node;
}

troupe_err tr_link_frame(tr_peer_link *link, const tr_frame *frame, char *why, size_t room) {
    troupe *rt = runtime_of(link);
    troupe_err err = TROUPE_OK;
    if (!speaks_for_itself(link, frame)) {
        snprintf(why, room, "it speaks for an actor of another node");
        return TROUPE_MALFORMED;
    }
    switch (frame->kind) {
    case TR_FRAME_SEND: err = on_send(link, frame); break;
    case TR_FRAME_GRANT:
    case TR_FRAME_NO_TARGET: on_credit(link, frame); break;
    case TR_FRAME_MONITOR:
        err = tr_port_watch(rt, frame->number, frame->sender, local(link, frame->target));
        break;
    case TR_FRAME_DEMONITOR: tr_port_unwatch(rt, frame->number, frame->sender); break;
    case TR_FRAME_DOWN: err = on_signal(link, frame, TR_SIGNAL_DOWN); break;
    case TR_FRAME_LINK: err = on_signal(link, frame, TR_SIGNAL_LINK); break;
    case TR_FRAME_EXIT: err = on_exit(link, frame); break;
    case TR_FRAME_UNLINK:
        tr_port_unlink(rt, frame->number, maker_of(link, frame), frame->sender,
                       local(link, frame->target));
        break;
    case TR_FRAME_ASK_FAILED: err = on_ask_failed(link, frame); break;
    case TR_FRAME_LOOKUP: err = on_lookup(link, frame); break;
    case TR_FRAME_FOUND: err = on_found(link, frame); break;
    case TR_FRAME_PING: break;
    case TR_FRAME_GOODBYE:
        tr_node_orderly(link);
        tr_link_cut(link);
        return TROUPE_CLOSED;
    default:
        snprintf(why, room, "a frame of kind %d after the handshake", (int)frame->kind);
        return TROUPE_MALFORMED;
    }
    if (err) snprintf(why, room, "a frame of kind %d: %s", (int)frame->kind, troupe_strerror(err));
    return err;
}
