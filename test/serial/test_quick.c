/* What is read in one go is just what the careful way makes of it; test/fuzz/fuzz_serial.c holds
 * that against any bytes. */
#include "serial/quick.h"

#include <criterion/criterion.h>
#include <string.h>

#include "serial/codec.h"
#include "serial/compare.h"
#include "serial/envelope.h"
#include "test/serial/drawing.h"
#include "test/serial/order.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};

static void begin(void) {
    counting_heap_init(&heap);
}

static void end(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(quick, .timeout = 30, .init = begin, .fini = end);

/* Reads a copy that ends where its memory ends, both ways. */
static troupe_err read(const troupe_type *type, const void *bytes, size_t size) {
    troupe_msg *quick = NULL, *any = NULL;
    unsigned char *copy = malloc(size ? size : 1);
    cr_assert_not_null(copy);
    if (size) memcpy(copy, bytes, size);
    troupe_err err = tr_quick(&pool, type, copy, size, &quick);
    cr_assert(err == TROUPE_OK || err == TROUPE_LATER);
    cr_assert_eq(counting_heap_look(&heap).blocks, err ? 0u : 1u);
    troupe_err other = tr_unpack_any(&pool, type, copy, size, &any, NULL, 0);
    cr_assert(err || !other, "it takes what is flawed");
    free(copy); /* nothing of it is referred to */
    if (quick) {
        cr_assert(tr_body_same(type, tr_msg_body(quick), tr_msg_body(any)));
        cr_assert_eq(tr_msg_size(quick), tr_msg_size(any));
    }
    troupe_drop(&quick);
    troupe_drop(&any);
    return err;
}

Test(quick, reads_the_samples) {
    cr_assert_eq(read(&order_type, order_bytes, ORDER_SIZE), TROUPE_OK);
    cr_assert_eq(read(&sample_type, sample_bytes, sizeof sample_bytes), TROUPE_OK);
    cr_assert_eq(read(&drawing_type, drawing_bytes, DRAWING_SIZE), TROUPE_OK);
}

Test(quick, leaves_what_is_cut_or_has_a_rest) {
    unsigned char longer[ORDER_SIZE + 1] = {0};
    memcpy(longer, order_bytes, ORDER_SIZE);
    for (size_t size = 0; size < ORDER_SIZE; size++)
        cr_assert_eq(read(&order_type, order_bytes, size), TROUPE_LATER);
    cr_assert_eq(read(&order_type, longer, sizeof longer), TROUPE_LATER);
}

/* How many of all changes of one byte it takes. */
static size_t change(const troupe_type *type, const char *bytes, size_t size) {
    unsigned char changed[ORDER_SIZE + DRAWING_SIZE];
    size_t quick = 0;
    for (size_t at = 0; at < size; at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(changed, bytes, size);
            changed[at] = (unsigned char)byte;
            quick += !read(type, changed, size);
        }
    return quick;
}

Test(quick, makes_the_same_of_every_change_of_a_byte) {
    cr_assert_gt(change(&order_type, order_bytes, ORDER_SIZE), 1000u);
    cr_assert_gt(change(&drawing_type, drawing_bytes, DRAWING_SIZE), 1000u);
}

/* --- Integers --------------------------------------------------------------------------------- */

struct numbers {
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
};
static const troupe_type numbers_type =
    TROUPE_TYPE(numbers, TROUPE_FIELD(numbers, i8), TROUPE_FIELD(numbers, i16),
                TROUPE_FIELD(numbers, i32), TROUPE_FIELD(numbers, i64), TROUPE_FIELD(numbers, u8),
                TROUPE_FIELD(numbers, u16), TROUPE_FIELD(numbers, u32), TROUPE_FIELD(numbers, u64));

/* A value of each field in turn, in each form that it can have, the others 0. */
Test(quick, takes_each_integer_that_fits_and_no_other) {
    static const int64_t edges[] = {
        0,        1,     127,       128,       255,        256,       32767,     32768,
        65535,    65536, INT32_MAX, 1LL << 31, UINT32_MAX, 1LL << 32, INT64_MAX, -1,
        -32,      -33,   -128,      -129,      -32768,     -32769,    INT32_MIN, -1LL - (1LL << 31),
        INT64_MIN};
    size_t quick = 0;
    for (size_t field = 0; field < 8; field++)
        for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
            for (unsigned lead = 0xCC; lead <= 0xD3; lead++) {
                unsigned char bytes[32] = {0x98};
                size_t at = 1 + field, width = (size_t)1 << (lead & 3);
                bytes[at++] = (unsigned char)lead;
                for (size_t n = width; n-- > 0;)
                    bytes[at++] = (unsigned char)((uint64_t)edges[i] >> 8 * n);
                at += 7 - field;
                troupe_msg *msg = NULL;
                troupe_err err = read(&numbers_type, bytes, at);
                troupe_err any = tr_unpack_any(&pool, &numbers_type, bytes, at, &msg, NULL, 0);
                cr_assert_eq(err == TROUPE_OK, any == TROUPE_OK, "field %zu, %d as %x", field,
                             (int)edges[i], lead);
                troupe_drop(&msg);
                quick += !err;
            }
    cr_assert_gt(quick, 300u);
}

/* --- Its limits ------------------------------------------------------------------------------- */

struct bulk {
    TROUPE_MANY(const char *) texts;
    troupe_bytes rest;
};
static const troupe_type bulk_type =
    TROUPE_TYPE(bulk, TROUPE_LIST(bulk, texts), TROUPE_FIELD(bulk, rest));
static char rest[TR_QUICK_MOST];

/* Packs a bulk and reads it; whichever way it goes, it is read. */
static troupe_err read_bulk(size_t texts, size_t bytes) {
    static const char *none[TR_QUICK_POINTERS + 1];
    const struct bulk bulk = {{none, texts}, {rest, bytes}};
    tr_buffer out = {.heap = &heap.heap};
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_pack(&bulk_type, &bulk, SIZE_MAX, &out), TROUPE_OK);
    void *copy = malloc(out.size);
    const size_t size = out.size;
    cr_assert_not_null(copy);
    memcpy(copy, out.data, size);
    tr_buffer_fini(&out);
    troupe_err err = read(&bulk_type, copy, size);
    cr_assert_eq(tr_unpack(&pool, &bulk_type, copy, size, &msg, NULL, 0), TROUPE_OK);
    cr_assert(tr_body_same(&bulk_type, tr_msg_body(msg), &bulk));
    troupe_drop(&msg);
    free(copy);
    return err;
}

Test(quick, takes_as_many_pointers_as_it_has_places_for) {
    cr_assert_eq(read_bulk(0, 0), TROUPE_OK);
    cr_assert_eq(read_bulk(TR_QUICK_POINTERS - 2, 0), TROUPE_OK); /* the list, the bytes */
    cr_assert_eq(read_bulk(TR_QUICK_POINTERS - 1, 0), TROUPE_LATER);
}

Test(quick, takes_as_much_as_it_has_room_for) {
    const size_t most = TR_QUICK_MOST - sizeof(struct bulk);
    cr_assert_eq(read_bulk(0, most), TROUPE_OK);
    cr_assert_eq(read_bulk(0, most + 1), TROUPE_LATER);
    cr_assert_eq(read_bulk(1, most - 9), TROUPE_OK);
    cr_assert_eq(read_bulk(1, most - 8), TROUPE_LATER);
}

Test(quick, says_that_there_is_no_memory) {
    troupe_msg *msg = NULL;
    char why[64] = "";
    counting_heap_fail(&heap, 1, 0);
    cr_assert_eq(tr_unpack(&pool, &order_type, order_bytes, ORDER_SIZE, &msg, why, sizeof why),
                 TROUPE_NOMEM);
    cr_assert_null(msg);
    cr_assert_eq(strncmp(why, "order: ", 7), 0);
    cr_assert_eq(counting_heap_look(&heap).refused, 1u, "it is not tried twice");
}
