/* The workers as the job knows them: who is there, and which chunks each has in flight.
 *
 * A chunk is at any time in one place only: not given out, waiting to be given out again, in flight
 * at one worker, or done. That is why none is counted twice, whatever dies when. */
#ifndef WORDCOUNT_CREW_H
#define WORDCOUNT_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <troupe/troupe.h>

/* Two: while a worker counts one chunk, the next one is on its way. */
enum { CREW_IN_FLIGHT = 2 };

/* A chunk in flight, with the parts of its result that have come. They are merged when the last one
 * is there, so a worker that dies in between leaves no half of a chunk. */
struct flight {
    bool busy;
    uint64_t chunk;
    troupe_msg **part;
    size_t parts;
};

struct hand {
    bool used;
    bool lost; /* gets no work any more: its end is near, and will be told by `down` */
    troupe_ref ref;
    uint64_t monitor;
    pid_t pid;
    struct flight flight[CREW_IN_FLIGHT];
};

/* All zero is nobody. */
struct crew {
    struct hand *hand;
    size_t room;
    uint32_t size;
};

/* A place for a new worker; NULL: no memory. */
struct hand *crew_join(struct crew *crew);

/* Frees the place of a worker, and what came of results that it will never complete. */
void crew_leave(struct crew *crew, struct hand *hand);

/* The worker of this address; NULL: there is none. */
struct hand *crew_find(struct crew *crew, troupe_ref ref);

/* The worker that is watched by this monitor; NULL: there is none. */
struct hand *crew_watched(struct crew *crew, uint64_t monitor);

/* A free place for a chunk of a worker; NULL: it has enough to do. */
struct flight *crew_idle(struct hand *hand);

/* Where a worker has this chunk; NULL: it does not have it. */
struct flight *crew_flight(struct hand *hand, uint64_t chunk);

/* The `n`th, counted round, of those who have work in flight and are not lost; NULL: nobody. */
struct hand *crew_busy(struct crew *crew, uint64_t n);

/* Takes a part of a result. False: no memory, and the part is still the caller's. */
bool flight_keep(struct flight *flight, troupe_msg **part);

/* Ends a flight, and drops the parts. */
void flight_end(struct flight *flight);

/* Forgets everybody, and gives the memory back. */
void crew_free(struct crew *crew);

#endif
