#include "transport/window.h"

#include "base/check.h"
#include "base/heap.h"

enum {
    GONE_MOST = 1024,   /* ended actors that a sender remembers, so as to answer GONE */
    SWEEP_FIRST = 1024, /* entries of a receiver before it looks for ended actors */
};

/* --- The sending side ------------------------------------------------------------------------- */

typedef struct tr_target {
    tr_map_entry by_target;
    uint64_t sent, granted; /* messages in all */
    bool gone;
} tr_target;

void tr_outgoing_init(tr_outgoing *out, const troupe_heap *heap) {
    *out = (tr_outgoing){.heap = heap};
    tr_map_init(&out->by_target, heap);
}

static void forget_target(void *ctx, tr_map_entry *entry) {
    tr_outgoing *out = ctx;
    tr_target *target = TR_OWNER(entry, tr_target, by_target);
    tr_map_remove(&out->by_target, entry);
    tr_give(out->heap, target, sizeof *target);
}

static void forget_gone(void *ctx, tr_map_entry *entry) {
    if (TR_OWNER(entry, tr_target, by_target)->gone) forget_target(ctx, entry);
}

void tr_outgoing_fini(tr_outgoing *out) {
    tr_map_each(&out->by_target, forget_target, out);
    tr_map_fini(&out->by_target);
}

static tr_target *find_target(tr_outgoing *out, uint64_t id) {
    tr_map_entry *entry = tr_map_find(&out->by_target, id);
    return entry ? TR_OWNER(entry, tr_target, by_target) : NULL;
}

troupe_err tr_outgoing_may_send(tr_outgoing *out, uint64_t id) {
    tr_target *target = find_target(out, id);
    if (!target) {
        target = tr_take_zero(out->heap, sizeof *target);
        if (!target) return TROUPE_NOMEM;
        target->granted = TR_WINDOW_FIRST;
        if (!tr_map_add(&out->by_target, id, &target->by_target)) {
            tr_give(out->heap, target, sizeof *target);
            return TROUPE_NOMEM;
        }
    }
    if (target->gone) return TROUPE_GONE;
    return target->sent < target->granted ? TROUPE_OK : TROUPE_FULL;
}

void tr_outgoing_sent(tr_outgoing *out, uint64_t id) {
    find_target(out, id)->sent++;
}

void tr_outgoing_granted(tr_outgoing *out, uint64_t id, uint64_t granted) {
    tr_target *target = find_target(out, id);
    if (target && granted > target->granted) target->granted = granted;
}

void tr_outgoing_gone(tr_outgoing *out, uint64_t id) {
    tr_target *target = find_target(out, id);
    if (!target || target->gone) return;
    target->gone = true;
    if (++out->gone < GONE_MOST) return;
    tr_map_each(&out->by_target, forget_gone, out);
    out->gone = 0;
}

/* --- The receiving side ----------------------------------------------------------------------- */

typedef struct tr_source {
    tr_map_entry by_target;
    uint64_t received, accepted, granted; /* messages in all */
    uint32_t window;                      /* how many may be on the way */
    tr_fifo waiting;                      /* tr_arrival */
} tr_source;

void tr_incoming_init(tr_incoming *in, troupe *rt) {
    *in = (tr_incoming){.rt = rt, .sweep_at = SWEEP_FIRST};
    tr_map_init(&in->by_target, tr_port_heap(rt));
}

static troupe_ref ref_of(const tr_incoming *in, uint64_t target) {
    return (troupe_ref){tr_port_node(in->rt), target};
}

/* Does what a signal says. */
static void deliver_signal(tr_incoming *in, uint64_t target, const tr_arrival *it) {
    if (it->signal == TR_SIGNAL_LINK)
        tr_port_link(in->rt, it->number, it->from, ref_of(in, target));
    else if (it->signal == TR_SIGNAL_EXIT)
        tr_port_exit(in->rt, it->number, it->maker, it->from, ref_of(in, target), it->why);
    else
        tr_port_down(in->rt, it->number, in->peer, it->why);
}

/* Ends what came as undeliverable: a `down` or an exit is just dropped; who wants a link hears. */
static void bury(tr_incoming *in, uint64_t target, const tr_arrival *arrival, troupe_err why) {
    troupe_msg *msg = arrival->msg;
    if (arrival->signal == TR_SIGNAL_SENT) {
        troupe_drop(&msg);
        return;
    }
    if (!msg && arrival->signal == TR_SIGNAL_LINK && why == TROUPE_GONE)
        deliver_signal(in, target, arrival);
    if (msg) tr_port_dead(in->rt, arrival->from, ref_of(in, target), arrival->how, &msg, why);
}

/* Ends all that waits for a target and forgets it. */
static void forget_source(tr_incoming *in, tr_source *source, troupe_err why) {
    for (tr_link *link; (link = tr_fifo_get(&source->waiting));) {
        tr_arrival *arrival = TR_OWNER(link, tr_arrival, link);
        if (!arrival->msg) in->downs--;
        bury(in, source->by_target.key, arrival, why);
        tr_give(tr_port_heap(in->rt), arrival, sizeof *arrival);
    }
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

static void end_if_gone(void *ctx, tr_map_entry *entry) {
    tr_incoming *in = ctx;
    tr_source *source = TR_OWNER(entry, tr_source, by_target);
    uint64_t target = entry->key;
    if (troupe_mailbox(in->rt, ref_of(in, target), NULL, NULL) != TROUPE_GONE) return;
    forget_source(in, source, TROUPE_GONE);
    in->no_target(in->ctx, target);
}

/* The entry of a living actor, made at its first message. GONE, NOMEM. */
static troupe_err find_source(tr_incoming *in, uint64_t target, tr_source **out) {
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

/* One more message has left the link's hands; grants are said for half a window at a time. */
static void accepted(tr_incoming *in, tr_source *source) {
    uint64_t granted = ++source->accepted + source->window;
    if (granted < source->granted + (source->window + 1) / 2) return;
    source->granted = granted;
    in->grant(in->ctx, source->by_target.key, granted);
}

static troupe_err try_to_deliver(tr_incoming *in, troupe_ref to, tr_arrival *arrival) {
    if (arrival->signal == TR_SIGNAL_SENT) return tr_port_signal_in(in->rt, &arrival->msg);
    return tr_port_deliver(in->rt, arrival->from, to, arrival->how, &arrival->msg);
}

/* Delivers what came. FULL: the mailbox will call `room`; GONE: it has ended. */
static troupe_err deliver(tr_incoming *in, uint64_t target, tr_arrival *arrival) {
    if (!arrival->msg) {
        deliver_signal(in, target, arrival);
        return TROUPE_OK;
    }
    for (;;) {
        troupe_err err = try_to_deliver(in, ref_of(in, target), arrival);
        if (err != TROUPE_FULL || tr_port_want_room(in->rt, ref_of(in, target))) return err;
    }
}

/* Puts what came behind all that waits. NOMEM. */
static troupe_err let_wait(tr_incoming *in, tr_source *source, const tr_arrival *arrival) {
    tr_arrival *waiting = tr_take(tr_port_heap(in->rt), sizeof *waiting);
    if (!waiting) return TROUPE_NOMEM;
    *waiting = *arrival;
    if (!waiting->msg) in->downs++;
    tr_fifo_put(&source->waiting, &waiting->link);
    return TROUPE_OK;
}

troupe_err tr_incoming_take(tr_incoming *in, uint64_t target, const tr_arrival *came,
                            bool counted) {
    tr_arrival arrival = *came;
    tr_source *source;
    troupe_err err = find_source(in, target, &source);
    if (!err && counted && ++source->received > source->granted) err = TROUPE_MALFORMED;
    if (!err && source->waiting.head) {
        err = let_wait(in, source, &arrival);
    } else if (!err) {
        bool message = arrival.msg != NULL;
        err = deliver(in, target, &arrival);
        if (!err && message && counted) accepted(in, source);
        if (err == TROUPE_FULL) err = let_wait(in, source, &arrival);
    }
    if (!err) return TROUPE_OK;
    bury(in, target, &arrival, err);
    if (err != TROUPE_GONE) return err;
    if (source) forget_source(in, source, TROUPE_GONE);
    in->no_target(in->ctx, target);
    return TROUPE_OK;
}

troupe_err tr_incoming_skip(tr_incoming *in, uint64_t target) {
    tr_source *source;
    troupe_err err = find_source(in, target, &source);
    if (err == TROUPE_GONE) {
        in->no_target(in->ctx, target);
        return TROUPE_OK;
    }
    if (err) return err;
    if (++source->received > source->granted) return TROUPE_MALFORMED;
    accepted(in, source);
    return TROUPE_OK;
}

void tr_incoming_room(tr_incoming *in, uint64_t target) {
    tr_map_entry *entry = tr_map_find(&in->by_target, target);
    if (!entry) return;
    tr_source *source = TR_OWNER(entry, tr_source, by_target);
    while (source->waiting.head) {
        tr_arrival *arrival = TR_OWNER(source->waiting.head, tr_arrival, link);
        bool message = arrival->msg != NULL;
        troupe_err err = deliver(in, target, arrival);
        if (err == TROUPE_FULL) return;
        if (err) { /* it has ended: so has everything that waits for it */
            forget_source(in, source, err);
            in->no_target(in->ctx, target);
            return;
        }
        (void)tr_fifo_get(&source->waiting);
        tr_give(tr_port_heap(in->rt), arrival, sizeof *arrival);
        if (message)
            accepted(in, source);
        else
            in->downs--;
    }
}
