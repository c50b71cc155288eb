/* A supervisor: its state, and what the life of an actor must know of it. */
#ifndef TR_ACTORS_SUPERVISOR_H
#define TR_ACTORS_SUPERVISOR_H

#include <troupe/supervisor.h>

#include "actors/actor.h"
#include "actors/supervisor_kid.h"
#include "actors/supervisor_limits.h"

/* What it is doing. */
typedef enum tr_phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING } tr_phase;

typedef struct tr_supervisor {
    tr_list kids;  /* tr_kid, in start order */
    size_t count;  /* of them */
    tr_kid *model; /* of dynamic children, itself no child; NULL: it has named ones */
    tr_map by_id;  /* named children, by the hashes of their ids */
    tr_map by_ref; /* children that have an actor, by the ids of their refs */
    tr_limits limits;
    troupe_strategy strategy;
    troupe_auto_shutdown auto_shutdown;
    tr_phase phase;
    bool busy;          /* children may have to be started or stopped in order */
    uint32_t times;     /* that were set so far (supervisor_time.h) */
    size_t stopping;    /* children that were asked to stop and are waited for */
    troupe_err outcome; /* why it is stopping */
    bool asked_all;     /* its dynamic children were asked to stop */
    bool killed_all;    /* and killed */
    bool brutal;        /* it was killed: so are the children */
    tr_list asked;      /* children with requests that wait */
    troupe_ref waiter;  /* who wants to know that the start is complete */
    bool says;          /* in this life somebody waited for it: supervisor_waits.h */
    struct tr_change *change; /* its wait, while it starts or stops and says so; NULL: none */
} tr_supervisor;

/* The child that is listed there; NULL: that is the head. */
static inline tr_kid *tr_sup_at(tr_supervisor *sup, tr_list *at) {
    return at == &sup->kids ? NULL : TR_OWNER(at, tr_kid, of_sup);
}

/* The first child in start order; NULL: there is none. */
static inline tr_kid *tr_sup_first(tr_supervisor *sup) {
    return tr_sup_at(sup, sup->kids.next);
}

/* The one behind another. */
static inline tr_kid *tr_sup_next(tr_supervisor *sup, tr_kid *kid) {
    return tr_sup_at(sup, kid->of_sup.next);
}

/* The last child. */
static inline tr_kid *tr_sup_last(tr_supervisor *sup) {
    return tr_sup_at(sup, sup->kids.prev);
}

/* The one before another. */
static inline tr_kid *tr_sup_before(tr_supervisor *sup, tr_kid *kid) {
    return tr_sup_at(sup, kid->of_sup.prev);
}

/* The child of that id; NULL: there is none. Dynamic ones have none of their own. */
tr_kid *tr_sup_called(const tr_supervisor *sup, const char *id);

/* The child whose actor has that id in its ref; NULL: there is none. */
tr_kid *tr_sup_by_ref(const tr_supervisor *sup, uint64_t id);

/* Adds a child that was just made, the last in start order. */
void tr_sup_add(tr_supervisor *sup, tr_kid *kid);

/* A child has ended for good: buries it, answers who waits for that, and forgets it if it is
 * temporary or dynamic. `started` is for who waits for its start. */
void tr_sup_end(tr_supervisor *sup, tr_kid *kid, troupe_err started);

/* Forgets a child that has ended. */
void tr_sup_remove(tr_supervisor *sup, tr_kid *kid);

/* Somebody waits for it: from here on it says in the graph of waits for whom it waits itself. */
void tr_supervisor_say(troupe_self *self, void *state);

/* A kill of a supervisor: its children are killed first, then it ends as KILLED. True: it must go
 * on until they are gone; false: it has none. */
bool tr_supervisor_kill(troupe_self *self, void *state);

#endif
