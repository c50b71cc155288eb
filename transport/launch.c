/* troupe-launch PARENT STATUS -- PROGRAM [ARGUMENT...]
 *
 * Stands between a supervising process and a program: arranges that the program dies with PARENT
 * (a process id), then becomes the program. STATUS is one end of a stream socket. The parent sends
 * a byte over it when it is ready to be told of this process's end; only then is the program run.
 * If that fails, its errno (an int) is sent back; if it succeeds, the socket closes by itself.
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
#include <unistd.h>

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

/* Closes what the host forgot to mark close-on-exec; `status` closes itself when exec succeeds. */
static bool close_others(int status) {
    unsigned keep = (unsigned)status;
    if (keep > 3 && close_range(3, keep - 1, 0) != 0) return false;
    return close_range(keep + 1, ~0u, 0) == 0 && fcntl(status, F_SETFD, FD_CLOEXEC) == 0;
}

/* Returns only if it fails: an errno. */
static int become(char **argv, int status) {
    reset_signals();
    if (close_others(status)) (void)execvp(argv[0], argv);
    return errno;
}

int main(int argc, char **argv) {
    int parent, status;
    if (argc < 5 || !number(argv[1], &parent) || !number(argv[2], &status) || status < 3 ||
        strcmp(argv[3], "--") != 0) {
        (void)fprintf(stderr, "usage: troupe-launch PARENT STATUS -- PROGRAM [ARGUMENT...]\n");
        return USAGE;
    }
    /* The signal is asked for first and the parent looked at afterwards: if it ends between the two
     * the signal comes, and if it ended before them there is another parent now. */
    int error = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? 0 : errno;
    if (getppid() != parent || !told_to_go(status)) _exit(ORPHAN);
    if (!error) error = become(argv + 4, status);
    ssize_t sent = write(status, &error, sizeof error);
    _exit(sent == (ssize_t)sizeof error ? NOT_RUN : ORPHAN);
}
