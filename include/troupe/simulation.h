/* Simulation: runtimes whose scheduling, clock, chance and network come from one seed.
 *
 * A simulation runs on the calling thread, one event at a time: the turn of an actor with one
 * message, a timer, something of the network. Which one comes next is a choice, and all choices
 * come from the seed: the same seed gives the same run in the same build, event by event. Time is
 * virtual; it moves by a little with each event, and jumps when nothing is left to do, so a test of
 * ten minutes of waiting takes milliseconds. Faults are chosen as well.
 *
 *     troupe_sim *sim;
 *     troupe *rt;
 *     troupe_sim_open(&(troupe_sim_config){.seed = 42}, &sim);
 *     troupe_sim_runtime(sim, NULL, &rt);     // as troupe_open, from here on as usual
 *     troupe_spawn(rt, ...); troupe_post(rt, ...);
 *     troupe_sim_rest(sim, 60000);            // until nothing is left to do
 *     troupe_close(&rt);
 *     troupe_sim_close(&sim);
 *
 * `troupe_sim_trials` runs such a test over many seeds, shows the one that fails, and shortens its
 * schedule; docs/guide/testing.md goes through an example. All functions are for the one thread
 * that opened the simulation, outside of callbacks.
 *
 * What can't be simulated is what a callback does past the runtime: threads, clocks, files and
 * chance of its own make runs differ. Actors should take time and chance from `troupe_now` and
 * `troupe_random`. `blocking` behaviours run like all others. Process children are not simulated.
 */
#ifndef TROUPE_SIMULATION_H
#define TROUPE_SIMULATION_H

#include <troupe/actor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct troupe_sim troupe_sim;

/* How the next event is chosen. */
typedef enum troupe_schedule {
    TROUPE_RANDOM, /* any that could run, each as likely */
    TROUPE_PCT /* by random priorities that change at `depth` - 1 random moments: finds each bug
                * that needs so many orderings with a known least chance (Burckhardt et al. 2010) */
} troupe_schedule;

/* Faults by chance, in millionths; all zero: none. They happen only while the simulation runs
 * (`troupe_sim_run` and its like, and calls that wait), never in your own calls in between. */
typedef struct troupe_faults {
    uint32_t fail;       /* an actor fails, right after it has handled a message */
    uint32_t alloc;      /* an allocation of a runtime fails */
    uint32_t full;       /* at an event: one mailbox is full, for up to 20 events */
    uint32_t late;       /* the timers of a runtime are late, by up to `late_ms` */
    uint32_t stall;      /* at an event: the whole world stands still for up to `late_ms` */
    uint32_t late_ms;    /* 0: 50 */
    uint32_t disconnect; /* at a delivery: its connection breaks, and what is on the way is lost */
    uint32_t part;       /* at an event: two runtimes are parted for up to 40 times `late_ms` */
} troupe_faults;

/* How a simulation is set up; all zero is a quiet world with seed 0. */
typedef struct troupe_sim_config {
    uint64_t seed;
    troupe_schedule schedule;
    unsigned depth;    /* of TROUPE_PCT; 0: 3; at most 32 */
    unsigned events;   /* about how many events a run of yours has, for TROUPE_PCT; 0: 1000 */
    unsigned event_us; /* virtual microseconds that each event takes; 0: 10 */
    troupe_faults faults;
    /* A recorded schedule to replay (troupe_sim_trace) in place of the seed's choices; after its
     * end the oldest event comes next, and nothing is faulty. NULL: none. Copied. */
    const uint32_t *trace;
    size_t trace_length;
    troupe_heap heap;       /* the simulation's own memory, not its runtimes'; NULLs: malloc */
    struct tr_trial *trial; /* set by troupe_sim_trials; else NULL */
} troupe_sim_config;

/* Opens a simulation at virtual time 0. NOMEM. INVALID: `depth` over 32, or half an allocator. A
 * simulation that later on gets no memory for itself ends the process: the run would be another. */
TROUPE_CHECKED troupe_err troupe_sim_open(const troupe_sim_config *config, troupe_sim **out);

/* Ends a simulation, whose runtimes must have been closed, and makes the pointer NULL. Does nothing
 * to NULL. */
TROUPE_API void troupe_sim_close(troupe_sim **sim);

/* Opens a runtime in the simulation; any number of them share time and network. Of `config` (NULL:
 * the defaults) count `log`, `quiet`, `close_ms`, `heap` and `dead_letter`. It is closed by
 * `troupe_close`, which runs the simulation until all is stopped. The errors of `troupe_open`. */
TROUPE_CHECKED troupe_err troupe_sim_runtime(troupe_sim *sim, const troupe_config *config,
                                             troupe **out);

/* Blocks of memory that closed runtimes have not given back: what leaks, and messages that are
 * still in your hands. */
TROUPE_API size_t troupe_sim_leaks(const troupe_sim *sim);

/* --- Running ---------------------------------------------------------------------------------- */

/* Runs one event; time jumps to it if need be. False: nothing is left that could ever happen. */
TROUPE_API bool troupe_sim_step(troupe_sim *sim);

/* Runs for `ms` virtual milliseconds. */
TROUPE_API void troupe_sim_run(troupe_sim *sim, unsigned ms);

/* Runs until nothing is left to do but what waits for its time: no mail, no request, nothing on the
 * way. Time does not jump. False: it has not come to that within `ms` virtual milliseconds. */
TROUPE_API bool troupe_sim_settle(troupe_sim *sim, unsigned ms);

/* Runs until nothing is left at all, timers and network included. False: it has not come to rest
 * within `ms` virtual milliseconds (connected nodes never do: they ping each other). */
TROUPE_API bool troupe_sim_rest(troupe_sim *sim, unsigned ms);

/* Virtual nanoseconds since the simulation was opened; what `troupe_now` says in its runtimes. */
TROUPE_API uint64_t troupe_sim_now(const troupe_sim *sim);

/* Events so far. */
TROUPE_API uint64_t troupe_sim_events(const troupe_sim *sim);

/* A fingerprint of all events so far in their order: who ran, on which message, when. Equal for
 * equal runs. */
TROUPE_API uint64_t troupe_sim_hash(const troupe_sim *sim);

/* A choice for a test's own use, below `n`, which is at least 1: from the seed, and recorded. */
TROUPE_API uint32_t troupe_sim_choose(troupe_sim *sim, uint32_t n);

/* All choices so far, `*length` of them: the trace that `troupe_sim_config.trace` replays. Valid
 * until the simulation goes on. NULL: there was no memory to record them all. */
TROUPE_API const uint32_t *troupe_sim_trace(const troupe_sim *sim, size_t *length);

/* --- Faults on demand ------------------------------------------------------------------------- */

/* What faults there were so far. */
typedef struct troupe_fault_counts {
    uint64_t failed, allocs, full, late, stalled, disconnected, parted;
} troupe_fault_counts;

/* Ends all faults, those on demand and of the network as well, and goes on with TROUPE_RANDOM: from
 * here on all must come to a good end. */
TROUPE_API void troupe_sim_calm(troupe_sim *sim);

/* Faults so far, by chance and on demand. */
TROUPE_API troupe_fault_counts troupe_sim_faults(const troupe_sim *sim);

/* Lets an actor fail right after it has handled its `nth` message from now (1 is the next). Up to
 * 16 such orders at a time. GONE; INVALID: `nth` is 0, or too many orders. */
TROUPE_CHECKED troupe_err troupe_sim_fail(troupe_sim *sim, troupe_ref who, unsigned nth);

/* Lets the `nth` allocation of any runtime from now fail (1 is the next; 0: none). */
TROUPE_API void troupe_sim_fail_alloc(troupe_sim *sim, unsigned nth);

/* Makes a mailbox full, whatever is in it, or lets it be as it is. GONE. */
TROUPE_CHECKED troupe_err troupe_sim_full(troupe_sim *sim, troupe_ref who, bool full);

/* Holds an actor, as if a callback of it had not returned yet: it handles nothing, and its mailbox
 * fills, until it is let go. A stop or a kill reaches it all the same. Up to 16 at a time. GONE;
 * INVALID: too many. */
TROUPE_CHECKED troupe_err troupe_sim_hold(troupe_sim *sim, troupe_ref who, bool held);

/* Holds all timers of a runtime back for `ms` milliseconds from now. */
TROUPE_API void troupe_sim_late(troupe_sim *sim, troupe *rt, unsigned ms);

/* --- The network (needs troupe::transport) ---------------------------------------------------- */

/* Nodes of a simulation (troupe_node_open) listen and connect with any URL, which no other network
 * sees. Bytes take 50 to 400 microseconds, and come in pieces of any size; a connection takes
 * 256 KiB that are not read, and then what is sent on it waits. */

/* Lets nothing pass from one runtime to another, or lets it pass again: then what was sent
 * meanwhile comes, if the connection has not been given up. One way only: call it twice. */
TROUPE_API void troupe_sim_cut(troupe_sim *sim, troupe *from, troupe *to, bool cut);

/* Has everything from one runtime to another take `ms` milliseconds more. */
TROUPE_API void troupe_sim_slow(troupe_sim *sim, troupe *from, troupe *to, unsigned ms);

/* Breaks all connections between two runtimes; what is on the way is lost. */
TROUPE_API void troupe_sim_disconnect(troupe_sim *sim, troupe *a, troupe *b);

/* Ends a runtime as if its process had died, and makes the pointer NULL: no `stop` runs, nothing is
 * said to others but that its connections are closed. Its memory is given back. A runtime opened
 * after it is a new incarnation. */
TROUPE_API void troupe_sim_crash(troupe_sim *sim, troupe **rt);

/* --- Many seeds ------------------------------------------------------------------------------- */

/* A test to be tried with many seeds: opens one simulation with `config` as it gets it, and closes
 * it, or else says what is wrong. It may also crash, abort or hang: it runs in another process. */
typedef void troupe_sim_test(const troupe_sim_config *config, void *ctx);

/* In such a test: it has found something wrong, which the text says. Ends the trial. */
TROUPE_API void troupe_sim_wrong(const troupe_sim_config *config, const char *format, ...)
    __attribute__((noreturn)) TROUPE_PRINTF(2, 3);

typedef struct troupe_trials {
    const char *name;
    troupe_sim_test *test;
    void *ctx;
    troupe_sim_config config; /* for each trial, with its seed filled in */
    uint64_t first, seeds;    /* seeds [first, first + seeds) */
    unsigned seconds;         /* a trial that takes longer hangs; 0: 30 */
    bool twice;               /* each seed is run twice, and must do the same */
    bool minimise;            /* a schedule that fails is shortened, for a minute at most */
    const char *trace;        /* what that printed, to be run with seed `first`; NULL: none */
    const char *replay;       /* the command that replays a seed is this and the seed */
} troupe_trials;

/* What trials have tried, in sums. */
typedef struct troupe_tried {
    uint64_t seeds, failed, events, messages, virtual_ns; /* messages that were handled */
    uint64_t hash; /* of all their fingerprints */
    troupe_fault_counts faults;
} troupe_tried;

/* Runs trials, and prints a line that sums them up to standard output. At the first one that fails
 * it ends, after it has printed the seed, what was wrong, the command that replays it and, with
 * `minimise`, the least schedule that still fails. `*tried` gets the sums; it may be NULL. False:
 * one failed, or no process could be made. It forks, so not in a process with other threads. */
TROUPE_API bool troupe_sim_trials(const troupe_trials *trials, troupe_tried *tried);

#ifdef __cplusplus
}
#endif
#endif
