/* CRC-32C (Castagnoli): finds every damage of up to 32 bits in a row, and any other but for one in
 * 2^32. No protection from anybody who means it. */
#ifndef TR_BASE_CRC_H
#define TR_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of `size` bytes that come behind those whose checksum is `crc`; 0: behind none. By
 * the processor's own instruction, if it has one: quick for a few hundred bytes. For more there is
 * transport/checksum.h. */
uint32_t tr_crc32c(uint32_t crc, const void *bytes, size_t size);

/* The same without that instruction, for processors that have none, and to be held against. */
uint32_t tr_crc32c_plain(uint32_t crc, const void *bytes, size_t size);

#endif
