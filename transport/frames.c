/* What a proved peer's frames do. */
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "serial/envelope.h"
#include "transport/groups.h"
#include "transport/link.h"
#include "transport/node.h"
#include "transport/question.h"

enum { WHY_MOST = 160 };

static troupe *runtime_of(tr_peer_link *link) {
    return tr_node_runtime(link->node);
}

static troupe_ref local(tr_peer_link *link, uint64_t id) {
    return (troupe_ref){tr_port_node(runtime_of(link)), id};
}

/* Stands for a message that could not be made, among the dead letters. */
static const troupe_type unreadable_type = TROUPE_SIGNAL_TYPE("unreadable");

/* Reports that messages can't be read. */
static void report(tr_peer_link *link, troupe_err err, const char *why) {
    const tr_trouble trouble = {link->shake.peer.name, why, "the message is a dead letter", err};
    tr_port_trouble(runtime_of(link), &trouble, "a message from node %s can't be delivered: %s",
                    trouble.peer, why);
}

/* Its sender waits to hear of it: before it hears that this one, too, has come. Under in_lock. */
static void reject(tr_peer_link *link, const tr_frame *frame, const tr_arrival *place,
                   troupe_err err) {
    const tr_frame said = {.kind = TR_FRAME_REJECT,
                           .number = tr_incoming_nth(&link->incoming, frame->target, place),
                           .target = frame->target,
                           .why = (uint32_t)err};
    if (said.number) (void)tr_link_say(link, &said);
}

/* What waits for others like it goes to its mailbox. */
static troupe_err settle(tr_peer_link *link) {
    if (!link->burst.count) return TROUPE_OK;
    tr_lock(&link->in_lock);
    troupe_err err = tr_incoming_take_burst(&link->incoming, &link->burst);
    tr_unlock(&link->in_lock);
    return err;
}

/* A message that can't be read: its asker, or the one that it should have answered, is told. */
static troupe_err unreadable(tr_peer_link *link, const tr_frame *frame, tr_arrival **place,
                             troupe_err err) {
    troupe *rt = runtime_of(link);
    bool answers = frame->how & TR_SEND_FREE;
    troupe_err before = settle(link);
    if (before) return before;
    if (answers) tr_port_ask_failed(rt, local(link, frame->target), err);
    troupe_msg *letter = NULL;
    troupe_err made = tr_msg_take(tr_port_pool(rt), &unreadable_type, 0, &letter);
    unsigned how = answers ? 0 : frame->how & TR_SEND_ASK;
    if (!made) tr_port_dead(rt, frame->sender, local(link, frame->target), how, &letter, err);
    if (made) return made;
    if (answers) return TROUPE_OK;
    tr_lock(&link->in_lock);
    if (frame->how & TR_HOW_PROMPT) reject(link, frame, place ? *place : NULL, err);
    err = TROUPE_OK;
    if (place && *place)
        tr_incoming_fill(&link->incoming, frame->target, place, NULL);
    else
        err = tr_incoming_skip(&link->incoming, frame->target);
    tr_unlock(&link->in_lock);
    return err;
}

/* The peer says what one of its types looks like. What it is here under the same name must be like
 * it, or messages of it can't be read: that is said at once, and once. */
static troupe_err on_schema(tr_peer_link *link, const tr_frame *frame) {
    tr_types *types = tr_port_types(runtime_of(link));
    tr_reading reading;
    if (tr_types_find(types, frame->type)) return TROUPE_OK; /* just the same */
    troupe_err err = tr_schemas_add(&link->schemas, frame->type, frame->tail, frame->tail_size);
    if (err) return err;
    tr_schemas_read(&link->schemas, types, frame->type, true, &reading);
    if (reading.type || reading.again || !*reading.why) return TROUPE_OK;
    const tr_trouble trouble = {link->shake.peer.name, reading.why,
                                "its messages of that type will be dead letters",
                                TROUPE_UNKNOWN_TYPE};
    tr_port_trouble(runtime_of(link), &trouble, "messages from node %s can't be delivered: %s",
                    trouble.peer, reading.why);
    return TROUPE_OK;
}

/* A registered type by its hash, which mostly is that of the last message; NULL: there is none. */
static const troupe_type *registered(tr_peer_link *link, uint64_t hash) {
    if (!link->came_type || link->came_hash != hash) {
        link->came_type = tr_types_find(tr_port_types(runtime_of(link)), hash);
        link->came_hash = hash;
    }
    return link->came_type;
}

/* What a message that will come is read as; NULL: it can't be. */
static const troupe_type *read_as(tr_peer_link *link, uint64_t hash) {
    tr_reading reading = {.type = registered(link, hash)};
    tr_types *types = tr_port_types(runtime_of(link));
    if (!reading.type) tr_schemas_read(&link->schemas, types, hash, true, &reading);
    return reading.type;
}

/* How a message is to be delivered; an answer, as any other. */
static TR_INLINE tr_terms terms_of(tr_peer_link *link, const tr_frame *frame) {
    const bool any = frame->how & (TR_SEND_URGENT | ~(TR_SEND_LONG - 1u));
    if (TR_LIKELY(!any) || frame->how & TR_SEND_FREE) return (tr_terms){.deadline = TR_NEVER};
    return tr_port_terms(runtime_of(link), local(link, frame->target), frame->how);
}

/* Reads what a message says, and puts it into what has its terms hold. On an error there is no
 * message. */
static TR_INLINE troupe_err unpack(tr_peer_link *link, const tr_frame *frame,
                                   const troupe_type *type, const tr_terms *terms,
                                   tr_assembly *whole, troupe_msg **out, char why[WHY_MOST]) {
    troupe *rt = runtime_of(link);
    const tr_pool *pool = tr_port_pool(rt);
    const size_t size = frame->tail_size;
    troupe_err err =
        TR_UNLIKELY(whole && whole->type == type)
            ? tr_unpack_landed(pool, &whole->landing, size, out, why, WHY_MOST)
            : tr_unpack(pool, type, frame->tail, size, out, why, WHY_MOST);
    if (TR_LIKELY(err || (!terms->urgent && terms->deadline == TR_NEVER))) return err;
    err = tr_port_wrap(rt, frame->sender, local(link, frame->target), terms, out);
    if (!err) return TROUPE_OK;
    snprintf(why, WHY_MOST, "%s", troupe_strerror(err));
    troupe_drop(out);
    return err;
}

/* A message goes to its mailbox with those for the same actor that come right before and behind. */
static troupe_err join_burst(tr_peer_link *link, const tr_frame *frame, troupe_msg *msg) {
    enum { BURST = 512 };
    tr_burst *burst = &link->burst;
    const troupe_ref to = local(link, frame->target);
    const unsigned how = frame->how & TR_SEND_ASK;
    troupe_err err = TROUPE_OK;
    if (burst->target != to.id || burst->count == BURST) err = settle(link);
    if (err) {
        tr_port_dead(runtime_of(link), frame->sender, to, how, &msg, err);
        return err;
    }
    tr_port_address(runtime_of(link), frame->sender, to, how, msg);
    msg->link.next = burst->newest ? &burst->newest->link : NULL;
    burst->newest = msg;
    if (!burst->count++) burst->oldest = msg;
    burst->target = to.id;
    burst->size += frame->tail_size;
    burst->prompt |= (frame->how & TR_HOW_PROMPT) != 0;
    return TROUPE_OK;
}

/* An answer goes to its asker, who keeps a place for it, and to nobody else. */
static void take_answer(tr_peer_link *link, const tr_frame *frame, troupe_msg *msg) {
    troupe *rt = runtime_of(link);
    const troupe_ref to = local(link, frame->target);
    troupe_err err = TROUPE_INVALID;
    if (tr_port_is_asker(to)) err = tr_port_deliver(rt, frame->sender, to, 0, &msg);
    if (msg) tr_port_dead(rt, frame->sender, to, 0, &msg, err ? err : TROUPE_INVALID);
}

/* A message goes to its mailbox by itself. */
static troupe_err take_one(tr_peer_link *link, const tr_frame *frame, const tr_terms *terms,
                           tr_arrival **place, troupe_msg *msg) {
    const tr_arrival arrival = {.msg = msg,
                                .from = frame->sender,
                                .how = frame->how & TR_SEND_ASK,
                                .size = frame->tail_size,
                                .prompt = frame->how & TR_HOW_PROMPT,
                                .urgent = terms->urgent,
                                .again = frame->kind == TR_FRAME_DELIVER ? frame->number : 0};
    troupe_err err = TROUPE_OK;
    tr_lock(&link->in_lock);
    if (place && *place)
        tr_incoming_fill(&link->incoming, frame->target, place, msg);
    else
        err = tr_incoming_take(&link->incoming, frame->target, &arrival, true);
    tr_unlock(&link->in_lock);
    return err;
}

/* A message is here, all of it; `whole` is what it was put together in, if it was in parts. */
static troupe_err take(tr_peer_link *link, const tr_frame *frame, tr_terms terms,
                       tr_assembly *whole) {
    troupe *rt = runtime_of(link);
    tr_reading reading;
    char why[WHY_MOST];
    tr_arrival **place = whole ? &whole->place : NULL; /* in line; `*place` NULL: it has lost it */
    const bool plain = frame->kind == TR_FRAME_SEND && !whole && !(frame->how & TR_SEND_FREE) &&
                       !terms.urgent && terms.deadline == TR_NEVER;
    troupe_err err = plain ? TROUPE_OK : settle(link); /* what came before goes first */
    if (err) return err;
    reading.type = registered(link, frame->type);
    if (TR_UNLIKELY(!reading.type))
        tr_schemas_read(&link->schemas, tr_port_types(rt), frame->type, false, &reading);
    const troupe_type *type = reading.type;
    if (!type) {
        if (!reading.again) report(link, TROUPE_UNKNOWN_TYPE, reading.why);
        return unreadable(link, frame, place, TROUPE_UNKNOWN_TYPE);
    }
    troupe_msg *msg;
    err = unpack(link, frame, type, &terms, whole, &msg, why);
    if (err == TROUPE_NOMEM && frame->how & TR_HOW_AGAIN) return err; /* it comes again */
    if (err) {
        report(link, err, why);
        return unreadable(link, frame, place, err);
    }
    if (TR_LIKELY(plain)) return join_burst(link, frame, msg);
    if (!(frame->how & TR_SEND_FREE)) return take_one(link, frame, &terms, place, msg);
    take_answer(link, frame, msg);
    return TROUPE_OK;
}

/* Messages that came together. */
static troupe_err on_run(tr_peer_link *link, const tr_frame *frame, char *why, size_t room) {
    const tr_terms terms = terms_of(link, frame);
    tr_frame message;
    troupe_err err;
    size_t at = 0;
    for (unsigned count = 0; !(err = tr_run_next(frame, &at, &message)); count++) {
        if (message.tail_size > tr_node_message_limit(link->node)) {
            snprintf(why, room, "a message of %zu bytes in a RUN, the limit is %zu",
                     message.tail_size, tr_node_message_limit(link->node));
            return TROUPE_TOOBIG;
        }
        link->frames += count > 0; /* the first is counted as the frame */
        if ((err = take(link, &message, terms, NULL))) return err;
    }
    if (err == TROUPE_LATER && frame->tail_size) return TROUPE_OK;
    snprintf(why, room, "a RUN that does not end with a message, or has too many");
    return TROUPE_MALFORMED;
}

/* What comes of a peer that redelivers is remembered, over its connections. */
static troupe_err remember(tr_peer_link *link, uint64_t target, char *why, size_t room) {
    tr_heard *heard = link->incoming.heard;
    if (!heard) heard = tr_node_heard(link);
    if (!heard) {
        snprintf(why, room, "no memory, or more nodes than %d redeliver to this one",
                 TR_HEARDS_MOST);
        return TROUPE_NOMEM;
    }
    tr_lock(&link->in_lock);
    link->incoming.heard = heard;
    bool known = tr_heard_know(heard, target);
    tr_unlock(&link->in_lock);
    return known ? TROUPE_OK : TROUPE_NOMEM;
}

static troupe_err on_deliver(tr_peer_link *link, const tr_frame *frame, char *why, size_t room) {
    if (!frame->number) return TROUPE_MALFORMED;
    troupe_err err = remember(link, frame->target, why, room);
    return err ? err : take(link, frame, terms_of(link, frame), NULL);
}

/* A message will come in parts. One for an actor that has ended comes all the same, and is a dead
 * letter then. */
static troupe_err on_large(tr_peer_link *link, const tr_frame *frame, char *why, size_t room) {
    tr_assembly *it;
    const size_t limit = tr_node_message_limit(link->node);
    troupe_err err = tr_assembly_begin(&link->assemblies, frame, limit, &it, why, room);
    if (err) return err;
    it->terms = terms_of(link, frame);
    it->type = read_as(link, frame->type);
    if (frame->how & TR_SEND_FREE) return TROUPE_OK;
    const tr_arrival arrival = {.from = frame->sender,
                                .how = frame->how & TR_SEND_ASK,
                                .size = it->total,
                                .prompt = frame->how & TR_HOW_PROMPT,
                                .urgent = it->terms.urgent,
                                .again = it->again};
    err = it->again ? remember(link, frame->target, why, room) : TROUPE_OK;
    if (err) return err;
    tr_lock(&link->in_lock);
    err = tr_incoming_expect(&link->incoming, frame->target, &arrival, &it->place);
    tr_unlock(&link->in_lock);
    return err;
}

static troupe_err on_part(tr_peer_link *link, const tr_frame *frame, char *why, size_t room) {
    tr_assembly *whole;
    troupe_err err = tr_assembly_add(&link->assemblies, frame, &whole, why, room);
    if (!whole) return err;
    whole->head.kind = whole->again ? TR_FRAME_DELIVER : TR_FRAME_SEND;
    whole->head.number = whole->again;
    err = take(link, &whole->head, whole->terms, whole);
    tr_lock(&link->in_lock);
    if (whole->place) whole->place->owner = NULL; /* no memory: the link is at its end */
    tr_unlock(&link->in_lock);
    tr_assembly_end(&link->assemblies, whole);
    return err;
}

/* The node that made the link that a frame is about. */
static uint64_t maker_of(tr_peer_link *link, const tr_frame *frame) {
    return frame->how ? frame->sender.node : tr_port_node(runtime_of(link));
}

/* DOWN, LINK, UNLINK or EXIT: no more of them may wait than can be meant. */
static troupe_err on_signal(tr_peer_link *link, const tr_frame *frame, tr_signal_kind kind) {
    const tr_arrival arrival = {.from = frame->sender,
                                .signal = kind,
                                .number = frame->number,
                                .maker = maker_of(link, frame),
                                .why = (troupe_err)frame->why};
    tr_lock(&link->out_lock);
    const size_t most = tr_tally_signals(&link->tally);
    tr_unlock(&link->out_lock);
    tr_lock(&link->in_lock);
    troupe_err err = TROUPE_MALFORMED;
    if (link->incoming.signals < most)
        err = tr_incoming_take(&link->incoming, frame->target, &arrival, false);
    tr_unlock(&link->in_lock);
    return err;
}

/* MONITOR or LINK: the peer has one more of them here. */
static troupe_err on_tie(tr_peer_link *link, const tr_frame *frame, char *why, size_t room) {
    if (!tr_link_tied(link)) {
        snprintf(why, room, "it has more monitors and links here than %zu (peer_watches)",
                 link->node->peer_watches);
        return TROUPE_TOOBIG;
    }
    if (frame->kind == TR_FRAME_LINK) return on_signal(link, frame, TR_SIGNAL_LINK);
    return tr_port_watch(runtime_of(link), frame->number, frame->sender,
                         local(link, frame->target));
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

/* FOUND or SPAWNED. A node finds and makes its own actors, or nobody. */
static troupe_err on_answer(tr_peer_link *link, const tr_frame *frame, troupe_err why) {
    bool nobody = troupe_same(frame->sender, TROUPE_NOBODY);
    if (!nobody && frame->sender.node != link->shake.peer.node) return TROUPE_MALFORMED;
    if (nobody != (why != TROUPE_OK)) return TROUPE_MALFORMED;
    bool late = !tr_question_answer(link, frame->number, frame->sender, why);
    /* Nobody waits for it any more, and nobody will hear of it: so it shall not live. */
    if (late && !nobody && frame->kind == TR_FRAME_SPAWNED)
        (void)troupe_kill(runtime_of(link), frame->sender);
    return TROUPE_OK;
}

static troupe_err on_found(tr_peer_link *link, const tr_frame *frame) {
    bool nobody = troupe_same(frame->sender, TROUPE_NOBODY);
    return on_answer(link, frame, nobody ? TROUPE_NOTFOUND : TROUPE_OK);
}

/* An actor that has ended already needs no request. */
static void on_stop(tr_peer_link *link, const tr_frame *frame) {
    (void)troupe_stop(runtime_of(link), local(link, frame->target));
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

/* Room is where the target has granted more, and where it has taken in enough of what is kept. */
static void on_credit(tr_peer_link *link, const tr_frame *frame) {
    const bool gone = frame->kind == TR_FRAME_NO_TARGET;
    tr_lock(&link->out_lock);
    if (frame->kind == TR_FRAME_GRANT)
        tr_outgoing_granted(&link->outgoing, frame->target, frame->number);
    else if (frame->kind == TR_FRAME_ACK)
        tr_outgoing_acked(&link->outgoing, frame->target, frame->number);
    else
        tr_outgoing_gone(&link->outgoing, frame->target, (troupe_err)frame->why);
    const bool room = tr_outgoing_has_room(&link->outgoing, frame->target);
    const bool eased = tr_outgoing_eased(&link->outgoing);
    tr_unlock(&link->out_lock);
    tr_promises_credit(link, frame);
    troupe *rt = runtime_of(link);
    const uint64_t peer = link->shake.peer.node;
    if (eased) tr_port_has_room(rt, (troupe_ref){peer, 0}, TROUPE_OK);
    if (!gone && !room) return;
    tr_port_has_room(rt, (troupe_ref){peer, frame->target}, gone ? TROUPE_GONE : TROUPE_OK);
}

/* Frames in which the peer speaks for an actor of its own must say so. */
static bool speaks_for_itself(tr_peer_link *link, const tr_frame *frame) {
    bool own = frame->kind == TR_FRAME_MONITOR || frame->kind == TR_FRAME_DEMONITOR ||
               frame->kind == TR_FRAME_DOWN || frame->kind == TR_FRAME_LINK ||
               frame->kind == TR_FRAME_UNLINK || frame->kind == TR_FRAME_EXIT;
    return !own || frame->sender.node == link->shake.peer.node;
}

/* Says what the error of a frame means, if nothing was said yet. */
static troupe_err explained(troupe_err err, tr_frame_kind kind, char *why, size_t room) {
    if (err == TROUPE_TOOBIG && !*why)
        snprintf(why, room, "more bytes of it wait for one actor than may");
    if (err && !*why)
        snprintf(why, room, "a frame of kind %d: %s", (int)kind, troupe_strerror(err));
    return err;
}

troupe_err tr_link_settle(tr_peer_link *link, char *why, size_t room) {
    return explained(settle(link), TR_FRAME_SEND, why, room);
}

troupe_err tr_link_frame(tr_peer_link *link, const tr_frame *frame, char *why, size_t room) {
    troupe *rt = runtime_of(link);
    troupe_err err = TROUPE_OK;
    if (!speaks_for_itself(link, frame)) {
        snprintf(why, room, "it speaks for an actor of another node");
        return TROUPE_MALFORMED;
    }
    if (frame->kind != TR_FRAME_SEND && frame->kind != TR_FRAME_RUN)
        err = tr_link_settle(link, why, room);
    if (err) return err;
    switch (frame->kind) {
    case TR_FRAME_SEND: err = take(link, frame, terms_of(link, frame), NULL); break;
    case TR_FRAME_RUN: err = on_run(link, frame, why, room); break;
    case TR_FRAME_DELIVER: err = on_deliver(link, frame, why, room); break;
    case TR_FRAME_REJECT: err = tr_promises_rejected(link, frame); break;
    case TR_FRAME_LARGE: err = on_large(link, frame, why, room); break;
    case TR_FRAME_PART: err = on_part(link, frame, why, room); break;
    case TR_FRAME_SCHEMA: err = on_schema(link, frame); break;
    case TR_FRAME_GRANT:
    case TR_FRAME_ACK:
    case TR_FRAME_NO_TARGET: on_credit(link, frame); break;
    case TR_FRAME_MONITOR:
    case TR_FRAME_LINK: err = on_tie(link, frame, why, room); break;
    case TR_FRAME_DEMONITOR:
        if (tr_port_unwatch(rt, frame->number, frame->sender)) tr_link_untied(link, true);
        break;
    case TR_FRAME_DOWN: err = on_signal(link, frame, TR_SIGNAL_DOWN); break;
    case TR_FRAME_EXIT: err = on_exit(link, frame); break;
    case TR_FRAME_UNLINK: err = on_signal(link, frame, TR_SIGNAL_UNLINK); break;
    case TR_FRAME_ASK_FAILED: err = on_ask_failed(link, frame); break;
    case TR_FRAME_LOOKUP: err = on_lookup(link, frame); break;
    case TR_FRAME_FOUND: err = on_found(link, frame); break;
    case TR_FRAME_STOP: on_stop(link, frame); break;
    case TR_FRAME_SPAWN: err = tr_spawn_asked(link, frame); break;
    case TR_FRAME_SPAWNED: err = on_answer(link, frame, (troupe_err)frame->why); break;
    case TR_FRAME_GROUP: err = tr_groups_told(link, frame); break;
    case TR_FRAME_PING: tr_link_beat(link); break;
    case TR_FRAME_GOODBYE:
        tr_node_orderly(link);
        tr_link_cut(link);
        return TROUPE_CLOSED;
    default:
        snprintf(why, room, "a frame of kind %d after the handshake", (int)frame->kind);
        return TROUPE_MALFORMED;
    }
    return explained(err, frame->kind, why, room);
}
