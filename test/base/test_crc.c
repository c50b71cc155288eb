#include "base/crc.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

TestSuite(crc, .timeout = 20);

enum { MANY = 100000 };

static unsigned char *some_bytes(uint64_t seed) {
    unsigned char *bytes = malloc(MANY);
    cr_assert_not_null(bytes);
    for (size_t i = 0; i < MANY; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        bytes[i] = (unsigned char)(seed >> 40);
    }
    return bytes;
}

/* Of RFC 3720, appendix B.4, and the check value of the catalogues. */
Test(crc, the_known_ones_come_out) {
    unsigned char bytes[32];
    cr_assert_eq(tr_crc32c(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(tr_crc32c(0, "", 0), 0u);
    memset(bytes, 0, sizeof bytes);
    cr_assert_eq(tr_crc32c(0, bytes, sizeof bytes), 0x8a9136aau);
    memset(bytes, 0xff, sizeof bytes);
    cr_assert_eq(tr_crc32c(0, bytes, sizeof bytes), 0x62a8ab43u);
    for (unsigned char i = 0; i < 32; i++) bytes[i] = i;
    cr_assert_eq(tr_crc32c(0, bytes, sizeof bytes), 0x46dd794eu);
    cr_assert_eq(tr_crc32c_plain(0, bytes, sizeof bytes), 0x46dd794eu);
}

Test(crc, the_processor_and_the_table_agree_for_each_size_and_place) {
    unsigned char *bytes = some_bytes(1);
    for (size_t size = 0; size < 400; size++)
        for (size_t at = 0; at < 9; at++)
            cr_assert_eq(tr_crc32c(7, bytes + at, size), tr_crc32c_plain(7, bytes + at, size));
    for (size_t size = 12200; size < MANY - 8; size += 617)
        cr_assert_eq(tr_crc32c(0, bytes + size % 8, size),
                     tr_crc32c_plain(0, bytes + size % 8, size), "%zu", size);
    free(bytes);
}

Test(crc, parts_one_behind_the_other_are_the_whole) {
    unsigned char *bytes = some_bytes(2);
    uint32_t whole = tr_crc32c(0, bytes, MANY);
    for (size_t part = 0; part < MANY; part += 7919)
        cr_assert_eq(tr_crc32c(tr_crc32c(0, bytes, part), bytes + part, MANY - part), whole);
    free(bytes);
}

Test(crc, each_byte_that_is_another_is_found) {
    unsigned char bytes[64];
    memset(bytes, 0x5a, sizeof bytes);
    uint32_t right = tr_crc32c(0, bytes, sizeof bytes);
    for (size_t at = 0; at < sizeof bytes; at++)
        for (unsigned flip = 1; flip < 256; flip++) {
            bytes[at] ^= (unsigned char)flip;
            cr_assert_neq(tr_crc32c(0, bytes, sizeof bytes), right);
            bytes[at] ^= (unsigned char)flip;
        }
}
