#include "transport/checksum.h"

#include <isa-l/crc.h>

enum { AT_ONCE = 1 << 30 }; /* ISA-L counts bytes by an int */

uint32_t tr_checksum_many(uint32_t before, const void *bytes, size_t size) {
    unsigned char *at = (unsigned char *)(uintptr_t)bytes; /* it only reads them */
    uint32_t crc = ~before;
    for (; size > AT_ONCE; size -= AT_ONCE, at += AT_ONCE) crc = crc32_iscsi(at, AT_ONCE, crc);
    return ~crc32_iscsi(at, (int)size, crc);
}
