/* How many restarts within which time. O(1) a restart: the oldest of the last `most` tells. */
#ifndef TR_ACTORS_SUPERVISOR_LIMITS_H
#define TR_ACTORS_SUPERVISOR_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/heap.h>

#include "base/check.h"

/* Whose it is calls one at a time. */
typedef struct tr_limits {
    unsigned most, within_ms;
    uint64_t *at; /* a ring of the times of the last `most` restarts */
    size_t next, used;
} tr_limits;

/* At most `most` restarts within `within_ms`; TROUPE_UNLIMITED: any number. False: no memory. */
TR_CHECKED bool tr_limits_init(tr_limits *limits, const troupe_heap *heap, unsigned most,
                               unsigned within_ms);

/* Gives the memory back; also of one that is all zero. */
void tr_limits_fini(tr_limits *limits, const troupe_heap *heap);

/* Forgets all restarts so far. */
void tr_limits_clear(tr_limits *limits);

/* Whether one more restart stays within the limit; if so it is counted. */
TR_CHECKED bool tr_limits_pass(tr_limits *limits, uint64_t now);

/* Restarts that still count at this moment. */
unsigned tr_limits_recent(const tr_limits *limits, uint64_t now);

#endif
