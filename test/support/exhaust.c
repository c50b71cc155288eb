#include "test/support/exhaust.h"

#include <criterion/criterion.h>
#include <stdint.h>

enum { ROUNDS_MOST = 500 }; /* more allocations than anything under test makes */

bool exhaust_next(exhaust *x) {
    cr_assert_null(x->heap, "a round was not ended");
    bool over = x->nth > 0 && !x->refused;
    if (over && x->all) return false;
    if (over) x->all = true;
    x->nth = over ? 1 : x->nth + 1;
    x->refused = false;
    cr_assert_lt(x->nth, ROUNDS_MOST, "it takes memory without end");
    return true;
}

void exhaust_from(exhaust *x, counting_heap *heap) {
    x->heap = heap;
    x->before = counting_heap_look(heap).refused;
    counting_heap_fail(heap, x->nth, x->all ? SIZE_MAX : 0);
}

bool exhaust_to(exhaust *x) {
    counting_heap_fail(x->heap, 0, 0);
    x->refused = counting_heap_look(x->heap).refused > x->before;
    x->heap = NULL;
    return x->refused;
}

/* One sweep of a call; returns how many of its allocations were refused. */
static size_t sweep(counting_heap *heap, bool all, bool exact, troupe_err (*call)(void *ctx),
                    void *ctx) {
    exhaust x = {.all = all};
    while (exhaust_next(&x)) {
        counting_heap_state before = counting_heap_look(heap);
        exhaust_from(&x, heap);
        troupe_err err = call(ctx);
        bool refused = exhaust_to(&x);
        counting_heap_state after = counting_heap_look(heap);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK, "allocation %zu%s: %s", x.nth,
                     refused ? " was refused" : "", troupe_errname(err));
        if (!refused) break;
        if (!exact) continue;
        cr_assert_eq(after.blocks, before.blocks, "allocation %zu was refused: blocks", x.nth);
        cr_assert_eq(after.bytes, before.bytes, "allocation %zu was refused: bytes", x.nth);
    }
    return x.nth - 1;
}

void exhaust_call(counting_heap *heap, troupe_err (*call)(void *ctx), void (*undo)(void *ctx),
                  void *ctx) {
    size_t refused = 0;
    for (int i = 0; i < EXHAUST_SWEEPS; i++) {
        refused += sweep(heap, i == 2, i > 0, call, ctx);
        if (undo) undo(ctx);
    }
    cr_assert_gt(refused, 0u, "it takes no memory");
}

void exhaust_nothing(counting_heap *heap, void (*act)(void *ctx), void *ctx) {
    size_t takes = counting_heap_look(heap).takes;
    counting_heap_fail(heap, 1, SIZE_MAX);
    act(ctx);
    counting_heap_fail(heap, 0, 0);
    cr_assert_eq(counting_heap_look(heap).takes, takes, "it takes memory");
}
