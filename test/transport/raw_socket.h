/* Plain sockets for tests that are no nodes: they say any bytes that they like. */
#ifndef TROUPE_TEST_RAW_SOCKET_H
#define TROUPE_TEST_RAW_SOCKET_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "test/transport/node_scene.h"

/* The address in a URL, as a sockaddr. */
static inline socklen_t raw_address(const char *url, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (strncmp(url, "ipc://", 6) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)out;
        un->sun_family = AF_UNIX;
        (void)snprintf(un->sun_path, sizeof un->sun_path, "%s", url + 6);
        return sizeof *un;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)atoi(strrchr(url, ':') + 1));
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return sizeof *in;
}

/* Connects to where a node listens. */
static inline int raw_connect(const char *url) {
    struct sockaddr_storage at;
    socklen_t size = raw_address(url, &at);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, size), 0);
    return fd;
}

/* Listens on a port of the system's choice; its URL. */
static inline int raw_listen(char *url, size_t room) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, size), 0);
    cr_assert_eq(listen(fd, 16), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(url, room, "tcp://127.0.0.1:%d", ntohs(at.sin_port));
    return fd;
}

/* Sends all; false: the other side has cut the connection. */
static inline bool raw_send(int fd, const void *bytes, size_t size) {
    for (const char *at = bytes; size;) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return false;
        at += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Reads what there is, at least a byte; 0: the connection has ended. */
static inline size_t raw_read(int fd, void *bytes, size_t room) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int ready;
    do ready = poll(&one, 1, PATIENCE_MS);
    while (ready < 0 && errno == EINTR);
    cr_assert_eq(ready, 1, "nothing comes, not even an end");
    ssize_t got = read(fd, bytes, room);
    return got > 0 ? (size_t)got : 0;
}

/* Waits for the end of a connection, and closes our side. */
static inline void raw_await_end(int fd) {
    char rest[4096];
    while (raw_read(fd, rest, sizeof rest)) {
    }
    (void)close(fd);
}

/* Waits until a node holds no more than that many bytes. */
static inline void raw_await_bytes(party *p, size_t most) {
    uint64_t until = patience();
    size_t bytes;
    while ((bytes = counting_heap_look(&p->heap).bytes) > most) {
        cr_assert_lt(tr_clock(), until, "%zu bytes, not %zu", bytes, most);
        (void)poll(NULL, 0, 1);
    }
}

#endif
