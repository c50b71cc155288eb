/* Memory that runs out when a timer is set, when a periodic one comes, or when a message is shared.
 * */
#include <criterion/criterion.h>

#include "actors/runtime.h"
#include "test/support/exhaust.h"
#include "test/support/player.h"
#include "test/support/stage.h"

static void (*scene)(troupe_self *self);
static unsigned heard;

/* Plays the scene at the first message, and counts what comes then. */
static troupe_err play(troupe_self *self, void *state, troupe_msg **msg) {
    bool *played = state;
    heard += *played && troupe_as(*msg, &cue_type);
    if (!*played) scene(self);
    *played = true;
    return TROUPE_OK;
}

/* Has an actor on a new stage play a scene; the stage is the caller's to close. */
static troupe_ref as_actor(void (*what)(troupe_self *self)) {
    static const troupe_behaviour actor = {.receive = play, .state_size = sizeof(bool)};
    troupe_ref who;
    scene = what;
    heard = 0;
    troupe *rt = stage_open(STAGE_SIMULATED);
    cr_assert_eq(troupe_spawn(rt, &actor, NULL, &who), TROUPE_OK);
    cue(who, CUE_SAY, 0);
    (void)stage_run();
    return who;
}

struct later {
    troupe_self *self;
    troupe_msg *msg;
    troupe_timer timer;
    uint64_t key;
};

static void make_later(void *ctx) {
    ((struct later *)ctx)->msg = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
}

/* What a call that was refused must have left, and what one that was not must have taken. */
static troupe_err judge(const struct later *later, const troupe_msg *before, troupe_err err) {
    cr_assert_eq(later->msg, err ? before : NULL);
    if (err) cr_assert_eq(cue_n(later->msg), 3);
    return err;
}

static troupe_err send_every(void *ctx) {
    struct later *later = ctx;
    const troupe_msg *before = later->msg;
    return judge(
        later, before,
        troupe_send_every(later->self, 5, troupe_me(later->self), &later->msg, &later->timer));
}

static void cancel_and_make(void *ctx) {
    struct later *later = ctx;
    cr_assert_eq(troupe_cancel(later->self, later->timer), TROUPE_OK);
    make_later(ctx);
}

static troupe_err set_timer(void *ctx) {
    struct later *later = ctx;
    const troupe_msg *before = later->msg;
    return judge(later, before, troupe_set_timer(later->self, later->key, 5, 0, &later->msg));
}

/* Each under a key of its own, so that the maps are what they were. */
static void end_and_make(void *ctx) {
    struct later *later = ctx;
    cr_assert_eq(troupe_end_timer(later->self, later->key), TROUPE_OK);
    make_later(ctx);
}

static troupe_err receive_timeout(void *ctx) {
    struct later *later = ctx;
    const troupe_msg *before = later->msg;
    return judge(later, before, troupe_receive_timeout(later->self, 5, &later->msg));
}

static void be_heard_and_make(void *ctx) {
    struct later *later = ctx;
    cr_assert_eq(troupe_end_receive_timeout(later->self), TROUPE_OK);
    make_later(ctx);
}

static void try(troupe_self *self, troupe_err (*call)(void *ctx), void (*undo)(void *ctx)) {
    struct later later = {.self = self};
    make_later(&later);
    exhaust_call(stage_heap(), call, undo, &later);
    troupe_drop(&later.msg);
}

static void try_every(troupe_self *self) {
    try(self, send_every, cancel_and_make);
}

static void try_set(troupe_self *self) {
    try(self, set_timer, end_and_make);
}

static void try_silence(troupe_self *self) {
    try(self, receive_timeout, be_heard_and_make);
}

static void nothing_comes(void (*what)(troupe_self *self)) {
    (void)as_actor(what);
    stage_advance(20);
    cr_assert_eq(heard, 0);
    cr_assert_eq(stage_rt()->timers.by_id.count, 0);
    stage_close();
}

Test(oom, troupe_send_every) {
    nothing_comes(try_every);
}

Test(oom, troupe_set_timer) {
    nothing_comes(try_set);
}

Test(oom, troupe_receive_timeout) {
    nothing_comes(try_silence);
}

static void set_once(troupe_self *self) {
    troupe_msg *msg = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
    cr_assert_eq(troupe_set_timer(self, 1, 5, 0, &msg), TROUPE_OK);
}

static troupe_err replace(void *ctx) {
    struct later *later = ctx;
    const troupe_msg *before = later->msg;
    const size_t timers = stage_rt()->timers.by_id.count;
    troupe_err err = troupe_set_timer(later->self, 1, 50, 0, &later->msg);
    cr_assert_eq(stage_rt()->timers.by_id.count, timers, "the old one, or the new one");
    return judge(later, before, err);
}

static void try_replace(troupe_self *self) {
    struct later later = {.self = self};
    set_once(self);
    make_later(&later);
    cr_assert_eq(replace(&later), TROUPE_OK); /* so that there is room for two */
    set_once(self);
    for (exhaust x = {0}; exhaust_next(&x);) {
        make_later(&later);
        exhaust_from(&x, stage_heap());
        troupe_err err = replace(&later);
        cr_assert_eq(err, exhaust_to(&x) ? TROUPE_NOMEM : TROUPE_OK);
        troupe_drop(&later.msg);
        if (!err) set_once(self);
    }
}

/* Who can't replace a timer has the old one still. */
Test(oom, a_timer_that_can_not_be_replaced) {
    (void)as_actor(try_replace);
    stage_advance(5);
    cr_assert_eq(heard, 1);
    stage_advance(60);
    cr_assert_eq(heard, 1);
    stage_close();
}

static void every_5(troupe_self *self) {
    troupe_msg *msg = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
    cr_assert_eq(troupe_send_every(self, 5, troupe_me(self), &msg, NULL), TROUPE_OK);
}

/* A period without memory is missed, and nothing else. */
Test(oom, a_period) {
    for (exhaust x = {0}; exhaust_next(&x);) {
        (void)as_actor(every_5);
        exhaust_from(&x, stage_heap());
        stage_advance(5);
        bool refused = exhaust_to(&x);
        cr_assert_eq(heard, refused ? 0 : 1);
        stage_advance(10);
        cr_assert_eq(heard, refused ? 2 : 3);
        stage_close();
    }
}

/* --- Sharing ---------------------------------------------------------------------------------- */

static troupe_msg *shared[2];

static troupe_err share(void *ctx) {
    (void)ctx;
    const troupe_msg *before = shared[0];
    troupe_err err = troupe_share(stage_rt(), &shared[0], &shared[1]);
    cr_assert_eq(shared[1] == NULL, err != TROUPE_OK);
    if (err) cr_assert_eq(shared[0], before);
    cr_assert_eq(cue_n(shared[0]), 3);
    return err;
}

static void drop_both(void *ctx) {
    (void)ctx;
    troupe_drop(&shared[0]);
    cr_assert_eq(cue_n(shared[1]), 3);
    troupe_drop(&shared[1]);
    shared[0] = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
}

Test(oom, troupe_share) {
    (void)stage_open(STAGE_SIMULATED);
    shared[0] = cue_make(CUE_SAY, 3, TROUPE_NOBODY);
    exhaust_call(stage_heap(), share, drop_both, NULL);
    troupe_drop(&shared[0]);
    stage_close();
}
