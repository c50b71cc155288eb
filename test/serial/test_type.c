#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "serial/envelope.h"
#include "serial/type.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"
#include "test/support/exhaust.h"

struct pair {
    uint32_t left;
    const char *right;
};

static const troupe_type pair_type =
    TROUPE_TYPE(pair, TROUPE_FIELD(pair, left), TROUPE_FIELD(pair, right));
static const troupe_type tick_type = TROUPE_SIGNAL_TYPE("tick");

TestSuite(type, .timeout = 20);

Test(type, sound_ones_are_sound) {
    char why[64] = "untouched";
    cr_assert_eq(tr_type_check(&sample_type, why, sizeof why), TROUPE_OK);
    cr_assert_eq(tr_type_check(&pair_type, why, sizeof why), TROUPE_OK);
    cr_assert_eq(tr_type_check(&tick_type, why, sizeof why), TROUPE_OK);
    cr_assert_str_eq(why, "untouched");
}

/* Each of these lists has one thing wrong with it. */
Test(type, says_what_is_not_sound) {
    static const troupe_field nameless[] = {FIELD("a", 0, TROUPE_U32), FIELD(NULL, 4, TROUPE_U32)};
    static const troupe_field empty[] = {FIELD("", 0, TROUPE_U32)};
    static const troupe_field kindless[] = {FIELD("a", 0, (troupe_kind)99)};
    static const troupe_field negative[] = {FIELD("a", 0, (troupe_kind)-1)};
    static const troupe_field outside[] = {FIELD("a", 0, TROUPE_U32), FIELD("b", 16, TROUPE_U64)};
    static const troupe_field across[] = {FIELD("a", 8, TROUPE_REF)};
    static const troupe_field wrapping[] = {FIELD("a", SIZE_MAX - 7, TROUPE_U64)};
    static const troupe_field crooked[] = {FIELD("a", 1, TROUPE_U32)};
    static const troupe_field overlapping[] = {FIELD("a", 8, TROUPE_U64),
                                               FIELD("b", 0, TROUPE_BYTES)};
    static const troupe_field inside[] = {FIELD("a", 0, TROUPE_REF), FIELD("b", 12, TROUPE_U32)};
    static const troupe_field twice[] = {FIELD("a", 0, TROUPE_U32), FIELD("a", 4, TROUPE_U32)};
    const struct {
        troupe_type type;
        const char *why;
    } cases[] = {
        {{NULL, 0, NULL, 0, 0}, "the type has no name"},
        {{"", 0, NULL, 0, 0}, "the type has no name"},
        {{"t", 16, NULL, 1, 0}, "t: has no field list"},
        {{"t", 16, NULL, 0, 0}, "t: has a struct of 16 bytes, but no fields"},
        {{"t", TR_MSG_LIMIT, outside, 1, 0}, "t: a struct of 1073741808 bytes is over the limit"},
        {{"t", SIZE_MAX, outside, 1, 0},
         "t: a struct of 18446744073709551615 bytes is over the limit"},
        {{"t", 16, nameless, 2, 0}, "t: field 2 has no name"},
        {{"t", 16, empty, 1, 0}, "t: field 1 has no name"},
        {{"t", 16, kindless, 1, 0}, "t.a: 99 is no kind"},
        {{"t", 16, negative, 1, 0}, "t.a: -1 is no kind"},
        {{"t", 16, outside, 2, 0}, "t.b: reaches out of the struct, which has 16 bytes"},
        {{"t", 16, across, 1, 0}, "t.a: reaches out of the struct, which has 16 bytes"},
        {{"t", 16, wrapping, 1, 0}, "t.a: reaches out of the struct, which has 16 bytes"},
        {{"t", 0, crooked, 1, 0}, "t.a: reaches out of the struct, which has 0 bytes"},
        {{"t", 16, crooked, 1, 0}, "t.a: offset 1 is not a multiple of 4"},
        {{"t", 16, overlapping, 2, 0}, "t.b: overlaps a"},
        {{"t", 16, inside, 2, 0}, "t.b: overlaps a"},
        {{"t", 16, twice, 2, 0}, "t.a: is listed twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[96] = "";
        cr_expect_eq(tr_type_check(&cases[i].type, why, sizeof why), TROUPE_INVALID, "%zu", i);
        cr_expect_str_eq(why, cases[i].why);
        cr_expect_eq(tr_type_check(&cases[i].type, NULL, 0), TROUPE_INVALID);
    }
    cr_assert_eq(tr_type_check(NULL, NULL, 0), TROUPE_INVALID);
}

Test(type, a_reason_is_cut_to_its_room) {
    char why[8];
    memset(why, '#', sizeof why);
    const troupe_type bad = {"t", 16, NULL, 0, 0};
    cr_assert_eq(tr_type_check(&bad, why, 5), TROUPE_INVALID);
    cr_assert_eq(memcmp(why, "t: h\0###", 8), 0);
    cr_assert_eq(tr_type_check(&bad, why, 0), TROUPE_INVALID);
    cr_assert_eq(memcmp(why, "t: h\0###", 8), 0);
}

/* The numbers are part of the wire format (docs/wire-format.md): they never change. */
Test(type, hash_is_the_documented_one) {
    cr_assert_eq(tr_type_hash(&tick_type), UINT64_C(0xf0c21df651cac0f8));
    cr_assert_eq(tr_type_hash(&pair_type), UINT64_C(0xfc54d37ca50d0ad6));
    cr_assert_eq(tr_type_hash(&sample_type), UINT64_C(0x51ce583fef91b4d8));
}

Test(type, hash_tells_apart_what_a_plain_chain_of_names_would_not) {
    static const troupe_field ab_c[] = {FIELD("ab", 0, TROUPE_U32), FIELD("c", 4, TROUPE_U32)};
    static const troupe_field a_bc[] = {FIELD("a", 0, TROUPE_U32), FIELD("bc", 4, TROUPE_U32)};
    static const troupe_field ab_i[] = {FIELD("ab", 0, TROUPE_I32), FIELD("c", 4, TROUPE_U32)};
    static const troupe_field c_ab[] = {FIELD("c", 0, TROUPE_U32), FIELD("ab", 4, TROUPE_U32)};
    static const troupe_field apart[] = {FIELD("ab", 0, TROUPE_U32), FIELD("c", 12, TROUPE_U32)};
    const troupe_type types[] = {
        {"t", 8, ab_c, 2, 0}, {"t", 8, a_bc, 2, 0},  {"t", 8, ab_i, 2, 0}, {"t", 8, c_ab, 2, 0},
        {"t", 8, ab_c, 1, 0}, {"ta", 8, ab_c, 2, 0}, {"t", 0, NULL, 0, 0}, {"tab", 0, NULL, 0, 0},
    };
    const size_t count = sizeof types / sizeof *types;
    for (size_t i = 0; i < count; i++) {
        cr_assert_neq(tr_type_hash(&types[i]), 0);
        for (size_t j = 0; j < i; j++) {
            cr_expect_neq(tr_type_hash(&types[i]), tr_type_hash(&types[j]), "%zu %zu", i, j);
            cr_expect_not(tr_type_same(&types[i], &types[j]), "%zu %zu", i, j);
        }
    }
    const troupe_type elsewhere = {"t", 16, apart, 2, 0}, wider = {"t", 16, ab_c, 2, 0};
    cr_assert_eq(tr_type_hash(&elsewhere), tr_type_hash(&types[0])); /* no layout on the wire */
    cr_assert_not(tr_type_same(&elsewhere, &types[0]));              /* but in memory */
    cr_assert_not(tr_type_same(&elsewhere, &wider));
}

Test(type, the_register_finds_what_was_added) {
    counting_heap heap;
    counting_heap_init(&heap);
    tr_types types;
    tr_types_init(&types, &heap.heap);
    cr_assert_eq(counting_heap_look(&heap).takes, 0);
    cr_assert_null(tr_types_find(&types, tr_type_hash(&pair_type)));
    cr_assert_eq(tr_types_add(&types, &pair_type), TROUPE_OK);
    cr_assert_eq(tr_types_add(&types, &tick_type), TROUPE_OK);
    size_t blocks = counting_heap_look(&heap).blocks;
    cr_assert_eq(tr_types_add(&types, &pair_type), TROUPE_OK); /* again does nothing */
    cr_assert_eq(counting_heap_look(&heap).blocks, blocks);
    cr_assert_eq(tr_types_find(&types, tr_type_hash(&pair_type)), &pair_type);
    cr_assert_eq(tr_types_find(&types, tr_type_hash(&tick_type)), &tick_type);
    cr_assert_null(tr_types_find(&types, tr_type_hash(&sample_type)));
    cr_assert_null(tr_types_find(&types, 0));
    tr_types_fini(&types);
    cr_assert(counting_heap_fini(&heap));
}

Test(type, a_name_stands_for_one_schema_and_one_layout) {
    static const troupe_field again[] = {TROUPE_FIELD(pair, left), TROUPE_FIELD(pair, right)};
    static const troupe_field other[] = {TROUPE_FIELD(pair, left)};
    static const troupe_field apart[] = {FIELD("left", 4, TROUPE_U32),
                                         FIELD("right", 8, TROUPE_TEXT)};
    const troupe_type twin = {"pair", sizeof(struct pair), again, 2, 0};
    const troupe_type rival = {"pair", sizeof(struct pair), other, 1, 0};
    const troupe_type moved = {"pair", sizeof(struct pair), apart, 2, 0};
    const troupe_type unsound = {"unsound", 4, apart, 1, 0};
    counting_heap heap;
    counting_heap_init(&heap);
    tr_types types;
    tr_types_init(&types, &heap.heap);
    cr_assert_eq(tr_types_add(&types, &pair_type), TROUPE_OK);
    cr_assert_eq(tr_types_add(&types, &twin), TROUPE_OK);
    cr_assert_eq(tr_types_find(&types, tr_type_hash(&twin)), &pair_type); /* the first one stays */
    cr_assert_eq(tr_types_add(&types, &rival), TROUPE_TAKEN);
    cr_assert_eq(tr_types_add(&types, &moved), TROUPE_TAKEN);
    cr_assert_eq(tr_types_add(&types, &unsound), TROUPE_INVALID);
    cr_assert_eq(tr_types_add(&types, NULL), TROUPE_INVALID);
    cr_assert_null(tr_types_find(&types, tr_type_hash(&rival)));
    tr_types_fini(&types);
    cr_assert(counting_heap_fini(&heap));
}

Test(type, a_hash_is_kept_and_makes_nothing_known) {
    counting_heap heap;
    counting_heap_init(&heap);
    tr_types types;
    tr_types_init(&types, &heap.heap);
    uint64_t hash = tr_type_hash(&pair_type);
    counting_heap_fail(&heap, 1, 1);
    cr_assert_eq(tr_types_hash(&types, &pair_type), hash); /* without memory, too */
    cr_assert_eq(tr_types_hash(&types, &pair_type), hash);
    counting_heap_fail(&heap, 2, 0);
    cr_assert_eq(tr_types_hash(&types, &pair_type), hash); /* room for the entry, none in the map */
    cr_assert_eq(counting_heap_look(&heap).blocks, 0);
    cr_assert_eq(tr_types_hash(&types, &pair_type), hash);
    size_t takes = counting_heap_look(&heap).takes;
    cr_assert_eq(tr_types_hash(&types, &pair_type), hash);
    cr_assert_eq(counting_heap_look(&heap).takes, takes);
    cr_assert_null(tr_types_find(&types, hash));
    cr_assert_eq(tr_types_add(&types, &pair_type), TROUPE_OK);
    cr_assert_eq(tr_types_find(&types, hash), &pair_type);
    tr_types_fini(&types);
    cr_assert(counting_heap_fini(&heap));
}

Test(type, adding_survives_the_failure_of_each_allocation) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        counting_heap heap;
        counting_heap_init(&heap);
        tr_types types;
        tr_types_init(&types, &heap.heap);
        exhaust_from(&x, &heap);
        troupe_err err = tr_types_add(&types, &pair_type);
        bool refused = exhaust_to(&x);
        cr_assert_eq(err, refused ? TROUPE_NOMEM : TROUPE_OK);
        if (refused) {
            cr_assert_null(tr_types_find(&types, tr_type_hash(&pair_type)));
            cr_assert_eq(tr_types_add(&types, &pair_type), TROUPE_OK); /* the next try goes well */
        }
        cr_assert_eq(tr_types_find(&types, tr_type_hash(&pair_type)), &pair_type);
        tr_types_fini(&types);
        cr_assert(counting_heap_fini(&heap));
        /* The entry, and a table for each of the two maps. */
        if (!refused) cr_assert_eq(x.nth, 4);
    }
}

enum { MANY = 300, THREADS = 4 };

static troupe_type many[MANY];
static char many_names[MANY][8];

static void *add_many(void *arg) {
    tr_types *types = arg;
    for (size_t i = 0; i < MANY; i++) {
        if (tr_types_add(types, &many[i])) return NULL;
        if (tr_types_find(types, tr_types_hash(types, &many[i])) != &many[i]) return NULL;
    }
    return arg;
}

Test(type, threads_may_add_the_same_types_at_once) {
    counting_heap heap;
    counting_heap_init(&heap);
    tr_types types;
    tr_types_init(&types, &heap.heap);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(many_names[i], sizeof many_names[i], "t%zu", i);
        many[i] = (troupe_type)TROUPE_SIGNAL_TYPE(many_names[i]);
    }
    pthread_t thread[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&thread[i], NULL, add_many, &types), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;
        pthread_join(thread[i], &result);
        cr_assert_eq(result, &types);
    }
    tr_types_fini(&types);
    cr_assert(counting_heap_fini(&heap));
}
