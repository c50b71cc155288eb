/* A child as its supervisor keeps it, and what the supervisor does with one. */
#ifndef TR_ACTORS_SUPERVISOR_KID_H
#define TR_ACTORS_SUPERVISOR_KID_H

#include <troupe/supervisor.h>

#include "actors/actor.h"
#include "actors/report.h"
#include "actors/supervisor_limits.h"

/* Its bond is what the child itself sees of it, so it stays where it is. */
typedef struct tr_kid {
    tr_bond bond;
    tr_map_entry by_id;  /* among its siblings; not of a dynamic one */
    tr_map_entry by_ref; /* the same by its ref, while it has an actor */
    tr_map *refs;        /* where that is */
    bool dynamic;        /* made out of a template, whose texts it shares */
    tr_list of_sup;      /* among its siblings, in start order */
    troupe_child spec;   /* id and name are copies of our own */
    troupe_self *actor;  /* NULL: never made, or buried */
    troupe_child_state state;
    bool was_ready; /* in this life */
    bool named;     /* its actor has its name */
    bool leaving;   /* it will be stopped when its turn comes */
    bool again;     /* after its stop it waits for its next start */
    bool slow;      /* its start took too long, so it was killed */
    bool delayed;   /* it waits for its time to start again */
    bool killed;    /* it was asked to end by a kill, or is by now */
    bool held;      /* it was held, and has not been ready since */
    uint64_t time;  /* which of its supervisor's times runs for it (supervisor_time.h); 0: none */
    troupe_timer timer; /* that it is told by */
    tr_fifo requests;   /* that wait for its start or end (supervisor_request.h) */
    tr_list asked;      /* in its supervisor's, while there are some */
    uint32_t restarts;
    uint32_t failures; /* running, for its back-off */
    uint64_t ready_at; /* the same: when it became ready */
    tr_limits limits;  /* its own */
    troupe_err why;    /* how its last life ended */
} tr_kid;

/* What makes no sense in a child's description; NULL: nothing. */
const char *tr_kid_flaw(const troupe_child *child);

/* Makes one, of copies of all that `child` points to but `arg`; it is in no list. NULL: no memory.
 */
tr_kid *tr_kid_make(troupe_self *parent, const troupe_child *child);

/* Makes one out of a template, which must outlive it, and an argument. NULL: no memory. */
tr_kid *tr_kid_make_dynamic(const tr_kid *model, const void *arg);

/* Gives back what one of these took; its actor must have been told to bury itself, and its notes
 * must have been handled. */
void tr_kid_free(tr_kid *kid, const troupe_heap *heap);

/* Asks its actor for something (TR_CONTROL_*). */
void tr_kid_ask(tr_kid *kid, uint32_t request);

/* Makes its actor and begins the first life. An error: there is none. */
TR_CHECKED troupe_err tr_kid_start(tr_kid *kid);

/* Begins the next life of one that is held, or was never made, or buried. If its actor can't be
 * made, that comes back as the end of a life, in a message that needs no memory. */
void tr_kid_restart(tr_kid *kid);

/* Its actor was abandoned, and is no longer its: says so to the supervisor, as an end. */
void tr_kid_abandoned(tr_kid *kid);

/* Whether its last end is no news: clean, or a start that said IGNORE. */
bool tr_kid_ended_well(const tr_kid *kid);

/* Tells who watches its actor that it has ended, if that is not to wait for its next start. */
void tr_kid_tell_watchers(tr_kid *kid);

/* Whether it is on its feet, or has yet to be heard of: its `ended` note will come. */
bool tr_kid_lives(const tr_kid *kid);

/* The report of a life that failed, or of an actor that could not be made. */
void tr_kid_report(const tr_kid *kid, const tr_fate *fate);

/* Ends a child that has ended its last life; also one that has no actor. */
void tr_kid_bury(tr_kid *kid);

#endif
