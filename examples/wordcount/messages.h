/* What the actors of the word count say to each other. */
#ifndef WORDCOUNT_MESSAGES_H
#define WORDCOUNT_MESSAGES_H

#include <troupe/message.h>

/* Names that both sides know: the coordinator's node, and its actor that does the job. */
#define JOB_NODE "coordinator"
#define JOB_NAME "job"
/* Where a worker finds the secret that the coordinator drew. */
#define SECRET_VARIABLE "WORDCOUNT_SECRET"

/* Counter to job: a worker process is there. */
struct ready {
    int32_t pid;
};
extern const troupe_type ready_type;

/* Job to counter: count this. */
struct chunk {
    uint64_t number;
    troupe_bytes pieces; /* see pieces.h; bytes and not text, as a path may be no UTF-8 */
};
extern const troupe_type chunk_type;

/* Counter to job: a part of what a chunk has (see pack.h). */
struct counts {
    uint64_t chunk;
    bool last;
    troupe_bytes words;
};
extern const troupe_type counts_type;

/* Counter to job: a chunk can't be counted. */
struct trouble {
    uint64_t chunk;
    uint64_t piece; /* counted within the chunk */
    int32_t error;  /* an errno, or one of these */
};
enum { TROUBLE_SHRUNK = -1, TROUBLE_SPECIAL = -2, TROUBLE_WORD = -3 };
extern const troupe_type trouble_type;

/* Counter to itself: try again to send what the job had no room for. */
extern const troupe_type again_type;

/* Main thread to job: watch the supervisor of the workers. */
struct watch {
    troupe_ref supervisor;
};
extern const troupe_type watch_type;

/* Main thread asks the job how far it is. */
extern const troupe_type how_far_type;

struct progress {
    bool done;
    uint64_t bytes;
    uint64_t chunks;
    uint64_t redone; /* chunks given out again, since their worker died */
    uint32_t workers;
    uint32_t killed;
    uint64_t time;      /* when the job was done; now, if it is not */
    troupe_bytes error; /* why it can't go on; empty if it can */
};
extern const troupe_type progress_type;

/* Main thread asks the job for a part of the result, from `at` on: first 0, then what the answer
 * says, until it says `last`. */
struct fetch {
    uint64_t at;
};
extern const troupe_type fetch_type;

struct fetched {
    uint64_t at;
    bool last;
    troupe_bytes words;
};
extern const troupe_type fetched_type;

#endif
