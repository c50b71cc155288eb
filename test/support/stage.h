/* A runtime for tests. Its memory is counted, its log is caught, and what its actors do is written
 * into a diary. Stepped, it has a clock that moves only when told to; else it runs on workers.
 * Criterion gives each test a process of its own, so there is one stage, and no handle to it. */
#ifndef TROUPE_TEST_STAGE_H
#define TROUPE_TEST_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/actor.h>

#include "test/support/counting_heap.h"

/* A stepped runtime in a simulation, whose clock moves only when told to. Its order is the plain
 * one, or that of the seed in STAGE_SEED; so tests for the plain one only use TROUPE_STEPPED. */
#define STAGE_SIMULATED (TROUPE_STEPPED - 1)

/* --- The stage -------------------------------------------------------------------------------- */

/* Opens the runtime with that many workers, or TROUPE_STEPPED or STAGE_SIMULATED; all log lines are
 * kept. */
troupe *stage_open(unsigned workers);

/* The same with a configuration of one's own: heap, log and clock are filled in. */
troupe *stage_open_as(troupe_config config);

/* Prepares heap and log without opening a runtime, and returns the configuration to open one by;
 * such a runtime is the caller's to close, and stage_close then checks what is left. */
troupe_config stage_prepare(unsigned workers);

/* The runtime. */
troupe *stage_rt(void);

/* Whether it is stepped, in a simulation or not. */
bool stage_is_stepped(void);

/* Its memory. */
counting_heap *stage_heap(void);

/* Runs a stepped runtime until it is idle; the turns it took. With workers: does nothing. */
size_t stage_run(void);

/* Runs a stepped runtime until it is idle, then moves its clock by a millisecond and runs it again,
 * `ms` times. */
void stage_advance(unsigned ms);

/* The clock of a stepped runtime, in nanoseconds; may be written, forward or not. */
uint64_t *stage_clock(void);

/* Closes the runtime; fails the test if a byte of its memory is left, or a thread. */
void stage_close(void);

/* --- What was seen ---------------------------------------------------------------------------- */

/* Writes a word into the diary. Any thread. */
void stage_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fails the test unless the diary holds exactly these words, with single blanks between them, and
 * empties it. A stepped runtime is run first; workers are given time to write that much. */
void stage_expect(const char *words);

/* The same, but the words may have come in any order. */
void stage_expect_all(const char *words);

/* Empties the diary. */
void stage_forget(void);

/* Waits until the diary holds that many words, in a stepped runtime by running it. */
void stage_await(size_t words);

/* Log lines that contain a text; all that were written if it is "". */
size_t stage_logged(const char *text);

/* Waits, with workers, until a line of the log contains a text. */
void stage_await_log(const char *text);

/* Messages that became dead letters. */
uint64_t stage_dead_letters(void);

/* Threads of this process, and descriptors that it has open. */
size_t stage_threads(void);
size_t stage_descriptors(void);

/* --- Actors ---------------------------------------------------------------------------------- */

/* Waits until an actor is no more, and nobody runs; a stepped runtime is run for that. */
void stage_await_gone(troupe_ref who);

/* Whether an actor is there. */
bool stage_there(troupe_ref who);

/* The actor of that name, or TROUPE_NOBODY. */
troupe_ref stage_find(const char *name);

#endif
