/* What the stress programs share whose nodes are processes: a child that is the same program, and
 * sets of numbers in memory that all of them see. */
#ifndef TROUPE_TEST_STRESS_TWINS_H
#define TROUPE_TEST_STRESS_TWINS_H

#include <spawn.h>
#include <stdbool.h>
#include <unistd.h>

#include "test/stress/stress.h"

/* Starts this program once more, with "child" and up to two further arguments (NULL: none), and
 * with `fd` as its standard input; below 0: with ours. */
static inline pid_t twin_start(int fd, const char *first, const char *second) {
    char path[4096], text[2][256] = {"", ""};
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    MUST(size > 0);
    path[size] = 0;
    if (first) (void)snprintf(text[0], sizeof text[0], "%s", first);
    if (second) (void)snprintf(text[1], sizeof text[1], "%s", second);
    char *const argv[] = {path, (char[]){"child"}, first ? text[0] : NULL, second ? text[1] : NULL,
                          NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    MUST(!posix_spawn_file_actions_init(&actions));
    if (fd >= 0) MUST(!posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO));
    MUST(!posix_spawn(&pid, path, &actions, NULL, argv, environ));
    (void)posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* Whether a number is in a set, a bit each. */
static inline bool twin_marked(tr_atomic64 *set, uint64_t n) {
    return tr_load64_relaxed(&set[n / 64]) >> n % 64 & 1;
}

/* Puts a number below `end` into a set; it is there no more than once. */
static inline void twin_mark(tr_atomic64 *set, uint64_t n, uint64_t end) {
    MUST(n < end && !twin_marked(set, n));
    (void)tr_add64_relaxed(&set[n / 64], UINT64_C(1) << n % 64);
}

#endif
