/* Maps to msgpack and back: the bytes, the limits, and what is said of those that are wrong. */
#include "serial/dict_wire.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "serial/codec.h"
#include "serial/envelope.h"
#include "serial/type.h"
#include "test/serial/job.h"
#include "test/serial/codec_heap.h"

TestSuite(dict_wire, .timeout = 60, .init = open_heap, .fini = close_heap);

struct task {
    troupe_map settings;
};
static const troupe_type task_type = TROUPE_TYPE(task, TROUPE_FIELD(task, settings));

/* --- There and back --------------------------------------------------------------------------- */

Test(dict_wire, has_the_bytes_that_it_always_had) {
    cr_assert_eq(tr_pack(&job_type, &job, SIZE_MAX, &buffer), TROUPE_OK);
    cr_assert_eq(buffer.size, JOB_SIZE);
    cr_assert_arr_eq(buffer.data, job_bytes, JOB_SIZE);
}

Test(dict_wire, comes_back_as_it_was) {
    const struct job *const all[] = {&job, &empty_job};
    for (size_t i = 0; i < 2; i++) {
        troupe_msg *msg = NULL, *local = NULL;
        char why[100] = "";
        buffer.size = 0;
        cr_assert_eq(tr_msg_make(&pool, &job_type, all[i], &local), TROUPE_OK);
        cr_assert_eq(tr_pack(&job_type, all[i], SIZE_MAX, &buffer), TROUPE_OK);
        const uint64_t before = counting_heap_look(&heap).takes;
        troupe_err err =
            tr_unpack(&pool, &job_type, buffer.data, buffer.size, &msg, why, sizeof why);
        cr_assert_eq(err, TROUPE_OK, "%s", why);
        cr_assert_eq(counting_heap_look(&heap).takes, before + 1);
        cr_assert(troupe_equal(msg, local));
        cr_assert_eq(troupe_hash(msg), troupe_hash(local));
        troupe_drop(&msg);
        troupe_drop(&local);
    }
}

Test(dict_wire, is_refused_without_its_end_wherever_that_is) {
    char copy[JOB_SIZE];
    for (size_t size = 0; size < JOB_SIZE; size++) {
        size_t extra;
        memcpy(copy + JOB_SIZE - size, job_bytes, size); /* ends where its memory ends */
        cr_assert_eq(tr_scan(&job_type, copy + JOB_SIZE - size, size, &extra, NULL, 0),
                     TROUPE_MALFORMED);
    }
}

/* --- What does not go ------------------------------------------------------------------------- */

static troupe_err pack(const char *key, troupe_any value) {
    const troupe_entry entry = {key, value};
    return tr_pack(&task_type, &(struct task){{&entry, 1}}, SIZE_MAX, &buffer);
}

Test(dict_wire, what_the_peer_would_refuse_is_not_sent) {
    const troupe_any nil = {.is = TROUPE_IS_NIL};
    cr_expect_eq(pack("a", (troupe_any){.is = TROUPE_IS_TEXT, .text = "\xFF"}), TROUPE_INVALID);
    cr_expect_eq(pack("\xFF", nil), TROUPE_INVALID);
    cr_expect_eq(pack("a", (troupe_any){.is = TROUPE_IS_TIME, .time = {0, 1000000000}}),
                 TROUPE_INVALID);
    cr_expect_eq(pack("a", (troupe_any){.is = TROUPE_IS_LIST, .list = {NULL, 1}}), TROUPE_INVALID);
    cr_expect_eq(pack(NULL, nil), TROUPE_INVALID);
    cr_expect_eq(buffer.size, 0);
    const troupe_entry twice[] = {{"a", nil}, {"a", nil}};
    cr_expect_eq(tr_pack(&task_type, &(struct task){{twice, 2}}, SIZE_MAX, &buffer),
                 TROUPE_INVALID);
    cr_expect_eq(pack("a", (troupe_any){.is = TROUPE_IS_BYTES, .bytes = {"", (size_t)1 << 32}}),
                 TROUPE_TOOBIG);
}

Test(dict_wire, ends_where_the_room_does) {
    for (size_t room = 0; room < JOB_SIZE; room++)
        cr_expect_eq(tr_pack(&job_type, &job, room, &buffer), TROUPE_TOOBIG, "%zu", room);
    cr_expect_eq(tr_pack(&job_type, &job, JOB_SIZE, &buffer), TROUPE_OK);
}

Test(dict_wire, takes_no_memory_that_is_not_there) {
    counting_heap_fail(&heap, 1, 0);
    cr_expect_eq(pack("a", (troupe_any){.is = TROUPE_IS_NIL}), TROUPE_NOMEM);
}

/* --- What does not come ----------------------------------------------------------------------- */

static troupe_err scan(const void *bytes, size_t size, char *why, size_t room) {
    size_t extra;
    return tr_scan(&task_type, bytes, size, &extra, why, room);
}

#define BYTES(text) text, sizeof text - 1

static const struct {
    const char *bytes;
    size_t size;
    const char *why; /* NULL: it is fine */
} cases[] = {
    {BYTES("\x91\x80"), NULL},
    {BYTES("\x91\xdf\0\0\0\1\xdb\0\0\0\1x\xca\x3f\x80\0\0"), NULL}, /* any head and width */
    {BYTES("\x91\x81\xa0\xc0"), NULL},
    {BYTES("\x91\x82\xa1x\xc0\xa1y\xc0"), NULL},
    {BYTES("\x91\x81\xa1x\x81\xa1x\xc0"), NULL}, /* the same key, but of another map */
    {BYTES("\x91\xc0"), "task.settings: expected map, got nil"},
    {BYTES("\x91\x90"), "task.settings: expected map, got an array of 0"},
    {BYTES("\x91"), "task.settings: the bytes end too early"},
    {BYTES("\x91\x81"), "task.settings: the bytes end too early"},
    {BYTES("\x91\x81\xa1x"), "task.settings.x: the bytes end too early"},
    {BYTES("\x91\x82\xa1x\xc0\xa1"), "task.settings: the bytes end too early"},
    {BYTES("\x91\x81\xa5x\xc0"), "task.settings: the bytes end too early"},
    {BYTES("\x91\x81\xa1x\xa5y"), "task.settings.x: the bytes end too early"},
    {BYTES("\x91\x81\xa1x\xcd\1"), "task.settings.x: the bytes end too early"},
    {BYTES("\x91\x81\xa1x\xc4\5y"), "task.settings.x: the bytes end too early"},
    {BYTES("\x91\xdf\xff\xff\xff\xff\xc0"), "task.settings: a map of 4294967295 keys, over 1024"},
    {BYTES("\x91\xde\4\1\xc0"), "task.settings: a map of 1025 keys, over 1024"},
    {BYTES("\x91\xde\4\0\xc0"), "task.settings: the bytes end too early"},
    {BYTES("\x91\x81\1\xc0"), "task.settings: key 1 is no text"},
    {BYTES("\x91\x82\xa1x\1\xc4\1y\1"), "task.settings: key 2 is no text"},
    {BYTES("\x91\x81\xa1\xff\xc0"), "task.settings: the text is not UTF-8"},
    {BYTES("\x91\x81\xa1\0\xc0"), "task.settings: the text holds a NUL"},
    {BYTES("\x91\x81\xa1x\xa1\xff"), "task.settings.x: the text is not UTF-8"},
    {BYTES("\x91\x82\xa1x\xc0\xa1x\xc0"), "task.settings.x: is there twice"},
    {BYTES("\x91\x82\xa1x\x81\xa1y\xc0\xd9\1x\xc0"), "task.settings.x: is there twice"},
    {BYTES("\x91\x81\xa1x\x83\xa1y\x92\x80\xc4\1\1\xa1z\xd6\xff\0\0\0\0\xa1y\xc0"),
     "task.settings.x.y: is there twice"},
    {BYTES("\x91\x81\xa1x\x92\xc0\x82\xa0\xc0\xa0\xc0"),
     "task.settings.x[1][\"\"]: is there twice"},
    {BYTES("\x91\x81\xa1x\xd6\5\0\0\0\0"), "task.settings.x: expected a value of a map, got ext"},
    {BYTES("\x91\x81\xa1x\xd6\xff\0\0\0"), "task.settings.x: the bytes end too early"},
    {BYTES("\x91\x81\xa1x\xd7\xff\xee\x6b\x28\0\0\0\0\0"),
     "task.settings.x: expected a value of a map, got ext"},
    {BYTES("\x91\x81\xa1x\xc1"), "task.settings.x: expected a value of a map, got the byte 0xc1"},
    {BYTES("\x91\x81\xa3"
           "a b\x91\xc1"),
     "task.settings[\"a b\"][0]: expected a value of a map, got the byte 0xc1"},
    {BYTES("\x91\x81\xa2"
           "1a\xc1"),
     "task.settings[\"1a\"]: expected a value of a map, got the byte 0xc1"},
    {BYTES("\x91\x81\xa1x\xdd\xff\xff\xff\xff\xc0"), "task.settings.x: the bytes end too early"},
    {BYTES("\x91\x81\xa1x\xc0\xc0"), "task: 1 bytes too many"},
};

Test(dict_wire, says_what_is_wrong_with_the_way_to_it) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[120] = "";
        troupe_err err = scan(cases[i].bytes, cases[i].size, why, sizeof why);
        cr_expect_eq(err, cases[i].why ? TROUPE_MALFORMED : TROUPE_OK, "%zu: %s", i, why);
        cr_expect_str_eq(why, cases[i].why ? cases[i].why : "", "%zu", i);
    }
}

Test(dict_wire, shortens_a_long_key) {
    char bytes[120] = "\x91\x81\xd9\x64", why[200] = "", expected[100];
    for (int i = 0; i < 100; i++) bytes[4 + i] = 'k';
    bytes[104] = (char)0xc1;
    cr_assert_eq(scan(bytes, 105, why, sizeof why), TROUPE_MALFORMED);
    snprintf(expected, sizeof expected, "task.settings[\"%.40s", bytes + 4);
    cr_assert_eq(strncmp(why, expected, strlen(expected)), 0, "%s", why);
    cr_assert_lt(strlen(why), 130);
    cr_assert_eq(scan(bytes, 105, why, 10), TROUPE_MALFORMED); /* there is no more room to say it */
    cr_assert_str_eq(why, "task.sett");
}

/* `levels` of maps with one key, or of lists in a map, the innermost one empty. */
static size_t nested(unsigned char *bytes, int levels, bool lists) {
    size_t size = 0;
    bytes[size++] = 0x91;
    for (int i = 1; i < levels; i++) {
        const bool map = i == 1 || !lists;
        bytes[size++] = map ? 0x81 : 0x91;
        if (map) bytes[size++] = 0xa0;
    }
    bytes[size++] = levels == 1 || !lists ? 0x80 : 0x90;
    return size;
}

Test(dict_wire, has_eight_levels) {
    unsigned char bytes[64];
    char why[200] = "";
    for (int lists = 0; lists < 2; lists++) {
        for (int levels = 1; levels <= TROUPE_MAP_LEVELS; levels++) {
            troupe_msg *msg = NULL;
            size_t size = nested(bytes, levels, lists);
            cr_expect_eq(tr_unpack(&pool, &task_type, bytes, size, &msg, why, sizeof why),
                         TROUPE_OK, "%d: %s", levels, why);
            troupe_drop(&msg);
        }
        size_t size = nested(bytes, TROUPE_MAP_LEVELS + 1, lists);
        cr_expect_eq(scan(bytes, size, why, sizeof why), TROUPE_MALFORMED);
        cr_expect(strstr(why, ": is on more than 8 levels"), "%s", why);
    }
}

Test(dict_wire, has_1024_keys) {
    size_t size = 0;
    unsigned char *bytes = malloc(16384);
    memcpy(bytes, "\x91\xde\4\0", 4);
    for (size = 4; size < 4 + 6 * TROUPE_MAP_KEYS; size += 6) {
        char key[6];
        snprintf(key, sizeof key, "%04zu", size / 6 % 10000);
        bytes[size] = 0xa4;
        memcpy(bytes + size + 1, key, 4);
        bytes[size + 5] = 0xc3;
    }
    troupe_msg *msg = NULL;
    char why[100] = "";
    cr_assert_eq(tr_unpack(&pool, &task_type, bytes, size, &msg, why, sizeof why), TROUPE_OK, "%s",
                 why);
    const troupe_map *map = &((const struct task *)troupe_as(msg, &task_type))->settings;
    cr_assert_eq(map->count, TROUPE_MAP_KEYS);
    cr_assert(troupe_map_bool(map, map->at[1023].key, false));
    memcpy(bytes + size - 5, bytes + 5, 4); /* the last is the first */
    cr_assert_eq(scan(bytes, size, why, sizeof why), TROUPE_MALFORMED);
    cr_assert_str_eq(why, "task.settings[\"0000\"]: is there twice");
    troupe_drop(&msg);
    free(bytes);
}

/* What would take more memory than a message may have is refused before any is taken. */
Test(dict_wire, is_refused_as_soon_as_it_would_be_too_large) {
    const size_t values = TR_MSG_LIMIT / sizeof(troupe_any) + 1;
    unsigned char *bytes = calloc(1, values + 8); /* integers, each of a byte */
    const unsigned char head[] = {0x91,
                                  0x81,
                                  0xa0,
                                  0xdd,
                                  (unsigned char)(values >> 24),
                                  (unsigned char)(values >> 16),
                                  (unsigned char)(values >> 8),
                                  (unsigned char)values};
    memcpy(bytes, head, sizeof head);
    char why[100] = "";
    cr_assert_eq(scan(bytes, values + 8, why, sizeof why), TROUPE_TOOBIG);
    cr_assert_str_eq(why, "task.settings[\"\"]: the message would be over the limit");
    free(bytes);
}

/* Integers of each width on either side of where it ends. */
Test(dict_wire, integers_come_back_as_they_were) {
    const int64_t signed_ones[] = {0,
                                   127,
                                   128,
                                   255,
                                   256,
                                   65535,
                                   65536,
                                   INT64_MAX,
                                   -1,
                                   -32,
                                   -33,
                                   -128,
                                   -129,
                                   -32768,
                                   -32769,
                                   INT32_MIN,
                                   INT64_MIN,
                                   UINT32_MAX,
                                   (int64_t)INT32_MIN - 1};
    const uint64_t large[] = {(uint64_t)INT64_MAX + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof signed_ones / sizeof *signed_ones + 2; i++) {
        const size_t at = i < 2 ? 0 : i - 2;
        const troupe_any value = i < 2 ? (troupe_any){.is = TROUPE_IS_U64, .u64 = large[i]}
                                       : (troupe_any){.is = TROUPE_IS_I64, .i64 = signed_ones[at]};
        troupe_msg *msg = NULL;
        buffer.size = 0;
        cr_assert_eq(pack("a", value), TROUPE_OK);
        cr_assert_eq(tr_unpack(&pool, &task_type, buffer.data, buffer.size, &msg, NULL, 0),
                     TROUPE_OK);
        const troupe_map *map = &((const struct task *)troupe_as(msg, &task_type))->settings;
        cr_expect_eq(map->at[0].value.is, value.is, "%zu", i);
        cr_expect_eq(map->at[0].value.u64, value.u64, "%zu", i);
        troupe_drop(&msg);
    }
}
