/* The process service: one thread of a runtime that spawns, watches, signals and reaps the
 * processes of all its keepers. It is made when the first keeper starts and ends with the runtime.
 *
 * A `tr_process` is one run of a program: made by its keeper, shared with the service, and let go
 * by the keeper at the end of its life; the service then ends what still runs. The service tells
 * the keeper of its run by messages that were made with it: they can't fail for want of memory. */
#ifndef TR_TRANSPORT_PROCESS_H
#define TR_TRANSPORT_PROCESS_H

#include <troupe/process.h>

#include "actors/port.h"
#include "base/check.h"

typedef struct tr_process tr_process;

enum {
    TR_PROCESS_TERM_MS = 2000, /* from SIGTERM, or SIGABRT, to SIGKILL, if nothing else is said */
    TR_PROCESS_SAY_STOP = -1   /* for a signal: the program is asked by its standard input */
};

/* What may happen to a run, and what `number` is then. RUNS is followed by one of the last five,
 * with READY between them if the program says so; the others come alone. */
typedef enum tr_process_event {
    TR_PROCESS_RUNS,        /* a process id: the program has begun */
    TR_PROCESS_NO_LAUNCHER, /* an errno: the launcher can't be run */
    TR_PROCESS_NO_PROGRAM,  /* an errno: the launcher can't run the program */
    TR_PROCESS_NO_FOLDER,   /* an errno: it can't go to its folder */
    TR_PROCESS_NO_LIMIT,    /* an errno: it can't limit what it takes */
    TR_PROCESS_READY,       /* 0: it says so */
    TR_PROCESS_EXITED,      /* an exit status */
    TR_PROCESS_SIGNALLED,   /* a signal, also one that came before there was a process */
    TR_PROCESS_SILENT,      /* how it ended, after it was ended because nothing was heard of it */
    TR_PROCESS_TROUBLE,     /* the same, after it said that it is in trouble */
    TR_PROCESS_LOST         /* 0: it ended, but the host took or discarded its exit status */
} tr_process_event;

/* The message to the keeper. `serial` tells runs apart, since a keeper may be restarted with mail
 * of a former run in its mailbox. */
struct tr_process_news {
    uint64_t serial;
    uint32_t event; /* a tr_process_event */
    int32_t number;
};

/* Its type; never registered, so that none comes from another node. */
extern const troupe_type tr_process_news_type;

/* Makes a run, without starting it; the program's texts are copied. NOMEM. SYSTEM: the runtime has
 * no service and can't make one. */
TR_CHECKED troupe_err tr_process_make(troupe *rt, troupe_ref keeper,
                                          const troupe_program *program, const char *launcher,
                                          tr_process **out);

/* Starts it, once no other process of the same keeper is left. Returns at once. */
void tr_process_spawn(tr_process *process);

/* Sends it a signal, or says that it is to stop, or takes the start back if it did not happen yet.
 * Returns at once. */
void tr_process_signal(tr_process *process, int signal);

/* The keeper's last word, at every end of its life: takes a `tr_process`, which must not be used
 * afterwards. Its process is killed; nothing is told any more. */
void tr_process_let_go(void *process);

/* Its number, unique in the runtime. */
uint64_t tr_process_serial(const tr_process *process);

/* The program's argv[0], for texts. */
const char *tr_process_name(const tr_process *process);

/* The launcher's path, for texts. */
const char *tr_process_launcher(const tr_process *process);

#endif
