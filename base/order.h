/* The order of bytes: numbers as they are on a wire, most significant byte first. Each is one
 * instruction or none. */
#ifndef TR_BASE_ORDER_H
#define TR_BASE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* Whether this machine has the least significant byte first. */
enum { TR_LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };

/* What has to be stored so that the most significant byte comes first; and back. */
static inline uint16_t tr_big2(uint16_t number) {
    return TR_LITTLE ? __builtin_bswap16(number) : number;
}

static inline uint32_t tr_big4(uint32_t number) {
    return TR_LITTLE ? __builtin_bswap32(number) : number;
}

static inline uint64_t tr_big8(uint64_t number) {
    return TR_LITTLE ? __builtin_bswap64(number) : number;
}

#endif
