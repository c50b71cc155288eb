/* A runtime: everything that `troupe_open` makes. Nothing of it is process-wide. */
#ifndef TR_ACTORS_RUNTIME_H
#define TR_ACTORS_RUNTIME_H

#include "actors/account.h"
#include "actors/ask.h"
#include "actors/bell.h"
#include "actors/dead.h"
#include "actors/fold.h"
#include "actors/group.h"
#include "actors/join.h"
#include "actors/local.h"
#include "actors/name.h"
#include "actors/port.h"
#include "actors/room.h"
#include "actors/sched.h"
#include "actors/table.h"
#include "actors/teller.h"
#include "actors/tie.h"
#include "actors/timer.h"
#include "actors/topic.h"

/* What was when it took no new work from then on. */
typedef struct tr_quiet {
    tr_atomic64 refused;              /* calls since */
    uint64_t since;                   /* by the clock of waiting threads */
    uint64_t timer;                   /* the last that was set */
    uint64_t dead[TROUPE_DEAD_KINDS]; /* letters so far */
    uint64_t deadline; /* when connections must have ended; 0: as long as they are given */
} tr_quiet;

struct troupe {
    struct troupe_sim *sim;  /* that it is in; NULL: none. Constant once anything runs */
    troupe_config config;    /* with its defaults filled in; constant */
    const troupe_heap *heap; /* `config.heap`, or the static default, which outlives the runtime */
    tr_pool pool;            /* of messages and states */
    uint64_t node;           /* this runtime's incarnation; constant */
    tr_atomic32 closing;     /* 1: no more spawns */
    tr_atomic32 quiesced;    /* 1: nothing new from outside; `quiet` is constant then */
    tr_quiet quiet;
    tr_accounts accounts;
    tr_deads deads;
    tr_folds folds;
    tr_teller teller;
    tr_table table;
    tr_sched sched;
    tr_timers timers;
    tr_bell bell; /* of a stepped one that is waited for */
    tr_ties ties;
    tr_names names;
    tr_groups groups;
    tr_topics topics;
    tr_asks asks;
    tr_rooms rooms;
    tr_joins joins;
    tr_locals locals;
    tr_types types;
    tr_mutex services_lock; /* guards `services`, `fatal`, and attaching the port */
    bool fatal;             /* it has asked for handlers of fatal signals */
    tr_service *services;
    tr_atomic64 port; /* address of the way to other nodes; set once */
};

/* The time that deadlines of waiting threads are counted in. */
uint64_t tr_runtime_clock(const troupe *rt);

/* Moves a stepped runtime on for a thread that waits until `deadline`. False: nothing will happen
 * until then. */
bool tr_runtime_advance(troupe *rt, uint64_t deadline);

/* The way to other nodes; NULL: none. */
tr_port *tr_runtime_port(troupe *rt);

/* Waits until an id is stale (0: until nobody lives); false: not by the deadline. A stepped runtime
 * steps meanwhile, as far as that leads: nothing else would move it. */
bool tr_runtime_wait(troupe *rt, uint64_t id, uint64_t deadline);

/* Gives everything back; no thread of the runtime runs any more. */
void tr_runtime_free(troupe *rt);

#endif
