/* What is left of a run once its actors are gone, and how it is printed. */
#ifndef WORDCOUNT_OUTCOME_H
#define WORDCOUNT_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>
#include <troupe/troupe.h>

#include "options.h"
#include "plan.h"
#include "table.h"

struct outcome {
    bool done;
    int signal; /* that ended the run early; 0: none */
    uint64_t bytes;
    uint64_t chunks;
    uint64_t redone;
    uint32_t workers; /* at this moment */
    uint32_t killed;
    double seconds;
    char error[512];
    struct table words;
    troupe_child_info child[WORKERS_MAX];
    size_t children;
    uint32_t restarts; /* of all children */
};

/* Prints the supervision tree, the throughput and the most frequent words. False: standard output
 * did not take it, which standard error was told. */
bool outcome_print(const struct outcome *outcome, const struct plan *plan);

#endif
