/* The explorer's own proof: small programs of which it is known how they may end. */
#include <string.h>

#include "base/os.h"
#include "explore.h"

static tr_atomic32 x, y, word;
static uint32_t saw[2], plain;
static tr_mutex mutex, other;
static tr_cond cond;

static void setup(void) {
    memset(&x, 0, sizeof x);
    memset(&y, 0, sizeof y);
    memset(&word, 0, sizeof word);
    memset(saw, 0, sizeof saw);
    plain = 0;
    tr_mutex_init(&mutex);
    tr_mutex_init(&other);
    tr_cond_init(&cond);
    EX_NAME(x);
    EX_NAME(y);
    EX_NAME(word);
    EX_NAME(plain);
    EX_NAME(mutex);
    EX_NAME(other);
}

#define THREAD(name) static void name(__attribute__((unused)) void *arg)

/* --- Store buffering: both write, then read what the other writes ----------------------------- */

#define SB(order, load)                                                                            \
    THREAD(sb_##order##_##load##_x) {                                                              \
        tr_store32_##order(&x, 1);                                                                 \
        saw[0] = tr_load32_##load(&y);                                                             \
    }                                                                                              \
    THREAD(sb_##order##_##load##_y) {                                                              \
        tr_store32_##order(&y, 1);                                                                 \
        saw[1] = tr_load32_##load(&x);                                                             \
    }                                                                                              \
    struct nothing /* wants the semicolon */

SB(relaxed, seq);
SB(release, seq);
SB(seq, acquire);
SB(seq, seq);

static void not_both_blind(void) {
    ex_check(saw[0] || saw[1]);
}

/* --- Message passing: data, then a flag ------------------------------------------------------- */

THREAD(mp_release) {
    plain = 1;
    tr_store32_relaxed(&x, 1);
    tr_store32_release(&y, 1);
}

THREAD(mp_relaxed) {
    tr_store32_relaxed(&x, 1);
    tr_store32_relaxed(&y, 1);
}

THREAD(mp_relaxed_plain) {
    plain = 1;
    tr_store32_relaxed(&y, 1);
}

/* The relaxed store ends what the release began, */
THREAD(mp_two_stores) {
    plain = 1;
    tr_store32_release(&y, 1);
    tr_store32_relaxed(&y, 2);
}

/* and a read-modify-write does not. */
THREAD(mp_sequence) {
    plain = 1;
    tr_store32_release(&y, 1);
    (void)tr_add32_relaxed(&y, 1);
}

THREAD(mp_acquire) {
    if (tr_load32_acquire(&y)) ex_check(tr_load32_relaxed(&x) == 1);
}

THREAD(mp_plain) {
    if (tr_load32_acquire(&y) == 1) ex_check(plain == 1);
}

THREAD(mp_plain_second) {
    if (tr_load32_acquire(&y) == 2) ex_check(plain == 1);
}

THREAD(mp_plain_relaxed) {
    if (tr_load32_relaxed(&y)) ex_check(plain == 1);
}

/* --- Dekker's handshake, one side light ------------------------------------------------------- */

THREAD(dekker_light) {
    tr_store32_relaxed(&x, 1);
    tr_fence_compiler();
    saw[0] = tr_load32_seq(&y);
}

THREAD(dekker_unfenced) {
    tr_store32_relaxed(&x, 1);
    saw[0] = tr_load32_seq(&y);
}

THREAD(dekker_heavy) {
    tr_store32_seq(&y, 1);
    tr_membarrier();
    saw[1] = tr_load32_seq(&x);
}

THREAD(dekker_no_barrier) {
    tr_store32_seq(&y, 1);
    saw[1] = tr_load32_seq(&x);
}

/* --- Parking on a futex, right and wrong ------------------------------------------------------ */

THREAD(park) {
    while (!tr_swap32_seq(&word, 0)) (void)tr_futex_wait(&word, 0, TR_NEVER);
}

/* Looks, then sleeps, whatever has happened since. */
THREAD(park_naive) {
    if (!tr_load32_seq(&x)) (void)tr_futex_wait(&word, 0, TR_NEVER);
}

THREAD(park_until) {
    while (!tr_load32_seq(&word))
        if (!tr_futex_wait(&word, 0, tr_after_ms(tr_clock(), 5))) return;
}

THREAD(unpark) {
    tr_store32_seq(&word, 1);
    tr_futex_wake(&word, 1);
}

THREAD(unpark_naive) {
    tr_store32_seq(&x, 1);
    tr_futex_wake(&word, 1);
}

THREAD(nothing) {}

/* --- Plain data, with a mutex and without ----------------------------------------------------- */

THREAD(adds) {
    plain++;
}

THREAD(adds_locked) {
    tr_lock(&mutex);
    plain++;
    tr_unlock(&mutex);
}

THREAD(adds_if_free) {
    if (!tr_trylock(&mutex)) return;
    plain++;
    tr_unlock(&mutex);
}

THREAD(waits_until_added) {
    tr_lock(&mutex);
    while (!plain) (void)tr_cond_wait(&cond, &mutex, TR_NEVER);
    tr_unlock(&mutex);
}

THREAD(adds_and_tells) {
    tr_lock(&mutex);
    plain++;
    tr_cond_wake(&cond);
    tr_unlock(&mutex);
}

/* --- An increment that is not one step -------------------------------------------------------- */

THREAD(loses) {
    uint32_t old = tr_load32_relaxed(&x);
    tr_store32_relaxed(&x, old + 1);
}

THREAD(adds_by_cas) {
    uint32_t old = tr_load32_relaxed(&x);
    while (!tr_cas32_seq(&x, &old, old + 1)) {
    }
}

static void both_counted(void) {
    ex_check(tr_load32_relaxed(&x) == 2);
}

/* --- Two mutexes in both orders --------------------------------------------------------------- */

THREAD(locks_one_way) {
    tr_lock(&mutex);
    tr_lock(&other);
    tr_unlock(&other);
    tr_unlock(&mutex);
}

THREAD(locks_other_way) {
    tr_lock(&other);
    tr_lock(&mutex);
    tr_unlock(&mutex);
    tr_unlock(&other);
}

/* --- Spinning --------------------------------------------------------------------------------- */

THREAD(spins) {
    while (!tr_load32_acquire(&x)) tr_thread_yield();
}

THREAD(spins_on_y) {
    while (!tr_load32_acquire(&y)) tr_thread_yield();
}

THREAD(spins_rudely) {
    while (!tr_load32_acquire(&x)) {
    }
}

THREAD(sets) {
    tr_store32_relaxed(&x, 1);
}

/* Another thread writes into one's frame, as long as one waits. */
static uint32_t *frame;
THREAD(waits_in_its_frame) {
    uint32_t mine = 0;
    frame = &mine;
    tr_store32_release(&y, 1);
    while (!tr_load32_acquire(&x)) tr_thread_yield();
    ex_check(mine == 7);
}
THREAD(writes_and_tells) {
    while (!tr_load32_acquire(&y)) tr_thread_yield();
    *frame = 7;
    tr_store32_release(&x, 1);
}
THREAD(tells_and_writes) {
    while (!tr_load32_acquire(&y)) tr_thread_yield();
    uint32_t *theirs = frame;
    *theirs = 7;
    tr_store32_release(&x, 1);
    *theirs = 7;
}

#define HOLDS(model, ...)                                                                          \
    {                                                                                              \
        .name = model, .setup = setup, .thread = { __VA_ARGS__ }                                   \
    }
#define CAUGHT(model, end, ...)                                                                    \
    {                                                                                              \
        .name = model, .setup = setup, .expect = end, .thread = { __VA_ARGS__ }                    \
    }

static const ex_model models[] = {
    {.name = "sb.relaxed",
     .setup = setup,
     .thread = {sb_relaxed_seq_x, sb_relaxed_seq_y},
     .finish = not_both_blind,
     .expect = EX_CHECK},
    {.name = "sb.release",
     .setup = setup,
     .thread = {sb_release_seq_x, sb_release_seq_y},
     .finish = not_both_blind,
     .expect = EX_CHECK},
    {.name = "sb.seq_acquire",
     .setup = setup,
     .thread = {sb_seq_acquire_x, sb_seq_acquire_y},
     .finish = not_both_blind,
     .expect = EX_CHECK},
    {.name = "sb.seq",
     .setup = setup,
     .thread = {sb_seq_seq_x, sb_seq_seq_y},
     .finish = not_both_blind},
    HOLDS("mp", mp_release, mp_acquire),
    HOLDS("mp.plain", mp_release, mp_plain),
    CAUGHT("mp.store_relaxed", EX_CHECK, mp_relaxed, mp_acquire),
    CAUGHT("mp.store_relaxed_plain", EX_RACE, mp_relaxed_plain, mp_plain),
    CAUGHT("mp.load_relaxed", EX_RACE, mp_release, mp_plain_relaxed),
    CAUGHT("mp.sequence_ends", EX_RACE, mp_two_stores, mp_plain_second),
    HOLDS("mp.sequence_goes_on", mp_sequence, mp_plain_second),
    {.name = "dekker",
     .setup = setup,
     .thread = {dekker_light, dekker_heavy},
     .finish = not_both_blind,
     .membarrier = true},
    {.name = "dekker.no_barrier",
     .setup = setup,
     .thread = {dekker_light, dekker_no_barrier},
     .finish = not_both_blind,
     .membarrier = true,
     .expect = EX_CHECK},
    {.name = "dekker.no_fence",
     .setup = setup,
     .thread = {dekker_unfenced, dekker_heavy},
     .finish = not_both_blind,
     .membarrier = true,
     .expect = EX_CHECK},
    HOLDS("park", park, unpark),
    {.name = "park.spurious", .setup = setup, .thread = {park, unpark}, .spurious = 2},
    CAUGHT("park.naive", EX_DEADLOCK, park_naive, unpark_naive),
    {.name = "park.until", .setup = setup, .thread = {park_until, nothing}, .timeouts = 1},
    CAUGHT("park.until_never", EX_DEADLOCK, park_until, nothing),
    CAUGHT("race", EX_RACE, adds, adds),
    HOLDS("race.locked", adds_locked, adds_locked),
    CAUGHT("race.half_locked", EX_RACE, adds_locked, adds),
    HOLDS("race.trylock", adds_locked, adds_if_free),
    HOLDS("condition", waits_until_added, adds_and_tells),
    CAUGHT("condition.untold", EX_DEADLOCK, waits_until_added, adds_locked),
    {.name = "update.lost",
     .setup = setup,
     .thread = {loses, loses},
     .finish = both_counted,
     .expect = EX_CHECK},
    {.name = "update",
     .setup = setup,
     .thread = {adds_by_cas, adds_by_cas},
     .finish = both_counted},
    {.name = "update.seeds",
     .setup = setup,
     .thread = {adds_by_cas, adds_by_cas},
     .finish = both_counted,
     .seeds = 1000},
    {.name = "update.lost_seeds",
     .setup = setup,
     .thread = {loses, loses},
     .finish = both_counted,
     .expect = EX_CHECK,
     .seeds = 1000},
    {.name = "park.naive_seeds",
     .setup = setup,
     .thread = {park_naive, unpark_naive},
     .expect = EX_DEADLOCK,
     .seeds = 1000},
    CAUGHT("deadlock", EX_DEADLOCK, locks_one_way, locks_other_way),
    HOLDS("deadlock.none", locks_one_way, locks_one_way),
    HOLDS("frame", waits_in_its_frame, writes_and_tells),
    CAUGHT("frame.too_late", EX_RACE, waits_in_its_frame, tells_and_writes),
    HOLDS("spin", spins, sets),
    HOLDS("spin.three", spins, spins, sets),
    CAUGHT("spin.for_ever", EX_LIVELOCK, spins, spins_on_y),
    CAUGHT("spin.rudely", EX_LIVELOCK, spins_rudely, nothing),
};

int main(int argc, char **argv) {
    return ex_main(argc, argv, models, sizeof models / sizeof *models);
}
