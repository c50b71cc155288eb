#include "transport/suspicion.h"

#include "base/check.h"

#define US UINT64_C(1000) /* ns */

/* Longer intervals than that, 268 s, are not told apart: squares of them still add up. */
#define INTERVAL_MOST_US (UINT64_C(1) << 28)

/* phi of a normal distribution in hundredths, -100 log10(1 - F(y)), for y from 0 on in halves of
 * the standard deviation. Between two of them it is taken for straight, which is right to a few
 * hundredths. */
static const unsigned table[] = {30,  51,  80,  118,  164,  221,  287,  363,  450,  547, 654,
                                 772, 901, 1040, 1189, 1350, 1521, 1702, 1895, 2098, 2312};
enum { STEPS = sizeof table / sizeof *table };

_Static_assert(TR_SUSPICION_MOST == 2312, "it is the last of the table");

/* --- What is usual ---------------------------------------------------------------------------- */

/* The greatest number whose square is not more than n: a digit a time. */
static uint64_t root(uint64_t n) {
    uint64_t found = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1)
        if ((found | bit) * (found | bit) <= n) found |= bit;
    return found;
}

static uint64_t mean_us(const tr_suspicion *s) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->count; i++) sum += s->us[i];
    return sum / s->count;
}

static uint64_t deviation_us(const tr_suspicion *s, uint64_t mean) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        uint64_t off = s->us[i] > mean ? s->us[i] - mean : mean - s->us[i];
        sum += off * off;
    }
    return root(sum / s->count);
}

/* The mean and the standard deviation of the intervals, in nanoseconds. */
static void usual(const tr_suspicion *s, const tr_suspicion_limits *limits, uint64_t *mean,
                  uint64_t *deviation) {
    uint64_t us = mean_us(s);
    *mean = us * US;
    *deviation = deviation_us(s, us) * US;
    if (*deviation < limits->spread) *deviation = limits->spread;
    if (!*deviation) *deviation = 1;
}

/* --- What has come ---------------------------------------------------------------------------- */

static void remember(tr_suspicion *s, uint64_t ns) {
    uint64_t us = ns / US;
    s->us[s->next] = (uint32_t)(us < INTERVAL_MOST_US ? us : INTERVAL_MOST_US);
    s->next = (s->next + 1) % TR_SUSPICION_SAMPLES;
    if (s->count < TR_SUSPICION_SAMPLES) s->count++;
}

void tr_suspicion_begin(tr_suspicion *s, const tr_suspicion_limits *limits) {
    *s = (tr_suspicion){.follows = false};
    remember(s, limits->beat - limits->beat / 4);
    remember(s, limits->beat + limits->beat / 4);
}

void tr_suspicion_beat(tr_suspicion *s, uint64_t now) {
    if (s->follows) remember(s, now > s->last ? now - s->last : 0);
    s->last = now;
    s->follows = true;
}

void tr_suspicion_skip(tr_suspicion *s) {
    s->follows = false;
}

/* --- What is thought of it -------------------------------------------------------------------- */

unsigned tr_suspicion_phi(const tr_suspicion *s, const tr_suspicion_limits *limits,
                          uint64_t silence) {
    uint64_t mean, deviation;
    usual(s, limits, &mean, &deviation);
    if (silence <= mean) return mean ? (unsigned)(table[0] * silence / mean) : table[0];
    uint64_t half = (deviation + 1) / 2, over = silence - mean, step = over / half;
    if (step >= STEPS - 1) return table[STEPS - 1];
    uint64_t rise = table[step + 1] - table[step];
    return table[step] + (unsigned)(rise * (over - step * half) / half);
}

/* By how many deviations, times their length, phi is late: the table the other way round. */
static uint64_t late_at(unsigned phi, uint64_t deviation) {
    if (phi <= table[0]) return 0;
    unsigned step = 1;
    while (step < STEPS - 1 && table[step] < phi) step++;
    unsigned into = phi < table[step] ? phi : table[step];
    uint64_t half = (deviation + 1) / 2, rise = table[step] - table[step - 1];
    return (step - 1) * half + half * (into - table[step - 1]) / rise;
}

uint64_t tr_suspicion_patience(const tr_suspicion *s, const tr_suspicion_limits *limits) {
    uint64_t mean, deviation;
    usual(s, limits, &mean, &deviation);
    uint64_t late = late_at(limits->phi, deviation);
    uint64_t patience = mean + (late > limits->sure ? late : limits->sure);
    return patience < limits->lost ? patience : limits->lost;
}
