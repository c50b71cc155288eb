/* Stands in the place of base/atomic.h when real sources are compiled for the explorer: the same
 * names, but each is a step that the explorer schedules and whose memory order it takes literally.
 * Macros, so that a schedule can name the line of the real source. */
#ifndef EX_REPLACE_BASE_ATOMIC_H
#define EX_REPLACE_BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tr_atomic32 {
    uint32_t value;
} tr_atomic32;

typedef struct tr_atomic64 {
    uint64_t value;
} tr_atomic64;

typedef enum ex_order { EX_RELAXED, EX_ACQUIRE, EX_RELEASE, EX_SEQ } ex_order;
typedef enum ex_change { EX_SWAP, EX_ADD, EX_SUB, EX_OR, EX_AND } ex_change;

/* A line of source. */
typedef struct ex_place {
    const char *file;
    int line;
} ex_place;
#define EX_HERE ((ex_place){__FILE__, __LINE__})

/* The steps themselves; `size` is 4 or 8, the operation is named for the schedule. */
uint64_t ex_load(const void *at, unsigned size, ex_order order, ex_place place);
void ex_store(void *at, unsigned size, uint64_t value, ex_order order, ex_place place);
uint64_t ex_rmw(void *at, unsigned size, ex_change change, uint64_t operand, ex_order order,
                ex_place place);
bool ex_cas(void *at, unsigned size, void *expected, uint64_t value, ex_order order,
            ex_place place);
void ex_fence_compiler(void);

#define EX_LOAD(bits, a, order) ((uint##bits##_t)ex_load(&(a)->value, bits / 8, order, EX_HERE))
#define EX_STORE(bits, a, v, order) ex_store(&(a)->value, bits / 8, (v), order, EX_HERE)
#define EX_RMW(bits, a, change, v, order)                                                          \
    ((uint##bits##_t)ex_rmw(&(a)->value, bits / 8, change, (v), order, EX_HERE))
#define EX_CAS(bits, a, e, v, order) ex_cas(&(a)->value, bits / 8, (e), (v), order, EX_HERE)

#define tr_load32_relaxed(a) EX_LOAD(32, a, EX_RELAXED)
#define tr_load32_acquire(a) EX_LOAD(32, a, EX_ACQUIRE)
#define tr_load32_seq(a) EX_LOAD(32, a, EX_SEQ)
#define tr_store32_relaxed(a, v) EX_STORE(32, a, v, EX_RELAXED)
#define tr_store32_release(a, v) EX_STORE(32, a, v, EX_RELEASE)
#define tr_store32_seq(a, v) EX_STORE(32, a, v, EX_SEQ)
#define tr_swap32_seq(a, v) EX_RMW(32, a, EX_SWAP, v, EX_SEQ)
#define tr_add32_relaxed(a, v) EX_RMW(32, a, EX_ADD, v, EX_RELAXED)
#define tr_add32_seq(a, v) EX_RMW(32, a, EX_ADD, v, EX_SEQ)
#define tr_sub32_seq(a, v) EX_RMW(32, a, EX_SUB, v, EX_SEQ)
#define tr_or32_seq(a, v) EX_RMW(32, a, EX_OR, v, EX_SEQ)
#define tr_and32_seq(a, v) EX_RMW(32, a, EX_AND, v, EX_SEQ)
#define tr_cas32_seq(a, e, v) EX_CAS(32, a, e, v, EX_SEQ)

#define tr_load64_relaxed(a) EX_LOAD(64, a, EX_RELAXED)
#define tr_load64_acquire(a) EX_LOAD(64, a, EX_ACQUIRE)
#define tr_load64_seq(a) EX_LOAD(64, a, EX_SEQ)
#define tr_store64_relaxed(a, v) EX_STORE(64, a, v, EX_RELAXED)
#define tr_store64_release(a, v) EX_STORE(64, a, v, EX_RELEASE)
#define tr_store64_seq(a, v) EX_STORE(64, a, v, EX_SEQ)
#define tr_or64_seq(a, v) EX_RMW(64, a, EX_OR, v, EX_SEQ)
#define tr_and64_seq(a, v) EX_RMW(64, a, EX_AND, v, EX_SEQ)
#define tr_add64_relaxed(a, v) EX_RMW(64, a, EX_ADD, v, EX_RELAXED)
#define tr_sub64_release(a, v) EX_RMW(64, a, EX_SUB, v, EX_RELEASE)
#define tr_cas64_seq(a, e, v) EX_CAS(64, a, e, v, EX_SEQ)
#define tr_cas64_release(a, e, v) EX_CAS(64, a, e, v, EX_RELEASE)
#define tr_cas64_acquire(a, e, v) EX_CAS(64, a, e, v, EX_ACQUIRE)

#define tr_fence_compiler() ex_fence_compiler()

#endif
