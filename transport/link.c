#include "transport/link.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "serial/share.h"
#include "transport/node.h"

enum {
    /* Bytes waiting to go out at which messages become FULL; then answers, which take no credit;
     * and, less a message, at which a peer that does not read is given up, since the rest can't
     * wait. */
    OUT_MOST = 8 << 20,
    OUT_MOST_ANSWERS = 16 << 20,
    OUT_MOST_SIGNALS = 64 << 20,
    KEEP_MOST = 256 << 10, /* bytes of an empty buffer that are kept for the next time */
};

static const tr_stream_events events;

/* --- Out -------------------------------------------------------------------------------------- */

/* Empties a buffer; a large one is given back. */
static void empty(tr_buffer *buffer) {
    buffer->size = 0;
    if (buffer->room > KEEP_MOST) tr_buffer_fini(buffer);
}

/* Hands what waits to the stream, all in one piece, if that is free. So the stream gets small
 * pieces while it is idle and large ones under load. Under out_lock. */
static void flush(tr_peer_link *link) {
    if (link->busy || link->held || link->ended) return;
    if (!link->filling.size) {
        if (link->closing && !link->lingers) tr_node_net(link->node)->close(link->stream);
        return;
    }
    tr_buffer full = link->filling;
    link->filling = link->flying;
    link->flying = full;
    link->busy = link->spoke = true;
    tr_node_net(link->node)->send(link->stream, link->flying.data, link->flying.size);
}

static void on_sent(void *ctx) {
    tr_peer_link *link = ctx;
    tr_lock(&link->out_lock);
    empty(&link->flying);
    link->busy = false;
    flush(link);
    tr_unlock(&link->out_lock);
}

bool tr_link_say(tr_peer_link *link, const tr_frame *frame) {
    tr_lock(&link->out_lock);
    bool open = !link->ended && !link->closing && !link->cut;
    bool room = link->filling.size <= OUT_MOST_SIGNALS + tr_node_message_limit(link->node);
    bool ok = open && room && tr_frame_put(&link->filling, frame);
    if (ok) flush(link);
    if (ok && (frame->kind == TR_FRAME_MONITOR || frame->kind == TR_FRAME_LINK)) link->monitors++;
    tr_unlock(&link->out_lock);
    if (open && !ok) {
        tr_node_broken(link, room ? "no memory" : "it does not read what is said to it");
        tr_link_cut(link);
    }
    return ok;
}

/* Appends a SEND frame, under out_lock. On an error nothing was appended. */
static troupe_err append_send(tr_peer_link *link, const tr_frame *frame, const troupe_type *type,
                              const void *body) {
    size_t start = tr_frame_begin(&link->filling, frame);
    if (start == SIZE_MAX) return TROUPE_NOMEM;
    troupe_err err = tr_pack(type, body, tr_node_message_limit(link->node), &link->filling);
    if (err)
        link->filling.size = start;
    else
        tr_frame_end(&link->filling, start);
    return err;
}

troupe_err tr_link_send(tr_peer_link *link, troupe_ref from, uint64_t to, unsigned how,
                        uint64_t type, troupe_msg **msg) {
    const tr_frame frame = {
        .kind = TR_FRAME_SEND, .target = to, .sender = from, .how = how, .type = type};
    bool counted = !(how & TR_SEND_FREE);
    tr_lock(&link->out_lock);
    troupe_err err = link->ended || link->closing ? TROUPE_NOCONNECTION : TROUPE_OK;
    if (!err && counted) err = tr_outgoing_may_send(&link->outgoing, to);
    size_t most = counted ? OUT_MOST : OUT_MOST_ANSWERS;
    if (!err && link->filling.size > most) err = TROUPE_FULL;
    if (!err) err = append_send(link, &frame, tr_msg_content(*msg)->type,
                               tr_msg_content(*msg) + 1);
    if (!err && counted) tr_outgoing_sent(&link->outgoing, to);
    if (!err) flush(link);
    tr_unlock(&link->out_lock);
    if (!err) troupe_drop(msg);
    return err;
}

troupe_err tr_link_signal(tr_peer_link *link, const tr_frame *frame) {
    tr_lock(&link->out_lock);
    troupe_err err = link->ended || link->closing ? TROUPE_NOCONNECTION : TROUPE_OK;
    if (!err) err = tr_outgoing_may_send(&link->outgoing, frame->target);
    if (!err && link->filling.size > OUT_MOST) err = TROUPE_FULL;
    if (!err && !tr_frame_put(&link->filling, frame)) err = TROUPE_NOMEM;
    if (!err) {
        tr_outgoing_sent(&link->outgoing, frame->target);
        flush(link);
    }
    tr_unlock(&link->out_lock);
    return err;
}

void tr_link_goodbye(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    if (!link->ended && !link->closing) {
        link->lingers = tr_frame_put(&link->filling, &(tr_frame){.kind = TR_FRAME_GOODBYE});
        link->closing = true;
        flush(link);
    }
    tr_unlock(&link->out_lock);
}

void tr_link_cut(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    link->cut = true;
    if (link->started) tr_node_net(link->node)->close(link->stream);
    tr_unlock(&link->out_lock);
}

/* What the windows have to say to the peer. */
static void say_grant(void *ctx, uint64_t target, uint64_t granted) {
    tr_frame frame = {.kind = TR_FRAME_GRANT, .target = target, .number = granted};
    (void)tr_link_say(ctx, &frame);
}

static void say_no_target(void *ctx, uint64_t target) {
    (void)tr_link_say(ctx, &(tr_frame){.kind = TR_FRAME_NO_TARGET, .target = target});
}

/* --- The handshake ---------------------------------------------------------------------------- */

/* Makes sure that an answer of that size can be sent. */
static bool make_room(tr_peer_link *link, size_t size) {
    tr_lock(&link->out_lock);
    bool ok = tr_buffer_reserve(&link->filling, size);
    tr_unlock(&link->out_lock);
    return ok;
}

/* Sends what the handshake answered; or only puts it in line, until `release`. */
static void send_answer(tr_peer_link *link, const tr_buffer *answer, bool hold) {
    tr_lock(&link->out_lock);
    link->held = hold;
    bool ok = tr_buffer_put(&link->filling, answer->data, answer->size);
    if (ok) flush(link);
    tr_unlock(&link->out_lock);
    if (!ok) tr_link_cut(link);
}

static void release(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    link->held = false;
    flush(link);
    tr_unlock(&link->out_lock);
}

/* Ends a handshake that failed. A peer that was `told` so closes; else we do. */
static void refuse(tr_peer_link *link, bool told) {
    tr_lock(&link->out_lock);
    link->closing = true;
    link->lingers = told;
    flush(link);
    tr_unlock(&link->out_lock);
}

static troupe_err shake(tr_peer_link *link, const tr_frame *frame) {
    char why[160] = "";
    tr_buffer answer = {.heap = link->in.heap};
    troupe_err err = tr_handshake_input(&link->shake, frame, &answer, why, sizeof why);
    if (!err) {
        tr_handshake_end(&link->shake);
        link->incoming.peer = link->shake.peer.node;
        /* First the memory: one that has joined stands in the way of the peer's next try. */
        err = make_room(link, answer.size) ? tr_node_join(link, why, sizeof why) : TROUPE_NOMEM;
        link->proved = !err;
        if (err) answer.size = 0;
        if (err == TROUPE_REFUSED)
            (void)tr_frame_put(&answer, &(tr_frame){.kind = TR_FRAME_REFUSE});
    }
    bool told = answer.size > 0;
    if (told) send_answer(link, &answer, !err);
    tr_buffer_fini(&answer);
    if (!err) {
        /* When the peer sees our WELCOME we are up; and nothing of ours is in front of it. */
        tr_node_up(link);
        release(link);
    } else if (err != TROUPE_LATER) {
        tr_node_refused(link, err, *why ? why : troupe_strerror(err));
        refuse(link, told);
    }
    return err;
}

/* --- In --------------------------------------------------------------------------------------- */

static void broken(tr_peer_link *link, const char *why) {
    tr_node_broken(link, why);
    tr_link_cut(link);
}

/* Handles one frame. False: the link is at its end. */
static bool one_frame(tr_peer_link *link, const tr_frame *frame) {
    if (!link->proved) {
        troupe_err err = shake(link, frame);
        return err == TROUPE_OK || err == TROUPE_LATER;
    }
    char why[160] = "";
    troupe_err err = tr_link_frame(link, frame, why, sizeof why);
    if (!err) return true;
    if (err != TROUPE_CLOSED) broken(link, *why ? why : troupe_strerror(err));
    return false;
}

/* Handles all whole frames; returns how many bytes they were, or SIZE_MAX at the link's end. */
static size_t frames(tr_peer_link *link, const unsigned char *bytes, size_t size) {
    size_t done = 0;
    for (;;) {
        char why[160] = "";
        tr_frame frame;
        size_t used;
        size_t limit = link->proved ? tr_node_message_limit(link->node) + TR_FRAME_FIXED_MAX
                                    : TR_HANDSHAKE_MAX;
        troupe_err err =
            tr_frame_get(bytes + done, size - done, limit, &frame, &used, why, sizeof why);
        if (err == TROUPE_LATER) return done;
        if (err) {
            broken(link, why);
            return SIZE_MAX;
        }
        if (!one_frame(link, &frame)) return SIZE_MAX;
        done += used;
    }
}

/* Handles what came; a part of a frame is kept for the next time. */
static void on_received(void *ctx, const void *bytes, size_t size) {
    tr_peer_link *link = ctx;
    if (link->deaf) return;
    tr_store64_relaxed(&link->heard, tr_node_clock(link->node));
    if (link->in.size) { /* the beginning is here already */
        if (!tr_buffer_put(&link->in, bytes, size)) {
            broken(link, "no memory");
            return;
        }
        bytes = link->in.data;
        size = link->in.size;
    }
    size_t done = frames(link, bytes, size);
    if (done == SIZE_MAX) {
        link->deaf = true;
        return;
    }
    const unsigned char *rest = (const unsigned char *)bytes + done;
    if (link->in.size) {
        if (done) memmove(link->in.data, rest, size - done); /* a large frame grows in place */
        link->in.size = size - done;
        if (!link->in.size) empty(&link->in);
    } else if (done < size && !tr_buffer_put(&link->in, rest, size - done)) {
        broken(link, "no memory");
    }
}

static void on_closed(void *ctx) {
    tr_peer_link *link = ctx;
    tr_lock(&link->out_lock);
    link->ended = true;
    tr_unlock(&link->out_lock);
    tr_node_closed(link);
}

static const tr_stream_events events = {on_received, on_sent, on_closed};

/* --- Life ------------------------------------------------------------------------------------- */

tr_peer_link *tr_link_make(struct troupe_node *node, tr_stream *stream, bool dialer) {
    const troupe_heap *heap = tr_node_heap(node);
    tr_peer_link *link = tr_take_zero(heap, sizeof *link);
    if (!link) {
        tr_node_net(node)->free(stream);
        return NULL;
    }
    link->node = node;
    link->stream = stream;
    link->refs = 1;
    link->outcome = TROUPE_LATER;
    link->since = tr_node_clock(link->node);
    tr_store64_relaxed(&link->heard, link->since);
    link->in.heap = link->filling.heap = link->flying.heap = heap;
    tr_list_init(&link->of_node);
    tr_mutex_init(&link->in_lock);
    tr_mutex_init(&link->out_lock);
    tr_outgoing_init(&link->outgoing, heap);
    tr_incoming_init(&link->incoming, tr_node_runtime(node));
    link->incoming.grant = say_grant;
    link->incoming.no_target = say_no_target;
    link->incoming.ctx = link;
    /* Room for the peer's last word in pieces: once it is said, the peer is connected. */
    bool room = tr_buffer_reserve(&link->in, 4 + TR_HANDSHAKE_MAX);
    if (room && tr_node_begin_shake(link, dialer) == TROUPE_OK) return link;
    tr_link_free(link);
    return NULL;
}

void tr_link_start(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    tr_node_net(link->node)->start(link->stream, &events, link);
    link->started = true;
    flush(link);
    if (link->cut) tr_node_net(link->node)->close(link->stream);
    tr_unlock(&link->out_lock);
}

void tr_link_free(tr_peer_link *link) {
    tr_node_net(link->node)->free(link->stream);
    tr_handshake_end(&link->shake);
    tr_incoming_fini(&link->incoming);
    tr_outgoing_fini(&link->outgoing);
    tr_buffer_fini(&link->in);
    tr_buffer_fini(&link->filling);
    tr_buffer_fini(&link->flying);
    tr_mutex_fini(&link->in_lock);
    tr_mutex_fini(&link->out_lock);
    tr_give(tr_node_heap(link->node), link, sizeof *link);
}
