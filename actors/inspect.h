/* What is read of an actor that others run: under the guard of its home. */
#ifndef TR_ACTORS_INSPECT_H
#define TR_ACTORS_INSPECT_H

#include <troupe/inspect.h>

#include "actors/actor.h"

/* Whether a thread is in a turn of that task, whose home is `home`; under its guard. Of a blocking
 * one no mail may be looked at then. */
bool tr_inspect_runs(const tr_sched *sched, const tr_task *task, const tr_worker *home);

/* Writes the path of an actor that has this `control`; under its guard. Its supervisor may free its
 * bond once a life has ended, or if it is to be buried: then only what the actor itself has is
 * read. */
void tr_inspect_path(const troupe_self *self, uint64_t control, char *path, size_t room);

#endif
