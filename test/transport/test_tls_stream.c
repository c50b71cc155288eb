/* Streams under TLS keep the promises of the port: over nng's. */
#include "transport/tls_stream.h"

#include "base/heap.h"
#include "base/os.h"
#include "test/transport/certificates.h"

TestSuite(tls_stream, .timeout = 60);

enum { WAIT_MS = 20000, TOTAL = 5 << 20, PERIOD = 1000003 };

static const tr_net *const net = &tr_tls_net;
static tr_mutex lock; /* held during calls and taken in events, as an owner may */
static tr_cond changed;
static tr_stream *arrived;
static unsigned char *pattern;
static tr_tls *tls[2];

/* One end: sends `todo` bytes of the pattern, in pieces of any size, and checks what comes. */
typedef struct end {
    tr_stream *stream;
    size_t todo, sent, got;
    bool bad, closed, flying;
    char refused[400];
} end;

/* Sends on. Locked. */
static void send_more(end *e) {
    static const size_t sizes[] = {1, 100, 16384, 16385, 70000, 300000};
    size_t at = e->sent % PERIOD, size = sizes[e->sent % 6];
    if (size > e->todo - e->sent) size = e->todo - e->sent;
    if (size > PERIOD - at) size = PERIOD - at;
    if (!size) return;
    e->sent += size;
    e->flying = true;
    net->send(e->stream, pattern + at, size);
}

static void on_received(void *ctx, const void *bytes, size_t size) {
    end *e = ctx;
    tr_lock(&lock);
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)bytes)[i] != pattern[(e->got + i) % PERIOD]) e->bad = true;
    e->got += size;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static void on_sent(void *ctx) {
    end *e = ctx;
    tr_lock(&lock);
    e->flying = false;
    send_more(e);
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static void on_closed(void *ctx) {
    end *e = ctx;
    tr_lock(&lock);
    e->closed = true;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static void on_refused(void *ctx, const char *why) {
    end *e = ctx;
    tr_lock(&lock);
    (void)snprintf(e->refused, sizeof e->refused, "%s", why);
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static const tr_stream_events events = {on_received, on_sent, on_closed};

static void accepted(void *ctx, tr_stream *stream) {
    (void)ctx;
    tr_lock(&lock);
    arrived = stream;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

/* Waits for that, under the lock. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        uint64_t until_ = tr_after_ms(tr_clock(), WAIT_MS);                                        \
        tr_lock(&lock);                                                                            \
        while (!(condition)) cr_assert(tr_cond_wait(&changed, &lock, until_), #condition);         \
        tr_unlock(&lock);                                                                          \
    } while (0)

static void wrap(end *e, tr_stream *under, tr_tls *by, bool dialer) {
    e->stream = tr_tls_wrap(&tr_nng_net, under, by, dialer, &tr_heap_default);
    cr_assert_not_null(e->stream);
    net->on_refusal(e->stream, on_refused);
    tr_lock(&lock);
    net->start(e->stream, &events, e);
    send_more(e);
    tr_unlock(&lock);
}

/* Connects two ends; the dialer's certificate is that of `own`, by `ca`. */
static tr_listener *connect_ends(end *a, end *b, const char *ca, const char *own) {
    static const tr_host host = {.heap = &tr_heap_default};
    const troupe_tls files[2] = {tls_of(ca, own), tls_of("ca", "right")};
    char why[400], url[64];
    tr_listener *listener;
    tr_stream *near;
    tr_mutex_init(&lock);
    tr_cond_init(&changed);
    pattern = malloc(PERIOD);
    for (size_t i = 0; i < PERIOD; i++) pattern[i] = (unsigned char)(i * 31 + (i >> 8) * 17);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(tr_tls_open(&tr_heap_default, &files[i], i ? "right" : "left", &tls[i], why,
                                 sizeof why),
                     TROUPE_OK, "%s", why);
    cr_assert_eq(tr_nng_net.listen(&host, "tcp://127.0.0.1:0", accepted, NULL, url, sizeof url,
                                   &listener),
                 TROUPE_OK);
    cr_assert_eq(tr_nng_net.dial(&host, url, tr_after_ms(tr_clock(), WAIT_MS), &near), TROUPE_OK);
    AWAIT(arrived);
    wrap(b, arrived, tls[1], false);
    wrap(a, near, tls[0], true);
    return listener;
}

static void end_all(end *a, end *b, tr_listener *listener) {
    net->close(a->stream);
    AWAIT(a->closed && b->closed);
    net->free(a->stream);
    net->free(b->stream);
    tr_nng_net.unlisten(listener);
    tr_tls_close(tls[0]);
    tr_tls_close(tls[1]);
    free(pattern);
}

Test(tls_stream, all_that_is_sent_comes_both_ways) {
    static end a = {.todo = TOTAL}, b = {.todo = TOTAL + 1};
    tr_listener *listener = connect_ends(&a, &b, "ca", "left");
    AWAIT(a.got == b.todo && b.got == a.todo);
    AWAIT(!a.flying && !b.flying);
    cr_expect_not(a.bad || b.bad);
    cr_expect(net->vouches(a.stream, "right"));
    cr_expect_not(net->vouches(a.stream, "left"));
    cr_expect(net->vouches(b.stream, "left"));
    cr_expect_not(net->vouches(b.stream, "right"));
    cr_expect_eq(*a.refused, '\0');
    end_all(&a, &b, listener);
}

Test(tls_stream, who_is_refused_hears_of_it_and_gets_nothing) {
    static end a = {.todo = 100}, b = {.todo = 100};
    tr_listener *listener = connect_ends(&a, &b, "other_ca", "foreign");
    AWAIT(*a.refused && *b.refused);
    cr_expect(strstr(a.refused, "called right is refused"), "%s", a.refused);
    cr_expect(strstr(b.refused, "the peer refused"), "%s", b.refused);
    cr_expect_eq(a.got + b.got, 0u);
    cr_expect_not(net->vouches(a.stream, "right"));
    end_all(&a, &b, listener);
}

Test(tls_stream, one_that_is_held_reads_no_more_until_it_is_let_go) {
    static end a = {.todo = 0}, b = {.todo = 8 * TOTAL};
    tr_listener *listener = connect_ends(&a, &b, "ca", "left");
    AWAIT(a.got > 0);
    net->hold(a.stream, true);
    size_t seen = 0, before = 1;
    for (int calm = 0; calm < 20; calm = seen == before ? calm + 1 : 0) {
        before = seen;
        tr_lock(&lock);
        (void)tr_cond_wait(&changed, &lock, tr_after_ms(tr_clock(), 10));
        seen = a.got;
        tr_unlock(&lock);
    }
    cr_expect_lt(seen, b.todo, "the system's buffers are smaller than that");
    net->hold(a.stream, false);
    AWAIT(a.got == b.todo);
    net->hold(b.stream, true); /* and can be closed while it is */
    end_all(&a, &b, listener);
}
