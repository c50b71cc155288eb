/* Notices: the datagrams, and who is heard. */
#include "transport/notice.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned said(const char *text, size_t size) {
    tr_notice notice;
    tr_notice_parse(text, size, &notice);
    return notice.said;
}

#define SAID(text) said(text, sizeof text - 1)

Test(notice, known_lines_are_understood_and_others_left_alone) {
    cr_assert_eq(SAID(""), 0);
    cr_assert_eq(SAID("READY=1"), TR_NOTICE_READY);
    cr_assert_eq(SAID("READY=1\n"), TR_NOTICE_READY);
    cr_assert_eq(SAID("MAINPID=7\nREADY=1\nWATCHDOG=1"), TR_NOTICE_READY | TR_NOTICE_ALIVE);
    cr_assert_eq(SAID("WATCHDOG=trigger\nSTOPPING=1"), TR_NOTICE_TROUBLE | TR_NOTICE_STOPPING);
    cr_assert_eq(SAID("READY=0\nREADY=\nREADY\nREADY=11\nXREADY=1\n\n"), 0);
    cr_assert_eq(SAID("READY=1\0"), 0);
    cr_assert_eq(SAID("WATCHDOG"), 0);
}

Test(notice, a_status_is_kept_up_to_a_bound) {
    static char text[1007] = "STATUS=";
    tr_notice notice;
    memset(text + 7, 's', sizeof text - 7);
    tr_notice_parse(text, sizeof text, &notice);
    cr_assert_eq(notice.said, TR_NOTICE_STATUS_IS);
    cr_assert_eq(notice.status_size, 1000);
    cr_assert_eq(notice.status[TR_NOTICE_STATUS - 1], 's');
    tr_notice_parse("STATUS=", 7, &notice);
    cr_assert_eq(notice.said, TR_NOTICE_STATUS_IS);
    cr_assert_eq(notice.status_size, 0);
}

/* Says `text`, with a descriptor or -1, to an address as in NOTIFY_SOCKET. */
static void notify(const char *address, const char *text, size_t size, int passed) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct iovec part = {(char *)(uintptr_t)text, size};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_name = &name, .msg_iov = &part, .msg_iovlen = 1};
    memcpy(name.sun_path + 1, address + 1, strlen(address) - 1);
    message.msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(address));
    if (passed >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.head = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.head), &passed, sizeof passed);
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(sendmsg(fd, &message, 0), (ssize_t)size);
    (void)close(fd);
}

Test(notice, what_was_sent_is_read_one_by_one) {
    char address[TR_NOTICE_ROOM], large[5000];
    tr_notice notice;
    int fd = tr_notice_open(address);
    cr_assert_geq(fd, 0);
    cr_assert_eq(address[0], '@');
    cr_assert_eq(tr_notice_read(fd, getpid(), &notice), 0);
    notify(address, "READY=1", 7, -1);
    notify(address, "", 0, -1);
    memset(large, '\n', sizeof large);
    memcpy(large, "READY=1", 7);
    notify(address, large, sizeof large, -1); /* too long to be taken for what its beginning says */
    cr_assert_eq(tr_notice_read(fd, getpid(), &notice), 1);
    cr_assert_eq(notice.said, TR_NOTICE_READY);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(tr_notice_read(fd, getpid(), &notice), 1);
        cr_assert_eq(notice.said, 0);
    }
    cr_assert_eq(tr_notice_read(fd, getpid(), &notice), 0);
    (void)close(fd);
}

/* BARRIER=1: who has sent a pipe's end sees it closed once all before it has been read. */
Test(notice, descriptors_that_come_along_are_closed) {
    char address[TR_NOTICE_ROOM], byte;
    tr_notice notice;
    int ends[2], fd = tr_notice_open(address);
    cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    notify(address, "BARRIER=1", 9, ends[1]);
    (void)close(ends[1]);
    cr_assert_eq(read(ends[0], &byte, 1), -1, "it is open: on the way");
    cr_assert_eq(tr_notice_read(fd, getpid(), &notice), 1);
    cr_assert_eq(read(ends[0], &byte, 1), 0, "it is still open");
    (void)close(ends[0]);
    (void)close(fd);
}

/* Only root can be somebody else. */
Test(notice, another_user_is_heard_only_as_the_process_itself) {
    if (geteuid() != 0) return;
    char address[TR_NOTICE_ROOM];
    tr_notice notice;
    int fd = tr_notice_open(address);
    for (int itself = 0; itself < 2; itself++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (setuid(65534) != 0) _exit(1);
            notify(address, "READY=1", 7, -1);
            _exit(0);
        }
        cr_assert_eq(waitpid(pid, NULL, 0), pid);
        cr_assert_eq(tr_notice_read(fd, itself ? pid : getpid(), &notice), 1);
        cr_assert_eq(notice.said, itself ? TR_NOTICE_READY : 0);
    }
    (void)close(fd);
}
