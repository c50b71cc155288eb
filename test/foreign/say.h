/* What the programs that speak to another implementation of msgpack have in common: the words in
 * which values are said, and values drawn at random. */
#ifndef TROUPE_TEST_FOREIGN_SAY_H
#define TROUPE_TEST_FOREIGN_SAY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/message.h>

static inline void must(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "peer: %s\n", what);
    exit(1);
}

static inline void say_bytes(const char *mark, const void *data, size_t size) {
    const unsigned char *bytes = data;
    printf("%s", mark);
    for (size_t i = 0; i < size; i++) printf("%02x", bytes[i]);
}

static inline void say_text(const char *text) {
    say_bytes("t", text, strlen(text));
}

static inline void say_float(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    printf("f%016llx", (unsigned long long)bits);
}

static inline void say_time(troupe_time time) {
    printf("T%lld.%u", (long long)time.seconds, time.nanoseconds);
}

static uint64_t state;

/* Splitmix64. */
static inline uint64_t draw(void) {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* A number of any width, with all widths alike. */
static inline uint64_t any(void) {
    return draw() >> draw() % 64;
}

static inline const char *text(void) {
    static const char *const texts[] = {"", "a", "h\xC3\xA9", "\xF0\x9F\x8E\xAD and \xE2\x82\xAC",
                                        "a text of more than thirty-one bytes, to the letter"};
    return texts[draw() % 5];
}

static inline troupe_time moment(void) {
    return (troupe_time){(int64_t)(any() * (draw() % 2 ? 1 : UINT64_MAX)),
                         draw() % 2 ? 0 : (uint32_t)(draw() % 1000000000)};
}

#endif
