/* A node that listens by TLS, and many that do not get in, whatever they try: nothing of them is
 * left, and who may come in does. A hundred of them, or 25 for each of SCENE_ROUNDS. */
#include <malloc.h>

#include "test/transport/secure_scene.h"
#include "transport/tls.h"

TestSuite(secure_failures, .timeout = 1800, .fini = scene_say_seed);

enum { ROUNDS = 4, ROUNDS_MOST = 400, EACH = 5 /* of each of five kinds in a round */ };

/* What is there of the node, and in all of the process: mbedTLS has its memory from malloc. */
typedef struct amount {
    size_t bytes, malloced, descriptors, threads;
} amount;

static amount amount_of(party *p) {
    return (amount){counting_heap_look(&p->heap).bytes, mallinfo2().uordblks,
                    entries_of("/proc/self/fd"), entries_of("/proc/self/task")};
}

static uint64_t dice(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* The door of the node, and who is before it. */
typedef struct door {
    party node, foreign, unlisted;
    tr_tls *tls;                  /* good ones, for half a handshake */
    char url[TROUPE_URL_MAX + 1]; /* without tls+ */
    notes *all;
    troupe_ref hand;
    uint64_t seed;
    raw_peer *silent[ROUNDS_MOST * EACH];
    size_t silents;
} door;

static void door_open(door *d) {
    static const char *const list[] = {"good", "left", NULL};
    const troupe_tls files = tls_of("ca", "left");
    char why[400];
    memset(d, 0, sizeof *d);
    d->seed = scene_seed;
    d->all = notes_open();
    open_right(&d->node, list);
    d->hand = hand_of(&d->node, 16, d->all);
    open_with(&d->foreign, "left", tls_of("other_ca", "foreign"), false);
    open_with(&d->unlisted, "elsewhere", tls_of("ca", "other_name"), false);
    cr_assert_eq(tr_tls_open(&tr_heap_default, &files, "left", &d->tls, why, sizeof why),
                 TROUPE_OK);
    (void)snprintf(d->url, sizeof d->url, "%.100s", d->node.url + 4);
}

static void door_close(door *d) {
    cr_expect_eq(notes_count(d->all), 0u, "nothing reached an actor");
    tr_tls_close(d->tls);
    party_close(&d->foreign);
    party_close(&d->unlisted);
    party_close(&d->node);
    scene_end();
    notes_close(d->all);
}

/* Says any bytes, and goes when it is answered that this is no way to speak. */
static void garbage(door *d) {
    unsigned char bytes[512];
    raw_peer *p = raw_connect(d->url);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)dice(&d->seed);
    (void)raw_send(p, bytes, sizeof bytes);
    (void)raw_read(p, bytes, sizeof bytes);
    raw_close(p);
}

/* Shakes hands by TLS until it has said so many bytes, and goes without a word. */
static void half_a_handshake(door *d, size_t most) {
    char why[400], answer[4096];
    raw_peer *p = raw_connect(d->url);
    tr_tls_session *session = tr_tls_begin(d->tls, true);
    cr_assert_not_null(session);
    while (most && tr_tls_shake(session, why, sizeof why) == TROUPE_LATER) {
        tr_buffer *out = tr_tls_out(session);
        size_t size = out->size < most ? out->size : most;
        cr_assert(raw_send(p, out->data, size));
        out->size = 0;
        most -= size;
        if (most) tr_tls_feed(session, answer, raw_read(p, answer, sizeof answer));
    }
    tr_tls_end(session);
    raw_close(p);
}

/* One of each kind; the silent one is cut while others come. */
static void all_fail(door *d) {
    const char *url = d->node.url;
    cr_assert_eq(troupe_connect(d->foreign.node, url, PATIENCE_MS), TROUPE_REFUSED);
    cr_assert_eq(troupe_connect(d->unlisted.node, url, PATIENCE_MS), TROUPE_REFUSED);
    garbage(d);
    half_a_handshake(d, 1 + dice(&d->seed) % 900);
    d->silent[d->silents++] = raw_connect(d->url);
}

static void good_one_comes_and_goes(door *d) {
    party good;
    uint64_t n = 5;
    open_with(&good, "good", tls_of("ca", "good"), false);
    party_meet(&good, &d->node);
    cr_assert_eq(ask_by(&good, d->hand, ORDER_ANSWER, &n), TROUPE_OK);
    party_close(&good);
    party_await_log(&d->node, "node good is disconnected", 1);
    cr_assert_eq(party_logged(&d->node, "is connected"), 1u);
    party_forget_log(&d->node);
    party_forget_log(&d->foreign);
    party_forget_log(&d->unlisted);
}

SECURE(secure_failures, case_28_failed_handshakes_leave_nothing, 4) {
    static door d;
    amount before = {0};
    const char *many = getenv("SCENE_ROUNDS");
    int rounds = many ? atoi(many) : ROUNDS;
    cr_assert_leq(rounds, (int)ROUNDS_MOST);
    door_open(&d);
    for (int i = 0; i < rounds; i++) {
        for (int k = 0; k < EACH; k++) all_fail(&d);
        good_one_comes_and_goes(&d);
        while (i == 0 && d.silents > 0) raw_await_end(d.silent[--d.silents]);
        if (i == 0) before = amount_of(&d.node);
    }
    while (d.silents > 0) raw_await_end(d.silent[--d.silents]);
    raw_await_bytes(&d.node, before.bytes + 4096);
    SCENE_AWAIT(entries_of("/proc/self/fd") <= before.descriptors);
    amount after = amount_of(&d.node);
    cr_expect_eq(after.threads, before.threads);
    cr_expect_lt(after.malloced, before.malloced + (256 << 10), "%zu and %zu", before.malloced,
                 after.malloced);
    door_close(&d);
}
