#include "coordinator.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hub.h"
#include "messages.h"
#include "outcome.h"
#include "pack.h"
#include "plan.h"
#include "progress.h"
#include "tsv.h"

enum { SETTLE_MS = 2000 };

static bool lost_job(struct outcome *outcome, troupe_err err) {
    snprintf(outcome->error, sizeof(outcome->error), "the job has ended early: %s",
             troupe_strerror(err));
    return false;
}

/* Asks the job how far it is. False: it is done, or will never be. */
static bool look(struct hub *hub, struct outcome *outcome) {
    troupe_msg *answer = NULL;
    troupe_err err = hub_ask(hub, &how_far_type, NULL, &answer);
    if (err == TROUPE_TIMEOUT || err == TROUPE_FULL) {
        return true; /* busy: ask again */
    }
    const struct progress *progress = troupe_as(answer, &progress_type);
    if (progress == NULL) {
        troupe_drop(&answer);
        return lost_job(outcome, err);
    }
    outcome->done = progress->done;
    outcome->bytes = progress->bytes;
    outcome->chunks = progress->chunks;
    outcome->redone = progress->redone;
    outcome->workers = progress->workers;
    outcome->killed = progress->killed;
    outcome->seconds = (double)(progress->time - hub->began) / 1e9;
    snprintf(outcome->error, sizeof(outcome->error), "%.*s", (int)progress->error.size,
             (const char *)progress->error.data);
    troupe_drop(&answer);
    return !outcome->done && outcome->error[0] == '\0';
}

/* Sleeps, unless one of the signals comes: that one, else 0. */
static int wait_ms(const sigset_t *signals, long ms) {
    const struct timespec time = {.tv_nsec = ms * 1000000};
    int number = sigtimedwait(signals, NULL, &time);
    return number > 0 ? number : 0;
}

/* Waits for the end of the job, and shows how far it is. */
static void wait_for_end(struct hub *hub, const sigset_t *signals, struct bar *bar,
                         struct outcome *outcome) {
    while (outcome->signal == 0 && look(hub, outcome)) {
        const struct standing standing = {outcome->bytes, outcome->seconds, outcome->workers,
                                          outcome->killed};
        progress_show(bar, &standing);
        /* A short job shall not wait for the next look. */
        outcome->signal = wait_ms(signals, outcome->seconds < 1 ? 10 : 100);
    }
    if (outcome->done) {
        const struct standing standing = {outcome->bytes, outcome->seconds, outcome->workers,
                                          outcome->killed};
        progress_show(bar, &standing);
    }
}

/* Takes the tree down for the record. Who was killed at the very end is given a moment to be back,
 * so that the record shows it. */
static void take_tree(struct hub *hub, const sigset_t *signals, struct outcome *outcome) {
    uint64_t until = troupe_now(hub->rt) + (uint64_t)SETTLE_MS * 1000000;
    bool settled = false;
    while (!settled) {
        troupe_err err = troupe_children(hub->rt, hub->supervisor, SETTLE_MS, outcome->child,
                                         WORKERS_MAX, &outcome->children);
        if (err != TROUPE_OK) {
            outcome->children = 0;
            return; /* it has given up: there is no tree any more */
        }
        bool running = true;
        outcome->restarts = 0;
        for (size_t i = 0; i < outcome->children; i++) {
            outcome->restarts += outcome->child[i].restarts;
            running = running && outcome->child[i].state == TROUPE_CHILD_RUNNING;
        }
        settled = (running && outcome->restarts >= outcome->killed) || outcome->signal != 0 ||
                  troupe_now(hub->rt) >= until;
        if (!settled) {
            outcome->signal = wait_ms(signals, 10);
        }
    }
}

/* Takes over the result, part by part. */
static bool take_words(struct hub *hub, struct outcome *outcome) {
    struct fetch fetch = {0};
    bool last = false;
    while (!last) {
        troupe_msg *answer = NULL;
        troupe_err err = hub_ask(hub, &fetch_type, &fetch, &answer);
        const struct fetched *fetched = troupe_as(answer, &fetched_type);
        if (fetched == NULL) {
            troupe_drop(&answer);
            return lost_job(outcome, err);
        }
        pack_result result = pack_merge(fetched->words.data, fetched->words.size, &outcome->words);
        fetch.at = fetched->at;
        last = fetched->last;
        troupe_drop(&answer);
        if (result != PACK_OK) {
            snprintf(outcome->error, sizeof(outcome->error), "no memory for the result");
            return false;
        }
    }
    return true;
}

/* Runs the job from start to end. All of it is gone when this returns. */
static void run(const struct options *options, const struct plan *plan, struct outcome *outcome) {
    /* Blocked before there are other threads, these signals come to nobody but wait_ms. A closed
     * pipe is an error of the write that finds it so, not a sudden death with a socket left. */
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &before);
    signal(SIGPIPE, SIG_IGN);

    const struct job_order order = {plan, options->kills, options->seed};
    struct bar bar;
    struct hub *hub = malloc(sizeof(*hub));
    progress_open(&bar, plan->bytes * plan->repeat, options->quiet);
    if (hub == NULL) {
        snprintf(outcome->error, sizeof(outcome->error), "out of memory");
    } else if (!hub_open(hub, options, &order, &bar)) {
        snprintf(outcome->error, sizeof(outcome->error), "nothing was counted");
        hub_close(hub);
    } else {
        wait_for_end(hub, &signals, &bar, outcome);
        if (outcome->done) {
            take_tree(hub, &signals, outcome);
            take_words(hub, outcome);
        }
        hub_close(hub);
    }
    free(hub);
    progress_close(&bar);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static bool make_plan(const struct options *options, struct plan *plan) {
    *plan = (struct plan){.chunk = options->chunk};
    bool added = true;
    for (size_t i = 0; added && i < options->paths; i++) {
        added = plan_add(plan, options->path[i]);
    }
    if (options->paths == 0) {
        added = plan_add_default(plan);
    }
    if (!added || !plan_finish(plan)) {
        fprintf(stderr, "wordcount: out of memory for the list of files\n");
        return false;
    }
    if (plan->unreadable > 0 && !options->keep_going) {
        fprintf(stderr,
                "wordcount: %" PRIu64 " can't be read, so nothing was counted; --keep-going leaves "
                "out what can't be read\n",
                plan->unreadable);
        return false;
    }
    if (!plan_repeat(plan, options->repeat, options->at_least)) {
        fprintf(stderr, "wordcount: %" PRIu64 " bytes, repeated so often, are too many\n",
                plan->bytes);
        return false;
    }
    return true;
}

static int conclude(const struct options *options, const struct plan *plan,
                    struct outcome *outcome) {
    uint64_t bytes = plan->bytes * plan->repeat;
    if (outcome->signal != 0) {
        fprintf(stderr,
                "wordcount: ended by a signal (%s) with %" PRIu64 " of %" PRIu64 " bytes counted\n",
                strsignal(outcome->signal), outcome->bytes, bytes);
        return STATUS_SIGNAL + outcome->signal;
    }
    if (outcome->error[0] == '\0' && outcome->bytes != bytes) {
        snprintf(outcome->error, sizeof(outcome->error),
                 "%" PRIu64 " of %" PRIu64 " bytes were counted: a bug", outcome->bytes, bytes);
    }
    if (outcome->error[0] != '\0') {
        fprintf(stderr, "wordcount: %s\n", outcome->error);
        return STATUS_ERROR;
    }
    bool written = options->tsv == NULL || tsv_write(options->tsv, &outcome->words);
    bool printed = outcome_print(outcome, plan);
    return written && printed ? STATUS_OK : STATUS_ERROR;
}

int coordinate(const struct options *options) {
    struct plan plan = {0};
    int status = STATUS_ERROR;
    struct outcome *outcome = calloc(1, sizeof(*outcome));
    if (outcome != NULL && (options->tsv == NULL || tsv_check(options->tsv)) &&
        make_plan(options, &plan)) {
        run(options, &plan, outcome);
        status = conclude(options, &plan, outcome);
        table_free(&outcome->words);
    }
    plan_free(&plan);
    free(outcome);
    return status;
}
