/* One scene in many orders: by 200 seeds of the simulation, in the plain order, and on workers. */
#ifndef TROUPE_TEST_ORDERS_H
#define TROUPE_TEST_ORDERS_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "test/support/stage.h"

enum { ORDERS_SEEDS = 200 };

/* Plays a scene, which opens a stage with that many workers and closes it, in all these orders. */
static inline void in_all_orders(void (*scene)(unsigned workers)) {
    for (int seed = 1; seed <= ORDERS_SEEDS; seed++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", seed);
        cr_assert_eq(setenv("STAGE_SEED", text, 1), 0);
        scene(STAGE_SIMULATED);
    }
    cr_assert_eq(unsetenv("STAGE_SEED"), 0);
    scene(STAGE_SIMULATED);
    for (int i = 0; i < 5; i++) {
        scene(1);
        scene(4);
    }
}

#endif
