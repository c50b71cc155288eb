/* A pool: a supervisor's dynamic children in a group, under a bound, and who starts and stops them.
 * README.md, "Pools". */
#ifndef TR_ACTORS_POOL_H
#define TR_ACTORS_POOL_H

#include "actors/pool_gate.h"
#include "actors/pool_roster.h"
#include "actors/port.h"

/* What was in the hand of a member; it tells whether a next life begins with it again. Written by
 * whoever runs the member, but for the claim of the slot, under the lock. */
typedef struct tr_slot {
    uint64_t id;           /* the member's; 0: free */
    const troupe_msg *msg; /* in hand; NULL: none */
    uint32_t failed;       /* messages that it had failed on for good by then */
} tr_slot;

/* Two children one after the other: the crew, whose children are the members, and the keeper, who
 * starts and stops these. */
struct troupe_pool {
    tr_service service; /* the runtime's list of those that it gives back */
    troupe *rt;
    troupe_pool_plan plan; /* with its defaults filled in; its texts are here */
    char name[TROUPE_NAME_MAX + 1], crew_name[TROUPE_NAME_MAX + 6];
    const troupe_behaviour *what;    /* the user's, in `theirs` */
    troupe_behaviour theirs, member; /* the second is around the first */
    troupe_child template, parts[2];
    troupe_supervision crew, tree;
    troupe_ref root;
    tr_mutex lock; /* guards all below, but for what says how it is read */
    tr_roster roster;
    tr_gate gate; /* not used by TROUPE_PICK_ALL, nor if nothing depends on how much there is */
    bool gated;   /* constant */
    troupe_ref keeper; /* TROUPE_NOBODY: there is none */
    uint32_t wanted;
    tr_atomic64 sent, shed; /* by senders */
    tr_atomic64 redone;     /* by members */
    tr_slot slot[];         /* `plan.max` */
};

/* To the keeper: look at `wanted`; or at the pool, whether it is idle. To a member, and back: it is
 * not one any more. By address: nobody else has these types. */
struct tr_nudge {
    bool idle;
};
extern const troupe_type tr_pool_nudge_type, tr_pool_leave_type;

/* Starts members, stops them, and looks whether there are enough. */
extern const troupe_behaviour tr_pool_keeper;

/* Has it look at `wanted`; under the lock. NOMEM, GONE. */
TR_CHECKED troupe_err tr_pool_nudge(troupe_pool *pool);

#endif
