#include "base/spare.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/heap.h"
#include "test/support/counting_heap.h"

enum { BLOCK = 1000, MOST = 3 * BLOCK };

static counting_heap heap;
static tr_spare spare;

static void begin(void) {
    counting_heap_init(&heap);
    tr_spare_init(&spare, &heap.heap, MOST);
}

static void end(void) {
    tr_spare_flush(&spare);
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(spare, .timeout = 10, .init = begin, .fini = end);

/* A new block, of which each byte is written. */
static void *block(size_t size) {
    void *memory = tr_take(&heap.heap, size);
    cr_assert_not_null(memory);
    return memset(memory, 0x5a, size);
}

static void check_taken(const void *memory, size_t need, size_t room) {
    size_t has;
    void *got = tr_spare_get(&spare, need, &has);
    cr_assert_eq(got, memory);
    cr_assert_eq(has, room);
    if (got) tr_give(&heap.heap, got, has);
}

Test(spare, an_empty_one_has_nothing) {
    check_taken(NULL, 1, 0);
    tr_spare_put(&spare, NULL, 0);
    check_taken(NULL, 0, 0);
}

Test(spare, what_was_given_last_is_taken_first) {
    void *a = block(BLOCK), *b = block(BLOCK);
    tr_spare_put(&spare, a, BLOCK);
    tr_spare_put(&spare, b, BLOCK);
    cr_assert_eq(spare.bytes, 2u * BLOCK);
    check_taken(b, BLOCK, BLOCK);
    check_taken(a, 1, BLOCK);
    check_taken(NULL, 1, 0);
    cr_assert_eq(spare.bytes, 0u);
}

Test(spare, what_is_too_small_is_passed_over_and_stays) {
    void *large = block(BLOCK), *small = block(BLOCK / 2);
    tr_spare_put(&spare, large, BLOCK);
    tr_spare_put(&spare, small, BLOCK / 2);
    check_taken(NULL, BLOCK + 1, 0);
    check_taken(large, BLOCK, BLOCK);
    check_taken(small, BLOCK / 2, BLOCK / 2);
}

Test(spare, no_more_is_kept_than_it_may) {
    for (int i = 0; i < 5; i++) tr_spare_put(&spare, block(BLOCK), BLOCK);
    cr_assert_eq(spare.bytes, (size_t)MOST);
    cr_assert_eq(counting_heap_look(&heap).blocks, 3u);
    tr_spare_flush(&spare);
    tr_spare_put(&spare, block(MOST + 1), MOST + 1);
    cr_assert_eq(counting_heap_look(&heap).blocks, 0u, "one that is too large goes at once");
    tr_spare_put(&spare, block(1), 1);
    cr_assert_eq(counting_heap_look(&heap).blocks, 0u, "and one with no room for its place");
}

Test(spare, what_nobody_needs_any_more_is_given_back) {
    void *a = block(BLOCK);
    size_t room;
    tr_spare_put(&spare, a, BLOCK);
    cr_assert_eq(tr_spare_get(&spare, BLOCK, &room), a);
    tr_spare_put(&spare, a, room);
    tr_spare_trim(&spare);
    cr_assert_eq(spare.bytes, (size_t)BLOCK, "it was used since the last time");
    (void)tr_spare_get(&spare, BLOCK + 1, &room); /* finds nothing: no use */
    tr_spare_trim(&spare);
    cr_assert_eq(spare.bytes, 0u);
    cr_assert_eq(counting_heap_look(&heap).blocks, 0u);
}
