#include "actors/choice.h"

#include <string.h>

#include "actors/trial.h"
#include "base/heap.h"

enum { DEPTH = 3, EVENTS = 1000 };

/* --- Numbers ---------------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t scramble(uint64_t z) {
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

uint64_t tr_draw(uint64_t *state) {
    *state += UINT64_C(0x9E3779B97F4A7C15);
    return scramble(*state);
}

uint64_t tr_mix(uint64_t a, uint64_t b) {
    return scramble(a * UINT64_C(0x9E3779B97F4A7C15) + scramble(b));
}

/* --- Making choices --------------------------------------------------------------------------- */

troupe_err tr_choices_init(tr_choices *choices, const troupe_sim_config *config,
                           const troupe_heap *heap) {
    *choices = (tr_choices){.seed = config->seed,
                            .state = config->seed,
                            .schedule = config->schedule,
                            .depth = config->depth ? config->depth : DEPTH,
                            .shared = tr_trial_record(config),
                            .heap = heap};
    if (choices->depth > TR_DEPTH_MOST) return TROUPE_INVALID;
    uint64_t events = config->events ? config->events : EVENTS;
    for (unsigned i = 0; i + 1 < choices->depth; i++)
        choices->change_at[i] = tr_draw(&choices->state) % events;
    if (!config->trace) return TROUPE_OK;
    choices->length = config->trace_length;
    size_t size = (choices->length + 1) * sizeof *choices->script;
    choices->script = tr_take_zero(heap, size);
    if (!choices->script) return TROUPE_NOMEM;
    memcpy(choices->script, config->trace, choices->length * sizeof *choices->script);
    return TROUPE_OK;
}

void tr_choices_fini(tr_choices *choices) {
    const troupe_heap *heap = choices->heap;
    tr_give(heap, choices->made, choices->room * sizeof *choices->made);
    tr_give(heap, choices->script, (choices->length + 1) * sizeof *choices->script);
}

static uint32_t record(tr_choices *choices, uint32_t choice) {
    void *made = choices->made;
    bool ok = !choices->lost && tr_grow(choices->heap, &made, &choices->room, choices->count + 1,
                                        sizeof *choices->made);
    choices->made = made;
    if (choices->shared && choices->count < choices->shared->room) {
        choices->shared->made[choices->count] = choice;
        choices->shared->count = choices->count + 1;
    }
    if (ok)
        choices->made[choices->count] = choice;
    else
        choices->lost = true;
    choices->count++;
    return choice;
}

/* The choice that the script says, below `n`: the first one after its end. */
static uint32_t scripted(const tr_choices *choices, uint32_t n) {
    uint32_t choice = choices->count < choices->length ? choices->script[choices->count] : 0;
    return choice < n ? choice : n - 1;
}

uint32_t tr_choose(tr_choices *choices, uint32_t n) {
    if (n <= 1) return 0;
    if (choices->script) return record(choices, scripted(choices, n));
    return record(choices, (uint32_t)((tr_draw(&choices->state) >> 32) * n >> 32));
}

bool tr_chance(tr_choices *choices, uint32_t millionths) {
    if (!millionths) return false;
    if (choices->script) return record(choices, scripted(choices, 2));
    return record(choices, (tr_draw(&choices->state) >> 32) * 1000000 >> 32 < millionths);
}

/* --- PCT -------------------------------------------------------------------------------------- */

static uint64_t priority(const tr_choices *choices, uint64_t agent) {
    for (unsigned i = choices->lows; i-- > 0;)
        if (choices->lowered[i].agent == agent) return choices->lowered[i].priority;
    return tr_mix(choices->seed, agent) | UINT64_C(1) << 63;
}

static uint32_t first(const tr_choices *choices, const uint64_t *agent, uint32_t n) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (priority(choices, agent[i]) > priority(choices, agent[best])) best = i;
    return best;
}

static uint32_t pick_by_priority(tr_choices *choices, const uint64_t *agent, uint32_t n) {
    uint32_t best = first(choices, agent, n);
    for (unsigned i = 0; i + 1 < choices->depth; i++) {
        if (choices->change_at[i] != choices->picks) continue;
        choices->lowered[choices->lows] = (tr_lowered){agent[best], choices->depth - choices->lows};
        choices->lows++;
        best = first(choices, agent, n);
    }
    return best;
}

uint32_t tr_pick(tr_choices *choices, const uint64_t *agent, uint32_t n) {
    uint32_t picked = 0;
    if (choices->schedule == TROUPE_PCT && !choices->script)
        picked = n > 1 ? record(choices, pick_by_priority(choices, agent, n)) : 0;
    else
        picked = tr_choose(choices, n);
    choices->picks++;
    return picked;
}
