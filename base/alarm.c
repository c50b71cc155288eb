#include "base/alarm.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/os.h"

static bool add(int poll, int fd) {
    struct epoll_event wanted = {.events = EPOLLIN};
    return epoll_ctl(poll, EPOLL_CTL_ADD, fd, &wanted) == 0;
}

static void close_one(int *fd) {
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

bool tr_alarm_open(tr_alarm *alarm) {
    alarm->poll = epoll_create1(EPOLL_CLOEXEC);
    alarm->flag = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    alarm->clock = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    bool made = alarm->poll >= 0 && alarm->flag >= 0 && alarm->clock >= 0;
    if (made && add(alarm->poll, alarm->flag) && add(alarm->poll, alarm->clock)) return true;
    tr_alarm_close(alarm);
    return false;
}

void tr_alarm_close(tr_alarm *alarm) {
    close_one(&alarm->poll);
    close_one(&alarm->flag);
    close_one(&alarm->clock);
}

void tr_alarm_set(tr_alarm *alarm) {
    const uint64_t one = 1;
    TR_CHECK(write(alarm->flag, &one, sizeof one) == sizeof one);
}

void tr_alarm_clear(tr_alarm *alarm) {
    uint64_t count;
    TR_CHECK(read(alarm->flag, &count, sizeof count) == sizeof count);
}

/* Setting the clock also takes back that it has rung. All zero stops it. */
void tr_alarm_at(tr_alarm *alarm, uint64_t deadline) {
    struct itimerspec at = {{0, 0}, {0, 0}};
    if (deadline != TR_NEVER) {
        at.it_value.tv_sec = (time_t)(deadline / (1000 * TR_MS));
        at.it_value.tv_nsec = deadline ? (long)(deadline % (1000 * TR_MS)) : 1;
    }
    TR_CHECK(timerfd_settime(alarm->clock, TFD_TIMER_ABSTIME, &at, NULL) == 0);
}
