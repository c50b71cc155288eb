/* Strangers at the door of a node: silent ones, ones that say rubbish, and ones that play back what
 * they have overheard. None gets in, keeps others out, or costs much. */
#include "test/transport/raw_peer.h"
#include "transport/handshake.h"

TestSuite(node_hostile, .timeout = 60, .fini = scene_say_seed);

/* A frame by its bytes, whatever the writer of frames would say to them. */
static size_t frame_of(unsigned char *at, size_t length, unsigned kind) {
    tr_wire_store(at, length, 4);
    at[4] = (unsigned char)kind;
    tr_buffer one = {.data = at, .size = 4 + length};
    if (kind >= TR_FRAME_SEND) tr_frame_end(&one, 0); /* its checksums are right */
    return 4 + length;
}

/* A node with one good peer, and what it held when all was calm. */
typedef struct house {
    party node, good;
    notes *all;
    troupe_ref hand;
    size_t bytes, descriptors;
} house;

static void check_good(house *h) {
    uint64_t n = 1;
    cr_assert_eq(ask_by(&h->good, h->hand, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(party_logged(&h->good, "lost"), 0u);
}

static house *house_open(bool tcp) {
    static house h;
    party_open(&h.node, "house");
    party_listen(&h.node, tcp);
    party_open(&h.good, "good");
    party_meet(&h.good, &h.node);
    h.all = notes_open();
    h.hand = hand_of(&h.node, 16, h.all);
    check_good(&h);
    h.bytes = counting_heap_look(&h.node.heap).bytes;
    h.descriptors = entries_of("/proc/self/fd");
    return &h;
}

static void house_close(house *h) {
    check_good(h);
    raw_await_bytes(&h->node, h->bytes + 4096);                 /* buffers vary a little */
    SCENE_AWAIT(entries_of("/proc/self/fd") <= h->descriptors); /* nng closes them a little later */
    cr_assert_eq(notes_count(h->all), 0u, "nothing reached an actor");
    party_close(&h->good);
    party_close(&h->node);
    scene_end();
    notes_close(h->all);
}

ANYWHERE(node_hostile, case_26_a_hundred_silent_ones_keep_nobody_out_and_are_cut, 200) {
    enum { SILENT = 100, SHAKING_MOST = 64, EACH_MOST = 80 << 10 };
    house *h = house_open(tcp);
    raw_peer *silent[SILENT];
    for (int i = 0; i < SILENT; i++) silent[i] = raw_connect(h->node.url);
    party late;
    party_open(&late, "late");
    uint64_t then = scene_clock();
    party_meet(&late, &h->node);
    cr_assert_lt(scene_clock() - then, scene_within(1500), "it does not wait for the silent ones");
    raw_await_bytes(&h->node, h->bytes + (SHAKING_MOST + 2) * (size_t)EACH_MOST);
    for (int i = 0; i < SILENT; i++) raw_await_end(silent[i]);
    cr_assert_lt(scene_clock() - then, scene_within(6000));
    party_await_log(&h->node, "the peer did not prove itself in time", 1);
    party_close(&late);
    party_await_log(&h->node, "node late is disconnected", 1);
    house_close(h);
}

ANYWHERE(node_hostile, one_that_trickles_is_cut_at_the_same_deadline, 200) {
    house *h = house_open(tcp);
    unsigned char hello[200];
    size_t size = frame_of(hello, 90, TR_FRAME_HELLO);
    raw_peer *peer = raw_connect(h->node.url);
    uint64_t then = scene_clock();
    for (size_t i = 0; i + 1 < size && !raw_hears(peer, 100); i++)
        if (!raw_send(peer, hello + i, 1)) break;
    raw_await_end(peer);
    cr_assert_geq(scene_clock() - then, 1900 * TR_MS);
    cr_assert_lt(scene_clock() - then, scene_within(4000));
    house_close(h);
}

/* Says some bytes and sees the end of it; the node gives the reason. */
static void say_rubbish(house *h, const void *bytes, size_t size, const char *reason) {
    size_t before = party_logged(&h->node, reason);
    raw_peer *peer = raw_connect(h->node.url);
    (void)raw_send(peer, bytes, size);
    raw_await_end(peer);
    party_await_log(&h->node, reason, before + 1);
}

ANYWHERE(node_hostile, rubbish_is_cut_at_once_with_a_reason, 200) {
    house *h = house_open(tcp);
    static const char http[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    unsigned char bytes[1024] = {0};
    say_rubbish(h, http, sizeof http - 1, "cut: frame of 1195725856 bytes, the limit is 512");
    say_rubbish(h, bytes, 4, "cut: frame without a kind");
    memset(bytes, 0xFF, sizeof bytes);
    say_rubbish(h, bytes, sizeof bytes, "cut: frame of 4294967295 bytes");
    tr_wire_store(bytes, 513, 4); /* the length alone is enough */
    say_rubbish(h, bytes, 4, "cut: frame of 513 bytes, the limit is 512");
    say_rubbish(h, bytes, frame_of(bytes, 10, 99), "frame of the unknown kind 99");
    say_rubbish(h, bytes, frame_of(bytes, 512, TR_FRAME_PING), "cut: PING of 512 bytes");
    static const unsigned early[] = {TR_FRAME_CHALLENGE, TR_FRAME_PROOF, TR_FRAME_WELCOME};
    for (size_t i = 0; i < 3; i++)
        say_rubbish(h, bytes, frame_of(bytes, 33, early[i]), "refused: not the frame that was due");
    static const unsigned never[] = {TR_FRAME_PING, TR_FRAME_GOODBYE};
    for (size_t i = 0; i < 2; i++)
        say_rubbish(h, bytes, frame_of(bytes, 7, never[i]), "refused: not the frame that was due");
    say_rubbish(h, bytes, frame_of(bytes, 1, TR_FRAME_REFUSE), "refused: the peer refused");
    say_rubbish(h, bytes, frame_of(bytes, 2, TR_FRAME_HELLO), "refused: no version");
    memset(bytes, 0, sizeof bytes);
    say_rubbish(h, bytes, frame_of(bytes, 60, TR_FRAME_HELLO), "refused: the peer speaks version");
    tr_wire_store(bytes + 5, TR_WIRE_VERSION, 2);
    say_rubbish(h, bytes, frame_of(bytes, 60, TR_FRAME_HELLO), "refused: name of a wrong length");
    say_rubbish(h, bytes, frame_of(bytes, 20, TR_FRAME_HELLO), "refused: identity cut short");
    cr_assert_eq(party_logged(&h->node, "is connected"), 1u, "only the good one");
    house_close(h);
}

ANYWHERE(node_hostile, random_bytes_get_nowhere, 200) {
    house *h = house_open(tcp);
    uint64_t seed = 4711;
    for (int round = 0; round < 300; round++) {
        unsigned char bytes[600];
        size_t size = 0;
        for (; size < sizeof bytes; size++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            bytes[size] = (unsigned char)(seed >> 56);
        }
        size = seed >> 40 & 511;
        if (round % 2 && size > 5) /* let it look like a frame */
            (void)frame_of(bytes, size - 4, 1 + (unsigned)(seed >> 33) % 5);
        raw_peer *peer = raw_connect(h->node.url);
        (void)raw_send(peer, bytes, size);
        raw_finish(peer);
        raw_await_end(peer);
    }
    cr_assert_eq(party_logged(&h->node, "is connected"), 1u);
    house_close(h);
}

/* Hundreds that try a wrong proof do not slow a good one down, nor add up. */
ANYWHERE(node_hostile, case_28_failed_handshakes_leave_nothing, 100) {
    house *h = house_open(tcp);
    party bad;
    party_open_as(&bad, "bad",
                  (troupe_node_config){.secret = "a wrong secret!!", .secret_size = 16});
    for (int i = 0; i < 200; i++)
        cr_assert_eq(troupe_connect(bad.node, h->node.url, PATIENCE_MS), TROUPE_REFUSED);
    party_close(&bad);
    house_close(h);
}

ANYWHERE(node_hostile, a_close_does_not_wait_for_those_at_the_door, 200) {
    enum { SILENT = 5 };
    party p;
    raw_peer *silent[SILENT];
    unsigned char hello[200] = {0};
    party_open(&p, "p");
    party_listen(&p, tcp);
    for (int i = 0; i < SILENT; i++) {
        silent[i] = raw_connect(p.url);
        if (i % 2) cr_assert(raw_send(silent[i], hello, frame_of(hello, 60, TR_FRAME_HELLO)));
    }
    party_await_log(&p, "refused: the peer speaks version", SILENT / 2); /* and does not go */
    uint64_t then = scene_clock();
    party_close(&p);
    cr_assert_lt(scene_clock() - then, scene_within(900));
    for (int i = 0; i < SILENT; i++) raw_await_end(silent[i]);
    scene_end();
}

/* --- What was overheard ----------------------------------------------------------------------- */

/* Passes on what two nodes say to each other, and keeps what the first one said. */
typedef struct proxy {
    tr_thread thread; /* between sockets */
    raw_listener listener;
    raw_peer *far; /* in a simulation */
    char to[TROUPE_URL_MAX + 1];
    unsigned char said[4096];
    size_t size;
} proxy;

static void overhear(void *ctx, const void *bytes, size_t size) {
    proxy *p = ctx;
    if (size > sizeof p->said - p->size) return;
    memcpy(p->said + p->size, bytes, size);
    p->size += size;
}

/* Passes on what there is, from a socket to another; false: the end. */
static bool pass_on(const raw_peer *from, const raw_peer *to, proxy *overhears) {
    unsigned char bytes[4096];
    ssize_t got = read(from->fd, bytes, sizeof bytes);
    if (got <= 0) return false;
    if (overhears) overhear(overhears, bytes, (size_t)got);
    return raw_send_socket(to, bytes, (size_t)got);
}

static void *run_proxy(void *arg) {
    proxy *p = arg;
    raw_peer *near = raw_make(accept4(p->listener.fd, NULL, NULL, SOCK_CLOEXEC), NULL);
    raw_peer *far = raw_connect(p->to);
    struct pollfd both[2] = {{.fd = near->fd, .events = POLLIN}, {.fd = far->fd, .events = POLLIN}};
    bool open = near->fd >= 0;
    while (open && poll(both, 2, PATIENCE_MS) > 0) {
        if (both[0].revents) open = pass_on(near, far, p);
        if (open && both[1].revents) open = pass_on(far, near, NULL);
    }
    raw_close(near);
    raw_close(far);
    return NULL;
}

/* The same in a simulation. */
static void begin_passing(void *ctx, raw_peer *near) {
    proxy *p = ctx;
    p->far = raw_connect(p->to);
    p->far->other = near;
    near->other = p->far;
    near->overheard = overhear;
    near->ctx = p;
}

static void proxy_open(proxy *p, const char *to) {
    memset(p, 0, sizeof *p);
    (void)snprintf(p->to, sizeof p->to, "%s", to);
    p->listener.accepted = begin_passing;
    p->listener.ctx = p;
    raw_listen(&p->listener);
    if (!scene_sim) cr_assert(tr_thread_start(&p->thread, "proxy", run_proxy, p));
}

static void proxy_close(proxy *p) {
    if (!scene_sim) tr_thread_join(&p->thread);
    raw_unlisten(&p->listener);
    if (p->far) raw_close(p->far);
}

/* Records a good session: a handshake, an ask, a goodbye. */
static void record(house *h, proxy *p) {
    party spied;
    uint64_t n = 5;
    proxy_open(p, h->node.url);
    party_open(&spied, "spied");
    cr_assert_eq(troupe_connect(spied.node, p->listener.url, PATIENCE_MS), TROUPE_OK);
    cr_assert_eq(ask_by(&spied, h->hand, ORDER_ANSWER, &n), TROUPE_OK);
    cr_assert_eq(count_to(&spied, h->hand, 7), TROUPE_OK);
    party_close(&spied);
    proxy_close(p);
    notes_await(h->all, 1);
    h->all->used = 0;
    party_await_log(&h->node, "node spied is disconnected", 1);
}

ANYWHERE(node_hostile, case_26_a_recorded_session_can_not_be_played_back, 200) {
    house *h = house_open(tcp);
    static proxy p;
    record(h, &p);
    cr_assert_gt(p.size, 100u);
    h->bytes = counting_heap_look(&h->node.heap).bytes;
    size_t hello = 4 + (size_t)tr_wire_load(p.said, 4);
    raw_peer *peer = raw_connect(h->node.url); /* all at once */
    (void)raw_send(peer, p.said, p.size);
    raw_await_end(peer);
    party_await_log(&h->node, "refused: the peer has another secret", 1);
    peer = raw_connect(h->node.url); /* or in turn */
    unsigned char challenge[512];
    cr_assert(raw_send(peer, p.said, hello));
    size_t heard = 0;
    while (heard < 4 || heard < 4 + tr_wire_load(challenge, 4)) {
        size_t got = raw_read(peer, challenge + heard, sizeof challenge - heard);
        cr_assert_gt(got, 0u);
        heard += got;
    }
    (void)raw_send(peer, p.said + hello, p.size - hello);
    raw_await_end(peer);
    party_await_log(&h->node, "refused: the peer has another secret", 2);
    house_close(h);
}

/* --- Silence at the other end ----------------------------------------------------------------- */

ANYWHERE(node_hostile, a_silent_listener_costs_the_dialer_its_deadline_and_no_less, 200) {
    (void)tcp;
    party p;
    raw_listener l = {.fd = -1};
    raw_listen(&l);
    party_open(&p, "p");
    uint64_t then = scene_clock();
    cr_assert_eq(troupe_connect(p.node, l.url, 300), TROUPE_TIMEOUT);
    cr_assert_lt(scene_clock() - then, scene_within(2000));
    then = scene_clock();
    cr_assert_eq(troupe_connect(p.node, l.url, 3500), TROUPE_TIMEOUT);
    cr_assert_geq(scene_clock() - then, 3500 * TR_MS, "longer than a handshake may take");
    raw_unlisten(&l);
    party_close(&p);
    scene_end();
}
