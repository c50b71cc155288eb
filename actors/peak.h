/* The fullest that each mailbox was, so that its size can be measured. It is looked at where that
 * costs nothing: as a turn begins with more than one message waiting, as one is cut short, and when
 * a message is refused. */
#ifndef TR_ACTORS_PEAK_H
#define TR_ACTORS_PEAK_H

#include "actors/actor.h"

/* A message to that actor was refused: then its mailbox was full. Any thread. */
void tr_peak_full(troupe_self *self, uint64_t id);

#endif
