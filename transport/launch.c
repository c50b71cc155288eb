/* troupe-launch PARENT STATUS [-k] [-dFOLDER] [-lRESOURCE:MOST]... -- PROGRAM [ARGUMENT...]
 *
 * Stands between a supervising process and a program: arranges that the program dies with PARENT
 * (a process id), limits its resources (numbers as in <sys/resource.h>), goes to its folder, then
 * becomes the program. With -k, which is the first then, the descriptor behind STATUS is kept.
 * STATUS is one end of a stream socket. The parent sends a byte over it when it is ready to be told
 * of this process's end; only then is the program run. If that fails, its errno and what failed are
 * sent back; if it succeeds, the socket closes by itself.
 *
 * A program of its own, because only a process can ask for its parent's death signal, and between
 * fork and exec in a process with threads almost nothing may be called. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "transport/command.h"

enum { USAGE = 2, ORPHAN = 126, NOT_RUN = 127 };

static bool number(const char *text, int *out) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 0 || value > INT_MAX) return false;
    *out = (int)value;
    return true;
}

static bool told_to_go(int status) {
    char go;
    ssize_t got;
    do got = read(status, &go, 1);
    while (got < 0 && errno == EINTR);
    return got == 1;
}

/* What a host ignores or blocks is its own business; a program expects the defaults. */
static void reset_signals(void) {
    for (int number_of = 1; number_of < NSIG; number_of++) (void)signal(number_of, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Closes what the host forgot to mark close-on-exec, but for `more` descriptors behind `status`,
 * which closes itself when exec succeeds. */
static bool close_others(int status, unsigned more) {
    unsigned keep = (unsigned)status;
    if (keep > 3 && close_range(3, keep - 1, 0) != 0) return false;
    return close_range(keep + more + 1, ~0u, 0) == 0 && fcntl(status, F_SETFD, FD_CLOEXEC) == 0;
}

/* "RESOURCE:MOST"; an errno, or 0. */
static int limit(const char *text) {
    char *colon, *end;
    long resource = strtol(text, &colon, 10);
    if (colon == text || *colon != ':') return EINVAL;
    errno = 0;
    unsigned long long most = strtoull(colon + 1, &end, 10);
    if (errno || end == colon + 1 || *end) return EINVAL;
    const struct rlimit both = {.rlim_cur = (rlim_t)most, .rlim_max = (rlim_t)most};
    return setrlimit((__rlimit_resource_t)resource, &both) == 0 ? 0 : errno;
}

/* Does what the options from `option` to `end` say; returns what failed, with `error` not 0. */
static tr_launch_failure prepare(char **option, char **end) {
    for (; option < end; option++) {
        int error = 0;
        if ((*option)[1] == 'd' && chdir(*option + 2) != 0) error = errno;
        if (error) return (tr_launch_failure){error, TR_LAUNCH_FOLDER};
        if ((*option)[1] == 'l') error = limit(*option + 2);
        if (error) return (tr_launch_failure){error, TR_LAUNCH_LIMIT};
    }
    return (tr_launch_failure){0, TR_LAUNCH_PROGRAM};
}

/* Returns only if it fails: an errno. */
static int become(char **argv, int status, unsigned more) {
    reset_signals();
    if (close_others(status, more)) (void)execvp(argv[0], argv);
    return errno;
}

/* Where the options end, at "--"; NULL: there is something else, or no program. */
static char **end_of_options(char **option) {
    while (*option && (strncmp(*option, "-d", 2) == 0 || strncmp(*option, "-l", 2) == 0 ||
                       strcmp(*option, "-k") == 0))
        option++;
    return *option && strcmp(*option, "--") == 0 && option[1] ? option : NULL;
}

int main(int argc, char **argv) {
    int parent, status;
    char **end = argc > 3 ? end_of_options(argv + 3) : NULL;
    if (!end || !number(argv[1], &parent) || !number(argv[2], &status) || status < 3) {
        (void)fprintf(stderr, "usage: troupe-launch PARENT STATUS [-k] [-dFOLDER] "
                              "[-lRESOURCE:MOST]... -- PROGRAM [ARGUMENT...]\n");
        return USAGE;
    }
    /* The signal is asked for first and the parent looked at afterwards: if it ends between the two
     * the signal comes, and if it ended before them there is another parent now. */
    tr_launch_failure failure = {prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : errno, 0};
    if (getppid() != parent || !told_to_go(status)) _exit(ORPHAN);
    if (!failure.error) failure = prepare(argv + 3, end);
    if (!failure.error) failure.error = become(end + 1, status, strcmp(argv[3], "-k") == 0);
    ssize_t sent = write(status, &failure, sizeof failure);
    _exit(sent == (ssize_t)sizeof failure ? NOT_RUN : ORPHAN);
}
