/* The port of stream.h on nng: dialing and listening. Its streams are in nng_stream.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/os.h"
#include "transport/nng_stream.h"

enum { ACCEPT_PAUSE_MS = 50 }; /* after a failed accept, before the next one */

struct tr_listener {
    tr_host host; /* of its streams, too */
    nng_stream_listener *nng;
    nng_aio *aio;
    void (*accepted)(void *ctx, tr_stream *stream);
    void *ctx;
    tr_mutex lock; /* guards `ended` */
    bool ended;    /* no accept is begun any more */
};

static troupe_err error_of(int rv) {
    switch (rv) {
    case 0:
        return TROUPE_OK;
    case NNG_ETIMEDOUT:
        return TROUPE_TIMEOUT;
    case NNG_ENOMEM:
        return TROUPE_NOMEM;
    case NNG_EADDRINUSE:
        return TROUPE_TAKEN;
    case NNG_EADDRINVAL:
    case NNG_EINVAL:
    case NNG_ENOTSUP:
        return TROUPE_INVALID;
    default:
        return TROUPE_SYSTEM;
    }
}

/* When dialing, what may be better the next time is NOCONNECTION. */
static troupe_err dial_error_of(int rv) {
    switch (rv) {
    case NNG_ECONNREFUSED:
    case NNG_ECONNRESET:
    case NNG_ECONNABORTED:
    case NNG_ECONNSHUT:
    case NNG_ECLOSED: /* it accepted, and closed at once: it has no memory, or is closing */
    case NNG_EUNREACHABLE:
    case NNG_EADDRINUSE: /* no local port is free */
    case NNG_EADDRINVAL: /* the host is not known */
    case NNG_EAGAIN:
        return TROUPE_NOCONNECTION; /* the listener's queue is full */
    default:
        return error_of(rv);
    }
}

/* The path in an ipc URL; NULL if it is another one. */
static const char *ipc_path(const char *url) {
    return strncmp(url, "ipc://", 6) == 0 ? url + 6 : NULL;
}

/* Stricter than nng, whose parser also takes users, queries, and schemes that are not for us. */
static bool tcp_url_ok(const char *url, bool listening) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  ".-_:[]*";
    if (strncmp(url, "tcp://", 6) != 0) return false;
    const char *host = url + 6;
    const char *colon = strrchr(host, ':');
    if (!colon || strspn(host, allowed) < (size_t)(colon - host)) return false;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits]) return false;
    unsigned long port = strtoul(colon + 1, NULL, 10);
    return port <= 65535 && (port > 0 || listening);
}

static bool url_ok(const char *url, bool listening) {
    const char *path = ipc_path(url);
    if (!path) return tcp_url_ok(url, listening);
    return *path && strlen(path) < sizeof((struct sockaddr_un *)0)->sun_path;
}

/* ---- nng's own start ---- */

/* nng starts its threads at first use, and waits for itself for ever if one can't be started. So as
 * many are started here before, and ended again: if these can't be, nng is not touched. */
static tr_mutex probe_lock = {PTHREAD_MUTEX_INITIALIZER}; /* as nng: one a process */
static bool probed;                                       /* guarded by it */

static void *probe(void *gate) {
    tr_lock(gate);
    tr_unlock(gate);
    return NULL;
}

static bool threads_can_start(void) {
    enum { NNG_THREADS = 16, NNG_THREADS_A_CORE = 2 };
    tr_thread thread[64];
    unsigned count = 0, need = NNG_THREADS + NNG_THREADS_A_CORE * tr_cores();
    if (need > sizeof thread / sizeof *thread) need = sizeof thread / sizeof *thread;
    tr_mutex gate;
    tr_mutex_init(&gate);
    tr_lock(&gate); /* all live at the same time */
    while (count < need && tr_thread_start(&thread[count], "troupe:probe", probe, &gate)) count++;
    tr_unlock(&gate);
    for (unsigned i = 0; i < count; i++) tr_thread_join(&thread[i]);
    tr_mutex_fini(&gate);
    return count == need;
}

/* Whether nng may be used. */
static bool nng_can_start(void) {
    tr_lock(&probe_lock);
    if (!probed) probed = threads_can_start();
    bool ok = probed;
    tr_unlock(&probe_lock);
    return ok;
}

static void fini(void) {
    tr_lock(&probe_lock);
    nng_fini();
    probed = false;
    tr_unlock(&probe_lock);
}

/* ---- dialing ---- */

/* Whether both ends of a TCP stream are one: dialing a port where nobody listens, again and again,
 * ends in a connection with oneself when the system picks that very port for the near end. */
static bool to_itself(nng_stream *nng) {
    nng_sockaddr near, far;
    if (nng_stream_get_addr(nng, NNG_OPT_LOCADDR, &near) != 0) return false;
    if (nng_stream_get_addr(nng, NNG_OPT_REMADDR, &far) != 0) return false;
    if (near.s_family != far.s_family) return false;
    if (near.s_family == NNG_AF_INET) {
        return near.s_in.sa_port == far.s_in.sa_port && near.s_in.sa_addr == far.s_in.sa_addr;
    }
    return near.s_family == NNG_AF_INET6 && near.s_in6.sa_port == far.s_in6.sa_port &&
           memcmp(near.s_in6.sa_addr, far.s_in6.sa_addr, sizeof near.s_in6.sa_addr) == 0;
}

/* Lets the next operation of `aio` fail at the deadline; in 0 ms it would not even be tried. */
static void set_deadline(nng_aio *aio, uint64_t deadline) {
    uint64_t now = tr_clock(), ms = deadline > now ? (deadline - now) / TR_MS + 1 : 1;
    nng_aio_set_timeout(aio, ms < INT32_MAX ? (nng_duration)ms : INT32_MAX);
}

/* nng 1.5.2 often takes a TCP stream for connected that is only on its way: its poller has seen the
 * hang-up that the new socket shows before connect(), and asks for an error, which there is not.
 * Sending nothing waits until the connection is made indeed. */
static int await_connected(nng_stream *nng, nng_aio *aio, uint64_t deadline) {
    nng_iov nothing = {NULL, 0};
    TR_CHECK(nng_aio_set_iov(aio, 1, &nothing) == 0);
    set_deadline(aio, deadline);
    nng_stream_send(nng, aio);
    nng_aio_wait(aio);
    return nng_aio_result(aio);
}

/* Dials once with nng's dialer. */
static int dial_once(nng_stream_dialer *dialer, uint64_t deadline, nng_stream **out) {
    nng_aio *aio;
    int rv = nng_aio_alloc(&aio, NULL, NULL);
    if (rv != 0) return rv;
    set_deadline(aio, deadline);
    nng_stream_dialer_dial(dialer, aio);
    nng_aio_wait(aio);
    rv = nng_aio_result(aio);
    if (rv == 0) {
        *out = nng_aio_get_output(aio, 0);
        rv = await_connected(*out, aio, deadline);
        if (rv != 0) nng_stream_free(*out);
    }
    nng_aio_free(aio); /* before the dialer, which a time-out may still be busy with */
    return rv;
}

static bool dials(const char *url) {
    return url_ok(url, false);
}

static troupe_err dial(const tr_host *host, const char *url, uint64_t deadline, tr_stream **out) {
    if (!dials(url)) return TROUPE_INVALID;
    if (!nng_can_start()) return TROUPE_NOMEM;
    if (deadline <= tr_clock()) return TROUPE_TIMEOUT;
    bool tcp = !ipc_path(url);
    nng_stream_dialer *dialer;
    int rv = nng_stream_dialer_alloc(&dialer, url);
    if (rv != 0) return error_of(rv);
    nng_stream *nng = NULL;
    if (tcp) rv = nng_stream_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, true);
    if (rv == 0) rv = dial_once(dialer, deadline, &nng);
    nng_stream_dialer_free(dialer);
    if (rv != 0) return dial_error_of(rv);
    if (tcp && to_itself(nng)) {
        nng_stream_free(nng);
        return TROUPE_NOCONNECTION;
    }
    *out = tr_nng_stream_make(host, nng);
    return *out ? TROUPE_OK : TROUPE_NOMEM;
}

/* ---- listening ---- */

/* A stream has come, or an accept failed (no descriptors, no memory), or the pause after that is
 * over. A listener that goes deaf for good would be worse than one that tries again. */
static void on_accepted(void *arg) {
    tr_listener *listener = arg;
    int rv = nng_aio_result(listener->aio);
    nng_stream *nng = rv == 0 ? nng_aio_get_output(listener->aio, 0) : NULL;
    if (nng) {
        tr_stream *stream = tr_nng_stream_make(&listener->host, nng);
        if (stream) listener->accepted(listener->ctx, stream);
    }
    tr_lock(&listener->lock);
    if (!listener->ended && rv != 0) {
        nng_sleep_aio(ACCEPT_PAUSE_MS, listener->aio);
    } else if (!listener->ended) {
        nng_stream_listener_accept(listener->nng, listener->aio);
    }
    tr_unlock(&listener->lock);
}

static void free_listener(tr_listener *listener) {
    if (listener->nng) nng_stream_listener_free(listener->nng);
    if (listener->aio) nng_aio_free(listener->aio);
    tr_mutex_fini(&listener->lock);
    tr_give(listener->host.heap, listener, sizeof *listener);
}

static void unlisten(tr_listener *listener) {
    tr_lock(&listener->lock);
    listener->ended = true;
    tr_unlock(&listener->lock);
    nng_stream_listener_close(listener->nng);
    nng_aio_stop(listener->aio); /* ends a pause, and waits for `accepted` */
    free_listener(listener);
}

/* Binds: nng replaces a socket file that nobody listens at, and makes ours nobody else's. */
static int bind_listener(tr_listener *listener, const char *url) {
    int rv = nng_aio_alloc(&listener->aio, on_accepted, listener);
    if (rv == 0) rv = nng_stream_listener_alloc(&listener->nng, url);
    if (rv != 0) return rv;
    if (ipc_path(url)) {
        rv = nng_stream_listener_set_int(listener->nng, NNG_OPT_IPC_PERMISSIONS, 0600);
    } else {
        rv = nng_stream_listener_set_bool(listener->nng, NNG_OPT_TCP_NODELAY, true);
    }
    return rv != 0 ? rv : nng_stream_listener_listen(listener->nng);
}

/* Tells the address in use: the URL with the port that was bound. */
static troupe_err tell_bound(tr_listener *listener, const char *url, char *bound, size_t room) {
    if (!bound) return TROUPE_OK;
    int size, port;
    if (ipc_path(url)) {
        size = snprintf(bound, room, "%s", url);
    } else {
        int rv = nng_stream_listener_get_int(listener->nng, NNG_OPT_TCP_BOUND_PORT, &port);
        if (rv != 0) return error_of(rv);
        int host = (int)(strrchr(url, ':') - url);
        size = snprintf(bound, room, "%.*s:%d", host, url, port);
    }
    return size >= 0 && (size_t)size < room ? TROUPE_OK : TROUPE_INVALID;
}

static troupe_err listen_at(const tr_host *host, const char *url,
                            void (*accepted)(void *ctx, tr_stream *stream), void *ctx, char *bound,
                            size_t room, tr_listener **out) {
    if (!url_ok(url, true)) return TROUPE_INVALID;
    const char *path = ipc_path(url);
    struct stat found;
    /* nng would delete any file there that does not answer */
    if (path && lstat(path, &found) == 0 && !S_ISSOCK(found.st_mode)) return TROUPE_TAKEN;
    if (!nng_can_start()) return TROUPE_NOMEM;
    tr_listener *listener = tr_take(host->heap, sizeof *listener);
    if (!listener) return TROUPE_NOMEM;
    *listener = (tr_listener){.host = *host, .accepted = accepted, .ctx = ctx};
    tr_mutex_init(&listener->lock);
    troupe_err err = error_of(bind_listener(listener, url));
    if (err == TROUPE_OK) err = tell_bound(listener, url, bound, room);
    if (err != TROUPE_OK) {
        free_listener(listener);
        return err;
    }
    *out = listener; /* before a stream can come: its owner may look at it */
    tr_lock(&listener->lock);
    nng_stream_listener_accept(listener->nng, listener->aio);
    tr_unlock(&listener->lock);
    return TROUPE_OK;
}

const tr_net tr_nng_net = {
    .dials = dials,
    .dial = dial,
    .listen = listen_at,
    .unlisten = unlisten,
    .start = tr_nng_stream_start,
    .send = tr_nng_stream_send,
    .try_send = tr_nng_stream_try_send,
    .close = tr_nng_stream_close,
    .free = tr_nng_stream_free,
    .hold = tr_nng_stream_hold,
    .fini = fini,
};
