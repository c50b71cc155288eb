/* What is packed in one go is, byte by byte, what pack.c makes of it. */
#include "serial/quick_pack.h"

#include <criterion/criterion.h>
#include <string.h>

#include "serial/codec.h"
#include "test/serial/drawing.h"
#include "test/serial/job.h"
#include "test/serial/order.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

static counting_heap heap;

static void begin(void) {
    counting_heap_init(&heap);
}

static void end(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(quick_pack, .timeout = 30, .init = begin, .fini = end);

enum { SPARE = TR_QUICK_PACK_SPARE };

/* Compares with what pack.c makes of it, which msgpack-c writes. */
static void compare(const troupe_type *type, const void *body) {
    unsigned char same[512];
    tr_buffer careful = {.heap = &heap.heap};
    cr_assert_eq(tr_pack(type, body, SIZE_MAX, &careful), TROUPE_OK); /* no room: the other way */
    const unsigned char *past = tr_quick_pack(type, body, same, sizeof same);
    cr_assert(past && (size_t)(past - same) == careful.size);
    cr_assert_eq(memcmp(same, careful.data, careful.size), 0);
    tr_buffer_fini(&careful);
}

/* Nothing is written behind the room, whether it is enough or not. */
static void pack_before_a_guard(const troupe_type *type, const void *body, size_t room) {
    static unsigned char bytes[2048];
    enum { GUARD = 512 };
    cr_assert_leq(room + GUARD, sizeof bytes);
    memset(bytes, 0xA5, room + GUARD);
    const unsigned char *past = tr_quick_pack(type, body, bytes, room);
    cr_assert(!past || past <= bytes + room);
    for (size_t i = room; i < room + GUARD; i++) cr_assert_eq(bytes[i], 0xA5);
}

/* Packs into just so much room, whose end a sanitizer sees; and compares. */
static void pack(const troupe_type *type, const void *body) {
    tr_buffer out = {.heap = &heap.heap}; /* no room: it is packed the other way */
    cr_assert_eq(tr_pack(type, body, SIZE_MAX, &out), TROUPE_OK);
    for (size_t room = 0; room <= out.size + SPARE; room++) {
        unsigned char *at = malloc(room ? room : 1);
        cr_assert_not_null(at);
        const unsigned char *past = tr_quick_pack(type, body, at, room);
        if (past) cr_assert_eq((size_t)(past - at), out.size);
        if (past) cr_assert_eq(memcmp(at, out.data, out.size), 0);
        cr_assert(past || room < out.size + SPARE, "%zu of %zu", room, out.size);
        free(at);
        pack_before_a_guard(type, body, room);
    }
    tr_buffer_fini(&out);
}

Test(quick_pack, writes_the_same_bytes_as_the_other_way) {
    pack(&order_type, &order);
    pack(&order_type, &empty_order);
    pack(&sample_type, &sample);
    pack(&drawing_type, &drawing);
    pack(&drawing_type, &empty_drawing);
    pack(&job_type, &job);
    pack(&job_type, &empty_job);
}

struct numbers {
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
};
static const troupe_type numbers_type =
    TROUPE_TYPE(numbers, TROUPE_FIELD(numbers, i8), TROUPE_FIELD(numbers, i16),
                TROUPE_FIELD(numbers, i32), TROUPE_FIELD(numbers, i64), TROUPE_FIELD(numbers, u8),
                TROUPE_FIELD(numbers, u16), TROUPE_FIELD(numbers, u32), TROUPE_FIELD(numbers, u64),
                TROUPE_FIELD(numbers, f32), TROUPE_FIELD(numbers, f64));

/* Around each power of 2, on both sides of 0, where msgpack has another form for a number. */
Test(quick_pack, numbers_of_every_form) {
    for (unsigned bits = 0; bits < 64; bits++)
        for (uint64_t near = 0; near < 80; near++) {
            const uint64_t number = (UINT64_C(1) << bits) + near - 40;
            float f32;
            double f64;
            memcpy(&f32, &number, sizeof f32);
            memcpy(&f64, &number, sizeof f64);
            const struct numbers up = {(int8_t)number,
                                       (int16_t)number,
                                       (int32_t)number,
                                       (int64_t)number,
                                       (uint8_t)number,
                                       (uint16_t)number,
                                       (uint32_t)number,
                                       number,
                                       f32,
                                       f64};
            const uint64_t minus = 0 - number;
            const struct numbers down = {
                (int8_t)minus,   (int16_t)minus,  (int32_t)minus, (int64_t)minus, (uint8_t)minus,
                (uint16_t)minus, (uint32_t)minus, minus,          -f32,           -f64};
            compare(&numbers_type, &up);
            compare(&numbers_type, &down);
        }
}

/* Whether there is little room or much, a body takes what it takes. */
Test(quick_pack, the_limit_is_exact) {
    unsigned char bytes[ORDER_SIZE + 64];
    for (size_t limit = 0; limit < ORDER_SIZE + SPARE; limit++) {
        tr_buffer out = {.data = bytes, .room = sizeof bytes};
        troupe_err err = tr_pack(&order_type, &order, limit, &out);
        cr_assert_eq(err, limit < ORDER_SIZE ? TROUPE_TOOBIG : TROUPE_OK, "%zu", limit);
        cr_assert_eq(out.size, err ? 0u : ORDER_SIZE);
    }
}

struct odd {
    const char *text;
    troupe_bytes bytes;
    troupe_time time;
};
static const troupe_type odd_type =
    TROUPE_TYPE(odd, TROUPE_FIELD(odd, text), TROUPE_FIELD(odd, bytes), TROUPE_FIELD(odd, time));

Test(quick_pack, leaves_what_is_flawed) {
    static const struct odd flawed[] = {{.text = "\xff"},
                                        {.text = "more than eight, then \xc0"},
                                        {.bytes = {NULL, 1}},
                                        {.time = {0, 1000000000}}};
    unsigned char room[256];
    for (size_t i = 0; i < sizeof flawed / sizeof *flawed; i++) {
        tr_buffer out = {.data = room, .room = sizeof room};
        cr_assert_null(tr_quick_pack(&odd_type, &flawed[i], room, sizeof room));
        cr_assert_eq(tr_pack(&odd_type, &flawed[i], SIZE_MAX, &out), TROUPE_INVALID);
    }
}

Test(quick_pack, leaves_flaws_in_one_ofs_and_maps) {
    static const struct amount nothing = {.how = NOBODY_KNOWS + 1};
    static const troupe_entry entries[] = {{"key", {.is = TROUPE_IS_TEXT, .text = "\xff"}}};
    struct drawing unknown = drawing;
    struct job flawed = job;
    unsigned char room[2 * JOB_SIZE];
    tr_buffer out = {.data = room, .room = sizeof room};
    unknown.amount = nothing;
    flawed.settings = (troupe_map){entries, 1};
    cr_assert_null(tr_quick_pack(&drawing_type, &unknown, room, sizeof room));
    cr_assert_eq(tr_pack(&drawing_type, &unknown, SIZE_MAX, &out), TROUPE_INVALID);
    cr_assert_null(tr_quick_pack(&job_type, &flawed, room, sizeof room));
    cr_assert_eq(tr_pack(&job_type, &flawed, SIZE_MAX, &out), TROUPE_INVALID);
}

/* What no type says that is known: neither way writes it. */
Test(quick_pack, refuses_what_is_no_kind_or_shape) {
    static const troupe_field odd_fields[] = {
        {"kind", 0, (troupe_kind)(TROUPE_NIL + 1), TROUPE_SHAPE_ONE, 8, 0, NULL, NULL},
        {"kind", 0, (troupe_kind)-1, TROUPE_SHAPE_ONE, 8, 0, NULL, NULL},
        {"kinds", 0, (troupe_kind)(TROUPE_NIL + 1), TROUPE_SHAPE_ARRAY, 8, 1, NULL, NULL}};
    unsigned char room[64];
    const uint64_t body = 0;
    for (size_t i = 0; i < sizeof odd_fields / sizeof *odd_fields; i++) {
        const troupe_type type = {"odd", 8, &odd_fields[i], 1, TROUPE_FLAT};
        tr_buffer out = {.data = room, .room = sizeof room};
        cr_assert_null(tr_quick_pack(&type, &body, room, sizeof room));
        cr_assert_eq(tr_pack(&type, &body, SIZE_MAX, &out), TROUPE_INVALID);
    }
}

/* Texts of each length around the words in which they are copied, and of other letters. */
Test(quick_pack, texts_of_every_length) {
    char text[80] = "";
    for (size_t size = 0; size < 70; size++) {
        text[size] = '\0';
        pack(&odd_type, &(struct odd){.text = text});
        if (size < 2) {
            text[size] = 'x';
            continue;
        }
        for (size_t at = 0; at + 1 < size; at++) { /* a letter of two bytes anywhere */
            char other[80];
            memcpy(other, text, size + 1);
            memcpy(other + at, "\xC3\xA9", 2);
            tr_buffer out = {.heap = &heap.heap};
            unsigned char room[200];
            const struct odd odd = {.text = other};
            cr_assert_eq(tr_pack(&odd_type, &odd, SIZE_MAX, &out), TROUPE_OK);
            const unsigned char *past = tr_quick_pack(&odd_type, &odd, room, sizeof room);
            cr_assert_not_null(past);
            cr_assert_eq(memcmp(room, out.data, out.size), 0);
            tr_buffer_fini(&out);
        }
        text[size] = 'x';
    }
}
