/* Callers: through which functions a callback came to where it failed, for the report. The
 * runtime's own functions, above the place and below the callback, are left out. */
#ifndef TR_ACTORS_CALLERS_H
#define TR_ACTORS_CALLERS_H

#include "actors/actor.h"

/* Notes the callers of the failure on record, which was told by a call that returns to `from`, on
 * this stack. By whoever runs the actor. */
void tr_callers_note(troupe_self *self, const void *from);
/* The same of addresses that were taken elsewhere, `n` of them, the innermost first. Nothing is
 * noted if there is no record. */
void tr_callers_keep(troupe_self *self, const uintptr_t *at, unsigned n);

#endif
