#include "transport/checksum.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(checksum, .timeout = 20);

enum { MANY = 300000 };

static unsigned char *some_bytes(void) {
    unsigned char *bytes = malloc(MANY);
    cr_assert_not_null(bytes);
    uint64_t seed = 5;
    for (size_t i = 0; i < MANY; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(seed >> 40);
    }
    return bytes;
}

/* By the table, a byte at a time: another way, and slow. */
static void expect_as_plain(uint32_t before, const unsigned char *bytes, size_t size) {
    cr_assert_eq(tr_checksum(before, bytes, size), tr_crc32c_plain(before, bytes, size),
                 "%zu bytes", size);
}

Test(checksum, of_few_and_of_many_is_that_of_a_plain_table) {
    unsigned char *bytes = some_bytes();
    for (size_t size = 0; size < 1200; size++) expect_as_plain(0, bytes + size % 64, size);
    for (size_t size = 1200; size < MANY - 64; size = size * 17 / 16)
        expect_as_plain(0x12345678, bytes + size % 64, size);
    free(bytes);
}

Test(checksum, goes_on_from_any_byte) {
    unsigned char *bytes = some_bytes();
    const uint32_t whole = tr_checksum(0, bytes, MANY);
    for (size_t part = 0; part < MANY; part += 1 + part / 3) {
        const uint32_t before = tr_checksum(0, bytes, part);
        cr_assert_eq(tr_checksum(before, bytes + part, MANY - part), whole, "at %zu", part);
    }
    cr_assert_eq(tr_checksum(whole, bytes, 0), whole);
    free(bytes);
}

Test(checksum, each_bit_of_many_counts) {
    unsigned char *bytes = some_bytes();
    const uint32_t right = tr_checksum(0, bytes, 4096);
    for (size_t bit = 0; bit < 4096 * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        cr_assert_neq(tr_checksum(0, bytes, 4096), right, "bit %zu", bit);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes);
}
