/* Worker-local values: all their memory is taken when they are opened. */
#include <criterion/criterion.h>
#include <troupe/local.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

static troupe_local *local;
static troupe_self *actor;

static troupe_err open_it(void *ctx) {
    (void)ctx;
    local = NULL;
    troupe_err err = troupe_local_open(stage_rt(), 8, &local);
    cr_assert_eq(local == NULL, err != TROUPE_OK);
    return err;
}

static void close_it(void *ctx) {
    (void)ctx;
    troupe_local_close(&local);
}

Test(oom, troupe_local_open) {
    (void)stage_open(TROUPE_STEPPED);
    exhaust_call(stage_heap(), open_it, close_it, NULL);
    stage_close();
}

static void use(void *ctx) {
    (void)ctx;
    cr_assert_not_null(troupe_local_mine(actor, local));
    cr_assert_not_null(troupe_local_next(local, NULL));
    troupe_local_add(actor, local, 0, 5);
    cr_assert_eq(troupe_local_sum(local, 0), 5);
    troupe_local_close(&local);
}

static troupe_err receive(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    (void)msg;
    actor = self;
    exhaust_nothing(stage_heap(), use, NULL);
    stage_say("used");
    return TROUPE_OK;
}

static void use_without_memory(void) {
    static const troupe_behaviour user = {.name = "user", .receive = receive};
    troupe_ref who;
    (void)stage_open(TROUPE_STEPPED);
    cr_assert_eq(open_it(NULL), TROUPE_OK);
    cr_assert_eq(troupe_spawn(stage_rt(), &user, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 1);
    stage_expect("used");
    stage_close();
}

Test(takes_nothing, troupe_local_mine) {
    use_without_memory();
}

Test(takes_nothing, troupe_local_next) {
    use_without_memory();
}

Test(takes_nothing, troupe_local_add) {
    use_without_memory();
}

Test(takes_nothing, troupe_local_sum) {
    use_without_memory();
}

Test(takes_nothing, troupe_local_close) {
    use_without_memory();
}
