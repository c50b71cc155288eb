/* Peers that know the secret, and strangers that do not, say anything at all to a live node, while
 * good peers send to it and ask it. The node lives, its memory is flat, and of the good ones nobody
 * notices anything: all that they send arrives, once and in order, every question is answered, and
 * their connections stay.
 *
 *     troupe_stress_net_wire [SECONDS [SEED]]
 *
 * What is said are good sequences of frames in which bytes are changed, left out and put in. Of
 * those that are not spoilt it is known how many got through to what handles them, since a look-up
 * behind them was answered: of each kind some have to. Only the ids of the good ones' actors are
 * never said: whoever knows the secret may stop any actor. */
#include <sys/socket.h>
#include <sys/un.h>
#include <troupe/ask.h>
#include <troupe/delivery.h>
#include <troupe/link.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "test/stress/wire_says.h"
#include "transport/handshake.h"
#include "transport/node.h"

enum { GOOD = 2, FRAMES_MOST = 40, MARK = 4711 };

static const char secret[] = "the secret of the stress";
static char folder[] = "/tmp/troupe-wire-XXXXXX", url[128];
static tr_atomic32 over, pause_all, paused; /* for the rogues; over, of the good ones, too */
static tr_atomic32 good_over;
static tr_atomic64 connections, frames_said, bytes_said, let_in, cut_off;
static tr_atomic64 through[KINDS]; /* frames of each kind that were handled */

/* --- The node --------------------------------------------------------------------------------- */

typedef struct member {
    stress_heap heap;
    troupe *rt;
    troupe_node *node;
} member;

static member house;
static troupe_ref hand, victim; /* of the good ones; of the others */
static wire_aims aims;
static uint64_t next[GOOD];     /* the hand's: what must come of each */
static tr_atomic64 got[GOOD];

static troupe_err hand_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct beat *beat = troupe_as(*msg, &beat_type);
    (void)state;
    if (!beat) return troupe_answer(self, &hello_type, NULL);
    MUST(beat->sender < GOOD);
    MUST(beat->n == next[beat->sender]); /* none is lost, or comes twice, or out of turn */
    next[beat->sender]++;
    (void)tr_add64_relaxed(&got[beat->sender], 1);
    return TROUPE_OK;
}
static const troupe_behaviour hands = {
    .name = "hand", .mailbox_limit = 512, .receive = hand_receive};

/* Has something to do with a rogue, so that all that it says of that means something. */
static troupe_err meddle(troupe_self *self, const struct beat *beat) {
    const troupe_ref who = troupe_sender(self);
    const troupe_promise promises[] = {TROUPE_AT_MOST_ONCE, TROUPE_ACKNOWLEDGED,
                                       TROUPE_REDELIVERED};
    char peer[32];
    uint64_t number;
    troupe_msg *msg = NULL;
    snprintf(peer, sizeof peer, "rogue %u", (unsigned)beat->sender % ROGUES);
    switch (beat->n % 8) {
    case 0: return troupe_monitor(self, who, NULL);
    case 1: return troupe_link(self, who);
    case 2: return troupe_whereis_on(self, peer, "x", &number);
    case 3: return troupe_spawn_on(self, peer, "x", NULL, &number);
    default: break;
    }
    troupe_err err = troupe_make(troupe_runtime(self), &hello_type, NULL, &msg);
    if (!err && beat->n % 8 == 4)
        err = troupe_request(self, who, &msg, 100, 0);
    else if (!err)
        err = troupe_send_with(self, who, &msg,
                               &(troupe_delivery){.promise = promises[beat->n % 8 - 5]});
    troupe_drop(&msg);
    return err;
}

static troupe_err victim_start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    troupe_trap_exits(self, true);
    return TROUPE_OK;
}

static troupe_err victim_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct beat *beat = troupe_as(*msg, &beat_type);
    troupe_err err = beat ? meddle(self, beat) : TROUPE_OK;
    (void)state, (void)err; /* the rogue may have gone, or be nobody */
    return troupe_answer(self, &hello_type, NULL); /* who told needs none */
}
static const troupe_behaviour victims = {
    .name = "victim", .mailbox_limit = 64, .start = victim_start, .receive = victim_receive};

/* What anybody may spawn here ends at once. */
static troupe_err brief_start(troupe_self *self, void *state, const void *arg) {
    (void)state, (void)arg;
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}
static const troupe_behaviour brief = {
    .name = "brief", .start = brief_start, .receive = victim_receive};

/* No line may say that a good one is lost; who has said GOODBYE is disconnected. */
static void listen_to_log(void *ctx, troupe_level level, const char *line) {
    (void)ctx, (void)level;
    if (strstr(line, "node rogue") && strstr(line, "is disconnected"))
        (void)tr_add64_relaxed(&through[TR_FRAME_GOODBYE], 1);
    bool of_good = strstr(line, "node good") != NULL;
    MUST(!of_good || strstr(line, "is connected") || tr_load32_acquire(&good_over));
}

static void open_member(member *m, const char *name, unsigned heartbeat_ms) {
    stress_heap_init(&m->heap);
    const troupe_config config = {.workers = 1, .log = listen_to_log, .heap = m->heap.heap};
    const troupe_node_config as = {.name = name,
                                   .secret = secret,
                                   .secret_size = sizeof secret,
                                   .heartbeat_ms = heartbeat_ms,
                                   .lost_ms = 60000,
                                   .message_limit = 1 << 20,
                                   .peer_watches = 1000};
    MUST(troupe_open(&config, &m->rt) == TROUPE_OK);
    MUST(troupe_node_open(m->rt, &as, &m->node) == TROUPE_OK);
    MUST(troupe_register_type(m->rt, &beat_type) == TROUPE_OK);
    MUST(troupe_register_type(m->rt, &hello_type) == TROUPE_OK);
}

static void close_member(member *m) {
    troupe_close(&m->rt);
    MUST(stress_heap_empty(&m->heap));
}

/* --- The good ones ---------------------------------------------------------------------------- */

typedef struct good {
    member m;
    tr_thread thread;
    uint64_t index, sent, asked, longest;
} good;

static void ask_once(good *g) {
    troupe_msg *msg;
    MUST(troupe_make(g->m.rt, &hello_type, NULL, &msg) == TROUPE_OK);
    uint64_t then = tr_clock();
    troupe_err err = troupe_ask(g->m.rt, hand, &msg, STRESS_PATIENCE_MS);
    uint64_t took = tr_clock() - then;
    MUST(err == TROUPE_OK || err == TROUPE_FULL);
    troupe_drop(&msg);
    g->asked += !err;
    if (!err && took > g->longest) g->longest = took;
}

/* Sends what there is credit for, asks, and rests for a moment. */
static void *be_good(void *arg) {
    good *g = arg;
    for (uint64_t until = stress_deadline(); !tr_load32_acquire(&good_over);) {
        for (int burst = 0; burst < 200; burst++) {
            troupe_msg *msg;
            const struct beat beat = {g->index, g->sent};
            MUST(troupe_make(g->m.rt, &beat_type, &beat, &msg) == TROUPE_OK);
            troupe_err err = troupe_post(g->m.rt, hand, &msg);
            troupe_drop(&msg);
            MUST(err == TROUPE_OK || err == TROUPE_FULL);
            g->sent += !err;
            if (!err) until = stress_deadline();
            if (err) break;
        }
        MUST(tr_clock() < until); /* it gets on */
        ask_once(g);
        (void)usleep(2000);
    }
    return NULL;
}

/* --- How they say it -------------------------------------------------------------------------- */

static bool dial(rogue *r) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%.100s", url + strlen("ipc://"));
    r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(r->fd >= 0);
    const struct timeval patience = {.tv_sec = 10};
    MUST(!setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
    MUST(!setsockopt(r->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
    (void)tr_add64_relaxed(&connections, 1);
    return connect(r->fd, (struct sockaddr *)&to, sizeof to) == 0;
}

/* Says it all, in pieces or not. */
static bool say(rogue *r, const unsigned char *bytes, size_t size) {
    (void)tr_add64_relaxed(&bytes_said, size);
    while (size) {
        size_t piece = draw(r, 4) ? size : 1 + draw(r, size);
        ssize_t sent = send(r->fd, bytes, piece, MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Looks at what has come: numbers and ids are kept. False: the look-up has not been answered. */
static bool look_at_heard(rogue *r) {
    size_t at = 0, used;
    tr_frame frame;
    bool answered = false;
    while (!tr_frame_get(r->heard.data + at, r->heard.size - at, 1 << 24, &frame, &used, NULL, 0)) {
        answered |= frame.kind == TR_FRAME_FOUND && frame.number == MARK;
        if (frame.number && frame.number != MARK) r->known[r->knows++ % KNOWN] = frame.number;
        if (frame.kind == TR_FRAME_SEND || frame.kind == TR_FRAME_RUN)
            r->known[r->knows++ % KNOWN] = frame.sender.id;
        at += used;
    }
    r->heard.size -= at;
    if (at) memmove(r->heard.data, r->heard.data + at, r->heard.size);
    return answered;
}

/* Hears what there is, or waits for the answer. False: it has not come, and the node has closed. */
static bool listen_for(rogue *r, bool waits) {
    unsigned char bytes[4096];
    for (bool answered = false; !answered;) {
        const ssize_t came = recv(r->fd, bytes, sizeof bytes, waits ? 0 : MSG_DONTWAIT);
        if (came <= 0) return !waits && came < 0;
        MUST(tr_buffer_put(&r->heard, bytes, (size_t)came));
        answered = look_at_heard(r);
    }
    return true;
}

/* Reads one frame of the handshake; false: the node has closed. */
static bool hear(rogue *r, unsigned char *bytes, tr_frame *frame) {
    size_t have = 0, used;
    for (;;) {
        troupe_err err = tr_frame_get(bytes, have, TR_HANDSHAKE_MAX, frame, &used, NULL, 0);
        if (!err) return true;
        MUST(err == TROUPE_LATER);
        size_t need = used ? used - have : TR_FRAME_HEAD - have;
        ssize_t came = recv(r->fd, bytes + have, need, 0);
        if (came <= 0) return false;
        have += (size_t)came;
    }
}

/* Proves itself; or says something else in place of a frame of the handshake. */
static bool shake(rogue *r, bool lies) {
    unsigned char key[TR_KEY_SIZE], bytes[4 + TR_HANDSHAKE_MAX];
    tr_handshake hs;
    tr_frame frame;
    tr_identity me = {.node = r->node = stress_random(&r->seed) | 1};
    snprintf(me.name, sizeof me.name, "rogue %u", r->index);
    tr_handshake_key(secret, sizeof secret, key);
    r->said.size = 0;
    MUST(!tr_handshake_begin(&hs, true, &me, key, &r->said));
    troupe_err err = TROUPE_LATER;
    uint64_t lie_at = lies ? draw(r, 2) : 2;
    for (uint64_t step = 0; err == TROUPE_LATER; step++) {
        if (step == lie_at) spoil(r);
        if (step == lie_at && draw(r, 3) == 0) add_frame(r);
        if (!say(r, r->said.data, r->said.size)) break;
        r->said.size = 0;
        if (step == lie_at && draw(r, 2)) break; /* does not even listen */
        if (!hear(r, bytes, &frame)) break;
        err = tr_handshake_input(&hs, &frame, &r->said, NULL, 0);
    }
    tr_handshake_end(&hs);
    return !err && !hs.already;
}

/* Says some frames. `whole`: all of them are good, and whether they were handled is looked at.
 * False: the node has closed. */
static bool say_some(rogue *r, bool whole) {
    uint64_t count = 1 + draw(r, whole ? 4 : FRAMES_MOST);
    r->said.size = 0;
    memset(r->burst, 0, sizeof r->burst);
    (void)tr_add64_relaxed(&frames_said, count);
    for (; count > 0; count--) add_frame(r);
    if (!whole && draw(r, 2)) spoil(r);
    leave_out_good(r);
    const tr_frame mark = {
        .kind = TR_FRAME_LOOKUP, .number = MARK, .tail = "victim", .tail_size = 6};
    if (whole) MUST(tr_frame_put(&r->said, &mark));
    if (!say(r, r->said.data, r->said.size) || !listen_for(r, whole)) return false;
    for (int kind = 0; whole && kind < KINDS; kind++)
        if (r->burst[kind]) (void)tr_add64_relaxed(&through[kind], r->burst[kind]);
    return true;
}

/* Says this and that; then goes, or says goodbye, or waits to be thrown out. */
static void talk(rogue *r) {
    bool open = true;
    r->heard.size = 0;
    for (uint64_t times = 1 + draw(r, 6); open && times > 0; times--)
        open = say_some(r, draw(r, 2));
    if (open && draw(r, 4) == 0) {
        r->said.size = 0;
        MUST(tr_frame_put(&r->said, &(tr_frame){.kind = TR_FRAME_GOODBYE}));
        (void)say(r, r->said.data, r->said.size);
    } else if (draw(r, 2) == 0) {
        return; /* goes without a word */
    } else {
        (void)shutdown(r->fd, SHUT_WR);
    }
    unsigned char rest[4096];
    ssize_t came = 1;
    while (came > 0) came = recv(r->fd, rest, sizeof rest, 0);
    (void)tr_add64_relaxed(&cut_off, 1);
}

static void *be_rogue(void *arg) {
    rogue *r = arg;
    while (!tr_load32_acquire(&over)) {
        if (tr_load32_acquire(&pause_all)) {
            (void)tr_add32_seq(&paused, 1);
            while (tr_load32_acquire(&pause_all) && !tr_load32_acquire(&over)) (void)usleep(1000);
            (void)tr_add32_seq(&paused, (uint32_t)-1);
        }
        bool lies = draw(r, 4) == 0;
        if (dial(r) && shake(r, lies)) {
            (void)tr_add64_relaxed(&let_in, 1);
            talk(r);
        }
        (void)close(r->fd);
    }
    return NULL;
}

/* --- Watching --------------------------------------------------------------------------------- */

static size_t resident_kib(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;
    MUST(file && fscanf(file, "%*u %lu", &pages) == 1);
    MUST(!fclose(file));
    return pages * (size_t)sysconf(_SC_PAGESIZE) / 1024;
}

static size_t links_of_house(void) {
    size_t count = 0;
    tr_lock(&house.node->lock);
    for (tr_list *at = house.node->links.next; at != &house.node->links; at = at->next) count++;
    tr_unlock(&house.node->lock);
    return count;
}

/* Has the rogues stand still, waits until all of them are forgotten, and tells what the node holds
 * for the good ones alone: the least of some looks, since those go on. */
static uint64_t held_by_house(void) {
    tr_store32_release(&pause_all, 1);
    for (uint64_t until = stress_deadline();
         tr_load32_acquire(&paused) < ROGUES || links_of_house() > GOOD;) {
        MUST(tr_clock() < until);
        (void)usleep(1000);
    }
    uint64_t least = UINT64_MAX;
    for (int look = 0; look < 50; look++) {
        uint64_t bytes = tr_load64_relaxed(&house.heap.bytes);
        if (bytes < least) least = bytes;
        (void)usleep(1000);
    }
    tr_store32_release(&pause_all, 0);
    return least;
}

static void spawn_victim(void) {
    MUST(troupe_spawn(house.rt, &victims, NULL, &victim) == TROUPE_OK);
    MUST(troupe_register(house.rt, victim, "victim") == TROUPE_OK);
    tr_store64_relaxed(&aims.victim, victim.id);
}

/* Spawns it again if somebody has stopped it. */
static void renew_victim(void) {
    troupe_msg *msg;
    MUST(troupe_make(house.rt, &hello_type, NULL, &msg) == TROUPE_OK);
    troupe_err err = troupe_post(house.rt, victim, &msg);
    troupe_drop(&msg);
    if (err == TROUPE_GONE) spawn_victim();
}

/* Lets it go on, and looks at the memory each so often. */
static void watch_for(uint64_t seconds) {
    enum { SLACK = 256 << 10, SLACK_KIB = 24 << 10 };
    uint64_t first = 0, last = 0, most = 0;
    size_t first_kib = 0, most_kib = 0;
    for (uint64_t part = 0; part < 10; part++) {
        for (uint64_t until = tr_after_ms(tr_clock(), (unsigned)(seconds * 100));
             tr_clock() < until; (void)usleep(5000))
            renew_victim();
        last = held_by_house();
        size_t kib = resident_kib();
        if (part == 1) first = last, first_kib = kib; /* what is kept for good is there by then */
        if (last > most) most = last;
        if (kib > most_kib) most_kib = kib;
        MUST(part < 2 || last <= first + first / 4 + SLACK);
        MUST(part < 2 || __tsan_init || __asan_init || kib <= first_kib + SLACK_KIB);
        printf("net_wire: %llu s: %llu connections, %llu let in, %llu frames; the node holds %llu "
               "bytes, the process %zu KiB\n",
               (unsigned long long)((part + 1) * seconds / 10),
               (unsigned long long)tr_load64_relaxed(&connections),
               (unsigned long long)tr_load64_relaxed(&let_in),
               (unsigned long long)tr_load64_relaxed(&frames_said), (unsigned long long)last, kib);
        fflush(stdout);
    }
}

/* Goes on until some of each kind were handled. */
static void await_kinds(void) {
    printf("net_wire: handled of each kind:");
    const uint64_t until = stress_deadline();
    for (unsigned i = 0; i < WIRE_KINDS; i++) {
        const tr_frame_kind kind = wire_kinds[i].kind;
        for (; !tr_load64_relaxed(&through[kind]); (void)usleep(5000)) {
            MUST(tr_clock() < until);
            renew_victim();
        }
        printf(" %d: %llu", (int)kind, (unsigned long long)tr_load64_relaxed(&through[kind]));
    }
    printf("\n");
}

int main(int argc, char **argv) {
    uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : stress_count(10, 10);
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 2026;
    static good goods[GOOD];
    static rogue rogues[ROGUES];
    MUST(seconds > 0 && mkdtemp(folder));
    snprintf(url, sizeof url, "ipc://%s/house", folder);
    open_member(&house, "house", 1000);
    MUST(troupe_spawn(house.rt, &hands, NULL, &hand) == TROUPE_OK);
    spawn_victim();
    MUST(troupe_offer(house.node, &brief, NULL) == TROUPE_OK);
    MUST(troupe_host_children(house.node) == TROUPE_OK);
    aims.node = tr_port_node(house.rt);
    aims.host = house.node->far.host.id;
    aims.hand = hand.id;
    MUST(troupe_listen(house.node, url, NULL, 0) == TROUPE_OK);
    for (uint64_t i = 0; i < GOOD; i++) {
        goods[i].index = i;
        open_member(&goods[i].m, i ? "good 1" : "good 0", 200);
        MUST(troupe_connect(goods[i].m.node, url, STRESS_PATIENCE_MS) == TROUPE_OK);
        MUST(tr_thread_start(&goods[i].thread, "good", be_good, &goods[i]));
    }
    for (unsigned i = 0; i < ROGUES; i++) {
        rogues[i] = (rogue){.index = i, .aims = &aims, .seed = seed * 1000 + i,
                            .said.heap = &tr_heap_default, .heard.heap = &tr_heap_default};
        MUST(tr_thread_start(&rogues[i].thread, "rogue", be_rogue, &rogues[i]));
    }
    watch_for(seconds);
    await_kinds();
    tr_store32_release(&over, 1);
    for (unsigned i = 0; i < ROGUES; i++) tr_thread_join(&rogues[i].thread);
    for (unsigned i = 0; i < ROGUES; i++) tr_buffer_fini(&rogues[i].said);
    for (unsigned i = 0; i < ROGUES; i++) tr_buffer_fini(&rogues[i].heard);
    tr_store32_release(&good_over, 1);
    for (uint64_t i = 0; i < GOOD; i++) {
        tr_thread_join(&goods[i].thread);
        for (uint64_t until = stress_deadline(); tr_load64_relaxed(&got[i]) < goods[i].sent;)
            MUST(tr_clock() < until);
        printf("net_wire: good %d: %llu messages, all there; %llu questions, each answered after "
               "%llu us at most\n",
               (int)i, (unsigned long long)goods[i].sent, (unsigned long long)goods[i].asked,
               (unsigned long long)(goods[i].longest / 1000));
        close_member(&goods[i].m);
    }
    MUST(tr_load64_relaxed(&let_in) > 0 && tr_load64_relaxed(&cut_off) > 0);
    close_member(&house);
    MUST(rmdir(folder) == 0);
    printf("net_wire: seed %llu, %llu s: %llu connections, %llu let in, %llu frames, %llu bytes\n",
           (unsigned long long)seed, (unsigned long long)seconds,
           (unsigned long long)tr_load64_relaxed(&connections),
           (unsigned long long)tr_load64_relaxed(&let_in),
           (unsigned long long)tr_load64_relaxed(&frames_said),
           (unsigned long long)tr_load64_relaxed(&bytes_said));
    return 0;
}
