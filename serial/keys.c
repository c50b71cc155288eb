#include "serial/keys.h"

#include <string.h>
#include <troupe/map.h>

#include "base/map.h"

static bool same(tr_key one, tr_key other) {
    return one.size == other.size && (!one.size || memcmp(one.at, other.at, one.size) == 0);
}

size_t tr_keys_twice(size_t count, tr_key (*key)(const void *from, size_t at), const void *from) {
    uint16_t slot[2 * TROUPE_MAP_KEYS]; /* 0, or the place of a key plus 1: at most half are used */
    unsigned bits = 1;
    while ((size_t)1 << bits < 2 * count) bits++;
    memset(slot, 0, sizeof *slot << bits);
    const uint64_t seed = (uint64_t)(uintptr_t)from * UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = 0; i < count; i++) {
        const tr_key mine = key(from, i);
        const uint64_t hash = tr_hash_bytes(seed, mine.at, mine.size);
        size_t at = hash * UINT64_C(0x9E3779B97F4A7C15) >> (64 - bits);
        for (; slot[at]; at = (at + 1) & (((size_t)1 << bits) - 1))
            if (same(key(from, slot[at] - 1u), mine)) return i;
        slot[at] = (uint16_t)(i + 1);
    }
    return SIZE_MAX;
}
