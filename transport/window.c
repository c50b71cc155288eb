#include "transport/window.h"

#include "base/check.h"
#include "base/heap.h"
#include "serial/envelope.h"

enum {
    ACK_BYTES = 1 << 20, /* accepted, at which a receiver says so */
    SWEEP_FIRST = 1024   /* entries of a receiver before it looks for ended actors */
};

typedef struct tr_source {
    tr_map_entry by_target;
    uint64_t received, accepted, granted; /* messages in all */
    uint64_t acked;                       /* of those accepted, those that the peer knows of */
    size_t bytes;                         /* received since then */
    uint32_t window;                      /* how many may be on the way */
    tr_fifo waiting;                      /* tr_arrival, and how many bytes they are */
    size_t waiting_bytes;
    size_t urgent;                        /* how many of them are */
    size_t parts;                         /* bytes of messages that are not all here */
} tr_source;

void tr_incoming_init(tr_incoming *in, troupe *rt) {
    *in = (tr_incoming){.rt = rt, .sweep_at = SWEEP_FIRST, .most = SIZE_MAX};
    tr_map_init(&in->by_target, tr_port_heap(rt));
}

static troupe_ref ref_of(const tr_incoming *in, uint64_t target) {
    return (troupe_ref){tr_port_node(in->rt), target};
}

/* Does what a signal says. */
static void deliver_signal(tr_incoming *in, uint64_t target, const tr_arrival *it) {
    const troupe_ref to = ref_of(in, target);
    bool over;
    if (it->signal == TR_SIGNAL_LINK)
        over = !tr_port_link(in->rt, it->number, it->from, to);
    else if (it->signal == TR_SIGNAL_UNLINK)
        over = tr_port_unlink(in->rt, it->number, it->maker, it->from, to);
    else if (it->signal == TR_SIGNAL_EXIT)
        over = tr_port_exit(in->rt, it->number, it->maker, it->from, to, it->why);
    else
        over = tr_port_down(in->rt, it->number, in->peer, it->why);
    const bool theirs =
        it->signal == TR_SIGNAL_LINK || (it->signal != TR_SIGNAL_DOWN && it->maker == in->peer);
    if (over) in->untied(in->ctx, theirs);
}

/* A signal that takes no credit. */
static bool is_signal(const tr_arrival *it) {
    return !it->msg && it->signal != TR_SIGNAL_PARTS && it->signal != TR_SIGNAL_VOID;
}

/* Ends what came as undeliverable: a `down` or an exit is just dropped; who wants a link hears. */
static void bury(tr_incoming *in, uint64_t target, const tr_arrival *arrival, troupe_err why) {
    troupe_msg *msg = arrival->msg;
    if (arrival->signal == TR_SIGNAL_PARTS && arrival->owner) *arrival->owner = NULL;
    const bool comes_again = arrival->again && why == TROUPE_NOCONNECTION;
    if (arrival->signal == TR_SIGNAL_SENT || comes_again) {
        tr_port_drop(in->rt, &msg);
        return;
    }
    if (!msg && arrival->signal == TR_SIGNAL_LINK && why == TROUPE_GONE)
        deliver_signal(in, target, arrival);
    if (msg) tr_port_dead(in->rt, arrival->from, ref_of(in, target), arrival->how, &msg, why);
}

/* Ends all that waits for a target and forgets it. If that has ended, the peer learns before what
 * was in its mailbox. */
static void forget_source(tr_incoming *in, tr_source *source, troupe_err why) {
    if (why == TROUPE_GONE && source->acked != source->accepted)
        in->ack(in->ctx, source->by_target.key, source->accepted);
    for (tr_link *link; (link = tr_fifo_get(&source->waiting));) {
        tr_arrival *arrival = TR_OWNER(link, tr_arrival, link);
        if (is_signal(arrival)) in->signals--;
        bury(in, source->by_target.key, arrival, why);
        tr_give(tr_port_heap(in->rt), arrival, sizeof *arrival);
    }
    if (in->last == source) in->last = NULL;
    tr_map_remove(&in->by_target, &source->by_target);
    tr_give(tr_port_heap(in->rt), source, sizeof *source);
}

static void end_source(void *ctx, tr_map_entry *entry) {
    forget_source(ctx, TR_OWNER(entry, tr_source, by_target), TROUPE_NOCONNECTION);
}

void tr_incoming_fini(tr_incoming *in) {
    tr_map_each(&in->by_target, end_source, in);
    tr_map_fini(&in->by_target);
}

static void say_no_target(tr_incoming *in, uint64_t target) {
    in->no_target(in->ctx, target, tr_port_ended(in->rt, ref_of(in, target)));
}

static void end_if_gone(void *ctx, tr_map_entry *entry) {
    tr_incoming *in = ctx;
    tr_source *source = TR_OWNER(entry, tr_source, by_target);
    uint64_t target = entry->key;
    if (troupe_mailbox(in->rt, ref_of(in, target), NULL, NULL) != TROUPE_GONE) return;
    forget_source(in, source, TROUPE_GONE);
    say_no_target(in, target);
}

/* An entry of a living actor, made at its first message. GONE, NOMEM. */
static TR_COLD troupe_err look_up_source(tr_incoming *in, uint64_t target, tr_source **out) {
    tr_map_entry *entry = tr_map_find(&in->by_target, target);
    *out = entry ? TR_OWNER(entry, tr_source, by_target) : NULL;
    if (entry) return TROUPE_OK;
    uint32_t limit;
    troupe_err err = troupe_mailbox(in->rt, ref_of(in, target), NULL, &limit);
    if (err) return err;
    if (in->by_target.count >= in->sweep_at) {
        tr_map_each(&in->by_target, end_if_gone, in);
        in->sweep_at = 2 * in->by_target.count + SWEEP_FIRST;
    }
    tr_source *source = tr_take_zero(tr_port_heap(in->rt), sizeof *source);
    if (!source) return TROUPE_NOMEM;
    source->window = limit < TR_WINDOW_MOST ? limit : TR_WINDOW_MOST;
    source->granted = TR_WINDOW_FIRST;
    if (!tr_map_add(&in->by_target, target, &source->by_target)) {
        tr_give(tr_port_heap(in->rt), source, sizeof *source);
        return TROUPE_NOMEM;
    }
    *out = source;
    return TROUPE_OK;
}

/* Mostly it is the same as the last time. */
static TR_INLINE troupe_err find_source(tr_incoming *in, uint64_t target, tr_source **out) {
    tr_source *last = in->last;
    if (TR_LIKELY(last && last->by_target.key == target)) {
        *out = last;
        return TROUPE_OK;
    }
    troupe_err err = look_up_source(in, target, out);
    in->last = *out;
    return err;
}

static void acknowledge(tr_incoming *in, tr_source *source) {
    source->acked = source->accepted;
    source->bytes = 0;
    in->ack(in->ctx, source->by_target.key, source->accepted);
}

/* So many messages have left the link's hands. Grants are said for half a window at a time, and
 * what was accepted with them, or after a while. */
static void accepted(tr_incoming *in, tr_source *source, uint32_t count, bool prompt) {
    source->accepted += count;
    uint64_t granted = source->accepted + source->window;
    bool more = granted >= source->granted + (source->window + 1) / 2;
    in->unsaid = true;
    if (more || prompt || source->bytes >= ACK_BYTES) acknowledge(in, source);
    if (!more) return;
    source->granted = granted;
    in->grant(in->ctx, source->by_target.key, granted);
}

static void acknowledge_rest(void *ctx, tr_map_entry *entry) {
    tr_source *source = TR_OWNER(entry, tr_source, by_target);
    if (source->acked != source->accepted) acknowledge(ctx, source);
}

void tr_incoming_acknowledge(tr_incoming *in) {
    if (!in->unsaid) return;
    in->unsaid = false;
    tr_map_each(&in->by_target, acknowledge_rest, in);
}

static troupe_err try_to_deliver(tr_incoming *in, troupe_ref to, tr_arrival *arrival) {
    if (arrival->signal == TR_SIGNAL_SENT) return tr_port_signal_in(in->rt, &arrival->msg);
    return tr_port_deliver(in->rt, arrival->from, to, arrival->how, &arrival->msg);
}

/* Delivers what came. FULL: the mailbox will call `room`; GONE: it has ended; LATER: not all of it
 * is here. */
static troupe_err deliver(tr_incoming *in, uint64_t target, tr_arrival *arrival) {
    if (arrival->signal == TR_SIGNAL_PARTS) return TROUPE_LATER;
    if (arrival->signal == TR_SIGNAL_VOID) return TROUPE_OK;
    if (!arrival->msg) {
        deliver_signal(in, target, arrival);
        return TROUPE_OK;
    }
    uint64_t *last = arrival->again ? tr_heard_last(in->heard, target) : NULL;
    if (last && arrival->again <= *last) { /* it is there already */
        tr_port_drop(in->rt, &arrival->msg);
        return TROUPE_OK;
    }
    for (;;) {
        troupe_err err = try_to_deliver(in, ref_of(in, target), arrival);
        if (!err && last) *last = arrival->again;
        if (err != TROUPE_FULL || tr_port_want_room(in->rt, ref_of(in, target))) return err;
    }
}

/* Puts what came behind all that waits. NOMEM, TOOBIG. */
static troupe_err let_wait(tr_incoming *in, tr_source *source, const tr_arrival *arrival) {
    if (source->waiting_bytes > in->most && !is_signal(arrival)) return TROUPE_TOOBIG;
    tr_arrival *waiting = tr_take(tr_port_heap(in->rt), sizeof *waiting);
    if (!waiting) return TROUPE_NOMEM;
    *waiting = *arrival;
    if (is_signal(waiting)) in->signals++;
    source->waiting_bytes += waiting->size;
    source->urgent += waiting->urgent;
    tr_fifo_put(&source->waiting, &waiting->link);
    return TROUPE_OK;
}

troupe_err tr_incoming_take(tr_incoming *in, uint64_t target, const tr_arrival *came,
                            bool counted) {
    tr_arrival arrival = *came;
    tr_source *source;
    troupe_err err = find_source(in, target, &source);
    if (!err && counted && ++source->received > source->granted) err = TROUPE_MALFORMED;
    if (!err) source->bytes += arrival.size;
    if (!err) arrival.nth = source->received;
    if (!err && source->waiting.head) {
        err = let_wait(in, source, &arrival);
        if (!err && arrival.urgent) tr_incoming_room(in, target);
    } else if (!err) {
        bool message = arrival.msg != NULL;
        err = deliver(in, target, &arrival);
        if (!err && message && counted) accepted(in, source, 1, arrival.prompt);
        if (err == TROUPE_FULL) err = let_wait(in, source, &arrival);
    }
    if (!err) return TROUPE_OK;
    bury(in, target, &arrival, err);
    if (err != TROUPE_GONE) return err;
    if (source) forget_source(in, source, TROUPE_GONE);
    say_no_target(in, target);
    return TROUPE_OK;
}

/* The oldest first. */
static troupe_msg *turned(troupe_msg *newest) {
    tr_link *oldest = NULL;
    for (tr_link *at = &newest->link, *older; at; at = older) {
        older = at->next;
        at->next = oldest;
        oldest = at;
    }
    return tr_msg_of(oldest);
}

static troupe_err take_each(tr_incoming *in, const tr_burst *burst) {
    troupe_err err = TROUPE_OK;
    const size_t share = burst->size / burst->count; /* the first has what is left over, too */
    tr_arrival it = {.size = burst->size - (burst->count - 1) * share, .prompt = burst->prompt};
    for (tr_link *at = &turned(burst->newest)->link, *next; at; at = next) {
        next = at->next;
        it.msg = tr_msg_of(at);
        it.from = tr_msg_sender(it.msg, tr_port_node(in->rt));
        it.how = it.msg->flags & TR_MSG_ASK ? TR_SEND_ASK : 0;
        if (err) /* behind one that is lost nothing may come */
            bury(in, burst->target, &it, err);
        else
            err = tr_incoming_take(in, burst->target, &it, true);
        it.size = share;
    }
    return err;
}

/* Credit is not asked about: what fits into a mailbox in front of which nothing waits is granted
 * one by one as it enters, so each of them would find that it may. */
troupe_err tr_incoming_take_burst(tr_incoming *in, tr_burst *burst) {
    const tr_burst all = *burst;
    tr_source *source;
    *burst = (tr_burst){.target = all.target};
    const troupe_ref to = ref_of(in, all.target);
    if (find_source(in, all.target, &source) || source->waiting.head ||
        !tr_port_deliver_list(in->rt, to, all.newest, all.oldest, all.count))
        return take_each(in, &all);
    source->received += all.count;
    source->bytes += all.size;
    accepted(in, source, all.count, all.prompt);
    return TROUPE_OK;
}

troupe_err tr_incoming_skip(tr_incoming *in, uint64_t target) {
    tr_source *source;
    troupe_err err = find_source(in, target, &source);
    if (err == TROUPE_GONE) {
        say_no_target(in, target);
        return TROUPE_OK;
    }
    if (err) return err;
    if (++source->received > source->granted) return TROUPE_MALFORMED;
    if (source->waiting.head) /* what is acknowledged comes in order */
        return let_wait(in, source, &(tr_arrival){.signal = TR_SIGNAL_VOID, .prompt = true});
    accepted(in, source, 1, true);
    return TROUPE_OK;
}

uint64_t tr_incoming_nth(tr_incoming *in, uint64_t target, const tr_arrival *place) {
    tr_source *source;
    if (place) return place->nth;
    return find_source(in, target, &source) ? 0 : source->received + 1;
}

troupe_err tr_incoming_expect(tr_incoming *in, uint64_t target, const tr_arrival *came,
                              tr_arrival **owner) {
    tr_arrival arrival = *came;
    tr_source *source;
    *owner = NULL;
    troupe_err err = find_source(in, target, &source);
    if (err) return err == TROUPE_GONE ? TROUPE_OK : err;
    if (++source->received > source->granted || source->parts > TR_KEPT_MOST)
        return TROUPE_MALFORMED;
    arrival.signal = TR_SIGNAL_PARTS;
    arrival.owner = owner;
    arrival.nth = source->received;
    err = let_wait(in, source, &arrival);
    if (err) return err;
    source->parts += came->size;
    *owner = TR_OWNER(source->waiting.tail, tr_arrival, link);
    return TROUPE_OK;
}

void tr_incoming_fill(tr_incoming *in, uint64_t target, tr_arrival **owner, troupe_msg *msg) {
    tr_source *source;
    tr_arrival *place = *owner;
    TR_CHECK(find_source(in, target, &source) == TROUPE_OK);
    source->parts -= place->size;
    source->bytes += place->size;
    place->signal = msg ? TR_SIGNAL_NONE : TR_SIGNAL_VOID;
    place->msg = msg;
    *owner = NULL;
    tr_incoming_room(in, target);
}

/* Delivers what is urgent past what is not. Its place in line stays, as that of a message that is
 * not there any more: so what is acknowledged, and granted, is in the order of the line. One with a
 * promise waits for its turn, by which it is told; and what is urgent behind it, too. */
static troupe_err hurry(tr_incoming *in, tr_source *source) {
    for (tr_link *at = source->waiting.head; at && source->urgent; at = at->next) {
        tr_arrival *it = TR_OWNER(at, tr_arrival, link);
        if (!it->urgent) continue;
        if (it->again || it->prompt) break;
        troupe_err err = deliver(in, source->by_target.key, it);
        if (err == TROUPE_LATER) break;
        if (err) return err;
        it->signal = TR_SIGNAL_VOID;
        it->urgent = false;
        source->urgent--;
    }
    return TROUPE_OK;
}

void tr_incoming_room(tr_incoming *in, uint64_t target) {
    tr_map_entry *entry = tr_map_find(&in->by_target, target);
    if (!entry) return;
    tr_source *source = TR_OWNER(entry, tr_source, by_target);
    troupe_err err = hurry(in, source);
    while (!err && source->waiting.head) {
        tr_arrival *arrival = TR_OWNER(source->waiting.head, tr_arrival, link);
        bool message = !is_signal(arrival), prompt = arrival->prompt;
        err = deliver(in, target, arrival);
        if (err) break;
        source->urgent -= arrival->urgent;
        (void)tr_fifo_get(&source->waiting);
        source->waiting_bytes -= arrival->size;
        tr_give(tr_port_heap(in->rt), arrival, sizeof *arrival);
        if (message)
            accepted(in, source, 1, prompt);
        else
            in->signals--;
    }
    if (!err || err == TROUPE_FULL || err == TROUPE_LATER) return;
    forget_source(in, source, err); /* it has ended: so has everything that waits for it */
    say_no_target(in, target);
}
