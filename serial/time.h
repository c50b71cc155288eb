/* Moments in msgpack: its own extension, type -1, in any of the three forms. */
#ifndef TR_SERIAL_TIME_H
#define TR_SERIAL_TIME_H

#include <troupe/message.h>

enum { TR_TIME_SIZE_MOST = 15 }; /* bytes of the longest form */

/* What becomes of reading one. */
typedef enum tr_time_got {
    TR_TIME_READ, /* it is read */
    TR_TIME_CUT,  /* the bytes end too early */
    TR_TIME_NONE  /* it is no timestamp, or has a second's worth of nanoseconds or more */
} tr_time_got;

/* Reads the moment that stands at `at`, `left` bytes before the end. READ: `*size` is how many of
 * them it is. */
tr_time_got tr_time_read(const unsigned char *at, size_t left, troupe_time *time, size_t *size);

/* Writes a moment in the shortest form, and returns its size. Its nanoseconds are in range. */
size_t tr_time_write(troupe_time time, unsigned char *out);

/* Whether the nanoseconds are less than a second. */
static inline bool tr_time_is(troupe_time time) {
    return time.nanoseconds < 1000000000u;
}

#endif
