/* Notices: what a program says of itself to who supervises it, by the protocol of systemd's
 * sd_notify(3): datagrams of lines NAME=VALUE to the socket that NOTIFY_SOCKET names. */
#ifndef TR_TRANSPORT_NOTICE_H
#define TR_TRANSPORT_NOTICE_H

#include <stddef.h>
#include <sys/types.h>

enum {
    TR_NOTICE_ROOM = 64,   /* an address as text, with the NUL */
    TR_NOTICE_STATUS = 256 /* bytes of a status that are kept */
};

/* What was said, bits. */
enum {
    TR_NOTICE_READY = 1,    /* READY=1 */
    TR_NOTICE_ALIVE = 2,    /* WATCHDOG=1 */
    TR_NOTICE_TROUBLE = 4,  /* WATCHDOG=trigger */
    TR_NOTICE_STOPPING = 8, /* STOPPING=1 */
    TR_NOTICE_STATUS_IS = 16
};

/* The notices of one datagram. */
typedef struct tr_notice {
    unsigned said;
    size_t status_size; /* of what STATUS= says; may be more than is kept */
    char status[TR_NOTICE_STATUS];
} tr_notice;

/* Makes a socket that nobody can guess the address of, an abstract one, so that no file is left.
 * `address` is for NOTIFY_SOCKET. -1: errno says why. */
int tr_notice_open(char address[static TR_NOTICE_ROOM]);

/* Reads one datagram, without waiting; 0: there is none. Not heard (though 1 is returned, and
 * nothing was said) is who is neither `pid` nor a process of this user. Descriptors that came along
 * are closed, which is all that BARRIER=1 asks for. */
int tr_notice_read(int fd, pid_t pid, tr_notice *notice);

/* Takes a datagram apart; what it does not know it leaves alone. */
void tr_notice_parse(const char *data, size_t size, tr_notice *notice);

#endif
