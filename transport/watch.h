/* A descriptor that epoll watches, and what is done when it has something to say. */
#ifndef TR_TRANSPORT_WATCH_H
#define TR_TRANSPORT_WATCH_H

#include <stdbool.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct tr_watch {
    int fd; /* -1: none */
    void (*ready)(void *ctx);
    void *ctx;
} tr_watch;

/* Watches it; true too if there is none. False: errno says why not. */
static inline bool tr_watch_begin(int epoll, tr_watch *watch) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    return watch->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

/* Closes it. Taken out of epoll by hand: if the host has forked, a copy elsewhere would keep it in
 * there. Does nothing if there is none. */
static inline void tr_watch_end(int epoll, tr_watch *watch) {
    if (watch->fd < 0) return;
    (void)epoll_ctl(epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    (void)close(watch->fd);
    watch->fd = -1;
}

#endif
