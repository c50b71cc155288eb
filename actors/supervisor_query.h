/* What a supervisor tells of its children, to actors and to plain threads. */
#ifndef TR_ACTORS_SUPERVISOR_QUERY_H
#define TR_ACTORS_SUPERVISOR_QUERY_H

#include "actors/supervisor.h"

/* Tells of the child of that id. NOTFOUND. */
TR_CHECKED troupe_err tr_query_find(const tr_supervisor *sup, const char *id,
                                    troupe_child_info *info);

/* Counts the children. */
troupe_child_counts tr_query_count(tr_supervisor *sup);

/* Makes a message that lists them, with that tag. NOMEM, TOOBIG. */
TR_CHECKED troupe_err tr_query_list(troupe_self *self, tr_supervisor *sup, uint64_t tag,
                                    troupe_msg **out);

#endif
