/* Atomics, named by their memory order, so that a reader can grep for every acquire. All atomics
 * of the library are made of these. There are no stand-alone fences: ThreadSanitizer does not
 * model them. The interleaving explorer (test/explore/) puts its own file in the place of this
 * one. "seq" is sequentially consistent and includes acquire and release. */
#ifndef TR_BASE_ATOMIC_H
#define TR_BASE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct tr_atomic32 {
    _Atomic uint32_t value;
} tr_atomic32;

typedef struct tr_atomic64 {
    _Atomic uint64_t value;
} tr_atomic64;

static inline uint32_t tr_load32_relaxed(const tr_atomic32 *a) {
    return atomic_load_explicit(&a->value, memory_order_relaxed);
}
static inline uint32_t tr_load32_acquire(const tr_atomic32 *a) {
    return atomic_load_explicit(&a->value, memory_order_acquire);
}
static inline uint32_t tr_load32_seq(const tr_atomic32 *a) {
    return atomic_load_explicit(&a->value, memory_order_seq_cst);
}
static inline void tr_store32_relaxed(tr_atomic32 *a, uint32_t value) {
    atomic_store_explicit(&a->value, value, memory_order_relaxed);
}
static inline void tr_store32_release(tr_atomic32 *a, uint32_t value) {
    atomic_store_explicit(&a->value, value, memory_order_release);
}
static inline void tr_store32_seq(tr_atomic32 *a, uint32_t value) {
    atomic_store_explicit(&a->value, value, memory_order_seq_cst);
}
static inline uint32_t tr_swap32_seq(tr_atomic32 *a, uint32_t value) {
    return atomic_exchange_explicit(&a->value, value, memory_order_seq_cst);
}
static inline uint32_t tr_add32_relaxed(tr_atomic32 *a, uint32_t n) {
    return atomic_fetch_add_explicit(&a->value, n, memory_order_relaxed);
}
static inline uint32_t tr_add32_seq(tr_atomic32 *a, uint32_t n) {
    return atomic_fetch_add_explicit(&a->value, n, memory_order_seq_cst);
}
static inline uint32_t tr_sub32_seq(tr_atomic32 *a, uint32_t n) {
    return atomic_fetch_sub_explicit(&a->value, n, memory_order_seq_cst);
}
static inline uint32_t tr_or32_seq(tr_atomic32 *a, uint32_t bits) {
    return atomic_fetch_or_explicit(&a->value, bits, memory_order_seq_cst);
}
static inline uint32_t tr_and32_seq(tr_atomic32 *a, uint32_t bits) {
    return atomic_fetch_and_explicit(&a->value, bits, memory_order_seq_cst);
}
static inline bool tr_cas32_seq(tr_atomic32 *a, uint32_t *expected, uint32_t value) {
    return atomic_compare_exchange_weak_explicit(&a->value, expected, value, memory_order_seq_cst,
                                                 memory_order_seq_cst);
}

static inline uint64_t tr_load64_relaxed(const tr_atomic64 *a) {
    return atomic_load_explicit(&a->value, memory_order_relaxed);
}
static inline uint64_t tr_load64_acquire(const tr_atomic64 *a) {
    return atomic_load_explicit(&a->value, memory_order_acquire);
}
static inline void tr_store64_relaxed(tr_atomic64 *a, uint64_t value) {
    atomic_store_explicit(&a->value, value, memory_order_relaxed);
}
static inline void tr_store64_release(tr_atomic64 *a, uint64_t value) {
    atomic_store_explicit(&a->value, value, memory_order_release);
}
static inline uint64_t tr_load64_seq(const tr_atomic64 *a) {
    return atomic_load_explicit(&a->value, memory_order_seq_cst);
}
static inline void tr_store64_seq(tr_atomic64 *a, uint64_t value) {
    atomic_store_explicit(&a->value, value, memory_order_seq_cst);
}
static inline uint64_t tr_or64_seq(tr_atomic64 *a, uint64_t bits) {
    return atomic_fetch_or_explicit(&a->value, bits, memory_order_seq_cst);
}
static inline uint64_t tr_and64_seq(tr_atomic64 *a, uint64_t bits) {
    return atomic_fetch_and_explicit(&a->value, bits, memory_order_seq_cst);
}
static inline uint64_t tr_add64_relaxed(tr_atomic64 *a, uint64_t n) {
    return atomic_fetch_add_explicit(&a->value, n, memory_order_relaxed);
}
static inline uint64_t tr_sub64_release(tr_atomic64 *a, uint64_t n) {
    return atomic_fetch_sub_explicit(&a->value, n, memory_order_release);
}
static inline bool tr_cas64_seq(tr_atomic64 *a, uint64_t *expected, uint64_t value) {
    return atomic_compare_exchange_weak_explicit(&a->value, expected, value, memory_order_seq_cst,
                                                 memory_order_seq_cst);
}
static inline bool tr_cas64_release(tr_atomic64 *a, uint64_t *expected, uint64_t value) {
    return atomic_compare_exchange_weak_explicit(&a->value, expected, value, memory_order_release,
                                                 memory_order_relaxed);
}
static inline bool tr_cas64_acquire(tr_atomic64 *a, uint64_t *expected, uint64_t value) {
    return atomic_compare_exchange_weak_explicit(&a->value, expected, value, memory_order_acquire,
                                                 memory_order_relaxed);
}

/* Keeps the compiler from moving memory accesses across it; the processor may. Only for the light
 * side of an asymmetric pair, whose other side calls `tr_membarrier` (base/bias.h). */
static inline void tr_fence_compiler(void) {
    atomic_signal_fence(memory_order_seq_cst);
}

#endif
