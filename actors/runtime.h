/* A runtime: everything that `troupe_open` makes. Nothing of it is process-wide. */
#ifndef TR_ACTORS_RUNTIME_H
#define TR_ACTORS_RUNTIME_H

#include "actors/ask.h"
#include "actors/monitor.h"
#include "actors/name.h"
#include "actors/port.h"
#include "actors/sched.h"
#include "actors/table.h"
#include "actors/timer.h"

struct troupe {
    troupe_config config;     /* with its defaults filled in; constant */
    const troupe_heap *heap;  /* `config.heap`, or the static default, which outlives the runtime */
    tr_pool pool;             /* of messages and states */
    uint64_t node;            /* this runtime's incarnation; constant */
    tr_atomic32 closing;      /* 1: no more spawns */
    tr_atomic64 dead_letters; /* messages that ended undelivered */
    tr_table table;
    tr_sched sched;
    tr_timers timers;
    tr_ties ties;
    tr_names names;
    tr_asks asks;
    tr_types types;
    tr_mutex services_lock; /* guards `services`, and attaching the port */
    tr_service *services;
    tr_atomic64 port; /* address of the way to other nodes; set once */
};

/* The way to other nodes; NULL: none. */
tr_port *tr_runtime_port(troupe *rt);

/* Waits until an id is stale (0: until nobody lives); false: not by the deadline. A stepped runtime
 * steps meanwhile, as far as that leads: nothing else would move it. */
bool tr_runtime_wait(troupe *rt, uint64_t id, uint64_t deadline);

#endif
