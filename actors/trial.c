#include "actors/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/sim.h"
#include "base/os.h"

enum { SECONDS = 30, BATCH = 64, MINIMISE_MS = 60000, SHORT = 200 };

/* What the process of a trial and its parent share. */
typedef struct tr_trial {
    uint64_t seed; /* that runs */
    uint64_t done; /* trials of this batch that have passed */
    uint64_t hash; /* of the simulation that ended last */
    bool again;    /* this is a second run */
    bool differs;  /* which was not like the first */
    bool said;     /* what is wrong is in `text` */
    char text[1000];
    troupe_tried tried;
    tr_record record;
} tr_trial;

tr_record *tr_trial_record(const troupe_sim_config *config) {
    if (!config->trial) return NULL;
    config->trial->record.count = 0;
    return &config->trial->record;
}

void tr_trial_ended(const troupe_sim_config *config, const troupe_sim *sim) {
    tr_trial *trial = config->trial;
    if (!trial) return;
    troupe_tried *tried = &trial->tried;
    const troupe_fault_counts faults = troupe_sim_faults(sim);
    trial->hash = tr_mix(troupe_sim_hash(sim), troupe_sim_events(sim));
    tried->hash = tr_mix(tried->hash, trial->hash);
    tried->events += troupe_sim_events(sim);
    tried->messages += sim->messages;
    tried->virtual_ns += troupe_sim_now(sim);
    tried->faults.failed += faults.failed;
    tried->faults.allocs += faults.allocs;
    tried->faults.full += faults.full;
    tried->faults.late += faults.late;
    tried->faults.stalled += faults.stalled;
    tried->faults.disconnected += faults.disconnected;
    tried->faults.parted += faults.parted;
}

/* Ends the process of trials: what the test has printed is shown, what it has not ended is left. */
static _Noreturn void end_batch(int status) {
    (void)fflush(NULL);
    _exit(status);
}

void troupe_sim_wrong(const troupe_sim_config *config, const char *format, ...) {
    char text[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!config->trial) {
        fprintf(stderr, "simulation, seed %" PRIu64 ": %s\n", config->seed, text);
        abort();
    }
    memcpy(config->trial->text, text, sizeof text);
    config->trial->said = true;
    end_batch(1);
}

/* --- In the process of the trials ------------------------------------------------------------- */

static void run_one(const troupe_trials *trials, troupe_sim_config config, tr_trial *trial) {
    trial->seed = config.seed;
    (void)alarm(trials->seconds ? trials->seconds : SECONDS);
    trials->test(&config, trials->ctx);
    if (!trials->twice) return;
    uint64_t hash = trial->hash;
    trial->again = true;
    trials->test(&config, trials->ctx);
    trial->again = false;
    if (trial->hash == hash) return;
    trial->differs = true;
    end_batch(1);
}

static _Noreturn void run_batch(const troupe_trials *trials, troupe_sim_config config,
                                uint64_t seeds, tr_trial *trial) {
    for (; seeds > 0; seeds--, config.seed++) {
        trial->tried.seeds++;
        run_one(trials, config, trial);
    }
    end_batch(0);
}

/* Runs trials in a new process; the status that it ended with, or -1: there is none. */
static int spawn_batch(const troupe_trials *trials, troupe_sim_config config, uint64_t seeds,
                       tr_trial *trial) {
    config.trial = trial;
    trial->said = trial->differs = trial->again = false;
    (void)fflush(NULL); /* or the child would write it again */
    pid_t child = fork();
    if (child == 0) run_batch(trials, config, seeds, trial);
    int status = -1;
    if (child < 0) return -1;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* --- A shorter schedule ----------------------------------------------------------------------- */

typedef struct schedule {
    uint32_t *choice;
    size_t length;
    uint64_t deadline;
} schedule;

static bool fails(const troupe_trials *trials, troupe_sim_config config, tr_trial *trial,
                  const uint32_t *choice, size_t length) {
    config.trace = choice;
    config.trace_length = length;
    troupe_trials once = *trials;
    once.twice = false;
    return spawn_batch(&once, config, 1, trial) != 0;
}

/* Cuts the end off. */
static void cut(const troupe_trials *trials, troupe_sim_config config, tr_trial *trial,
                schedule *it) {
    size_t least = 0;
    while (least < it->length && tr_clock() < it->deadline) {
        size_t middle = least + (it->length - least) / 2;
        if (fails(trials, config, trial, it->choice, middle))
            it->length = middle;
        else
            least = middle + 1;
    }
}

static bool all_zero(const uint32_t *choice, size_t n) {
    while (n > 0 && !choice[n - 1]) n--;
    return n == 0;
}

/* Takes the first choice in place of `n` others, if it still fails. */
static void flatten(const troupe_trials *trials, troupe_sim_config config, tr_trial *trial,
                    schedule *it, size_t at, size_t n, uint32_t *spare) {
    if (at + n > it->length) n = it->length - at;
    if (all_zero(it->choice + at, n)) return;
    memcpy(spare, it->choice + at, n * sizeof *spare);
    memset(it->choice + at, 0, n * sizeof *spare);
    if (!fails(trials, config, trial, it->choice, it->length))
        memcpy(it->choice + at, spare, n * sizeof *spare);
}

static size_t choices_in(const schedule *it) {
    size_t n = 0;
    for (size_t i = 0; i < it->length; i++) n += it->choice[i] != 0;
    return n;
}

static void print_schedule(const schedule *it) {
    size_t n = 0;
    for (size_t i = 0; i < it->length; i++)
        if (it->choice[i]) printf("%s%zu:%u", n++ ? "," : "", i, (unsigned)it->choice[i]);
    printf(n ? "\n" : "0:0\n");
}

static void tell_schedule(const troupe_trials *trials, uint64_t seed, const schedule *it) {
    const size_t n = choices_in(it);
    if (n > SHORT) {
        printf("  least schedule: %zu choices are not the first, too many to be of use\n", n);
        return;
    }
    printf("  least schedule, as INDEX:CHOICE; all others are the first: ");
    print_schedule(it);
    if (!trials->replay) return;
    printf("  replay it: %s %" PRIu64 " ", trials->replay, seed);
    print_schedule(it);
}

static void minimise(const troupe_trials *trials, troupe_sim_config config, tr_trial *trial) {
    schedule it = {.length = trial->record.count, .deadline = tr_after_ms(tr_clock(), MINIMISE_MS)};
    size_t size = (it.length + 1) * sizeof *it.choice;
    uint32_t *spare = malloc(size);
    it.choice = malloc(size);
    if (it.choice && spare && it.length < TR_RECORD_ROOM) {
        memcpy(it.choice, trial->record.made, it.length * sizeof *it.choice);
        if (fails(trials, config, trial, it.choice, it.length)) {
            cut(trials, config, trial, &it);
            for (size_t n = it.length; n > 0; n /= 2)
                for (size_t at = 0; at < it.length && tr_clock() < it.deadline; at += n)
                    flatten(trials, config, trial, &it, at, n, spare);
            tell_schedule(trials, config.seed, &it);
        } else {
            printf("  its recorded schedule does not fail again: it is not deterministic\n");
        }
    }
    free(it.choice);
    free(spare);
}

/* Reads what `print_schedule` wrote. NULL: it is not understood, or no memory. */
static uint32_t *read_schedule(const char *text, size_t *length) {
    *length = 0;
    uint32_t *choice = calloc(TR_RECORD_ROOM, sizeof *choice);
    while (choice && *text) {
        char *end;
        unsigned long at = strtoul(text, &end, 10);
        unsigned long is = *end == ':' ? strtoul(end + 1, &end, 10) : ULONG_MAX;
        if (at >= TR_RECORD_ROOM || is > UINT32_MAX || (*end && *end != ',')) {
            free(choice);
            return NULL;
        }
        choice[at] = (uint32_t)is;
        if (at >= *length) *length = at + 1;
        text = *end ? end + 1 : end;
    }
    return choice;
}

/* --- Trials ----------------------------------------------------------------------------------- */

static void tell_failure(const troupe_trials *trials, tr_trial *trial, int status) {
    printf("%s: seed %" PRIu64 " FAILED: ", trials->name, trial->seed);
    if (trial->said)
        printf("%s", trial->text);
    else if (trial->differs)
        printf("its second run was not like the first");
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        printf("it hangs");
    else if (WIFSIGNALED(status))
        printf("%s", strsignal(WTERMSIG(status)));
    else
        printf("it exited with status %d", WEXITSTATUS(status));
    printf("%s\n", trial->again ? " (in its second run)" : "");
    if (trials->replay) printf("  replay: %s %" PRIu64 "\n", trials->replay, trial->seed);
}

static void sum_up(const troupe_trials *trials, const troupe_tried *tried) {
    const troupe_fault_counts *f = &tried->faults;
    printf("%s: %" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " events, %" PRIu64
           " messages, %" PRIu64 " virtual seconds, fingerprint %016" PRIx64 "\n",
           trials->name, tried->seeds, tried->failed, tried->events, tried->messages,
           tried->virtual_ns / 1000000000, tried->hash);
    if (f->failed | f->allocs | f->full | f->late | f->stalled | f->disconnected | f->parted)
        printf("%s: faults: %" PRIu64 " failures, %" PRIu64 " allocations, %" PRIu64
               " full, %" PRIu64 " late, %" PRIu64 " stalls, %" PRIu64 " disconnections, %" PRIu64
               " partitions\n",
               trials->name, f->failed, f->allocs, f->full, f->late, f->stalled, f->disconnected,
               f->parted);
    (void)fflush(stdout);
}

static bool run_seeds(const troupe_trials *trials, troupe_sim_config config, tr_trial *trial) {
    for (uint64_t done = 0; done < trials->seeds;) {
        uint64_t n = trials->seeds - done < BATCH ? trials->seeds - done : BATCH;
        config.seed = trials->first + done;
        int status = spawn_batch(trials, config, n, trial);
        if (status) {
            trial->tried.failed++;
            tell_failure(trials, trial, status);
            config.seed = trial->seed;
            const troupe_tried tried = trial->tried; /* without what shortening tries */
            if (status != -1 && trials->minimise) minimise(trials, config, trial);
            trial->tried = tried;
            return false;
        }
        done += n;
    }
    return true;
}

bool troupe_sim_trials(const troupe_trials *trials, troupe_tried *tried) {
    tr_trial *trial = mmap(NULL, sizeof *trial, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (trial == MAP_FAILED) return false;
    trial->record.room = TR_RECORD_ROOM;
    troupe_trials once = *trials;
    uint32_t *choice = NULL;
    bool ok = true;
    if (trials->trace) {
        once.config.trace = choice = read_schedule(trials->trace, &once.config.trace_length);
        once.seeds = 1;
        if (!(ok = choice != NULL)) printf("%s: not a schedule: %s\n", once.name, trials->trace);
    }
    ok = ok && run_seeds(&once, once.config, trial);
    const troupe_tried sums = trial->tried;
    sum_up(&once, &sums);
    if (tried) *tried = sums;
    free(choice);
    (void)munmap(trial, sizeof *trial);
    return ok;
}
