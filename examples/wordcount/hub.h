/* The coordinator's runtime and what lives in it: the node that the workers connect to, the job,
 * and the supervisor of the worker processes. */
#ifndef WORDCOUNT_HUB_H
#define WORDCOUNT_HUB_H

#include <limits.h>
#include <stdbool.h>
#include <troupe/process.h>
#include <troupe/remote.h>
#include <troupe/troupe.h>

#include "job.h"
#include "options.h"
#include "progress.h"

/* All zero is a hub that is not open. It must not move while it is open: children point into it. */
struct hub {
    troupe *rt;
    troupe_ref job;
    troupe_ref supervisor;
    uint64_t began;  /* when the first worker was started, by the runtime's clock */
    char folder[64]; /* of the socket file; empty: none */
    char url[TROUPE_URL_MAX + 1];
    char secret[80]; /* "NAME=value" for the workers' environment */
    char self[PATH_MAX];
    const char *argv[4];
    const char *env[2];
    troupe_program program;
    char id[WORKERS_MAX][32];
    troupe_child child[WORKERS_MAX];
};

/* Opens all, and starts the workers. False: standard error was told why; close it all the same. */
bool hub_open(struct hub *hub, const struct options *options, const struct job_order *order,
              struct bar *bar);

/* Stops the workers and the job, and leaves nothing behind. */
void hub_close(struct hub *hub);

/* Makes a message, sends it to the job, and waits for the answer, which is the caller's to drop. */
TROUPE_CHECKED troupe_err hub_ask(struct hub *hub, const troupe_type *type, const void *body,
                                  troupe_msg **answer);

#endif
