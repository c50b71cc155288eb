/* nodes [ipc|tcp] [FRAMES] [TRIPS] [MEBIBYTES]: what two processes get out of a bare stream, a Unix
 * socket or TCP: frames of 100 bytes in writes of 64 KiB, that are walked through where they
 * arrive; round trips of one; and pieces of 1 MiB, each copied once on either side, as bytes of a
 * message must be. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 100, BATCH = 64 << 10, MIB = 1 << 20 };

static uint64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static void must(bool ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(1);
}

static void write_all(int fd, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size) {
        ssize_t done = write(fd, at, size);
        must(done > 0, "write");
        at += done;
        size -= (size_t)done;
    }
}

static void read_all(int fd, void *bytes, size_t size) {
    char *at = bytes;
    while (size) {
        ssize_t done = read(fd, at, size);
        must(done > 0, "read");
        at += done;
        size -= (size_t)done;
    }
}

static void put_length(char *frame, uint32_t length) {
    length = htonl(length);
    memcpy(frame, &length, 4);
}

static uint32_t get_length(const char *frame) {
    uint32_t length;
    memcpy(&length, frame, 4);
    return ntohl(length);
}

/* --- One way ---------------------------------------------------------------------------------- */

static void send_frames(int fd, uint64_t count) {
    static char batch[BATCH];
    const uint64_t most = BATCH / FRAME;
    while (count) {
        uint64_t some = count < most ? count : most;
        for (uint64_t i = 0; i < some; i++) {
            put_length(batch + i * FRAME, FRAME - 4);
            memset(batch + i * FRAME + 4, (int)i, FRAME - 4);
        }
        write_all(fd, batch, some * FRAME);
        count -= some;
    }
}

static void take_frames(int fd, uint64_t count) {
    static char batch[BATCH];
    size_t have = 0;
    while (count) {
        ssize_t more = read(fd, batch + have, sizeof batch - have);
        must(more > 0, "read");
        have += (size_t)more;
        size_t at = 0;
        while (count && have - at >= 4 && have - at >= 4 + get_length(batch + at)) {
            at += 4 + get_length(batch + at);
            count--;
        }
        memmove(batch, batch + at, have - at);
        have -= at;
    }
}

/* --- The two sides ---------------------------------------------------------------------------- */

static void receiver(int fd, uint64_t frames, uint64_t trips, uint64_t mib) {
    static char frame[FRAME], piece[MIB], copy[MIB];
    for (int i = 0; i < 2; i++) {
        take_frames(fd, i ? frames : frames / 10 + 1);
        write_all(fd, frame, FRAME);
    }
    for (uint64_t i = 0; i < trips; i++) {
        read_all(fd, frame, FRAME);
        write_all(fd, frame, FRAME);
    }
    for (uint64_t i = 0; i < mib; i++) {
        read_all(fd, piece, MIB);
        memcpy(copy, piece, MIB);
        __asm__ volatile("" : : "r"(copy) : "memory");
    }
    write_all(fd, frame, FRAME);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sender(int fd, const char *bench, uint64_t frames, uint64_t trips, uint64_t mib) {
    static char frame[FRAME], piece[MIB], copy[MIB];
    uint64_t *ns = calloc(trips + 1, sizeof *ns), began = 0;
    must(ns != NULL, "calloc");
    for (int i = 0; i < 2; i++) {
        began = now();
        send_frames(fd, i ? frames : frames / 10 + 1);
        read_all(fd, frame, FRAME);
    }
    printf("%s plain one-way %.4g M/s\n", bench, (double)frames * 1e3 / (double)(now() - began));
    for (uint64_t i = 0; i < trips; i++) {
        began = now();
        write_all(fd, frame, FRAME);
        read_all(fd, frame, FRAME);
        ns[i] = now() - began;
    }
    qsort(ns, trips, sizeof *ns, compare);
    printf("%s plain p50 %.4g us\n", bench, (double)ns[trips / 2] / 1e3);
    printf("%s plain p99 %.4g us\n", bench, (double)ns[trips * 99 / 100] / 1e3);
    began = now();
    for (uint64_t i = 0; i < mib; i++) {
        memcpy(copy, piece, MIB);
        __asm__ volatile("" : : "r"(copy) : "memory");
        write_all(fd, copy, MIB);
    }
    read_all(fd, frame, FRAME);
    printf("%s plain mebibytes %.4g MiB/s\n", bench, (double)mib * 1e9 / (double)(now() - began));
    free(ns);
}

/* --- Connecting ------------------------------------------------------------------------------- */

static void connect_tcp(int pair[2]) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    must(listener >= 0 && pair[0] >= 0, "socket");
    must(!bind(listener, (struct sockaddr *)&at, size) && !listen(listener, 1), "listen");
    must(!getsockname(listener, (struct sockaddr *)&at, &size), "getsockname");
    must(!connect(pair[0], (struct sockaddr *)&at, size), "connect");
    pair[1] = accept(listener, NULL, NULL);
    must(pair[1] >= 0, "accept");
    for (int i = 0; i < 2; i++)
        must(!setsockopt(pair[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), "setsockopt");
    close(listener);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    const bool tcp = strcmp(argv[2], "tcp") == 0;
    uint64_t frames = strtoull(argv[3], NULL, 10), trips = strtoull(argv[4], NULL, 10);
    uint64_t mib = strtoull(argv[5], NULL, 10);
    int pair[2];
    if (tcp)
        connect_tcp(pair);
    else
        must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    pid_t child = fork();
    must(child >= 0, "fork");
    close(pair[child ? 1 : 0]);
    if (!child) {
        receiver(pair[1], frames, trips, mib);
        _exit(0);
    }
    sender(pair[0], tcp ? "nodes_tcp" : "nodes_ipc", frames, trips, mib);
    return waitpid(child, NULL, 0) == child ? 0 : 1;
}
