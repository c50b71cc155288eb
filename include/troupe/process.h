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
 * process children with it. Only standard input (/dev/null), output and error are inherited. */
#ifndef TROUPE_PROCESS_H
#define TROUPE_PROCESS_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What to run: the start argument of `troupe_process`. It must live as long as its supervisor. */
typedef struct troupe_program {
    const char *const *argv; /* NULL-terminated; argv[0] is the path, searched for in PATH if it has
                                no slash */
    const char *const *env;  /* "NAME=value" to add to the environment; NULL-terminated, or NULL */
    unsigned term_ms;        /* from SIGTERM to SIGKILL when stopped; 0: 2000 */
    /* The launcher, which arranges in the child that it dies with its parent, then becomes the
     * program. NULL: `troupe-launch` beside the running program, or as installed with Troupe. */
    const char *launcher;
} troupe_program;

/* The behaviour of a process's keeper. It is ready when the program runs; start fails with SYSTEM
 * and a text that names the program if it can't be run. */
TROUPE_API extern const troupe_behaviour troupe_process;

/* The process id of a keeper's process, for tools and tests; 0 if it does not run at this moment.
 * Waits up to `timeout_ms`; a plain thread only. The errors of `troupe_ask`. */
TROUPE_CHECKED troupe_err troupe_process_id(troupe *rt, troupe_ref keeper, unsigned timeout_ms,
                                            int *pid);

#ifdef __cplusplus
}
#endif
#endif
