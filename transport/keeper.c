/* The keeper: an actor whose life is that of a process. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transport/parent.h"
#include "transport/process.h"

enum { STOP_MS = 2000 };

static const char installed[] = TROUPE_LAUNCHER;

typedef struct keeper {
    tr_process *process; /* this life's run */
    const troupe_program *program;
    unsigned term_ms;
    int pid; /* 0: does not run yet */
    bool stopping, ready;
    bool runs, notified, joined; /* what its readiness waits for */
    bool lost, forced;           /* as a node; and SIGKILL was sent for that */
    troupe_ref deputy;           /* of a process that is a node */
    uint64_t monitor;            /* of that */
} keeper;

/* The keeper's timer, told from one of an earlier life by the run's serial, and what comes next. */
struct process_overdue {
    uint64_t serial;
    int32_t signal;
};
static const troupe_type overdue_type =
    TROUPE_TYPE(process_overdue, TROUPE_FIELD(process_overdue, serial),
                TROUPE_FIELD(process_overdue, signal));

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
    if (program->node && troupe_register_type(troupe_runtime(self), &tr_parent_hello_type))
        return troupe_fail(self, TROUPE_NOMEM, "cannot run %s: no memory", name);
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
    k->program = program;
    k->term_ms = program->term_ms ? program->term_ms : TR_PROCESS_TERM_MS;
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
    if (k->lost && news->event == TR_PROCESS_SIGNALLED && (n == SIGABRT || k->forced))
        return troupe_fail(self, TROUPE_SILENT, "%s was lost as a node, and was ended", name);
    switch (news->event) {
    case TR_PROCESS_NO_LAUNCHER:
        return troupe_fail(self, TROUPE_SYSTEM, "cannot run %s: the launcher %s: %s", name,
                           tr_process_launcher(k->process), errno_text(n));
    case TR_PROCESS_NO_PROGRAM:
        return troupe_fail(self, TROUPE_SYSTEM, "cannot run %s: %s", name, errno_text(n));
    case TR_PROCESS_NO_FOLDER:
        return troupe_fail(self, TROUPE_SYSTEM, "cannot run %s in %s: %s", name,
                           k->program->folder, errno_text(n));
    case TR_PROCESS_NO_LIMIT:
        return troupe_fail(self, TROUPE_SYSTEM, "cannot limit %s: %s", name, errno_text(n));
    case TR_PROCESS_SILENT:
        return troupe_fail(self, TROUPE_SILENT,
                           "%s did not say WATCHDOG=1 for %u ms, and was ended", name,
                           k->program->watchdog_ms);
    case TR_PROCESS_TROUBLE:
        return troupe_fail(self, TROUPE_SILENT, "%s said that it is in trouble, and was ended",
                           name);
    case TR_PROCESS_SIGNALLED:
        return troupe_fail(self, TROUPE_SIGNALLED, "%s was ended by signal %d (%s)", name, n,
                           signal_text(n));
    case TR_PROCESS_LOST:
        return troupe_fail(self, TROUPE_SYSTEM,
                           "%s ended; how is not known: SIGCHLD is ignored, or another reaped it",
                           name);
    default:
        if (n) return troupe_fail(self, TROUPE_EXITED, "%s exited with status %d", name, n);
        if (!k->ready)
            return troupe_fail(self, TROUPE_EXITED, "%s exited before it was ready", name);
        troupe_exit(self, TROUPE_OK);
        return TROUPE_OK;
    }
}

static void look_whether_ready(troupe_self *self, keeper *k) {
    if (k->stopping || k->ready || !k->runs) return;
    if ((k->program->notifies && !k->notified) || (k->program->node && !k->joined)) return;
    k->ready = true;
    troupe_ready(self);
}

static troupe_err hear(troupe_self *self, keeper *k, const struct tr_process_news *news) {
    if (news->serial != tr_process_serial(k->process)) return TROUPE_OK; /* of an earlier life */
    const bool runs = news->event == TR_PROCESS_RUNS;
    if (!runs && news->event != TR_PROCESS_READY) return ended(self, k, news);
    if (runs) k->pid = news->number;
    k->runs |= runs;
    k->notified |= !runs;
    look_whether_ready(self, k);
    return TROUPE_OK;
}

/* Asks it to end by `signal`, and sets the time after which it is asked in a stronger way. Without
 * memory for that it is killed at once. */
static void ask_to_end(troupe_self *self, keeper *k, int signal) {
    const bool said = signal == TR_PROCESS_SAY_STOP;
    k->forced |= k->lost && signal == SIGKILL;
    const unsigned stop_ms = k->program->stop_ms ? k->program->stop_ms : STOP_MS;
    const struct process_overdue overdue = {tr_process_serial(k->process),
                                            said ? SIGTERM : SIGKILL};
    troupe_msg *msg = NULL;
    bool waits = signal == SIGKILL ||
                 (troupe_make(troupe_runtime(self), &overdue_type, &overdue, &msg) == TROUPE_OK &&
                  troupe_send_after(self, said ? stop_ms : k->term_ms, troupe_me(self), &msg,
                                    NULL) == TROUPE_OK);
    troupe_drop(&msg);
    tr_process_signal(k->process, waits ? signal : SIGKILL);
}

/* --- A process that is a node ----------------------------------------------------------------- */

static troupe_err join(troupe_self *self, keeper *k, const struct tr_parent_hello *hello) {
    if (hello->serial != tr_process_serial(k->process) || k->joined) return TROUPE_OK;
    troupe_err err = troupe_monitor(self, hello->deputy, &k->monitor);
    if (err) return err;
    k->deputy = hello->deputy;
    k->joined = true;
    look_whether_ready(self, k);
    return TROUPE_OK;
}

/* If the process has ended, that is told as well, with its reason: then the signal finds none. */
static void lose(troupe_self *self, keeper *k, const struct troupe_down *down) {
    if (down->monitor != k->monitor || down->why != TROUPE_NOCONNECTION || k->stopping) return;
    k->lost = true;
    ask_to_end(self, k, SIGABRT);
}

/* By a message, if it is a node, and by its standard input. False: it can't be told so. */
static bool say_stop(troupe_self *self, const keeper *k) {
    bool told = k->joined && troupe_tell(self, k->deputy, &tr_parent_stop_type, NULL) == TROUPE_OK;
    return told || k->program->stop_line;
}

static troupe_err keeper_receive(troupe_self *self, void *state, troupe_msg **msg) {
    keeper *k = state;
    const struct tr_process_news *news = troupe_as(*msg, &tr_process_news_type);
    if (news) return hear(self, k, news);
    const struct process_overdue *overdue = troupe_as(*msg, &overdue_type);
    if (overdue && overdue->serial == tr_process_serial(k->process))
        ask_to_end(self, k, overdue->signal);
    const struct tr_parent_hello *hello = troupe_as(*msg, &tr_parent_hello_type);
    if (hello) return join(self, k, hello);
    const struct troupe_down *down = troupe_as(*msg, &troupe_down_type);
    if (down) lose(self, k, down);
    if (troupe_as(*msg, &which_type)) {
        const struct process_pid answer = {k->pid};
        troupe_err err = troupe_answer(self, &pid_type, &answer);
        /* No failure of this actor's; and only a thread of this runtime can ask this. */
        if (err) tr_port_ask_failed(troupe_runtime(self), troupe_sender(self), err);
    }
    return TROUPE_OK;
}

static troupe_err keeper_stopping(troupe_self *self, void *state) {
    keeper *k = state;
    if (k->stopping) return TROUPE_LATER;
    k->stopping = true;
    ask_to_end(self, k, say_stop(self, k) ? TR_PROCESS_SAY_STOP : SIGTERM);
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
