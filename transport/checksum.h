/* Checksums of what is on the wire: CRC-32C, of any size. */
#ifndef TR_TRANSPORT_CHECKSUM_H
#define TR_TRANSPORT_CHECKSUM_H

#include "base/crc.h"

/* Bytes from which on ISA-L, which takes many at a time, is quicker than the instruction. */
enum { TR_CHECKSUM_MANY = 192 };

/* `tr_checksum` of that many or more. */
uint32_t tr_checksum_many(uint32_t before, const void *bytes, size_t size);

/* The checksum of bytes that come behind those whose checksum is `before`; 0: behind none. */
static inline uint32_t tr_checksum(uint32_t before, const void *bytes, size_t size) {
    return size < TR_CHECKSUM_MANY ? tr_crc32c(before, bytes, size)
                                   : tr_checksum_many(before, bytes, size);
}

#endif
