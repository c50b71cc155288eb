/* The actor in a worker process that counts: it tells the job that it is ready, counts the chunks
 * that come, and sends back what they have. */
#ifndef WORDCOUNT_COUNTER_H
#define WORDCOUNT_COUNTER_H

#include <signal.h>
#include <troupe/troupe.h>

/* Its process gets this signal when the counter ends, since it has nothing to do then. */
enum { COUNTER_ENDED = SIGUSR1 };

/* Its start argument is a `const troupe_ref *`: the job. */
extern const troupe_behaviour counter_behaviour;

#endif
