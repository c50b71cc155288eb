/* A counted heap with a pool and a buffer on it, for tests of the codec: each test has its own. */
#ifndef TROUPE_TEST_CODEC_HEAP_H
#define TROUPE_TEST_CODEC_HEAP_H

#include <criterion/criterion.h>

#include "serial/codec.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};
static tr_buffer buffer;

/* The `.init` of a suite. */
static void open_heap(void) {
    counting_heap_init(&heap);
    buffer = (tr_buffer){.heap = &heap.heap};
}

/* And its `.fini`: nothing is left. */
static void close_heap(void) {
    tr_buffer_fini(&buffer);
    cr_assert(counting_heap_fini(&heap));
}

#endif
