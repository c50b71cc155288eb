/* Builders: what is built on the way, what the message of it is, and which error stays. */
#include "serial/build.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "serial/compare.h"
#include "serial/dict.h"
#include "serial/envelope.h"
#include "test/serial/job.h"
#include "test/serial/order.h"
#include "test/support/counting_heap.h"

static counting_heap heap;
static const tr_pool pool = {.heap = &heap.heap};
static troupe_builder *b;
static troupe_msg *msg;

static void open_builder(void) {
    counting_heap_init(&heap);
    b = tr_build(&pool);
    cr_assert_not_null(b);
    msg = NULL;
}

static void close_builder(void) {
    troupe_drop(&msg);
    troupe_build_drop(&b);
    cr_assert_null(b);
    cr_assert(counting_heap_fini(&heap));
}

TestSuite(build, .timeout = 30, .init = open_builder, .fini = close_builder);

/* --- Parts ------------------------------------------------------------------------------------ */

Test(build, a_text_is_printed) {
    char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    const char *texts[4];
    texts[0] = troupe_build_text(b, "%d articles", 3);
    texts[1] = troupe_build_text(b, "%s", "");
    texts[2] = troupe_build_text(b, "%s", longer);
    texts[3] = troupe_build_text(b, "%.127s", longer);
    cr_assert_str_eq(texts[0], "3 articles");
    cr_assert_str_eq(texts[1], "");
    cr_assert_str_eq(texts[2], longer);
    cr_assert_eq(strlen(texts[3]), 127);
    for (size_t size = 120; size < 136; size++) /* as long as what is printed at once */
        cr_expect_eq(strlen(troupe_build_text(b, "%.*s", (int)size, longer)), size);
    cr_assert_eq(troupe_build_error(b), TROUPE_OK);
}

Test(build, a_text_grows_by_what_is_printed) {
    const char *text = NULL;
    char expected[6000] = "", longer[200];
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    for (int i = 0; i < 500; i++) {
        troupe_build_append(b, &text, "%d,", i);
        snprintf(expected + strlen(expected), 16, "%d,", i);
        cr_assert_str_eq(text, expected);
    }
    troupe_build_append(b, &text, "%s", longer);
    strcat(expected, longer);
    cr_assert_str_eq(text, expected);
    const char *of_others = "begun: ";
    troupe_build_append(b, &of_others, "%s", "on");
    troupe_build_append(b, &of_others, "%s", "");
    cr_assert_str_eq(of_others, "begun: on");
    cr_assert_eq(troupe_build_error(b), TROUPE_OK);
}

Test(build, bytes_are_copied_and_grow) {
    unsigned char data[] = {1, 2, 3}, expected[300];
    troupe_bytes copy = troupe_build_bytes(b, data, 3), grown = {NULL, 0}, none;
    data[0] = 9;
    cr_assert_eq(copy.size, 3);
    cr_assert_arr_eq(copy.data, "\1\2\3", 3);
    none = troupe_build_bytes(b, NULL, 0);
    cr_assert_eq(none.size, 0);
    for (size_t i = 0; i < sizeof expected; i++) {
        expected[i] = (unsigned char)i;
        troupe_build_append_bytes(b, &grown, &expected[i], 1);
    }
    troupe_build_append_bytes(b, &grown, NULL, 0);
    cr_assert_eq(grown.size, sizeof expected);
    cr_assert_arr_eq(grown.data, expected, sizeof expected);
    troupe_build_append_bytes(b, &copy, "\4", 1); /* a piece, which is no row: it is copied */
    cr_assert_arr_eq(copy.data, "\1\2\3\4", 4);
    cr_assert_eq(troupe_build_error(b), TROUPE_OK);
}

Test(build, a_list_grows_by_copies) {
    struct order with = {.id = 1};
    for (uint16_t i = 0; i < 1000; i++) {
        struct line line = {.article = troupe_build_text(b, "article %d", i), .number = i};
        for (int note = 0; note < i % 4; note++) {
            const char *text = troupe_build_text(b, "note %d.%d", i, note);
            TROUPE_ADD(b, line.notes, &text);
        }
        TROUPE_ADD(b, with.lines, &line);
        TROUPE_ADD(b, with.marks, &(uint8_t){(uint8_t)i});
        TROUPE_ADD(b, with.colours, &(enum colour){GREEN});
    }
    cr_assert_eq(troupe_build_make(b, &order_type, &with, &msg), TROUPE_OK);
    const struct order *body = troupe_as(msg, &order_type);
    cr_assert(tr_body_same(&order_type, body, &with));
    cr_assert_eq(body->lines.count, 1000);
    for (uint16_t i = 0; i < 1000; i++) {
        char text[20];
        snprintf(text, sizeof text, "article %d", i);
        cr_assert_str_eq(body->lines.at[i].article, text);
        cr_assert_eq(body->lines.at[i].number, i);
        cr_assert_eq(body->lines.at[i].notes.count, i % 4);
        snprintf(text, sizeof text, "note %d.2", i);
        if (i % 4 == 3) cr_assert_str_eq(body->lines.at[i].notes.at[2], text);
        cr_assert_eq(body->marks.at[i], (uint8_t)i);
    }
}

/* What somebody else has is copied first, and what was copied stays as it was. */
Test(build, a_list_is_nobody_elses) {
    static const uint8_t mine[] = {1, 2, 3};
    TROUPE_MANY(uint8_t) list = {mine, 3}, copy;
    TROUPE_ADD(b, list, &(uint8_t){4});
    cr_assert_arr_eq(list.at, "\1\2\3\4", 4);
    cr_assert_eq(mine[2], 3);
    copy.at = list.at;
    copy.count = list.count;
    TROUPE_ADD(b, list, &(uint8_t){5});
    TROUPE_ADD(b, copy, &(uint8_t){6});
    cr_assert_arr_eq(list.at, "\1\2\3\4\5", 5);
    cr_assert_arr_eq(copy.at, "\1\2\3\4\6", 5);
    copy.count = 0; /* begun again */
    TROUPE_ADD(b, copy, &(uint8_t){7});
    cr_assert_arr_eq(list.at, "\1\2\3\4\5", 5);
    cr_assert_arr_eq(copy.at, "\7", 1);
}

/* --- Maps ------------------------------------------------------------------------------------- */

/* Puts what is in the sample. */
static void put_settings(troupe_map *map) {
    char key[] = "z", text[] = "text", raw[] = "\0\xFF"; /* are copied */
    troupe_build_map(b, map);
    troupe_put_nil(b, key);
    troupe_put_bool(b, "yes", true);
    troupe_put_i64(b, "low", INT64_MIN);
    troupe_put_u64(b, "small", 5);
    troupe_put_u64(b, "high", UINT64_MAX);
    troupe_put_f64(b, "half", -0.5);
    troupe_put_text(b, "h\xC3\xA9", text);
    troupe_put_bytes(b, "raw", raw, 2);
    troupe_put_time(b, "when", (troupe_time){1700000000, 0});
    troupe_put_list(b, "list");
    troupe_put_nil(b, NULL);
    troupe_put_text(b, NULL, "in");
    troupe_put_list(b, NULL);
    troupe_put_end(b);
    troupe_put_end(b);
    troupe_put_map(b, "a");
    troupe_put_f64(b, "", 0.5);
    troupe_put_map(b, "none");
    troupe_put_end(b);
    troupe_put_end(b);
    troupe_put_end(b);
    key[0] = text[0] = raw[1] = '?';
}

Test(build, a_map_is_what_was_put_into_it) {
    struct job with = job;
    with.settings = (troupe_map){NULL, 0};
    put_settings(&with.settings);
    cr_assert_eq(troupe_build_make(b, &job_type, &with, &msg), TROUPE_OK);
    cr_assert(tr_body_same(&job_type, troupe_as(msg, &job_type), &job));
}

Test(build, a_map_goes_on_behind_what_it_has) {
    struct job with = {.settings = {job_settings, 2}};
    troupe_build_map(b, &with.settings);
    troupe_put_text(b, "more", NULL);
    troupe_put_end(b);
    troupe_build_map(b, &with.settings);
    for (int i = 0; i < 100; i++) troupe_put_i64(b, troupe_build_text(b, "n%d", i), i);
    troupe_put_end(b);
    cr_assert_eq(troupe_build_make(b, &job_type, &with, &msg), TROUPE_OK);
    const troupe_map *map = &((const struct job *)troupe_as(msg, &job_type))->settings;
    cr_assert_eq(map->count, 103);
    cr_assert_str_eq(map->at[0].key, job_settings[0].key);
    cr_assert_str_eq(troupe_map_text(map, "more", NULL), "");
    cr_assert_eq(troupe_map_i64(map, "n99", 0), 99);
    cr_assert_eq(job_settings[2].value.is, TROUPE_IS_I64); /* as it was */
}

Test(build, a_key_that_is_there_twice_is_told_by_the_making) {
    struct job with = {.what = ""};
    troupe_build_map(b, &with.settings);
    troupe_put_nil(b, "a");
    troupe_put_nil(b, "a");
    troupe_put_end(b);
    cr_assert_eq(troupe_build_make(b, &job_type, &with, &msg), TROUPE_INVALID);
    cr_assert_eq(troupe_build_error(b), TROUPE_OK);
    with.settings.count = 1; /* what was built is still there */
    cr_assert_eq(troupe_build_make(b, &job_type, &with, &msg), TROUPE_OK);
}

/* --- Errors ----------------------------------------------------------------------------------- */

static void nothing_open(troupe_map *map) {
    (void)map;
    troupe_put_nil(b, "a");
}
static void ended_too_often(troupe_map *map) {
    troupe_build_map(b, map);
    troupe_put_end(b);
    troupe_put_end(b);
}
static void no_key_in_a_map(troupe_map *map) {
    troupe_build_map(b, map);
    troupe_put_text(b, NULL, "a");
}
static void a_key_in_a_list(troupe_map *map) {
    troupe_build_map(b, map);
    troupe_put_list(b, "list");
    troupe_put_bytes(b, "a", "", 0);
}
static void two_maps_at_once(troupe_map *map) {
    troupe_build_map(b, map);
    troupe_build_map(b, map);
}
static void nine_levels(troupe_map *map) {
    troupe_build_map(b, map);
    troupe_put_list(b, "a");
    for (int level = 3; level <= TROUPE_MAP_LEVELS; level++) troupe_put_list(b, NULL);
    cr_assert_eq(troupe_build_error(b), TROUPE_OK);
    troupe_put_list(b, NULL);
}
static void bytes_without_address(troupe_map *map) {
    (void)map;
    (void)troupe_build_bytes(b, NULL, 1);
}
static void more_bytes_without_address(troupe_map *map) {
    troupe_bytes bytes = {NULL, 0};
    (void)map;
    troupe_build_append_bytes(b, &bytes, NULL, 1);
}
static void behind_bytes_without_address(troupe_map *map) {
    troupe_bytes bytes = {NULL, 1};
    (void)map;
    troupe_build_append_bytes(b, &bytes, "a", 1);
}
static void a_list_without_address(troupe_map *map) {
    map->count = 1;
    TROUPE_ADD(b, *map, job_settings);
}

/* After any of these nothing is built any more, and the making says why. */
Test(build, the_first_error_stays) {
    void (*const wrong[])(troupe_map * map) = {nothing_open,
                                               ended_too_often,
                                               no_key_in_a_map,
                                               a_key_in_a_list,
                                               two_maps_at_once,
                                               nine_levels,
                                               bytes_without_address,
                                               more_bytes_without_address,
                                               behind_bytes_without_address,
                                               a_list_without_address};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct job with = {.what = ""};
        const char *text = "kept";
        troupe_build_drop(&b);
        b = tr_build(&pool);
        wrong[i](&with.settings);
        cr_expect_eq(troupe_build_error(b), TROUPE_INVALID, "%zu", i);
        with.settings = (troupe_map){NULL, 0};
        cr_expect_str_eq(troupe_build_text(b, "%d", 1), "");
        cr_expect_eq(troupe_build_bytes(b, "a", 1).size, 0);
        troupe_build_append(b, &text, "more");
        cr_expect_str_eq(text, "kept");
        TROUPE_ADD(b, with.rows, &job_rows[0]);
        cr_expect_eq(with.rows.count, 0);
        put_settings(&with.settings);
        cr_expect_eq(with.settings.count, 0);
        msg = (troupe_msg *)&heap;
        cr_expect_eq(troupe_build_make(b, &job_type, &with, &msg), TROUPE_INVALID);
        cr_expect_null(msg);
    }
}

Test(build, nothing_is_made_of_a_map_that_is_open) {
    struct job with = {.what = ""};
    troupe_build_map(b, &with.settings);
    cr_expect_eq(troupe_build_make(b, &job_type, &with, &msg), TROUPE_INVALID);
    troupe_put_end(b);
    cr_expect_eq(troupe_build_make(b, &job_type, &with, &msg), TROUPE_OK);
}

Test(build, ends_at_the_size_of_a_message) {
    const struct {
        size_t has, more;
    } sizes[] = {{0, TR_MSG_LIMIT + 1}, {TR_MSG_LIMIT, 1}, {SIZE_MAX, 1}, {1, SIZE_MAX}};
    for (size_t i = 0; i < 4; i++) {
        troupe_bytes bytes = {"", sizes[i].has}; /* is not read, since it is too much */
        troupe_build_drop(&b);
        b = tr_build(&pool);
        troupe_build_append_bytes(b, &bytes, "", sizes[i].more);
        cr_expect_eq(troupe_build_error(b), TROUPE_TOOBIG, "%zu", i);
    }
    TROUPE_MANY(uint64_t) list = {&(uint64_t){1}, SIZE_MAX / 8 + 2};
    troupe_build_drop(&b);
    b = tr_build(&pool);
    TROUPE_ADD(b, list, &(uint64_t){1});
    cr_expect_eq(troupe_build_error(b), TROUPE_TOOBIG);
}

Test(build, without_a_builder_there_is_no_memory) {
    troupe_builder *none = NULL;
    struct job with = {.what = troupe_build_text(none, "a")};
    const char *text = NULL;
    troupe_bytes bytes = troupe_build_bytes(none, "a", 1);
    cr_expect_str_empty(with.what);
    cr_expect_eq(bytes.size, 0);
    troupe_build_append(none, &text, "a");
    cr_expect_null(text);
    troupe_build_append_bytes(none, &bytes, "a", 1);
    TROUPE_ADD(none, with.rows, &job_rows[0]);
    troupe_build_map(none, &with.settings);
    troupe_put_map(none, "a");
    troupe_put_text(none, "a", "a");
    troupe_put_bytes(none, "a", "a", 1);
    troupe_put_end(none);
    cr_expect_eq(with.rows.count + with.settings.count + bytes.size, 0);
    cr_expect_eq(troupe_build_error(none), TROUPE_NOMEM);
    cr_expect_eq(troupe_build_make(none, &job_type, &with, &msg), TROUPE_NOMEM);
    troupe_build_drop(&none);
    troupe_build_drop(NULL);
}

/* A message is one allocation, and stays when the builder goes. */
Test(build, a_message_is_of_its_own) {
    struct job with = {.what = troupe_build_text(b, "work")};
    put_settings(&with.settings);
    const uint64_t before = counting_heap_look(&heap).takes;
    cr_assert_eq(troupe_build_make(b, &job_type, &with, &msg), TROUPE_OK);
    cr_assert_eq(counting_heap_look(&heap).takes, before + 1);
    troupe_build_drop(&b);
    const struct job *body = troupe_as(msg, &job_type);
    cr_assert(tr_dict_same(&body->settings, &job.settings));
    cr_assert_str_eq(body->what, "work");
}

/* Small things share what memory is taken. */
Test(build, small_pieces_are_kept_together) {
    const uint64_t before = counting_heap_look(&heap).takes;
    for (int i = 0; i < 100; i++) (void)troupe_build_text(b, "%03d", i);
    cr_assert_eq(counting_heap_look(&heap).takes, before + 1);
}
