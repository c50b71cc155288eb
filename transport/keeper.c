/* The keeper: an actor whose life is that of a process. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transport/process.h"

enum { TERM_MS = 2000 };

static const char installed[] = TROUPE_LAUNCHER;

typedef struct keeper {
    tr_process *process; /* this life's run */
    unsigned term_ms;
    int pid; /* 0: does not run yet */
    bool stopping;
} keeper;

/* The keeper's timer, told from one of an earlier life by the run's serial. */
struct process_overdue {
    uint64_t serial;
};
static const troupe_type overdue_type =
    TROUPE_TYPE(process_overdue, TROUPE_FIELD(process_overdue, serial));

static const troupe_type which_type = TROUPE_SIGNAL_TYPE("process_which");
struct process_pid {
    int32_t pid;
};
static const troupe_type pid_type = TROUPE_TYPE(process_pid, TROUPE_FIELD(process_pid, pid));

/* Puts the path of a launcher beside the running program into `path`; false: it does not fit. */
static bool beside_program(char *path, size_t room) {
    ssize_t size = readlink("/proc/self/exe", path, room);
    if (size <= 0 || (size_t)size >= room) return false;
    path[size] = 0;
    char *name = strrchr(path, '/');
    if (!name) return false;
    room -= (size_t)(++name - path);
    int need = snprintf(name, room, "troupe-launch");
    return need > 0 && (size_t)need < room;
}

static bool can_run(const char *path) {
    return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
}

/* Looked for at every start, not once: a restart may follow an update of the installation. */
static troupe_err prepare(troupe_self *self, const troupe_program *program, tr_process **out) {
    char beside[PATH_MAX];
    const char *name = program->argv[0], *launcher = program->launcher;
    if (launcher && !can_run(launcher))
        return troupe_fail(self, TROUPE_SYSTEM, "cannot run %s: no launcher at %s", name, launcher);
    if (!launcher) {
        if (!beside_program(beside, sizeof beside)) beside[0] = 0;
        launcher = can_run(beside) ? beside : installed;
        if (!can_run(launcher))
            return troupe_fail(self, TROUPE_SYSTEM, "cannot run %s: no launcher at %s or %s", name,
                               beside, installed);
    }
    troupe_err err = tr_process_make(troupe_runtime(self), troupe_me(self), program, launcher, out);
    if (err) return troupe_fail(self, err, "cannot run %s: %s", name, troupe_strerror(err));
    return TROUPE_OK;
}

static troupe_err keeper_start(troupe_self *self, void *state, const void *arg) {
    keeper *k = state;
    const troupe_program *program = arg;
    if (!program || !program->argv || !program->argv[0] || !program->argv[0][0])
        return troupe_fail(self, TROUPE_INVALID, "no program to run");
    troupe_err err = prepare(self, program, &k->process);
    if (err) return err;
    k->term_ms = program->term_ms ? program->term_ms : TERM_MS;
    err = troupe_defer(self, tr_process_let_go, k->process);
    if (err) {
        tr_process_let_go(k->process);
        return troupe_fail(self, err, "cannot run %s: %s", program->argv[0], troupe_strerror(err));
    }
    tr_process_spawn(k->process);
    return TROUPE_LATER;
}

static const char *errno_text(int error) {
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

static const char *signal_text(int number) {
    const char *text = sigdescr_np(number);
    return text ? text : "real-time signal";
}

/* Ends this keeper as its process ended; after a request to stop, any end is what was asked for. */
static troupe_err ended(troupe_self *self, const keeper *k, const struct tr_process_news *news) {
    const char *name = tr_process_name(k->process);
    const int n = news->number;
    if (k->stopping) {
        troupe_exit(self, TROUPE_SHUTDOWN);
        return TROUPE_OK;
    }
    switch (news->event) {
    case TR_PROCESS_NO_LAUNCHER:
        return troupe_fail(self, TROUPE_SYSTEM, "cannot run %s: the launcher %s: %s", name,
                           tr_process_launcher(k->process), errno_text(n));
    case TR_PROCESS_NO_PROGRAM:
        return troupe_fail(self, TROUPE_SYSTEM, "cannot run %s: %s", name, errno_text(n));
    case TR_PROCESS_SIGNALLED:
        return troupe_fail(self, TROUPE_SIGNALLED, "%s was ended by signal %d (%s)", name, n,
                           signal_text(n));
    case TR_PROCESS_LOST:
        return troupe_fail(self, TROUPE_SYSTEM,
                           "%s ended; how is not known: SIGCHLD is ignored, or another reaped it",
                           name);
    default:
        if (n) return troupe_fail(self, TROUPE_EXITED, "%s exited with status %d", name, n);
        troupe_exit(self, TROUPE_OK);
        return TROUPE_OK;
    }
}

static troupe_err hear(troupe_self *self, keeper *k, const struct tr_process_news *news) {
    if (news->serial != tr_process_serial(k->process)) return TROUPE_OK; /* of an earlier life */
    if (news->event != TR_PROCESS_RUNS) return ended(self, k, news);
    k->pid = news->number;
    if (!k->stopping) troupe_ready(self);
    return TROUPE_OK;
}

static troupe_err keeper_receive(troupe_self *self, void *state, troupe_msg **msg) {
    keeper *k = state;
    const struct tr_process_news *news = troupe_as(*msg, &tr_process_news_type);
    if (news) return hear(self, k, news);
    const struct process_overdue *overdue = troupe_as(*msg, &overdue_type);
    if (overdue && overdue->serial == tr_process_serial(k->process))
        tr_process_signal(k->process, SIGKILL);
    if (troupe_as(*msg, &which_type)) {
        const struct process_pid answer = {k->pid};
        troupe_err err = troupe_answer(self, &pid_type, &answer);
        /* No failure of this actor's; and only a thread of this runtime can ask this. */
        if (err) tr_port_ask_failed(troupe_runtime(self), troupe_sender(self), err);
    }
    return TROUPE_OK;
}

/* Sends SIGTERM, and SIGKILL later, or at once if there is no memory to wait with. */
static troupe_err keeper_stopping(troupe_self *self, void *state) {
    keeper *k = state;
    if (k->stopping) return TROUPE_LATER;
    k->stopping = true;
    const struct process_overdue overdue = {tr_process_serial(k->process)};
    troupe_msg *msg = NULL;
    bool waits = troupe_make(troupe_runtime(self), &overdue_type, &overdue, &msg) == TROUPE_OK &&
                 troupe_send_after(self, k->term_ms, troupe_me(self), &msg, NULL) == TROUPE_OK;
    troupe_drop(&msg);
    tr_process_signal(k->process, waits ? SIGTERM : SIGKILL);
    return TROUPE_LATER;
}

const troupe_behaviour troupe_process = {
    .name = "process",
    .state_size = sizeof(keeper),
    .start = keeper_start,
    .receive = keeper_receive,
    .stopping = keeper_stopping,
};

troupe_err troupe_process_id(troupe *rt, troupe_ref who, unsigned timeout_ms, int *pid) {
    troupe_msg *msg = NULL;
    troupe_err err = troupe_make(rt, &which_type, NULL, &msg);
    if (!err) err = troupe_ask(rt, who, &msg, timeout_ms);
    const struct process_pid *answer = err ? NULL : troupe_as(msg, &pid_type);
    if (answer)
        *pid = answer->pid;
    else if (!err)
        err = TROUPE_BADTYPE;
    troupe_drop(&msg);
    return err;
}
