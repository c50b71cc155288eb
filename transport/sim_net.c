/* A simulated network under the transport, on the clock and the choices of a simulation. Streams
 * keep their order and lose nothing until they break, and take only so much that is not read; the
 * rest is chance: how long bytes take, in which pieces they come, and what is lost with a
 * connection. */
#include <stdio.h>
#include <string.h>
#include <troupe/simulation.h>

#include "actors/port.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/os.h"
#include "transport/sim_path.h"
#include "transport/stream.h"

#define LATENCY_NS UINT64_C(50000)

enum { UNREAD_MOST = 256 << 10 }; /* that a stream takes, as a socket's buffers would */

/* What a stream will see of its peer. */
typedef enum arrival_kind { BYTES, CLOSED, ACCEPTED } arrival_kind;

typedef struct arrival {
    tr_link link;
    arrival_kind kind;
    uint64_t due;
    size_t size, read; /* bytes, and how many of them were received */
} arrival;

struct tr_stream {
    struct sim_net *net;
    uint64_t node, peer_node; /* whose runtimes the two ends are in */
    tr_list of_net;
    tr_stream *peer;       /* NULL: it has been freed, or its runtime has crashed */
    tr_listener *listener; /* that has not accepted it yet */
    const tr_stream_events *events;
    void *ctx;
    tr_event event;   /* the first of `arrivals`, or `sent` */
    tr_fifo arrivals; /* by their time */
    uint64_t last;    /* the time of the last one that the peer sent */
    size_t unread;    /* bytes that the peer has sent, and nobody here has received */
    bool busy;        /* bytes are on their way */
    bool stuck;       /* they are not taken before the peer has read some */
    uint64_t sent;    /* when they are taken; TR_NEVER: none are, or they are stuck */
    bool still;       /* nothing of the peer is seen */
    bool closing;     /* nothing but CLOSED is seen any more */
};

struct tr_listener {
    struct sim_net *net;
    uint64_t node;
    tr_list of_net;
    void (*accepted)(void *ctx, tr_stream *stream);
    void *ctx;
    char url[256];
};

typedef struct sim_net {
    troupe_sim *sim;
    const troupe_heap *heap;
    tr_list streams, listeners;
    tr_sim_path *paths;
    uint64_t made; /* streams and ports, so far */
} sim_net;

/* --- Paths ------------------------------------------------------------------------------------ */

static tr_sim_path *path_of(sim_net *net, uint64_t from, uint64_t to) {
    return tr_sim_path_of(&net->paths, net->heap, from, to);
}

/* When something that a stream's peer says now comes to it. */
static uint64_t arrival_time(tr_stream *to) {
    sim_net *net = to->net;
    const tr_sim_path *way = path_of(net, to->peer_node, to->node);
    uint64_t due = troupe_sim_now(net->sim) + way->extra_ns +
                   LATENCY_NS * (1 + troupe_sim_choose(net->sim, 8));
    if (due < to->last) due = to->last;
    return to->last = due;
}

/* Until when a stream hears nothing of its peer. */
static uint64_t silent_until(const tr_stream *stream) {
    return path_of(stream->net, stream->peer_node, stream->node)->cut_until;
}

/* --- Arrivals --------------------------------------------------------------------------------- */

static arrival *first(const tr_stream *stream) {
    return stream->arrivals.head ? TR_OWNER(stream->arrivals.head, arrival, link) : NULL;
}

/* When the first arrival comes: at its time, or once the path is open. */
static uint64_t first_due(const tr_stream *stream) {
    const arrival *next = first(stream);
    if (!next || (!stream->events && next->kind != ACCEPTED)) return TR_NEVER;
    bool own = next->kind == CLOSED && stream->closing;
    if (stream->still && !own && next->kind != ACCEPTED) return TR_NEVER;
    if (next->kind == BYTES && !stream->events->received) return TR_NEVER;
    uint64_t until = own ? 0 : silent_until(stream);
    return next->due > until ? next->due : until;
}

/* Has whatever is next come at its time. */
static void arm(tr_stream *stream) {
    uint64_t due = first_due(stream);
    if (stream->sent < due) due = stream->sent;
    tr_sim_unset(&stream->event);
    if (due != TR_NEVER) tr_sim_set(stream->net->sim, &stream->event, due);
}

static void put(tr_stream *stream, arrival_kind kind, uint64_t due, const void *bytes,
                size_t size) {
    arrival *it = tr_take(stream->net->heap, sizeof *it + size);
    TR_CHECK(it);
    *it = (arrival){.kind = kind, .due = due, .size = size};
    if (size) memcpy(it + 1, bytes, size);
    tr_fifo before = {NULL, NULL};
    while (first(stream) && first(stream)->due <= due)
        tr_fifo_put(&before, tr_fifo_get(&stream->arrivals));
    tr_fifo_put(&before, &it->link);
    for (tr_link *link; (link = tr_fifo_get(&stream->arrivals));) tr_fifo_put(&before, link);
    stream->arrivals = before;
    arm(stream);
}

static void end(const sim_net *net, arrival *it) {
    tr_give(net->heap, it, sizeof *it + it->size);
}

/* Forgets what a stream would see; `bytes`: only what was sent to it. */
static void forget(tr_stream *stream, bool bytes) {
    tr_fifo kept = {NULL, NULL};
    for (tr_link *link; (link = tr_fifo_get(&stream->arrivals));) {
        arrival *it = TR_OWNER(link, arrival, link);
        if (bytes && it->kind != BYTES)
            tr_fifo_put(&kept, link);
        else
            end(stream->net, it);
    }
    stream->arrivals = kept;
    stream->unread = 0;
    if (!bytes) stream->sent = TR_NEVER;
}

/* The system has taken what a stream sends. */
static void put_sent(tr_stream *stream) {
    uint64_t taken = LATENCY_NS / 10 * (1 + troupe_sim_choose(stream->net->sim, 4));
    stream->stuck = false;
    stream->sent = troupe_sim_now(stream->net->sim) + taken;
    arm(stream);
}

/* Some bytes are received: there is room for more. */
static void took(tr_stream *stream, size_t size) {
    tr_stream *peer = stream->peer;
    stream->unread -= size;
    if (peer && peer->stuck && !peer->closing && stream->unread <= UNREAD_MOST) put_sent(peer);
}

/* A stream sees its end now, and nothing before. */
static void end_here(tr_stream *stream) {
    if (stream->closing) return;
    forget(stream, stream->listener != NULL);
    stream->closing = true;
    if (stream->listener) return; /* nobody has it yet: `accept` will free it */
    put(stream, CLOSED, troupe_sim_now(stream->net->sim), NULL, 0);
}

/* A stream hears that its peer is gone; sometimes before all that the peer has said. */
static void tell_end(tr_stream *stream) {
    if (!stream || stream->closing) return;
    bool deaf = stream->events && !stream->events->received;
    if (troupe_sim_choose(stream->net->sim, 4) == 3 || deaf) forget(stream, true);
    put(stream, CLOSED, arrival_time(stream), NULL, 0);
}

/* --- What happens on a stream ----------------------------------------------------------------- */

static void break_up(tr_stream *stream) {
    tr_stream *peer = stream->peer;
    end_here(stream);
    if (peer) end_here(peer);
}

/* Gives a piece of the first arrival; the rest of it, if any, comes at once after. */
static void receive(tr_stream *stream, arrival *it) {
    size_t left = it->size - it->read, piece = left;
    if (left > 1 && troupe_sim_choose(stream->net->sim, 4) == 3)
        piece = 1 + troupe_sim_choose(stream->net->sim, (uint32_t)(left < 4096 ? left : 4096));
    if (piece > left) piece = left;
    const unsigned char *bytes = (const unsigned char *)(it + 1) + it->read;
    it->read += piece;
    took(stream, piece);
    bool all = it->read == it->size;
    if (all) (void)tr_fifo_get(&stream->arrivals);
    const tr_stream_events *events = stream->events;
    void *copy =
        tr_take(stream->net->heap, piece); /* the arrival may be gone before the call returns */
    TR_CHECK(copy);
    memcpy(copy, bytes, piece);
    if (all) end(stream->net, it);
    arm(stream);
    events->received(stream->ctx, copy, piece);
    tr_give(stream->net->heap, copy, piece);
}

static void accept(tr_stream *stream) {
    tr_listener *listener = stream->listener;
    stream->listener = NULL;
    if (stream->closing) { /* its peer has gone, or nobody listens any more */
        tr_sim_net.free(stream);
        return;
    }
    listener->accepted(listener->ctx, stream);
}

/* The first arrival is there. */
static void arrived(tr_stream *stream, arrival *it) {
    arrival_kind kind = it->kind;
    (void)tr_fifo_get(&stream->arrivals);
    end(stream->net, it);
    if (kind == CLOSED) {
        forget(stream, false);
        stream->closing = true;
    }
    arm(stream);
    if (kind == ACCEPTED)
        accept(stream);
    else
        stream->events->closed(stream->ctx);
}

static void run(void *ctx) {
    tr_stream *stream = ctx;
    arrival *it = first(stream);
    if (stream->sent <= first_due(stream)) {
        stream->sent = TR_NEVER;
        stream->busy = false;
        arm(stream);
        stream->events->sent(stream->ctx);
    } else if (it->kind != BYTES) {
        arrived(stream, it);
    } else if (tr_sim_breaks(stream->net->sim)) {
        break_up(stream);
    } else {
        receive(stream, it);
    }
}

/* --- The port --------------------------------------------------------------------------------- */

static void part_for(void *ctx, uint64_t a, uint64_t b, uint64_t until);
static void calm(void *ctx);

static void end_net(void *ctx) {
    sim_net *net = ctx;
    TR_CHECK(tr_list_empty(&net->streams) && tr_list_empty(&net->listeners));
    tr_sim_paths_fini(&net->paths, net->heap);
    tr_give(net->heap, net, sizeof *net);
}

static sim_net *net_of(troupe_sim *sim) {
    sim_net *net = tr_sim_network(sim);
    if (net) return net;
    net = tr_take_zero(tr_sim_heap(sim), sizeof *net);
    TR_CHECK(net);
    net->sim = sim;
    net->heap = tr_sim_heap(sim);
    tr_list_init(&net->streams);
    tr_list_init(&net->listeners);
    static const tr_sim_net_ops ops = {end_net, part_for, calm};
    tr_sim_attach_net(sim, net, &ops);
    return net;
}

static tr_stream *make_stream(sim_net *net, uint64_t node, uint64_t peer_node) {
    tr_stream *stream = tr_take_zero(net->heap, sizeof *stream);
    TR_CHECK(stream);
    stream->net = net;
    stream->node = node;
    stream->peer_node = peer_node;
    stream->sent = TR_NEVER;
    stream->event.agent = ++net->made;
    stream->event.run = run;
    stream->event.ctx = stream;
    tr_list_init(&stream->event.of_sim);
    tr_list_init(&stream->of_net);
    tr_list_add(&net->streams, &stream->of_net);
    return stream;
}

static tr_listener *find_listener(sim_net *net, const char *url) {
    for (tr_list *at = net->listeners.next; at != &net->listeners; at = at->next) {
        tr_listener *listener = TR_OWNER(at, tr_listener, of_net);
        if (strcmp(listener->url, url) == 0) return listener;
    }
    return NULL;
}

static bool dials(const char *url) {
    return strstr(url, "://") != NULL;
}

static troupe_err dial(const tr_host *host, const char *url, uint64_t deadline, tr_stream **out) {
    (void)deadline;
    sim_net *net = net_of(tr_port_sim(host->rt));
    if (!dials(url)) return TROUPE_INVALID;
    tr_listener *listener = find_listener(net, url);
    uint64_t node = tr_port_node(host->rt), now = troupe_sim_now(net->sim);
    if (!listener || path_of(net, node, listener->node)->cut_until > now ||
        path_of(net, listener->node, node)->cut_until > now)
        return TROUPE_NOCONNECTION;
    tr_stream *here = make_stream(net, node, listener->node);
    tr_stream *there = make_stream(net, listener->node, node);
    here->peer = there;
    there->peer = here;
    there->listener = listener;
    put(there, ACCEPTED, arrival_time(there), NULL, 0);
    *out = here;
    return TROUPE_OK;
}

static troupe_err listen_at(const tr_host *host, const char *url,
                            void (*accepted)(void *ctx, tr_stream *stream), void *ctx, char *bound,
                            size_t room, tr_listener **out) {
    sim_net *net = net_of(tr_port_sim(host->rt));
    size_t size = strlen(url);
    if (!strstr(url, "://") || size + 8 > sizeof((tr_listener){0}).url) return TROUPE_INVALID;
    tr_listener *listener = tr_take_zero(net->heap, sizeof *listener);
    TR_CHECK(listener);
    bool any = size > 2 && strcmp(url + size - 2, ":0") == 0; /* any port that is free */
    int length = any ? snprintf(listener->url, sizeof listener->url, "%.*s%u", (int)size - 1, url,
                                10000 + (unsigned)(++net->made % 50000))
                     : snprintf(listener->url, sizeof listener->url, "%s", url);
    troupe_err err = find_listener(net, listener->url) ? TROUPE_TAKEN : TROUPE_OK;
    if (bound && (size_t)length >= room) err = TROUPE_INVALID;
    if (err) {
        tr_give(net->heap, listener, sizeof *listener);
        return err;
    }
    if (bound) memcpy(bound, listener->url, (size_t)length + 1);
    listener->net = net;
    listener->node = tr_port_node(host->rt);
    listener->accepted = accepted;
    listener->ctx = ctx;
    tr_list_init(&listener->of_net);
    tr_list_add(&net->listeners, &listener->of_net);
    *out = listener;
    return TROUPE_OK;
}

static void unlisten(tr_listener *listener) {
    sim_net *net = listener->net;
    for (tr_list *at = net->streams.next, *next; at != &net->streams; at = next) {
        tr_stream *stream = TR_OWNER(at, tr_stream, of_net);
        next = at->next;
        if (stream->listener != listener) continue;
        stream->listener = NULL;
        tr_sim_net.free(stream);
    }
    tr_list_remove(&listener->of_net);
    tr_give(net->heap, listener, sizeof *listener);
}

static void start(tr_stream *stream, const tr_stream_events *events, void *ctx) {
    stream->events = events;
    stream->ctx = ctx;
    arm(stream);
}

/* Puts bytes on their way. True: the system takes no more for now. */
static bool put_out(tr_stream *stream, const void *bytes, size_t size) {
    tr_stream *peer = stream->peer;
    if (!peer || peer->closing) return false;
    put(peer, BYTES, arrival_time(peer), bytes, size);
    peer->unread += size;
    return peer->unread > UNREAD_MOST;
}

static void send(tr_stream *stream, const void *bytes, size_t size) {
    TR_CHECK(stream->events && !stream->busy);
    if (stream->closing) return;
    stream->busy = true;
    stream->stuck = put_out(stream, bytes, size);
    if (!stream->stuck) put_sent(stream);
}

/* The system takes nothing, a part or all, as chance has it. */
static size_t try_send(tr_stream *stream, const void *bytes, size_t size) {
    const tr_stream *peer = stream->peer;
    if (stream->busy || stream->closing || (peer && peer->unread > UNREAD_MOST)) return 0;
    uint32_t how = troupe_sim_choose(stream->net->sim, 4);
    if (how == 0) return 0;
    if (how == 1) size = 1 + troupe_sim_choose(stream->net->sim, (uint32_t)size);
    (void)put_out(stream, bytes, size);
    return size;
}

static void close_stream(tr_stream *stream) {
    if (stream->closing) return;
    tr_stream *peer = stream->peer;
    end_here(stream);
    tell_end(peer);
}

static void free_stream(tr_stream *stream) {
    if (!stream->closing) tell_end(stream->peer);
    if (stream->peer) stream->peer->peer = NULL;
    forget(stream, false);
    tr_sim_unset(&stream->event);
    tr_list_remove(&stream->of_net);
    tr_give(stream->net->heap, stream, sizeof *stream);
}

static void hold(tr_stream *stream, bool still) {
    stream->still = still;
    arm(stream);
}

static void fini(void) {}

const tr_net tr_sim_net = {
    .dials = dials,
    .dial = dial,
    .listen = listen_at,
    .unlisten = unlisten,
    .start = start,
    .send = send,
    .try_send = try_send,
    .close = close_stream,
    .free = free_stream,
    .hold = hold,
    .fini = fini,
};

/* --- Faults of the network -------------------------------------------------------------------- */

/* What changed on the paths may hold streams, or let them go. */
static void arm_all(sim_net *net) {
    for (tr_list *at = net->streams.next; at != &net->streams; at = at->next)
        arm(TR_OWNER(at, tr_stream, of_net));
}

static void part_for(void *ctx, uint64_t a, uint64_t b, uint64_t until) {
    sim_net *net = ctx;
    path_of(net, a, b)->cut_until = until;
    path_of(net, b, a)->cut_until = until;
    arm_all(net);
}

static void calm(void *ctx) {
    sim_net *net = ctx;
    for (tr_sim_path *at = net->paths; at; at = at->next) at->cut_until = at->extra_ns = 0;
    arm_all(net);
}

void troupe_sim_cut(troupe_sim *sim, troupe *from, troupe *to, bool cut) {
    sim_net *net = net_of(sim);
    path_of(net, tr_port_node(from), tr_port_node(to))->cut_until = cut ? TR_NEVER : 0;
    arm_all(net);
}

void troupe_sim_slow(troupe_sim *sim, troupe *from, troupe *to, unsigned ms) {
    path_of(net_of(sim), tr_port_node(from), tr_port_node(to))->extra_ns = ms * TR_MS;
}

void troupe_sim_disconnect(troupe_sim *sim, troupe *a, troupe *b) {
    sim_net *net = net_of(sim);
    uint64_t one = tr_port_node(a), other = tr_port_node(b);
    for (tr_list *at = net->streams.next; at != &net->streams; at = at->next) {
        tr_stream *stream = TR_OWNER(at, tr_stream, of_net);
        if (stream->node == one && stream->peer_node == other) break_up(stream);
    }
}

/* Takes a runtime off the network as the death of its process would: the others hear of it, its own
 * end of each stream says and hears nothing any more. */
static void unplug(sim_net *net, uint64_t node) {
    for (tr_list *at = net->listeners.next; at != &net->listeners; at = at->next) {
        tr_listener *listener = TR_OWNER(at, tr_listener, of_net);
        if (listener->node == node) listener->url[0] = '\0'; /* nobody finds it */
    }
    for (tr_list *at = net->streams.next; at != &net->streams; at = at->next) {
        tr_stream *stream = TR_OWNER(at, tr_stream, of_net), *peer = stream->peer;
        if (stream->node != node || !peer) continue;
        tell_end(peer);
        stream->peer = peer->peer = NULL;
        end_here(stream);
    }
}

void troupe_sim_crash(troupe_sim *sim, troupe **rt) {
    unplug(net_of(sim), tr_port_node(*rt));
    tr_port_crash(rt);
}
