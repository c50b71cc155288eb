/* The gate of a pool: lets so many messages in as were found to have room, without a look at any
 * member. README.md, "Pools". */
#ifndef TR_ACTORS_POOL_GATE_H
#define TR_ACTORS_POOL_GATE_H

#include <stdbool.h>

#include "base/atomic.h"

/* How many more may come in, in the low half; in the high one, how many are between the gate and a
 * mailbox. */
typedef struct tr_gate {
    tr_atomic64 word;
} tr_gate;

#define TR_GATE_INSIDE (UINT64_C(1) << 32)

/* Lets one in. False: somebody has to look how many there are. */
static inline bool tr_gate_enter(tr_gate *gate) {
    uint64_t word = tr_load64_acquire(&gate->word);
    do
        if (!(uint32_t)word) return false;
    while (!tr_cas64_seq(&gate->word, &word, word - 1 + TR_GATE_INSIDE));
    return true;
}

/* It has found its mailbox, or not. Partner: the acquire of who looks, who then sees it there. */
static inline void tr_gate_leave(tr_gate *gate) {
    (void)tr_sub64_release(&gate->word, TR_GATE_INSIDE);
}

/* Has the next one look. */
static inline void tr_gate_shut(tr_gate *gate) {
    (void)tr_and64_seq(&gate->word, ~(uint64_t)UINT32_MAX);
}

/* What was seen before a look, to be given to the next. */
static inline uint64_t tr_gate_seen(const tr_gate *gate) {
    return tr_load64_acquire(&gate->word);
}

/* How many are between the gate and a mailbox, by then. */
static inline uint64_t tr_gate_inside(uint64_t seen) {
    return seen >> 32;
}

/* Lets one in, and `more` after it. False: others came or went since the look, which says nothing
 * then. One at a time, by the pool's lock. */
static inline bool tr_gate_open(tr_gate *gate, uint64_t seen, uint32_t more) {
    const uint64_t inside = tr_gate_inside(seen) + 1;
    return tr_cas64_seq(&gate->word, &seen, inside << 32 | more);
}

#endif
