#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "serial/time.h"

TestSuite(time, .timeout = 20);

/* The forms as msgpack's specification has them, at their edges. */
static const struct {
    troupe_time time;
    const char *bytes;
    size_t size;
} forms[] = {
    {{0, 0}, "\xd6\xff\0\0\0\0", 6},
    {{1700000000, 0}, "\xd6\xff\x65\x53\xf1\0", 6},
    {{UINT32_MAX, 0}, "\xd6\xff\xff\xff\xff\xff", 6},
    {{0, 1}, "\xd7\xff\0\0\0\4\0\0\0\0", 10},
    {{INT64_C(1) << 32, 0}, "\xd7\xff\0\0\0\1\0\0\0\0", 10},
    {{(INT64_C(1) << 34) - 1, 999999999}, "\xd7\xff\xee\x6b\x27\xff\xff\xff\xff\xff", 10},
    {{INT64_C(1) << 34, 0}, "\xc7\x0c\xff\0\0\0\0\0\0\0\4\0\0\0\0", 15},
    {{-1, 999999999}, "\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff\xff", 15},
    {{INT64_MIN, 0}, "\xc7\x0c\xff\0\0\0\0\x80\0\0\0\0\0\0\0", 15},
    {{INT64_MAX, 1}, "\xc7\x0c\xff\0\0\0\1\x7f\xff\xff\xff\xff\xff\xff\xff", 15},
};

/* Reads a copy that ends where its memory ends. */
static tr_time_got read(const char *bytes, size_t left, troupe_time *time, size_t *size) {
    unsigned char *copy = malloc(left ? left : 1);
    memcpy(copy, bytes, left);
    tr_time_got got = tr_time_read(copy, left, time, size);
    free(copy);
    return got;
}

Test(time, goes_both_ways_in_the_shortest_form) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        unsigned char out[TR_TIME_SIZE_MOST];
        troupe_time time = {1, 1};
        size_t size = 0;
        cr_assert_eq(tr_time_write(forms[i].time, out), forms[i].size, "%zu", i);
        cr_assert_eq(memcmp(out, forms[i].bytes, forms[i].size), 0, "%zu", i);
        cr_assert_eq(read(forms[i].bytes, forms[i].size, &time, &size), TR_TIME_READ);
        cr_assert_eq(size, forms[i].size);
        cr_assert_eq(time.seconds, forms[i].time.seconds, "%zu", i);
        cr_assert_eq(time.nanoseconds, forms[i].time.nanoseconds, "%zu", i);
        for (size_t left = 0; left < forms[i].size; left++)
            cr_assert_eq(read(forms[i].bytes, left, &time, &size), TR_TIME_CUT);
    }
}

Test(time, a_longer_form_than_needed_is_read_too) {
    troupe_time time;
    size_t size = 0;
    cr_assert_eq(read("\xd7\xff\0\0\0\0\0\0\0\7", 10, &time, &size), TR_TIME_READ);
    cr_assert(time.seconds == 7 && time.nanoseconds == 0 && size == 10);
    cr_assert_eq(read("\xc7\x0c\xff\0\0\0\0\0\0\0\0\0\0\0\7", 15, &time, &size), TR_TIME_READ);
    cr_assert(time.seconds == 7 && time.nanoseconds == 0 && size == 15);
}

Test(time, what_is_none_is_not_read) {
    static const char *const others[] = {
        "\xd6\x01\0\0\0\0",                             /* another type */
        "\xd7\xfe\0\0\0\0\0\0\0\0",                     /* another type */
        "\xd4\xff\0",                                   /* another size */
        "\xd5\xff\0\0",                                 /* another size */
        "\xd8\xff\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",       /* another size */
        "\xc7\x08\xff\0\0\0\0\0\0\0\0\0\0\0\0",         /* a size that has a form of its own */
        "\xc7\x0c\x00\0\0\0\0\0\0\0\0\0\0\0\0",         /* another type */
        "\xc8\x00\x0c\xff\0\0\0\0\0\0\0\0\0\0\0\0",     /* another head */
        "\xd7\xff\xee\x6b\x28\0\0\0\0\0",               /* a second's worth of nanoseconds */
        "\xc7\x0c\xff\x3b\x9a\xca\0\0\0\0\0\0\0\0\0",   /* the same */
        "\xc7\x0c\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0", /* and more */
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        troupe_time time;
        size_t size = 0;
        unsigned char bytes[20] = {0};
        size_t there = i == 2 ? 3 : i == 3 ? 4 : i == 0 ? 6 : 15;
        memcpy(bytes, others[i], there > 10 && (i == 1 || i == 8) ? 10 : there);
        cr_expect_eq(tr_time_read(bytes, there, &time, &size), TR_TIME_NONE, "%zu", i);
    }
}
