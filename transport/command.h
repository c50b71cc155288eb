/* A command: what a process child is started with, in one piece of memory that needs nothing of the
 * program that it was copied from. */
#ifndef TR_TRANSPORT_COMMAND_H
#define TR_TRANSPORT_COMMAND_H

#include <sys/types.h>
#include <troupe/process.h>

#include "base/check.h"

typedef struct tr_command tr_command;

/* What the launcher says over the status socket if it can't become the program. */
typedef struct tr_launch_failure {
    int error; /* an errno */
    int step;  /* TR_LAUNCH_* */
} tr_launch_failure;

/* At what it failed. */
enum { TR_LAUNCH_PROGRAM, TR_LAUNCH_FOLDER, TR_LAUNCH_LIMIT };

/* Makes a command that runs `program` by a launcher; NULL: no memory. */
tr_command *tr_command_make(const troupe_heap *heap, const troupe_program *program,
                            const char *launcher);

/* Gives its memory back; does nothing to NULL. */
void tr_command_free(tr_command *command);

enum {
    TR_COMMAND_GIVEN = 4, /* descriptors that a process may be given, */
    TR_COMMAND_MORE = 4   /* the last of them with this number, if its program has a node */
};

/* What a process gets from the one that spawns it. */
typedef struct tr_command_gift {
    int status; /* a socket, for the launcher */
    /* Input, output, error, and one more, which becomes TR_COMMAND_MORE; numbers over that. -1:
     * /dev/null; the two as they are here; none. */
    const int *given;
    char *const *env;    /* more additions to its environment; ends with NULL */
} tr_command_gift;

/* Spawns the launcher as a child of the calling thread, which must outlive it. It gets the status
 * socket as descriptor 3, no signal blocked or ignored, and the environment of this moment with the
 * additions, but without what is said there to this process alone: NOTIFY_SOCKET and the like. 0,
 * or an errno: nothing was spawned. */
TR_CHECKED int tr_command_spawn(tr_command *command, const tr_command_gift *gift, pid_t *pid);

/* The program's argv[0], for texts. */
const char *tr_command_program(const tr_command *command);

/* What is said to the program to stop it; NULL: nothing. */
const char *tr_command_stop_line(const tr_command *command);

/* The launcher's path, for texts. */
const char *tr_command_launcher(const tr_command *command);

#endif
