/* A message type with a field of every kind, one value of it, and its bytes. */
#ifndef TROUPE_TEST_SERIAL_SAMPLE_H
#define TROUPE_TEST_SERIAL_SAMPLE_H

#include <string.h>
#include <troupe/message.h>

#include "serial/envelope.h"

/* A field that is listed by hand. */
#define FIELD(name, offset, kind)                                                                  \
    { name, offset, kind, TROUPE_SHAPE_ONE, 0, 0, NULL }

struct sample {
    bool on;
    int32_t small;
    int64_t large;
    uint32_t count;
    uint64_t id;
    double ratio;
    const char *text;
    troupe_bytes blob;
    troupe_ref who;
};

static const troupe_type sample_type = TROUPE_TYPE(
    sample, TROUPE_FIELD(sample, on), TROUPE_FIELD(sample, small), TROUPE_FIELD(sample, large),
    TROUPE_FIELD(sample, count), TROUPE_FIELD(sample, id), TROUPE_FIELD(sample, ratio),
    TROUPE_FIELD(sample, text), TROUPE_FIELD(sample, blob), TROUPE_FIELD(sample, who));

static const struct sample sample = {true, -33,         -(INT64_C(1) << 40), 70000,   UINT64_MAX,
                                     1.5,  "h\xC3\xA9", {"\0\xFF", 2},       {258, 7}};

static const unsigned char sample_bytes[] = {
    0x99,                                                 /* an array of 9 */
    0xc3,                                                 /* true */
    0xd0, 0xdf,                                           /* -33 */
    0xd3, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0x00, /* -2^40 */
    0xce, 0x00, 0x01, 0x11, 0x70,                         /* 70000 */
    0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* 2^64 - 1 */
    0xcb, 0x3f, 0xf8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 1.5 */
    0xa3, 'h',  0xc3, 0xa9,                               /* text */
    0xc4, 0x02, 0x00, 0xff,                               /* bytes */
    0x92, 0xcd, 0x01, 0x02, 0x07,                         /* ref [258, 7] */
};

/* Whether two bodies say the same. */
static inline bool sample_equal(const struct sample *a, const struct sample *b) {
    return a->on == b->on && a->small == b->small && a->large == b->large && a->count == b->count &&
           a->id == b->id && memcmp(&a->ratio, &b->ratio, sizeof a->ratio) == 0 &&
           strcmp(a->text, b->text) == 0 && a->blob.size == b->blob.size &&
           memcmp(a->blob.data, b->blob.data, a->blob.size) == 0 && troupe_same(a->who, b->who);
}

/* A message's size, given what is in it. */
static inline size_t rounded(size_t size) {
    return (size + TR_MSG_UNIT - 1) / TR_MSG_UNIT * TR_MSG_UNIT;
}

#endif
