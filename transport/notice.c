#include "transport/notice.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/os.h"

enum {
    DATAGRAM_MOST = 4096,  /* as systemd has it */
    DESCRIPTORS_MOST = 253 /* that the kernel passes with one */
};

/* An abstract address begins with a NUL, which is written as "@". */
int tr_notice_open(char address[static TR_NOTICE_ROOM]) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const int on = 1;
    uint64_t word[2];
    tr_random(word, sizeof word);
    int size = snprintf(address, TR_NOTICE_ROOM, "@troupe/%016llx%016llx",
                        (unsigned long long)word[0], (unsigned long long)word[1]);
    memcpy(name.sun_path + 1, address + 1, (size_t)size - 1);
    socklen_t used = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)size);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
        bind(fd, (const struct sockaddr *)&name, used) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

static bool starts(const char *line, size_t size, const char *with, size_t length) {
    return size >= length && memcmp(line, with, length) == 0;
}

static void parse_line(const char *line, size_t size, tr_notice *notice) {
    static const struct {
        const char *text;
        unsigned says;
    } known[] = {{"READY=1", TR_NOTICE_READY},
                 {"WATCHDOG=1", TR_NOTICE_ALIVE},
                 {"WATCHDOG=trigger", TR_NOTICE_TROUBLE},
                 {"STOPPING=1", TR_NOTICE_STOPPING}};
    static const char status[] = "STATUS=";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (size == strlen(known[i].text) && starts(line, size, known[i].text, size))
            notice->said |= known[i].says;
    if (!starts(line, size, status, sizeof status - 1)) return;
    notice->said |= TR_NOTICE_STATUS_IS;
    notice->status_size = size - (sizeof status - 1);
    size_t keep = notice->status_size < TR_NOTICE_STATUS ? notice->status_size : TR_NOTICE_STATUS;
    memcpy(notice->status, line + sizeof status - 1, keep);
}

void tr_notice_parse(const char *data, size_t size, tr_notice *notice) {
    const char *end = data + size;
    *notice = (tr_notice){0};
    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        const char *stop = newline ? newline : end;
        parse_line(data, (size_t)(stop - data), notice);
        data = stop + 1;
    }
}

/* Whether a message is to be heard; closes what came with it. */
static bool look_at(struct msghdr *message, pid_t pid) {
    bool heard = false;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET) continue;
        if (at->cmsg_type == SCM_CREDENTIALS && at->cmsg_len >= CMSG_LEN(sizeof(struct ucred))) {
            struct ucred who;
            memcpy(&who, CMSG_DATA(at), sizeof who);
            heard = who.pid == pid || who.uid == geteuid();
        } else if (at->cmsg_type == SCM_RIGHTS) {
            int passed;
            for (size_t i = 0; CMSG_LEN((i + 1) * sizeof passed) <= at->cmsg_len; i++) {
                memcpy(&passed, CMSG_DATA(at) + i * sizeof passed, sizeof passed);
                (void)close(passed);
            }
        }
    }
    return heard;
}

int tr_notice_read(int fd, pid_t pid, tr_notice *notice) {
    char data[DATAGRAM_MOST];
    union { /* aligned as the kernel wants it */
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(DESCRIPTORS_MOST * sizeof(int))];
    } control;
    struct iovec part = {data, sizeof data};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t got;
    *notice = (tr_notice){0};
    do got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return 0;
    bool heard = look_at(&message, pid);
    if (heard && !(message.msg_flags & MSG_TRUNC)) tr_notice_parse(data, (size_t)got, notice);
    return 1;
}
