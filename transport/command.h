/* A command: what a process child is started with, in one piece of memory that needs nothing of the
 * program that it was copied from. */
#ifndef TR_TRANSPORT_COMMAND_H
#define TR_TRANSPORT_COMMAND_H

#include <sys/types.h>
#include <troupe/process.h>

typedef struct tr_command tr_command;

/* Makes a command that runs `program` by a launcher; NULL: no memory. */
tr_command *tr_command_make(const troupe_heap *heap, const troupe_program *program,
                            const char *launcher);

/* Gives its memory back; does nothing to NULL. */
void tr_command_free(tr_command *command);

/* Spawns the launcher as a child of the calling thread, which must outlive it. It gets `status`, a
 * socket, as descriptor 3, /dev/null as standard input, no signal blocked or ignored, and the
 * environment of this moment with the program's additions. 0, or an errno: nothing was spawned. */
int tr_command_spawn(tr_command *command, int status, pid_t *pid);

/* The program's argv[0], for texts. */
const char *tr_command_program(const tr_command *command);

/* The launcher's path, for texts. */
const char *tr_command_launcher(const tr_command *command);

#endif
