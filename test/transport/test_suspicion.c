#include "transport/suspicion.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/os.h"

TestSuite(suspicion, .timeout = 20);

/* As a node has it by default. */
static const tr_suspicion_limits usual = {.beat = 250 * TR_MS,
                                          .spread = 100 * TR_MS,
                                          .sure = 2400 * TR_MS,
                                          .lost = 3000 * TR_MS,
                                          .phi = 800};

/* Only phi decides. */
static const tr_suspicion_limits wide = {
    .beat = 1000 * TR_MS, .spread = TR_MS, .lost = 1000000 * TR_MS, .phi = 800};

static uint64_t patience_ms(const tr_suspicion *s, const tr_suspicion_limits *limits) {
    return tr_suspicion_patience(s, limits) / TR_MS;
}

/* Beats that are `ms` apart, give or take `jitter`, one after the other. */
static uint64_t beats(tr_suspicion *s, uint64_t now, unsigned count, unsigned ms, unsigned jitter) {
    for (unsigned i = 0; i < count; i++) {
        now += (uint64_t)(i % 2 ? ms + jitter : ms - jitter) * TR_MS;
        tr_suspicion_beat(s, now);
    }
    return now;
}

Test(suspicion, one_that_was_never_heard_is_given_up_by_what_is_expected) {
    tr_suspicion s;
    tr_suspicion_begin(&s, &usual);
    cr_assert_eq(patience_ms(&s, &usual), 250u + 2400u);
    tr_suspicion_begin(&s, &wide); /* 1000 +- 250 ms, and phi is 8 at 5.6 deviations */
    cr_assert(patience_ms(&s, &wide) > 2350 && patience_ms(&s, &wide) < 2450, "%d",
              (int)patience_ms(&s, &wide));
}

/* That is -log10 of how much of a normal distribution is behind it: deviations, in thousandths, and
 * phi, from the tables of it. */
Test(suspicion, phi_is_what_the_paper_says) {
    static const unsigned known[][2] = {
        {0, 30},     {100, 34},   {700, 62},   {1282, 100}, {1960, 160}, {2326, 200},  {3090, 300},
        {3719, 400}, {4265, 500}, {4753, 600}, {5199, 700}, {5612, 800}, {5998, 900}, {6361, 1000},
        {7034, 1200}, {7942, 1500}, {9262, 2000}};
    tr_suspicion s;
    tr_suspicion_begin(&s, &usual);
    (void)beats(&s, TR_MS, TR_SUSPICION_SAMPLES + 1, 1000, 200); /* mean 1 s, deviation 200 ms */
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        uint64_t silence = 1000 * TR_MS + known[i][0] * 200 * (TR_MS / 1000);
        unsigned got = tr_suspicion_phi(&s, &usual, silence);
        unsigned off = got > known[i][1] ? got - known[i][1] : known[i][1] - got;
        cr_assert_leq(off, 3u, "%u thousandths: %u", known[i][0], got);
    }
}

Test(suspicion, phi_never_goes_down_as_silence_goes_on_and_has_an_end) {
    tr_suspicion s;
    tr_suspicion_begin(&s, &usual);
    (void)beats(&s, TR_MS, 40, 250, 90);
    unsigned last = tr_suspicion_phi(&s, &usual, 0);
    cr_assert_eq(last, 0u);
    for (uint64_t ms = 0; ms < 20000; ms++) {
        unsigned phi = tr_suspicion_phi(&s, &usual, ms * TR_MS);
        cr_assert_geq(phi, last);
        last = phi;
    }
    cr_assert_eq(last, (unsigned)TR_SUSPICION_MOST);
    cr_assert_eq(tr_suspicion_phi(&s, &usual, UINT64_MAX), (unsigned)TR_SUSPICION_MOST);
}

/* The same silence: phi has come to the limit, and it has not a moment before. */
Test(suspicion, patience_ends_where_phi_comes_to_the_limit) {
    for (unsigned phi = 31; phi <= TR_SUSPICION_MOST; phi += 7) {
        tr_suspicion s;
        tr_suspicion_limits limits = wide;
        limits.phi = phi;
        tr_suspicion_begin(&s, &limits);
        (void)beats(&s, TR_MS, 200, 1000, 333);
        uint64_t patience = tr_suspicion_patience(&s, &limits);
        cr_assert_geq(tr_suspicion_phi(&s, &limits, patience + 2 * TR_MS), phi, "%u", phi);
        cr_assert_leq(tr_suspicion_phi(&s, &limits, patience - 2 * TR_MS), phi, "%u", phi);
    }
}

/* By default that is 2.4 s after it fell silent, and 3 s after it was heard at the latest. */
Test(suspicion, the_more_irregular_the_more_patience_within_the_bounds) {
    uint64_t last = 0;
    for (unsigned jitter = 0; jitter < 1000; jitter += 10) {
        tr_suspicion s;
        tr_suspicion_begin(&s, &usual);
        (void)beats(&s, TR_MS, 300, 1000, jitter);
        tr_suspicion_limits limits = usual;
        limits.sure = 500 * TR_MS;
        limits.lost = 5000 * TR_MS;
        uint64_t patience = patience_ms(&s, &limits);
        cr_assert_geq(patience, last);
        cr_assert(patience >= 1499 && patience <= 5000, "%d", (int)patience);
        last = patience;
    }
    cr_assert_eq(last, 5000u);
    tr_suspicion s;
    tr_suspicion_begin(&s, &usual);
    (void)beats(&s, TR_MS, 300, 250, 0);
    cr_assert_eq(patience_ms(&s, &usual), 2650u, "a regular one");
}

Test(suspicion, with_equal_bounds_it_is_a_fixed_time) {
    tr_suspicion_limits limits = usual;
    limits.sure = limits.lost;
    for (unsigned jitter = 0; jitter < 250; jitter += 50) {
        tr_suspicion s;
        tr_suspicion_begin(&s, &limits);
        cr_assert_eq(patience_ms(&s, &limits), 3000u);
        (void)beats(&s, TR_MS, 300, 250, jitter);
        cr_assert_eq(patience_ms(&s, &limits), 3000u);
    }
}

/* What was usual long ago is not any more. */
Test(suspicion, it_forgets) {
    tr_suspicion s;
    tr_suspicion_begin(&s, &wide);
    uint64_t now = beats(&s, TR_MS, 1000, 2000, 1500);
    uint64_t irregular = patience_ms(&s, &wide);
    now = beats(&s, now, TR_SUSPICION_SAMPLES, 100, 0);
    cr_assert_eq(patience_ms(&s, &wide), 105u, "nothing is left of it");
    (void)beats(&s, now, TR_SUSPICION_SAMPLES, 2000, 1500);
    cr_assert_eq(patience_ms(&s, &wide), irregular);
}

/* One hiccup does not make it deaf: Akka's and Cassandra's leave such intervals out, since they
 * have no bound on the other side. */
Test(suspicion, after_one_long_pause_it_still_judges_within_the_bounds) {
    tr_suspicion s;
    tr_suspicion_begin(&s, &usual);
    uint64_t now = beats(&s, TR_MS, 100, 250, 0);
    tr_suspicion_beat(&s, now + 2600 * TR_MS);
    cr_assert(patience_ms(&s, &usual) >= 2650 && patience_ms(&s, &usual) < 2700);
}

Test(suspicion, what_we_did_not_listen_to_does_not_count) {
    tr_suspicion s, t;
    tr_suspicion_begin(&s, &wide);
    uint64_t now = beats(&s, TR_MS, 300, 1000, 100);
    t = s;
    tr_suspicion_skip(&s);
    tr_suspicion_beat(&s, now + 3600000 * TR_MS);
    cr_assert_eq(patience_ms(&s, &wide), patience_ms(&t, &wide));
    tr_suspicion_beat(&s, now + 3600900 * TR_MS);
    tr_suspicion_beat(&t, now + 900 * TR_MS);
    cr_assert_eq(patience_ms(&s, &wide), patience_ms(&t, &wide), "but the next one does");
}

/* Beats at one moment, far apart, or of a clock that goes back: an answer within the bounds. */
Test(suspicion, nothing_overflows) {
    static const uint64_t step[] = {0, 1, UINT64_C(1) << 20, UINT64_C(1) << 40, UINT64_C(1) << 62};
    uint64_t seed = 1, now = 0;
    tr_suspicion s;
    tr_suspicion_limits none = {.lost = UINT64_MAX / 4, .phi = TR_SUSPICION_MOST};
    tr_suspicion_begin(&s, &none);
    cr_assert_leq(tr_suspicion_patience(&s, &none), 20u, "there is nothing to wait for");
    for (int i = 0; i < 10000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        now += step[seed >> 33 & 3] << (seed >> 40 & 3);
        if (seed >> 50 & 1) now -= now / 7;
        if (i == 5000) now += step[4];
        tr_suspicion_beat(&s, now);
        cr_assert_leq(tr_suspicion_patience(&s, &none), none.lost);
        cr_assert_leq(tr_suspicion_patience(&s, &usual), usual.lost);
        cr_assert_leq(tr_suspicion_phi(&s, &usual, now), (unsigned)TR_SUSPICION_MOST);
    }
}
