/* A proxy between two nodes that does harm: it passes bytes on, and cuts a connection, holds a
 * direction up, delays it, changes a byte or cuts at one, as it is told at any time or as a plan
 * for each connection says. Real sockets, tcp or ipc; one thread with a poll loop for all of them.
 * For tests and stress programs: nothing in it is of either. */
#ifndef TROUPE_TEST_FAULT_PROXY_H
#define TROUPE_TEST_FAULT_PROXY_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/os.h"

enum {
    FAULT_CONNECTIONS = 256,     /* at a time */
    FAULT_CHUNK = 16 << 10,      /* bytes that are passed on at once at most */
    FAULT_HELD_MOST = 256 << 10, /* bytes of a direction that are held before it is read no more */
    FAULT_TICK_MS = 100
};

/* Bytes that will go on at some time. */
typedef struct fault_chunk {
    struct fault_chunk *next;
    uint64_t due;
    size_t size, used;
    unsigned char bytes[];
} fault_chunk;

/* What is done to one direction. Offsets are of its bytes from the first on; UINT64_MAX: never. */
typedef struct fault_plan {
    uint64_t cut_at;     /* the connection ends before that byte */
    uint64_t corrupt_at; /* that byte is changed, */
    unsigned char flip;  /* by exclusive-or */
    bool stalled;        /* nothing passes, not even an end */
    unsigned delay_ms;   /* that everything takes */
    unsigned jitter_ms;  /* and up to that more, by chance; order is kept */
} fault_plan;

static const fault_plan fault_none = {.cut_at = UINT64_MAX, .corrupt_at = UINT64_MAX};

enum { FROM_DIALER, FROM_LISTENER };

typedef struct fault_way {
    fault_plan plan;
    uint64_t passed;    /* bytes that were read */
    bool did;           /* the plan's byte was changed, or cut at */
    bool ended;         /* no more will be read */
    fault_chunk *head, **tail;
    size_t held;
    uint64_t last_due;
} fault_way;

typedef struct fault_connection {
    bool used;
    int fd[2]; /* the dialer's, the listener's */
    fault_way way[2];
    uint64_t serial;
} fault_connection;

typedef struct fault_proxy {
    int listener, bell;
    char url[256], target[256];
    tr_thread thread;
    tr_mutex lock; /* guards what follows */
    bool over;
    uint64_t seed, serials;
    fault_plan next[2]; /* of the next connection; then none again */
    fault_connection connection[FAULT_CONNECTIONS];
} fault_proxy;

/* --- Sockets ---------------------------------------------------------------------------------- */

static inline void fault_copy(char *to, size_t room, const char *from) {
    size_t size = strlen(from) + 1;
    TR_CHECK(size <= room);
    memcpy(to, from, size);
}

static inline socklen_t fault_address(const char *url, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (strncmp(url, "ipc://", 6) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)out;
        un->sun_family = AF_UNIX;
        fault_copy(un->sun_path, sizeof un->sun_path, url + 6);
        return sizeof *un;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof *in;
}

static inline int fault_socket(const struct sockaddr_storage *at) {
    int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    TR_CHECK(fd >= 0);
    if (at->ss_family == AF_INET) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

/* --- One connection, under the lock ----------------------------------------------------------- */

static inline uint64_t fault_random(fault_proxy *p) {
    p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
    return p->seed >> 33;
}

static inline void fault_end(fault_connection *c) {
    for (int i = 0; i < 2; i++) {
        for (fault_chunk *at; (at = c->way[i].head);) {
            c->way[i].head = at->next;
            free(at);
        }
        (void)close(c->fd[i]);
    }
    c->used = false;
}

static inline void fault_accept(fault_proxy *p) {
    struct sockaddr_storage at;
    socklen_t size = fault_address(p->target, &at);
    int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), on = 1;
    if (fd < 0) return;
    if (at.ss_family == AF_INET) (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fault_connection *c = p->connection;
    while (c < p->connection + FAULT_CONNECTIONS && c->used) c++;
    int out = fault_socket(&at);
    if (c == p->connection + FAULT_CONNECTIONS || connect(out, (struct sockaddr *)&at, size)) {
        (void)close(fd);
        (void)close(out);
        return;
    }
    (void)fcntl(out, F_SETFL, O_NONBLOCK);
    *c = (fault_connection){.used = true, .fd = {fd, out}, .serial = ++p->serials};
    for (int i = 0; i < 2; i++) {
        c->way[i].plan = p->next[i];
        c->way[i].tail = &c->way[i].head;
        p->next[i] = fault_none;
    }
}

/* Reads what there is; false: the connection is cut. */
static inline bool fault_read(fault_proxy *p, fault_way *way, int from) {
    fault_chunk *chunk = malloc(sizeof *chunk + FAULT_CHUNK);
    TR_CHECK(chunk);
    ssize_t got = read(from, chunk->bytes, FAULT_CHUNK);
    if (got <= 0) {
        free(chunk);
        way->ended = !(got < 0 && (errno == EAGAIN || errno == EINTR));
        return true;
    }
    const fault_plan *plan = &way->plan;
    uint64_t size = (uint64_t)got;
    bool cut = plan->cut_at < way->passed + size;
    if (plan->corrupt_at >= way->passed && plan->corrupt_at < way->passed + size) {
        chunk->bytes[plan->corrupt_at - way->passed] ^= plan->flip;
        way->did = true;
    }
    way->passed += size;
    way->did = way->did || cut;
    uint64_t late = plan->delay_ms + (plan->jitter_ms ? fault_random(p) % plan->jitter_ms : 0);
    uint64_t due = late ? tr_after_ms(tr_clock(), late) : 0;
    *chunk = (fault_chunk){.size = (size_t)size, .due = due > way->last_due ? due : way->last_due};
    way->last_due = chunk->due;
    way->held += chunk->size;
    *way->tail = chunk;
    way->tail = &chunk->next;
    return !cut;
}

/* Writes what is due; false: nobody is there any more. */
static inline bool fault_write(fault_way *way, int to) {
    uint64_t now = tr_clock();
    for (fault_chunk *at; (at = way->head) && at->due <= now;) {
        ssize_t sent = send(to, at->bytes + at->used, at->size - at->used, MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN || errno == EINTR;
        at->used += (size_t)sent;
        if (at->used < at->size) return true;
        way->held -= at->size;
        way->head = at->next;
        if (!way->head) way->tail = &way->head;
        free(at);
    }
    return true;
}

/* One turn of a connection. False: it is over. */
static inline bool fault_turn(fault_proxy *p, fault_connection *c, const short got[2]) {
    for (int i = 0; i < 2; i++) {
        fault_way *way = &c->way[i];
        if (way->plan.stalled) continue;
        bool can = got[i] & (POLLIN | POLLHUP | POLLERR);
        if (can && !way->ended && way->held < FAULT_HELD_MOST && !fault_read(p, way, c->fd[i]))
            return false;
        if (!fault_write(way, c->fd[!i])) return false;
        if (way->ended && !way->head) return false; /* an end is passed on as one of both ways */
    }
    return true;
}

/* --- The loop --------------------------------------------------------------------------------- */

static inline short fault_wishes(const fault_connection *c, int side, int *timeout) {
    const fault_way *in = &c->way[side], *out = &c->way[!side];
    short wish = 0;
    if (!in->plan.stalled && !in->ended && in->held < FAULT_HELD_MOST) wish |= POLLIN;
    if (out->plan.stalled || !out->head) return wish;
    uint64_t now = tr_clock();
    if (out->head->due <= now) return (short)(wish | POLLOUT);
    int ms = (int)((out->head->due - now) / TR_MS) + 1;
    if (ms < *timeout) *timeout = ms;
    return wish;
}

static inline void fault_once(fault_proxy *p) {
    enum { MOST = 2 * FAULT_CONNECTIONS + 2 };
    static _Thread_local struct pollfd at[MOST];
    fault_connection *of[FAULT_CONNECTIONS];
    nfds_t count = 2;
    int timeout = FAULT_TICK_MS;
    at[0] = (struct pollfd){.fd = p->listener, .events = POLLIN};
    at[1] = (struct pollfd){.fd = p->bell, .events = POLLIN};
    for (fault_connection *c = p->connection; c < p->connection + FAULT_CONNECTIONS; c++) {
        if (!c->used) continue;
        of[(count - 2) / 2] = c;
        for (int i = 0; i < 2; i++) {
            short wish = fault_wishes(c, i, &timeout);
            at[count++] = (struct pollfd){.fd = wish ? c->fd[i] : -1, .events = wish};
        }
    }
    tr_unlock(&p->lock);
    (void)poll(at, count, timeout);
    tr_lock(&p->lock);
    uint64_t rings;
    if (at[1].revents & POLLIN) (void)!read(p->bell, &rings, sizeof rings);
    for (nfds_t i = 2; i < count; i += 2) {
        fault_connection *c = of[(i - 2) / 2];
        const short got[2] = {at[i].revents, at[i + 1].revents};
        if (c->used && !fault_turn(p, c, got)) fault_end(c);
    }
    if (at[0].revents & POLLIN) fault_accept(p);
}

static inline void *fault_run(void *arg) {
    fault_proxy *p = arg;
    tr_lock(&p->lock);
    while (!p->over) fault_once(p);
    tr_unlock(&p->lock);
    return NULL;
}

/* --- For tests -------------------------------------------------------------------------------- */

static inline void fault_ring(fault_proxy *p) {
    uint64_t one = 1;
    TR_CHECK(write(p->bell, &one, sizeof one) == sizeof one);
}

/* Listens at `url` (tcp: a port of the system's choice) for `target`; p->url is where. */
static inline void fault_open(fault_proxy *p, const char *url, const char *target) {
    struct sockaddr_storage at;
    socklen_t size = fault_address(url, &at);
    memset(p, 0, sizeof *p);
    fault_copy(p->url, sizeof p->url, url);
    fault_copy(p->target, sizeof p->target, target);
    if (at.ss_family == AF_INET) ((struct sockaddr_in *)&at)->sin_port = 0;
    p->listener = fault_socket(&at);
    p->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    TR_CHECK(p->bell >= 0 && !bind(p->listener, (struct sockaddr *)&at, size));
    TR_CHECK(!listen(p->listener, 128) && !fcntl(p->listener, F_SETFL, O_NONBLOCK));
    TR_CHECK(!getsockname(p->listener, (struct sockaddr *)&at, &size));
    if (at.ss_family == AF_INET)
        (void)snprintf(p->url, sizeof p->url, "tcp://127.0.0.1:%d",
                       ntohs(((struct sockaddr_in *)&at)->sin_port));
    tr_mutex_init(&p->lock);
    p->next[0] = p->next[1] = fault_none;
    p->seed = 1;
    TR_CHECK(tr_thread_start(&p->thread, "proxy", fault_run, p));
}

static inline void fault_close(fault_proxy *p) {
    tr_lock(&p->lock);
    p->over = true;
    tr_unlock(&p->lock);
    fault_ring(p);
    tr_thread_join(&p->thread);
    for (unsigned i = 0; i < FAULT_CONNECTIONS; i++)
        if (p->connection[i].used) fault_end(&p->connection[i]);
    (void)close(p->listener);
    (void)close(p->bell);
    if (strncmp(p->url, "ipc://", 6) == 0) (void)unlink(p->url + 6);
    tr_mutex_fini(&p->lock);
}

/* What is done to the next connection, which is the only one that comes meanwhile. */
static inline void fault_next(fault_proxy *p, int way, fault_plan plan) {
    tr_lock(&p->lock);
    p->next[way] = plan;
    tr_unlock(&p->lock);
}

/* The connection of that serial, from 1 on, under the lock; NULL: it is over. */
static inline fault_connection *fault_find(fault_proxy *p, uint64_t serial) {
    for (unsigned i = 0; i < FAULT_CONNECTIONS; i++)
        if (p->connection[i].used && p->connection[i].serial == serial) return &p->connection[i];
    return NULL;
}

/* What is done to a direction of a connection from now on. */
static inline void fault_change(fault_proxy *p, uint64_t serial, int way, fault_plan plan) {
    tr_lock(&p->lock);
    fault_connection *c = fault_find(p, serial);
    if (c) c->way[way].plan = plan;
    tr_unlock(&p->lock);
    fault_ring(p);
}

/* Ends a connection at once, on both sides. */
static inline void fault_cut(fault_proxy *p, uint64_t serial) {
    tr_lock(&p->lock);
    fault_connection *c = fault_find(p, serial);
    if (c) fault_end(c);
    tr_unlock(&p->lock);
    fault_ring(p);
}

/* How many connections there have been; the last one has that serial. */
static inline uint64_t fault_count(fault_proxy *p) {
    tr_lock(&p->lock);
    uint64_t count = p->serials;
    tr_unlock(&p->lock);
    return count;
}

#endif
