/* A runtime with process children that report through a pipe with a name, and what a test wants to
 * know of it. Everything waits with a deadline, for something that happens; nothing sleeps. */
#ifndef TROUPE_TEST_PROCESS_SCENE_H
#define TROUPE_TEST_PROCESS_SCENE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <troupe/process.h>
#include <troupe/troupe.h>
#include <unistd.h>

#include "test/support/counting_heap.h"

enum { PATIENCE_MS = 20000 };

typedef struct scene {
    counting_heap heap;
    troupe *rt;
    troupe_ref top;
    char dir[32], say[64], hear[64]; /* "S=path" and "H=path" for the children's environment */
    int said, told;                  /* S, to read what children say, and H, to tell them */
    const char *env[3];
    int downs[2]; /* a pipe of troupe_err: how the watched ended */
    pthread_mutex_t lock;
    char log[16384];
} scene;

static inline void scene_log(void *ctx, troupe_level level, const char *line) {
    scene *s = ctx;
    (void)level;
    pthread_mutex_lock(&s->lock);
    size_t used = strlen(s->log);
    (void)snprintf(s->log + used, sizeof s->log - used, "%s\n", line);
    pthread_mutex_unlock(&s->lock);
}

/* Whether a line with that text was logged. */
static inline bool scene_logged(scene *s, const char *text) {
    pthread_mutex_lock(&s->lock);
    bool found = strstr(s->log, text) != NULL;
    if (!found) (void)fprintf(stderr, "not in the log: %s\n%s", text, s->log);
    pthread_mutex_unlock(&s->lock);
    return found;
}

static inline int scene_fifo(scene *s, char *entry, size_t room, char name) {
    (void)snprintf(entry, room, "%c=%s/%c", name, s->dir, name);
    cr_assert_eq(mkfifo(entry + 2, 0600), 0);
    int fd = open(entry + 2, O_RDWR | O_CLOEXEC); /* both, so that nobody waits for a partner */
    cr_assert_geq(fd, 0);
    return fd;
}

static inline void scene_open(scene *s) {
    memset(s, 0, sizeof *s);
    counting_heap_init(&s->heap);
    pthread_mutex_init(&s->lock, NULL);
    (void)snprintf(s->dir, sizeof s->dir, "/tmp/troupe-XXXXXX");
    cr_assert(mkdtemp(s->dir) != NULL);
    s->said = scene_fifo(s, s->say, sizeof s->say, 'S');
    s->told = scene_fifo(s, s->hear, sizeof s->hear, 'H');
    s->env[0] = s->say;
    s->env[1] = s->hear;
    cr_assert_eq(pipe2(s->downs, O_CLOEXEC), 0);
    troupe_config config = {.workers = 2, .log = scene_log, .log_ctx = s, .heap = s->heap.heap};
    cr_assert_eq(troupe_open(&config, &s->rt), TROUPE_OK);
}

/* Closes all; then nothing may be left: no process, not even a dead one, and no memory. */
static inline void scene_close(scene *s) {
    troupe_close(&s->rt);
    siginfo_t info;
    cr_assert_eq(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), -1, "a child is left");
    cr_assert_eq(errno, ECHILD);
    cr_assert(counting_heap_fini(&s->heap), "memory is left");
    (void)close(s->said);
    (void)close(s->told);
    (void)close(s->downs[0]);
    (void)close(s->downs[1]);
    (void)unlink(s->say + 2);
    (void)unlink(s->hear + 2);
    (void)rmdir(s->dir);
    pthread_mutex_destroy(&s->lock);
}

/* Whether a descriptor becomes readable or is hung up. */
static inline bool ready_within(int fd, int ms) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    int count;
    do count = poll(&one, 1, ms);
    while (count < 0 && errno == EINTR);
    return count == 1;
}

/* Reads a line without its newline, byte by byte: what follows stays in the pipe. */
static inline void read_line(int fd, char *line, size_t room) {
    size_t used = 0;
    for (;;) {
        cr_assert(ready_within(fd, PATIENCE_MS), "nothing was said");
        cr_assert_eq(read(fd, line + used, 1), 1);
        if (line[used] == '\n') break;
        cr_assert_lt(++used, room);
    }
    line[used] = 0;
}

/* The next line that a child says must be this one. */
#define expect_said(s, text)                                                                       \
    do {                                                                                           \
        char line_[256];                                                                           \
        read_line((s)->said, line_, sizeof line_);                                                 \
        cr_assert_str_eq(line_, text);                                                             \
    } while (0)

/* A child's first word is its process id: returns a pidfd of it. */
static inline int said_pid(scene *s, pid_t *pid) {
    char line[32];
    read_line(s->said, line, sizeof line);
    *pid = (pid_t)atoi(line);
    int fd = pidfd_open(*pid, 0);
    cr_assert_geq(fd, 0, "process '%s' said so and is not there", line);
    return fd;
}

/* Lets a child that reads from H go on. */
static inline void tell_child(scene *s) {
    cr_assert_eq(write(s->told, "\n", 1), 1);
}

/* Starts a supervisor with its children as the top. */
static inline troupe_err scene_supervise(scene *s, const troupe_child *child, size_t children,
                                         unsigned max_restarts) {
    const troupe_supervision what = {
        .child = child, .children = children, .max_restarts = max_restarts, .within_ms = 60000};
    return troupe_supervise(s->rt, &what, PATIENCE_MS, &s->top);
}

static inline troupe_ref scene_named(scene *s, const char *name) {
    troupe_ref who = TROUPE_NOBODY;
    cr_assert_eq(troupe_whereis(s->rt, name, &who), TROUPE_OK);
    return who;
}

/* An actor that watches another and writes how it ended. */
struct watcher_arg {
    troupe_ref who;
    int fd;
};

static inline troupe_err watcher_start(troupe_self *self, void *state, const void *arg) {
    const struct watcher_arg *a = arg;
    uint64_t monitor;
    *(int *)state = a->fd;
    return troupe_monitor(self, a->who, &monitor);
}

static inline troupe_err watcher_receive(troupe_self *self, void *state, troupe_msg **msg) {
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (!down) return TROUPE_BADTYPE;
    if (write(*(int *)state, &down->why, sizeof down->why) != sizeof down->why)
        return TROUPE_SYSTEM;
    troupe_exit(self, TROUPE_OK);
    return TROUPE_OK;
}

static const troupe_behaviour watcher = {.name = "watcher",
                                         .state_size = sizeof(int),
                                         .start = watcher_start,
                                         .receive = watcher_receive};

/* Watches an actor from now on; its end is read by `scene_down`. */
static inline void scene_watch(scene *s, troupe_ref who) {
    const struct watcher_arg arg = {who, s->downs[1]};
    troupe_ref ref;
    cr_assert_eq(troupe_spawn(s->rt, &watcher, &arg, &ref), TROUPE_OK);
}

/* How the watched actor ended. */
static inline troupe_err scene_down(scene *s) {
    uint32_t why;
    cr_assert(ready_within(s->downs[0], PATIENCE_MS), "the watched actor did not end");
    cr_assert_eq(read(s->downs[0], &why, sizeof why), sizeof why);
    return (troupe_err)why;
}

/* The launcher that is built beside the tests. */
static inline const char *beside(void) {
    static char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    cr_assert_gt(size, 0);
    path[size] = 0;
    (void)snprintf(strrchr(path, '/') + 1, 32, "troupe-launch");
    return path;
}

/* How many processes this one has started and not yet reaped. */
static inline size_t own_processes(void) {
    size_t count = 0;
    DIR *dir = opendir("/proc");
    cr_assert(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));) {
        char path[300], stat[512];
        int parent = 0;
        (void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = file < 0 ? -1 : read(file, stat, sizeof stat - 1);
        if (file >= 0) (void)close(file);
        if (got <= 0) continue; /* no process, or not one any more */
        stat[got] = 0;
        const char *name_end = strrchr(stat, ')'); /* "123 (name) S 45 ..." */
        if (name_end && sscanf(name_end + 1, " %*c %d", &parent) == 1)
            count += parent == (int)getpid();
    }
    closedir(dir);
    return count;
}

/* How many descriptors this process has. */
static inline size_t open_descriptors(void) {
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    cr_assert(dir != NULL);
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

#endif
