/* What is to be counted: the files, cut into chunks that never cut a word. */
#ifndef WORDCOUNT_PLAN_H
#define WORDCOUNT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of a file. It ends before a byte that is no letter or with its file, and so the next one
 * begins outside a word. A word that is longer than a chunk makes its piece longer. */
struct piece {
    size_t path;
    uint64_t offset;
    uint64_t length;
};

/* What a worker gets at once: one piece, or several small ones, which together are no more than a
 * chunk shall have. */
struct range {
    size_t first;
    size_t pieces;
    uint64_t bytes;
};
enum { RANGE_PIECES = 1024 }; /* at most: their paths must fit into one message */

/* All zero is an empty plan. Once it is made it only is read, by any thread. */
struct plan {
    char **path; /* the regular files, empty ones included */
    size_t paths;
    size_t path_room;
    struct piece *piece;
    size_t pieces;
    size_t piece_room;
    struct range *range; /* of one round, once the plan is finished */
    size_t ranges;
    uint64_t bytes;      /* of all files, once */
    uint64_t chunk;      /* bytes in a chunk */
    uint64_t repeat;     /* how often all is counted */
    uint64_t unreadable; /* what standard error was told of */
    uint64_t links;      /* symbolic links, which were left out */
    uint64_t specials;   /* devices, sockets and the like, which were left out */
};

/* Adds the files under `root`, cut into chunks of `plan->chunk` bytes. What can't be read is told
 * to standard error by name, and counted. False: no memory. */
bool plan_add(struct plan *plan, const char *root);

/* Adds what is counted if no path is given. False: no memory. */
bool plan_add_default(struct plan *plan);

/* Sets how often all is counted: `repeat` times, and until `at_least` bytes are read. False: that
 * is more than can be counted. */
bool plan_repeat(struct plan *plan, uint64_t repeat, uint64_t at_least);

/* Makes the chunks, when all paths are added. False: no memory. */
bool plan_finish(struct plan *plan);

/* How many chunks all rounds have. */
uint64_t plan_chunks(const struct plan *plan);

/* The chunk of number `n`. */
const struct range *plan_range(const struct plan *plan, uint64_t n);

/* Gives its memory back. */
void plan_free(struct plan *plan);

#endif
