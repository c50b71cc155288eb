#include "transport/announce.h"

#include <criterion/criterion.h>
#include <string.h>

#include "test/support/counting_heap.h"
#include "transport/wire.h"

struct inner {
    int8_t x;
};
struct outer {
    struct inner one;
    TROUPE_MANY(struct inner) many;
};
static const troupe_type inner_type = TROUPE_TYPE(inner, TROUPE_FIELD(inner, x));
static const troupe_type outer_type = TROUPE_TYPE(outer, TROUPE_FIELD_OF(outer, one, &inner_type),
                                                  TROUPE_LIST_OF(outer, many, &inner_type));

static counting_heap heap;
static tr_announced announced;
static tr_buffer out;

static void begin_with(size_t limit) {
    counting_heap_init(&heap);
    out = (tr_buffer){.heap = &heap.heap};
    tr_announced_init(&announced, &heap.heap, limit);
}

static void begin(void) {
    begin_with(1 << 20);
}

static void end(void) {
    tr_announced_fini(&announced);
    tr_buffer_fini(&out);
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(announce, .timeout = 30, .init = begin, .fini = end);

/* The types that were told, in that order. */
static size_t told(uint64_t hash[4]) {
    size_t n = 0;
    for (size_t at = 0, used; at < out.size; at += used) {
        tr_frame frame;
        cr_assert_eq(tr_frame_get(out.data + at, out.size - at, 1 << 20, &frame, &used, NULL, 0),
                     TROUPE_OK);
        cr_assert_eq(frame.kind, TR_FRAME_SCHEMA);
        cr_assert_eq(tr_hash_bytes(tr_hash_text(""), frame.tail, frame.tail_size), frame.type);
        cr_assert_lt(n, 4u);
        hash[n++] = frame.type;
    }
    return n;
}

static void announce(const troupe_type *type) {
    cr_assert(tr_announce(&announced, type, tr_type_hash(type), &out));
}

Test(announce, tells_a_type_once_and_what_is_in_it_before) {
    uint64_t hash[4];
    announce(&outer_type);
    announce(&outer_type);
    announce(&inner_type);
    announce(&outer_type);
    cr_assert_eq(told(hash), 2u);
    cr_assert_eq(hash[0], tr_type_hash(&inner_type));
    cr_assert_eq(hash[1], tr_type_hash(&outer_type));
}

Test(announce, leaves_out_what_is_longer_than_the_peer_would_take) {
    uint64_t hash[4];
    end();
    begin_with(40); /* of the inner one they are 30, of the outer one more */
    announce(&outer_type);
    cr_assert_eq(told(hash), 1u);
    cr_assert_eq(hash[0], tr_type_hash(&inner_type));
    size_t size = out.size;
    announce(&inner_type);
    announce(&outer_type);
    cr_assert_eq(out.size, size, "nor is it tried again");
}

/* Each allocation fails in turn: what was appended is whole, and the next try says the rest. */
Test(announce, without_memory_is_tried_again) {
    for (size_t nth = 1;; nth++) {
        uint64_t hash[4];
        counting_heap_fail(&heap, nth, 0);
        bool done = tr_announce(&announced, &outer_type, tr_type_hash(&outer_type), &out);
        counting_heap_fail(&heap, 0, 0);
        (void)told(hash);
        announce(&outer_type);
        cr_assert_eq(told(hash), 2u);
        end();
        begin();
        if (done) break;
        cr_assert_lt(nth, 20u);
    }
}

struct either {
    enum { NONE, ONE, MANY } which;
    union {
        struct inner one;
        TROUPE_MANY(struct inner) many;
    };
};
struct choice {
    TROUPE_MANY(struct either) all;
};
static const troupe_one_of either_one_of =
    TROUPE_ONE_OF_TYPE(either, which, TROUPE_NO_CASE(NONE),
                       TROUPE_CASE(ONE, TROUPE_FIELD_OF(either, one, &inner_type)),
                       TROUPE_CASE(MANY, TROUPE_LIST_OF(either, many, &inner_type)));
static const troupe_type choice_type =
    TROUPE_TYPE(choice, TROUPE_LIST_OF(choice, all, &either_one_of));

Test(announce, tells_what_is_in_the_cases_of_a_one_of_before) {
    uint64_t hash[4];
    announce(&choice_type);
    cr_assert_eq(told(hash), 2u);
    cr_assert_eq(hash[0], tr_type_hash(&inner_type));
    cr_assert_eq(hash[1], tr_type_hash(&choice_type));
}
