/* The descriptor of a stepped runtime: readable while stepping is due. README.md, "The bell". */
#ifndef TR_ACTORS_BELL_H
#define TR_ACTORS_BELL_H

#include <troupe/embed.h>

#include "base/alarm.h"
#include "base/os.h"

typedef struct tr_bell {
    bool hung;     /* there is one; written by who steps */
    tr_mutex lock; /* guards `rung`, and is held while the worker parks or is found parked */
    bool rung;     /* the alarm is set */
    tr_alarm alarm;
} tr_bell;

/* Before a step: nobody rings for what this thread does itself. Does nothing without a bell. */
void tr_bell_mute(troupe *rt);
/* After it: leaves the descriptor readable just if something is due. The same. */
void tr_bell_settle(troupe *rt);

/* Takes it down, if there is one: nobody rings any more. */
void tr_bell_fini(troupe *rt);

#endif
