/* nodes [ipc|tcp] [MESSAGES] [TRIPS] [MEBIBYTES]: nng's pair sockets between two processes:
 * messages of 1 MiB one way, each made anew and looked at where it arrives. */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

static uint64_t now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000 + (uint64_t)at.tv_nsec;
}

static void must(int rv, const char *what) {
    if (!rv) return;
    fprintf(stderr, "%s: %s\n", what, nng_strerror(rv));
    exit(1);
}

/* Listens (the receiver) or dials; nng must not be used before a fork. */
static nng_socket open_at(const char *url, bool listens) {
    nng_socket socket;
    must(nng_pair0_open(&socket), "open");
    must(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0), "limit");
    if (listens) {
        must(nng_listen(socket, url, NULL, 0), "listen");
        return socket;
    }
    for (int i = 0; i < 500 && nng_dial(socket, url, NULL, 0); i++) usleep(10000);
    return socket;
}

static void receiver(const char *url, uint64_t mib) {
    static char copy[MIB];
    nng_socket socket = open_at(url, true);
    nng_msg *msg;
    for (uint64_t i = 0; i < mib; i++) {
        must(nng_recvmsg(socket, &msg, 0), "receive");
        memcpy(copy, nng_msg_body(msg), nng_msg_len(msg));
        __asm__ volatile("" : : "r"(copy) : "memory");
        nng_msg_free(msg);
    }
    must(nng_msg_alloc(&msg, 1), "message");
    must(nng_sendmsg(socket, msg, 0), "send");
    usleep(200000); /* what was sent may still be on its way */
}

static void sender(const char *url, const char *bench, uint64_t mib) {
    static char bytes[MIB];
    nng_socket socket = open_at(url, false);
    nng_msg *msg;
    uint64_t began = now();
    for (uint64_t i = 0; i < mib; i++) {
        must(nng_msg_alloc(&msg, 0), "message");
        must(nng_msg_append(msg, bytes, sizeof bytes), "message");
        must(nng_sendmsg(socket, msg, 0), "send");
    }
    must(nng_recvmsg(socket, &msg, 0), "receive");
    printf("%s nng mebibytes %.4g MiB/s\n", bench, (double)mib * 1e9 / (double)(now() - began));
    nng_msg_free(msg);
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    const bool tcp = strcmp(argv[2], "tcp") == 0;
    uint64_t mib = strtoull(argv[5], NULL, 10);
    char url[100];
    if (tcp)
        snprintf(url, sizeof url, "tcp://127.0.0.1:%d", 20000 + (int)getpid() % 20000);
    else
        snprintf(url, sizeof url, "ipc:///tmp/nng_bench_%d.sock", (int)getpid());
    pid_t child = fork();
    if (child < 0) return 1;
    if (!child) {
        receiver(url, mib);
        exit(0);
    }
    sender(url, tcp ? "nodes_tcp" : "nodes_ipc", mib);
    return waitpid(child, NULL, 0) == child ? 0 : 1;
}
