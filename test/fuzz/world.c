#include "test/fuzz/world.h"

#include "actors/port.h"
#include "base/heap.h"
#include "transport/run.h"

/* Bytes that a rogue says, and may cost a node. */
enum {
    PIECE_MOST = 16 << 10,  /* that come at once, as with a real stream, and may have to be kept */
    COSTS_MOST = 96 << 10,  /* at any time, and for each frame: */
    COSTS_SEND = 40,        /* an answer that waits to go out; all else is bounded by credit */
    COSTS_OTHER = 400,      /* a monitor, and its answer */
    COSTS_WAITS = 512,      /* a message that waits for the spawner; other mailboxes hold few */
    WAITS_MOST = 2 * TROUPE_MAILBOX_DEFAULT, /* of those, in its mailbox and in line before it */
    COSTS_AFTER = 64 << 10, /* once it is gone: tables and buffers that are kept */
    SEND_LEAST = 5,         /* bytes of a message in a RUN; of a frame */
    FRAME_LEAST = 5,
    EVENTS_MOST = 200000
};

/* The first actor of the node, by whom others spawn there. */
#define SPAWNER (UINT64_C(1) << 32)

const char rogue_url[] = "sim://rogue", node_url[] = "sim://node";
const char world_secret[] = "0123456789abcdef";

const troupe_type order_type =
    TROUPE_TYPE(order, TROUPE_FIELD(order, act), TROUPE_FIELD(order, who),
                TROUPE_FIELD(order, text), TROUPE_FIELD(order, data));

static world the_world;

/* --- Actors ----------------------------------------------------------------------------------- */

static void note_down(troupe_ref me, const struct troupe_down *down) {
    world *w = &the_world;
    if (troupe_same(down->who, w->friend)) w->downs++;
    if (troupe_same(me, w->hand) && down->who.node == tr_port_node(w->rogue_rt)) w->told++;
    MUST(w->told <= w->watched);
}

/* Errors are the rogue's fault, and no reason to fail. */
static troupe_err obey(troupe_self *self, const struct order *order, troupe_msg **msg) {
    static const struct order nothing = {.act = ACT_NOTHING};
    bool brief = troupe_same(troupe_me(self), the_world.brief);
    bool with = order->who.node == tr_port_node(the_world.rogue_rt);
    troupe_err err = TROUPE_OK;
    switch (order->act) {
    case ACT_ANSWER:
        err = troupe_answer(self, &order_type, &nothing);
        break;
    case ACT_WATCH:
        if (!with) break;
        if (!brief) the_world.watched++; /* it may end at once */
        MUST(!troupe_monitor(self, order->who, NULL));
        break;
    case ACT_TELL:
        if (with) err = troupe_tell(self, order->who, &order_type, &nothing);
        break;
    case ACT_PASS_ON:
        if (with) err = troupe_send(self, order->who, msg);
        break;
    case ACT_FAIL:
        if (brief) return troupe_fail(self, TROUPE_USER, "as ordered");
        break;
    case ACT_END:
        if (brief) troupe_exit(self, TROUPE_OK);
        break;
    default:
        break;
    }
    (void)err;
    return TROUPE_OK;
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    const struct order *order = troupe_as(*msg, &order_type);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) note_down(troupe_me(self), down);
    if (!order) return TROUPE_OK;
    /* The hand may have been made to answer itself. */
    uint64_t from = troupe_sender(self).node, own = tr_port_node(the_world.rt);
    if (from && from != own && from != tr_port_node(the_world.good_rt)) the_world.orders++;
    return obey(self, order, msg);
}

static troupe_err start_hand(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    troupe_trap_exits(self, true); /* else a rogue that links to it may end it, and rightly */
    return troupe_register(troupe_runtime(self), troupe_me(self), "hand");
}

static const troupe_behaviour hand = {.name = "hand",
                                      .mailbox_limit = 16,
                                      .takes_urgent = true,
                                      .start = start_hand,
                                      .receive = receive};
static const troupe_behaviour brief = {.name = "brief", .mailbox_limit = 4, .receive = receive};

/* --- The log ---------------------------------------------------------------------------------- */

static void read_log(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    if (getenv("FUZZ_LOG")) fprintf(stderr, "%s\n", line);
    MUST(level != TROUPE_ERROR || !strstr(line, "not accounted for"));
    if (strstr(line, "is connected")) the_world.connected++;
}

/* --- The rogue -------------------------------------------------------------------------------- */

static void flush(world *w) {
    rogue *r = &w->rogue;
    size_t size = r->filling.size < PIECE_MOST ? r->filling.size : PIECE_MOST;
    if (r->busy || !size || r->closed) return;
    r->flying.size = 0;
    MUST(tr_buffer_put(&r->flying, r->filling.data, size));
    r->filling.size -= size;
    memmove(r->filling.data, r->filling.data + size, r->filling.size);
    r->busy = true;
    tr_sim_net.send(r->stream, r->flying.data, size);
}

void rogue_say(world *w, const void *bytes, size_t size) {
    if (!w->rogue.stream || w->rogue.closed) return;
    MUST(tr_buffer_put(&w->rogue.filling, bytes, size));
    w->raw += size;
    flush(w);
}

/* What a frame may cost the node; a RUN is so many SENDs. */
static void account(world *w, const tr_frame *frame) {
    const bool again = frame->kind == TR_FRAME_DELIVER; /* it has a place in what was heard, too */
    bool message = frame->kind == TR_FRAME_SEND || frame->kind == TR_FRAME_LARGE || again;
    if (message && !(frame->how & TR_SEND_FREE)) w->sends++;
    if (message && frame->target == SPAWNER && w->waits < WAITS_MOST) w->waits++;
    if (!message || frame->how & TR_SEND_FREE || again) w->others++;
}

void rogue_say_frame(world *w, const tr_frame *frame) {
    if (!w->rogue.stream || w->rogue.closed) return;
    MUST(tr_frame_put(&w->rogue.filling, frame));
    tr_frame one;
    size_t at = 0;
    while (frame->kind == TR_FRAME_RUN && !tr_run_next(frame, &at, &one)) account(w, &one);
    if (frame->kind != TR_FRAME_RUN) account(w, frame);
    flush(w);
}

static void know(rogue *r, uint64_t number) {
    r->known[r->knows++ % KNOWN_MOST] = number;
}

/* What the node says is in order, whatever it was told. */
static void heard(world *w, const tr_frame *frame) {
    rogue *r = &w->rogue;
    if (frame->kind == TR_FRAME_WELCOME) r->welcomes++;
    if (frame->number) know(r, frame->number);
    if (frame->sender.id) know(r, frame->sender.id);
    if (w->heard) w->heard(w->ctx, frame);
    if (!r->shakes || r->outcome != TROUPE_LATER) return;
    r->outcome = tr_handshake_input(&r->shake, frame, &r->filling, NULL, 0);
    if (!r->outcome && r->shake.already) r->outcome = TROUPE_TAKEN;
    flush(w);
}

static void on_received(void *ctx, const void *bytes, size_t size) {
    world *w = ctx;
    rogue *r = &w->rogue;
    MUST(tr_buffer_put(&r->in, bytes, size));
    for (;;) {
        tr_frame frame;
        size_t used;
        troupe_err err = tr_frame_get(r->in.data + r->used, r->in.size - r->used, 1 << 20, &frame,
                                      &used, NULL, 0);
        if (err == TROUPE_LATER) break;
        MUST(!err);
        heard(w, &frame);
        r->used += used;
    }
}

static void on_sent(void *ctx) {
    world *w = ctx;
    w->rogue.busy = false;
    flush(w);
}

static void on_closed(void *ctx) {
    ((world *)ctx)->rogue.closed = true;
}

static const tr_stream_events events = {on_received, on_sent, on_closed};

static void take_stream(world *w, tr_stream *stream, bool dialer) {
    const troupe_heap *heap = &tr_heap_default;
    w->rogue.stream = stream;
    w->rogue.dialer = dialer;
    w->rogue.in.heap = w->rogue.filling.heap = w->rogue.flying.heap = heap;
    tr_sim_net.start(stream, &events, w);
}

static tr_host rogue_host(const world *w) {
    return (tr_host){&tr_heap_default, w->rogue_rt};
}

void rogue_dial(world *w) {
    tr_stream *stream;
    tr_host host = rogue_host(w);
    rogue_end(w);
    MUST(!tr_sim_net.dial(&host, node_url, TR_NEVER, &stream));
    take_stream(w, stream, true);
}

static void accepted(void *ctx, tr_stream *stream) {
    world *w = ctx;
    if (w->rogue.stream)
        tr_sim_net.free(stream); /* one is enough */
    else
        take_stream(w, stream, false);
}

void rogue_listen(world *w) {
    tr_host host = rogue_host(w);
    rogue_end(w);
    if (w->listener) return;
    MUST(!tr_sim_net.listen(&host, rogue_url, accepted, w, NULL, 0, &w->listener));
}

void rogue_end(world *w) {
    rogue *r = &w->rogue;
    if (!r->stream) return;
    tr_sim_net.close(r->stream);
    while (!r->closed) MUST(troupe_sim_step(w->sim));
    tr_sim_net.free(r->stream);
    tr_handshake_end(&r->shake);
    tr_buffer_fini(&r->in);
    tr_buffer_fini(&r->filling);
    tr_buffer_fini(&r->flying);
    *r = (rogue){.stream = NULL};
}

void rogue_shake(world *w, const tr_identity *me, const char *secret) {
    rogue *r = &w->rogue;
    unsigned char key[TR_KEY_SIZE];
    if (!r->stream || r->shakes) return;
    tr_handshake_key(secret, strlen(secret), key);
    MUST(!tr_handshake_begin(&r->shake, r->dialer, me, key, &r->filling));
    r->shakes = true;
    r->outcome = TROUPE_LATER;
    flush(w);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void open_node(world *w, const char *name, const troupe_heap *heap, troupe **rt,
                      troupe_node **node) {
    troupe_config config = {.log = read_log, .fold_ms = TROUPE_FOLD_NOTHING};
    if (heap) config.heap = *heap;
    const troupe_node_config own = {
        .name = name, .secret = world_secret, .secret_size = 16, .message_limit = 8 << 10};
    MUST(!troupe_sim_runtime(w->sim, &config, rt));
    if (node) MUST(!troupe_node_open(*rt, &own, node));
    MUST(!troupe_register_type(*rt, &order_type));
}

/* Has the friend watched by the hand, by asking it from the good peer. */
static troupe_err watch(troupe_self *self, void *state, const void *arg) {
    (void)state;
    (void)arg;
    MUST(!troupe_register(the_world.rt, troupe_me(self), "watcher"));
    return troupe_monitor(self, the_world.friend, NULL);
}

static const troupe_behaviour watcher = {
    .name = "watcher", .mailbox_limit = 4, .start = watch, .receive = receive};

world *world_open(uint64_t seed) {
    world *w = &the_world;
    troupe_ref watches;
    memset(w, 0, sizeof *w);
    counting_heap_init(&w->heap);
    MUST(!troupe_sim_open(&(troupe_sim_config){.seed = seed}, &w->sim));
    open_node(w, "node", &w->heap.heap, &w->rt, &w->node);
    open_node(w, "good", NULL, &w->good_rt, &w->good);
    open_node(w, "rogue", NULL, &w->rogue_rt, NULL);
    MUST(!troupe_listen(w->node, node_url, NULL, 0));
    MUST(!troupe_connect(w->good, node_url, 1000));
    MUST(!troupe_offer(w->node, &brief, NULL)); /* makes the spawner */
    MUST(!troupe_spawn(w->rt, &hand, NULL, &w->hand));
    MUST(!troupe_spawn(w->rt, &brief, NULL, &w->brief));
    MUST(!troupe_spawn(w->good_rt, &brief, NULL, &w->friend));
    MUST(!troupe_spawn(w->rt, &watcher, NULL, &watches));
    troupe_sim_run(w->sim, 10);
    MUST(w->connected == 2);
    w->bytes = counting_heap_look(&w->heap).bytes;
    return w;
}

/* The good peer asks; others may have filled the mailbox. */
static void ask(world *w) {
    troupe_err err = TROUPE_FULL;
    for (int i = 0; i < 100 && err == TROUPE_FULL; i++) {
        troupe_msg *msg;
        MUST(!troupe_make(w->good_rt, &order_type, &(struct order){.act = ACT_ANSWER}, &msg));
        err = troupe_ask(w->good_rt, w->hand, &msg, 1000);
        troupe_drop(&msg);
        if (err == TROUPE_FULL) troupe_sim_run(w->sim, 10);
    }
    MUST(!err);
}

static void balance(troupe *rt) {
    troupe_account account;
    troupe_account_all(rt, &account);
    MUST(troupe_account_missing(&account) == 0);
}

/* Whether nobody was killed, which nobody can trap, and who knows the secret may do. */
static bool unharmed(world *w) {
    troupe_ref found;
    return !troupe_whereis(w->rt, "hand", &found) && !troupe_whereis(w->rt, "watcher", &found);
}

static void still_serves(world *w) {
    if (!unharmed(w)) return;
    ask(w);
    MUST(w->downs == 0);
    MUST(!troupe_stop(w->good_rt, w->friend));
    troupe_sim_run(w->sim, 50);
    MUST(w->downs == 1);
    troupe_ref found;
    MUST(!troupe_lookup(w->good, "node", "hand", 1000, &found) && troupe_same(found, w->hand));
}

/* What the rogue cost, and what it got for it. */
static void check_costs(world *w) {
    size_t others = w->others + w->raw / FRAME_LEAST;
    size_t most = COSTS_MOST + COSTS_SEND * w->sends + COSTS_OTHER * (others + w->watched) +
                  COSTS_WAITS * w->waits;
    counting_heap_state heap = counting_heap_look(&w->heap);
    MUST(heap.peak <= w->bytes + most);
    MUST(heap.bytes <= w->bytes + COSTS_AFTER);
    MUST(w->orders <= w->sends + w->raw / SEND_LEAST);
    MUST(w->told == w->watched || !unharmed(w));
    MUST(troupe_sim_events(w->sim) < EVENTS_MOST);
}

void world_close(world *w) {
    troupe_sim_run(w->sim, 50);
    still_serves(w);
    rogue_end(w);
    troupe_sim_run(w->sim, 50);
    check_costs(w);
    if (unharmed(w)) ask(w);
    balance(w->rt);
    balance(w->good_rt);
    if (w->listener) tr_sim_net.unlisten(w->listener);
    troupe_close(&w->good_rt);
    troupe_close(&w->rt);
    troupe_close(&w->rogue_rt);
    MUST(troupe_sim_leaks(w->sim) == 0 && counting_heap_look(&w->heap).blocks == 0);
    troupe_sim_close(&w->sim);
    MUST(counting_heap_fini(&w->heap));
}
