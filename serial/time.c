#include "serial/time.h"

/* The forms, by their first bytes: seconds of 32 bits; nanoseconds of 30 bits and seconds of 34;
 * nanoseconds of 32 bits and seconds of 64. */
enum { FIXEXT_4 = 0xD6, FIXEXT_8 = 0xD7, EXT_8 = 0xC7, TYPE = 0xFF };

static uint64_t get(const unsigned char *at, size_t size) {
    uint64_t number = 0;
    while (size--) number = number << 8 | *at++;
    return number;
}

static void put(unsigned char *at, uint64_t number, size_t size) {
    while (size--) {
        at[size] = (unsigned char)number;
        number >>= 8;
    }
}

tr_time_got tr_time_read(const unsigned char *at, size_t left, troupe_time *time, size_t *size) {
    if (left == 0) return TR_TIME_CUT;
    size_t head = at[0] == EXT_8 ? 3 : 2;
    size_t data = at[0] == FIXEXT_4 ? 4 : at[0] == FIXEXT_8 ? 8 : at[0] == EXT_8 ? 12 : 0;
    if (!data) return TR_TIME_NONE;
    if (left < head) return TR_TIME_CUT;
    if (at[head - 1] != TYPE || (data == 12 && at[1] != 12)) return TR_TIME_NONE;
    if (left < head + data) return TR_TIME_CUT;
    *size = head + data;
    at += head;
    uint64_t first = get(at, data == 8 ? 8 : 4);
    if (data == 4)
        *time = (troupe_time){(int64_t)first, 0};
    else if (data == 8)
        *time = (troupe_time){(int64_t)(first & UINT64_MAX >> 30), (uint32_t)(first >> 34)};
    else
        *time = (troupe_time){(int64_t)get(at + 4, 8), (uint32_t)first};
    return tr_time_is(*time) ? TR_TIME_READ : TR_TIME_NONE;
}

size_t tr_time_write(troupe_time time, unsigned char *out) {
    uint64_t seconds = (uint64_t)time.seconds, nanoseconds = time.nanoseconds;
    if (seconds >> 34) {
        out[0] = EXT_8;
        out[1] = 12;
        out[2] = TYPE;
        put(out + 3, nanoseconds, 4);
        put(out + 7, seconds, 8);
        return 15;
    }
    bool short_form = !nanoseconds && !(seconds >> 32);
    out[0] = short_form ? FIXEXT_4 : FIXEXT_8;
    out[1] = TYPE;
    put(out + 2, short_form ? seconds : nanoseconds << 34 | seconds, short_form ? 4 : 8);
    return short_form ? 6 : 10;
}
