/* What a node remembers of the messages that another one redelivers. */
#include "transport/heard.h"

#include <criterion/criterion.h>

#include "test/support/stage.h"

TestSuite(heard, .timeout = 60);

static troupe_err ignore(troupe_self *self, void *state, troupe_msg **msg) {
    (void)self, (void)state, (void)msg;
    return TROUPE_OK;
}
static const troupe_behaviour idler = {.name = "idler", .receive = ignore};

static troupe_ref idle(void) {
    troupe_ref who;
    cr_assert_eq(troupe_spawn(stage_rt(), &idler, NULL, &who), TROUPE_OK);
    return who;
}

Test(heard, the_last_of_each_actor_is_remembered) {
    tr_heard heard;
    (void)stage_open(STAGE_SIMULATED);
    tr_heard_init(&heard, stage_rt(), 7, "peer");
    cr_assert_null(tr_heard_last(&heard, 1));
    for (uint64_t id = 1; id <= 3; id++) {
        cr_assert(tr_heard_know(&heard, id));
        cr_assert_eq(*tr_heard_last(&heard, id), 0u);
        *tr_heard_last(&heard, id) = 10 * id;
    }
    cr_assert(tr_heard_know(&heard, 2));
    for (uint64_t id = 1; id <= 3; id++) cr_assert_eq(*tr_heard_last(&heard, id), 10 * id);
    tr_heard_fini(&heard);
    stage_close();
}

Test(heard, actors_that_have_ended_are_forgotten) {
    enum { MANY = 5000 };
    tr_heard heard;
    (void)stage_open(STAGE_SIMULATED);
    tr_heard_init(&heard, stage_rt(), 7, "peer");
    troupe_ref lives = idle();
    cr_assert(tr_heard_know(&heard, lives.id));
    *tr_heard_last(&heard, lives.id) = 5;
    for (int i = 0; i < MANY; i++) {
        troupe_ref who = idle();
        cr_assert(tr_heard_know(&heard, who.id));
        cr_assert_eq(troupe_kill(stage_rt(), who), TROUPE_OK);
        (void)stage_run();
    }
    cr_assert_lt(heard.by_target.count, (size_t)MANY / 2);
    cr_assert_eq(*tr_heard_last(&heard, lives.id), 5u);
    tr_heard_fini(&heard);
    stage_close();
}

Test(heard, without_memory_nobody_is_known) {
    tr_heard heard;
    (void)stage_open(STAGE_SIMULATED);
    tr_heard_init(&heard, stage_rt(), 7, "peer");
    for (size_t nth = 1; nth <= 2; nth++) {
        counting_heap_fail(stage_heap(), nth, 0);
        cr_assert_not(tr_heard_know(&heard, 1));
        counting_heap_fail(stage_heap(), 0, 0);
        cr_assert_null(tr_heard_last(&heard, 1));
    }
    cr_assert(tr_heard_know(&heard, 1));
    tr_heard_fini(&heard);
    stage_close();
}
