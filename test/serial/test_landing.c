/* Bodies that become a message where they came. */
#include <criterion/criterion.h>
#include <string.h>

#include "serial/codec.h"
#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/scan.h"
#include "test/support/counting_heap.h"

struct crate {
    uint64_t n;
    const char *name;
    troupe_bytes first;
    TROUPE_MANY(troupe_bytes) more;
    troupe_bytes last;
};
static const troupe_type crate_type =
    TROUPE_TYPE(crate, TROUPE_FIELD(crate, n), TROUPE_FIELD(crate, name),
                TROUPE_FIELD(crate, first), TROUPE_LIST(crate, more), TROUPE_FIELD(crate, last));

enum { STAYS = TR_STAYS_LEAST, LARGE = 100000 };

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};
static tr_buffer packed;
static char bytes[LARGE + 1], text[4096];
static char why[96];
static unsigned char *at; /* where the last one came */

static void open_heap(void) {
    counting_heap_init(&heap);
    packed = (tr_buffer){.heap = &heap.heap};
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7 + (i >> 9));
}

static void close_heap(void) {
    tr_buffer_fini(&packed);
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(landing, .timeout = 30, .init = open_heap, .fini = close_heap);

/* A crate whose name has so many bytes, and its other fields, too. */
static struct crate crate_of(size_t name, size_t first, size_t last) {
    memset(text, 'x', name);
    text[name] = '\0';
    return (struct crate){.n = 7, .name = text, .first = {bytes, first}, .last = {bytes + 1, last}};
}

/* Packs it and has so much of it come. */
static troupe_msg *land(const struct crate *crate, size_t less) {
    troupe_msg *landing;
    packed.size = 0;
    cr_assert_eq(tr_pack(&crate_type, crate, SIZE_MAX, &packed), TROUPE_OK);
    packed.size -= less;
    cr_assert_eq(tr_landing_make(&pool, &crate_type, packed.size, &landing, &at), TROUPE_OK);
    memcpy(at, packed.data, packed.size);
    return landing;
}

/* It is the same message as from elsewhere; whether it has stayed. */
static bool lands(const struct crate *crate) {
    troupe_msg *landing = land(crate, 0), *msg;
    const troupe_msg *there = landing;
    const size_t takes = counting_heap_look(&heap).takes;
    cr_assert_eq(tr_unpack_landed(&pool, &landing, packed.size, &msg, why, sizeof why), TROUPE_OK,
                 "%s", why);
    const bool stayed = !landing;
    cr_assert_eq(stayed, msg == there);
    cr_assert_eq(counting_heap_look(&heap).takes, takes + !stayed);
    cr_assert(tr_body_same(&crate_type, crate, tr_msg_body(msg)));
    const char *end = (const char *)msg + tr_msg_size(msg) - sizeof(uint64_t); /* the trailer */
    const struct crate *got = troupe_as(msg, &crate_type);
    cr_assert_eq(strlen(got->name), strlen(crate->name));
    cr_assert((const char *)got->last.data + got->last.size <= end);
    if (stayed && got->last.size >= STAYS)
        cr_assert_eq(got->last.data, at + packed.size - got->last.size, "where it came");
    troupe_drop(&landing);
    troupe_drop(&msg);
    return stayed;
}

Test(landing, what_is_large_stays) {
    const size_t sizes[] = {0, 1, STAYS - 1, STAYS, STAYS + 1, LARGE};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
            const struct crate crate = crate_of(0, sizes[i], sizes[j]);
            const size_t copied = 1 + (sizes[i] < STAYS ? sizes[i] : 0) +
                                  (sizes[j] < STAYS ? sizes[j] : 0);
            cr_assert_eq(lands(&crate), copied <= 1024, "%zu and %zu", sizes[i], sizes[j]);
        }
}

Test(landing, what_does_not_fit_in_front_moves_all_of_it) {
    for (size_t name = 1020; name < 1028; name++) {
        const struct crate crate = crate_of(name, LARGE, LARGE);
        cr_assert_eq(lands(&crate), name + 1 <= 1024, "%zu", name);
    }
}

Test(landing, each_value_of_a_list_stays_or_not_by_its_own_size) {
    const troupe_bytes more[] = {{bytes, STAYS}, {bytes + 3, 5}, {bytes, LARGE}, {bytes, 0}};
    struct crate crate = crate_of(10, 3, LARGE);
    crate.more.at = (void *)(uintptr_t)more;
    crate.more.count = sizeof more / sizeof *more;
    cr_assert(lands(&crate));
}

Test(landing, what_is_flawed_is_no_message_and_its_place_is_the_callers) {
    const struct crate crate = crate_of(10, STAYS, LARGE);
    const size_t less[] = {1, 2, LARGE - 1, LARGE, LARGE + 1, LARGE + STAYS};
    for (size_t i = 0; i < sizeof less / sizeof *less; i++) {
        troupe_msg *landing = land(&crate, less[i]), *msg;
        cr_assert_eq(tr_unpack_landed(&pool, &landing, packed.size, &msg, why, sizeof why),
                     TROUPE_MALFORMED);
        cr_assert(!msg && landing);
        troupe_drop(&landing);
    }
}

Test(landing, without_memory_there_is_none) {
    troupe_msg *landing;
    counting_heap_fail(&heap, 1, 0);
    cr_assert_eq(tr_landing_make(&pool, &crate_type, LARGE, &landing, &at), TROUPE_NOMEM);
    counting_heap_fail(&heap, 0, 0);
    cr_assert_null(landing);
    const size_t sizes[] = {TR_MSG_LIMIT, TR_MSG_LIMIT - 1024, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cr_assert_eq(tr_landing_make(&pool, &crate_type, sizes[i], &landing, &at), TROUPE_TOOBIG);
        cr_assert_null(landing);
    }
}
