#include "transport/quota.h"

#include <criterion/criterion.h>

TestSuite(quota, .timeout = 10);

#define S UINT64_C(1000000000)

Test(quota, without_rates_anything_goes) {
    tr_quota q = {0};
    const tr_rates any = {.burst = S};
    for (uint64_t i = 0; i < 1000; i++)
        cr_expect_eq(tr_quota_take(&q, &any, i, UINT32_MAX, UINT32_MAX), 0u);
}

Test(quota, a_burst_is_free_and_what_is_beyond_takes_its_time) {
    tr_quota q = {0};
    const tr_rates rates = {.frames = 1000, .burst = S};
    cr_expect_eq(tr_quota_take(&q, &rates, 5 * S, 1000, 0), 0u);
    cr_expect_eq(tr_quota_take(&q, &rates, 5 * S, 500, 0), 5 * S + S / 2);
    cr_expect_eq(tr_quota_take(&q, &rates, 5 * S + S / 2, 0, 0), 0u);
    cr_expect_eq(tr_quota_take(&q, &rates, 5 * S + S / 2, 1, 0), 5 * S + S / 2 + S / 1000);
}

Test(quota, bytes_and_frames_each_have_their_rate) {
    tr_quota q = {0};
    const tr_rates rates = {.frames = 100, .bytes = 1000, .burst = S / 10};
    cr_expect_eq(tr_quota_take(&q, &rates, S, 1, 400), S + S * 3 / 10, "the bytes");
    cr_expect_eq(tr_quota_take(&q, &rates, 9 * S, 60, 10), 9 * S + S / 2, "the frames");
}

Test(quota, nobody_waits_longer_than_a_second_and_the_rest_is_forgiven) {
    tr_quota q = {0};
    const tr_rates rates = {.frames = 1, .burst = S};
    cr_expect_eq(tr_quota_take(&q, &rates, S, 1000000, 0), S + TR_QUOTA_PAUSE);
    cr_expect_eq(tr_quota_take(&q, &rates, 2 * S, 0, 0), 0u);
    const tr_rates slow = {.bytes = 1, .burst = S};
    q = (tr_quota){0};
    cr_expect_eq(tr_quota_take(&q, &slow, S, 0, UINT32_MAX), S + TR_QUOTA_PAUSE);
}

/* Over a long time the rate is kept, whatever the pieces, as long as who waits does wait. */
Test(quota, the_rate_is_kept) {
    uint64_t seed = 7;
    for (uint64_t rate = 100; rate < 100000000; rate *= 7) {
        tr_quota q = {0};
        const tr_rates rates = {.bytes = rate, .burst = S / 4};
        uint64_t now = 3 * S, sum = 0;
        while (now < 103 * S) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            uint64_t piece = (seed >> 33) % (rate / 50 + 1);
            uint64_t until = tr_quota_take(&q, &rates, now, 1, piece);
            sum += piece;
            now = until ? until : now + 1000;
        }
        cr_expect_leq(sum, 101 * rate, "rate %d", (int)rate);
        cr_expect_geq(sum, 99 * rate, "rate %d", (int)rate);
    }
}
