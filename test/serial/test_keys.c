/* Keys that are there twice. */
#include "serial/keys.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <troupe/map.h>

TestSuite(keys, .timeout = 20);

typedef char name[8];

static tr_key key_at(const void *from, size_t at) {
    const char *it = (const char *)from + at * sizeof(name);
    return (tr_key){it, strlen(it)};
}

Test(keys, are_all_different) {
    static name names[TROUPE_MAP_KEYS];
    for (size_t i = 0; i < TROUPE_MAP_KEYS; i++) snprintf(names[i], sizeof names[i], "%zu", i);
    const size_t counts[] = {0, 1, 2, 3, 500, TROUPE_MAP_KEYS};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        cr_expect_eq(tr_keys_twice(counts[i], key_at, names), SIZE_MAX, "%zu", counts[i]);
}

/* Wherever the two are, the second is told; and a beginning is another key. */
Test(keys, are_found_if_they_are_there_twice) {
    static name names[64];
    for (size_t count = 2; count <= 64; count++)
        for (size_t first = 0; first + 1 < count; first += 7) {
            for (size_t i = 0; i < count; i++) snprintf(names[i], sizeof names[i], "%zu", i);
            strcpy(names[count - 1], names[first]);
            cr_expect_eq(tr_keys_twice(count, key_at, names), count - 1);
            cr_expect_eq(tr_keys_twice(count - 1, key_at, names), SIZE_MAX);
            strcat(names[count - 1], "x");
            cr_expect_eq(tr_keys_twice(count, key_at, names), SIZE_MAX);
        }
    const name empty[] = {"", "a", ""};
    cr_expect_eq(tr_keys_twice(2, key_at, empty), SIZE_MAX);
    cr_expect_eq(tr_keys_twice(3, key_at, empty), 2);
}
