/* Explores every interleaving of a few threads that run real sources of the library, up to a bound
 * of preemptions, on a memory weaker than that of any machine we know. README.md says what is
 * explored and how to write a model. */
#ifndef EX_EXPLORE_H
#define EX_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

/* How a model ends. The litmus tests want other ends than the first. */
typedef enum ex_end {
    EX_HOLDS,
    EX_CHECK,    /* an ex_check or an assertion of the sources */
    EX_RACE,     /* two accesses to plain memory that nothing orders */
    EX_DEADLOCK, /* nobody can ever run again */
    EX_LIVELOCK, /* threads run, and nothing comes of it */
    EX_CRASH     /* a bad address */
} ex_end;

typedef struct ex_model {
    const char *name;
    void (*setup)(void);       /* makes the world and its threads, anew for each execution */
    void (*thread[4])(void *); /* threads that need no argument, and that setup need not make */
    void (*finish)(void);      /* looks at it when all threads have ended; may be NULL */
    bool membarrier;           /* what tr_membarrier_ready says */
    unsigned preemptions;      /* the bound; 0: the default, 2 */
    unsigned timeouts;         /* waits with a deadline that may time out, in one execution */
    unsigned spurious;         /* futex waits that may return for no reason, in one execution */
    ex_end expect;
    uint64_t cap; /* executions; 0: the default. To reach it is a failure */
    unsigned seeds; /* not all executions, but so many, each with choices drawn from its own seed */
} ex_model;

/* Runs the models of a program, or those that its arguments name. Returns the exit code. */
int ex_main(int argc, char **argv, const ex_model *models, size_t count);

/* In setup: adds a thread. */
void ex_thread(const char *name, void (*run)(void *arg), void *arg);
/* In setup: what a schedule calls these bytes. */
void ex_name(const void *at, size_t size, const char *name);
#define EX_NAME(object) ex_name(&(object), sizeof(object), #object)
/* Time passes for all. */
void ex_later(uint64_t ns);
/* Zeroed memory that lasts until the end of the execution, aligned to 64. */
void *ex_alloc(size_t size);

/* Marks an access to plain data. Code compiled with -fsanitize=thread is marked by the compiler:
 * that is all sources and models; only what they do by memcpy and the like needs these. */
void ex_read(const void *at);
void ex_write(const void *at);

/* A moment of the current thread, and whether what it did until then happens before what the
 * current thread does now. */
typedef struct ex_moment {
    int thread;
    uint16_t time;
} ex_moment;
ex_moment ex_now(void);
bool ex_knows(ex_moment moment);

/* Ends the execution as a failure. */
_Noreturn void ex_fail(ex_end end, const char *text, ex_place place);
#define ex_check(condition)                                                                        \
    ((condition) ? (void)0 : ex_fail(EX_CHECK, #condition " does not hold", EX_HERE))
/* Whether a thread sleeps on a futex; they are numbered from 1 in the order they were made. */
bool ex_asleep(int thread);
/* Calls so far that wake sleepers or waiters, whether there are any or not. */
unsigned ex_wakes(void);
/* A remark in the schedule. */
void ex_note(const char *text);
/* One of 0..n-1; all are explored. */
unsigned ex_choose(unsigned n);

#endif
