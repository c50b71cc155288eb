#include "transport/quota.h"

#include "base/check.h"

/* Counts `count` of something at a rate. How far ahead of its allowance the peer is now, in ns. */
static uint64_t ahead(uint64_t *used, uint64_t rate, uint64_t burst, uint64_t now, uint64_t count) {
    const uint64_t second = UINT64_C(1000000000);
    if (!rate) return 0;
    if (*used < now) *used = now;
    /* In parts, so that nothing overflows: a read brings less than 2^32 of anything. */
    *used += count / rate * second + count % rate * second / rate;
    uint64_t over = *used - now;
    if (over <= burst) return 0;
    over -= burst;
    if (over <= TR_QUOTA_PAUSE) return over;
    *used = now + burst + TR_QUOTA_PAUSE; /* the rest is forgiven */
    return TR_QUOTA_PAUSE;
}

uint64_t tr_quota_take(tr_quota *quota, const tr_rates *rates, uint64_t now, uint64_t frames,
                       uint64_t bytes) {
    TR_CHECK(frames <= UINT32_MAX && bytes <= UINT32_MAX);
    uint64_t a = ahead(&quota->frames, rates->frames, rates->burst, now, frames);
    uint64_t b = ahead(&quota->bytes, rates->bytes, rates->burst, now, bytes);
    uint64_t most = a > b ? a : b;
    return most ? now + most : 0;
}
