/* For whom a supervisor waits while it starts or stops. See README.md, "Waits". */
#ifndef TR_ACTORS_SUPERVISOR_WAITS_H
#define TR_ACTORS_SUPERVISOR_WAITS_H

#include "actors/supervisor.h"

/* Says how it is by now, if somebody waits for it; after each thing that it does. */
void tr_sup_waits_update(troupe_self *self, tr_supervisor *sup);

/* It starts and stops no more. */
void tr_sup_waits_end(troupe_self *self, tr_supervisor *sup);

#endif
