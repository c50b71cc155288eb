#include "test/support/everywhere.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/support/stage.h"

enum { SEEDS = 200 };

void let_pass(unsigned ms) {
    if (stage_is_stepped()) stage_advance(ms);
}

void everywhere(void (*scene)(unsigned workers)) {
    char text[16];
    scene(STAGE_SIMULATED);
    if (getenv("STAGE_SEED")) return; /* only that order is asked for */
    for (int seed = 1; seed <= SEEDS; seed++) {
        (void)snprintf(text, sizeof text, "%d", seed);
        cr_assert_eq(setenv("STAGE_SEED", text, 1), 0);
        scene(STAGE_SIMULATED);
    }
    cr_assert_eq(unsetenv("STAGE_SEED"), 0);
    scene(1);
    scene(4);
}
