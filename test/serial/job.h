/* A type with maps wherever a value can be; values of it, and the bytes of one. */
#ifndef TROUPE_TEST_SERIAL_JOB_H
#define TROUPE_TEST_SERIAL_JOB_H

#include <string.h>
#include <troupe/message.h>

struct outcome {
    enum { PENDING, DETAILS } is;
    union {
        troupe_map details;
    };
};
struct job {
    const char *what;
    troupe_map settings;
    TROUPE_MANY(troupe_map) rows;
    troupe_map two[2];
    TROUPE_MAYBE(troupe_map) extra;
    struct outcome outcome;
};

static const troupe_one_of outcome_one_of = TROUPE_ONE_OF_TYPE(
    outcome, is, TROUPE_NO_CASE(PENDING), TROUPE_CASE(DETAILS, TROUPE_FIELD(outcome, details)));
static const troupe_type job_type =
    TROUPE_TYPE(job, TROUPE_FIELD(job, what), TROUPE_FIELD(job, settings), TROUPE_LIST(job, rows),
                TROUPE_ARRAY(job, two), TROUPE_OPTIONAL(job, extra),
                TROUPE_FIELD_OF(job, outcome, &outcome_one_of));

static const troupe_any job_list[] = {
    {.is = TROUPE_IS_NIL},
    {.is = TROUPE_IS_TEXT, .text = "in"},
    {.is = TROUPE_IS_LIST, .list = {NULL, 0}},
};
static const troupe_entry job_inner[] = {
    {"", {.is = TROUPE_IS_F64, .f64 = 0.5}},
    {"none", {.is = TROUPE_IS_MAP, .map = {NULL, 0}}},
};
static const troupe_entry job_settings[] = {
    {"z", {.is = TROUPE_IS_NIL}},
    {"yes", {.is = TROUPE_IS_BOOL, .truth = true}},
    {"low", {.is = TROUPE_IS_I64, .i64 = INT64_MIN}},
    {"small", {.is = TROUPE_IS_I64, .i64 = 5}},
    {"high", {.is = TROUPE_IS_U64, .u64 = UINT64_MAX}},
    {"half", {.is = TROUPE_IS_F64, .f64 = -0.5}},
    {"h\xC3\xA9", {.is = TROUPE_IS_TEXT, .text = "text"}},
    {"raw", {.is = TROUPE_IS_BYTES, .bytes = {"\0\xFF", 2}}},
    {"when", {.is = TROUPE_IS_TIME, .time = {1700000000, 0}}},
    {"list", {.is = TROUPE_IS_LIST, .list = {job_list, 3}}},
    {"a", {.is = TROUPE_IS_MAP, .map = {job_inner, 2}}},
};
enum { JOB_SETTINGS = sizeof job_settings / sizeof *job_settings };
static const troupe_map job_rows[] = {{job_inner, 1}, {NULL, 0}};
static const struct job job = {
    .what = "work",
    .settings = {job_settings, JOB_SETTINGS},
    .rows = {job_rows, 2},
    .two = {{NULL, 0}, {job_inner, 1}},
    .extra = {{job_inner, 1}, true},
    .outcome = {DETAILS, {.details = {job_inner, 1}}},
};
static const struct job empty_job = {.what = ""};

static const char job_bytes[] = "\x96\xa4work" /* what */
                                "\x8b"         /* settings */
                                "\xa1z\xc0"
                                "\xa3yes\xc3"
                                "\xa3low\xd3\x80\0\0\0\0\0\0\0"
                                "\xa5small\5"
                                "\xa4high\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
                                "\xa4half\xcb\xbf\xe0\0\0\0\0\0\0"
                                "\xa3h\xc3\xa9\xa4text"
                                "\xa3raw\xc4\2\0\xff"
                                "\xa4when\xd6\xff\x65\x53\xf1\0"
                                "\xa4list\x93\xc0\xa2in\x90"
                                "\xa1"
                                "a\x82\xa0\xcb\x3f\xe0\0\0\0\0\0\0\xa4none\x80"
                                "\x92\x81\xa0\xcb\x3f\xe0\0\0\0\0\0\0\x80" /* rows */
                                "\x92\x80\x81\xa0\xcb\x3f\xe0\0\0\0\0\0\0" /* two */
                                "\x81\xa0\xcb\x3f\xe0\0\0\0\0\0\0"         /* extra */
                                "\x92\1\x81\xa0\xcb\x3f\xe0\0\0\0\0\0\0";  /* outcome */
enum { JOB_SIZE = sizeof job_bytes - 1 };

#endif
