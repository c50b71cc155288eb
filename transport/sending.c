/* What goes out over a link and takes credit: messages, and signals in line with them. */
#include "serial/envelope.h"
#include "serial/share.h"
#include "transport/link.h"
#include "transport/node.h"

/* The schema hash of a type, which mostly is that of the last message. Under out_lock. */
static uint64_t hash_of(tr_peer_link *link, const troupe_type *type) {
    if (link->sent_type != type) {
        link->sent_hash = tr_types_hash(tr_port_types(tr_node_runtime(link->node)), type);
        link->sent_type = type;
    }
    return link->sent_hash;
}

/* Whether one more message may be sent to an actor now; answers (not `counted`) take no credit.
 * Under out_lock. */
static troupe_err may_send(tr_peer_link *link, uint64_t to, bool counted) {
    if (link->ended || link->closing) return TROUPE_NOCONNECTION;
    troupe_err err = counted ? tr_outgoing_may_send(&link->outgoing, to) : TROUPE_OK;
    const size_t most = counted ? TR_OUT_MOST : TR_OUT_MOST_ANSWERS;
    return !err && link->filling.size > most ? TROUPE_FULL : err;
}

/* The same of a large one. What is small does not wait for those, and is counted apart. */
static troupe_err may_send_large(tr_peer_link *link, uint64_t to, bool counted) {
    troupe_err err = may_send(link, to, counted);
    const size_t most = counted ? TR_OUT_MOST : TR_OUT_MOST_ANSWERS;
    if (err || link->larges.bytes <= most) return err;
    link->large_refused = true;
    return TROUPE_FULL;
}

/* A message that goes out. */
typedef struct leaving {
    tr_frame *frame; /* apart: more bytes are cleared by an instruction that is slow to begin */
    const troupe_msg *content;
    troupe_msg **msg; /* is taken, and kept until it is acknowledged; NULL: its owner does that */
    uint64_t at;      /* which it is of those for its target */
} leaving;

static bool is_counted(const leaving *it) {
    return !(it->frame->how & TR_SEND_FREE);
}

/* It has been put in line: it is kept until it is acknowledged; an answer is not: who waits for it
 * is lost with its node. Under out_lock. */
static void sent(tr_peer_link *link, leaving *it, size_t size) {
    const uint64_t me = tr_port_node(tr_node_runtime(link->node)), to = it->frame->target;
    const troupe_ref from = it->frame->sender;
    if (is_counted(it) && it->msg)
        tr_outgoing_keep(&link->outgoing, to, from.node == me ? from.id : 0, size, it->msg);
    else if (is_counted(it))
        tr_outgoing_sent(&link->outgoing, to);
    it->at = tr_outgoing_count(&link->outgoing, to);
    if (!link->holders || link->filling.size >= TR_OUT_PIECE) tr_link_flush(link);
}

/* Tells the peer what a message's type looks like, if it does not know, and says which that is in
 * the frame. False: no memory. Under out_lock. */
static bool announce(tr_peer_link *link, const troupe_type *type, tr_frame *frame) {
    frame->type = hash_of(link, type);
    return tr_announce(&link->announced, type, frame->type, &link->filling);
}

/* Appends a message. Under out_lock. On an error nothing was appended but schemas. */
static troupe_err append(tr_peer_link *link, tr_frame *frame, const troupe_type *type,
                         const void *body) {
    if (!announce(link, type, frame)) return TROUPE_NOMEM;
    size_t start = tr_run_begin(&link->run, &link->filling, frame);
    if (start == SIZE_MAX) return TROUPE_NOMEM;
    troupe_err err = tr_pack(type, body, tr_node_message_limit(link->node), &link->filling);
    if (err)
        link->filling.size = start;
    else
        tr_run_end(&link->run, &link->filling, start, frame);
    return err;
}

/* Appends one that is encoded already, in parts if it has turned out to be large; then it is taken.
 * Under out_lock. */
static troupe_err append_packed(tr_peer_link *link, tr_frame *frame, const troupe_type *type,
                                struct tr_large **large) {
    const size_t size = tr_large_size(*large);
    if (!announce(link, type, frame)) return TROUPE_NOMEM;
    if (size <= TR_PART_SIZE) {
        frame->tail = tr_large_bytes(*large)->data + TR_LARGE_HEAD;
        frame->tail_size = size;
        return tr_frame_put(&link->filling, frame) ? TROUPE_OK : TROUPE_NOMEM;
    }
    if (!tr_larges_may_put(&link->larges)) return TROUPE_FULL;
    unsigned char tail[16];
    const bool again = frame->kind == TR_FRAME_DELIVER;
    tr_wire_store(tail, size, 8);
    tr_wire_store(tail + 8, frame->number, 8);
    frame->kind = TR_FRAME_LARGE;
    frame->number = link->larges.number + 1;
    frame->tail = tail;
    frame->tail_size = again ? 16 : 8;
    if (!tr_frame_put(&link->filling, frame)) return TROUPE_NOMEM;
    (void)tr_larges_put(&link->larges, frame->target, *large);
    *large = NULL;
    link->part_next = false; /* its LARGE goes before its first part */
    return TROUPE_OK;
}

/* A message that may be large is encoded outside the lock, so that others can send meanwhile. */
static troupe_err send_large(tr_peer_link *link, leaving *it) {
    const troupe_heap *heap = tr_node_heap(link->node);
    const troupe_type *type = it->content->type;
    struct tr_large *large = NULL;
    const size_t about = tr_msg_size(it->content);
    tr_buffer room;
    tr_lock(&link->out_lock);
    troupe_err err = may_send_large(link, it->frame->target, is_counted(it));
    if (!err) room = tr_larges_room(&link->larges, about);
    tr_unlock(&link->out_lock);
    if (!err && !(large = tr_large_make(heap, about, room))) err = TROUPE_NOMEM;
    if (!err)
        err = tr_pack(type, it->content + 1, tr_node_message_limit(link->node),
                      tr_large_bytes(large));
    if (!err) {
        const size_t size = tr_large_size(large);
        tr_lock(&link->out_lock);
        err = may_send_large(link, it->frame->target, is_counted(it));
        if (!err) err = append_packed(link, it->frame, type, &large);
        if (!err) sent(link, it, size);
        tr_unlock(&link->out_lock);
    }
    if (large) tr_large_end(heap, large);
    return err;
}

/* Whether a message may be a large one, by its size in memory: at most twice of that are sent. */
static bool may_be_large(const troupe_msg *content) {
    return !(content->flags & TR_MSG_EMBEDDED) && tr_msg_size(content) > TR_PART_SIZE / 2;
}

static troupe_err send_any(tr_peer_link *link, leaving *it) {
    if (TR_UNLIKELY(may_be_large(it->content))) return send_large(link, it);
    tr_lock(&link->out_lock);
    const size_t before = link->filling.size;
    troupe_err err = may_send(link, it->frame->target, is_counted(it));
    if (!err) err = append(link, it->frame, it->content->type, it->content + 1);
    if (!err) sent(link, it, link->filling.size - before);
    tr_unlock(&link->out_lock);
    return err;
}

troupe_err tr_link_send(tr_peer_link *link, troupe_ref from, uint64_t to, unsigned how,
                        troupe_msg **msg) {
    tr_frame frame = {.kind = TR_FRAME_SEND, .target = to, .sender = from, .how = how};
    leaving it = {.frame = &frame, .content = tr_msg_content(*msg), .msg = msg};
    troupe_err err = send_any(link, &it);
    if (!err) troupe_drop(msg);
    return err;
}

troupe_err tr_link_promise(tr_peer_link *link, troupe_ref from, uint64_t to, unsigned how,
                           uint64_t again, troupe_msg **msg, uint64_t *at) {
    tr_frame frame = {.kind = again ? TR_FRAME_DELIVER : TR_FRAME_SEND,
                      .number = again,
                      .target = to,
                      .sender = from,
                      .how = how | TR_HOW_PROMPT | (again ? TR_HOW_AGAIN : 0)};
    leaving it = {
        .frame = &frame, .content = tr_msg_content(*msg), .msg = again ? NULL : msg};
    troupe_err err = send_any(link, &it);
    if (!err) *at = it.at;
    return err;
}

troupe_err tr_link_may_send(tr_peer_link *link, uint64_t to) {
    tr_lock(&link->out_lock);
    troupe_err err = may_send(link, to, true);
    if (!err && link->large_refused) err = TROUPE_FULL; /* it may be that one that wants to know */
    tr_unlock(&link->out_lock);
    return err;
}

troupe_err tr_link_signal(tr_peer_link *link, const tr_frame *frame) {
    tr_lock(&link->out_lock);
    troupe_err err = may_send(link, frame->target, true);
    if (!err && !tr_frame_put(&link->filling, frame)) err = TROUPE_NOMEM;
    if (!err) {
        tr_outgoing_sent(&link->outgoing, frame->target);
        tr_link_flush(link);
    }
    tr_unlock(&link->out_lock);
    return err;
}

void tr_link_hold(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    link->holders++;
    tr_unlock(&link->out_lock);
}

void tr_link_release(tr_peer_link *link, bool idle) {
    tr_lock(&link->out_lock);
    link->holders--;
    if (idle) link->out_at = 0; /* nothing will come soon that had better go with it */
    tr_link_flush(link);
    tr_unlock(&link->out_lock);
}

/* Only if it is held: others may not even have started. */
void tr_link_hurry(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    if (link->holders) tr_link_flush(link);
    tr_unlock(&link->out_lock);
}

void tr_link_trim(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    tr_outgoing_trim(&link->outgoing);
    tr_spare_trim(&link->larges.spare);
    const bool eased = tr_outgoing_eased(&link->outgoing);
    tr_unlock(&link->out_lock);
    const troupe_ref all = {link->shake.peer.node, 0};
    if (eased) tr_port_has_room(tr_node_runtime(link->node), all, TROUPE_OK);
}
