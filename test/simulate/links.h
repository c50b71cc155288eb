/* What a run knows of its links: who may still get an exit signal of whom, and who must have. */
#ifndef TROUPE_TEST_SIMULATE_LINKS_H
#define TROUPE_TEST_SIMULATE_LINKS_H

#include "test/simulate/ledger.h"

/* Forgets all. */
void links_begin(void);
/* `it` has linked itself to `who`, or has taken that back. */
void links_made(slot *it, slot *who);
void links_taken_back(slot *it, slot *who);
/* `it`, who traps, got the exit of a link. */
void links_exit(slot *it, const struct troupe_exit *ended);
/* At the end, with nothing left to do: who was linked to one that has ended has heard of it. */
void links_check(void);

#endif
