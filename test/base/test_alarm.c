#include "base/alarm.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/os.h"
#include "test/support/stage.h"

TestSuite(alarm, .timeout = 30);

/* Whether it is readable within so many milliseconds; -1: whenever that is. */
static bool readable(const tr_alarm *alarm, int ms) {
    struct pollfd wanted = {.fd = alarm->poll, .events = POLLIN};
    return poll(&wanted, 1, ms) == 1;
}

Test(alarm, is_readable_while_it_is_set) {
    tr_alarm alarm;
    cr_assert(tr_alarm_open(&alarm));
    for (int i = 0; i < 3; i++) {
        cr_assert(!readable(&alarm, 0));
        tr_alarm_set(&alarm);
        cr_assert(readable(&alarm, 0));
        cr_assert(readable(&alarm, 0));
        tr_alarm_clear(&alarm);
    }
    cr_assert(!readable(&alarm, 0));
    tr_alarm_close(&alarm);
}

Test(alarm, is_readable_from_a_time_on) {
    tr_alarm alarm;
    cr_assert(tr_alarm_open(&alarm));
    uint64_t at = tr_clock() + 5 * TR_MS;
    tr_alarm_at(&alarm, at);
    cr_assert(readable(&alarm, -1));
    cr_assert_geq(tr_clock(), at);
    tr_alarm_at(&alarm, tr_clock() + 3600 * 1000 * TR_MS); /* and then it is not */
    cr_assert(!readable(&alarm, 0));
    tr_alarm_at(&alarm, 0);
    cr_assert(readable(&alarm, -1));
    tr_alarm_at(&alarm, TR_NEVER);
    cr_assert(!readable(&alarm, 0));
    tr_alarm_at(&alarm, TR_NEVER - 1); /* so far that the system could not count it */
    cr_assert(!readable(&alarm, 0));
    tr_alarm_close(&alarm);
}

Test(alarm, both_do_not_take_each_other_back) {
    tr_alarm alarm;
    cr_assert(tr_alarm_open(&alarm));
    tr_alarm_set(&alarm);
    tr_alarm_at(&alarm, 0);
    tr_alarm_clear(&alarm);
    cr_assert(readable(&alarm, -1));
    tr_alarm_set(&alarm);
    tr_alarm_at(&alarm, TR_NEVER);
    cr_assert(readable(&alarm, 0));
    tr_alarm_close(&alarm);
}

/* Fills all gaps between the descriptors that are open. Returns the lowest that is free. */
static int fill_gaps(void) {
    DIR *dir = opendir("/proc/self/fd");
    int highest = 0, fd;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (atoi(entry->d_name) > highest) highest = atoi(entry->d_name);
    closedir(dir);
    while ((fd = dup(0)) < highest) cr_assert_geq(fd, 0);
    close(fd);
    return fd;
}

/* With room for 0, 1 and 2 descriptors there is none, and nothing is left of it; 3 will do. */
Test(alarm, needs_three_descriptors_and_leaves_none) {
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const int lowest = fill_gaps();
    const size_t before = stage_descriptors();
    for (rlim_t room = 0; room <= 3; room++) {
        tr_alarm alarm;
        struct rlimit tight = {(rlim_t)lowest + room, limit.rlim_max};
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
        bool opened = tr_alarm_open(&alarm);
        cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
        cr_assert_eq(opened, room == 3);
        cr_assert_eq(stage_descriptors(), before + (opened ? 3 : 0));
        if (opened) tr_alarm_close(&alarm);
        cr_assert_eq(alarm.poll, -1);
    }
    cr_assert_eq(stage_descriptors(), before);
}
