/* The coordinator: makes the plan, runs the job, prints what came out. */
#ifndef WORDCOUNT_COORDINATOR_H
#define WORDCOUNT_COORDINATOR_H

#include "options.h"

/* The status to exit with. */
int coordinate(const struct options *options);

#endif
