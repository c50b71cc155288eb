/* A heap for tests: counts what is outstanding, can refuse any take, and notices wrong gives.
 * Memory is filled with rubbish when taken and when given back, so that nobody lives on luck. */
#ifndef TROUPE_TEST_COUNTING_HEAP_H
#define TROUPE_TEST_COUNTING_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <troupe/heap.h>

#include "base/os.h"

typedef struct counting_heap {
    troupe_heap heap; /* hand this one out; all else is read through the functions */
    tr_mutex lock;
    tr_cond given;                /* something is */
    size_t takes, refused;        /* calls of take, and how many of them got NULL */
    size_t blocks, bytes;         /* outstanding */
    size_t largest, peak;         /* of one take; of `bytes` */
    size_t fail_first, fail_past; /* takes with these numbers fail: [first, past) */
} counting_heap;

/* What the heap has seen at one moment. */
typedef struct counting_heap_state {
    size_t takes, refused, blocks, bytes, largest, peak;
} counting_heap_state;

/* Makes a heap that refuses nothing. It must not move afterwards. */
void counting_heap_init(counting_heap *heap);

/* Ends it. False: something is still outstanding (it is reported, and leaks). */
bool counting_heap_fini(counting_heap *heap);

/* Lets the `nth` take from now (1 is the next) and the `more` after it fail. `nth` 0: none does. */
void counting_heap_fail(counting_heap *heap, size_t nth, size_t more);

/* The counts now. A give of a wrong size or of foreign memory ends the process before that. */
counting_heap_state counting_heap_look(counting_heap *heap);

/* Waits until no more than `most` bytes are outstanding. False: not by that time (monotonic ns). */
bool counting_heap_await(counting_heap *heap, size_t most, uint64_t until);

#endif
