/* Faults of a simulation, by chance and on demand. */
#ifndef TR_ACTORS_FAULT_H
#define TR_ACTORS_FAULT_H

#include <troupe/simulation.h>

#include "base/check.h"

struct tr_sim_runtime;
struct tr_task;

enum { TR_FAULT_ORDERS = 16, TR_FAULT_SQUEEZES = 16, TR_FAULT_HOLDS = 16 };

/* An actor that shall fail once it has handled `left` more messages. */
typedef struct tr_fault_order {
    troupe_ref who;
    unsigned left; /* 0: no order */
} tr_fault_order;

/* A mailbox that is made full. */
typedef struct tr_squeeze {
    troupe_ref who;
    uint32_t limit; /* that it has; 0: this is none */
    uint64_t until; /* an event's number */
} tr_squeeze;

typedef struct tr_faults {
    troupe_faults chance;
    troupe_fault_counts counts;
    unsigned alloc_in; /* allocations until one fails; 0: none shall */
    tr_fault_order order[TR_FAULT_ORDERS];
    tr_squeeze squeeze[TR_FAULT_SQUEEZES];
    troupe_ref hold[TR_FAULT_HOLDS]; /* actors that are held; NOBODY: none */
    unsigned held;                   /* how many */
} tr_faults;

/* Before each event: what befalls the world. */
void tr_faults_befall(troupe_sim *sim);
/* Before a turn of a task: whether its actor fails by it, which is arranged then. */
void tr_faults_doom(troupe_sim *sim, struct tr_sim_runtime *at, struct tr_task *task);
/* Whether an actor that could run is held. */
bool tr_faults_held(const troupe_sim *sim, const struct tr_sim_runtime *at,
                    struct tr_task *task);
/* Whether a runtime's due timers are late now. */
bool tr_faults_late(troupe_sim *sim, struct tr_sim_runtime *at);
/* Whether this allocation fails. */
bool tr_faults_alloc(troupe_sim *sim);

#endif
