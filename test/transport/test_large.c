/* Large messages in parts, on their own: what one end says, frame by frame, the other puts together
 * again, and what is against the rules is refused by name. */
#include "transport/large.h"

#include <criterion/criterion.h>
#include <string.h>

#include "base/heap.h"
#include "serial/envelope.h"
#include "test/support/counting_heap.h"

enum { LIMIT = 4 << 20, SEEDS = 50 };

static counting_heap heap;
static tr_larges larges;
static tr_assemblies set;
static tr_pool pool; /* in direct mode */
static uint64_t random_state;

static void begin(void) {
    counting_heap_init(&heap);
    tr_larges_init(&larges, &heap.heap);
    cr_assert(tr_pool_init(&pool, &heap.heap, NULL));
    tr_assemblies_init(&set, &pool, &heap.heap);
    random_state = 1;
}

static void end(void) {
    tr_larges_fini(&larges);
    tr_assemblies_fini(&set);
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(large, .timeout = 60, .init = begin, .fini = end);

static uint64_t draw(uint64_t below) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (random_state >> 33) % below;
}

/* What byte `i` of a message with that number is. */
static unsigned char byte_of(uint64_t number, size_t i) {
    return (unsigned char)(number * 31 + i * 7 + (i >> 9));
}

/* Puts one in line at the sending end, and announces it at the receiving end. */
static tr_assembly *put(uint64_t target, size_t size) {
    char why[160] = "";
    struct tr_large *large = tr_large_make(&heap.heap, size, tr_larges_room(&larges, size));
    cr_assert_not_null(large);
    tr_buffer *to = tr_large_bytes(large);
    cr_assert(tr_buffer_reserve(to, size));
    for (size_t i = 0; i < size; i++)
        to->data[TR_LARGE_HEAD + i] = byte_of(larges.number + 1, i);
    to->size += size;
    cr_assert_eq(tr_large_size(large), size);
    cr_assert(tr_larges_may_put(&larges));
    unsigned char total[8];
    tr_wire_store(total, size, 8);
    const tr_frame frame = {.kind = TR_FRAME_LARGE,
                            .number = tr_larges_put(&larges, target, large),
                            .target = target,
                            .tail = total,
                            .tail_size = 8};
    tr_assembly *it;
    troupe_err err = tr_assembly_begin(&set, &frame, LIMIT, &it, why, sizeof why);
    cr_assert_eq(err, TROUPE_OK, "%s", why);
    return it;
}

/* Sends one part; a message that is whole by it. NULL: none is. */
static tr_assembly *pass_one(void) {
    const void *bytes;
    size_t size, used;
    tr_frame frame;
    tr_assembly *whole;
    char why[160] = "";
    cr_assert(tr_larges_next(&larges, &bytes, &size));
    cr_assert_leq(size, (size_t)TR_PART_SIZE + TR_LARGE_HEAD);
    cr_assert_eq(tr_frame_get(bytes, size, LIMIT, &frame, &used, why, sizeof why), TROUPE_OK);
    cr_assert_eq(used, size);
    cr_assert_eq(frame.kind, TR_FRAME_PART);
    cr_assert_eq(tr_assembly_add(&set, &frame, &whole, why, sizeof why), TROUPE_OK, "%s", why);
    tr_larges_sent(&larges);
    return whole;
}

static void check(const tr_assembly *it) {
    const unsigned char *at = it->head.tail;
    cr_assert_eq(it->head.tail_size, it->total);
    for (size_t i = 0; i < it->total; i++)
        cr_assert_eq(at[i], byte_of(it->head.number, i), "byte %zu", i);
}

Test(large, parts_are_put_together_again_in_the_order_of_each_actor) {
    enum { TARGETS = 3 };
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        uint64_t last[TARGETS] = {0};
        random_state = seed;
        for (unsigned left = 12; left > 0 || larges.count > 0;) {
            if (left > 0 && draw(3) == 0 && left--)
                (void)put(draw(TARGETS), TR_PART_SIZE + 1 + draw(5 * TR_PART_SIZE));
            tr_assembly *whole = larges.count ? pass_one() : NULL;
            if (!whole) continue;
            check(whole);
            uint64_t *before = &last[whole->head.target];
            cr_assert_gt(whole->head.number, *before, "in the order they were put");
            *before = whole->head.number;
            tr_assembly_end(&set, whole);
        }
        cr_assert(set.bytes == 0 && larges.bytes == 0 && set.by_number.count == 0);
    }
}

Test(large, what_is_for_others_takes_turns_with_the_largest) {
    (void)put(1, 10 * TR_PART_SIZE);
    (void)put(1, 2 * TR_PART_SIZE);
    (void)put(2, 2 * TR_PART_SIZE);
    tr_assembly *whole = NULL;
    unsigned parts = 0;
    while (!whole) whole = pass_one(), parts++;
    cr_assert_eq(whole->head.target, 2u);
    cr_assert_eq(parts, 4u, "every second part was its");
    tr_assembly_end(&set, whole);
}

Test(large, no_more_are_taken_than_the_other_side_lets_us) {
    while (tr_larges_may_put(&larges)) (void)put(1, LIMIT);
    cr_assert_gt(larges.bytes, (size_t)TR_LARGE_BYTES);
    cr_assert_leq(larges.bytes, (size_t)TR_LARGE_BYTES + LIMIT, "and one more than that at most");
}

/* --- What is refused -------------------------------------------------------------------------- */

static void refused(tr_frame frame, uint64_t size, troupe_err err, const char *reason) {
    char why[160] = "";
    unsigned char total[8];
    tr_assembly *it;
    tr_wire_store(total, size, 8);
    if (frame.kind == TR_FRAME_LARGE && !frame.tail) frame.tail = total, frame.tail_size = 8;
    counting_heap_state before = counting_heap_look(&heap);
    troupe_err got = frame.kind == TR_FRAME_LARGE
                         ? tr_assembly_begin(&set, &frame, LIMIT, &it, why, sizeof why)
                         : tr_assembly_add(&set, &frame, &it, why, sizeof why);
    cr_assert_eq(got, err, "%s", troupe_errname(got));
    cr_assert_not_null(strstr(why, reason), "%s", why);
    cr_assert_null(it);
    cr_assert_eq(counting_heap_look(&heap).takes, before.takes, "before anything is taken");
}

Test(large, case_25_what_is_too_large_is_refused_by_name_before_it_takes_memory) {
    const tr_frame large = {.kind = TR_FRAME_LARGE, .number = 1};
    refused(large, LIMIT + 1, TROUPE_TOOBIG, "of 4194305 bytes, the limit is 4194304");
    refused(large, UINT32_MAX, TROUPE_TOOBIG, "of 4294967295 bytes");
    refused(large, UINT64_C(1) << 40, TROUPE_TOOBIG, "of 1099511627776 bytes");
    refused(large, UINT64_MAX, TROUPE_TOOBIG, "of 18446744073709551615 bytes");
    refused(large, 0, TROUPE_MALFORMED, "a large message without bytes");
    const tr_frame cut = {.kind = TR_FRAME_LARGE, .number = 1, .tail = "1234567", .tail_size = 7};
    refused(cut, 0, TROUPE_MALFORMED, "without its size");
    while (set.bytes <= TR_LARGE_BYTES) (void)put(1, LIMIT);
    refused((tr_frame){.kind = TR_FRAME_LARGE, .number = 99}, LIMIT, TROUPE_MALFORMED,
            "more large messages at once than it may");
}

Test(large, case_22_parts_that_make_no_message_are_refused_by_name) {
    static const unsigned char bytes[TR_PART_SIZE + 2];
    tr_frame part = {.kind = TR_FRAME_PART, .number = 1, .tail = bytes, .tail_size = 1};
    refused(part, 0, TROUPE_MALFORMED, "a part of no large message");
    (void)put(1, TR_PART_SIZE + 1);
    refused((tr_frame){.kind = TR_FRAME_LARGE, .number = 1}, LIMIT, TROUPE_MALFORMED,
            "with the number of another");
    part.tail_size = 0;
    refused(part, 0, TROUPE_MALFORMED, "an empty part");
    part.tail_size = sizeof bytes;
    refused(part, 0, TROUPE_MALFORMED, "beyond the end of its message");
    tr_assembly *whole = NULL;
    while (!whole) whole = pass_one();
    tr_assembly_end(&set, whole);
    part.tail_size = 1;
    refused(part, 0, TROUPE_MALFORMED, "a part of no large message");
}

/* --- Pieces ----------------------------------------------------------------------------------- */

/* Gives a framed PART in pieces of random sizes; the bytes of it are left in `out`. What the last
 * piece came to. */
static troupe_err in_pieces(const unsigned char *bytes, size_t size, unsigned char *out) {
    tr_piece piece = {0};
    tr_frame frame = {.how = TR_PART_GOES_ON};
    troupe_err err = TROUPE_OK;
    size_t got = 0;
    for (size_t at = 0, end = 0; at < size;) {
        size_t used = 0;
        end += 1 + draw(size - end < 400 ? size - end : 400);
        err = tr_piece_get(&piece, bytes + at, end - at, &frame, &used);
        if (err == TROUPE_LATER) {
            cr_assert_lt(end, size);
            cr_assert(at > 0 || end <= TR_LARGE_HEAD, "only its head is waited for");
            continue;
        }
        at += used;
        cr_assert_eq(at, end, "all that is here is taken");
        cr_assert_eq(frame.number, 5u);
        cr_assert_eq(piece.left, size - at);
        cr_assert_eq(frame.how, at < size ? TR_PART_GOES_ON : 0u);
        cr_assert(err == TROUPE_OK || at == size, "nothing is damaged before the end");
        memcpy(out + got, frame.tail, frame.tail_size);
        got += frame.tail_size;
    }
    cr_assert_eq(got, size - TR_LARGE_HEAD);
    return err;
}

Test(large, a_part_may_come_in_any_pieces_and_its_end_tells_whether_it_is_damaged) {
    enum { SIZE = 3000 };
    unsigned char part[TR_LARGE_HEAD + SIZE], got[SIZE];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        random_state = seed;
        for (size_t i = 0; i < SIZE; i++) part[TR_LARGE_HEAD + i] = byte_of(seed, i);
        tr_wire_store(part + TR_FRAME_HEAD - 1, TR_FRAME_PART, 1);
        tr_wire_store(part + TR_LARGE_HEAD - 8, 5, 8);
        tr_frame_seal(part, sizeof part);
        cr_assert_eq(in_pieces(part, sizeof part, got), TROUPE_OK);
        cr_assert_eq(memcmp(got, part + TR_LARGE_HEAD, SIZE), 0);
        part[TR_LARGE_HEAD + draw(SIZE)] ^= (unsigned char)(1u << draw(8));
        cr_assert_eq(in_pieces(part, sizeof part, got), TROUPE_DAMAGED);
    }
}

Test(large, what_is_no_part_is_no_piece_of_one) {
    unsigned char other[TR_LARGE_HEAD + 8] = {0};
    tr_piece piece = {0};
    tr_frame frame;
    size_t used;
    tr_wire_store(other + TR_FRAME_HEAD - 1, TR_FRAME_SEND, 1);
    tr_frame_seal(other, sizeof other);
    cr_assert_eq(tr_piece_get(&piece, other, sizeof other, &frame, &used), TROUPE_LATER);
    cr_assert_eq(piece.left, 0u);
}

/* --- Messages that their parts come in -------------------------------------------------------- */

struct load {
    uint64_t n;
    troupe_bytes bytes;
};
static const troupe_type load_type =
    TROUPE_TYPE(load, TROUPE_FIELD(load, n), TROUPE_FIELD(load, bytes));

/* One that is known to be of that type, whose body begins with so many bytes of a pattern. */
static tr_assembly *pass_as(const troupe_type *type, size_t size) {
    tr_assembly *it = put(1, size), *whole = NULL;
    it->type = type;
    while (!whole) whole = pass_one();
    cr_assert_eq(whole, it);
    return whole;
}

Test(large, one_of_a_known_type_comes_where_it_stays) {
    enum { SIZE = 3 * TR_PART_SIZE };
    const size_t takes = counting_heap_look(&heap).takes;
    tr_assembly *whole = pass_as(&load_type, SIZE);
    check(whole);
    const char *at = whole->head.tail, *message = (const char *)whole->landing;
    cr_assert_not_null(message);
    cr_assert(at > message && at + SIZE < message + tr_msg_size(whole->landing));
    cr_assert_leq(counting_heap_look(&heap).takes, takes + 7);
    tr_assembly_end(&set, whole);
}

Test(large, what_became_a_message_is_not_the_assemblys) {
    tr_assembly *whole = pass_as(&load_type, 2 * TR_PART_SIZE);
    troupe_msg *msg = whole->landing;
    whole->landing = NULL;
    tr_assembly_end(&set, whole);
    troupe_drop(&msg);
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* All of one message, which is then handled. */
static void pass(size_t size) {
    tr_assembly *whole = NULL;
    (void)put(1, size);
    while (!whole) whole = pass_one();
    check(whole);
    tr_assembly_end(&set, whole);
}

Test(large, what_is_done_with_is_room_for_the_next_ones) {
    enum { SIZE = 3 * TR_PART_SIZE, BODIES = 2 };
    pass(SIZE);
    const counting_heap_state before = counting_heap_look(&heap);
    cr_assert_geq(larges.spare.bytes, (size_t)SIZE);
    for (unsigned i = 0; i < 10; i++) pass(SIZE - i);
    cr_assert_eq(counting_heap_look(&heap).takes, before.takes + 3 * 10, "none at the sender");
    cr_assert_eq(counting_heap_look(&heap).bytes, before.bytes);
    pass(SIZE + TR_PART_SIZE); /* does not fit */
    cr_assert_geq(larges.spare.bytes, (size_t)BODIES * SIZE + TR_PART_SIZE);
    for (unsigned i = 0; i < 2; i++) tr_spare_trim(&larges.spare);
    cr_assert_eq(larges.spare.bytes, 0u, "and when there are none, it goes");
}

Test(large, of_the_largest_nothing_is_kept) {
    pass(TR_LARGE_SPARE + 1 - TR_LARGE_HEAD);
    cr_assert_eq(larges.spare.bytes, 0u);
}

Test(large, without_memory_nothing_is_begun) {
    char why[160];
    unsigned char total[8];
    tr_assembly *it;
    for (size_t nth = 1; nth <= 2; nth++) {
        counting_heap_fail(&heap, nth, 0);
        cr_assert_null(tr_large_make(&heap.heap, 1, tr_larges_room(&larges, 1)));
        counting_heap_fail(&heap, 0, 0);
    }
    tr_wire_store(total, LIMIT, 8);
    const tr_frame frame = {.kind = TR_FRAME_LARGE, .number = 1, .tail = total, .tail_size = 8};
    for (size_t nth = 1; nth <= 2; nth++) {
        counting_heap_fail(&heap, nth, 0);
        cr_assert_eq(tr_assembly_begin(&set, &frame, LIMIT, &it, why, sizeof why), TROUPE_NOMEM);
        counting_heap_fail(&heap, 0, 0);
    }
    cr_assert_eq(set.bytes, 0u);
    cr_assert_eq(tr_assembly_begin(&set, &frame, LIMIT, &it, why, sizeof why), TROUPE_OK);
    const tr_frame part = {.kind = TR_FRAME_PART, .number = 1, .tail = "x", .tail_size = 1};
    counting_heap_fail(&heap, 1, 0);
    cr_assert_eq(tr_assembly_add(&set, &part, &it, why, sizeof why), TROUPE_NOMEM);
    counting_heap_fail(&heap, 0, 0);
}
