/* Streams of nng's in pairs, of which each end sends a pattern and checks what it gets. */
#ifndef TROUPE_TEST_TRANSPORT_NNG_ENDS_H
#define TROUPE_TEST_TRANSPORT_NNG_ENDS_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <troupe/actor.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/os.h"
#include "transport/stream.h"

enum { PERIOD = 1000003, WAIT_MS = 20000 };

static const tr_net *const net = &tr_nng_net;
static tr_host host = {.heap = &tr_heap_default};

/* All ends of a test share one lock, which is held during calls and taken in events: the port
 * promises that this can't lock up. */
static tr_mutex lock;
static tr_cond changed;
static tr_stream *arrived[4]; /* accepted and not yet fetched */
static unsigned arrivals;
static unsigned char *pattern; /* PERIOD bytes; what is sent repeats it */
static char folder[32], path[64], ipc[128];

static inline void set_up(void) {
    tr_mutex_init(&lock);
    tr_cond_init(&changed);
    strcpy(folder, "/tmp/troupe-net-XXXXXX");
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(ipc, sizeof ipc, "ipc://%s", path);
    pattern = malloc(PERIOD);
    for (size_t i = 0; i < PERIOD; i++) pattern[i] = (unsigned char)(i * 31 + (i >> 8) * 17);
}

static inline void tear_down(void) {
    cr_expect_neq(access(path, F_OK), 0, "the socket file is gone");
    cr_expect_eq(rmdir(folder), 0, "nothing is left in the folder");
    free(pattern);
}

/* One end of a stream: sends `todo` bytes of the pattern, and checks what it gets against it. */
typedef struct end {
    tr_stream *stream;
    uint64_t todo, sent, got, enough; /* closes when it got `enough` */
    bool echo;                        /* sends back what it gets, one piece at a time */
    bool tries;                       /* sends at once what the system takes, mostly */
    bool holds;                       /* reads nothing after what comes first */
    unsigned came, closed, bad, telling, told;
    unsigned char piece[64];
} end;

/* The next piece of what is to be sent, without the end of the pattern in it. */
static inline size_t next_piece(const end *e, size_t most, const unsigned char **piece) {
    size_t at = (size_t)(e->sent % PERIOD), size = most;
    if (size > PERIOD - at) size = PERIOD - at;
    if (size > e->todo - e->sent) size = (size_t)(e->todo - e->sent);
    *piece = pattern + at;
    return size;
}

/* False: all is sent. */
static inline bool send_next(end *e) {
    const unsigned char *piece;
    size_t gone = 0, size = 0;
    for (unsigned n = 0; gone == size; n++) { /* the last one has its `sent` */
        size = next_piece(e, 1 + (size_t)(e->sent * 7919 % 300007), &piece);
        if (size == 0) return false;
        gone = e->tries && n < 3 ? net->try_send(e->stream, piece, size) : 0;
        e->sent += size;
    }
    net->send(e->stream, piece + gone, size - gone);
    return true;
}

static inline void on_sent(void *ctx) {
    end *e = ctx;
    tr_lock(&lock);
    e->bad += e->telling++ > 0 || e->closed > 0; /* one at a time, and before the end */
    bool waits = !e->echo && send_next(e); /* for this event to be over */
    if (waits) e->bad += net->try_send(e->stream, pattern, 1) > 0;
    tr_unlock(&lock);
    tr_lock(&lock); /* so that a next one would have the chance to come too early */
    e->telling--;
    e->told++;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static inline void on_received(void *ctx, const void *bytes, size_t size) {
    end *e = ctx;
    const unsigned char *from = bytes;
    tr_lock(&lock);
    e->came++;
    e->bad += e->closed > 0;
    if (e->echo && size <= sizeof e->piece) {
        memcpy(e->piece, bytes, size);
        net->send(e->stream, e->piece, size);
    }
    while (size > 0) {
        size_t at = (size_t)(e->got % PERIOD);
        size_t part = size < PERIOD - at ? size : PERIOD - at;
        if (memcmp(from, pattern + at, part) != 0) e->bad++;
        from += part;
        size -= part;
        e->got += part;
    }
    if (e->got >= e->enough) net->close(e->stream);
    if (e->holds) net->hold(e->stream, true);
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static inline void on_closed(void *ctx) {
    end *e = ctx;
    tr_lock(&lock);
    e->closed++;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

static const tr_stream_events events = {on_received, on_sent, on_closed};

static inline void on_accepted(void *ctx, tr_stream *stream) {
    (void)ctx;
    tr_lock(&lock);
    cr_assert_lt(arrivals, 4);
    arrived[arrivals++] = stream;
    tr_cond_wake_all(&changed);
    tr_unlock(&lock);
}

/* Waits until `*value` is at least `least`; held lock. */
#define AWAIT(value, least)                                                                      \
    for (uint64_t until_ = tr_after_ms(tr_clock(), WAIT_MS); (value) < (least);)                 \
    cr_assert(tr_cond_wait(&changed, &lock, until_), #value " does not come")

static inline tr_listener *listen_at(const char *url, char bound[256]) {
    tr_listener *listener;
    troupe_err err = net->listen(&host, url, on_accepted, NULL, bound, 256, &listener);
    cr_assert_eq(err, TROUPE_OK, "%s: %d", url, (int)err);
    return listener;
}

static inline troupe_err dial(const char *url, tr_stream **out) {
    return net->dial(&host, url, tr_after_ms(tr_clock(), WAIT_MS), out);
}

static inline tr_stream *fetch_arrived(void) {
    tr_lock(&lock);
    AWAIT(arrivals, 1);
    tr_stream *stream = arrived[--arrivals];
    tr_unlock(&lock);
    return stream;
}

/* Starts an end; both the near and the far one of a pair are then at work. */
static inline void start(end *e, tr_stream *stream) {
    e->stream = stream;
    if (e->enough == 0) e->enough = UINT64_MAX;
    tr_lock(&lock);
    net->start(stream, &events, e);
    (void)send_next(e);
    tr_unlock(&lock);
}

static inline void open_pair(const char *url, end *near, end *far) {
    tr_stream *stream;
    cr_assert_eq(dial(url, &stream), TROUPE_OK);
    start(near, stream);
    start(far, fetch_arrived());
}

static inline void close_end(end *e) {
    tr_lock(&lock);
    net->close(e->stream);
    net->close(e->stream); /* more than once is allowed */
    tr_unlock(&lock);
}

/* Waits for the closed event, sees that nothing follows, and frees. */
static inline void finish(end *e) {
    tr_lock(&lock);
    AWAIT(e->closed, 1);
    net->send(e->stream, "x", 1); /* too late: nothing happens */
    cr_assert_eq(net->try_send(e->stream, "x", 1), 0);
    net->close(e->stream);
    tr_unlock(&lock);
    net->free(e->stream);
    cr_assert_eq(e->closed, 1);
    cr_assert_eq(e->bad, 0);
}

/* --- Workers that look at the streams --------------------------------------------------------- */

static const troupe_type nudge_type = TROUPE_SIGNAL_TYPE("nudge");
static troupe_ref nudged;
static tr_atomic32 rests; /* 1: the nudging is to end */

static inline troupe_err be_nudged(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self;
    (void)state;
    (void)msg;
    return TROUPE_OK;
}

/* Has a worker be awake, and look at the streams, about half of the time. */
static inline void *nudge(void *arg) {
    troupe *rt = arg;
    for (unsigned n = 1; !tr_load32_seq(&rests); n++) {
        troupe_msg *msg;
        cr_assert_eq(troupe_make(rt, &nudge_type, NULL, &msg), TROUPE_OK);
        troupe_err err = troupe_post(rt, nudged, &msg);
        cr_assert(err == TROUPE_OK || err == TROUPE_FULL);
        troupe_drop(&msg);
        const struct timespec pause = {0, (long)(n * 7919 % 300) * 1000};
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

/* Runs a test at an address, with or without workers that look. */
static inline void run_at(const char *url, bool workers, void (*run)(const char *url)) {
    const troupe_config config = {.workers = 2};
    const troupe_behaviour what = {.name = "nudged", .receive = be_nudged};
    char bound[256];
    tr_thread nudger;
    host.rt = NULL;
    if (workers) {
        cr_assert_eq(troupe_open(&config, &host.rt), TROUPE_OK);
        cr_assert_eq(troupe_spawn(host.rt, &what, NULL, &nudged), TROUPE_OK);
        tr_store32_seq(&rests, 0);
        cr_assert(tr_thread_start(&nudger, "nudger", nudge, host.rt));
    }
    tr_listener *listener = listen_at(url, bound);
    run(bound);
    net->unlisten(listener);
    if (!workers) return;
    tr_store32_seq(&rests, 1);
    tr_thread_join(&nudger);
    troupe_close(&host.rt);
}

/* Runs a test at an ipc and at a tcp address; with workers that look at the streams, and without.
 */
static inline void at_both(void (*run)(const char *url)) {
    for (int workers = 0; workers < 2; workers++) {
        run_at(ipc, workers, run);
        run_at("tcp://127.0.0.1:0", workers, run);
    }
}

static inline unsigned descriptors(void) {
    unsigned count = 0;
    DIR *all = opendir("/proc/self/fd");
    while (readdir(all)) count++;
    closedir(all);
    return count;
}

#endif
