/* Peers for tests that are no nodes: they say any bytes that they like, over a plain socket or in a
 * simulation. */
#ifndef TROUPE_TEST_RAW_PEER_H
#define TROUPE_TEST_RAW_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/heap.h"
#include "serial/codec.h"
#include "test/transport/node_hands.h"
#include "transport/stream.h"

typedef struct raw_peer {
    int fd;            /* over a socket */
    tr_stream *stream; /* in a simulation; and what has come, */
    tr_buffer in;
    bool busy, ended;       /* that bytes are on their way, that it is over */
    struct raw_peer *other; /* whom all that comes is passed on to; NULL: nobody */
    tr_buffer out;          /* for that one, which is busy */
    void (*overheard)(void *ctx, const void *bytes, size_t size); /* sees it pass; may be NULL */
    void *ctx;
} raw_peer;

static inline raw_peer *raw_make(int fd, tr_stream *stream) {
    raw_peer *p = calloc(1, sizeof *p);
    cr_assert_not_null(p);
    p->fd = fd;
    p->stream = stream;
    p->in.heap = p->out.heap = &tr_heap_default;
    return p;
}

/* Goes away without a word. */
static inline void raw_close(raw_peer *p) {
    if (p->stream)
        tr_sim_net.free(p->stream);
    else
        (void)close(p->fd);
    tr_buffer_fini(&p->in);
    tr_buffer_fini(&p->out);
    free(p);
}

/* --- In a simulation -------------------------------------------------------------------------- */

/* Sends what is for it, if it can. */
static inline void raw_flush(raw_peer *p) {
    if (p->busy || p->ended || !p->out.size) return;
    p->busy = true;
    tr_sim_net.send(p->stream, p->out.data, p->out.size);
    p->out.size = 0; /* it has a copy */
}

static inline void raw_received(void *ctx, const void *bytes, size_t size) {
    raw_peer *p = ctx;
    raw_peer *to = p->other ? p->other : p;
    if (p->overheard) p->overheard(p->ctx, bytes, size);
    cr_assert(tr_buffer_put(p->other ? &to->out : &to->in, bytes, size));
    if (p->other) raw_flush(to);
}

static inline void raw_sent(void *ctx) {
    raw_peer *p = ctx;
    p->busy = false;
    raw_flush(p);
}

static inline void raw_closed(void *ctx) {
    raw_peer *p = ctx;
    p->ended = true;
    if (p->other) tr_sim_net.close(p->other->stream);
}

static const tr_stream_events raw_events = {raw_received, raw_sent, raw_closed};
static const tr_stream_events raw_deaf_events = {NULL, raw_sent, raw_closed};

static inline tr_host raw_host(void) {
    if (!scene_host) cr_assert_eq(troupe_sim_runtime(scene_sim, NULL, &scene_host), TROUPE_OK);
    return (tr_host){&tr_heap_default, scene_host};
}

static inline raw_peer *raw_started(tr_stream *stream) {
    raw_peer *p = raw_make(-1, stream);
    tr_sim_net.start(stream, &raw_events, p);
    return p;
}

static inline raw_peer *raw_dial(const char *url) {
    const tr_host host = raw_host();
    tr_stream *stream;
    cr_assert_eq(tr_sim_net.dial(&host, url, patience(), &stream), TROUPE_OK);
    return raw_started(stream);
}

static inline bool raw_send_simulated(raw_peer *p, const void *bytes, size_t size) {
    if (!size) return !p->ended;
    cr_assert(tr_buffer_put(&p->out, bytes, size));
    raw_flush(p);
    for (uint64_t until = patience(); p->busy && !p->ended;) scene_go_on(until);
    return !p->ended;
}

static inline size_t raw_read_simulated(raw_peer *p, void *bytes, size_t room) {
    for (uint64_t until = patience(); !p->in.size && !p->ended;) scene_go_on(until);
    size_t size = p->in.size < room ? p->in.size : room;
    if (!size) return 0;
    memcpy(bytes, p->in.data, size);
    p->in.size -= size;
    memmove(p->in.data, p->in.data + size, p->in.size);
    return size;
}

/* --- Over a socket ---------------------------------------------------------------------------- */

/* The address in a URL, as a sockaddr. */
static inline socklen_t raw_address(const char *url, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (strncmp(url, "ipc://", 6) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)out;
        un->sun_family = AF_UNIX;
        (void)snprintf(un->sun_path, sizeof un->sun_path, "%.107s", url + 6);
        return sizeof *un;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof *in;
}

static inline bool raw_send_socket(const raw_peer *p, const void *bytes, size_t size) {
    for (const char *at = bytes; size;) {
        ssize_t sent = send(p->fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

static inline bool raw_readable(const raw_peer *p, int ms) {
    struct pollfd one = {.fd = p->fd, .events = POLLIN};
    int ready;
    do ready = poll(&one, 1, ms);
    while (ready < 0 && errno == EINTR);
    return ready == 1;
}

/* --- Anywhere --------------------------------------------------------------------------------- */

/* Connects to where a node listens. */
static inline raw_peer *raw_connect(const char *url) {
    if (scene_sim) return raw_dial(url);
    struct sockaddr_storage at;
    socklen_t size = raw_address(url, &at);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, size), 0);
    return raw_make(fd, NULL);
}

/* Sends all; false: the other side has cut the connection. */
static inline bool raw_send(raw_peer *p, const void *bytes, size_t size) {
    return p->stream ? raw_send_simulated(p, bytes, size) : raw_send_socket(p, bytes, size);
}

/* Reads what there is, at least a byte; 0: the connection has ended. */
static inline size_t raw_read(raw_peer *p, void *bytes, size_t room) {
    if (p->stream) return raw_read_simulated(p, bytes, room);
    cr_assert(raw_readable(p, PATIENCE_MS), "nothing comes, not even an end");
    ssize_t got = read(p->fd, bytes, room);
    return got > 0 ? (size_t)got : 0;
}

/* Whether something comes, be it the end, within some time. */
static inline bool raw_hears(raw_peer *p, unsigned ms) {
    if (!p->stream) return raw_readable(p, (int)ms);
    for (uint64_t until = tr_after_ms(scene_clock(), ms); scene_clock() < until;) {
        if (p->in.size || p->ended) return true;
        (void)tr_sim_advance(scene_sim, until);
    }
    return false;
}

/* Reads nothing any more, but goes on to speak. */
static inline void raw_stop_reading(raw_peer *p) {
    if (p->stream) tr_sim_net.start(p->stream, &raw_deaf_events, p);
}

/* Says nothing any more. */
static inline void raw_finish(raw_peer *p) {
    if (p->stream)
        tr_sim_net.close(p->stream);
    else
        (void)shutdown(p->fd, SHUT_WR);
}

/* Waits for the end of a connection, and closes our side. */
static inline void raw_await_end(raw_peer *p) {
    char rest[4096];
    if (p->stream) tr_sim_net.start(p->stream, &raw_events, p);
    while (raw_read(p, rest, sizeof rest)) {
    }
    raw_close(p);
}

/* Waits until a node holds no more than that many bytes. */
static inline void raw_await_bytes(party *p, size_t most) {
    if (scene_sim)
        SCENE_AWAIT(counting_heap_look(&p->heap).bytes <= most);
    else
        cr_assert(counting_heap_await(&p->heap, most, patience()), "more than %zu bytes", most);
}

/* --- Listening -------------------------------------------------------------------------------- */

enum { RAW_COME_MOST = 32 };

/* Where somebody listens that is no node. */
typedef struct raw_listener {
    int fd;                /* over sockets: who connects waits there */
    tr_listener *listener; /* in a simulation, and who has come */
    raw_peer *come[RAW_COME_MOST];
    size_t count;
    void (*accepted)(void *ctx, raw_peer *peer); /* at each; may be NULL */
    void *ctx;
    char url[64];
} raw_listener;

static inline void raw_accepted(void *ctx, tr_stream *stream) {
    raw_listener *l = ctx;
    cr_assert_lt(l->count, (size_t)RAW_COME_MOST);
    raw_peer *peer = l->come[l->count++] = raw_started(stream);
    if (l->accepted) l->accepted(l->ctx, peer);
}

/* Listens at an address of the system's choice. */
static inline void raw_listen(raw_listener *l) {
    const char *any = "tcp://127.0.0.1:0";
    if (scene_sim) {
        const tr_host host = raw_host();
        cr_assert_eq(
            tr_sim_net.listen(&host, any, raw_accepted, l, l->url, sizeof l->url, &l->listener),
            TROUPE_OK);
        return;
    }
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(l->fd, 0);
    cr_assert_eq(bind(l->fd, (struct sockaddr *)&at, size), 0);
    cr_assert_eq(listen(l->fd, 16), 0);
    cr_assert_eq(getsockname(l->fd, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(l->url, sizeof l->url, "tcp://127.0.0.1:%d", ntohs(at.sin_port));
}

/* Leaves, and so does it who has come. */
static inline void raw_unlisten(raw_listener *l) {
    if (l->listener)
        tr_sim_net.unlisten(l->listener);
    else
        (void)close(l->fd);
    while (l->count > 0) raw_close(l->come[--l->count]);
}

#endif
