/* Process children: operating-system processes in a supervision tree. Needs troupe::transport.
 *
 * `troupe_process` is the behaviour of an actor that keeps one process: its start spawns it, the
 * process's death is the actor's end, stopping the actor stops the process. So a process is a child
 * like any other, with the same restart rules, limits and reports:
 *
 *     static const char *const argv[] = {"/usr/bin/worker", "--fast", NULL};
 *     static const troupe_program worker = {.argv = argv};
 *     const troupe_child child = {.id = "worker", .what = &troupe_process, .arg = &worker};
 *
 * Any program will do; one that uses Troupe can connect back as a node. Its end is noticed at once.
 * Exit status 0 is a normal end; another is EXITED, a signal SIGNALLED, each with the number in the
 * report. When the process that supervises is itself killed, even by SIGKILL, the kernel kills its
 * process children with it. Only standard input (/dev/null), output and error are inherited.
 *
 * A program may say when it is ready and that it is well, by the protocol of systemd's
 * sd_notify(3), which many speak already: datagrams READY=1, WATCHDOG=1, WATCHDOG=trigger,
 * STOPPING=1 and STATUS=... (which is logged) to the socket in NOTIFY_SOCKET. It is heard from the
 * process itself and from others of the same user. */
#ifndef TROUPE_PROCESS_H
#define TROUPE_PROCESS_H

#include <troupe/remote.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most that a process may take of something: soft and hard limit of setrlimit(2). */
typedef struct troupe_limit {
    int resource;  /* RLIMIT_AS and the like, of <sys/resource.h> */
    uint64_t most; /* in its unit; RLIM_INFINITY */
} troupe_limit;

/* Where standard output and error go. */
typedef enum troupe_output {
    TROUPE_OUTPUT_SHARED, /* where this process's go */
    /* To the log as INFO, line by line: "sh[123]: text", or "sh[123] stderr: text". Of a line at
     * most 512 bytes are kept, with a count of those that follow; what is no printable UTF-8 is
     * written as \xHH, the last line may lack its newline. The program never waits: of more than
     * 1000 lines in a second the others are counted instead. What processes write that it leaves
     * behind is not read any more once it has ended. */
    TROUPE_OUTPUT_LOG
} troupe_output;

/* What to run: the start argument of `troupe_process`. Members left zero take their defaults. It
 * must live as long as its supervisor. */
typedef struct troupe_program {
    const char *const *argv; /* NULL-terminated; argv[0] is the path, searched for in PATH if it has
                                no slash */
    const char *const *env;  /* "NAME=value" to add to the environment; NULL-terminated, or NULL */
    unsigned term_ms;        /* from SIGTERM to SIGKILL when stopped; 0: 2000 */
    /* The launcher, which arranges in the child that it dies with its parent, then becomes the
     * program. NULL: `troupe-launch` beside the running program, or as installed with Troupe. */
    const char *launcher;
    const char *folder;        /* to work in, also for an argv[0] that is relative; NULL: ours */
    const troupe_limit *limit; /* `limits` of them */
    size_t limits;
    troupe_output output;
    /* It says by READY=1 when it is ready; only then is its start complete. How long that may take
     * is said by `start_ms` of its child. That it ends before is a failure, whatever its status. */
    bool notifies;
    /* From then on (if it does not notify: as soon as it runs) it must say WATCHDOG=1 at least this
     * often; it finds the time in WATCHDOG_USEC. If it does not, or says WATCHDOG=trigger, it gets
     * SIGABRT, SIGKILL after `term_ms`, and has failed with SILENT. Not after STOPPING=1, nor once
     * it was asked to stop. 0: it need not. */
    unsigned watchdog_ms;
    /* Stopped, it is asked in words first: this line is written to its standard input, a pipe then,
     * which is closed behind it; "": it is closed. SIGTERM follows after `stop_ms` (0: 2000).
     * NULL: it gets SIGTERM at once. */
    const char *stop_line;
    unsigned stop_ms;
    /* A program that uses Troupe, and shall be a node: it connects to `node`, which listens at
     * `url`, by `troupe_child_connect`. Its start is complete once it has. Stopped, it is asked by
     * a message, and gets SIGTERM after `stop_ms`. If nothing is heard of it for the `lost_ms` of
     * the node it is as silent as above. Address and key come to it by an inherited descriptor,
     * which is in no command line and no environment; so the node must have a secret, and `url` be
     * no address of tls+tcp, or start fails with INVALID. NULL: it is any program. */
    troupe_node *node;
    const char *url;
} troupe_program;

/* The behaviour of a process's keeper. It is ready when the program runs, or says so; start fails
 * with SYSTEM and a text that names the program if it can't be run, its folder can't be entered, or
 * a limit not be set. */
TROUPE_API extern const troupe_behaviour troupe_process;

/* The process id of a keeper's process, for tools and tests; 0 if it does not run at this moment.
 * Waits up to `timeout_ms`; a plain thread only. The errors of `troupe_ask`. */
TROUPE_CHECKED troupe_err troupe_process_id(troupe *rt, troupe_ref keeper, unsigned timeout_ms,
                                            int *pid);

/* --- In the program --------------------------------------------------------------------------- */

/* The way of a process to its parent. */
typedef struct troupe_parent {
    troupe_node *node;              /* its own, which is connected to the parent's */
    char name[TROUPE_NAME_MAX + 1]; /* of the parent's, for `troupe_lookup` */
    troupe_ref keeper;              /* of this process, there */
    /* An actor of this process. It ends with SHUTDOWN when the process shall stop, and with
     * NOCONNECTION when the parent is lost; for `troupe_await_end` (<troupe/service.h>). */
    troupe_ref deputy;
} troupe_parent;

/* Connects a process that was started as a `troupe_program` with a node to its parent: makes `rt` a
 * node of the name "program-pid", with the parent's secret and limits. Its keeper counts it as
 * ready then. A plain thread; once a process. On an error the runtime is to be closed.
 * NOTFOUND: it was not started so, or has connected already. TAKEN: `rt` is a node already. The
 * errors of `troupe_node_open`, `troupe_connect` and `troupe_spawn`. */
TROUPE_CHECKED troupe_err troupe_child_connect(troupe *rt, unsigned timeout_ms,
                                               troupe_parent *out);

#ifdef __cplusplus
}
#endif
#endif
