#include "base/heap.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "test/support/counting_heap.h"
#include "test/support/exhaust.h"

static counting_heap heap;

static void open_heap(void) {
    counting_heap_init(&heap);
}

static void close_heap(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(heap, .timeout = 10, .init = open_heap, .fini = close_heap);

Test(heap, nothing_is_not_taken_and_not_given) {
    cr_assert_null(tr_take(&heap.heap, 0));
    cr_assert_null(tr_take_zero(&heap.heap, 0));
    cr_assert_null(tr_take_text(&heap.heap, NULL));
    tr_give(&heap.heap, NULL, 0);
    tr_give(&heap.heap, NULL, 100);
    tr_give_text(&heap.heap, NULL);
    cr_assert_eq(counting_heap_look(&heap).takes, 0);
}

Test(heap, default_heap_works) {
    for (size_t size = 1; size < 5000; size = size * 3 + 1) {
        unsigned char *memory = tr_take_zero(&tr_heap_default, size);
        cr_assert_not_null(memory);
        cr_assert_eq((uintptr_t)memory % 16, 0);
        cr_assert(memory[0] == 0 && memory[size - 1] == 0);
        tr_give(&tr_heap_default, memory, size);
    }
}

Test(heap, take_zero_clears_all_and_reports_failure) {
    unsigned char *memory = tr_take_zero(&heap.heap, 257);
    for (size_t i = 0; i < 257; i++) cr_assert_eq(memory[i], 0);
    tr_give(&heap.heap, memory, 257);
    counting_heap_fail(&heap, 1, 0);
    cr_assert_null(tr_take_zero(&heap.heap, 257));
}

Test(heap, texts_are_copied_whole) {
    char text[] = "a text";
    char *copy = tr_take_text(&heap.heap, text), *empty = tr_take_text(&heap.heap, "");
    text[0] = 'A';
    cr_assert_str_eq(copy, "a text");
    cr_assert_str_eq(empty, "");
    cr_assert_eq(counting_heap_look(&heap).bytes, sizeof text + 1);
    tr_give_text(&heap.heap, copy);
    tr_give_text(&heap.heap, empty);
    counting_heap_fail(&heap, 1, 0);
    cr_assert_null(tr_take_text(&heap.heap, text));
}

/* --- tr_grow ---------------------------------------------------------------------------------- */

typedef struct array {
    uint32_t *at;
    size_t room;
} array;

static bool grow(array *a, size_t need) {
    void *memory = a->at;
    bool ok = tr_grow(&heap.heap, &memory, &a->room, need, sizeof *a->at);
    a->at = memory;
    return ok;
}

static void end(array *a) {
    tr_give(&heap.heap, a->at, a->room * sizeof *a->at);
}

Test(heap, grow_from_nothing_makes_room_for_a_few) {
    array a = {NULL, 0};
    cr_assert(grow(&a, 0)); /* is there already */
    cr_assert_null(a.at);
    cr_assert(grow(&a, 1));
    cr_assert_eq(a.room, 8);
    end(&a);
    a = (array){NULL, 0};
    cr_assert(grow(&a, 9));
    cr_assert_eq(a.room, 9);
    end(&a);
}

Test(heap, grow_at_least_doubles_and_keeps_what_is_in) {
    array a = {NULL, 0};
    for (uint32_t i = 0; i < 10000; i++) {
        size_t before = a.room;
        cr_assert(grow(&a, i + 1));
        cr_assert(a.room == before || a.room >= 2 * before);
        a.at[i] = i * 7;
    }
    cr_assert(counting_heap_look(&heap).takes < 15);
    for (uint32_t i = 0; i < 10000; i++) cr_assert_eq(a.at[i], i * 7);
    cr_assert(grow(&a, 100000)); /* more than double */
    cr_assert_eq(a.room, 100000);
    cr_assert_eq(a.at[9999], 9999 * 7);
    end(&a);
}

Test(heap, grow_takes_nothing_when_there_is_room) {
    array a = {NULL, 0};
    cr_assert(grow(&a, 8));
    counting_heap_fail(&heap, 1, SIZE_MAX);
    uint32_t *before = a.at;
    for (size_t need = 0; need <= 8; need++) cr_assert(grow(&a, need));
    cr_assert_eq(a.at, before);
    end(&a);
}

Test(heap, grow_that_fails_changes_nothing) {
    array a = {NULL, 0};
    counting_heap_fail(&heap, 1, 0);
    cr_assert_not(grow(&a, 3));
    cr_assert(!a.at && !a.room);
    cr_assert(grow(&a, 3));
    for (uint32_t i = 0; i < 8; i++) a.at[i] = i;
    uint32_t *before = a.at;
    counting_heap_fail(&heap, 1, 0);
    cr_assert_not(grow(&a, 9));
    cr_assert(a.at == before && a.room == 8 && a.at[7] == 7);
    cr_assert(grow(&a, 9));
    cr_assert(a.room == 16 && a.at[7] == 7);
    end(&a);
}

Test(heap, grow_refuses_sizes_that_overflow) {
    array a = {NULL, 0};
    cr_assert(grow(&a, 8));
    size_t takes = counting_heap_look(&heap).takes;
    cr_assert_not(grow(&a, SIZE_MAX));
    cr_assert_not(grow(&a, SIZE_MAX / sizeof *a.at + 1));
    cr_assert_eq(a.room, 8);
    cr_assert_eq(counting_heap_look(&heap).takes, takes);
    end(&a);
}

/* --- The counting heap itself ----------------------------------------------------------------- */

Test(heap, counting_heap_fails_the_ones_that_it_was_told_to) {
    for (size_t nth = 1; nth <= 4; nth++)
        for (size_t more = 0; more <= 3; more++) {
            counting_heap_fail(&heap, nth, more);
            for (size_t i = 1; i <= 9; i++) {
                void *memory = tr_take(&heap.heap, i);
                cr_assert_eq(memory == NULL, i >= nth && i <= nth + more);
                tr_give(&heap.heap, memory, i);
            }
        }
    counting_heap_fail(&heap, 0, 5);
    void *memory = tr_take(&heap.heap, 1);
    cr_assert_not_null(memory);
    cr_assert_eq(counting_heap_look(&heap).blocks, 1);
    tr_give(&heap.heap, memory, 1);
}

/* Takes three blocks, one after the other; how many it got. */
static size_t take_three(void *memory[3]) {
    size_t got = 0;
    for (size_t i = 0; i < 3; i++) got += (memory[i] = tr_take(&heap.heap, 1)) != NULL;
    return got;
}

Test(heap, exhaust_refuses_each_once_alone_and_once_with_the_rest) {
    const size_t expected[] = {2, 2, 2, 3, 0, 1, 2, 3};
    size_t round = 0;
    for (exhaust x = {0}; exhaust_next(&x); round++) {
        void *memory[3];
        exhaust_from(&x, &heap);
        size_t got = take_three(memory);
        cr_assert_eq(exhaust_to(&x), got < 3);
        cr_assert_lt(round, 8u);
        cr_assert_eq(got, expected[round], "round %zu", round);
        for (size_t i = 0; i < 3; i++) tr_give(&heap.heap, memory[i], 1);
    }
    cr_assert_eq(round, 8u);
}
