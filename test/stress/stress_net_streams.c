/* Streams over tcp and ipc: several threads open them, both ends send without end and check what
 * they get, and either end closes at any time, from an event or from another thread, or both do.
 * Each end must see one `closed`, and nothing after it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/os.h"
#include "transport/stream.h"

enum { DIALERS = 3, PERIOD = 100003, SECONDS = 5 };

/* How an end is closed. */
enum { BY_EVENT, BY_THREAD, BY_PEER, WAYS };

typedef struct end {
    tr_stream *stream;
    uint64_t sent, got; /* bytes; touched by `sent` and `received` only */
    uint64_t enough;    /* closes after that many, if BY_EVENT */
    unsigned way;
    tr_atomic32 closed;
    struct end *next; /* in `dead` */
} end;

static unsigned char pattern[PERIOD];
static const tr_net *const net = &tr_nng_net;
static const tr_host host = {.heap = &tr_heap_default};
static tr_atomic64 bytes, opened, ended;

static tr_mutex lock;
static tr_cond changed;
static end *dead; /* accepted ends that have closed; under the lock */

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* Sends the next bytes of the endless pattern, as many as its position makes up. */
static void send_more(end *e) {
    size_t at = (size_t)(e->sent % PERIOD);
    size_t size = 1 + (size_t)(e->sent * 7919 % 70001);
    if (size > PERIOD - at) size = PERIOD - at;
    e->sent += size;
    net->send(e->stream, pattern + at, size);
}

static void on_sent(void *ctx) {
    end *e = ctx;
    TR_CHECK(tr_load32_seq(&e->closed) == 0);
    send_more(e);
}

static void on_received(void *ctx, const void *data, size_t size) {
    end *e = ctx;
    const unsigned char *from = data;
    TR_CHECK(tr_load32_seq(&e->closed) == 0);
    tr_add64_relaxed(&bytes, size);
    while (size > 0) {
        size_t at = (size_t)(e->got % PERIOD);
        size_t part = size < PERIOD - at ? size : PERIOD - at;
        TR_CHECK(memcmp(from, pattern + at, part) == 0);
        from += part;
        size -= part;
        e->got += part;
    }
    if (e->way == BY_EVENT && e->got >= e->enough) net->close(e->stream);
}

static void note_closed(end *e) {
    TR_CHECK(tr_add32_seq(&e->closed, 1) == 0);
    tr_add64_relaxed(&ended, 1);
}

static void on_closed(void *ctx) {
    note_closed(ctx);
    tr_lock(&lock);
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

/* An accepted end has nobody who waits for it: it is left to the main thread. */
static void on_closed_far(void *ctx) {
    end *e = ctx;
    note_closed(e);
    tr_lock(&lock);
    e->next = dead;
    dead = e;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static const tr_stream_events near_events = {on_received, on_sent, on_closed};
static const tr_stream_events far_events = {on_received, on_sent, on_closed_far};

static end *make_end(tr_stream *stream, uint64_t seed) {
    end *e = calloc(1, sizeof *e);
    TR_CHECK(e);
    e->stream = stream;
    e->way = (unsigned)(next_random(&seed) % WAYS);
    e->enough = next_random(&seed) % 300000;
    tr_add64_relaxed(&opened, 1);
    return e;
}

static void free_end(end *e) {
    net->free(e->stream);
    free(e);
}

static void accepted(void *ctx, tr_stream *stream) {
    (void)ctx;
    static tr_atomic64 count;
    uint64_t n = tr_add64_relaxed(&count, 1);
    end *e = make_end(stream, 0x9e3779b97f4a7c15u * (n + 1));
    if (e->way == BY_THREAD) e->way = BY_PEER; /* it has no thread */
    tr_lock(&lock); /* once started it may close, but not be freed before we are done with it */
    net->start(stream, &far_events, e);
    send_more(e);
    tr_unlock(&lock);
}

/* Waits for the end to close, for a random moment at most; then closes it, twice. */
static void close_later(end *e, uint64_t *seed) {
    uint64_t us = next_random(seed) % 3000;
    uint64_t until = tr_clock() + us * 1000;
    tr_lock(&lock);
    while (tr_load32_seq(&e->closed) == 0 && tr_cond_wait(&changed, &lock, until)) {}
    net->close(e->stream); /* under a lock that the events take */
    net->close(e->stream);
    tr_unlock(&lock);
}

/* Sees that one of the two ends does close, should both leave it to the other. */
static void await_closed(end *e) {
    uint64_t until = tr_after_ms(tr_clock(), 20);
    tr_lock(&lock);
    while (tr_load32_seq(&e->closed) == 0) {
        if (tr_cond_wait(&changed, &lock, until)) continue;
        net->close(e->stream);
        until = tr_after_ms(tr_clock(), 10000);
    }
    tr_unlock(&lock);
}

struct dialer {
    tr_thread thread;
    const char *url[2];
    uint64_t seed, until;
};

static void *run_dialer(void *arg) {
    struct dialer *me = arg;
    for (unsigned round = 0; tr_clock() < me->until; round++) {
        tr_stream *stream;
        uint64_t deadline = tr_after_ms(tr_clock(), 10000);
        troupe_err err = net->dial(&host, me->url[round % 2], deadline, &stream);
        TR_CHECK(err == TROUPE_OK);
        end *e = make_end(stream, next_random(&me->seed));
        net->start(stream, &near_events, e);
        send_more(e);
        if (e->way == BY_THREAD) close_later(e, &me->seed);
        await_closed(e);
        free_end(e);
    }
    return NULL;
}

/* Frees what has closed; returns when all is closed and `until` has passed. */
static void reap(uint64_t until) {
    tr_lock(&lock);
    while (tr_clock() < until || dead || tr_load64_relaxed(&opened) > tr_load64_relaxed(&ended)) {
        end *e = dead;
        if (!e) {
            TR_CHECK(tr_clock() < until + 5000 * TR_MS);
            tr_cond_wait(&changed, &lock, tr_after_ms(tr_clock(), 50));
            continue;
        }
        dead = e->next;
        tr_unlock(&lock);
        free_end(e);
        tr_lock(&lock);
    }
    tr_unlock(&lock);
}

int main(void) {
    char folder[] = "/tmp/troupe-streams-XXXXXX";
    TR_CHECK(mkdtemp(folder));
    char ipc[64], tcp[64];
    snprintf(ipc, sizeof ipc, "ipc://%s/socket", folder);
    for (size_t i = 0; i < PERIOD; i++) pattern[i] = (unsigned char)(i * 31 + (i >> 8) * 17);
    tr_mutex_init(&lock);
    tr_cond_init(&changed);
    tr_listener *at_ipc, *at_tcp;
    TR_CHECK(net->listen(&host, ipc, accepted, NULL, NULL, 0, &at_ipc) == TROUPE_OK);
    TR_CHECK(net->listen(&host, "tcp://127.0.0.1:0", accepted, NULL, tcp, sizeof tcp,
                         &at_tcp) == TROUPE_OK);

    uint64_t until = tr_after_ms(tr_clock(), SECONDS * 1000);
    struct dialer dialers[DIALERS];
    for (unsigned i = 0; i < DIALERS; i++) {
        dialers[i] = (struct dialer){.url = {ipc, tcp}, .seed = 88172645463325252u + i};
        dialers[i].until = until;
        TR_CHECK(tr_thread_start(&dialers[i].thread, "dialer", run_dialer, &dialers[i]));
    }
    reap(until);
    for (unsigned i = 0; i < DIALERS; i++) tr_thread_join(&dialers[i].thread);
    net->unlisten(at_ipc);
    net->unlisten(at_tcp);
    reap(until);
    TR_CHECK(access(ipc + strlen("ipc://"), F_OK) != 0 && rmdir(folder) == 0);
    printf("net_streams: %llu streams opened and closed, %llu MiB checked\n",
           (unsigned long long)tr_load64_relaxed(&ended),
           (unsigned long long)(tr_load64_relaxed(&bytes) >> 20));
    return 0;
}
