/* Cases that hold wherever they are played: in a simulation in the plain order and in those of many
 * seeds, on one worker, and on four. */
#ifndef TROUPE_TEST_EVERYWHERE_H
#define TROUPE_TEST_EVERYWHERE_H

#include <criterion/criterion.h>

/* Plays a scene in all of these. The seeds are STAGE_SEEDS (200) from STAGE_FIRST (1) on, or just
 * STAGE_SEED. It opens a stage with that number and closes it; what it expects
 * must leave free what the order may decide. */
void everywhere(void (*scene)(unsigned workers));

/* A test that is such a scene: `Everywhere(suite, name) { stage_open(workers); ... }`. */
#define Everywhere(suite, name)                                                                    \
    static void name(unsigned workers);                                                            \
    Test(suite, name) {                                                                            \
        everywhere(name);                                                                          \
    }                                                                                              \
    static void name(unsigned workers)

/* Plays a scene in simulations only: in the plain order and in those of the seeds. It opens a stage
 * with STAGE_SIMULATED and closes it. */
void in_simulations(void (*scene)(void));

/* A test that is such a scene: `Simulated(suite, name) { stage_open(STAGE_SIMULATED); ... }`. */
#define Simulated(suite, name)                                                                     \
    static void name(void);                                                                        \
    Test(suite, name) {                                                                            \
        in_simulations(name);                                                                      \
    }                                                                                              \
    static void name(void)

/* Lets that much time pass: at once in a stepped runtime; with workers it passes by itself, and who
 * needs it to have passed waits for what it brings. */
void let_pass(unsigned ms);

#endif
