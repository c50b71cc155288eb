#include "transport/promise.h"

#include <string.h>
#include <troupe/delivery.h>

#include "base/heap.h"
#include "serial/envelope.h"
#include "serial/share.h"
#include "transport/node.h"

/* A thread that waits for the end of one; guarded by the node's lock. */
typedef struct waiter {
    bool over;
    troupe_err why;
} waiter;

/* One message's. */
typedef struct promise {
    tr_link link;
    uint64_t at;      /* which it is of those for its target over the connection that there is */
    uint64_t number;  /* of those that are redelivered; 0: it is not */
    troupe_msg *msg;  /* that is redelivered */
    troupe_ref from, to;
    size_t size;
    unsigned how;      /* TR_SEND_URGENT, and the time that it had when it was sent last */
    uint64_t deadline; /* TR_NEVER: none */
    troupe_msg *news; /* for an actor; NULL: nobody is told, or */
    waiter *waiter;   /* a thread; guarded by the lock of all promises */
    troupe_ref teller;
    troupe_err why;   /* how it has ended */
    bool back;        /* nobody knows whether it has arrived, or it is too late to send it again: it
                       * is a dead letter here */
} promise;

/* Those for one actor. It is there as long as there are any. */
typedef struct line {
    tr_map_entry by_target;
    troupe_ref to;
    char name[TROUPE_NAME_MAX + 1]; /* of its node */
    tr_fifo sent;                   /* over the connection that there is, in that order */
    tr_fifo unsent;                 /* to be sent, or sent again */
    size_t again, bytes;            /* how many are redelivered, and of how many bytes */
} line;

/* What is to be done with the promises of a line. */
typedef struct sweep {
    struct troupe_node *node;
    tr_peer_link *link;
    tr_fifo ended; /* to be told once no lock is held */
} sweep;

static promise *promise_of(tr_link *link) {
    return link ? TR_OWNER(link, promise, link) : NULL;
}

static line *line_of(tr_map_entry *entry) {
    return TR_OWNER(entry, line, by_target);
}

void tr_promises_init(tr_promises *promises, const troupe_heap *heap) {
    *promises = (tr_promises){.number = 0};
    tr_mutex_init(&promises->lock);
    tr_map_init(&promises->by_target, heap);
}

/* --- Lines ------------------------------------------------------------------------------------ */

static uint64_t key_of(troupe_ref to) {
    return to.id ^ to.node * UINT64_C(0x9E3779B97F4A7C15);
}

static line *find_line(struct troupe_node *node, troupe_ref to) {
    tr_map_entry *entry = tr_map_find(&node->promises.by_target, key_of(to));
    while (entry && !troupe_same(line_of(entry)->to, to)) entry = tr_map_same(entry);
    return entry ? line_of(entry) : NULL;
}

static line *make_line(struct troupe_node *node, const tr_peer_link *link, troupe_ref to) {
    line *it = tr_take_zero(node->heap, sizeof *it);
    if (!it) return NULL;
    it->to = to;
    memcpy(it->name, link->shake.peer.name, sizeof it->name);
    if (tr_map_add(&node->promises.by_target, key_of(to), &it->by_target)) {
        (void)tr_add32_seq(&node->promises.lines, 1);
        return it;
    }
    tr_give(node->heap, it, sizeof *it);
    return NULL;
}

static void end_line_if_empty(struct troupe_node *node, line *it) {
    if (it->sent.head || it->unsent.head) return;
    tr_map_remove(&node->promises.by_target, &it->by_target);
    (void)tr_sub32_seq(&node->promises.lines, 1);
    tr_give(node->heap, it, sizeof *it);
}

/* --- The end of a promise --------------------------------------------------------------------- */

/* One that is out of its line has ended. A thread learns at once: it may leave at any time. */
static void settle(sweep *by, line *of, promise *it, troupe_err why) {
    struct troupe_node *node = by->node;
    it->why = why;
    if (it->number) {
        of->again--;
        of->bytes -= it->size;
    }
    if (it->waiter) {
        tr_lock(&node->lock);
        *it->waiter = (waiter){true, why};
        tr_cond_wake_all(&node->changed);
        tr_unlock(&node->lock);
    }
    tr_fifo_put(&by->ended, &it->link);
}

static void give_promise(struct troupe_node *node, promise *it) {
    troupe_drop(&it->news);
    troupe_drop(&it->msg);
    tr_give(node->heap, it, sizeof *it);
}

/* Tells what has ended. No lock is held: who sees dead letters may send. */
static void tell(sweep *by) {
    troupe *rt = by->node->rt;
    for (promise *it; (it = promise_of(tr_fifo_get(&by->ended)));) {
        const troupe_err lost = it->why == TROUPE_TIMEOUT ? it->why : TROUPE_NOCONNECTION;
        if (it->back && it->msg) tr_port_unsent(rt, it->from, it->to, &it->msg, lost);
        if (it->news) {
            ((struct troupe_delivered *)tr_msg_body(it->news))->why = (uint32_t)it->why;
            if (tr_port_deliver(rt, TROUPE_NOBODY, it->teller, TR_SEND_FREE, &it->news))
                troupe_drop(&it->news); /* it has ended, and needs none */
        }
        give_promise(by->node, it);
    }
}

static void settle_all(sweep *by, line *of, tr_fifo *all, troupe_err why, bool back) {
    for (promise *it; (it = promise_of(tr_fifo_get(all)));) {
        it->back = back;
        settle(by, of, it, why);
    }
}

/* Nothing of it will ever be known. */
static void give_up(sweep *by, line *of) {
    settle_all(by, of, &of->sent, TROUPE_NOCONNECTION, true);
    settle_all(by, of, &of->unsent, TROUPE_NOCONNECTION, true);
    end_line_if_empty(by->node, of);
}

/* Sends one, unless it is too late for that. */
static troupe_err send_waiting(sweep *by, promise *it) {
    if (!tr_port_time_left(by->node->rt, it->deadline, &it->how)) return TROUPE_TIMEOUT;
    return tr_link_promise(by->link, it->from, it->to.id, it->how, it->number, &it->msg, &it->at);
}

/* Sends what waits, as far as there is credit for it; the rest with the next GRANT, or tick. */
static void pump(sweep *by, line *of) {
    for (promise *it; (it = promise_of(of->unsent.head));) {
        troupe_err err = send_waiting(by, it);
        if (err == TROUPE_FULL || err == TROUPE_NOMEM || err == TROUPE_NOCONNECTION) return;
        (void)tr_fifo_get(&of->unsent);
        it->back = err == TROUPE_GONE || err == TROUPE_TIMEOUT;
        if (err)
            settle(by, of, it, err);
        else
            tr_fifo_put(&of->sent, &it->link);
    }
}

/* --- What comes from the peer ----------------------------------------------------------------- */

static void acked(sweep *by, line *of, uint64_t accepted) {
    for (promise *it; (it = promise_of(of->sent.head)) && it->at <= accepted;) {
        (void)tr_fifo_get(&of->sent);
        settle(by, of, it, TROUPE_OK);
    }
}

/* Its node accounts for what it was sent over this connection; what it was not, comes back. */
static void gone(sweep *by, line *of) {
    settle_all(by, of, &of->sent, TROUPE_GONE, false);
    settle_all(by, of, &of->unsent, TROUPE_GONE, true);
}

static void rejected(sweep *by, line *of, uint64_t at, troupe_err why) {
    tr_fifo rest = {NULL, NULL};
    for (promise *it; (it = promise_of(tr_fifo_get(&of->sent)));) {
        if (it->at == at)
            settle(by, of, it, why);
        else
            tr_fifo_put(&rest, &it->link);
    }
    of->sent = rest;
}

static void hear(tr_peer_link *link, const tr_frame *frame) {
    struct troupe_node *node = link->node;
    sweep by = {.node = node, .link = link};
    if (!tr_load32_seq(&node->promises.lines)) return;
    tr_lock(&node->promises.lock);
    line *of = find_line(node, (troupe_ref){link->shake.peer.node, frame->target});
    if (of) {
        if (frame->kind == TR_FRAME_ACK) acked(&by, of, frame->number);
        if (frame->kind == TR_FRAME_NO_TARGET) gone(&by, of);
        if (frame->kind == TR_FRAME_REJECT)
            rejected(&by, of, frame->number, (troupe_err)frame->why);
        pump(&by, of);
        end_line_if_empty(node, of);
    }
    tr_unlock(&node->promises.lock);
    tell(&by);
}

void tr_promises_credit(tr_peer_link *link, const tr_frame *frame) {
    hear(link, frame);
}

troupe_err tr_promises_rejected(tr_peer_link *link, const tr_frame *frame) {
    if (frame->why == TROUPE_OK || frame->why == TROUPE_LATER) return TROUPE_MALFORMED;
    hear(link, frame);
    return TROUPE_OK;
}

/* --- Connections ------------------------------------------------------------------------------ */

static bool is_to(const sweep *by, const line *of) {
    return of->to.node == by->link->shake.peer.node;
}

static void up_one(void *ctx, tr_map_entry *entry) {
    sweep *by = ctx;
    line *of = line_of(entry);
    if (is_to(by, of)) {
        pump(by, of);
        end_line_if_empty(by->node, of);
    } else if (strcmp(of->name, by->link->shake.peer.name) == 0) {
        give_up(by, of);
    }
}

static void pump_one(void *ctx, tr_map_entry *entry) {
    if (is_to(ctx, line_of(entry))) up_one(ctx, entry);
}

/* What is not to be sent again has ended; the rest is, in its old order. */
static void lose_one(void *ctx, tr_map_entry *entry) {
    sweep *by = ctx;
    line *of = line_of(entry);
    tr_fifo first = {NULL, NULL};
    if (!is_to(by, of)) return;
    for (promise *it; (it = promise_of(tr_fifo_get(&of->sent)));) {
        it->at = 0;
        if (it->number)
            tr_fifo_put(&first, &it->link);
        else
            settle(by, of, it, TROUPE_NOCONNECTION);
    }
    for (tr_link *link; (link = tr_fifo_get(&of->unsent));) tr_fifo_put(&first, link);
    of->unsent = first;
    end_line_if_empty(by->node, of);
}

static void give_up_one(void *ctx, tr_map_entry *entry) {
    give_up(ctx, line_of(entry));
}

static void each(struct troupe_node *node, tr_peer_link *link,
                 void (*what)(void *ctx, tr_map_entry *entry)) {
    sweep by = {.node = node, .link = link};
    if (!tr_load32_seq(&node->promises.lines)) return;
    tr_lock(&node->promises.lock);
    tr_map_each(&node->promises.by_target, what, &by);
    tr_unlock(&node->promises.lock);
    tell(&by);
}

void tr_promises_up(tr_peer_link *link) {
    each(link->node, link, up_one);
}

void tr_promises_tick(tr_peer_link *link) {
    each(link->node, link, pump_one);
}

void tr_promises_lost(tr_peer_link *link) {
    each(link->node, link, lose_one);
}

void tr_promises_fini(struct troupe_node *node) {
    each(node, NULL, give_up_one);
    tr_map_fini(&node->promises.by_target);
    tr_mutex_fini(&node->promises.lock);
}

/* --- Making one ------------------------------------------------------------------------------- */

/* Puts it in the line of its actor, and sends it, unless others have to be sent before. Under the
 * lock. On an error nothing has changed. */
static troupe_err enter(struct troupe_node *node, tr_peer_link *link, promise *it,
                        troupe_msg **msg) {
    line *of = find_line(node, it->to);
    const bool again = it->number;
    troupe_err err = TROUPE_OK;
    if (!link && !(again && of)) return TROUPE_NOCONNECTION;
    if (again && of && (of->again >= TR_PROMISES_MOST || of->bytes > TR_PROMISES_BYTES))
        return TROUPE_FULL;
    if (!of && !(of = make_line(node, link, it->to))) return TROUPE_NOMEM;
    bool waits = again && (!link || of->unsent.head);
    if (!waits) err = tr_link_promise(link, it->from, it->to.id, it->how, it->number, msg, &it->at);
    if (err) {
        end_line_if_empty(node, of);
        return err;
    }
    if (again) {
        it->msg = *msg;
        *msg = NULL;
        of->again++;
        of->bytes += it->size;
    }
    tr_fifo_put(waits ? &of->unsent : &of->sent, &it->link);
    return TROUPE_OK;
}

/* Waits for the end of a promise that was made, or lets go of it. */
static troupe_err await(struct troupe_node *node, promise *it, waiter *w, uint64_t deadline) {
    tr_lock(&node->lock);
    while (!w->over && tr_node_wait(node, deadline)) {
    }
    tr_unlock(&node->lock);
    tr_lock(&node->promises.lock); /* under it nobody ends it */
    if (!w->over) it->waiter = NULL;
    tr_unlock(&node->promises.lock);
    return w->over ? w->why : TROUPE_TIMEOUT;
}

troupe_err tr_promise_make(struct troupe_node *node, troupe_ref from, troupe_ref to,
                           const tr_promise_order *order, troupe_msg **msg) {
    const uint64_t deadline = tr_after_ms(tr_node_clock(node), order->timeout_ms);
    promise *it = tr_take_zero(node->heap, sizeof *it);
    waiter w = {false, TROUPE_OK};
    if (!it) return TROUPE_NOMEM;
    it->from = from;
    it->to = to;
    it->size = tr_msg_size(tr_msg_content(*msg));
    it->how = order->how;
    it->deadline = tr_port_terms(node->rt, to, order->how).deadline;
    it->teller = order->teller;
    if (order->waits) it->waiter = &w;
    tr_peer_link *link = tr_node_link(node, to.node);
    tr_lock(&node->promises.lock);
    if (order->again) it->number = ++node->promises.number;
    troupe_err err = enter(node, link, it, msg);
    if (!err && order->news) {
        it->news = *order->news;
        *order->news = NULL;
    }
    tr_unlock(&node->promises.lock);
    if (link) tr_node_unref(link);
    if (err) tr_give(node->heap, it, sizeof *it);
    return err || !order->waits ? err : await(node, it, &w, deadline);
}
