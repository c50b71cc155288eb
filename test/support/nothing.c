#include "test/support/nothing.h"

#include <criterion/criterion.h>
#include <troupe/link.h>

#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

static const player ann = {.id = "ann"};

struct nothing nothing;

void nothing_done(void *ctx) {
    (void)ctx;
}

void nothing_outside(void (*act)(void *ctx)) {
    nothing.rt = stage_open(TROUPE_STEPPED);
    nothing.who = stage_enter(&ann);
    cr_assert_eq(troupe_register(nothing.rt, nothing.who, "ann"), TROUPE_OK);
    nothing.msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    exhaust_nothing(stage_heap(), act, NULL);
    troupe_drop(&nothing.msg);
    (void)stage_run();
    stage_close();
}

static void (*scene)(void *ctx);

static troupe_err play(troupe_self *self, void *state, troupe_msg **msg) {
    (void)state;
    if (!troupe_as(*msg, &cue_type)) return TROUPE_OK;
    nothing.self = self;
    nothing.msg = cue_make(CUE_SAY, 2, TROUPE_NOBODY);
    cr_assert_eq(troupe_monitor(self, nothing.who, &nothing.monitor), TROUPE_OK);
    cr_assert_eq(troupe_link(self, nothing.who), TROUPE_OK);
    cr_assert_eq(troupe_send_after(self, 5, nothing.who, &nothing.msg, &nothing.timer), TROUPE_OK);
    troupe_msg *keyed = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
    cr_assert_eq(troupe_set_timer(self, 7, 60000, 0, &keyed), TROUPE_OK);
    keyed = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
    cr_assert_eq(troupe_receive_timeout(self, 60000, &keyed), TROUPE_OK);
    nothing.memory = troupe_alloc(self, 10);
    cr_assert_eq(troupe_defer(self, nothing_done, NULL), TROUPE_OK);
    nothing.msg = *msg;
    (void)troupe_sender(self); /* else who asked would hear BROKEN, and not TIMEOUT */
    exhaust_nothing(stage_heap(), scene, NULL);
    *msg = nothing.msg;
    return TROUPE_OK;
}

troupe_err nothing_inside(void (*act)(void *ctx)) {
    static const troupe_behaviour actor = {.name = "actor", .receive = play};
    troupe_ref actor_ref;
    scene = act;
    nothing.rt = stage_open(TROUPE_STEPPED);
    nothing.who = stage_enter(&ann);
    cr_assert_eq(troupe_spawn(nothing.rt, &actor, NULL, &actor_ref), TROUPE_OK);
    troupe_msg *msg = cue_make(CUE_SAY, 1, TROUPE_NOBODY);
    troupe_err err = troupe_ask(nothing.rt, actor_ref, &msg, 10000);
    troupe_drop(&msg);
    stage_advance(6);
    stage_close();
    return err;
}
