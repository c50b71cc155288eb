/* Maps in messages: made, compared, read and shown. */
#include "serial/dict.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "serial/compare.h"
#include "serial/envelope.h"
#include "serial/type.h"
#include "test/serial/job.h"
#include "test/serial/sample.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};

static void open_heap(void) {
    counting_heap_init(&heap);
}

static void close_heap(void) {
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(dict, .timeout = 30, .init = open_heap, .fini = close_heap);

static troupe_msg *made(const struct job *body) {
    troupe_msg *msg = NULL;
    cr_assert_eq(tr_msg_make(&pool, &job_type, body, &msg), TROUPE_OK);
    return msg;
}

static const struct job *body_of(const troupe_msg *msg) {
    return troupe_as(msg, &job_type);
}

/* --- Made in one piece ------------------------------------------------------------------------ */

static size_t up(size_t size) {
    return (size + 7) / 8 * 8;
}

static void expect_inside(const troupe_msg *msg, const void *at, size_t size) {
    cr_expect_geq((uintptr_t)at, (uintptr_t)(msg + 1));
    cr_expect_leq((uintptr_t)at + size, (uintptr_t)msg + tr_msg_size(msg));
}

/* What the sample takes, added up by hand in the order in which it stands there. */
static size_t size_of_job(void) {
    size_t end = sizeof(troupe_msg) + sizeof(struct job) + sizeof "work";
    const size_t half = sizeof(troupe_entry) + sizeof "";
    end = up(end) + JOB_SETTINGS * sizeof(troupe_entry) + sizeof "z" + sizeof "yes" + sizeof "low";
    end += sizeof "small" + sizeof "high" + sizeof "half" + sizeof "h\xC3\xA9" + sizeof "text";
    end += sizeof "raw" + 2 + sizeof "when" + sizeof "list";
    end = up(end) + 3 * sizeof(troupe_any) + sizeof "in" + sizeof "a";
    end = up(end) + 2 * sizeof(troupe_entry) + sizeof "" + sizeof "none";
    end = up(end) + 2 * sizeof(troupe_map) + half;
    end = up(end) + half;
    end = up(end) + half;
    return up(end) + half;
}

Test(dict, is_copied_whole_into_one_allocation_of_just_its_size) {
    troupe_msg *msg = made(&job);
    cr_assert_eq(counting_heap_look(&heap).takes, 1);
    cr_assert_eq(tr_msg_size(msg), rounded(size_of_job()));
    const struct job *body = body_of(msg);
    cr_assert(tr_body_same(&job_type, body, &job));
    const troupe_map *map = &body->settings;
    expect_inside(msg, map->at, JOB_SETTINGS * sizeof *map->at);
    cr_expect_eq((uintptr_t)map->at % 8, 0);
    for (size_t i = 0; i < JOB_SETTINGS; i++) {
        cr_expect_str_eq(map->at[i].key, job_settings[i].key); /* in their order */
        expect_inside(msg, map->at[i].key, strlen(map->at[i].key) + 1);
    }
    expect_inside(msg, map->at[6].value.text, sizeof "text");
    expect_inside(msg, map->at[7].value.bytes.data, 2);
    expect_inside(msg, map->at[9].value.list.at, 3 * sizeof(troupe_any));
    cr_expect_eq((uintptr_t)map->at[9].value.list.at % 8, 0);
    expect_inside(msg, map->at[9].value.list.at[1].text, sizeof "in");
    cr_expect_null(map->at[9].value.list.at[2].list.at);
    expect_inside(msg, map->at[10].value.map.at, 2 * sizeof(troupe_entry));
    cr_expect_null(map->at[10].value.map.at[1].value.map.at);
    expect_inside(msg, body->rows.at[0].at, sizeof(troupe_entry));
    expect_inside(msg, body->two[1].at, sizeof(troupe_entry));
    expect_inside(msg, body->extra.value.at, sizeof(troupe_entry));
    expect_inside(msg, body->outcome.details.at, sizeof(troupe_entry));
    troupe_drop(&msg);
}

Test(dict, an_empty_one_takes_nothing_behind_the_struct) {
    troupe_msg *msg = made(&empty_job);
    cr_assert_eq(tr_msg_size(msg), rounded(sizeof *msg + sizeof(struct job) + 1));
    cr_assert_null(body_of(msg)->settings.at);
    troupe_drop(&msg);
}

Test(dict, is_a_kind_that_is_never_flat) {
    cr_assert_eq(job_type.extent, TROUPE_DEEP);
    cr_assert_not(tr_one_of_is_flat(&outcome_one_of));
    cr_assert_eq(troupe_check_type(&job_type, NULL, 0), TROUPE_OK);
    cr_assert_eq(tr_type_hash(&job_type), UINT64_C(0x02be8ef3e80fba1c));
}

/* --- What it can't be ------------------------------------------------------------------------- */

static troupe_err measure(const troupe_map *map) {
    size_t end = 0;
    return tr_dict_measure(map, &end);
}

static troupe_err measure_one(troupe_any value) {
    const troupe_entry entry = {"a", value};
    return measure(&(troupe_map){&entry, 1});
}

Test(dict, is_refused_if_it_is_not_all_there) {
    const troupe_entry no_key = {.key = NULL};
    cr_expect_eq(measure(&(troupe_map){NULL, 1}), TROUPE_INVALID);
    cr_expect_eq(measure(&(troupe_map){&no_key, 1}), TROUPE_INVALID);
    cr_expect_eq(measure_one((troupe_any){.is = TROUPE_IS_LIST, .list = {NULL, 1}}),
                 TROUPE_INVALID);
    cr_expect_eq(measure_one((troupe_any){.is = TROUPE_IS_MAP, .map = {NULL, 1}}), TROUPE_INVALID);
    cr_expect_eq(measure_one((troupe_any){.is = TROUPE_IS_BYTES, .bytes = {NULL, 1}}),
                 TROUPE_INVALID);
    cr_expect_eq(measure_one((troupe_any){.is = (troupe_sort)10}), TROUPE_INVALID);
    cr_expect_eq(measure_one((troupe_any){.is = TROUPE_IS_TEXT}), TROUPE_OK); /* "" */
    cr_expect_eq(measure_one((troupe_any){.is = TROUPE_IS_BYTES}), TROUPE_OK);
}

Test(dict, is_refused_if_it_is_too_large) {
    const size_t counts[] = {TR_MSG_LIMIT / sizeof(troupe_any) + 1, SIZE_MAX,
                             SIZE_MAX / sizeof(troupe_any) + 2};
    for (size_t i = 0; i < 3; i++)
        cr_expect_eq(measure_one((troupe_any){.is = TROUPE_IS_LIST, .list = {job_list, counts[i]}}),
                     TROUPE_TOOBIG);
    cr_expect_eq(measure_one((troupe_any){.is = TROUPE_IS_BYTES, .bytes = {"", TR_MSG_LIMIT}}),
                 TROUPE_TOOBIG);
    size_t end = TR_MSG_LIMIT;
    cr_expect_eq(tr_dict_measure(&job.settings, &end), TROUPE_TOOBIG);
}

Test(dict, has_no_key_twice_and_not_too_many) {
    static troupe_entry entry[TROUPE_MAP_KEYS + 1];
    static char key[TROUPE_MAP_KEYS + 1][8];
    for (size_t i = 0; i <= TROUPE_MAP_KEYS; i++) {
        snprintf(key[i], sizeof key[i], "%zu", i);
        entry[i].key = key[i];
    }
    cr_expect_eq(measure(&(troupe_map){entry, TROUPE_MAP_KEYS}), TROUPE_OK);
    cr_expect_eq(measure(&(troupe_map){entry, TROUPE_MAP_KEYS + 1}), TROUPE_INVALID);
    cr_expect_eq(measure(&(troupe_map){entry, SIZE_MAX}), TROUPE_INVALID);
    entry[TROUPE_MAP_KEYS - 1].key = "17";
    cr_expect_eq(measure(&(troupe_map){entry, TROUPE_MAP_KEYS}), TROUPE_INVALID);
    cr_expect_eq(measure(&(troupe_map){entry, TROUPE_MAP_KEYS - 1}), TROUPE_OK);
    entry[1].key = "0";
    cr_expect_eq(measure(&(troupe_map){entry, 2}), TROUPE_INVALID);
    struct job with = job;
    troupe_msg *msg = NULL;
    with.settings = (troupe_map){entry, 2};
    cr_expect_eq(tr_msg_make(&pool, &job_type, &with, &msg), TROUPE_INVALID);
    cr_expect_null(msg);
}

/* Maps in maps, or lists in a map, so many levels in all; a ring ends there too. */
Test(dict, has_eight_levels) {
    troupe_entry entry[TROUPE_MAP_LEVELS + 1];
    troupe_any value[TROUPE_MAP_LEVELS + 1];
    for (int levels = TROUPE_MAP_LEVELS; levels <= TROUPE_MAP_LEVELS + 1; levels++) {
        const troupe_err expected = levels > TROUPE_MAP_LEVELS ? TROUPE_INVALID : TROUPE_OK;
        entry[levels - 1] = (troupe_entry){"last", {.is = TROUPE_IS_I64}};
        value[levels - 1] = (troupe_any){.is = TROUPE_IS_I64};
        for (int i = levels - 2; i >= 0; i--) {
            entry[i] = (troupe_entry){"in", {.is = TROUPE_IS_MAP, .map = {&entry[i + 1], 1}}};
            value[i] = (troupe_any){.is = TROUPE_IS_LIST, .list = {&value[i + 1], 1}};
        }
        cr_expect_eq(measure(&(troupe_map){entry, 1}), expected, "%d", levels);
        cr_expect_eq(measure_one(value[0]), expected, "%d", levels);
    }
    entry[0] = (troupe_entry){"me", {.is = TROUPE_IS_MAP, .map = {entry, 1}}};
    value[0] = (troupe_any){.is = TROUPE_IS_LIST, .list = {value, 1}};
    cr_expect_eq(measure(&(troupe_map){entry, 1}), TROUPE_INVALID);
    cr_expect_eq(measure_one(value[0]), TROUPE_INVALID);
}

/* --- Side by side ----------------------------------------------------------------------------- */

/* Whether messages of two maps are equal; if so, their hashes must be. */
static bool equal(troupe_map a, troupe_map b) {
    struct job with = empty_job, other_with = empty_job;
    with.settings = a;
    other_with.settings = b;
    cr_expect_eq(tr_dict_same(&a, &b), tr_dict_same(&b, &a));
    troupe_msg *one = made(&with), *other = made(&other_with);
    const bool same = troupe_equal(one, other);
    cr_expect_eq(same, tr_dict_same(&a, &b)); /* a body and a message of it say the same */
    cr_expect_eq(troupe_hash(one) == troupe_hash(other), same);
    troupe_drop(&one);
    troupe_drop(&other);
    return same;
}

static bool equal_values(troupe_any a, troupe_any b) {
    const troupe_entry one = {"a", a}, other = {"a", b};
    return equal((troupe_map){&one, 1}, (troupe_map){&other, 1});
}

Test(dict, equals_what_has_the_same_values_by_the_same_keys_in_the_same_order) {
    troupe_entry copy[JOB_SETTINGS];
    memcpy(copy, job_settings, sizeof copy);
    cr_expect(equal(job.settings, (troupe_map){copy, JOB_SETTINGS}));
    cr_expect_not(equal(job.settings, (troupe_map){copy, JOB_SETTINGS - 1}));
    copy[0] = job_settings[1];
    copy[1] = job_settings[0];
    cr_expect_not(equal(job.settings, (troupe_map){copy, JOB_SETTINGS}));
    memcpy(copy, job_settings, sizeof copy);
    copy[4].key = "higher";
    cr_expect_not(equal(job.settings, (troupe_map){copy, JOB_SETTINGS}));
    for (size_t i = 0; i < JOB_SETTINGS; i++) {
        memcpy(copy, job_settings, sizeof copy);
        copy[i].value = job_settings[(i + 1) % JOB_SETTINGS].value;
        cr_expect_not(equal(job.settings, (troupe_map){copy, JOB_SETTINGS}), "%zu", i);
    }
}

Test(dict, equals_value_by_value) {
    const troupe_any zero = {.is = TROUPE_IS_F64, .f64 = 0.0};
    cr_expect(equal_values(zero, zero));
    cr_expect_not(equal_values(zero, (troupe_any){.is = TROUPE_IS_F64, .f64 = -0.0}));
    cr_expect_not(equal_values(zero, (troupe_any){.is = TROUPE_IS_I64}));
    cr_expect(equal_values((troupe_any){.is = TROUPE_IS_F64, .f64 = NAN},
                           (troupe_any){.is = TROUPE_IS_F64, .f64 = NAN}));
    cr_expect(equal_values((troupe_any){.is = TROUPE_IS_TEXT},
                           (troupe_any){.is = TROUPE_IS_TEXT, .text = ""}));
    cr_expect_not(equal_values((troupe_any){.is = TROUPE_IS_BYTES, .bytes = {"ab", 1}},
                               (troupe_any){.is = TROUPE_IS_BYTES, .bytes = {"ab", 2}}));
    cr_expect_not(equal_values((troupe_any){.is = TROUPE_IS_TIME, .time = {1, 2}},
                               (troupe_any){.is = TROUPE_IS_TIME, .time = {1, 3}}));
    cr_expect_not(equal_values((troupe_any){.is = TROUPE_IS_LIST, .list = {job_list, 2}},
                               (troupe_any){.is = TROUPE_IS_LIST, .list = {job_list, 3}}));
    cr_expect_not(equal_values((troupe_any){.is = TROUPE_IS_LIST, .list = {job_list, 1}},
                               (troupe_any){.is = TROUPE_IS_LIST, .list = {job_list + 1, 1}}));
}

/* As it would arrive from another node, where nobody knows which of the two it was. */
Test(dict, an_integer_that_can_be_signed_is) {
    const troupe_any five = {.is = TROUPE_IS_I64, .i64 = 5},
                     as_u64 = {.is = TROUPE_IS_U64, .u64 = 5};
    const troupe_any most = {.is = TROUPE_IS_U64, .u64 = INT64_MAX};
    const troupe_any over = {.is = TROUPE_IS_U64, .u64 = (uint64_t)INT64_MAX + 1};
    cr_expect(equal_values(five, as_u64));
    cr_expect(equal_values((troupe_any){.is = TROUPE_IS_I64, .i64 = INT64_MAX}, most));
    cr_expect_not(equal_values((troupe_any){.is = TROUPE_IS_I64, .i64 = INT64_MIN}, over));
    const troupe_entry entries[] = {{"five", as_u64}, {"over", over}};
    struct job with = empty_job;
    with.settings = (troupe_map){entries, 2};
    troupe_msg *msg = made(&with);
    cr_expect_eq(body_of(msg)->settings.at[0].value.is, TROUPE_IS_I64);
    cr_expect_eq(body_of(msg)->settings.at[1].value.is, TROUPE_IS_U64);
    troupe_drop(&msg);
}

/* --- Read and shown --------------------------------------------------------------------------- */

Test(dict, is_read_by_key) {
    const troupe_map *map = &job.settings;
    for (size_t i = 0; i < map->count; i++)
        cr_expect_eq(troupe_map_find(map, job_settings[i].key), &job_settings[i].value);
    cr_expect_null(troupe_map_find(map, "yess"));
    cr_expect_null(troupe_map_find(map, ""));
    cr_expect_null(troupe_map_find(&empty_job.settings, "yes"));
    cr_expect_null(troupe_map_find(NULL, "yes"));
    const troupe_map *inner = &troupe_map_find(map, "a")->map;
    cr_expect_eq(troupe_map_f64(inner, "", 1), 0.5);
}

Test(dict, says_otherwise_if_there_is_none_of_that_sort) {
    const troupe_map *map = &job.settings;
    cr_expect_str_eq(troupe_map_text(map, "h\xC3\xA9", "?"), "text");
    cr_expect_str_eq(troupe_map_text(map, "yes", "?"), "?");
    cr_expect_null(troupe_map_text(map, "missing", NULL));
    cr_expect_eq(troupe_map_i64(map, "low", 1), INT64_MIN);
    cr_expect_eq(troupe_map_i64(map, "small", 1), 5);
    cr_expect_eq(troupe_map_i64(map, "high", 1), 1); /* no int64_t is so high */
    cr_expect_eq(troupe_map_i64(map, "half", 1), 1);
    cr_expect_eq(troupe_map_i64(map, "missing", 1), 1);
    cr_expect_eq(troupe_map_f64(map, "half", 1), -0.5);
    cr_expect_eq(troupe_map_f64(map, "small", 1), 5);
    cr_expect_eq(troupe_map_f64(map, "high", 1), 18446744073709551616.0);
    cr_expect_eq(troupe_map_f64(map, "yes", 1), 1);
    cr_expect_eq(troupe_map_f64(map, "missing", 1), 1);
    cr_expect(troupe_map_bool(map, "yes", false));
    cr_expect(troupe_map_bool(map, "small", true));
    cr_expect_not(troupe_map_bool(map, "missing", false));
    const troupe_entry none = {"none", {.is = TROUPE_IS_TEXT}};
    const troupe_entry five = {"five", {.is = TROUPE_IS_U64, .u64 = 5}};
    cr_expect_str_eq(troupe_map_text(&(troupe_map){&none, 1}, "none", "?"), "");
    cr_expect_eq(troupe_map_i64(&(troupe_map){&five, 1}, "five", 1), 5);
}

Test(dict, is_shown_with_its_keys_in_quotes) {
    char text[600];
    struct job with = empty_job;
    with.settings = job.settings;
    with.two[0] = (troupe_map){job_settings + 8, 3};
    troupe_msg *msg = made(&with);
    (void)troupe_print(msg, text, sizeof text);
    cr_assert_str_eq(
        text, "job {what: \"\", settings: {\"z\": nil, \"yes\": true, \"low\": "
              "-9223372036854775808, \"small\": 5, \"high\": 18446744073709551615, \"half\": -0.5, "
              "\"h\xC3\xA9\": \"text\", \"raw\": 2 bytes 00ff, ... (11)}, rows: [], two: "
              "[{\"when\": 2023-11-14T22:13:20Z, \"list\": [nil, \"in\", []], \"a\": {\"\": 0.5, "
              "\"none\": {}}}, {}], extra: none, outcome: PENDING}");
    troupe_drop(&msg);
}
