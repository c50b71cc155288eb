/* Who holds a shutdown up: found, and reported one by one. */
#ifndef TR_ACTORS_STRAGGLER_H
#define TR_ACTORS_STRAGGLER_H

#include <troupe/report.h>

#include "base/check.h"

/* What they have not done. */
typedef enum tr_lag {
    TR_LAG_MAIL, /* they have mail, or run, when draining has to end */
    TR_LAG_STOP, /* they were asked to stop, and have not ended */
    TR_LAG_CALL  /* they were killed, and do not return from a callback */
} tr_lag;

/* Reports those who have not, and have been waited for since `since`, by the clock of waiting
 * threads; returns how many there are. Any plain thread; actors may run meanwhile. */
uint32_t tr_stragglers_name(troupe *rt, tr_lag lag, uint64_t since);

#endif
