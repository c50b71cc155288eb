/* A descriptor for somebody else's poll, epoll or select: readable while it is set, and from a time
 * on. Linux: an eventfd and a timerfd behind an epoll. */
#ifndef TR_BASE_ALARM_H
#define TR_BASE_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

typedef struct tr_alarm {
    int poll; /* the one to hand out; -1: closed */
    int flag, clock;
} tr_alarm;

/* Opens one that is not readable. False: the system has no descriptors; nothing is left open. */
TR_CHECKED bool tr_alarm_open(tr_alarm *alarm);
/* Closes an open one. */
void tr_alarm_close(tr_alarm *alarm);

/* Makes it readable at once, until it is cleared; it is not set now. Any thread. */
void tr_alarm_set(tr_alarm *alarm);
/* Takes that back; it is set now. */
void tr_alarm_clear(tr_alarm *alarm);
/* Makes it readable from that time of tr_clock on, instead of what was said before; TR_NEVER: only
 * while it is set. Any thread, one at a time. */
void tr_alarm_at(tr_alarm *alarm, uint64_t deadline);

#endif
