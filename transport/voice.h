/* A voice: what a process says while it runs (its output, its notices, its heartbeats), and what is
 * said to it over its standard input. One for each run; all of it is done by the service's thread,
 * which never waits for the process: what it says too fast is read, counted and dropped. */
#ifndef TR_TRANSPORT_VOICE_H
#define TR_TRANSPORT_VOICE_H

#include <sys/types.h>
#include <troupe/process.h>

#include "base/check.h"
#include "transport/command.h"
#include "transport/lines.h"
#include "transport/notice.h"
#include "transport/parent.h"
#include "transport/watch.h"

enum {
    TR_VOICE_LINES = 1000, /* logged of one process in a second; the others are counted */
    TR_VOICE_ENV = 4       /* that it adds to an environment, NULL with them */
};

/* What is wanted of a voice, and who hears it. */
typedef struct tr_voice_plan {
    troupe *rt;
    const char *name;           /* of the program, for the log; lasts as long as the voice */
    bool logs, notifies;        /* as `troupe_program` has it */
    const char *stop_line;      /* the same; it lasts as long */
    const tr_parent_note *note; /* for a program that has a node; NULL: it has none */
    unsigned watchdog_ms, term_ms;
    void (*ready)(void *ctx); /* READY=1 came, for the first time */
    /* It is silent, or says that it is in trouble: it is to get this signal, first SIGABRT, then
     * SIGKILL. */
    void (*silent)(void *ctx, int signal, bool trouble);
    void *ctx;
} tr_voice_plan;

typedef struct tr_voice {
    tr_voice_plan plan;
    int epoll; /* -1: not open */
    pid_t pid;
    tr_watch out, err, notices, alarm;
    int in;                      /* the way to its standard input; -1: none */
    int child[TR_COMMAND_GIVEN]; /* what it is given, until it has that; -1: nothing */
    tr_lines said, complained;
    bool is_ready, is_silent, in_trouble, is_stopping, beat;
    unsigned second_lines; /* logged in this second */
    uint64_t second, dropped;
    char address[TR_NOTICE_ROOM + 16], watchdog[48], parent[24];
    char *env[TR_VOICE_ENV];
} tr_voice;

/* A voice that is not open. */
void tr_voice_init(tr_voice *voice, const tr_voice_plan *plan);

/* Makes the descriptors that it needs, of which `child` are for the process, and fills `env`; 0, or
 * an errno. Ended by `tr_voice_end` in each case. */
TR_CHECKED int tr_voice_open(tr_voice *voice, int epoll);

/* The process is there: its ends are closed here, ours are watched. 0, or an errno. */
TR_CHECKED int tr_voice_watch(tr_voice *voice, pid_t pid);

/* The program runs: from now on it must be heard, unless it is to say first that it is ready. */
void tr_voice_runs(tr_voice *voice);

/* It was asked to end, and may be silent from now on. `say`: by its standard input. */
void tr_voice_stop(tr_voice *voice, bool say);

/* The process has ended, or there will be none: what it has said is read to its end, and all is
 * closed. */
void tr_voice_end(tr_voice *voice);

#endif
