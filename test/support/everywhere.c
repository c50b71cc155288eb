#include "test/support/everywhere.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/support/stage.h"

/* A number that is asked for by an environment variable. */
static unsigned long asked(const char *name, unsigned long otherwise) {
    const char *text = getenv(name);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

static unsigned long first_seed(void) {
    return asked("STAGE_FIRST", 1);
}

static unsigned long last_seed(void) {
    return first_seed() + asked("STAGE_SEEDS", 200) - 1;
}

void let_pass(unsigned ms) {
    if (stage_is_stepped()) stage_advance(ms);
}

/* From here on stages are of that seed; 0: in the plain order. */
static void set_seed(unsigned long seed) {
    char text[24];
    (void)snprintf(text, sizeof text, "%lu", seed);
    cr_assert_eq(seed ? setenv("STAGE_SEED", text, 1) : unsetenv("STAGE_SEED"), 0);
}

void everywhere(void (*scene)(unsigned workers)) {
    scene(STAGE_SIMULATED);
    if (getenv("STAGE_SEED")) return; /* only that order is asked for */
    for (unsigned long seed = first_seed(); seed <= last_seed(); seed++) {
        set_seed(seed);
        scene(STAGE_SIMULATED);
    }
    set_seed(0);
    scene(1);
    scene(4);
}

void in_simulations(void (*scene)(void)) {
    scene();
    if (getenv("STAGE_SEED")) return;
    for (unsigned long seed = first_seed(); seed <= last_seed(); seed++) {
        set_seed(seed);
        scene();
    }
    set_seed(0);
}
