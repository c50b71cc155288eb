#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "serial/codec.h"
#include "serial/envelope.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"
#include "test/support/exhaust.h"

struct text {
    const char *s;
};
struct blob {
    troupe_bytes d;
};
struct ratio {
    double f;
};
struct numbers {
    int32_t i;
    int64_t j;
    uint32_t m;
    uint64_t n;
};

static const troupe_type text_type = TROUPE_TYPE(text, TROUPE_FIELD(text, s));
static const troupe_type blob_type = TROUPE_TYPE(blob, TROUPE_FIELD(blob, d));
static const troupe_type ratio_type = TROUPE_TYPE(ratio, TROUPE_FIELD(ratio, f));
static const troupe_type numbers_type =
    TROUPE_TYPE(numbers, TROUPE_FIELD(numbers, i), TROUPE_FIELD(numbers, j),
                TROUPE_FIELD(numbers, m), TROUPE_FIELD(numbers, n));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap}; /* direct: each message is a block of the heap */
static tr_buffer buffer;

static void open_heap(void) {
    counting_heap_init(&heap);
    buffer = (tr_buffer){.heap = &heap.heap};
}

static void close_heap(void) {
    tr_buffer_fini(&buffer);
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(codec, .timeout = 30, .init = open_heap, .fini = close_heap);

/* Packs into the empty buffer, and unpacks a copy that ends where its memory ends. */
static troupe_msg *round_trip(const troupe_type *type, const void *body) {
    char why[96] = "";
    troupe_msg *msg = NULL;
    buffer.size = 0;
    cr_assert_eq(tr_pack(type, body, SIZE_MAX, &buffer), TROUPE_OK);
    unsigned char *copy = malloc(buffer.size);
    memcpy(copy, buffer.data, buffer.size);
    size_t takes = counting_heap_look(&heap).takes;
    troupe_err err = tr_unpack(&pool, type, copy, buffer.size, &msg, why, sizeof why);
    cr_assert_eq(err, TROUPE_OK, "%s", why);
    cr_assert_eq(counting_heap_look(&heap).takes, takes + 1); /* one allocation */
    free(copy);                                               /* nothing points into it */
    return msg;
}

static void expect_bytes(const void *bytes, size_t size) {
    cr_assert_eq(buffer.size, size);
    cr_assert_eq(memcmp(buffer.data, bytes, size), 0);
}

Test(codec, every_kind_has_the_documented_bytes) {
    troupe_msg *msg = round_trip(&sample_type, &sample);
    expect_bytes(sample_bytes, sizeof sample_bytes);
    cr_assert(sample_equal(troupe_as(msg, &sample_type), &sample));
    cr_assert_eq(tr_msg_size(msg), rounded(sizeof *msg + 8 + sizeof sample + 4 + 2));
    troupe_drop(&msg);
}

Test(codec, a_signal_is_an_empty_array) {
    troupe_msg *msg = round_trip(&tick_type, NULL);
    expect_bytes("\x90", 1);
    cr_assert_not_null(troupe_as(msg, &tick_type));
    cr_assert_eq(tr_msg_size(msg), rounded(sizeof *msg + 8));
    troupe_drop(&msg);
}

Test(codec, numbers_survive_at_all_edges_and_take_the_fewest_bytes) {
    for (int bit = 0; bit < 64; bit++)
        for (int step = -1; step <= 1; step++) {
            uint64_t n = (UINT64_C(1) << bit) + (uint64_t)(int64_t)step;
            int64_t j = bit < 63 ? (int64_t)n : step < 0 ? INT64_MAX : INT64_MIN + step;
            const struct numbers all[] = {{(int32_t)j, j, (uint32_t)n, n},
                                          {(int32_t)~j, ~j, (uint32_t)~n, ~n}};
            for (size_t i = 0; i < 2; i++) {
                troupe_msg *msg = round_trip(&numbers_type, &all[i]);
                const struct numbers *body = troupe_as(msg, &numbers_type);
                cr_assert_eq(body->i, all[i].i);
                cr_assert_eq(body->j, all[i].j);
                cr_assert_eq(body->m, all[i].m);
                cr_assert_eq(body->n, all[i].n);
                troupe_drop(&msg);
            }
        }
    static const struct numbers low = {INT32_MIN, INT64_MIN, 0, 0};
    static const struct numbers high = {INT32_MAX, INT64_MAX, UINT32_MAX, UINT64_MAX};
    troupe_msg *msg = round_trip(&numbers_type, &low);
    expect_bytes("\x94\xd2\x80\0\0\0\xd3\x80\0\0\0\0\0\0\0\0\0", 17);
    troupe_drop(&msg);
    msg = round_trip(&numbers_type, &high);
    expect_bytes("\x94\xce\x7f\xff\xff\xff\xcf\x7f\xff\xff\xff\xff\xff\xff\xff\xce\xff\xff\xff\xff"
                 "\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
                 29);
    troupe_drop(&msg);
}

Test(codec, refs_survive_whole) {
    const troupe_ref refs[] = {TROUPE_NOBODY, {UINT64_MAX, UINT64_MAX - 1}, {1, UINT64_C(1) << 63}};
    for (size_t i = 0; i < sizeof refs / sizeof *refs; i++) {
        struct sample with = sample;
        with.who = refs[i];
        troupe_msg *msg = round_trip(&sample_type, &with);
        cr_assert(sample_equal(troupe_as(msg, &sample_type), &with), "%zu", i);
        troupe_drop(&msg);
    }
}

Test(codec, floats_survive_bit_by_bit) {
    const double values[] = {0.0, -0.0, 1.0 / 3.0, INFINITY, -INFINITY, NAN, 5e-324, 1e308};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct sample with = sample;
        with.ratio = values[i];
        with.on = false;
        troupe_msg *msg = round_trip(&sample_type, &with);
        cr_assert(sample_equal(troupe_as(msg, &sample_type), &with), "%zu", i);
        troupe_drop(&msg);
    }
}

Test(codec, a_float_of_4_bytes_is_taken_for_a_double) {
    troupe_msg *msg = NULL;
    const char bytes[] = "\x91\xca\xc0\x20\0";
    cr_assert_eq(tr_unpack(&pool, &ratio_type, bytes, sizeof bytes, &msg, NULL, 0), TROUPE_OK);
    cr_assert_eq(((const struct ratio *)troupe_as(msg, &ratio_type))->f, -2.5);
    troupe_drop(&msg);
}

Test(codec, texts_and_bytes_of_every_size_of_head) {
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536, 1 << 20};
    char *text = malloc((1 << 20) + 1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(text, 'x', sizes[i]);
        text[sizes[i]] = '\0';
        troupe_msg *msg = round_trip(&text_type, &(struct text){text});
        cr_assert_str_eq(((const struct text *)troupe_as(msg, &text_type))->s, text);
        cr_assert_eq(tr_msg_size(msg),
                     rounded(sizeof *msg + 8 + sizeof(struct text) + sizes[i] + 1));
        troupe_drop(&msg);

        msg = round_trip(&blob_type, &(struct blob){{text, sizes[i]}});
        const struct blob *blob = troupe_as(msg, &blob_type);
        cr_assert_eq(blob->d.size, sizes[i]);
        cr_assert_eq(memcmp(blob->d.data, text, sizes[i]), 0);
        cr_assert_eq(tr_msg_size(msg), rounded(sizeof *msg + 8 + sizeof *blob + sizes[i]));
        troupe_drop(&msg);
    }
    free(text);
}

Test(codec, nothing_is_sent_as_an_empty_text) {
    troupe_msg *msg = round_trip(&text_type, &(struct text){NULL});
    expect_bytes("\x91\xa0", 2);
    cr_assert_str_empty(((const struct text *)troupe_as(msg, &text_type))->s);
    troupe_drop(&msg);
    msg = round_trip(&blob_type, &(struct blob){{NULL, 0}});
    expect_bytes("\x91\xc4\0", 3);
    troupe_drop(&msg);
}

Test(codec, pack_appends) {
    cr_assert(tr_buffer_put(&buffer, "head", 4));
    cr_assert_eq(tr_pack(&tick_type, NULL, 1, &buffer), TROUPE_OK);
    cr_assert_eq(tr_pack(&text_type, &(struct text){"ab"}, 4, &buffer), TROUPE_OK);
    expect_bytes("head\x90\x91\xa2"
                 "ab",
                 9);
}

Test(codec, pack_keeps_to_the_limit_and_to_what_was_there) {
    cr_assert(tr_buffer_put(&buffer, "head", 4));
    for (size_t limit = 0; limit < sizeof sample_bytes; limit++) {
        cr_assert_eq(tr_pack(&sample_type, &sample, limit, &buffer), TROUPE_TOOBIG, "%zu", limit);
        expect_bytes("head", 4);
    }
    cr_assert_eq(tr_pack(&sample_type, &sample, sizeof sample_bytes, &buffer), TROUPE_OK);
    cr_assert_eq(buffer.size, 4 + sizeof sample_bytes);
}

/* Sizes that would wrap within 32 or 64 bits are refused before a byte of them is read. */
Test(codec, pack_refuses_sizes_of_another_world) {
    const size_t sizes[] = {TR_MSG_LIMIT, (size_t)UINT32_MAX + 3, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct blob huge = {{"", sizes[i]}};
        cr_assert_eq(tr_pack(&blob_type, &huge, SIZE_MAX, &buffer), TROUPE_TOOBIG);
        expect_bytes("", 0);
    }
}

Test(codec, pack_refuses_what_a_peer_would) {
    static const troupe_field kindless[] = {FIELD("a", 0, (troupe_kind)99)};
    const troupe_type unsound = {"unsound", 8, kindless, 1, 0};
    cr_assert(tr_buffer_put(&buffer, "head", 4));
    const struct text latin = {"caf\xE9"}, cut = {"caf\xC3"};
    cr_assert_eq(tr_pack(&text_type, &latin, SIZE_MAX, &buffer), TROUPE_INVALID);
    cr_assert_eq(tr_pack(&text_type, &cut, SIZE_MAX, &buffer), TROUPE_INVALID);
    cr_assert_eq(tr_pack(&blob_type, &(struct blob){{NULL, 1}}, 99, &buffer), TROUPE_INVALID);
    cr_assert_eq(tr_pack(&blob_type, NULL, 99, &buffer), TROUPE_INVALID);
    cr_assert_eq(tr_pack(&unsound, "12345678", 99, &buffer), TROUPE_INVALID);
    expect_bytes("head", 4);
}

Test(codec, pack_survives_the_failure_of_each_allocation) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        tr_buffer fresh = {.heap = &heap.heap};
        exhaust_from(&x, &heap);
        troupe_err err = tr_pack(&sample_type, &sample, SIZE_MAX, &fresh);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
        cr_assert_eq(fresh.size, refused ? 0 : sizeof sample_bytes);
        if (refused) cr_assert_eq(tr_pack(&sample_type, &sample, SIZE_MAX, &fresh), TROUPE_OK);
        cr_assert_eq(memcmp(fresh.data, sample_bytes, sizeof sample_bytes), 0);
        tr_buffer_fini(&fresh);
        cr_assert_eq(counting_heap_look(&heap).blocks, 0);
    }
}

Test(codec, unpack_survives_that_there_is_no_memory) {
    char why[64] = "";
    troupe_msg *msg = (troupe_msg *)&heap;
    counting_heap_fail(&heap, 1, SIZE_MAX);
    troupe_err err =
        tr_unpack(&pool, &sample_type, sample_bytes, sizeof sample_bytes, &msg, why, sizeof why);
    cr_assert_eq(err, TROUPE_NOMEM);
    cr_assert_null(msg);
    cr_assert_str_eq(why, "sample: out of memory");
    cr_assert_eq(counting_heap_look(&heap).takes, 1);
}

Test(codec, unpack_refuses_a_message_over_the_limit_although_its_bytes_are_not) {
    troupe_type wide = {"wide", TR_MSG_LIMIT - sizeof(troupe_msg), text_type.field, 1, 0};
    char why[64] = "";
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_unpack(&pool, &wide, "\x91\xa0", 2, &msg, why, sizeof why), TROUPE_TOOBIG);
    cr_assert_str_eq(why, "wide.s: the message would be over the limit");
    wide.size++;
    cr_assert_eq(tr_unpack(&pool, &wide, "\x91\xa0", 2, &msg, why, sizeof why), TROUPE_TOOBIG);
    cr_assert_str_eq(why, "wide: the message would be over the limit");
    wide.size -= 2; /* now only the sender's node finds no room */
    cr_assert_eq(tr_unpack(&pool, &wide, "\x91\xa0", 2, &msg, why, sizeof why), TROUPE_TOOBIG);
    cr_assert_str_eq(why, "wide: larger than the limit");
    cr_assert_eq(counting_heap_look(&heap).takes, 0);
}

Test(codec, a_buffer_grows_and_gives_everything_back) {
    for (unsigned i = 0; i < 1000; i++) {
        unsigned char byte = (unsigned char)i;
        cr_assert(tr_buffer_put(&buffer, &byte, 1));
    }
    for (unsigned i = 0; i < 1000; i++) cr_assert_eq(buffer.data[i], (unsigned char)i);
    cr_assert(tr_buffer_reserve(&buffer, 5000));
    cr_assert_geq(buffer.room, 6000);
    size_t takes = counting_heap_look(&heap).takes;
    cr_assert_leq(takes, 10);
    cr_assert(tr_buffer_reserve(&buffer, 5000)); /* was there already */
    cr_assert_eq(counting_heap_look(&heap).takes, takes);
    tr_buffer_fini(&buffer);
    cr_assert_eq(counting_heap_look(&heap).bytes, 0);
    cr_assert_null(buffer.data);
    cr_assert(tr_buffer_put(&buffer, "again", 5));
    expect_bytes("again", 5);
}

Test(codec, a_buffer_that_can_not_grow_is_as_it_was) {
    cr_assert(tr_buffer_put(&buffer, "12345678", 8));
    counting_heap_fail(&heap, 1, 0);
    cr_assert_not(tr_buffer_put(&buffer, "9", buffer.room - 7));
    expect_bytes("12345678", 8);
    cr_assert_not(tr_buffer_reserve(&buffer, SIZE_MAX));
    cr_assert(tr_buffer_put(&buffer, NULL, 0));
    expect_bytes("12345678", 8);
}
