#include "transport/link.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/heap.h"
#include "serial/share.h"
#include "transport/node.h"
#include "transport/secure.h"
#include "transport/tls.h"

enum {
    OUT_MOST_SIGNALS = 64 << 20, /* waiting bytes, less a message, at which a peer that does not
                                  * read is given up, since the rest can't wait */
    /* What an honest peer has not heard to be accepted, which may all wait for one actor: what it
     * keeps, and what it redelivers, of which twice the memory is sent; and three messages. */
    WAITING_MOST = TR_KEPT_MOST + 2 * TR_PROMISES_BYTES,
    AT_ONCE_NS = 20000, /* between frames that go out at once: more often costs more */
    KEEP_MOST = 256 << 10, /* bytes of an empty buffer that are kept for the next time */
};

static const tr_stream_events events;

/* --- Out -------------------------------------------------------------------------------------- */

void tr_link_empty(tr_buffer *buffer) {
    buffer->size = 0;
    if (buffer->room > KEEP_MOST) tr_buffer_fini(buffer);
}

/* Says goodbye, once all that is in parts is out: it is the last word. */
static void say_farewell(tr_peer_link *link) {
    link->farewell = false;
    link->lingers = tr_frame_put(&link->filling, &(tr_frame){.kind = TR_FRAME_GOODBYE});
}

/* Frames, and the parts of large messages, take turns: so none waits for more than one part. */
static bool is_part_next(tr_peer_link *link, const void **bytes, size_t *size) {
    if (link->filling.size && !link->part_next) return false;
    if (!tr_larges_next(&link->larges, bytes, size)) return false;
    return link->flying_part = true;
}

/* Whether frames may go out at once, on this thread; not one after the other: while some go out
 * elsewhere, more gather, and cost one call of the system together. Nobody waits for room then, who
 * would have to be told: so many pile up only while others are on their way. */
static bool may_be_at_once(tr_peer_link *link) {
    if (!link->net->try_send) return false;
    const uint64_t now = troupe_now(tr_node_runtime(link->node)), before = link->out_at;
    link->out_at = now;
    return now - before >= AT_ONCE_NS;
}

static void send_frames(tr_peer_link *link) {
    tr_run_close(&link->run, &link->filling);
    const tr_buffer full = link->filling;
    size_t gone = 0;
    if (may_be_at_once(link)) gone = link->net->try_send(link->stream, full.data, full.size);
    link->part_next = true;
    if (gone == full.size) {
        tr_link_empty(&link->filling);
        return;
    }
    link->filling = link->flying;
    link->flying = full;
    link->busy = true;
    link->net->send(link->stream, full.data + gone, full.size - gone);
}

void tr_link_flush(tr_peer_link *link) {
    const void *bytes;
    size_t size;
    while (!link->busy && !link->held && !link->ended) {
        if (is_part_next(link, &bytes, &size)) {
            link->part_next = false;
            link->busy = true;
            link->net->send(link->stream, bytes, size);
            return;
        }
        if (link->farewell && !link->filling.size) say_farewell(link);
        if (!link->filling.size) {
            if (link->closing && !link->lingers) link->net->close(link->stream);
            return;
        }
        send_frames(link);
    }
}

size_t tr_link_waiting(const tr_peer_link *link) {
    return link->filling.size + link->larges.bytes;
}

/* Who was FULL since too much waited to go out may try again once that does. */
static void on_sent(void *ctx) {
    tr_peer_link *link = ctx;
    troupe *rt = tr_node_runtime(link->node);
    tr_lock(&link->out_lock);
    bool was_full = link->filling.size > TR_OUT_MOST; /* never before the peer is known */
    if (link->flying_part)
        tr_larges_sent(&link->larges);
    else
        tr_link_empty(&link->flying);
    link->busy = link->flying_part = false;
    if (!link->holders || tr_link_waiting(link) >= TR_OUT_PIECE) tr_link_flush(link);
    bool room = was_full && link->filling.size <= TR_OUT_MOST;
    if (link->large_refused && link->larges.bytes <= TR_OUT_MOST) {
        link->large_refused = false;
        room = true;
    }
    const troupe_ref all = {room ? link->shake.peer.node : 0, 0};
    tr_unlock(&link->out_lock);
    if (room) tr_port_has_room(rt, all, TROUPE_OK);
}

bool tr_link_say(tr_peer_link *link, const tr_frame *frame) {
    tr_lock(&link->out_lock);
    bool open = !link->ended && !link->closing && !link->cut;
    bool room = link->filling.size <= OUT_MOST_SIGNALS + tr_node_message_limit(link->node);
    bool ok = open && room && tr_frame_put(&link->filling, frame);
    if (ok) tr_link_flush(link);
    if (ok) tr_tally_said(&link->tally, frame);
    tr_unlock(&link->out_lock);
    if (open && !ok)
        tr_link_break(link, room ? "no memory" : "it does not read what is said to it");
    return ok;
}

bool tr_link_tied(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    bool may = tr_tally_begin(&link->tally);
    tr_unlock(&link->out_lock);
    return may;
}

void tr_link_untied(void *ctx, bool theirs) {
    tr_peer_link *link = ctx;
    tr_lock(&link->out_lock);
    tr_tally_end(&link->tally, theirs);
    tr_unlock(&link->out_lock);
}

bool tr_link_say_these(tr_peer_link *link, const tr_buffer *frames) {
    tr_lock(&link->out_lock);
    bool open = !link->ended && !link->closing && !link->cut;
    bool ok = open && tr_buffer_put(&link->filling, frames->data, frames->size);
    if (ok) tr_link_flush(link);
    tr_unlock(&link->out_lock);
    return ok;
}

bool tr_link_has_room(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    bool room = link->filling.size <= TR_OUT_MOST;
    tr_unlock(&link->out_lock);
    return room;
}

void tr_link_goodbye(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    if (!link->ended && !link->closing) {
        link->closing = link->farewell = true;
        if (!link->larges.count) say_farewell(link);
        tr_link_flush(link);
    }
    tr_unlock(&link->out_lock);
}

void tr_link_cut(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    link->cut = true;
    if (link->started) link->net->close(link->stream);
    tr_unlock(&link->out_lock);
}

void tr_link_break(tr_peer_link *link, const char *why) {
    tr_node_broken(link, why);
    tr_link_cut(link);
}

/* --- What the windows have to say ------------------------------------------------------------- */

static void say_grant(void *ctx, uint64_t target, uint64_t granted) {
    tr_frame frame = {.kind = TR_FRAME_GRANT, .target = target, .number = granted};
    (void)tr_link_say(ctx, &frame);
}

static void say_ack(void *ctx, uint64_t target, uint64_t accepted) {
    tr_frame frame = {.kind = TR_FRAME_ACK, .target = target, .number = accepted};
    (void)tr_link_say(ctx, &frame);
}

static void say_no_target(void *ctx, uint64_t target, troupe_err how) {
    const tr_frame frame = {.kind = TR_FRAME_NO_TARGET, .target = target, .why = (uint32_t)how};
    (void)tr_link_say(ctx, &frame);
}

void tr_link_acknowledge(tr_peer_link *link) {
    tr_lock(&link->in_lock);
    tr_incoming_acknowledge(&link->incoming);
    tr_unlock(&link->in_lock);
}

/* One that was not acknowledged is a dead letter, and can be handed back. */
static void lose(void *ctx, uint64_t target, troupe_msg *msg) {
    tr_peer_link *link = ctx;
    troupe *rt = tr_node_runtime(link->node);
    troupe_ref from = msg->sender ? (troupe_ref){tr_port_node(rt), msg->sender} : TROUPE_NOBODY;
    tr_port_unsent(rt, from, (troupe_ref){link->shake.peer.node, target}, &msg,
                   TROUPE_NOCONNECTION);
}

/* No lock is held: `ended` is set, so nothing is sent any more, and the letters' hook may send. */
void tr_link_lose(tr_peer_link *link) {
    tr_outgoing_lose(&link->outgoing, lose, link);
}

/* --- Signs of life ---------------------------------------------------------------------------- */

void tr_link_beat(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    tr_suspicion_beat(&link->suspicion, tr_node_clock(link->node));
    tr_unlock(&link->out_lock);
}

bool tr_link_judge(tr_peer_link *link, uint64_t silence, uint64_t *patience, unsigned *phi) {
    const tr_suspicion_limits *limits = &link->node->limits;
    tr_lock(&link->out_lock);
    *patience = tr_suspicion_patience(&link->suspicion, limits);
    *phi = tr_suspicion_phi(&link->suspicion, limits, silence);
    bool judged = !link->cut;
    tr_unlock(&link->out_lock);
    return judged;
}

void tr_link_excuse(tr_peer_link *link, uint64_t since, uint64_t ns) {
    uint64_t heard = tr_load64_relaxed(&link->heard);
    /* What is heard at this very moment is newer than anything that is to be excused. */
    if (heard <= since) (void)tr_cas64_seq(&link->heard, &heard, heard + ns);
    tr_lock(&link->out_lock);
    tr_suspicion_skip(&link->suspicion);
    tr_unlock(&link->out_lock);
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
    if (ok) tr_link_flush(link);
    tr_unlock(&link->out_lock);
    if (!ok) tr_link_cut(link);
}

static void release(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    link->held = false;
    tr_link_flush(link);
    tr_unlock(&link->out_lock);
}

/* Ends a handshake that failed. A peer that was `told` so closes; else we do. */
static void refuse(tr_peer_link *link, bool told) {
    tr_lock(&link->out_lock);
    link->closing = true;
    link->lingers = told;
    tr_link_flush(link);
    tr_unlock(&link->out_lock);
}

static void announce_one(void *ctx, const troupe_type *type, uint64_t hash) {
    tr_peer_link *link = ctx;
    if (!tr_announce(&link->announced, type, hash, &link->filling)) {
        /* no memory: it is tried again before the first message of the type */
    }
}

/* Tells the peer what the types that are known here look like. */
static void announce_all(tr_peer_link *link) {
    tr_lock(&link->out_lock);
    tr_types_each(tr_port_types(tr_node_runtime(link->node)), announce_one, link);
    tr_unlock(&link->out_lock);
}

/* The peer is proved. Whether it may join; if not, what the answer says. */
static troupe_err admit(tr_peer_link *link, tr_buffer *answer, char *why, size_t room) {
    tr_handshake_end(&link->shake);
    link->incoming.peer = link->shake.peer.node;
    if (link->shake.already) return TROUPE_TAKEN;
    /* First the memory: one that has joined stands in the way of the peer's next try. */
    troupe_err err =
        make_room(link, answer->size) ? tr_node_join(link, why, room) : TROUPE_NOMEM;
    link->proved = !err;
    if (err == TROUPE_TAKEN && answer->size) {
        tr_handshake_already(answer);
    } else if (err) {
        answer->size = 0;
        if (err != TROUPE_NOMEM) (void)tr_frame_put(answer, &(tr_frame){.kind = TR_FRAME_REFUSE});
    }
    return err;
}

/* The peer has said who it is. LATER: the handshake goes on; else nothing is proved to it. */
static troupe_err introduced(tr_peer_link *link, tr_buffer *answer, char *why, size_t room) {
    troupe_err err = tr_secure_meet(link, why, room);
    bool refused = err != TROUPE_OK;
    if (!err && link->shake.dialer) err = tr_node_vie(link); /* TAKEN: the listener sees the end */
    if (!err) return TROUPE_LATER;
    answer->size = 0;
    if (refused) (void)tr_frame_put(answer, &(tr_frame){.kind = TR_FRAME_REFUSE});
    return err;
}

troupe_err tr_link_shake(tr_peer_link *link, const tr_frame *frame) {
    char why[160] = "";
    tr_buffer answer = {.heap = link->in.heap};
    troupe_err err = tr_handshake_input(&link->shake, frame, &answer, why, sizeof why);
    if (err == TROUPE_LATER) err = introduced(link, &answer, why, sizeof why);
    if (!err) err = admit(link, &answer, why, sizeof why);
    bool told = answer.size > 0;
    if (told) send_answer(link, &answer, !err);
    tr_buffer_fini(&answer);
    if (!err) {
        /* When the peer sees our WELCOME we are up; and nothing of ours is in front of it. */
        announce_all(link);
        tr_node_up(link);
        release(link);
        tr_promises_up(link);
    } else if (err != TROUPE_LATER) {
        tr_node_refused(link, err, *why ? why : troupe_strerror(err));
        refuse(link, told);
    }
    return err;
}

/* The net has refused the peer, or the peer us, before a frame came. */
static void on_refused(void *ctx, const char *why) {
    tr_peer_link *link = ctx;
    link->deaf = true;
    tr_node_refused(link, TROUPE_REFUSED, why);
}

void tr_link_refuse_tls(tr_peer_link *link) {
    const tr_buffer alert = {.data = (unsigned char *)(uintptr_t)tr_tls_alert,
                             .size = TR_TLS_ALERT_SIZE};
    send_answer(link, &alert, false);
    tr_node_refused(link, TROUPE_REFUSED, "the peer speaks TLS, which this address does not");
    refuse(link, true);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void on_closed(void *ctx) {
    tr_peer_link *link = ctx;
    tr_lock(&link->out_lock);
    link->ended = true;
    tr_unlock(&link->out_lock);
    tr_node_closed(link);
}

static const tr_stream_events events = {tr_link_received, on_sent, on_closed};

tr_peer_link *tr_link_make(struct troupe_node *node, const tr_net *net, tr_stream *stream,
                           bool dialer) {
    const troupe_heap *heap = tr_node_heap(node);
    tr_peer_link *link = tr_take_zero(heap, sizeof *link);
    if (!link) {
        net->free(stream);
        return NULL;
    }
    link->node = node;
    link->net = net;
    link->stream = stream;
    link->refs = 1;
    link->outcome = TROUPE_LATER;
    link->since = tr_node_clock(link->node);
    link->tally.limit = node->peer_watches;
    tr_store64_relaxed(&link->heard, link->since);
    tr_suspicion_begin(&link->suspicion, &node->limits);
    link->in.heap = link->filling.heap = link->flying.heap = heap;
    tr_list_init(&link->of_node);
    tr_mutex_init(&link->in_lock);
    tr_mutex_init(&link->out_lock);
    tr_schemas_init(&link->schemas, heap);
    tr_announced_init(&link->announced, heap, tr_node_message_limit(node));
    tr_outgoing_init(&link->outgoing, heap);
    tr_larges_init(&link->larges, heap);
    tr_assemblies_init(&link->assemblies, tr_port_pool(tr_node_runtime(link->node)), heap);
    tr_incoming_init(&link->incoming, tr_node_runtime(node));
    link->incoming.most = WAITING_MOST + 3 * tr_node_message_limit(node);
    link->incoming.grant = say_grant;
    link->incoming.ack = say_ack;
    link->incoming.no_target = say_no_target;
    link->incoming.untied = tr_link_untied;
    link->incoming.ctx = link;
    /* Room for the peer's last word in pieces: once it is said, the peer is connected. */
    bool room = tr_buffer_reserve(&link->in, 4 + TR_HANDSHAKE_MAX);
    if (room && tr_node_begin_shake(link, dialer) == TROUPE_OK) return link;
    tr_link_free(link);
    return NULL;
}

void tr_link_start(tr_peer_link *link) {
    if (link->net->on_refusal) link->net->on_refusal(link->stream, on_refused);
    tr_lock(&link->out_lock);
    link->net->start(link->stream, &events, link);
    link->started = true;
    tr_link_flush(link);
    if (link->cut) link->net->close(link->stream);
    tr_unlock(&link->out_lock);
}

void tr_link_free(tr_peer_link *link) {
    link->net->free(link->stream);
    tr_handshake_end(&link->shake);
    tr_incoming_fini(&link->incoming);
    tr_assemblies_fini(&link->assemblies);
    tr_outgoing_fini(&link->outgoing);
    tr_larges_fini(&link->larges);
    tr_announced_fini(&link->announced);
    tr_schemas_fini(&link->schemas);
    tr_buffer_fini(&link->in);
    tr_buffer_fini(&link->filling);
    tr_buffer_fini(&link->flying);
    tr_mutex_fini(&link->in_lock);
    tr_mutex_fini(&link->out_lock);
    tr_give(tr_node_heap(link->node), link, sizeof *link);
}
