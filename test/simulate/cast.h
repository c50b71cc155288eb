/* The actors of a run, and how they come to life. */
#ifndef TROUPE_TEST_SIMULATE_CAST_H
#define TROUPE_TEST_SIMULATE_CAST_H

#include "test/simulate/ledger.h"

/* Spawns an actor on a node. NULL: there is no place for it, or it could not be spawned. */
slot *cast_spawn(unsigned node);
/* Starts a supervisor over some more of them. */
void cast_supervise(unsigned node);
/* Asks one of the last supervisors for a change of its children. */
void cast_change(void);
/* Starts those again that are held, or ends them for good. Returns how many there were. */
size_t cast_release(bool for_good);
/* Shows the ledger the runtimes' dead letters. */
void cast_dead_letter(void *ctx, const troupe_dead_letter *letter, troupe_msg **msg);
/* A living slot, by a number drawn; NULL: nobody lives. */
slot *cast_anybody(uint64_t drawn);

#endif
