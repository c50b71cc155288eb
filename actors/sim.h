/* A simulation: runtimes that share one virtual clock, one source of chance and one thread.
 * README.md, "Simulation". */
#ifndef TR_ACTORS_SIM_H
#define TR_ACTORS_SIM_H

#include <troupe/simulation.h>

#include "actors/choice.h"
#include "actors/fault.h"
#include "actors/port.h"
#include "base/list.h"

/* A runtime in it; stays until the simulation is closed, since its heap is here. */
typedef struct tr_sim_runtime {
    struct tr_sim_runtime *next;
    struct troupe_sim *sim;
    troupe *rt; /* NULL: closed */
    uint32_t index;
    troupe_heap heap;           /* where allocations can fail; `blocks` of it are out */
    troupe_heap given;          /* what that takes from, if its configuration has one */
    const troupe_heap *beneath; /* what it takes from */
    size_t blocks;
    uint64_t timers_from; /* its timers are held until then */
} tr_sim_runtime;

/* Something that could be next. */
typedef struct tr_candidate {
    tr_sim_runtime *at;   /* NULL: an event */
    struct tr_task *task; /* NULL: a timer */
    tr_event *event;
} tr_candidate;

struct troupe_sim {
    const troupe_heap *heap; /* its own, which never fails by chance */
    troupe_sim_config config;
    tr_choices choices;
    uint64_t random; /* what actors draw; not a choice */
    uint64_t now, event_ns, events, hash;
    uint64_t messages; /* handled in runtimes that are closed */
    bool running; /* an event is: faults may happen */
    tr_sim_runtime *runtimes, **last;
    uint32_t count;
    tr_list set; /* of tr_event, by their time */
    uint64_t numbers;
    tr_faults faults;
    tr_candidate *candidate; /* of the next event: `room` of them, and their agents */
    uint64_t *agent;
    size_t room, agent_room;
    void *net; /* the transport's; NULL: there is none yet */
    const tr_sim_net_ops *net_ops;
};

/* A runtime of it has closed; its memory may be used until the simulation ends. */
void tr_sim_left(troupe_sim *sim, const troupe *rt);
/* The next number for an actor's own use. */
uint64_t tr_sim_random(troupe_sim *sim);

#endif
