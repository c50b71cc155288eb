/* What a supervisor keeps of a child. */
#include <criterion/criterion.h>
#include <string.h>

#include "actors/runtime.h"
#include "actors/supervisor_kid.h"
#include "test/support/exhaust.h"
#include "test/support/everywhere.h"
#include "test/support/family.h"
#include "test/support/stage.h"

TestSuite(supervisor_kid, .timeout = 60);

static const player a = {.id = "a"};

Simulated(supervisor_kid, it_is_a_copy_with_the_defaults_filled_in) {
    (void)stage_open(STAGE_SIMULATED);
    troupe_self parent = {.rt = stage_rt()};
    char id[] = "a", name[] = "name";
    const troupe_child child = {.id = id, .name = name, .what = &player_behaviour, .arg = &a};
    tr_kid *kid = tr_kid_make(&parent, &child);
    memset(id, 'x', sizeof id - 1);
    memset(name, 'x', sizeof name - 1);
    cr_assert_str_eq(kid->spec.id, "a");
    cr_assert_str_eq(kid->spec.name, "name");
    cr_assert_eq(kid->bond.id, kid->spec.id);
    cr_assert_eq(kid->bond.parent, &parent);
    cr_assert_eq(kid->spec.arg, &a);
    cr_assert_eq(kid->spec.shutdown_ms, 5000);
    cr_assert_eq(kid->state, TROUPE_CHILD_WAITING);
    tr_kid_free(kid, stage_rt()->heap);
    stage_close();
}

Everywhere(supervisor_kid, case_11_a_supervisor_has_forever_and_a_time_that_is_given_is_kept) {
    (void)stage_open(workers);
    troupe_self parent = {.rt = stage_rt()};
    troupe_child child = {.id = "s", .what = &troupe_supervisor};
    tr_kid *kid = tr_kid_make(&parent, &child);
    cr_assert_eq(kid->spec.shutdown_ms, TROUPE_FOREVER);
    cr_assert_null(kid->spec.name);
    tr_kid_free(kid, stage_rt()->heap);
    child.shutdown_ms = 7;
    kid = tr_kid_make(&parent, &child);
    cr_assert_eq(kid->spec.shutdown_ms, 7);
    tr_kid_free(kid, stage_rt()->heap);
    stage_close();
}

static troupe_err make(void *ctx) {
    tr_kid **kid = ctx;
    troupe_self parent = {.rt = stage_rt()};
    const troupe_child child = {.id = "a", .name = "name", .what = &player_behaviour};
    *kid = tr_kid_make(&parent, &child);
    return *kid ? TROUPE_OK : TROUPE_NOMEM;
}

static void unmake(void *ctx) {
    tr_kid_free(*(tr_kid **)ctx, stage_rt()->heap);
}

Simulated(supervisor_kid, without_memory_nothing_of_it_is_left) {
    (void)stage_open(STAGE_SIMULATED);
    tr_kid *kid;
    exhaust_call(stage_heap(), make, unmake, &kid);
    stage_close();
}
