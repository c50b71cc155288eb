/* Memory that runs out: something is done again and again, and each time the next of its
 * allocations is refused; that one alone in a first sweep, and all from there on in a second. */
#ifndef TROUPE_TEST_EXHAUST_H
#define TROUPE_TEST_EXHAUST_H

#include <stdbool.h>
#include <stddef.h>
#include <troupe/error.h>

#include "test/support/counting_heap.h"

/* --- Rounds, each on a world of its own ------------------------------------------------------- */

/* for (exhaust x = {0}; exhaust_next(&x);) {
 *     open a world; exhaust_from(&x, heap); do it; bool refused = exhaust_to(&x); judge; close it
 * } */
typedef struct exhaust {
    counting_heap *heap; /* between exhaust_from and exhaust_to */
    size_t nth;          /* the one to refuse in this round, from 1 */
    bool all;            /* and all after it */
    size_t before;       /* how many were refused before this round */
    bool refused;        /* something was, in this round */
} exhaust;

/* Goes on to the next round. False: there is none, since two sweeps have come to their end, which
 * is a round in which nothing was refused. */
bool exhaust_next(exhaust *x);

/* From here on the allocations of `heap` are counted, and refused. Once a round. */
void exhaust_from(exhaust *x, counting_heap *heap);

/* Refuses no more. Returns whether anything was refused in this round. */
bool exhaust_to(exhaust *x);

/* --- One call, on a world that stays ---------------------------------------------------------- */

/* Makes a call with each of its allocations refused in turn. `call` returns what the call did, and
 * fails the test if that left a trace. Each refusal must be a NOMEM that leaves not a byte behind
 * (but for the first sweep, in which maps and tables get room that they keep), and what is not
 * refused must be OK. So `call` succeeds once a sweep, three times; `undo`, if there, follows each
 * success. The call must take some memory. */
void exhaust_call(counting_heap *heap, troupe_err (*call)(void *ctx), void (*undo)(void *ctx),
                  void *ctx);

enum { EXHAUST_SWEEPS = 3 };

/* Has `act` run without any memory; it must not even ask for some. */
void exhaust_nothing(counting_heap *heap, void (*act)(void *ctx), void *ctx);

#endif
