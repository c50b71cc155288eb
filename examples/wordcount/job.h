/* The actor that does the job: it hands the chunks to the workers that come, takes the work of
 * those that die back, and merges the results. */
#ifndef WORDCOUNT_JOB_H
#define WORDCOUNT_JOB_H

#include <stdint.h>
#include <troupe/troupe.h>

#include "plan.h"

/* Its start argument. The plan must live as long as the actor. */
struct job_order {
    const struct plan *plan;
    uint64_t kills;
    uint64_t seed;
};

extern const troupe_behaviour job_behaviour;

#endif
