/* Timers: a heap by deadline, and the thread that waits for the earliest. */
#ifndef TR_ACTORS_TIMER_H
#define TR_ACTORS_TIMER_H

#include <troupe/actor.h>

#include "base/check.h"
#include "base/alarm.h"
#include "base/list.h"
#include "base/map.h"
#include "base/os.h"

typedef struct tr_timer tr_timer;

typedef struct tr_timers {
    troupe *rt;
    tr_mutex lock;   /* guards all below */
    tr_cond changed; /* the earliest deadline has changed, or it is over */
    tr_timer **heap; /* `count` of them, a binary heap by deadline, then number */
    size_t count, room;
    tr_map by_id;
    uint64_t last_id;
    tr_alarm *alarm; /* of a stepped runtime that is waited for; NULL: none */
    uint64_t set;    /* when it is to be readable */
    bool muted;      /* it is set later */
    bool over;
    bool has_thread;
    tr_thread thread;
} tr_timers;

/* Makes an empty set. */
void tr_timers_init(tr_timers *timers, troupe *rt);

/* Starts the thread; not for a stepped runtime. SYSTEM. */
TR_CHECKED troupe_err tr_timers_start(tr_timers *timers);

/* Ends the thread. */
void tr_timers_end(tr_timers *timers);

/* Drops what is left and gives the memory back. */
void tr_timers_fini(tr_timers *timers);

/* Fires the earliest timer if it is due. False: none is due. */
bool tr_timers_fire(tr_timers *timers);

/* When the earliest is due; TR_NEVER: there is none. */
uint64_t tr_timers_next(tr_timers *timers);

/* Has an alarm follow the earliest deadline, from the next `settle` on; NULL: none. */
void tr_timers_follow(tr_timers *timers, tr_alarm *alarm);
/* Has it stay as it is for now. */
void tr_timers_mute(tr_timers *timers);
/* Sets it again. Returns whether a timer is due. */
TR_CHECKED bool tr_timers_settle(tr_timers *timers);

/* The number of the last one that was set. */
uint64_t tr_timers_last(tr_timers *timers);

/* Whether one waits whose number is at most `last`, and is due until then. */
bool tr_timers_due(tr_timers *timers, uint64_t last, uint64_t until);

/* Ends all timers of an actor. */
void tr_timers_forget(tr_timers *timers, troupe_self *self);

#endif
