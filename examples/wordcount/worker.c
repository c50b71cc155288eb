#include "worker.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/remote.h>
#include <unistd.h>

#include "counter.h"
#include "messages.h"
#include "options.h"

enum { CONNECT_MS = 10000 };

/* Several processes share standard error: a line says whose it is, and is written at once. */
static void print_line(void *ctx, troupe_level level, const char *line) {
    (void)ctx;
    (void)level;
    fprintf(stderr, "worker %ld: %s\n", (long)getpid(), line);
}

static bool failed(const char *what, troupe_err err) {
    if (err != TROUPE_OK) {
        fprintf(stderr, "worker %ld: can't %s: %s\n", (long)getpid(), what, troupe_strerror(err));
    }
    return err != TROUPE_OK;
}

static bool connect_to_job(troupe *rt, const char *url, troupe_ref *job) {
    char name[32];
    snprintf(name, sizeof(name), "worker-%ld", (long)getpid());
    const char *secret = getenv(SECRET_VARIABLE);
    if (secret == NULL) {
        fprintf(stderr, "worker %ld: --worker is for the coordinator's use\n", (long)getpid());
        return false;
    }
    const troupe_node_config config = {
        .name = name, .secret = secret, .secret_size = strlen(secret)};
    troupe_node *node = NULL;
    bool bad = failed("become a node", troupe_node_open(rt, &config, &node));
    unsetenv(SECRET_VARIABLE);
    return !bad && !failed("take messages", troupe_register_type(rt, &chunk_type)) &&
           !failed("connect", troupe_connect(node, url, CONNECT_MS)) &&
           !failed("find the job", troupe_lookup(node, JOB_NODE, JOB_NAME, CONNECT_MS, job));
}

int worker_run(const char *url) {
    /* A Ctrl-C is for the coordinator, which then ends us by SIGTERM. What ends us is blocked
     * before there are other threads, and so comes to nobody but sigwait. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, COUNTER_ENDED);
    sigprocmask(SIG_BLOCK, &ends, NULL);

    const troupe_config config = {.workers = 1, .log = print_line, .quiet = TROUPE_INFO};
    troupe *rt = NULL;
    troupe_ref job, counter;
    if (failed("open a runtime", troupe_open(&config, &rt))) {
        return STATUS_ERROR;
    }
    int status = STATUS_ERROR;
    if (connect_to_job(rt, url, &job) &&
        !failed("count", troupe_spawn(rt, &counter_behaviour, &job, &counter))) {
        int signal_number = 0;
        sigwait(&ends, &signal_number);
        status = signal_number == SIGTERM ? STATUS_OK : STATUS_ERROR;
    }
    troupe_close(&rt);
    troupe_transport_fini();
    return status;
}
