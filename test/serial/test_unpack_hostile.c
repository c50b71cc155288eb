#include <criterion/criterion.h>
#include <msgpack.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "serial/codec.h"
#include "serial/envelope.h"
#include "serial/kind.h"
#include "test/serial/order.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

struct text {
    const char *s;
};

static const troupe_type text_type = TROUPE_TYPE(text, TROUPE_FIELD(text, s));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap}; /* direct: each message is a block of the heap */
static size_t accepted, refused;

/* Bytes are read from right below `edge`; there begins memory that can't be read. */
enum { BELOW = 1 << 20 };
static unsigned char *edge;

static void open_heap(void) {
    counting_heap_init(&heap);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *memory =
        mmap(NULL, BELOW + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(memory, MAP_FAILED);
    edge = (unsigned char *)memory + BELOW;
    cr_assert_eq(mprotect(edge, page, PROT_NONE), 0);
}

static void close_heap(void) {
    munmap(edge - BELOW, BELOW + (size_t)sysconf(_SC_PAGESIZE));
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(hostile, .timeout = 60, .init = open_heap, .fini = close_heap);

/* What was taken in is true: it says the same when packed and taken in again, and msgpack-c finds
 * just one object in the bytes that we took. */
static void check_accepted(const troupe_type *type, const void *bytes, size_t size,
                           const troupe_msg *msg) {
    msgpack_unpacked unpacked;
    size_t used = 0;
    msgpack_unpacked_init(&unpacked);
    int got = msgpack_unpack_next(&unpacked, bytes, size, &used);
    cr_assert(got == MSGPACK_UNPACK_SUCCESS && used == size);
    msgpack_unpacked_destroy(&unpacked);

    tr_buffer once = {.heap = &heap.heap}, twice = {.heap = &heap.heap};
    troupe_msg *again = NULL;
    cr_assert_eq(tr_pack(type, troupe_as(msg, type), SIZE_MAX, &once), TROUPE_OK);
    cr_assert_eq(tr_unpack(&pool, type, once.data, once.size, &again, NULL, 0), TROUPE_OK);
    cr_assert_eq(tr_pack(type, troupe_as(again, type), SIZE_MAX, &twice), TROUPE_OK);
    cr_assert_eq(once.size, twice.size);
    cr_assert_eq(memcmp(once.data, twice.data, once.size), 0);
    cr_assert_eq(tr_msg_size(msg), tr_msg_size(again));
    troupe_drop(&again);
    tr_buffer_fini(&once);
    tr_buffer_fini(&twice);
}

/* Unpacks a copy that ends where its memory ends. Either it goes well with one allocation of a size
 * that the bytes justify, or there is a reason and no allocation at all. */
static troupe_err feed(const troupe_type *type, const void *bytes, size_t size) {
    char why[128] = "";
    cr_assert_leq(size, BELOW);
    unsigned char *copy = edge - size;
    memcpy(copy, bytes, size);
    size_t takes = counting_heap_look(&heap).takes;
    troupe_msg *msg = (troupe_msg *)&heap;
    troupe_err err = tr_unpack(&pool, type, copy, size, &msg, why, sizeof why);
    takes = counting_heap_look(&heap).takes - takes;
    if (err) {
        cr_assert_eq(err, TROUPE_MALFORMED, "%d", (int)err);
        cr_assert_null(msg);
        cr_assert_eq(takes, 0);
        cr_assert_eq(strncmp(why, type->name, strlen(type->name)), 0);
        refused++;
    } else {
        cr_assert_eq(takes, 1);
        /* A byte becomes a byte and a NUL; in a list at most the largest value and its padding. */
        size_t spread = type == &order_type ? sizeof(struct line) + TR_LIST_ALIGN : 2;
        size_t most = sizeof *msg + type->size + size * spread + 8;
        cr_assert_leq(tr_msg_size(msg), rounded(most));
        check_accepted(type, copy, size, msg);
        troupe_drop(&msg);
        accepted++;
    }
    return err;
}

Test(hostile, headers_that_promise_what_is_not_there) {
    const char *const headers[] = {"\xdd\xff\xff\xff\xff", "\xdd\x20\x00\x00\x00",
                                   "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff",
                                   "\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xff"};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        unsigned char inside[64];
        cr_assert_eq(feed(&tick_type, headers[i], 5), TROUPE_MALFORMED);
        cr_assert_eq(feed(&sample_type, headers[i], 5), TROUPE_MALFORMED);
        /* ... and the same in place of each byte of something good */
        for (size_t at = 0; at < sizeof sample_bytes; at++) {
            memcpy(inside, sample_bytes, at);
            memcpy(inside + at, headers[i], 5);
            memcpy(inside + at + 5, sample_bytes + at, sizeof sample_bytes - at);
            cr_assert_eq(feed(&sample_type, inside, sizeof sample_bytes + 5), TROUPE_MALFORMED);
            cr_assert_eq(feed(&sample_type, inside, at + 5), TROUPE_MALFORMED);
        }
    }
    cr_assert_leq(counting_heap_look(&heap).largest, 512);
}

Test(hostile, nesting_of_any_depth) {
    enum { DEEP = 1 << 20 };
    static unsigned char bytes[DEEP];
    memset(bytes, 0x91, DEEP);
    const size_t depths[] = {2, 31, 32, 33, 155, DEEP};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        cr_assert_eq(feed(&text_type, bytes, depths[i]), TROUPE_MALFORMED);
        cr_assert_eq(feed(&sample_type, bytes, depths[i]), TROUPE_MALFORMED);
    }
    for (size_t at = 0; at + 5 <= 155; at += 5) memcpy(bytes + at, "\xdd\x20\x00\x00\x00", 5);
    cr_assert_eq(feed(&text_type, bytes, 155), TROUPE_MALFORMED);
    /* A ref is the only array within, and nothing nests in it. */
    unsigned char deep[sizeof sample_bytes + 2];
    memcpy(deep, sample_bytes, sizeof sample_bytes - 5);
    memcpy(deep + sizeof sample_bytes - 5, "\x92\x92\x01\x02\x92\x03\x04", 7);
    cr_assert_eq(feed(&sample_type, deep, sizeof deep), TROUPE_MALFORMED);
}

Test(hostile, a_good_message_cut_at_every_length) {
    for (size_t size = 0; size < sizeof sample_bytes; size++)
        cr_assert_eq(feed(&sample_type, sample_bytes, size), TROUPE_MALFORMED, "%zu", size);
    cr_assert_eq(feed(&sample_type, sample_bytes, sizeof sample_bytes), TROUPE_OK);
}

Test(hostile, trailing_bytes) {
    unsigned char longer[sizeof sample_bytes + 1];
    memcpy(longer, sample_bytes, sizeof sample_bytes);
    for (unsigned byte = 0; byte < 256; byte++) {
        longer[sizeof sample_bytes] = (unsigned char)byte;
        cr_assert_eq(feed(&sample_type, longer, sizeof longer), TROUPE_MALFORMED);
    }
}

Test(hostile, every_change_of_one_byte) {
    unsigned char changed[sizeof sample_bytes];
    for (size_t at = 0; at < sizeof sample_bytes; at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(changed, sample_bytes, sizeof changed);
            changed[at] = (unsigned char)byte;
            feed(&sample_type, changed, sizeof changed);
        }
    cr_assert_gt(accepted, 1000);
    cr_assert_gt(refused, 1000);
}

Test(hostile, every_change_of_a_byte_and_its_neighbour) {
    unsigned char changed[sizeof sample_bytes];
    size_t last = sizeof sample_bytes - 1;
    for (size_t at = 0; at < last; at += 7)
        for (unsigned pair = 0; pair < 1 << 16; pair += 5) {
            memcpy(changed, sample_bytes, sizeof changed);
            changed[at] = (unsigned char)(pair >> 8);
            changed[at + 1] = (unsigned char)pair;
            feed(&sample_type, changed, sizeof changed);
        }
}

/* The same for a body that nests. */
Test(hostile, an_order_cut_at_every_length_and_with_each_byte_changed) {
    unsigned char changed[ORDER_SIZE];
    for (size_t size = 0; size < ORDER_SIZE; size++)
        cr_assert_eq(feed(&order_type, order_bytes, size), TROUPE_MALFORMED, "%zu", size);
    cr_assert_eq(feed(&order_type, order_bytes, ORDER_SIZE), TROUPE_OK);
    for (size_t at = 0; at < ORDER_SIZE; at++)
        for (unsigned byte = 0; byte < 256; byte++) {
            memcpy(changed, order_bytes, ORDER_SIZE);
            changed[at] = (unsigned char)byte;
            feed(&order_type, changed, ORDER_SIZE);
        }
    cr_assert_gt(accepted, 1000);
    cr_assert_gt(refused, 10000);
}

Test(hostile, heads_that_promise_what_is_not_there_in_a_body_that_nests) {
    static const char *const heads[] = {"\xdd\xff\xff\xff\xff", "\xdd\x10\x00\x00\x00",
                                        "\xdc\xff\xff",         "\xdb\xff\xff\xff\xff",
                                        "\xc6\xff\xff\xff\xff", "\xc7\x0c\xff"};
    unsigned char inside[ORDER_SIZE + 5];
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        for (size_t at = 0; at <= ORDER_SIZE; at++) {
            size_t head = i == 2 || i == 5 ? 3 : 5;
            memcpy(inside, order_bytes, at);
            memcpy(inside + at, heads[i], head);
            memcpy(inside + at + head, order_bytes + at, ORDER_SIZE - at);
            cr_assert_eq(feed(&order_type, inside, ORDER_SIZE + head), TROUPE_MALFORMED);
            if (at + head == ORDER_SIZE) continue; /* then they are the end of the last number */
            cr_assert_eq(feed(&order_type, inside, at + head), TROUPE_MALFORMED);
        }
    cr_assert_leq(counting_heap_look(&heap).largest, 4096);
}

Test(hostile, every_input_of_up_to_two_bytes_and_many_of_three) {
    cr_assert_eq(feed(&text_type, "", 0), TROUPE_MALFORMED);
    for (unsigned bytes = 0; bytes < 1 << 16; bytes++) {
        const unsigned char two[] = {(unsigned char)(bytes >> 8), (unsigned char)bytes};
        const unsigned char three[] = {0x91, two[0], two[1]};
        feed(&tick_type, two, 1 + bytes % 2);
        feed(&text_type, two, 2);
        feed(&text_type, three, 3);
    }
    /* 90, met 128 times; 91 and a field of one byte that is odd, which tick does not know; 91 a0;
     * 91 a1 and one of 127 characters; 91 d9 00. */
    cr_assert_eq(accepted, 128 + (64 + 1 + 16) + 1 + 127 + 1, "%zu", accepted);
}

/* Several splices and changes at once, of a fixed sequence of pseudo-random numbers. */
Test(hostile, many_changes_at_once) {
    uint64_t seed = 88172645463325252u;
    for (int round = 0; round < 100000; round++) {
        unsigned char bytes[2 * sizeof sample_bytes];
        size_t size = sizeof sample_bytes;
        memcpy(bytes, sample_bytes, size);
        for (int change = 0; change < 4; change++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            size_t at = seed % size, length = 1 + (seed >> 8) % 4;
            if (seed >> 63 && size + length <= sizeof bytes) {
                memmove(bytes + at + length, bytes + at, size - at);
                size += length;
            } else if (seed >> 62 && at + length < size) {
                memmove(bytes + at, bytes + at + length, size - at - length);
                size -= length;
            } else {
                bytes[at] = (unsigned char)(seed >> 16);
            }
        }
        feed(&sample_type, bytes, size);
    }
}
