/* A child as its supervisor keeps it, and what the supervisor does with one. */
#ifndef TR_ACTORS_SUPERVISOR_KID_H
#define TR_ACTORS_SUPERVISOR_KID_H

#include <troupe/supervisor.h>

#include "actors/actor.h"

/* Its bond is what the child itself sees of it, so it stays where it is. */
typedef struct tr_kid {
    tr_bond bond;
    tr_list of_sup;     /* among its siblings, in start order */
    troupe_child spec;  /* id and name are copies of our own */
    troupe_self *actor; /* NULL: never made, or buried */
    troupe_child_state state;
    bool was_ready; /* in this life */
    uint32_t restarts;
    troupe_err why; /* how its last life ended */
} tr_kid;

/* What makes no sense in a child's description; NULL: nothing. */
const char *tr_kid_flaw(const troupe_child *child);

/* Makes one, of copies of all that `child` points to but `arg`; it is in no list. NULL: no memory.
 */
tr_kid *tr_kid_make(troupe_self *parent, const troupe_child *child);

/* Gives back what tr_kid_make took; its actor must have been told to bury itself. */
void tr_kid_free(tr_kid *kid, const troupe_heap *heap);

/* Asks its actor for something (TR_CONTROL_*). */
void tr_kid_ask(tr_kid *kid, uint32_t request);

/* Makes its actor and begins the first life. An error: there is none. */
TR_CHECKED troupe_err tr_kid_start(tr_kid *kid);

/* Begins the next life of one that is held. */
void tr_kid_restart(tr_kid *kid);

/* Ends a child that has ended its last life. */
void tr_kid_bury(tr_kid *kid);

#endif
