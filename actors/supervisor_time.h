/* What a supervisor gives its children time for: to start, to stop, and before they start again.
 * At most one such time runs for a child, and a number says which one it is: whatever else happens
 * to the child ends it, and one that has passed too late means nothing any more. */
#ifndef TR_ACTORS_SUPERVISOR_TIME_H
#define TR_ACTORS_SUPERVISOR_TIME_H

#include "actors/supervisor.h"

/* To the supervisor itself: a time has passed. */
struct tr_late {
    uint64_t who; /* how the child is found: a hash of its id, or the id of its ref */
    uint64_t nth; /* of its times; 0: that in which all dynamic children were to stop */
};
extern const troupe_type tr_late_type;

/* Begins a child's time, in place of any that runs. False: no memory, and none runs. */
TR_CHECKED bool tr_time_set(tr_kid *kid, unsigned ms);

/* Ends a child's time, if one runs. */
void tr_time_end(tr_kid *kid);

/* Begins the time in which all dynamic children have to stop. False: no memory. */
TR_CHECKED bool tr_time_set_all(troupe_self *self, unsigned ms);

/* The child whose time has passed with that message, and is over now; NULL: it was over before. */
tr_kid *tr_time_passed(tr_supervisor *sup, const struct tr_late *late);

#endif
