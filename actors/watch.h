/* The watch: a thread that looks, while workers run, for callbacks that do not return, and has
 * others take what waits behind them. It sleeps when all workers do. */
#ifndef TR_ACTORS_WATCH_H
#define TR_ACTORS_WATCH_H

#include "actors/pace.h"
#include "base/check.h"
#include "base/os.h"

struct tr_sched;

/* What it remembers of a worker from look to look. */
typedef struct tr_watched {
    tr_done done;     /* as it was */
    uint64_t running; /* as it was, or the number of its look outside */
    uint64_t since;   /* when they last changed */
    uint64_t time;    /* processor time that its thread had had a look later; 0: not yet */
    unsigned waits;   /* looks in a row at which its thread waited in the system */
    bool reported;
} tr_watched;

typedef struct tr_watch {
    struct tr_sched *sched;
    tr_watched *seen;   /* one a worker */
    uint64_t slow_ns;   /* a callback that takes longer is reported */
    tr_atomic32 asleep; /* 1: it sleeps, since all workers do; a futex */
    tr_atomic32 over;
    tr_thread thread;
    bool started;
} tr_watch;

/* Starts the thread. False: the system has none. */
TR_CHECKED bool tr_watch_start(tr_watch *watch);
/* Ends the thread. */
void tr_watch_end(tr_watch *watch);
/* A worker has woken: so must the watch. Any thread; one load if it is awake. */
void tr_watch_stir(tr_watch *watch);

#endif
